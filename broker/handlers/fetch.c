/* Fetch: what consumers and followers read.
 *
 * Happy path: the session says which partitions may have news; they are read one after another, as
 * ranges of their segment files, each with the room that those before it have left; when there are
 * enough bytes, or an error, or the time is over, the ranges are sent as they are, for an old
 * client converted by a worker. Else the fetch waits until one of its replicas changes. Failure
 * modes are errors of single partitions; a session that is not known makes the client start a new
 * one. A fetch that a newer one overtakes, or whose session ends, ends at once without what it has
 * read. */
#include "broker/handlers/handlers.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mutation.h"
#include "broker/broker.h"
#include "broker/handlers/fetch_convert.h"
#include "broker/handlers/fetch_session.h"
#include "broker/handlers/listener.h"
#include "broker/net/request.h"
#include "kafka/batch.h"
#include "kafka/messages/fetch.h"

enum {
    FETCH_ZSTD_VERSION = 10,
    FETCH_RACK_VERSION = 11,
    FETCH_RACK_MAX = 4096,    /* bytes of a rack's name that are kept while a fetch waits */
    FETCH_BATCHES_VERSION = 4 /* older ones get messages of magic 0 or 1 */
};

STATIC_ASSERT(FETCH_BATCHES_VERSION < FETCH_ZSTD_VERSION, "only batches are compressed so");
STATIC_ASSERT(FETCH_ZSTD_VERSION < FETCH_RACK_VERSION, "the versions follow each other");
struct fetch_result {
    struct fetch_session_slot *slot;
    int err;
    struct partition_read read;
    int32_t leader;
    int32_t leader_epoch;
    bool converts; /* a worker has the slice */
};

struct fetch {
    struct request *request;
    struct fetch_session *session; /* NULL once it is answered */
    bool full;
    bool starved; /* memory was out for a partition that the answer must name */
    bool last;    /* no more waiting: it is answered with what there is */
    bool due;     /* it must not wait any longer for more */
    bool reading; /* it walks over the slots */
    bool again;   /* something changed meanwhile */
    int32_t min_bytes;
    size_t max_bytes; /* of the whole answer */
    struct env_timer deadline;
    struct env_timer look;         /* something is ready: look again at the end of the turn */
    struct partition_read_op read; /* of the newest result */
    struct fetch_convert *convert; /* a worker has what was read */
    struct fetch_result *results;
    size_t count;
    size_t cap;
    size_t bytes;
    size_t throttled; /* of them, those that the throttle of replication counts */
    char *rack;       /* of a consumer that may be sent to a follower near it, else NULL */
    const char *listener;
};

static void fetch_drop_results(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++)
        partition_read_release(&fetch->results[i].read);
    fetch->count = 0;
    fetch->bytes = fetch->throttled = 0;
    fetch->starved = false;
    ASSERT(fetch->bytes == 0);
}

static void fetch_free(struct request *request)
{
    struct fetch *fetch = request->state;
    ASSERT(fetch->session == NULL);
    ASSERT(fetch->convert == NULL);
    ASSERT(!partition_op_is_open(&fetch->read.op));
    ASSERT(!env_timer_running(&fetch->deadline));
    ASSERT(!env_timer_running(&fetch->look));
    fetch_drop_results(fetch);
    mem_free(fetch->results);
    mem_free(fetch->rack);
    mem_free(fetch);
}

/* ---- reading ---- */

static void fetch_read_on(struct fetch *fetch, struct list *step);

static struct fetch_session_slot *fetch_slot_at(const struct fetch *fetch, struct list *step)
{
    return fetch->full ? LIST_ENTRY(step, struct fetch_session_slot, all_link)
                       : LIST_ENTRY(step, struct fetch_session_slot, ready_link);
}

static struct list *fetch_slot_next(const struct fetch *fetch,
                                    const struct fetch_session_slot *slot)
{
    return fetch->full ? slot->all_link.next : slot->ready_link.next;
}

static size_t fetch_limit(const struct fetch *fetch, const struct fetch_session_slot *slot)
{
    size_t left = fetch->max_bytes > fetch->bytes ? fetch->max_bytes - fetch->bytes : 0;
    size_t own = slot->max_bytes > 0 ? (size_t)slot->max_bytes : 0;
    return own < left ? own : left;
}

static struct fetch_result *fetch_push(struct fetch *fetch, struct fetch_session_slot *slot)
{
    ASSERT(fetch->count <= fetch->cap);
    ASSERT(slot != NULL);
    if (fetch->count == fetch->cap) {
        size_t cap = fetch->cap ? fetch->cap * 2 : 4;
        struct fetch_result *results =
            mem_try_realloc(fetch->results, cap * sizeof(*fetch->results));
        if (!results)
            return NULL;
        fetch->results = results;
        fetch->cap = cap;
    }
    ASSERT(fetch->count < fetch->cap);
    struct fetch_result *result = &fetch->results[fetch->count++];
    *result = (struct fetch_result){.slot = slot, .leader = -1, .leader_epoch = -1};
    return result;
}

static void fetch_fail(struct fetch_result *result, int err)
{
    ASSERT(err < 0);
    ASSERT(result->slot != NULL);
    result->err = err;
    partition_read_release(&result->read);
    /* A replica starts where the leader's log starts, when it is out of its range. */
    if (err != ERR_OFFSET_OUT_OF_RANGE || result->slot->topic->session->replica_id < 0)
        result->read.log_start_offset = -1;
    result->read.high_watermark = result->read.last_stable_offset = -1;
}

/* What came of one slot. */
static void fetch_take(struct fetch *fetch, struct fetch_result *result)
{
    struct fetch_session_slot *slot = result->slot;
    size_t len = result->read.slice.chunk.len;
    fetch->bytes += len;
    fetch->throttled += result->read.throttled ? len : 0;
    fetch->due |= result->read.diverging || result->read.elsewhere;
    if (result->read.diverging || result->read.elsewhere || len > 0)
        return;
    bool moved = result->read.high_watermark != slot->told_hw;
    bool news = moved || result->read.log_start_offset != slot->told_log_start;
    fetch->due |= moved && fetch_slot_tells_watermark(slot);
    bool left_over = result->read.no_room;
    ASSERT(!left_over || fetch->bytes > 0);
    if (left_over)
        fetch_slot_ready(slot); /* where it stands: its turn comes */
    else if (!news)
        fetch_slot_idle(slot);
    if (!news && !fetch->full)
        fetch->count--;
    fetch->due |= left_over; /* to wait would bring it no more room */
}

static void fetch_read_done(struct partition_op *op)
{
    struct partition_read_op *read = CONTAINER_OF(op, struct partition_read_op, op);
    struct fetch *fetch = CONTAINER_OF(read, struct fetch, read);
    ASSERT(fetch->count > 0);
    ASSERT(fetch->reading);
    ASSERT(fetch->session != NULL);
    ASSERT(op->err <= 0);
    struct fetch_result *result = &fetch->results[fetch->count - 1];
    struct list *next = fetch_slot_next(fetch, result->slot);
    result->slot->named = false;
    result->slot->known = read->known;
    result->read = read->read;
    result->leader = read->leader;
    result->leader_epoch = read->leader_epoch;
    if (op->err) {
        fetch_fail(result, op->err);
        fetch->due = true;
    } else {
        fetch_take(fetch, result);
    }
    fetch_read_on(fetch, next);
}

/* False when nothing is read of it. */
static bool fetch_read_slot(struct fetch *fetch, struct fetch_session_slot *slot)
{
    struct fetch_session *session = fetch->session;
    ASSERT(fetch->reading);
    ASSERT(!partition_op_is_open(&fetch->read.op));
    if (slot->pass == session->pass || (slot->sent && !fetch->full))
        return false;
    slot->pass = session->pass;
    struct fetch_result *result = fetch_push(fetch, slot);
    if (!result) { /* memory is out: an incremental answer goes without it, and it stays ready */
        fetch->starved |= fetch->full;
        fetch->due = true;
        return false;
    }
    struct partition_read_op *read = &fetch->read;
    int err = fetch_slot_ref(slot, &read->op.ref);
    if (err) {
        fetch_fail(result, err);
        fetch->due = true;
        return false;
    }
    read->args = fetch_slot_args(slot);
    read->args.max_bytes = fetch_limit(fetch, slot);
    read->args.min_one = fetch->bytes == 0;
    read->args.throttled = fetch->throttled;
    /* Clients before v10 need not know zstd. As in Kafka the topic's own codec decides: what else
     * they find in a log was written so by a producer, and is theirs to read. */
    read->args.no_zstd = fetch->request->version < FETCH_ZSTD_VERSION;
    read->args.rack = fetch->rack;
    read->args.listener = fetch->listener;
    read->acknowledges = slot->named;
    read->interest = &slot->interest;
    partitions_read(fetch->request->broker->partitions, read);
    return true;
}

static void fetch_collected(struct fetch *fetch);

/* Reads the next slot from `step` on; the list may grow at its end meanwhile. */
static void fetch_read_on(struct fetch *fetch, struct list *step)
{
    const struct fetch_session *session = fetch->session;
    const struct list *end = fetch->full ? &session->slots : &session->ready;
    for (; step != end; step = step->next)
        if (fetch_read_slot(fetch, fetch_slot_at(fetch, step)))
            return;
    fetch_collected(fetch);
}

/* Collects what there is to say. */
static void fetch_collect(struct fetch *fetch)
{
    struct fetch_session *session = fetch->session;
    ASSERT(!fetch->reading);
    ASSERT(fetch->session != NULL);
    ASSERT(fetch->convert == NULL);
    ASSERT(!partition_op_is_open(&fetch->read.op));
    env_timer_stop(&fetch->look); /* the time may be over in the turn in which it was woken */
    fetch->reading = true;
    fetch->due = fetch->again = false;
    session->pass++;
    fetch_drop_results(fetch);
    fetch_read_on(fetch, fetch->full ? session->slots.next : session->ready.next);
}

/* ---- answering ---- */

static void fetch_fill_leader(const struct fetch *fetch, const struct fetch_result *result,
                              struct fetch_response_partition_data *data)
{
    if (fetch->request->version < 12 || result->leader_epoch < 0 ||
        (result->err != ERR_NOT_LEADER_OR_FOLLOWER && result->err != ERR_FENCED_LEADER_EPOCH))
        return;
    data->current_leader.leader_id = result->leader;
    data->current_leader.leader_epoch = result->leader_epoch;
}

/* Null for who reads what is not decided, and without anything to read. False: no memory. */
static bool fetch_fill_aborted(struct fetch *fetch, const struct fetch_result *result,
                               struct fetch_response_partition_data *data)
{
    ASSERT(result->read.aborted_count == 0 || result->read.aborted != NULL);
    data->aborted_transactions.count = -1;
    if (!result->slot->topic->session->committed || result->err)
        return true;
    struct fetch_response_aborted_transaction *told =
        WIRE_ARRAY(&fetch->request->arena, &data->aborted_transactions,
                   (int32_t)result->read.aborted_count, &fetch_response_aborted_transaction_desc);
    for (size_t i = 0; told && i < result->read.aborted_count; i++)
        told[i] = (struct fetch_response_aborted_transaction){
            .producer_id = result->read.aborted[i].producer_id,
            .first_offset = result->read.aborted[i].first_offset};
    return told != NULL;
}

static bool fetch_fill(struct fetch *fetch, struct fetch_result *result,
                       struct fetch_response_partition_data *data)
{
    data->partition_index = result->slot->partition;
    data->error_code = err_to_wire(result->err);
    data->high_watermark = result->read.high_watermark;
    data->last_stable_offset = result->read.last_stable_offset;
    data->log_start_offset = result->read.log_start_offset;
    if (result->read.diverging) {
        data->diverging_epoch.epoch = result->read.diverging_epoch;
        data->diverging_epoch.end_offset = result->read.diverging_offset;
    }
    if (result->read.elsewhere && !result->err)
        data->preferred_read_replica = result->read.nearest;
    fetch_fill_leader(fetch, result, data);
    if (result->err == ERR_NOT_LEADER_OR_FOLLOWER && result->slot->topic->session->replica_id < 0)
        request_note_moved(fetch->request);
    /* Between brokers: the follower takes a hole in its log only where we say that there is one. */
    const struct env_chunk *chunk = &result->read.slice.chunk;
    if (result->slot->topic->session->replica_id >= 0 && chunk->len > 0 &&
        result->read.base_offset > result->slot->offset)
        data->snapshot_id.end_offset = result->read.base_offset;
    data->records.len = (int64_t)chunk->len;
    data->records.chunks = chunk;
    data->records.chunk_count = chunk->len > 0 ? 1 : 0;
    fetch->request->held += chunk->file ? 0 : chunk->len;
    return fetch_fill_aborted(fetch, result, data);
}

/* What the session remembers of this answer. Only where there was nothing to read, although there
 * was room, is nothing to look at next time. */
static void fetch_tell(const struct fetch *fetch, const struct fetch_result *result)
{
    struct fetch_session_slot *slot = result->slot;
    /* Who gets an error or has to cut makes nothing of the offsets: they are said again. */
    bool usable = !result->err && !result->read.diverging;
    slot->told_hw = usable ? result->read.high_watermark : -1;
    slot->told_log_start = usable ? result->read.log_start_offset : -1;
    bool follower = slot->topic->session->replica_id >= 0;
    bool bytes = result->read.slice.chunk.len > 0;
    slot->sent = follower && (bytes || result->read.diverging || result->err);
    bool served = result->err || bytes || result->read.elsewhere;
    bool no_room = result->read.no_room && !MUTATION(IDLE_WITHOUT_ROOM) &&
                   (follower || !MUTATION(CONSUMER_IDLE_WITHOUT_ROOM));
    /* To the end: the others come first next time. A full fetch gives the session its order. */
    if (served && !fetch->full)
        fetch_slot_last(slot);
    else if (served)
        fetch_slot_ready(slot);
    else if (!no_room)
        fetch_slot_idle(slot);
}

static bool fetch_fill_response(struct fetch *fetch, struct fetch_response *response)
{
    struct arena *arena = &fetch->request->arena;
    struct fetch_response_fetchable_topic_response *topics =
        WIRE_ARRAY(arena, &response->responses, (int32_t)fetch->count,
                   &fetch_response_fetchable_topic_response_desc);
    if (!topics)
        return false;
    int32_t topic_count = 0;
    for (size_t i = 0; i < fetch->count;) {
        size_t end = i + 1;
        const struct fetch_session_topic *of = fetch->results[i].slot->topic;
        while (end < fetch->count && fetch->results[end].slot->topic == of)
            end++;
        struct fetch_response_fetchable_topic_response *topic = &topics[topic_count++];
        topic->topic = wire_str_from("");
        if (of->name)
            topic->topic = (struct wire_str){.data = of->name, .len = (int32_t)of->name_len};
        topic->topic_id = of->id;
        struct fetch_response_partition_data *data = WIRE_ARRAY(
            arena, &topic->partitions, (int32_t)(end - i), &fetch_response_partition_data_desc);
        if (!data)
            return false;
        for (size_t j = i; j < end; j++)
            if (!fetch_fill(fetch, &fetch->results[j], &data[j - i]))
                return false;
        i = end;
    }
    ASSERT(topic_count <= (int32_t)fetch->count);
    response->responses.count = topic_count;
    return true;
}

static void fetch_send(struct fetch *fetch)
{
    struct request *request = fetch->request;
    struct fetch_session *session = fetch->session;
    struct fetch_response response;
    ASSERT(session != NULL);
    ASSERT(!fetch->reading);
    ASSERT(fetch->convert == NULL);
    wire_defaults(&fetch_response_desc, &response);
    response.session_id = session->id;
    bool filled = !fetch->starved && fetch_fill_response(fetch, &response);
    for (size_t i = 0; i < fetch->count; i++)
        fetch_tell(fetch, &fetch->results[i]);
    fetch->session = NULL;
    request->release = fetch_free;
    if (filled) {
        if (fetch->throttled)
            partitions_throttled(request->broker->partitions, fetch->throttled);
        /* Topic names are the session's: encoded before it may go. */
        request_reply(request, &response, fetch_free);
    } else {
        request_fail(request, ERR_NO_MEMORY, "has more partitions than fit in memory");
    }
    fetch_session_done(session);
}

static void fetch_converted(void *data, struct fetch_convert_part *parts)
{
    struct fetch *fetch = data;
    ASSERT(fetch->convert != NULL);
    ASSERT(fetch->session != NULL);
    fetch->convert = NULL;
    for (size_t i = 0; i < fetch->count; i++) {
        struct fetch_result *result = &fetch->results[i];
        if (!result->converts)
            continue;
        if (parts->err) {
            fetch_fail(result, parts->err);
        } else {
            partition_slice_set_memory(&result->read.slice, parts->out.data, parts->out.len);
            buf_init(&parts->out);
        }
        parts++;
    }
    fetch_send(fetch);
}

/* A newer fetch of the session, or its end: what this one has found is found again. A full answer
 * has to name every partition: its client begins anew. */
static void fetch_superseded(void *data)
{
    struct fetch *fetch = data;
    struct fetch_session *session = fetch->session;
    struct request *request = fetch->request;
    struct fetch_response response;
    ASSERT(session != NULL);
    env_timer_stop(&fetch->deadline);
    env_timer_stop(&fetch->look);
    partition_op_cancel(&fetch->read.op);
    if (fetch->convert)
        fetch_convert_abandon(fetch->convert);
    fetch->convert = NULL;
    fetch_drop_results(fetch);
    wire_defaults(&fetch_response_desc, &response);
    response.session_id = fetch->full ? 0 : session->id;
    if (fetch->full)
        response.error_code = err_to_wire(ERR_FETCH_SESSION_ID_NOT_FOUND);
    fetch->session = NULL;
    request_reply(request, &response, fetch_free);
    fetch_session_done(session);
}

/* What an old client reads goes through the hands of a worker. False when that can't be. */
static bool fetch_convert(struct fetch *fetch)
{
    struct request *request = fetch->request;
    ASSERT(fetch->convert == NULL);
    ASSERT(fetch->session != NULL);
    fetch->convert = fetch_convert_new(fetch_sessions_converter(request->broker->fetch_sessions),
                                       fetch->count, request->version >= 2 ? 1 : 0);
    for (size_t i = 0; i < fetch->count; i++) {
        struct fetch_result *result = &fetch->results[i];
        result->converts = result->read.slice.chunk.len > 0 && fetch->convert;
        if (result->converts)
            fetch_convert_add(fetch->convert, &result->read.slice, result->slot->offset);
        else if (result->read.slice.chunk.len > 0)
            fetch_fail(result, ERR_NO_MEMORY);
    }
    if (!fetch->convert)
        return false;
    fetch->session->wake = NULL;
    fetch_convert_start(fetch->convert, fetch_converted, fetch);
    return true;
}

/* The quota of who asks is used up: nothing is told, and what was found is found again. As in Kafka
 * a full answer without a partition leaves no session: the client begins anew. */
static void fetch_withhold(struct fetch *fetch)
{
    struct fetch_session *session = fetch->session;
    struct request *request = fetch->request;
    struct fetch_response response;
    bool full = fetch->full; /* the reply may free the fetch */
    ASSERT(session != NULL);
    ASSERT(!fetch->reading);
    fetch_drop_results(fetch);
    wire_defaults(&fetch_response_desc, &response);
    response.session_id = full ? 0 : session->id;
    fetch->session = NULL;
    request_reply(request, &response, fetch_free);
    if (full && session->id != 0)
        fetch_session_free(session);
    else
        fetch_session_done(session);
}

static void fetch_answer(struct fetch *fetch)
{
    ASSERT(!fetch->reading);
    ASSERT(fetch->session != NULL);
    env_timer_stop(&fetch->deadline);
    env_timer_stop(&fetch->look);
    if (fetch->bytes > 0 && !fetch->starved && !request_may_take(fetch->request, fetch->bytes)) {
        fetch_withhold(fetch);
        return;
    }
    bool converts =
        fetch->request->version < FETCH_BATCHES_VERSION && fetch->bytes > 0 && !fetch->starved;
    if (!converts || !fetch_convert(fetch))
        fetch_send(fetch);
}

/* ---- waiting ---- */

/* Every slot that may have news was read. */
static void fetch_collected(struct fetch *fetch)
{
    ASSERT(fetch->reading);
    ASSERT(fetch->session != NULL);
    fetch->reading = false;
    if (fetch->due || fetch->last || list_empty(&fetch->session->slots) ||
        (int64_t)fetch->bytes >= fetch->min_bytes) {
        fetch_answer(fetch);
        return;
    }
    fetch_drop_results(fetch);
    mem_free(fetch->results);
    fetch->results = NULL;
    fetch->cap = 0;
    if (fetch->again)
        env_timer_start_soon(&fetch->look);
}

static void fetch_deadline(void *data)
{
    struct fetch *fetch = data;
    ASSERT(fetch->session != NULL);
    fetch->last = true;
    if (!fetch->reading)
        fetch_collect(fetch);
}

static void fetch_look(void *data)
{
    fetch_collect(data);
}

static void fetch_wake(void *data)
{
    struct fetch *fetch = data;
    ASSERT(fetch->session != NULL);
    if (fetch->reading)
        fetch->again = true;
    else if (!env_timer_running(&fetch->look))
        env_timer_start_soon(&fetch->look);
}

static void fetch_refuse(struct request *request, int err)
{
    struct fetch_response response;
    ASSERT(err < 0);
    if (err == ERR_NO_MEMORY) {
        request_fail(request, err, "names more partitions than fit in the memory of all fetches");
        return;
    }
    if (err == ERR_INVALID_REQUEST) {
        request_fail(request, err, "names thousands of partitions that this broker does not have");
        return;
    }
    wire_defaults(&fetch_response_desc, &response);
    response.error_code = err_to_wire(err);
    request_reply(request, &response, NULL);
}

static size_t fetch_total(const struct request *request)
{
    const struct fetch_request *body = request->body;
    size_t cap = (size_t)config_int(request->broker->config, CONFIG_FETCH_MAX_BYTES);
    size_t total = body->max_bytes > 0 ? (size_t)body->max_bytes : 0;
    size_t most = request_records_max(request);
    total = total < cap ? total : cap;
    return total < most ? total : most;
}

/* A consumer's rack, where that decides from whom it reads. One that is longer than what is kept is
 * taken for none. */
static char *fetch_rack(const struct request *request, const struct fetch_session *session)
{
    const struct fetch_request *body = request->body;
    bool counts = request->version >= FETCH_RACK_VERSION && session->replica_id < 0 &&
                  fetch_sessions_are_nearest(request->broker->fetch_sessions);
    return counts && body->rack_id.len > 0 && body->rack_id.len <= FETCH_RACK_MAX
               ? wire_str_dup(body->rack_id)
               : NULL;
}

static struct fetch *fetch_new(struct request *request, struct fetch_session *session, bool full)
{
    const struct fetch_request *body = request->body;
    struct fetch *fetch = mem_alloc(sizeof(*fetch));
    ASSERT(session != NULL);
    fetch->request = request;
    fetch->session = session;
    fetch->full = full;
    fetch->min_bytes = body->min_bytes;
    fetch->max_bytes = fetch_total(request);
    /* A quota that lets less through would never have it wait for more; but one that waits goes on
     * waiting for a record. */
    if (request->payer && fetch->min_bytes > 1 && (size_t)fetch->min_bytes > fetch->max_bytes)
        fetch->min_bytes = fetch->max_bytes > 0 ? (int32_t)fetch->max_bytes : 1;
    fetch->rack = fetch_rack(request, session);
    if (fetch->rack)
        fetch->listener = listener_name(request);
    fetch->last = body->max_wait_ms <= 0;
    fetch->read.op.done = fetch_read_done;
    request->state = fetch;
    session->wake = fetch_wake;
    session->supersede = fetch_superseded;
    session->wake_data = fetch;
    env_timer_init(request->broker->env, &fetch->deadline, fetch_deadline, fetch);
    env_timer_init(request->broker->env, &fetch->look, fetch_look, fetch);
    if (!fetch->last)
        env_timer_start(&fetch->deadline, body->max_wait_ms);
    return fetch;
}

void handle_fetch(struct request *request)
{
    struct fetch_session *session;
    bool full;
    int err = fetch_sessions_open(request->broker->fetch_sessions, request->body, request->version,
                                  &session, &full);
    if (err) {
        fetch_refuse(request, err);
        return;
    }
    if (session->replica_id >= 0)
        request_note_follower(request, session->replica_id);
    struct fetch *fetch = fetch_new(request, session, full);
    request_watch(request, &session->connection);
    request_release_body(request); /* the session has what it needs of it */
    fetch_collect(fetch);
}
