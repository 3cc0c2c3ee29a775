/* Encoding and measuring: one walk over a descriptor and a struct, into an output that writes or
 * only counts. The size of a tagged field is found by counting it first. */
#include "wire/field.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"

struct encoder {
    struct wire_out *out;
    int16_t version;
    bool flexible;
};

static int encode_struct(const struct encoder *encoder, const struct wire_desc *desc,
                         const void *in);

/* The error for a null that this version can't express. */
static int encode_null_error(const struct wire_field *field)
{
    return field->nullable ? ERR_UNSUPPORTED_VERSION : ERR_INVALID;
}

static int encode_records(const struct encoder *encoder, const struct wire_records *records)
{
    struct wire_out *out = encoder->out;
    int64_t len = records->len < 0 ? -1 : records->len;
    if (len > INT32_MAX)
        return ERR_TOO_LARGE;
    if (encoder->flexible)
        wire_put_uvarint(out, (uint32_t)(len + 1));
    else
        wire_put_i32(out, (int32_t)len);
    if (len <= 0)
        return 0;
    if (!records->chunks) {
        struct env_chunk chunk = {.data = records->data, .len = (size_t)len};
        wire_put_chunk(out, &chunk);
        return 0;
    }
    size_t before = out->size;
    for (int32_t i = 0; i < records->chunk_count; i++)
        wire_put_chunk(out, &records->chunks[i]);
    ASSERT(out->err || out->size - before == (size_t)len);
    return 0;
}

static int encode_variable(const struct encoder *encoder, const struct wire_field *field,
                           const void *member)
{
    bool compact = encoder->flexible && !field->not_compact;
    int64_t len = field->kind == WIRE_RECORDS  ? ((const struct wire_records *)member)->len
                  : field->kind == WIRE_STRING ? ((const struct wire_str *)member)->len
                                               : ((const struct wire_bytes *)member)->len;
    if (len < 0 && (field->array || !wire_field_nullable(field, encoder->version)))
        return encode_null_error(field);
    if (field->kind == WIRE_RECORDS)
        return encode_records(encoder, member);
    if (field->kind == WIRE_STRING)
        wire_put_str(encoder->out, *(const struct wire_str *)member, compact);
    else
        wire_put_bytes(encoder->out, *(const struct wire_bytes *)member, compact);
    return 0;
}

static int encode_pointed(const struct encoder *encoder, const struct wire_field *field,
                          const void *member)
{
    const void *child = wire_pointer_get(member);
    if (!child && !wire_field_nullable(field, encoder->version))
        return encode_null_error(field);
    wire_put_i8(encoder->out, child ? 1 : -1);
    return child ? encode_struct(encoder, field->child, child) : 0;
}

/* One value that is no array, or one item of an array. */
static int encode_item(const struct encoder *encoder, const struct wire_field *field,
                       const void *member)
{
    struct wire_out *out = encoder->out;
    switch ((enum wire_kind)field->kind) {
    case WIRE_BOOL:
        wire_put_i8(out, *(const bool *)member);
        return 0;
    case WIRE_INT8:
        wire_put_i8(out, *(const int8_t *)member);
        return 0;
    case WIRE_INT16:
    case WIRE_UINT16:
        wire_put_i16(out, *(const int16_t *)member);
        return 0;
    case WIRE_INT32:
    case WIRE_UINT32:
        wire_put_i32(out, *(const int32_t *)member);
        return 0;
    case WIRE_INT64:
        wire_put_i64(out, *(const int64_t *)member);
        return 0;
    case WIRE_FLOAT64:
        wire_put_f64(out, *(const double *)member);
        return 0;
    case WIRE_UUID:
        wire_put_uuid(out, member);
        return 0;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        return encode_variable(encoder, field, member);
    case WIRE_NESTED:
        return encode_struct(encoder, field->child, member);
    case WIRE_POINTED:
        return encode_pointed(encoder, field, member);
    }
    return ERR_INVALID;
}

static void encode_count(const struct encoder *encoder, int32_t count)
{
    ASSERT(count >= -1);
    if (encoder->flexible)
        wire_put_uvarint(encoder->out, (uint32_t)count + 1);
    else
        wire_put_i32(encoder->out, count);
}

static int encode_array(const struct encoder *encoder, const struct wire_field *field,
                        const void *member)
{
    int32_t count = wire_array_count(member);
    const char *items = wire_array_items(member);
    if (count < 0 && !wire_field_nullable(field, encoder->version))
        return encode_null_error(field);
    encode_count(encoder, count);
    size_t size = wire_field_item_size(field);
    int err = 0;
    for (int32_t i = 0; i < count && !err; i++, items += size)
        err = encode_item(encoder, field, items);
    return err;
}

static inline int encode_field(const struct encoder *encoder, const struct wire_field *field,
                               const void *member)
{
    return field->array ? encode_array(encoder, field, member)
                        : encode_item(encoder, field, member);
}

static int encode_tag(const struct encoder *encoder, const struct wire_field *field,
                      const void *member)
{
    struct wire_out count;
    wire_out_init_counting(&count);
    struct encoder counter = {&count, encoder->version, encoder->flexible};
    int err = encode_field(&counter, field, member);
    if (!err)
        err = count.err;
    if (err)
        return err;
    if (count.size > INT32_MAX)
        return ERR_TOO_LARGE;
    wire_put_uvarint(encoder->out, field->tag);
    wire_put_uvarint(encoder->out, (uint32_t)count.size);
    return encode_field(encoder, field, member);
}

/* Tags must rise, whereas the list has the fields in any order: the next tag is searched each time.
 */
static const struct wire_field *encode_next_tag(const struct encoder *encoder,
                                                const struct wire_desc *desc, const void *in,
                                                int last)
{
    const struct wire_field *next = NULL;
    for (unsigned i = 0; i < desc->field_count; i++) {
        const struct wire_field *field = &desc->fields[i];
        if (field->tagged && field->tag > last && (!next || field->tag < next->tag) &&
            wire_field_present(field, encoder->version) &&
            !wire_field_is_default(field, (const char *)in + field->offset))
            next = field;
    }
    return next;
}

static int encode_tags(const struct encoder *encoder, const struct wire_desc *desc, const void *in)
{
    uint32_t count = 0;
    int last = -1, err = 0;
    const struct wire_field *field;
    while ((field = encode_next_tag(encoder, desc, in, last))) {
        last = field->tag;
        count++;
    }
    wire_put_uvarint(encoder->out, count);
    last = -1;
    while (!err && count-- > 0) {
        field = encode_next_tag(encoder, desc, in, last);
        last = field->tag;
        err = encode_tag(encoder, field, (const char *)in + field->offset);
    }
    return err;
}

/* The fields from `from` up to `to` but for the tagged ones; *tags becomes true when one of those
 * is to follow. */
static int encode_fields(const struct encoder *encoder, const struct wire_desc *desc,
                         const void *in, unsigned from, unsigned to, bool *tags)
{
    for (unsigned i = from; i < to; i++) {
        const struct wire_field *field = &desc->fields[i];
        const void *member = (const char *)in + field->offset;
        int err = 0;
        if (!wire_field_present(field, encoder->version)) {
            if (!field->ignorable && !wire_field_is_default(field, member))
                err = ERR_UNSUPPORTED_VERSION;
        } else if (field->tagged) {
            *tags = *tags || !wire_field_is_default(field, member);
        } else {
            err = encode_field(encoder, field, member);
        }
        if (err)
            return err;
    }
    return 0;
}

static int encode_end(const struct encoder *encoder, const struct wire_desc *desc, const void *in,
                      bool tags)
{
    if (tags)
        return encode_tags(encoder, desc, in);
    if (encoder->flexible)
        wire_put_uvarint(encoder->out, 0);
    return 0;
}

static int encode_struct(const struct encoder *encoder, const struct wire_desc *desc,
                         const void *in)
{
    bool tags = false;
    int err = encode_fields(encoder, desc, in, 0, desc->field_count, &tags);
    return err ? err : encode_end(encoder, desc, in, tags);
}

int wire_encode(const struct wire_desc *desc, int16_t version, const void *in, struct wire_out *out)
{
    struct encoder encoder = {out, version, version >= desc->flexible_since};
    int err = encode_struct(&encoder, desc, in);
    return err ? err : out->err;
}

/* ---- an array in parts ---- */

static struct encoder encode_stream(const struct wire_stream *stream)
{
    return (struct encoder){stream->out, stream->version,
                            stream->version >= stream->desc->flexible_since};
}

int wire_stream_begin(struct wire_stream *stream, const void *in, const char *array, int32_t count)
{
    const struct wire_desc *desc = stream->desc;
    struct encoder encoder = encode_stream(stream);
    ASSERT(count >= 0);
    stream->at = 0;
    while (strcmp(desc->fields[stream->at].name, array) != 0) {
        stream->at++;
        ASSERT(stream->at < desc->field_count);
    }
    const struct wire_field *field = &desc->fields[stream->at];
    ASSERT(field->array);
    ASSERT(!field->tagged);
    ASSERT(wire_field_present(field, stream->version));
    stream->left = count;
    stream->tags = false;
    int err = encode_fields(&encoder, desc, in, 0, stream->at, &stream->tags);
    if (err)
        return err;
    encode_count(&encoder, count);
    return stream->out->err;
}

int wire_stream_item(struct wire_stream *stream, const void *item)
{
    struct encoder encoder = encode_stream(stream);
    ASSERT(stream->left > 0);
    stream->left--;
    int err = encode_item(&encoder, &stream->desc->fields[stream->at], item);
    return err ? err : stream->out->err;
}

int wire_stream_end(struct wire_stream *stream, const void *in)
{
    const struct wire_desc *desc = stream->desc;
    struct encoder encoder = encode_stream(stream);
    ASSERT(stream->left == 0);
    int err = encode_fields(&encoder, desc, in, stream->at + 1, desc->field_count, &stream->tags);
    if (!err)
        err = encode_end(&encoder, desc, in, stream->tags);
    return err ? err : stream->out->err;
}

int wire_measure(const struct wire_desc *desc, int16_t version, const void *in, size_t *size)
{
    struct wire_out count;
    wire_out_init_counting(&count);
    int err = wire_encode(desc, version, in, &count);
    *size = count.size;
    return err;
}
