/* Another codec for a batch, where the topic's compression.type asks for one. Happy path: the topic
 * takes what comes. Failure modes: a batch that can't be opened, or that is too large afterwards,
 * is refused; what it opens to is limited, and all of it is held. */
#include "broker/log/append.h"
#include "broker/log/log_private.h"

/* Whether any batch has to get another codec. */
static bool rewrite_needed(const struct log_config *config, const struct append_input *input)
{
    if (config->compression < 0)
        return false;
    for (size_t at = 0; at < input->len;) {
        struct batch batch;
        int rc = batch_parse(input->bytes + at, input->len - at, &batch);
        ASSERT(rc == 0);
        at += batch.size;
        if (!batch_is_control(&batch) && (int)batch_codec(&batch) != config->compression)
            return true;
    }
    return false;
}

static int rewrite_one(const struct append_input *input, const struct log_config *config,
                       const struct batch *batch, struct buf *out, struct log_append *result)
{
    enum compress_codec codec = (enum compress_codec)config->compression;
    size_t before = out->len, most = append_open_max(config);
    if (batch_is_control(batch) || batch_codec(batch) == codec)
        return buf_append(out, batch->bytes, batch->size) < 0
                   ? append_open_failed(input, ERR_NO_MEMORY, result)
                   : 0;
    if (input->quick && most > APPEND_QUICK_HOLD)
        most = APPEND_QUICK_HOLD;
    int rc = batch_recompress(batch, codec, config->compression_level, most, out);
    if (rc < 0)
        return append_open_failed(input, rc, result);
    if (config->max_message_bytes >= 0 && out->len - before > (uint64_t)config->max_message_bytes) {
        result->message = "with the topic's compression.type the batch is larger than "
                          "max.message.bytes";
        return ERR_MESSAGE_TOO_LARGE;
    }
    return 0;
}

int append_rewrite(struct append_input *input, const struct log_config *config,
                   struct log_append *result)
{
    struct buf out;
    int rc = 0;
    if (!rewrite_needed(config, input))
        return 0;
    buf_init(&out);
    for (size_t at = 0; at < input->len && rc == 0;) {
        struct batch batch;
        rc = batch_parse(input->bytes + at, input->len - at, &batch);
        ASSERT(rc == 0);
        at += batch.size;
        rc = rewrite_one(input, config, &batch, &out, result);
    }
    if (rc < 0) {
        buf_close(&out);
        return rc;
    }
    buf_close(&input->made);
    input->made = out;
    input->bytes = out.data;
    input->len = out.len;
    return 0;
}
