/* What is looked at before batches go into the log.
 *
 * Happy path: every batch has a right length and checksum, its header makes sense, and its records
 * are what the header says; then the log is asked for its producers. The first part looks at no
 * state of the log, so that a worker may do it. Failure modes: the first fault decides the error
 * and the sentence; nothing is changed in the log. Source of the rules: what Apache Kafka checks on
 * produce (tests/clients/records.t compares). */
#include "broker/log/append.h"
#include "broker/log/log_private.h"

#include "base/mutation.h"
#include "kafka/message_set.h"

static int refuse(struct log_append *result, int err, const char *message)
{
    result->message = message;
    return err;
}

/* The form of one batch: length, magic, checksum. */
static int check_frame(const uint8_t *bytes, size_t left, struct batch *batch,
                       struct log_append *result)
{
    int rc = batch_parse_frame(bytes, left, batch);
    if (rc == ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT)
        return refuse(result, rc,
                      "message formats 0 and 1 are not taken: use record batches (format 2)");
    if (rc == ERR_EOF)
        return refuse(result, ERR_INVALID_RECORD, "the batch ends before its length says so");
    if (rc < 0)
        return refuse(result, ERR_CORRUPT_MESSAGE, "the batch's length or format is not valid");
    if (batch_check_crc(batch) < 0)
        return refuse(result, ERR_CORRUPT_MESSAGE, "the batch's checksum is wrong");
    return 0;
}

/* The header's word for it, where the records are not looked at. */
static int check_time(const struct log_config *config, const struct batch *batch, int64_t now_ms,
                      struct log_append *result)
{
    if (config->log_append_time)
        return 0;
    if (batch->max_timestamp >= 0 && config->timestamp_after_max_ms >= 0 &&
        batch->max_timestamp > now_ms &&
        batch->max_timestamp - now_ms > config->timestamp_after_max_ms)
        return refuse(result, ERR_INVALID_TIMESTAMP, LOG_BAD_TIME);
    if (batch->base_timestamp >= 0 && config->timestamp_before_max_ms >= 0 &&
        batch->base_timestamp < now_ms &&
        now_ms - batch->base_timestamp > config->timestamp_before_max_ms)
        return refuse(result, ERR_INVALID_TIMESTAMP, LOG_BAD_TIME);
    return 0;
}

/* Offsets and records, as many of the one as of the other. */
static int check_counts(const struct batch *batch, struct log_append *result)
{
    struct batch same;
    if (batch->record_count < 1 || batch->last_offset_delta < 0 ||
        batch->record_count - 1 != batch->last_offset_delta)
        return refuse(result, ERR_INVALID_RECORD,
                      "the batch is empty, or its record count does not match its offsets");
    /* The log's end stays below INT64_MAX. */
    if (batch->base_offset < 0 || batch->base_offset > INT64_MAX - 1 - batch->last_offset_delta)
        return refuse(result, ERR_INVALID_RECORD, "the batch's base offset is not valid");
    if (batch_parse(batch->bytes, batch->size, &same) < 0)
        return refuse(result, ERR_INVALID_RECORD, "the batch is too short for its records");
    return 0;
}

static int check_header(const struct log_config *config, const struct batch *batch,
                        enum log_origin origin, struct log_append *result)
{
    if (origin == LOG_FROM_CLIENT && config->max_message_bytes >= 0 &&
        batch->size > (uint64_t)config->max_message_bytes)
        return refuse(result, ERR_MESSAGE_TOO_LARGE,
                      "the batch is larger than max.message.bytes of the topic");
    int rc = check_counts(batch, result);
    if (rc < 0)
        return rc;
    if (origin == LOG_FROM_CLIENT && batch->base_offset != 0) /* as in Kafka: we give the offset */
        return refuse(result, ERR_INVALID_RECORD, "the base offset of a produced batch must be 0");
    if (batch_codec(batch) > COMPRESS_ZSTD)
        return refuse(result, ERR_UNSUPPORTED_COMPRESSION_TYPE,
                      "the compression codec is not known");
    if (batch_is_control(batch) != append_is_marker(origin))
        return refuse(result, ERR_INVALID_RECORD,
                      "clients may not write control batches, and a marker is one");
    if (batch->producer_id < -1 || (batch->producer_id >= 0 && batch->producer_epoch < 0))
        return refuse(result, ERR_INVALID_RECORD, "the producer id or epoch is not valid");
    if (batch->producer_id >= 0 && origin == LOG_FROM_CLIENT && batch->base_sequence < 0)
        return refuse(result, ERR_INVALID_RECORD, "an idempotent batch needs a sequence number");
    if (batch->producer_id < 0 && batch_is_transactional(batch))
        return refuse(result, ERR_INVALID_RECORD, "a transactional batch needs a producer id");
    if (!config->log_append_time && batch->attributes & BATCH_LOG_APPEND_TIME)
        return refuse(result, ERR_INVALID_TIMESTAMP,
                      "only the broker may set the timestamp type LogAppendTime");
    return 0;
}

static int check_batch(const struct append_input *input, const struct log_config *config, size_t at,
                       struct batch *batch, struct log_append *result)
{
    ASSERT(at < input->len);
    uint8_t *bytes = input->bytes + at;
    int rc = check_frame(bytes, input->len - at, batch, result);
    if (rc == 0)
        rc = check_header(config, batch, input->origin, result);
    /* Sequences are checked against what is in the log, so two in one append can't be. */
    if (rc == 0 && batch->producer_id >= 0 && batch->size != input->len &&
        input->origin == LOG_FROM_CLIENT)
        rc = refuse(result, ERR_INVALID_RECORD,
                    "an idempotent or transactional batch must come alone");
    if (rc < 0)
        return rc;
    /* Our own coordinators know what they write. */
    if (input->origin == LOG_FROM_CLIENT && append_opens(config))
        return append_check_records(input, config, bytes, batch->size, result);
    return check_time(config, batch, input->now_ms, result);
}

static int convert_messages(struct append_input *input, struct log_append *result)
{
    size_t most = input->quick ? APPEND_QUICK_HOLD : APPEND_MESSAGES_MAX;
    struct buf batch;
    buf_init(&batch);
    int rc = message_set_to_batch(input->bytes, input->len, most, &batch);
    if (rc < 0) {
        buf_close(&batch);
        if (rc == ERR_TOO_LARGE || rc == ERR_NO_MEMORY || rc == ERR_UNSUPPORTED_COMPRESSION_TYPE)
            return append_open_failed(input, rc, result);
        return refuse(result, rc == ERR_INVALID_RECORD ? rc : ERR_CORRUPT_MESSAGE,
                      "a message of the set is damaged or cut off");
    }
    buf_close(&input->made);
    input->made = batch;
    input->bytes = batch.data;
    input->len = batch.len;
    return 0;
}

int append_prepare(struct append_input *input, const struct log_config *config,
                   struct log_append *result)
{
    int rc = input->is_messages && input->len > 0 ? convert_messages(input, result) : 0;
    if (rc < 0)
        return rc;
    if (input->len == 0)
        return refuse(result, ERR_INVALID_RECORD, "there is no batch in the request");
    if (config->segment_bytes >= 0 && input->len > (uint64_t)config->segment_bytes)
        return refuse(result, ERR_RECORD_LIST_TOO_LARGE,
                      "the batches are larger than segment.bytes of the topic");
    for (size_t at = 0; at < input->len && rc == 0;) {
        struct batch batch;
        rc = check_batch(input, config, at, &batch, result);
        at += batch.size;
    }
    return rc < 0 ? rc : append_rewrite(input, config, result);
}

static int check_marker(struct log *log, const struct batch *batch, enum log_origin origin,
                        struct log_append *result)
{
    struct txn_marker marker;
    if (batch->producer_id < 0 || txn_marker_read(batch, &marker) != 1)
        return refuse(result, ERR_INVALID_RECORD, "the transaction marker is not valid");
    return producer_state_check_marker(&log->producers, &marker, origin == LOG_MARKER_BUMPED,
                                       &result->message);
}

static int check_producer(struct log *log, const struct batch *batch, enum log_origin origin,
                          struct log_append *result)
{
    if (append_is_marker(origin))
        return check_marker(log, batch, origin, result);
    if (batch->producer_id < 0)
        return 0;
    struct producer_verdict verdict;
    int rc = producer_state_check(&log->producers, batch, origin == LOG_FROM_CLIENT, &verdict);
    result->message = verdict.message;
    if (rc == 0 && verdict.is_duplicate) {
        result->duplicate = true;
        result->last_offset = verdict.duplicate.last_offset;
        result->base_offset = verdict.duplicate.last_offset - verdict.duplicate.offset_delta;
        if (log->config->log_append_time)
            result->append_time_ms = verdict.duplicate.timestamp;
    }
    return rc;
}

int append_check_producers(struct log *log, const struct append_input *input,
                           struct log_append *result)
{
    int rc = 0;
    for (size_t at = 0; at < input->len && rc == 0;) {
        struct batch batch;
        rc = batch_parse(input->bytes + at, input->len - at, &batch);
        ASSERT(rc == 0);
        rc = check_producer(log, &batch, input->origin, result);
        at += batch.size;
    }
    return rc;
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
    return base_offset == next || log->config->cleanup_compact || MUTATION(GAP_ACCEPTED) ||
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
        if (rc == 0 && (batch_parse(at, len - *whole, &batch) < 0 || batch.base_offset < 0 ||
                        batch.base_offset > INT64_MAX - 1 - batch.last_offset_delta))
            rc = refuse(result, ERR_CORRUPT_MESSAGE, "the batch's counts are not valid");
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
    ASSERT(*whole <= len);
    ASSERT(next >= log->end_offset);
    return 0;
}
