/* Quotas of clients: AlterClientQuotas (KIP-546). */
#ifndef CONTROLLER_QUOTAS_H
#define CONTROLLER_QUOTAS_H

#include "controller/decision.h"

void quotas_command(struct decision *decision, const Meta__AlterClientQuotas *command,
                    Meta__CommandReply *reply);

#endif
