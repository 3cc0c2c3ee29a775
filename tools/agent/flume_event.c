/* Happy path: the bytes of the headers are compared with those of the event before, and a new set
 * is made only when they differ. Failure modes: too many headers, names with a NUL in them, lengths
 * beyond the end. */
#include "tools/agent/flume_event.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { FLUME_HEADERS_MAX = 10000 };

void flume_event_encode(const struct event *event, struct buf *out)
{
    const struct headers *headers = event->headers;
    if (headers && headers->count > 0) {
        avro_put_long(headers->count, out);
        for (size_t i = 0; i < headers->count; i++) {
            avro_put_bytes(headers->rows[i].name, headers->rows[i].name_len, out);
            avro_put_bytes(headers->rows[i].value, headers->rows[i].value_len, out);
        }
    }
    avro_put_long(0, out);
    avro_put_bytes(event->body, event->len, out);
}

/* ---- decoding ---- */

void flume_reader_init(struct flume_reader *reader, struct block *block, const uint8_t *data,
                       size_t len)
{
    ASSERT(data >= block->data);
    ASSERT(len <= block->cap);
    *reader = (struct flume_reader){.cursor = {.at = data, .left = len}, .block = block};
}

void flume_reader_close(struct flume_reader *reader)
{
    headers_unref(reader->headers);
    reader->headers = NULL;
}

static bool flume_reader_row(struct avro_cursor *cursor, struct header *row)
{
    const uint8_t *name, *value;
    size_t name_len, value_len;
    if (!avro_get_bytes(cursor, &name, &name_len) || !avro_get_bytes(cursor, &value, &value_len) ||
        memchr(name, '\0', name_len) || name_len > UINT32_MAX || value_len > UINT32_MAX)
        return false;
    *row = (struct header){.name = (const char *)name,
                           .value = (const char *)value,
                           .name_len = (uint32_t)name_len,
                           .value_len = (uint32_t)value_len};
    return true;
}

/* All the blocks of the map, into rows that the caller frees. */
static bool flume_reader_rows(struct avro_cursor *cursor, struct header **rows, size_t *total)
{
    size_t count;
    for (;;) {
        if (!avro_get_block(cursor, FLUME_HEADERS_MAX - *total, &count))
            return false;
        if (count == 0)
            return true;
        *rows = mem_realloc(*rows, (*total + count) * sizeof(**rows));
        for (; count > 0; count--)
            if (!flume_reader_row(cursor, &(*rows)[(*total)++]))
                return false;
        ASSERT(*total <= FLUME_HEADERS_MAX);
    }
}

static bool flume_reader_headers(struct flume_reader *reader)
{
    struct avro_cursor *cursor = &reader->cursor;
    const uint8_t *from = cursor->at;
    struct header *rows = NULL;
    size_t count = 0;
    /* The same bytes end in the same place: a map says itself where it ends. */
    if (reader->headers_len > 0 && cursor->left >= reader->headers_len &&
        memcmp(from, reader->headers_at, reader->headers_len) == 0)
        return avro_get_fixed(cursor, &from, reader->headers_len);
    bool whole = flume_reader_rows(cursor, &rows, &count);
    if (whole) {
        headers_unref(reader->headers);
        reader->headers = headers_from(rows, count);
        reader->headers_at = from;
        reader->headers_len = (size_t)(cursor->at - from);
    }
    mem_free(rows);
    return whole;
}

int flume_reader_next(struct flume_reader *reader, struct event *event)
{
    const uint8_t *body;
    size_t len;
    if (!flume_reader_headers(reader) || !avro_get_bytes(&reader->cursor, &body, &len) ||
        len > UINT32_MAX)
        return ERR_MALFORMED;
    ASSERT(body + len <= reader->block->data + reader->block->cap);
    *event = (struct event){.block = block_ref(reader->block),
                            .headers = headers_ref(reader->headers),
                            .body = body,
                            .len = (uint32_t)len};
    return 0;
}

int flume_event_decode(struct block *block, const uint8_t *data, size_t len, struct event *event)
{
    struct flume_reader reader;
    flume_reader_init(&reader, block, data, len);
    int err = flume_reader_next(&reader, event);
    if (!err && reader.cursor.left > 0) {
        event_unref(event);
        err = ERR_MALFORMED;
    }
    flume_reader_close(&reader);
    return err;
}
