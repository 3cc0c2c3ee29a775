/* The taildir source: lines of files that grow, are rotated, renamed and removed, each line once.
 *
 * Happy path: a look into the directories (on the worker pool) finds files by their inodes; one
 * with more bytes than its position is opened and read in chunks; whole lines go to the channels
 * batch by batch, and the position moves when the channels have a batch. Open files are polled,
 * those that grew lately every TAILDIR_POLL_MS, the others less often; closed ones are seen to
 * have grown by the next look. The position file is written now and then, and at the end.
 *
 * Failure modes: a file that is shorter than its position was cut, and is read from its beginning;
 * one that is no longer among the directories' files is read to its end and kept open for
 * idleTimeout, since its writer may still write; a directory that can't be looked into says
 * nothing about its files, and they are kept; after a kill -9 the ring (taildir_ring.h) knows what
 * the position file does not know yet, and a power cut reads that again. A last line without an end
 * waits for its end, and is an event of its own when the file has been idle for idleTimeout. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/agent/source.h"
#include "tools/agent/taildir_file.h"
#include "tools/agent/taildir_positions.h"
#include "tools/agent/taildir_ring.h"
#include "tools/agent/taildir_scan.h"
#include "tools/agent/types.h"

enum {
    TAILDIR_CHUNK = 256 * 1024,  /* read at once */
    TAILDIR_LINE_MAX = 16 << 20, /* a longer line is cut: no file may fill the memory */
    TAILDIR_POLL_MS = 10,
    TAILDIR_POLL_SHARE = 8,        /* a file that has not grown for 8 s is polled once a second */
    TAILDIR_BATCHES_PER_TURN = 32, /* so that the others on the loop get their turns */
    TAILDIR_SETTLE_MS = 200        /* a position that has not moved for so long is written */
};

struct taildir_source;

/* What has been read of a file and not been sent. */
struct taildir_chunk {
    struct taildir_file *file; /* NULL = nothing */
    struct block *block;
    size_t start, end;
    bool cut; /* it holds no end of line and is as long as a line may be */
};

enum taildir_what {
    TAILDIR_LINES,
    TAILDIR_REST, /* a last line without an end */
    TAILDIR_HEAD  /* the first bytes, which tell one file from another */
};

/* A read that has to wait for the disk; it outlives the source. */
struct taildir_read {
    struct env_work work;
    struct taildir_source *taildir; /* NULL = stopped */
    struct taildir_file *of;        /* the taildir's */
    struct env_file *file;          /* its own when the source has stopped */
    enum taildir_what what;
    struct block *block;
    uint64_t offset;
    size_t len;
    ssize_t got;
};

struct taildir_source {
    struct source source;
    struct taildir_groups *groups;
    struct taildir_positions known; /* of the position file, until a look saw all directories */
    bool *looked;                   /* by group: files that it did not have then are new */
    char *position_path;
    struct taildir_ring *ring;   /* NULL = it can't be written */
    struct taildir_store *store; /* positions on their way to the disk */
    struct taildir_files files;
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
    int scan_err;                      /* of the last look; told when it changes */
    bool under_way, scanned, moved, skips;
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
            "to rest: what was read since comes again after a power cut. Flume's default is 3000."),
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

static struct taildir_position taildir_position(const struct taildir_file *file)
{
    return (struct taildir_position){.inode = file->id[1],
                                     .pos = file->pos,
                                     .path = file->path,
                                     .head_len = file->head_len,
                                     .head = file->head};
}

/* Its position counts after a kill -9 from now on. */
static void taildir_remember(struct taildir_source *taildir, const struct taildir_file *file)
{
    struct taildir_position position = taildir_position(file);
    if (!taildir->ring || taildir_ring_add(taildir->ring, &position))
        return;
    logger_warn(&taildir->source.logger, "can't write %s.recent: after a kill -9 lines come again",
                taildir->position_path);
    taildir_ring_close(taildir->ring);
    taildir->ring = NULL;
}

static struct headers *taildir_file_headers(const struct taildir_source *taildir, size_t group,
                                            const char *path)
{
    struct headers *of_group = taildir->groups->rows[group].headers;
    return taildir->file_key ? headers_set(of_group, taildir->file_key, path, strlen(path))
                             : headers_ref(of_group);
}

static struct taildir_file *taildir_follow(struct taildir_source *taildir,
                                           const struct taildir_found *found)
{
    struct taildir_position *known =
        taildir_positions_find(&taildir->known, found->inode, found->path);
    struct taildir_file *file = taildir_file_new(&taildir->files, found, known);
    if (!known && taildir->skips && !taildir->looked[found->group])
        file->pos = (uint64_t)found->size;
    file->headers = taildir_file_headers(taildir, found->group, found->path);
    logger_info(&taildir->source.logger, "following %s from byte %llu", found->path,
                (unsigned long long)file->pos);
    return file;
}

/* A file that was found: it may be new, renamed, cut, or longer. */
static void taildir_found(struct taildir_source *taildir, const struct taildir_found *found)
{
    struct taildir_file *file = taildir_files_find(&taildir->files, found);
    if (file && file->listed && strcmp(file->path, found->path) != 0)
        return; /* another name of a file that still has its own */
    if (!file)
        file = taildir_follow(taildir, found);
    file->listed = true;
    file->listed_ms = env_now_ms(taildir->source.env);
    char *before = mem_strdup(file->path);
    if (taildir_file_rename(file, found->path)) {
        logger_info(&taildir->source.logger, "%s is called %s now", before, found->path);
        headers_unref(file->headers);
        file->group = found->group;
        file->headers = taildir_file_headers(taildir, found->group, found->path);
    }
    mem_free(before);
    uint64_t size = (uint64_t)found->size;
    bool waits = file->waits && size == file->seen;
    if (size < file->pos || (size > file->pos && !waits))
        taildir_file_is_busy(file);
}

/* ---- reading ---- */

static void taildir_chunk_drop(struct taildir_source *taildir)
{
    if (taildir->chunk.file)
        taildir->chunk.file->held = false;
    if (taildir->chunk.block)
        block_unref(taildir->chunk.block);
    taildir->chunk = (struct taildir_chunk){0};
}

static void taildir_chunk_begin(struct taildir_source *taildir, struct taildir_file *file,
                                struct block *block, size_t len, bool cut)
{
    ASSERT(!taildir->chunk.file);
    ASSERT(len > 0);
    taildir->chunk = (struct taildir_chunk){.file = file, .block = block, .end = len, .cut = cut};
    file->sent = file->pos;
    file->held = true;
    if (cut)
        return;
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

/* What was read; the block is taken over. */
static void taildir_read_ended(struct taildir_source *taildir, struct taildir_file *file,
                               enum taildir_what what, struct block *block, ssize_t got)
{
    bool whole = got > 0 && (size_t)got == block->cap;
    ASSERT(!file->held);
    if (got > 0 && (what == TAILDIR_LINES || (what == TAILDIR_REST && whole))) {
        taildir_chunk_begin(taildir, file, block, (size_t)got, what == TAILDIR_REST);
        return;
    }
    if (got < 0)
        taildir_file_failed(file, "read", (int)got);
    else if (what == TAILDIR_HEAD)
        taildir->moved = !taildir_file_verify(file, block->data, (size_t)got) || taildir->moved;
    if (got >= 0 && what == TAILDIR_HEAD)
        taildir_file_is_next(file);
    else if (got >= 0 && what == TAILDIR_REST)
        taildir_file_is_busy(file);
    block_unref(block);
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
    if (taildir) {
        taildir->read = NULL;
        read->of->held = false;
        taildir_read_ended(taildir, read->of, read->what, read->block, read->got);
    } else {
        block_unref(read->block);
        env_file_close(read->file);
    }
    mem_free(read);
    if (taildir)
        taildir_pump(taildir);
}

static void taildir_read_later(struct taildir_source *taildir, struct taildir_file *file,
                               enum taildir_what what, struct block *block, uint64_t offset)
{
    struct taildir_read *read = mem_alloc(sizeof(*read));
    ASSERT(!taildir->read);
    read->taildir = taildir;
    read->of = file;
    read->file = file->file;
    read->what = what;
    read->block = block;
    read->offset = offset;
    read->len = block->cap;
    file->held = true;
    taildir->read = read;
    env_work_submit(taildir->source.env, &read->work, taildir_read_run, taildir_read_done);
}

static void taildir_read_start(struct taildir_source *taildir, struct taildir_file *file,
                               enum taildir_what what, uint64_t offset, size_t len)
{
    struct block *block = block_new(len);
    if (!block)
        return; /* the next poll tries again */
    if (what != TAILDIR_HEAD)
        file->waits = false;
    ssize_t got = env_file_read_now(file->file, block->data, len, offset);
    if (got == ERR_AGAIN)
        taildir_read_later(taildir, file, what, block, offset);
    else
        taildir_read_ended(taildir, file, what, block, got);
}

/* Reads what comes next of a file, if there is something. */
static void taildir_file_read(struct taildir_source *taildir, struct taildir_file *file)
{
    uint64_t before = file->pos;
    int64_t left = taildir_file_left(file);
    uint64_t size = file->pos + (uint64_t)left;
    bool idle = file->idle;
    taildir->moved = taildir->moved || file->pos != before;
    if (file->pos != before)
        taildir_remember(taildir, file);
    if (left > 0 && (!file->verified || (file->rests && size != file->seen))) {
        taildir_read_start(taildir, file, TAILDIR_HEAD, 0, TAILDIR_HEAD_MAX);
        return;
    }
    file->idle = false;
    file->rests = left == 0 || (file->waits && size == file->seen);
    if (left > 0 && (!file->waits || size != file->seen)) {
        size_t len = (size_t)left < taildir->chunk_size ? (size_t)left : taildir->chunk_size;
        if (size != file->seen)
            file->grew_ms = env_now_ms(taildir->source.env);
        file->seen = size;
        taildir_read_start(taildir, file, TAILDIR_LINES, file->pos, len);
    } else if (idle && left > 0) {
        taildir_read_start(taildir, file, TAILDIR_REST, file->pos, (size_t)left);
    } else if (idle) {
        taildir_file_close(file);
    }
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
    /* There is no newline left, or the batch is full. */
    if (chunk->cut && chunk->start < chunk->end && !batch_is_full(&taildir->batch))
        taildir_add(taildir, chunk->end - chunk->start, chunk->end);
}

/* The channels have what was sent of the chunk. */
static void taildir_batch_ended(struct taildir_source *taildir)
{
    struct taildir_file *file = taildir->chunk.file;
    taildir->under_way = false;
    file->pos = file->sent;
    taildir_remember(taildir, file);
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
    if (!file || file->batches < taildir->batches_max || list_empty(&taildir->files.busy))
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
        struct list *link = list_pop(&taildir->files.busy);
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

/* The open files may have grown, whether a look finds them or not; the longer one has not, the less
 * often it is looked at. */
static void taildir_on_poll(void *data)
{
    struct taildir_source *taildir = data;
    int64_t now_ms = env_now_ms(taildir->source.env);
    LIST_EACH(step, &taildir->files.open) {
        struct taildir_file *file = LIST_ENTRY(step, struct taildir_file, open_link);
        if (!file->held &&
            now_ms - file->polled_ms >= (now_ms - file->grew_ms) / TAILDIR_POLL_SHARE) {
            file->batches = 0;
            file->polled_ms = now_ms;
            taildir_file_is_busy(file);
        }
    }
    taildir_pump(taildir);
    if (taildir->moved && now_ms - taildir->moved_ms >= TAILDIR_SETTLE_MS)
        taildir_on_write(taildir);
    env_timer_start(&taildir->poll, TAILDIR_POLL_MS);
}

/* Files that have been idle are closed when they have been looked at once more; those that no look
 * has found for that time are forgotten. */
static void taildir_look_for_idle(struct taildir_source *taildir)
{
    int64_t now_ms = env_now_ms(taildir->source.env);
    LIST_EACH(step, &taildir->files.all) {
        struct taildir_file *file = LIST_ENTRY(step, struct taildir_file, link);
        if (file->held || !list_empty(&file->busy_link))
            continue;
        if (!file->file && !file->listed) {
            if (now_ms - file->listed_ms >= taildir->idle_ms)
                taildir_file_free(file);
        } else if ((file->file || file->waits) && now_ms - file->grew_ms >= taildir->idle_ms) {
            file->idle = true;
            taildir_file_is_busy(file);
        }
    }
}

/* First those that have kept their names: another name of one is none of a new file. */
static void taildir_take_found(struct taildir_source *taildir, const struct taildir_scan *scan)
{
    LIST_EACH(step, &taildir->files.all) {
        struct taildir_file *file = LIST_ENTRY(step, struct taildir_file, link);
        file->listed = file->listed && scan->missed[file->group] != TAILDIR_SEEN;
    }
    for (size_t i = 0; i < scan->count; i++) {
        struct taildir_file *file = taildir_files_find(&taildir->files, &scan->found[i]);
        if (file && strcmp(file->path, scan->found[i].path) == 0)
            file->listed = true;
    }
    for (size_t i = 0; i < scan->count; i++)
        taildir_found(taildir, &scan->found[i]);
}

static void taildir_scanned(void *data, struct taildir_scan *scan)
{
    struct taildir_source *taildir = data;
    bool all = true;
    taildir->scan = NULL;
    if (scan->err && scan->err != taildir->scan_err)
        logger_warn(&taildir->source.logger, "a directory or file can't be read: %s",
                    err_text(scan->err));
    taildir->scan_err = scan->err;
    taildir_take_found(taildir, scan);
    for (size_t i = 0; i < taildir->groups->count; i++) {
        all = all && scan->missed[i] == TAILDIR_SEEN;
        taildir->looked[i] = taildir->looked[i] || scan->missed[i] != TAILDIR_UNSEEN;
    }
    if (all)
        taildir_positions_close(&taildir->known);
    taildir->scanned = true;
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
    LIST_EACH(step, &taildir->files.all) {
        struct taildir_file *file = LIST_ENTRY(step, struct taildir_file, link);
        struct taildir_position row = taildir_position(file);
        taildir_positions_add(positions, &row);
    }
    for (size_t i = 0; i < taildir->known.count; i++)
        if (!taildir->known.rows[i].taken)
            taildir_positions_add(positions, &taildir->known.rows[i]);
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
    if (!taildir->scanned)
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
    if (err) {
        mem_free(taildir->position_path);
        return err;
    }
    char *recent = mem_printf("%s.recent", taildir->position_path);
    taildir->ring = taildir_ring_open(taildir->source.env, recent, &taildir->known);
    mem_free(recent);
    return 0;
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
    taildir->looked = mem_alloc(taildir->groups->count * sizeof(*taildir->looked));
    taildir_files_init(&taildir->files, env, &source->logger);
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
    if (taildir->read) { /* it closes its file */
        taildir->read->of->held = false;
        taildir_file_let_go(taildir->read->of);
        taildir->read->taildir = NULL;
    }
    taildir_files_close(&taildir->files);
    taildir_ring_close(taildir->ring);
    mem_free(taildir->looked);
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
    .own_key = "positionFile",
    .start = taildir_start,
    .stop = taildir_stop,
};
