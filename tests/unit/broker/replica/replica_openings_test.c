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

/* Folders of the topic that nobody has set aside or is to remove. */
static int folders(struct replica *r)
{
    char **names;
    size_t count;
    int found = 0;
    CHECK_INT(env_dir_list(r->logs.env, r->logs.dir, &names, &count), 0);
    for (size_t i = 0; i < count; i++)
        found += strncmp(names[i], "t-", 2) == 0 &&
                 strspn(names[i] + 2, "0123456789") == strlen(names[i] + 2);
    env_dir_list_free(names, count);
    return found;
}

/* A new process that knows nothing yet. */
static void start_anew(struct replica *r)
{
    Meta__Entry content = META__ENTRY__INIT;
    Meta__Snapshot snapshot = META__SNAPSHOT__INIT;
    replica_manager_free(r->manager);
    r->manager = NULL;
    fixture_shutdown(&r->logs);
    CHECK_INT(fixture_start(&r->logs), 0);
    replica_new_manager(r);
    snapshot.index = 10000;
    snapshot.content = &content;
    CHECK_INT(metadata_apply_snapshot(r->metadata, &snapshot), 0);
}

static void a_topic_that_goes_before_its_turn_leaves_nothing(void)
{
    struct replica r;
    replica_open(&r, "");
    decide_many(&r);
    UNTIL(r.logs.env, count_in(&r, PARTITION_LEADER) == MANY);
    start_anew(&r);
    CHECK_INT(folders(&r), MANY);
    decide_many(&r);
    replica_manager_registered(r.manager);
    CHECK_INT(count_in(&r, PARTITION_OPENING), MANY);
    feed_topic_removed(r.metadata, "t");
    CHECK_INT(replica_manager_count(r.manager), 0);
    UNTIL(r.logs.env, folders(&r) == 0);
    replica_close(&r);
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

TAP_MAIN(TAP_TEST(a_topic_that_goes_before_its_turn_leaves_nothing),
         TAP_TEST(those_that_wait_do_not_hold_up_the_others))
