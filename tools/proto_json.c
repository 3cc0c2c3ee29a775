/* Any protobuf message as JSON. */
#include "tools/proto_json.h"

#include <string.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "tools/report.h"

static json_t *proto_json_bytes(const ProtobufCBinaryData *bytes)
{
    struct uuid uuid;
    char text[UUID_TEXT_LEN + 1];
    struct buf hex;
    if (bytes->len == sizeof(uuid.bytes)) {
        memcpy(uuid.bytes, bytes->data, sizeof(uuid.bytes));
        uuid_format(&uuid, text);
        return json_string(text);
    }
    buf_init(&hex);
    for (size_t i = 0; i < bytes->len; i++)
        buf_printf(&hex, "%02x", bytes->data[i]);
    json_t *value = json_string(buf_text(&hex));
    buf_close(&hex);
    return value;
}

static json_t *proto_json_enum(const ProtobufCEnumDescriptor *type, int number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);
    return value ? json_string(value->name) : json_integer(number);
}

static json_t *proto_json_value(const ProtobufCFieldDescriptor *field, const void *member)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)member);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)member);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return json_integer(*(const int64_t *)member);
    case PROTOBUF_C_TYPE_FLOAT:
        return json_real((double)*(const float *)member);
    case PROTOBUF_C_TYPE_DOUBLE:
        return json_real(*(const double *)member);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)member);
    case PROTOBUF_C_TYPE_ENUM:
        return proto_json_enum(field->descriptor, *(const int *)member);
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(char *const *)member;
        return text ? report_json_text(text, strlen(text)) : json_null();
    }
    case PROTOBUF_C_TYPE_BYTES:
        return proto_json_bytes(member);
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *inner = *(ProtobufCMessage *const *)member;
        return inner ? proto_json(inner) : json_null();
    }
    }
    return json_null();
}

static size_t proto_json_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(int64_t);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    default:
        return sizeof(int32_t);
    }
}

static json_t *proto_json_array(const ProtobufCFieldDescriptor *field, const char *base)
{
    json_t *array = json_array();
    size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
    const char *items = *(char *const *)(const void *)(base + field->offset);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array,
                              proto_json_value(field, items + i * proto_json_size(field->type)));
    return array;
}

json_t *proto_json(const ProtobufCMessage *message)
{
    json_t *object = json_object();
    const char *base = (const char *)message;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        bool one_of = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            json_object_set_new(object, field->name, proto_json_array(field, base));
        else if (!one_of ||
                 *(const uint32_t *)(const void *)(base + field->quantifier_offset) == field->id)
            json_object_set_new(object, field->name, proto_json_value(field, base + field->offset));
    }
    return object;
}
