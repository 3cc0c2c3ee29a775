/* Who holds a port, for the sentence that says that it is taken.
 *
 * Happy path: /proc/net/tcp and tcp6 name the inode of the socket that listens on the port; the
 * process that has it open is found in /proc/PID/fd. Failure modes: no /proc, a process of another
 * user or another container: then it is "another process". */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "env/env.h"

enum { PORT_LISTENS = 0x0a, PORT_PATH_MAX = 300 };

/* The inode of the socket that listens on the port, as one table of the kernel has it; 0 = none. */
static uint64_t port_inode(const char *table, uint16_t port)
{
    char line[512];
    uint64_t found = 0;
    FILE *file = fopen(table, "r");
    while (file && !found && fgets(line, sizeof(line), file)) {
        unsigned local, state;
        uint64_t inode;
        if (sscanf(line,
                   " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u "
                   "%" SCNu64,
                   &local, &state, &inode) == 3 &&
            local == port && state == PORT_LISTENS)
            found = inode;
    }
    if (file)
        fclose(file);
    return found;
}

/* Whether one of the process's descriptors is that socket. */
static bool port_is_held_by(const char *pid, const char *socket)
{
    char path[PORT_PATH_MAX], link[64];
    struct dirent *entry;
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    while (dir && !found && (entry = readdir(dir))) {
        snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, entry->d_name);
        ssize_t len = readlink(path, link, sizeof(link) - 1);
        link[len > 0 ? len : 0] = '\0';
        found = strcmp(link, socket) == 0;
    }
    if (dir)
        closedir(dir);
    return found;
}

static void port_say_process(const char *pid, struct buf *out)
{
    char path[PORT_PATH_MAX], name[64] = "";
    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    FILE *file = fopen(path, "r");
    if (file && fgets(name, sizeof(name), file))
        name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
    buf_printf(out, "process %.20s (%s)", pid, name[0] ? name : "?");
}

void env_port_holder(struct env *env, uint16_t port, struct buf *out)
{
    char socket[64];
    struct dirent *entry;
    bool found = false;
    uint64_t inode = port_inode("/proc/net/tcp", port);
    (void)env;
    if (!inode)
        inode = port_inode("/proc/net/tcp6", port);
    snprintf(socket, sizeof(socket), "socket:[%" PRIu64 "]", inode);
    DIR *proc = inode ? opendir("/proc") : NULL;
    while (proc && !found && (entry = readdir(proc))) {
        found = isdigit((unsigned char)entry->d_name[0]) && port_is_held_by(entry->d_name, socket);
        if (found)
            port_say_process(entry->d_name, out);
    }
    if (proc)
        closedir(proc);
    if (!found)
        buf_printf(out, "another process");
}
