/* DescribeUserScramCredentials (key 50): request and response. */
#ifndef KAFKA_MESSAGES_DESCRIBE_USER_SCRAM_CREDENTIALS_H
#define KAFKA_MESSAGES_DESCRIBE_USER_SCRAM_CREDENTIALS_H

#include "wire/wire.h"

#define DESCRIBE_USER_SCRAM_CREDENTIALS_REQUEST_USER_NAME_FIELDS(X, S)                             \
    X(S, STRING, name, "Name", FROM(0))
WIRE_STRUCT(describe_user_scram_credentials_request_user_name, "UserName",
            DESCRIBE_USER_SCRAM_CREDENTIALS_REQUEST_USER_NAME_FIELDS)

#define DESCRIBE_USER_SCRAM_CREDENTIALS_REQUEST_FIELDS(X, S)                                       \
    X(S, ARRAY(STRUCT(describe_user_scram_credentials_request_user_name)), users, "Users",         \
      FROM(0), NULL_FROM(0))
WIRE_MESSAGE(describe_user_scram_credentials_request, "DescribeUserScramCredentialsRequest",
             DESCRIBE_USER_SCRAM_CREDENTIALS_REQUEST_FIELDS, 0, 0, 0)

#define DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_CREDENTIAL_INFO_FIELDS(X, S)                      \
    X(S, INT8, mechanism, "Mechanism", FROM(0))                                                    \
    X(S, INT32, iterations, "Iterations", FROM(0))
WIRE_STRUCT(describe_user_scram_credentials_response_credential_info, "CredentialInfo",
            DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_CREDENTIAL_INFO_FIELDS)

#define DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_DESCRIBE_USER_SCRAM_CREDENTIALS_RESULT_FIELDS(X,  \
                                                                                               S)  \
    X(S, STRING, user, "User", FROM(0))                                                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))                             \
    X(S, ARRAY(STRUCT(describe_user_scram_credentials_response_credential_info)),                  \
      credential_infos, "CredentialInfos", FROM(0))
WIRE_STRUCT(describe_user_scram_credentials_response_describe_user_scram_credentials_result,
            "DescribeUserScramCredentialsResult",
            DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_DESCRIBE_USER_SCRAM_CREDENTIALS_RESULT_FIELDS)

#define DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_FIELDS(X, S)                                      \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))                             \
    X(S,                                                                                           \
      ARRAY(STRUCT(                                                                                \
          describe_user_scram_credentials_response_describe_user_scram_credentials_result)),       \
      results, "Results", FROM(0))
WIRE_MESSAGE(describe_user_scram_credentials_response, "DescribeUserScramCredentialsResponse",
             DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE_FIELDS, 0, 0, 0)

#endif
