/* Replicas that move to another log directory of their broker (KIP-113). The copy that is made
 * there is Kafka's "future" replica: a log of its own, in a folder
 * `<topic>-<partition>.<id>-future`, which follows the one that is served until it takes its place.
 *
 *     opening -> copying <-> holding -> settling -> retiring -> over
 *
 * Copying: a worker reads a piece of the old log, and the loop appends it to the copy, at the pace
 * of replica.alter.log.dirs.io.max.bytes.per.second; the disk of the copy is flushed with each.
 * Holding: the copy has all that there is, but for what is appended just now. Nothing more of the
 * old log counts as durable until the copy has on its disk all that does. Then comes the swap, in
 * one turn of the loop: the rest is copied, the folder gets the partition's name, and the partition
 * goes on with the copy. Settling: the new name is made durable. Retiring: the old folder gets the
 * name of what is deleted, durably. Only then records count as durable that the old log lacks.
 *
 * So a crash at any moment leaves the old replica whole, or the new one, or both with all that was
 * acknowledged. Which of two counts is written in the copy's partition.metadata from the beginning:
 * it names the directory and the incarnation whose place it takes (twin.h). A copy without the
 * partition's name counts for nothing: a start removes it, and begins the move anew. */
#ifndef BROKER_LOG_FUTURE_H
#define BROKER_LOG_FUTURE_H

#include <stdbool.h>
#include <stdint.h>

struct future;
struct log;
struct log_dir;
struct log_manager;

void future_init(struct log_manager *manager);
/* At the end of a manager; its logs are freed by it. */
void future_close(struct log_manager *manager);
/* No step is made any more: what runs on workers ends without effect. */
void future_stop(struct log_manager *manager);

/* Begins to move an open log; one that moves elsewhere turns to the new directory, and one that is
 * there already stays. 0, ERR_KAFKA_STORAGE_ERROR (a directory has failed),
 * ERR_INVALID_TOPIC_EXCEPTION (the name is too long for the copy's folder). */
int future_begin(struct log *log, struct log_dir *dir);
/* The directory for a partition of that name, which is made; NULL: any. */
struct log_dir *future_place(struct log_manager *manager, const char *name);
/* What was asked for a partition of that name is over: it goes. */
void future_forget_name(struct log_manager *manager, const char *name);
void future_want(struct log_manager *manager, const char *name, struct log_dir *dir);
/* At the start of a process: whether the name is that of an unfinished copy, which is removed. */
bool future_take_name(struct log_dir *dir, const char *name);

/* The log is about to be deleted, or (`keep`) set aside: what there is of its move goes. */
void future_let_go(struct log *log, bool keep);
/* Whether a folder of that path waits for a worker to give it another name: one that is made there
 * meanwhile would be taken away in its place. log_open_resume is called when it has. */
bool future_name_is_taken(const struct log_manager *manager, const char *path);
/* Whether it is the copy of another log. */
bool future_is_copy(const struct log *log);

#endif
