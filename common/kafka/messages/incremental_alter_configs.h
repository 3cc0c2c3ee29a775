/* IncrementalAlterConfigs (key 44): request and response. */
#ifndef KAFKA_MESSAGES_INCREMENTAL_ALTER_CONFIGS_H
#define KAFKA_MESSAGES_INCREMENTAL_ALTER_CONFIGS_H

#include "wire/wire.h"

#define INCREMENTAL_ALTER_CONFIGS_REQUEST_ALTERABLE_CONFIG_FIELDS(X, S)                            \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, INT8, config_operation, "ConfigOperation", FROM(0))                                       \
    X(S, STRING, value, "Value", FROM(0), NULL_FROM(0))
WIRE_STRUCT(incremental_alter_configs_request_alterable_config, "AlterableConfig",
            INCREMENTAL_ALTER_CONFIGS_REQUEST_ALTERABLE_CONFIG_FIELDS)

#define INCREMENTAL_ALTER_CONFIGS_REQUEST_ALTER_CONFIGS_RESOURCE_FIELDS(X, S)                      \
    X(S, INT8, resource_type, "ResourceType", FROM(0))                                             \
    X(S, STRING, resource_name, "ResourceName", FROM(0))                                           \
    X(S, ARRAY(STRUCT(incremental_alter_configs_request_alterable_config)), configs, "Configs",    \
      FROM(0))
WIRE_STRUCT(incremental_alter_configs_request_alter_configs_resource, "AlterConfigsResource",
            INCREMENTAL_ALTER_CONFIGS_REQUEST_ALTER_CONFIGS_RESOURCE_FIELDS)

#define INCREMENTAL_ALTER_CONFIGS_REQUEST_FIELDS(X, S)                                             \
    X(S, ARRAY(STRUCT(incremental_alter_configs_request_alter_configs_resource)), resources,       \
      "Resources", FROM(0))                                                                        \
    X(S, BOOL, validate_only, "ValidateOnly", FROM(0))
WIRE_MESSAGE(incremental_alter_configs_request, "IncrementalAlterConfigsRequest",
             INCREMENTAL_ALTER_CONFIGS_REQUEST_FIELDS, 0, 1, 1)

#define INCREMENTAL_ALTER_CONFIGS_RESPONSE_ALTER_CONFIGS_RESOURCE_RESPONSE_FIELDS(X, S)            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))                             \
    X(S, INT8, resource_type, "ResourceType", FROM(0))                                             \
    X(S, STRING, resource_name, "ResourceName", FROM(0))
WIRE_STRUCT(incremental_alter_configs_response_alter_configs_resource_response,
            "AlterConfigsResourceResponse",
            INCREMENTAL_ALTER_CONFIGS_RESPONSE_ALTER_CONFIGS_RESOURCE_RESPONSE_FIELDS)

#define INCREMENTAL_ALTER_CONFIGS_RESPONSE_FIELDS(X, S)                                            \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(incremental_alter_configs_response_alter_configs_resource_response)),        \
      responses, "Responses", FROM(0))
WIRE_MESSAGE(incremental_alter_configs_response, "IncrementalAlterConfigsResponse",
             INCREMENTAL_ALTER_CONFIGS_RESPONSE_FIELDS, 0, 1, 1)

#endif
