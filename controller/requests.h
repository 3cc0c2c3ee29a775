/* What brokers ask for, as jobs of the pipeline: registrations, heartbeats, commands; and the jobs
 * that the controller gives itself. The frames are the callee's. */
#ifndef CONTROLLER_REQUESTS_H
#define CONTROLLER_REQUESTS_H

#include "controller/sessions.h"

void requests_register(struct session *session, Meta__Frame *frame);
void requests_heartbeat(struct session *session, Meta__Frame *frame);
void requests_command(struct session *session, Meta__Frame *frame);

/* The broker is dead: fence it, if its epoch is still this one. */
void requests_fence(struct controller *controller, int32_t broker_id, int64_t epoch,
                    const char *reason);
/* Gives the cluster its id. */
void requests_found_cluster(struct controller *controller);
/* Moves leaderships back to the preferred replicas. */
void requests_balance(struct controller *controller);
/* Settings of this node changed: where nobody leads, who may lead now does so. */
void requests_elect(struct controller *controller);

#endif
