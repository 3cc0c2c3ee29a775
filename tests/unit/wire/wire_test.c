/* The interpreter and the output where the golden vectors do not reach: hostile bytes, versions
 * that lack a field, nulls, referenced pieces, defaults, variable-length integers. */
#include "../tap.h"

#include "base/bytes.h"
#include "base/err.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/headers.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/produce.h"
#include "wire/varint.h"
#include "wire/wire.h"

enum { ARENA_LIMIT = 1 << 20 };

static void varints_round_trip(void)
{
    static const int64_t values[] = {0,         1,         -1,        63,          64,
                                     -64,       -65,       300,       INT32_MAX,   INT32_MIN,
                                     INT64_MAX, INT64_MIN, 1LL << 34, -(1LL << 41)};
    uint8_t bytes[VARINT_MAX_64];
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        uint64_t zigzag = varint_zigzag_64(values[i]), back = 0;
        size_t len = varint_put(bytes, zigzag);
        CHECK_INT(len, varint_size(zigzag));
        CHECK_INT(varint_get_64(bytes, len, &back), len);
        CHECK_INT(varint_unzigzag_64(back), values[i]);
        CHECK_INT(varint_get_64(bytes, len - 1, &back), 0);
    }
    CHECK_INT(varint_unzigzag_32(varint_zigzag_32(INT32_MIN)), INT32_MIN);
    CHECK_INT(varint_unzigzag_32(varint_zigzag_32(INT32_MAX)), INT32_MAX);
}

static void varints_that_do_not_fit_are_refused(void)
{
    static const uint8_t long5[] = {0xff, 0xff, 0xff, 0xff, 0x0f};
    static const uint8_t over5[] = {0xff, 0xff, 0xff, 0xff, 0x1f};
    static const uint8_t six[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    static const uint8_t over10[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    static const uint8_t eleven[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                     0x80, 0x80, 0x80, 0x80, 0x00};
    uint32_t narrow;
    uint64_t wide;
    CHECK_INT(varint_get_32(long5, sizeof(long5), &narrow), 5);
    CHECK_INT(narrow, UINT32_MAX);
    CHECK_INT(varint_get_32(over5, sizeof(over5), &narrow), 0);
    CHECK_INT(varint_get_32(six, sizeof(six), &narrow), 0);
    CHECK_INT(varint_get_64(over10, sizeof(over10), &wide), 0);
    CHECK_INT(varint_get_64(eleven, sizeof(eleven), &wide), 0);
}

/* Decodes bytes that a test spells out; what came out is thrown away. */
static int decode_bytes(const struct wire_desc *desc, int16_t version, const void *bytes,
                        size_t len, size_t limit, size_t *taken)
{
    _Alignas(8) char out[1024];
    struct arena arena;
    size_t used;
    uint8_t *copy = mem_dup(bytes, len ? len : 1);
    arena_init(&arena, limit);
    int err = wire_decode(desc, version, copy, len, &arena, out, &used);
    *taken = arena.total;
    arena_close(&arena);
    mem_free(copy);
    return err;
}

static int decode_status(const struct wire_desc *desc, int16_t version, const void *bytes,
                         size_t len)
{
    size_t taken;
    return decode_bytes(desc, version, bytes, len, ARENA_LIMIT, &taken);
}

static void impossible_counts_take_no_memory(void)
{
    /* Produce 0: acks, timeout, then 2147483647 topics; and one topic that has as many partitions.
     */
    static const uint8_t topics[] = {0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0};
    static const uint8_t minus[] = {0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0, 0, 0};
    static const uint8_t null[] = {0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0};
    size_t taken;
    CHECK_INT(decode_bytes(&produce_request_desc, 0, topics, sizeof(topics), ARENA_LIMIT, &taken),
              ERR_MALFORMED);
    CHECK_INT(taken, 0);
    CHECK_INT(decode_status(&produce_request_desc, 0, minus, sizeof(minus)), ERR_MALFORMED);
    CHECK_INT(decode_status(&produce_request_desc, 0, null, sizeof(null)), ERR_MALFORMED);
}

static void counts_compare_with_the_least_size_of_items(void)
{
    /* A topic takes 6 bytes at least: 2 of them fit into 12 bytes, not into 11, and 3 never. */
    uint8_t bytes[22] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 2};
    size_t taken;
    CHECK_INT(decode_status(&produce_request_desc, 0, bytes, 22), 0);
    CHECK_INT(decode_bytes(&produce_request_desc, 0, bytes, 21, ARENA_LIMIT, &taken),
              ERR_MALFORMED);
    CHECK_INT(taken, 0);
    bytes[9] = 3;
    CHECK_INT(decode_bytes(&produce_request_desc, 0, bytes, 22, ARENA_LIMIT, &taken),
              ERR_MALFORMED);
    CHECK_INT(taken, 0);
}

static void the_arena_bounds_what_a_peer_can_use(void)
{
    uint8_t bytes[10 + 6 * 1000] = {0, 1, 0, 0, 0, 1, 0, 0, 1000 >> 8, 1000 & 0xff};
    size_t taken, need = 1000 * sizeof(struct produce_request_topic_produce_data);
    CHECK_INT(decode_bytes(&produce_request_desc, 0, bytes, sizeof(bytes), need, &taken), 0);
    CHECK_INT(decode_bytes(&produce_request_desc, 0, bytes, sizeof(bytes), need - 1, &taken),
              ERR_NO_MEMORY);
}

static void tags_must_rise_and_fill_their_size(void)
{
    /* Fetch 12 response: throttle, error, session, no responses; then the tagged section. A node
     * endpoint list (tag 0) exists from 16 on. */
    enum { HEAD = 11 };
    static const struct {
        const char *why;
        int err;
        int16_t version;
        uint8_t len;
        uint8_t section[12];
    } rows[] = {
        {"none", 0, 16, 1, {0}},
        {"an unknown one", 0, 16, 6, {1, 5, 3, 9, 9, 9}},
        {"two that rise", 0, 16, 6, {2, 5, 0, 6, 1, 9}},
        {"the same twice", ERR_MALFORMED, 16, 5, {2, 5, 0, 5, 0}},
        {"falling", ERR_MALFORMED, 16, 5, {2, 6, 0, 5, 0}},
        {"a known one", 0, 16, 4, {1, 0, 1, 1}},
        {"a known one, null", ERR_MALFORMED, 16, 4, {1, 0, 1, 0}},
        {"a known one that a later version has", 0, 12, 4, {1, 0, 1, 0}},
        {"a known one with bytes behind", ERR_MALFORMED, 16, 5, {1, 0, 2, 1, 0}},
        {"a known one longer than its size", ERR_MALFORMED, 16, 5, {1, 0, 1, 2, 0}},
        {"a size past the end", ERR_MALFORMED, 16, 4, {1, 5, 2, 0}},
        {"a count past the end", ERR_MALFORMED, 16, 3, {2, 5, 0}},
        {"a number too long", ERR_MALFORMED, 16, 7, {0x80, 0x80, 0x80, 0x80, 0x80, 0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[32] = {[HEAD - 1] = 1};
        memcpy(bytes + HEAD, rows[i].section, rows[i].len);
        int err = decode_status(&fetch_response_desc, rows[i].version, bytes, HEAD + rows[i].len);
        if (err != rows[i].err)
            printf("# %s\n", rows[i].why);
        CHECK_INT(err, rows[i].err);
    }
}

static void null_only_where_it_is_allowed(void)
{
    /* Metadata request: null topics from version 1 on. */
    static const uint8_t null[] = {0xff, 0xff, 0xff, 0xff, 0};
    CHECK_INT(decode_status(&metadata_request_desc, 0, null, 4), ERR_MALFORMED);
    CHECK_INT(decode_status(&metadata_request_desc, 1, null, 4), 0);
    struct metadata_request request;
    struct wire_out out;
    wire_defaults(&metadata_request_desc, &request);
    request.topics.count = -1;
    wire_out_init(&out);
    CHECK_INT(wire_encode(&metadata_request_desc, 0, &request, &out), ERR_UNSUPPORTED_VERSION);
    CHECK_INT(wire_encode(&metadata_request_desc, 1, &request, &out), 0);
    wire_out_close(&out);
    struct produce_request produce;
    wire_defaults(&produce_request_desc, &produce);
    produce.topic_data.count = -1;
    wire_out_init(&out);
    CHECK_INT(wire_encode(&produce_request_desc, 3, &produce, &out), ERR_INVALID);
    wire_out_close(&out);
}

static void values_a_version_lacks_are_not_lost_silently(void)
{
    struct metadata_request request;
    struct fetch_request fetch;
    size_t size;
    wire_defaults(&metadata_request_desc, &request);
    CHECK(request.allow_auto_topic_creation);
    CHECK_INT(wire_measure(&metadata_request_desc, 1, &request, &size), 0);
    request.allow_auto_topic_creation = false;
    CHECK_INT(wire_measure(&metadata_request_desc, 3, &request, &size), ERR_UNSUPPORTED_VERSION);
    CHECK_INT(wire_measure(&metadata_request_desc, 4, &request, &size), 0);
    /* rack_id is ignorable, replica_state is not. */
    wire_defaults(&fetch_request_desc, &fetch);
    fetch.rack_id = wire_str_from("r1");
    CHECK_INT(wire_measure(&fetch_request_desc, 4, &fetch, &size), 0);
    fetch.replica_state.replica_id = 3;
    CHECK_INT(wire_measure(&fetch_request_desc, 14, &fetch, &size), ERR_UNSUPPORTED_VERSION);
    CHECK_INT(wire_measure(&fetch_request_desc, 15, &fetch, &size), 0);
}

static void defaults_are_set_all_the_way_down(void)
{
    struct fetch_response_partition_data partition;
    struct request_header header;
    memset(&partition, 0xa5, sizeof(partition));
    wire_defaults(&fetch_response_partition_data_desc, &partition);
    CHECK_INT(partition.partition_index, 0);
    CHECK_INT(partition.last_stable_offset, -1);
    CHECK_INT(partition.diverging_epoch.epoch, -1);
    CHECK_INT(partition.diverging_epoch.end_offset, -1);
    CHECK_INT(partition.current_leader.leader_id, -1);
    CHECK_INT(partition.aborted_transactions.count, 0);
    CHECK_INT(partition.records.len, -1);
    CHECK(partition.records.chunks == NULL);
    wire_defaults(&request_header_desc, &header);
    CHECK(wire_str_is(header.client_id, ""));
}

static void arrays_are_made_with_their_defaults(void)
{
    struct fetch_request request;
    struct arena arena;
    arena_init(&arena, ARENA_LIMIT);
    wire_defaults(&fetch_request_desc, &request);
    struct fetch_request_fetch_topic *topics =
        WIRE_ARRAY(&arena, &request.topics, 3, &fetch_request_fetch_topic_desc);
    CHECK(topics == request.topics.items && request.topics.count == 3);
    struct fetch_request_fetch_partition *partitions =
        WIRE_ARRAY(&arena, &topics[2].partitions, 2, &fetch_request_fetch_partition_desc);
    CHECK_INT(partitions[1].current_leader_epoch, -1);
    CHECK_INT(partitions[1].high_watermark, INT64_MAX);
    struct fetch_request_forgotten_topic forgotten = {0};
    CHECK(WIRE_ARRAY(&arena, &forgotten.partitions, 4, NULL) == forgotten.partitions.items);
    CHECK_INT(forgotten.partitions.items[3], 0);
    CHECK(WIRE_ARRAY(&arena, &forgotten.partitions, INT32_MAX, NULL) == NULL);
    CHECK_INT(forgotten.partitions.count, 4);
    arena_close(&arena);
}

/* One partition whose records are `records`, as a fetch response of `version`. */
static int encode_fetch(struct wire_records records, int16_t version, struct wire_out *out)
{
    struct fetch_response_partition_data partition;
    struct fetch_response_fetchable_topic_response topic;
    struct fetch_response response;
    wire_defaults(&fetch_response_partition_data_desc, &partition);
    wire_defaults(&fetch_response_fetchable_topic_response_desc, &topic);
    wire_defaults(&fetch_response_desc, &response);
    partition.records = records;
    topic.partitions.items = &partition;
    topic.partitions.count = 1;
    response.responses.items = &topic;
    response.responses.count = 1;
    return wire_encode(&fetch_response_desc, version, &response, out);
}

/* All bytes of an output whose pieces are memory. */
static struct buf gather(const struct wire_out *out)
{
    struct buf all;
    struct env_chunk chunk;
    size_t cursor = 0;
    buf_init(&all);
    while (wire_out_next(out, &cursor, &chunk))
        CHECK_INT(buf_append(&all, chunk.data, chunk.len), 0);
    CHECK_INT(all.len, wire_out_size(out));
    return all;
}

static void records_are_referred_to_not_copied(void)
{
    static uint8_t bytes[4096];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    const struct env_chunk parts[] = {{.data = bytes, .len = 100},
                                      {.data = bytes + 100, .len = 2000},
                                      {.data = bytes + 2100, .len = sizeof(bytes) - 2100}};
    for (int16_t version = 0; version <= fetch_response_desc.version_max; version++) {
        struct wire_out whole, pieces;
        wire_out_init(&whole);
        wire_out_init(&pieces);
        struct wire_records data = {.data = bytes, .len = sizeof(bytes)};
        struct wire_records chunks = {.len = sizeof(bytes), .chunks = parts, .chunk_count = 3};
        CHECK_INT(encode_fetch(data, version, &whole), 0);
        CHECK_INT(encode_fetch(chunks, version, &pieces), 0);
        CHECK_INT(whole.piece_count, 1);
        CHECK(whole.pieces[0].chunk.data == bytes);
        CHECK_INT(pieces.piece_count, 2); /* the first part is small enough to copy */
        struct buf a = gather(&whole), b = gather(&pieces);
        CHECK_INT(a.len, b.len);
        CHECK(memcmp(a.data, b.data, a.len) == 0);
        buf_close(&a);
        buf_close(&b);
        wire_out_close(&whole);
        wire_out_close(&pieces);
    }
}

static void a_file_range_stays_one(void)
{
    struct env_file *file = (struct env_file *)&file; /* only carried along */
    const struct env_chunk range = {.file = file, .offset = 77, .len = 5};
    struct wire_out out;
    struct env_chunk chunk;
    size_t cursor = 0;
    wire_out_init(&out);
    wire_put_i32(&out, 0);
    wire_put_chunk(&out, &range);
    wire_put_i16(&out, 258);
    wire_out_set_i32(&out, 0, (int32_t)wire_out_size(&out) - 4);
    CHECK(wire_out_next(&out, &cursor, &chunk));
    CHECK_INT(chunk.len, 4);
    CHECK_INT(bytes_get_u32(chunk.data), 7);
    CHECK(wire_out_next(&out, &cursor, &chunk));
    CHECK(chunk.file == file && chunk.offset == 77 && chunk.len == 5);
    CHECK(wire_out_next(&out, &cursor, &chunk));
    CHECK_INT(bytes_get_u16(chunk.data), 258);
    CHECK(!wire_out_next(&out, &cursor, &chunk));
    CHECK_INT(wire_out_error(&out), 0);
    wire_out_close(&out);
}

static void strings_over_the_limit_are_refused(void)
{
    static char text[40000];
    struct request_header header;
    size_t size;
    memset(text, 'x', sizeof(text));
    wire_defaults(&request_header_desc, &header);
    header.client_id = wire_str_of(text, INT16_MAX);
    CHECK_INT(wire_measure(&request_header_desc, 2, &header, &size), 0);
    header.client_id = wire_str_of(text, INT16_MAX + 1);
    CHECK_INT(wire_measure(&request_header_desc, 2, &header, &size), ERR_TOO_LARGE);
    struct api_versions_request request;
    wire_defaults(&api_versions_request_desc, &request);
    request.client_software_name = header.client_id;
    CHECK_INT(wire_measure(&api_versions_request_desc, 3, &request, &size), ERR_TOO_LARGE);
}

/* A request of a few bytes a row, each of which is answered with a large one, is not answered. */
static void an_output_does_not_grow_for_ever(void)
{
    enum { ROW = 1 << 20, ROWS = 200 };
    uint8_t *row = mem_alloc(ROW);
    struct wire_out out;
    wire_out_init(&out);
    for (int i = 0; i < ROWS; i++)
        wire_put_bytes(&out, (struct wire_bytes){row, ROW}, false);
    CHECK_INT(wire_out_error(&out), ERR_TOO_LARGE);
    CHECK(out.memory.cap <= (size_t)ROWS * ROW);
    wire_out_close(&out);
    mem_free(row);
}

static void an_output_that_ran_out_of_memory_stays_so(void)
{
    static uint8_t bytes[1000];
    const struct env_chunk chunk = {.data = bytes, .len = sizeof(bytes)};
    for (uint64_t n = 1; n <= 2; n++) {
        struct wire_out out;
        wire_out_init(&out);
        mem_fail_at(n);
        wire_put_i64(&out, 1);
        wire_put_chunk(&out, &chunk);
        wire_put_i64(&out, 2);
        CHECK(mem_fail_at(0));
        CHECK_INT(wire_out_error(&out), ERR_NO_MEMORY);
        wire_out_close(&out);
    }
}

static void strings_compare_and_copy(void)
{
    struct wire_str null = WIRE_STR_NULL, empty = wire_str_from(""), text = wire_str_from("abc");
    CHECK(wire_str_is_null(null) && wire_str_is_empty(null) && !wire_str_is_null(empty));
    CHECK(!wire_str_equal(null, empty) && wire_str_equal(null, wire_str_from(NULL)));
    CHECK(wire_str_is(text, "abc") && !wire_str_is(text, "abcd") && !wire_str_is(null, ""));
    char *copy = wire_str_dup(wire_str_of("abcdef", 3));
    CHECK_STR(copy, "abc");
    mem_free(copy);
    CHECK(wire_str_dup(null) == NULL);
    char printed[16];
    snprintf(printed, sizeof(printed), "<%.*s%.*s>", WIRE_STR_ARGS(null), WIRE_STR_ARGS(text));
    CHECK_STR(printed, "<abc>");
}

/* What many messages have in common is found by its name. */
static void members_are_found_by_name(void)
{
    struct metadata_response response;
    struct arena arena;
    arena_init(&arena, ARENA_LIMIT);
    wire_defaults(&metadata_response_desc, &response);
    CHECK(wire_find_int32(&metadata_response_desc, 3, &response, "ThrottleTimeMs") ==
          &response.throttle_time_ms);
    CHECK(wire_find_int32(&metadata_response_desc, 2, &response, "ThrottleTimeMs") == NULL);
    CHECK(wire_find_int32(&metadata_response_desc, 3, &response, "ErrorCode") == NULL);
    struct metadata_response_metadata_response_topic *topics =
        WIRE_ARRAY(&arena, &response.topics, 2, &metadata_response_metadata_response_topic_desc);
    struct metadata_response_metadata_response_partition *partitions = WIRE_ARRAY(
        &arena, &topics[0].partitions, 3, &metadata_response_metadata_response_partition_desc);
    CHECK_INT(wire_first_int16(&metadata_response_desc, 9, &response, "ErrorCode"), 0);
    topics[1].error_code = 7;
    CHECK_INT(wire_first_int16(&metadata_response_desc, 9, &response, "ErrorCode"), 7);
    partitions[2].error_code = 5; /* it stands before that */
    CHECK_INT(wire_first_int16(&metadata_response_desc, 9, &response, "ErrorCode"), 5);
    response.error_code = 3; /* no field of this version */
    response.topics.count = -1;
    CHECK_INT(wire_first_int16(&metadata_response_desc, 9, &response, "ErrorCode"), 0);
    CHECK_INT(wire_first_int16(&metadata_response_desc, 13, &response, "ErrorCode"), 3);
    arena_close(&arena);
}

/* In each version, flexible and not, with fields and tags behind the array or without. */
static void an_array_in_parts_gives_the_same_bytes(void)
{
    struct metadata_response response;
    struct arena arena;
    arena_init(&arena, ARENA_LIMIT);
    wire_defaults(&metadata_response_desc, &response);
    struct metadata_response_metadata_response_topic *topics =
        WIRE_ARRAY(&arena, &response.topics, 3, &metadata_response_metadata_response_topic_desc);
    topics[1].name = wire_str_from("second");
    topics[2].error_code = 3;
    response.cluster_id = wire_str_from("cluster");
    response.throttle_time_ms = 5;
    for (int16_t version = 0; version <= 13; version++) {
        struct wire_out whole, parts;
        struct wire_stream stream = {
            .desc = &metadata_response_desc, .version = version, .out = &parts};
        wire_out_init(&whole);
        wire_out_init(&parts);
        response.topics.count = 3;
        CHECK_INT(wire_encode(&metadata_response_desc, version, &response, &whole), 0);
        response.topics.count = 0;
        CHECK_INT(wire_stream_begin(&stream, &response, "Topics", 3), 0);
        for (int i = 0; i < 3; i++)
            CHECK_INT(wire_stream_item(&stream, &topics[i]), 0);
        CHECK_INT(wire_stream_end(&stream, &response), 0);
        CHECK_INT(parts.memory.len, whole.memory.len);
        CHECK_INT(memcmp(parts.memory.data, whole.memory.data, whole.memory.len), 0);
        wire_out_close(&whole);
        wire_out_close(&parts);
    }
    arena_close(&arena);
}

TAP_MAIN(TAP_TEST(varints_round_trip), TAP_TEST(varints_that_do_not_fit_are_refused),
         TAP_TEST(impossible_counts_take_no_memory),
         TAP_TEST(counts_compare_with_the_least_size_of_items),
         TAP_TEST(the_arena_bounds_what_a_peer_can_use),
         TAP_TEST(tags_must_rise_and_fill_their_size), TAP_TEST(null_only_where_it_is_allowed),
         TAP_TEST(values_a_version_lacks_are_not_lost_silently),
         TAP_TEST(defaults_are_set_all_the_way_down), TAP_TEST(arrays_are_made_with_their_defaults),
         TAP_TEST(records_are_referred_to_not_copied), TAP_TEST(a_file_range_stays_one),
         TAP_TEST(strings_over_the_limit_are_refused), TAP_TEST(an_output_does_not_grow_for_ever),
         TAP_TEST(an_output_that_ran_out_of_memory_stays_so), TAP_TEST(strings_compare_and_copy),
         TAP_TEST(members_are_found_by_name), TAP_TEST(an_array_in_parts_gives_the_same_bytes))
