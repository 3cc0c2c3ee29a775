/* The in-sync set of a leader: who leaves, who joins, whose word counts. */
#include "fixture.h"

/* The proposal that waits at the channel; waits for it. */
static const Meta__Command *next_proposal(struct replica *r)
{
    UNTIL(r->logs.env, replica_sent(META__COMMAND__BODY_ALTER_PARTITIONS));
    return replica_sent(META__COMMAND__BODY_ALTER_PARTITIONS);
}

static bool is_silent(struct replica *r)
{
    until_quiet(r->logs.env);
    return !replica_sent(META__COMMAND__BODY_ALTER_PARTITIONS);
}

/* The one partition that it speaks of names these members, each under his own broker epoch. */
static const Meta__AlterPartitions__Partition *check_proposal(const Meta__Command *command,
                                                              struct members isr)
{
    const Meta__AlterPartitions *alter = command->alter_partitions;
    CHECK_INT(alter->broker_id, NODE);
    CHECK_INT(alter->n_partitions, 1);
    const Meta__AlterPartitions__Partition *partition = alter->partitions[0];
    CHECK_INT(partition->n_isr, isr.count);
    for (int32_t i = 0; i < isr.count; i++)
        CHECK_INT(partition->isr[i]->broker_id, isr.ids[i]);
    return partition;
}

static void accept_proposal(struct replica *r, const Meta__Command *command, struct members isr)
{
    Meta__AlterPartitionResult result = META__ALTER_PARTITION_RESULT__INIT;
    Meta__AlterPartitionResult *results[] = {&result};
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    result.leader = NODE;
    result.leader_epoch = partition_leader_epoch(r->partition);
    result.partition_epoch = ++r->partition_epoch;
    result.isr = isr.ids;
    result.n_isr = (size_t)isr.count;
    reply.partitions = results;
    reply.n_partitions = 1;
    replica_answer(command, 0, &reply);
}

static void refuse_proposal(const Meta__Command *command, int err)
{
    Meta__AlterPartitionResult result = META__ALTER_PARTITION_RESULT__INIT;
    Meta__AlterPartitionResult *results[] = {&result};
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    result.error = err_to_wire(err);
    reply.partitions = results;
    reply.n_partitions = 1;
    replica_answer(command, 0, &reply);
}

/* ---- shrink ---- */

/* Until the controller has accepted it, who lags still counts. */
static void who_lags_leaves_when_the_controller_says_so(void)
{
    struct replica r;
    struct waiter all;
    replica_open(&r, "replica.lag.time.max.ms=1\nreplica.fetch.wait.max.ms=1\n");
    replica_lead(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    const Meta__Command *command = next_proposal(&r);
    const Meta__AlterPartitions__Partition *asked = check_proposal(command, MEMBERS(1));
    CHECK_INT(asked->leader_epoch, 1);
    CHECK_INT(asked->partition_epoch, r.partition_epoch);
    CHECK_INT(asked->isr[0]->broker_epoch, NODE);
    UNTIL(r.logs.env, replica_is_durable(&r));
    CHECK_INT(partition_high_watermark(r.partition), 0);
    CHECK_INT(all.calls, 0);
    accept_proposal(&r, command, MEMBERS(1)); /* ahead of the record */
    CHECK_INT(partition_high_watermark(r.partition), 2);
    CHECK_INT(all.calls, 1);
    CHECK_INT(all.err, 0);
    replica_close(&r);
}

/* The answer is ahead of the record, and has the eligible ones too. */
static void an_answer_holds_the_watermark(void)
{
    struct replica r;
    struct waiter own;
    Meta__AlterPartitionResult result = META__ALTER_PARTITION_RESULT__INIT;
    Meta__AlterPartitionResult *results[] = {&result};
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    int32_t member = NODE, eligible = 2;
    replica_open_leading(&r, MEMBERS(1, 2));
    feed_broker(r.metadata, 2, 2, 1, true);
    const Meta__Command *command = next_proposal(&r);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_LEADER, &own), PARTITION_WAITS);
    UNTIL(r.logs.env, own.calls);
    result.leader = NODE;
    result.leader_epoch = 1;
    result.partition_epoch = ++r.partition_epoch;
    result.isr = &member;
    result.elr = &eligible;
    result.n_isr = result.n_elr = 1;
    reply.partitions = results;
    reply.n_partitions = 1;
    replica_answer(command, 0, &reply);
    CHECK_INT(partition_high_watermark(r.partition), 0);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1)});
    CHECK_INT(partition_high_watermark(r.partition), 1);
    replica_close(&r);
}

static void who_cannot_serve_leaves_at_once(void)
{
    struct replica r;
    replica_open_leading(&r, MEMBERS(1, 2, 3));
    CHECK(is_silent(&r)); /* nobody has lagged for the time that is allowed */
    feed_broker(r.metadata, 2, 2, 1, true);
    accept_proposal(&r, next_proposal(&r), MEMBERS(1, 3));
    replica_decide(
        &r,
        (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1, 3), .offline = MEMBERS(3)});
    check_proposal(next_proposal(&r), MEMBERS(1));
    replica_close(&r);
}

/* A full disk here as well: nobody takes anything, and the set is worth more whole. */
static void a_full_member_leaves_a_leader_with_room(void)
{
    struct replica r;
    replica_open(&r, "");
    replica_begin(&r, (struct decision){
                          .leader = NODE, .epoch = 1, .isr = MEMBERS(1, 2), .full = MEMBERS(1, 2)});
    CHECK(is_silent(&r));
    replica_decide(&r, (struct decision){
                           .leader = NODE, .epoch = 1, .isr = MEMBERS(1, 2), .full = MEMBERS(2)});
    check_proposal(next_proposal(&r), MEMBERS(1));
    replica_close(&r);
}

/* ---- expand ---- */

/* A member that is being added holds the high watermark back from the moment of the proposal. */
static void who_has_caught_up_joins(void)
{
    struct replica r;
    struct waiter all, next;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    replica_acknowledge(&r, 2, 2);
    CHECK_INT(partition_high_watermark(r.partition), 2);
    replica_acknowledge(&r, 3, 1); /* below the high watermark */
    CHECK(is_silent(&r));
    replica_acknowledge(&r, 3, 2);
    const Meta__Command *command = next_proposal(&r);
    const Meta__AlterPartitions__Partition *asked = check_proposal(command, MEMBERS(1, 2, 3));
    CHECK_INT(asked->isr[2]->broker_epoch, 3);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &next), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    replica_acknowledge(&r, 2, 3);
    CHECK_INT(partition_high_watermark(r.partition), 2);
    replica_acknowledge(&r, 3, 3);
    CHECK_INT(partition_high_watermark(r.partition), 3);
    accept_proposal(&r, command, MEMBERS(1, 2, 3));
    CHECK(is_silent(&r));
    replica_close(&r);
}

/* Else it would be out again with the next look at who lags. */
static void who_has_not_caught_up_for_long_does_not_join(void)
{
    enum { LAG_MS = 20 };
    struct replica r;
    struct waiter all;
    replica_open(&r, "replica.lag.time.max.ms=20\nreplica.fetch.wait.max.ms=1\n");
    replica_lead(&r, MEMBERS(1));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, all.calls);
    int64_t began_ms = env_now_ms(r.logs.env);
    UNTIL(r.logs.env, env_now_ms(r.logs.env) - began_ms > 2 * LAG_MS);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    replica_acknowledge(&r, 2, 1);
    replica_acknowledge(&r, 2, 2);
    CHECK_INT(partition_high_watermark(r.partition), 2); /* which it has */
    CHECK(is_silent(&r));
    replica_acknowledge(&r, 2, 3);
    check_proposal(next_proposal(&r), MEMBERS(1, 2));
    replica_close(&r);
}

/* Its end may be below that of our predecessor's log, which had everything that is committed. */
static void a_joiner_has_all_from_before_this_epoch(void)
{
    struct replica r;
    struct waiter own;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_LEADER, &own), PARTITION_WAITS);
    UNTIL(r.logs.env, own.calls);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 2, .isr = MEMBERS(1, 2)});
    CHECK_INT(partition_high_watermark(r.partition), 0);
    replica_acknowledge(&r, 3, 1); /* at the high watermark, which is not known well yet */
    CHECK(is_silent(&r));
    replica_acknowledge(&r, 3, 2);
    check_proposal(next_proposal(&r), MEMBERS(1, 2, 3));
    replica_close(&r);
}

static void nobody_joins_who_is_fenced(void)
{
    struct replica r;
    replica_open_leading(&r, MEMBERS(1));
    feed_broker(r.metadata, 3, 3, 1, true);
    replica_acknowledge(&r, 3, 0);
    CHECK(is_silent(&r));
    feed_broker(r.metadata, 3, 3, 1, false); /* and that alone lets it in */
    check_proposal(next_proposal(&r), MEMBERS(1, 3));
    replica_close(&r);
}

/* DeleteRecords is answered by then: a crash of the joiner must not bring the records back. */
static void a_joiner_has_saved_the_log_start(void)
{
    struct replica r;
    struct waiter all, deleted = {.wait.done = waiter_done};
    replica_open_leading(&r, MEMBERS(1));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, all.calls);
    CHECK_INT(partition_delete_records(r.partition, 1, &deleted.wait), PARTITION_WAITS);
    UNTIL(r.logs.env, deleted.calls);
    replica_acknowledge(&r, 2, 2);
    CHECK(is_silent(&r));
    struct partition_read_args args = replica_fetch(&r, 2, 2);
    args.log_start_offset = 1;
    partition_acknowledge(r.partition, &args);
    check_proposal(next_proposal(&r), MEMBERS(1, 2));
    replica_close(&r);
}

/* ---- whose word counts ---- */

static void fetches_of_another_leader_epoch_do_not_count(void)
{
    struct replica r;
    struct waiter all;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    struct partition_read_args args = replica_fetch(&r, 2, 2);
    args.current_leader_epoch = 0;
    partition_acknowledge(r.partition, &args);
    args.current_leader_epoch = 2;
    partition_acknowledge(r.partition, &args);
    CHECK_INT(partition_high_watermark(r.partition), 0);
    replica_acknowledge(&r, 2, 3); /* more than there is */
    CHECK_INT(partition_high_watermark(r.partition), 0);
    replica_acknowledge(&r, 2, 2);
    CHECK_INT(partition_high_watermark(r.partition), 2);
    replica_close(&r);
}

/* KIP-903: a fetch of an earlier process of that broker may come late, and its disk may be empty by
 * now. */
static void fetches_of_another_process_do_not_count(void)
{
    struct replica r;
    struct waiter all;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    static const int64_t strangers[] = {-1, 1, 3};
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
        struct partition_read_args args = replica_fetch(&r, 2, 2);
        args.replica_epoch = strangers[i];
        partition_acknowledge(r.partition, &args);
        CHECK_INT(partition_high_watermark(r.partition), 0);
    }
    replica_acknowledge(&r, 2, 2);
    CHECK_INT(partition_high_watermark(r.partition), 2);
    replica_close(&r);
}

static void a_new_process_begins_with_nothing(void)
{
    struct replica r;
    struct waiter first, second;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &first), PARTITION_WAITS);
    replica_acknowledge(&r, 2, 2);
    UNTIL(r.logs.env, first.calls);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &second), PARTITION_WAITS);
    replica_acknowledge(&r, 2, 3);
    feed_broker(r.metadata, 2, 9, 1, false); /* before our own flush is done */
    UNTIL(r.logs.env, replica_is_durable(&r));
    CHECK_INT(partition_high_watermark(r.partition), 2);
    struct partition_read_args args = replica_fetch(&r, 2, 3);
    partition_acknowledge(r.partition, &args); /* of the old one */
    CHECK_INT(partition_high_watermark(r.partition), 2);
    args.replica_epoch = 9;
    partition_acknowledge(r.partition, &args);
    CHECK_INT(partition_high_watermark(r.partition), 3);
    CHECK_INT(second.calls, 1);
    replica_close(&r);
}

static void a_new_leadership_begins_with_nothing(void)
{
    struct replica r;
    struct waiter first, second;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 2, PARTITION_ACKS_ALL, &first), PARTITION_WAITS);
    replica_acknowledge(&r, 2, 2);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 2, .isr = MEMBERS(1, 2)});
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &second), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    CHECK_INT(partition_high_watermark(r.partition), 0); /* what 2 said was said under epoch 1 */
    replica_acknowledge(&r, 2, 3);
    CHECK_INT(partition_high_watermark(r.partition), 3);
    replica_close(&r);
}

/* `to` gets all that `from` has, as one snapshot. */
static void replace_metadata(struct metadata *to, const struct metadata *from)
{
    struct buf packed;
    buf_init(&packed);
    CHECK_INT(image_pack(metadata_image(from), &packed), 0);
    Meta__Snapshot snapshot = META__SNAPSHOT__INIT;
    snapshot.index = metadata_index(from);
    snapshot.content = meta__entry__unpack(NULL, packed.len, packed.data);
    CHECK(snapshot.content != NULL);
    CHECK_INT(metadata_apply_snapshot(to, &snapshot), 0);
    meta__entry__free_unpacked(snapshot.content, NULL);
    buf_close(&packed);
}

/* That broker is registered anew, and a snapshot is all that tells of it. */
static void register_in_snapshot(struct replica *r, int32_t broker_id, int64_t epoch)
{
    struct metadata *ahead = metadata_new(r->logs.env, &r->logs.logger);
    replace_metadata(ahead, r->metadata);
    feed_broker(ahead, broker_id, epoch, 1, false);
    replace_metadata(r->metadata, ahead);
    metadata_free(ahead);
}

static void a_snapshot_tells_of_a_new_process_too(void)
{
    struct replica r;
    struct waiter all;
    replica_open_leading(&r, MEMBERS(1, 2));
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    replica_acknowledge(&r, 2, 1);
    register_in_snapshot(&r, 2, 9); /* before our own flush is done */
    UNTIL(r.logs.env, replica_is_durable(&r));
    CHECK_INT(partition_high_watermark(r.partition), 0);
    struct partition_read_args args = replica_fetch(&r, 2, 1);
    args.replica_epoch = 9;
    partition_acknowledge(r.partition, &args);
    CHECK_INT(partition_high_watermark(r.partition), 1);
    replica_close(&r);
}

/* ---- what is forgotten ---- */

struct session {
    struct partition_interest interest;
    int forgot;
};

static void session_told(struct partition_interest *interest, unsigned change)
{
    CHECK_INT(change, PARTITION_CHANGED_FORGOT);
    CONTAINER_OF(interest, struct session, interest)->forgot++;
}

/* As a fetch session does that is told; 0 or why the follower has to say it itself. */
static int say_again(struct replica *r, const struct partition_read_args *args)
{
    struct partition_read read;
    int err = partition_read(r->partition, args, &read);
    if (err)
        return err;
    CHECK(!read.diverging);
    partition_acknowledge_again(r->partition, args);
    CHECK(partition_knows(r->partition, args->replica_id));
    partition_slice_release(&read.slice);
    return 0;
}

/* Its partition is idle, and its fetches don't name it. */
static void who_was_offline_joins_without_a_fetch_that_names_it(void)
{
    struct replica r;
    struct session session = {
        .interest = {.mask = PARTITION_CHANGED_FORGOT, .changed = session_told}};
    struct decision alone = {.leader = NODE, .epoch = 1, .isr = MEMBERS(1)};
    replica_open_leading(&r, MEMBERS(1, 2));
    partition_watch(r.partition, &session.interest);
    struct partition_read_args said = replica_fetch(&r, 2, 0);
    partition_acknowledge(r.partition, &said);
    replica_decide(&r, (struct decision){
                           .leader = NODE, .epoch = 1, .isr = MEMBERS(1), .offline = MEMBERS(2)});
    CHECK_INT(session.forgot, 1);
    CHECK(!partition_knows(r.partition, 2));
    CHECK_INT(say_again(&r, &said), ERR_NOT_LEADER_OR_FOLLOWER);
    replica_decide(&r, alone);
    CHECK(is_silent(&r));
    CHECK_INT(say_again(&r, &said), 0);
    check_proposal(next_proposal(&r), MEMBERS(1, 2));
    CHECK_INT(session.forgot, 1); /* nothing more is forgotten */
    partition_unwatch(&session.interest);
    replica_close(&r);
}

static void every_way_to_forget_is_told(void)
{
    struct replica r;
    struct session session = {
        .interest = {.mask = PARTITION_CHANGED_FORGOT, .changed = session_told}};
    replica_open_leading(&r, MEMBERS(1, 2));
    partition_watch(r.partition, &session.interest);
    feed_broker(r.metadata, 2, 2, 1, false); /* nothing was known, or nothing is new */
    replica_acknowledge(&r, 2, 0);
    feed_broker(r.metadata, 2, 2, 1, false);
    CHECK_INT(session.forgot, 0);
    replica_decide(&r,
                   (struct decision){
                       .leader = NODE, .epoch = 1, .replicas = MEMBERS(1, 3), .isr = MEMBERS(1)});
    CHECK_INT(session.forgot, 1);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1)});
    CHECK_INT(session.forgot, 1);
    CHECK(!partition_knows(r.partition, 2));
    replica_acknowledge(&r, 2, 0);
    feed_broker(r.metadata, 2, 9, 1, false);
    CHECK_INT(session.forgot, 2);
    struct partition_read_args args = replica_fetch(&r, 2, 0);
    args.replica_epoch = 9;
    partition_acknowledge(r.partition, &args);
    register_in_snapshot(&r, 2, 10);
    CHECK_INT(session.forgot, 3);
    partition_unwatch(&session.interest);
    replica_close(&r);
}

/* ---- answers to proposals ---- */

/* It may have been accepted: its members count, and it is asked again as it was. */
static void without_an_answer_it_is_asked_again(void)
{
    struct replica r;
    struct waiter all;
    replica_open_leading(&r, MEMBERS(1));
    replica_acknowledge(&r, 3, 0);
    check_proposal(next_proposal(&r), MEMBERS(1, 3));
    replica_answer(next_proposal(&r), ERR_REQUEST_TIMED_OUT, NULL);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    CHECK_INT(partition_high_watermark(r.partition), 0);
    const Meta__Command *again = next_proposal(&r);
    check_proposal(again, MEMBERS(1, 3));
    refuse_proposal(again, ERR_NOT_CONTROLLER); /* nor is that a clear one */
    CHECK_INT(partition_high_watermark(r.partition), 0);
    accept_proposal(&r, next_proposal(&r), MEMBERS(1, 3));
    replica_acknowledge(&r, 3, 1);
    CHECK_INT(partition_high_watermark(r.partition), 1);
    replica_close(&r);
}

/* Who was refused does not count; nor does it join unless it is heard again. */
static void a_refused_one_is_dropped(void)
{
    struct replica r;
    struct waiter all;
    replica_open_leading(&r, MEMBERS(1));
    replica_acknowledge(&r, 3, 0);
    const Meta__Command *command = next_proposal(&r);
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &all), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    CHECK_INT(partition_high_watermark(r.partition), 0);
    refuse_proposal(command, ERR_INELIGIBLE_REPLICA);
    CHECK(r.partition->proposal == PROPOSAL_NONE);
    partition_advance(r.partition);
    CHECK_INT(partition_high_watermark(r.partition), 1);
    replica_close(&r);
}

/* The newest record says more than an answer about the one before it. */
static void an_answer_that_is_late_changes_nothing(void)
{
    struct replica r;
    replica_open_leading(&r, MEMBERS(1));
    replica_acknowledge(&r, 3, 0);
    const Meta__Command *command = next_proposal(&r);
    replica_decide(&r, (struct decision){.leader = 2, .epoch = 2, .isr = MEMBERS(2)});
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 3, .isr = MEMBERS(1, 2)});
    replica_acknowledge(&r, 3, 0);
    UNTIL(r.logs.env, r.call_count == 2); /* it is asked for again, under the new record */
    Meta__AlterPartitionResult result = META__ALTER_PARTITION_RESULT__INIT;
    Meta__AlterPartitionResult *results[] = {&result};
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    int32_t isr[] = {1, 3};
    result.leader = NODE;
    result.leader_epoch = 1;
    result.partition_epoch = 2;
    result.isr = isr;
    result.n_isr = 2;
    reply.partitions = results;
    reply.n_partitions = 1;
    replica_answer(command, 0, &reply);
    CHECK_INT(partition_leader_epoch(r.partition), 3);
    CHECK(image_ids_have(&r.partition->isr, 2));
    CHECK(!image_ids_have(&r.partition->isr, 3));
    CHECK(r.partition->proposal == PROPOSAL_SENT);
    replica_close(&r);
}

TAP_MAIN(TAP_TEST(who_lags_leaves_when_the_controller_says_so),
         TAP_TEST(an_answer_holds_the_watermark), TAP_TEST(who_cannot_serve_leaves_at_once),
         TAP_TEST(a_full_member_leaves_a_leader_with_room), TAP_TEST(who_has_caught_up_joins),
         TAP_TEST(who_has_not_caught_up_for_long_does_not_join),
         TAP_TEST(a_joiner_has_all_from_before_this_epoch), TAP_TEST(nobody_joins_who_is_fenced),
         TAP_TEST(a_joiner_has_saved_the_log_start),
         TAP_TEST(fetches_of_another_leader_epoch_do_not_count),
         TAP_TEST(fetches_of_another_process_do_not_count),
         TAP_TEST(a_new_process_begins_with_nothing),
         TAP_TEST(a_new_leadership_begins_with_nothing),
         TAP_TEST(a_snapshot_tells_of_a_new_process_too),
         TAP_TEST(who_was_offline_joins_without_a_fetch_that_names_it),
         TAP_TEST(every_way_to_forget_is_told), TAP_TEST(without_an_answer_it_is_asked_again),
         TAP_TEST(a_refused_one_is_dropped), TAP_TEST(an_answer_that_is_late_changes_nothing))
