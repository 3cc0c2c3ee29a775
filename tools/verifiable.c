/* The JSON lines of kafka-verifiable-producer and -consumer. */
#include "tools/verifiable.h"

#include "base/check.h"
#include "tools/rd.h"
#include "tools/report.h"

#define VERIFIABLE_CLASS(name) "class org.apache.kafka.common.errors." name

static const struct {
    rd_kafka_resp_err_t err;
    const char *exception;
} verifiable_exceptions[] = {
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, VERIFIABLE_CLASS("TimeoutException")},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, VERIFIABLE_CLASS("TimeoutException")},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, VERIFIABLE_CLASS("TimeoutException")},
    {RD_KAFKA_RESP_ERR__TRANSPORT, VERIFIABLE_CLASS("NetworkException")},
    {RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, VERIFIABLE_CLASS("NetworkException")},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, VERIFIABLE_CLASS("NotLeaderOrFollowerException")},
    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, VERIFIABLE_CLASS("LeaderNotAvailableException")},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, VERIFIABLE_CLASS("NotEnoughReplicasException")},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
     VERIFIABLE_CLASS("NotEnoughReplicasAfterAppendException")},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, VERIFIABLE_CLASS("UnknownTopicOrPartitionException")},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, VERIFIABLE_CLASS("UnknownTopicOrPartitionException")},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, VERIFIABLE_CLASS("InvalidTopicException")},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, VERIFIABLE_CLASS("RecordTooLargeException")},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, VERIFIABLE_CLASS("TopicAuthorizationException")},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, VERIFIABLE_CLASS("PolicyViolationException")},
    {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, VERIFIABLE_CLASS("KafkaStorageException")},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, VERIFIABLE_CLASS("CorruptRecordException")},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, VERIFIABLE_CLASS("InvalidTimestampException")},
};

json_t *verifiable_event(const char *name)
{
    json_t *event = json_object();
    json_object_set_new(event, "timestamp", json_integer(rd_wall_ms()));
    json_object_set_new(event, "name", json_string(name));
    return event;
}

json_t *verifiable_text(const void *data, size_t len)
{
    return data ? report_json_text(data, len) : json_null();
}

void verifiable_print(json_t *event)
{
    enum { DIGITS = 16 }; /* what a double holds */
    json_dumpf(event, stdout, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    json_decref(event);
    putchar('\n');
    fflush(stdout); /* who watches acts on each line */
}

const char *verifiable_exception(rd_kafka_resp_err_t err)
{
    for (size_t i = 0; i < ARRAY_LEN(verifiable_exceptions); i++)
        if (verifiable_exceptions[i].err == err)
            return verifiable_exceptions[i].exception;
    return "class org.apache.kafka.common.KafkaException";
}
