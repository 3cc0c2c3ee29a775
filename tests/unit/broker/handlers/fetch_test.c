/* A fetch at each moment of its life: while its reads are queued, while it waits, and what ends it
 * then. Requests are made by hand: the functions of net/request.h are defined here. */
#include "../replica/fixture.h"

#include "broker/broker.h"
#include "broker/handlers/fetch_session.h"
#include "broker/handlers/handlers.h"
#include "kafka/api.h"

enum { VERSION = 17, WAIT_MS = 60000 };

struct fetching {
    struct request request;
    struct fetch_request body;
    struct fetch_request_fetch_topic topic;
    struct fetch_request_fetch_partition partition;
    struct request_watch *watch;
    int answers;
    int error; /* of the answer as a whole */
    int partitions;
    int partition_error; /* of the last one */
    int64_t bytes;
    int64_t hw, lso;
    int32_t aborted; /* how many of the last partition; -1 = null */
    int64_t aborted_id, aborted_offset;
    int32_t session_id;
};

static struct replica r;
static struct broker broker;

static struct fetching *fetching_of(struct request *request)
{
    return CONTAINER_OF(request, struct fetching, request);
}

static void take_partition(struct fetching *f, const struct fetch_response_partition_data *data)
{
    f->partitions++;
    f->partition_error = data->error_code;
    f->bytes += data->records.len;
    f->hw = data->high_watermark;
    f->lso = data->last_stable_offset;
    f->aborted = data->aborted_transactions.count;
    if (f->aborted <= 0)
        return;
    f->aborted_id = data->aborted_transactions.items[0].producer_id;
    f->aborted_offset = data->aborted_transactions.items[0].first_offset;
}

void request_reply(struct request *request, void *response,
                   void (*release)(struct request *request))
{
    struct fetching *f = fetching_of(request);
    const struct fetch_response *answer = response;
    f->answers++;
    f->error = answer->error_code;
    f->session_id = answer->session_id;
    for (int32_t i = 0; i < answer->responses.count; i++)
        for (int32_t j = 0; j < answer->responses.items[i].partitions.count; j++) {
            take_partition(f, &answer->responses.items[i].partitions.items[j]);
        }
    if (f->watch)
        list_remove(&f->watch->link);
    f->watch = NULL;
    if (release)
        release(request);
}

void request_fail(struct request *request, int err, const char *reason)
{
    (void)request;
    (void)err;
    CHECK_STR(reason, "no failure");
}

void request_release_body(struct request *request)
{
    request->body = NULL;
    request->released = true;
    arena_close(&request->arena);
}

void request_watch(struct request *request, struct request_watch *watch)
{
    fetching_of(request)->watch = watch;
}

void request_note_follower(struct request *request, int32_t replica_id)
{
    (void)request;
    (void)replica_id;
}

static size_t records_max = SIZE_MAX; /* what a quota lets through */
static bool refuses;                  /* it is used up */

size_t request_records_max(const struct request *request)
{
    (void)request;
    return records_max;
}

bool request_may_take(struct request *request, size_t bytes)
{
    CHECK(!request->answered && bytes > 0);
    return !refuses;
}

void request_note_moved(struct request *request)
{
    (void)request;
}

static int64_t from; /* what a fetch that names t-0 asks for */
static int32_t max_wait_ms = WAIT_MS;
static int16_t version = VERSION;
static int8_t isolation;

/* Of t-0. `epoch`: 0 makes a session. */
static void fetch(struct fetching *f, int32_t session_id, int32_t epoch, bool names)
{
    *f = (struct fetching){.request = {.broker = &broker, .version = version}};
    f->request.api = kafka_api_find(KAFKA_API_FETCH);
    f->request.payer = records_max < SIZE_MAX ? f : NULL;
    arena_init(&f->request.arena, 1 << 20);
    wire_defaults(&fetch_request_desc, &f->body);
    f->partition = (struct fetch_request_fetch_partition){.current_leader_epoch = -1,
                                                          .last_fetched_epoch = -1,
                                                          .fetch_offset = from,
                                                          .partition_max_bytes = 1 << 20};
    f->topic.topic = wire_str_from("t");
    f->topic.topic_id = feed_topic_id("t");
    f->topic.partitions.items = &f->partition;
    f->topic.partitions.count = 1;
    f->body.topics.items = &f->topic;
    f->body.topics.count = names;
    f->body.replica_state.replica_id = -1;
    f->body.session_id = session_id;
    f->body.session_epoch = epoch;
    f->body.min_bytes = 1;
    f->body.max_bytes = 1 << 20;
    f->body.max_wait_ms = max_wait_ms;
    f->body.isolation_level = isolation;
    f->request.body = &f->body;
    handle_fetch(&f->request);
    CHECK_INT(f->answers, 0); /* its reads are queued */
}

static void fetch_close(struct fetching *f)
{
    CHECK_INT(f->answers, 1);
    arena_close(&f->request.arena);
}

static void append(void)
{
    struct waiter waiter;
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &waiter), PARTITION_WAITS);
    UNTIL(r.logs.env, waiter.calls);
}

/* A batch of producer 7, or the end of its transaction; until it is committed. */
static void append_txn(int sequence, int attributes)
{
    struct waiter waiter = {.wait.done = waiter_done};
    struct log_append result;
    bool marker = attributes & BATCH_CONTROL;
    struct buf bytes =
        marker ? batch_make_marker((struct batch_marker){.producer_id = 7})
               : batch_make((struct batch_spec){
                     .count = 1, .producer_id = 7, .sequence = sequence, .attributes = attributes});
    CHECK_INT(partition_append(r.partition, bytes.data, bytes.len,
                               marker ? LOG_MARKER : LOG_FROM_CLIENT, PARTITION_ACKS_ALL, &result,
                               &waiter.wait),
              PARTITION_WAITS);
    UNTIL(r.logs.env, waiter.calls);
    buf_close(&bytes);
}

static void begin(void)
{
    isolation = 0;
    replica_open_leading(&r, MEMBERS(1));
    from = 0;
    broker = (struct broker){.env = r.logs.env,
                             .config = r.config,
                             .metadata = r.metadata,
                             .partitions = replica_manager_partitions(r.manager)};
    broker.fetch_sessions = fetch_sessions_new(broker.partitions, r.logs.env, 10, false);
    append();
}

static void finish(void)
{
    if (broker.fetch_sessions)
        fetch_sessions_free(broker.fetch_sessions);
    replica_close(&r);
}

static void records_come_when_the_reads_are_done(void)
{
    struct fetching f;
    begin();
    fetch(&f, 0, 0, true);
    UNTIL(r.logs.env, f.answers);
    CHECK_INT(f.partitions, 1);
    CHECK(f.bytes > 0);
    CHECK_INT(f.request.held, f.bytes); /* so few are a copy */
    CHECK(f.session_id != 0);
    fetch_sessions_check(broker.fetch_sessions);
    fetch_close(&f);
    finish();
}

/* The next fetch of the session finds nothing, until something is written. */
static void one_that_waits_is_woken(void)
{
    struct fetching first, next;
    begin();
    fetch(&first, 0, 0, true);
    UNTIL(r.logs.env, first.answers);
    from = 1;
    fetch(&next, first.session_id, 1, true);
    until_quiet(r.logs.env);
    CHECK_INT(next.answers, 0);
    append();
    UNTIL(r.logs.env, next.answers);
    CHECK_INT(next.error, 0);
    CHECK(next.bytes > 0);
    fetch_close(&first);
    fetch_close(&next);
    finish();
}

/* A quota that lets nearly nothing through does not make a waiting client spin. */
static void one_with_a_tiny_quota_waits(void)
{
    struct fetching first, next;
    begin();
    records_max = 0;
    fetch(&first, 0, 0, true);
    UNTIL(r.logs.env, first.answers);
    CHECK(first.bytes > 0);
    from = 1;
    fetch(&next, first.session_id, 1, true);
    until_quiet(r.logs.env);
    CHECK_INT(next.answers, 0);
    append();
    UNTIL(r.logs.env, next.answers);
    CHECK(next.bytes > 0);
    records_max = SIZE_MAX;
    fetch_close(&first);
    fetch_close(&next);
    finish();
}

/* Its quota is used up: an incremental answer is empty, and finds the same records again. */
static void one_that_is_refused_finds_them_again(void)
{
    struct fetching first, refused, again;
    begin();
    fetch(&first, 0, 0, true);
    UNTIL(r.logs.env, first.answers);
    append();
    from = 1;
    refuses = true;
    fetch(&refused, first.session_id, 1, true);
    UNTIL(r.logs.env, refused.answers);
    CHECK_INT(refused.session_id, first.session_id);
    CHECK_INT(refused.bytes, 0);
    refuses = false;
    fetch(&again, first.session_id, 2, true);
    UNTIL(r.logs.env, again.answers);
    CHECK_INT(again.error, 0);
    CHECK(again.bytes > 0);
    fetch_sessions_check(broker.fetch_sessions);
    fetch_close(&first);
    fetch_close(&refused);
    fetch_close(&again);
    finish();
}

/* It is not woken by what is written, but by what is decided. */
static void a_reader_of_committed_records_waits_for_the_decision(void)
{
    struct fetching first, next, other, all;
    begin();
    append_txn(0, BATCH_TRANSACTIONAL);
    isolation = 1;
    fetch(&first, 0, 0, true);
    UNTIL(r.logs.env, first.answers);
    CHECK(first.bytes > 0);
    CHECK_INT(first.hw, 2);
    CHECK_INT(first.lso, 1);
    CHECK_INT(first.aborted, 0);
    from = 1;
    fetch(&next, first.session_id, 1, true);
    append();
    until_quiet(r.logs.env);
    CHECK_INT(next.answers, 0);
    isolation = 0;
    fetch(&other, 0, -1, true);
    UNTIL(r.logs.env, other.answers);
    CHECK(other.bytes > first.bytes);
    CHECK_INT(other.lso, 1);
    CHECK_INT(other.aborted, -1);
    append_txn(0, BATCH_CONTROL);
    UNTIL(r.logs.env, next.answers);
    CHECK_INT(next.hw, 4);
    CHECK_INT(next.lso, 4);
    CHECK(next.bytes > other.bytes);
    CHECK_INT(next.aborted, 1);
    CHECK_INT(next.aborted_id, 7);
    CHECK_INT(next.aborted_offset, 1);
    isolation = 1;
    from = 3; /* the marker itself is in it */
    fetch(&all, 0, -1, true);
    UNTIL(r.logs.env, all.answers);
    CHECK_INT(all.aborted, 1);
    fetch_close(&first);
    fetch_close(&next);
    fetch_close(&other);
    fetch_close(&all);
    finish();
}

/* Old clients know no markers, and behind the last record there is nothing else. */
static void an_old_client_may_find_nothing_but_a_marker(void)
{
    struct fetching f;
    begin();
    append_txn(0, BATCH_TRANSACTIONAL);
    append_txn(0, BATCH_CONTROL);
    version = 3;
    from = 2;
    fetch(&f, 0, -1, true);
    UNTIL(r.logs.env, f.answers);
    CHECK_INT(f.error, 0);
    CHECK_INT(f.partitions, 1);
    CHECK_INT(f.partition_error, 0);
    CHECK_INT(f.bytes, 0);
    CHECK_INT(f.hw, 3);
    version = VERSION;
    fetch_close(&f);
    finish();
}

/* What was nothing to read for the one is something for the other. */
static void a_session_may_change_what_it_reads(void)
{
    struct fetching first, last;
    begin();
    append_txn(0, BATCH_TRANSACTIONAL);
    isolation = 1;
    from = 1;
    max_wait_ms = 0;
    fetch(&first, 0, 0, true);
    UNTIL(r.logs.env, first.answers);
    CHECK_INT(first.bytes, 0);
    isolation = 0;
    fetch(&last, first.session_id, 1, false);
    UNTIL(r.logs.env, last.answers);
    CHECK(last.bytes > 0);
    max_wait_ms = WAIT_MS;
    fetch_close(&first);
    fetch_close(&last);
    finish();
}

static void tell_change(void *data)
{
    (void)data;
    partition_tell(r.partition, PARTITION_CHANGED_HW);
}

/* False: its time was over before it waited. */
static bool change_as_time_runs_out(int32_t session_id, int32_t epoch, int32_t wait_ms)
{
    struct fetching f;
    struct env_timer change;
    max_wait_ms = wait_ms;
    fetch(&f, session_id, epoch, true);
    max_wait_ms = WAIT_MS;
    int64_t due_us = env_now_us(r.logs.env) + (wait_ms + 1) * 1000;
    until_quiet(r.logs.env);
    bool waits = f.answers == 0;
    env_timer_init(r.logs.env, &change, tell_change, NULL);
    env_timer_start(&change, 0);
    while (env_now_us(r.logs.env) < due_us)
        continue; /* both timers are due in the same turn, this one first */
    UNTIL(r.logs.env, f.answers);
    CHECK_INT(f.error, 0);
    CHECK(!env_timer_running(&change));
    until_quiet(r.logs.env);
    fetch_close(&f);
    return waits;
}

/* It reads for the last time when it is woken as well. */
static void one_is_woken_when_its_time_is_over(void)
{
    struct fetching first;
    int32_t epoch = 1, wait_ms = 20;
    begin();
    fetch(&first, 0, 0, true);
    UNTIL(r.logs.env, first.answers);
    from = 1;
    while (!change_as_time_runs_out(first.session_id, epoch, wait_ms)) {
        epoch++;
        wait_ms *= 2;
    }
    fetch_sessions_check(broker.fetch_sessions);
    fetch_close(&first);
    finish();
}

/* The connection closes while the reads are queued: nobody hears the answer, nothing is held. */
static void a_client_that_goes_ends_its_fetch(void)
{
    struct fetching f;
    begin();
    fetch(&f, 0, 0, true);
    struct request_watch *watch = f.watch;
    f.watch = NULL;
    watch->closed(watch);
    CHECK_INT(f.answers, 1);
    CHECK_INT(f.bytes, 0);
    until_quiet(r.logs.env);
    CHECK_INT(f.answers, 1);
    fetch_sessions_check(broker.fetch_sessions);
    fetch_close(&f);
    finish();
}

/* What the first one would have said is found by the second. */
static void a_newer_fetch_ends_the_older_one(void)
{
    struct fetching full, older, newer;
    begin();
    fetch(&full, 0, 0, true);
    UNTIL(r.logs.env, full.answers);
    fetch(&older, full.session_id, 1, true);
    fetch(&newer, full.session_id, 2, true);
    CHECK_INT(older.answers, 1);
    CHECK_INT(older.error, 0);
    CHECK_INT(older.partitions, 0);
    UNTIL(r.logs.env, newer.answers);
    CHECK_INT(newer.partitions, 1);
    CHECK(newer.bytes > 0);
    fetch_close(&full);
    fetch_close(&older);
    fetch_close(&newer);
    finish();
}

static void a_replica_that_goes_is_told_as_such(void)
{
    struct fetching f;
    begin();
    fetch(&f, 0, 0, true);
    feed_topic_removed(r.metadata, "t");
    CHECK_INT(f.answers, 0);
    UNTIL(r.logs.env, f.answers);
    CHECK_INT(f.partitions, 1);
    CHECK_INT(f.partition_error, err_to_wire(ERR_UNKNOWN_TOPIC_ID));
    CHECK_INT(f.bytes, 0);
    fetch_close(&f);
    finish();
}

/* A full answer names every partition: cut short it can't, and its client begins anew. */
static void the_end_of_the_broker_ends_it(void)
{
    struct fetching f;
    begin();
    fetch(&f, 0, 0, true);
    fetch_sessions_free(broker.fetch_sessions);
    broker.fetch_sessions = NULL;
    CHECK_INT(f.answers, 1);
    CHECK_INT(f.error, err_to_wire(ERR_FETCH_SESSION_ID_NOT_FOUND));
    CHECK_INT(f.session_id, 0);
    until_quiet(r.logs.env);
    fetch_close(&f);
    finish();
}

TAP_MAIN(TAP_TEST(records_come_when_the_reads_are_done), TAP_TEST(one_that_waits_is_woken),
         TAP_TEST(one_with_a_tiny_quota_waits), TAP_TEST(one_that_is_refused_finds_them_again),
         TAP_TEST(a_reader_of_committed_records_waits_for_the_decision),
         TAP_TEST(an_old_client_may_find_nothing_but_a_marker),
         TAP_TEST(a_session_may_change_what_it_reads), TAP_TEST(one_is_woken_when_its_time_is_over),
         TAP_TEST(a_client_that_goes_ends_its_fetch), TAP_TEST(a_newer_fetch_ends_the_older_one),
         TAP_TEST(a_replica_that_goes_is_told_as_such), TAP_TEST(the_end_of_the_broker_ends_it))
