/* The inside of a move between log directories: future.c begins and ends it, future_copy.c makes
 * the copy catch up and lets it take the place of the old log. */
#ifndef BROKER_LOG_FUTURE_PRIVATE_H
#define BROKER_LOG_FUTURE_PRIVATE_H

#include "broker/log/future.h"
#include "broker/log/log_manager_private.h"

enum {
    FUTURE_HOLD_MS = 2000,  /* acknowledgements wait no longer for it */
    FUTURE_AGAIN_MS = 1000, /* until what did not go is tried again */
    FUTURE_SOON_MS = 5      /* until jobs of the log are looked at again */
};

enum future_state {
    FUTURE_OPENING,
    FUTURE_COPYING,
    FUTURE_HOLDING,
    FUTURE_SETTLING, /* the copy is the replica: its name is made durable */
    FUTURE_RETIRING, /* the old folder is renamed, durably */
    FUTURE_OVER,     /* ended while the copy was being opened */
    FUTURE_STATES
};

struct future {
    struct list link; /* in manager->futures */
    struct log_manager *manager;
    enum future_state state;
    struct log *from;        /* that is served; NULL from the swap on */
    struct log *to;          /* the copy; NULL while it is opened */
    struct log_entry *entry; /* of the copy; from the swap on, of the old folder */
    struct log_dir *dir;     /* where it goes */
    struct log_dir *old_dir; /* from the swap on: where it was, */
    char *old_path;          /* in this folder */
    uint32_t generation;     /* of `from`, as the copy has it */
    int64_t held_since_ms;
    int64_t due_ms; /* when it is looked at again; 0 = when it is woken */
    bool woken;
    bool full_told;
    struct future_job *job;       /* on a worker, or NULL */
    struct future_rename *rename; /* likewise, while it retires */
};

/* A piece that is read. */
struct future_job {
    struct log_warm warm;
    struct env_work work;
    struct log_manager *manager;
    struct future *future; /* NULL: nobody waits any more */
    struct log *from;      /* kept by log->jobs */
    struct log_slice slice;
    uint8_t *bytes;
    uint32_t generation;
    int err;
};

/* ---- future.c ---- */

void future_move(struct future *f, enum future_state to);
/* It is looked at after that time, at the end of this turn, or when something is stirred. */
void future_wait(struct future *f, int64_t ms);
void future_wake(struct future *f);
/* What was held of the log counts again. */
void future_release(struct log *log);
/* Before the swap: the old log goes on as if nothing had been. The move is gone, or goes when the
 * copy was opened. */
void future_cancel(struct future *f);
struct future_job *future_job_new(struct future *f);
/* Nothing is left to do, or the old folder stays for the next start (`gone` is false). */
void future_finish(struct future *f, bool gone);

/* ---- future_rename.c ---- */

enum future_rename_to {
    FUTURE_TO_TRASH, /* it is removed */
    FUTURE_TO_STRAY, /* it is kept, under the name of a stray */
    FUTURE_RETIRED   /* it is removed, and future_finish is called once that is durable */
};

/* A folder of a move gets another name, on a worker: its disk may hang, which may be why the
 * replica moved. Until it has, future_name_is_taken. The path is the callee's. `f`: who waits, or
 * NULL; it says so in f->rename. */
void future_rename_start(struct log_dir *dir, char *path, enum future_rename_to to,
                         int64_t delay_ms, struct future *f);
/* It does not wait any more. */
void future_rename_forget(struct future *f);

/* ---- future_copy.c ---- */

/* A step of one that copies or holds; it may be gone then. */
void future_step_copy(struct future *f);
/* The log may not move now; nothing of it is held meanwhile. */
void future_put_off(struct future *f);
/* A directory has failed: it ends. */
void future_failed(struct future *f, int err);

#endif
