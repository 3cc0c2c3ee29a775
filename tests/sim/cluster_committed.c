/* The reader of committed records.
 *
 * Happy path: a fetch from the position; of each batch that comes the reader decides, as clients
 * do, whether its transaction was aborted: the answer lists the aborted ones, by their first
 * offset, and a marker ends each. Failure modes: an error or silence, then the next broker is
 * asked. */
#include "cluster_committed.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "cluster.h"
#include "cluster_book.h"
#include "cluster_line.h"
#include "cluster_session.h"
#include "kafka/batch.h"

enum {
    COMMITTED_VERSION = 12,
    COMMITTED_WAIT_MS = 100,
    COMMITTED_BYTES = 4096,
    COMMITTED_REWIND = 12, /* one fetch in so many goes back */
    COMMITTED_CHANGE = 8,  /* and one goes to another broker */
    COMMITTED_ISOLATION = 1
};

enum verdict { VERDICT_NONE, VERDICT_SHOWN, VERDICT_KEPT };

struct committed_lane {
    struct cluster_committed *reader;
    struct cluster_line line;
    struct env_timer pause;
    struct cluster_session session; /* none: each fetch stands alone */
    int partition;
    int64_t position;
    int64_t end;
    struct map verdicts; /* base offset -> enum verdict of the batch there */
};

struct cluster_committed {
    struct env *env;
    struct cluster_book *book;
    const char *problem;
    bool forward;
    struct committed_lane lanes[CLUSTER_PARTITIONS];
};

/* ---- what was aborted ---- */

/* The aborted transactions of one answer. */
struct aborted {
    const struct fetch_response_partition_data *data;
    struct map open; /* producers whose batches are left out now */
    uint8_t *begun;  /* of each listed one: whether its first offset was passed */
};

static void aborted_pass(struct aborted *aborted, int64_t offset)
{
    for (int32_t i = 0; i < aborted->data->aborted_transactions.count; i++) {
        const struct fetch_response_aborted_transaction *one =
            &aborted->data->aborted_transactions.items[i];
        if (aborted->begun[i] || one->first_offset > offset)
            continue;
        aborted->begun[i] = true;
        map_put_u64(&aborted->open, (uint64_t)one->producer_id + 1, aborted);
    }
}

static bool aborted_covers(struct aborted *aborted, const struct batch *batch)
{
    aborted_pass(aborted, batch_last_offset(batch));
    if (batch_is_control(batch)) {
        map_del_u64(&aborted->open, (uint64_t)batch->producer_id + 1);
        return true;
    }
    return batch_is_transactional(batch) &&
           map_get_u64(&aborted->open, (uint64_t)batch->producer_id + 1);
}

/* ---- what is shown ---- */

static void lane_show(struct committed_lane *lane, const struct batch *batch)
{
    struct record_iter iter;
    struct record record;
    int txn, number;
    record_iter_init(&iter, batch->records, batch->records_len, batch->record_count);
    if (!batch_is_transactional(batch))
        return;
    if (record_iter_next(&iter, &record) != 1 ||
        !cluster_book_parse(record.value.data, (size_t)record.value.len, &txn, &number)) {
        lane->reader->problem = "a transactional batch holds no record of a transaction";
        return;
    }
    const char *problem = cluster_book_shown(lane->reader->book, txn, lane->partition, number);
    if (problem)
        lane->reader->problem = problem;
}

static void lane_see(struct committed_lane *lane, const struct batch *batch, bool kept)
{
    enum verdict verdict = kept ? VERDICT_KEPT : VERDICT_SHOWN;
    enum verdict known =
        (enum verdict)(uintptr_t)map_get_u64(&lane->verdicts, (uint64_t)batch->base_offset + 1);
    if (known != VERDICT_NONE && known != verdict)
        lane->reader->problem = kept ? "a committed batch that was shown is left out now"
                                     : "a batch that was left out is shown as committed now";
    if (known != VERDICT_NONE)
        return;
    map_put_u64(&lane->verdicts, (uint64_t)batch->base_offset + 1, (void *)(uintptr_t)verdict);
    if (!kept)
        lane_show(lane, batch);
}

static void lane_take(struct committed_lane *lane, const struct fetch_response_partition_data *data)
{
    size_t at = 0;
    size_t len = data->records.len > 0 ? (size_t)data->records.len : 0;
    int32_t count = data->aborted_transactions.count;
    struct aborted aborted = {.data = data, .begun = mem_alloc((size_t)(count > 0 ? count : 1))};
    struct batch batch;
    map_init(&aborted.open);
    if (data->last_stable_offset > data->high_watermark)
        lane->reader->problem = "the last stable offset is past the high watermark";
    while (at < len && batch_parse(data->records.data + at, len - at, &batch) == 0) {
        bool kept = aborted_covers(&aborted, &batch);
        if (batch_last_offset(&batch) >= data->last_stable_offset)
            lane->reader->problem = "a committed read goes past the last stable offset";
        if (batch_last_offset(&batch) >= lane->position) {
            lane_see(lane, &batch, kept);
            lane->position = batch_last_offset(&batch) + 1;
        }
        at += batch.size;
    }
    if (lane->position > lane->end)
        lane->end = lane->position;
    map_close(&aborted.open);
    mem_free(aborted.begun);
}

static int lane_read(struct committed_lane *lane, const struct fetch_response *response)
{
    if (response->error_code)
        return err_from_wire(response->error_code);
    if (response->responses.count != 1)
        return ERR_INVALID;
    const struct fetch_response_partition_data *data =
        &response->responses.items[0].partitions.items[0];
    if (data->error_code)
        return err_from_wire(data->error_code);
    lane_take(lane, data);
    return 0;
}

static void lane_answered(void *data, int err, struct client_answer *answer)
{
    struct committed_lane *lane = data;
    struct env *env = lane->reader->env;
    if (!err)
        err = lane_read(lane, answer->response);
    client_answer_free(answer);
    if (lane->reader->forward)
        lane->position = lane->end;
    else if (lane->end > 0 && env_random(env) % COMMITTED_REWIND == 0)
        lane->position = (int64_t)(env_random(env) % (uint64_t)lane->end);
    if (err || env_random(env) % COMMITTED_CHANGE == 0)
        cluster_line_next(&lane->line);
    else
        env_timer_start(&lane->pause, lane->reader->forward ? 1 : *lane->line.pause_ms);
}

static void lane_fetch(void *data)
{
    struct committed_lane *lane = data;
    struct cluster_want wants[CLUSTER_PARTITIONS] = {{0}};
    struct arena arena;
    struct fetch_request request;
    wants[lane->partition] = (struct cluster_want){
        .wanted = true, .offset = lane->position, .epoch = -1, .max_bytes = COMMITTED_BYTES};
    arena_init(&arena, SIZE_MAX);
    wire_defaults(&fetch_request_desc, &request);
    request.max_wait_ms = COMMITTED_WAIT_MS;
    request.min_bytes = 1;
    request.max_bytes = COMMITTED_BYTES;
    request.isolation_level = COMMITTED_ISOLATION;
    cluster_session_ask(&lane->session, wants, &arena, &request);
    cluster_line_send(&lane->line, KAFKA_API_FETCH, COMMITTED_VERSION, &request, lane_answered,
                      lane);
    arena_close(&arena);
}

static void lane_ready(void *data)
{
    lane_fetch(data);
}

/* ---- life ---- */

struct cluster_committed *cluster_committed_new(struct env *env, const int64_t *pause_ms,
                                                struct cluster_book *book)
{
    struct cluster_committed *reader = mem_alloc(sizeof(*reader));
    reader->env = env;
    reader->book = book;
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        struct committed_lane *lane = &reader->lanes[p];
        lane->reader = reader;
        lane->partition = p;
        map_init(&lane->verdicts);
        cluster_session_init(&lane->session, env, false);
        cluster_line_init(&lane->line, env, pause_ms, p % CLUSTER_NODES, lane_ready, lane);
        env_timer_init(env, &lane->pause, lane_fetch, lane);
    }
    return reader;
}

void cluster_committed_free(struct cluster_committed *reader)
{
    if (!reader)
        return;
    cluster_committed_stop(reader);
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        map_close(&reader->lanes[p].verdicts);
    mem_free(reader);
}

void cluster_committed_start(struct cluster_committed *reader)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++)
        cluster_line_open(&reader->lanes[p].line);
}

void cluster_committed_stop(struct cluster_committed *reader)
{
    for (int p = 0; p < CLUSTER_PARTITIONS; p++) {
        cluster_line_close(&reader->lanes[p].line);
        env_timer_stop(&reader->lanes[p].pause);
    }
}

void cluster_committed_catch_up(struct cluster_committed *reader)
{
    reader->forward = true;
}

int64_t cluster_committed_end(const struct cluster_committed *reader, int partition)
{
    return reader->lanes[partition].end;
}

const char *cluster_committed_problem(const struct cluster_committed *reader)
{
    return reader->problem;
}
