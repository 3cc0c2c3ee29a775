/* Messages to the service manager, by plain datagrams.
 *
 * Happy path: $NOTIFY_SOCKET is a path or, with @ before it, a name of Linux's abstract namespace;
 * $WATCHDOG_USEC counts when $WATCHDOG_PID is this process or is not set. Failure modes: a variable
 * that makes no sense is as good as none. */
#include "tools/server/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

struct notify {
    int fd; /* negative: nobody listens */
    struct sockaddr_un address;
    socklen_t address_len;
    int64_t watchdog_us;
};

static void notify_find_socket(struct notify *notify)
{
    const char *name = getenv("NOTIFY_SOCKET");
    size_t len = name ? strlen(name) : 0;
    if (len < 2 || len >= sizeof(notify->address.sun_path) || (name[0] != '/' && name[0] != '@'))
        return;
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, name, len);
    if (name[0] == '@')
        notify->address.sun_path[0] = '\0';
    notify->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static void notify_find_watchdog(struct notify *notify)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (notify->fd < 0 || !us || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return;
    long long value = strtoll(us, NULL, 10);
    notify->watchdog_us = value > 0 ? value : 0;
}

struct notify *notify_new(void)
{
    struct notify *notify = mem_alloc(sizeof(*notify));
    notify->fd = -1;
    notify_find_socket(notify);
    notify_find_watchdog(notify);
    return notify;
}

void notify_free(struct notify *notify)
{
    if (notify && notify->fd >= 0)
        close(notify->fd);
    mem_free(notify);
}

void notify_send(const struct notify *notify, const char *text)
{
    ssize_t sent;
    if (notify->fd < 0)
        return;
    do
        sent = sendto(notify->fd, text, strlen(text), MSG_NOSIGNAL,
                      (const struct sockaddr *)&notify->address, notify->address_len);
    while (sent < 0 && errno == EINTR);
}

bool notify_wanted(const struct notify *notify)
{
    return notify->fd >= 0;
}

int64_t notify_watchdog_us(const struct notify *notify)
{
    return notify->watchdog_us;
}
