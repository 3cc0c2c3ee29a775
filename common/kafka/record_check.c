/* The look at records. Those that lie whole in a piece, with a few bytes behind them, are walked in
 * one go; the one at the end of a piece goes byte by byte through a state machine, which may stop
 * anywhere. Every length is compared with the bytes left in its record. */
#include "kafka/record_check.h"

#include "base/check.h"
#include "base/err.h"
#include "wire/varint.h"

/* A walk compares where it stands after its numbers, not before: from a record's end on so many
 * bytes may be read. At most: attributes, two deltas, the lengths of key and value, the headers. */
enum { WALK_SLACK = 1 + VARINT_MAX_64 + 4 * VARINT_MAX_32 + 1 };

#define CHECK_NO_PARSE "a record of the batch does not parse"
#define CHECK_ORDER    "the offset deltas of the records do not count from 0"
#define CHECK_FEWER    "the batch has fewer records than its header says"
#define CHECK_MORE     "the batch has more records than its header says"

/* The fields of a record, in their order. */
enum record_field {
    FIELD_LENGTH,
    FIELD_ATTRIBUTES,
    FIELD_TIME,
    FIELD_OFFSET,
    FIELD_KEY_LENGTH,
    FIELD_KEY,
    FIELD_VALUE_LENGTH,
    FIELD_VALUE,
    FIELD_HEADERS,
    FIELD_HEADER_KEY_LENGTH,
    FIELD_HEADER_KEY,
    FIELD_HEADER_VALUE_LENGTH,
    FIELD_HEADER_VALUE
};

STATIC_ASSERT(FIELD_LENGTH == 0, "a zeroed check begins there");
STATIC_ASSERT(FIELD_KEY == FIELD_KEY_LENGTH + 1, "bytes follow their length");
STATIC_ASSERT(FIELD_VALUE_LENGTH == FIELD_KEY + 1, "the value follows the key");
STATIC_ASSERT(FIELD_VALUE == FIELD_VALUE_LENGTH + 1, "bytes follow their length");
STATIC_ASSERT(FIELD_HEADERS == FIELD_VALUE + 1, "the headers follow the value");
STATIC_ASSERT(FIELD_HEADER_KEY == FIELD_HEADER_KEY_LENGTH + 1, "bytes follow their length");
STATIC_ASSERT(FIELD_HEADER_VALUE == FIELD_HEADER_VALUE_LENGTH + 1, "bytes follow their length");
STATIC_ASSERT(FIELD_HEADER_VALUE_LENGTH == FIELD_HEADER_KEY + 1, "the value follows the key");
void record_check_init(struct record_check *check, const struct record_check_rules *rules)
{
    *check = (struct record_check){.rules = *rules, .max_timestamp = -1};
}

static int check_fail(struct record_check *check, const char *fault)
{
    ASSERT(fault != NULL);
    check->fault = fault;
    return ERR_MALFORMED;
}

static void check_note_bad(struct record_check *check, int32_t index, bool time)
{
    ASSERT(check->bad_count >= 0);
    ASSERT(check->bad_count <= RECORD_CHECK_BAD_MAX);
    check->bad_time |= time;
    if (check->bad_count < RECORD_CHECK_BAD_MAX)
        check->bad[check->bad_count++] = (struct record_check_bad){index, time};
}

/* Unsigned, since a peer chooses both and overflow must not be undefined. */
static int64_t check_timestamp(const struct record_check *check, int64_t delta)
{
    return (int64_t)((uint64_t)check->rules.base_timestamp + (uint64_t)delta);
}

static bool check_is_good_time(const struct record_check *check, int64_t timestamp)
{
    return (timestamp >= check->rules.oldest && timestamp <= check->rules.newest) ||
           timestamp == -1;
}

/* ---- whole records ---- */

/* Most numbers have one byte or two. */
static inline bool walk_u32(const uint8_t **at, uint32_t *number)
{
    const uint8_t *from = *at;
    if (from[0] < 0x80) {
        *number = from[0];
        *at = from + 1;
        return true;
    }
    if (from[1] < 0x80) {
        *number = (from[0] & 0x7fu) | (uint32_t)from[1] << 7;
        *at = from + 2;
        return true;
    }
    size_t used = varint_get_32(from, VARINT_MAX_32, number);
    *at = from + used;
    return used > 0;
}

static inline bool walk_u64(const uint8_t **at, uint64_t *number)
{
    const uint8_t *from = *at;
    if (from[0] < 0x80) {
        *number = from[0];
        *at = from + 1;
        return true;
    }
    size_t used = varint_get_64(from, VARINT_MAX_64, number);
    *at = from + used;
    return used > 0;
}

/* A length from `least` on and that many bytes. */
static inline bool walk_bytes(const uint8_t **at, const uint8_t *end, int32_t least, int32_t *len)
{
    uint32_t number;
    if (!walk_u32(at, &number))
        return false;
    *len = varint_unzigzag_32(number);
    if (*len <= 0)
        return *len >= least;
    if (*len > end - *at)
        return false;
    *at += *len;
    return true;
}

static bool walk_headers(const uint8_t **at, const uint8_t *end)
{
    uint32_t number;
    int32_t len;
    if (!walk_u32(at, &number))
        return false;
    for (int32_t left = varint_unzigzag_32(number); left != 0; left--)
        if (left < 0 || *at >= end || !walk_bytes(at, end, 0, &len) ||
            !walk_bytes(at, end, -1, &len))
            return false;
    return *at == end;
}

/* One record in [at, end), without its length. NULL, or a fault. */
static inline const char *walk_record(const uint8_t *at, const uint8_t *end, int32_t index,
                                      int64_t *time_delta, int32_t *key_len)
{
    uint64_t time;
    uint32_t offset;
    int32_t value_len;
    at++; /* attributes: none are defined */
    if (!walk_u64(&at, &time) || !walk_u32(&at, &offset))
        return CHECK_NO_PARSE;
    if (offset != varint_zigzag_32(index))
        return CHECK_ORDER;
    *time_delta = varint_unzigzag_64(time);
    if (!walk_bytes(&at, end, -1, key_len) || at > end || !walk_bytes(&at, end, -1, &value_len) ||
        at > end)
        return CHECK_NO_PARSE;
    if (at + 1 == end && *at == 0)
        return NULL; /* no headers */
    return walk_headers(&at, end) ? NULL : CHECK_NO_PARSE;
}

/* Walks the records that lie whole in the piece, far enough from its end; returns how far it came.
 */
static const uint8_t *check_walk(struct record_check *check, const uint8_t *at, const uint8_t *end)
{
    int32_t index = check->seen, count = check->rules.count;
    int64_t max = check->max_timestamp;
    while (index < count && end - at > WALK_SLACK) {
        const uint8_t *body = at;
        uint32_t number = 0;
        int64_t time_delta = 0;
        int32_t key_len = 0;
        bool parses = walk_u32(&body, &number);
        int32_t len = varint_unzigzag_32(number);
        if (parses && len > 0 && len >= end - body - WALK_SLACK)
            break;
        check->fault = parses && len > 0
                           ? walk_record(body, body + len, index, &time_delta, &key_len)
                           : CHECK_NO_PARSE;
        if (check->fault)
            break;
        int64_t timestamp = check_timestamp(check, time_delta);
        if (timestamp > max)
            max = timestamp;
        if (check->rules.keys && key_len < 0)
            check_note_bad(check, index, false);
        else if (!check_is_good_time(check, timestamp))
            check_note_bad(check, index, true);
        at = body + len;
        index++;
    }
    check->seen = index;
    check->max_timestamp = max;
    return at;
}

/* ---- the record that is cut off ---- */

static int check_record_done(struct record_check *check)
{
    if (check->record_left > 0)
        return check_fail(check, CHECK_NO_PARSE);
    int64_t timestamp = check_timestamp(check, check->time_delta);
    if (timestamp > check->max_timestamp)
        check->max_timestamp = timestamp;
    if (check->rules.keys && check->no_key)
        check_note_bad(check, check->seen, false);
    else if (!check_is_good_time(check, timestamp))
        check_note_bad(check, check->seen, true);
    check->seen++;
    check->field = FIELD_LENGTH;
    return 0;
}

/* The bytes of a key or value are behind us. */
static int check_bytes_done(struct record_check *check)
{
    check->field++;
    if (check->field <= FIELD_HEADER_VALUE)
        return 0;
    check->field = FIELD_HEADER_KEY_LENGTH;
    return --check->headers_left > 0 ? 0 : check_record_done(check);
}

static int check_length(struct record_check *check, int32_t len)
{
    int32_t least = check->field == FIELD_HEADER_KEY_LENGTH ? 0 : -1;
    if (len < least || (len > 0 && (size_t)len > check->record_left))
        return check_fail(check, CHECK_NO_PARSE);
    if (check->field == FIELD_KEY_LENGTH)
        check->no_key = len < 0;
    check->field++;
    check->skip = len > 0 ? (size_t)len : 0;
    return check->skip > 0 ? 0 : check_bytes_done(check);
}

/* A number is complete. */
static int check_number(struct record_check *check, uint64_t number)
{
    int32_t small = varint_unzigzag_32((uint32_t)number);
    switch (check->field) {
    case FIELD_LENGTH:
        if (small <= 0)
            return check_fail(check, CHECK_NO_PARSE);
        check->record_left = (size_t)small;
        break;
    case FIELD_TIME:
        check->time_delta = varint_unzigzag_64(number);
        break;
    case FIELD_OFFSET:
        if (small != check->seen)
            return check_fail(check, CHECK_ORDER);
        break;
    case FIELD_HEADERS:
        if (small <= 0)
            return small < 0 ? check_fail(check, CHECK_NO_PARSE) : check_record_done(check);
        check->headers_left = small;
        break;
    default:
        return check_length(check, small);
    }
    check->field++;
    return 0;
}

static int check_byte(struct record_check *check, uint8_t byte)
{
    bool wide = check->field == FIELD_TIME;
    unsigned last = 7 * ((wide ? VARINT_MAX_64 : VARINT_MAX_32) - 1);
    if (check->field == FIELD_ATTRIBUTES) {
        check->field++;
        return 0;
    }
    if (check->shift == last && byte > (wide ? 1 : 15))
        return check_fail(check, CHECK_NO_PARSE);
    check->number |= (uint64_t)(byte & 0x7f) << check->shift;
    check->shift += 7;
    if (byte & 0x80)
        return 0;
    uint64_t number = check->number;
    check->number = 0;
    check->shift = 0;
    return check_number(check, number);
}

/* Takes one byte, or as much of a key or value as there is. */
static int check_step(struct record_check *check, const uint8_t **at, const uint8_t *end)
{
    size_t taken = 1;
    if (check->field == FIELD_LENGTH)
        return check_byte(check, *(*at)++);
    if (check->record_left == 0)
        return check_fail(check, CHECK_NO_PARSE);
    if (check->skip == 0) {
        check->record_left--;
        return check_byte(check, *(*at)++);
    }
    taken = (size_t)(end - *at) < check->skip ? (size_t)(end - *at) : check->skip;
    *at += taken;
    check->record_left -= taken;
    check->skip -= taken;
    return check->skip > 0 ? 0 : check_bytes_done(check);
}

static bool check_is_between(const struct record_check *check)
{
    return check->field == FIELD_LENGTH && check->shift == 0;
}

int record_check_take(struct record_check *check, const uint8_t *bytes, size_t len)
{
    const uint8_t *at = bytes, *end = bytes + len;
    while (at < end) {
        if (check_is_between(check))
            at = check_walk(check, at, end);
        if (check->fault)
            return ERR_MALFORMED;
        if (at < end && check_is_between(check) && check->seen == check->rules.count)
            return check_fail(check, CHECK_MORE);
        int rc = 0;
        do
            rc = at < end ? check_step(check, &at, end) : 0;
        while (rc == 0 && at < end && !check_is_between(check));
        if (rc < 0)
            return rc;
    }
    return 0;
}

int record_check_end(struct record_check *check)
{
    if (!check_is_between(check))
        return check_fail(check, CHECK_NO_PARSE);
    return check->seen < check->rules.count ? check_fail(check, CHECK_FEWER) : 0;
}
