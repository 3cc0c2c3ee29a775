/* The keys of encrypted connections, which are not here: each is refused with what to do instead,
 * but for `ssl = false`, which is how it is. */
#ifndef AGENT_RPC_TLS_H
#define AGENT_RPC_TLS_H

#include "tools/agent/part.h"

#define RPC_TLS_INSTEAD                                                                            \
    "connections are not encrypted here: put stunnel or another TLS proxy at both ends"

/* clang-format off */
#define RPC_TLS_KEYS(store, password, type)                                                        \
    KEY_BOOL("ssl", "false", "Only false: connections are not encrypted."),                        \
    KEY_NOT_HERE(store, RPC_TLS_INSTEAD),                                                          \
    KEY_NOT_HERE(password, RPC_TLS_INSTEAD),                                                       \
    KEY_NOT_HERE(type, RPC_TLS_INSTEAD),                                                           \
    KEY_NOT_HERE("exclude-protocols", RPC_TLS_INSTEAD),                                            \
    KEY_NOT_HERE("include-protocols", RPC_TLS_INSTEAD),                                            \
    KEY_NOT_HERE("exclude-cipher-suites", RPC_TLS_INSTEAD),                                        \
    KEY_NOT_HERE("include-cipher-suites", RPC_TLS_INSTEAD)
/* clang-format on */

static inline void rpc_tls_check(const struct part *part, struct buf *problems)
{
    if (part_flag(part, "ssl"))
        part_complain(part, "ssl", problems, "%s", RPC_TLS_INSTEAD);
}

#endif
