/* What kafka-reassign-partitions asks the cluster: what is being moved, where replicas are, and to
 * move them; and the settings of throttles. */
#ifndef TOOLS_REASSIGN_ASK_H
#define TOOLS_REASSIGN_ASK_H

#include "kafka/messages/metadata.h"
#include "tools/reassign_dirs.h"
#include "tools/reassign_plan.h"

/* All that is being moved, sorted. 0, or 1 with the message printed; so do the others. `optional`:
 * where the controller can't be asked, that is told and nothing counts as being moved. */
int reassign_ask_moves(struct tool_run *run, bool optional, struct plan *moves);
/* Where the replicas of the partitions of `wanted` are, sorted; one of partition -1 means all of
 * its topic. With `missing_ok` what is not there is left out. */
int reassign_take_current(const struct tool_run *run, const struct metadata_response *metadata,
                          const struct plan *wanted, bool missing_ok, struct plan *current);
/* Moves each partition to its replicas, or (`cancel`) ends its move. What was refused is told in
 * lines behind `heading`. */
int reassign_ask_alter(struct tool_run *run, const struct plan *plan, bool cancel,
                       const char *heading);

/* ---- throttles ---- */

/* The topics' lists of replicas, worked out from what is being moved and what shall be, and the
 * rate of all brokers that take part. What it does is told on `out`. */
int reassign_throttle_set(struct tool_run *run, const struct plan *moves, const struct plan *plan,
                          const struct plan *current, int64_t rate, FILE *out);
/* The topics that have lists of throttled replicas, as items of partition -1. */
int reassign_throttle_topics(struct tool_run *run, const struct metadata_response *metadata,
                             struct plan *topics);
/* The rate of moves between log directories, of all brokers that have one in the plan. */
int reassign_throttle_dirs(struct tool_run *run, const struct reassign_dirs *dirs, int64_t rate);
/* Takes them back: of all brokers of the cluster (where `metadata` is known) and of the plan, and
 * of the plan's topics. What it does is told on `out`. */
int reassign_throttle_clear(struct tool_run *run, const struct metadata_response *metadata,
                            const struct plan *plan, FILE *out);

#endif
