/* What decoding, encoding and printing share about fields; private to common/wire, and to the
 * fuzzing that fills messages. */
#ifndef WIRE_FIELD_H
#define WIRE_FIELD_H

#include "wire/wire.h"

/* The shape of every array member, whatever its items. */
struct wire_array {
    int32_t count;
    void *items;
};

static inline bool wire_field_present(const struct wire_field *field, int16_t version)
{
    return version >= field->since && version <= field->until;
}

static inline bool wire_field_nullable(const struct wire_field *field, int16_t version)
{
    return field->nullable && version >= field->null_since && version <= field->null_until;
}

/* memcpy, since the member is of another pointer type than void. */
static inline void *wire_pointer_get(const void *member)
{
    void *pointer;
    memcpy(&pointer, member, sizeof(pointer));
    return pointer;
}

static inline void wire_pointer_set(void *member, void *pointer)
{
    memcpy(member, &pointer, sizeof(pointer));
}

static inline int32_t wire_array_count(const void *member)
{
    int32_t count;
    memcpy(&count, member, sizeof(count));
    return count;
}

static inline void *wire_array_items(const void *member)
{
    return wire_pointer_get((const char *)member + offsetof(struct wire_array, items));
}

static inline void wire_array_set(void *member, int32_t count, void *items)
{
    memcpy(member, &count, sizeof(count));
    wire_pointer_set((char *)member + offsetof(struct wire_array, items), items);
}

/* Bytes of one value in memory; of one item when it is an array. */
size_t wire_field_item_size(const struct wire_field *field);
/* Sets one member to its default. */
void wire_field_set_default(const struct wire_field *field, void *member);
/* Whether a member has its default value. */
bool wire_field_is_default(const struct wire_field *field, const void *member);

#endif
