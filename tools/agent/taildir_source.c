/* The taildir source: lines of files that grow, are rotated, renamed and removed, each line once.
 *
 * Happy path: a look into the directories (on the worker pool) finds files by their inodes; one
 * with more bytes than its position is opened and read in chunks; whole lines go to the channels
 * batch by batch, and the position moves when the channels have a batch. Files that grow are looked
 * at every TAILDIR_POLL_MS, the others with the next look into the directories. The position file
 * is written now and then, and at the end.
 *
 * Failure modes: a file that is shorter than its position was cut, and is read from its beginning;
 * one that is no longer among the directories' files is read to its end and kept open for
 * idleTimeout, since its writer may still write; a crash reads again what the position file does
 * not know yet. A last line without an end waits for its end, and is an event of its own when the
 * file has been idle for idleTimeout. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "env/path_look.h"
#include "tools/agent/source.h"
#include "tools/agent/taildir_positions.h"
#include "tools/agent/taildir_scan.h"
#include "tools/agent/types.h"

enum {
    TAILDIR_CHUNK = 256 * 1024,  /* read at once */
    TAILDIR_LINE_MAX = 16 << 20, /* a longer line is cut: no file may fill the memory */
    TAILDIR_POLL_MS = 10,
    TAILDIR_HOT_MS = 5000,         /* for so long after its last bytes a file counts as growing */
    TAILDIR_BATCHES_PER_TURN = 32, /* so that the others on the loop get their turns */
    TAILDIR_SETTLE_MS = 200        /* a position that has not moved for so long is written */
};

struct taildir_source;

struct taildir_file {
    struct list link;      /* all */
    struct list busy_link; /* those that may have something to read */
    struct taildir_source *taildir;
    uint64_t inode;
    uint64_t pos;          /* the channels have what is before it */
    uint64_t sent;         /* the same, when the batch under way has ended */
    struct env_file *file; /* NULL = not open */
    char *path;
    struct headers *headers;
    uint64_t seen;   /* its size at the last read */
    int64_t grew_ms; /* when it had last grown */
    size_t batches;  /* of it in a row */
    bool listed;     /* by the last look */
    bool waits;      /* what is behind pos has no end of line yet */
};

/* What has been read of a file and not been sent. */
struct taildir_chunk {
    struct taildir_file *file; /* NULL = nothing */
    struct block *block;
    size_t start, end;
    bool cut; /* it holds no end of line and is as long as a line may be */
};

/* A read that has to wait for the disk; it outlives the source. */
struct taildir_read {
    struct env_work work;
    struct taildir_source *taildir; /* NULL = stopped */
    struct env_file *file;          /* its own then */
    struct block *block;
    uint64_t offset;
    size_t len;
    ssize_t got;
};

struct taildir_source {
    struct source source;
    struct taildir_groups *groups;
    struct taildir_positions known; /* of the position file, until the first look */
    char *position_path;
    struct taildir_store *store; /* positions on their way to the disk */
    struct map files;            /* by inode */
    struct list all, busy;
    struct taildir_chunk chunk;
    struct taildir_read *read;
    struct taildir_scan *scan;
    struct batch batch;
    struct env_timer look, poll, turn, write;
    size_t chunk_size; /* for the next read; larger after a long line */
    int64_t look_ms, idle_ms, write_ms;
    int64_t moved_ms; /* when a position moved last */
    size_t batches_max;
    const char *file_key, *offset_key; /* NULL = no such header */
    bool under_way, looked, moved, skips;
};

/* clang-format off */
static const struct key_row taildir_keys[] = {
    KEY_NAMES("filegroups", KEY_REQUIRED, "The names of the groups of files."),
    KEY("filegroups.*", KEY_REQUIRED,
        "The absolute path of a group's files; its last part is a regular expression."),
    KEY("positionFile", "~/.flume/taildir_position.json",
        "Where the positions in the files are kept."),
    KEY("headers.*.*", NULL, "A header for the events of that group."),
    KEY_BOOL("byteOffsetHeader", "false",
             "Whether the place of a line in its file is in the header byteoffset."),
    KEY_BOOL("skipToEnd", "false",
             "Whether files that the position file does not know at the start are read from their "
             "end."),
    KEY_INT("idleTimeout", "120000", 0, KEY_MAX_LONG,
            "After how many milliseconds without a new byte a file is closed; it is opened again "
            "when it grows."),
    KEY_INT("writePosInterval", "250", 1, KEY_MAX_LONG,
            "How often positions that moved are written, in milliseconds, also when they have come "
            "to rest: what was read since comes again after a kill -9. Flume's default is 3000."),
    KEY_INT("batchSize", "100", 1, KEY_MAX_INT, "The most lines that are put at once."),
    KEY_INT("maxBatchCount", "9223372036854775807", 1, KEY_MAX_LONG,
            "How many batches of one file in a row, while others have lines."),
    KEY_INT("backoffSleepIncrement", "1000", 1, KEY_MAX_LONG,
            "How often the directories are looked at, in milliseconds, at most maxBackoffSleep; "
            "files that grow are looked at all the time."),
    KEY_INT("maxBackoffSleep", "5000", 1, KEY_MAX_LONG, "See backoffSleepIncrement."),
    KEY_BOOL("cachePatternMatching", "true",
             "Without effect: directories are listed each time, away from the lines' way."),
    KEY_BOOL("fileHeader", "false", "Whether the path of the file is in a header."),
    KEY("fileHeaderKey", "file", "The name of that header."),
    KEY_END,
};
/* clang-format on */

static void taildir_pump(struct taildir_source *taildir);
static void taildir_on_write(void *data);

static struct taildir_source *taildir_of(struct source *source)
{
    return CONTAINER_OF(source, struct taildir_source, source);
}

static void taildir_check(const struct part *part, struct buf *problems)
{
    struct taildir_groups *groups = taildir_groups_new(part, problems);
    if (groups)
        taildir_groups_unref(groups);
}

/* ---- files ---- */

static void taildir_file_close(struct taildir_file *file)
{
    if (file->file)
        env_file_close(file->file);
    file->file = NULL;
}

static void taildir_file_free(struct taildir_file *file)
{
    struct taildir_source *taildir = file->taildir;
    ASSERT(taildir->chunk.file != file);
    map_del_u64(&taildir->files, file->inode);
    list_remove(&file->link);
    list_remove(&file->busy_link);
    taildir_file_close(file);
    headers_unref(file->headers);
    mem_free(file->path);
    mem_free(file);
}

static void taildir_file_is_busy(struct taildir_file *file)
{
    if (list_empty(&file->busy_link))
        list_push(&file->taildir->busy, &file->busy_link);
}

static struct headers *taildir_file_headers(const struct taildir_source *taildir, size_t group,
                                            const char *path)
{
    struct headers *of_group = taildir->groups->rows[group].headers;
    return taildir->file_key ? headers_set(of_group, taildir->file_key, path, strlen(path))
                             : headers_ref(of_group);
}

static struct taildir_file *taildir_file_new(struct taildir_source *taildir,
                                             const struct taildir_found *found)
{
    struct taildir_file *file = mem_alloc(sizeof(*file));
    const struct taildir_position *known = taildir_positions_find(&taildir->known, found->inode);
    file->taildir = taildir;
    file->inode = found->inode;
    if (known && known->pos <= (uint64_t)found->size)
        file->pos = known->pos;
    else if (!known && taildir->skips && !taildir->looked)
        file->pos = (uint64_t)found->size;
    list_init(&file->busy_link);
    list_push(&taildir->all, &file->link);
    map_put_u64(&taildir->files, found->inode, file);
    logger_info(&taildir->source.logger, "following %s from byte %llu", found->path,
                (unsigned long long)file->pos);
    return file;
}

/* A file that was found: it may be new, renamed, cut, or longer. */
static void taildir_file_found(struct taildir_source *taildir, const struct taildir_found *found)
{
    struct taildir_file *file = map_get_u64(&taildir->files, found->inode);
    bool known = file != NULL;
    if (!file)
        file = taildir_file_new(taildir, found);
    file->listed = true;
    if (!file->path || strcmp(file->path, found->path) != 0) {
        if (known)
            logger_info(&taildir->source.logger, "%s is called %s now", file->path, found->path);
        mem_free(file->path);
        file->path = mem_strdup(found->path);
        headers_unref(file->headers);
        file->headers = taildir_file_headers(taildir, found->group, found->path);
    }
    uint64_t size = (uint64_t)found->size;
    bool waits = file->waits && size == file->seen;
    if (size < file->pos || (size > file->pos && !waits))
        taildir_file_is_busy(file);
}

/* ---- reading ---- */

static void taildir_chunk_drop(struct taildir_source *taildir)
{
    if (taildir->chunk.block)
        block_unref(taildir->chunk.block);
    taildir->chunk = (struct taildir_chunk){0};
}

static void taildir_chunk_begin(struct taildir_source *taildir, struct taildir_file *file,
                                struct block *block, size_t len)
{
    ASSERT(!taildir->chunk.file);
    ASSERT(len > 0);
    taildir->chunk = (struct taildir_chunk){.file = file, .block = block, .end = len};
    file->sent = file->pos;
    bool whole = memchr(block->data, '\n', len) != NULL;
    if (whole) {
        taildir->chunk_size = TAILDIR_CHUNK;
    } else if (len >= TAILDIR_LINE_MAX) {
        logger_warn(&taildir->source.logger, "%s: a line is longer than %d bytes: it is cut",
                    file->path, TAILDIR_LINE_MAX);
        taildir->chunk.cut = true;
    } else if (len == taildir->chunk_size) {
        taildir->chunk_size *= 2; /* once more, for the whole line */
        taildir_file_is_busy(file);
        taildir_chunk_drop(taildir);
    } else {
        file->waits = true;
        taildir_chunk_drop(taildir);
    }
}

static void taildir_failed(struct taildir_file *file, const char *what, int err)
{
    logger_error(&file->taildir->source.logger, "can't %s %s: %s", what, file->path, err_text(err));
    taildir_file_close(file);
}

static void taildir_read_run(struct env_work *work)
{
    struct taildir_read *read = CONTAINER_OF(work, struct taildir_read, work);
    read->got = env_file_read(read->file, read->block->data, read->len, read->offset);
}

static void taildir_read_done(struct env_work *work)
{
    struct taildir_read *read = CONTAINER_OF(work, struct taildir_read, work);
    struct taildir_source *taildir = read->taildir;
    struct taildir_file *file = NULL;
    if (!taildir) {
        block_unref(read->block);
        env_file_close(read->file);
        mem_free(read);
        return;
    }
    LIST_EACH(step, &taildir->all)
        if (LIST_ENTRY(step, struct taildir_file, link)->file == read->file)
            file = LIST_ENTRY(step, struct taildir_file, link);
    ASSERT(file); /* none is closed while it is being read */
    taildir->read = NULL;
    if (read->got > 0) {
        taildir_chunk_begin(taildir, file, read->block, (size_t)read->got);
    } else {
        block_unref(read->block);
        if (read->got < 0)
            taildir_failed(file, "read", (int)read->got);
    }
    mem_free(read);
    taildir_pump(taildir);
}

static void taildir_read_later(struct taildir_source *taildir, struct taildir_file *file,
                               struct block *block, size_t len)
{
    struct taildir_read *read = mem_alloc(sizeof(*read));
    read->taildir = taildir;
    read->file = file->file;
    read->block = block;
    read->offset = file->pos;
    read->len = len;
    taildir->read = read;
    env_work_submit(taildir->source.env, &read->work, taildir_read_run, taildir_read_done);
}

/* Its path may name another file by now: the inode tells. The next look finds its new name. */
static int taildir_file_open(struct taildir_file *file)
{
    struct env *env = file->taildir->source.env;
    struct env_path_info info;
    int err = env_file_open(env, file->path, ENV_OPEN_READ, &file->file);
    if (!err)
        err = env_path_look(env, file->path, &info);
    if (!err && info.inode != file->inode)
        err = ERR_NOT_FOUND;
    if (err)
        taildir_file_close(file);
    return err;
}

/* How many bytes are behind the position; a file that was cut begins anew. */
static int64_t taildir_file_left(struct taildir_file *file)
{
    int err = file->file ? 0 : taildir_file_open(file);
    if (err == ERR_NOT_FOUND)
        return 0;
    int64_t size = err ? err : env_file_size(file->file);
    if (size < 0) {
        taildir_failed(file, err ? "open" : "look at", (int)size);
        return 0;
    }
    if ((uint64_t)size < file->pos) {
        logger_warn(&file->taildir->source.logger, "%s was cut: reading it from its beginning",
                    file->path);
        file->pos = 0;
        file->taildir->moved = true;
    }
    return size - (int64_t)file->pos;
}

/* Reads the next chunk of a file. */
static void taildir_file_read(struct taildir_source *taildir, struct taildir_file *file)
{
    int64_t left = taildir_file_left(file);
    uint64_t size = file->pos + (uint64_t)left;
    if (left <= 0 || (file->waits && size == file->seen))
        return;
    size_t len = (size_t)left < taildir->chunk_size ? (size_t)left : taildir->chunk_size;
    struct block *block = block_new(len);
    if (!block)
        return; /* the next poll tries again */
    if (size != file->seen)
        file->grew_ms = env_now_ms(taildir->source.env);
    file->seen = size;
    ssize_t got = env_file_read_now(file->file, block->data, len, file->pos);
    if (got == ERR_AGAIN) {
        taildir_read_later(taildir, file, block, len);
        return;
    }
    if (got > 0) {
        file->waits = false;
        taildir_chunk_begin(taildir, file, block, (size_t)got);
        return;
    }
    block_unref(block);
    if (got < 0)
        taildir_failed(file, "read", (int)got);
}

/* ---- batches ---- */

static void taildir_add(struct taildir_source *taildir, size_t len, size_t next)
{
    struct taildir_chunk *chunk = &taildir->chunk;
    struct taildir_file *file = chunk->file;
    struct event event = {.block = block_ref(chunk->block),
                          .headers = headers_ref(file->headers),
                          .body = chunk->block->data + chunk->start,
                          .len = (uint32_t)len};
    if (taildir->offset_key) {
        char text[32];
        int digits = snprintf(text, sizeof(text), "%llu", (unsigned long long)file->sent);
        event_take_headers(&event,
                           headers_set(event.headers, taildir->offset_key, text, (size_t)digits));
    }
    batch_add(&taildir->batch, &event);
    file->sent += next - chunk->start;
    chunk->start = next;
}

/* Fills the batch from the chunk. */
static void taildir_fill(struct taildir_source *taildir)
{
    struct taildir_chunk *chunk = &taildir->chunk;
    while (!batch_is_full(&taildir->batch)) {
        const uint8_t *from = chunk->block->data + chunk->start;
        const uint8_t *newline = memchr(from, '\n', chunk->end - chunk->start);
        if (!newline)
            break;
        size_t len = (size_t)(newline - from), next = chunk->start + len + 1;
        if (len > 0 && from[len - 1] == '\r')
            len--;
        taildir_add(taildir, len, next);
    }
    if (chunk->cut && chunk->start < chunk->end)
        taildir_add(taildir, chunk->end - chunk->start, chunk->end);
}

/* The channels have what was sent of the chunk. */
static void taildir_batch_ended(struct taildir_source *taildir)
{
    struct taildir_file *file = taildir->chunk.file;
    taildir->under_way = false;
    file->pos = file->sent;
    file->batches++;
    taildir->moved = true;
    taildir->moved_ms = env_now_ms(taildir->source.env);
    if (!env_timer_running(&taildir->write))
        env_timer_start(&taildir->write, taildir->write_ms);
}

static void taildir_batch_done(struct batch *batch, int status)
{
    struct taildir_source *taildir = CONTAINER_OF(batch, struct taildir_source, batch);
    ASSERT(status == 0); /* the batch is patient */
    taildir_batch_ended(taildir);
    taildir_pump(taildir);
}

/* Sends what the chunk has. False: a batch is under way. */
static bool taildir_send(struct taildir_source *taildir)
{
    taildir_fill(taildir);
    if (taildir->batch.count == 0) {
        struct taildir_file *file = taildir->chunk.file;
        taildir_chunk_drop(taildir);
        taildir_file_is_busy(file); /* there may be more behind the chunk */
        return true;
    }
    if (batch_send(&taildir->batch) == TRANSACTION_PENDING) {
        taildir->under_way = true;
        return false;
    }
    taildir_batch_ended(taildir);
    return true;
}

/* Another file's turn, when this one has had its share and others wait. */
static void taildir_share(struct taildir_source *taildir)
{
    struct taildir_file *file = taildir->chunk.file;
    if (!file || file->batches < taildir->batches_max || list_empty(&taildir->busy))
        return;
    file->batches = 0;
    taildir_chunk_drop(taildir);
    taildir_file_is_busy(file);
}

static void taildir_pump(struct taildir_source *taildir)
{
    for (int i = 0; i < TAILDIR_BATCHES_PER_TURN; i++) {
        if (taildir->under_way || taildir->read)
            return;
        taildir_share(taildir);
        if (taildir->chunk.file) {
            if (!taildir_send(taildir))
                return;
            continue;
        }
        struct list *link = list_pop(&taildir->busy);
        if (!link)
            return;
        struct taildir_file *file = LIST_ENTRY(link, struct taildir_file, busy_link);
        taildir_file_read(taildir, file);
    }
    env_timer_start_us(&taildir->turn, 0);
}

static void taildir_on_turn(void *data)
{
    taildir_pump(data);
}

/* ---- looking ---- */

/* The files that have grown lately may have grown again. */
static void taildir_on_poll(void *data)
{
    struct taildir_source *taildir = data;
    int64_t now_ms = env_now_ms(taildir->source.env);
    LIST_EACH(step, &taildir->all) {
        struct taildir_file *file = LIST_ENTRY(step, struct taildir_file, link);
        if (file->file && now_ms - file->grew_ms < TAILDIR_HOT_MS && file != taildir->chunk.file) {
            file->batches = 0;
            taildir_file_is_busy(file);
        }
    }
    taildir_pump(taildir);
    if (taildir->moved && now_ms - taildir->moved_ms >= TAILDIR_SETTLE_MS)
        taildir_on_write(taildir);
    env_timer_start(&taildir->poll, TAILDIR_POLL_MS);
}

/* Nothing came for idleTimeout: a last line is taken as it is, and the file is closed. */
static void taildir_rest(struct taildir_source *taildir, struct taildir_file *file)
{
    int64_t left = taildir_file_left(file);
    if (left > 0 && file->waits && left < TAILDIR_LINE_MAX) {
        struct block *block = block_new((size_t)left);
        ssize_t got =
            block ? env_file_read_now(file->file, block->data, (size_t)left, file->pos) : ERR_AGAIN;
        if (got > 0) {
            taildir->chunk = (struct taildir_chunk){
                .file = file, .block = block, .end = (size_t)got, .cut = true};
            file->sent = file->pos;
            file->waits = false;
            taildir_pump(taildir);
            return;
        }
        if (block)
            block_unref(block);
    }
    taildir_file_close(file);
    if (!file->listed)
        taildir_file_free(file);
}

static void taildir_look_for_idle(struct taildir_source *taildir)
{
    int64_t now_ms = env_now_ms(taildir->source.env);
    LIST_EACH(step, &taildir->all) {
        struct taildir_file *file = LIST_ENTRY(step, struct taildir_file, link);
        if (taildir->chunk.file || taildir->read || !list_empty(&file->busy_link))
            continue;
        if (!file->file && !file->listed)
            taildir_file_free(file);
        else if (file->file && now_ms - file->grew_ms >= taildir->idle_ms)
            taildir_rest(taildir, file);
    }
}

static void taildir_scanned(void *data, struct taildir_scan *scan)
{
    struct taildir_source *taildir = data;
    taildir->scan = NULL;
    if (scan->err)
        logger_warn(&taildir->source.logger, "a directory can't be read: %s", err_text(scan->err));
    LIST_EACH(step, &taildir->all)
        LIST_ENTRY(step, struct taildir_file, link)->listed = false;
    for (size_t i = 0; i < scan->count; i++)
        taildir_file_found(taildir, &scan->found[i]);
    if (!taildir->looked)
        taildir_positions_close(&taildir->known);
    taildir->looked = true;
    taildir_look_for_idle(taildir);
    taildir_pump(taildir);
    env_timer_start(&taildir->look, taildir->look_ms);
}

static void taildir_on_look(void *data)
{
    struct taildir_source *taildir = data;
    ASSERT(!taildir->scan);
    taildir->scan =
        taildir_scan_start(taildir->source.env, taildir->groups, taildir_scanned, taildir);
}

/* ---- positions ---- */

static void taildir_stored(void *data, int err)
{
    struct taildir_source *taildir = data;
    taildir->store = NULL;
    if (!err)
        return;
    logger_error(&taildir->source.logger, "can't write %s: %s: after a crash lines are sent again",
                 taildir->position_path, err_text(err));
    taildir->moved = true;
    if (!env_timer_running(&taildir->write))
        env_timer_start(&taildir->write, taildir->write_ms);
}

static void taildir_gather_positions(struct taildir_source *taildir,
                                     struct taildir_positions *positions)
{
    LIST_EACH(step, &taildir->all) {
        struct taildir_file *file = LIST_ENTRY(step, struct taildir_file, link);
        taildir_positions_add(positions, file->inode, file->pos, file->path);
    }
}

/* On the worker pool: the loop does not wait for a disk. */
static void taildir_on_write(void *data)
{
    struct taildir_source *taildir = data;
    struct taildir_positions positions = {0};
    if (!taildir->moved || taildir->store)
        return;
    taildir_gather_positions(taildir, &positions);
    taildir->moved = false;
    env_timer_stop(&taildir->write);
    taildir->store = taildir_positions_store_start(taildir->source.env, taildir->position_path,
                                                   &positions, taildir_stored, taildir);
}

/* At the end. */
static void taildir_write_last(struct taildir_source *taildir)
{
    struct taildir_positions positions = {0};
    if (taildir->store) /* it may end after this one, with older positions */
        taildir_store_forget(taildir->store);
    if (!taildir->looked)
        return;
    taildir_gather_positions(taildir, &positions);
    int err = taildir_positions_store(taildir->source.env, taildir->position_path, &positions);
    if (err)
        taildir_stored(taildir, err);
    taildir_positions_close(&positions);
}

/* ---- starting and stopping ---- */

static void taildir_read_values(struct taildir_source *taildir)
{
    const struct part *part = taildir->source.part;
    int64_t most = part_number(part, "maxBackoffSleep");
    int64_t batches = part_number(part, "maxBatchCount");
    taildir->look_ms = part_number(part, "backoffSleepIncrement");
    if (taildir->look_ms > most)
        taildir->look_ms = most;
    taildir->idle_ms = part_number(part, "idleTimeout");
    taildir->write_ms = part_number(part, "writePosInterval");
    taildir->batches_max = (size_t)batches;
    taildir->skips = part_flag(part, "skipToEnd");
    taildir->chunk_size = TAILDIR_CHUNK;
    if (part_flag(part, "fileHeader"))
        taildir->file_key = part_text(part, "fileHeaderKey");
    if (part_flag(part, "byteOffsetHeader"))
        taildir->offset_key = "byteoffset";
}

/* The directory of the position file is made if it is not there. */
static int taildir_read_path(struct taildir_source *taildir, struct buf *problem)
{
    const char *path = part_text(taildir->source.part, "positionFile");
    const char *home = getenv("HOME");
    taildir->position_path = strncmp(path, "~/", 2) == 0
                                 ? mem_printf("%s/%s", home ? home : "", path + 2)
                                 : mem_strdup(path);
    char *slash = strrchr(taildir->position_path, '/');
    int err = 0;
    if (slash && slash != taildir->position_path) {
        *slash = '\0';
        err = env_dir_make(taildir->source.env, taildir->position_path);
        if (err)
            buf_printf(problem, "can't make the directory %s of positionFile: %s",
                       taildir->position_path, err_text(err));
        *slash = '/';
    }
    if (!err)
        err = taildir_positions_load(taildir->source.env, taildir->position_path, &taildir->known,
                                     problem);
    if (err)
        mem_free(taildir->position_path);
    return err;
}

static int taildir_start(struct source *source, struct buf *problem)
{
    struct taildir_source *taildir = taildir_of(source);
    struct env *env = source->env;
    taildir_read_values(taildir);
    int err = taildir_read_path(taildir, problem);
    if (err)
        return err;
    taildir->groups = taildir_groups_new(source->part, problem);
    ASSERT(taildir->groups); /* the values were checked */
    map_init(&taildir->files);
    list_init(&taildir->all);
    list_init(&taildir->busy);
    env_timer_init(env, &taildir->look, taildir_on_look, taildir);
    env_timer_init(env, &taildir->poll, taildir_on_poll, taildir);
    env_timer_init(env, &taildir->turn, taildir_on_turn, taildir);
    env_timer_init(env, &taildir->write, taildir_on_write, taildir);
    batch_init(&taildir->batch, source, (size_t)part_number(source->part, "batchSize"), true,
               taildir_batch_done);
    env_timer_start(&taildir->look, 0);
    env_timer_start(&taildir->poll, TAILDIR_POLL_MS);
    return 0;
}

static void taildir_stop(struct source *source)
{
    struct taildir_source *taildir = taildir_of(source);
    batch_close(&taildir->batch);
    env_timer_stop(&taildir->look);
    env_timer_stop(&taildir->poll);
    env_timer_stop(&taildir->turn);
    env_timer_stop(&taildir->write);
    taildir_write_last(taildir);
    env_timer_stop(&taildir->write);
    taildir_chunk_drop(taildir);
    if (taildir->scan)
        taildir->scan->data = NULL;
    LIST_EACH(step, &taildir->all) {
        struct taildir_file *file = LIST_ENTRY(step, struct taildir_file, link);
        if (taildir->read && taildir->read->file == file->file)
            file->file = NULL; /* the read closes it */
        taildir_file_free(file);
    }
    if (taildir->read)
        taildir->read->taildir = NULL;
    map_close(&taildir->files);
    taildir_positions_close(&taildir->known);
    taildir_groups_unref(taildir->groups);
    mem_free(taildir->position_path);
}

const struct source_type taildir_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "taildir",
             .class_name = "org.apache.flume.source.taildir.TaildirSource",
             .doc = "The lines of files that grow, are rotated, renamed and removed.",
             .keys = taildir_keys,
             .check = taildir_check},
    .size = sizeof(struct taildir_source),
    .batch_key = "batchSize",
    .start = taildir_start,
    .stop = taildir_stop,
};
