/* A deterministic world for a whole cluster: virtual clock, network and disks behind env.h.
 *
 * Everything runs in one thread and everything that happens by chance comes from one seed, so a run
 * can be repeated from its seed alone. A test driver makes nodes (hosts with a disk), makes envs on
 * them (a process has one for each of its loops), hands the envs to the code under test, and steps.
 *
 * Rules for drivers:
 * - Faults and sim_free are called between steps, never from a callback of the code under test.
 * - A killed process leaves its memory behind. Its envs are dead: they call nobody any more, and
 *   every env_* call on them or their objects is harmless (reads and writes report ERR_CLOSED,
 * closes free the memory, timers don't start). So the driver may free the process's own structs,
 * with the functions that it would use anyway, at any time after the kill and before sim_free.
 * - Jobs of env_work_submit that were not done at the kill stay undone; who wants their memory back
 *   calls sim_env_reap first.
 * - sim_free closes and frees every object of env.h that is left. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "env/env.h"

struct sim;
struct sim_node;

enum { SIM_NODES_MAX = 16 };

/* ---- the world ---- */

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *sim);

/* Runs the next event. False when nothing is left to happen. */
bool sim_step(struct sim *sim);
/* Steps until reached(data), which is asked after each step; false when the virtual time passes
 * `deadline_us` (of sim_now_us) or nothing is left to happen. */
bool sim_run_until(struct sim *sim, bool (*reached)(void *data), void *data, int64_t deadline_us);
/* Steps through the next `duration_us`; the clock stands there afterwards. */
void sim_run_for(struct sim *sim, int64_t duration_us);

/* Virtual microseconds since sim_new; the clocks of env have other zeros. */
int64_t sim_now_us(const struct sim *sim);
/* Events run so far. */
uint64_t sim_steps(const struct sim *sim);
/* The node at which the last step did something; NULL when it did nothing yet (the event was put
 * off). What stands at other nodes has not changed. */
struct sim_node *sim_last_node(const struct sim *sim);
/* A digest of every event that was run: when, what, at which node, and the bytes it moved. Two runs
 * from one seed that differ here differ in what they did: something drew on the real world. */
uint64_t sim_trace_hash(const struct sim *sim);
/* A random number of the driver's own series, which the code under test can't disturb. */
uint64_t sim_random(struct sim *sim);
/* Calls fn with a line for each event, for debugging; NULL switches it off. */
void sim_set_trace(struct sim *sim, void (*fn)(void *data, const char *line), void *data);

/* ---- nodes ---- */

/* A host with an empty disk. It is reached as `name`, as sim_node_address (10.0.0.N), and by itself
 * also as "localhost" and "127.0.0.1". */
struct sim_node *sim_node_new(struct sim *sim, const char *name);
const char *sim_node_name(const struct sim_node *node);
const char *sim_node_address(const struct sim_node *node);
/* A loop on the node, in place of env_new. Lives until sim_free. */
struct env *sim_env_new(struct sim_node *node);
/* Whether env_stop was called on it. */
bool sim_env_stopped(const struct env *env);
/* On a dead env: runs and ends the jobs that were waiting, with every disk call failing. */
void sim_env_reap(struct env *env);

/* The process dies as by kill -9: its envs are dead, its locks are free, its peers see the end or a
 * reset a little later, and dials are refused until something listens again. What it wrote to files
 * stays (the page cache outlives it). */
void sim_node_kill(struct sim_node *node);
/* The same, and the machine loses power: what was not made durable by env_file_sync and
 * env_dir_sync is gone, except that by chance a part of it survives, cut at 512 bytes. */
void sim_node_kill_power(struct sim_node *node);
/* Ready for new envs on the same disk after a kill; the monotonic clock starts somewhere else. */
void sim_node_restart(struct sim_node *node);
/* No env of it is alive. */
bool sim_node_is_down(const struct sim_node *node);
/* The process does nothing for a while (SIGSTOP, a stalled machine); its kernel still acknowledges.
 */
void sim_node_pause(struct sim_node *node, int64_t duration_us);
/* Sets the wall clock off from true time; each node starts up to half a second wrong. */
void sim_node_set_wall_offset(struct sim_node *node, int64_t offset_ms);

/* In each event of the node the k-th allocation that may fail does, until one has; 0 switches it
 * off. */
void sim_node_fail_memory(struct sim_node *node, uint64_t k);

/* ---- network faults ---- */

/* What travels from `from` to `to` is held back, silently; with both_ways also the other direction.
 * Established connections stay up, dials time out. */
void sim_cut(struct sim *sim, struct sim_node *from, struct sim_node *to, bool both_ways);
/* Undoes cuts in both directions; what was held back comes in the next 400 ms (retransmission). */
void sim_heal(struct sim *sim, struct sim_node *a, struct sim_node *b);
void sim_heal_all(struct sim *sim);
/* All cuts between `node` and the others. */
void sim_isolate(struct sim *sim, struct sim_node *node);
/* One-way delay of a message: uniform between min and max, and now and then (spike_per_mille) up to
 * spike_us more. The default is 50 to 500 us, 5 per mille, 10 ms. */
void sim_set_latency(struct sim *sim, int64_t min_us, int64_t max_us, int spike_per_mille,
                     int64_t spike_us);

/* ---- disk faults ---- */

/* While full, nothing grows and nothing is created: ERR_NO_SPACE. */
void sim_node_disk_full(struct sim_node *node, bool full);
/* Somebody else fills the disk or makes room on it: `bytes` are left now. Ends with
 * sim_node_disk_full. */
void sim_node_disk_left(struct sim_node *node, int64_t bytes);
/* The next env_file_sync of the node fails with ERR_IO and, as on Linux, what it should have made
 * durable will not become durable by a later one. */
void sim_disk_fail_sync(struct sim_node *node);
/* The n-th disk call from now (1 = the next) fails with ERR_IO; 0 switches it off. */
void sim_disk_fail_at(struct sim_node *node, uint64_t n);
enum sim_disk_kind {
    SIM_DISK_OPEN = 1,
    SIM_DISK_READ = 2, /* reading, listing, asking for a size */
    SIM_DISK_WRITE = 4,
    SIM_DISK_SYNC = 8,
    SIM_DISK_NAME = 16, /* creating, renaming, removing */
    SIM_DISK_ANY = 31
};
/* Of the calls of these kinds, `count` from the n-th on fail with `err`. */
void sim_disk_fail(struct sim_node *node, unsigned kinds, uint64_t n, uint64_t count, int err);
/* A filesystem without a journal: at a power loss any of the names that no env_dir_sync made
 * durable survive, not a beginning of them. */
void sim_disk_set_unordered(struct sim_node *node, bool unordered);
/* How long a call of a job takes at most, 20 us by default. */
void sim_disk_set_call_us(struct sim_node *node, int64_t max_us);
/* Power fails during the n-th changing disk call from now: it is torn, no later one and no byte to
 * the network takes effect, and after the step sim_node_is_down. 0 switches it off. */
void sim_disk_crash_at(struct sim_node *node, uint64_t n);
/* Whether a fault of its disk or memory that was asked for has still to happen, or goes on. */
bool sim_node_is_faulty(const struct sim_node *node);
/* Between true and false disk calls are a checker's: they meet no fault and take no time. */
void sim_disk_look(struct sim *sim, bool looking);
/* How long a sync takes, 50 to 2000 us by default. */
void sim_disk_set_sync_us(struct sim_node *node, int64_t min_us, int64_t max_us);
/* Inverts a byte of a file, durably. ERR_NOT_FOUND, ERR_EOF. */
int sim_disk_flip(struct sim_node *node, const char *path, uint64_t offset) MUST_CHECK;
/* What a person does to the disk of a node that is down, durably and with what is below: removes a
 * path, makes an empty directory, or puts a copy in place of what is there. ERR_NOT_FOUND,
 * ERR_INVALID. */
int sim_disk_remove(struct sim_node *node, const char *path) MUST_CHECK;
int sim_disk_make(struct sim_node *node, const char *path) MUST_CHECK;
int sim_disk_copy_tree(struct sim_node *node, const char *from, const char *to) MUST_CHECK;
/* The same: two nodes have each other's. */
int sim_disk_swap(struct sim_node *a, struct sim_node *b, const char *path) MUST_CHECK;
/* What processes are told to be the limit of open files (env_files_limit). It only tells. */
void sim_disk_set_files_limit(struct sim_node *node, int64_t limit);
/* Calls fn for each name in a directory; fn may remove it. */
int sim_disk_each(struct sim_node *node, const char *path, void (*fn)(void *data, const char *name),
                  void *data) MUST_CHECK;
/* Nothing that the files have now is in memory any more: who reads it waits `us` for it the first
 * time, once in a call. 0 ends that, and forgets for how long loops stood still. */
void sim_disk_chill(struct sim_node *node, int64_t us);
/* The longest time for which a loop of the node stood still for its disk in one event since the
 * last sim_disk_chill. */
int64_t sim_disk_stood_us(const struct sim_node *node);
/* Reads that waited since then, of loops and of workers. */
uint64_t sim_disk_cold_reads(const struct sim_node *node);
/* Disk calls that change something so far (the n of sim_disk_crash_at counts these). */
uint64_t sim_disk_changes(const struct sim_node *node);

#endif
