/* The inside of partition_ops.h: the queue of the operations, and what its files share.
 *
 * partitions.c has names, queue and cancel; partition_appends.c the appends with the order of a
 * client's batches; partition_lists.c what looks at many replicas; partition_answers.c the rest. */
#ifndef BROKER_REPLICA_PARTITIONS_H
#define BROKER_REPLICA_PARTITIONS_H

#include "broker/replica/append_order.h"
#include "broker/replica/partition_private.h"
#include "broker/replica/replica_manager_private.h"

struct partitions {
    struct replica_manager *manager;
    const struct replica_deps *deps;
    struct list queue; /* struct partition_op, in the order in which they were submitted */
    struct list ready; /* appends that have left their line: they are before all of the queue */
    struct partition_op *running; /* NULL: none, or it was cancelled from inside */
    struct list colds;            /* struct cold_read: reads that a worker works for */
    struct list disks;            /* struct dirs_disks, while a worker asks the disks */
    struct append_order *order;
    struct env_timer timer;
    uint64_t turn; /* counts the turns of the loop in which the queue was looked at */
    size_t clients;
    bool closed; /* every operation ends with an error */
};

struct partitions *partitions_new(struct replica_manager *manager);
/* All operations under way end, but for those that wait at a partition. */
void partitions_close(struct partitions *partitions);
/* The partitions are gone, and nobody submits any more. */
void partitions_free(struct partitions *partitions);

/* How an operation runs: with its partition, or NULL when that is not here. Returns what it cost,
 * in steps; it may be gone then. */
typedef size_t partition_op_run(struct partition_op *op, struct partition *partition);

extern partition_op_run *const partition_op_runs[PARTITION_OP_KINDS];
partition_op_run partition_run_append;
partition_op_run partition_run_dirs;
partition_op_run partition_run_lines;

void partitions_submit(struct partitions *partitions, struct partition_op *op,
                       enum partition_op_kind kind);
/* Only by what partition_op_states allows. */
void partition_op_move(struct partition_op *op, enum partition_op_state to);
/* Runs it next: its turn in its line has come. */
void partitions_make_ready(struct partition_op *op);
/* The answer: calls done, last. */
void partitions_finish(struct partition_op *op, int err);
/* Why it is not here. */
int partitions_absent(const struct partition_op *op);
/* The partition of an operation that waits at it, or NULL when it is gone. */
struct partition *partitions_find(const struct partition_op *op);
/* An append that is in a line, or that a worker looks at, is forgotten. */
void partition_append_leave(struct partition_append_op *append);
/* Likewise a read that a worker works for, */
void partition_read_leave(struct partition_read_op *read);
/* all of them, which end with an error, */
void partition_reads_close(struct partitions *partitions);
/* a lookup by time, */
void partition_offsets_leave(struct partition_offsets_op *offsets);
/* and what asks a worker about disks; all of them. */
void partition_dirs_leave(struct partition_dirs_op *dirs);
void partition_dirs_close(struct partitions *partitions);

#endif
