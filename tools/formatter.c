/* How the console consumer prints a record: as Kafka's formatter, or as JSON.
 *
 * The fields that are switched on, in the order of Kafka's formatter, joined by the key separator:
 * timestamp, partition, offset, epoch, headers, key, value. Failure mode: bytes that a numeric
 * decoder can't take are an error of the record, of which nothing is printed then. */
#include "tools/formatter.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "tools/rd.h"
#include "tools/report.h"

enum formatter_decoder {
    FORMATTER_TEXT,
    FORMATTER_SHORT,
    FORMATTER_INTEGER,
    FORMATTER_LONG,
    FORMATTER_FLOAT,
    FORMATTER_DOUBLE
};

struct formatter {
    bool json; /* all fields; what follows is not looked at, but for the decoders */
    bool timestamp, partition, offset, epoch, headers, key, value;
    char *key_separator, *line_separator, *headers_separator, *null_literal;
    enum formatter_decoder key_decoder, value_decoder, header_decoder;
};

/* The end of a class name tells the decoder. */
static const struct {
    const char *end;
    enum formatter_decoder decoder;
} formatter_decoders[] = {
    {"StringDeserializer", FORMATTER_TEXT},     {"ByteArrayDeserializer", FORMATTER_TEXT},
    {"BytesDeserializer", FORMATTER_TEXT},      {"ShortDeserializer", FORMATTER_SHORT},
    {"IntegerDeserializer", FORMATTER_INTEGER}, {"LongDeserializer", FORMATTER_LONG},
    {"FloatDeserializer", FORMATTER_FLOAT},     {"DoubleDeserializer", FORMATTER_DOUBLE},
};

struct formatter *formatter_new(void)
{
    struct formatter *f = mem_alloc(sizeof(*f));
    f->value = true;
    f->key_separator = mem_strdup("\t");
    f->line_separator = mem_strdup("\n");
    f->headers_separator = mem_strdup(",");
    f->null_literal = mem_strdup("null");
    return f;
}

void formatter_free(struct formatter *f)
{
    mem_free(f->key_separator);
    mem_free(f->line_separator);
    mem_free(f->headers_separator);
    mem_free(f->null_literal);
    mem_free(f);
}

static int formatter_set_decoder(enum formatter_decoder *decoder, const char *value,
                                 struct buf *problem)
{
    size_t len = strlen(value);
    for (size_t i = 0; i < ARRAY_LEN(formatter_decoders); i++) {
        size_t end_len = strlen(formatter_decoders[i].end);
        if (len >= end_len && strcmp(value + len - end_len, formatter_decoders[i].end) == 0) {
            *decoder = formatter_decoders[i].decoder;
            return 0;
        }
    }
    buf_printf(problem,
               "%s: Java classes can't be loaded; there are String, ByteArray, Short, Integer, "
               "Long, Float and Double deserializers",
               value);
    return ERR_INVALID;
}

static bool formatter_set_flag(struct formatter *f, const char *name, const char *value)
{
    struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"print.timestamp", &f->timestamp}, {"print.partition", &f->partition},
        {"print.offset", &f->offset},       {"print.epoch", &f->epoch},
        {"print.headers", &f->headers},     {"print.key", &f->key},
        {"print.value", &f->value},
    };
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (strcmp(flags[i].name, name) != 0)
            continue;
        *flags[i].flag = strcasecmp(value, "true") == 0;
        return true;
    }
    return false;
}

static bool formatter_set_text(struct formatter *f, const char *name, const char *value)
{
    struct {
        const char *name;
        char **text;
    } texts[] = {
        {"key.separator", &f->key_separator},
        {"line.separator", &f->line_separator},
        {"headers.separator", &f->headers_separator},
        {"null.literal", &f->null_literal},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (strcmp(texts[i].name, name) != 0)
            continue;
        mem_free(*texts[i].text);
        *texts[i].text = rd_unescape(value);
        return true;
    }
    return false;
}

void formatter_use_json(struct formatter *f)
{
    ASSERT(f->value);
    f->json = true;
}

int formatter_set(struct formatter *f, const char *name, const char *value, struct buf *problem)
{
    if (f->json && !strstr(name, ".deserializer")) {
        buf_printf(problem, "--format json prints every field: leave %s out", name);
        return ERR_INVALID;
    }
    if (formatter_set_flag(f, name, value) || formatter_set_text(f, name, value))
        return 0;
    if (strcmp(name, "key.deserializer") == 0)
        return formatter_set_decoder(&f->key_decoder, value, problem);
    if (strcmp(name, "value.deserializer") == 0)
        return formatter_set_decoder(&f->value_decoder, value, problem);
    if (strcmp(name, "headers.deserializer") == 0 || strcmp(name, "header.deserializer") == 0)
        return formatter_set_decoder(&f->header_decoder, value, problem);
    buf_printf(problem, "%s is not a property of the formatter", name);
    return ERR_UNKNOWN_OPTION;
}

/* ---- printing ---- */

static void formatter_put(struct buf *out, const void *data, size_t len)
{
    ASSERT(buf_append(out, data, len) == 0);
}

static void formatter_put_text(struct buf *out, const char *text)
{
    formatter_put(out, text, strlen(text));
}

static void formatter_put_real(struct buf *out, const void *data, size_t len)
{
    double value;
    if (len == sizeof(float)) {
        uint32_t bits = bytes_get_u32(data);
        float small;
        memcpy(&small, &bits, sizeof(small));
        value = (double)small;
    } else {
        uint64_t bits = bytes_get_u64(data);
        memcpy(&value, &bits, sizeof(value));
    }
    buf_printf(out, "%.*g", len == sizeof(float) ? 9 : 17, value);
}

/* What a decoder takes; text takes any length. */
static const struct {
    const char *name;
    size_t len;
} formatter_widths[] = {
    [FORMATTER_SHORT] = {"ShortDeserializer", 2},
    [FORMATTER_INTEGER] = {"IntegerDeserializer", 4},
    [FORMATTER_LONG] = {"LongDeserializer", 8},
    [FORMATTER_FLOAT] = {"FloatDeserializer", 4},
    [FORMATTER_DOUBLE] = {"DoubleDeserializer", 8},
};

/* A record on its way to `out`; `problem` is of its first field that can't be decoded. */
struct formatter_print {
    const struct formatter *f;
    const rd_kafka_message_t *message;
    struct buf *out, *problem;
};

static void formatter_put_field(const struct formatter_print *p, enum formatter_decoder decoder,
                                const char *what, const void *data, size_t len)
{
    struct buf *out = p->out;
    if (!data) {
        formatter_put_text(out, p->f->null_literal);
    } else if (decoder == FORMATTER_TEXT) {
        formatter_put(out, data, len);
    } else if (len != formatter_widths[decoder].len) {
        if (p->problem->len == 0)
            buf_printf(p->problem, "its %s has %zu bytes, and %s takes %zu", what, len,
                       formatter_widths[decoder].name, formatter_widths[decoder].len);
    } else if (decoder == FORMATTER_SHORT) {
        buf_printf(out, "%d", (int16_t)bytes_get_u16(data));
    } else if (decoder == FORMATTER_INTEGER) {
        buf_printf(out, "%d", (int32_t)bytes_get_u32(data));
    } else if (decoder == FORMATTER_LONG) {
        buf_printf(out, "%lld", (long long)bytes_get_u64(data));
    } else {
        formatter_put_real(out, data, len);
    }
}

static void formatter_put_timestamp(const rd_kafka_message_t *message, struct buf *out)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(message, &type);
    if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
        formatter_put_text(out, "NO_TIMESTAMP");
    else
        buf_printf(out, "%s:%lld",
                   type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? "CreateTime" : "LogAppendTime",
                   (long long)ms);
}

static void formatter_put_headers(const struct formatter_print *p)
{
    struct buf *out = p->out;
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t len;
    if (rd_kafka_message_headers(p->message, &headers) || rd_kafka_header_cnt(headers) == 0) {
        formatter_put_text(out, "NO_HEADERS");
        return;
    }
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &len) == 0; i++) {
        if (i > 0)
            formatter_put_text(out, p->f->headers_separator);
        buf_printf(out, "%s:", name);
        formatter_put_field(p, p->f->header_decoder, "header", value, len);
    }
}

/* ---- JSON ---- */

/* A number where a decoder makes one, else text. */
static json_t *formatter_json_field(const struct formatter_print *p, enum formatter_decoder decoder,
                                    const char *what, const void *data, size_t len)
{
    struct buf text;
    struct formatter_print field = *p;
    if (!data)
        return json_null();
    if (decoder == FORMATTER_TEXT)
        return report_json_text(data, len);
    buf_init(&text);
    field.out = &text;
    formatter_put_field(&field, decoder, what, data, len);
    json_t *number = json_loads(buf_text(&text), JSON_DECODE_ANY, NULL);
    if (!number) /* a float may be infinite, which JSON has no number for */
        number = json_string(buf_text(&text));
    buf_close(&text);
    return number;
}

static json_t *formatter_json_headers(const struct formatter_print *p)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t len;
    json_t *list = json_array();
    bool any = rd_kafka_message_headers(p->message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; any && rd_kafka_header_get_all(headers, i, &name, &value, &len) == 0; i++) {
        json_t *header = json_object();
        json_object_set_new(header, "key", report_json_text(name, strlen(name)));
        json_object_set_new(header, "value",
                            formatter_json_field(p, p->f->header_decoder, "header", value, len));
        json_array_append_new(list, header);
    }
    return list;
}

static void formatter_put_json(const struct formatter_print *p)
{
    const rd_kafka_message_t *message = p->message;
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(message, &type);
    bool timed = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    const char *kind = type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? "CreateTime" : "LogAppendTime";
    json_t *object = json_object();
    json_object_set_new(object, "topic", json_string(rd_kafka_topic_name(message->rkt)));
    json_object_set_new(object, "partition", json_integer(message->partition));
    json_object_set_new(object, "offset", json_integer(message->offset));
    json_object_set_new(object, "timestampType", timed ? json_string(kind) : json_null());
    json_object_set_new(object, "timestamp", timed ? json_integer(ms) : json_null());
    json_object_set_new(object, "headers", formatter_json_headers(p));
    json_object_set_new(
        object, "key",
        formatter_json_field(p, p->f->key_decoder, "key", message->key, message->key_len));
    json_object_set_new(
        object, "value",
        formatter_json_field(p, p->f->value_decoder, "value", message->payload, message->len));
    size_t size = json_dumpb(object, NULL, 0, JSON_COMPACT);
    char *text = mem_alloc(size + 1);
    json_dumpb(object, text, size, JSON_COMPACT);
    text[size] = '\n';
    formatter_put(p->out, text, size + 1);
    mem_free(text);
    json_decref(object);
}

/* ---- a record ---- */

int formatter_print(const struct formatter *f, const rd_kafka_message_t *message, struct buf *out,
                    struct buf *problem)
{
    const struct formatter_print print = {f, message, out, problem};
    size_t start = out->len;
    bool first = true;
    if (f->json) {
        formatter_put_json(&print);
        out->len = problem->len == 0 ? out->len : start;
        return problem->len == 0 ? 0 : ERR_INVALID;
    }
#define FORMATTER_FIELD(wanted, statement)                                                         \
    do {                                                                                           \
        if (wanted) {                                                                              \
            if (!first)                                                                            \
                formatter_put_text(out, f->key_separator);                                         \
            first = false;                                                                         \
            statement;                                                                             \
        }                                                                                          \
    } while (0)
    FORMATTER_FIELD(f->timestamp, formatter_put_timestamp(message, out));
    FORMATTER_FIELD(f->partition, buf_printf(out, "Partition:%d", message->partition));
    FORMATTER_FIELD(f->offset, buf_printf(out, "Offset:%lld", (long long)message->offset));
    /* librdkafka 2.0 does not say the leader epoch of a record. */
    FORMATTER_FIELD(f->epoch, formatter_put_text(out, "Epoch:NOT_PRESENT"));
    FORMATTER_FIELD(f->headers, formatter_put_headers(&print));
    FORMATTER_FIELD(
        f->key, formatter_put_field(&print, f->key_decoder, "key", message->key, message->key_len));
    FORMATTER_FIELD(f->value, formatter_put_field(&print, f->value_decoder, "value",
                                                  message->payload, message->len));
#undef FORMATTER_FIELD
    formatter_put_text(out, f->line_separator);
    if (problem->len == 0)
        return 0;
    out->len = start;
    return ERR_INVALID;
}
