/* create.topic.policy: whether a new topic keeps the rules of the controller's settings. */
#ifndef CONTROLLER_POLICY_H
#define CONTROLLER_POLICY_H

#include "controller/decision.h"

/* The topic is right but for the rules. NULL, or the sentence about the first rule that it breaks,
 * which lives as long as the decision. */
const char *policy_why_not(struct decision *decision, const Meta__CreateTopics__Topic *topic,
                           int32_t partitions, int32_t replication_factor);

#endif
