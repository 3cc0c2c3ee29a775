/* What AlterConfigs and IncrementalAlterConfigs share: the checks that a broker makes, the
 * command, and the results in the order of the request. */
#ifndef BROKER_HANDLERS_CONFIG_ALTER_H
#define BROKER_HANDLERS_CONFIG_ALTER_H

#include "broker/cluster/command.h"
#include "broker/net/request.h"

enum config_alter_operation { /* numbers of the protocol */
                              CONFIG_ALTER_SET = 0,
                              CONFIG_ALTER_DELETE = 1,
                              CONFIG_ALTER_APPEND = 2,
                              CONFIG_ALTER_SUBTRACT = 3
};

struct config_alter_entry {
    struct wire_str name;
    struct wire_str value; /* null where the operation needs none */
    int8_t operation;
};

struct config_alter_resource {
    int8_t type;
    struct wire_str name;
    struct config_alter_entry *entries;
    int32_t entry_count;
    /* The result: a wire code, and a sentence or null. */
    int16_t error_code;
    struct wire_str message;
};

struct config_alter {
    struct request *request;
    struct config_alter_resource *resources;
    int32_t count;
    bool replace_all; /* what is not listed is removed */
    bool validate_only;
    void (*answer)(struct config_alter *alter); /* calls request_reply */
    /* The rest is its own. */
    Meta__AlterConfigs command;
    struct config_alter_resource **sent;
};

/* Room for the request's resources, in its arena; NULL when its limit is reached. */
struct config_alter *config_alter_new(struct request *request, int32_t count) MUST_CHECK;
struct config_alter_entry *config_alter_entries(struct config_alter *alter,
                                                struct config_alter_resource *resource,
                                                int32_t count) MUST_CHECK;
/* Sets the resource's result to the error with a sentence; returns err. */
int config_alter_refuse(struct config_alter *alter, struct config_alter_resource *resource, int err,
                        const char *format, ...) PRINTF_LIKE(4, 5);
/* Checks, sends what is fine and calls answer, now or later; `answer` is not called when memory is
 * out (the request has failed then). */
void config_alter_run(struct config_alter *alter);

#endif
