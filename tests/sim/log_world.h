/* One log on a simulated disk, with the process around it: started, killed, buried, started again.
 */
#ifndef SIM_LOG_WORLD_H
#define SIM_LOG_WORLD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/logger.h"
#include "base/mem.h"
#include "broker/log/log_internal.h"
#include "kafka/batch.h"
#include "sim.h"

struct log_world {
    struct sim *sim;
    struct sim_node *node;
    struct env *env;
    struct logger logger;
    struct buf lines; /* what was logged */
    struct buf problem;
    struct log_manager *manager;
    struct log *log;
    struct log_config config;
    struct log_manager_config manager_config;
    struct uuid topic_id;
    void (*on_open)(void *data); /* called on the loop when the log is there */
    void *data;
    uint64_t seed;
    int err; /* of the last start */
    bool opened;
    bool down;
};

void log_world_init(struct log_world *w, uint64_t seed, void (*on_open)(void *data), void *data);
void log_world_close(struct log_world *w);
/* Starts the process, and waits until the log is open, the start has failed (w->err), or the node
 * is down. Prints and ends the test when it takes a minute. */
void log_world_boot(struct log_world *w);
/* After a kill: frees what the process left, and makes the node ready. */
void log_world_bury(struct log_world *w);
/* A clean shutdown, then a kill. */
void log_world_shut_down(struct log_world *w);

#endif
