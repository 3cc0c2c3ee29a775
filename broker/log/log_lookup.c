/* Offsets by time.
 *
 * Happy path: the indexes and headers tell the first batch that may hold the record. A small plain
 * one is looked through at once. Any other may open to a thousand times its size: a worker opens
 * it, and the lookup goes on with the next batch when it had no such record. One batch of a broker
 * is opened at a time, the lookups in the order in which they came, so that what they take together
 * is one batch of memory and one worker.
 *
 * Failure modes: a batch that opens to more than the limit is answered by its header: the record
 * lies in it. One whose producer wrote what nobody can read (before the records of a batch were
 * looked at) is left out, since a reader that is sent there stays there; the log says so once. A
 * log that is deleted, cut or closed meanwhile is ERR_NOT_LEADER_OR_FOLLOWER: the client asks again
 * where it is now. */
#include "broker/log/append.h"
#include "broker/log/log_manager_private.h"

#include "base/mem.h"
#include "broker/log/batch_scan.h"

enum { LOOKUP_SMALL = 64 * 1024 }; /* a plain batch of this size takes less than a millisecond */

struct log_lookup_job {
    struct env_work work;
    struct log_lookup *lookup; /* NULL when nobody waits any more */
    struct log *log;           /* kept by log->jobs */
    struct log_manager *manager;
    struct segment *segment; /* pinned */
    struct segment_spot spot;
    uint32_t generation;
    int64_t timestamp_ms;
    int64_t from;
    int err;
    int64_t offset;
    int64_t found_ms;
};

/* ---- one batch ---- */

/* The error of a batch that was read. With a good checksum it is as its producer wrote it. */
static int lookup_batch_error(const struct batch *batch, int err)
{
    if (err == ERR_TOO_LARGE)
        return ERR_MESSAGE_TOO_LARGE;
    if (err == ERR_MALFORMED || err == ERR_UNSUPPORTED_COMPRESSION_TYPE)
        return batch_check_crc(batch) == 0 ? ERR_INVALID_RECORD : ERR_CORRUPT;
    return err < 0 ? err : 0;
}

/* The first record of the batch at `spot` that is at or past both; -1 when it has none. */
static int lookup_open(struct env_file *file, const struct segment_spot *spot, int64_t timestamp_ms,
                       int64_t from, int64_t *offset, int64_t *found_ms)
{
    struct batch_scan scan;
    struct buf scratch;
    struct record_iter records;
    struct record record;
    buf_init(&scratch);
    batch_scan_init(&scan, file, spot->position, spot->position + spot->batch.size,
                    BATCH_HEADER_SIZE);
    int rc = batch_scan_next(&scan);
    if (rc == 1)
        rc = batch_scan_body(&scan);
    bool brought = rc == 0;
    if (rc == 0)
        rc = batch_records(&scan.batch, APPEND_OPEN_MAX, &scratch, &records);
    while (rc >= 0 && (rc = record_iter_next(&records, &record)) == 1) {
        int64_t time = batch_record_timestamp(&scan.batch, &record);
        int64_t at = batch_record_offset(&scan.batch, &record);
        if (time < timestamp_ms || at < from)
            continue;
        *offset = at;
        *found_ms = time;
        break;
    }
    if (brought)
        rc = lookup_batch_error(&scan.batch, rc);
    batch_scan_close(&scan);
    buf_close(&scratch);
    return rc < 0 ? rc : 0;
}

static void lookup_tell_unreadable(struct log *log, const struct batch *batch)
{
    if (log->unreadable_told)
        return;
    log->unreadable_told = true;
    logger_error(log->manager->logger,
                 "%s: nobody can read the batch of offsets %lld to %lld, which its producer wrote "
                 "so. Lookups by time leave it and others like it out; consumers that stop there "
                 "have to seek to %lld, or the records up to there to be deleted (DeleteRecords)",
                 log->path, (long long)batch->base_offset, (long long)batch_last_offset(batch),
                 (long long)batch_last_offset(batch) + 1);
}

/* What the opening of a batch means for the lookup: 0 with its offset set, or not, or an error. */
static int lookup_judge(struct log_lookup *lookup, struct log *log, const struct batch *batch,
                        int64_t from, int err)
{
    if (err == ERR_MESSAGE_TOO_LARGE) {
        lookup->offset = from > batch->base_offset ? from : batch->base_offset;
        lookup->timestamp_ms = batch->max_timestamp;
        return 0;
    }
    if (err == ERR_INVALID_RECORD) {
        lookup->offset = lookup->timestamp_ms = -1;
        lookup_tell_unreadable(log, batch);
        return 0;
    }
    return err < 0 ? log_read_failed(log, err) : 0;
}

static void lookup_job_run(struct env_work *work)
{
    struct log_lookup_job *job = CONTAINER_OF(work, struct log_lookup_job, work);
    job->err = lookup_open(job->segment->file, &job->spot, job->timestamp_ms, job->from,
                           &job->offset, &job->found_ms);
}

/* ---- the row of lookups ---- */

static void lookup_job_done(struct env_work *work);

static void lookup_next(struct log_manager *manager)
{
    if (manager->lookup_runs || list_empty(&manager->lookups))
        return;
    struct log_lookup *lookup = LIST_ENTRY(manager->lookups.next, struct log_lookup, link);
    ASSERT(lookup->job != NULL);
    ASSERT(lookup->job->lookup == lookup);
    manager->lookup_runs = true;
    log_jobs_begin(&manager->jobs);
    env_work_submit_heavy(manager->env, &lookup->job->work, lookup_job_run, lookup_job_done);
}

static void lookup_job_free(struct log_lookup_job *job)
{
    segment_unpin(job->segment);
    log_job_end(job->log);
    mem_free(job);
}

/* Ends a lookup that waits; `done` may begin others. */
static void lookup_end(struct log_lookup *lookup, int err)
{
    ASSERT(err <= 0);
    list_remove(&lookup->link);
    lookup->job = NULL;
    lookup->err = err;
    lookup->done(lookup);
}

/* Finds the next batch that may hold the record. 1: a worker has to open it, lookup->job is set; 0:
 * the lookup is over. */
static int lookup_step(struct log_lookup *lookup, struct log *log, int64_t from)
{
    if (from < log->start_offset)
        from = log->start_offset;
    for (uint32_t i = log_segment_at(log, from); i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        struct segment_spot spot;
        int rc;
        while ((rc = segment_find_timestamp(segment, lookup->asked_ms, from, &spot)) == 0) {
            rc = segment_pin(segment);
            if (rc < 0)
                return log_read_failed(log, rc);
            if ((spot.batch.attributes & BATCH_CODEC_MASK) != 0 || spot.batch.size > LOOKUP_SMALL) {
                struct log_lookup_job *job = mem_alloc(sizeof(*job));
                *job = (struct log_lookup_job){.lookup = lookup,
                                               .log = log,
                                               .manager = log->manager,
                                               .segment = segment,
                                               .spot = spot,
                                               .generation = log->generation,
                                               .timestamp_ms = lookup->asked_ms,
                                               .from = from,
                                               .offset = -1,
                                               .found_ms = -1};
                log->jobs++;
                lookup->job = job;
                return 1;
            }
            rc = lookup_open(segment->file, &spot, lookup->asked_ms, from, &lookup->offset,
                             &lookup->timestamp_ms);
            segment_unpin(segment);
            rc = lookup_judge(lookup, log, &spot.batch, from, rc);
            if (rc < 0)
                return rc;
            if (lookup->offset >= 0)
                return 0;
            ASSERT(batch_last_offset(&spot.batch) >= from);
            /* A batch may promise more than it has: the log start or compaction took records. */
            from = batch_last_offset(&spot.batch) + 1;
        }
        if (rc != ERR_NOT_FOUND)
            return log_read_failed(log, rc);
    }
    return 0;
}

/* What the worker found, for who still waits. */
static void lookup_take(struct log_lookup_job *job)
{
    struct log_lookup *lookup = job->lookup;
    struct log *log = job->log;
    if (log->state == LOG_CLOSING || job->generation != log->generation) {
        lookup_end(lookup, ERR_NOT_LEADER_OR_FOLLOWER);
        return;
    }
    lookup->offset = job->offset;
    lookup->timestamp_ms = job->found_ms;
    int rc = lookup_judge(lookup, log, &job->spot.batch, job->from, job->err);
    if (rc == 0 && lookup->offset < 0)
        rc = lookup_step(lookup, log, batch_last_offset(&job->spot.batch) + 1);
    if (rc != 1) {
        lookup_end(lookup, rc);
        return;
    }
    ASSERT(lookup->job != job);
    list_remove(&lookup->link); /* the others come first */
    list_push(&job->manager->lookups, &lookup->link);
}

static void lookup_job_done(struct env_work *work)
{
    struct log_lookup_job *job = CONTAINER_OF(work, struct log_lookup_job, work);
    struct log_manager *manager = job->manager;
    ASSERT(manager->lookup_runs);
    ASSERT(!job->lookup || job->lookup->job == job);
    manager->lookup_runs = false;
    if (job->lookup && !manager->jobs.abandoned)
        lookup_take(job);
    lookup_job_free(job);
    if (log_jobs_end(&manager->jobs))
        lookup_next(manager);
}

/* ---- for the outside ---- */

int log_lookup_start(struct log_lookup *lookup, struct log *log, int64_t timestamp_ms)
{
    struct log_manager *manager = log->manager;
    lookup->offset = lookup->timestamp_ms = -1;
    lookup->asked_ms = timestamp_ms;
    lookup->err = 0;
    lookup->job = NULL;
    list_init(&lookup->link);
    if (manager->waits_ended)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    log_check_in_use(log);
    if (log_is_offline(log))
        return ERR_KAFKA_STORAGE_ERROR;
    int rc = lookup_step(lookup, log, log->start_offset);
    ASSERT((rc == 1) == (lookup->job != NULL));
    if (rc == 1) {
        list_push(&manager->lookups, &lookup->link);
        lookup_next(manager);
    }
    return rc;
}

int log_lookup_start_max(struct log_lookup *lookup, struct log *log)
{
    log_check_in_use(log);
    lookup->offset = lookup->timestamp_ms = -1;
    if (log_is_offline(log))
        return ERR_KAFKA_STORAGE_ERROR;
    struct segment *best = NULL;
    for (uint32_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        int rc = segment_load_times(segment);
        if (rc < 0)
            return log_read_failed(log, rc);
        if (segment->max_timestamp >= 0 && (!best || segment->max_timestamp > best->max_timestamp))
            best = segment;
    }
    return best ? log_lookup_start(lookup, log, best->max_timestamp) : 0;
}

static void lookup_end_all(struct log_manager *manager)
{
    bool runs = manager->lookup_runs;
    while (!list_empty(&manager->lookups)) {
        struct log_lookup *lookup = LIST_ENTRY(manager->lookups.next, struct log_lookup, link);
        struct log_lookup_job *job = lookup->job;
        ASSERT(job != NULL);
        ASSERT(job->lookup == lookup);
        job->lookup = NULL;
        lookup_end(lookup, ERR_NOT_LEADER_OR_FOLLOWER);
        if (!runs)
            lookup_job_free(job);
        runs = false; /* the first is the one that a worker has: it frees it */
    }
}

void log_manager_end_waits(struct log_manager *manager)
{
    manager->waits_ended = true;
    log_end_checks(manager);
    lookup_end_all(manager);
}
