/* Clients of other protocols. Happy path: a name, a line, and silence about that host for a
 * minute; then the number of the others. Failure mode: more hosts at once than are remembered, each
 * of which gets a line each time: the logger's own limit bounds those. */
#include "wire/foreign.h"

#include <string.h>

#include "base/check.h"

static const struct {
    const char *start; /* 4 bytes */
    const char *name;
} foreign_starts[] = {
    {"\x16\x03\x00", "TLS"}, /* the record of a ClientHello, by its version */
    {"\x16\x03\x01", "TLS"},
    {"\x16\x03\x02", "TLS"},
    {"\x16\x03\x03", "TLS"},
    {"GET ", "HTTP"},
    {"POST", "HTTP"},
    {"PUT ", "HTTP"},
    {"HEAD", "HTTP"},
    {"DELE", "HTTP"},
    {"OPTI", "HTTP"},
    {"PATC", "HTTP"},
    {"CONN", "HTTP"},
    {"PRI ", "HTTP"},
    {"SSH-", "SSH"},
    {"PROX", "the PROXY protocol"},
    {"\r\n\r\n", "the PROXY protocol"},
};

const char *foreign_name(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; len >= 4 && i < ARRAY_LEN(foreign_starts); i++)
        if (memcmp(bytes, foreign_starts[i].start, bytes[0] == 0x16 ? 3 : 4) == 0)
            return foreign_starts[i].name;
    return NULL;
}

static size_t foreign_host_len(const char *peer)
{
    const char *colon = strrchr(peer, ':');
    return colon ? (size_t)(colon - peer) : strlen(peer);
}

void foreign_tell(struct foreign *foreign, struct logger *logger, int64_t now_ms, const char *peer,
                  const char *name, const char *port)
{
    size_t len = foreign_host_len(peer);
    struct foreign_host *empty = NULL;
    foreign_sweep(foreign, logger, now_ms);
    for (size_t i = 0; i < FOREIGN_HOSTS_MAX; i++) {
        struct foreign_host *host = &foreign->hosts[i];
        if (!host->name)
            empty = host;
        else if (strncmp(host->host, peer, len) == 0 && host->host[len] == '\0' &&
                 strcmp(host->name, name) == 0) {
            host->held++;
            return;
        }
    }
    logger_warn(logger, "closing the connection of %s: it speaks %s, and %s", peer, name, port);
    if (!empty || len >= sizeof(empty->host))
        return;
    *empty = (struct foreign_host){.name = name, .until_ms = now_ms + FOREIGN_QUIET_MS};
    memcpy(empty->host, peer, len);
}

void foreign_sweep(struct foreign *foreign, struct logger *logger, int64_t now_ms)
{
    for (size_t i = 0; i < FOREIGN_HOSTS_MAX; i++) {
        struct foreign_host *host = &foreign->hosts[i];
        if (!host->name || now_ms < host->until_ms)
            continue;
        if (host->held > 0)
            logger_warn(logger, "closed %lld more connections of %s that speak %s in this minute",
                        (long long)host->held, host->host, host->name);
        host->name = NULL;
    }
}
