/* Appends as operations, and the clients that they come from.
 *
 * Happy path: the bytes are appended as they are when the queue comes to them. A batch that is
 * compressed or large, and a message set of an old client, goes through the hands of a worker
 * first (log_check); a batch that would begin a transaction is asked about first. What its client
 * sends behind it for the same partition waits in a line for it (append_order.h). Then it waits at
 * its partition until it is safe. Failure modes are errors of the operation. A client that goes
 * away while its batches wait: they are appended, but for those of an idempotent producer, which
 * sends them again and in order. */
#include "broker/replica/partitions.h"

#include "base/err.h"
#include "base/mem.h"
#include "broker/replica/refused.h"
#include "kafka/batch.h"

enum { APPEND_STEP = 4096 }; /* bytes that count as one step of the queue */

struct partition_client {
    struct partitions *partitions;
    struct log_check_line *line; /* NULL until its first batch for a worker */
    struct refused refused;
    uint64_t turn; /* of the loop, in which */
    size_t plain;  /* so many bytes of plain batches were looked at there */
    size_t open;   /* its appends that are not appended or refused yet */
    bool left;
};

/* A worker looks at the bytes, or has. */
struct append_check {
    struct log_check check;
    struct partition_append_op *op;
    bool ended;
};

/* ---- clients ---- */

struct partition_client *partition_client_new(struct partitions *partitions)
{
    struct partition_client *client = mem_alloc(sizeof(*client));
    client->partitions = partitions;
    partitions->clients++;
    return client;
}

static void client_settle(struct partition_client *client)
{
    if (!client->left || client->open > 0)
        return;
    ASSERT(client->partitions->clients > 0);
    ASSERT(client->line == NULL);
    client->partitions->clients--;
    mem_free(client);
}

void partition_client_leave(struct partition_client *client)
{
    ASSERT(!client->left);
    client->left = true;
    refused_close(&client->refused);
    if (client->line)
        log_check_line_leave(client->line);
    client->line = NULL;
    client_settle(client);
}

static void client_ended(struct partition_client *client)
{
    if (!client)
        return;
    ASSERT(client->open > 0);
    client->open--;
    client_settle(client);
}

static struct log_check_line *client_line(struct partition_client *client)
{
    ASSERT(!client->left);
    if (!client->line)
        client->line = log_check_line_new();
    return client->line;
}

/* Plain bytes of this client that this turn of the loop has looked at. */
static size_t *client_plain(struct partition_client *client)
{
    ASSERT(client->turn <= client->partitions->turn);
    if (client->turn != client->partitions->turn)
        client->plain = 0;
    client->turn = client->partitions->turn;
    return &client->plain;
}

/* ---- the order of a producer's batches ---- */

static struct refused_batch append_identity(uint64_t topic_key, int32_t index,
                                            const struct batch *batch)
{
    ASSERT(batch->producer_id >= 0);
    return (struct refused_batch){.topic = topic_key,
                                  .partition = index,
                                  .sequence = batch->base_sequence,
                                  .producer_id = batch->producer_id,
                                  .producer_epoch = batch->producer_epoch};
}

void partition_client_note_refused(struct partition_client *client, uint64_t topic_key,
                                   int32_t index, uint8_t *bytes, size_t len, int err)
{
    ASSERT(err < 0);
    struct batch batch;
    bool passing = err == ERR_NOT_LEADER_OR_FOLLOWER || err == ERR_UNKNOWN_TOPIC_OR_PARTITION ||
                   err == ERR_UNKNOWN_TOPIC_ID || err == ERR_NOT_ENOUGH_REPLICAS ||
                   err == ERR_KAFKA_STORAGE_ERROR;
    if (!passing || client->left || len == 0 || batch_parse(bytes, len, &batch) ||
        batch.producer_id < 0)
        return;
    struct refused_batch identity = append_identity(topic_key, index, &batch);
    refused_note(&client->refused, &identity);
}

static bool append_is_overtaking(const struct partition_append_op *append,
                                 const struct partition *partition, const struct batch *batch)
{
    struct partition_client *client = append->client;
    if (!client || batch->producer_id < 0)
        return false;
    /* Its client sends all again that was not answered, and some of it may have been refused. */
    if (client->left)
        return true;
    if (client->refused.count == 0 || !partition->log ||
        log_knows_producer(partition->log, batch->producer_id, batch->producer_epoch))
        return false;
    struct refused_batch identity = append_identity(append->topic_key, append->op.ref.index, batch);
    return refused_is_behind(&client->refused, &identity);
}

static void append_note_taken(struct partition_append_op *append, const struct batch *batch)
{
    struct partition_client *client = append->client;
    if (!client || batch->producer_id < 0 || client->refused.count == 0)
        return;
    struct refused_batch identity = append_identity(append->topic_key, append->op.ref.index, batch);
    refused_taken(&client->refused, &identity);
}

/* ---- answers ---- */

static void append_tell_leader(struct partition_append_op *append, int err)
{
    const struct partition *partition = partitions_find(&append->op);
    if (err != ERR_NOT_LEADER_OR_FOLLOWER || !partition)
        return;
    append->leader = partition->leader;
    append->leader_epoch = partition->leader_epoch;
}

static void append_fill_result(struct partition_append_op *append, const struct log_append *from)
{
    ASSERT(from->bad_count >= 0);
    ASSERT(from->bad_count <= PARTITION_BAD_RECORDS_MAX);
    struct partition_appended *result = &append->result;
    STATIC_ASSERT((int)PARTITION_BAD_RECORDS_MAX == (int)LOG_BAD_RECORDS_MAX,
                  "all that the log tells are told on");
    result->base_offset = from->base_offset;
    result->append_time_ms = from->append_time_ms;
    result->message = from->message;
    result->bad_count = from->bad_count;
    for (int32_t i = 0; i < from->bad_count; i++) {
        result->bad[i] = from->bad[i];
        result->bad_text[i] = from->bad_times >> i & 1 ? LOG_BAD_TIME : LOG_NO_KEY;
    }
}

static void append_free_check(struct partition_append_op *append)
{
    if (!append->check)
        return;
    ASSERT(append->check->op == append);
    log_check_close(&append->check->check);
    mem_free(append->check);
    append->check = NULL;
}

static void append_refuse(struct partition_append_op *append, int err,
                          const struct log_append *result)
{
    ASSERT(err < 0);
    ASSERT(!append->appended);
    append_fill_result(append, result);
    append->result.base_offset = append->result.append_time_ms = -1;
    append_tell_leader(append, err);
    append_free_check(append);
    if (append->client && !append->is_messages)
        partition_client_note_refused(append->client, append->topic_key, append->op.ref.index,
                                      append->bytes, append->len, err);
    client_ended(append->client);
    partitions_finish(&append->op, err);
}

static void append_safe(struct partition_wait *wait, int err)
{
    struct partition_append_op *append = CONTAINER_OF(wait, struct partition_append_op, wait);
    ASSERT(append->op.state == PARTITION_OP_WAITING);
    ASSERT(append->appended);
    ASSERT(append->check == NULL);
    if (err)
        append->result.base_offset = -1;
    append_tell_leader(append, err);
    partitions_finish(&append->op, err);
}

/* The partition has it; `waits`: and tells us when it is safe. */
static void append_taken(struct partition_append_op *append, const struct partition *partition,
                         const struct log_append *result, bool waits)
{
    ASSERT(!append->appended);
    ASSERT(!append->verifying);
    ASSERT(waits == (append->acks != PARTITION_ACKS_NONE));
    append_fill_result(append, result);
    append->result.log_start_offset = log_start_offset(partition->log);
    append->appended = true;
    append_free_check(append);
    client_ended(append->client);
    if (!waits) {
        partitions_finish(&append->op, 0);
        return;
    }
    partition_op_move(&append->op, PARTITION_OP_WAITING);
    if (append->taken)
        append->taken(append);
}

/* ---- transactions ---- */

/* Whether the caller is to ask the coordinator: the batch would begin a transaction here. The guard
 * is as of now then. */
static bool append_wants_verification(struct partition_append_op *append,
                                      const struct partition *partition)
{
    struct batch batch;
    if (!append->verify || append->is_messages || (append->client && append->client->left) ||
        batch_parse_frame(append->bytes, append->len, &batch) || batch.producer_id < 0 ||
        !batch_is_transactional(&batch))
        return false;
    ASSERT(partition->log != NULL);
    struct log_txn txn = log_find_txn(partition->log, batch.producer_id, batch.producer_epoch);
    append->guard = txn.guard;
    append->guard_epoch = partition->leader_epoch;
    return !txn.open;
}

/* The transaction may have ended since the coordinator said that it is open. */
static int append_check_txn(const struct partition_append_op *append,
                            const struct partition *partition, const struct batch *batch,
                            struct log_append *result)
{
    if (!append->verify || !partition->log || batch->producer_id < 0 ||
        !batch_is_transactional(batch))
        return 0;
    struct log_txn txn = log_find_txn(partition->log, batch->producer_id, batch->producer_epoch);
    if (txn.open)
        return 0;
    if (append->verified && append->guard_epoch != partition->leader_epoch)
        return ERR_NOT_LEADER_OR_FOLLOWER; /* what was found out then does not count here */
    if (!append->verified || append->guard != txn.guard) {
        result->message = "the batch is not part of an open transaction";
        return ERR_INVALID_TXN_STATE;
    }
    if (append->bumps && !txn.known && batch->base_sequence != 0) {
        result->message = "the first batch of a transaction must start at sequence 0";
        return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
    return 0;
}

/* ---- appending ---- */

static enum log_origin append_origin(const struct partition_append_op *append)
{
    if (append->is_marker)
        return append->is_bumped ? LOG_MARKER_BUMPED : LOG_MARKER;
    return append->from_broker ? LOG_FROM_BROKER : LOG_FROM_CLIENT;
}

/* ERR_x, 0, or PARTITION_WAITS. */
static int append_write(struct partition_append_op *append, struct partition *partition,
                        struct log_append *result)
{
    struct log_check *check = append->check ? &append->check->check : NULL;
    struct batch batch = {.producer_id = -1};
    ASSERT(!append->verifying);
    ASSERT(!check || append->check->ended);
    if (check && check->err) {
        *result = check->result;
        return check->err;
    }
    if ((append->client || append->verify) && !append->is_messages &&
        batch_parse_frame(append->bytes, append->len, &batch))
        batch.producer_id = -1; /* the log says what is wrong with it */
    if (append_is_overtaking(append, partition, &batch))
        return ERR_NOT_LEADER_OR_FOLLOWER;
    int unverified = append_check_txn(append, partition, &batch, result);
    if (unverified)
        return unverified;
    append->wait.done = append_safe;
    enum log_origin origin = append_origin(append);
    int err = check
                  ? partition_append_checked(partition, check, append->acks, result, &append->wait)
                  : partition_append(partition, append->bytes, append->len, origin, append->acks,
                                     result, &append->wait);
    if (err >= 0)
        append_note_taken(append, &batch);
    return err;
}

/* The replica may have changed since the bytes came. */
static void append_take(struct partition_append_op *append, struct partition *partition)
{
    struct log_append result = {.base_offset = -1, .append_time_ms = -1};
    int err = partition ? append->verdict : partitions_absent(&append->op);
    if (partition && err)
        result.message = append->verdict_text;
    else if (partition)
        err = append_write(append, partition, &result);
    if (err < 0)
        append_refuse(append, err, &result);
    else
        append_taken(append, partition, &result, err == PARTITION_WAITS);
}

/* ---- what workers look at ---- */

/* A worker has looked at it, or its transaction is verified: its turn comes when both are done. */
static void append_go_on(struct partition_append_op *append)
{
    ASSERT(append->op.state == PARTITION_OP_WORKING);
    if (append->verifying || (append->check && !append->check->ended))
        return;
    if (append->turn.line)
        append_order_ready(&append->turn);
    else
        partitions_make_ready(&append->op);
}

void partition_append_verified(struct partition_append_op *append, int err, const char *message)
{
    ASSERT(append->op.state == PARTITION_OP_WORKING);
    ASSERT(append->verifying);
    ASSERT(err <= 0);
    append->verifying = false;
    append->verified = err == 0;
    if (err) {
        append->verdict = err;
        append->verdict_text = message;
    }
    append_go_on(append);
}

void partition_append_verify_anew(struct partition_append_op *append)
{
    const struct partition *partition = partitions_find(&append->op);
    ASSERT(append->verifying);
    ASSERT(append->op.state == PARTITION_OP_WORKING);
    if (partition && partition->log)
        (void)append_wants_verification(append, partition);
}

bool partition_append_is_outdated(const struct partition_append_op *append)
{
    struct batch batch;
    const struct partition *partition = partitions_find(&append->op);
    ASSERT(append->verifying);
    if (!partition || !partition->log || append->guard_epoch != partition->leader_epoch ||
        batch_parse_frame(append->bytes, append->len, &batch))
        return false;
    struct log_txn txn = log_find_txn(partition->log, batch.producer_id, batch.producer_epoch);
    return !txn.open && append->guard != txn.guard;
}

static void append_checked(struct log_check *check)
{
    struct append_check *job = CONTAINER_OF(check, struct append_check, check);
    struct partition_append_op *append = job->op;
    ASSERT(!job->ended);
    ASSERT(append->check == job);
    job->ended = true;
    /* The broker ends: the bytes stay until the worker has done with them, the caller need not. */
    if (log_check_is_running(check))
        log_check_keep(check, append->give_block(append));
    append_go_on(append);
}

/* It will be refused as overtaking: no worker for it. */
static bool append_is_deserted(const struct partition_append_op *append)
{
    struct batch batch;
    return append->client->left && !append->is_messages &&
           batch_parse_frame(append->bytes, append->len, &batch) == 0 && batch.producer_id >= 0;
}

static int append_start_check(struct append_check *job, struct log *log,
                              struct partition_client *client)
{
    if (!client->left)
        return log_check_start(&job->check, log, client_line(client));
    /* It was sent right before its client went. */
    struct log_check_line *line = log_check_line_new();
    int err = log_check_start(&job->check, log, line);
    log_check_line_leave(line);
    return err;
}

/* 0: the loop does it; 1: a worker has it; or an error. */
static int append_ask_worker(struct partition_append_op *append, struct partition *partition)
{
    ASSERT(append->client != NULL);
    ASSERT(append->check == NULL);
    size_t *plain = client_plain(append->client);
    if (!append->is_messages &&
        !log_wants_check(partition->log, append->bytes, append->len, *plain)) {
        *plain += append->len;
        return 0;
    }
    if (append_is_deserted(append))
        return ERR_NOT_LEADER_OR_FOLLOWER;
    ASSERT(append->give_block);
    struct append_check *job = mem_alloc(sizeof(*job));
    job->op = append;
    job->check.done = append_checked;
    job->check.bytes = append->bytes;
    job->check.len = append->len;
    job->check.is_messages = append->is_messages;
    int err = append_start_check(job, partition->log, append->client);
    if (err == 1)
        append->check = job;
    else
        mem_free(job);
    return err;
}

static void append_turn_came(struct append_turn *turn)
{
    partitions_make_ready(&CONTAINER_OF(turn, struct partition_append_op, turn)->op);
}

/* A batch of a client is taken at once, or gets into its line. `later`: a worker or the caller has
 * to do with it first. */
static void append_begin_client(struct partition_append_op *append, struct partition *partition,
                                bool later)
{
    ASSERT(append->client != NULL);
    ASSERT(append->turn.line == NULL);
    ASSERT(later || append->check == NULL);
    struct append_order *order = append->op.partitions->order;
    struct append_key key = {.client = append->client,
                             .topic_id = append->op.ref.topic_id,
                             .partition = append->op.ref.index};
    if (!later && (append_order_is_empty(order) || append_order_is_free(order, &key))) {
        append_take(append, partition);
        return;
    }
    partition_op_move(&append->op, later ? PARTITION_OP_WORKING : PARTITION_OP_IN_LINE);
    append->turn.take = append_turn_came;
    append_order_join(order, &key, &append->turn);
    if (!later)
        append_order_ready(&append->turn);
}

/* Calls out last. */
static void append_begin_verifying(struct partition_append_op *append, struct partition *partition)
{
    ASSERT(append->verify != NULL);
    ASSERT(!append->verifying);
    append->verifying = true;
    if (append->client)
        append_begin_client(append, partition, true);
    else
        partition_op_move(&append->op, PARTITION_OP_WORKING);
    append->verify(append);
}

/* What can be refused at once is. */
static void append_begin(struct partition_append_op *append, struct partition *partition)
{
    ASSERT(append->op.state == PARTITION_OP_QUEUED);
    ASSERT(!append->appended);
    struct log_append result = {.base_offset = -1, .append_time_ms = -1};
    int err = partition ? partition_check_append(partition, append->acks)
                        : partitions_absent(&append->op);
    if (!err && append->verdict) {
        err = append->verdict;
        result.message = append->verdict_text;
    }
    if (!err && append->client)
        err = append_ask_worker(append, partition);
    if (err < 0)
        append_refuse(append, err, &result);
    else if (append_wants_verification(append, partition))
        append_begin_verifying(append, partition);
    else if (append->client)
        append_begin_client(append, partition, err == 1);
    else
        append_take(append, partition);
}

size_t partition_run_append(struct partition_op *op, struct partition *partition)
{
    ASSERT(op->kind == PARTITION_OP_APPEND);
    struct partition_append_op *append = CONTAINER_OF(op, struct partition_append_op, op);
    size_t cost = 1 + append->len / APPEND_STEP;
    if (op->state == PARTITION_OP_QUEUED)
        append_begin(append, partition);
    else
        append_take(append, partition);
    return cost;
}

void partitions_append(struct partitions *partitions, struct partition_append_op *append)
{
    ASSERT(append->is_marker || !append->is_bumped);
    ASSERT(append->len == 0 || append->bytes != NULL);
    ASSERT(!append->client || !append->from_broker);
    ASSERT(!append->client || !append->is_marker);
    ASSERT(!append->is_marker || append->acks == PARTITION_ACKS_ALL);
    ASSERT(!append->is_marker || !append->verify);
    append->appended = false;
    append->result = (struct partition_appended){.base_offset = -1, .append_time_ms = -1};
    append->leader = append->leader_epoch = -1;
    append->check = NULL;
    append->turn.line = NULL;
    append->verifying = append->verified = false;
    if (append->client)
        append->client->open++;
    partitions_submit(partitions, &append->op, PARTITION_OP_APPEND);
}

/* Those behind it need not wait for it any more. */
void partition_append_leave(struct partition_append_op *append)
{
    if (append->op.state == PARTITION_OP_WAITING) {
        list_remove(&append->wait.link);
        return;
    }
    if (append->turn.line)
        append_order_leave(&append->turn);
    if (append->check && !append->check->ended) {
        struct log_check *check = &append->check->check;
        if (log_check_is_running(check))
            log_check_keep(check, append->give_block(append));
        log_check_cancel(check);
    }
    append->verifying = false; /* whoever asks the coordinator need not answer */
    append_free_check(append);
    client_ended(append->client);
    ASSERT(append->check == NULL);
    ASSERT(append->turn.line == NULL);
}
