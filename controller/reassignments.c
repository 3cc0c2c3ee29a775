/* Reassignment of replicas, as far as it is there: the checks and the refusal. */
#include "controller/reassignments.h"

#include <string.h>

#include "base/err.h"

static int reassignments_check(struct decision *decision,
                               const Meta__AlterReassignments__Partition *asked,
                               const char **sentence)
{
    const struct image_topic *topic =
        image_topic_by_name(decision->image, asked->topic, strlen(asked->topic));
    if (!topic) {
        *sentence = decision_text(decision, "Unable to find a topic named %s.", asked->topic);
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (!image_partition(topic, asked->partition)) {
        *sentence = decision_text(decision, "Unable to find partition %s:%d.", asked->topic,
                                  asked->partition);
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (asked->n_replicas == 0) {
        *sentence = "No partition reassignment is in progress.";
        return ERR_NO_REASSIGNMENT_IN_PROGRESS;
    }
    *sentence = "This release can't move replicas of a partition to other brokers yet.";
    return ERR_UNSUPPORTED_VERSION;
}

void reassignments_command(struct decision *decision, const Meta__AlterReassignments *command,
                           Meta__CommandReply *reply)
{
    reply->elections = decision_alloc(decision, command->n_partitions, sizeof(*reply->elections));
    for (size_t i = 0; i < command->n_partitions; i++) {
        const Meta__AlterReassignments__Partition *asked = command->partitions[i];
        Meta__ElectResult *result = decision_alloc(decision, 1, sizeof(*result));
        const char *sentence;
        meta__elect_result__init(result);
        result->error = err_to_wire(reassignments_check(decision, asked, &sentence));
        result->message = decision_text(decision, "%s", sentence);
        result->topic = decision_text(decision, "%s", asked->topic);
        result->partition = asked->partition;
        reply->elections[reply->n_elections++] = result;
    }
}
