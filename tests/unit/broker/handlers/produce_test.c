/* What a produce request hears of its transactional batches. Requests are made by hand: the
 * functions of net/request.h are defined here. */
#include "../replica/fixture.h"

#include "broker/broker.h"
#include "broker/handlers/handlers.h"
#include "broker/net/request.h"
#include "broker/txn/txn_verifier.h"
#include "kafka/api.h"
#include "kafka/messages/produce.h"

enum { VERSION = 11, PARTITIONS = 2 };

static struct replica r;
static struct broker broker;
static struct request request;
static struct request_kept kept;
static struct buf batches[PARTITIONS];
static int answers;
static int codes[PARTITIONS];
static struct wire_str text;

void request_reply(struct request *replied, void *response, void (*release)(struct request *))
{
    const struct produce_response *told = response;
    CHECK(replied == &request && !release);
    for (int32_t i = 0; i < told->responses.items[0].partition_responses.count; i++) {
        codes[i] = told->responses.items[0].partition_responses.items[i].error_code;
        text = told->responses.items[0].partition_responses.items[i].error_message;
    }
    answers++;
}

void request_reply_none(struct request *replied)
{
    CHECK(replied == &request);
    answers++;
}

void request_fail(struct request *failed, int err, const char *reason)
{
    (void)failed;
    CHECK(reason != NULL);
    codes[0] = err;
    answers++;
}

struct request_kept *request_kept(struct request *asked)
{
    (void)asked;
    return &kept;
}

void *request_take_block(struct request *asked)
{
    (void)asked;
    CHECK(!"a worker has them");
    return NULL;
}

void request_note_moved(struct request *noted)
{
    (void)noted;
}

int32_t controller_channel_active(const struct controller_channel *channel)
{
    (void)channel;
    return -1;
}

/* ---- the coordinators of transactions ---- */

static bool verifier_is_off;
static int verdict;       /* what they say */
static bool verdict_late; /* not before answer_verify */
static struct txn_verify *verifying;
static int verifications;
static int16_t version = VERSION;

bool txn_verifier_is_wanted(const struct txn_verifier *verifier)
{
    (void)verifier;
    return !verifier_is_off;
}

static void answer_verify(void *data)
{
    (void)data;
    struct txn_verify *verify = verifying;
    CHECK(verify != NULL);
    verifying = NULL;
    verify->open = false;
    verify->done(verify, verdict);
}

static struct env_timer verify_timer;

void txn_verifier_ask(struct txn_verifier *verifier, struct txn_verify *verify)
{
    (void)verifier;
    CHECK(!verifying);
    CHECK(wire_str_is(verify->producer.id, "x"));
    CHECK(wire_str_is(verify->topic, "t"));
    CHECK_INT(verify->partition, 0);
    CHECK_INT(verify->add, version >= 12);
    verifications++;
    verify->open = true;
    verifying = verify;
    env_timer_init(r.logs.env, &verify_timer, answer_verify, NULL);
    if (!verdict_late)
        env_timer_start(&verify_timer, 0);
}

void txn_verify_cancel(struct txn_verify *verify)
{
    if (verify->open)
        verifying = NULL;
    verify->open = false;
}

static void open_all(void)
{
    verifications = verdict = 0;
    verifier_is_off = verdict_late = false;
    version = VERSION;

    replica_open_leading(&r, MEMBERS(1));
    broker = (struct broker){.env = r.logs.env,
                             .node_id = NODE,
                             .config = r.config,
                             .metadata = r.metadata,
                             .live = r.live,
                             .partitions = replica_manager_partitions(r.manager)};
}

static void close_all(void)
{
    if (kept.data)
        kept.left(kept.data);
    kept = (struct request_kept){0};
    for (int i = 0; i < PARTITIONS; i++)
        buf_close(&batches[i]);
    arena_close(&request.arena);
    replica_close(&r);
}

static struct batch_spec txn(int64_t id, int epoch, int sequence)
{
    return (struct batch_spec){.count = 1,
                               .producer_id = id,
                               .epoch = epoch,
                               .sequence = sequence,
                               .attributes = BATCH_TRANSACTIONAL};
}

/* Sends a batch to partition 0 and, with `second`, one to partition 1. */
static void begin(const char *transactional_id, struct batch_spec first,
                  const struct batch_spec *second)
{
    arena_close(&request.arena);
    request = (struct request){.broker = &broker, .api = kafka_api_find(KAFKA_API_PRODUCE)};
    request.version = version;
    arena_init(&request.arena, 1 << 20);
    struct produce_request *body = arena_alloc(&request.arena, sizeof(*body));
    wire_defaults(request.api->request, body);
    request.body = body;
    body->acks = -1;
    body->timeout_ms = 1000;
    if (transactional_id)
        body->transactional_id = wire_str_from(transactional_id);
    int32_t count = second ? 2 : 1;
    CHECK(WIRE_ARRAY(&request.arena, &body->topic_data, 1, NULL) != NULL);
    body->topic_data.items[0].name = wire_str_from("t");
    CHECK(WIRE_ARRAY(&request.arena, &body->topic_data.items[0].partition_data, count, NULL));
    for (int32_t i = 0; i < count; i++) {
        buf_close(&batches[i]);
        batches[i] = batch_make(i == 0 ? first : *second);
        body->topic_data.items[0].partition_data.items[i] =
            (struct produce_request_partition_produce_data){
                .index = i, .records = {batches[i].data, (int32_t)batches[i].len}};
    }
    answers = 0;
    handle_produce(&request);
}

/* The same; code of the first. */
static int produce(const char *transactional_id, struct batch_spec first,
                   const struct batch_spec *second)
{
    begin(transactional_id, first, second);
    UNTIL(r.logs.env, answers == 1);
    return codes[0];
}

static int mark(int64_t id, int epoch, bool commit)
{
    struct buf bytes = batch_make_marker(
        (struct batch_marker){.producer_id = id, .epoch = epoch, .commit = commit});
    struct log_append result;
    int rc = log_append(r.partition->log, bytes.data, bytes.len, LOG_MARKER, 1, &result);
    buf_close(&bytes);
    return rc;
}

static void a_transaction_is_written_and_ended(void)
{
    open_all();
    CHECK_INT(produce("x", txn(7, 0, 0), NULL), 0);
    CHECK_INT(produce("x", txn(7, 0, 1), NULL), 0);
    CHECK_INT(mark(7, 0, true), 0);
    CHECK_INT(produce("x", txn(7, 0, 2), NULL), 0); /* the next one, of the same epoch */
    CHECK_INT(mark(7, 1, false), 0);
    CHECK_INT(produce("x", txn(7, 0, 3), NULL), 47); /* the marker raised the epoch */
    CHECK_INT(produce("x", txn(7, 1, 3), NULL), 45); /* in which sequences begin anew */
    CHECK_INT(produce("x", txn(7, 1, 0), NULL), 0);
    CHECK_INT(log_end_offset(r.partition->log), 6);
    close_all();
}

static void batches_must_agree_with_their_request(void)
{
    struct batch_spec other = txn(8, 0, 0), later = txn(7, 1, 0), plain = {.count = 1};
    open_all();
    CHECK_INT(produce(NULL, txn(7, 0, 0), NULL), 53);
    CHECK(wire_str_is(text, "a transactional batch needs a transactional id in its request"));
    CHECK_INT(produce("x", txn(7, 0, 0), &other), 49);
    CHECK_INT(codes[1], 49);
    CHECK_INT(produce("x", txn(7, 0, 0), &later), 49);
    CHECK_INT(log_end_offset(r.partition->log), 0);
    CHECK_INT(produce("x", txn(7, 0, 0), &plain), 0);
    CHECK_INT(codes[1], 3); /* there is no such partition */
    CHECK_INT(produce("x", (struct batch_spec){.count = 1}, NULL), 0);
    close_all();
}

static void a_plain_batch_does_not_join_a_transaction(void)
{
    struct batch_spec plain = {.count = 1, .producer_id = 7, .sequence = 1};
    open_all();
    CHECK_INT(produce("x", txn(7, 0, 0), NULL), 0);
    CHECK_INT(produce(NULL, plain, NULL), 48);
    CHECK_INT(mark(7, 0, true), 0);
    CHECK_INT(produce(NULL, plain, NULL), 0);
    plain.producer_id = 9;
    CHECK_INT(produce("x", txn(8, 0, 0), NULL), 0);
    CHECK_INT(produce(NULL, plain, NULL), 0); /* the transaction is another's */
    close_all();
}

static void clients_write_no_control_batches(void)
{
    struct batch_spec control = txn(7, 0, 0);
    open_all();
    control.attributes |= BATCH_CONTROL;
    CHECK_INT(produce("x", control, NULL), 87);
    CHECK_INT(log_end_offset(r.partition->log), 0);
    close_all();
}

/* Once a transaction, and again in the next one. */
static void the_first_batch_is_verified(void)
{
    open_all();
    CHECK_INT(produce("x", txn(7, 0, 0), NULL), 0);
    CHECK_INT(produce("x", txn(7, 0, 1), NULL), 0);
    CHECK_INT(verifications, 1);
    CHECK_INT(mark(7, 0, true), 0);
    CHECK_INT(produce("x", txn(7, 0, 2), NULL), 0);
    CHECK_INT(verifications, 2);
    CHECK_INT(produce(NULL, (struct batch_spec){.count = 1}, NULL), 0);
    CHECK_INT(verifications, 2);
    close_all();
}

static void check_verdict(int16_t of, int err, int code)
{
    open_all();
    version = of;
    verdict = err;
    CHECK_INT(produce("x", txn(7, 0, 0), NULL), code);
    CHECK_INT(verifications, 1);
    CHECK_INT(log_end_offset(r.partition->log), 0);
    verdict = 0;
    CHECK_INT(produce("x", txn(7, 0, 0), NULL), 0); /* and nothing of it stays */
    close_all();
}

static void each_version_is_told_in_its_words(void)
{
    const int not_known[] = {ERR_CONCURRENT_TRANSACTIONS,
                             ERR_COORDINATOR_NOT_AVAILABLE,
                             ERR_COORDINATOR_LOAD_IN_PROGRESS,
                             ERR_NOT_COORDINATOR,
                             ERR_REFUSED,
                             ERR_RESET,
                             ERR_TIMED_OUT,
                             ERR_UNSUPPORTED_VERSION,
                             ERR_NO_MEMORY,
                             ERR_UNKNOWN_SERVER_ERROR};
    for (size_t i = 0; i < ARRAY_LEN(not_known); i++)
        check_verdict(VERSION, not_known[i], 19);
    check_verdict(10, ERR_TRANSACTION_ABORTABLE, 48);
    check_verdict(10, ERR_INVALID_TXN_STATE, 48);
    check_verdict(11, ERR_TRANSACTION_ABORTABLE, 120);
    check_verdict(12, ERR_INVALID_TXN_STATE, 120);
    check_verdict(11, ERR_PRODUCER_FENCED, 47);
    check_verdict(11, ERR_INVALID_PRODUCER_EPOCH, 47);
    check_verdict(11, ERR_INVALID_PRODUCER_ID_MAPPING, 49);
    check_verdict(11, ERR_UNKNOWN_TOPIC_OR_PARTITION, 3);
}

/* From v12 on nobody else adds the partition: the setting does not count. */
static void verification_can_be_switched_off(void)
{
    open_all();
    verifier_is_off = true;
    CHECK_INT(produce("x", txn(7, 0, 0), NULL), 0);
    CHECK_INT(verifications, 0);
    CHECK_INT(mark(7, 0, true), 0);
    version = 12;
    CHECK_INT(produce("x", txn(7, 0, 1), NULL), 0);
    CHECK_INT(verifications, 1);
    close_all();
}

/* The marker of the transaction before comes while the coordinator is asked to begin the next one:
 * its answer does not count, but when it is asked once more it does. */
static void a_marker_comes_while_the_coordinator_is_asked(void)
{
    for (int again = 0; again <= 1; again++) {
        open_all();
        version = 12;
        CHECK_INT(produce("x", txn(7, 0, 0), NULL), 0);
        verdict_late = true;
        begin("x", txn(7, 1, 0), NULL);
        UNTIL(r.logs.env, verifying != NULL);
        verifying->asking(verifying);
        CHECK(!verifying->outdated(verifying));
        CHECK_INT(mark(7, 1, true), 0);
        CHECK(verifying->outdated(verifying));
        if (again)
            verifying->asking(verifying);
        CHECK_INT(verifying->outdated(verifying), !again);
        answer_verify(NULL);
        UNTIL(r.logs.env, answers == 1);
        CHECK_INT(codes[0], again ? 0 : 48);
        close_all();
    }
}

static void a_topic_is_deleted_while_its_coordinator_is_asked(void)
{
    open_all();
    verdict_late = true;
    begin("x", txn(7, 0, 0), NULL);
    UNTIL(r.logs.env, verifying != NULL);
    CHECK_INT(answers, 0);
    feed_topic_removed(r.metadata, "t");
    until_quiet(r.logs.env);
    CHECK_INT(answers, 0);
    answer_verify(NULL);
    UNTIL(r.logs.env, answers == 1);
    CHECK_INT(codes[0], 3);
    close_all();
}

TAP_MAIN(TAP_TEST(a_transaction_is_written_and_ended), TAP_TEST(the_first_batch_is_verified),
         TAP_TEST(each_version_is_told_in_its_words), TAP_TEST(verification_can_be_switched_off),
         TAP_TEST(a_marker_comes_while_the_coordinator_is_asked),
         TAP_TEST(a_topic_is_deleted_while_its_coordinator_is_asked),
         TAP_TEST(batches_must_agree_with_their_request),
         TAP_TEST(a_plain_batch_does_not_join_a_transaction),
         TAP_TEST(clients_write_no_control_batches))
