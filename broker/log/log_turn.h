/* What the calls of one turn of the loop asked for, done together at its end: flushes, news for
 * watchers, directories that failed. */
#ifndef BROKER_LOG_LOG_TURN_H
#define BROKER_LOG_LOG_TURN_H

#include <stdbool.h>

#include "base/list.h"
#include "env/env.h"

struct log_turn {
    struct list links; /* of who asked */
    struct env_timer timer;
    bool closed; /* nothing is asked any more */
};

/* `due` is called at the end of a turn in which somebody asked. */
void log_turn_init(struct log_turn *turn, struct env *env, void (*due)(void *data), void *data);
/* `link` (in the list once, however often it is added) is among those of log_turn_take then; NULL
 * only has `due` called. */
void log_turn_add(struct log_turn *turn, struct list *link);
/* Moves all links to `links`. */
void log_turn_take(struct log_turn *turn, struct list *links);
/* `due` does not come; until somebody asks again. */
void log_turn_stop(struct log_turn *turn);
/* And nobody can. */
void log_turn_close(struct log_turn *turn);

#endif
