/* Responses as our own clients and followers decode them: key and version of what was asked, then
 * header and body. */
#include "fuzz_wire.h"

#include <string.h>

#include "base/bytes.h"
#include "kafka/api.h"
#include "kafka/messages/headers.h"

static void add_response(struct fuzz_corpus *corpus, const char *name, int16_t version,
                         const uint8_t *bytes, size_t len)
{
    uint8_t head[16] = {0};
    for (int16_t key = 0; key < KAFKA_API_END; key++) {
        const struct kafka_api *api = kafka_api_find(key);
        if (!api || strcmp(api->response->name, name) != 0 || version > api->max)
            continue;
        size_t tags = (size_t)kafka_api_response_header_version(api, version);
        bytes_put_u16(head, (uint16_t)key);
        bytes_put_u16(head + 2, (uint16_t)version);
        fuzz_add_tagged(corpus, head, 8 + tags, bytes, len);
    }
}

static void seed(struct fuzz_corpus *corpus)
{
    fuzz_wire_golden(add_response, corpus);
}

const struct fuzz_target fuzz_target = {.what = "responses of every API and version",
                                        .len_max = 4096,
                                        .memory_max = 4 << 20,
                                        .execs = 40000,
                                        .seed = seed};

int fuzz_one(const uint8_t *data, size_t len)
{
    if (len < 4)
        return 0;
    int16_t version = (int16_t)bytes_get_u16(data + 2);
    const struct kafka_api *api = kafka_api_find((int16_t)bytes_get_u16(data));
    if (!api || version < 0 || version > api->max)
        return 0;
    size_t head = fuzz_wire_message(
        &response_header_desc, kafka_api_response_header_version(api, version), data + 4, len - 4);
    if (head)
        (void)fuzz_wire_message(api->response, version, data + 4 + head, len - 4 - head);
    return 0;
}
