/* Which function decides which command. */
#ifndef CONTROLLER_COMMANDS_H
#define CONTROLLER_COMMANDS_H

#include "controller/decision.h"

/* Decides one command. The reply (initialised, with its id) lives as long as the decision. What is
 * not decided, such as DescribeQuorum (requests.c answers it), gets ERR_UNSUPPORTED_VERSION. */
Meta__CommandReply *commands_decide(struct decision *decision, const Meta__Command *command);

#endif
