/* Messages: a message is one field list, and one interpreter works on all of them.
 *
 * A header of kafka/messages holds for each struct a list macro, one row a field:
 *
 *     #define FETCH_REQUEST_FORGOTTEN_TOPIC_FIELDS(X, S)
 *         X(S, STRING, topic, "Topic", ONLY(7, 12), IGNORABLE)
 *         X(S, UUID, topic_id, "TopicId", FROM(13), IGNORABLE)
 *         X(S, ARRAY(INT32), partitions, "Partitions", FROM(7))
 *     WIRE_STRUCT(fetch_request_forgotten_topic, "ForgottenTopic", FETCH_..._FIELDS)
 *
 * Columns: the C type, the C name, the protocol's name, the versions that have the field, then
 * options (words of wire/define.h). WIRE_STRUCT makes `struct fetch_request_forgotten_topic` of it
 * and declares `fetch_request_forgotten_topic_desc`, which kafka/messages.c defines from the same
 * list. WIRE_MESSAGE is the outermost struct: it also states first and last version and the first
 * flexible one.
 *
 * Ownership: decoding copies nothing. Strings, bytes and records are slices of the received bytes
 * and live as long as those; arrays and nullable structs live in the arena. Encoding borrows
 * everything. Absent = null: len or count -1, a NULL struct pointer. Source of the encoding: the
 * Kafka protocol guide, KIP-482 (flexible versions), KIP-893 (nullable structs). */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "env/env.h"
#include "wire/out.h"
#include "wire/str.h"

/* Decoded: data and len point into the receive buffer (the broker changes batches there), chunks is
 * NULL. To encode: either data, or chunks whose lengths add up to len (ranges of segment files). */
struct wire_records {
    uint8_t *data;
    int64_t len; /* -1 = null */
    const struct env_chunk *chunks;
    int32_t chunk_count;
};

enum wire_kind {
    WIRE_BOOL,
    WIRE_INT8,
    WIRE_INT16,
    WIRE_UINT16,
    WIRE_INT32,
    WIRE_UINT32,
    WIRE_INT64,
    WIRE_FLOAT64,
    WIRE_UUID,
    WIRE_STRING,
    WIRE_BYTES,
    WIRE_RECORDS,
    WIRE_NESTED, /* a struct by value */
    WIRE_POINTED /* a struct that may be null, by pointer */
};

/* Versions: "from this one on", and "no version at all". */
enum { WIRE_LATEST = INT16_MAX, WIRE_NEVER = INT16_MAX };

struct wire_desc;

/* One row of a field list; the words of wire/define.h fill it. */
struct wire_field {
    const char *name;               /* as the protocol spells it: "TransactionalId" */
    const struct wire_desc *child;  /* of WIRE_NESTED and WIRE_POINTED */
    int64_t default_int;            /* of numbers and bool */
    uint32_t offset;                /* in the C struct */
    int16_t since, until;           /* versions that have the field */
    int16_t null_since, null_until; /* when `nullable`: versions in which it may be null */
    uint8_t kind;                   /* enum wire_kind, of the items when `array` */
    uint8_t tag;                    /* when `tagged` */
    bool array;
    bool nullable;
    bool tagged;
    bool default_null;
    bool ignorable;   /* may be left out when the version lacks it, whatever its value */
    bool not_compact; /* keeps the int16 length in flexible versions too */
};

struct wire_desc {
    const char *name;
    const struct wire_field *fields;
    uint32_t size; /* of the C struct */
    uint16_t field_count;
    int16_t version_min, version_max;
    int16_t flexible_since; /* WIRE_NEVER: in no version (and for inner structs, which follow) */
};

/* Decodes one struct from the front of `bytes` into *out (of desc->size bytes, which need not be
 * initialised) and stores in *used how many bytes it took; what to make of the rest is the caller's
 * decision. Fields that the version lacks get their defaults. ERR_MALFORMED: truncated, a count
 * that the bytes left can't hold, a bad varint, tags out of order, a null where none is allowed.
 * ERR_NO_MEMORY: the arena's limit. After an error *out must not be used. */
int wire_decode(const struct wire_desc *desc, int16_t version, uint8_t *bytes, size_t len,
                struct arena *arena, void *out, size_t *used) MUST_CHECK;

/* Appends one struct to `out`. ERR_UNSUPPORTED_VERSION: a field that the version lacks, and that is
 * not ignorable, has another value than its default (or is null where only later versions allow
 * it). ERR_INVALID: null where no version allows it. ERR_TOO_LARGE: a string over 32767 bytes,
 * bytes over 2 GiB. ERR_NO_MEMORY. After an error `out` holds a part of the message. */
int wire_encode(const struct wire_desc *desc, int16_t version, const void *in,
                struct wire_out *out) MUST_CHECK;

/* The same for a struct whose one long array is encoded an item at a time: neither need all items
 * be there at once, nor is it one turn of the loop. Set desc, version and out; the array stands in
 * the struct itself and in this version, and may not be tagged. */
struct wire_stream {
    const struct wire_desc *desc;
    struct wire_out *out;
    int16_t version;
    bool tags;    /* some follow the last field */
    unsigned at;  /* the array's field */
    int32_t left; /* items that have not come */
};
/* All in front of the array named (whose items in the struct are not looked at), and its count. */
int wire_stream_begin(struct wire_stream *stream, const void *in, const char *array,
                      int32_t count) MUST_CHECK;
int wire_stream_item(struct wire_stream *stream, const void *item) MUST_CHECK;
/* All behind the array, when each item has come. */
int wire_stream_end(struct wire_stream *stream, const void *in) MUST_CHECK;

/* The bytes that wire_encode would append, without writing them; its errors (never ERR_NO_MEMORY).
 */
int wire_measure(const struct wire_desc *desc, int16_t version, const void *in,
                 size_t *size) MUST_CHECK;

/* Sets every field to its default; inner structs too, arrays are empty (count 0) or null, nullable
 * structs NULL. */
void wire_defaults(const struct wire_desc *desc, void *out);

/* Appends the struct as JSON: names of the protocol with a small first letter, bytes as base64, ids
 * as Kafka prints them. What the version lacks, and tagged fields at their default, are left out.
 * Records given as chunks show only their length. ERR_NO_MEMORY. */
int wire_print(const struct wire_desc *desc, int16_t version, const void *in,
               struct buf *out) MUST_CHECK;
/* Appends a string as one of JSON, null as null; a part of it when memory is out. */
void wire_print_string(struct wire_str str, struct buf *out);

/* Members by the names that the protocol gives them. The outermost INT32 of that name: NULL when
 * the message has none in this version. */
int32_t *wire_find_int32(const struct wire_desc *desc, int16_t version, void *message,
                         const char *name);
/* The first INT16 of that name that is not 0, at any depth, in the order of the fields; 0: there is
 * none. */
int16_t wire_first_int16(const struct wire_desc *desc, int16_t version, const void *message,
                         const char *name);

/* Makes `array` (a pointer to an array member of a message) hold `count` new items with their
 * defaults set; `desc` describes the items, NULL for strings and numbers (which are zero or empty).
 * Evaluates to the items, NULL when the arena's limit is reached:
 *     struct fetch_request_fetch_topic *topics =
 *         WIRE_ARRAY(arena, &request.topics, 3, &fetch_request_fetch_topic_desc); */
#define WIRE_ARRAY(arena, array, length, desc)                                                     \
    ((typeof((array)->items))wire_array_new((arena), (array), (length), sizeof(*(array)->items),   \
                                            (desc)))
void *wire_array_new(struct arena *arena, void *array, int32_t count, size_t item_size,
                     const struct wire_desc *desc) MUST_CHECK;

/* A struct with its defaults, for a nullable member; NULL when the arena's limit is reached. */
void *wire_struct_new(struct arena *arena, const struct wire_desc *desc) MUST_CHECK;

/* ---- what the field lists turn into ---- */

#define WIRE_C_BOOL            bool
#define WIRE_C_INT8            int8_t
#define WIRE_C_INT16           int16_t
#define WIRE_C_UINT16          uint16_t
#define WIRE_C_INT32           int32_t
#define WIRE_C_UINT32          uint32_t
#define WIRE_C_INT64           int64_t
#define WIRE_C_FLOAT64         double
#define WIRE_C_UUID            struct uuid
#define WIRE_C_STRING          struct wire_str
#define WIRE_C_BYTES           struct wire_bytes
#define WIRE_C_RECORDS         struct wire_records
#define WIRE_C_STRUCT(child)   struct child
#define WIRE_C_NULLABLE(child) struct child *
#define WIRE_C_ARRAY(type)                                                                         \
    struct {                                                                                       \
        int32_t count;                                                                             \
        WIRE_C_##type *items;                                                                      \
    }

#define WIRE_MEMBER(S, type, name, text, ...) WIRE_C_##type name;

#define WIRE_STRUCT(S, text, FIELDS)                                                               \
    struct S {                                                                                     \
        FIELDS(WIRE_MEMBER, S)                                                                     \
    };                                                                                             \
    extern const struct wire_desc S##_desc;

#define WIRE_MESSAGE(S, text, FIELDS, first, last, flexible) WIRE_STRUCT(S, text, FIELDS)

#endif
