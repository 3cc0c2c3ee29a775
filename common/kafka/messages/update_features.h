/* UpdateFeatures (key 57): request and response. */
#ifndef KAFKA_MESSAGES_UPDATE_FEATURES_H
#define KAFKA_MESSAGES_UPDATE_FEATURES_H

#include "wire/wire.h"

#define UPDATE_FEATURES_REQUEST_FEATURE_UPDATE_KEY_FIELDS(X, S)                                    \
    X(S, STRING, feature, "Feature", FROM(0))                                                      \
    X(S, INT16, max_version_level, "MaxVersionLevel", FROM(0))                                     \
    X(S, BOOL, allow_downgrade, "AllowDowngrade", ONLY(0, 0))                                      \
    X(S, INT8, upgrade_type, "UpgradeType", FROM(1), DEFAULT(1))
WIRE_STRUCT(update_features_request_feature_update_key, "FeatureUpdateKey",
            UPDATE_FEATURES_REQUEST_FEATURE_UPDATE_KEY_FIELDS)

#define UPDATE_FEATURES_REQUEST_FIELDS(X, S)                                                       \
    X(S, INT32, timeout_ms, "timeoutMs", FROM(0), DEFAULT(60000))                                  \
    X(S, ARRAY(STRUCT(update_features_request_feature_update_key)), feature_updates,               \
      "FeatureUpdates", FROM(0))                                                                   \
    X(S, BOOL, validate_only, "ValidateOnly", FROM(1))
WIRE_MESSAGE(update_features_request, "UpdateFeaturesRequest", UPDATE_FEATURES_REQUEST_FIELDS, 0, 2,
             0)

#define UPDATE_FEATURES_RESPONSE_UPDATABLE_FEATURE_RESULT_FIELDS(X, S)                             \
    X(S, STRING, feature, "Feature", FROM(0))                                                      \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))
WIRE_STRUCT(update_features_response_updatable_feature_result, "UpdatableFeatureResult",
            UPDATE_FEATURES_RESPONSE_UPDATABLE_FEATURE_RESULT_FIELDS)

#define UPDATE_FEATURES_RESPONSE_FIELDS(X, S)                                                      \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))                             \
    X(S, ARRAY(STRUCT(update_features_response_updatable_feature_result)), results, "Results",     \
      ONLY(0, 1), IGNORABLE)
WIRE_MESSAGE(update_features_response, "UpdateFeaturesResponse", UPDATE_FEATURES_RESPONSE_FIELDS, 0,
             2, 0)

#endif
