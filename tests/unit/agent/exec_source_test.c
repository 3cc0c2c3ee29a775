/* The exec source: a child is never held up by what it prints on stderr. */
#include "world.h"

static void errors_without_an_end_are_dropped(void)
{
    struct world w;
    world_open(&w);
    struct part *memory = world_part(&w, PART_CHANNEL, "memory", "");
    struct channel *channel = world_channel(&w, memory);
    struct part *part = part_new(part_type_find(PART_SOURCE, "exec"), "p", "a1.sources.p.", "f", 1);
    part_add(part, "shell", "/bin/sh -c", 1, &w.problem);
    part_add(part, "command", "head -c 20000000 /dev/zero >&2 && echo done", 1, &w.problem);
    part_check(part, &w.problem);
    struct source_setup setup = {.part = part, .channels = &channel, .channels_count = 1};
    struct source *source;
    CHECK_INT(source_start(w.env, &w.logger, &setup, &source, &w.problem), 0);
    UNTIL(w.env, channel_count(channel) == 1);
    struct take *take = take_new(1);
    channel_take(channel, take);
    CHECK_INT(take->count, 1);
    CHECK(world_is(&take->events[0], "done"));
    channel_commit(take);
    take_free(take);
    source_stop(source);
    channel_close(channel);
    part_free(part);
    part_free(memory);
    world_close(&w);
}

TAP_MAIN(TAP_TEST(errors_without_an_end_are_dropped))
