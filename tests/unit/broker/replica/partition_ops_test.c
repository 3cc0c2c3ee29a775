/* Operations on partitions as their callers see them: when they are done, in which order, how they
 * end early, and what a turn of the loop takes. */
#include "fixture.h"

#include "broker/replica/partitions.h"
#include "kafka/messages/fetch.h"

enum { CHAIN = 50, MANY = 3000, TURN_STEPS = 1024 };

static struct replica r;

static struct partitions *ops(void)
{
    return replica_manager_partitions(r.manager);
}

static struct partition_ref ref_of(const char *topic)
{
    struct partition_ref ref;
    CHECK_INT(partitions_by_name(ops(), topic, strlen(topic), 0, &ref), 0);
    return ref;
}

/* ---- appends ---- */

struct append {
    struct partition_append_op op;
    struct buf bytes;
    int taken;
    int done;
    int order; /* in which it was taken or refused, from 1 */
    bool given;
    struct partition_op *cancels; /* in done */
};

static int order;

static struct append *append_of(struct partition_append_op *op)
{
    return CONTAINER_OF(op, struct append, op);
}

static void append_taken(struct partition_append_op *op)
{
    append_of(op)->taken++;
    append_of(op)->order = ++order;
}

static void append_done(struct partition_op *op)
{
    struct append *append = append_of(CONTAINER_OF(op, struct partition_append_op, op));
    CHECK(!partition_op_is_open(op));
    append->done++;
    if (append->order == 0)
        append->order = ++order;
    if (append->cancels)
        partition_op_cancel(append->cancels);
}

static void *append_give(struct partition_append_op *op)
{
    struct append *append = append_of(op);
    void *block = append->bytes.data;
    append->given = true;
    buf_init(&append->bytes);
    return block;
}

static void submit(struct append *append, struct batch_spec spec, int16_t acks,
                   struct partition_client *client)
{
    *append = (struct append){.bytes = batch_make(spec)};
    append->op = (struct partition_append_op){.op = {.ref = ref_of("t"), .done = append_done},
                                              .bytes = append->bytes.data,
                                              .len = append->bytes.len,
                                              .acks = acks,
                                              .client = client,
                                              .taken = append_taken,
                                              .give_block = append_give};
    partitions_append(ops(), &append->op);
    CHECK(partition_op_is_open(&append->op.op));
    CHECK_INT(append->done + append->taken, 0); /* never from inside */
}

static void append_close(struct append *append)
{
    CHECK(!partition_op_is_open(&append->op.op));
    buf_close(&append->bytes);
}

static struct batch_spec plain(void)
{
    return (struct batch_spec){.count = 1, .value_len = 10};
}

static struct batch_spec packed(void)
{
    return (struct batch_spec){.count = 100, .value_len = 100, .codec = COMPRESS_GZIP};
}

static void appends_are_done_in_their_order(void)
{
    struct append a, b, none;
    replica_open_leading(&r, MEMBERS(1, 2));
    submit(&a, plain(), PARTITION_ACKS_ALL, NULL);
    submit(&b, plain(), PARTITION_ACKS_LEADER, NULL);
    submit(&none, plain(), PARTITION_ACKS_NONE, NULL);
    UNTIL(r.logs.env, a.taken && b.done && none.done);
    CHECK_INT(none.taken, 0);
    CHECK_INT(a.op.result.base_offset, 0);
    CHECK_INT(b.op.result.base_offset, 1);
    CHECK_INT(none.op.result.base_offset, 2);
    CHECK(a.op.appended && b.op.appended && none.op.appended);
    CHECK_INT(a.done, 0); /* its follower has not said that it has it */
    CHECK_INT(a.op.op.state, PARTITION_OP_WAITING);
    replica_acknowledge(&r, 2, 3);
    CHECK_INT(a.done, 1);
    CHECK_INT(a.op.op.err, 0);
    append_close(&a);
    append_close(&b);
    append_close(&none);
    replica_close(&r);
}

static void an_append_that_is_cancelled_is_not_done(void)
{
    struct append queued, waits, next, last;
    replica_open_leading(&r, MEMBERS(1, 2));
    submit(&queued, plain(), PARTITION_ACKS_LEADER, NULL);
    partition_op_cancel(&queued.op.op);
    partition_op_cancel(&queued.op.op); /* which is nothing */
    submit(&waits, plain(), PARTITION_ACKS_ALL, NULL);
    UNTIL(r.logs.env, waits.taken);
    CHECK_INT(waits.op.result.base_offset, 0); /* the first one never came */
    partition_op_cancel(&waits.op.op);
    submit(&last, plain(), PARTITION_ACKS_NONE, NULL);
    submit(&next, plain(), PARTITION_ACKS_NONE, NULL);
    last.cancels = &next.op.op; /* while the queue is looked through */
    UNTIL(r.logs.env, last.done);
    until_quiet(r.logs.env);
    replica_acknowledge(&r, 2, 2);
    CHECK_INT(queued.done + waits.done + next.done, 0);
    CHECK_INT(log_end_offset(partition_log(r.partition)), 2);
    append_close(&queued);
    append_close(&waits);
    append_close(&next);
    append_close(&last);
    replica_close(&r);
}

/* A small plain batch does not overtake a compressed one of its client; those of others do. */
static void batches_of_a_client_keep_their_order(void)
{
    struct append large, behind, other;
    replica_open_leading(&r, MEMBERS(1));
    struct partition_client *client = partition_client_new(ops()), *another;
    another = partition_client_new(ops());
    order = 0;
    submit(&large, packed(), PARTITION_ACKS_LEADER, client);
    submit(&behind, plain(), PARTITION_ACKS_LEADER, client);
    submit(&other, plain(), PARTITION_ACKS_LEADER, another);
    UNTIL(r.logs.env, large.done && behind.done && other.done);
    CHECK_INT(other.order, 1);
    CHECK_INT(large.order, 2);
    CHECK_INT(behind.order, 3);
    CHECK(!large.given);
    append_close(&large);
    append_close(&behind);
    append_close(&other);
    partition_client_leave(client);
    partition_client_leave(another);
    replica_close(&r);
}

/* The bytes are the worker's then; who stands behind it goes on. */
static void a_batch_is_cancelled_while_a_worker_has_it(void)
{
    struct append large, in_line, behind;
    replica_open_leading(&r, MEMBERS(1));
    struct partition_client *client = partition_client_new(ops());
    submit(&large, packed(), PARTITION_ACKS_LEADER, client);
    submit(&in_line, plain(), PARTITION_ACKS_LEADER, client);
    submit(&behind, plain(), PARTITION_ACKS_LEADER, client);
    while (large.op.op.state == PARTITION_OP_QUEUED)
        until_turn(r.logs.env);
    CHECK(large.op.op.state == PARTITION_OP_WORKING || large.taken);
    bool working = large.op.op.state == PARTITION_OP_WORKING;
    partition_op_cancel(&in_line.op.op);
    partition_op_cancel(&large.op.op);
    CHECK(!working || large.given || large.done == 0);
    UNTIL(r.logs.env, behind.done);
    CHECK_INT(behind.op.op.err, 0);
    CHECK_INT(large.done + in_line.done, 0);
    append_close(&large);
    append_close(&in_line);
    append_close(&behind);
    partition_client_leave(client);
    replica_close(&r);
}

/* It is gone: what it had in the line of an idempotent producer comes again, and in order. */
static void who_is_gone_has_plain_batches_appended(void)
{
    struct append large, plain_one, numbered;
    replica_open_leading(&r, MEMBERS(1));
    struct partition_client *client = partition_client_new(ops());
    submit(&large, packed(), PARTITION_ACKS_LEADER, client);
    submit(&plain_one, plain(), PARTITION_ACKS_LEADER, client);
    submit(&numbered, (struct batch_spec){.count = 1, .idempotent = true, .producer_id = 7},
           PARTITION_ACKS_LEADER, client);
    while (numbered.op.op.state == PARTITION_OP_QUEUED)
        until_turn(r.logs.env);
    bool in_line = numbered.op.op.state == PARTITION_OP_IN_LINE;
    partition_client_leave(client);
    UNTIL(r.logs.env, large.done && plain_one.done && numbered.done);
    CHECK_INT(large.op.op.err, 0);
    CHECK_INT(plain_one.op.op.err, 0);
    CHECK_INT(numbered.op.op.err, in_line ? ERR_NOT_LEADER_OR_FOLLOWER : 0);
    append_close(&large);
    append_close(&plain_one);
    append_close(&numbered);
    replica_close(&r);
}

/* It sends and closes at once, in one turn of the loop. */
static void who_sends_and_goes_has_batches_appended(void)
{
    struct append large, plain_one;
    replica_open_leading(&r, MEMBERS(1));
    struct partition_client *client = partition_client_new(ops());
    submit(&large, packed(), PARTITION_ACKS_NONE, client);
    submit(&plain_one, plain(), PARTITION_ACKS_NONE, client);
    partition_client_leave(client);
    UNTIL(r.logs.env, large.done && plain_one.done);
    CHECK_INT(large.op.op.err, 0);
    CHECK_INT(plain_one.op.op.err, 0);
    CHECK_INT(plain_one.op.result.base_offset, 100);
    append_close(&large);
    append_close(&plain_one);
    replica_close(&r);
}

/* An idempotent producer whose connection breaks sends both again: the second must not be in the
 * log without the first, whichever of them a worker has to look at. */
static void nothing_overtakes_when_its_producer_goes(void)
{
    struct append first, second;
    struct batch_spec packed_one = packed();
    packed_one.idempotent = true;
    packed_one.producer_id = 7;
    struct batch_spec next = {
        .count = 1, .idempotent = true, .producer_id = 7, .sequence = packed_one.count};
    replica_open_leading(&r, MEMBERS(1));
    struct partition_client *client = partition_client_new(ops());
    submit(&first, packed_one, PARTITION_ACKS_LEADER, client);
    submit(&second, next, PARTITION_ACKS_LEADER, client);
    partition_client_leave(client);
    UNTIL(r.logs.env, first.done && second.done);
    CHECK_INT(first.op.op.err, ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(second.op.op.err, ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(log_end_offset(r.partition->log), 0);
    append_close(&first);
    append_close(&second);
    replica_close(&r);
}

/* Of an idempotent producer: the first is refused while we follow, and the second comes behind it
 * when we lead. */
static void what_comes_behind_a_refused_batch_is_refused(void)
{
    struct append first, second, again;
    struct batch_spec spec = {.count = 1, .idempotent = true, .producer_id = 7};
    struct batch_spec next = {.count = 1, .idempotent = true, .producer_id = 7, .sequence = 1};
    replica_open(&r, "");
    replica_begin(&r, (struct decision){.leader = 2, .epoch = 1, .isr = MEMBERS(1, 2)});
    struct partition_client *client = partition_client_new(ops());
    submit(&first, spec, PARTITION_ACKS_LEADER, client);
    UNTIL(r.logs.env, first.done);
    CHECK_INT(first.op.op.err, ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(first.op.leader, 2);
    CHECK_INT(first.op.leader_epoch, 1);
    CHECK(!first.op.appended);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 2, .isr = MEMBERS(1)});
    submit(&second, next, PARTITION_ACKS_LEADER, client);
    submit(&again, spec, PARTITION_ACKS_LEADER, client);
    UNTIL(r.logs.env, second.done && again.done);
    CHECK_INT(second.op.op.err, ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK_INT(again.op.op.err, 0);
    append_close(&first);
    append_close(&second);
    append_close(&again);
    partition_client_leave(client);
    replica_close(&r);
}

/* ---- reads ---- */

struct read {
    struct partition_read_op op;
    int done;
    int left; /* to be submitted from done */
    struct partition_interest interest;
    unsigned heard;
};

static void read_submit(struct read *read)
{
    read->op.op.ref = ref_of("t");
    read->op.args = replica_fetch(&r, -1, 0);
    partitions_read(ops(), &read->op);
}

static void read_done(struct partition_op *op)
{
    struct read *read =
        CONTAINER_OF(CONTAINER_OF(op, struct partition_read_op, op), struct read, op);
    read->done++;
    partition_slice_release(&read->op.read.slice);
    if (read->left-- > 0)
        read_submit(read);
}

static void read_heard(struct partition_interest *interest, unsigned change)
{
    CONTAINER_OF(interest, struct read, interest)->heard |= change;
}

static void read_begin(struct read *read)
{
    *read = (struct read){.op.op.done = read_done};
    read_submit(read);
    CHECK_INT(read->done, 0);
}

/* A chain of reads, as of a fetch, takes no turn of the loop for each of them. */
static void what_is_submitted_from_done_is_done_in_the_same_turn(void)
{
    struct read chain;
    replica_open_leading(&r, MEMBERS(1));
    uint64_t turn = ops()->turn;
    read_begin(&chain);
    chain.left = CHAIN;
    UNTIL(r.logs.env, chain.done > CHAIN);
    CHECK_INT(ops()->turn - turn, 1);
    replica_close(&r);
}

static struct env_timer others;
static int reads_seen, most_in_a_turn;

static void others_work(void *data)
{
    struct read *chain = data;
    int now = chain->done - reads_seen;
    most_in_a_turn = now > most_in_a_turn ? now : most_in_a_turn;
    reads_seen = chain->done;
    env_timer_start(&others, 0);
}

static void a_turn_takes_its_share_and_no_more(void)
{
    struct read chain;
    replica_open_leading(&r, MEMBERS(1));
    env_timer_init(r.logs.env, &others, others_work, &chain);
    uint64_t turn = ops()->turn;
    read_begin(&chain);
    chain.left = MANY;
    env_timer_start(&others, 0);
    UNTIL(r.logs.env, chain.done > MANY);
    env_timer_stop(&others);
    CHECK_INT(ops()->turn - turn, MANY / TURN_STEPS + 1);
    CHECK(most_in_a_turn > 0);
    CHECK(most_in_a_turn <= TURN_STEPS);
    replica_close(&r);
}

static void a_read_begins_to_watch(void)
{
    struct read read = {.op.op.done = read_done};
    struct append append;
    replica_open_leading(&r, MEMBERS(1));
    read.interest.mask = PARTITION_CHANGED_END | PARTITION_CHANGED_ROLE;
    read.interest.changed = read_heard;
    read.op.interest = &read.interest;
    read_submit(&read);
    CHECK(!read.interest.watching);
    UNTIL(r.logs.env, read.done);
    CHECK(read.interest.watching);
    CHECK(!read.interest.news);
    submit(&append, plain(), PARTITION_ACKS_NONE, NULL);
    UNTIL(r.logs.env, append.done);
    CHECK_INT(read.heard, PARTITION_CHANGED_END);
    CHECK(read.interest.news);
    read_submit(&read);
    UNTIL(r.logs.env, read.done == 2);
    CHECK(!read.interest.news);
    feed_topic_removed(r.metadata, "t");
    CHECK(!read.interest.watching);
    CHECK(read.interest.news);
    CHECK(read.heard & PARTITION_CHANGED_ROLE);
    append_close(&append);
    replica_close(&r);
}

/* ---- ends ---- */

static void a_partition_that_goes_ends_what_is_queued(void)
{
    struct append append;
    struct read read, cancelled;
    replica_open_leading(&r, MEMBERS(1));
    submit(&append, plain(), PARTITION_ACKS_LEADER, NULL);
    read_begin(&read);
    read_begin(&cancelled);
    feed_topic_removed(r.metadata, "t");
    CHECK_INT(append.done + read.done, 0);
    partition_op_cancel(&cancelled.op.op);
    UNTIL(r.logs.env, append.done && read.done);
    CHECK_INT(append.op.op.err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(read.op.op.err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(cancelled.done, 0);
    append_close(&append);
    replica_close(&r);
}

static void the_end_of_the_replicas_ends_everything(void)
{
    struct append queued, waits, working;
    struct read read;
    replica_open_leading(&r, MEMBERS(1, 2));
    struct partition_client *client = partition_client_new(ops());
    submit(&waits, plain(), PARTITION_ACKS_ALL, NULL);
    submit(&working, packed(), PARTITION_ACKS_ALL, client);
    UNTIL(r.logs.env, waits.taken);
    submit(&queued, plain(), PARTITION_ACKS_LEADER, NULL);
    read_begin(&read);
    read.left = 3; /* who asks again gets the same answer */
    partition_client_leave(client);
    log_manager_end_waits(r.logs.manager);
    replica_manager_free(r.manager);
    r.manager = NULL;
    CHECK_INT(queued.done, 1);
    CHECK_INT(queued.op.op.err, ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK(!queued.op.appended);
    CHECK_INT(waits.done, 1);
    CHECK_INT(waits.op.op.err, ERR_NOT_LEADER_OR_FOLLOWER);
    CHECK(waits.op.appended);
    CHECK_INT(working.done, 1);
    CHECK_INT(read.done, 4);
    CHECK_INT(read.op.op.err, ERR_NOT_LEADER_OR_FOLLOWER);
    append_close(&queued);
    append_close(&waits);
    append_close(&working);
    replica_close(&r);
}

/* ---- facts, offsets, deletions ---- */

struct describe {
    struct partition_describe_op op;
    int done;
};

static void describe_done(struct partition_op *op)
{
    CONTAINER_OF(CONTAINER_OF(op, struct partition_describe_op, op), struct describe, op)->done++;
}

static void describe_watching(struct describe *describe, struct partition_interest *interest)
{
    *describe = (struct describe){
        .op = {.op = {.ref = ref_of("t"), .done = describe_done}, .interest = interest}};
    partitions_describe(ops(), &describe->op);
    UNTIL(r.logs.env, describe->done);
    CHECK_INT(describe->op.op.err, 0);
}

static void describe(struct describe *describe)
{
    describe_watching(describe, NULL);
}

static void facts_are_those_of_the_moment(void)
{
    struct describe d;
    struct append append;
    replica_open(&r, "min.insync.replicas=2\n");
    replica_lead(&r, MEMBERS(1, 2));
    describe(&d);
    CHECK_INT(d.op.facts.state, PARTITION_LEADER);
    CHECK_INT(d.op.facts.append_err, 0);
    CHECK_INT(d.op.facts.log_end_offset, 0);
    submit(&append, plain(), PARTITION_ACKS_LEADER, NULL);
    UNTIL(r.logs.env, append.done);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1)});
    describe(&d);
    CHECK_INT(d.op.facts.append_err, ERR_NOT_ENOUGH_REPLICAS);
    CHECK_INT(d.op.facts.log_end_offset, 1);
    CHECK_INT(d.op.facts.high_watermark, 0);
    CHECK(d.op.facts.batch_max > 1000);
    append_close(&append);
    replica_close(&r);
}

static int facts_changed;

static void facts_watch(struct partition_interest *interest, unsigned change)
{
    (void)interest;
    facts_changed += (change & PARTITION_CHANGED_FACTS) != 0;
}

/* What a process that stood still was told of itself is not the last word. */
static void facts_of_a_stall_are_called_back(void)
{
    struct describe d;
    struct partition_interest interest = {.mask = PARTITION_CHANGED_FACTS, .changed = facts_watch};
    replica_open_leading(&r, MEMBERS(1, 2));
    r.stalled = true;
    facts_changed = 0;
    describe_watching(&d, &interest);
    CHECK_INT(d.op.facts.append_err, ERR_NOT_LEADER_OR_FOLLOWER);
    r.stalled = false;
    replica_manager_resume(r.manager);
    UNTIL(r.logs.env, facts_changed);
    describe_watching(&d, &interest);
    CHECK_INT(d.op.facts.append_err, 0);
    partition_unwatch(&interest);
    replica_close(&r);
}

struct deletion {
    struct partition_delete_op op;
    int done;
};

static void deletion_done(struct partition_op *op)
{
    CONTAINER_OF(CONTAINER_OF(op, struct partition_delete_op, op), struct deletion, op)->done++;
}

static void deletion_begin(struct deletion *deletion, int64_t offset)
{
    *deletion = (struct deletion){
        .op = {.op = {.ref = ref_of("t"), .done = deletion_done}, .offset = offset}};
    partitions_delete(ops(), &deletion->op);
    CHECK_INT(deletion->done, 0);
}

static void a_deletion_waits_until_it_is_safe(void)
{
    struct append append;
    struct deletion deletion, cancelled, late;
    replica_open_leading(&r, MEMBERS(1, 2));
    submit(&append, (struct batch_spec){.count = 4, .value_len = 10}, PARTITION_ACKS_ALL, NULL);
    UNTIL(r.logs.env, append.taken && replica_is_durable(&r));
    replica_acknowledge(&r, 2, 4);
    CHECK_INT(append.done, 1);
    deletion_begin(&deletion, 3);
    deletion_begin(&cancelled, 3);
    deletion_begin(&late, 5);
    UNTIL(r.logs.env, late.done);
    CHECK_INT(late.op.op.err, ERR_OFFSET_OUT_OF_RANGE);
    UNTIL(r.logs.env, log_saved_start(partition_log(r.partition)) == 3);
    CHECK_INT(deletion.done, 0);
    partition_op_cancel(&cancelled.op.op);
    struct partition_read_args args = replica_fetch(&r, 2, 4);
    args.log_start_offset = 3;
    partition_acknowledge(r.partition, &args);
    CHECK_INT(deletion.done, 1);
    CHECK_INT(deletion.op.op.err, 0);
    CHECK_INT(deletion.op.low_watermark, 3);
    CHECK_INT(cancelled.done, 0);
    append_close(&append);
    replica_close(&r);
}

struct lookup {
    struct partition_offsets_op op;
    int done;
};

static void lookup_done(struct partition_op *op)
{
    CONTAINER_OF(CONTAINER_OF(op, struct partition_offsets_op, op), struct lookup, op)->done++;
}

static void lookup_begin(struct lookup *lookup, int64_t timestamp)
{
    *lookup = (struct lookup){.op = {.op = {.ref = ref_of("t"), .done = lookup_done},
                                     .current_leader_epoch = -1,
                                     .timestamp = timestamp}};
    partitions_offsets(ops(), &lookup->op);
    CHECK_INT(lookup->done, 0);
}

/* A worker opens the batch; who waits for that may go away. */
static void a_lookup_by_time_is_done_by_a_worker(void)
{
    enum { LATEST = -1 };
    struct append append;
    struct lookup latest, by_time, cancelled;
    struct batch_spec spec = packed();
    spec.timestamp = 1000;
    replica_open_leading(&r, MEMBERS(1));
    submit(&append, spec, PARTITION_ACKS_ALL, NULL);
    UNTIL(r.logs.env, append.done);
    lookup_begin(&latest, LATEST);
    lookup_begin(&by_time, 1);
    lookup_begin(&cancelled, 1);
    UNTIL(r.logs.env, latest.done);
    CHECK_INT(latest.op.found.offset, 100);
    partition_op_cancel(&cancelled.op.op);
    UNTIL(r.logs.env, by_time.done);
    CHECK_INT(by_time.op.op.err, 0);
    CHECK_INT(by_time.op.found.offset, 0);
    CHECK_INT(by_time.op.found.timestamp_ms, 1000);
    until_quiet(r.logs.env);
    CHECK_INT(cancelled.done, 0);
    append_close(&append);
    replica_close(&r);
}

static void names_are_found_in_the_metadata(void)
{
    struct partition_ref ref;
    struct uuid unknown = {.bytes = {9}}, id = feed_topic_id("t");
    replica_open_leading(&r, MEMBERS(1));
    CHECK_INT(partitions_by_name(ops(), "t", 1, 0, &ref), 0);
    CHECK(uuid_equal(&ref.topic_id, &id));
    CHECK_INT(partitions_by_id(ops(), &id, 0, &ref), 0);
    CHECK_INT(partitions_by_name(ops(), "u", 1, 0, &ref), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(partitions_by_name(ops(), "t", 1, 1, &ref), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    CHECK_INT(partitions_by_id(ops(), &unknown, 0, &ref), ERR_UNKNOWN_TOPIC_ID);
    replica_decide(&r,
                   (struct decision){
                       .leader = 2, .epoch = 2, .replicas = MEMBERS(2, 3), .isr = MEMBERS(2, 3)});
    CHECK_INT(partitions_by_name(ops(), "t", 1, 0, &ref), ERR_NOT_LEADER_OR_FOLLOWER);
    replica_close(&r);
}

TAP_MAIN(TAP_TEST(appends_are_done_in_their_order),
         TAP_TEST(an_append_that_is_cancelled_is_not_done),
         TAP_TEST(batches_of_a_client_keep_their_order),
         TAP_TEST(a_batch_is_cancelled_while_a_worker_has_it),
         TAP_TEST(who_is_gone_has_plain_batches_appended),
         TAP_TEST(who_sends_and_goes_has_batches_appended),
         TAP_TEST(nothing_overtakes_when_its_producer_goes),
         TAP_TEST(what_comes_behind_a_refused_batch_is_refused),
         TAP_TEST(what_is_submitted_from_done_is_done_in_the_same_turn),
         TAP_TEST(a_turn_takes_its_share_and_no_more), TAP_TEST(a_read_begins_to_watch),
         TAP_TEST(a_partition_that_goes_ends_what_is_queued),
         TAP_TEST(the_end_of_the_replicas_ends_everything), TAP_TEST(facts_are_those_of_the_moment),
         TAP_TEST(facts_of_a_stall_are_called_back), TAP_TEST(a_deletion_waits_until_it_is_safe),
         TAP_TEST(a_lookup_by_time_is_done_by_a_worker), TAP_TEST(names_are_found_in_the_metadata))
