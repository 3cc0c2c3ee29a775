/* Every golden message: bytes to values, values to bytes, sizes; cut at each byte, damaged at each
 * byte, and with the n-th allocation failing. */
#include "../tap.h"
#include "golden.h"

#include "base/bytes.h"
#include "base/err.h"
#include "kafka/api.h"
#include "kafka/messages/consumer_offsets.h"
#include "kafka/messages/consumer_protocol.h"
#include "kafka/messages/control_records.h"
#include "kafka/messages/headers.h"
#include "kafka/messages/transaction_state.h"

/* A vector decodes to a few kilobytes; the largest of them, of 87 KB of JSON, to less than this. */
enum { GOLDEN_ARENA = 4 << 20 };
enum { GOLDEN_STRUCT_MAX = 1024 };

/* Structures that are no APIs. `prefix`: an int16 precedes the fields: the version (-1) or a
 * number. */
enum { PREFIX_NONE = -2, PREFIX_VERSION = -1 };
static const struct {
    const struct wire_desc *desc;
    int prefix;
} others[] = {
    {&request_header_desc, PREFIX_NONE},
    {&response_header_desc, PREFIX_NONE},
    {&consumer_protocol_subscription_desc, PREFIX_VERSION},
    {&consumer_protocol_assignment_desc, PREFIX_VERSION},
    {&control_record_type_schema_desc, PREFIX_VERSION},
    {&end_txn_marker_desc, PREFIX_VERSION},
    {&leader_change_message_desc, PREFIX_NONE},
    {&snapshot_header_record_desc, PREFIX_NONE},
    {&snapshot_footer_record_desc, PREFIX_NONE},
    {&kraft_version_record_desc, PREFIX_NONE},
    {&voters_record_desc, PREFIX_NONE},
    {&aborted_txn_desc, PREFIX_VERSION},
    {&legacy_offset_commit_key_desc, 0},
    {&legacy_offset_commit_value_desc, PREFIX_VERSION},
    {&offset_commit_key_desc, 1},
    {&offset_commit_value_desc, PREFIX_VERSION},
    {&group_metadata_key_desc, 2},
    {&group_metadata_value_desc, PREFIX_VERSION},
    {&consumer_group_metadata_key_desc, 3},
    {&consumer_group_metadata_value_desc, PREFIX_VERSION},
    {&consumer_group_partition_metadata_key_desc, 4},
    {&consumer_group_partition_metadata_value_desc, PREFIX_VERSION},
    {&consumer_group_member_metadata_key_desc, 5},
    {&consumer_group_member_metadata_value_desc, PREFIX_VERSION},
    {&consumer_group_target_assignment_metadata_key_desc, 6},
    {&consumer_group_target_assignment_metadata_value_desc, PREFIX_VERSION},
    {&consumer_group_target_assignment_member_key_desc, 7},
    {&consumer_group_target_assignment_member_value_desc, PREFIX_VERSION},
    {&consumer_group_current_member_assignment_key_desc, 8},
    {&consumer_group_current_member_assignment_value_desc, PREFIX_VERSION},
    {&consumer_group_regular_expression_key_desc, 16},
    {&consumer_group_regular_expression_value_desc, PREFIX_VERSION},
    {&transaction_log_key_desc, 0},
    {&transaction_log_value_desc, PREFIX_VERSION},
};

struct vector {
    const struct wire_desc *desc;
    const char *name;
    const char *kind;
    const char *json;
    int16_t version;
    uint8_t *bytes; /* of the struct, without its prefix */
    size_t len;
};

static const struct wire_desc *find_desc(const char *name, int *prefix)
{
    *prefix = PREFIX_NONE;
    for (int16_t key = 0; key < KAFKA_API_END; key++) {
        const struct kafka_api *api = kafka_api_find(key);
        if (api && strcmp(api->request->name, name) == 0)
            return api->request;
        if (api && strcmp(api->response->name, name) == 0)
            return api->response;
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (strcmp(others[i].desc->name, name) == 0) {
            *prefix = others[i].prefix;
            return others[i].desc;
        }
    return NULL;
}

/* The messages of these features are not ours yet. */
static bool is_left_out(const char *name)
{
    return strncmp(name, "Share", 5) == 0 || strncmp(name, "Streams", 7) == 0 ||
           strcmp(name, "DefaultPrincipalData") == 0;
}

static bool vector_read(char **text, struct vector *vector)
{
    char *columns[GOLDEN_COLUMNS];
    int count, prefix;
    while ((count = golden_line(text, columns)) > 0 && is_left_out(columns[0]))
        ;
    if (!count)
        return false;
    CHECK_INT(count, GOLDEN_COLUMNS);
    vector->name = columns[0];
    vector->version = (int16_t)atol(columns[1]);
    vector->kind = columns[2];
    vector->json = columns[4];
    vector->desc = find_desc(columns[0], &prefix);
    if (!vector->desc)
        printf("# no descriptor of %s\n", columns[0]);
    CHECK(vector->desc != NULL);
    CHECK(vector->desc->size <= GOLDEN_STRUCT_MAX);
    char *hex = columns[3];
    if (prefix != PREFIX_NONE) {
        char expected[5];
        snprintf(expected, sizeof(expected), "%04x",
                 (unsigned)(prefix == PREFIX_VERSION ? vector->version : prefix) & 0xffff);
        CHECK(strncmp(hex, expected, 4) == 0);
        hex += 4;
    }
    vector->bytes = golden_bytes(hex, &vector->len);
    return true;
}

/* Calls fn for every vector of every message file; at least `least` of them must be there. */
static void each_vector(void (*fn)(const struct vector *vector), int least)
{
    glob_t files;
    volatile int seen = 0;
    CHECK_INT(glob("tests/unit/wire/golden/*.tsv.gz", 0, NULL, &files), 0);
    for (volatile size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = files.gl_pathv[i];
        if (strstr(path, "batches") || strstr(path, "crc32c"))
            continue;
        char *text = golden_load(path), *at = text;
        struct vector vector;
        while (vector_read(&at, &vector)) {
            fn(&vector);
            mem_free(vector.bytes);
            seen++;
        }
        mem_free(text);
    }
    globfree(&files);
    CHECK(seen >= least);
}

static int decode(const struct vector *vector, uint8_t *bytes, size_t len, size_t limit, void *out,
                  size_t *used, struct arena *arena)
{
    arena_init(arena, limit);
    return wire_decode(vector->desc, vector->version, bytes, len, arena, out, used);
}

static bool out_equals(const struct wire_out *out, const uint8_t *bytes, size_t len)
{
    struct env_chunk chunk;
    size_t cursor = 0, at = 0;
    while (wire_out_next(out, &cursor, &chunk)) {
        if (chunk.len > len - at || memcmp(chunk.data, bytes + at, chunk.len) != 0)
            return false;
        at += chunk.len;
    }
    return at == len;
}

static void say(const struct vector *vector)
{
    printf("# %s version %d %s\n", vector->name, vector->version, vector->kind);
}

#define CHECK_VECTOR(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            say(vector);                                                                           \
            CHECK(condition);                                                                      \
        }                                                                                          \
    } while (0)

/* What random1 of the same message and version had: vectors with unknown tags encode to it. */
static uint8_t *random1;
static size_t random1_len;

static void remember_random1(const struct vector *vector)
{
    if (strcmp(vector->kind, "random1") != 0)
        return;
    mem_free(random1);
    random1 = mem_dup(vector->bytes, vector->len ? vector->len : 1);
    random1_len = vector->len;
}

static void check_round_trip(const struct vector *vector)
{
    _Alignas(8) char out[GOLDEN_STRUCT_MAX];
    struct arena arena;
    struct buf json;
    struct wire_out encoded;
    size_t used, size;
    remember_random1(vector);
    memset(out, 0xa5, sizeof(out));
    int err = decode(vector, vector->bytes, vector->len, GOLDEN_ARENA, out, &used, &arena);
    CHECK_VECTOR(err == 0);
    CHECK_VECTOR(used == vector->len);
    buf_init(&json);
    CHECK_INT(wire_print(vector->desc, vector->version, out, &json), 0);
    CHECK_VECTOR(golden_json_equal((char *)json.data, json.len, vector->json));
    buf_close(&json);
    wire_out_init(&encoded);
    CHECK_VECTOR(wire_encode(vector->desc, vector->version, out, &encoded) == 0);
    CHECK_VECTOR(wire_measure(vector->desc, vector->version, out, &size) == 0);
    CHECK_VECTOR(size == wire_out_size(&encoded));
    bool unknown = strncmp(vector->kind, "unknown", 7) == 0;
    CHECK_VECTOR(out_equals(&encoded, unknown ? random1 : vector->bytes,
                            unknown ? random1_len : vector->len));
    wire_out_close(&encoded);
    arena_close(&arena);
}

static void every_vector_decodes_and_encodes(void)
{
    each_vector(check_round_trip, 2091);
    mem_free(random1);
    random1 = NULL;
}

static void check_cuts(const struct vector *vector)
{
    _Alignas(8) char out[GOLDEN_STRUCT_MAX];
    struct arena arena;
    size_t used;
    for (size_t len = 0; len < vector->len; len++) {
        uint8_t *part = mem_alloc(len ? len : 1);
        memcpy(part, vector->bytes, len);
        int err = decode(vector, part, len, GOLDEN_ARENA, out, &used, &arena);
        arena_close(&arena);
        mem_free(part);
        CHECK_VECTOR(err == ERR_MALFORMED);
        CHECK_VECTOR(used <= len);
    }
}

static void every_cut_is_malformed(void)
{
    each_vector(check_cuts, 2091);
}

static void check_damage(const struct vector *vector)
{
    static const uint8_t values[] = {0x00, 0x7f, 0x80, 0xff};
    _Alignas(8) char out[GOLDEN_STRUCT_MAX];
    struct arena arena;
    size_t used;
    for (size_t i = 0; i < vector->len; i++) {
        uint8_t good = vector->bytes[i];
        for (size_t v = 0; v < sizeof(values); v++) {
            vector->bytes[i] = values[v];
            int err = decode(vector, vector->bytes, vector->len, GOLDEN_ARENA, out, &used, &arena);
            CHECK_VECTOR(err == 0 || err == ERR_MALFORMED);
            arena_close(&arena);
        }
        vector->bytes[i] = good;
    }
}

static void damaged_bytes_never_crash(void)
{
    each_vector(check_damage, 2091);
}

/* Decodes, prints and encodes; the first error of the three. */
static int work_once(const struct vector *vector)
{
    _Alignas(8) char out[GOLDEN_STRUCT_MAX];
    struct arena arena;
    struct buf json;
    struct wire_out encoded;
    size_t used;
    buf_init(&json);
    wire_out_init(&encoded);
    int err = decode(vector, vector->bytes, vector->len, GOLDEN_ARENA, out, &used, &arena);
    if (!err)
        err = wire_print(vector->desc, vector->version, out, &json);
    if (!err)
        err = wire_encode(vector->desc, vector->version, out, &encoded);
    wire_out_close(&encoded);
    buf_close(&json);
    arena_close(&arena);
    return err;
}

static void check_allocations(const struct vector *vector)
{
    if (strcmp(vector->kind, "random1") != 0)
        return;
    for (uint64_t n = 1;; n++) {
        mem_fail_at(n);
        int err = work_once(vector);
        bool failed = mem_fail_at(0);
        CHECK_VECTOR(err == (failed ? ERR_NO_MEMORY : 0));
        if (!failed)
            break;
    }
}

static void failed_allocations_are_reported(void)
{
    each_vector(check_allocations, 2091);
}

TAP_MAIN(TAP_TEST(every_vector_decodes_and_encodes), TAP_TEST(every_cut_is_malformed),
         TAP_TEST(damaged_bytes_never_crash), TAP_TEST(failed_allocations_are_reported))
