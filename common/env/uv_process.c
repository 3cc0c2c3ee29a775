/* Child processes, by libuv; their outputs are pipes that are polled as sockets are.
 *
 * Happy path: two pipes, a child with their ends as stdout and stderr, the other ends as streams.
 * Failure modes: no descriptors; a program that is not there. A closed process that still runs is
 * waited for by libuv when it ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "env/process.h"
#include "env/uv_private.h"

#include "base/mem.h"

struct env_process {
    uv_process_t handle;
    void (*ended)(void *data, int status); /* NULL = nobody listens */
    void *data;
    bool exited, closed;
};

STATIC_ASSERT(offsetof(struct env_process, handle) == 0, "process_freed frees by the handle");

static void process_freed(uv_handle_t *handle)
{
    mem_free(handle);
}

void uv_process_abandon(uv_handle_t *handle)
{
    ASSERT(((struct env_process *)handle)->closed);
    uv_close(handle, process_freed);
}

static void process_on_exit(uv_process_t *handle, int64_t status, int signum)
{
    struct env_process *process = (struct env_process *)handle;
    process->exited = true;
    if (process->closed)
        uv_close((uv_handle_t *)handle, process_freed);
    else
        process->ended(process->data, signum ? -signum : (int)status);
}

/* Our end does not block and is not inherited; the child's is as it expects. */
static int process_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_from_errno(errno);
    int flags = fcntl(ends[0], F_GETFL);
    if (flags < 0 || fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) < 0) {
        int err = err_from_errno(errno);
        close(ends[0]);
        close(ends[1]);
        return err;
    }
    return 0;
}

static int process_spawn(struct env *env, const char *const *argv, int out, int err,
                         struct env_process *process)
{
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = out},
                                     {.flags = UV_INHERIT_FD, .data.fd = err}};
    uv_process_options_t options = {.exit_cb = process_on_exit,
                                    .file = argv[0],
                                    .args = (char **)(uintptr_t)argv,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 3,
                                    .stdio = stdio};
    uv_share_take(UV_SHARE_ORDINARY); /* a child has the share of the thread that starts it */
    int rc = uv_spawn(&env->loop, &process->handle, &options);
    uv_share_take(UV_SHARE_SHORT);
    return uv_private_err(rc);
}

int env_process_start(struct env *env, const char *const *argv, struct env_stream **out,
                      struct env_stream **err, void (*ended)(void *data, int status), void *data,
                      struct env_process **started)
{
    int outs[2], errs[2];
    ASSERT(argv[0]);
    int rc = process_pipe(outs);
    if (rc)
        return rc;
    rc = process_pipe(errs);
    if (rc) {
        close(outs[0]);
        close(outs[1]);
        return rc;
    }
    struct env_process *process = mem_alloc(sizeof(*process));
    process->ended = ended;
    process->data = data;
    rc = process_spawn(env, argv, outs[1], errs[1], process);
    close(outs[1]);
    close(errs[1]);
    if (rc) {
        close(outs[0]);
        close(errs[0]);
        uv_close((uv_handle_t *)&process->handle, process_freed);
        return rc;
    }
    rc = uv_stream_new(env, outs[0], out);
    ASSERT(rc == 0); /* a pipe can be polled */
    rc = uv_stream_new(env, errs[0], err);
    ASSERT(rc == 0);
    (*out)->is_pipe = (*err)->is_pipe = true;
    *started = process;
    return 0;
}

void env_process_kill(struct env_process *process, int signum)
{
    if (!process->exited)
        (void)kill(-process->handle.pid, signum); /* it leads its own group */
}

void env_process_close(struct env_process *process)
{
    ASSERT(!process->closed);
    process->closed = true;
    if (process->exited)
        uv_close((uv_handle_t *)&process->handle, process_freed);
    else
        uv_unref((uv_handle_t *)&process->handle);
}
