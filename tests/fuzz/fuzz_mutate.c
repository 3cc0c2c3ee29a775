/* Mutations of inputs: bytes, ranges, numbers at the edges of their types, lengths of what follows,
 * numbers that the code was seen to compare with, pieces of other inputs.
 *
 * Each takes the input in a buffer with room for the longest one and leaves its length; one that
 * does not fit (the input is empty, or full) leaves it as it was. */
#include "fuzz.h"

#include <string.h>

#include "base/check.h"
#include "wire/varint.h"

struct mutant {
    const struct fuzz_corpus *corpus;
    uint64_t *random;
    uint8_t *data;
    size_t len;
    size_t room;
};

/* splitmix64, by Vigna (public domain description). */
uint64_t fuzz_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* Below `limit`, which is above 0. */
static size_t pick(struct mutant *m, size_t limit)
{
    return (size_t)(fuzz_random(m->random) % limit);
}

/* Mostly small, up to `limit`. */
static size_t pick_small(struct mutant *m, size_t limit)
{
    size_t small = pick(m, 4) ? 16 : 1024;
    return 1 + pick(m, limit < small ? limit : small);
}

static uint64_t pick_edge(struct mutant *m)
{
    static const uint64_t edges[] = {
        0,          1,          2,          127,        128,          255,          256,
        0x7ffe,     0x7fff,     0x8000,     0xfffe,     0xffff,       0x10000,      0x7ffffffe,
        0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000,  INT64_MAX,    INT64_MAX - 1,
        UINT64_MAX, 1000,       4096,       65535,      (1ull << 63), 0x7fffffff00, 61};
    return edges[pick(m, ARRAY_LEN(edges))];
}

/* Writes a number of `width` bytes, mostly big-endian. */
static void put_number(struct mutant *m, size_t at, int width, uint64_t value)
{
    bool little = pick(m, 4) == 0;
    for (int i = 0; i < width; i++)
        m->data[at + (size_t)i] = (uint8_t)(value >> 8 * (little ? i : width - 1 - i));
}

static uint64_t get_number(const uint8_t *at, int width)
{
    uint64_t value = 0;
    for (int i = 0; i < width; i++)
        value = value << 8 | at[i];
    return value;
}

/* A place for `width` bytes; false when there is none. */
static bool pick_place(struct mutant *m, size_t width, size_t *at)
{
    if (m->len < width)
        return false;
    *at = pick(m, m->len - width + 1);
    return true;
}

static void remove_range(struct mutant *m, size_t at, size_t len)
{
    memmove(m->data + at, m->data + at + len, m->len - at - len);
    m->len -= len;
}

/* Opens a gap; false when there is no room. */
static bool open_gap(struct mutant *m, size_t at, size_t len)
{
    if (len > m->room - m->len)
        return false;
    memmove(m->data + at + len, m->data + at, m->len - at);
    m->len += len;
    return true;
}

/* ---- the mutations ---- */

static void flip_bit(struct mutant *m)
{
    size_t at;
    if (pick_place(m, 1, &at))
        m->data[at] ^= (uint8_t)(1 << pick(m, 8));
}

static void set_byte(struct mutant *m)
{
    size_t at;
    if (pick_place(m, 1, &at))
        m->data[at] = (uint8_t)fuzz_random(m->random);
}

static void add_to_byte(struct mutant *m)
{
    size_t at;
    if (pick_place(m, 1, &at))
        m->data[at] = (uint8_t)(m->data[at] + pick(m, 33) - 16);
}

static void set_number(struct mutant *m)
{
    int width = 1 << pick(m, 4);
    size_t at;
    if (pick_place(m, (size_t)width, &at))
        put_number(m, at, width, pick_edge(m));
}

static void add_to_number(struct mutant *m)
{
    int width = 1 << pick(m, 4);
    size_t at;
    if (pick_place(m, (size_t)width, &at)) {
        uint64_t value = get_number(m->data + at, width) + pick(m, 33) - 16;
        for (int i = width; i-- > 0; value >>= 8)
            m->data[at + (size_t)i] = (uint8_t)value;
    }
}

/* A varint of an edge number, over what is there or in between. */
static void set_varint(struct mutant *m)
{
    uint8_t bytes[VARINT_MAX_64];
    uint64_t value = pick_edge(m);
    size_t at, width = varint_put(bytes, pick(m, 2) ? value : varint_zigzag_64((int64_t)value));
    if (!pick_place(m, 1, &at))
        return;
    size_t old = 0;
    while (at + old + 1 < m->len && (m->data[at + old] & 0x80) && old < VARINT_MAX_64 - 1)
        old++;
    remove_range(m, at, old + 1);
    if (open_gap(m, at, width))
        memcpy(m->data + at, bytes, width);
}

static void cut(struct mutant *m)
{
    if (m->len > 0)
        m->len = pick(m, 2) ? pick(m, m->len) : m->len - pick_small(m, m->len);
}

static void remove_some(struct mutant *m)
{
    size_t at;
    if (pick_place(m, 1, &at))
        remove_range(m, at, pick_small(m, m->len - at));
}

static void insert_some(struct mutant *m)
{
    size_t at = pick(m, m->len + 1), len = pick_small(m, 1024);
    bool same = pick(m, 2);
    uint8_t byte = pick(m, 2) ? (uint8_t)fuzz_random(m->random) : 0;
    if (!open_gap(m, at, len))
        return;
    for (size_t i = 0; i < len; i++)
        m->data[at + i] = same ? byte : (uint8_t)fuzz_random(m->random);
}

static void repeat_some(struct mutant *m)
{
    size_t from;
    if (!pick_place(m, 1, &from))
        return;
    size_t len = pick_small(m, m->len - from);
    for (size_t times = 1 + pick(m, 4) * pick(m, 16); times > 0; times--) {
        if (!open_gap(m, from, len))
            return;
        memcpy(m->data + from, m->data + from + len, len);
    }
}

static void copy_some(struct mutant *m)
{
    size_t from, to;
    if (!pick_place(m, 1, &from) || !pick_place(m, 1, &to))
        return;
    size_t left = m->len - (from > to ? from : to);
    memmove(m->data + to, m->data + from, pick_small(m, left));
}

static void swap_some(struct mutant *m)
{
    size_t a, b;
    if (!pick_place(m, 1, &a) || !pick_place(m, 1, &b) || a == b)
        return;
    size_t apart = a > b ? a - b : b - a, left = m->len - (a > b ? a : b);
    size_t len = pick_small(m, apart < left ? apart : left);
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = m->data[a + i];
        m->data[a + i] = m->data[b + i];
        m->data[b + i] = byte;
    }
}

static const struct fuzz_input *pick_other(struct mutant *m)
{
    return &m->corpus->inputs[pick(m, m->corpus->count)];
}

/* The end of another input behind the beginning of this one. */
static void splice(struct mutant *m)
{
    const struct fuzz_input *other = pick_other(m);
    size_t at = pick(m, m->len + 1), from = pick(m, other->len + 1);
    size_t len = other->len - from;
    if (len > m->room - at)
        len = m->room - at;
    if (len)
        memcpy(m->data + at, other->data + from, len);
    m->len = at + len;
}

/* A piece of another input in between. */
static void insert_other(struct mutant *m)
{
    const struct fuzz_input *other = pick_other(m);
    if (other->len == 0)
        return;
    size_t from = pick(m, other->len), len = pick_small(m, other->len - from);
    size_t at = pick(m, m->len + 1);
    if (open_gap(m, at, len))
        memcpy(m->data + at, other->data + from, len);
}

static void insert_word(struct mutant *m)
{
    if (m->corpus->word_count == 0)
        return;
    const char *word = m->corpus->words[pick(m, m->corpus->word_count)];
    size_t len = strlen(word), at = pick(m, m->len + 1);
    if (pick(m, 2) ? open_gap(m, at, len) : len <= m->len - at)
        memcpy(m->data + at, word, len);
}

/* A number that the code compared with another one becomes that other one, or nearly. */
static void follow_compare(struct mutant *m)
{
    struct fuzz_pair pair;
    if (!fuzz_cover_pair(fuzz_random(m->random), &pair) || m->len < (size_t)pair.width)
        return;
    uint64_t wanted = pair.b + pick(m, 3) - 1, mask = UINT64_MAX >> (64 - 8 * pair.width);
    size_t start, last = m->len - (size_t)pair.width;
    if (!pick_place(m, (size_t)pair.width, &start))
        return;
    for (size_t i = 0; i <= last; i++) {
        size_t at = (start + i) % (last + 1);
        if (get_number(m->data + at, pair.width) != (pair.a & mask))
            continue;
        for (int k = pair.width; k-- > 0; wanted >>= 8)
            m->data[at + (size_t)k] = (uint8_t)wanted;
        return;
    }
}

/* ---- lengths ---- */

/* Something that may be the length of what follows: at `at`, of `width` bytes, value `len`. */
struct length_field {
    size_t at;
    int width; /* 0: a varint of one byte, zigzag when `zigzag` */
    size_t len;
    bool zigzag;
};

static bool length_at(struct mutant *m, size_t at, struct length_field *field)
{
    static const int widths[] = {4, 2, 1, 1};
    size_t kind = pick(m, ARRAY_LEN(widths));
    field->at = at;
    field->width = widths[kind];
    field->zigzag = kind == 3;
    if ((size_t)field->width > m->len - at)
        return false;
    uint64_t value = get_number(m->data + at, field->width);
    field->len = field->zigzag ? (size_t)(value >> 1) : (size_t)value;
    return field->len > 0 && field->len <= m->len - at - (size_t)field->width;
}

/* Looks around a random place, since most places are no length. */
static bool find_length(struct mutant *m, struct length_field *field)
{
    size_t start;
    if (!pick_place(m, 2, &start))
        return false;
    for (size_t i = 0; i < 64; i++)
        if (length_at(m, (start + i) % m->len, field))
            return true;
    return false;
}

static void put_length(struct mutant *m, const struct length_field *field, size_t len)
{
    uint64_t value = field->zigzag ? (uint64_t)len << 1 : (uint64_t)len;
    for (int i = field->width; i-- > 0; value >>= 8)
        m->data[field->at + (size_t)i] = (uint8_t)value;
}

/* The length says a little more or less than there is, or nothing at all. */
static void lie_about_length(struct mutant *m)
{
    struct length_field field;
    if (!find_length(m, &field))
        return;
    size_t left = m->len - field.at - (size_t)field.width;
    const size_t values[] = {field.len - 1, field.len + 1, left,         left + 1, 0,
                             SIZE_MAX,      SIZE_MAX / 2,  field.len * 2};
    put_length(m, &field, values[pick(m, ARRAY_LEN(values))]);
}

/* What follows a length grows or shrinks, and the length with it. */
static void resize_with_length(struct mutant *m)
{
    struct length_field field;
    if (!find_length(m, &field))
        return;
    size_t body = field.at + (size_t)field.width, at = body + pick(m, field.len);
    if (pick(m, 2)) {
        size_t len = pick_small(m, body + field.len - at);
        remove_range(m, at, len);
        put_length(m, &field, field.len - len);
        return;
    }
    size_t len = pick_small(m, 64);
    if (!open_gap(m, at, len))
        return;
    for (size_t i = 0; i < len; i++)
        m->data[at + i] = (uint8_t)fuzz_random(m->random);
    put_length(m, &field, field.len + len);
}

static void (*const mutations[])(struct mutant *m) = {
    flip_bit,
    set_byte,
    add_to_byte,
    set_number,
    add_to_number,
    set_varint,
    cut,
    remove_some,
    insert_some,
    repeat_some,
    copy_some,
    swap_some,
    splice,
    insert_other,
    insert_word,
    set_number,
    lie_about_length,
    resize_with_length,
    follow_compare,
    follow_compare,
    flip_bit,
    set_byte,
};

size_t fuzz_mutate(const struct fuzz_corpus *corpus, uint64_t *random, uint8_t *data, size_t len)
{
    struct mutant m = {corpus, random, data, len, corpus->len_max};
    for (size_t times = (size_t)1 << pick(&m, 4); times > 0; times--)
        mutations[pick(&m, ARRAY_LEN(mutations))](&m);
    return m.len;
}
