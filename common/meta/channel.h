/* The bytes of the controller channel (channel.proto): how a Frame is sent and read, and the two
 * messages that are put together without unpacking what they carry (entries and snapshots). */
#ifndef META_CHANNEL_H
#define META_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "common/meta/channel.pb-c.h"

struct frame_conn;

enum {
    /* Before Hello: nothing that an unknown peer says is longer. */
    CHANNEL_HELLO_MAX = 64 * 1024,
    /* A command: 10,000 partitions with their assignments fit ten times. */
    CHANNEL_COMMAND_MAX = 8 * 1024 * 1024,
    /* A snapshot is one frame: a million partitions with three replicas. */
    CHANNEL_FRAME_MAX = 256 * 1024 * 1024,
    /* Connections to a controller that have not said Hello: a part of the files that the process
     * may have open, within this. */
    CHANNEL_GREETINGS_PART = 16,
    CHANNEL_GREETINGS_MIN = 8,
    CHANNEL_GREETINGS_MAX = 256
};

/* Of env_files_limit. */
static inline int64_t channel_greetings(int64_t files)
{
    int64_t count = files / CHANNEL_GREETINGS_PART;
    if (count < CHANNEL_GREETINGS_MIN)
        return CHANNEL_GREETINGS_MIN;
    return count > CHANNEL_GREETINGS_MAX ? CHANNEL_GREETINGS_MAX : count;
}

/* Of these, so many are for clients of Kafka's protocol: where they are served, they have no
 * others, and take none of the rest. */
static inline int64_t channel_clients(int64_t files)
{
    return channel_greetings(files) / 2;
}

/* What a frame may cost while it is unpacked: a message of two bytes takes a hundred or more. A
 * small frame costs little in any case. Of what is meant assignments of partitions cost most for
 * their size: ten bytes each, which take 150. */
enum { CHANNEL_UNPACK_LEAST = 16 * 1024 * 1024, CHANNEL_UNPACK_TIMES = 16 };

/* The Frame in `bytes`, or NULL when they are no Frame, hold no body, cost more than that, or
 * memory is out; free it with meta__frame__free_unpacked(frame, NULL). */
Meta__Frame *channel_unpack(const uint8_t *bytes, size_t len) MUST_CHECK;

/* Appends size prefix and packed frame. ERR_NO_MEMORY. */
int channel_pack(const Meta__Frame *frame, struct buf *out) MUST_CHECK;

/* channel_pack and frame_conn_send: the connection owns the bytes. ERR_NO_MEMORY. */
int channel_send(struct frame_conn *conn, const Meta__Frame *frame) MUST_CHECK;
/* Sends the content of `bytes` (whole frames, as made by the functions here) and takes it over:
 * `bytes` is empty afterwards. `sent(data)` (may be NULL) is called once when they are sent or the
 * connection is closed. */
void channel_send_buf(struct frame_conn *conn, struct buf *bytes, void (*sent)(void *data),
                      void *data);

/* One record of an Entry: tag, length, packed record. A row of them is a packed Entry. */
int channel_put_record(struct buf *out, const Meta__Record *record) MUST_CHECK;

/* An Entries frame is begun, given packed entries one by one, and ended. `start` is where it begins
 * in the buffer (out->len before the begin). ERR_NO_MEMORY. */
int channel_entries_begin(struct buf *out) MUST_CHECK;
int channel_entries_add(struct buf *out, int64_t index, int64_t term, const void *entry,
                        size_t len) MUST_CHECK;
int channel_entries_end(struct buf *out, size_t start, int64_t after_index,
                        int64_t committed_index) MUST_CHECK;

/* A whole Snapshot frame around a packed Entry. ERR_NO_MEMORY, ERR_TOO_LARGE. */
int channel_put_snapshot(struct buf *out, int64_t index, int64_t term, const void *entry,
                         size_t len) MUST_CHECK;

#endif
