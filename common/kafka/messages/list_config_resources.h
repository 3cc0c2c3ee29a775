/* ListConfigResources (key 74): request and response. */
#ifndef KAFKA_MESSAGES_LIST_CONFIG_RESOURCES_H
#define KAFKA_MESSAGES_LIST_CONFIG_RESOURCES_H

#include "wire/wire.h"

#define LIST_CONFIG_RESOURCES_REQUEST_FIELDS(X, S)                                                 \
    X(S, ARRAY(INT8), resource_types, "ResourceTypes", FROM(1))
WIRE_MESSAGE(list_config_resources_request, "ListConfigResourcesRequest",
             LIST_CONFIG_RESOURCES_REQUEST_FIELDS, 0, 1, 0)

#define LIST_CONFIG_RESOURCES_RESPONSE_CONFIG_RESOURCE_FIELDS(X, S)                                \
    X(S, STRING, resource_name, "ResourceName", FROM(0))                                           \
    X(S, INT8, resource_type, "ResourceType", FROM(1), DEFAULT(16), IGNORABLE)
WIRE_STRUCT(list_config_resources_response_config_resource, "ConfigResource",
            LIST_CONFIG_RESOURCES_RESPONSE_CONFIG_RESOURCE_FIELDS)

#define LIST_CONFIG_RESOURCES_RESPONSE_FIELDS(X, S)                                                \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, ARRAY(STRUCT(list_config_resources_response_config_resource)), config_resources,          \
      "ConfigResources", FROM(0))
WIRE_MESSAGE(list_config_resources_response, "ListConfigResourcesResponse",
             LIST_CONFIG_RESOURCES_RESPONSE_FIELDS, 0, 1, 0)

#endif
