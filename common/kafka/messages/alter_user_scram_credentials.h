/* AlterUserScramCredentials (key 51): request and response. */
#ifndef KAFKA_MESSAGES_ALTER_USER_SCRAM_CREDENTIALS_H
#define KAFKA_MESSAGES_ALTER_USER_SCRAM_CREDENTIALS_H

#include "wire/wire.h"

#define ALTER_USER_SCRAM_CREDENTIALS_REQUEST_SCRAM_CREDENTIAL_DELETION_FIELDS(X, S)                \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, INT8, mechanism, "Mechanism", FROM(0))
WIRE_STRUCT(alter_user_scram_credentials_request_scram_credential_deletion,
            "ScramCredentialDeletion",
            ALTER_USER_SCRAM_CREDENTIALS_REQUEST_SCRAM_CREDENTIAL_DELETION_FIELDS)

#define ALTER_USER_SCRAM_CREDENTIALS_REQUEST_SCRAM_CREDENTIAL_UPSERTION_FIELDS(X, S)               \
    X(S, STRING, name, "Name", FROM(0))                                                            \
    X(S, INT8, mechanism, "Mechanism", FROM(0))                                                    \
    X(S, INT32, iterations, "Iterations", FROM(0))                                                 \
    X(S, BYTES, salt, "Salt", FROM(0))                                                             \
    X(S, BYTES, salted_password, "SaltedPassword", FROM(0))
WIRE_STRUCT(alter_user_scram_credentials_request_scram_credential_upsertion,
            "ScramCredentialUpsertion",
            ALTER_USER_SCRAM_CREDENTIALS_REQUEST_SCRAM_CREDENTIAL_UPSERTION_FIELDS)

#define ALTER_USER_SCRAM_CREDENTIALS_REQUEST_FIELDS(X, S)                                          \
    X(S, ARRAY(STRUCT(alter_user_scram_credentials_request_scram_credential_deletion)), deletions, \
      "Deletions", FROM(0))                                                                        \
    X(S, ARRAY(STRUCT(alter_user_scram_credentials_request_scram_credential_upsertion)),           \
      upsertions, "Upsertions", FROM(0))
WIRE_MESSAGE(alter_user_scram_credentials_request, "AlterUserScramCredentialsRequest",
             ALTER_USER_SCRAM_CREDENTIALS_REQUEST_FIELDS, 0, 0, 0)

#define ALTER_USER_SCRAM_CREDENTIALS_RESPONSE_ALTER_USER_SCRAM_CREDENTIALS_RESULT_FIELDS(X, S)     \
    X(S, STRING, user, "User", FROM(0))                                                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0))
WIRE_STRUCT(alter_user_scram_credentials_response_alter_user_scram_credentials_result,
            "AlterUserScramCredentialsResult",
            ALTER_USER_SCRAM_CREDENTIALS_RESPONSE_ALTER_USER_SCRAM_CREDENTIALS_RESULT_FIELDS)

#define ALTER_USER_SCRAM_CREDENTIALS_RESPONSE_FIELDS(X, S)                                         \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, ARRAY(STRUCT(alter_user_scram_credentials_response_alter_user_scram_credentials_result)), \
      results, "Results", FROM(0))
WIRE_MESSAGE(alter_user_scram_credentials_response, "AlterUserScramCredentialsResponse",
             ALTER_USER_SCRAM_CREDENTIALS_RESPONSE_FIELDS, 0, 0, 0)

#endif
