/* The table of commands: which function decides which. */
#ifndef CONTROLLER_COMMANDS_H
#define CONTROLLER_COMMANDS_H

#include "controller/decision.h"

/* Decides one command. The reply (initialised, with its id) lives as long as the decision. Commands
 * that only read (DescribeQuorum) are not in the table: ERR_UNSUPPORTED_VERSION in the reply. */
Meta__CommandReply *commands_decide(struct decision *decision, const Meta__Command *command);

#endif
