/* The records inside of a client's batch: all of them are looked at before the batch is taken, so
 * that no acknowledged one can stop its readers, and the header says their true largest timestamp.
 *
 * Happy path: plain records are walked where they lie; compressed ones pass through a window of
 * some kilobytes. Failure modes: the first fault decides; records that parse but break a rule of
 * the topic are told one by one. What a batch opens to is limited, and so is what is held of it at
 * once, so that a bomb costs no more than the limits. */
#include "broker/log/append.h"
#include "broker/log/log_private.h"

#include "kafka/record_check.h"

enum { WINDOW_BYTES = 64 * 1024 }; /* what is seen of compressed records at a time */
STATIC_ASSERT((int)LOG_BAD_RECORDS_MAX == (int)RECORD_CHECK_BAD_MAX, "all of them can be told");

size_t append_open_max(const struct log_config *config)
{
    int64_t largest = config->max_message_bytes;
    if (largest < 0 || largest > APPEND_OPEN_MAX / APPEND_OPEN_RATIO)
        return APPEND_OPEN_MAX;
    return (size_t)largest * APPEND_OPEN_RATIO;
}

bool append_opens(const struct log_config *config)
{
    return !config->headers_only || config->cleanup_compact;
}

int append_open_failed(const struct append_input *input, int err, struct log_append *result)
{
    result->message = NULL;
    if (err == ERR_TOO_LARGE && input->quick)
        return ERR_AGAIN;
    if (err == ERR_NO_MEMORY) {
        result->message = "there is no memory left to open the batch";
        return ERR_KAFKA_STORAGE_ERROR;
    }
    if (err == ERR_TOO_LARGE) {
        result->message = "the records of the batch are too large when decompressed";
        return ERR_MESSAGE_TOO_LARGE;
    }
    if (err == ERR_UNSUPPORTED_COMPRESSION_TYPE) {
        result->message = "the compression codec is not known";
        return err;
    }
    result->message = "the compressed records of the batch are damaged";
    return ERR_INVALID_RECORD;
}

/* Without overflow; a limit that reaches past the numbers is none. */
static struct record_check_rules records_rules(const struct log_config *config,
                                               const struct batch *batch, int64_t now_ms)
{
    struct record_check_rules rules = {.base_timestamp = batch->base_timestamp,
                                       .oldest = INT64_MIN,
                                       .newest = INT64_MAX,
                                       .count = batch->record_count,
                                       .keys = config->cleanup_compact};
    if (config->log_append_time)
        return rules;
    if (config->timestamp_before_max_ms >= 0 &&
        __builtin_sub_overflow(now_ms, config->timestamp_before_max_ms, &rules.oldest))
        rules.oldest = INT64_MIN;
    if (config->timestamp_after_max_ms >= 0 &&
        __builtin_add_overflow(now_ms, config->timestamp_after_max_ms, &rules.newest))
        rules.newest = INT64_MAX;
    return rules;
}

static int records_walk_packed(const struct append_input *input, const struct log_config *config,
                               const struct batch *batch, struct record_check *check)
{
    size_t out_max = append_open_max(config), hold_max = out_max;
    struct compress_stream *stream;
    struct buf window;
    if (batch_codec(batch) == COMPRESS_LZ4 &&
        !compress_lz4_is_portable(batch->records, batch->records_len)) {
        check->fault = "an LZ4 frame must have independent blocks: Java clients read no others";
        return ERR_MALFORMED;
    }
    if (input->quick && out_max > APPEND_QUICK_OUT)
        out_max = APPEND_QUICK_OUT;
    if (input->quick && hold_max > APPEND_QUICK_HOLD)
        hold_max = APPEND_QUICK_HOLD;
    int rc = compress_stream_new(batch_codec(batch), batch->records, batch->records_len, out_max,
                                 hold_max, &stream);
    if (rc < 0)
        return rc;
    buf_init(&window);
    rc = buf_reserve(&window, WINDOW_BYTES);
    for (bool more = true; rc == 0 && more;) {
        window.len = 0;
        rc = compress_stream_next(stream, WINDOW_BYTES, &window);
        more = rc == 1;
        if (rc >= 0)
            rc = record_check_take(check, window.data, window.len);
    }
    compress_stream_free(stream);
    buf_close(&window);
    return rc;
}

/* Kafka's order: a bad timestamp outweighs a missing key. */
static int records_refuse_bad(const struct record_check *check, struct log_append *result)
{
    ASSERT(check->bad_count <= LOG_BAD_RECORDS_MAX);
    result->bad_count = check->bad_count;
    for (int32_t i = 0; i < LOG_BAD_RECORDS_MAX && i < check->bad_count; i++) {
        result->bad[i] = check->bad[i].index;
        result->bad_times |= (uint32_t)check->bad[i].time << i;
    }
    result->message = check->bad_time ? LOG_BAD_TIME : LOG_NO_KEY;
    return check->bad_time ? ERR_INVALID_TIMESTAMP : ERR_INVALID_RECORD;
}

int append_check_records(const struct append_input *input, const struct log_config *config,
                         uint8_t *bytes, size_t size, struct log_append *result)
{
    struct record_check check;
    struct batch batch;
    int rc = batch_parse(bytes, size, &batch);
    ASSERT(rc == 0);
    struct record_check_rules rules = records_rules(config, &batch, input->now_ms);
    record_check_init(&check, &rules);
    if (batch_codec(&batch) == COMPRESS_NONE)
        rc = record_check_take(&check, batch.records, batch.records_len);
    else
        rc = records_walk_packed(input, config, &batch, &check);
    if (rc == 0)
        rc = record_check_end(&check);
    if (rc < 0 && !check.fault)
        return append_open_failed(input, rc, result);
    if (rc < 0) {
        result->message = check.fault;
        return ERR_INVALID_RECORD;
    }
    if (check.bad_count > 0)
        return records_refuse_bad(&check, result);
    /* Indexes, retention and rolling go by it, and many clients leave it at the first record's. */
    if (!config->log_append_time && check.max_timestamp != batch.max_timestamp)
        batch_set_max_timestamp(bytes, check.max_timestamp);
    return 0;
}
