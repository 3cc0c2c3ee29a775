/* The ElectLeaders command. Happy path: each partition that is named, or each one, is given the
 * leader that is asked for. Failure modes: each of them has a result of its own, in Kafka's words.
 */
#include <string.h>

#include "base/err.h"
#include "controller/elections.h"

static const char *elections_sentence(int err)
{
    switch (err) {
    case 0:
        return "";
    case ERR_ELECTION_NOT_NEEDED:
        return "Leader election not needed for topic partition.";
    case ERR_PREFERRED_LEADER_NOT_AVAILABLE:
        return "The preferred leader was not available.";
    case ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE:
        return "Eligible topic partition leaders are not available.";
    default:
        return "No such topic or partition.";
    }
}

static void elections_add_result(struct decision *decision, Meta__CommandReply *reply, int err,
                                 const char *topic, int32_t partition)
{
    Meta__ElectResult *result = decision_alloc(decision, 1, sizeof(*result));
    meta__elect_result__init(result);
    result->error = err_to_wire(err);
    result->message = decision_text(decision, "%s", elections_sentence(err));
    result->topic = decision_text(decision, "%s", topic);
    result->partition = partition;
    reply->elections[reply->n_elections++] = result;
}

static void elections_every(struct decision *decision, bool unclean, Meta__CommandReply *reply)
{
    size_t cursor = 0, total = 0;
    const struct image_topic *topic;
    while ((topic = image_next_topic(decision->image, &cursor)))
        total += (size_t)topic->partition_count;
    reply->elections = decision_alloc(decision, total, sizeof(*reply->elections));
    cursor = 0;
    while ((topic = image_next_topic(decision->image, &cursor))) {
        for (int32_t i = 0; i < topic->partition_count; i++) {
            if (!image_partition(topic, i))
                continue;
            int err = elections_one(decision, unclean, topic, i);
            if (err != ERR_ELECTION_NOT_NEEDED) /* Kafka leaves these out when all are asked for */
                elections_add_result(decision, reply, err, topic->name, i);
        }
    }
}

void elections_command(struct decision *decision, const Meta__ElectLeaders *command,
                       Meta__CommandReply *reply)
{
    if (command->all) {
        elections_every(decision, command->unclean, reply);
        return;
    }
    reply->elections = decision_alloc(decision, command->n_partitions, sizeof(*reply->elections));
    for (size_t i = 0; i < command->n_partitions; i++) {
        const Meta__ElectLeaders__Partition *asked = command->partitions[i];
        const struct image_topic *topic =
            image_topic_by_name(decision->image, asked->topic, strlen(asked->topic));
        int err = elections_one(decision, command->unclean, topic, asked->partition);
        elections_add_result(decision, reply, err, asked->topic, asked->partition);
    }
}
