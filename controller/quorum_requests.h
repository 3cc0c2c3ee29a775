/* Commands about the quorum itself, which make no records. */
#ifndef CONTROLLER_QUORUM_REQUESTS_H
#define CONTROLLER_QUORUM_REQUESTS_H

#include "controller/controller_private.h"

struct session;

/* False when the command is another one. For the active controller. */
bool quorum_requests_command(struct session *session, const Meta__Command *command);

#endif
