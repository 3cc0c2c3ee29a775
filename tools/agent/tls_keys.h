/* The keys of encrypted connections, which are not here: each is refused with what to do instead,
 * but for `ssl = false`, which is how it is. */
#ifndef AGENT_TLS_KEYS_H
#define AGENT_TLS_KEYS_H

#include "tools/agent/part.h"

#define TLS_INSTEAD                                                                                \
    "connections are not encrypted here: put stunnel or another TLS proxy at both ends"

/* clang-format off */
#define TLS_KEYS(store, password, type)                                                        \
    KEY_BOOL("ssl", "false", "Only false: connections are not encrypted."),                        \
    KEY_NOT_HERE(store, TLS_INSTEAD),                                                          \
    KEY_NOT_HERE(password, TLS_INSTEAD),                                                       \
    KEY_NOT_HERE(type, TLS_INSTEAD),                                                           \
    KEY_NOT_HERE("exclude-protocols", TLS_INSTEAD),                                            \
    KEY_NOT_HERE("include-protocols", TLS_INSTEAD),                                            \
    KEY_NOT_HERE("exclude-cipher-suites", TLS_INSTEAD),                                        \
    KEY_NOT_HERE("include-cipher-suites", TLS_INSTEAD)
/* clang-format on */

static inline void tls_check(const struct part *part, struct buf *problems)
{
    if (part_flag(part, "ssl"))
        part_complain(part, "ssl", problems, "%s", TLS_INSTEAD);
}

#endif
