/* All replicas of a broker: which are opened, found and removed, and what the controller hears of
 * those that can't serve. */
#include "fixture.h"

#include "broker/replica/replica_throttle.h"

static int find_error(struct replica *r, const char *topic, int32_t index)
{
    int err;
    struct partition *partition =
        replica_manager_by_name(r->manager, topic, strlen(topic), index, &err);
    CHECK((partition == NULL) == (err != 0));
    return err;
}

static void what_is_not_here_has_its_reason(void)
{
    struct replica r;
    struct uuid stranger = feed_topic_id("stranger"), topic = feed_topic_id("t");
    int err;
    replica_open(&r, "");
    replica_begin(&r, (struct decision){.leader = 2, .epoch = 1, .isr = MEMBERS(2)});
    CHECK_INT(find_error(&r, "t", 0), 0);
    CHECK_INT(find_error(&r, "t", 1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(find_error(&r, "u", 0), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK(replica_manager_by_id(r.manager, &topic, 0, &err) == r.partition);
    CHECK(replica_manager_by_id(r.manager, &topic, 1, &err) == NULL);
    CHECK_INT(err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK(replica_manager_by_id(r.manager, &stranger, 0, &err) == NULL);
    CHECK_INT(err, ERR_UNKNOWN_TOPIC_ID);
    CHECK_INT(replica_manager_count(r.manager), 1);
    /* The replica moves to others. */
    replica_decide(&r, (struct decision){
                           .leader = 2, .epoch = 1, .replicas = MEMBERS(2, 3), .isr = MEMBERS(2)});
    CHECK_INT(find_error(&r, "t", 0), ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(replica_manager_count(r.manager), 0);
    UNTIL(r.logs.env, !file_exists(&r.logs, LOG0));
    replica_close(&r);
}

static void a_broker_that_starts_does_not_know_what_there_is_not(void)
{
    struct replica r;
    replica_open(&r, "");
    replica_new_manager(&r);
    CHECK_INT(find_error(&r, "t", 0), ERR_NOT_LEADER_OR_FOLLOWER);
    replica_manager_registered(r.manager);
    CHECK_INT(find_error(&r, "t", 0), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    replica_close(&r);
}

/* Its log is deleted when it is there; a new topic of the same name then takes the directory. */
static void a_topic_that_goes_while_it_opens_makes_way(void)
{
    struct replica r;
    replica_open(&r, "");
    feed_topic(r.metadata, "t");
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1)});
    CHECK_INT(partition_state(replica_find(&r)), PARTITION_OPENING);
    feed_topic_removed(r.metadata, "t");
    CHECK(replica_find(&r) == NULL);
    /* The same name under another id. */
    char name[] = "t";
    uint8_t id[16] = {9};
    int32_t ids[] = {1};
    Meta__TopicRecord topic = META__TOPIC_RECORD__INIT;
    topic.name = name;
    topic.id = (ProtobufCBinaryData){sizeof(id), id};
    feed_record(r.metadata, META__RECORD__FACT_TOPIC, &topic);
    Meta__PartitionRecord record = META__PARTITION_RECORD__INIT;
    record.topic_id = topic.id;
    record.replicas = record.isr = ids;
    record.n_replicas = record.n_isr = 1;
    record.leader = NODE;
    feed_record(r.metadata, META__RECORD__FACT_PARTITION, &record);
    UNTIL(r.logs.env, partition_state(replica_find(&r)) == PARTITION_LEADER);
    CHECK_INT(partition_topic_id(replica_find(&r))->bytes[0], 9);
    replica_close(&r);
}

/* How many folders are there for t-0. */
static int folders(struct replica *r, const char *suffix)
{
    char **names;
    size_t count;
    int found = 0;
    CHECK_INT(env_dir_list(r->logs.env, r->logs.dir, &names, &count), 0);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(names[i]), suffix_len = strlen(suffix);
        found += strncmp(names[i], "t-0", 3) == 0 && len >= suffix_len &&
                 strcmp(names[i] + len - suffix_len, suffix) == 0;
    }
    env_dir_list_free(names, count);
    return found;
}

static void apply_empty_snapshot(struct replica *r)
{
    Meta__Entry content = META__ENTRY__INIT;
    Meta__Snapshot snapshot = META__SNAPSHOT__INIT;
    snapshot.index = 100;
    snapshot.content = &content;
    CHECK_INT(metadata_apply_snapshot(r->metadata, &snapshot), 0);
}

/* A snapshot tells of no removals: what it does not have is closed, and kept. */
static void a_snapshot_sets_aside_what_it_does_not_have(void)
{
    struct replica r;
    struct waiter one;
    struct log_stray_view view;
    replica_open_leading(&r, MEMBERS(1));
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_LEADER, &one), PARTITION_WAITS);
    apply_empty_snapshot(&r);
    CHECK_INT(replica_manager_count(r.manager), 0);
    CHECK_INT(r.unled, 1);
    CHECK_INT(folders(&r, ""), 1);
    CHECK_INT(folders(&r, "-stray"), 1);
    CHECK(log_manager_stray(r.logs.manager, 0, &view));
    CHECK_INT(view.partition, 0);
    replica_close(&r);
}

static void a_log_that_opens_meanwhile_is_set_aside_too(void)
{
    struct replica r;
    replica_open(&r, "");
    feed_topic(r.metadata, "t");
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1)});
    CHECK_INT(partition_state(replica_find(&r)), PARTITION_OPENING);
    apply_empty_snapshot(&r);
    CHECK_INT(replica_manager_count(r.manager), 0);
    UNTIL(r.logs.env, folders(&r, "-stray") == 1);
    CHECK_INT(folders(&r, ""), 1);
    replica_close(&r);
}

static void settings_reach_the_log(void)
{
    struct replica r;
    replica_open_leading(&r, MEMBERS(1));
    struct log *log = partition_log(r.partition);
    CHECK_INT(log->config->retention_ms, 604800000);
    feed_setting(r.metadata, META__CONFIG_RECORD__RESOURCE__TOPIC, "t", "retention.ms", "7000");
    CHECK_INT(log->config->retention_ms, 7000);
    feed_setting(r.metadata, META__CONFIG_RECORD__RESOURCE__BROKER, "", "compression.type", "lz4");
    CHECK_INT(log->config->compression, COMPRESS_LZ4);
    feed_setting(r.metadata, META__CONFIG_RECORD__RESOURCE__BROKER, "2", "compression.type",
                 "gzip"); /* another broker's */
    CHECK_INT(log->config->compression, COMPRESS_LZ4);
    replica_close(&r);
}

/* ---- damage ---- */

/* A new process that finds the log of t-0 damaged; another broker leads, without us. */
static void open_damaged(struct replica *r)
{
    struct waiter one;
    replica_open_leading(r, MEMBERS(1));
    CHECK_INT(replica_append(r, 1, PARTITION_ACKS_LEADER, &one), PARTITION_WAITS);
    UNTIL(r->logs.env, one.calls);
    replica_manager_free(r->manager);
    r->manager = NULL;
    fixture_shutdown(&r->logs);
    file_cut(&r->logs, "partition.metadata", 0);
    CHECK_INT(fixture_start(&r->logs), 0);
    replica_new_manager(r);
    apply_empty_snapshot(r);
}

static void begin_damaged(struct replica *r, bool opened)
{
    open_damaged(r);
    replica_manager_registered(r->manager);
    feed_topic(r->metadata, "t");
    replica_decide(r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1)});
    r->partition = replica_find(r);
    if (opened)
        UNTIL(r->logs.env, r->partition->damaged);
}

/* Its name is free for the same partition that comes back, and its records are kept. */
static void a_damaged_replica_that_moves_away_is_set_aside(void)
{
    for (int opened = 0; opened < 2; opened++) {
        struct replica r;
        begin_damaged(&r, opened);
        CHECK_INT(folders(&r, "-damaged"), 0);
        replica_decide(&r,
                       (struct decision){
                           .leader = 2, .epoch = 2, .replicas = MEMBERS(2, 3), .isr = MEMBERS(2)});
        CHECK_INT(replica_manager_count(r.manager), 0);
        UNTIL(r.logs.env, folders(&r, "-damaged") == 1);
        CHECK_INT(folders(&r, ""), 1);
        replica_close(&r);
    }
}

/* No record says that it is gone: it stays what it was. */
static void a_damaged_replica_that_a_snapshot_lacks_stays(void)
{
    struct replica r;
    Meta__Entry content = META__ENTRY__INIT;
    Meta__Snapshot snapshot = META__SNAPSHOT__INIT;
    snapshot.index = 200;
    snapshot.content = &content;
    begin_damaged(&r, true);
    CHECK_INT(metadata_apply_snapshot(r.metadata, &snapshot), 0);
    CHECK_INT(replica_manager_count(r.manager), 0);
    CHECK(file_exists(&r.logs, LOG0));
    CHECK_INT(folders(&r, ""), 1);
    replica_close(&r);
}

/* ---- throttles ---- */

static void decide_throttled(struct replica *r, int32_t index, int32_t replica)
{
    int32_t ids[] = {replica, 2};
    struct image_partition record = {
        .index = index, .leader = 2, .leader_epoch = 1, .replicas = {ids, 2}, .isr = {ids + 1, 1}};
    feed_partition(r->metadata, "t", &record);
}

/* A digit for each of t-0, t-1, t-2 here: 1 as a leader, 2 as a follower, 3 as both. */
static int throttled(struct replica *r)
{
    struct uuid topic = feed_topic_id("t");
    int all = 0;
    for (int32_t i = 0; i < 3; i++) {
        struct partition *partition = replica_manager_get(r->manager, &topic, i);
        CHECK(partition != NULL);
        all = all * 10 + partition->throttled_leader + 2 * partition->throttled_follower;
    }
    return all;
}

static void throttle(struct replica *r, const char *side, const char *list)
{
    char key[64];
    snprintf(key, sizeof(key), "%s.replication.throttled.replicas", side);
    feed_setting(r->metadata, META__CONFIG_RECORD__RESOURCE__TOPIC, "t", key, list);
}

static int facts_told;

static void hear_facts(struct partition_interest *interest, unsigned change)
{
    (void)interest;
    facts_told += change == PARTITION_CHANGED_FACTS;
}

/* A long list is read once, not once for each partition, nor for each other setting. */
static void lists_say_whose_copying_is_throttled(void)
{
    struct replica r;
    struct partition_interest interest = {.mask = PARTITION_CHANGED_FACTS, .changed = hear_facts};
    replica_open(&r, "");
    feed_topic(r.metadata, "t");
    for (int32_t i = 0; i < 3; i++)
        decide_throttled(&r, i, 1);
    CHECK_INT(throttled(&r), 0);
    r.partition = replica_find(&r);
    UNTIL(r.logs.env, partition_state(r.partition) != PARTITION_OPENING);
    facts_told = 0;
    partition_watch(r.partition, &interest);
    throttle(&r, "leader", "0:1,2:11,1:2, 2:1 ,9:1,3000000000:1");
    CHECK_INT(throttled(&r), 101);
    throttle(&r, "follower", "*");
    CHECK_INT(throttled(&r), 323);
    throttle(&r, "leader", "1:1");
    CHECK_INT(throttled(&r), 232);
    CHECK_INT(facts_told, 0);
    feed_setting(r.metadata, META__CONFIG_RECORD__RESOURCE__TOPIC, "t", "retention.ms", "7000");
    CHECK_INT(throttled(&r), 232);
    CHECK_INT(facts_told, 1);
    partition_unwatch(&interest);
    decide_throttled(&r, 1, 3); /* it goes, and comes back: a new partition */
    CHECK_INT(replica_manager_count(r.manager), 2);
    decide_throttled(&r, 1, 1);
    CHECK_INT(throttled(&r), 232);
    throttle(&r, "leader", "");
    throttle(&r, "follower", "");
    CHECK_INT(throttled(&r), 0);
    struct uuid topic = feed_topic_id("t");
    for (int32_t i = 0; i < 3; i++)
        UNTIL(r.logs.env,
              partition_state(replica_manager_get(r.manager, &topic, i)) != PARTITION_OPENING);
    replica_close(&r);
}

/* Those whose readers wait are told some at a time, in their turn. */
static struct told {
    int count;
    int first; /* how many there were at the end of the turn of the first */
    struct env_timer turn;
} told;

static void told_turn_ends(void *data)
{
    (void)data;
    told.first = told.count;
}

static void hear_end(struct partition_interest *interest, unsigned change)
{
    (void)interest;
    CHECK_INT(change, PARTITION_CHANGED_END);
    if (told.count++ == 0)
        env_timer_start_soon(&told.turn);
}

static void readers_of_a_throttled_leader_are_told_in_turns(void)
{
    enum { HELD = 100, AT_A_TIME = 64 };
    struct replica r;
    struct partition_interest interests[HELD];
    struct partition *partitions[HELD];
    struct uuid topic = feed_topic_id("t");
    replica_open(&r, "");
    feed_topic(r.metadata, "t");
    throttle(&r, "leader", "*");
    feed_setting(r.metadata, META__CONFIG_RECORD__RESOURCE__BROKER, "1",
                 "leader.replication.throttled.rate", "1100000");
    struct replica_throttle *throttled_reads = replica_manager_throttle(r.manager);
    for (int32_t i = 0; i < HELD; i++) {
        decide_throttled(&r, i, 1);
        partitions[i] = replica_manager_get(r.manager, &topic, i);
        UNTIL(r.logs.env, partition_state(partitions[i]) != PARTITION_OPENING);
        interests[i] =
            (struct partition_interest){.mask = PARTITION_CHANGED_END, .changed = hear_end};
        partition_watch(partitions[i], &interests[i]);
    }
    told = (struct told){0};
    env_timer_init(r.logs.env, &told.turn, told_turn_ends, NULL);
    size_t all = replica_throttle_for_read(throttled_reads, partitions[0], 3, 0);
    CHECK(all > 1);
    for (int i = 0; i < HELD; i++)
        CHECK_INT(replica_throttle_for_read(throttled_reads, partitions[i], 3, all), 0);
    replica_throttle_sent(throttled_reads, all);
    UNTIL(r.logs.env, told.count == HELD && told.first > 0);
    CHECK_INT(told.first, AT_A_TIME);
    /* Who is not throttled any more waits for nothing. */
    replica_throttle_sent(throttled_reads, 1 << 30);
    CHECK_INT(replica_throttle_for_read(throttled_reads, partitions[5], 3, 0), 0);
    throttle(&r, "leader", "");
    CHECK_INT(told.count, HELD + 1);
    for (int i = 0; i < HELD; i++)
        partition_unwatch(&interests[i]);
    replica_close(&r);
}

/* ---- what can't serve ---- */

static const Meta__ReportReplicas *next_report(struct replica *r)
{
    UNTIL(r->logs.env, replica_sent(META__COMMAND__BODY_REPORT_REPLICAS));
    const Meta__ReportReplicas *report =
        replica_sent(META__COMMAND__BODY_REPORT_REPLICAS)->report_replicas;
    CHECK_INT(report->broker_id, NODE);
    CHECK_INT(report->n_replicas, 1);
    return report;
}

/* What is set while a log is opened is not lost on it, nor what all brokers are given. */
static void settings_reach_a_log_that_opens(void)
{
    struct replica r;
    replica_open(&r, "");
    feed_topic(r.metadata, "t");
    replica_decide(&r, (struct decision){.leader = 2, .epoch = 1, .isr = MEMBERS(2)});
    r.partition = replica_find(&r);
    CHECK_INT(partition_state(r.partition), PARTITION_OPENING);
    feed_setting(r.metadata, META__CONFIG_RECORD__RESOURCE__TOPIC, "t", "retention.ms", "7");
    UNTIL(r.logs.env, partition_state(r.partition) != PARTITION_OPENING);
    CHECK_INT(log_config(partition_log(r.partition))->retention_ms, 7);
    feed_setting(r.metadata, META__CONFIG_RECORD__RESOURCE__BROKER, "", "log.retention.bytes", "9");
    feed_setting(r.metadata, META__CONFIG_RECORD__RESOURCE__BROKER, "", "log.retention.ms", "8");
    CHECK_INT(log_config(partition_log(r.partition))->retention_bytes, 9);
    CHECK_INT(log_config(partition_log(r.partition))->retention_ms, 7);
    replica_close(&r);
}

static void accept_report(void)
{
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    replica_answer(replica_sent(META__COMMAND__BODY_REPORT_REPLICAS), 0, &reply);
}

static void a_failed_disk_is_reported_until_the_record_says_so(void)
{
    struct replica r;
    struct waiter all;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    CHECK_INT(log_fail(partition_log(r.partition), ERR_IO, "write"), ERR_KAFKA_STORAGE_ERROR);
    UNTIL(r.logs.env, all.calls);
    CHECK_INT(all.err, ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(partition_state(r.partition), PARTITION_OFFLINE);
    CHECK(partition_log(r.partition) == NULL);
    CHECK_INT(r.unled, 1);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), ERR_KAFKA_STORAGE_ERROR);
    CHECK(next_report(&r)->replicas[0]->offline);
    accept_report();
    CHECK(next_report(&r)->replicas[0]->offline); /* its record has not come */
    replica_answer(replica_sent(META__COMMAND__BODY_REPORT_REPLICAS), ERR_REQUEST_TIMED_OUT, NULL);
    CHECK(next_report(&r)->replicas[0]->offline);
    replica_decide(
        &r, (struct decision){.leader = 2, .epoch = 2, .isr = MEMBERS(2), .offline = MEMBERS(1)});
    accept_report();
    int64_t looked_ms = env_now_ms(r.logs.env) + 30; /* it looks again after 10 ms */
    UNTIL(r.logs.env, env_now_ms(r.logs.env) > looked_ms);
    CHECK(!replica_sent(META__COMMAND__BODY_REPORT_REPLICAS));
    replica_close(&r);
}

static void a_record_that_says_too_much_is_corrected(void)
{
    struct replica r;
    replica_open(&r, "");
    replica_begin(
        &r, (struct decision){.leader = 2, .epoch = 1, .isr = MEMBERS(2), .offline = MEMBERS(1)});
    CHECK(!next_report(&r)->replicas[0]->offline);
    replica_close(&r);
}

/* Until the controller has heard of it, it may ask us to lead, and then nothing may be there that
 * is empty. It may be listed as offline already, for having been late. */
static void a_damaged_eligible_replica_is_said_before_it_is_fetched_anew(void)
{
    for (int listed = 0; listed < 2; listed++) {
        struct replica r;
        struct members offline = listed ? MEMBERS(1) : NOBODY;
        open_damaged(&r);
        replica_manager_registered(r.manager);
        feed_topic(r.metadata, "t");
        replica_decide(
            &r,
            (struct decision){
                .leader = 2, .epoch = 2, .isr = MEMBERS(2), .offline = offline, .elr = MEMBERS(1)});
        r.partition = replica_find(&r);
        CHECK(next_report(&r)->replicas[0]->failed);
        CHECK(next_report(&r)->replicas[0]->offline);
        CHECK_INT(partition_state(r.partition), PARTITION_OFFLINE);
        CHECK_INT(folders(&r, "-damaged"), 0);
        replica_decide(&r, (struct decision){
                               .leader = 2, .epoch = 2, .isr = MEMBERS(2), .offline = MEMBERS(1)});
        accept_report();
        CHECK_INT(folders(&r, "-damaged"), 1);
        UNTIL(r.logs.env, partition_state(r.partition) == PARTITION_FOLLOWER);
        CHECK(!next_report(&r)->replicas[0]->offline);
        replica_close(&r);
    }
}

/* Else nothing could be written: the log refuses batches of an epoch that it has passed. */
static void an_epoch_that_the_log_has_passed_is_reported(void)
{
    struct replica r;
    struct waiter none;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(log_assign_epoch(partition_log(r.partition), 7), 0);
    CHECK_INT(replica_append(&r, 1, 0, &none), ERR_FENCED_LEADER_EPOCH);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1, 2)});
    const Meta__ReportReplicas *report = next_report(&r);
    CHECK_INT(report->replicas[0]->newer_epoch, 7);
    CHECK(!report->replicas[0]->offline);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 8, .isr = MEMBERS(1, 2)});
    accept_report();
    int64_t looked_ms = env_now_ms(r.logs.env) + 30; /* it looks again after 10 ms */
    UNTIL(r.logs.env, env_now_ms(r.logs.env) > looked_ms);
    CHECK(!replica_sent(META__COMMAND__BODY_REPORT_REPLICAS));
    CHECK_INT(replica_append(&r, 1, 0, &none), 0);
    /* One that the controller would not take is not reported over and over. */
    CHECK_INT(log_assign_epoch(partition_log(r.partition), IMAGE_LEADER_EPOCH_TAKEN_MAX + 1), 0);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 9, .isr = MEMBERS(1, 2)});
    looked_ms = env_now_ms(r.logs.env) + 30;
    UNTIL(r.logs.env, env_now_ms(r.logs.env) > looked_ms);
    CHECK(!replica_sent(META__COMMAND__BODY_REPORT_REPLICAS));
    replica_close(&r);
}

TAP_MAIN(TAP_TEST(what_is_not_here_has_its_reason),
         TAP_TEST(a_broker_that_starts_does_not_know_what_there_is_not),
         TAP_TEST(a_topic_that_goes_while_it_opens_makes_way),
         TAP_TEST(a_snapshot_sets_aside_what_it_does_not_have),
         TAP_TEST(a_log_that_opens_meanwhile_is_set_aside_too), TAP_TEST(settings_reach_the_log),
         TAP_TEST(settings_reach_a_log_that_opens),
         TAP_TEST(a_damaged_replica_that_moves_away_is_set_aside),
         TAP_TEST(a_damaged_replica_that_a_snapshot_lacks_stays),
         TAP_TEST(lists_say_whose_copying_is_throttled),
         TAP_TEST(readers_of_a_throttled_leader_are_told_in_turns),
         TAP_TEST(a_failed_disk_is_reported_until_the_record_says_so),
         TAP_TEST(a_damaged_eligible_replica_is_said_before_it_is_fetched_anew),
         TAP_TEST(an_epoch_that_the_log_has_passed_is_reported),
         TAP_TEST(a_record_that_says_too_much_is_corrected))
