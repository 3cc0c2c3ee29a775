/* Happy path: the filter's type is looked up, and what it says is the value, without a newline at
 * its end. Failure modes: a filter of no type, or of one that is not here; a variable that is not
 * set; a command that fails, prints too much, or does not end. */
#include "tools/agent/config_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    CONFIG_FILTER_MS = 10000, /* for all of it */
    CONFIG_FILTER_LOOK_MS = 10,
    CONFIG_FILTER_MAX = 64 * 1024,
    CONFIG_FILTER_WORDS = 64
};

extern char **environ;

bool config_filter_is_asked(const char *name)
{
    const char *open = strchr(name, '[');
    return open && open > name && name[strlen(name) - 1] == ']';
}

static const char *config_filter_value(const struct props *lines, const char *agent,
                                       const char *filter, const char *key)
{
    char *whole = mem_printf("%s.configfilters.%s.%s", agent, filter, key);
    const char *value = props_get(lines, whole);
    mem_free(whole);
    return value;
}

static int64_t config_filter_now_ms(void)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_MONOTONIC, &now);
    ASSERT(rc == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether it can be read by then; or, with NULL, waits for a moment: whether there is time left. */
static bool config_filter_wait(struct pollfd *poll_fd, int64_t until_ms)
{
    for (;;) {
        int64_t left = until_ms - config_filter_now_ms();
        if (left <= 0)
            return false;
        int rc = poll(poll_fd, poll_fd ? 1 : 0, poll_fd ? (int)left : CONFIG_FILTER_LOOK_MS);
        if (rc >= 0)
            return rc == 1 || !poll_fd;
        if (errno != EINTR) /* a signal is for others */
            return false;
    }
}

/* Until the pipe ends. False: it fails, has too much, or takes too long. */
static bool config_filter_read(int from, struct buf *out, int64_t until_ms)
{
    struct pollfd poll_fd = {.fd = from, .events = POLLIN};
    for (;;) {
        char part[4096];
        if (!config_filter_wait(&poll_fd, until_ms))
            return false;
        ssize_t got = read(from, part, sizeof(part));
        if (got <= 0)
            return got == 0;
        if (out->len + (size_t)got > CONFIG_FILTER_MAX)
            return false;
        buf_put(out, part, (size_t)got);
    }
}

/* One that prints nothing any more may go on all the same: it is ended. The status, or -1. */
static int config_filter_end(pid_t child, bool kills, int64_t until_ms)
{
    int status;
    pid_t ended = 0;
    while (!kills && (ended = waitpid(child, &status, WNOHANG)) == 0)
        kills = !config_filter_wait(NULL, until_ms);
    if (!kills)
        return ended == child ? status : -1;
    kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return -1;
}

bool config_filter_run(char *const *argv, struct buf *out)
{
    int ends[2], status = -1;
    pid_t child;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    bool runs = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    int64_t until_ms = config_filter_now_ms() + CONFIG_FILTER_MS;
    bool read = runs && config_filter_read(ends[0], out, until_ms);
    close(ends[0]);
    if (runs)
        status = config_filter_end(child, !read, until_ms);
    return read && status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static char *config_filter_external(const char *command, const char *key, struct buf *problem)
{
    char *argv[CONFIG_FILTER_WORDS + 2], *copy = mem_strdup(command ? command : ""), *save = NULL;
    char *key_copy = mem_strdup(key), *value = NULL;
    size_t count = 0;
    struct buf out;
    buf_init(&out);
    for (char *word = strtok_r(copy, " \t", &save); word && count < CONFIG_FILTER_WORDS;
         word = strtok_r(NULL, " \t", &save))
        argv[count++] = word;
    argv[count] = key_copy;
    argv[count + 1] = NULL;
    if (count == 0) {
        buf_printf(problem, "its filter has no command");
    } else if (!config_filter_run(argv, &out)) {
        buf_printf(problem,
                   "\"%s %s\" fails: it has to print the value, and end with status 0 within %d "
                   "seconds",
                   command, key, CONFIG_FILTER_MS / 1000);
    } else {
        size_t len = out.len;
        while (len > 0 && (out.data[len - 1] == '\n' || out.data[len - 1] == '\r'))
            len--;
        value = mem_strndup(len ? (const char *)out.data : "", len);
    }
    buf_close(&out);
    mem_free(copy);
    mem_free(key_copy);
    return value;
}

char *config_filter_look(const struct props *lines, const char *agent, const char *name,
                         struct buf *problem)
{
    size_t at = strcspn(name, "["), len = strlen(name);
    ASSERT(config_filter_is_asked(name));
    bool quoted = len >= at + 4 && (name[at + 1] == '\'' || name[at + 1] == '"') &&
                  name[len - 2] == name[at + 1];
    char *filter = mem_strndup(name, at), *value = NULL;
    char *key = quoted ? mem_strndup(name + at + 2, len - at - 4)
                       : mem_strndup(name + at + 1, len - at - 2);
    const char *type = config_filter_value(lines, agent, filter, "type");
    if (!type) {
        buf_printf(problem, "${%s}: %s.configfilters.%s.type says nothing", name, agent, filter);
    } else if (strcasecmp(type, "env") == 0 ||
               strcmp(type, "org.apache.flume.configfilter.EnvironmentVariableConfigFilter") == 0) {
        value = getenv(key) ? mem_strdup(getenv(key)) : NULL;
        if (!value)
            buf_printf(problem, "${%s}: there is no environment variable %s", name, key);
    } else if (strcasecmp(type, "external") == 0 ||
               strcmp(type, "org.apache.flume.configfilter.ExternalProcessConfigFilter") == 0) {
        value = config_filter_external(config_filter_value(lines, agent, filter, "command"), key,
                                       problem);
    } else {
        buf_printf(problem, "${%s}: there is no config filter %s here: env and external are", name,
                   type);
    }
    mem_free(filter);
    mem_free(key);
    return value;
}
