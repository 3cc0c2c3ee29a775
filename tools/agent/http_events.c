/* Happy path: the array is read element by element, so that what a small body of many elements
 * costs is one element's memory. Failure modes: another form than that; names with a NUL. */
#include "tools/agent/http_events.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { HTTP_HEADERS_MAX = 10000 };

/* ---- JSON ---- */

/* The value as text, as Gson makes a string of numbers and words. */
static bool http_events_text(json_t *value, struct buf *scratch, struct header *row)
{
    scratch->len = 0;
    if (json_is_string(value))
        buf_put(scratch, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        buf_printf(scratch, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        buf_printf(scratch, "%g", json_real_value(value));
    else if (json_is_boolean(value))
        buf_printf(scratch, "%s", json_is_true(value) ? "true" : "false");
    else
        return false;
    row->value = mem_strndup(buf_text(scratch), scratch->len);
    row->value_len = (uint32_t)scratch->len;
    return true;
}

static bool http_events_headers(json_t *object, struct headers **headers)
{
    const char *name;
    json_t *value;
    struct buf scratch;
    size_t count = 0, room = json_object_size(object);
    if (room > HTTP_HEADERS_MAX || (object && !json_is_object(object)))
        return false;
    struct header *rows = mem_alloc((room + 1) * sizeof(*rows));
    bool good = true;
    buf_init(&scratch);
    json_object_foreach(object, name, value)
    {
        good = good && http_events_text(value, &scratch, &rows[count]);
        if (!good)
            break;
        rows[count].name = name;
        rows[count++].name_len = (uint32_t)strlen(name);
    }
    ASSERT(count <= room);
    *headers = good ? headers_from(rows, count) : NULL;
    for (size_t i = 0; i < count; i++)
        mem_free((void *)(uintptr_t)rows[i].value);
    mem_free(rows);
    buf_close(&scratch);
    return good;
}

static int http_events_element(json_t *element, struct rpc_events *events)
{
    const json_t *body = json_object_get(element, "body");
    struct headers *headers = NULL;
    if (!json_is_object(element) || (body && !json_is_string(body) && !json_is_null(body)))
        return ERR_MALFORMED;
    json_t *named = json_object_get(element, "headers");
    if (!http_events_headers(json_is_null(named) ? NULL : named, &headers))
        return ERR_MALFORMED;
    size_t len = json_is_string(body) ? json_string_length(body) : 0;
    struct block *block = block_new(len);
    if (!block) {
        headers_unref(headers);
        return ERR_NO_MEMORY;
    }
    if (len > 0)
        memcpy(block->data, json_string_value(body), len);
    struct event event = {
        .block = block, .headers = headers, .body = block->data, .len = (uint32_t)len};
    return rpc_events_add(events, &event);
}

static size_t http_events_blank(const char *text, size_t len, size_t at)
{
    while (at < len && isspace((unsigned char)text[at]))
        at++;
    return at;
}

int http_events_json(const char *text, size_t len, struct rpc_events *events, struct buf *why)
{
    json_error_t error;
    int err = 0;
    size_t at = http_events_blank(text, len, 0);
    bool open = at < len && text[at] == '[';
    buf_printf(why, "Request has invalid JSON Syntax: an array of {\"headers\": {}, \"body\": "
                    "\"\"} is wanted.");
    if (!open)
        return ERR_MALFORMED;
    at = http_events_blank(text, len, at + 1);
    if (at < len && text[at] == ']')
        return http_events_blank(text, len, at + 1) == len ? 0 : ERR_MALFORMED;
    while (!err) {
        json_t *element = json_loadb(
            text + at, len - at, JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        if (!element)
            return ERR_MALFORMED;
        ASSERT(error.position >= 0 && (size_t)error.position <= len - at);
        at = http_events_blank(text, len, at + (size_t)error.position);
        err = http_events_element(element, events);
        json_decref(element);
        if (err || at == len || (text[at] != ',' && text[at] != ']'))
            return err ? err : ERR_MALFORMED;
        if (text[at] == ']')
            return http_events_blank(text, len, at + 1) == len ? 0 : ERR_MALFORMED;
        at = http_events_blank(text, len, at + 1);
    }
    return err;
}

/* ---- bytes ---- */

static int http_events_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %20 and + are blanks; what is no number behind a % stays. */
static char *http_events_decode(const char *text, size_t len, size_t *out_len)
{
    char *out = mem_alloc(len + 1);
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        int high = text[i] == '%' && len - i > 2 ? http_events_hex(text[i + 1]) : -1;
        int low = high >= 0 ? http_events_hex(text[i + 2]) : -1;
        out[used++] = low >= 0 ? (char)(high * 16 + low) : text[i] == '+' ? ' ' : text[i];
        i += low >= 0 ? 2 : 0;
    }
    ASSERT(used <= len);
    *out_len = used;
    return out;
}

static size_t http_events_parameters(const char *query, size_t len)
{
    size_t count = 1;
    for (size_t i = 0; i < len && count < HTTP_HEADERS_MAX; i++)
        count += query[i] == '&';
    return count;
}

/* Of several parameters of one name Flume takes the first; of several rows the last one counts. So
 * the rows are filled from their end. They are gathered first: a set is made once, whatever a
 * client writes into its URL. */
static struct headers *http_events_query(const char *query, size_t len)
{
    size_t room = http_events_parameters(query, len), first = room;
    struct header *rows = mem_alloc(room * sizeof(*rows));
    for (size_t at = 0, seen = 0; at < len && seen < room; seen++) {
        const char *from = query + at, *end = memchr(from, '&', len - at);
        size_t pair = end ? (size_t)(end - from) : len - at, name_len, value_len;
        const char *equals = memchr(from, '=', pair);
        size_t left = equals ? (size_t)(equals - from) : pair;
        char *name = http_events_decode(from, left, &name_len);
        char *value = equals ? http_events_decode(equals + 1, pair - left - 1, &value_len)
                             : http_events_decode("", 0, &value_len);
        at += pair + 1;
        if (name_len > 0 && !memchr(name, '\0', name_len)) {
            ASSERT(first > 0);
            rows[--first] = (struct header){name, value, (uint32_t)name_len, (uint32_t)value_len};
            continue;
        }
        mem_free(name);
        mem_free(value);
    }
    struct headers *headers = headers_from(rows + first, room - first);
    for (size_t i = first; i < room; i++) {
        mem_free((void *)(uintptr_t)rows[i].name);
        mem_free((void *)(uintptr_t)rows[i].value);
    }
    mem_free(rows);
    return headers;
}

static bool http_events_has_all(const struct headers *headers, const char *mandatory,
                                struct buf *why)
{
    char *copy = mem_strdup(mandatory), *save = NULL;
    bool all = true;
    for (char *name = strtok_r(copy, ", ", &save); name && all;
         name = strtok_r(NULL, ", ", &save)) {
        all = headers_find(headers, name) != NULL;
        if (!all)
            buf_printf(why, "Please specify %s parameter in the request.", name);
    }
    mem_free(copy);
    return all;
}

int http_events_blob(const uint8_t *data, size_t len, const char *query, size_t query_len,
                     const char *mandatory, struct rpc_events *events, struct buf *why)
{
    struct headers *headers = http_events_query(query, query_len);
    if (!http_events_has_all(headers, mandatory, why)) {
        headers_unref(headers);
        return ERR_MALFORMED;
    }
    struct block *block = len <= UINT32_MAX ? block_new(len) : NULL;
    if (!block) {
        headers_unref(headers);
        return ERR_NO_MEMORY;
    }
    if (len > 0)
        memcpy(block->data, data, len);
    struct event event = {
        .block = block, .headers = headers, .body = block->data, .len = (uint32_t)len};
    return rpc_events_add(events, &event);
}
