/* A list, and a timer that fires at the end of the turn. */
#include "broker/log/log_turn.h"

#include "base/check.h"

void log_turn_init(struct log_turn *turn, struct env *env, void (*due)(void *data), void *data)
{
    ASSERT(due != NULL);
    list_init(&turn->links);
    env_timer_init(env, &turn->timer, due, data);
}

void log_turn_add(struct log_turn *turn, struct list *link)
{
    if (turn->closed)
        return;
    if (link && list_empty(link))
        list_push(&turn->links, link);
    if (!env_timer_running(&turn->timer))
        env_timer_start_soon(&turn->timer);
    ASSERT(!link || !list_empty(link));
}

void log_turn_take(struct log_turn *turn, struct list *links)
{
    ASSERT(list_empty(links));
    list_splice(links, &turn->links);
    ASSERT(list_empty(&turn->links));
}

void log_turn_stop(struct log_turn *turn)
{
    env_timer_stop(&turn->timer);
}

void log_turn_close(struct log_turn *turn)
{
    log_turn_stop(turn);
    turn->closed = true;
}
