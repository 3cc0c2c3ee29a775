/* Cold reads: a worker brings into memory what the loop would have to wait for.
 *
 * Happy path: the worker opens the indexes by their names, reads them, finds where the offset lies,
 * and reads the bytes there; then the loop reads again. It shares nothing with the loop but the
 * segment's file, which is pinned. Failure mode: whatever fails, the loop meets it when it reads
 * again, and says so. */
#include "broker/log/log_manager_private.h"

#include "base/bytes.h"
#include "base/mem.h"

enum {
    WARM_BLOCK = 256 << 10,
    WARM_ENTRY = 8,         /* of an offset index */
    WARM_AROUND = 64 << 10, /* the walk from an index entry to the batch, and the header behind */
    WARM_INDEX_MAX = 64 << 20
};

/* Reads the range, and forgets it. */
static void warm_range(struct env_file *file, uint8_t *block, uint64_t from, uint64_t len)
{
    while (len > 0) {
        size_t want = len < WARM_BLOCK ? (size_t)len : WARM_BLOCK;
        ssize_t got = env_file_read(file, block, want, from);
        if (got <= 0)
            return;
        from += (uint64_t)got;
        len -= (uint64_t)got;
    }
}

/* All of an index; where it has entries of offsets, also finds the last one at or below the offset
 * and the last of all. */
static void warm_index(struct env *env, const char *path, uint8_t *block, int64_t relative,
                       uint64_t *position, uint64_t *last)
{
    struct env_file *file;
    if (env_file_open(env, path, ENV_OPEN_READ, &file))
        return;
    ssize_t got;
    for (uint64_t at = 0; at < WARM_INDEX_MAX; at += (uint64_t)got) {
        got = env_file_read(file, block, WARM_BLOCK, at);
        if (got <= 0)
            break;
        for (ssize_t i = 0; position && i + WARM_ENTRY <= got; i += WARM_ENTRY) {
            *last = bytes_get_u32(block + i + 4);
            if ((int64_t)bytes_get_u32(block + i) <= relative)
                *position = *last;
        }
    }
    env_file_close(file);
}

static void warm_run(struct env_work *work)
{
    struct log_warm *warm = CONTAINER_OF(work, struct log_warm, work);
    const struct segment *segment = warm->cold.segment;
    uint64_t position = 0, last = 0;
    uint8_t *block = mem_try_alloc(WARM_BLOCK);
    if (!block)
        return;
    warm_index(warm->manager->env, warm->times_path, block, 0, NULL, NULL);
    if (warm->aborted_path)
        warm_index(warm->manager->env, warm->aborted_path, block, 0, NULL, NULL);
    warm_index(warm->manager->env, warm->index_path, block,
               warm->cold.offset - segment->base_offset, &position, &last);
    uint64_t len = warm->cold.len + WARM_AROUND;
    if (position < warm->size)
        warm_range(segment->file, block, position,
                   warm->size - position < len ? warm->size - position : len);
    if (last < warm->size)
        warm_range(segment->file, block, last,
                   warm->size - last < WARM_AROUND ? warm->size - last : WARM_AROUND);
    mem_free(block);
}

static void warm_done(struct env_work *work)
{
    struct log_warm *warm = CONTAINER_OF(work, struct log_warm, work);
    segment_unpin(warm->cold.segment);
    log_job_end(warm->log);
    mem_free(warm->index_path);
    mem_free(warm->times_path);
    mem_free(warm->aborted_path);
    (void)log_jobs_end(&warm->manager->jobs);
    warm->done(warm);
}

void log_warm(struct log_warm *warm, struct log *log, const struct log_cold *cold)
{
    struct log_manager *manager = log->manager;
    ASSERT(cold->segment->pins > 0);
    ASSERT(warm->done);
    warm->log = log;
    warm->manager = manager;
    warm->cold = *cold;
    warm->size = cold->segment->size;
    warm->index_path = segment_path(cold->segment, ".index");
    warm->times_path = segment_path(cold->segment, ".timeindex");
    warm->aborted_path =
        cold->segment->aborted.count > 0 ? segment_path(cold->segment, ".txnindex") : NULL;
    log->jobs++;
    log_jobs_begin(&manager->jobs);
    env_work_submit(manager->env, &warm->work, warm_run, warm_done);
}
