/* Which topics the expressions of consumers match, found out on the worker pool.
 *
 *                 compiled, all names looked at
 *     WORKING ------------------------------------> READY ---+
 *        |                                             ^     | topics came or went: looked at
 *        +--> REFUSED, for good                        +-----+ again; old matches hold till then
 *
 * One expression stands for all groups that use its text. One slice of work is on the pool at a
 * time, a bounded number of names each, expressions in turn: so all of them together hold up
 * neither the loop nor more than one worker, and one that is slow delays others by one slice. */
#ifndef BROKER_GROUP_MATCHER_H
#define BROKER_GROUP_MATCHER_H

#include <stdbool.h>

#include "base/list.h"
#include "base/logger.h"
#include "meta/image.h"
#include "env/env.h"
#include "wire/str.h"

struct matcher;
struct expression;

enum expression_state { EXPRESSION_WORKING, EXPRESSION_READY, EXPRESSION_REFUSED };

enum {
    MATCHER_SLICE = 16,              /* names of one job: 0.2 s of a worker at the very worst */
    MATCHER_REFRESH_MS = 1000,       /* changes of topics are looked at no more often */
    MATCHER_EXPRESSIONS_MAX = 10000, /* of all groups; asked for by matcher_has_room */
    MATCHER_WAITERS_MAX = 10000
};

struct matcher_deps {
    struct env *env;
    struct logger *logger;
    const struct image *(*image)(void *data); /* the topics as they are */
    void (*changed)(void *data);              /* some expression matches other topics now */
    void *data;
};

struct matcher *matcher_new(const struct matcher_deps *deps);
/* Who waits is told. Expressions must have been released. */
void matcher_free(struct matcher *matcher);
/* Topics came or went. */
void matcher_topics_changed(struct matcher *matcher);

/* Whether a new text may be taken, of which a client waits for the answer. */
bool matcher_has_room(const struct matcher *matcher, struct wire_str text);
/* A reference to the expression; it is WORKING if nobody has used it before. */
struct expression *matcher_use(struct matcher *matcher, struct wire_str text);
void matcher_release(struct expression *expression);

enum expression_state expression_state(const struct expression *expression);
/* The topics that match, by cursor from 0 on; NULL at the end. None unless READY. Borrowed until
 * the loop's next turn. */
const char *expression_next(const struct expression *expression, size_t *cursor);
size_t expression_count(const struct expression *expression);

/* Embedded by who waits until it is no longer WORKING; `settled` comes once, in a later turn, also
 * when the matcher is freed. The waiter needs a reference of its own. */
struct expression_wait {
    struct list link;
    void (*settled)(struct expression_wait *wait, bool closing);
};
void expression_wait(struct expression *expression, struct expression_wait *wait);

#endif
