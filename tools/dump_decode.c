/* The records of coordinators' topics in words.
 *
 * Happy path: the int16 in front of the key says what record it is, the one in front of the value
 * its version; both are decoded by their field lists and printed as JSON. In records of classic
 * groups the members' subscriptions and assignments are opened too. Failure modes: no key, a type
 * that is not known, bytes that are no such record: said in place of the record, as Kafka does. */
#include "tools/dump_decode.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "kafka/batch.h"
#include "kafka/messages/consumer_offsets.h"
#include "kafka/messages/consumer_protocol.h"
#include "kafka/messages/transaction_state.h"

enum { DECODE_MEMORY_MAX = 64 << 20, DECODE_GROUP = 2, DECODE_VERSION = 2 /* bytes */ };

struct decode_type {
    int16_t type;
    const struct wire_desc *key, *value;
};
static const struct decode_type decode_offsets[] = {
    {0, &legacy_offset_commit_key_desc, &legacy_offset_commit_value_desc},
    {1, &offset_commit_key_desc, &offset_commit_value_desc},
    {DECODE_GROUP, &group_metadata_key_desc, &group_metadata_value_desc},
    {3, &consumer_group_metadata_key_desc, &consumer_group_metadata_value_desc},
    {4, &consumer_group_partition_metadata_key_desc, &consumer_group_partition_metadata_value_desc},
    {5, &consumer_group_member_metadata_key_desc, &consumer_group_member_metadata_value_desc},
    {6, &consumer_group_target_assignment_metadata_key_desc,
     &consumer_group_target_assignment_metadata_value_desc},
    {7, &consumer_group_target_assignment_member_key_desc,
     &consumer_group_target_assignment_member_value_desc},
    {8, &consumer_group_current_member_assignment_key_desc,
     &consumer_group_current_member_assignment_value_desc},
    {16, &consumer_group_regular_expression_key_desc,
     &consumer_group_regular_expression_value_desc},
};
static const struct decode_type decode_txn[] = {
    {0, &transaction_log_key_desc, &transaction_log_value_desc},
};

/* A message of the arena, decoded from what is behind the version; NULL when it is none. */
static void *decode_message(const struct wire_desc *desc, int16_t version, struct wire_bytes bytes,
                            struct arena *arena)
{
    size_t used;
    void *out = arena_alloc(arena, desc->size);
    /* the decoder writes nothing to the bytes; its pointers into them are for others who do */
    uint8_t *body = (uint8_t *)(uintptr_t)bytes.data + DECODE_VERSION;
    if (!out || version < desc->version_min || version > desc->version_max ||
        wire_decode(desc, version, body, (size_t)bytes.len - DECODE_VERSION, arena, out, &used))
        return NULL;
    return out;
}

static int16_t decode_version(struct wire_bytes bytes)
{
    return bytes.len >= DECODE_VERSION ? (int16_t)bytes_get_u16(bytes.data) : (int16_t)-1;
}

static json_t *decode_json(const struct wire_desc *desc, int16_t version, const void *message)
{
    struct buf text;
    json_error_t problem;
    buf_init(&text);
    int err = wire_print(desc, version, message, &text);
    json_t *json = err ? NULL : json_loadb((const char *)text.data, text.len, 0, &problem);
    buf_close(&text);
    return json;
}

/* Replaces bytes of a member by what they say; they stay as they are when they are none. */
static void decode_open(json_t *member, const char *name, const struct wire_desc *desc,
                        struct wire_bytes bytes, struct arena *arena)
{
    int16_t version = decode_version(bytes);
    if (version > desc->version_max)
        version = desc->version_max; /* newer ones only add behind it */
    void *message = version < 0 ? NULL : decode_message(desc, version, bytes, arena);
    json_t *json = message ? decode_json(desc, version, message) : NULL;
    if (json)
        json_object_set_new(member, name, json);
}

static void decode_open_members(json_t *group, const struct group_metadata_value *value,
                                struct arena *arena)
{
    json_t *members = json_object_get(group, "members");
    if (value->protocol_type.len != 8 || memcmp(value->protocol_type.data, "consumer", 8) != 0)
        return;
    for (int32_t i = 0; i < value->members.count; i++) {
        json_t *member = json_array_get(members, (size_t)i);
        decode_open(member, "subscription", &consumer_protocol_subscription_desc,
                    value->members.items[i].subscription, arena);
        decode_open(member, "assignment", &consumer_protocol_assignment_desc,
                    value->members.items[i].assignment, arena);
    }
}

/* {"type":"1","data":{...}} */
static json_t *decode_named(const char *number_name, int16_t number, json_t *data)
{
    char text[8];
    json_t *json = json_object();
    snprintf(text, sizeof(text), "%d", number);
    json_object_set_new(json, number_name, json_string(text));
    json_object_set_new(json, "data", data);
    return json;
}

static const struct decode_type *decode_find(enum dump_decoder decoder, int16_t type)
{
    const struct decode_type *types = decoder == DUMP_DECODER_TXN ? decode_txn : decode_offsets;
    size_t count = decoder == DUMP_DECODER_TXN ? ARRAY_LEN(decode_txn) : ARRAY_LEN(decode_offsets);
    for (size_t i = 0; i < count; i++)
        if (types[i].type == type)
            return &types[i];
    return NULL;
}

/* NULL when the value is none; JSON's null where it deletes. */
static json_t *decode_value(const struct decode_type *type, const struct record *record,
                            struct arena *arena)
{
    int16_t version = decode_version(record->value);
    if (record->value.len < 0)
        return json_null();
    void *value = version < 0 ? NULL : decode_message(type->value, version, record->value, arena);
    json_t *json = value ? decode_json(type->value, version, value) : NULL;
    if (json && type->value == &group_metadata_value_desc)
        decode_open_members(json, value, arena);
    return json ? decode_named("version", version, json) : NULL;
}

void dump_decode(enum dump_decoder decoder, int64_t offset, const struct record *record,
                 struct dump_rows *rows)
{
    struct arena arena;
    int16_t number = decode_version(record->key);
    const struct decode_type *type = decode_find(decoder, number);
    char *problem = NULL;
    arena_init(&arena, DECODE_MEMORY_MAX);
    void *message = type ? decode_message(type->key, 0, record->key, &arena) : NULL;
    json_t *key = message ? decode_json(type->key, 0, message) : NULL;
    json_t *value = key ? decode_value(type, record, &arena) : NULL;
    if (record->key.len < DECODE_VERSION)
        problem =
            mem_printf("Error at offset %" PRId64 ", skipping. The record has no key.", offset);
    else if (!type)
        problem =
            mem_printf("Unknown record type %d at offset %" PRId64 ", skipping.", number, offset);
    else if (!value)
        problem = mem_printf("Error at offset %" PRId64
                             ", skipping. The %s of record type %d can't be decoded.",
                             offset, key ? "value" : "key", number);
    if (problem) {
        dump_error(rows, "key", problem);
        json_decref(key);
    } else {
        dump_json(rows, "key", decode_named("type", number, key), NULL);
        dump_json(rows, "payload", value, json_is_null(value) ? "<DELETE>" : NULL);
    }
    mem_free(problem);
    arena_close(&arena);
}
