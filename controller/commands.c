/* Dispatch of commands. Failure modes: a command that is not known is answered, never ignored. */
#include "controller/commands.h"

#include "base/err.h"
#include "controller/brokers.h"
#include "controller/configs.h"
#include "controller/elections.h"
#include "controller/features.h"
#include "controller/isr.h"
#include "controller/quotas.h"
#include "controller/reassignments.h"
#include "controller/topics.h"

Meta__CommandReply *commands_decide(struct decision *decision, const Meta__Command *command)
{
    Meta__CommandReply *reply = decision_alloc(decision, 1, sizeof(*reply));
    meta__command_reply__init(reply);
    reply->id = command->id;
    decision->command = command;
    decision->throttle_ms = 0;
    switch (command->body_case) {
    case META__COMMAND__BODY_CREATE_TOPICS:
        topics_create(decision, command->create_topics, reply);
        break;
    case META__COMMAND__BODY_DELETE_TOPICS:
        topics_delete(decision, command->delete_topics, reply);
        break;
    case META__COMMAND__BODY_CREATE_PARTITIONS:
        topics_grow(decision, command->create_partitions, reply);
        break;
    case META__COMMAND__BODY_ALTER_PARTITIONS:
        isr_command(decision, command->alter_partitions, reply);
        break;
    case META__COMMAND__BODY_REPORT_REPLICAS:
        elections_report(decision, command->report_replicas, reply);
        break;
    case META__COMMAND__BODY_ALLOCATE_PRODUCER_IDS:
        brokers_producer_ids(decision, command->allocate_producer_ids, reply);
        break;
    case META__COMMAND__BODY_ALTER_CONFIGS:
        configs_command(decision, command->alter_configs, reply);
        break;
    case META__COMMAND__BODY_ELECT_LEADERS:
        elections_command(decision, command->elect_leaders, reply);
        break;
    case META__COMMAND__BODY_UNREGISTER_BROKER:
        brokers_unregister(decision, command->unregister_broker, reply);
        break;
    case META__COMMAND__BODY_UPDATE_FEATURES:
        features_update(decision, command->update_features, reply);
        break;
    case META__COMMAND__BODY_ALTER_REASSIGNMENTS:
        reassignments_command(decision, command->alter_reassignments, reply);
        break;
    case META__COMMAND__BODY_ALTER_CLIENT_QUOTAS:
        quotas_command(decision, command->alter_client_quotas, reply);
        break;
    default:
        reply->error = err_to_wire(ERR_UNSUPPORTED_VERSION);
        reply->message = "this controller does not know the command yet";
    }
    reply->throttle_ms = decision->throttle_ms;
    decision->command = NULL;
    return reply;
}
