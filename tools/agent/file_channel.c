/* The file channel: events on disk, in the order in which they came, until they are delivered.
 *
 * Happy path: a put is written and synced before its source is told; sinks take from memory as long
 * as they keep up, from disk when they don't (file_load.c). Takes are written as well, so that a
 * start knows what is left; a checkpoint now and then keeps a start short. Failure modes: kill -9
 * loses nothing that a source was told of, nor does a power cut; what sinks had taken and not
 * delivered comes again, and after a power cut what was taken last. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/agent/file_keys.h"
#include "tools/agent/file_store.h"
#include "tools/agent/types.h"

/* Data files are this long at most, whatever maxFileSize says: disk is given back sooner. */
enum { FILE_SEGMENT_MAX = 64 << 20 };

/* clang-format off */
static const struct key_row file_keys[] = {
    FILE_KEYS,
    KEY_INT("capacity", "1000000", 1, KEY_MAX_INT, "The most events in the channel."),
    KEY_INT("keep-alive", "3", 0, KEY_MAX_INT,
            "For how many seconds a put waits for room before it fails."),
    KEY_END,
};
/* clang-format on */

struct file_channel {
    struct channel channel;
    struct file_store *store;
};

static struct file_channel *file_of(const struct channel *channel)
{
    return CONTAINER_OF(channel, struct file_channel, channel);
}

void file_check_dirs(const struct part *part, struct buf *problems)
{
    if (part_flag(part, "useDualCheckpoints") && !part_given(part, "backupCheckpointDir"))
        part_complain(part, "backupCheckpointDir", problems,
                      "it is missing: useDualCheckpoints needs another directory");
    if (part_given(part, "backupCheckpointDir") &&
        strcmp(part_text(part, "backupCheckpointDir"), part_text(part, "checkpointDir")) == 0)
        part_complain(part, "backupCheckpointDir", problems, "it is that of the checkpoint itself");
}

static void file_check(const struct part *part, struct buf *problems)
{
    file_check_dirs(part, problems);
    if (part_number(part, "transactionCapacity") > part_number(part, "capacity"))
        part_complain(part, "transactionCapacity", problems,
                      "%s events at once have no room in a capacity of %s: lower it, or raise "
                      "capacity",
                      part_text(part, "transactionCapacity"), part_text(part, "capacity"));
}

/* Its i-th directory of checkpoints: the key, and the path as the file has it. NULL at the end. */
static const char *file_checkpoint_key(const struct part *part, size_t i, const char **path)
{
    static const char *const keys[] = {"checkpointDir", "backupCheckpointDir"};
    size_t count = part_flag(part, "useDualCheckpoints") ? ARRAY_LEN(keys) : 1;
    if (i >= count || !part_text(part, keys[i]))
        return NULL;
    *path = part_text(part, keys[i]);
    return keys[i];
}

/* One would overwrite the checkpoint of the other. */
void file_check_two(const struct part *part, const struct part *other, struct buf *problems)
{
    const char *key, *mine, *theirs;
    if (part->invalid || other->invalid)
        return;
    for (size_t i = 0; (key = file_checkpoint_key(part, i, &mine)); i++)
        for (size_t k = 0; file_checkpoint_key(other, k, &theirs); k++)
            if (strcmp(mine, theirs) == 0)
                part_complain(part, key, problems,
                              "channel %s has its checkpoint in %s as well: give each channel a "
                              "directory of its own",
                              other->name, theirs);
}

/* ---- checkpoints ---- */

struct file_checkpointing {
    struct env_work work;
    struct file_store *store;
    struct file_checkpoint checkpoint;
    struct file_takes *takes; /* the file of takes, if it is missing and can be made */
    bool wants_takes;
    char **paths; /* of the segments up to that one that may have bytes that are not on disk */
    size_t count;
    int err;
};

/* What the checkpoint lets a start skip has to be there: without fsyncPerTransaction only this
 * makes it so. One that is gone meanwhile had nothing that is left. */
static int file_checkpoint_sync(const struct file_checkpointing *job)
{
    int err = 0;
    ASSERT(job->count > 0);
    for (size_t i = 0; i < job->count && !err; i++) {
        struct env_file *file;
        err = env_file_open(job->store->env, job->paths[i], ENV_OPEN_WRITE, &file);
        if (!err) {
            err = env_file_sync(file);
            env_file_close(file);
        } else if (err == ERR_NOT_FOUND && i + 1 < job->count) {
            err = 0;
        }
    }
    return err;
}

static void file_checkpoint_run(struct env_work *work)
{
    struct file_checkpointing *job = CONTAINER_OF(work, struct file_checkpointing, work);
    const struct file_segments *segments = &job->store->segments;
    job->err = file_checkpoint_sync(job);
    if (!job->err)
        job->err = file_checkpoint_store(segments->env, segments->checkpoint_dir,
                                         segments->backup_dir, &job->checkpoint);
    if (!job->err && job->wants_takes &&
        file_takes_renew(segments->env, segments->checkpoint_dir, &job->takes))
        job->takes = NULL; /* with the next checkpoint, then */
}

static void file_checkpoint_free(struct file_checkpointing *job)
{
    file_takes_close(job->takes);
    file_ranges_close(&job->checkpoint.done);
    for (size_t i = 0; i < job->count; i++)
        mem_free(job->paths[i]);
    mem_free(job->paths);
    mem_free(job);
}

static void file_checkpoint_done(struct env_work *work)
{
    struct file_checkpointing *job = CONTAINER_OF(work, struct file_checkpointing, work);
    struct file_store *store = job->store;
    store->checkpointing = false;
    if (!job->err)
        store->synced_to = job->checkpoint.number; /* which grows on */
    if (job->err && job->err != ERR_NOT_FOUND)     /* the segment may have gone meanwhile */
        logger_error(&store->logger, "can't write a checkpoint: %s: the next start takes longer",
                     err_text(job->err));
    if (job->takes && !store->takes) {
        store->takes = job->takes;
        job->takes = NULL;
        logger_info(&store->logger, "takes are noted again");
    }
    file_checkpoint_free(job);
    file_store_job_ended(store);
}

/* NULL when there is nothing to tell. */
static struct file_checkpointing *file_checkpoint_new(struct file_store *store)
{
    if (store->segments.count == 0 || !store->changed)
        return NULL;
    const struct file_segment *last = &store->segments.rows[store->segments.count - 1];
    struct file_checkpointing *job = mem_alloc(sizeof(*job));
    job->store = store;
    job->wants_takes = !store->takes && store->channel;
    job->paths = mem_alloc(store->segments.count * sizeof(*job->paths));
    for (size_t i = 0; i < store->segments.count; i++)
        if (store->segments.rows[i].number >= store->synced_to)
            job->paths[job->count++] = mem_strdup(store->segments.rows[i].path);
    job->checkpoint.number = last->number;
    job->checkpoint.offset = last->end;
    job->checkpoint.next = store->settled;
    file_ranges_init(&job->checkpoint.done, store->done.head);
    for (size_t i = 0; i < store->done.count; i++)
        file_ranges_add(&job->checkpoint.done, store->done.rows[i].first, store->done.rows[i].end);
    store->changed = false;
    return job;
}

/* Between two writes, since it has what a write leaves: under load that is no time of its own. */
void file_store_checkpoint(struct file_store *store)
{
    ASSERT(store->channel);
    store->checkpoint_due = store->running != NULL;
    struct file_checkpointing *job =
        store->checkpointing || store->running ? NULL : file_checkpoint_new(store);
    if (!job)
        return;
    store->checkpointing = true;
    store->jobs++;
    env_work_submit(store->env, &job->work, file_checkpoint_run, file_checkpoint_done);
}

static void file_on_checkpoint(void *data)
{
    struct file_store *store = data;
    file_store_checkpoint(store);
    env_timer_start(&store->checkpoint, store->checkpoint_ms);
}

/* ---- the store's life ---- */

static void file_on_retry(void *data)
{
    struct file_store *store = data;
    if (store->state == FILE_READING) {
        file_recovery_start(store);
        return;
    }
    file_write_start(store);
    file_load_start(store);
}

static void file_store_free(struct file_store *store)
{
    while (!list_empty(&store->ready)) {
        struct file_piece *piece = LIST_ENTRY(store->ready.next, struct file_piece, link);
        list_remove(&piece->link);
        file_piece_free(piece);
    }
    if (store->file)
        env_file_close(store->file);
    file_takes_close(store->takes);
    file_ranges_close(&store->done);
    file_segments_close(&store->segments);
    mem_free(store);
}

/* No job is under way, and no channel asks any more. */
static void file_store_end(struct file_store *store)
{
    bool serves = store->state == FILE_SERVING;
    if (serves)
        file_write_last(store);
    struct file_checkpointing *job =
        serves && store->checkpoint_on_close ? file_checkpoint_new(store) : NULL;
    if (job) {
        file_checkpoint_run(&job->work);
        file_checkpoint_free(job);
    }
    env_timer_stop(&store->retry);
    file_store_free(store);
}

void file_store_job_ended(struct file_store *store)
{
    ASSERT(store->jobs > 0);
    if (--store->jobs == 0 && !store->channel)
        file_store_end(store);
}

void file_store_close(struct file_store *store)
{
    store->channel = NULL;
    file_segments_cancel(&store->segments);
    env_timer_stop(&store->retry);
    env_timer_stop(&store->checkpoint);
    if (store->jobs == 0)
        file_store_end(store);
}

/* "~/x" is in the home directory. */
static char *file_path(const char *path)
{
    const char *home = getenv("HOME");
    return strncmp(path, "~/", 2) == 0 ? mem_printf("%s/%s", home ? home : "", path + 2)
                                       : mem_strdup(path);
}

static void file_store_read(struct file_store *store, const struct part *part)
{
    int64_t size = part_number(part, "maxFileSize");
    int64_t sync_ms = part_number(part, "fsyncInterval") * 1000;
    store->capacity = (size_t)part_number(part, "capacity");
    store->segment_max = size < FILE_SEGMENT_MAX ? (uint64_t)size : FILE_SEGMENT_MAX;
    store->space_min = part_number(part, "minimumRequiredSpace");
    store->syncs = part_flag(part, "fsyncPerTransaction");
    store->checkpoint_ms = part_number(part, "checkpointInterval");
    if (!store->syncs && sync_ms < store->checkpoint_ms)
        store->checkpoint_ms = sync_ms;
    store->checkpoint_on_close = part_flag(part, "checkpointOnClose");
}

int file_store_open(struct channel *channel, struct file_store **out, struct buf *problem)
{
    const struct part *part = channel->part;
    struct file_store *store = mem_alloc(sizeof(*store));
    char *dirs = file_path(part_text(part, "dataDirs"));
    char *checkpoint = file_path(part_text(part, "checkpointDir"));
    bool dual = part_flag(part, "useDualCheckpoints");
    char *backup = dual ? file_path(part_text(part, "backupCheckpointDir")) : NULL;
    store->channel = channel;
    store->env = channel->env;
    store->logger = channel->logger;
    list_init(&store->ready);
    file_store_read(store, part);
    int err = file_segments_open(&store->segments, store->env, &store->logger, dirs, checkpoint,
                                 backup, problem);
    mem_free(backup);
    mem_free(checkpoint);
    mem_free(dirs);
    if (err) {
        mem_free(store);
        return err;
    }
    env_timer_init(store->env, &store->retry, file_on_retry, store);
    env_timer_init(store->env, &store->checkpoint, file_on_checkpoint, store);
    file_recovery_start(store);
    *out = store;
    return 0;
}

int file_store_put(struct file_store *store, struct put *put)
{
    /* A capacity that was lowered is smaller than what is there already. */
    if (store->state == FILE_READING || store->count > store->capacity ||
        put->count > store->capacity - store->count)
        return ERR_AGAIN;
    int status = file_write_put(store, put);
    if (status != TRANSACTION_PENDING)
        return status;
    store->count += put->count;
    file_write_start(store);
    return status;
}

void file_store_forget(struct file_store *store, const struct put *put)
{
    file_write_forget(store, put);
}

/* At once, since the log has it later. */
static void file_store_note(struct file_store *store, uint64_t first, size_t count)
{
    if (!store->takes || file_takes_add(store->takes, first, count))
        return;
    logger_error(&store->logger, "can't note takes: kill -9 may bring many events again");
    file_takes_close(store->takes);
    store->takes = NULL;
}

void file_store_commit(struct file_store *store, uint64_t first, size_t count)
{
    uint64_t added = file_ranges_add(&store->done, first, first + count);
    ASSERT(added == count);
    ASSERT(store->count >= count);
    store->count -= count;
    file_store_note(store, first, count);
    file_write_take(store, first, first + count);
    file_write_start(store);
}

/* ---- the channel ---- */

static int file_open(struct channel *channel, struct buf *problem)
{
    channel->transaction_capacity = (size_t)part_number(channel->part, "transactionCapacity");
    channel->keep_alive_ms = part_number(channel->part, "keep-alive") * 1000;
    return file_store_open(channel, &file_of(channel)->store, problem);
}

static void file_close(struct channel *channel)
{
    file_store_close(file_of(channel)->store);
}

static int file_put(struct channel *channel, struct put *put)
{
    return file_store_put(file_of(channel)->store, put);
}

static void file_forget(struct channel *channel, struct put *put)
{
    file_store_forget(file_of(channel)->store, put);
}

static void file_take(struct channel *channel, struct take *take, size_t max)
{
    file_store_take(file_of(channel)->store, take, max);
}

static void file_commit(struct channel *channel, const struct take *take)
{
    file_store_commit(file_of(channel)->store, take->mark, take->count);
}

static void file_rollback(struct channel *channel, struct take *take)
{
    file_store_rollback(file_of(channel)->store, take);
}

static size_t file_count(const struct channel *channel)
{
    return file_of(channel)->store->count;
}

static size_t file_capacity(const struct channel *channel)
{
    return file_of(channel)->store->capacity;
}

static bool file_opened(const struct channel *channel)
{
    return file_of(channel)->store->state == FILE_SERVING;
}

static bool file_durable(const struct channel *channel)
{
    (void)channel;
    return true;
}

const struct channel_type file_channel_type = {
    .part = {.kind = PART_CHANNEL,
             .name = "file",
             .class_name = "org.apache.flume.channel.file.FileChannel",
             .doc = "Events on disk: kill -9 and a power cut lose nothing.",
             .keys = file_keys,
             .check = file_check,
             .check_two = file_check_two},
    .size = sizeof(struct file_channel),
    .open = file_open,
    .close = file_close,
    .put = file_put,
    .forget = file_forget,
    .take = file_take,
    .commit = file_commit,
    .rollback = file_rollback,
    .count = file_count,
    .capacity = file_capacity,
    .durable = file_durable,
    .opened = file_opened,
};
