/* ApiVersions (key 18): request and response. */
#ifndef KAFKA_MESSAGES_API_VERSIONS_H
#define KAFKA_MESSAGES_API_VERSIONS_H

#include "wire/wire.h"

#define API_VERSIONS_REQUEST_FIELDS(X, S)                                                          \
    X(S, STRING, client_software_name, "ClientSoftwareName", FROM(3), IGNORABLE)                   \
    X(S, STRING, client_software_version, "ClientSoftwareVersion", FROM(3), IGNORABLE)             \
    X(S, STRING, cluster_id, "ClusterId", FROM(5), NULL_FROM(5), DEFAULT_NULL, IGNORABLE)          \
    X(S, INT32, node_id, "NodeId", FROM(5), DEFAULT(-1), IGNORABLE)
WIRE_MESSAGE(api_versions_request, "ApiVersionsRequest", API_VERSIONS_REQUEST_FIELDS, 0, 5, 3)

#define API_VERSIONS_RESPONSE_API_VERSION_FIELDS(X, S)                                             \
    X(S, INT16, api_key, "ApiKey", FROM(0))                                                        \
    X(S, INT16, min_version, "MinVersion", FROM(0))                                                \
    X(S, INT16, max_version, "MaxVersion", FROM(0))
WIRE_STRUCT(api_versions_response_api_version, "ApiVersion",
            API_VERSIONS_RESPONSE_API_VERSION_FIELDS)

#define API_VERSIONS_RESPONSE_SUPPORTED_FEATURE_KEY_FIELDS(X, S)                                   \
    X(S, STRING, name, "Name", FROM(3))                                                            \
    X(S, INT16, min_version, "MinVersion", FROM(3))                                                \
    X(S, INT16, max_version, "MaxVersion", FROM(3))
WIRE_STRUCT(api_versions_response_supported_feature_key, "SupportedFeatureKey",
            API_VERSIONS_RESPONSE_SUPPORTED_FEATURE_KEY_FIELDS)

#define API_VERSIONS_RESPONSE_FINALIZED_FEATURE_KEY_FIELDS(X, S)                                   \
    X(S, STRING, name, "Name", FROM(3))                                                            \
    X(S, INT16, max_version_level, "MaxVersionLevel", FROM(3))                                     \
    X(S, INT16, min_version_level, "MinVersionLevel", FROM(3))
WIRE_STRUCT(api_versions_response_finalized_feature_key, "FinalizedFeatureKey",
            API_VERSIONS_RESPONSE_FINALIZED_FEATURE_KEY_FIELDS)

#define API_VERSIONS_RESPONSE_FIELDS(X, S)                                                         \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, ARRAY(STRUCT(api_versions_response_api_version)), api_keys, "ApiKeys", FROM(0))           \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(1), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(api_versions_response_supported_feature_key)), supported_features,           \
      "SupportedFeatures", FROM(3), TAG(0), IGNORABLE)                                             \
    X(S, INT64, finalized_features_epoch, "FinalizedFeaturesEpoch", FROM(3), TAG(1), DEFAULT(-1),  \
      IGNORABLE)                                                                                   \
    X(S, ARRAY(STRUCT(api_versions_response_finalized_feature_key)), finalized_features,           \
      "FinalizedFeatures", FROM(3), TAG(2), IGNORABLE)                                             \
    X(S, BOOL, zk_migration_ready, "ZkMigrationReady", FROM(3), TAG(3), IGNORABLE)
WIRE_MESSAGE(api_versions_response, "ApiVersionsResponse", API_VERSIONS_RESPONSE_FIELDS, 0, 5, 3)

#endif
