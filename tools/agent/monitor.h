/* What an agent counts, over HTTP: Flume's JSON at /metrics, with its names, or Prometheus' text.
 *
 *     -Dflume.monitoring.type=http       {"SOURCE.r1": {"EventReceivedCount": "12", ...}, ...}
 *     -Dflume.monitoring.type=prometheus flume_source_event_received_count{name="r1"} 12
 *     -Dflume.monitoring.port=41414 */
#ifndef AGENT_MONITOR_H
#define AGENT_MONITOR_H

#include "tools/agent/agent.h"

enum monitor_kind { MONITOR_JSON, MONITOR_PROMETHEUS };
enum { MONITOR_PORT = 41414 }; /* of Flume */

struct monitor;

/* Listens; *agent may change while it does, and be NULL. ERR_x with a sentence in `problem`. */
int monitor_start(struct env *env, struct logger *logger, enum monitor_kind kind, uint16_t port,
                  struct agent *const *agent, struct monitor **monitor,
                  struct buf *problem) MUST_CHECK;
void monitor_stop(struct monitor *monitor);
/* The body of an answer; `agent` may be NULL. */
void monitor_print(enum monitor_kind kind, struct agent *agent, struct buf *out);

#endif
