/* The exec source: the lines that a command prints.
 *
 * Happy path: the command runs as a child, what it prints is split into lines and goes to the
 * channels; while they are full the child's pipe is not read, and the child waits. Failure modes:
 * the command ends, and is started again if `restart` says so; what it prints on stderr is read in
 * any case, and shown if `logStdErr` says so. A child that dies takes with it what it had not
 * printed: nobody can ask it again, so taildir is the source for files. */
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "env/process.h"
#include "tools/agent/lines.h"
#include "tools/agent/source.h"
#include "tools/agent/types.h"

enum {
    EXEC_BLOCK = 64 * 1024,
    EXEC_LINE_MAX = 16 << 20,
    EXEC_ERROR_MAX = 64 * 1024,
    EXEC_WORDS_MAX = 256
};

struct exec_source;

/* One of the child's two outputs. */
struct exec_output {
    struct exec_source *exec;
    struct env_stream *stream; /* NULL = at its end */
    struct lines lines;
};

struct exec_source {
    struct source source;
    struct env_process *process; /* NULL = none runs */
    struct exec_output out, err;
    struct batch batch;
    struct env_timer restart;
    char *command; /* its words, each with a NUL behind it */
    const char *words[EXEC_WORDS_MAX + 1];
    bool under_way, exited;
};

/* clang-format off */
static const struct key_row exec_keys[] = {
    KEY("command", KEY_REQUIRED, "The command; without a shell its words are split at blanks."),
    KEY("shell", NULL, "What runs the command, such as /bin/sh -c: for pipes, wildcards, quotes."),
    KEY_BOOL("restart", "false", "Whether a command that ends is started again."),
    KEY_INT("restartThrottle", "10000", 0, KEY_MAX_LONG,
            "How many milliseconds to wait before that."),
    KEY_BOOL("logStdErr", "false", "Whether what it prints on stderr stands in the log."),
    KEY_INT("batchSize", "20", 1, KEY_MAX_INT, "The most lines that are put at once."),
    KEY_INT("batchTimeout", "3000", 0, KEY_MAX_LONG,
            "Taken as the upper bound that it is: lines don't wait here for a batch to be full."),
    KEY("charset", "UTF-8", "Bodies are the bytes that came, whatever is said here."),
    KEY_END,
};
/* clang-format on */

static struct exec_source *exec_of(struct source *source)
{
    return CONTAINER_OF(source, struct exec_source, source);
}

static void exec_pump(struct exec_source *exec);

/* ---- the child's end ---- */

static void exec_launch(struct exec_source *exec);

static void exec_on_restart(void *data)
{
    exec_launch(data);
}

/* All that it printed has been put. */
static void exec_finished(struct exec_source *exec)
{
    env_process_close(exec->process);
    exec->process = NULL;
    lines_close(&exec->out.lines);
    lines_close(&exec->err.lines);
    if (!part_flag(exec->source.part, "restart"))
        return;
    env_timer_start(&exec->restart, part_number(exec->source.part, "restartThrottle"));
}

static void exec_check_end(struct exec_source *exec)
{
    if (exec->process && exec->exited && !exec->out.stream && !exec->err.stream && !exec->under_way)
        exec_finished(exec);
}

static void exec_on_exit(void *data, int status)
{
    struct exec_source *exec = data;
    bool restarts = part_flag(exec->source.part, "restart");
    exec->exited = true;
    if (status < 0)
        logger_warn(&exec->source.logger, "the command was ended by signal %d%s", -status,
                    restarts ? "" : "; restart = true starts it again");
    else
        logger_info(&exec->source.logger, "the command ended with status %d%s", status,
                    restarts ? "" : "; restart = true starts it again");
    exec_check_end(exec);
}

/* ---- its output ---- */

static void exec_close_output(struct exec_output *output)
{
    if (output->stream)
        env_stream_close(output->stream);
    output->stream = NULL;
}

/* Reads once. False: nothing came, or the output is at its end. */
static bool exec_read(struct exec_output *output)
{
    uint8_t *to;
    size_t room;
    ssize_t got = lines_room(&output->lines, &to, &room);
    if (got == 0)
        got = env_stream_read(output->stream, to, room);
    if (got == ERR_AGAIN)
        return false;
    if (got < 0) {
        if (got != ERR_EOF)
            logger_error(&output->exec->source.logger, "can't read what the command prints: %s",
                         err_text((int)got));
        exec_close_output(output);
        return false;
    }
    lines_added(&output->lines, (size_t)got);
    return true;
}

/* A line that is too long comes in pieces: the child must not wait for its end. */
static bool exec_next_error(struct lines *lines, struct event *event)
{
    int found = lines_next(lines, event);
    return found == 1 || (found == ERR_TOO_LARGE && lines_rest(lines, event));
}

static void exec_on_error_output(void *data)
{
    struct exec_source *exec = data;
    struct event event;
    (void)exec_read(&exec->err);
    while (exec_next_error(&exec->err.lines, &event)) {
        if (part_flag(exec->source.part, "logStdErr"))
            logger_info(&exec->source.logger, "stderr: %.*s", (int)event.len, event.body);
        event_unref(&event);
    }
    if (exec->err.stream)
        env_stream_want_read(exec->err.stream, true);
    exec_check_end(exec);
}

static void exec_batch_done(struct batch *batch, int status)
{
    struct exec_source *exec = CONTAINER_OF(batch, struct exec_source, batch);
    ASSERT(status == 0); /* the batch is patient */
    exec->under_way = false;
    exec_pump(exec);
}

static void exec_fill(struct exec_source *exec)
{
    struct event event;
    int found = 1;
    while (!batch_is_full(&exec->batch) && (found = lines_next(&exec->out.lines, &event)) == 1)
        batch_add(&exec->batch, &event);
    /* A line without an end is cut, so that it can't fill the memory; the last one needs none. */
    bool cut = found == ERR_TOO_LARGE || (found == 0 && !exec->out.stream);
    if (cut && !batch_is_full(&exec->batch) && lines_rest(&exec->out.lines, &event))
        batch_add(&exec->batch, &event);
}

/* Puts what has been read, as long as the channels take it at once. */
static void exec_pump(struct exec_source *exec)
{
    while (!exec->under_way) {
        exec_fill(exec);
        if (exec->batch.count == 0)
            break;
        exec->under_way = batch_send(&exec->batch) == TRANSACTION_PENDING;
    }
    if (exec->out.stream && !exec->under_way)
        env_stream_want_read(exec->out.stream, true);
    exec_check_end(exec);
}

static void exec_on_output(void *data)
{
    struct exec_source *exec = data;
    (void)exec_read(&exec->out);
    exec_pump(exec);
}

/* ---- starting and stopping ---- */

static void exec_launch(struct exec_source *exec)
{
    exec->exited = false;
    int err = env_process_start(exec->source.env, exec->words, &exec->out.stream, &exec->err.stream,
                                exec_on_exit, exec, &exec->process);
    if (err) {
        logger_error(&exec->source.logger, "can't run %s: %s", exec->words[0], err_text(err));
        if (part_flag(exec->source.part, "restart"))
            env_timer_start(&exec->restart, part_number(exec->source.part, "restartThrottle"));
        return;
    }
    lines_init(&exec->out.lines, EXEC_BLOCK, EXEC_LINE_MAX, true);
    lines_init(&exec->err.lines, EXEC_BLOCK, EXEC_ERROR_MAX, true);
    env_stream_set(exec->out.stream, exec_on_output, NULL, exec);
    env_stream_set(exec->err.stream, exec_on_error_output, NULL, exec);
    env_stream_want_read(exec->out.stream, true);
    env_stream_want_read(exec->err.stream, true);
}

static void exec_check(const struct part *part, struct buf *problems)
{
    static const char *const keys[] = {"command", "shell"};
    bool shell = part_given(part, "shell");
    const char *text = part_text(part, keys[shell]);
    size_t count = 0;
    for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
        text += strcspn(text, " \t");
        count++;
    }
    if (count > EXEC_WORDS_MAX - 1)
        part_complain(part, keys[shell], problems,
                      "%zu words are more than %d: put them into a script", count,
                      EXEC_WORDS_MAX - 1);
}

/* The words of the shell, if there is one, then the command as one word; else its words. */
static int exec_split(struct exec_source *exec, struct buf *problem)
{
    const char *shell = part_text(exec->source.part, "shell");
    const char *command = part_text(exec->source.part, "command");
    char *save = NULL;
    size_t count = 0;
    exec->command = mem_strdup(shell ? shell : command);
    for (char *word = strtok_r(exec->command, " \t", &save); word && count < EXEC_WORDS_MAX - 1;
         word = strtok_r(NULL, " \t", &save))
        exec->words[count++] = word;
    if (count == 0) {
        buf_printf(problem, "the command has no words");
        mem_free(exec->command);
        return ERR_INVALID;
    }
    if (shell)
        exec->words[count++] = command;
    return 0;
}

static int exec_start(struct source *source, struct buf *problem)
{
    struct exec_source *exec = exec_of(source);
    int err = exec_split(exec, problem);
    if (err)
        return err;
    exec->out.exec = exec->err.exec = exec;
    env_timer_init(source->env, &exec->restart, exec_on_restart, exec);
    batch_init(&exec->batch, source, (size_t)part_number(source->part, "batchSize"), true,
               exec_batch_done);
    exec_launch(exec);
    return 0;
}

static void exec_stop(struct source *source)
{
    struct exec_source *exec = exec_of(source);
    env_timer_stop(&exec->restart);
    batch_close(&exec->batch);
    exec_close_output(&exec->out);
    exec_close_output(&exec->err);
    if (exec->process) {
        env_process_kill(exec->process, SIGTERM);
        env_process_close(exec->process);
        lines_close(&exec->out.lines);
        lines_close(&exec->err.lines);
    }
    mem_free(exec->command);
}

const struct source_type exec_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "exec",
             .class_name = "org.apache.flume.source.ExecSource",
             .doc = "The lines that a command prints.",
             .keys = exec_keys,
             .check = exec_check},
    .size = sizeof(struct exec_source),
    .batch_key = "batchSize",
    .start = exec_start,
    .stop = exec_stop,
};
