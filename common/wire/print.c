/* Printing as JSON. The first error (memory) sticks and ends the output. */
#include "wire/field.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/err.h"

struct printer {
    struct buf *out;
    int16_t version;
    int err;
};

static void print_struct(struct printer *printer, const struct wire_desc *desc, const void *in);

static void print_raw(struct printer *printer, const char *text, size_t len)
{
    if (!printer->err)
        printer->err = buf_append(printer->out, text, len);
}

static void print_text(struct printer *printer, const char *text)
{
    print_raw(printer, text, strlen(text));
}

static void print_int(struct printer *printer, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    print_text(printer, text);
}

/* 17 digits tell any two doubles apart; a point marks the number as one. */
static void print_double(struct printer *printer, double value)
{
    char text[32];
    if (!isfinite(value)) {
        print_text(printer, "null");
        return;
    }
    snprintf(text, sizeof(text), "%.17g", value);
    print_text(printer, text);
    if (!strpbrk(text, ".e"))
        print_text(printer, ".0");
}

static void print_escape(struct printer *printer, unsigned char c)
{
    char text[8];
    if (c == '"' || c == '\\')
        snprintf(text, sizeof(text), "\\%c", c);
    else
        snprintf(text, sizeof(text), "\\u%04x", c);
    print_text(printer, text);
}

static void print_string(struct printer *printer, struct wire_str str)
{
    if (str.len < 0) {
        print_text(printer, "null");
        return;
    }
    print_text(printer, "\"");
    int32_t start = 0;
    for (int32_t i = 0; i < str.len; i++) {
        unsigned char c = (unsigned char)str.data[i];
        if (c >= 0x20 && c != 0x7f && c != '"' && c != '\\')
            continue;
        print_raw(printer, str.data + start, (size_t)(i - start));
        print_escape(printer, c);
        start = i + 1;
    }
    if (str.len > start)
        print_raw(printer, str.data + start, (size_t)(str.len - start));
    print_text(printer, "\"");
}

static void print_base64(struct printer *printer, const uint8_t *data, int64_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (len < 0) {
        print_text(printer, "null");
        return;
    }
    print_text(printer, "\"");
    for (int64_t i = 0; i < len; i += 3) {
        int64_t left = len - i;
        uint32_t word = (uint32_t)data[i] << 16 | (uint32_t)(left > 1 ? data[i + 1] : 0) << 8 |
                        (uint32_t)(left > 2 ? data[i + 2] : 0);
        char text[4] = {digits[word >> 18], digits[word >> 12 & 63],
                        left > 1 ? digits[word >> 6 & 63] : '=',
                        left > 2 ? digits[word & 63] : '='};
        print_raw(printer, text, sizeof(text));
    }
    print_text(printer, "\"");
}

static void print_records(struct printer *printer, const struct wire_records *records)
{
    if (!records->chunks) {
        print_base64(printer, records->data, records->len);
        return;
    }
    print_text(printer, "\"(");
    print_int(printer, records->len);
    print_text(printer, " bytes)\"");
}

static void print_uuid(struct printer *printer, const struct uuid *uuid)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(uuid, text);
    print_text(printer, "\"");
    print_text(printer, text);
    print_text(printer, "\"");
}

static void print_pointed(struct printer *printer, const struct wire_desc *desc, const void *member)
{
    const void *child = wire_pointer_get(member);
    if (child)
        print_struct(printer, desc, child);
    else
        print_text(printer, "null");
}

/* One value that is no array, or one item of an array. */
static void print_item(struct printer *printer, const struct wire_field *field, const void *member)
{
    switch ((enum wire_kind)field->kind) {
    case WIRE_BOOL:
        print_text(printer, *(const bool *)member ? "true" : "false");
        break;
    case WIRE_INT8:
        print_int(printer, *(const int8_t *)member);
        break;
    case WIRE_INT16:
        print_int(printer, *(const int16_t *)member);
        break;
    case WIRE_UINT16:
        print_int(printer, *(const uint16_t *)member);
        break;
    case WIRE_INT32:
        print_int(printer, *(const int32_t *)member);
        break;
    case WIRE_UINT32:
        print_int(printer, *(const uint32_t *)member);
        break;
    case WIRE_INT64:
        print_int(printer, *(const int64_t *)member);
        break;
    case WIRE_FLOAT64:
        print_double(printer, *(const double *)member);
        break;
    case WIRE_UUID:
        print_uuid(printer, member);
        break;
    case WIRE_STRING:
        print_string(printer, *(const struct wire_str *)member);
        break;
    case WIRE_BYTES:
        print_base64(printer, ((const struct wire_bytes *)member)->data,
                     ((const struct wire_bytes *)member)->len);
        break;
    case WIRE_RECORDS:
        print_records(printer, member);
        break;
    case WIRE_NESTED:
        print_struct(printer, field->child, member);
        break;
    case WIRE_POINTED:
        print_pointed(printer, field->child, member);
        break;
    }
}

static void print_array(struct printer *printer, const struct wire_field *field, const void *member)
{
    int32_t count = wire_array_count(member);
    const char *items = wire_array_items(member);
    if (count < 0) {
        print_text(printer, "null");
        return;
    }
    size_t size = wire_field_item_size(field);
    print_text(printer, "[");
    for (int32_t i = 0; i < count; i++, items += size) {
        if (i)
            print_text(printer, ",");
        print_item(printer, field, items);
    }
    print_text(printer, "]");
}

static void print_name(struct printer *printer, const char *name)
{
    char first = (char)(name[0] >= 'A' && name[0] <= 'Z' ? name[0] - 'A' + 'a' : name[0]);
    print_text(printer, "\"");
    print_raw(printer, &first, 1);
    print_text(printer, name + 1);
    print_text(printer, "\":");
}

static void print_struct(struct printer *printer, const struct wire_desc *desc, const void *in)
{
    bool first = true;
    print_text(printer, "{");
    for (unsigned i = 0; i < desc->field_count; i++) {
        const struct wire_field *field = &desc->fields[i];
        const void *member = (const char *)in + field->offset;
        if (!wire_field_present(field, printer->version) ||
            (field->tagged && wire_field_is_default(field, member)))
            continue;
        if (!first)
            print_text(printer, ",");
        first = false;
        print_name(printer, field->name);
        if (field->array)
            print_array(printer, field, member);
        else
            print_item(printer, field, member);
    }
    print_text(printer, "}");
}

int wire_print(const struct wire_desc *desc, int16_t version, const void *in, struct buf *out)
{
    struct printer printer = {out, version, 0};
    print_struct(&printer, desc, in);
    return printer.err;
}

void wire_print_string(struct wire_str str, struct buf *out)
{
    struct printer printer = {out, 0, 0};
    print_string(&printer, str);
}
