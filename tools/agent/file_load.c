/* The events of a file channel that are next in memory, and reading on from disk.
 *
 * Happy path: as long as sinks keep up, what has been written stays in memory until it is taken,
 * and nothing is read. When they don't, what is more than FILE_READY_MAX is on disk only; it is
 * read on the worker pool, chunk by chunk, when there is room again. Failure modes: a record that
 * is damaged costs its own events, which is told; the next one behind it is looked for on the pool
 * (file_damage.h). In a file that was cut there is none. */
#include "tools/agent/file_store.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "tools/agent/file_damage.h"
#include "tools/agent/file_record.h"

enum { FILE_READY_MAX = 8 << 20, FILE_LOAD_CHUNK = 256 * 1024 };

/* A chunk that is read, or a search for the record behind a damaged one. */
struct file_load {
    struct env_work work;
    struct file_store *store;
    char *path;
    struct block *block; /* NULL = a search */
    uint64_t number, offset;
    size_t len;
    ssize_t got; /* of a search: whether there is one */
    struct file_damage_range range;
    uint64_t found_at;
};

struct file_piece *file_piece_new(uint64_t first, size_t count)
{
    ASSERT(count > 0);
    struct file_piece *piece = mem_alloc(sizeof(*piece));
    piece->first = first;
    piece->count = count;
    piece->events = mem_alloc(count * sizeof(*piece->events));
    return piece;
}

void file_piece_free(struct file_piece *piece)
{
    event_unref_all(piece->events + piece->at, piece->count - piece->at);
    mem_free(piece->events);
    mem_free(piece);
}

/* ---- in memory ---- */

static void file_ready_push(struct file_store *store, struct file_piece *piece)
{
    list_push(&store->ready, &piece->link);
    store->ready_bytes += piece->bytes;
}

void file_load_arrived(struct file_store *store, struct file_piece *piece, uint64_t number,
                       uint64_t offset)
{
    if (!store->behind && store->ready_bytes < FILE_READY_MAX) {
        file_ready_push(store, piece);
        return;
    }
    if (!store->behind) {
        store->behind = true;
        store->load_seq = piece->first;
        store->load_number = number;
        store->load_offset = offset;
    }
    file_piece_free(piece);
}

void file_store_take(struct file_store *store, struct take *take, size_t max)
{
    while (take->count < max && !list_empty(&store->ready)) {
        struct file_piece *piece = LIST_ENTRY(store->ready.next, struct file_piece, link);
        uint64_t first = piece->first + piece->at;
        if (take->count == 0)
            take->mark = first;
        else if (take->mark + take->count != first)
            break; /* a take is one range */
        size_t left = piece->count - piece->at, n = max - take->count;
        n = n < left ? n : left;
        memcpy(take->events + take->count, piece->events + piece->at, n * sizeof(*take->events));
        for (size_t i = 0; i < n; i++) {
            size_t bytes = piece->events[piece->at + i].len;
            piece->bytes -= bytes;
            store->ready_bytes -= bytes;
        }
        take->count += n;
        piece->at += n;
        if (piece->at < piece->count)
            break;
        list_remove(&piece->link);
        file_piece_free(piece);
    }
    file_load_start(store);
}

/* Before the first one that is behind it. */
void file_store_rollback(struct file_store *store, const struct take *take)
{
    struct file_piece *piece = file_piece_new(take->mark, take->count);
    memcpy(piece->events, take->events, take->count * sizeof(*take->events));
    for (size_t i = 0; i < take->count; i++)
        piece->bytes += take->events[i].len;
    struct list *before = store->ready.next;
    while (before != &store->ready &&
           LIST_ENTRY(before, struct file_piece, link)->first < piece->first)
        before = before->next;
    list_push(before, &piece->link); /* at the end of a ring that begins there: in front of it */
    store->ready_bytes += piece->bytes;
}

/* ---- from disk ---- */

static void file_load_done(struct env_work *work);

static void file_load_run(struct env_work *work)
{
    struct file_load *load = CONTAINER_OF(work, struct file_load, work);
    struct file_record record;
    struct env_file *file;
    int err = env_file_open(load->store->env, load->path, ENV_OPEN_READ, &file);
    if (err)
        load->got = err;
    else if (load->block)
        load->got = env_file_read(file, load->block->data, load->len, load->offset);
    else
        load->got = file_damage_find(file, &load->range, &load->found_at, &record);
    if (!err)
        env_file_close(file);
}

/* The events of a record that are still to come, as pieces. */
static void file_load_record(struct file_store *store, struct block *block,
                             const struct file_record *record)
{
    struct file_piece *piece = NULL;
    struct event event;
    size_t at = 0;
    for (uint64_t seq = record->first; file_record_event(record, block, &at, &event); seq++) {
        if (seq < store->load_seq || file_ranges_has(&store->done, seq)) {
            event_unref(&event);
            continue;
        }
        if (piece && piece->first + piece->count != seq) {
            file_ready_push(store, piece);
            piece = NULL;
        }
        if (!piece) {
            piece = file_piece_new(seq, record->count);
            piece->count = 0;
        }
        piece->events[piece->count++] = event;
        piece->bytes += event.len;
    }
    if (piece)
        file_ready_push(store, piece);
}

/* The end of a segment: there is another one, or all has been read. False: no more for now. */
static bool file_load_next_segment(struct file_store *store)
{
    for (size_t i = 0; i < store->segments.count; i++) {
        if (store->segments.rows[i].number <= store->load_number)
            continue;
        store->load_number = store->segments.rows[i].number;
        store->load_offset = FILE_SEGMENT_HEADER;
        return true;
    }
    return false;
}

/* Numbers up to `end` have been passed without their records; most were of puts that failed. */
static void file_load_lose(struct file_store *store, const char *path, uint64_t end)
{
    uint64_t lost = file_ranges_add(&store->done, store->load_seq, end);
    if (lost > 0) {
        logger_error(&store->logger,
                     "%s is damaged: of the events %" PRIu64 " to %" PRIu64 " %" PRIu64 " are lost",
                     path, store->load_seq, end - 1, lost);
        store->count -= lost;
        file_write_take(store, store->load_seq, end);
    }
    store->load_seq = end;
}

/* There is nothing more in its segment. */
static void file_load_give_up(struct file_store *store, const struct file_load *load)
{
    uint64_t end = store->settled;
    for (size_t i = store->segments.count; i > 0; i--)
        if (store->segments.rows[i - 1].number > load->number)
            end = store->segments.rows[i - 1].first;
    ASSERT(end > 0);
    if (end > store->load_seq)
        file_load_lose(store, load->path, end);
    store->behind = file_load_next_segment(store);
}

/* All that is in the log has been read. */
static void file_load_end(struct file_store *store)
{
    ASSERT(store->segments.count > 0);
    if (store->load_seq < store->settled)
        file_load_lose(store, store->segments.rows[store->segments.count - 1].path, store->settled);
    store->behind = false;
}

static struct file_load *file_load_new(struct file_store *store, const struct file_segment *row)
{
    struct file_load *load = mem_alloc(sizeof(*load));
    load->store = store;
    load->path = mem_strdup(row->path);
    load->number = row->number;
    load->offset = store->load_offset;
    return load;
}

static void file_load_submit(struct file_store *store, struct file_load *load)
{
    ASSERT(!store->load);
    store->load = load;
    store->jobs++;
    env_work_submit(store->env, &load->work, file_load_run, file_load_done);
}

/* The record at load_offset is damaged. */
static void file_load_search(struct file_store *store, const struct file_segment *row)
{
    struct file_load *load = file_load_new(store, row);
    load->range = (struct file_damage_range){.from = load->offset + 1,
                                             .end = row->end,
                                             .first_min = row->first,
                                             .numbers_end = store->settled};
    logger_warn(&store->logger, "%s is damaged at byte %" PRIu64 ": looking for what is behind it",
                load->path, load->offset);
    file_load_submit(store, load);
}

static void file_load_searched(struct file_store *store, struct file_load *load)
{
    struct file_segment *row = file_segments_find(&store->segments, load->number);
    if (row)
        row->damaged = true;
    if (load->got == 0 && row && row->end > load->range.end) {
        load->got = 1; /* puts have been written meanwhile: the first one stands there */
        load->found_at = load->range.end;
    }
    if (load->got == 0) {
        file_load_give_up(store, load);
        return;
    }
    logger_error(&store->logger, "%s is damaged: bytes %" PRIu64 " to %" PRIu64 " are lost",
                 load->path, load->offset, load->found_at - 1);
    store->load_offset = load->found_at;
}

static void file_load_parse(struct file_store *store, struct file_load *load)
{
    struct file_record record;
    size_t at = 0;
    int parsed;
    while ((parsed = file_record_parse(load->block->data + at, (size_t)load->got - at, &record)) ==
           1) {
        if (record.kind == FILE_RECORD_PUT && record.first + record.count > store->load_seq) {
            if (record.first > store->load_seq)
                file_load_lose(store, load->path, record.first);
            file_load_record(store, load->block, &record);
            store->load_seq = record.first + record.count;
        }
        at += record.size;
    }
    size_t got = (size_t)load->got;
    struct file_segment *row = file_segments_find(&store->segments, load->number);
    /* Whole records stood up to row->end once. */
    bool shorter = got < load->len && (at < got || got == 0);
    bool torn = at < got && row && load->offset + got >= row->end;
    store->load_offset = load->offset + at;
    store->load_size = at == 0 && record.size > FILE_LOAD_CHUNK ? record.size : FILE_LOAD_CHUNK;
    if (row && (parsed < 0 || shorter || torn))
        file_load_search(store, row);
}

static void file_load_done(struct env_work *work)
{
    struct file_load *load = CONTAINER_OF(work, struct file_load, work);
    struct file_store *store = load->store;
    store->load = NULL;
    if (store->channel) {
        if (load->got >= 0 && load->block)
            file_load_parse(store, load);
        else if (load->got >= 0)
            file_load_searched(store, load);
        else if (file_segments_find(&store->segments, load->number))
            logger_error(&store->logger, "can't read %s, trying on: %s", load->path,
                         err_text((int)load->got));
        if (!list_empty(&store->ready))
            channel_has_events(store->channel);
        if (load->got >= 0)
            file_load_start(store);
        else
            env_timer_start(&store->retry, 1000);
    }
    if (load->block)
        block_unref(load->block);
    mem_free(load->path);
    mem_free(load);
    file_store_job_ended(store);
}

void file_load_start(struct file_store *store)
{
    if (!store->behind || store->load || !store->channel || store->ready_bytes > FILE_READY_MAX / 2)
        return;
    struct file_segment *row = file_segments_find(&store->segments, store->load_number);
    while (!row || store->load_offset >= row->end) {
        if (!file_load_next_segment(store)) {
            file_load_end(store);
            return;
        }
        row = file_segments_find(&store->segments, store->load_number);
    }
    uint64_t left = row->end - store->load_offset;
    size_t len = store->load_size > FILE_LOAD_CHUNK ? store->load_size : FILE_LOAD_CHUNK;
    len = left < len ? (size_t)left : len;
    struct block *block = block_new(len);
    if (!block) {
        env_timer_start(&store->retry, 1000);
        return;
    }
    struct file_load *load = file_load_new(store, row);
    load->block = block;
    load->len = len;
    file_load_submit(store, load);
}
