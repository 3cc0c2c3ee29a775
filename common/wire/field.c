/* Defaults of fields: setting them, and telling whether a value is one. */
#include "wire/field.h"

STATIC_ASSERT(offsetof(struct wire_str, len) == offsetof(struct wire_bytes, len),
              "strings and bytes have one shape");

static const uint8_t field_sizes[] = {
    [WIRE_BOOL] = sizeof(bool),
    [WIRE_INT8] = 1,
    [WIRE_INT16] = 2,
    [WIRE_UINT16] = 2,
    [WIRE_INT32] = 4,
    [WIRE_UINT32] = 4,
    [WIRE_INT64] = 8,
    [WIRE_FLOAT64] = 8,
    [WIRE_UUID] = sizeof(struct uuid),
    [WIRE_STRING] = sizeof(struct wire_str),
    [WIRE_BYTES] = sizeof(struct wire_bytes),
    [WIRE_RECORDS] = sizeof(struct wire_records),
    [WIRE_POINTED] = sizeof(void *),
};

size_t wire_field_item_size(const struct wire_field *field)
{
    return field->kind == WIRE_NESTED ? field->child->size : field_sizes[field->kind];
}

void wire_field_set_default(const struct wire_field *field, void *member)
{
    if (field->array) {
        wire_array_set(member, field->default_null ? -1 : 0, NULL);
        return;
    }
    switch ((enum wire_kind)field->kind) {
    case WIRE_BOOL:
        *(bool *)member = field->default_int != 0;
        break;
    case WIRE_INT8:
        *(int8_t *)member = (int8_t)field->default_int;
        break;
    case WIRE_INT16:
    case WIRE_UINT16:
        *(uint16_t *)member = (uint16_t)field->default_int;
        break;
    case WIRE_INT32:
    case WIRE_UINT32:
        *(uint32_t *)member = (uint32_t)field->default_int;
        break;
    case WIRE_INT64:
        *(int64_t *)member = field->default_int;
        break;
    case WIRE_FLOAT64:
        *(double *)member = 0;
        break;
    case WIRE_UUID:
        *(struct uuid *)member = (struct uuid){0};
        break;
    case WIRE_STRING:
        *(struct wire_str *)member = (struct wire_str){.len = field->default_null ? -1 : 0};
        break;
    case WIRE_BYTES:
        *(struct wire_bytes *)member = (struct wire_bytes){.len = field->default_null ? -1 : 0};
        break;
    case WIRE_RECORDS:
        /* The only type whose default is null without saying so. */
        *(struct wire_records *)member = (struct wire_records){.len = -1};
        break;
    case WIRE_NESTED:
        wire_defaults(field->child, member);
        break;
    case WIRE_POINTED:
        wire_pointer_set(member, NULL);
        break;
    }
}

void wire_defaults(const struct wire_desc *desc, void *out)
{
    memset(out, 0, desc->size);
    for (unsigned i = 0; i < desc->field_count; i++)
        wire_field_set_default(&desc->fields[i], (char *)out + desc->fields[i].offset);
}

static bool field_struct_is_default(const struct wire_desc *desc, const void *in)
{
    for (unsigned i = 0; i < desc->field_count; i++)
        if (!wire_field_is_default(&desc->fields[i], (const char *)in + desc->fields[i].offset))
            return false;
    return true;
}

static bool field_pointed_is_default(const struct wire_field *field, const void *member)
{
    const void *child = wire_pointer_get(member);
    if (field->default_null)
        return !child;
    return child && field_struct_is_default(field->child, child);
}

bool wire_field_is_default(const struct wire_field *field, const void *member)
{
    int32_t empty = field->default_null ? -1 : 0;
    if (field->array)
        return wire_array_count(member) == empty;
    switch ((enum wire_kind)field->kind) {
    case WIRE_BOOL:
        return *(const bool *)member == (field->default_int != 0);
    case WIRE_INT8:
        return *(const int8_t *)member == field->default_int;
    case WIRE_INT16:
        return *(const int16_t *)member == field->default_int;
    case WIRE_UINT16:
        return *(const uint16_t *)member == field->default_int;
    case WIRE_INT32:
        return *(const int32_t *)member == field->default_int;
    case WIRE_UINT32:
        return *(const uint32_t *)member == field->default_int;
    case WIRE_INT64:
        return *(const int64_t *)member == field->default_int;
    case WIRE_FLOAT64: {
        /* By bits: minus zero is another value. */
        uint64_t bits;
        memcpy(&bits, member, sizeof(bits));
        return bits == 0;
    }
    case WIRE_UUID:
        return uuid_is_zero(member);
    case WIRE_STRING:
        return ((const struct wire_str *)member)->len == empty;
    case WIRE_BYTES:
        return ((const struct wire_bytes *)member)->len == empty;
    case WIRE_RECORDS:
        return ((const struct wire_records *)member)->len < 0;
    case WIRE_NESTED:
        return field_struct_is_default(field->child, member);
    case WIRE_POINTED:
        return field_pointed_is_default(field, member);
    }
    return false;
}

void *wire_array_new(struct arena *arena, void *array, int32_t count, size_t item_size,
                     const struct wire_desc *desc)
{
    ASSERT(count >= 0);
    char *items = arena_alloc_array(arena, (size_t)count, item_size);
    if (!items)
        return NULL;
    if (desc) {
        ASSERT(desc->size == item_size);
        if (count > 0)
            wire_defaults(desc, items);
        for (int32_t i = 1; i < count; i++)
            memcpy(items + (size_t)i * item_size, items, item_size);
    }
    wire_array_set(array, count, items);
    return items;
}

void *wire_struct_new(struct arena *arena, const struct wire_desc *desc)
{
    void *fresh = arena_alloc(arena, desc->size);
    if (fresh)
        wire_defaults(desc, fresh);
    return fresh;
}
