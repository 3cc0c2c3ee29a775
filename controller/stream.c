/* The metadata stream.
 *
 * Happy path: an applied entry joins the ring; at the end of the loop turn every follower gets
 * what is new to it in one frame. Failure modes: a follower that takes nothing has two frames in
 * memory and no more; when it comes back to life and the ring has moved on, it gets a snapshot. */
#include "controller/stream.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "meta/channel.h"

struct kept {
    int64_t index;
    int64_t term;
    uint8_t *bytes;
    size_t len;
};

struct stream {
    struct env *env;
    const struct image *image;
    struct kept *ring; /* of STREAM_ENTRIES_MAX */
    size_t head;
    size_t count;
    size_t bytes;
    int64_t base; /* entries above it are in the ring */
    int64_t applied;
    int64_t term;
    struct list followers;
    struct env_timer pump;
};

/* A frame on its way: the follower may be gone when it is sent. */
struct stream_note {
    struct stream_follower *follower;
    struct stream_note *next;
};

static void pump_all(void *data);

struct stream *stream_new(struct env *env, const struct image *image)
{
    struct stream *stream = mem_alloc(sizeof(*stream));
    stream->ring = mem_realloc(NULL, STREAM_ENTRIES_MAX * sizeof(*stream->ring));
    stream->env = env;
    stream->image = image;
    list_init(&stream->followers);
    env_timer_init(env, &stream->pump, pump_all, stream);
    return stream;
}

/* What holds between two events. */
static void stream_check(const struct stream *stream)
{
    ASSERT(stream->count <= STREAM_ENTRIES_MAX);
    ASSERT(stream->head < STREAM_ENTRIES_MAX);
    ASSERT(stream->count > 0 || stream->bytes == 0);
    ASSERT(stream->base <= stream->applied);
    ASSERT(stream->count == 0 || stream->ring[stream->head].index > stream->base);
}

static void drop_oldest(struct stream *stream)
{
    ASSERT(stream->count > 0);
    ASSERT(stream->bytes >= stream->ring[stream->head].len);
    struct kept *oldest = &stream->ring[stream->head];
    stream->base = oldest->index;
    stream->bytes -= oldest->len;
    mem_free(oldest->bytes);
    stream->head = (stream->head + 1) % STREAM_ENTRIES_MAX;
    stream->count--;
}

/* Down to what may be asked for once more: whoever was away for longer gets a snapshot. An entry
 * that a follower lacks stays, up to the ring's own limits. */
static void stream_trim(struct stream *stream)
{
    int64_t wanted = stream->applied + 1;
    LIST_EACH(step, &stream->followers) {
        const struct stream_follower *follower = LIST_ENTRY(step, struct stream_follower, link);
        wanted = follower->next < wanted ? follower->next : wanted;
    }
    while (stream->bytes > STREAM_BYTES_KEPT && stream->ring[stream->head].index < wanted)
        drop_oldest(stream);
    stream_check(stream);
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    while (!list_empty(&stream->followers))
        stream_leave(LIST_ENTRY(stream->followers.next, struct stream_follower, link));
    while (stream->count)
        drop_oldest(stream);
    env_timer_stop(&stream->pump);
    mem_free(stream->ring);
    mem_free(stream);
}

void stream_push(struct stream *stream, int64_t index, int64_t term, const void *bytes, size_t len)
{
    ASSERT(index > stream->applied);
    while (stream->count &&
           (stream->count == STREAM_ENTRIES_MAX || stream->bytes + len > STREAM_BYTES_MAX))
        drop_oldest(stream);
    size_t at = (stream->head + stream->count++) % STREAM_ENTRIES_MAX;
    stream->ring[at] = (struct kept){index, term, mem_dup(bytes, len), len};
    stream->bytes += len;
    stream->applied = index;
    stream->term = term;
    stream_check(stream);
    if (list_empty(&stream->followers))
        stream_trim(stream);
    else if (!env_timer_running(&stream->pump))
        env_timer_start_soon(&stream->pump);
}

void stream_reset(struct stream *stream, int64_t index, int64_t term)
{
    while (stream->count)
        drop_oldest(stream);
    stream->base = stream->applied = index;
    stream->term = term;
    stream_check(stream);
    if (!list_empty(&stream->followers))
        env_timer_start(&stream->pump, 0);
}

int64_t stream_applied(const struct stream *stream)
{
    return stream->applied;
}

size_t stream_kept(const struct stream *stream)
{
    return stream->bytes;
}

/* ---- sending ---- */

static void follower_pump(struct stream_follower *follower);

static void on_sent(void *data)
{
    struct stream_note *note = data;
    struct stream_follower *follower = note->follower;
    if (follower) {
        struct stream_note **at = &follower->notes;
        while (*at != note)
            at = &(*at)->next;
        *at = note->next;
        ASSERT(follower->unsent > 0);
        follower->unsent--;
        if (follower->stream && !env_timer_running(&follower->stream->pump))
            env_timer_start(&follower->stream->pump, 0);
    }
    mem_free(note);
}

static void send(struct stream_follower *follower, struct buf *frame)
{
    struct stream_note *note = mem_alloc(sizeof(*note));
    note->follower = follower;
    note->next = follower->notes;
    follower->notes = note;
    ASSERT(follower->unsent < STREAM_FRAMES_UNSENT);
    follower->unsent++;
    follower->greeted = true;
    link_send_buf(follower->to, frame, on_sent, note);
}

static int send_snapshot(struct stream_follower *follower)
{
    struct stream *stream = follower->stream;
    struct buf content, frame;
    buf_init(&content);
    buf_init(&frame);
    int err = image_pack(stream->image, &content);
    if (!err)
        err =
            channel_put_snapshot(&frame, stream->applied, stream->term, content.data, content.len);
    if (!err) {
        send(follower, &frame);
        follower->next = stream->applied + 1;
    }
    buf_close(&content);
    buf_close(&frame);
    return err;
}

/* The position in the ring of the first entry that the follower wants. */
static size_t first_wanted(const struct stream *stream, int64_t next)
{
    size_t low = 0, high = stream->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (stream->ring[(stream->head + middle) % STREAM_ENTRIES_MAX].index < next)
            low = middle + 1;
        else
            high = middle;
    }
    ASSERT(low <= stream->count);
    return low;
}

static int send_entries(struct stream_follower *follower)
{
    struct stream *stream = follower->stream;
    ASSERT(follower->next > stream->base);
    struct buf frame;
    buf_init(&frame);
    int err = channel_entries_begin(&frame);
    int64_t next = follower->next;
    size_t at = first_wanted(stream, next);
    for (; !err && at < stream->count && frame.len < STREAM_FRAME_BYTES; at++) {
        const struct kept *kept = &stream->ring[(stream->head + at) % STREAM_ENTRIES_MAX];
        err = channel_entries_add(&frame, kept->index, kept->term, kept->bytes, kept->len);
        next = kept->index + 1;
    }
    if (!err)
        err = channel_entries_end(&frame, 0, follower->next - 1,
                                  at < stream->count ? next - 1 : stream->applied);
    if (!err) {
        ASSERT(next >= follower->next);
        send(follower, &frame);
        follower->next = next;
    }
    buf_close(&frame);
    return err;
}

static void follower_pump(struct stream_follower *follower)
{
    struct stream *stream = follower->stream;
    ASSERT(stream != NULL);
    ASSERT(follower->unsent <= STREAM_FRAMES_UNSENT);
    while (follower->unsent < STREAM_FRAMES_UNSENT &&
           (follower->next <= stream->applied || !follower->greeted)) {
        int err = follower->next <= stream->base ? send_snapshot(follower) : send_entries(follower);
        if (err) /* memory: what was sent meanwhile may make room */
            return;
    }
}

static void pump_all(void *data)
{
    struct stream *stream = data;
    LIST_EACH(step, &stream->followers) {
        follower_pump(LIST_ENTRY(step, struct stream_follower, link));
    }
    stream_trim(stream);
}

void stream_follow(struct stream *stream, struct stream_follower *follower, struct link *to,
                   int64_t from_index)
{
    ASSERT(!follower->stream || follower->stream == stream);
    if (!follower->stream)
        list_push(&stream->followers, &follower->link);
    follower->stream = stream;
    follower->to = to;
    follower->next = from_index > 0 ? from_index : 0;
    follower->greeted = false;
    if (!env_timer_running(&stream->pump))
        env_timer_start(&stream->pump, 0);
}

void stream_leave(struct stream_follower *follower)
{
    for (struct stream_note *note = follower->notes; note; note = note->next)
        note->follower = NULL;
    follower->notes = NULL;
    if (!follower->stream)
        return;
    list_remove(&follower->link);
    follower->stream = NULL;
}
