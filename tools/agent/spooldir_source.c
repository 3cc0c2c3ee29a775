/* The spooldir source: files that are put whole into a directory, each read once, then renamed or
 * deleted.
 *
 * Happy path: a look into the directory (on the worker pool) finds the next file; it is read chunk
 * by chunk, its lines go to the channels, and when these have all of them the file gets its suffix,
 * or a mark in the tracker's directory.
 * How far the channels have it is kept in the tracker directory, so that a start goes on there.
 * Lines and whole files are cut out of what was read here; records of Avro files come from
 * spooldir_avro.h.
 * Failure modes: a damaged Avro file is left where its damage begins, and the next one is read; a
 * file that still grows is read to its new end, with a warning; one whose new name
 * is taken stays as it is, is told, and not read again; a crash reads again what the tracker did
 * not know yet. A system gives the inode of a removed file to a new one, and a name may come again:
 * a file goes on where the tracker says only if path, inode and first bytes are those of before. */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "tools/agent/lines.h"
#include "tools/agent/source.h"
#include "tools/agent/spooldir_avro.h"
#include "tools/agent/spooldir_look.h"
#include "tools/agent/types.h"

enum {
    SPOOLDIR_BLOCK = 256 * 1024,
    SPOOLDIR_BATCHES_PER_TURN = 32,
    SPOOLDIR_TRACK_MS = 250,
    SPOOLDIR_RETRY_MS = 1000
};

/* What is an event. */
enum spooldir_events { SPOOLDIR_LINES, SPOOLDIR_BLOBS, SPOOLDIR_RECORDS };

struct spooldir_source;

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
    char *path;                 /* NULL = none */
    struct env_file *file;      /* of lines and blobs */
    struct spooldir_avro *avro; /* of records: it has the file */
    struct env_path_info info;
    uint32_t head_len, head; /* of its first bytes: their count and CRC-32C */
    struct headers *headers;
    struct lines lines;
    uint64_t offset; /* read up to there */
    uint64_t pos;    /* the channels have what is before it */
    bool at_end, moved;
    struct batch batch;
    bool under_way;
    enum spooldir_events events;
    char *tracker;                  /* the file */
    struct taildir_positions known; /* from before the start, for files that are still to come */
    struct taildir_positions aside; /* where damaged files are left: a start does not send again */
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
    KEY_ONE_OF("deserializer", "line", "line|avro|"
               "org.apache.flume.serialization.LineDeserializer$Builder|"
               "org.apache.flume.serialization.AvroEventDeserializer$Builder|"
               "org.apache.flume.sink.solr.morphline.BlobDeserializer$Builder",
               "What is an event: a line, a record of an Avro file, or a whole file."),
    KEY_ONE_OF("deserializer.schemaType", "HASH", "HASH|LITERAL",
               "Of Avro files: whether the header flume.avro.schema.hash has a checksum of the "
               "schema, or flume.avro.schema.literal the schema."),
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
static void spooldir_avro_done(void *data);

static struct spooldir_source *spooldir_of(struct source *source)
{
    return CONTAINER_OF(source, struct spooldir_source, source);
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

/* ---- the file ---- */

static void spooldir_drop_file(struct spooldir_source *spooldir)
{
    if (spooldir->file)
        env_file_close(spooldir->file);
    spooldir->file = NULL;
    spooldir_avro_free(spooldir->avro);
    spooldir->avro = NULL;
    mem_free(spooldir->path);
    spooldir->path = NULL;
    headers_unref(spooldir->headers);
    spooldir->headers = NULL;
    lines_close(&spooldir->lines);
}

static struct taildir_position spooldir_position(const struct spooldir_source *spooldir)
{
    return (struct taildir_position){.inode = spooldir->info.inode,
                                     .pos = spooldir->pos,
                                     .path = spooldir->path,
                                     .head_len = spooldir->head_len,
                                     .head = spooldir->head};
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
    bool blobs = spooldir->events == SPOOLDIR_BLOBS;
    size_t most = (size_t)part_number(part, blobs ? "deserializer.maxBlobLength"
                                                  : "deserializer.maxLineLength");
    lines_init(&spooldir->lines, SPOOLDIR_BLOCK, most, true);
    if (spooldir->events == SPOOLDIR_RECORDS) {
        spooldir->avro = spooldir_avro_new(
            spooldir->source.env, spooldir->file, spooldir->pos, spooldir->headers,
            part_is(part, "deserializer.schemaType", "LITERAL"), spooldir_avro_done, spooldir);
        spooldir->file = NULL;
    }
    logger_info(&spooldir->source.logger, "reading %s from byte %llu", spooldir->path,
                (unsigned long long)spooldir->pos);
    spooldir_pump(spooldir);
}

/* No look finds it again. */
static void spooldir_refuse(struct spooldir_source *spooldir)
{
    char *refused = mem_printf("%s%s\n", spooldir->rules->refused, spooldir->path);
    ASSERT(!spooldir->look);
    mem_free(spooldir->rules->refused);
    spooldir->rules->refused = refused;
}

static void spooldir_cannot_finish(struct spooldir_source *spooldir, const char *why)
{
    logger_error(&spooldir->source.logger,
                 "%s has been read, and can't be finished: %s; it is left as it is", spooldir->path,
                 why);
    spooldir_refuse(spooldir);
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
        spooldir_cannot_finish(spooldir, "a file with its new name is there");
    else if (err)
        spooldir_cannot_finish(spooldir, err_text(err));
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

/* The channels have what is in front of the damage; the position says so to the next start. */
static void spooldir_set_aside(struct spooldir_source *spooldir, const char *why)
{
    struct taildir_position left = spooldir_position(spooldir);
    logger_error(&spooldir->source.logger,
                 "%s is not read on from byte %llu: %s; what is in front of that is sent, and the "
                 "file is left as it is: put a good one there under another name",
                 spooldir->path, (unsigned long long)spooldir->pos, why);
    spooldir_refuse(spooldir);
    taildir_positions_add(&spooldir->aside, &left);
    spooldir_drop_file(spooldir);
    spooldir_track(spooldir);
    env_timer_start(&spooldir->poll, 0);
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

/* The next line or blob. */
static bool spooldir_cut(struct spooldir_source *spooldir, struct event *event)
{
    bool blobs = spooldir->events == SPOOLDIR_BLOBS;
    int found = blobs ? 0 : lines_next(&spooldir->lines, event);
    bool cut = found == ERR_TOO_LARGE || (found == 0 && spooldir->at_end);
    size_t held = spooldir->lines.end - spooldir->lines.start;
    if (blobs && held >= spooldir->lines.line_max)
        cut = true;
    if (found != 1 && !(cut && lines_rest(&spooldir->lines, event)))
        return false;
    event->headers = headers_ref(spooldir->headers);
    return true;
}

static void spooldir_fill(struct spooldir_source *spooldir)
{
    struct event event;
    while (!batch_is_full(&spooldir->batch)) {
        bool found = spooldir->avro ? spooldir_avro_next(spooldir->avro, &event)
                                    : spooldir_cut(spooldir, &event);
        if (!found)
            return;
        batch_add(&spooldir->batch, &event);
    }
}

static void spooldir_batch_ended(struct spooldir_source *spooldir)
{
    spooldir->under_way = false;
    spooldir->pos = spooldir->avro
                        ? spooldir_avro_pos(spooldir->avro)
                        : spooldir->offset - (spooldir->lines.end - spooldir->lines.start);
    spooldir_track(spooldir);
}

static void spooldir_batch_done(struct batch *batch, int status)
{
    struct spooldir_source *spooldir = CONTAINER_OF(batch, struct spooldir_source, batch);
    ASSERT(status == 0); /* the batch is patient */
    spooldir_batch_ended(spooldir);
    spooldir_pump(spooldir);
}

/* A block of records has come, or none. */
static void spooldir_avro_done(void *data)
{
    struct spooldir_source *spooldir = data;
    const char *why;
    int err = spooldir_avro_status(spooldir->avro, &why);
    ASSERT(!spooldir->under_way);
    if (spooldir_avro_is_from_start(spooldir->avro)) {
        logger_warn(
            &spooldir->source.logger,
            "%s has no block at byte %llu, where it was left: it is read from its beginning",
            spooldir->path, (unsigned long long)spooldir->pos);
        spooldir->pos = 0;
    }
    if (err == ERR_EOF) {
        spooldir_finish(spooldir);
    } else if (err == ERR_CORRUPT) {
        spooldir_set_aside(spooldir, why);
    } else if (err) {
        logger_error(&spooldir->source.logger, "can't read %s, trying on: %s", spooldir->path,
                     err_text(err));
        env_timer_start(&spooldir->turn, SPOOLDIR_RETRY_MS);
    } else {
        spooldir_pump(spooldir);
    }
}

/* There is nothing to send: more is read, or all was. */
static void spooldir_go_on(struct spooldir_source *spooldir)
{
    if (spooldir->avro)
        spooldir_avro_read(spooldir->avro);
    else if (spooldir->at_end)
        spooldir_ended(spooldir);
    else
        spooldir_read_on(spooldir);
}

static bool spooldir_is_reading(const struct spooldir_source *spooldir)
{
    return spooldir->read || (spooldir->avro && spooldir_avro_is_busy(spooldir->avro));
}

static void spooldir_pump(struct spooldir_source *spooldir)
{
    for (int i = 0; i < SPOOLDIR_BATCHES_PER_TURN; i++) {
        if (!spooldir->path || spooldir->under_way || spooldir_is_reading(spooldir))
            return;
        spooldir_fill(spooldir);
        if (spooldir->batch.count == 0) {
            spooldir_go_on(spooldir);
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

static void spooldir_look_done(void *data, struct spooldir_look *look)
{
    struct spooldir_source *spooldir = data;
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

static void spooldir_on_poll(void *data)
{
    struct spooldir_source *spooldir = data;
    if (spooldir->path || spooldir->look)
        return;
    spooldir->look =
        spooldir_look_start(spooldir->source.env, spooldir->rules, spooldir_look_done, spooldir);
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

/* Those of the file that is read, of damaged files, and of files that are still to come. */
static void spooldir_add_positions(const struct spooldir_source *spooldir,
                                   struct taildir_positions *positions)
{
    struct taildir_position current = spooldir_position(spooldir);
    if (spooldir->path)
        taildir_positions_add(positions, &current);
    for (size_t i = 0; i < spooldir->aside.count; i++)
        taildir_positions_add(positions, &spooldir->aside.rows[i]);
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
    const char *deserializer = part_text(source->part, "deserializer");
    spooldir->events = strcasestr(deserializer, "blob")   ? SPOOLDIR_BLOBS
                       : strcasestr(deserializer, "avro") ? SPOOLDIR_RECORDS
                                                          : SPOOLDIR_LINES;
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
        spooldir->look->data = NULL;
    if (spooldir->read) {
        spooldir->read->spooldir = NULL;
        spooldir->file = NULL; /* the read closes it */
    }
    spooldir_drop_file(spooldir);
    taildir_positions_close(&spooldir->known);
    taildir_positions_close(&spooldir->aside);
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
