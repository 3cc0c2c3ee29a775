/* The levels of features (KIP-584): see meta/features.h. Against an image, emitting records: see
 * decision.h. */
#ifndef CONTROLLER_FEATURES_H
#define CONTROLLER_FEATURES_H

#include "controller/decision.h"

/* The UpdateFeatures command: all that it names, or nothing. INVALID_UPDATE_VERSION for a level
 * that this build does not support and for a step that its way does not allow, in Kafka's words. */
void features_update(struct decision *decision, const Meta__UpdateFeatures *command,
                     Meta__CommandReply *reply);

/* A cluster is founded: the levels that are not the initial ones. */
void features_found(struct decision *decision);

#endif
