/* One replica: its role by the records, the high watermark, what ends a wait. */
#include "fixture.h"

/* ---- roles ---- */

static void roles_follow_the_records(void)
{
    struct replica r;
    struct waiter waiter;
    replica_open(&r, "");
    replica_begin(&r, (struct decision){.leader = 2, .epoch = 3, .isr = MEMBERS(1, 2, 3)});
    CHECK_INT(partition_state(r.partition), PARTITION_FOLLOWER);
    CHECK_INT(partition_leader(r.partition), 2);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &waiter), ERR_NOT_LEADER_OR_FOLLOWER);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 4, .isr = MEMBERS(1, 2, 3)});
    CHECK_INT(partition_state(r.partition), PARTITION_LEADER);
    CHECK_INT(partition_leader_epoch(r.partition), 4);
    CHECK_INT(r.led, 1);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_NONE, &waiter), 0);
    CHECK_INT(replica_append(&r, 1, 2, &waiter), ERR_INVALID_REQUIRED_ACKS);
    replica_decide(&r, (struct decision){.leader = IMAGE_NO_NODE, .epoch = 5, .isr = MEMBERS(1)});
    CHECK_INT(partition_state(r.partition), PARTITION_FOLLOWER);
    CHECK_INT(r.unled, 1);
    replica_close(&r);
}

/* An answer about the in-sync set may be ahead of the records that come after it. */
static void records_of_an_older_epoch_change_nothing(void)
{
    struct replica r;
    int32_t ids[] = {1, 2, 3};
    replica_open(&r, "");
    replica_begin(&r, (struct decision){.leader = NODE, .epoch = 4, .isr = MEMBERS(1, 2, 3)});
    struct image_partition record = {.leader = 2,
                                     .leader_epoch = 3,
                                     .partition_epoch = 9,
                                     .replicas = {ids, 3},
                                     .isr = {ids, 3}};
    partition_update(r.partition, &record);
    CHECK_INT(partition_state(r.partition), PARTITION_LEADER);
    record.leader_epoch = 4;
    record.partition_epoch = r.partition_epoch;
    partition_update(r.partition, &record);
    CHECK_INT(partition_leader(r.partition), NODE);
    record.leader_epoch = 5;
    record.partition_epoch++;
    partition_update(r.partition, &record);
    CHECK_INT(partition_state(r.partition), PARTITION_FOLLOWER);
    replica_close(&r);
}

/* What was decided about our id before we were registered was decided about an earlier process. */
static void roles_wait_for_our_own_registration(void)
{
    struct replica r;
    replica_open(&r, "");
    replica_new_manager(&r);
    r.broker_epoch = 6; /* three brokers, the topic, the partition: the next one */
    replica_manager_registered(r.manager);
    feed_topic(r.metadata, "t");
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1)});
    r.partition = replica_find(&r);
    CHECK(r.partition != NULL);
    CHECK(!replica_manager_is_current(r.manager));
    until_quiet(r.logs.env);
    CHECK_INT(partition_state(r.partition), PARTITION_OPENING);
    feed_broker(r.metadata, NODE, 6, 1, false);
    CHECK(replica_manager_is_current(r.manager));
    UNTIL(r.logs.env, partition_state(r.partition) == PARTITION_LEADER);
    replica_close(&r);
}

/* Only the log directory in which it was can prove that it has all its records. */
static void who_may_be_emptied_does_not_move(void)
{
    struct replica r;
    replica_open(&r, "");
    replica_begin(&r, (struct decision){
                          .leader = IMAGE_NO_NODE, .epoch = 3, .isr = MEMBERS(1), .emptied = true});
    CHECK(r.partition->log->swapped == NULL);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 4, .isr = MEMBERS(1)});
    CHECK(r.partition->log->swapped != NULL);
    replica_decide(
        &r,
        (struct decision){.leader = IMAGE_NO_NODE, .epoch = 5, .isr = MEMBERS(1), .emptied = true});
    CHECK(r.partition->log->swapped == NULL);
    replica_close(&r);
}

/* ---- the high watermark ---- */

/* One member: what is on its own disk. */
static void alone_the_disk_decides(void)
{
    struct replica r;
    struct waiter all, own;
    replica_open_leading(&r, MEMBERS(1));
    CHECK_INT(replica_append(&r, 3, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_LEADER, &own), PARTITION_WAITS);
    CHECK_INT(partition_high_watermark(r.partition), 0); /* nothing is flushed yet */
    UNTIL(r.logs.env, all.calls && own.calls);
    CHECK_INT(all.err, 0);
    CHECK_INT(own.err, 0);
    CHECK_INT(partition_high_watermark(r.partition), 5);
    CHECK(replica_is_durable(&r));
    replica_close(&r);
}

static void the_slowest_member_decides(void)
{
    struct replica r;
    struct waiter all, own;
    replica_open_leading(&r, MEMBERS(1, 2, 3));
    CHECK_INT(replica_append(&r, 3, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_LEADER, &own), PARTITION_WAITS);
    UNTIL(r.logs.env, own.calls && replica_is_durable(&r));
    CHECK_INT(own.err, 0); /* acks=1 asks nobody else */
    CHECK_INT(partition_high_watermark(r.partition), 0);
    replica_acknowledge(&r, 2, 5);
    CHECK_INT(partition_high_watermark(r.partition), 0); /* 3 was not heard */
    replica_acknowledge(&r, 3, 2);
    CHECK_INT(partition_high_watermark(r.partition), 2);
    CHECK_INT(all.calls, 0);
    replica_acknowledge(&r, 3, 3);
    CHECK_INT(partition_high_watermark(r.partition), 3);
    CHECK_INT(all.calls, 1);
    CHECK_INT(all.err, 0);
    replica_acknowledge(&r, 3, 0); /* it never goes back */
    CHECK_INT(partition_high_watermark(r.partition), 3);
    replica_close(&r);
}

static void who_is_no_member_decides_nothing(void)
{
    struct replica r;
    struct waiter all;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 3, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    replica_acknowledge(&r, 4, 3); /* no replica at all */
    CHECK_INT(partition_high_watermark(r.partition), 0);
    replica_acknowledge(&r, 2, 3); /* 3 is a replica, and not in the set */
    CHECK_INT(partition_high_watermark(r.partition), 3);
    CHECK_INT(all.calls, 1);
    replica_close(&r);
}

/* Followers may have it on their disks before we do. */
static void our_own_flush_counts_too(void)
{
    struct replica r;
    struct waiter all;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 3, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    replica_acknowledge(&r, 2, 3);
    CHECK_INT(partition_high_watermark(r.partition), 0);
    UNTIL(r.logs.env, all.calls);
    CHECK_INT(partition_high_watermark(r.partition), 3);
    replica_close(&r);
}

static void set_min_insync(struct replica *r, const char *value)
{
    feed_setting(r->metadata, META__CONFIG_RECORD__RESOURCE__TOPIC, "t", "min.insync.replicas",
                 value);
}

static void a_set_that_is_too_small_takes_no_acks_all(void)
{
    struct replica r;
    struct waiter all, own;
    replica_open_leading(&r, MEMBERS(1));
    set_min_insync(&r, "2");
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), ERR_NOT_ENOUGH_REPLICAS);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_LEADER, &own), PARTITION_WAITS);
    UNTIL(r.logs.env, own.calls);
    CHECK_INT(own.err, 0);
    CHECK_INT(partition_high_watermark(r.partition), 0); /* KIP-966: it stands still */
    set_min_insync(&r, "1");
    CHECK_INT(partition_high_watermark(r.partition), 1);
    replica_close(&r);
}

/* Whatever our settings say: the controller may know newer ones, or they are our file's. */
static void eligible_replicas_hold_the_watermark(void)
{
    struct replica r;
    struct waiter all, own;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    replica_decide(
        &r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1), .elr = MEMBERS(2)});
    CHECK_INT(all.calls, 1);
    CHECK_INT(all.err, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), ERR_NOT_ENOUGH_REPLICAS);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_LEADER, &own), PARTITION_WAITS);
    UNTIL(r.logs.env, own.calls);
    CHECK_INT(partition_high_watermark(r.partition), 0);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1)});
    CHECK_INT(partition_high_watermark(r.partition), 2);
    replica_close(&r);
}

/* A topic with fewer replicas than that could never move. */
static void fewer_replicas_than_needed_are_all_needed(void)
{
    struct replica r;
    struct waiter own, all;
    replica_open(&r, "");
    feed_topic(r.metadata, "t");
    set_min_insync(&r, "2");
    replica_decide(&r, (struct decision){
                           .leader = NODE, .epoch = 1, .replicas = MEMBERS(1), .isr = MEMBERS(1)});
    r.partition = replica_find(&r);
    UNTIL(r.logs.env, partition_state(r.partition) == PARTITION_LEADER);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_LEADER, &own), PARTITION_WAITS);
    UNTIL(r.logs.env, own.calls);
    CHECK_INT(partition_high_watermark(r.partition), 1);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, all.calls);
    CHECK_INT(all.err, 0);
    replica_close(&r);
}

static void a_set_that_shrinks_below_the_least_ends_waits(void)
{
    struct replica r;
    struct waiter all, own;
    replica_open_leading(&r, MEMBERS(1, 2));
    set_min_insync(&r, "2");
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_LEADER, &own), PARTITION_WAITS);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1)});
    CHECK_INT(all.calls, 1);
    CHECK_INT(all.err, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    CHECK_INT(own.calls, 0);
    UNTIL(r.logs.env, own.calls);
    CHECK_INT(own.err, 0);
    replica_close(&r);
}

/* ---- what ends a wait ---- */

static void a_lost_lead_ends_waits(void)
{
    struct replica r;
    struct waiter all, again;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    replica_decide(&r, (struct decision){.leader = 2, .epoch = 2, .isr = MEMBERS(1, 2)});
    CHECK_INT(all.calls, 1);
    CHECK_INT(all.err, ERR_NOT_LEADER_OR_FOLLOWER);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 3, .isr = MEMBERS(1, 2)});
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &again), PARTITION_WAITS);
    /* A new epoch of the same leader: somebody else may have led in between. */
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 5, .isr = MEMBERS(1, 2)});
    CHECK_INT(again.calls, 1);
    CHECK_INT(again.err, ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(all.calls, 1);
    replica_close(&r);
}

struct hearer {
    struct partition_interest interest;
    unsigned heard;
    int calls;
};

static void hearer_changed(struct partition_interest *interest, unsigned change)
{
    struct hearer *hearer = CONTAINER_OF(interest, struct hearer, interest);
    hearer->heard |= change;
    hearer->calls++;
}

static void hear(struct replica *r, struct hearer *hearer, unsigned mask)
{
    hearer->interest.mask = (uint8_t)mask;
    hearer->interest.changed = hearer_changed;
    partition_watch(r->partition, &hearer->interest);
}

static void a_removed_topic_ends_waits_and_interests(void)
{
    struct replica r;
    struct waiter all, cancelled;
    struct hearer hearer = {0};
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &cancelled), PARTITION_WAITS);
    hear(&r, &hearer, PARTITION_CHANGED_ROLE);
    list_remove(&cancelled.wait.link);
    feed_topic_removed(r.metadata, "t");
    CHECK_INT(all.calls, 1);
    CHECK_INT(all.err, ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(cancelled.calls, 0);
    CHECK_INT(hearer.calls, 1);
    CHECK(!hearer.interest.watching);
    CHECK(replica_find(&r) == NULL);
    CHECK_INT(r.unled, 1);
    replica_close(&r);
}

static void interests_hear_what_they_asked_for(void)
{
    struct replica r;
    struct waiter waiter;
    struct hearer end = {0}, hw = {0}, none = {0};
    replica_open_leading(&r, MEMBERS(1));
    hear(&r, &end, PARTITION_CHANGED_END);
    hear(&r, &hw, PARTITION_CHANGED_HW);
    hear(&r, &none, PARTITION_CHANGED_END | PARTITION_CHANGED_HW);
    partition_unwatch(&none.interest);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &waiter), PARTITION_WAITS);
    CHECK_INT(end.calls, 1);
    CHECK_INT(hw.calls, 0);
    UNTIL(r.logs.env, waiter.calls);
    CHECK_INT(end.heard, PARTITION_CHANGED_END);
    CHECK_INT(hw.heard, PARTITION_CHANGED_HW);
    CHECK_INT(none.calls, 0);
    partition_unwatch(&end.interest);
    partition_unwatch(&hw.interest);
    replica_close(&r);
}

/* DeleteRecords: every member says that its log starts there, on its disk. */
static void deleted_records_wait_for_all_members(void)
{
    struct replica r;
    struct waiter all, deleted = {.wait.done = waiter_done}, early = {.wait.done = waiter_done};
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 4, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    replica_acknowledge(&r, 2, 4);
    CHECK_INT(partition_high_watermark(r.partition), 4);
    CHECK_INT(partition_delete_records(r.partition, 5, &early.wait), ERR_OFFSET_OUT_OF_RANGE);
    CHECK_INT(partition_delete_records(r.partition, 3, &deleted.wait), PARTITION_WAITS);
    UNTIL(r.logs.env, log_saved_start(partition_log(r.partition)) == 3);
    replica_acknowledge(&r, 2, 4);
    CHECK_INT(deleted.calls, 0);
    struct partition_read_args args = replica_fetch(&r, 2, 4);
    args.log_start_offset = 3;
    partition_acknowledge(r.partition, &args);
    CHECK_INT(deleted.calls, 1);
    CHECK_INT(deleted.err, 0);
    CHECK_INT(partition_low_watermark(r.partition), 3);
    replica_close(&r);
}

/* ---- a process that stood still ---- */

static void a_stalled_process_serves_nothing(void)
{
    struct replica r;
    struct waiter all, late;
    struct partition_read read;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    r.stalled = true;
    replica_acknowledge(&r, 2, 1);
    CHECK_INT(all.calls, 0);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &late), ERR_NOT_LEADER_OR_FOLLOWER);
    struct partition_read_args args = replica_fetch(&r, -1, 0);
    CHECK_INT(partition_read(r.partition, &args, &read), ERR_NOT_LEADER_OR_FOLLOWER);
    r.stalled = false;
    replica_manager_resume(r.manager);
    CHECK_INT(all.calls, 0); /* in the next turn */
    UNTIL(r.logs.env, all.calls);
    CHECK_INT(all.err, 0);
    replica_close(&r);
}

/* ---- reading ---- */

/* 1: some bytes; 0: none; or the error. */
static int read_at(struct replica *r, struct partition_read_args args)
{
    struct partition_read read;
    int err = partition_read(r->partition, &args, &read);
    if (err || read.slice.chunk.len == 0)
        return err;
    partition_slice_release(&read.slice);
    return 1;
}

static void readers_see_what_is_theirs(void)
{
    struct replica r;
    struct waiter first, second;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &first), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    replica_acknowledge(&r, 2, 2);
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &second), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    struct partition_read_args consumer = replica_fetch(&r, -1, 2);
    struct partition_read_args follower = replica_fetch(&r, 2, 2);
    CHECK_INT(read_at(&r, consumer), 0); /* up to the high watermark */
    CHECK_INT(read_at(&r, follower), 1); /* up to the end */
    follower.replica_epoch = 99;
    CHECK_INT(read_at(&r, follower), ERR_NOT_LEADER_OR_FOLLOWER); /* who says that he is one */
    consumer.offset = 5;
    CHECK_INT(read_at(&r, consumer), ERR_OFFSET_OUT_OF_RANGE);
    consumer.offset = 0;
    CHECK_INT(read_at(&r, consumer), 1);
    consumer.current_leader_epoch = 0;
    CHECK_INT(read_at(&r, consumer), ERR_FENCED_LEADER_EPOCH);
    consumer.current_leader_epoch = 2;
    CHECK_INT(read_at(&r, consumer), ERR_UNKNOWN_LEADER_EPOCH);
    replica_decide(&r, (struct decision){.leader = 2, .epoch = 2, .isr = MEMBERS(1, 2)});
    CHECK_INT(read_at(&r, consumer), ERR_NOT_LEADER_OR_FOLLOWER);
    consumer.follower_ok = true;
    CHECK_INT(read_at(&r, consumer), 1);
    consumer.offset = 9; /* the leader may have it */
    CHECK_INT(read_at(&r, consumer), ERR_OFFSET_NOT_AVAILABLE);
    replica_close(&r);
}

/* A log that can't be begun afresh ends where it did, and nobody reads past that. */
static void a_failed_restart_leaves_the_watermark(void)
{
    struct replica r;
    struct waiter waiter;
    replica_open_leading(&r, MEMBERS(1));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &waiter), PARTITION_WAITS);
    UNTIL(r.logs.env, waiter.calls);
    replica_decide(&r, (struct decision){.leader = 2, .epoch = 2, .isr = MEMBERS(1, 2)});
    CHECK_INT(partition_state(r.partition), PARTITION_FOLLOWER);
    CHECK_INT(log_fail(partition_log(r.partition), ERR_IO, "write"), ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(partition_restart_at(r.partition, 100), ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(partition_high_watermark(r.partition), 2);
    replica_close(&r);
}

/* KIP-595: who has other records under an epoch must cut them before it gets or acknowledges
 * anything. */
static void a_follower_that_differs_must_cut(void)
{
    struct replica r;
    struct waiter waiter;
    struct partition_read read;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &waiter), PARTITION_WAITS);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 4, .isr = MEMBERS(1, 2)});
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &waiter), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    struct partition_read_args args = replica_fetch(&r, 2, 4);
    args.last_fetched_epoch = 3; /* of a leader that we never heard of */
    CHECK_INT(partition_read(r.partition, &args, &read), 0);
    CHECK(read.diverging);
    CHECK_INT(read.diverging_epoch, 1);
    CHECK_INT(read.diverging_offset, 2);
    partition_acknowledge(r.partition, &args);
    CHECK_INT(partition_high_watermark(r.partition), 0);
    args.last_fetched_epoch = 4;
    CHECK_INT(partition_read(r.partition, &args, &read), 0);
    CHECK(!read.diverging);
    partition_acknowledge(r.partition, &args);
    CHECK_INT(partition_high_watermark(r.partition), 4);
    replica_close(&r);
}

/* Of an open transaction only who reads everything hears; and a follower of all that is there. */
static void offsets_are_those_of_the_reader(void)
{
    struct replica r;
    struct waiter waiter = {.wait.done = waiter_done};
    struct log_lookup lookup;
    struct log_append result;
    struct partition_offset found;
    static const int64_t latest[] = {
        [READER_CONSUMER] = 3, [READER_FOLLOWER] = 3, [READER_COMMITTED] = 2};
    static const int64_t timed[] = {
        [READER_CONSUMER] = 2, [READER_FOLLOWER] = 2, [READER_COMMITTED] = -1};
    replica_open_leading(&r, MEMBERS(1));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &waiter), PARTITION_WAITS);
    UNTIL(r.logs.env, waiter.calls);
    struct buf batch = batch_make((struct batch_spec){
        .count = 1, .producer_id = 7, .attributes = BATCH_TRANSACTIONAL, .timestamp = 5000});
    CHECK_INT(partition_append(r.partition, batch.data, batch.len, LOG_FROM_CLIENT,
                               PARTITION_ACKS_ALL, &result, &waiter.wait),
              PARTITION_WAITS);
    UNTIL(r.logs.env, waiter.calls == 2);
    buf_close(&batch);
    CHECK_INT(partition_last_stable_offset(r.partition), 2);
    for (enum partition_reader reader = READER_CONSUMER; reader <= READER_COMMITTED; reader++) {
        CHECK_INT(partition_find_offset(r.partition, 1, -1, reader, &lookup, &found), 0);
        CHECK_INT(found.offset, latest[reader]);
        CHECK_INT(partition_find_offset(r.partition, 1, 5000, reader, &lookup, &found), 0);
        CHECK_INT(found.offset, timed[reader]);
        CHECK_INT(partition_find_offset(r.partition, 1, -2, reader, &lookup, &found), 0);
        CHECK_INT(found.offset, 0);
    }
    replica_close(&r);
}

/* A new leader does not know how far its predecessor's high watermark was. */
static void the_latest_offset_is_unknown_at_first(void)
{
    struct replica r;
    struct waiter waiter;
    struct log_lookup lookup;
    struct partition_offset found;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_LEADER, &waiter), PARTITION_WAITS);
    UNTIL(r.logs.env, waiter.calls);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 2, .isr = MEMBERS(1, 2)});
    CHECK_INT(partition_find_offset(r.partition, 2, -1, false, &lookup, &found),
              ERR_OFFSET_NOT_AVAILABLE);
    CHECK_INT(partition_find_offset(r.partition, 2, -1, true, &lookup, &found), 0);
    CHECK_INT(found.offset, 2);
    CHECK_INT(partition_find_offset(r.partition, 1, -1, false, &lookup, &found),
              ERR_FENCED_LEADER_EPOCH);
    replica_acknowledge(&r, 2, 2);
    CHECK_INT(partition_find_offset(r.partition, 2, -1, false, &lookup, &found), 0);
    CHECK_INT(found.offset, 2);
    CHECK_INT(found.leader_epoch, 2);
    replica_close(&r);
}

TAP_MAIN(TAP_TEST(roles_follow_the_records), TAP_TEST(records_of_an_older_epoch_change_nothing),
         TAP_TEST(roles_wait_for_our_own_registration), TAP_TEST(who_may_be_emptied_does_not_move),
         TAP_TEST(alone_the_disk_decides), TAP_TEST(the_slowest_member_decides),
         TAP_TEST(who_is_no_member_decides_nothing), TAP_TEST(our_own_flush_counts_too),
         TAP_TEST(a_set_that_is_too_small_takes_no_acks_all),
         TAP_TEST(eligible_replicas_hold_the_watermark),
         TAP_TEST(fewer_replicas_than_needed_are_all_needed),
         TAP_TEST(a_set_that_shrinks_below_the_least_ends_waits), TAP_TEST(a_lost_lead_ends_waits),
         TAP_TEST(a_removed_topic_ends_waits_and_interests),
         TAP_TEST(interests_hear_what_they_asked_for),
         TAP_TEST(deleted_records_wait_for_all_members), TAP_TEST(a_stalled_process_serves_nothing),
         TAP_TEST(readers_see_what_is_theirs), TAP_TEST(a_failed_restart_leaves_the_watermark),
         TAP_TEST(a_follower_that_differs_must_cut), TAP_TEST(offsets_are_those_of_the_reader),
         TAP_TEST(the_latest_offset_is_unknown_at_first))
