/* Lines of syslog as events: RFC 3164 and RFC 5424, as far as Flume reads them. Priority, time and
 * host become headers, what stands behind them the body. */
#ifndef AGENT_SYSLOG_H
#define AGENT_SYSLOG_H

#include <stdint.h>

#include "tools/agent/event.h"
#include "tools/agent/part.h"

/* How lines are read; zeroed memory is how syslogtcp does it without any key. */
struct syslog_rules {
    bool multiport; /* the headers are named as multiport_syslogtcp does, times are UTC */
    bool keep_all;  /* the body is the whole line */
    bool keep_priority, keep_version, keep_timestamp, keep_hostname;
};

/* Reads the value of keepFields: none, all, or some of priority, version, timestamp, hostname.
 * False for a word that is none of them. */
bool syslog_keep(struct syslog_rules *rules, const char *fields);
/* The key keepFields for a type's check. */
void syslog_check(const struct part *part, struct buf *problems);

/* Turns the event, a line, into the event of what it says: sets its headers, and moves its body.
 * `cut` is a line that was longer than what is allowed. Times without a year are near `now_ms`. */
void syslog_read(const struct syslog_rules *rules, int64_t now_ms, bool cut, struct event *event);

#endif
