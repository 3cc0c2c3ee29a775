/* Frames of the controller channel. Entries and snapshots carry packed Entry bytes that are kept as
 * such by the sender, so their frames are written field by field here: an outer length that is not
 * known in advance is reserved as a varint of five bytes. Failure modes: memory. */
#include "meta/channel.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/frame.h"

enum {
    WIRE_VARINT = 0,
    WIRE_LEN = 2,
    PREFIX = 4,
    VARINT_WIDE = 5, /* a length of up to 35 bits, always in five bytes */
    FRAME_ENTRIES = 8,
    FRAME_SNAPSHOT = 9,
    ENTRY_RECORDS = 5
};

STATIC_ASSERT(PREFIX == sizeof(uint32_t), "the size before each frame");
STATIC_ASSERT(VARINT_WIDE * 7 >= 32, "a reserved length holds every frame");
STATIC_ASSERT(CHANNEL_HELLO_MAX <= CHANNEL_COMMAND_MAX, "a peer may say more once it is known");
STATIC_ASSERT(CHANNEL_COMMAND_MAX <= CHANNEL_FRAME_MAX, "a command is a frame");
STATIC_ASSERT(CHANNEL_FRAME_MAX <= INT32_MAX, "the size is read as a signed one");
STATIC_ASSERT(FRAME_ENTRIES == (int)META__FRAME__BODY_ENTRIES, "as channel.proto numbers it");
STATIC_ASSERT(FRAME_SNAPSHOT == (int)META__FRAME__BODY_SNAPSHOT, "as channel.proto numbers it");

/* What one frame may still take, given back or not. */
static void *channel_alloc(void *data, size_t size)
{
    size_t *left = data;
    if (size > *left)
        return NULL;
    *left -= size;
    return mem_try_alloc(size);
}

static void channel_free(void *data, void *pointer)
{
    (void)data;
    mem_free(pointer);
}

Meta__Frame *channel_unpack(const uint8_t *bytes, size_t len)
{
    size_t most = len * CHANNEL_UNPACK_TIMES;
    size_t left = most > CHANNEL_UNPACK_LEAST ? most : CHANNEL_UNPACK_LEAST;
    ASSERT(len <= SIZE_MAX / CHANNEL_UNPACK_TIMES);
    ProtobufCAllocator allocator = {channel_alloc, channel_free, &left};
    Meta__Frame *frame = meta__frame__unpack(&allocator, len, bytes);
    if (frame && frame->body_case == META__FRAME__BODY__NOT_SET) {
        meta__frame__free_unpacked(frame, NULL);
        return NULL;
    }
    return frame;
}

int channel_pack(const Meta__Frame *frame, struct buf *out)
{
    size_t size = meta__frame__get_packed_size(frame);
    int err = buf_reserve(out, PREFIX + size);
    if (err)
        return err;
    bytes_put_u32(out->data + out->len, (uint32_t)size);
    meta__frame__pack(frame, out->data + out->len + PREFIX);
    out->len += PREFIX + size;
    return 0;
}

struct sent_note {
    uint8_t *bytes;
    void (*sent)(void *data);
    void *data;
};

static void note_release(void *owner)
{
    struct sent_note *note = owner;
    void (*sent)(void *data) = note->sent;
    void *data = note->data;
    mem_free(note->bytes);
    mem_free(note);
    if (sent)
        sent(data);
}

void channel_send_buf(struct frame_conn *conn, struct buf *bytes, void (*sent)(void *data),
                      void *data)
{
    struct sent_note *note = mem_alloc(sizeof(*note));
    *note = (struct sent_note){bytes->data, sent, data};
    struct outbox_chunk chunk = {
        .chunk = {.data = bytes->data, .len = bytes->len}, .release = note_release, .owner = note};
    buf_init(bytes);
    frame_conn_send(conn, &chunk);
}

int channel_send(struct frame_conn *conn, const Meta__Frame *frame)
{
    struct buf bytes;
    buf_init(&bytes);
    int err = channel_pack(frame, &bytes);
    if (err) {
        buf_close(&bytes);
        return err;
    }
    channel_send_buf(conn, &bytes, NULL, NULL);
    return 0;
}

static int put_varint(struct buf *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;
    while (value >= 0x80) {
        bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (uint8_t)value;
    return buf_append(out, bytes, len);
}

static int put_tag(struct buf *out, unsigned field, unsigned type)
{
    return put_varint(out, (uint64_t)field << 3 | type);
}

static void set_wide(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < VARINT_WIDE - 1; i++, value >>= 7)
        at[i] = (uint8_t)((value & 0x7f) | 0x80);
    at[VARINT_WIDE - 1] = (uint8_t)(value & 0x7f);
}

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >>= 7)
        size++;
    return size;
}

int channel_put_record(struct buf *out, const Meta__Record *record)
{
    size_t size = meta__record__get_packed_size(record);
    int err = put_tag(out, ENTRY_RECORDS, WIRE_LEN);
    if (!err)
        err = put_varint(out, size);
    if (!err)
        err = buf_reserve(out, size);
    if (err)
        return err;
    meta__record__pack(record, out->data + out->len);
    out->len += size;
    return 0;
}

/* Size prefix, tag of the body and a wide length, all filled in by frame_end. */
static int frame_begin(struct buf *out, unsigned field)
{
    static const uint8_t zeros[PREFIX];
    int err = buf_append(out, zeros, PREFIX);
    if (!err)
        err = put_tag(out, field, WIRE_LEN);
    if (!err)
        err = buf_reserve(out, VARINT_WIDE);
    if (err)
        return err;
    out->len += VARINT_WIDE;
    return 0;
}

static void frame_end(struct buf *out, size_t start)
{
    size_t head = PREFIX + 1 + VARINT_WIDE; /* both fields have tags of one byte */
    bytes_put_u32(out->data + start, (uint32_t)(out->len - start - PREFIX));
    set_wide(out->data + start + PREFIX + 1, out->len - start - head);
}

int channel_entries_begin(struct buf *out)
{
    return frame_begin(out, FRAME_ENTRIES);
}

/* index = 1, term = 2, and the message as field 3: IndexedEntry and Snapshot alike. */
static int put_indexed(struct buf *out, int64_t index, int64_t term, const void *entry, size_t len)
{
    int err = put_tag(out, 1, WIRE_VARINT);
    if (!err)
        err = put_varint(out, (uint64_t)index);
    if (!err)
        err = put_tag(out, 2, WIRE_VARINT);
    if (!err)
        err = put_varint(out, (uint64_t)term);
    if (!err)
        err = put_tag(out, 3, WIRE_LEN);
    if (!err)
        err = put_varint(out, len);
    if (!err)
        err = buf_append(out, entry, len);
    return err;
}

int channel_entries_add(struct buf *out, int64_t index, int64_t term, const void *entry, size_t len)
{
    size_t size =
        3 + varint_size((uint64_t)index) + varint_size((uint64_t)term) + varint_size(len) + len;
    int err = put_tag(out, 1, WIRE_LEN);
    if (!err)
        err = put_varint(out, size);
    if (!err)
        err = put_indexed(out, index, term, entry, len);
    return err;
}

int channel_entries_end(struct buf *out, size_t start, int64_t after_index, int64_t committed_index)
{
    int err = put_tag(out, 2, WIRE_VARINT);
    if (!err)
        err = put_varint(out, (uint64_t)committed_index);
    if (!err)
        err = put_tag(out, 3, WIRE_VARINT);
    if (!err)
        err = put_varint(out, (uint64_t)after_index);
    if (!err)
        frame_end(out, start);
    return err;
}

int channel_put_snapshot(struct buf *out, int64_t index, int64_t term, const void *entry,
                         size_t len)
{
    if (len > CHANNEL_FRAME_MAX - 64)
        return ERR_TOO_LARGE;
    size_t start = out->len;
    int err = frame_begin(out, FRAME_SNAPSHOT);
    if (!err)
        err = put_indexed(out, index, term, entry, len);
    if (!err)
        frame_end(out, start);
    return err;
}
