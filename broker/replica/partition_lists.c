/* Operations that look at many replicas: what lies in the log directories, and lines for people.
 *
 * Happy path: a worker asks the disks, since one that hangs keeps who asks it waiting; then one
 * walk over the replicas of this broker, or those that are asked for. Failure modes: no memory for
 * the answer; a disk that does not say how large it is. */
#include "broker/replica/partitions.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { LISTS_STEP = 16 }; /* replicas that count as one step of the queue */

/* ---- disks ---- */

struct dirs_disk {
    char *path; /* a copy: the broker may be gone before a disk answers */
    bool failed;
    int64_t size, free;
};

/* It lives until the worker has done with it, and until the operation has. */
struct dirs_disks {
    struct env_work work;
    struct list link;             /* in partitions->disks, while a worker has it */
    struct partition_dirs_op *op; /* NULL: cancelled */
    bool known;
    size_t count;
    struct dirs_disk disks[];
};

static void dirs_disks_free(struct dirs_disks *disks)
{
    for (size_t i = 0; i < disks->count; i++)
        mem_free(disks->disks[i].path);
    mem_free(disks);
}

static void dirs_disks_run(struct env_work *work)
{
    struct dirs_disks *disks = CONTAINER_OF(work, struct dirs_disks, work);
    for (size_t i = 0; i < disks->count; i++) {
        struct dirs_disk *disk = &disks->disks[i];
        int64_t size = disk->failed ? -1 : env_path_size(work->env, disk->path);
        int64_t left = disk->failed ? -1 : env_path_space(work->env, disk->path);
        disk->size = size < 0 ? -1 : size;
        disk->free = left < 0 ? -1 : left;
    }
}

static void dirs_disks_done(struct env_work *work)
{
    struct dirs_disks *disks = CONTAINER_OF(work, struct dirs_disks, work);
    ASSERT(!disks->known);
    list_remove(&disks->link);
    if (!disks->op) {
        dirs_disks_free(disks);
        return;
    }
    ASSERT(disks->op->disks == disks);
    disks->known = true;
    partitions_make_ready(&disks->op->op);
}

static void dirs_disks_ask(struct partition_dirs_op *dirs)
{
    struct partitions *partitions = dirs->op.partitions;
    const struct log_manager *logs = partitions->deps->logs;
    size_t count = (size_t)log_manager_dir_count(logs);
    struct dirs_disks *disks = mem_alloc(sizeof(*disks) + count * sizeof(disks->disks[0]));
    ASSERT(!dirs->disks);
    ASSERT(dirs->op.state == PARTITION_OP_QUEUED);
    disks->op = dirs;
    disks->count = count;
    for (size_t i = 0; i < count; i++) {
        struct log_dir_view view = log_manager_dir_view(logs, (int)i);
        disks->disks[i] = (struct dirs_disk){.path = mem_strdup(view.path), .failed = view.failed};
    }
    dirs->disks = disks;
    list_push(&partitions->disks, &disks->link);
    partition_op_move(&dirs->op, PARTITION_OP_WORKING);
    env_work_submit(partitions->deps->env, &disks->work, dirs_disks_run, dirs_disks_done);
}

void partition_dirs_leave(struct partition_dirs_op *dirs)
{
    struct dirs_disks *disks = dirs->disks;
    ASSERT(!disks || disks->op == dirs);
    dirs->disks = NULL;
    if (disks && disks->known)
        dirs_disks_free(disks);
    else if (disks)
        disks->op = NULL; /* the worker's end frees it */
}

void partition_dirs_close(struct partitions *partitions)
{
    struct list *step;
    while ((step = list_pop(&partitions->disks))) {
        struct partition_dirs_op *dirs = LIST_ENTRY(step, struct dirs_disks, link)->op;
        if (!dirs)
            continue;
        ASSERT(dirs->disks != NULL);
        partition_dirs_leave(dirs);
        partitions_finish(&dirs->op, ERR_NOT_LEADER_OR_FOLLOWER);
    }
}

/* ---- directories ---- */

struct dirs_item {
    const struct partition *partition;
    const char *dir;
    int64_t size, lag;
    bool future;
};

struct dirs_walk {
    struct partition_dirs_op *op;
    const struct log_manager *logs;
    struct dirs_item *items;
    size_t count;
    size_t strays;
};

static int dirs_compare(const void *left, const void *right)
{
    const struct dirs_item *a = left, *b = right;
    int order = strcmp(a->dir, b->dir);
    if (order == 0)
        order = strcmp(a->partition->topic, b->partition->topic);
    int32_t i = a->partition->index, j = b->partition->index;
    return order ? order : (i > j) - (i < j);
}

/* An offline partition has let go of its log, but the log manager still knows where it lies. */
static void dirs_add(struct dirs_walk *walk, const struct partition *partition)
{
    const struct log *log = partition->state == PARTITION_OFFLINE ? NULL : partition->log;
    if (!log)
        log = log_manager_find(partition->deps->logs, partition->topic, partition->index);
    if (!log)
        return;
    int64_t lag = partition->high_watermark - log_end_offset(log);
    walk->items[walk->count++] =
        (struct dirs_item){partition, log_dir_path(log), log_size(log), lag > 0 ? lag : 0, false};
    struct log_move_view move;
    if (log_move_view(log, &move))
        walk->items[walk->count++] =
            (struct dirs_item){partition, move.dir, move.size, move.lag, true};
}

static bool dirs_collect(struct dirs_walk *walk)
{
    struct partition_dirs_op *dirs = walk->op;
    struct replica_manager *manager = dirs->op.partitions->manager;
    size_t most = dirs->all ? replica_manager_count(manager) : dirs->wanted_count;
    walk->items = mem_try_alloc((2 * most + 1) * sizeof(*walk->items));
    if (!walk->items)
        return false;
    struct partition *partition;
    size_t cursor = 0;
    while (dirs->all && (partition = replica_manager_next(manager, &cursor)))
        dirs_add(walk, partition);
    for (size_t i = 0; i < dirs->wanted_count; i++) {
        const struct partition_ref *ref = &dirs->wanted[i];
        partition = replica_manager_get(manager, &ref->topic_id, ref->index);
        if (partition)
            dirs_add(walk, partition);
    }
    ASSERT(walk->count <= 2 * most);
    if (walk->count > 0)
        qsort(walk->items, walk->count, sizeof(*walk->items), dirs_compare);
    struct log_stray_view stray;
    while (dirs->all && log_manager_stray(walk->logs, walk->strays, &stray))
        walk->strays++;
    return true;
}

/* Each replica once in a directory, whatever was asked for. */
static bool dirs_is_repeated(const struct dirs_walk *walk, size_t i)
{
    return i > 0 && walk->items[i - 1].partition == walk->items[i].partition &&
           strcmp(walk->items[i - 1].dir, walk->items[i].dir) == 0;
}

static void dirs_put(struct partition_dirs_op *dirs, struct partition_dir *dir,
                     struct partition_dir_entry entry)
{
    dirs->entries[dir->first + dir->count++] = entry;
}

static void dirs_put_replica(struct partition_dirs_op *dirs, struct partition_dir *dir,
                             const struct dirs_item *item)
{
    dirs_put(dirs, dir,
             (struct partition_dir_entry){.topic = item->partition->topic,
                                          .index = item->partition->index,
                                          .size = item->size,
                                          .lag = item->lag,
                                          .future = item->future});
}

static void dirs_put_strays(struct dirs_walk *walk, struct partition_dir *dir)
{
    struct log_stray_view stray;
    for (size_t i = 0; i < walk->strays && log_manager_stray(walk->logs, i, &stray); i++)
        if (strcmp(stray.dir, dir->path) == 0)
            dirs_put(walk->op, dir,
                     (struct partition_dir_entry){.topic = stray.name,
                                                  .index = stray.partition,
                                                  .size = stray.size > 0 ? stray.size : 0,
                                                  .lag = -1});
}

static int dirs_fill(struct dirs_walk *walk)
{
    struct partition_dirs_op *dirs = walk->op;
    size_t count = (size_t)log_manager_dir_count(walk->logs), entries = 0;
    ASSERT(dirs->disks != NULL);
    ASSERT(dirs->disks->known);
    ASSERT(dirs->disks->count == count);
    dirs->dirs = mem_try_alloc((count + 1) * sizeof(*dirs->dirs));
    dirs->entries = mem_try_alloc((walk->count + walk->strays + 1) * sizeof(*dirs->entries));
    if (!dirs->dirs || !dirs->entries)
        return ERR_NO_MEMORY;
    dirs->dir_count = count;
    for (size_t d = 0; d < count; d++) {
        struct partition_dir *dir = &dirs->dirs[d];
        struct log_dir_view view = log_manager_dir_view(walk->logs, (int)d);
        *dir = (struct partition_dir){.path = view.path,
                                      .failed = view.failed,
                                      .cordoned = view.cordoned,
                                      .size = dirs->disks->disks[d].size,
                                      .free = dirs->disks->disks[d].free,
                                      .first = entries};
        for (size_t i = 0; i < walk->count; i++)
            if (!dirs_is_repeated(walk, i) && strcmp(walk->items[i].dir, dir->path) == 0)
                dirs_put_replica(dirs, dir, &walk->items[i]);
        dirs_put_strays(walk, dir);
        entries += dir->count;
        ASSERT(entries <= walk->count + walk->strays);
    }
    return 0;
}

size_t partition_run_dirs(struct partition_op *op, struct partition *partition)
{
    ASSERT(op->kind == PARTITION_OP_DIRS);
    struct partition_dirs_op *dirs = CONTAINER_OF(op, struct partition_dirs_op, op);
    struct dirs_walk walk = {.op = dirs, .logs = op->partitions->deps->logs};
    ASSERT(!partition);
    int err = ERR_NOT_LEADER_OR_FOLLOWER;
    if (!op->partitions->closed && !dirs->disks) {
        dirs_disks_ask(dirs);
        return 1;
    }
    if (!op->partitions->closed)
        err = dirs_collect(&walk) ? dirs_fill(&walk) : ERR_NO_MEMORY;
    struct partition_dir *filled = dirs->dirs;
    struct partition_dir_entry *entries = dirs->entries;
    partition_dirs_leave(dirs);
    partitions_finish(op, err);
    mem_free(filled);
    mem_free(entries);
    mem_free(walk.items);
    return 1 + walk.count / LISTS_STEP;
}

void partitions_dirs(struct partitions *partitions, struct partition_dirs_op *dirs)
{
    ASSERT(!dirs->all || dirs->wanted_count == 0);
    dirs->dirs = NULL;
    dirs->dir_count = 0;
    dirs->entries = NULL;
    dirs->disks = NULL;
    partitions_submit(partitions, &dirs->op, PARTITION_OP_DIRS);
}

int partitions_alter_dir(struct partitions *partitions, const char *topic, size_t topic_len,
                         int32_t index, const char *path, size_t path_len)
{
    struct log_manager *logs = partitions->deps->logs;
    int err, dir = log_manager_find_dir(logs, path, path_len);
    if (dir < 0)
        return ERR_LOG_DIR_NOT_FOUND;
    if (index < 0)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    const struct partition *partition =
        replica_manager_by_name(partitions->manager, topic, topic_len, index, &err);
    /* Only its directory of before can prove that it has all records (log_served_under). */
    if (partition && partition->emptied)
        return ERR_REPLICA_NOT_AVAILABLE;
    char *name = mem_strndup(topic, topic_len);
    err = log_manager_alter_dir(logs, name, index, dir);
    mem_free(name);
    return err;
}

/* ---- lines ---- */

size_t partition_run_lines(struct partition_op *op, struct partition *partition)
{
    ASSERT(op->kind == PARTITION_OP_LINES);
    struct partition_lines_op *lines = CONTAINER_OF(op, struct partition_lines_op, op);
    struct partitions *partitions = op->partitions;
    size_t looked_at = 0;
    ASSERT(!partition);
    while (!partitions->closed && looked_at < lines->max) {
        const struct partition *next = replica_manager_next(partitions->manager, &lines->cursor);
        lines->ended = !next;
        if (!next)
            break;
        looked_at++;
        lines->counts[next->state]++;
        if (lines->lines == lines->lines_max || partition_is_ailing(next) != lines->ailing)
            continue;
        partition_describe(next, &lines->text);
        buf_printf(&lines->text, "\n");
        lines->lines++;
    }
    ASSERT(lines->lines <= lines->lines_max);
    ASSERT(looked_at <= lines->max);
    partitions_finish(op, partitions->closed ? ERR_NOT_LEADER_OR_FOLLOWER : 0);
    return 1 + looked_at / LISTS_STEP;
}

void partitions_lines(struct partitions *partitions, struct partition_lines_op *lines)
{
    buf_init(&lines->text);
    lines->lines = 0;
    memset(lines->counts, 0, sizeof(lines->counts));
    lines->ended = false;
    partitions_submit(partitions, &lines->op, PARTITION_OP_LINES);
}
