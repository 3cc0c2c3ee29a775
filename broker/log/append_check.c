/* What is looked at before batches go into the log.
 *
 * Happy path: every batch has a right length and checksum, and its header makes sense; one pass
 * over the bytes. Failure modes: the first fault decides the error and the sentence; nothing is
 * changed. Source of the rules: "On produce Apache Kafka checks" of the Kafka protocol. A
 * compressed batch is not opened. */
#include "broker/log/log_internal.h"

#include "base/mutation.h"

static int refuse(struct log_append *result, int err, const char *message)
{
    result->message = message;
    return err;
}

/* The form of one batch: length, magic, checksum. */
static int check_frame(const uint8_t *bytes, size_t left, struct batch *batch,
                       struct log_append *result)
{
    if (left < BATCH_HEADER_SIZE)
        return refuse(result, ERR_CORRUPT_MESSAGE, "the batch is shorter than its header");
    if ((int8_t)bytes[16] == 0 || (int8_t)bytes[16] == 1)
        return refuse(result, ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT,
                      "message formats 0 and 1 are not taken: use record batches (format 2)");
    /* The log's end stays below INT64_MAX. */
    if (batch_parse(bytes, left, batch) < 0 || batch->base_offset < 0 ||
        batch->base_offset > INT64_MAX - 1 - batch->last_offset_delta)
        return refuse(result, ERR_CORRUPT_MESSAGE, "the batch's length or header is not valid");
    if (batch_check_crc(batch) < 0)
        return refuse(result, ERR_CORRUPT_MESSAGE, "the batch's checksum is wrong");
    return 0;
}

static int check_time(const struct log_config *config, const struct batch *batch, int64_t now_ms,
                      struct log_append *result)
{
    if (config->log_append_time)
        return 0;
    if (batch->attributes & BATCH_LOG_APPEND_TIME)
        return refuse(result, ERR_INVALID_TIMESTAMP,
                      "only the broker may set the timestamp type LogAppendTime");
    if (batch->max_timestamp >= 0 && config->timestamp_after_max_ms >= 0 &&
        batch->max_timestamp > now_ms &&
        batch->max_timestamp - now_ms > config->timestamp_after_max_ms)
        return refuse(result, ERR_INVALID_TIMESTAMP,
                      "the timestamp is too far in the future: see message.timestamp.after.max.ms");
    if (batch->base_timestamp >= 0 && config->timestamp_before_max_ms >= 0 &&
        batch->base_timestamp < now_ms &&
        now_ms - batch->base_timestamp > config->timestamp_before_max_ms)
        return refuse(result, ERR_INVALID_TIMESTAMP,
                      "the timestamp is too old: see message.timestamp.before.max.ms");
    return 0;
}

static int check_header(const struct log_config *config, const struct batch *batch,
                        enum log_origin origin, struct log_append *result)
{
    if (origin == LOG_FROM_CLIENT && config->max_message_bytes >= 0 &&
        batch->size > (uint64_t)config->max_message_bytes)
        return refuse(result, ERR_MESSAGE_TOO_LARGE,
                      "the batch is larger than max.message.bytes of the topic");
    if (batch->record_count < 1 || batch->record_count != batch->last_offset_delta + 1)
        return refuse(result, ERR_INVALID_RECORD,
                      "the batch is empty, or its record count does not match its offsets");
    if (batch_codec(batch) > COMPRESS_ZSTD)
        return refuse(result, ERR_INVALID_RECORD, "the compression codec is not known");
    if (batch_is_control(batch) && origin == LOG_FROM_CLIENT)
        return refuse(result, ERR_INVALID_RECORD, "clients may not write control batches");
    if (batch->producer_id < -1 || (batch->producer_id >= 0 && batch->producer_epoch < 0))
        return refuse(result, ERR_INVALID_RECORD, "the producer id or epoch is not valid");
    if (batch->producer_id >= 0 && origin == LOG_FROM_CLIENT && batch->base_sequence < 0)
        return refuse(result, ERR_INVALID_RECORD, "an idempotent batch needs a sequence number");
    if (batch->producer_id < 0 && batch_is_transactional(batch))
        return refuse(result, ERR_INVALID_RECORD, "a transactional batch needs a producer id");
    return 0;
}

static int check_producer(struct log *log, const struct batch *batch, enum log_origin origin,
                          struct log_append *result)
{
    if (batch->producer_id < 0)
        return 0;
    if (batch_is_control(batch)) {
        struct producer_marker marker;
        int rc = producer_marker_read(batch, &marker);
        if (rc < 0)
            return refuse(result, rc, "the control record is not valid");
        return rc == 0
                   ? 0
                   : producer_state_check_marker(&log->producers, batch, &marker, &result->message);
    }
    struct producer_verdict verdict;
    int rc = producer_state_check(&log->producers, batch, origin == LOG_FROM_CLIENT, &verdict);
    result->message = verdict.message;
    if (rc == 0 && verdict.is_duplicate) {
        result->duplicate = true;
        result->last_offset = verdict.duplicate.last_offset;
        result->base_offset = verdict.duplicate.last_offset - verdict.duplicate.offset_delta;
        if (log->config.log_append_time)
            result->append_time_ms = verdict.duplicate.timestamp;
    }
    return rc;
}

int append_check_client(struct log *log, const uint8_t *bytes, size_t len, enum log_origin origin,
                        int64_t now_ms, struct log_append *result)
{
    if (len == 0)
        return refuse(result, ERR_INVALID_RECORD, "there is no batch in the request");
    if (log->config.segment_bytes >= 0 && len > (uint64_t)log->config.segment_bytes)
        return refuse(result, ERR_RECORD_LIST_TOO_LARGE,
                      "the batches are larger than segment.bytes of the topic");
    size_t at = 0;
    while (at < len) {
        struct batch batch;
        int rc = check_frame(bytes + at, len - at, &batch, result);
        if (rc == 0)
            rc = check_header(&log->config, &batch, origin, result);
        if (rc == 0)
            rc = check_time(&log->config, &batch, now_ms, result);
        if (rc < 0)
            return rc;
        /* Sequences are checked against what is in the log, so two in one append can't be. */
        if (batch.producer_id >= 0 && batch.size != len && origin == LOG_FROM_CLIENT)
            return refuse(result, ERR_INVALID_RECORD,
                          "an idempotent or transactional batch must come alone");
        rc = check_producer(log, &batch, origin, result);
        if (rc < 0)
            return rc;
        at += batch.size;
    }
    return 0;
}

/* The newest epoch that has batches: one in which nothing was written makes way for any other. */
static int32_t newest_written_epoch(const struct log *log)
{
    for (uint32_t i = (uint32_t)log->epochs.count; i > 0; i--)
        if (log->epochs.entries[i - 1].start_offset < log->end_offset)
            return log->epochs.entries[i - 1].epoch;
    return -1;
}

/* Batches follow each other without a gap. One that was compacted may have gaps anywhere, and a log
 * that was compacted once where the leader says so. A hole anywhere else is no copy of the leader's
 * log: an answer that was meant for another offset, or a damaged log. */
static bool check_gap(const struct log *log, int64_t next, int64_t base_offset)
{
    return base_offset == next || log->config.cleanup_compact || MUTATION(GAP_ACCEPTED) ||
           (next == log->end_offset && base_offset == log->gap_to);
}

int append_check_replicated(struct log *log, const uint8_t *bytes, size_t len, size_t *whole,
                            struct log_append *result)
{
    int64_t next = log->end_offset;
    int32_t newest = newest_written_epoch(log);
    *whole = 0;
    while (len - *whole >= BATCH_PEEK_SIZE) {
        struct batch batch;
        const uint8_t *at = bytes + *whole;
        int64_t size = batch_peek_size(at, len - *whole);
        if (size > (int64_t)(len - *whole))
            break; /* the fetch cut it off */
        int rc = check_frame(at, len - *whole, &batch, result);
        if (rc < 0)
            return rc;
        if (batch.base_offset < next)
            return refuse(result, ERR_INVALID_RECORD,
                          "the leader's batch starts below the end of this log");
        if (!check_gap(log, next, batch.base_offset) && *whole > 0)
            break; /* what comes before it is good; the next answer begins at the gap */
        if (!check_gap(log, next, batch.base_offset))
            return refuse(result, ERR_INVALID_RECORD,
                          "the leader's batch starts past the end of this log, which was never "
                          "compacted: records would be missing");
        if (batch.leader_epoch >= 0 && batch.leader_epoch < newest)
            return refuse(result, ERR_INVALID_RECORD,
                          "the leader's batch has an older epoch than the end of this log");
        if (batch.leader_epoch > newest)
            newest = batch.leader_epoch;
        next = batch_last_offset(&batch) + 1;
        *whole += batch.size;
    }
    return 0;
}
