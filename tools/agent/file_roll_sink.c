/* The file_roll sink: events into files of a directory, a new one now and then.
 *
 * Happy path: the events of a take are one buffer, which is appended on the worker pool; then the
 * take is done. The file of a time is named after it and a number, as Flume names it. Failure
 * modes: a write that fails fails the take, and the next one begins a new file: what was written of
 * the failed one may stand in the old file, and again in the new one. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "tools/agent/flume_event.h"
#include "tools/agent/sink.h"
#include "tools/agent/types.h"

struct file_roll_sink;

/* One take on its way to the disk; it outlives the sink. */
struct file_roll_write {
    struct env_work work;
    struct env *env;
    struct file_roll_sink *roll; /* NULL = stopped */
    struct take *take;
    struct buf data;
    char *path; /* of a new file; NULL = the open one */
    struct env_file *file;
    uint64_t offset;
    int err;
};

struct file_roll_sink {
    struct sink sink;
    const char *dir, *prefix, *extension;
    bool headers, newline;
    int64_t roll_ms, rolled_ms; /* the wall clock when it started names the files */
    int64_t series_ms, number;
    struct env_file *file; /* NULL = the next write makes one */
    uint64_t offset;
    struct file_roll_write *write;
    bool told;
};

/* clang-format off */
static const struct key_row file_roll_keys[] = {
    KEY("sink.directory", KEY_REQUIRED, "The directory of the files; it is made if it is absent."),
    KEY_INT("sink.rollInterval", "30", 0, KEY_MAX_INT,
            "After how many seconds a new file begins; 0 = never."),
    KEY_ONE_OF("sink.pathManager", "default",
               "default|rolltime|org.apache.flume.formatter.output.DefaultPathManager",
               "How files are named: PREFIX TIME-NUMBER.EXTENSION."),
    KEY("sink.pathManager.prefix", "", "Stands in front of the name of a file."),
    KEY("sink.pathManager.extension", "", "Stands behind it, after a dot."),
    KEY_ONE_OF("sink.serializer", "text", "text|header_and_text",
               "What is written of an event: its body, or its headers in front of it."),
    KEY_BOOL("sink.serializer.appendNewline", "true", "Whether a newline stands behind each."),
    KEY_INT("sink.batchSize", "100", 1, KEY_MAX_INT, "The most events of one take."),
    KEY_OLDER_NAME("batchSize", "sink.batchSize"),
    KEY_END,
};
/* clang-format on */

static struct file_roll_sink *file_roll_of(struct sink *sink)
{
    return CONTAINER_OF(sink, struct file_roll_sink, sink);
}

static int file_roll_start(struct sink *sink, struct buf *problem)
{
    struct file_roll_sink *roll = file_roll_of(sink);
    const struct part *part = sink->part;
    if (sink->batch_size > sink->channel->transaction_capacity)
        sink->batch_size = sink->channel->transaction_capacity;
    roll->dir = part_text(part, "sink.directory");
    roll->prefix = part_text(part, "sink.pathManager.prefix");
    roll->extension = part_text(part, "sink.pathManager.extension");
    roll->headers = part_is(part, "sink.serializer", "header_and_text");
    roll->newline = part_flag(part, "sink.serializer.appendNewline");
    roll->roll_ms = part_number(part, "sink.rollInterval") * 1000;
    roll->series_ms = env_wall_ms(sink->env);
    int err = env_dir_make(sink->env, roll->dir);
    if (err)
        buf_printf(problem, "can't make the directory %s: %s", roll->dir, err_text(err));
    return err;
}

static void file_roll_stop(struct sink *sink)
{
    struct file_roll_sink *roll = file_roll_of(sink);
    if (roll->write)
        roll->write->roll = NULL; /* it closes the file */
    else if (roll->file)
        env_file_close(roll->file);
}

/* ---- a write ---- */

static void file_roll_run(struct env_work *work)
{
    struct file_roll_write *write = CONTAINER_OF(work, struct file_roll_write, work);
    if (write->path)
        write->err =
            env_file_open(write->env, write->path,
                          ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_EXCLUSIVE, &write->file);
    if (!write->err)
        write->err = env_file_write(write->file, write->data.data, write->data.len, write->offset);
}

static void file_roll_ended(struct file_roll_sink *roll, const struct file_roll_write *write)
{
    roll->write = NULL;
    roll->file = write->file;
    roll->offset = write->offset + write->data.len;
    if (write->err) {
        if (!roll->told)
            logger_error(&roll->sink.logger, "can't write to %s, trying on: %s", roll->dir,
                         err_text(write->err));
        if (roll->file)
            env_file_close(roll->file);
        roll->file = NULL;
    }
    roll->told = write->err != 0;
    sink_done(&roll->sink, write->take, write->err);
}

static void file_roll_done(struct env_work *work)
{
    struct file_roll_write *write = CONTAINER_OF(work, struct file_roll_write, work);
    if (write->roll)
        file_roll_ended(write->roll, write);
    else if (write->file)
        env_file_close(write->file);
    buf_close(&write->data);
    mem_free(write->path);
    mem_free(write);
}

static void file_roll_encode(const struct file_roll_sink *roll, const struct event *event,
                             struct buf *out)
{
    if (roll->headers) {
        buf_printf(out, "{");
        for (size_t i = 0; event->headers && i < event->headers->count; i++)
            buf_printf(out, "%s%s=%s", i ? ", " : "", event->headers->rows[i].name,
                       event->headers->rows[i].value);
        buf_printf(out, "} ");
    }
    buf_put(out, event->body, event->len);
    if (roll->newline)
        buf_put(out, "\n", 1);
}

/* A new file is due: the name of it, the caller's to free; NULL = not yet. */
static char *file_roll_path(struct file_roll_sink *roll)
{
    int64_t now_ms = env_now_ms(roll->sink.env);
    bool due = roll->roll_ms > 0 && now_ms - roll->rolled_ms >= roll->roll_ms;
    if (roll->file && !due)
        return NULL;
    if (roll->file)
        env_file_close(roll->file);
    roll->file = NULL;
    roll->rolled_ms = now_ms;
    return mem_printf("%s/%s%" PRId64 "-%" PRId64 "%s%s", roll->dir, roll->prefix, roll->series_ms,
                      ++roll->number, roll->extension[0] ? "." : "", roll->extension);
}

static int file_roll_deliver(struct sink *sink, struct take *take)
{
    struct file_roll_sink *roll = file_roll_of(sink);
    struct file_roll_write *write = mem_alloc(sizeof(*write));
    write->env = sink->env;
    write->roll = roll;
    write->take = take;
    write->path = file_roll_path(roll);
    write->file = roll->file;
    write->offset = write->path ? 0 : roll->offset;
    buf_init(&write->data);
    for (size_t i = 0; i < take->count; i++)
        file_roll_encode(roll, &take->events[i], &write->data);
    roll->write = write;
    env_work_submit(sink->env, &write->work, file_roll_run, file_roll_done);
    return TRANSACTION_PENDING;
}

const struct sink_type file_roll_sink_type = {
    .part = {.kind = PART_SINK,
             .name = "file_roll",
             .class_name = "org.apache.flume.sink.RollingFileSink",
             .doc = "Events into files, a new one now and then.",
             .keys = file_roll_keys},
    .size = sizeof(struct file_roll_sink),
    .batch_key = "sink.batchSize",
    .depth = 1,
    .start = file_roll_start,
    .stop = file_roll_stop,
    .deliver = file_roll_deliver,
};
