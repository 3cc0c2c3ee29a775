/* Clients of other protocols on one of our ports: named by the first bytes that they sent, once per
 * host and minute, however often they come. */
#ifndef WIRE_FOREIGN_H
#define WIRE_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/logger.h"
#include "env/env.h"

/* "TLS", "HTTP", "SSH", "the PROXY protocol"; NULL when it is none that is known, or there are
 * fewer than 4 bytes. As the size of a frame all of them are above 200 MiB. */
const char *foreign_name(const uint8_t *bytes, size_t len);

enum {
    FOREIGN_HOSTS_MAX = 32, /* remembered at a time; more of them are told each time they come */
    FOREIGN_QUIET_MS = 60000
};

struct foreign {
    struct foreign_host {
        char host[ENV_ADDRESS_TEXT_MAX];
        const char *name; /* NULL = free */
        int64_t until_ms;
        int64_t held;
    } hosts[FOREIGN_HOSTS_MAX];
};

/* The connection of `peer` ("host:port") is closed, since it speaks `name`; `port` says what is
 * spoken here, with the remedy. */
void foreign_tell(struct foreign *foreign, struct logger *logger, int64_t now_ms, const char *peer,
                  const char *name, const char *port);
/* Now and then: tells how many were not told, and forgets hosts after their minute. */
void foreign_sweep(struct foreign *foreign, struct logger *logger, int64_t now_ms);

#endif
