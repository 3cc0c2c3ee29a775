/* Decoding: walks a descriptor and the bytes together, in one pass.
 *
 * Happy path: each field of the version is read in its place, the others get their defaults, and
 * the tagged section at the end of each struct overwrites defaults. Failure modes: every read
 * compares with the bytes left first; a count is compared with the bytes its items need at least
 * before memory is taken. The depth of the recursion is that of the descriptors.
 *
 * An array of structs may have a hundred thousand items: which fields of them are in the bytes, and
 * the defaults of the others, are found out once for all. */
#include "wire/field.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/err.h"
#include "wire/varint.h"

STATIC_ASSERT(sizeof(bool) == 1, "a byte on the wire");
STATIC_ASSERT(sizeof(double) == sizeof(uint64_t), "eight bytes on the wire");
STATIC_ASSERT(sizeof(struct uuid) == 16, "sixteen bytes on the wire");
struct decoder {
    uint8_t *at;
    uint8_t *end;
    struct arena *arena;
    int16_t version;
    bool flexible;
};

static int decode_struct(struct decoder *decoder, const struct wire_desc *desc, void *out);
static int decode_field(struct decoder *decoder, const struct wire_field *field, void *member);
static int decode_tags(struct decoder *decoder, const struct wire_desc *desc, void *out);

static inline size_t decode_left(const struct decoder *decoder)
{
    return (size_t)(decoder->end - decoder->at);
}

static int decode_uvarint(struct decoder *decoder, uint32_t *value)
{
    size_t used = varint_get_32(decoder->at, decode_left(decoder), value);
    if (!used)
        return ERR_MALFORMED;
    decoder->at += used;
    return 0;
}

/* The length of a string, bytes or array: -1 or above. `wide`: int32, else int16. */
static int decode_length(struct decoder *decoder, bool compact, bool wide, int64_t *len)
{
    size_t size = wide ? 4 : 2;
    if (compact) {
        uint32_t value;
        int err = decode_uvarint(decoder, &value);
        *len = err ? -1 : (int64_t)value - 1;
        return err;
    }
    if (decode_left(decoder) < size)
        return ERR_MALFORMED;
    *len = wide ? (int32_t)bytes_get_u32(decoder->at) : (int16_t)bytes_get_u16(decoder->at);
    decoder->at += size;
    return *len < -1 ? ERR_MALFORMED : 0;
}

/* A length and its bytes; *bytes is NULL for null. */
static int decode_slice(struct decoder *decoder, const struct wire_field *field, bool wide,
                        uint8_t **bytes, int32_t *len)
{
    int64_t size;
    int err = decode_length(decoder, decoder->flexible && !field->not_compact, wide, &size);
    if (err)
        return err;
    if (size > (wide ? INT32_MAX : INT16_MAX) || (size > 0 && (size_t)size > decode_left(decoder)))
        return ERR_MALFORMED;
    if (size < 0 && (field->array || !wire_field_nullable(field, decoder->version)))
        return ERR_MALFORMED;
    *bytes = size < 0 ? NULL : decoder->at;
    *len = (int32_t)size;
    decoder->at += size < 0 ? 0 : size;
    return 0;
}

static int decode_pointed(struct decoder *decoder, const struct wire_field *field, void *member)
{
    if (!decode_left(decoder))
        return ERR_MALFORMED;
    int8_t mark = (int8_t)*decoder->at++;
    if (mark < 0) {
        wire_pointer_set(member, NULL);
        return wire_field_nullable(field, decoder->version) ? 0 : ERR_MALFORMED;
    }
    void *child = arena_alloc(decoder->arena, field->child->size);
    if (!child)
        return ERR_NO_MEMORY;
    wire_pointer_set(member, child);
    return decode_struct(decoder, field->child, child);
}

static int decode_variable(struct decoder *decoder, const struct wire_field *field, void *member)
{
    uint8_t *bytes;
    int32_t len;
    int err = decode_slice(decoder, field, field->kind != WIRE_STRING, &bytes, &len);
    if (err)
        return err;
    if (field->kind == WIRE_STRING)
        *(struct wire_str *)member = (struct wire_str){(const char *)bytes, len};
    else if (field->kind == WIRE_BYTES)
        *(struct wire_bytes *)member = (struct wire_bytes){bytes, len};
    else
        *(struct wire_records *)member = (struct wire_records){.data = bytes, .len = len};
    return 0;
}

/* Bytes on the wire of the kinds that always take the same; 0 for the others. */
static size_t decode_fixed_size(uint8_t kind)
{
    static const uint8_t sizes[] = {
        [WIRE_BOOL] = 1,   [WIRE_INT8] = 1,    [WIRE_INT16] = 2,
        [WIRE_UINT16] = 2, [WIRE_INT32] = 4,   [WIRE_UINT32] = 4,
        [WIRE_INT64] = 8,  [WIRE_FLOAT64] = 8, [WIRE_UUID] = 16,
    };
    return kind <= WIRE_UUID ? sizes[kind] : 0;
}

static void decode_fixed(uint8_t kind, const uint8_t *from, void *member)
{
    switch (decode_fixed_size(kind)) {
    case 1:
        if (kind == WIRE_BOOL)
            *(bool *)member = *from != 0;
        else
            *(int8_t *)member = (int8_t)*from;
        break;
    case 2:
        *(uint16_t *)member = bytes_get_u16(from);
        break;
    case 4:
        *(uint32_t *)member = bytes_get_u32(from);
        break;
    case 8: {
        uint64_t value = bytes_get_u64(from);
        memcpy(member, &value, sizeof(value));
        break;
    }
    default:
        memcpy(member, from, sizeof(struct uuid));
    }
}

/* One value that is no array, or one item of an array. */
static int decode_item(struct decoder *decoder, const struct wire_field *field, void *member)
{
    size_t fixed = decode_fixed_size(field->kind);
    if (fixed) {
        if (decode_left(decoder) < fixed)
            return ERR_MALFORMED;
        decode_fixed(field->kind, decoder->at, member);
        decoder->at += fixed;
        return 0;
    }
    if (field->kind == WIRE_NESTED)
        return decode_struct(decoder, field->child, member);
    if (field->kind == WIRE_POINTED)
        return decode_pointed(decoder, field, member);
    return decode_variable(decoder, field, member);
}

/* The fewest bytes that a value can take on the wire; at least 1, so that a count is always
 * bounded. */
static size_t decode_least(const struct decoder *decoder, const struct wire_field *field, bool item)
{
    size_t fixed = decode_fixed_size(field->kind);
    if (field->array && !item)
        return decoder->flexible ? 1 : 4;
    if (fixed)
        return fixed;
    if (field->kind == WIRE_POINTED)
        return 1;
    if (field->kind != WIRE_NESTED)
        return decoder->flexible ? 1 : field->kind == WIRE_STRING ? 2 : 4;
    size_t least = decoder->flexible ? 1 : 0;
    for (unsigned i = 0; i < field->child->field_count; i++) {
        const struct wire_field *inner = &field->child->fields[i];
        if (wire_field_present(inner, decoder->version) && !inner->tagged)
            least += decode_least(decoder, inner, false);
    }
    return least ? least : 1;
}

enum { PLAN_FIELDS_MAX = 16, PLAN_ITEM_MAX = 256 };

/* What the items of an array of structs have in common. */
struct decode_plan {
    const struct wire_field *fields[PLAN_FIELDS_MAX]; /* in the bytes, in their order */
    unsigned count;
    size_t fixed; /* the bytes of these fields, when that is always the same; else 0 */
    char defaults[PLAN_ITEM_MAX]; /* an item in which nothing was read */
};

/* False: the struct is too large, or has a default that needs memory. */
static bool decode_make_plan(const struct decoder *decoder, const struct wire_desc *desc,
                             struct decode_plan *plan)
{
    if (desc->field_count > PLAN_FIELDS_MAX || desc->size > PLAN_ITEM_MAX)
        return false;
    bool fixed = true;
    plan->count = 0;
    plan->fixed = 0;
    memset(plan->defaults, 0, desc->size);
    for (unsigned i = 0; i < desc->field_count; i++) {
        const struct wire_field *field = &desc->fields[i];
        bool here = wire_field_present(field, decoder->version) && !field->tagged;
        if (here) {
            plan->fields[plan->count++] = field;
            fixed &= !field->array && decode_fixed_size(field->kind) > 0;
            plan->fixed += decode_fixed_size(field->kind);
        } else if (field->kind == WIRE_POINTED && !field->array && !field->default_null) {
            return false;
        } else {
            wire_field_set_default(field, plan->defaults + field->offset);
        }
    }
    ASSERT(plan->count <= desc->field_count);
    plan->fixed = fixed ? plan->fixed : 0;
    return true;
}

static int decode_planned(struct decoder *decoder, const struct wire_desc *desc,
                          const struct decode_plan *plan, char *out)
{
    int err = 0;
    memcpy(out, plan->defaults, desc->size);
    if (plan->fixed) {
        if (decode_left(decoder) < plan->fixed)
            return ERR_MALFORMED;
        for (unsigned i = 0; i < plan->count; i++) {
            const struct wire_field *field = plan->fields[i];
            decode_fixed(field->kind, decoder->at, out + field->offset);
            decoder->at += decode_fixed_size(field->kind);
        }
    } else {
        for (unsigned i = 0; i < plan->count && !err; i++)
            err = decode_field(decoder, plan->fields[i], out + plan->fields[i]->offset);
    }
    return err || !decoder->flexible ? err : decode_tags(decoder, desc, out);
}

static int decode_items(struct decoder *decoder, const struct wire_field *field, int32_t count,
                        char *items)
{
    size_t size = wire_field_item_size(field);
    struct decode_plan plan;
    int err = 0;
    ASSERT(count > 0);
    if (count > 1 && field->kind == WIRE_NESTED && decode_make_plan(decoder, field->child, &plan)) {
        for (int32_t i = 0; i < count && !err; i++, items += size)
            err = decode_planned(decoder, field->child, &plan, items);
        return err;
    }
    for (int32_t i = 0; i < count && !err; i++, items += size)
        err = decode_item(decoder, field, items);
    return err;
}

static int decode_array(struct decoder *decoder, const struct wire_field *field, void *member)
{
    int64_t count;
    int err = decode_length(decoder, decoder->flexible, true, &count);
    if (err)
        return err;
    if (count <= 0) {
        wire_array_set(member, (int32_t)count, NULL);
        return count < 0 && !wire_field_nullable(field, decoder->version) ? ERR_MALFORMED : 0;
    }
    if ((uint64_t)count > decode_left(decoder) / decode_least(decoder, field, true) ||
        count > INT32_MAX)
        return ERR_MALFORMED;
    char *items = arena_alloc_array(decoder->arena, (size_t)count, wire_field_item_size(field));
    if (!items)
        return ERR_NO_MEMORY;
    wire_array_set(member, (int32_t)count, items);
    return decode_items(decoder, field, (int32_t)count, items);
}

static int decode_field(struct decoder *decoder, const struct wire_field *field, void *member)
{
    return field->array ? decode_array(decoder, field, member)
                        : decode_item(decoder, field, member);
}

static const struct wire_field *decode_find_tag(const struct decoder *decoder,
                                                const struct wire_desc *desc, uint32_t tag)
{
    for (unsigned i = 0; i < desc->field_count; i++) {
        const struct wire_field *field = &desc->fields[i];
        if (field->tagged && field->tag == tag && wire_field_present(field, decoder->version))
            return field;
    }
    return NULL;
}

/* One tagged field; unknown ones are skipped. The value must fill its stated size. */
static int decode_tag(struct decoder *decoder, const struct wire_desc *desc, int64_t *last,
                      void *out)
{
    uint32_t tag, size;
    int err = decode_uvarint(decoder, &tag);
    if (!err)
        err = decode_uvarint(decoder, &size);
    if (err)
        return err;
    if ((int64_t)tag <= *last || size > decode_left(decoder))
        return ERR_MALFORMED;
    *last = tag;
    const struct wire_field *field = decode_find_tag(decoder, desc, tag);
    uint8_t *end = decoder->end, *value_end = decoder->at + size;
    if (field) {
        decoder->end = value_end;
        err = decode_field(decoder, field, (char *)out + field->offset);
        decoder->end = end;
        if (!err && decoder->at != value_end)
            err = ERR_MALFORMED;
    }
    decoder->at = value_end;
    return err;
}

static int decode_tags(struct decoder *decoder, const struct wire_desc *desc, void *out)
{
    uint32_t count;
    int64_t last = -1;
    int err = decode_uvarint(decoder, &count);
    for (uint32_t i = 0; i < count && !err; i++)
        err = decode_tag(decoder, desc, &last, out);
    return err;
}

/* As wire_field_set_default; but a nullable struct whose default is not null is made. */
static int decode_default(struct decoder *decoder, const struct wire_field *field, void *member)
{
    wire_field_set_default(field, member);
    if (field->kind != WIRE_POINTED || field->array || field->default_null)
        return 0;
    void *child = wire_struct_new(decoder->arena, field->child);
    wire_pointer_set(member, child);
    return child ? 0 : ERR_NO_MEMORY;
}

static int decode_struct(struct decoder *decoder, const struct wire_desc *desc, void *out)
{
    for (unsigned i = 0; i < desc->field_count; i++) {
        const struct wire_field *field = &desc->fields[i];
        void *member = (char *)out + field->offset;
        bool here = wire_field_present(field, decoder->version) && !field->tagged;
        int err =
            here ? decode_field(decoder, field, member) : decode_default(decoder, field, member);
        if (err)
            return err;
    }
    return decoder->flexible ? decode_tags(decoder, desc, out) : 0;
}

int wire_decode(const struct wire_desc *desc, int16_t version, uint8_t *bytes, size_t len,
                struct arena *arena, void *out, size_t *used)
{
    struct decoder decoder = {.at = bytes,
                              .end = bytes + len,
                              .arena = arena,
                              .version = version,
                              .flexible = version >= desc->flexible_since};
    int err = decode_struct(&decoder, desc, out);
    ASSERT(decoder.at <= decoder.end);
    ASSERT(decoder.at >= bytes);
    *used = (size_t)(decoder.at - bytes);
    return err;
}
