/* A group of sinks: what is under way at its end. */
#include "world.h"

#include "tools/agent/sink_group.h"

/* A sink that keeps what it gets. */
static int keep_start(struct sink *sink, struct buf *problem)
{
    (void)sink;
    (void)problem;
    return 0;
}

static void keep_stop(struct sink *sink)
{
    (void)sink;
}

static int keep_deliver(struct sink *sink, struct take *take)
{
    (void)sink;
    (void)take;
    return TRANSACTION_PENDING;
}

static const struct key_row keep_keys[] = {
    KEY_INT("batchSize", "1", 1, KEY_MAX_INT, "The most events of one take."),
    KEY_END,
};

static const struct sink_type keep_type = {
    .part = {.kind = PART_SINK, .name = "keep", .doc = "Keeps takes.", .keys = keep_keys},
    .size = sizeof(struct sink),
    .batch_key = "batchSize",
    .depth = 2,
    .start = keep_start,
    .stop = keep_stop,
    .deliver = keep_deliver,
};

/* Both sinks have takes, alternately; they go back in the channel's order, and nothing reads a sink
 * that is gone. */
static void what_is_under_way_at_the_end_goes_back_in_order(void)
{
    struct world w;
    world_open(&w);
    struct part *memory = world_part(&w, PART_CHANNEL, "memory", "");
    struct part *processor = world_part(&w, PART_PROCESSOR, "load_balance", "");
    struct part *parts[] = {part_new(&keep_type.part, "k1", "a1.sinks.k1.", "f", 1),
                            part_new(&keep_type.part, "k2", "a1.sinks.k2.", "f", 1)};
    struct channel *channel = world_channel(&w, memory);
    struct sink_setup sinks[] = {{.part = parts[0], .channel = channel},
                                 {.part = parts[1], .channel = channel}};
    struct sink_group_setup setup = {
        .name = "g", .processor = processor, .sinks = sinks, .sinks_count = 2};
    struct sink_group *group;
    CHECK_INT(sink_group_start(w.env, &w.logger, &setup, &group, &w.problem), 0);
    struct event events[4];
    for (int i = 0; i < 4; i++)
        events[i] = world_event((char[]){(char)('a' + i), '\0'});
    struct put put = {.events = events, .count = 4};
    CHECK_INT(channel_put(channel, &put, true), 0);
    event_unref_all(events, 4);
    UNTIL(w.env, sink_group_sink(group, 0)->under_way_count == 2 &&
                     sink_group_sink(group, 1)->under_way_count == 2);
    sink_group_stop(group);
    struct take *take = take_new(4);
    channel_take(channel, take);
    CHECK_INT(take->count, 4);
    for (size_t i = 0; i < take->count; i++)
        CHECK(world_is(&take->events[i], (char[]){(char)('a' + i), '\0'}));
    channel_commit(take);
    take_free(take);
    channel_close(channel);
    part_free(parts[0]);
    part_free(parts[1]);
    part_free(processor);
    part_free(memory);
    world_close(&w);
}

/* The older name of a file_roll sink's batch counts, unless the newer one is there as well. */
static void file_roll_has_two_names_for_its_batch(void)
{
    static const struct {
        const char *values;
        size_t batch;
    } rows[] = {{"", 100},
                {" batchSize=7", 7},
                {" batchSize=7 sink.batchSize=9", 9},
                {" batchSize=5000", 1000} /* what the channel hands out at once */};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        char *values = mem_printf("sink.directory=/tmp%s", rows[i].values);
        world_open(&w);
        struct part *memory =
            world_part(&w, PART_CHANNEL, "memory", "capacity=1000 transactionCapacity=1000");
        struct part *part = world_part(&w, PART_SINK, "file_roll", values);
        struct channel *channel = world_channel(&w, memory);
        struct sink_setup sink = {.part = part, .channel = channel};
        struct sink_group_setup setup = {.name = "g", .sinks = &sink, .sinks_count = 1};
        struct sink_group *group;
        CHECK_INT(sink_group_start(w.env, &w.logger, &setup, &group, &w.problem), 0);
        CHECK_INT(sink_group_sink(group, 0)->batch_size, rows[i].batch);
        sink_group_stop(group);
        channel_close(channel);
        part_free(part);
        part_free(memory);
        mem_free(values);
        world_close(&w);
    }
}

TAP_MAIN(TAP_TEST(file_roll_has_two_names_for_its_batch),
         TAP_TEST(what_is_under_way_at_the_end_goes_back_in_order))
