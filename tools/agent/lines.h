/* Lines out of a stream of bytes: what is read stands in blocks, and a line is a slice of one. */
#ifndef AGENT_LINES_H
#define AGENT_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/agent/event.h"

struct lines {
    struct block *block; /* NULL = nothing was read yet */
    size_t start;        /* of what no line was made of yet */
    size_t searched;     /* no newline from start to here */
    size_t end;
    size_t block_size;
    size_t line_max; /* the longest line; a longer one is ERR_TOO_LARGE */
    bool strips_cr;  /* a carriage return in front of the newline belongs to it */
};

void lines_init(struct lines *lines, size_t block_size, size_t line_max, bool strips_cr);
void lines_close(struct lines *lines);
/* Room to read into, at least one byte. 0, ERR_NO_MEMORY, or ERR_TOO_LARGE: a line is longer than
 * line_max. */
int lines_room(struct lines *lines, uint8_t **to, size_t *room) MUST_CHECK;
void lines_added(struct lines *lines, size_t len);
/* The next line, without its newline, with a reference to its block: 1, 0 = there is none yet, or
 * ERR_TOO_LARGE. */
int lines_next(struct lines *lines, struct event *event) MUST_CHECK;
/* What has come of a line without its end, line_max bytes of it at most; false when there is
 * nothing. For the end of a stream, and to cut a line that is too long. */
bool lines_rest(struct lines *lines, struct event *event);
/* Whether a line has begun, and its end has not come. */
static inline bool lines_begun(const struct lines *lines)
{
    return lines->end > lines->start;
}

#endif
