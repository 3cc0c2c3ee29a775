/* Appends of transactional batches: when their coordinator is asked, what its word is worth, and
 * that nothing overtakes meanwhile. */
#include "fixture.h"

#include "broker/replica/partitions.h"

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

struct append {
    struct partition_append_op op;
    struct buf bytes;
    int taken;
    int done;
};

static struct append *append_of(struct partition_append_op *op)
{
    return CONTAINER_OF(op, struct append, op);
}

static void append_taken(struct partition_append_op *op)
{
    append_of(op)->taken++;
}

static void append_done(struct partition_op *op)
{
    append_of(CONTAINER_OF(op, struct partition_append_op, op))->done++;
}

static void *append_give(struct partition_append_op *op)
{
    void *block = append_of(op)->bytes.data;
    buf_init(&append_of(op)->bytes);
    return block;
}

static void append_close(struct append *append)
{
    CHECK(!partition_op_is_open(&append->op.op));
    buf_close(&append->bytes);
}

/* Asked about by the partition, in this order. */
static struct partition_append_op *asked[8];
static int asked_count;

static void append_verify(struct partition_append_op *op)
{
    asked[asked_count++] = op;
}

static struct batch_spec txn(int sequence)
{
    return (struct batch_spec){
        .count = 1, .producer_id = 7, .sequence = sequence, .attributes = BATCH_TRANSACTIONAL};
}

static void submit(struct append *append, struct batch_spec spec, struct partition_client *client,
                   bool verified)
{
    *append = (struct append){.bytes = batch_make(spec)};
    append->op = (struct partition_append_op){.op = {.ref = ref_of("t"), .done = append_done},
                                              .bytes = append->bytes.data,
                                              .len = append->bytes.len,
                                              .acks = PARTITION_ACKS_LEADER,
                                              .client = client,
                                              .verify = verified ? append_verify : NULL,
                                              .taken = append_taken,
                                              .give_block = append_give};
    partitions_append(ops(), &append->op);
}

static void submit_marker(struct append *append, int16_t epoch)
{
    *append = (struct append){
        .bytes = batch_make_marker((struct batch_marker){.producer_id = 7, .epoch = epoch})};
    append->op = (struct partition_append_op){.op = {.ref = ref_of("t"), .done = append_done},
                                              .bytes = append->bytes.data,
                                              .len = append->bytes.len,
                                              .acks = PARTITION_ACKS_ALL,
                                              .is_marker = true};
    partitions_append(ops(), &append->op);
}

/* The first batch of a transaction waits for the word of its coordinator, and what its client sends
 * behind it waits too; the next batches of the transaction do not. */
static void a_transaction_begins_when_it_is_verified(void)
{
    struct append first, behind, plain_one, other, next;
    struct batch_spec plain = {.count = 1};
    replica_open_leading(&r, MEMBERS(1));
    struct partition_client *client = partition_client_new(ops());
    asked_count = 0;
    submit(&first, txn(0), client, true);
    submit(&behind, txn(1), client, true);
    submit(&plain_one, plain, client, false);
    submit(&other, plain, NULL, false);
    UNTIL(r.logs.env, asked_count == 2 && other.done);
    until_quiet(r.logs.env);
    CHECK_INT(first.taken + behind.taken + plain_one.taken, 0);
    partition_append_verified(asked[1], 0, NULL);
    until_quiet(r.logs.env);
    CHECK_INT(behind.taken, 0); /* it does not overtake */
    partition_append_verified(asked[0], 0, NULL);
    UNTIL(r.logs.env, first.done && behind.done && plain_one.done);
    CHECK_INT(first.op.op.err + behind.op.op.err + plain_one.op.op.err, 0);
    CHECK_INT(first.op.result.base_offset, 1);
    CHECK_INT(behind.op.result.base_offset, 2);
    CHECK_INT(plain_one.op.result.base_offset, 3);
    submit(&next, txn(2), client, true);
    UNTIL(r.logs.env, next.done);
    CHECK_INT(next.op.op.err, 0);
    CHECK_INT(asked_count, 2);
    append_close(&first);
    append_close(&behind);
    append_close(&plain_one);
    append_close(&other);
    append_close(&next);
    partition_client_leave(client);
    replica_close(&r);
}

static void what_is_not_verified_is_refused(void)
{
    struct append refused, cancelled, compressed;
    struct batch_spec packed = {.count = 100, .value_len = 100, .codec = COMPRESS_GZIP};
    replica_open_leading(&r, MEMBERS(1));
    struct partition_client *client = partition_client_new(ops());
    asked_count = 0;
    submit(&refused, txn(0), client, true);
    UNTIL(r.logs.env, asked_count == 1);
    partition_append_verified(asked[0], ERR_TRANSACTION_ABORTABLE, "no such one");
    UNTIL(r.logs.env, refused.done);
    CHECK_INT(refused.op.op.err, ERR_TRANSACTION_ABORTABLE);
    CHECK_STR(refused.op.result.message, "no such one");
    submit(&cancelled, txn(0), client, true);
    UNTIL(r.logs.env, asked_count == 2);
    partition_op_cancel(&cancelled.op.op);
    packed.producer_id = 7;
    packed.attributes = BATCH_TRANSACTIONAL;
    submit(&compressed, packed, client, true); /* a worker looks at it as well */
    UNTIL(r.logs.env, asked_count == 3);
    until_quiet(r.logs.env);
    CHECK_INT(compressed.taken, 0);
    partition_append_verified(asked[2], 0, NULL);
    UNTIL(r.logs.env, compressed.done);
    CHECK_INT(compressed.op.op.err, 0);
    CHECK_INT(log_end_offset(r.partition->log), 100);
    append_close(&refused);
    append_close(&cancelled);
    append_close(&compressed);
    partition_client_leave(client);
    replica_close(&r);
}

/* A marker, and a new leadership, come between the coordinator's word and the append. */
static void a_word_of_before_a_marker_does_not_count(void)
{
    struct append late, marker, again, moved, unknown;
    replica_open_leading(&r, MEMBERS(1));
    struct partition_client *client = partition_client_new(ops());
    asked_count = 0;
    submit(&late, txn(0), client, true);
    UNTIL(r.logs.env, asked_count == 1);
    submit_marker(&marker, 0);
    UNTIL(r.logs.env, marker.done);
    partition_append_verified(asked[0], 0, NULL);
    UNTIL(r.logs.env, late.done);
    CHECK_INT(late.op.op.err, ERR_INVALID_TXN_STATE);
    submit(&moved, txn(0), client, true);
    UNTIL(r.logs.env, asked_count == 2);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 9, .isr = MEMBERS(1)});
    partition_append_verified(asked[1], 0, NULL);
    UNTIL(r.logs.env, moved.done);
    CHECK_INT(moved.op.op.err, ERR_NOT_LEADER_OR_FOLLOWER);
    submit(&again, txn(0), client, true);
    UNTIL(r.logs.env, asked_count == 3);
    partition_append_verified(asked[2], 0, NULL);
    UNTIL(r.logs.env, again.done);
    CHECK_INT(again.op.op.err, 0);
    /* The marker of the transaction before is what it waited for: it is asked anew. */
    struct append begun, closing;
    submit_marker(&closing, 0);
    UNTIL(r.logs.env, closing.done);
    submit(&begun, txn(1), client, true);
    UNTIL(r.logs.env, asked_count == 4);
    append_close(&closing);
    submit_marker(&closing, 0);
    UNTIL(r.logs.env, closing.done);
    partition_append_verify_anew(asked[3]);
    partition_append_verified(asked[3], 0, NULL);
    UNTIL(r.logs.env, begun.done);
    CHECK_INT(begun.op.op.err, 0);
    append_close(&begun);
    append_close(&closing);
    /* With an epoch for each transaction nobody begins in the middle. */
    struct batch_spec middle = txn(3);
    middle.producer_id = 8;
    submit(&unknown, middle, client, true);
    unknown.op.bumps = true;
    UNTIL(r.logs.env, asked_count == 5);
    partition_append_verified(asked[4], 0, NULL);
    UNTIL(r.logs.env, unknown.done);
    CHECK_INT(unknown.op.op.err, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    append_close(&late);
    append_close(&marker);
    append_close(&again);
    append_close(&moved);
    append_close(&unknown);
    partition_client_leave(client);
    replica_close(&r);
}

TAP_MAIN(TAP_TEST(a_transaction_begins_when_it_is_verified),
         TAP_TEST(what_is_not_verified_is_refused),
         TAP_TEST(a_word_of_before_a_marker_does_not_count))
