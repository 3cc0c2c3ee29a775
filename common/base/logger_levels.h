/* How much is logged, for each area of the program by itself.
 *
 * Areas are a tree, by the dots in their names: one without a level of its own has that of the area
 * above it, and "root", above all, always has one. One thread changes levels; any thread may ask
 * what is in force. */
#ifndef BASE_LOGGER_LEVELS_H
#define BASE_LOGGER_LEVELS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"

/* Kafka's levels; LOGGER_FATAL as a level silences: no line is that grave. */
enum logger_level {
    LOGGER_TRACE,
    LOGGER_DEBUG,
    LOGGER_INFO,
    LOGGER_WARN,
    LOGGER_ERROR,
    LOGGER_FATAL
};

/* X(id, name, area above). An area comes after the one above it. */
#define LOGGER_AREA_LIST(X)                                                                        \
    X(ROOT, "root", ROOT)                                                                          \
    X(NODE, "node", ROOT)                                                                          \
    X(BROKER, "broker", ROOT)                                                                      \
    X(BROKER_CHANNEL, "broker.channel", BROKER)                                                    \
    X(BROKER_GROUP, "broker.group", BROKER)                                                        \
    X(BROKER_LOG, "broker.log", BROKER)                                                            \
    X(BROKER_METADATA, "broker.metadata", BROKER)                                                  \
    X(BROKER_NET, "broker.net", BROKER)                                                            \
    X(BROKER_REPLICA, "broker.replica", BROKER)                                                    \
    X(BROKER_TXN, "broker.txn", BROKER)                                                            \
    X(CONTROLLER, "controller", ROOT)                                                              \
    X(CONTROLLER_ELECTION, "controller.election", CONTROLLER)                                      \
    X(CONTROLLER_PEER, "controller.peer", CONTROLLER)                                              \
    X(CONTROLLER_RAFT, "controller.raft", CONTROLLER)                                              \
    X(REQUEST, "kafka.request.logger", ROOT)

enum logger_area {
#define LOGGER_AREA_ENUM(id, name, above) LOGGER_##id,
    LOGGER_AREA_LIST(LOGGER_AREA_ENUM)
#undef LOGGER_AREA_ENUM
        LOGGER_AREAS
};

struct logger_levels {
    atomic_uchar in_force[LOGGER_AREAS];
    signed char own[LOGGER_AREAS]; /* -1: that of the area above */
    atomic_flag changing;          /* by one thread at a time, for microseconds */
};

/* The root's level is `level`. LOGGER_REQUEST has WARN, as in the files that Kafka comes with: a
 * line for each request is asked for by name, not with all others. No other area has a level of its
 * own. */
void logger_levels_init(struct logger_levels *levels, enum logger_level level);
void logger_levels_set(struct logger_levels *levels, enum logger_area area,
                       enum logger_level level);
/* The area gets the level of the one above it again; not for the root. */
void logger_levels_unset(struct logger_levels *levels, enum logger_area area);
/* Sets all that are named in "area=LEVEL,area=LEVEL", blanks around each allowed. 0, or ERR_INVALID
 * with a sentence in `problem`; those before the wrong one are set then. */
int logger_levels_read(struct logger_levels *levels, const char *text,
                       struct buf *problem) MUST_CHECK;

static inline enum logger_level logger_levels_get(const struct logger_levels *levels,
                                                  enum logger_area area)
{
    return (enum logger_level)atomic_load_explicit(&levels->in_force[area], memory_order_relaxed);
}

/* Names, as they are written. False: there is none of that name. */
const char *logger_area_name(enum logger_area area);
bool logger_area_find(const char *name, size_t len, enum logger_area *area);
const char *logger_level_word(enum logger_level level);
bool logger_level_find(const char *word, size_t len, enum logger_level *level);

#endif
