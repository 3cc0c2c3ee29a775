/* A log manager with one log in it, t-0, for tests. The loop is the user's, who waits for what is
 * begun here as his environment does it: tests/unit/broker/log/fixture.h on this machine,
 * tests/sim/log_process.h and tests/fuzz on a simulated one. */
#ifndef TESTS_LIB_LOG_WORLD_H
#define TESTS_LIB_LOG_WORLD_H

#include "base/buf.h"
#include "base/logger.h"
#include "base/uuid.h"
#include "broker/log/log_manager_private.h"
#include "env/env.h"

struct log_world {
    struct env *env; /* set before the first start */
    struct logger logger;
    struct buf lines; /* what was logged */
    struct buf problem;
    struct log_manager *manager; /* NULL when there is none */
    struct log *log;             /* NULL when it is not open */
    struct log_config config;
    struct log_manager_config manager_config; /* of the one directory below */
    struct uuid topic_id;
    char *root; /* where the directories are */
    char *dir;  /* the first one: root/data */
    const char *dirs[1];
    void (*on_open)(void *data); /* may be NULL: called on the loop when the log is there */
    void *data;
    int err; /* of the last start or open */
    bool opened;
    bool down;
    int failed_dirs;
    int notified; /* for the test */
};

/* A log that keeps everything and syncs each message; with clean-up by deletion. */
struct log_config log_world_config(void);
void log_world_init(struct log_world *world, struct env *env, const char *root);
/* Frees what is left; the loop and the disk stay the user's. */
void log_world_close(struct log_world *world);
/* The manager; an error with a sentence in `problem`, and then there is none. */
int log_world_start(struct log_world *world) MUST_CHECK;
/* `opened` tells when it is over, `err` how. */
void log_world_open(struct log_world *world);
/* What that calls; for the opening of other logs. `data` is the world. */
void log_world_opened(void *data, int err, struct log *log);
/* `down` tells when it is over; log_world_drop is next. */
void log_world_shut_down(struct log_world *world);
/* As a process that dies. */
void log_world_drop(struct log_world *world);

#endif
