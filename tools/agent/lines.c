/* Lines out of a stream of bytes.
 *
 * Happy path: a block is read into until it is full; the piece of a line at its end is copied to
 * the next block. Events keep old blocks alive. Failure modes: a line longer than the limit. */
#include "tools/agent/lines.h"

#include <string.h>

#include "base/err.h"

void lines_init(struct lines *lines, size_t block_size, size_t line_max, bool strips_cr)
{
    ASSERT(block_size > 0);
    *lines = (struct lines){.block_size = block_size, .line_max = line_max, .strips_cr = strips_cr};
}

void lines_close(struct lines *lines)
{
    if (lines->block)
        block_unref(lines->block);
    lines->block = NULL;
}

int lines_room(struct lines *lines, uint8_t **to, size_t *room)
{
    size_t left = lines->end - lines->start;
    if (left > lines->line_max)
        return ERR_TOO_LARGE;
    if (!lines->block || lines->end == lines->block->cap) {
        size_t size = left * 2 > lines->block_size ? left * 2 : lines->block_size;
        struct block *block = block_new(size);
        if (!block)
            return ERR_NO_MEMORY;
        if (left > 0)
            memcpy(block->data, lines->block->data + lines->start, left);
        lines_close(lines);
        lines->searched -= lines->start;
        lines->start = 0;
        lines->end = left;
        lines->block = block;
    }
    *to = lines->block->data + lines->end;
    *room = lines->block->cap - lines->end;
    ASSERT(*room > 0);
    return 0;
}

void lines_added(struct lines *lines, size_t len)
{
    ASSERT(len <= lines->block->cap - lines->end);
    lines->end += len;
}

static void lines_take(struct lines *lines, size_t end, struct event *event)
{
    const uint8_t *body = lines->block->data + lines->start;
    size_t len = end - lines->start;
    *event = (struct event){.block = block_ref(lines->block), .body = body, .len = (uint32_t)len};
}

int lines_next(struct lines *lines, struct event *event)
{
    if (!lines->block)
        return 0;
    const uint8_t *from = lines->block->data + lines->searched;
    const uint8_t *newline = memchr(from, '\n', lines->end - lines->searched);
    if (!newline) {
        lines->searched = lines->end;
        return lines->end - lines->start > lines->line_max ? ERR_TOO_LARGE : 0;
    }
    size_t at = (size_t)(newline - lines->block->data);
    size_t end = at;
    if (lines->strips_cr && end > lines->start && lines->block->data[end - 1] == '\r')
        end--;
    if (end - lines->start > lines->line_max)
        return ERR_TOO_LARGE;
    lines_take(lines, end, event);
    lines->start = lines->searched = at + 1;
    return 1;
}

bool lines_rest(struct lines *lines, struct event *event)
{
    size_t len = lines->end - lines->start;
    if (len == 0)
        return false;
    if (len > lines->line_max)
        len = lines->line_max;
    lines_take(lines, lines->start + len, event);
    lines->start += len;
    if (lines->searched < lines->start)
        lines->searched = lines->start;
    return true;
}
