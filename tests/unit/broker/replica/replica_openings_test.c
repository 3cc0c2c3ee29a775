/* Logs that are opened some at a time: what becomes of those whose turn has not come. */
#include "fixture.h"

#include "broker/log/log_open.h"

enum { OPENED_AT_ONCE = 256, MANY = OPENED_AT_ONCE + 10 };

static void decide_many(struct replica *r)
{
    int32_t ids[] = {NODE};
    feed_topic(r->metadata, "t");
    for (int32_t i = 0; i < MANY; i++) {
        struct image_partition record = {
            .index = i, .leader = NODE, .leader_epoch = 1, .replicas = {ids, 1}, .isr = {ids, 1}};
        feed_partition(r->metadata, "t", &record);
    }
}

static int count_in(struct replica *r, enum partition_state state)
{
    struct uuid topic = feed_topic_id("t");
    int count = 0;
    for (int32_t i = 0; i < MANY; i++) {
        struct partition *partition = replica_manager_get(r->manager, &topic, i);
        count += partition && partition_state(partition) == state;
    }
    return count;
}

/* As on a disk that is full, or hangs: each of the first ones waits for its name. */
static void those_that_wait_do_not_hold_up_the_others(void)
{
    struct replica r;
    static struct log busy[OPENED_AT_ONCE];
    replica_open(&r, "");
    for (int32_t i = 0; i < OPENED_AT_ONCE; i++) {
        busy[i].path = mem_printf("%s/t-%d", r.logs.dir, i);
        list_init(&busy[i].turn);
        list_push(&r.logs.manager->closing, &busy[i].turn);
    }
    decide_many(&r);
    UNTIL(r.logs.env, count_in(&r, PARTITION_LEADER) == MANY - OPENED_AT_ONCE);
    for (int32_t i = 0; i < OPENED_AT_ONCE; i++) {
        list_remove(&busy[i].turn);
        mem_free(busy[i].path);
    }
    log_open_resume(r.logs.manager);
    UNTIL(r.logs.env, count_in(&r, PARTITION_LEADER) == MANY);
    replica_close(&r);
}

TAP_MAIN(TAP_TEST(those_that_wait_do_not_hold_up_the_others))
