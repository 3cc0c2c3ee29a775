/* DescribeClientQuotas (key 48): request and response. */
#ifndef KAFKA_MESSAGES_DESCRIBE_CLIENT_QUOTAS_H
#define KAFKA_MESSAGES_DESCRIBE_CLIENT_QUOTAS_H

#include "wire/wire.h"

#define DESCRIBE_CLIENT_QUOTAS_REQUEST_COMPONENT_DATA_FIELDS(X, S)                                 \
    X(S, STRING, entity_type, "EntityType", FROM(0))                                               \
    X(S, INT8, match_type, "MatchType", FROM(0))                                                   \
    X(S, STRING, match, "Match", FROM(0), NULL_FROM(0))
WIRE_STRUCT(describe_client_quotas_request_component_data, "ComponentData",
            DESCRIBE_CLIENT_QUOTAS_REQUEST_COMPONENT_DATA_FIELDS)

#define DESCRIBE_CLIENT_QUOTAS_REQUEST_FIELDS(X, S)                                                \
    X(S, ARRAY(STRUCT(describe_client_quotas_request_component_data)), components, "Components",   \
      FROM(0))                                                                                     \
    X(S, BOOL, strict, "Strict", FROM(0))
WIRE_MESSAGE(describe_client_quotas_request, "DescribeClientQuotasRequest",
             DESCRIBE_CLIENT_QUOTAS_REQUEST_FIELDS, 0, 1, 1)

#define DESCRIBE_CLIENT_QUOTAS_RESPONSE_ENTITY_DATA_FIELDS(X, S)                                   \
    X(S, STRING, entity_type, "EntityType", FROM(0))                                               \
    X(S, STRING, entity_name, "EntityName", FROM(0), NULL_FROM(0))
WIRE_STRUCT(describe_client_quotas_response_entity_data, "EntityData",
            DESCRIBE_CLIENT_QUOTAS_RESPONSE_ENTITY_DATA_FIELDS)

#define DESCRIBE_CLIENT_QUOTAS_RESPONSE_VALUE_DATA_FIELDS(X, S)                                    \
    X(S, STRING, key, "Key", FROM(0))                                                              \
    X(S, FLOAT64, value, "Value", FROM(0))
WIRE_STRUCT(describe_client_quotas_response_value_data, "ValueData",
            DESCRIBE_CLIENT_QUOTAS_RESPONSE_VALUE_DATA_FIELDS)

#define DESCRIBE_CLIENT_QUOTAS_RESPONSE_ENTRY_DATA_FIELDS(X, S)                                    \
    X(S, ARRAY(STRUCT(describe_client_quotas_response_entity_data)), entity, "Entity", FROM(0))    \
    X(S, ARRAY(STRUCT(describe_client_quotas_response_value_data)), values, "Values", FROM(0))
WIRE_STRUCT(describe_client_quotas_response_entry_data, "EntryData",
            DESCRIBE_CLIENT_QUOTAS_RESPONSE_ENTRY_DATA_FIELDS)

#define DESCRIBE_CLIENT_QUOTAS_RESPONSE_FIELDS(X, S)                                               \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))                             \
    X(S, ARRAY(STRUCT(describe_client_quotas_response_entry_data)), entries, "Entries", FROM(0),   \
      NULL_FROM(0))
WIRE_MESSAGE(describe_client_quotas_response, "DescribeClientQuotasResponse",
             DESCRIBE_CLIENT_QUOTAS_RESPONSE_FIELDS, 0, 1, 1)

#endif
