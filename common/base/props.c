/* Java properties files. Happy path: take a logical line (joined by backslashes), split it at the
 * first separator that is not escaped, unescape both halves. A byte order mark in front, as editors
 * of Windows write it, is no part of the first name. */
#include "base/props.h"

#include <stdbool.h>

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

struct props_reader {
    const char *at;
    const char *end;
    int line;
};

void props_init(struct props *props)
{
    *props = (struct props){0};
}

void props_close(struct props *props)
{
    for (size_t i = 0; i < props->count; i++) {
        mem_free(props->entries[i].key);
        mem_free(props->entries[i].value);
    }
    mem_free(props->entries);
    props_init(props);
}

static void props_add(struct props *props, char *key, char *value, int line)
{
    ASSERT(key != NULL);
    ASSERT(value != NULL);
    props->entries = mem_realloc(props->entries, (props->count + 1) * sizeof(*props->entries));
    props->entries[props->count++] = (struct props_entry){key, value, line};
}

void props_set(struct props *props, const char *key, const char *value)
{
    props_add(props, mem_strdup(key), mem_strdup(value), 0);
}

const char *props_get(const struct props *props, const char *key)
{
    for (size_t i = props->count; i > 0; i--)
        if (strcmp(props->entries[i - 1].key, key) == 0)
            return props->entries[i - 1].value;
    return NULL;
}

static bool props_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f' || c == '\r';
}

/* Copies one logical line into `out` (as large as the text left), without the joining backslashes
 * and the blanks that lead a continued line. */
static size_t props_logical_line(struct props_reader *reader, char *out)
{
    size_t len = 0;
    ASSERT(reader->at < reader->end);
    for (;;) {
        while (reader->at < reader->end && props_is_blank(*reader->at))
            reader->at++;
        while (reader->at < reader->end && *reader->at != '\n')
            out[len++] = *reader->at++;
        if (reader->at < reader->end) {
            reader->at++;
            reader->line++;
        }
        if (len > 0 && out[len - 1] == '\r')
            len--;
        size_t slashes = 0;
        while (slashes < len && out[len - 1 - slashes] == '\\')
            slashes++;
        bool comment = len > 0 && (out[0] == '#' || out[0] == '!');
        if (slashes % 2 == 0 || comment || reader->at >= reader->end)
            return len;
        len--;
    }
}

static int props_hex(const char *text, unsigned *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return ERR_MALFORMED;
        *value = *value * 16 + (unsigned)(digit - digits) % 16;
    }
    return 0;
}

static size_t props_put_utf8(char *out, unsigned value)
{
    ASSERT(value > 0);
    ASSERT(value <= 0xffff);
    if (value < 0x80) {
        out[0] = (char)value;
        return 1;
    }
    if (value < 0x800) {
        out[0] = (char)(0xc0 | value >> 6);
        out[1] = (char)(0x80 | (value & 63));
        return 2;
    }
    out[0] = (char)(0xe0 | value >> 12);
    out[1] = (char)(0x80 | ((value >> 6) & 63));
    out[2] = (char)(0x80 | (value & 63));
    return 3;
}

/* Unescapes `len` bytes to fresh memory; ERR_MALFORMED for a bad escape or a NUL. */
static int props_unescape(const char *text, size_t len, char **out)
{
    char *copy = mem_alloc(len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '\\' && i + 1 < len) {
            c = text[++i];
            unsigned value = 0;
            if (c == 'u') {
                if (len - i <= 4 || props_hex(text + i + 1, &value) || value == 0)
                    goto malformed;
                n += props_put_utf8(copy + n, value);
                i += 4;
                continue;
            }
            const char *from = "tnrf";
            const char *escape = c ? strchr(from, c) : NULL;
            if (escape)
                c = "\t\n\r\f"[escape - from];
        }
        if (c == '\0')
            goto malformed;
        copy[n++] = c;
    }
    ASSERT(n <= len);
    copy[n] = '\0';
    *out = copy;
    return 0;

malformed:
    mem_free(copy);
    return ERR_MALFORMED;
}

static int props_parse_line(struct props *props, char *text, size_t len, int line)
{
    size_t key_len = 0;
    while (key_len < len && !props_is_blank(text[key_len]) && text[key_len] != '=' &&
           text[key_len] != ':')
        key_len += text[key_len] == '\\' && key_len + 1 < len ? 2 : 1;
    ASSERT(key_len <= len);
    size_t value_at = key_len;
    while (value_at < len && props_is_blank(text[value_at]))
        value_at++;
    if (value_at < len && (text[value_at] == '=' || text[value_at] == ':'))
        value_at++;
    while (value_at < len && props_is_blank(text[value_at]))
        value_at++;
    while (len > value_at && props_is_blank(text[len - 1]))
        len--; /* Java keeps trailing blanks; its config parser trims them */
    ASSERT(value_at <= len);
    char *key = NULL;
    char *value = NULL;
    if (key_len == 0 || props_unescape(text, key_len, &key))
        return ERR_MALFORMED;
    if (props_unescape(text + value_at, len - value_at, &value)) {
        mem_free(key);
        return ERR_MALFORMED;
    }
    ASSERT(key != NULL);
    ASSERT(value != NULL);
    props_add(props, key, value, line);
    return 0;
}

int props_parse(struct props *props, const char *text, size_t len, int *line)
{
    size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    struct props_reader reader = {text + mark, text + len, 1};
    char *logical = mem_alloc(len + 1);
    int err = 0;
    while (err == 0 && reader.at < reader.end) {
        *line = reader.line;
        size_t logical_len = props_logical_line(&reader, logical);
        if (logical_len > 0 && logical[0] != '#' && logical[0] != '!')
            err = props_parse_line(props, logical, logical_len, *line);
    }
    ASSERT(err || reader.at == reader.end);
    mem_free(logical);
    return err;
}
