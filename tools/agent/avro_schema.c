/* A schema becomes a graph of types: records point at the types of their fields, also at
 * themselves. Its canonical form is written on the way, into a checksum.
 *
 * Happy path: JSON is walked once; names of records, enums and fixed are looked up where they are
 * used. A value is skipped by walking the graph. Failure modes: a record that has itself as a field
 * without a union, array or map between has no end, and is refused; so is all that is too deep.
 * Values without bytes (null, records of such) are never counted one by one, however many an array
 * has. */
#include "tools/agent/avro_schema.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

enum {
    AVRO_NAME_MAX = 1024,    /* bytes of a full name, which counts anew in each use of it */
    AVRO_NESTING_MAX = 200,  /* types that are written inside each other */
    AVRO_FIXED_MAX = 1 << 30 /* bytes of a fixed */
};

#define AVRO_CRC_EMPTY UINT64_C(0xc15d213aa4d7a795)

enum avro_kind {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_PRIMITIVES, /* those above have a name only */
    AVRO_RECORD = AVRO_PRIMITIVES,
    AVRO_ENUM,
    AVRO_FIXED,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_UNION
};

static const char *const avro_primitives[AVRO_PRIMITIVES] = {"null",  "boolean", "int",   "long",
                                                             "float", "double",  "bytes", "string"};

struct avro_type {
    struct avro_type *next; /* of all, to free them */
    enum avro_kind kind;
    bool open;                /* a record whose fields are being read */
    bool empty;               /* no value of it has a byte */
    int fences;               /* of a record: in how many unions, arrays and maps it stands */
    uint64_t size;            /* of a fixed; how many symbols an enum has */
    char *name;               /* full; NULL = none */
    struct avro_type **parts; /* fields that have bytes, branches; the items of an array or map */
    size_t count;
};

struct avro_schema {
    struct avro_type primitives[AVRO_PRIMITIVES];
    struct avro_type *types; /* all others */
    struct avro_type *root;
    uint64_t fingerprint;
};

struct avro_parser {
    struct avro_schema *schema;
    struct map names; /* full name -> type */
    uint64_t table[256];
    uint64_t crc;
    int depth, fences;
    const char *why; /* NULL = no mistake yet */
};

/* ---- the canonical form ---- */

static void avro_crc_init(struct avro_parser *parser)
{
    for (uint64_t i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (AVRO_CRC_EMPTY & (0 - (crc & 1)));
        parser->table[i] = crc;
    }
    parser->crc = AVRO_CRC_EMPTY;
}

static void avro_put(struct avro_parser *parser, const char *text)
{
    for (; *text; text++)
        parser->crc = (parser->crc >> 8) ^ parser->table[(parser->crc ^ (uint8_t)*text) & 0xff];
}

static void avro_put_quoted(struct avro_parser *parser, const char *text)
{
    avro_put(parser, "\"");
    avro_put(parser, text);
    avro_put(parser, "\"");
}

static void avro_put_head(struct avro_parser *parser, const char *name, const char *kind)
{
    avro_put(parser, "{\"name\":");
    avro_put_quoted(parser, name);
    avro_put(parser, ",\"type\":");
    avro_put_quoted(parser, kind);
}

/* ---- parsing ---- */

static struct avro_type *avro_parse(struct avro_parser *parser, json_t *json, const char *space);

static struct avro_type *avro_refuse(struct avro_parser *parser, const char *why)
{
    ASSERT(why);
    if (!parser->why)
        parser->why = why;
    return NULL;
}

static struct avro_type *avro_add(struct avro_parser *parser, enum avro_kind kind, size_t count)
{
    struct avro_type *type = mem_alloc(sizeof(*type));
    ASSERT(kind >= AVRO_PRIMITIVES);
    type->kind = kind;
    type->parts = mem_alloc((count + 1) * sizeof(struct avro_type *));
    type->next = parser->schema->types;
    parser->schema->types = type;
    return type;
}

static struct avro_type *avro_find(struct avro_parser *parser, const char *name, const char *space)
{
    char full[AVRO_NAME_MAX + 1];
    struct avro_type *type = NULL;
    for (size_t i = 0; i < AVRO_PRIMITIVES; i++)
        if (strcmp(name, avro_primitives[i]) == 0)
            return &parser->schema->primitives[i];
    if (space[0] && !strchr(name, '.')) {
        int len = snprintf(full, sizeof(full), "%s.%s", space, name);
        if (len > 0 && (size_t)len < sizeof(full))
            type = map_get(&parser->names, full, (size_t)len);
    }
    return type ? type : map_get(&parser->names, name, strlen(name));
}

/* A name in the place of a type. */
static struct avro_type *avro_use(struct avro_parser *parser, const char *name, const char *space)
{
    struct avro_type *type = avro_find(parser, name, space);
    if (!type)
        return avro_refuse(parser, "its schema uses a type that it does not define");
    if (type->open && type->fences == parser->fences)
        return avro_refuse(parser, "its schema has a record that has itself as a field");
    avro_put_quoted(parser, type->name);
    return type;
}

/* A type with a name, "record" or such. The caller fills it. */
static struct avro_type *avro_define(struct avro_parser *parser, json_t *json, const char *outer,
                                     enum avro_kind kind, size_t count)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *space = json_string_value(json_object_get(json, "namespace"));
    if (!name || !name[0])
        return avro_refuse(parser, "its schema has a type without a name");
    if (!space)
        space = outer;
    if (strchr(name, '.'))
        space = "";
    if (strlen(name) + strlen(space) >= AVRO_NAME_MAX)
        return avro_refuse(parser, "its schema has a name of more than 1,024 bytes");
    char *full = space[0] ? mem_printf("%s.%s", space, name) : mem_strdup(name);
    if (map_get(&parser->names, full, strlen(full))) {
        mem_free(full);
        return avro_refuse(parser, "its schema defines a type twice");
    }
    struct avro_type *type = avro_add(parser, kind, count);
    type->name = full;
    map_put(&parser->names, full, strlen(full), type);
    return type;
}

static bool avro_parse_fields(struct avro_parser *parser, json_t *fields, struct avro_type *type)
{
    size_t i;
    json_t *field;
    const char *dot = strrchr(type->name, '.');
    char *space = dot ? mem_strndup(type->name, (size_t)(dot - type->name)) : mem_strdup("");
    json_array_foreach(fields, i, field)
    {
        const char *name = json_string_value(json_object_get(field, "name"));
        if (!name) {
            avro_refuse(parser, "its schema has a field without a name");
            break;
        }
        avro_put(parser, i > 0 ? ",{\"name\":" : "{\"name\":");
        avro_put_quoted(parser, name);
        avro_put(parser, ",\"type\":");
        struct avro_type *part = avro_parse(parser, json_object_get(field, "type"), space);
        if (!part)
            break;
        avro_put(parser, "}");
        ASSERT(!part->open || part->kind == AVRO_RECORD);
        if (!part->empty) /* the others cost nothing for each value */
            type->parts[type->count++] = part;
    }
    mem_free(space);
    return !parser->why;
}

static struct avro_type *avro_parse_record(struct avro_parser *parser, json_t *json,
                                           const char *space)
{
    json_t *fields = json_object_get(json, "fields");
    if (!json_is_array(fields))
        return avro_refuse(parser, "its schema has a record without fields");
    struct avro_type *type = avro_define(parser, json, space, AVRO_RECORD, json_array_size(fields));
    if (!type)
        return NULL;
    type->open = true;
    type->fences = parser->fences;
    avro_put_head(parser, type->name, "record");
    avro_put(parser, ",\"fields\":[");
    if (!avro_parse_fields(parser, fields, type))
        return NULL;
    avro_put(parser, "]}");
    type->open = false;
    type->empty = type->count == 0;
    return type;
}

static struct avro_type *avro_parse_enum(struct avro_parser *parser, json_t *json,
                                         const char *space)
{
    size_t i;
    json_t *symbol, *symbols = json_object_get(json, "symbols");
    struct avro_type *type = avro_define(parser, json, space, AVRO_ENUM, 0);
    if (!type)
        return NULL;
    if (!json_is_array(symbols))
        return avro_refuse(parser, "its schema has an enum without symbols");
    type->size = json_array_size(symbols);
    avro_put_head(parser, type->name, "enum");
    avro_put(parser, ",\"symbols\":[");
    json_array_foreach(symbols, i, symbol)
    {
        if (!json_is_string(symbol))
            return avro_refuse(parser, "its schema has a symbol that is no text");
        avro_put(parser, i > 0 ? "," : "");
        avro_put_quoted(parser, json_string_value(symbol));
    }
    avro_put(parser, "]}");
    return type;
}

static struct avro_type *avro_parse_fixed(struct avro_parser *parser, json_t *json,
                                          const char *space)
{
    char digits[32];
    json_t *size = json_object_get(json, "size");
    struct avro_type *type = avro_define(parser, json, space, AVRO_FIXED, 0);
    if (!type)
        return NULL;
    if (!json_is_integer(size) || json_integer_value(size) < 0 ||
        json_integer_value(size) > AVRO_FIXED_MAX)
        return avro_refuse(parser, "its schema has a fixed without a usable size");
    type->size = (uint64_t)json_integer_value(size);
    type->empty = type->size == 0;
    avro_put_head(parser, type->name, "fixed");
    snprintf(digits, sizeof(digits), ",\"size\":%llu}", (unsigned long long)type->size);
    avro_put(parser, digits);
    return type;
}

/* An array or a map of what stands in `inner`. */
static struct avro_type *avro_parse_items(struct avro_parser *parser, json_t *inner,
                                          const char *space, enum avro_kind kind)
{
    struct avro_type *type = avro_add(parser, kind, 1);
    avro_put(parser, kind == AVRO_ARRAY ? "{\"type\":\"array\",\"items\":"
                                        : "{\"type\":\"map\",\"values\":");
    parser->fences++;
    type->parts[0] = avro_parse(parser, inner, space);
    parser->fences--;
    avro_put(parser, "}");
    type->count = 1;
    return type->parts[0] ? type : NULL;
}

static struct avro_type *avro_parse_union(struct avro_parser *parser, json_t *json,
                                          const char *space)
{
    size_t i;
    json_t *branch;
    struct avro_type *type = avro_add(parser, AVRO_UNION, json_array_size(json));
    avro_put(parser, "[");
    parser->fences++;
    json_array_foreach(json, i, branch)
    {
        avro_put(parser, i > 0 ? "," : "");
        type->parts[i] = avro_parse(parser, branch, space);
        if (!type->parts[i])
            return NULL;
        type->count++;
    }
    parser->fences--;
    avro_put(parser, "]");
    return type;
}

static struct avro_type *avro_parse_object(struct avro_parser *parser, json_t *json,
                                           const char *space)
{
    json_t *type = json_object_get(json, "type");
    const char *word = json_string_value(type);
    if (!word)
        return avro_refuse(parser, "its schema has a type that is none");
    if (strcmp(word, "record") == 0 || strcmp(word, "error") == 0)
        return avro_parse_record(parser, json, space);
    if (strcmp(word, "enum") == 0)
        return avro_parse_enum(parser, json, space);
    if (strcmp(word, "fixed") == 0)
        return avro_parse_fixed(parser, json, space);
    if (strcmp(word, "array") == 0)
        return avro_parse_items(parser, json_object_get(json, "items"), space, AVRO_ARRAY);
    if (strcmp(word, "map") == 0)
        return avro_parse_items(parser, json_object_get(json, "values"), space, AVRO_MAP);
    return avro_use(parser, word, space);
}

static struct avro_type *avro_parse(struct avro_parser *parser, json_t *json, const char *space)
{
    struct avro_type *type;
    if (parser->depth == AVRO_NESTING_MAX)
        return avro_refuse(parser, "its schema has types in more than 200 others");
    parser->depth++;
    if (json_is_string(json))
        type = avro_use(parser, json_string_value(json), space);
    else if (json_is_array(json))
        type = avro_parse_union(parser, json, space);
    else if (json_is_object(json))
        type = avro_parse_object(parser, json, space);
    else
        type = avro_refuse(parser, "its schema has a type that is none");
    parser->depth--;
    ASSERT((type == NULL) == (parser->why != NULL));
    return type;
}

static struct avro_schema *avro_schema_new(void)
{
    struct avro_schema *schema = mem_alloc(sizeof(*schema));
    for (size_t i = 0; i < AVRO_PRIMITIVES; i++) {
        schema->primitives[i].kind = (enum avro_kind)i;
        schema->primitives[i].empty = i == AVRO_NULL;
        schema->primitives[i].name = (char *)(uintptr_t)avro_primitives[i];
    }
    return schema;
}

struct avro_schema *avro_schema_parse(const char *text, size_t len, const char **why)
{
    json_error_t error;
    struct avro_parser parser = {0};
    json_t *json = len <= AVRO_SCHEMA_MAX ? json_loadb(text, len, JSON_DECODE_ANY, &error) : NULL;
    *why = len > AVRO_SCHEMA_MAX ? "its schema is larger than 1 MB" : "its schema is no JSON";
    if (!json)
        return NULL;
    map_init(&parser.names);
    avro_crc_init(&parser);
    struct avro_schema *schema = avro_schema_new();
    parser.schema = schema;
    schema->root = avro_parse(&parser, json, "");
    schema->fingerprint = parser.crc;
    map_close(&parser.names);
    json_decref(json);
    if (schema->root)
        return schema;
    *why = parser.why;
    avro_schema_free(schema);
    return NULL;
}

void avro_schema_free(struct avro_schema *schema)
{
    if (!schema)
        return;
    for (struct avro_type *type = schema->types, *next; type; type = next) {
        next = type->next;
        mem_free(type->parts);
        mem_free(type->name);
        mem_free(type);
    }
    mem_free(schema);
}

uint64_t avro_schema_fingerprint(const struct avro_schema *schema)
{
    return schema->fingerprint;
}

/* ---- values ---- */

static bool avro_skip(const struct avro_type *type, struct avro_cursor *cursor, int depth);

/* Items without bytes: only their counts stand there, and may be any. */
static bool avro_skip_empty_items(struct avro_cursor *cursor)
{
    int64_t count, bytes;
    do {
        if (!avro_get_long(cursor, &count) || (count < 0 && !avro_get_long(cursor, &bytes)))
            return false;
    } while (count != 0);
    return true;
}

static bool avro_skip_items(const struct avro_type *type, struct avro_cursor *cursor, int depth)
{
    const struct avro_type *items = type->parts[0];
    const uint8_t *key;
    size_t count, len;
    ASSERT(type->count == 1);
    if (items->empty && type->kind == AVRO_ARRAY)
        return avro_skip_empty_items(cursor);
    for (;;) {
        if (!avro_get_block(cursor, SIZE_MAX, &count))
            return false;
        if (count == 0)
            return true;
        for (; count > 0; count--)
            if ((type->kind == AVRO_MAP && !avro_get_bytes(cursor, &key, &len)) ||
                !avro_skip(items, cursor, depth))
                return false;
    }
}

static bool avro_skip(const struct avro_type *type, struct avro_cursor *cursor, int depth)
{
    static const uint8_t sizes[] = {[AVRO_BOOLEAN] = 1, [AVRO_FLOAT] = 4, [AVRO_DOUBLE] = 8};
    const uint8_t *data;
    size_t len;
    int64_t number;
    if (depth == AVRO_DEPTH_MAX)
        return false;
    switch (type->kind) {
    case AVRO_NULL:
        return true;
    case AVRO_INT:
    case AVRO_LONG:
        return avro_get_long(cursor, &number);
    case AVRO_BYTES:
    case AVRO_STRING:
        return avro_get_bytes(cursor, &data, &len);
    case AVRO_FIXED:
        return avro_get_fixed(cursor, &data, (size_t)type->size);
    case AVRO_ENUM:
        return avro_get_long(cursor, &number) && number >= 0 && (uint64_t)number < type->size;
    case AVRO_UNION:
        return avro_get_long(cursor, &number) && number >= 0 && (uint64_t)number < type->count &&
               avro_skip(type->parts[number], cursor, depth + 1);
    case AVRO_ARRAY:
    case AVRO_MAP:
        return avro_skip_items(type, cursor, depth + 1);
    case AVRO_RECORD:
        for (size_t i = 0; i < type->count; i++)
            if (!avro_skip(type->parts[i], cursor, depth + 1))
                return false;
        return true;
    default:
        ASSERT(type->kind < ARRAY_LEN(sizes) && sizes[type->kind] > 0);
        return avro_get_fixed(cursor, &data, sizes[type->kind]);
    }
}

bool avro_schema_skip(const struct avro_schema *schema, struct avro_cursor *cursor)
{
    return avro_skip(schema->root, cursor, 0);
}
