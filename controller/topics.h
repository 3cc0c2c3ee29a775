/* Topics and partitions: create, delete, grow. The checks and their sentences are Kafka's, since
 * people and tools read them. */
#ifndef CONTROLLER_TOPICS_H
#define CONTROLLER_TOPICS_H

#include "controller/decision.h"

enum {
    TOPICS_NAME_MAX = 249, /* a directory name with "-<partition>" and Kafka's suffixes fits */
    TOPICS_PARTITIONS_MAX = 10000, /* of one command, as Kafka: one entry stays small */
    TOPICS_CONFIGS_MAX = 1000      /* of one topic: there are not so many settings */
};

void topics_create(struct decision *decision, const Meta__CreateTopics *command,
                   Meta__CommandReply *reply);
void topics_delete(struct decision *decision, const Meta__DeleteTopics *command,
                   Meta__CommandReply *reply);
void topics_grow(struct decision *decision, const Meta__CreatePartitions *command,
                 Meta__CommandReply *reply);

/* Kafka's sentence for a list of replicas that can't be: an empty one, a broker twice, one that is
 * not registered, or whose log directories are all cordoned unless it is one of those `there`
 * already; NULL = it can. */
const char *topics_why_not_replicas(struct decision *decision, const int32_t *replicas,
                                    size_t count, const int32_t *there, size_t n_there);

#endif
