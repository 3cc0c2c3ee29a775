/* The keys that the sources of syslog share. */
#ifndef AGENT_SYSLOG_KEYS_H
#define AGENT_SYSLOG_KEYS_H

#include "tools/agent/part.h"

/* clang-format off */
#define SYSLOG_KEYS                                                                                \
    KEY("host", "0.0.0.0", "The address to listen on; 0.0.0.0 is any."),                           \
    KEY("keepFields", "none",                                                                      \
        "What of the line's begin stays in the body: none, all, or some of priority, version, "    \
        "timestamp, hostname."),                                                                   \
    KEY("clientIPHeader", NULL, "The header with the address of who sent it."),                    \
    KEY_NOT_HERE("clientHostnameHeader",                                                           \
                 "names of clients are not looked up: clientIPHeader gives the address"),          \
    KEY_NOT_HERE("format.*", "forms of one's own are read by a regex_extractor interceptor")
/* clang-format on */

#endif
