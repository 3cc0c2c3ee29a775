/* The pipeline of decisions.
 *
 * Happy path: at the end of a loop turn the jobs that wait are decided; their records become one
 * entry, which is proposed at once, while earlier ones are still on their way. One entry is one
 * step: no reader, and no next controller, ever sees a part of a command. Batches finish in order,
 * those without records too: what they answer may rest on records of the batch before.
 *
 * Failure modes: leadership is lost. Then the decided image is thrown away, what was proposed has
 * an unknown outcome, and what still waits certainly did nothing. Memory is short and an entry
 * can't be proposed: nothing more is decided until all batches have ended, then the image is made
 * anew. */
#include "controller/pipeline.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    BATCHES_MAX = 8,           /* under way; more would only make larger queues in Raft */
    BATCH_JOBS_MAX = 1000,     /* of one entry */
    BATCH_RECORDS_MAX = 20000, /* no further job then; one job may have more */
    /* What still is one entry, and one frame of 256 MiB. No command comes near: a frame of 8 MiB
     * brings it, and topics.c counts partitions. Only the elections when a broker of a million
     * partitions is gone can be more; they may be cut, since the next controller goes on with
     * them. */
    ENTRY_RECORDS_MAX = 1000000,
    ENTRIES_MAX = 8,  /* of one batch */
    ROOM_WAIT_MS = 10 /* nothing tells of the end of a handing over that came to nothing */
};

struct batch {
    struct list link;
    struct pipeline *pipeline;
    struct decision decision;
    struct list jobs;
    int64_t index; /* of its last entry */
    int outstanding;
    int err;
};

struct pipeline {
    struct env *env;
    struct logger *logger;
    struct consensus **consensus;
    const struct image *committed;
    const struct decision_rules *rules;
    struct image *decided; /* NULL while stopped */
    bool wrong;            /* decided has what was never proposed */
    struct list queue;
    struct list batches;
    int batch_count;
    struct env_timer pump;
};

static void pump(void *data);

/* What holds when a turn of it is over. */
static void pipeline_check(const struct pipeline *pipeline)
{
    ASSERT(pipeline->batch_count >= 0);
    ASSERT(pipeline->batch_count <= BATCHES_MAX);
    ASSERT(list_empty(&pipeline->batches) == (pipeline->batch_count == 0));
    ASSERT(pipeline->decided || list_empty(&pipeline->batches));
    ASSERT(pipeline->decided || list_empty(&pipeline->queue));
    ASSERT(pipeline->decided || !pipeline->wrong);
    ASSERT(pipeline->decided || !env_timer_running(&pipeline->pump));
}

static uint64_t draw(void *data)
{
    return env_random(data);
}

struct pipeline *pipeline_new(struct env *env, struct logger *logger, struct consensus **consensus,
                              const struct image *image, const struct decision_rules *rules)
{
    struct pipeline *pipeline = mem_alloc(sizeof(*pipeline));
    pipeline->env = env;
    pipeline->logger = logger;
    pipeline->consensus = consensus;
    pipeline->committed = image;
    pipeline->rules = rules;
    list_init(&pipeline->queue);
    list_init(&pipeline->batches);
    env_timer_init(env, &pipeline->pump, pump, pipeline);
    return pipeline;
}

static void batch_free(struct batch *batch)
{
    decision_close(&batch->decision);
    mem_free(batch);
}

static void batch_finish(struct batch *batch)
{
    struct list *step;
    ASSERT(batch->outstanding == 0);
    ASSERT(batch->index >= 0);
    ASSERT(batch->err <= 0);
    ASSERT(batch->pipeline->batch_count > 0);
    list_remove(&batch->link);
    batch->pipeline->batch_count--;
    while ((step = list_pop(&batch->jobs))) {
        struct job *job = LIST_ENTRY(step, struct job, link);
        job->class->finish(job, batch->err, batch->index, &job->reply);
    }
    batch_free(batch);
}

static int copy_record(void *data, const Meta__Record *record)
{
    return image_apply(data, record);
}

static void copy_committed(struct pipeline *pipeline)
{
    pipeline->wrong = false;
    pipeline->decided = image_new();
    int err = image_each_record(pipeline->committed, copy_record, pipeline->decided);
    ASSERT(err == 0);
    image_check(pipeline->decided);
}

/* Whether another batch can be proposed. */
static bool has_room(const struct pipeline *pipeline)
{
    ASSERT(pipeline->batch_count >= 0 && pipeline->batch_count <= BATCHES_MAX);
    return !pipeline->wrong && pipeline->batch_count < BATCHES_MAX &&
           consensus_room(*pipeline->consensus) > ENTRIES_MAX;
}

/* Batches whose turn it is. */
static void finish_ready(struct pipeline *pipeline)
{
    while (!list_empty(&pipeline->batches)) {
        struct batch *first = LIST_ENTRY(pipeline->batches.next, struct batch, link);
        ASSERT(first->pipeline == pipeline);
        if (first->outstanding)
            break;
        batch_finish(first);
    }
    if (pipeline->wrong && list_empty(&pipeline->batches)) { /* what was proposed is committed */
        image_free(pipeline->decided);
        copy_committed(pipeline);
    }
    if (pipeline->decided && !list_empty(&pipeline->queue))
        env_timer_start(&pipeline->pump, has_room(pipeline) ? 0 : ROOM_WAIT_MS);
    pipeline_check(pipeline);
}

static void on_proposed(void *data, int err)
{
    struct batch *batch = data;
    ASSERT(batch->outstanding > 0);
    batch->outstanding--;
    if (err)
        batch->err = err;
    finish_ready(batch->pipeline);
}

/* ---- one batch ---- */

static bool same_origin(const struct job *a, const struct job *b)
{
    return a->via_broker == b->via_broker && strcmp(a->principal, b->principal) == 0 &&
           strcmp(a->client_id, b->client_id) == 0;
}

static void decide_jobs(struct pipeline *pipeline, struct batch *batch)
{
    ASSERT(pipeline->decided != NULL);
    const struct job *first = NULL;
    for (int count = 0; count < BATCH_JOBS_MAX && !list_empty(&pipeline->queue) &&
                        batch->decision.record_count < BATCH_RECORDS_MAX;
         count++) {
        struct job *job = LIST_ENTRY(pipeline->queue.next, struct job, link);
        if (first && (!same_origin(first, job) || job->class->first))
            break;
        if (!first)
            first = job;
        list_remove(&job->link);
        list_push(&batch->jobs, &job->link);
        meta__frame__init(&job->reply);
        job->class->decide(job, &batch->decision, &job->reply);
    }
}

static int propose_entry(struct batch *batch, const struct job *origin, size_t from, size_t count)
{
    ASSERT(count > 0);
    ASSERT(from + count <= batch->decision.record_count);
    struct pipeline *pipeline = batch->pipeline;
    Meta__Entry entry = META__ENTRY__INIT;
    entry.made_at_ms = env_wall_ms(pipeline->env);
    entry.principal = (char *)(uintptr_t)origin->principal;
    entry.client_id = (char *)(uintptr_t)origin->client_id;
    entry.via_broker = origin->via_broker;
    entry.n_records = count;
    entry.records = batch->decision.records + from;
    size_t size = meta__entry__get_packed_size(&entry);
    uint8_t *bytes = mem_alloc(size);
    meta__entry__pack(&entry, bytes);
    int64_t index = consensus_next_index(*pipeline->consensus);
    int err = consensus_propose(*pipeline->consensus, bytes, size, on_proposed, batch);
    mem_free(bytes);
    if (!err) {
        ASSERT(index > batch->index);
        batch->outstanding++;
        batch->index = index;
    }
    return err;
}

static void propose(struct batch *batch)
{
    size_t count = batch->decision.record_count;
    size_t width = ENTRY_RECORDS_MAX;
    ASSERT(count / width < ENTRIES_MAX);
    ASSERT(!list_empty(&batch->jobs));
    ASSERT(batch->outstanding == 0);
    const struct job *origin = LIST_ENTRY(batch->jobs.next, struct job, link);
    for (size_t from = 0; from < count && !batch->err; from += width) {
        int err = propose_entry(batch, origin, from, count - from < width ? count - from : width);
        if (err) {
            batch->err = batch->outstanding ? ERR_TIMED_OUT : ERR_NOT_CONTROLLER;
            batch->pipeline->wrong = true;
        }
    }
}

static void pump(void *data)
{
    struct pipeline *pipeline = data;
    while (pipeline->decided && !list_empty(&pipeline->queue) && has_room(pipeline)) {
        struct batch *batch = mem_alloc(sizeof(*batch));
        batch->pipeline = pipeline;
        list_init(&batch->jobs);
        decision_init(&batch->decision, pipeline->decided, pipeline->rules,
                      consensus_next_index(*pipeline->consensus), draw, pipeline->env);
        batch->index = batch->decision.index - 1;
        list_push(&pipeline->batches, &batch->link);
        pipeline->batch_count++;
        ASSERT(pipeline->batch_count <= BATCHES_MAX);
        decide_jobs(pipeline, batch);
        propose(batch);
    }
    finish_ready(pipeline);
}

/* ---- life ---- */

void pipeline_start(struct pipeline *pipeline)
{
    ASSERT(!pipeline->decided);
    ASSERT(*pipeline->consensus != NULL);
    pipeline_check(pipeline);
    copy_committed(pipeline);
    pipeline_check(pipeline);
}

void pipeline_stop(struct pipeline *pipeline)
{
    if (!pipeline->decided)
        return;
    pipeline_check(pipeline);
    image_free(pipeline->decided);
    pipeline->decided = NULL;
    pipeline->wrong = false;
    env_timer_stop(&pipeline->pump);
    /* Raft has ended all proposals; what is left had no records, but may rest on what is lost. */
    while (!list_empty(&pipeline->batches)) {
        struct batch *batch = LIST_ENTRY(pipeline->batches.next, struct batch, link);
        ASSERT(batch->outstanding == 0);
        if (!batch->err)
            batch->err = ERR_TIMED_OUT;
        batch_finish(batch);
    }
    struct list *step;
    while ((step = list_pop(&pipeline->queue))) {
        struct job *job = LIST_ENTRY(step, struct job, link);
        job->class->finish(job, ERR_NOT_CONTROLLER, 0, NULL);
    }
    pipeline_check(pipeline);
}

void pipeline_free(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    pipeline_stop(pipeline);
    mem_free(pipeline);
}

void pipeline_submit(struct pipeline *pipeline, struct job *job)
{
    ASSERT(pipeline->decided);
    ASSERT(job->class->decide != NULL);
    ASSERT(job->class->finish != NULL);
    list_push(&pipeline->queue, &job->link);
    if (!env_timer_running(&pipeline->pump))
        env_timer_start_soon(&pipeline->pump);
}

const struct image *pipeline_image(const struct pipeline *pipeline)
{
    return pipeline->decided;
}
