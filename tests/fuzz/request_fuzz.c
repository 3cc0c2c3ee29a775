/* Requests: header and body of every API in every version, as a connection decodes them. */
#include "fuzz_wire.h"

#include <string.h>

#include "base/bytes.h"
#include "kafka/api.h"
#include "kafka/messages/headers.h"

static const struct kafka_api *api_of(const char *name)
{
    for (int16_t key = 0; key < KAFKA_API_END; key++) {
        const struct kafka_api *api = kafka_api_find(key);
        if (api && strcmp(api->request->name, name) == 0)
            return api;
    }
    return NULL;
}

static void add_request(struct fuzz_corpus *corpus, const char *name, int16_t version,
                        const uint8_t *bytes, size_t len)
{
    static const char client[] = "fuzz";
    uint8_t head[32];
    const struct kafka_api *api = api_of(name);
    if (!api || version > api->max)
        return;
    size_t at = 0;
    bytes_put_u16(head, (uint16_t)api->key);
    bytes_put_u16(head + 2, (uint16_t)version);
    bytes_put_u32(head + 4, 7);
    bytes_put_u16(head + 8, sizeof(client) - 1);
    memcpy(head + 10, client, sizeof(client) - 1);
    at = 10 + sizeof(client) - 1;
    if (kafka_api_request_header_version(api, version) == 2)
        head[at++] = 0;
    fuzz_add_tagged(corpus, head, at, bytes, len);
}

static void seed(struct fuzz_corpus *corpus)
{
    fuzz_wire_golden(add_request, corpus);
}

const struct fuzz_target fuzz_target = {.what = "requests of every API and version",
                                        .len_max = 4096,
                                        .memory_max = 4 << 20,
                                        .execs = 40000,
                                        .seed = seed};

int fuzz_one(const uint8_t *data, size_t len)
{
    if (len < 8)
        return 0;
    int16_t version = (int16_t)bytes_get_u16(data + 2);
    const struct kafka_api *api = kafka_api_find((int16_t)bytes_get_u16(data));
    if (!api || version < 0 || version > api->max)
        return 0;
    size_t head = fuzz_wire_message(&request_header_desc,
                                    kafka_api_request_header_version(api, version), data, len);
    if (head)
        (void)fuzz_wire_message(api->request, version, data + head, len - head);
    return 0;
}
