/* DescribeConfigs (key 32): request and response. */
#ifndef KAFKA_MESSAGES_DESCRIBE_CONFIGS_H
#define KAFKA_MESSAGES_DESCRIBE_CONFIGS_H

#include "wire/wire.h"

#define DESCRIBE_CONFIGS_REQUEST_DESCRIBE_CONFIGS_RESOURCE_FIELDS(X, S)                            \
    X(S, INT8, resource_type, "ResourceType", FROM(0))                                             \
    X(S, STRING, resource_name, "ResourceName", FROM(0))                                           \
    X(S, ARRAY(STRING), configuration_keys, "ConfigurationKeys", FROM(0), NULL_FROM(0))
WIRE_STRUCT(describe_configs_request_describe_configs_resource, "DescribeConfigsResource",
            DESCRIBE_CONFIGS_REQUEST_DESCRIBE_CONFIGS_RESOURCE_FIELDS)

#define DESCRIBE_CONFIGS_REQUEST_FIELDS(X, S)                                                      \
    X(S, ARRAY(STRUCT(describe_configs_request_describe_configs_resource)), resources,             \
      "Resources", FROM(0))                                                                        \
    X(S, BOOL, include_synonyms, "IncludeSynonyms", FROM(1))                                       \
    X(S, BOOL, include_documentation, "IncludeDocumentation", FROM(3))
WIRE_MESSAGE(describe_configs_request, "DescribeConfigsRequest", DESCRIBE_CONFIGS_REQUEST_FIELDS, 0,
             4, 4)

#define DESCRIBE_CONFIGS_RESPONSE_DESCRIBE_CONFIGS_SYNONYM_FIELDS(X, S)                            \
    X(S, STRING, name, "Name", FROM(1))                                                            \
    X(S, STRING, value, "Value", FROM(1), NULL_FROM(0))                                            \
    X(S, INT8, source, "Source", FROM(1))
WIRE_STRUCT(describe_configs_response_describe_configs_synonym, "DescribeConfigsSynonym",
            DESCRIBE_CONFIGS_RESPONSE_DESCRIBE_CONFIGS_SYNONYM_FIELDS)

#define DESCRIBE_CONFIGS_RESPONSE_DESCRIBE_CONFIGS_RESOURCE_RESULT_FIELDS(X, S)                    \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, STRING, value, "Value", FROM(0), NULL_FROM(0))                                            \
    X(S, BOOL, read_only, "ReadOnly", FROM(0))                                                     \
    X(S, BOOL, is_default, "IsDefault", ONLY(0, 0))                                                \
    X(S, INT8, config_source, "ConfigSource", FROM(1), DEFAULT(-1), IGNORABLE)                     \
    X(S, BOOL, is_sensitive, "IsSensitive", FROM(0))                                               \
    X(S, ARRAY(STRUCT(describe_configs_response_describe_configs_synonym)), synonyms, "Synonyms",  \
      FROM(1), IGNORABLE)                                                                          \
    X(S, INT8, config_type, "ConfigType", FROM(3), IGNORABLE)                                      \
    X(S, STRING, documentation, "Documentation", FROM(3), NULL_FROM(0), IGNORABLE)
WIRE_STRUCT(describe_configs_response_describe_configs_resource_result,
            "DescribeConfigsResourceResult",
            DESCRIBE_CONFIGS_RESPONSE_DESCRIBE_CONFIGS_RESOURCE_RESULT_FIELDS)

#define DESCRIBE_CONFIGS_RESPONSE_DESCRIBE_CONFIGS_RESULT_FIELDS(X, S)                             \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))                             \
    X(S, INT8, resource_type, "ResourceType", FROM(0))                                             \
    X(S, STRING, resource_name, "ResourceName", FROM(0))                                           \
    X(S, ARRAY(STRUCT(describe_configs_response_describe_configs_resource_result)), configs,       \
      "Configs", FROM(0))
WIRE_STRUCT(describe_configs_response_describe_configs_result, "DescribeConfigsResult",
            DESCRIBE_CONFIGS_RESPONSE_DESCRIBE_CONFIGS_RESULT_FIELDS)

#define DESCRIBE_CONFIGS_RESPONSE_FIELDS(X, S)                                                     \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(describe_configs_response_describe_configs_result)), results, "Results",     \
      FROM(0))
WIRE_MESSAGE(describe_configs_response, "DescribeConfigsResponse", DESCRIBE_CONFIGS_RESPONSE_FIELDS,
             0, 4, 4)

#endif
