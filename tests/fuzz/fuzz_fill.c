/* Values by the names of fields. Failure mode: what does not encode is left out, since a field may
 * not exist in that version. */
#include "fuzz_fill.h"

#include <string.h>

#include "base/mem.h"
#include "fuzz_batches.h"
#include "kafka/api.h"
#include "kafka/message_set.h"
#include "kafka/messages/headers.h"
#include "wire/field.h"

enum { FILL_ARENA = 1 << 20, BATCHES_SINCE = 3 /* version of Produce */ };

struct filler {
    const struct fuzz_fill *fill;
    struct arena arena;
    struct buf batch;
    int16_t version;
};

struct text_rule {
    const char *part; /* of the field's name */
    const char *text; /* NULL: the topic */
};

static const struct text_rule texts[] = {
    {"GroupInstanceId", "i"},
    {"Group", "g"},
    {"Topic", NULL},
    {"MemberId", ""},
    {"ProtocolType", "consumer"},
    {"ProtocolName", "range"},
    {"ResourceName", NULL},
    {"Key", "g"},
    {"Mechanism", "PLAIN"},
    {"Name", NULL},
    {"Value", "1000"},
};

static const struct {
    const char *part;
    int64_t value;
} numbers[] = {
    {"TimeoutMs", 6000},
    {"Acks", -1},
    {"MaxBytes", 1 << 20},
    {"MinBytes", 1},
    {"MaxWaitMs", 10},
    {"ReplicaId", -1},
    {"ReplicationFactor", -1},
    {"NumPartitions", 3},
    {"Count", 3},
    {"ResourceType", 2},
    {"KeyType", 0},
    {"Timestamp", -1},
    {"GenerationId", -1},
    {"MemberEpoch", -1},
    {"SessionEpoch", -1},
    {"ProducerEpoch", -1},
    {"ProducerId", -1},
    {"LeaderEpoch", -1},
    {"CurrentLeaderEpoch", -1},
    {"CommittedLeaderEpoch", -1},
    {"LastFetchedEpoch", -1},
    {"EndpointType", 1},
};

static bool ends_with(const char *name, const char *part)
{
    size_t len = strlen(name), part_len = strlen(part);
    return len >= part_len && strcmp(name + len - part_len, part) == 0;
}

static struct wire_str fill_text(const struct filler *filler, const char *name)
{
    if (strstr(name, "MemberId") && filler->fill->member_id)
        return wire_str_from(filler->fill->member_id);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strstr(name, texts[i].part))
            return wire_str_from(texts[i].text ? texts[i].text : filler->fill->topic);
    return wire_str_from("x");
}

static int64_t fill_number(const struct filler *filler, const struct wire_field *field)
{
    if (ends_with(field->name, "Offset"))
        return filler->fill->offset;
    if (strstr(field->name, "Generation") && filler->fill->member_id)
        return filler->fill->generation;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (ends_with(field->name, numbers[i].part))
            return numbers[i].value;
    return field->default_int;
}

static void fill_struct(struct filler *filler, const struct wire_desc *desc, void *out);

static void fill_item(struct filler *filler, const struct wire_field *field, void *member)
{
    struct wire_field number = *field;
    switch ((enum wire_kind)field->kind) {
    case WIRE_STRING:
        *(struct wire_str *)member = fill_text(filler, field->name);
        break;
    case WIRE_BYTES:
        *(struct wire_bytes *)member = (struct wire_bytes){(const uint8_t *)"\0\0\0\0\0\0", 6};
        break;
    case WIRE_RECORDS:
        *(struct wire_records *)member =
            (struct wire_records){.data = filler->batch.data, .len = (int64_t)filler->batch.len};
        break;
    case WIRE_UUID:
        *(struct uuid *)member = filler->fill->topic_id;
        break;
    case WIRE_NESTED:
        fill_struct(filler, field->child, member);
        break;
    case WIRE_POINTED:
        wire_pointer_set(member, NULL);
        break;
    default:
        number.array = false;
        number.default_int = fill_number(filler, field);
        wire_field_set_default(&number, member);
    }
}

static void fill_array(struct filler *filler, const struct wire_field *field, void *member)
{
    size_t size = wire_field_item_size(field);
    void *items = wire_array_new(&filler->arena, member, 1, size,
                                 field->kind == WIRE_NESTED ? field->child : NULL);
    FUZZ_REQUIRE(items != NULL);
    fill_item(filler, field, items);
}

/* Null stays where it is the default, but for strings that name something. */
static void fill_struct(struct filler *filler, const struct wire_desc *desc, void *out)
{
    wire_defaults(desc, out);
    for (unsigned i = 0; i < desc->field_count; i++) {
        const struct wire_field *field = &desc->fields[i];
        void *member = (char *)out + field->offset;
        if (!wire_field_present(field, filler->version) || field->default_null)
            continue;
        if (field->array)
            fill_array(filler, field, member);
        else
            fill_item(filler, field, member);
    }
}

/* Old versions of Produce bring message sets. */
static void fill_records(struct buf *out, bool old)
{
    if (!old) {
        fuzz_batch_put(out, (struct batch_spec){.count = 2, .value_len = 20}, false);
        return;
    }
    for (int i = 0; i < 2; i++)
        FUZZ_REQUIRE(message_write(out, 1, i, 0, 1700000000000, WIRE_BYTES_NULL,
                                   (struct wire_bytes){(const uint8_t *)"value", 5}) == 0);
}

static void fill_encode(struct buf *out, const struct kafka_api *api, int16_t version,
                        const void *body)
{
    struct request_header header = {.request_api_key = api->key,
                                    .request_api_version = version,
                                    .correlation_id = 3,
                                    .client_id = wire_str_from("fill")};
    struct wire_out encoded;
    struct env_chunk chunk;
    size_t cursor = 0;
    wire_out_init(&encoded);
    int err = wire_encode(&request_header_desc, kafka_api_request_header_version(api, version),
                          &header, &encoded);
    if (!err)
        err = wire_encode(api->request, version, body, &encoded);
    while (!err && wire_out_next(&encoded, &cursor, &chunk))
        FUZZ_REQUIRE(buf_append(out, chunk.data, chunk.len) == 0);
    wire_out_close(&encoded);
}

void fuzz_fill_request(struct buf *out, const struct kafka_api *api, int16_t version,
                       const struct fuzz_fill *fill)
{
    struct filler filler = {.fill = fill, .version = version};
    void *body = mem_alloc(api->request->size);
    arena_init(&filler.arena, FILL_ARENA);
    buf_init(&filler.batch);
    fill_records(&filler.batch, api->key == KAFKA_API_PRODUCE && version < BATCHES_SINCE);
    fill_struct(&filler, api->request, body);
    fill_encode(out, api, version, body);
    buf_close(&filler.batch);
    arena_close(&filler.arena);
    mem_free(body);
}
