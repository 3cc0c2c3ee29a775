/* Following: what is asked for, which answers count, what they may change. The test is the leader,
 * broker 2, on a free port of this host. */
#include "fixture.h"

#include "kafka/api.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/headers.h"
#include "wire/frame.h"

enum { ASKED_MAX = 64, VERSION = 17, SESSION = 77 };

/* One fetch as it came. */
struct asked {
    int32_t id; /* of correlation */
    int32_t session_id;
    int32_t session_epoch;
    int64_t replica_epoch;
    bool named; /* t-0; then how */
    int32_t leader_epoch;
    int32_t last_epoch;
    int64_t offset;
    int32_t max_bytes;
    int count; /* of partitions that it names */
};

struct leader {
    struct replica r;
    struct env_listener *listener;
    struct frame_conn *conn;
    struct asked asked[ASKED_MAX];
    int asked_count;
    int answered; /* fetches */
    int lines;    /* connections so far */
    bool full;    /* accepts, and closes */
};

static void leader_asked(void *data, uint8_t *bytes, size_t len)
{
    struct leader *l = data;
    const struct kafka_api *api = kafka_api_find(KAFKA_API_FETCH);
    struct arena arena;
    struct request_header header;
    struct fetch_request request;
    size_t used, body_used;
    arena_init(&arena, 1 << 20);
    CHECK_INT(wire_decode(&request_header_desc, kafka_api_request_header_version(api, VERSION),
                          bytes, len, &arena, &header, &used),
              0);
    CHECK_INT(header.request_api_version, VERSION);
    CHECK_INT(wire_decode(&fetch_request_desc, VERSION, bytes + used, len - used, &arena, &request,
                          &body_used),
              0);
    CHECK(l->asked_count < ASKED_MAX);
    struct asked *asked = &l->asked[l->asked_count++];
    *asked = (struct asked){.id = header.correlation_id,
                            .session_id = request.session_id,
                            .session_epoch = request.session_epoch,
                            .replica_epoch = request.replica_state.replica_epoch};
    CHECK_INT(request.replica_state.replica_id, NODE);
    asked->count = request.topics.count;
    for (int32_t i = 0; i < request.topics.count; i++) {
        const struct fetch_request_fetch_partition *item =
            &request.topics.items[i].partitions.items[0];
        if (item->partition != 0)
            continue;
        asked->named = true;
        asked->leader_epoch = item->current_leader_epoch;
        asked->last_epoch = item->last_fetched_epoch;
        asked->offset = item->fetch_offset;
        asked->max_bytes = item->partition_max_bytes;
    }
    arena_close(&arena);
}

static void leader_broken(void *data, int err)
{
    struct leader *l = data;
    (void)err;
    frame_conn_close(l->conn);
    l->conn = NULL;
}

static void leader_accepted(void *data, struct env_stream *stream)
{
    static const struct frame_handlers handlers = {.frame = leader_asked, .broken = leader_broken};
    struct leader *l = data;
    CHECK(l->conn == NULL);
    l->lines++;
    if (l->full) {
        env_stream_close(stream);
        return;
    }
    CHECK_INT(frame_conn_new(l->r.logs.env, transport_plain(stream), 1 << 20, NULL, &handlers, l,
                             &l->conn),
              0);
}

/* Broker 1 follows t-0 from here on, in epoch 1. */
static void leader_open(struct leader *l)
{
    *l = (struct leader){0};
    replica_open(&l->r, "");
    CHECK_INT(env_listen(l->r.logs.env, "127.0.0.1", 0, leader_accepted, l, &l->listener), 0);
    feed_broker(l->r.metadata, 2, 2, env_listener_port(l->listener), false);
    replica_begin(&l->r, (struct decision){.leader = 2, .epoch = 1, .isr = MEMBERS(1, 2)});
}

static void leader_close(struct leader *l)
{
    replica_manager_free(l->r.manager);
    l->r.manager = NULL;
    if (l->conn)
        frame_conn_close(l->conn);
    env_listener_close(l->listener);
    replica_close(&l->r);
}

/* The n-th fetch, counted from 0; waits for it. */
static const struct asked *leader_fetch(struct leader *l, int n)
{
    UNTIL(l->r.logs.env, l->asked_count > n);
    return &l->asked[n];
}

/* An answer to the fetch of that correlation id. What is said of t-0; nothing when it is NULL. */
static void leader_say(struct leader *l, int32_t id,
                       const struct fetch_response_partition_data *data)
{
    struct fetch_response response;
    struct fetch_response_fetchable_topic_response topic;
    struct fetch_response_partition_data item;
    struct wire_out out;
    wire_defaults(&fetch_response_desc, &response);
    wire_defaults(&fetch_response_fetchable_topic_response_desc, &topic);
    response.session_id = SESSION;
    if (data) {
        item = *data;
        topic.topic_id = feed_topic_id("t");
        topic.partitions.items = &item;
        topic.partitions.count = 1;
        response.responses.items = &topic;
        response.responses.count = 1;
    }
    struct response_header header = {.correlation_id = id};
    wire_out_init(&out);
    CHECK_INT(wire_encode(&response_header_desc, 1, &header, &out), 0);
    CHECK_INT(wire_encode(&fetch_response_desc, VERSION, &response, &out), 0);
    /* Records are a chunk of their own. */
    struct buf whole;
    struct env_chunk chunk;
    size_t cursor = 0;
    buf_init(&whole);
    while (wire_out_next(&out, &cursor, &chunk))
        buf_put(&whole, chunk.data, chunk.len);
    CHECK_INT(frame_conn_send_copy(l->conn, whole.data, whole.len), 0);
    buf_close(&whole);
    wire_out_close(&out);
}

/* Answers the oldest fetch that has no answer. */
static void leader_answer(struct leader *l, const struct fetch_response_partition_data *data)
{
    leader_say(l, leader_fetch(l, l->answered++)->id, data);
}

/* The next fetch that names the partition; those before it are answered with nothing. */
static const struct asked *leader_named(struct leader *l)
{
    int n = l->answered;
    while (!leader_fetch(l, n)->named)
        n++;
    while (l->answered < n)
        leader_answer(l, NULL);
    return &l->asked[n];
}

static struct fetch_response_partition_data nothing_new(void)
{
    struct fetch_response_partition_data data;
    wire_defaults(&fetch_response_partition_data_desc, &data);
    data.log_start_offset = 0;
    return data;
}

/* `count` records from `base` on under a leader epoch, of which all below `high_watermark` is
 * committed. */
static void leader_send(struct leader *l, int64_t base, int count, int epoch,
                        int64_t high_watermark)
{
    struct buf batch = batch_make((struct batch_spec){
        .count = count, .value_len = 10, .base_offset = base, .leader_epoch = epoch});
    struct fetch_response_partition_data data = nothing_new();
    data.high_watermark = high_watermark;
    data.records.data = batch.data;
    data.records.len = (int64_t)batch.len;
    leader_answer(l, &data);
    buf_close(&batch);
}

static int64_t follower_end(const struct leader *l)
{
    return log_end_offset(partition_log(l->r.partition));
}

static void a_session_asks_for_what_is_durable(void)
{
    struct leader l;
    leader_open(&l);
    const struct asked *first = leader_fetch(&l, 0);
    CHECK_INT(first->session_id, 0);
    CHECK_INT(first->session_epoch, 0);
    CHECK_INT(first->replica_epoch, NODE);
    CHECK(first->named);
    CHECK_INT(first->offset, 0);
    CHECK_INT(first->leader_epoch, 1);
    leader_send(&l, 0, 3, 1, 2);
    UNTIL(l.r.logs.env, follower_end(&l) == 3);
    CHECK_INT(partition_high_watermark(l.r.partition), 2);
    /* It names the partition when the records are on the disk: that is its acknowledgement.
     * On a slow disk it asks for news before. */
    const struct asked *second = leader_named(&l);
    CHECK(replica_is_durable(&l.r));
    CHECK_INT(second->session_id, SESSION);
    CHECK_INT(second->session_epoch, l.answered);
    CHECK_INT(second->offset, 3);
    CHECK_INT(second->last_epoch, 1);
    struct fetch_response_partition_data data = nothing_new();
    data.high_watermark = 9; /* more than we have */
    leader_answer(&l, &data);
    UNTIL(l.r.logs.env, partition_high_watermark(l.r.partition) == 3);
    /* Nothing to say: a long poll that names nothing. */
    const struct asked *third = leader_fetch(&l, l.answered);
    CHECK_INT(third->session_epoch, l.answered);
    CHECK(!third->named);
    leader_close(&l);
}

/* Records of an epoch that ends elsewhere at the leader go. */
static void a_diverging_log_is_cut(void)
{
    struct leader l;
    leader_open(&l);
    leader_send(&l, 0, 3, 1, 0);
    leader_named(&l);
    leader_send(&l, 3, 2, 1, 0);
    CHECK_INT(leader_named(&l)->offset, 5);
    struct fetch_response_partition_data data = nothing_new();
    data.diverging_epoch.epoch = 1;
    data.diverging_epoch.end_offset = 3;
    leader_answer(&l, &data);
    CHECK_INT(leader_named(&l)->offset, 3);
    CHECK_INT(follower_end(&l), 3);
    leader_send(&l, 3, 1, 2, 0); /* of the leader's own epoch */
    const struct asked *last = leader_named(&l);
    CHECK_INT(last->offset, 4);
    CHECK_INT(last->last_epoch, 2);
    leader_close(&l);
}

/* An epoch that we have never heard of: what we have from before it stays. */
static void a_log_is_cut_where_both_agree(void)
{
    struct leader l;
    leader_open(&l);
    leader_send(&l, 0, 2, 1, 0);
    leader_named(&l);
    leader_send(&l, 2, 2, 3, 0);
    CHECK_INT(leader_named(&l)->last_epoch, 3);
    struct fetch_response_partition_data data = nothing_new();
    data.diverging_epoch.epoch = 2;
    data.diverging_epoch.end_offset = 9; /* there it is longer than our epoch 1 */
    leader_answer(&l, &data);
    const struct asked *next = leader_named(&l);
    CHECK_INT(next->offset, 2);
    CHECK_INT(next->last_epoch, 1);
    leader_close(&l);
}

static bool leader_is_followed(const struct leader *l, int32_t index)
{
    struct uuid topic = feed_topic_id("t");
    int err;
    const struct partition *partition = replica_manager_by_id(l->r.manager, &topic, index, &err);
    return partition && partition->fetch;
}

/* Two fetches are on their way; the second names the partition anew. What the first brings is not
 * for it any more. */
static void an_answer_to_an_earlier_ask_does_not_count(void)
{
    struct leader l;
    int32_t ids[] = {1, 2};
    struct image_partition other = {
        .index = 1, .leader = 2, .leader_epoch = 1, .replicas = {ids, 2}, .isr = {ids, 2}};
    leader_open(&l);
    /* It keeps the line while t-0 changes. Once it is followed it asks for nothing more by itself:
     * two fetches are on their way at most, and both are to be of t-0. */
    feed_partition(l.r.metadata, "t", &other);
    UNTIL(l.r.logs.env, leader_is_followed(&l, 1));
    leader_send(&l, 0, 3, 1, 0);
    int first = (int)(leader_named(&l) - l.asked);
    while (l.answered <
           first) /* a slow flush lets a fetch go without t-0: two may be on their way */
        leader_answer(&l, NULL);
    replica_decide(&l.r, (struct decision){.leader = 2, .epoch = 2, .isr = MEMBERS(1, 2)});
    int second = first + 1;
    while (!leader_fetch(&l, second)->named)
        second++;
    CHECK_INT(l.asked[first].offset, 3);
    CHECK_INT(l.asked[second].offset, 3);
    CHECK_INT(l.asked[second].leader_epoch, 2);
    leader_send(&l, 3, 2, 1, 0); /* the answer to the first */
    while (l.answered < second)
        leader_answer(&l, NULL);
    leader_send(&l, 3, 1, 2, 0);
    UNTIL(l.r.logs.env, follower_end(&l) > 3);
    CHECK_INT(follower_end(&l), 4);
    CHECK_INT(log_latest_epoch(partition_log(l.r.partition)), 2);
    CHECK_INT(l.lines, 1);
    leader_close(&l);
}

/* Records may begin behind our end only where the leader says that there is nothing between. */
static void a_gap_is_taken_on_the_leaders_word(void)
{
    struct leader l;
    leader_open(&l);
    leader_send(&l, 0, 3, 1, 0);
    leader_named(&l);
    leader_send(&l, 10, 1, 1, 0);
    CHECK_INT(leader_named(&l)->offset, 3);
    CHECK_INT(follower_end(&l), 3);
    struct buf batch = batch_make(
        (struct batch_spec){.count = 1, .value_len = 9, .base_offset = 10, .leader_epoch = 1});
    struct fetch_response_partition_data data = nothing_new();
    data.snapshot_id.end_offset = 10;
    data.records.data = batch.data;
    data.records.len = (int64_t)batch.len;
    leader_answer(&l, &data);
    buf_close(&batch);
    CHECK_INT(leader_named(&l)->offset, 11);
    CHECK_INT(follower_end(&l), 11);
    leader_close(&l);
}

static void an_offset_out_of_range_starts_afresh(void)
{
    struct leader l;
    leader_open(&l);
    leader_send(&l, 0, 3, 1, 0);
    leader_named(&l);
    struct fetch_response_partition_data data = nothing_new();
    data.error_code = err_to_wire(ERR_OFFSET_OUT_OF_RANGE);
    data.log_start_offset = 50;
    leader_answer(&l, &data);
    CHECK_INT(leader_named(&l)->offset, 50);
    CHECK_INT(log_start_offset(partition_log(l.r.partition)), 50);
    leader_close(&l);
}

/* Either side's metadata may be behind: it is asked again soon, at the same offset. */
static void an_error_of_one_partition_is_tried_again(void)
{
    struct leader l;
    leader_open(&l);
    struct fetch_response_partition_data data = nothing_new();
    data.error_code = err_to_wire(ERR_UNKNOWN_LEADER_EPOCH);
    leader_answer(&l, &data);
    const struct asked *again = leader_named(&l);
    CHECK_INT(again->offset, 0);
    CHECK_INT(again->session_id, SESSION);
    CHECK_INT(l.lines, 1);
    leader_close(&l);
}

/* A line that breaks, or brings what nobody asked for, is dialled again with a new session. */
static void a_broken_line_begins_a_new_session(void)
{
    struct leader l;
    leader_open(&l);
    leader_send(&l, 0, 3, 1, 0);
    leader_say(&l, leader_named(&l)->id + 50, NULL);
    UNTIL(l.r.logs.env, l.lines == 2);
    const struct asked *again = leader_fetch(&l, l.answered + 1);
    CHECK_INT(again->session_id, 0);
    CHECK_INT(again->session_epoch, 0);
    CHECK_INT(again->offset, 3);
    leader_broken(&l, 0);
    UNTIL(l.r.logs.env, l.lines == 3);
    CHECK_INT(leader_fetch(&l, l.answered + 2)->session_epoch, 0);
    leader_close(&l);
}

/* The leader counts what was said under our newest registration: all is said again. */
static void a_new_registration_is_told(void)
{
    struct leader l;
    leader_open(&l);
    leader_send(&l, 0, 3, 1, 0);
    CHECK_INT(leader_named(&l)->replica_epoch, NODE);
    l.r.broker_epoch = 5;
    leader_answer(&l, NULL); /* nothing new for the partition: but for this it would not be named */
    const struct asked *again = leader_named(&l);
    CHECK_INT(again->replica_epoch, 5);
    CHECK_INT(again->offset, 3);
    leader_close(&l);
}

/* ---- a throttle ---- */

enum { RATE = 1100000, BURST = RATE / 11 };

/* t-0 to t-(count - 1) are not in sync and throttled, and most of them have nothing to copy: the
 * leader sees them named in fetches in which nothing comes. */
static void leader_open_throttled(struct leader *l, int32_t count)
{
    int32_t ids[] = {1, 2};
    *l = (struct leader){0};
    replica_open(&l->r, "");
    CHECK_INT(env_listen(l->r.logs.env, "127.0.0.1", 0, leader_accepted, l, &l->listener), 0);
    feed_topic(l->r.metadata, "t");
    feed_setting(l->r.metadata, META__CONFIG_RECORD__RESOURCE__TOPIC, "t",
                 "follower.replication.throttled.replicas", "*");
    feed_setting(l->r.metadata, META__CONFIG_RECORD__RESOURCE__BROKER, "1",
                 "follower.replication.throttled.rate", "1100000");
    for (int32_t i = 0; i < count; i++) {
        struct image_partition record = {
            .index = i, .leader = 2, .leader_epoch = 1, .replicas = {ids, 2}, .isr = {ids + 1, 1}};
        feed_partition(l->r.metadata, "t", &record);
        int err;
        struct uuid topic = feed_topic_id("t");
        UNTIL(l->r.logs.env, partition_state(replica_manager_by_id(l->r.manager, &topic, i,
                                                                   &err)) != PARTITION_OPENING);
    }
    l->r.partition = replica_find(&l->r);
    feed_broker(l->r.metadata, 2, 2, env_listener_port(l->listener), false);
}

/* Nobody gets all of the allowance: it would keep the others waiting and use nothing of it. */
static void a_throttle_is_shared(void)
{
    struct leader l;
    leader_open_throttled(&l, 10);
    const struct asked *first = leader_fetch(&l, 0);
    CHECK_INT(first->count, 10);
    CHECK(first->named);
    CHECK_INT(first->max_bytes, BURST / 10);
    leader_close(&l);
}

static void who_has_nothing_to_copy_holds_up_nobody(void)
{
    enum { MANY = 40, SHARES = 16 };
    struct leader l;
    leader_open_throttled(&l, MANY);
    CHECK_INT(leader_fetch(&l, 0)->count, SHARES);
    leader_answer(&l, NULL);
    int named = SHARES, fetches = 1;
    for (int n = 1; named < MANY; n++) {
        int count = leader_fetch(&l, n)->count;
        CHECK(count <= SHARES);
        named += count;
        fetches += count > 0;
        if (named == MANY)
            break;
        leader_fetch(&l, n + 1); /* until that one comes, the leader waits for news */
        leader_answer(&l, NULL);
    }
    CHECK_INT(named, MANY);
    CHECK_INT(fetches, 3);
    leader_close(&l);
}

static void count_lost(void *data, const char *line, int len)
{
    (void)len;
    *(int *)data += strstr(line, "lost the leader 2") != NULL;
}

/* It is dialled more and more rarely, twice a second at last, and that is one line. */
static void a_leader_without_room_is_left_alone(void)
{
    struct leader l;
    int told = 0;
    leader_open(&l);
    l.r.logs.logger.sink = count_lost;
    l.r.logs.logger.sink_data = &told;
    leader_send(&l, 0, 3, 1, 0);
    leader_named(&l);
    l.full = true;
    leader_broken(&l, ERR_EOF);
    int64_t begin_ms = env_now_ms(l.r.logs.env), lost_ms;
    UNTIL(l.r.logs.env, l.lines == 2);
    lost_ms = replica_manager_lost_ms(l.r.manager, 2);
    CHECK(lost_ms > 0);
    UNTIL(l.r.logs.env, l.lines == 7);
    CHECK(env_now_ms(l.r.logs.env) - begin_ms >= 30 + 60 + 120 + 240 + 480 + 500);
    CHECK_INT(replica_manager_lost_ms(l.r.manager, 2), lost_ms); /* no new loss */
    CHECK_INT(told, 1);
    l.answered = l.asked_count; /* before the line comes: it may ask at once */
    l.full = false;
    UNTIL(l.r.logs.env, l.lines == 8);
    CHECK_INT(leader_named(&l)->session_epoch, 0);
    leader_answer(&l, NULL);
    UNTIL(l.r.logs.env, replica_manager_lost_ms(l.r.manager, 2) == 0);
    leader_close(&l);
}

static void who_leads_itself_fetches_no_more(void)
{
    struct leader l;
    leader_open(&l);
    leader_send(&l, 0, 3, 1, 0);
    leader_fetch(&l, 1);
    replica_decide(&l.r, (struct decision){.leader = NODE, .epoch = 2, .isr = MEMBERS(1, 2)});
    CHECK_INT(partition_state(l.r.partition), PARTITION_LEADER);
    UNTIL(l.r.logs.env, l.conn == NULL); /* nothing else is followed there */
    CHECK_INT(l.lines, 1);
    CHECK_INT(replica_manager_lost_ms(l.r.manager, 2), 0);
    leader_close(&l);
}

TAP_MAIN(TAP_TEST(a_session_asks_for_what_is_durable), TAP_TEST(a_diverging_log_is_cut),
         TAP_TEST(a_log_is_cut_where_both_agree),
         TAP_TEST(an_answer_to_an_earlier_ask_does_not_count),
         TAP_TEST(a_gap_is_taken_on_the_leaders_word),
         TAP_TEST(an_offset_out_of_range_starts_afresh),
         TAP_TEST(an_error_of_one_partition_is_tried_again),
         TAP_TEST(a_broken_line_begins_a_new_session), TAP_TEST(a_new_registration_is_told),
         TAP_TEST(a_leader_without_room_is_left_alone), TAP_TEST(who_leads_itself_fetches_no_more),
         TAP_TEST(a_throttle_is_shared), TAP_TEST(who_has_nothing_to_copy_holds_up_nobody))
