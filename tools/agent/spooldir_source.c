/* The spooldir source: files that are put whole into a directory, each read once, then renamed or
 * deleted.
 *
 * Happy path: a look into the directory (on the worker pool) finds the next file; it is read chunk
 * by chunk, its lines go to the channels, and when these have all of them the file gets its suffix,
 * or a mark in the tracker's directory.
 * How far the channels have it is kept in the tracker directory, so that a start goes on there.
 * Failure modes: a file that still grows is read to its new end, with a warning; one whose new name
 * is taken stays as it is, is told, and not read again; a crash reads again what the tracker did
 * not know yet. A system gives the inode of a removed file to a new one, and a name may come again:
 * a file goes on where the tracker says only if path, inode and first bytes are those of before. */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "env/path_look.h"
#include "tools/agent/expression.h"
#include "tools/agent/lines.h"
#include "tools/agent/source.h"
#include "tools/agent/taildir_positions.h"
#include "tools/agent/types.h"

enum {
    SPOOLDIR_BLOCK = 256 * 1024,
    SPOOLDIR_BATCHES_PER_TURN = 32,
    SPOOLDIR_TRACK_MS = 250,
    SPOOLDIR_RETRY_MS = 1000,
    SPOOLDIR_DEPTH_MAX = 32 /* directories in directories */
};

struct spooldir_source;

/* What the looks share with their source; counted, since a look outlives it. */
struct spooldir_rules {
    int refs;
    char *dir, *suffix;
    struct expression *include, *ignore;
    bool youngest, recursive;
    char *tracker; /* the directory */
    bool marks;    /* files that were read have a mark there, instead of another name */
    char *refused; /* paths that could not be finished, each with a newline behind it */
};

struct spooldir_look {
    struct env_work work;
    struct env *env;
    struct spooldir_source *spooldir; /* NULL = stopped */
    struct spooldir_rules *rules;
    char *path; /* of the next file; NULL = there is none */
    struct env_path_info info;
    uint8_t head[TAILDIR_HEAD_MAX]; /* its first bytes */
    size_t head_len;
    char *missed; /* a directory that could not be looked into; NULL = none */
    int err;      /* why */
};

struct spooldir_read {
    struct env_work work;
    struct spooldir_source *spooldir; /* NULL = stopped: the file and the block are its own */
    struct env_file *file;
    struct block *block;
    uint8_t *to;
    size_t room;
    uint64_t offset;
    ssize_t got;
};

struct spooldir_source {
    struct source source;
    struct spooldir_rules *rules;
    struct spooldir_look *look;
    struct spooldir_read *read;
    struct taildir_store *store;
    struct env_timer poll, turn, track;
    /* the file that is read */
    char *path; /* NULL = none */
    struct env_file *file;
    struct env_path_info info;
    uint32_t head_len, head; /* of its first bytes: their count and CRC-32C */
    struct headers *headers;
    struct lines lines;
    uint64_t offset; /* read up to there */
    uint64_t pos;    /* the channels have what is before it */
    bool at_end, moved;
    struct batch batch;
    bool under_way, blob;
    size_t blob_max;
    char *tracker;                  /* the file */
    struct taildir_positions known; /* from before the start, for files that are still to come */
};

/* clang-format off */
static const struct key_row spooldir_keys[] = {
    KEY("spoolDir", KEY_REQUIRED, "The directory into which files are put."),
    KEY("fileSuffix", ".COMPLETED", "What a file's name ends with when it has been read."),
    KEY_ONE_OF("deletePolicy", "never", "never|immediate",
               "Whether files that have been read are renamed, or deleted."),
    KEY_BOOL("fileHeader", "false", "Whether the path of the file is in a header."),
    KEY("fileHeaderKey", "file", "The name of that header."),
    KEY_BOOL("basenameHeader", "false", "Whether the name of the file is in a header."),
    KEY("basenameHeaderKey", "basename", "The name of that header."),
    KEY("includePattern", "^.*$", "The expression for the names of files that are read."),
    KEY("ignorePattern", "^$", "The expression for the names of files that are not."),
    KEY("trackerDir", ".flumespool", "Where is kept how far a file is read; below spoolDir."),
    KEY_ONE_OF("trackingPolicy", "rename", "rename|tracker_dir",
               "How files that have been read are told from others: by their new names, or by an "
               "empty file with that name in trackerDir."),
    KEY_ONE_OF("consumeOrder", "oldest", "oldest|youngest|random",
               "Which file is next; random is any, here the oldest."),
    KEY_INT("pollDelay", "500", 1, KEY_MAX_LONG, "How often is looked for files, in milliseconds."),
    KEY_BOOL("recursiveDirectorySearch", "false",
             "Whether directories in the directory are looked into as well."),
    KEY_INT("maxBackoff", "4000", 1, KEY_MAX_LONG,
            "Without effect: a full channel is tried again as for every source."),
    KEY_INT("batchSize", "100", 1, KEY_MAX_INT, "The most events that are put at once."),
    KEY_ONE_OF("deserializer", "line", "line|"
               "org.apache.flume.sink.solr.morphline.BlobDeserializer$Builder",
               "What is an event: a line, or a whole file."),
    KEY_INT("deserializer.maxLineLength", "2048", 1, 16 << 20,
            "The most bytes of a line; the rest of a longer one is the next event."),
    KEY_INT("deserializer.maxBlobLength", "100000000", 1, 1 << 30,
            "The most bytes of an event that is a file; the rest is the next event."),
    KEY_OLDER_NAME("bufferMaxLineLength", "deserializer.maxLineLength"),
    KEY_INT("bufferMaxLines", NULL, 0, KEY_MAX_INT, "Nothing depends on it, nor in Flume."),
    KEY("deserializer.outputCharset", "UTF-8", "Bodies are the bytes of the file."),
    KEY("inputCharset", "UTF-8", "Bodies are the bytes of the file."),
    KEY_ONE_OF("decodeErrorPolicy", "fail", "fail|replace|ignore",
               "Without effect: bytes are not decoded, so none are wrong."),
    KEY_END,
};
/* clang-format on */

static void spooldir_pump(struct spooldir_source *spooldir);

static struct spooldir_source *spooldir_of(struct source *source)
{
    return CONTAINER_OF(source, struct spooldir_source, source);
}

/* ---- which file is next ---- */

static void spooldir_rules_unref(struct spooldir_rules *rules)
{
    ASSERT(rules->refs > 0);
    if (--rules->refs > 0)
        return;
    expression_free(rules->include);
    expression_free(rules->ignore);
    mem_free(rules->dir);
    mem_free(rules->suffix);
    mem_free(rules->tracker);
    mem_free(rules->refused);
    mem_free(rules);
}

static struct spooldir_rules *spooldir_rules_new(const struct part *part, struct buf *problems)
{
    struct spooldir_rules *rules = mem_alloc(sizeof(*rules));
    rules->refs = 1;
    rules->dir = mem_strdup(part_text(part, "spoolDir"));
    rules->suffix = mem_strdup(part_text(part, "fileSuffix"));
    rules->refused = mem_strdup("");
    const char *tracker = part_text(part, "trackerDir");
    rules->tracker =
        tracker[0] == '/' ? mem_strdup(tracker) : mem_printf("%s/%s", rules->dir, tracker);
    rules->marks = part_is(part, "trackingPolicy", "tracker_dir");
    rules->recursive = part_flag(part, "recursiveDirectorySearch");
    rules->youngest = part_is(part, "consumeOrder", "youngest");
    rules->include =
        expression_new(part, "includePattern", part_text(part, "includePattern"), true, problems);
    rules->ignore =
        expression_new(part, "ignorePattern", part_text(part, "ignorePattern"), true, problems);
    return rules;
}

static void spooldir_check(const struct part *part, struct buf *problems)
{
    spooldir_rules_unref(spooldir_rules_new(part, problems));
    if (part_text(part, "fileSuffix")[0] == '\0' && !part_is(part, "deletePolicy", "immediate"))
        part_complain(part, "fileSuffix", problems,
                      "it is empty: then nothing tells files that were read from others");
    if (part_is(part, "trackingPolicy", "tracker_dir") &&
        part_is(part, "deletePolicy", "immediate"))
        part_complain(part, "trackingPolicy", problems,
                      "files that are deleted need no mark: leave it out, or set deletePolicy = "
                      "never");
}

static bool spooldir_takes(const struct spooldir_rules *rules, const char *name)
{
    size_t len = strlen(name), suffix = strlen(rules->suffix);
    bool read = !rules->marks && suffix > 0 && len >= suffix &&
                strcmp(name + len - suffix, rules->suffix) == 0;
    return name[0] != '.' && !read && expression_finds(rules->include, name, len) &&
           !expression_finds(rules->ignore, name, len);
}

static bool spooldir_is_refused(const struct spooldir_rules *rules, const char *path)
{
    char *line = mem_printf("%s\n", path);
    bool found = strstr(rules->refused, line) != NULL;
    mem_free(line);
    return found;
}

/* The first bytes of the file that was found; none when it can't be read, which its reader tells.
 */
static void spooldir_look_at_head(struct spooldir_look *look)
{
    struct env_file *file;
    if (env_file_open(look->env, look->path, ENV_OPEN_READ, &file))
        return;
    ssize_t got = env_file_read(file, look->head, sizeof(look->head), 0);
    look->head_len = got > 0 ? (size_t)got : 0;
    env_file_close(file);
}

/* The mark of a file that was read, below the tracker's directory as the file is below ours. */
static char *spooldir_mark(const struct spooldir_rules *rules, const char *path)
{
    ASSERT(strncmp(path, rules->dir, strlen(rules->dir)) == 0);
    return mem_printf("%s%s%s", rules->tracker, path + strlen(rules->dir), rules->suffix);
}

static bool spooldir_is_done(const struct spooldir_look *look, const char *path)
{
    if (spooldir_is_refused(look->rules, path))
        return true;
    if (!look->rules->marks)
        return false;
    char *mark = spooldir_mark(look->rules, path);
    bool marked = env_path_exists(look->env, mark);
    mem_free(mark);
    return marked;
}

/* Takes the path over. */
static void spooldir_look_at(struct spooldir_look *look, char *path,
                             const struct env_path_info *info)
{
    const struct spooldir_rules *rules = look->rules;
    bool usable = spooldir_takes(rules, strrchr(path, '/') + 1) && !spooldir_is_done(look, path);
    bool better =
        usable && (!look->path || (rules->youngest ? info->modified_ms > look->info.modified_ms
                                                   : info->modified_ms < look->info.modified_ms));
    mem_free(better ? look->path : path);
    if (!better)
        return;
    look->path = path;
    look->info = *info;
}

/* A directory that is looked into, and those that it is in. */
struct spooldir_in {
    const struct spooldir_in *outer; /* NULL = it is the outermost one */
    uint64_t device, inode;
    int depth;
};

static struct spooldir_in spooldir_enter(struct spooldir_look *look, const char *dir,
                                         const struct spooldir_in *outer)
{
    struct env_path_info info;
    struct spooldir_in in = {.outer = outer, .depth = outer ? outer->depth + 1 : 0};
    if (env_path_look(look->env, dir, &info) == 0) {
        in.device = info.device;
        in.inode = info.inode;
    }
    ASSERT(in.depth <= SPOOLDIR_DEPTH_MAX);
    return in;
}

/* Not one that we are in: a link leads there, and all of it would be found twice, or for ever. */
static bool spooldir_may_enter(const struct spooldir_look *look, const struct env_path_info *info,
                               const struct spooldir_in *in)
{
    if (!look->rules->recursive || in->depth == SPOOLDIR_DEPTH_MAX)
        return false;
    for (; in; in = in->outer)
        if (in->device == info->device && in->inode == info->inode)
            return false;
    return true;
}

static void spooldir_look_into(struct spooldir_look *look, const char *dir,
                               const struct spooldir_in *in)
{
    char **names;
    size_t count;
    int err = env_dir_list(look->env, dir, &names, &count);
    if (err && !look->missed) {
        look->missed = mem_strdup(dir);
        look->err = err;
    }
    for (size_t i = 0; !err && i < count; i++) {
        struct env_path_info info;
        char *path = mem_printf("%s/%s", dir, names[i]);
        if (names[i][0] == '.' || env_path_look(look->env, path, &info) != 0) {
            mem_free(path);
        } else if (info.regular) {
            spooldir_look_at(look, path, &info);
        } else {
            if (spooldir_may_enter(look, &info, in)) {
                struct spooldir_in inner = spooldir_enter(look, path, in);
                spooldir_look_into(look, path, &inner);
            }
            mem_free(path);
        }
    }
    if (!err)
        env_dir_list_free(names, count);
}

static void spooldir_look_run(struct env_work *work)
{
    struct spooldir_look *look = CONTAINER_OF(work, struct spooldir_look, work);
    /* The tracker's directory, however its path is spelled, counts as one that we are in. */
    struct spooldir_in tracker = spooldir_enter(look, look->rules->tracker, NULL);
    struct spooldir_in dir = spooldir_enter(look, look->rules->dir, &tracker);
    spooldir_look_into(look, look->rules->dir, &dir);
    if (look->path)
        spooldir_look_at_head(look);
}

/* ---- the file ---- */

static void spooldir_drop_file(struct spooldir_source *spooldir)
{
    if (spooldir->file)
        env_file_close(spooldir->file);
    spooldir->file = NULL;
    mem_free(spooldir->path);
    spooldir->path = NULL;
    headers_unref(spooldir->headers);
    spooldir->headers = NULL;
    lines_close(&spooldir->lines);
}

static struct headers *spooldir_headers(const struct part *part, const char *path)
{
    struct headers *headers = NULL, *more;
    const char *name = strrchr(path, '/') + 1;
    if (part_flag(part, "fileHeader"))
        headers = headers_set(NULL, part_text(part, "fileHeaderKey"), path, strlen(path));
    if (part_flag(part, "basenameHeader")) {
        more = headers_set(headers, part_text(part, "basenameHeaderKey"), name, strlen(name));
        headers_unref(headers);
        headers = more;
    }
    return headers;
}

static bool spooldir_is_same(const struct taildir_position *row, const struct spooldir_look *look)
{
    return row->inode == look->info.inode && strcmp(row->path, look->path) == 0 &&
           row->pos <= (uint64_t)look->info.size && row->head_len <= look->head_len &&
           crc32c(0, look->head, row->head_len) == row->head;
}

/* Where it goes on. A row is used once: what has its inode or its path later is another file. */
static uint64_t spooldir_known_pos(struct spooldir_source *spooldir,
                                   const struct spooldir_look *look)
{
    uint64_t pos = 0;
    for (size_t i = 0; i < spooldir->known.count; i++) {
        struct taildir_position *row = &spooldir->known.rows[i];
        if (!row->taken && spooldir_is_same(row, look))
            pos = row->pos;
        if (row->inode == look->info.inode || strcmp(row->path, look->path) == 0)
            row->taken = true;
    }
    ASSERT(pos <= (uint64_t)look->info.size);
    return pos;
}

static void spooldir_begin(struct spooldir_source *spooldir, const struct spooldir_look *look)
{
    const struct part *part = spooldir->source.part;
    int err = env_file_open(spooldir->source.env, look->path, ENV_OPEN_READ, &spooldir->file);
    if (err) {
        logger_error(&spooldir->source.logger, "can't open %s: %s", look->path, err_text(err));
        env_timer_start(&spooldir->poll, SPOOLDIR_RETRY_MS);
        return;
    }
    spooldir->path = mem_strdup(look->path);
    spooldir->info = look->info;
    spooldir->headers = spooldir_headers(part, spooldir->path);
    spooldir->head_len = (uint32_t)look->head_len;
    spooldir->head = crc32c(0, look->head, look->head_len);
    spooldir->pos = spooldir_known_pos(spooldir, look);
    spooldir->offset = spooldir->pos;
    spooldir->at_end = false;
    size_t most = spooldir->blob ? spooldir->blob_max
                                 : (size_t)part_number(part, "deserializer.maxLineLength");
    lines_init(&spooldir->lines, SPOOLDIR_BLOCK, most, true);
    logger_info(&spooldir->source.logger, "reading %s from byte %llu", spooldir->path,
                (unsigned long long)spooldir->pos);
    spooldir_pump(spooldir);
}

static void spooldir_refuse(struct spooldir_source *spooldir, const char *why)
{
    char *refused = mem_printf("%s%s\n", spooldir->rules->refused, spooldir->path);
    logger_error(&spooldir->source.logger,
                 "%s has been read, and can't be finished: %s; it is left as it is", spooldir->path,
                 why);
    mem_free(spooldir->rules->refused);
    spooldir->rules->refused = refused;
}

static void spooldir_track(struct spooldir_source *spooldir)
{
    spooldir->moved = true;
    if (!env_timer_running(&spooldir->track))
        env_timer_start(&spooldir->track, SPOOLDIR_TRACK_MS);
}

static int spooldir_put_mark(struct spooldir_source *spooldir)
{
    struct env *env = spooldir->source.env;
    struct env_file *file;
    char *mark = spooldir_mark(spooldir->rules, spooldir->path);
    char *dir = mem_strndup(mark, (size_t)(strrchr(mark, '/') - mark));
    int err = env_dir_make(env, dir);
    if (!err)
        err = env_file_open(env, mark, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file);
    if (!err)
        env_file_close(file);
    mem_free(dir);
    mem_free(mark);
    return err;
}

/* The channels have all of it. */
static void spooldir_finish(struct spooldir_source *spooldir)
{
    struct env *env = spooldir->source.env;
    char *done = mem_printf("%s%s", spooldir->path, spooldir->rules->suffix);
    bool deletes = part_is(spooldir->source.part, "deletePolicy", "immediate");
    int err = 0;
    if (deletes)
        err = env_path_remove(env, spooldir->path);
    else if (spooldir->rules->marks)
        err = spooldir_put_mark(spooldir);
    else if (env_path_exists(env, done))
        err = ERR_EXISTS;
    else
        err = env_path_rename(env, spooldir->path, done);
    if (err == ERR_EXISTS)
        spooldir_refuse(spooldir, "a file with its new name is there");
    else if (err)
        spooldir_refuse(spooldir, err_text(err));
    mem_free(done);
    spooldir_drop_file(spooldir);
    spooldir_track(spooldir); /* its position is of no use any more */
    env_timer_start(&spooldir->poll, 0);
}

/* Its end was reached: it may have grown since it was found. */
static void spooldir_ended(struct spooldir_source *spooldir)
{
    int64_t size = env_file_size(spooldir->file);
    if (size > (int64_t)spooldir->offset) {
        logger_warn(&spooldir->source.logger,
                    "%s still grows: put files there whole, or follow them with taildir",
                    spooldir->path);
        spooldir->at_end = false;
        spooldir_pump(spooldir);
        return;
    }
    spooldir_finish(spooldir);
}

/* ---- reading ---- */

static void spooldir_read_run(struct env_work *work)
{
    struct spooldir_read *read = CONTAINER_OF(work, struct spooldir_read, work);
    read->got = env_file_read(read->file, read->to, read->room, read->offset);
}

static void spooldir_read_done(struct env_work *work)
{
    struct spooldir_read *read = CONTAINER_OF(work, struct spooldir_read, work);
    struct spooldir_source *spooldir = read->spooldir;
    if (!spooldir) {
        env_file_close(read->file);
    } else {
        spooldir->read = NULL;
        if (read->got > 0)
            lines_added(&spooldir->lines, (size_t)read->got);
        spooldir->offset += read->got > 0 ? (uint64_t)read->got : 0;
        spooldir->at_end = read->got == 0;
        if (read->got < 0) {
            logger_error(&spooldir->source.logger, "can't read %s, trying on: %s", spooldir->path,
                         err_text((int)read->got));
            env_timer_start(&spooldir->turn, SPOOLDIR_RETRY_MS);
        }
    }
    block_unref(read->block);
    bool goes_on = spooldir && read->got >= 0;
    mem_free(read);
    if (goes_on)
        spooldir_pump(spooldir);
}

static void spooldir_read_on(struct spooldir_source *spooldir)
{
    uint8_t *to;
    size_t room;
    if (lines_room(&spooldir->lines, &to, &room)) {
        env_timer_start(&spooldir->turn, SPOOLDIR_RETRY_MS);
        return;
    }
    struct spooldir_read *read = mem_alloc(sizeof(*read));
    read->spooldir = spooldir;
    read->file = spooldir->file;
    read->block = block_ref(spooldir->lines.block);
    read->to = to;
    read->room = room;
    read->offset = spooldir->offset;
    spooldir->read = read;
    env_work_submit(spooldir->source.env, &read->work, spooldir_read_run, spooldir_read_done);
}

static void spooldir_fill(struct spooldir_source *spooldir)
{
    struct event event;
    while (!batch_is_full(&spooldir->batch)) {
        int found = spooldir->blob ? 0 : lines_next(&spooldir->lines, &event);
        bool cut = found == ERR_TOO_LARGE || (found == 0 && spooldir->at_end);
        size_t held = spooldir->lines.end - spooldir->lines.start;
        if (spooldir->blob && held >= spooldir->blob_max)
            cut = true;
        if (found != 1 && !(cut && lines_rest(&spooldir->lines, &event)))
            return;
        event.headers = headers_ref(spooldir->headers);
        batch_add(&spooldir->batch, &event);
    }
}

static void spooldir_batch_ended(struct spooldir_source *spooldir)
{
    spooldir->under_way = false;
    spooldir->pos = spooldir->offset - (spooldir->lines.end - spooldir->lines.start);
    spooldir_track(spooldir);
}

static void spooldir_batch_done(struct batch *batch, int status)
{
    struct spooldir_source *spooldir = CONTAINER_OF(batch, struct spooldir_source, batch);
    ASSERT(status == 0); /* the batch is patient */
    spooldir_batch_ended(spooldir);
    spooldir_pump(spooldir);
}

static void spooldir_pump(struct spooldir_source *spooldir)
{
    for (int i = 0; i < SPOOLDIR_BATCHES_PER_TURN; i++) {
        if (!spooldir->path || spooldir->under_way || spooldir->read)
            return;
        spooldir_fill(spooldir);
        if (spooldir->batch.count == 0) {
            if (spooldir->at_end)
                spooldir_ended(spooldir);
            else
                spooldir_read_on(spooldir);
            return;
        }
        spooldir->under_way = batch_send(&spooldir->batch) == TRANSACTION_PENDING;
        if (!spooldir->under_way)
            spooldir_batch_ended(spooldir);
    }
    env_timer_start_us(&spooldir->turn, 0);
}

static void spooldir_on_turn(void *data)
{
    spooldir_pump(data);
}

/* ---- looking ---- */

static void spooldir_look_done(struct env_work *work)
{
    struct spooldir_look *look = CONTAINER_OF(work, struct spooldir_look, work);
    struct spooldir_source *spooldir = look->spooldir;
    if (spooldir) {
        spooldir->look = NULL;
        if (look->err)
            logger_warn(&spooldir->source.logger, "can't look into %s: %s", look->missed,
                        err_text(look->err));
        if (!look->path && !look->err) /* there is no file that a position could be for */
            taildir_positions_close(&spooldir->known);
        if (look->path)
            spooldir_begin(spooldir, look);
        else
            env_timer_start(&spooldir->poll, part_number(spooldir->source.part, "pollDelay"));
    }
    spooldir_rules_unref(look->rules);
    mem_free(look->missed);
    mem_free(look->path);
    mem_free(look);
}

static void spooldir_on_poll(void *data)
{
    struct spooldir_source *spooldir = data;
    if (spooldir->path || spooldir->look)
        return;
    struct spooldir_look *look = mem_alloc(sizeof(*look));
    look->env = spooldir->source.env;
    look->spooldir = spooldir;
    look->rules = spooldir->rules;
    look->rules->refs++;
    spooldir->look = look;
    env_work_submit(look->env, &look->work, spooldir_look_run, spooldir_look_done);
}

/* ---- the tracker ---- */

static void spooldir_stored(void *data, int err)
{
    struct spooldir_source *spooldir = data;
    spooldir->store = NULL;
    if (err)
        logger_error(&spooldir->source.logger,
                     "can't write %s: %s: after a crash lines are sent again", spooldir->tracker,
                     err_text(err));
    if (spooldir->moved && !env_timer_running(&spooldir->track))
        env_timer_start(&spooldir->track, SPOOLDIR_TRACK_MS);
}

/* That of the file that is read, and those of files that are still to come. */
static void spooldir_add_positions(const struct spooldir_source *spooldir,
                                   struct taildir_positions *positions)
{
    if (spooldir->path)
        taildir_positions_add(positions, &(struct taildir_position){.inode = spooldir->info.inode,
                                                                    .pos = spooldir->pos,
                                                                    .path = spooldir->path,
                                                                    .head_len = spooldir->head_len,
                                                                    .head = spooldir->head});
    for (size_t i = 0; i < spooldir->known.count; i++)
        if (!spooldir->known.rows[i].taken)
            taildir_positions_add(positions, &spooldir->known.rows[i]);
}

static void spooldir_on_track(void *data)
{
    struct spooldir_source *spooldir = data;
    struct taildir_positions positions = {0};
    if (spooldir->store)
        return;
    spooldir->moved = false;
    spooldir_add_positions(spooldir, &positions);
    spooldir->store = taildir_positions_store_start(spooldir->source.env, spooldir->tracker,
                                                    &positions, spooldir_stored, spooldir);
}

static int spooldir_open_tracker(struct spooldir_source *spooldir, struct buf *problem)
{
    const char *path = spooldir->rules->tracker;
    int err = env_dir_make(spooldir->source.env, path);
    if (err)
        buf_printf(problem, "can't make the directory %s: %s", path, err_text(err));
    spooldir->tracker = mem_printf("%s/positions.json", path);
    if (!err)
        err = taildir_positions_load(spooldir->source.env, spooldir->tracker, &spooldir->known,
                                     problem);
    return err;
}

/* ---- starting and stopping ---- */

static int spooldir_start(struct source *source, struct buf *problem)
{
    struct spooldir_source *spooldir = spooldir_of(source);
    spooldir->rules = spooldir_rules_new(source->part, problem);
    int err = 0;
    if (!env_path_exists(source->env, spooldir->rules->dir)) {
        buf_printf(problem, "spoolDir %s is not there: make it", spooldir->rules->dir);
        err = ERR_NOT_FOUND;
    }
    if (!err)
        err = spooldir_open_tracker(spooldir, problem);
    if (err) {
        spooldir_rules_unref(spooldir->rules);
        mem_free(spooldir->tracker);
        return err;
    }
    spooldir->blob = !part_is(source->part, "deserializer", "line");
    spooldir->blob_max = (size_t)part_number(source->part, "deserializer.maxBlobLength");
    batch_init(&spooldir->batch, source, (size_t)part_number(source->part, "batchSize"), true,
               spooldir_batch_done);
    env_timer_init(source->env, &spooldir->poll, spooldir_on_poll, spooldir);
    env_timer_init(source->env, &spooldir->turn, spooldir_on_turn, spooldir);
    env_timer_init(source->env, &spooldir->track, spooldir_on_track, spooldir);
    env_timer_start(&spooldir->poll, 0);
    return 0;
}

static void spooldir_stop(struct source *source)
{
    struct spooldir_source *spooldir = spooldir_of(source);
    struct taildir_positions last = {0};
    batch_close(&spooldir->batch);
    env_timer_stop(&spooldir->poll);
    env_timer_stop(&spooldir->turn);
    env_timer_stop(&spooldir->track);
    if (spooldir->store)
        taildir_store_forget(spooldir->store);
    spooldir_add_positions(spooldir, &last);
    int err = taildir_positions_store(source->env, spooldir->tracker, &last);
    if (err)
        logger_error(&source->logger, "can't write %s: %s", spooldir->tracker, err_text(err));
    taildir_positions_close(&last);
    if (spooldir->look)
        spooldir->look->spooldir = NULL;
    if (spooldir->read) {
        spooldir->read->spooldir = NULL;
        spooldir->file = NULL; /* the read closes it */
    }
    spooldir_drop_file(spooldir);
    taildir_positions_close(&spooldir->known);
    spooldir_rules_unref(spooldir->rules);
    mem_free(spooldir->tracker);
}

const struct source_type spooldir_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "spooldir",
             .class_name = "org.apache.flume.source.SpoolDirectorySource",
             .doc = "The lines of files that are put whole into a directory.",
             .keys = spooldir_keys,
             .check = spooldir_check},
    .size = sizeof(struct spooldir_source),
    .batch_key = "batchSize",
    .start = spooldir_start,
    .stop = spooldir_stop,
};
