/* The host interceptor: on which machine an event was taken, in a header. */
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tools/agent/interceptor.h"
#include "tools/agent/types.h"

struct host_interceptor {
    struct interceptor interceptor;
    struct header_setter setter;
    char *host; /* "" = not known */
};

/* clang-format off */
static const struct key_row host_keys[] = {
    KEY("hostHeader", "host", "The name of the header."),
    KEY_BOOL("useIP", "true", "Whether it has the address of the machine, or its name."),
    KEY_BOOL("preserveExisting", "false", "Whether a header of that name stays as it is."),
    KEY_END,
};
/* clang-format on */

static struct host_interceptor *host_of(struct interceptor *interceptor)
{
    return CONTAINER_OF(interceptor, struct host_interceptor, interceptor);
}

/* The address that the machine's own name has. */
static char *host_address(const char *name)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char text[INET6_ADDRSTRLEN] = "";
    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return mem_strdup("");
    if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0,
                    NI_NUMERICHOST) != 0)
        text[0] = '\0';
    freeaddrinfo(found);
    return mem_strdup(text);
}

/* Looked up once, at a start. */
static int host_open(struct interceptor *interceptor, struct buf *problem)
{
    char name[256] = "";
    if (gethostname(name, sizeof(name) - 1) < 0) {
        buf_printf(problem, "interceptor %s: the machine does not tell its name",
                   interceptor->part->name);
        return ERR_HOST_UNKNOWN;
    }
    host_of(interceptor)->host =
        part_flag(interceptor->part, "useIP") ? host_address(name) : mem_strdup(name);
    return 0;
}

static void host_close(struct interceptor *interceptor)
{
    header_setter_close(&host_of(interceptor)->setter);
    mem_free(host_of(interceptor)->host);
}

static size_t host_apply(struct interceptor *interceptor, struct event *events, size_t count)
{
    struct host_interceptor *host = host_of(interceptor);
    const char *name = part_text(interceptor->part, "hostHeader");
    bool preserve = part_flag(interceptor->part, "preserveExisting");
    for (size_t i = 0; i < count && host->host[0]; i++)
        header_setter_set(&host->setter, &events[i], name, host->host, preserve);
    return count;
}

const struct interceptor_type host_interceptor_type = {
    .part = {.kind = PART_INTERCEPTOR,
             .name = "host",
             .class_name = "org.apache.flume.interceptor.HostInterceptor",
             .doc = "Adds the address or the name of this machine.",
             .keys = host_keys},
    .size = sizeof(struct host_interceptor),
    .open = host_open,
    .close = host_close,
    .apply = host_apply,
};
