/* Members of messages by their names: for what many messages have in common, throttle times and
 * error codes. Each look walks the fields, so it is not for every message of a busy broker. */
#include "wire/field.h"

#include <string.h>

int32_t *wire_find_int32(const struct wire_desc *desc, int16_t version, void *message,
                         const char *name)
{
    for (unsigned i = 0; i < desc->field_count; i++) {
        const struct wire_field *field = &desc->fields[i];
        if (field->kind == WIRE_INT32 && !field->array && wire_field_present(field, version) &&
            strcmp(field->name, name) == 0)
            return (int32_t *)((char *)message + field->offset);
    }
    return NULL;
}

/* Of one value that is no array, or one item of an array. */
static int16_t find_first(const struct wire_field *field, int16_t version, const void *member,
                          const char *name)
{
    const void *child;
    switch (field->kind) {
    case WIRE_INT16:
        return strcmp(field->name, name) == 0 ? *(const int16_t *)member : 0;
    case WIRE_NESTED:
        return wire_first_int16(field->child, version, member, name);
    case WIRE_POINTED:
        child = wire_pointer_get(member);
        return child ? wire_first_int16(field->child, version, child, name) : 0;
    default:
        return 0;
    }
}

int16_t wire_first_int16(const struct wire_desc *desc, int16_t version, const void *message,
                         const char *name)
{
    for (unsigned i = 0; i < desc->field_count; i++) {
        const struct wire_field *field = &desc->fields[i];
        const char *member = (const char *)message + field->offset;
        int32_t count = 1;
        if (!wire_field_present(field, version))
            continue;
        if (field->array) {
            count = wire_array_count(member);
            member = wire_array_items(member);
        }
        for (int32_t item = 0; item < count; item++) {
            int16_t value = find_first(field, version, member, name);
            if (value)
                return value;
            member += wire_field_item_size(field);
        }
    }
    return 0;
}
