/* Records of a file channel.
 *
 * Happy path: a put's events are encoded one after another behind the record's head, then length
 * and CRC are filled in. Failure modes: any byte that is not as it was written fails the CRC;
 * lengths are compared with what is left before they are used. */
#include "tools/agent/file_record.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "tools/agent/flume_event.h"

static const char FILE_MAGIC[8] = {'M', 'R', 'C', 'H', 'A', 'N', '0', '1'};

void file_segment_encode(uint64_t number, uint64_t first, uint8_t out[FILE_SEGMENT_HEADER])
{
    memcpy(out, FILE_MAGIC, sizeof(FILE_MAGIC));
    bytes_put_u64(out + 8, number);
    bytes_put_u64(out + 16, first);
    bytes_put_u32(out + 24, crc32c(0, out, 24));
}

bool file_segment_decode(const uint8_t *data, size_t len, uint64_t *number, uint64_t *first)
{
    if (len < FILE_SEGMENT_HEADER || memcmp(data, FILE_MAGIC, sizeof(FILE_MAGIC)) != 0 ||
        crc32c(0, data, 24) != bytes_get_u32(data + 24))
        return false;
    *number = bytes_get_u64(data + 8);
    *first = bytes_get_u64(data + 16);
    return true;
}

/* Fills in the frame and the head of the record that begins at `start`. */
static void file_record_seal(struct buf *out, size_t start, enum file_record_kind kind,
                             uint64_t first, uint32_t count)
{
    uint8_t *record = out->data + start;
    uint8_t *head = record + FILE_RECORD_FRAME;
    size_t len = out->len - start - FILE_RECORD_FRAME;
    ASSERT(len >= FILE_RECORD_HEAD && len <= FILE_RECORD_MAX);
    head[0] = (uint8_t)kind;
    bytes_put_u64(head + 1, first);
    bytes_put_u32(head + 9, count);
    bytes_put_u32(record, (uint32_t)len);
    bytes_put_u32(record + 4, crc32c(0, head, len));
}

static size_t file_record_most(const struct event *events, size_t count)
{
    size_t most = FILE_RECORD_HEAD;
    for (size_t i = 0; i < count; i++) {
        most += events[i].len + 32;
        for (size_t h = 0; events[i].headers && h < events[i].headers->count; h++)
            most += (size_t)events[i].headers->rows[h].name_len +
                    events[i].headers->rows[h].value_len + 20;
    }
    return most;
}

int file_record_put(struct buf *out, uint64_t first, const struct event *events, size_t count)
{
    size_t most = file_record_most(events, count), start = out->len;
    if (most > FILE_RECORD_MAX)
        return ERR_TOO_LARGE;
    if (buf_reserve(out, FILE_RECORD_FRAME + most))
        return ERR_NO_MEMORY;
    out->len += FILE_RECORD_FRAME + FILE_RECORD_HEAD;
    for (size_t i = 0; i < count; i++) {
        size_t at = out->len;
        out->len += 4;
        flume_event_encode(&events[i], out);
        bytes_put_u32(out->data + at, (uint32_t)(out->len - at - 4));
    }
    file_record_seal(out, start, FILE_RECORD_PUT, first, (uint32_t)count);
    return 0;
}

void file_record_take(struct buf *out, uint64_t first, uint64_t count)
{
    static const uint8_t blank[FILE_RECORD_FRAME + FILE_RECORD_HEAD];
    ASSERT(count <= UINT32_MAX);
    size_t start = out->len;
    buf_put(out, blank, sizeof(blank));
    file_record_seal(out, start, FILE_RECORD_TAKE, first, (uint32_t)count);
}

int file_record_parse(const uint8_t *data, size_t len, struct file_record *record)
{
    record->size = FILE_RECORD_FRAME + FILE_RECORD_HEAD;
    if (len < record->size)
        return 0;
    size_t said = bytes_get_u32(data);
    if (said < FILE_RECORD_HEAD || said > FILE_RECORD_MAX)
        return ERR_CORRUPT;
    record->size = FILE_RECORD_FRAME + said;
    if (len < record->size)
        return 0;
    const uint8_t *head = data + FILE_RECORD_FRAME;
    if (crc32c(0, head, said) != bytes_get_u32(data + 4))
        return ERR_CORRUPT;
    record->kind = (enum file_record_kind)head[0];
    record->first = bytes_get_u64(head + 1);
    record->count = bytes_get_u32(head + 9);
    record->events = head + FILE_RECORD_HEAD;
    record->events_len = said - FILE_RECORD_HEAD;
    bool known = record->kind == FILE_RECORD_PUT || record->kind == FILE_RECORD_TAKE;
    return known && record->count > 0 ? 1 : ERR_CORRUPT;
}

bool file_record_event(const struct file_record *record, struct block *block, size_t *at,
                       struct event *event)
{
    size_t left = record->events_len - *at;
    if (left < 4)
        return false;
    size_t len = bytes_get_u32(record->events + *at);
    if (len > left - 4 || flume_event_decode(block, record->events + *at + 4, len, event))
        return false;
    *at += 4 + len;
    return true;
}
