/* Turns the field lists into descriptors: included before the message headers by the one file that
 * defines them (kafka/messages.c). The words below are the options of a row. */
#ifndef WIRE_DEFINE_H
#define WIRE_DEFINE_H

#include "wire/wire.h"

/* Versions that have the field. */
#define FROM(first)       .since = (first), .until = WIRE_LATEST
#define ONLY(first, last) .since = (first), .until = (last)
/* Versions in which it may be null. */
#define NULL_FROM(first)       .nullable = true, .null_since = (first), .null_until = WIRE_LATEST
#define NULL_ONLY(first, last) .nullable = true, .null_since = (first), .null_until = (last)
/* A tagged field, not in its place. */
#define TAG(number) .tagged = true, .tag = (number)
/* The default where it is not zero, empty or false. */
#define DEFAULT(value) .default_int = (value)
#define DEFAULT_NULL   .default_null = true
/* A sender may leave a value out when the version lacks the field. */
#define IGNORABLE   .ignorable = true
#define NOT_COMPACT .not_compact = true

#define WIRE_T_BOOL           .kind = WIRE_BOOL
#define WIRE_T_INT8           .kind = WIRE_INT8
#define WIRE_T_INT16          .kind = WIRE_INT16
#define WIRE_T_UINT16         .kind = WIRE_UINT16
#define WIRE_T_INT32          .kind = WIRE_INT32
#define WIRE_T_UINT32         .kind = WIRE_UINT32
#define WIRE_T_INT64          .kind = WIRE_INT64
#define WIRE_T_FLOAT64        .kind = WIRE_FLOAT64
#define WIRE_T_UUID           .kind = WIRE_UUID
#define WIRE_T_STRING         .kind = WIRE_STRING
#define WIRE_T_BYTES          .kind = WIRE_BYTES
#define WIRE_T_RECORDS        .kind = WIRE_RECORDS
#define WIRE_T_STRUCT(type)   .kind = WIRE_NESTED, .child = &type##_desc
#define WIRE_T_NULLABLE(type) .kind = WIRE_POINTED, .child = &type##_desc
#define WIRE_T_ARRAY(type)    .array = true, WIRE_T_##type

#define WIRE_ROW(S, type, member, text, ...)                                                       \
    {.name = text, .offset = offsetof(struct S, member), WIRE_T_##type, __VA_ARGS__},

#define WIRE_DESCRIBE(S, text, FIELDS, first, last, flexible)                                      \
    struct S {                                                                                     \
        FIELDS(WIRE_MEMBER, S)                                                                     \
    };                                                                                             \
    extern const struct wire_desc S##_desc;                                                        \
    static const struct wire_field S##_rows[] = {FIELDS(WIRE_ROW, S)};                             \
    const struct wire_desc S##_desc = {.name = text,                                               \
                                       .fields = S##_rows,                                         \
                                       .size = sizeof(struct S),                                   \
                                       .field_count = ARRAY_LEN(S##_rows),                         \
                                       .version_min = first,                                       \
                                       .version_max = last,                                        \
                                       .flexible_since = flexible};

#undef WIRE_STRUCT
#undef WIRE_MESSAGE
#define WIRE_STRUCT(S, text, FIELDS) WIRE_DESCRIBE(S, text, FIELDS, 0, WIRE_LATEST, WIRE_NEVER)
#define WIRE_MESSAGE(S, text, FIELDS, first, last, flexible)                                       \
    WIRE_DESCRIBE(S, text, FIELDS, first, last, flexible)

#endif
