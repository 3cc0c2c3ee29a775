/* What of an append has to look inside batches: keys for compacted topics, and another codec where
 * the topic's compression.type asks for one. Everything else passes unopened.
 *
 * Happy path: a topic with neither returns at once. Failure modes: a batch that can't be opened is
 * ERR_CORRUPT_MESSAGE; what it opens to is limited, so a bomb costs no more than the limit. */
#include "broker/log/log_internal.h"

enum {
    /* A batch may open to a hundred times the largest one that is taken, and never to more than
     * 128 MiB. */
    OPEN_RATIO_MAX = 100,
    OPEN_BYTES_MAX = 128 * 1024 * 1024
};

static size_t open_limit(const struct log_config *config)
{
    int64_t largest = config->max_message_bytes;
    if (largest < 0 || largest > OPEN_BYTES_MAX / OPEN_RATIO_MAX)
        return OPEN_BYTES_MAX;
    return (size_t)largest * OPEN_RATIO_MAX;
}

/* The error of a codec as one of log_append. */
static int open_failed(int err, struct log_append *result)
{
    if (err == ERR_NO_MEMORY) {
        result->message = "there is no memory left to open the batch";
        return ERR_KAFKA_STORAGE_ERROR;
    }
    if (err == ERR_TOO_LARGE) {
        result->message = "the records of the batch are too large when decompressed";
        return ERR_MESSAGE_TOO_LARGE;
    }
    result->message = "the compressed records of the batch are damaged";
    return ERR_CORRUPT_MESSAGE;
}

static int check_keys(const struct log_config *config, const struct batch *batch,
                      struct buf *scratch, struct log_append *result)
{
    struct record_iter records;
    struct record record;
    int rc = batch_records(batch, open_limit(config), scratch, &records);
    if (rc < 0)
        return open_failed(rc, result);
    while ((rc = record_iter_next(&records, &record)) == 1) {
        if (record.key.len >= 0)
            continue;
        result->message = "a record of a compacted topic needs a key";
        return ERR_INVALID_RECORD;
    }
    return rc < 0 ? open_failed(rc, result) : 0;
}

int append_check_keys(struct log *log, const uint8_t *bytes, size_t len, struct log_append *result)
{
    struct buf scratch;
    int rc = 0;
    if (!log->config.cleanup_compact)
        return 0;
    buf_init(&scratch);
    for (size_t at = 0; at < len && rc == 0;) {
        struct batch batch;
        rc = batch_parse(bytes + at, len - at, &batch);
        ASSERT(rc == 0);
        at += batch.size;
        if (!batch_is_control(&batch))
            rc = check_keys(&log->config, &batch, &scratch, result);
    }
    buf_close(&scratch);
    return rc;
}

/* Whether any batch has to get another codec. */
static bool rewrite_needed(const struct log_config *config, const uint8_t *bytes, size_t len)
{
    if (config->compression < 0)
        return false;
    for (size_t at = 0; at < len;) {
        struct batch batch;
        int rc = batch_parse(bytes + at, len - at, &batch);
        ASSERT(rc == 0);
        at += batch.size;
        if (!batch_is_control(&batch) && (int)batch_codec(&batch) != config->compression)
            return true;
    }
    return false;
}

static int rewrite_one(const struct log_config *config, const struct batch *batch, struct buf *out,
                       struct log_append *result)
{
    enum compress_codec codec = (enum compress_codec)config->compression;
    size_t before = out->len;
    if (batch_is_control(batch) || batch_codec(batch) == codec)
        return buf_append(out, batch->bytes, batch->size) < 0 ? open_failed(ERR_NO_MEMORY, result)
                                                              : 0;
    int rc = batch_recompress(batch, codec, COMPRESS_LEVEL_DEFAULT, open_limit(config), out);
    if (rc < 0)
        return open_failed(rc, result);
    if (config->max_message_bytes >= 0 && out->len - before > (uint64_t)config->max_message_bytes) {
        result->message = "with the topic's compression.type the batch is larger than "
                          "max.message.bytes";
        return ERR_MESSAGE_TOO_LARGE;
    }
    return 0;
}

int append_rewrite(struct log *log, const uint8_t *bytes, size_t len, struct buf *out,
                   struct log_append *result)
{
    if (!rewrite_needed(&log->config, bytes, len))
        return 0;
    int rc = 0;
    for (size_t at = 0; at < len && rc == 0;) {
        struct batch batch;
        rc = batch_parse(bytes + at, len - at, &batch);
        ASSERT(rc == 0);
        at += batch.size;
        rc = rewrite_one(&log->config, &batch, out, result);
    }
    return rc;
}
