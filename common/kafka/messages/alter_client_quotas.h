/* AlterClientQuotas (key 49): request and response. */
#ifndef KAFKA_MESSAGES_ALTER_CLIENT_QUOTAS_H
#define KAFKA_MESSAGES_ALTER_CLIENT_QUOTAS_H

#include "wire/wire.h"

#define ALTER_CLIENT_QUOTAS_REQUEST_ENTITY_DATA_FIELDS(X, S)                                       \
    X(S, STRING, entity_type, "EntityType", FROM(0))                                               \
    X(S, STRING, entity_name, "EntityName", FROM(0), NULL_FROM(0))
WIRE_STRUCT(alter_client_quotas_request_entity_data, "EntityData",
            ALTER_CLIENT_QUOTAS_REQUEST_ENTITY_DATA_FIELDS)

#define ALTER_CLIENT_QUOTAS_REQUEST_OP_DATA_FIELDS(X, S)                                           \
    X(S, STRING, key, "Key", FROM(0))                                                              \
    X(S, FLOAT64, value, "Value", FROM(0))                                                         \
    X(S, BOOL, remove, "Remove", FROM(0))
WIRE_STRUCT(alter_client_quotas_request_op_data, "OpData",
            ALTER_CLIENT_QUOTAS_REQUEST_OP_DATA_FIELDS)

#define ALTER_CLIENT_QUOTAS_REQUEST_ENTRY_DATA_FIELDS(X, S)                                        \
    X(S, ARRAY(STRUCT(alter_client_quotas_request_entity_data)), entity, "Entity", FROM(0))        \
    X(S, ARRAY(STRUCT(alter_client_quotas_request_op_data)), ops, "Ops", FROM(0))
WIRE_STRUCT(alter_client_quotas_request_entry_data, "EntryData",
            ALTER_CLIENT_QUOTAS_REQUEST_ENTRY_DATA_FIELDS)

#define ALTER_CLIENT_QUOTAS_REQUEST_FIELDS(X, S)                                                   \
    X(S, ARRAY(STRUCT(alter_client_quotas_request_entry_data)), entries, "Entries", FROM(0))       \
    X(S, BOOL, validate_only, "ValidateOnly", FROM(0))
WIRE_MESSAGE(alter_client_quotas_request, "AlterClientQuotasRequest",
             ALTER_CLIENT_QUOTAS_REQUEST_FIELDS, 0, 1, 1)

#define ALTER_CLIENT_QUOTAS_RESPONSE_ENTITY_DATA_FIELDS(X, S)                                      \
    X(S, STRING, entity_type, "EntityType", FROM(0))                                               \
    X(S, STRING, entity_name, "EntityName", FROM(0), NULL_FROM(0))
WIRE_STRUCT(alter_client_quotas_response_entity_data, "EntityData",
            ALTER_CLIENT_QUOTAS_RESPONSE_ENTITY_DATA_FIELDS)

#define ALTER_CLIENT_QUOTAS_RESPONSE_ENTRY_DATA_FIELDS(X, S)                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))                             \
    X(S, ARRAY(STRUCT(alter_client_quotas_response_entity_data)), entity, "Entity", FROM(0))
WIRE_STRUCT(alter_client_quotas_response_entry_data, "EntryData",
            ALTER_CLIENT_QUOTAS_RESPONSE_ENTRY_DATA_FIELDS)

#define ALTER_CLIENT_QUOTAS_RESPONSE_FIELDS(X, S)                                                  \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(alter_client_quotas_response_entry_data)), entries, "Entries", FROM(0))
WIRE_MESSAGE(alter_client_quotas_response, "AlterClientQuotasResponse",
             ALTER_CLIENT_QUOTAS_RESPONSE_FIELDS, 0, 1, 1)

#endif
