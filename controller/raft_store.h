/* What Raft remembers, in the files of one directory: the log, the term and the vote, the newest
 * snapshot. Knows nothing of Raft's rules.
 *
 *   lock                held while the directory is in use
 *   vote                term and vote: two slots, written in turn, the newer valid one counts
 *   log-<number>        segments; each a row of records, eight-byte aligned (raft_store_record.h)
 *   snapshot            replaced in one step
 *   reached             how far the log was durable at the last start, stop, or 64 KiB ago: a log
 *                       that ends before it was cut by somebody, at whatever record
 *
 * Everything that changes the log is a record: an entry, "cut from index i on" (truncate), "all of
 * it is void" (install). So the order of calls is the order in the file, and replaying the records
 * gives the log. All changes go through one queue; what gathers while a write runs joins the next
 * one, with one sync for all.
 *
 * Each record says up to where the log was durable when it was written. A bad record that a later
 * one relies on is corruption, and the start is refused; a bad record that none relies on is the
 * torn tail of a write that was never confirmed, and is cut.
 *
 * Any disk error is final: `failed` is called once with a sentence, and nothing more happens, no
 * callback either. (The caller ends the process: the state of the disk is not known any more.) */
#ifndef CONTROLLER_RAFT_STORE_H
#define CONTROLLER_RAFT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/logger.h"
#include "env/env.h"

/* What to do about a lost or damaged directory. An empty one is no remedy: a voter that forgets
 * what it has confirmed can let the quorum elect a leader without it. */
#define RAFT_STORE_REMEDY                                                                          \
    "Bring the directory back as it was. If it is lost and the other voters have an active "       \
    "controller (kafka-metadata-quorum.sh describe --status), stop that one, copy its controller " \
    "directory to this place, and start both. Never start this voter with an empty directory or "  \
    "an older copy: the quorum could lose what this voter has confirmed"

struct raft_store;

struct raft_store_entry {
    uint64_t term;
    uint8_t type; /* Raft's number, 1..3; not interpreted */
    const void *data;
    size_t len;
};

struct raft_store_snapshot {
    uint64_t index;
    uint64_t term;
    uint64_t conf_index;
    const void *conf;
    size_t conf_len;
    const void *data;
    size_t data_len;
};

/* What was found on disk. Without a snapshot the log starts at 1; with one the log is empty and
 * starts behind it, or reaches at least to it. */
struct raft_store_state {
    uint64_t term;
    uint64_t vote;
    bool has_snapshot;
    struct raft_store_snapshot snapshot;
    uint64_t start_index; /* of entries[0], or of the next one */
    struct raft_store_entry *entries;
    size_t count;
};

/* Opens the directory (made if absent) and loads it. ERR_LOCKED, ERR_CORRUPT, ERR_IO, ...;
 * `problem` gets a sentence that names the file and the remedy. */
int raft_store_open(struct env *env, struct logger *logger, const char *dir,
                    void (*failed)(void *data, const char *sentence), void *data,
                    struct buf *problem, struct raft_store **store) MUST_CHECK;
/* Borrowed until raft_store_forget, which frees that memory (the log keeps no entries itself). */
const struct raft_store_state *raft_store_state(const struct raft_store *store);
void raft_store_forget(struct raft_store *store);
const char *raft_store_dir(const struct raft_store *store);
/* Nothing was ever stored. */
bool raft_store_fresh(const struct raft_store *store);
/* Stores entry 1 of a fresh log, durable on return; its term becomes the current one. Before it
 * nothing else may be stored: a term without entry 1 means that the log was lost, and
 * raft_store_open refuses it (ERR_CORRUPT). */
int raft_store_bootstrap(struct raft_store *store, const struct raft_store_entry *entry) MUST_CHECK;

/* Durable on return. raft_store_set_term also sets the vote to 0. */
int raft_store_set_term(struct raft_store *store, uint64_t term) MUST_CHECK;
/* Both before Raft loads the state, which then has them. */
int raft_store_raise_term(struct raft_store *store, uint64_t term, uint64_t vote) MUST_CHECK;
int raft_store_set_vote(struct raft_store *store, uint64_t vote) MUST_CHECK;

/* Appends at the next index. Entries and data stay readable until the callback, which means
 * durable; callbacks come in the order of calls. The array itself is copied. */
void raft_store_append(struct raft_store *store, const struct raft_store_entry *entries,
                       size_t count, void (*done)(void *data), void *data);
/* Forgets the entry at `index` and all above. */
void raft_store_truncate(struct raft_store *store, uint64_t index);
/* Replaces snapshot and log; the next entry is snapshot->index + 1. What the snapshot points to
 * stays readable until the callback. */
void raft_store_install(struct raft_store *store, const struct raft_store_snapshot *snapshot,
                        void (*done)(void *data), void *data);
/* Replaces the snapshot beside appends that go on; segments with entries up to `drop_to` only are
 * removed then. As above. One at a time. `err` is 0, or an error of env_is_later: then nothing was
 * removed, and a later snapshot takes the place of this one. */
void raft_store_save(struct raft_store *store, const struct raft_store_snapshot *snapshot,
                     uint64_t drop_to, void (*done)(void *data, int err), void *data);
/* Reads the newest snapshot; its memory is gone when the callback returns. NULL when it can't be
 * read now, for want of descriptors or memory. */
void raft_store_read_snapshot(struct raft_store *store,
                              void (*done)(void *data, const struct raft_store_snapshot *snapshot),
                              void *data);
/* Appends and installs whose callback has not come yet. */
size_t raft_store_unfinished(const struct raft_store *store);

/* Finishes everything that is queued, with its callbacks, then calls `done` (from the loop). */
void raft_store_close(struct raft_store *store, void (*done)(void *data), void *data);
/* Frees. Without raft_store_close nothing that was queued calls back any more. */
void raft_store_free(struct raft_store *store);

#endif
