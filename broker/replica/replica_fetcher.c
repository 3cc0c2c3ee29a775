/* Follows what one other broker leads.
 *
 * Happy path: dial, a full fetch that opens a session, then incremental fetches: each answer is
 * appended, flushed, and acknowledged by the next fetch. Failure modes: a broken line, or one that
 * is silent for too long, is dialled again after a pause and the session starts anew; an error of
 * one partition makes that one wait a little (the metadata of either side may be behind); a log
 * that differs is cut as the leader says.
 */
#include "broker/replica/replica_fetcher.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/mutation.h"
#include "base/state.h"
#include "broker/cluster/endpoint.h"
#include "broker/replica/partition_private.h"
#include "broker/replica/replica_fetcher_private.h"
#include "broker/replica/replica_throttle.h"
#include "kafka/api.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/headers.h"
#include "wire/frame.h"

enum {
    FETCHER_VERSION = 17, /* topic ids, divergence by epoch, broker epoch */
    FETCHER_IN_FLIGHT = 2,
    FETCHER_DIAL_TIMEOUT_MS = 2000, /* a host that does not answer; its session ends by then */
    /* So long the next fetch waits for a flush, to tell of it: as a rule one takes less. Then it
     * goes without, or a slow one would hold up all other partitions of this leader. */
    FETCHER_FLUSH_MS = 10,
    FETCHER_REDIAL_MS = 30, /* doubled by each failure, up to FETCHER_REDIAL_MAX_MS */
    FETCHER_REDIAL_MAX_MS = 500,
    FETCHER_TELL_MS = 10000, /* between two lines about a line that breaks before any answer */
    /* Two batches of the largest request and the rest of their answers; more wait. */
    FETCHER_MEMORY = 256 << 20,
    FETCHER_TOO_LARGE_MS = 5000, /* before an answer that no memory is for is asked for again */
    /* Throttled partitions that one fetch names anew. Who has nothing to copy needs no share, so
     * they are many; each may bring a whole batch, so they are not all. */
    FETCHER_SHARES = 16
};
STATIC_ASSERT(FETCHER_REDIAL_MS <= FETCHER_REDIAL_MAX_MS, "a pause grows up to it");

struct forgotten {
    struct list link;
    struct uuid topic_id;
    int32_t partition;
};

static const struct state_row fetcher_states[FETCHER_STATES] = {
    [FETCHER_IDLE] = {"idle", STATE_BIT(FETCHER_DIALLING) | STATE_BIT(FETCHER_IDLE)},
    [FETCHER_DIALLING] = {"dialling", STATE_BIT(FETCHER_CONNECTED) | STATE_BIT(FETCHER_IDLE)},
    [FETCHER_CONNECTED] = {"connected", STATE_BIT(FETCHER_OPENING) | STATE_BIT(FETCHER_IDLE)},
    /* Back to CONNECTED: the leader has no room for a session. */
    [FETCHER_OPENING] = {"opening a session", STATE_BIT(FETCHER_SESSION) |
                                                  STATE_BIT(FETCHER_CONNECTED) |
                                                  STATE_BIT(FETCHER_IDLE)},
    [FETCHER_SESSION] = {"in a session", STATE_BIT(FETCHER_CONNECTED) | STATE_BIT(FETCHER_IDLE)},
};

static void fetcher_dial(void *data);

/* ---- states ---- */

/* What holds between two events. */
static void fetcher_check(const struct replica_fetcher *fetcher)
{
    ASSERT((fetcher->state == FETCHER_DIALLING) == (fetcher->connect != NULL));
    ASSERT((fetcher->state >= FETCHER_CONNECTED) == (fetcher->conn != NULL));
    ASSERT((fetcher->state == FETCHER_SESSION) == (fetcher->session_epoch > 0));
    ASSERT(fetcher->state == FETCHER_SESSION || fetcher->session_id == 0);
    ASSERT(fetcher->state != FETCHER_OPENING || fetcher->in_flight > 0);
    ASSERT(fetcher->state >= FETCHER_CONNECTED || fetcher->in_flight == 0);
    ASSERT(fetcher->in_flight >= 0);
    ASSERT(fetcher->in_flight <= FETCHER_IN_FLIGHT);
    ASSERT(fetcher->redial_ms >= FETCHER_REDIAL_MS);
    ASSERT(fetcher->redial_ms <= FETCHER_REDIAL_MAX_MS);
    ASSERT(env_timer_running(&fetcher->answer_timer) == (fetcher->in_flight > 0));
    ASSERT(list_empty(&fetcher->backoff) || env_timer_running(&fetcher->retry_timer));
    ASSERT(list_empty(&fetcher->held) || env_timer_running(&fetcher->held_timer));
    ASSERT(list_empty(&fetcher->full) || env_timer_running(&fetcher->full_timer));
    ASSERT(list_empty(&fetcher->forgotten) || fetcher->state == FETCHER_SESSION);
    ASSERT(list_empty(&fetcher->ready) || !list_empty(&fetcher->slots));
}

static void fetcher_move(struct replica_fetcher *fetcher, enum fetcher_state to)
{
    STATE_MOVE_TOLD(fetcher_states, fetcher->state, to, fetcher->deps->logger, LOGGER_DEBUG,
                    "fetcher from the leader %d", fetcher->leader_id);
}

static void fetcher_wait_over(struct list *slots)
{
    struct list *step;
    while ((step = list_pop(slots)))
        replica_slot_ready(LIST_ENTRY(step, struct fetch_slot, ready_link));
}

static void fetcher_retry_full(void *data)
{
    struct replica_fetcher *fetcher = data;
    fetcher_wait_over(&fetcher->full);
}

static void fetcher_retry_held(void *data)
{
    struct replica_fetcher *fetcher = data;
    fetcher_wait_over(&fetcher->held);
}

static void fetcher_retry(void *data)
{
    struct replica_fetcher *fetcher = data;
    fetcher_wait_over(&fetcher->backoff);
}

void replica_fetcher_wake(struct replica_fetcher *fetcher)
{
    if (!env_timer_running(&fetcher->send_timer))
        env_timer_start_soon(&fetcher->send_timer);
}

/* ---- the connection ---- */

static void fetcher_forget_names(struct replica_fetcher *fetcher)
{
    struct list *step;
    while ((step = list_pop(&fetcher->forgotten)))
        mem_free(LIST_ENTRY(step, struct forgotten, link));
}

/* The next fetch is a full one: on this line, or on the next. */
static void fetcher_new_session(struct replica_fetcher *fetcher, enum fetcher_state to)
{
    ASSERT(to != FETCHER_SESSION);
    ASSERT(to != FETCHER_OPENING);
    fetcher_move(fetcher, to);
    fetcher->session_id = 0;
    fetcher->session_epoch = 0;
    fetcher->session_first = fetcher_id_add(fetcher->correlation_id, 1);
    fetcher_forget_names(fetcher);
    LIST_EACH(step, &fetcher->slots) {
        struct fetch_slot *slot = LIST_ENTRY(step, struct fetch_slot, link);
        ASSERT(slot->fetcher == fetcher);
        if (slot->state == SLOT_ASKED)
            replica_slot_ready(slot);
    }
}

static void fetcher_disconnect(struct replica_fetcher *fetcher)
{
    if (fetcher->conn)
        frame_conn_close(fetcher->conn);
    if (fetcher->connect)
        env_connect_cancel(fetcher->connect);
    fetcher->conn = NULL;
    fetcher->connect = NULL;
    fetcher->in_flight = 0;
    fetcher_new_session(fetcher, FETCHER_IDLE);
    env_timer_stop(&fetcher->send_timer);
    env_timer_stop(&fetcher->flush_timer);
    env_timer_stop(&fetcher->answer_timer);
    fetcher_check(fetcher);
}

static void fetcher_redial_later(struct replica_fetcher *fetcher)
{
    ASSERT(fetcher->state == FETCHER_IDLE);
    ASSERT(fetcher->redial_ms > 0);
    env_timer_start(&fetcher->dial_timer, fetcher->redial_ms);
    fetcher->redial_ms *= 2;
    if (fetcher->redial_ms > FETCHER_REDIAL_MAX_MS)
        fetcher->redial_ms = FETCHER_REDIAL_MAX_MS;
}

/* A leader that has no room accepts, and closes: that is one line, not one a dial. */
static void fetcher_tell_lost(struct replica_fetcher *fetcher, int err)
{
    ASSERT(err < 0);
    int64_t now_ms = env_now_ms(fetcher->deps->env);
    if (++fetcher->losses > 1 && now_ms - fetcher->told_ms < FETCHER_TELL_MS)
        return;
    fetcher->told_ms = now_ms;
    if (fetcher->losses == 1)
        logger_info(fetcher->deps->logger, "lost the leader %d while fetching: %s",
                    fetcher->leader_id, err_text(err));
    else
        logger_info(fetcher->deps->logger,
                    "lost the leader %d before any answer, %d times in a row: %s",
                    fetcher->leader_id, fetcher->losses, err_text(err));
}

/* Memory that was out for a moment may be there again: only an answer that found none twice is one
 * that does not fit, and not asked for all the time. */
static void fetcher_broken(void *data, int err)
{
    struct replica_fetcher *fetcher = data;
    fetcher_tell_lost(fetcher, err);
    bool too_large = (err == ERR_NO_MEMORY || err == ERR_TOO_LARGE) && fetcher->losses > 1;
    if (too_large)
        logger_error(fetcher->deps->logger,
                     "an answer of the leader %d does not fit into the memory for replication (%zu "
                     "bytes): set socket.request.max.bytes to what it is on that broker",
                     fetcher->leader_id, fetcher->budget->limit);
    if (!fetcher->lost_ms)
        fetcher->lost_ms = env_now_ms(fetcher->deps->env);
    fetcher_disconnect(fetcher);
    if (too_large)
        env_timer_start(&fetcher->dial_timer, FETCHER_TOO_LARGE_MS);
    else
        fetcher_redial_later(fetcher);
}

/* A line that is up and silent: the other side's host is gone, or something between drops what is
 * sent. The kernel would find out after minutes. */
static void fetcher_unanswered(void *data)
{
    ASSERT(((struct replica_fetcher *)data)->in_flight > 0);
    fetcher_broken(data, ERR_TIMED_OUT);
}

static void fetcher_expect_answer(struct replica_fetcher *fetcher)
{
    env_timer_stop(&fetcher->answer_timer);
    if (fetcher->in_flight > 0)
        env_timer_start(&fetcher->answer_timer,
                        config_int(fetcher->deps->config, CONFIG_REPLICA_SOCKET_TIMEOUT_MS));
}

static void fetcher_frame(void *data, uint8_t *bytes, size_t len);

static const struct frame_handlers fetcher_handlers = {.frame = fetcher_frame,
                                                       .broken = fetcher_broken};

static void fetcher_connected(void *data, int status, struct env_stream *stream)
{
    struct replica_fetcher *fetcher = data;
    ASSERT(fetcher->state == FETCHER_DIALLING);
    ASSERT(fetcher->conn == NULL);
    ASSERT((status == 0) == (stream != NULL));
    fetcher->connect = NULL;
    /* A first batch comes whole, and its topic may have allowed any size when it was written: the
     * memory is the limit. Who needs much of it waits for its turn with the other lines. */
    if (status == 0)
        status = frame_conn_new(fetcher->deps->env, transport_plain(stream), INT32_MAX,
                                fetcher->budget, &fetcher_handlers, fetcher, &fetcher->conn);
    fetcher_move(fetcher, status ? FETCHER_IDLE : FETCHER_CONNECTED);
    if (status) {
        fetcher_redial_later(fetcher);
        return;
    }
    logger_debug(fetcher->deps->logger, "connected to the leader %d", fetcher->leader_id);
    frame_conn_set_urgent(fetcher->conn);
    frame_conn_set_answers(fetcher->conn);
    replica_fetcher_wake(fetcher);
    fetcher_check(fetcher);
}

static void fetcher_dial(void *data)
{
    struct replica_fetcher *fetcher = data;
    const struct image_endpoint *endpoint = endpoint_of_broker(
        metadata_image(fetcher->deps->metadata), fetcher->deps->config, fetcher->leader_id);
    ASSERT(fetcher->state == FETCHER_IDLE);
    ASSERT(fetcher->connect == NULL);
    if (list_empty(&fetcher->slots))
        return;
    if (!endpoint ||
        env_connect(fetcher->deps->env, endpoint->host, endpoint->port, FETCHER_DIAL_TIMEOUT_MS,
                    fetcher_connected, fetcher, &fetcher->connect))
        fetcher_redial_later(fetcher);
    else
        fetcher_move(fetcher, FETCHER_DIALLING);
}

/* ---- the request ---- */

static bool fetcher_fill_topics(struct replica_fetcher *fetcher, struct fetch_request *request,
                                struct arena *arena)
{
    int32_t count = 0;
    LIST_EACH(step, &fetcher->ready)
        count++;
    struct fetch_request_fetch_topic *topics =
        WIRE_ARRAY(arena, &request->topics, count, &fetch_request_fetch_topic_desc);
    if (!topics)
        return false;
    for (int32_t i = 0; i < count; i++) {
        struct fetch_slot *slot =
            LIST_ENTRY(list_pop(&fetcher->ready), struct fetch_slot, ready_link);
        if (!replica_slot_ask(slot, &topics[i], arena))
            return false;
    }
    ASSERT(list_empty(&fetcher->ready));
    return true;
}

static bool fetcher_fill_forgotten(struct replica_fetcher *fetcher, struct fetch_request *request,
                                   struct arena *arena)
{
    int32_t count = 0;
    LIST_EACH(step, &fetcher->forgotten)
        count++;
    struct fetch_request_forgotten_topic *topics = WIRE_ARRAY(
        arena, &request->forgotten_topics_data, count, &fetch_request_forgotten_topic_desc);
    if (!topics)
        return false;
    for (int32_t i = 0; i < count; i++) {
        struct forgotten *gone = LIST_ENTRY(list_pop(&fetcher->forgotten), struct forgotten, link);
        topics[i].topic_id = gone->topic_id;
        int32_t *index = WIRE_ARRAY(arena, &topics[i].partitions, 1, NULL);
        if (index)
            *index = gone->partition;
        mem_free(gone);
        if (!index)
            return false;
    }
    ASSERT(list_empty(&fetcher->forgotten));
    return true;
}

static int fetcher_encode(struct replica_fetcher *fetcher, const struct fetch_request *request,
                          struct wire_out *out)
{
    const struct kafka_api *api = kafka_api_find(KAFKA_API_FETCH);
    fetcher->correlation_id = fetcher_id_add(fetcher->correlation_id, 1);
    struct request_header header = {.request_api_key = KAFKA_API_FETCH,
                                    .request_api_version = FETCHER_VERSION,
                                    .correlation_id = fetcher->correlation_id,
                                    .client_id = wire_str_from("millrace-replica")};
    int err = wire_encode(&request_header_desc,
                          kafka_api_request_header_version(api, FETCHER_VERSION), &header, out);
    if (!err)
        err = wire_encode(&fetch_request_desc, FETCHER_VERSION, request, out);
    return err;
}

static int fetcher_build(struct replica_fetcher *fetcher, struct wire_out *out, struct arena *arena)
{
    ASSERT(fetcher->state == FETCHER_CONNECTED || fetcher->state == FETCHER_SESSION);
    const struct config *config = fetcher->deps->config;
    struct fetch_request request;
    wire_defaults(&fetch_request_desc, &request);
    request.replica_state.replica_id = fetcher->deps->node_id;
    request.replica_state.replica_epoch = controller_channel_broker_epoch(fetcher->deps->channel);
    /* The answer that opens the session is awaited before anything else is sent: it must not wait
     * for records, or a partition that is added meanwhile would. */
    request.max_wait_ms = fetcher->state == FETCHER_SESSION
                              ? (int32_t)config_int(config, CONFIG_REPLICA_FETCH_WAIT_MAX_MS)
                              : 0;
    request.min_bytes = (int32_t)config_int(config, CONFIG_REPLICA_FETCH_MIN_BYTES);
    request.max_bytes = (int32_t)config_int(config, CONFIG_REPLICA_FETCH_RESPONSE_MAX_BYTES);
    request.session_id = fetcher->session_id;
    request.session_epoch = fetcher->session_epoch;
    if (!fetcher_fill_topics(fetcher, &request, arena) ||
        !fetcher_fill_forgotten(fetcher, &request, arena))
        return ERR_NO_MEMORY;
    return fetcher_encode(fetcher, &request, out);
}

static bool fetcher_must_send(const struct replica_fetcher *fetcher)
{
    bool may = fetcher->state == FETCHER_CONNECTED || fetcher->state == FETCHER_SESSION;
    if (!may || fetcher->in_flight >= FETCHER_IN_FLIGHT || list_empty(&fetcher->slots))
        return false;
    if (!list_empty(&fetcher->ready) || !list_empty(&fetcher->forgotten))
        return true;
    return fetcher->in_flight == 0 && fetcher->state == FETCHER_SESSION;
}

static bool fetcher_flushes(const struct replica_fetcher *fetcher)
{
    LIST_EACH(step, &fetcher->slots)
        if (LIST_ENTRY(step, struct fetch_slot, link)->state == SLOT_FLUSHING)
            return true;
    return false;
}

/* Nothing new to say: the next fetch waits for the flushes that are under way, for a moment, else
 * for the leader's news. */
static bool fetcher_awaits_flush(struct replica_fetcher *fetcher)
{
    bool idle = list_empty(&fetcher->ready) && list_empty(&fetcher->forgotten);
    if (!idle || fetcher->flushes_long || !fetcher_flushes(fetcher))
        return false;
    if (!env_timer_running(&fetcher->flush_timer))
        env_timer_start(&fetcher->flush_timer, FETCHER_FLUSH_MS);
    return true;
}

/* The leader counts what was said under our newest broker epoch. When this process was registered
 * anew, each partition has to be named again, also one that is idle. */
static void fetcher_say_epoch(struct replica_fetcher *fetcher)
{
    int64_t epoch = controller_channel_broker_epoch(fetcher->deps->channel);
    if (epoch < 0 || epoch == fetcher->told_epoch)
        return;
    fetcher->told_epoch = epoch;
    LIST_EACH(step, &fetcher->slots) {
        struct fetch_slot *slot = LIST_ENTRY(step, struct fetch_slot, link);
        if (slot->state == SLOT_ASKED)
            replica_slot_ready(slot);
    }
}

/* The ready partitions that the throttle is for, at most FETCHER_SHARES. */
static size_t fetcher_count_shares(const struct replica_fetcher *fetcher)
{
    const struct replica_throttle *throttle = replica_manager_throttle(fetcher->manager);
    size_t count = 0;
    LIST_EACH(step, &fetcher->ready) {
        count += replica_throttle_holds(throttle,
                                        LIST_ENTRY(step, struct fetch_slot, ready_link)->partition);
        if (count == FETCHER_SHARES)
            break;
    }
    ASSERT(count <= FETCHER_SHARES);
    return count;
}

/* Shares what the throttle allows among ready partitions that it is for; the others wait for the
 * next fetch, or until something is left again. A share is the most that is asked for: only what
 * comes is taken from the allowance, and a first batch comes whole. */
static void fetcher_throttle(struct replica_fetcher *fetcher)
{
    struct replica_throttle *throttle = replica_manager_throttle(fetcher->manager);
    struct throttle_rate *rate = replica_throttle_of_follower(throttle);
    size_t most = (size_t)config_int(fetcher->deps->config, CONFIG_REPLICA_FETCH_MAX_BYTES);
    bool may_ask = fetcher->state == FETCHER_CONNECTED || fetcher->state == FETCHER_SESSION;
    if (!throttle_rate_is_set(rate) || !may_ask || fetcher->in_flight >= FETCHER_IN_FLIGHT)
        return;
    size_t left = throttle_rate_allows(rate, env_now_us(fetcher->deps->env));
    size_t shares = left > 0 ? fetcher_count_shares(fetcher) : 0;
    size_t share = shares > 0 ? (left + shares - 1) / shares : 0;
    LIST_EACH(step, &fetcher->ready) {
        struct fetch_slot *slot = LIST_ENTRY(step, struct fetch_slot, ready_link);
        slot->limit = 0;
        if (!replica_throttle_holds(throttle, slot->partition))
            continue;
        if (shares == 0) {
            replica_slot_hold(slot);
            continue;
        }
        slot->limit = share < most ? share : most;
        shares--;
    }
}

static void fetcher_send(void *data)
{
    struct replica_fetcher *fetcher = data;
    fetcher_say_epoch(fetcher);
    fetcher_throttle(fetcher);
    if (!fetcher_must_send(fetcher) || fetcher_awaits_flush(fetcher))
        return;
    env_timer_stop(&fetcher->flush_timer);
    fetcher->flushes_long = false;
    ASSERT(fetcher->in_flight < FETCHER_IN_FLIGHT);
    ASSERT(fetcher->conn != NULL);
    struct arena arena;
    struct wire_out out;
    arena_init(&arena, SIZE_MAX);
    wire_out_init(&out);
    int err = fetcher_build(fetcher, &out, &arena);
    if (!err)
        err = frame_conn_send_copy(fetcher->conn, out.memory.data, out.memory.len);
    wire_out_close(&out);
    arena_close(&arena);
    if (err) {
        logger_error(fetcher->deps->logger, "can't ask the leader %d: %s", fetcher->leader_id,
                     err_text(err));
        fetcher_disconnect(fetcher);
        fetcher_redial_later(fetcher);
        return;
    }
    fetcher->in_flight++;
    if (!env_timer_running(&fetcher->answer_timer))
        fetcher_expect_answer(fetcher);
    if (fetcher->state == FETCHER_CONNECTED)
        fetcher_move(fetcher, FETCHER_OPENING);
    else
        fetcher->session_epoch =
            fetcher->session_epoch == INT32_MAX ? 1 : fetcher->session_epoch + 1;
    fetcher_check(fetcher);
}

static void fetcher_flush_takes_long(void *data)
{
    struct replica_fetcher *fetcher = data;
    fetcher->flushes_long = true;
    fetcher_send(fetcher);
}

/* ---- the answer ---- */

static void fetcher_dispatch(struct replica_fetcher *fetcher, int32_t answered,
                             const struct fetch_response *response)
{
    for (int32_t i = 0; i < response->responses.count; i++) {
        const struct fetch_response_fetchable_topic_response *topic = &response->responses.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct fetch_response_partition_data *data = &topic->partitions.items[j];
            int err;
            struct partition *partition = replica_manager_by_id(fetcher->manager, &topic->topic_id,
                                                                data->partition_index, &err);
            if (partition && partition->fetch && partition->fetch->fetcher == fetcher)
                replica_slot_answered(partition->fetch, answered, data);
        }
    }
}

/* The answer to the fetch `answered`, which is the oldest one on its way. */
static int fetcher_decode(uint8_t *bytes, size_t len, int32_t answered, struct arena *arena,
                          struct fetch_response *response)
{
    const struct kafka_api *api = kafka_api_find(KAFKA_API_FETCH);
    struct response_header header;
    size_t used;
    int err =
        wire_decode(&response_header_desc, kafka_api_response_header_version(api, FETCHER_VERSION),
                    bytes, len, arena, &header, &used);
    if (!err && header.correlation_id != answered)
        err = ERR_MALFORMED;
    if (err)
        return err;
    size_t body_used;
    err = wire_decode(&fetch_response_desc, FETCHER_VERSION, bytes + used, len - used, arena,
                      response, &body_used);
    return err;
}

static void fetcher_take(struct replica_fetcher *fetcher, int32_t answered,
                         const struct fetch_response *response)
{
    if (fetcher_id_before(answered, fetcher->session_first))
        return; /* of a session that we gave up */
    /* Without a session the leader remembers nothing: all is named in each fetch. */
    ASSERT(fetcher->state >= FETCHER_OPENING);
    bool has_room = fetcher->state == FETCHER_SESSION || response->session_id != 0;
    if (response->error_code) {
        fetcher_new_session(fetcher, FETCHER_CONNECTED);
        return;
    }
    if (fetcher->state == FETCHER_OPENING && has_room) {
        fetcher_move(fetcher, FETCHER_SESSION);
        fetcher->session_id = response->session_id;
        fetcher->session_epoch = 1;
        logger_debug(fetcher->deps->logger, "fetch session %d with the leader %d",
                     fetcher->session_id, fetcher->leader_id);
    }
    fetcher_dispatch(fetcher, answered, response);
    if (!has_room && fetcher->state == FETCHER_OPENING) /* what was answered may have ended it */
        fetcher_new_session(fetcher, FETCHER_CONNECTED);
}

static void fetcher_frame(void *data, uint8_t *bytes, size_t len)
{
    struct replica_fetcher *fetcher = data;
    struct arena arena;
    struct fetch_response response;
    int32_t answered = fetcher_id_add(fetcher->correlation_id, 1 - fetcher->in_flight);
    ASSERT(fetcher->state >= FETCHER_CONNECTED);
    arena_init(&arena, SIZE_MAX); /* bounded by the frame that it decodes */
    int err = fetcher->in_flight > 0 ? fetcher_decode(bytes, len, answered, &arena, &response)
                                     : ERR_MALFORMED;
    if (err) {
        arena_close(&arena);
        fetcher_broken(fetcher, err);
        return;
    }
    fetcher->in_flight--;
    fetcher->lost_ms = 0;
    fetcher->losses = 0;
    fetcher->redial_ms = FETCHER_REDIAL_MS;
    fetcher_expect_answer(fetcher);
    fetcher_take(fetcher, answered, &response);
    arena_close(&arena);
    replica_fetcher_wake(fetcher);
    fetcher_check(fetcher);
}

/* ---- public ---- */

/* A batch is at most a request, on a leader that has the same settings; the rest of an answer is
 * what we ask for, and the headers. */
size_t replica_fetcher_memory(const struct config *config)
{
    size_t least = (size_t)config_int(config, CONFIG_SOCKET_REQUEST_MAX_BYTES) +
                   2 * (size_t)config_int(config, CONFIG_REPLICA_FETCH_RESPONSE_MAX_BYTES);
    return least > FETCHER_MEMORY ? least : FETCHER_MEMORY;
}

struct replica_fetcher *replica_fetcher_new(struct replica_manager *manager, int32_t leader_id,
                                            struct mem_budget *budget)
{
    ASSERT(leader_id != replica_manager_deps(manager)->node_id);
    ASSERT(budget != NULL);
    struct replica_fetcher *fetcher = mem_alloc(sizeof(*fetcher));
    fetcher->manager = manager;
    fetcher->deps = replica_manager_deps(manager);
    fetcher->leader_id = leader_id;
    fetcher->budget = budget;
    fetcher->redial_ms = FETCHER_REDIAL_MS;
    list_init(&fetcher->slots);
    list_init(&fetcher->ready);
    list_init(&fetcher->backoff);
    list_init(&fetcher->full);
    list_init(&fetcher->held);
    list_init(&fetcher->forgotten);
    env_timer_init(fetcher->deps->env, &fetcher->dial_timer, fetcher_dial, fetcher);
    env_timer_init(fetcher->deps->env, &fetcher->send_timer, fetcher_send, fetcher);
    env_timer_init(fetcher->deps->env, &fetcher->flush_timer, fetcher_flush_takes_long, fetcher);
    env_timer_init(fetcher->deps->env, &fetcher->retry_timer, fetcher_retry, fetcher);
    env_timer_init(fetcher->deps->env, &fetcher->full_timer, fetcher_retry_full, fetcher);
    env_timer_init(fetcher->deps->env, &fetcher->held_timer, fetcher_retry_held, fetcher);
    env_timer_init(fetcher->deps->env, &fetcher->answer_timer, fetcher_unanswered, fetcher);
    return fetcher;
}

void replica_fetcher_free(struct replica_fetcher *fetcher)
{
    LIST_EACH(step, &fetcher->slots)
        replica_fetcher_remove(LIST_ENTRY(step, struct fetch_slot, link)->partition);
    ASSERT(list_empty(&fetcher->slots));
    fetcher_disconnect(fetcher);
    fetcher_forget_names(fetcher);
    env_timer_stop(&fetcher->dial_timer);
    env_timer_stop(&fetcher->retry_timer);
    env_timer_stop(&fetcher->full_timer);
    env_timer_stop(&fetcher->held_timer);
    mem_free(fetcher);
}

void replica_fetcher_add(struct replica_fetcher *fetcher, struct partition *partition)
{
    ASSERT(partition->state == PARTITION_FOLLOWER);
    ASSERT(partition->log != NULL);
    ASSERT(partition->leader == fetcher->leader_id);
    ASSERT(!partition->fetch);
    struct fetch_slot *slot = mem_alloc(sizeof(*slot));
    slot->fetcher = fetcher;
    slot->partition = partition;
    partition->fetch = slot;
    list_init(&slot->ready_link);
    list_push(&fetcher->slots, &slot->link);
    if (log_durable_offset(partition->log) < log_end_offset(partition->log))
        replica_slot_flushing(slot);
    else
        replica_slot_ready(slot);
    if (fetcher->state == FETCHER_IDLE && !env_timer_running(&fetcher->dial_timer))
        env_timer_start(&fetcher->dial_timer, 0);
}

void replica_fetcher_remove(struct partition *partition)
{
    struct fetch_slot *slot = partition->fetch;
    if (!slot)
        return;
    struct replica_fetcher *fetcher = slot->fetcher;
    ASSERT(slot->partition == partition);
    if (fetcher->state == FETCHER_SESSION) {
        struct forgotten *gone = mem_alloc(sizeof(*gone));
        gone->topic_id = partition->topic_id;
        gone->partition = partition->index;
        list_push(&fetcher->forgotten, &gone->link);
        replica_fetcher_wake(fetcher);
    }
    list_remove(&slot->link);
    list_remove(&slot->ready_link);
    partition->fetch = NULL;
    mem_free(slot);
    if (list_empty(&fetcher->slots) && fetcher->state >= FETCHER_CONNECTED)
        fetcher_disconnect(fetcher);
}

void replica_fetcher_ready(struct partition *partition)
{
    struct fetch_slot *slot = partition->fetch;
    if (!slot || (slot->state != SLOT_FLUSHING && slot->state != SLOT_ASKED))
        return;
    ASSERT(slot->partition == partition);
    if (slot->state == SLOT_FLUSHING
            ? log_durable_offset(partition->log) >= log_end_offset(partition->log)
            : log_saved_start(partition->log) > slot->told_start)
        replica_slot_ready(slot);
}

int64_t replica_fetcher_lost_ms(const struct replica_fetcher *fetcher)
{
    return fetcher->lost_ms;
}

void replica_fetcher_redial(struct replica_fetcher *fetcher)
{
    if (fetcher->state != FETCHER_IDLE || list_empty(&fetcher->slots))
        return;
    fetcher->redial_ms = FETCHER_REDIAL_MS;
    env_timer_start(&fetcher->dial_timer, 0);
}
