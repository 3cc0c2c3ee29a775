/* Fetch: what consumers and followers read.
 *
 * Happy path: the session says which partitions may have news; each is read as a range of its
 * segment file; when there are enough bytes, or an error, or the time is over, the ranges are sent
 * as they are, for an old client converted by a worker. Else the fetch waits until one of its
 * replicas changes. Failure modes are errors of single partitions; a session that is not known
 * makes the client start a new one. */
#include "broker/handlers/handlers.h"

#include <string.h>

#include "base/err.h"
#include "base/mutation.h"
#include "broker/broker.h"
#include "broker/handlers/fetch_convert.h"
#include "broker/handlers/fetch_session.h"
#include "broker/net/request.h"
#include "kafka/batch.h"
#include "kafka/messages/fetch.h"

enum {
    FETCH_ZSTD_VERSION = 10,
    FETCH_BATCHES_VERSION = 4 /* older ones get messages of magic 0 or 1 */
};

struct fetch_result {
    struct fetch_session_slot *slot;
    int err;
    struct partition_read read;
    struct env_chunk chunk;
    uint8_t *converted; /* for old clients, instead of the range */
};

struct fetch {
    struct request *request;
    struct fetch_session *session; /* NULL once it is answered */
    bool full;
    bool starved; /* memory was out for a partition that the answer must name */
    int32_t min_bytes;
    size_t max_bytes; /* of the whole answer */
    struct env_timer deadline;
    struct env_timer look;         /* something is ready: look again at the end of the turn */
    struct fetch_convert *convert; /* a worker has what was read */
    struct fetch_result *results;
    size_t count;
    size_t cap;
    size_t bytes;
};

static void fetch_drop_results(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) {
        log_slice_release(&fetch->results[i].read.slice);
        mem_free(fetch->results[i].converted);
    }
    fetch->count = 0;
    fetch->bytes = 0;
    fetch->starved = false;
}

static void fetch_free(struct request *request)
{
    struct fetch *fetch = request->state;
    fetch_drop_results(fetch);
    mem_free(fetch->results);
    mem_free(fetch);
}

/* ---- reading ---- */

static size_t fetch_limit(const struct fetch *fetch, const struct fetch_session_slot *slot)
{
    size_t left = fetch->max_bytes > fetch->bytes ? fetch->max_bytes - fetch->bytes : 0;
    size_t own = slot->max_bytes > 0 ? (size_t)slot->max_bytes : 0;
    return own < left ? own : left;
}

/* Clients before v10 need not know zstd. As in Kafka the topic's own codec decides: what else they
 * find in a log was written so by a producer, and is theirs to read. */
static int fetch_check_codec(const struct fetch *fetch, struct partition *partition)
{
    const struct log *log = partition_log(partition);
    bool old = fetch->request->version < FETCH_ZSTD_VERSION;
    return old && log && log_config(log)->compression == COMPRESS_ZSTD
               ? ERR_UNSUPPORTED_COMPRESSION_TYPE
               : 0;
}

static int fetch_read_partition(struct fetch *fetch, struct fetch_result *result)
{
    struct fetch_session_slot *slot = result->slot;
    int err;
    struct partition *partition = fetch_slot_partition(slot, &err);
    if (!partition)
        return err;
    err = fetch_check_codec(fetch, partition);
    if (err)
        return err;
    struct partition_read_args args = fetch_slot_args(slot);
    args.max_bytes = fetch_limit(fetch, slot);
    args.min_one = fetch->bytes == 0;
    err = partition_read(partition, &args, &result->read);
    if (err)
        return err;
    if (args.replica_id >= 0 && !result->read.diverging)
        partition_acknowledge_again(partition, &args);
    const struct log_slice *slice = &result->read.slice;
    result->chunk =
        (struct env_chunk){.file = slice->file, .offset = slice->position, .len = slice->len};
    return 0;
}

static struct fetch_result *fetch_push(struct fetch *fetch, struct fetch_session_slot *slot)
{
    if (fetch->count == fetch->cap) {
        size_t cap = fetch->cap ? fetch->cap * 2 : 4;
        struct fetch_result *results =
            mem_try_realloc(fetch->results, cap * sizeof(*fetch->results));
        if (!results)
            return NULL;
        fetch->results = results;
        fetch->cap = cap;
    }
    struct fetch_result *result = &fetch->results[fetch->count++];
    *result = (struct fetch_result){.slot = slot};
    return result;
}

static void fetch_fail(struct fetch_result *result, int err)
{
    result->err = err;
    log_slice_release(&result->read.slice);
    result->chunk = (struct env_chunk){0};
    /* A replica starts where the leader's log starts, when it is out of its range. */
    if (err != ERR_OFFSET_OUT_OF_RANGE || result->slot->topic->session->replica_id < 0)
        result->read.log_start_offset = -1;
    result->read.high_watermark = result->read.last_stable_offset = -1;
}

/* Reads one slot; true when the answer must not wait any longer. */
static bool fetch_look_at(struct fetch *fetch, struct fetch_session_slot *slot)
{
    if (slot->sent && !fetch->full)
        return false;
    struct fetch_result *result = fetch_push(fetch, slot);
    if (!result) { /* memory is out: an incremental answer goes without it, and it stays ready */
        fetch->starved = fetch->full;
        return true;
    }
    int err = fetch_read_partition(fetch, result);
    if (err) {
        fetch_fail(result, err);
        return true;
    }
    fetch->bytes += result->chunk.len;
    if (result->read.diverging || result->chunk.len > 0)
        return result->read.diverging;
    bool news = result->read.high_watermark != slot->told_hw ||
                result->read.log_start_offset != slot->told_log_start;
    bool left_over = result->read.slice.no_room;
    ASSERT(!left_over || fetch->bytes > 0);
    if (left_over)
        fetch_slot_ready(slot); /* where it stands: its turn comes */
    else if (!news)
        fetch_slot_idle(slot);
    if (!news && !fetch->full)
        fetch->count--;
    return left_over; /* to wait would bring it no more room */
}

/* Collects what there is to say; true when the answer is due. */
static bool fetch_collect(struct fetch *fetch)
{
    bool due = false;
    fetch_drop_results(fetch);
    if (fetch->full) {
        LIST_EACH(step, &fetch->session->slots)
            due |= fetch_look_at(fetch, LIST_ENTRY(step, struct fetch_session_slot, all_link));
    } else {
        LIST_EACH(step, &fetch->session->ready)
            due |= fetch_look_at(fetch, LIST_ENTRY(step, struct fetch_session_slot, ready_link));
    }
    return due || (int64_t)fetch->bytes >= fetch->min_bytes;
}

/* ---- answering ---- */

static void fetch_fill_leader(const struct fetch *fetch, const struct fetch_result *result,
                              struct fetch_response_partition_data *data)
{
    struct partition *partition = result->slot->interest.partition;
    if (fetch->request->version < 12 || !partition ||
        (result->err != ERR_NOT_LEADER_OR_FOLLOWER && result->err != ERR_FENCED_LEADER_EPOCH))
        return;
    data->current_leader.leader_id = partition_leader(partition);
    data->current_leader.leader_epoch = partition_leader_epoch(partition);
}

static void fetch_fill(struct fetch *fetch, struct fetch_result *result,
                       struct fetch_response_partition_data *data)
{
    data->partition_index = result->slot->partition;
    data->error_code = err_to_wire(result->err);
    data->high_watermark = result->read.high_watermark;
    data->last_stable_offset = result->read.last_stable_offset;
    data->log_start_offset = result->read.log_start_offset;
    data->aborted_transactions.count = -1;
    if (result->read.diverging) {
        data->diverging_epoch.epoch = result->read.diverging_epoch;
        data->diverging_epoch.end_offset = result->read.diverging_offset;
    }
    fetch_fill_leader(fetch, result, data);
    if (result->err == ERR_NOT_LEADER_OR_FOLLOWER && result->slot->topic->session->replica_id < 0)
        request_note_moved(fetch->request);
    /* Between brokers: the follower takes a hole in its log only where we say that there is one. */
    const struct log_slice *slice = &result->read.slice;
    if (result->slot->topic->session->replica_id >= 0 && slice->len > 0 &&
        slice->base_offset > result->slot->offset)
        data->snapshot_id.end_offset = slice->base_offset;
    data->records.len = (int64_t)result->chunk.len;
    data->records.chunks = &result->chunk;
    data->records.chunk_count = result->chunk.len > 0 ? 1 : 0;
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
    slot->sent = follower && (result->chunk.len > 0 || result->read.diverging || result->err);
    bool served = result->err || result->chunk.len > 0;
    bool no_room = result->read.slice.no_room && !MUTATION(IDLE_WITHOUT_ROOM) &&
                   (follower || !MUTATION(CONSUMER_IDLE_WITHOUT_ROOM));
    /* To the end: the others come first next time. A full fetch gives the session its order. */
    if (!no_room && (!served || !fetch->full))
        fetch_slot_idle(slot);
    if (served)
        fetch_slot_ready(slot);
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
            fetch_fill(fetch, &fetch->results[j], &data[j - i]);
        i = end;
    }
    response->responses.count = topic_count;
    return true;
}

static void fetch_send(struct fetch *fetch)
{
    struct request *request = fetch->request;
    struct fetch_session *session = fetch->session;
    struct fetch_response response;
    wire_defaults(&fetch_response_desc, &response);
    response.session_id = session->id;
    bool filled = !fetch->starved && fetch_fill_response(fetch, &response);
    for (size_t i = 0; i < fetch->count; i++)
        fetch_tell(fetch, &fetch->results[i]);
    fetch->session = NULL;
    request->release = fetch_free;
    if (filled) {
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
    fetch->convert = NULL;
    for (size_t i = 0; i < fetch->count; i++) {
        struct fetch_result *result = &fetch->results[i];
        if (result->chunk.len == 0)
            continue;
        if (parts->err) {
            fetch_fail(result, parts->err);
        } else {
            result->converted = parts->out.data;
            result->chunk = (struct env_chunk){.data = parts->out.data, .len = parts->out.len};
            buf_init(&parts->out);
        }
        parts++;
    }
    fetch_send(fetch);
}

/* The client is gone, or the broker is going: nobody hears the answer. */
static void fetch_give_up(void *data)
{
    struct fetch *fetch = data;
    fetch_convert_abandon(fetch->convert);
    fetch->convert = NULL;
    for (size_t i = 0; i < fetch->count; i++)
        fetch_fail(&fetch->results[i], ERR_NOT_LEADER_OR_FOLLOWER);
    fetch_send(fetch);
}

/* What an old client reads goes through the hands of a worker. False when that can't be. */
static bool fetch_convert(struct fetch *fetch)
{
    struct request *request = fetch->request;
    struct fetch_session *session = fetch->session;
    fetch->convert = fetch_convert_new(fetch_sessions_converter(request->broker->fetch_sessions),
                                       fetch->count, request->version >= 2 ? 1 : 0);
    for (size_t i = 0; i < fetch->count; i++) {
        struct fetch_result *result = &fetch->results[i];
        if (result->chunk.len > 0 && fetch->convert)
            fetch_convert_add(fetch->convert, &result->read.slice, result->slot->offset);
        else if (result->chunk.len > 0)
            fetch_fail(result, ERR_NO_MEMORY);
    }
    if (!fetch->convert)
        return false;
    if (!request->released)
        request_release_body(request);
    session->wake = NULL;
    session->supersede = fetch_give_up;
    session->wake_data = fetch;
    fetch_convert_start(fetch->convert, fetch_converted, fetch);
    return true;
}

static void fetch_answer(struct fetch *fetch)
{
    env_timer_stop(&fetch->deadline);
    env_timer_stop(&fetch->look);
    bool converts =
        fetch->request->version < FETCH_BATCHES_VERSION && fetch->bytes > 0 && !fetch->starved;
    if (!converts || !fetch_convert(fetch))
        fetch_send(fetch);
}

static void fetch_deadline(void *data)
{
    struct fetch *fetch = data;
    (void)fetch_collect(fetch);
    fetch_answer(fetch);
}

static void fetch_look(void *data)
{
    struct fetch *fetch = data;
    if (fetch_collect(fetch))
        fetch_answer(fetch);
    else
        fetch_drop_results(fetch);
}

static void fetch_wake(void *data)
{
    struct fetch *fetch = data;
    if (!env_timer_running(&fetch->look))
        env_timer_start_soon(&fetch->look);
}

static void fetch_wait(struct fetch *fetch, int32_t max_wait_ms)
{
    fetch_drop_results(fetch);
    mem_free(fetch->results);
    fetch->results = NULL;
    fetch->cap = 0;
    request_release_body(fetch->request);
    fetch->session->wake = fetch_wake;
    fetch->session->supersede = fetch_deadline;
    fetch->session->wake_data = fetch;
    env_timer_start(&fetch->deadline, max_wait_ms);
}

static void fetch_refuse(struct request *request, int err)
{
    struct fetch_response response;
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
    return total < cap ? total : cap;
}

void handle_fetch(struct request *request)
{
    const struct fetch_request *body = request->body;
    struct fetch_session *session;
    bool full;
    int err = fetch_sessions_open(request->broker->fetch_sessions, body, request->version, &session,
                                  &full);
    if (err) {
        fetch_refuse(request, err);
        return;
    }
    struct fetch *fetch = mem_alloc(sizeof(*fetch));
    fetch->request = request;
    fetch->session = session;
    fetch->full = full;
    fetch->min_bytes = body->min_bytes;
    fetch->max_bytes = fetch_total(request);
    request->state = fetch;
    request_watch(request, &session->connection);
    if (session->replica_id >= 0)
        request_note_follower(request, session->replica_id);
    env_timer_init(request->broker->env, &fetch->deadline, fetch_deadline, fetch);
    env_timer_init(request->broker->env, &fetch->look, fetch_look, fetch);
    if (fetch_collect(fetch) || body->max_wait_ms <= 0 || list_empty(&session->slots))
        fetch_answer(fetch);
    else
        fetch_wait(fetch, body->max_wait_ms);
}
