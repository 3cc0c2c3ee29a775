/* A state machine that is replicated through one partition which this broker leads: what every
 * coordinator is, whatever it coordinates.
 *
 *                          +--> RETRYING
 *      leader              v
 *        ---> CLOSED --> LOADING --> LOADED --> ACTIVE
 *               ^                                 |
 *               +---- RELOADING <-- read again ---+   (machine_reload)
 *
 * From each it may be closed.
 *
 * What changes is written here first and answered when it is replicated. Operations finish in the
 * order of their appends, so what they change in memory follows the order of the log.
 *
 * The machine knows bytes: batches, records with a key and a value, and who waits for which append.
 * What a record means, what is in memory and who is answered in which words is its client's, who
 * embeds it and gives it a table of callbacks. */
#ifndef BROKER_COORDINATOR_MACHINE_H
#define BROKER_COORDINATOR_MACHINE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/logger.h"
#include "broker/coordinator/coordinator_log.h"
#include "broker/coordinator/records.h"
#include "env/env.h"
#include "kafka/batch.h"
#include "kafka/txn_marker.h"

struct machine;

/* What only the client knows. */
struct machine_client {
    const char *what; /* is in the partition: "groups", for the log lines */
    /* What its clients are told of a record that the topic has no room for. */
    int too_large_err;
    /* One record of the log, borrowed: of a batch that was loaded, or of a machine_write that is
     * replicated. Also control records: see the batch. Values are read by machine_read_value. */
    void (*replay)(struct machine *machine, const struct batch *batch, const struct record *record);
    /* Everything was read, and is replicated: the client gets ready, in turns of the loop if that
     * takes long, and calls machine_serve. */
    void (*loaded)(struct machine *machine);
    /* The machine serves no more: its partition is lost, or will be read again. Operations that are
     * on their way end later. */
    void (*lost)(struct machine *machine);
    /* Nothing of the partition stays in memory; whoever waits inside of it is told `err`. Comes
     * after the operations have ended, and when a load failed. */
    void (*forget)(struct machine *machine, int err);
};

/* Borrowed, and outlives the machines: one for all partitions of a topic. */
struct machine_deps {
    struct env *env;
    struct logger *logger;
    const char *topic;
    const struct coordinator_log_ops *log;
    void *log_data;
    const struct machine_client *client;
};

enum machine_state {
    MACHINE_CLOSED,    /* before it begins, and from its end on: nothing is appended */
    MACHINE_LOADING,   /* the log has been asked */
    MACHINE_LOADED,    /* everything was read; the client gets ready */
    MACHINE_RETRYING,  /* the log could not be read: soon again */
    MACHINE_ACTIVE,    /* it serves */
    MACHINE_RELOADING, /* lost: it ends in a moment, and is read again */
    MACHINE_STATES
};

/* Embedded by the client, who may read it. */
struct machine {
    const struct machine_deps *deps;
    int32_t index; /* of the partition */
    enum machine_state state;
    struct list ops; /* struct machine_op, in the order of their appends */
    int last_err;    /* of the newest append that has ended */
    struct coordinator_log_load load;
    bool unsure;  /* a write failed after it was appended: the log may have what memory has not */
    bool starved; /* memory was out while a record was replayed */
    struct env_timer retry_timer;
    struct env_timer reload_timer;
    int64_t reload_wait_ms; /* before the next one: reloads that follow each other are rare */
    int64_t load_started_us;
    int64_t loaded_bytes;
};

/* Embedded by who appends; must stay until done. */
struct machine_op {
    struct list link;
    struct partition_append_op append;
    struct buf batches; /* of the append */
    struct machine *machine;
    bool appends; /* else it only waits for those before it */
    bool keeps;   /* its batches until it is done, not only until they are in the log */
    bool finished;
    bool refused; /* nothing came into the log */
    int err;
    void (*done)(struct machine_op *op, int err);
};

/* Begins to load. */
void machine_init(struct machine *machine, const struct machine_deps *deps, int32_t index);
/* The client was told that it is lost, unfinished operations are told `err`, and then everything is
 * forgotten. */
void machine_close(struct machine *machine, int err);

/* From the client, some time after `loaded`: from now on it is active. */
void machine_serve(struct machine *machine);
/* The value of a record, inside of `replay`: see records_read_value. When memory is out the load
 * fails, or everything is read again: memory never misses what is in the log. */
int machine_read_value(struct machine *machine, struct wire_bytes bytes,
                       const struct wire_desc *desc, struct arena *arena, void *value);
/* The same for what else of the record found no memory. */
void machine_starve(struct machine *machine);

/* Memory is not what the log says: everything is read again, at once the first time, later and
 * later when it does not help. It is lost from now on. */
void machine_reload(struct machine *machine);

/* Finishes the records and appends them. 0: op->done comes later, with 0 or an error in a
 * coordinator's words; op->refused says that nothing came into the log. Otherwise such an error at
 * once, and done does not come. The bytes of the records are taken; they stay the caller's to
 * close. */
int machine_append(struct machine *machine, struct records *records, struct machine_op *op,
                   void (*done)(struct machine_op *op, int err)) MUST_CHECK;
/* Calls done when everything appended so far is replicated: at once if it is already. */
void machine_barrier(struct machine *machine, struct machine_op *op,
                     void (*done)(struct machine_op *op, int err));

/* A write whose records say all there is to say: appended now, replayed into memory when they are
 * replicated. So memory never shows what a new coordinator might not know. Embedded by who
 * writes; must stay until done. */
struct machine_write {
    struct machine_op op; /* its batches are what is on its way, until done */
    void (*done)(struct machine_write *write, int err);
};
/* As machine_append. Done comes after the records were replayed. */
int machine_write(struct machine *machine, struct records *records, struct machine_write *write,
                  void (*done)(struct machine_write *write, int err)) MUST_CHECK;

/* The marker of a transaction whose records are here: written, and replayed as a control record, in
 * the same order as everything else. `bumped`: see log.h. */
int machine_mark(struct machine *machine, const struct txn_marker *marker, bool bumped,
                 struct machine_write *write,
                 void (*done)(struct machine_write *write, int err)) MUST_CHECK;

/* Whether an append would be taken now: 0 or an error in a coordinator's words. */
int machine_check(const struct machine *machine) MUST_CHECK;
/* The largest batch that the partition takes, in bytes. */
size_t machine_batch_max(const struct machine *machine);
/* Whether anything may be answered from memory: 0, ERR_COORDINATOR_LOAD_IN_PROGRESS, or
 * ERR_NOT_COORDINATOR after this process stood still: others may have changed it since. */
int machine_may_answer(const struct machine *machine) MUST_CHECK;
/* Whether it serves: it is loaded, and neither lost nor about to be read again. */
bool machine_is_active(const struct machine *machine);

#endif
