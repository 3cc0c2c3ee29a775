/* An answer whose one long array is made and encoded item by item, as many in a turn of the loop as
 * may be, so that no length of it holds up others. One answer after the other: only one at a time
 * is half made, and who waits for its turn has not begun.
 *
 * Embedded by the handler, in memory that lives as long as the request. */
#ifndef BROKER_NET_REQUEST_STREAM_H
#define BROKER_NET_REQUEST_STREAM_H

#include "broker/net/request.h"
#include "wire/wire.h"

struct request_stream {
    const char *array;            /* its name, as the protocol has it */
    const struct wire_desc *item; /* what its items are */
    void *response; /* in memory that lives as long; `begin` fills all but the array */
    int32_t count;  /* of items; `begin` may set it */
    /* Its turn has come. What the response refers to in front of the array need not outlive this
     * turn. False: memory is out. */
    bool (*begin)(struct request_stream *stream);
    /* Makes one item, whose defaults are set. What it refers to need not outlive the turn; `arena`
     * is emptied when the item is encoded. False: memory is out. */
    bool (*fill)(struct request_stream *stream, int32_t index, struct arena *arena, void *item);
    /* May be NULL: nothing more is asked, the answer is complete or nobody hears it. The request,
     * and with it the stream, ends after it. */
    void (*done)(struct request_stream *stream);

    /* The rest belongs to net/. */
    struct list link;
    struct request *request;
    struct wire_stream wire;
    void *room; /* for one item */
    int32_t next;
};

/* Answers the request; instead of request_reply. */
void request_stream_start(struct request *request, struct request_stream *stream);

#endif
