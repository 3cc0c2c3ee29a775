/* DeleteTopics (key 20): request and response. */
#ifndef KAFKA_MESSAGES_DELETE_TOPICS_H
#define KAFKA_MESSAGES_DELETE_TOPICS_H

#include "wire/wire.h"

#define DELETE_TOPICS_REQUEST_DELETE_TOPIC_STATE_FIELDS(X, S)                                      \
    X(S, STRING, name, "Name", FROM(6), NULL_FROM(6), DEFAULT_NULL)                                \
    X(S, UUID, topic_id, "TopicId", FROM(6))
WIRE_STRUCT(delete_topics_request_delete_topic_state, "DeleteTopicState",
            DELETE_TOPICS_REQUEST_DELETE_TOPIC_STATE_FIELDS)

#define DELETE_TOPICS_REQUEST_FIELDS(X, S)                                                         \
    X(S, ARRAY(STRUCT(delete_topics_request_delete_topic_state)), topics, "Topics", FROM(6))       \
    X(S, ARRAY(STRING), topic_names, "TopicNames", ONLY(0, 5), IGNORABLE)                          \
    X(S, INT32, timeout_ms, "TimeoutMs", FROM(0))
WIRE_MESSAGE(delete_topics_request, "DeleteTopicsRequest", DELETE_TOPICS_REQUEST_FIELDS, 0, 6, 4)

#define DELETE_TOPICS_RESPONSE_DELETABLE_TOPIC_RESULT_FIELDS(X, S)                                 \
    X(S, STRING, name, "Name", FROM(0), NULL_FROM(6))                                              \
    X(S, UUID, topic_id, "TopicId", FROM(6), IGNORABLE)                                            \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(5), NULL_FROM(5), DEFAULT_NULL, IGNORABLE)
WIRE_STRUCT(delete_topics_response_deletable_topic_result, "DeletableTopicResult",
            DELETE_TOPICS_RESPONSE_DELETABLE_TOPIC_RESULT_FIELDS)

#define DELETE_TOPICS_RESPONSE_FIELDS(X, S)                                                        \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(1), IGNORABLE)                            \
    X(S, ARRAY(STRUCT(delete_topics_response_deletable_topic_result)), responses, "Responses",     \
      FROM(0))
WIRE_MESSAGE(delete_topics_response, "DeleteTopicsResponse", DELETE_TOPICS_RESPONSE_FIELDS, 0, 6, 4)

#endif
