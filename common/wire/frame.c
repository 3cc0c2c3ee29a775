/* Framed connections: one reader and one writer for all of Millrace's protocols.
 *
 * Happy path, reading: the stream is readable; a small block is taken, filled by one read, and
 * every whole frame in it is handed out where it lies. What is left of a frame moves to the front;
 * when the frame is larger than the block, the block grows towards exactly that frame, so the rest
 * of a large produce request lands behind its beginning and nothing behind it. A block that holds
 * nothing is given back. Writing: chunks queue in a ring; they are written at the end of the turn
 * (env_timer_start_soon), and further when the stream has room again.
 *
 * Failure modes: a size that is negative or over the limit, the end of the stream and its errors
 * all end in one call of `broken`. A block that the budget can't pay for is asked for again every
 * RETRY_MS, and a connection that stays stuck in the middle of a frame for STALL_MAX_MS is broken,
 * so that peers with half-sent frames can't keep the budget from the others for ever. Callbacks may
 * close the connection: it is freed when the last of them has returned. */
#include "wire/frame.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/state.h"

enum {
    SIZE_LEN = 4,
    BLOCK_MIN = 8 * 1024,         /* holds most requests whole */
    BLOCK_GROWTH = 4,             /* a peer must have sent a quarter of what we reserve for it */
    BLOCK_LARGE = 1024 * 1024,    /* blocks above it leave a quarter of the budget to the others */
    TURN_FRAMES_MAX = 64,         /* then the other connections have their turn */
    TURN_BYTES_MAX = 1024 * 1024, /* the same for large frames, and for what is written */
    TURN_US_MAX = 500,            /* the same for frames that cost much */
    TURN_LONG_MS = 2,             /* large frames wait for another turn when one took so long */
    TURN_FULL_MS = 2, /* who is not urgent, and not light, is read in another turn then */
    LIGHT_US = 1000,  /* who has spent no more, beyond one hundredth of the time, is light */
    LIGHT_SHARE = 100,
    TURN_LARGE = 64 * 1024,       /* these are large: their arrays may cost a tenth of a second */
    TURN_DEFERS_MAX = 16,         /* but not for ever: then one of them goes in each turn */
    PROVEN_MAX = 2 * 1024 * 1024, /* above the default largest produce request */
    RETRY_MS = 10,
    STALL_MAX_MS = 30 * 1000,
    FLUSH_CHUNKS = 64,
    RING_MIN = 8,
    RING_KEEP = 32, /* a larger ring is given back when it runs empty */
};

STATIC_ASSERT((RING_MIN & (RING_MIN - 1)) == 0, "places in the ring are found by a mask");
STATIC_ASSERT(SIZE_LEN == sizeof(int32_t), "a frame's size on the wire");

/* In this order: from each on, less is done for the owner. */
enum frame_state {
    FRAME_OPEN,
    FRAME_FINISHING, /* nothing is read any more; what is queued is sent */
    FRAME_BROKEN,    /* `broken` was called, or is: nothing is written any more */
    FRAME_CLOSED,    /* by the owner: freed when depth is 0 */
    FRAME_STATES
};

struct frame_conn {
    struct env *env;
    enum frame_state state;
    struct transport transport; /* self is NULL once it is closed */
    const struct frame_handlers *handlers;
    void *data;
    size_t frame_max;

    /* The receive block: bytes [start, end) are not yet handed out. */
    struct mem_budget *budget;
    uint8_t *block;
    size_t charged;   /* what the block took from the budget: all above BLOCK_MIN */
    int64_t grown_ms; /* when the block got larger than BLOCK_MIN */
    size_t cap, start, end;
    size_t proven; /* a frame of this size came in full: so much may be reserved at once */
    int64_t stalled_ms;
    int deferred;                /* turns that a large frame has waited for a short one */
    struct env_timer read_timer; /* the next part of a long turn, or another try for memory */

    /* The outbox: a ring of `ring_cap` (a power of two) chunks. */
    struct outbox_chunk *ring;
    size_t ring_cap, ring_head, ring_count;
    size_t queued;
    struct env_timer flush_timer;
    struct env_timer linger_timer;

    int depth;         /* callbacks that run now */
    size_t delivering; /* size of the frame that the owner is told of; 0: of none */
    bool paused;       /* by the owner */
    bool waiting;      /* the socket was empty when it was last read */
    bool urgent;
    bool answers;     /* what comes was asked for */
    int64_t spent_us; /* of the loop's time, less its share of the time since */
    int64_t spent_at_us;
    bool lost;    /* no memory for the bytes behind a detached frame */
    bool blocked; /* the stream took less than it was given; `writable` comes */
    char peer[ENV_ADDRESS_TEXT_MAX];
};

/* ---- the life of a connection ---- */

/* What holds whenever the owner is called, or has called. */
static void frame_check(const struct frame_conn *conn)
{
    ASSERT(conn->start <= conn->end);
    ASSERT(conn->end <= conn->cap);
    ASSERT((conn->block == NULL) == (conn->cap == 0));
    ASSERT(conn->charged <= conn->cap);
    ASSERT(conn->charged == 0 || conn->budget);
    ASSERT(conn->ring_count <= conn->ring_cap);
    ASSERT((conn->ring_cap & (conn->ring_cap - 1)) == 0);
    ASSERT(conn->ring_cap == 0 || conn->ring_head < conn->ring_cap);
    ASSERT(conn->depth >= 0);
    ASSERT(conn->charged == 0 || conn->cap > BLOCK_MIN);
    ASSERT(conn->ring_count == 0 || conn->ring != NULL);
    ASSERT(conn->ring_count > 0 || conn->queued == 0);
    ASSERT((conn->state == FRAME_CLOSED) == (conn->transport.self == NULL));
    ASSERT(conn->state == FRAME_OPEN || !env_timer_running(&conn->read_timer));
    ASSERT(conn->state < FRAME_BROKEN || !env_timer_running(&conn->flush_timer));
    ASSERT(conn->state == FRAME_FINISHING || !env_timer_running(&conn->linger_timer));
    ASSERT(conn->proven <= PROVEN_MAX);
    ASSERT(conn->deferred >= 0);
    ASSERT(conn->stalled_ms >= 0);
}

static void frame_move(struct frame_conn *conn, enum frame_state to)
{
    static const struct state_row states[FRAME_STATES] = {
        [FRAME_OPEN] = {"open", STATE_BIT(FRAME_FINISHING) | STATE_BIT(FRAME_BROKEN) |
                                    STATE_BIT(FRAME_CLOSED)},
        [FRAME_FINISHING] = {"finishing", STATE_BIT(FRAME_BROKEN) | STATE_BIT(FRAME_CLOSED)},
        [FRAME_BROKEN] = {"broken", STATE_BIT(FRAME_CLOSED)},
        [FRAME_CLOSED] = {"closed", 0},
    };
    STATE_MOVE(states, conn->state, to);
}

static void frame_drop_block(struct frame_conn *conn)
{
    if (conn->budget)
        mem_budget_give(conn->budget, conn->charged);
    mem_free(conn->block);
    conn->block = NULL;
    conn->charged = conn->cap = conn->start = conn->end = 0;
}

static void frame_enter(struct frame_conn *conn)
{
    conn->depth++;
}

/* After a callback: frees the connection if it was closed and this was the last one. */
static bool frame_leave(struct frame_conn *conn)
{
    ASSERT(conn->depth > 0);
    frame_check(conn);
    if (--conn->depth > 0 || conn->state != FRAME_CLOSED)
        return conn->state == FRAME_CLOSED;
    frame_drop_block(conn);
    mem_free(conn->ring);
    mem_free(conn);
    return true;
}

static void frame_want_read(struct frame_conn *conn, bool wanted)
{
    conn->transport.row->want_read(conn->transport.self, wanted);
}

/* Ends the connection for its owner, who may close it in the callback: touch nothing after. */
static void frame_break(struct frame_conn *conn, int err)
{
    if (conn->state >= FRAME_BROKEN)
        return;
    frame_move(conn, FRAME_BROKEN);
    env_timer_stop(&conn->read_timer);
    env_timer_stop(&conn->flush_timer);
    env_timer_stop(&conn->linger_timer);
    frame_want_read(conn, false);
    frame_enter(conn);
    conn->handlers->broken(conn->data, err);
    (void)frame_leave(conn);
}

static struct outbox_chunk frame_pop(struct frame_conn *conn)
{
    ASSERT(conn->ring_count > 0);
    struct outbox_chunk chunk = conn->ring[conn->ring_head];
    conn->ring_head = (conn->ring_head + 1) & (conn->ring_cap - 1);
    conn->ring_count--;
    return chunk;
}

static void frame_release_all(struct frame_conn *conn)
{
    while (conn->ring_count > 0) {
        struct outbox_chunk chunk = frame_pop(conn);
        if (chunk.release)
            chunk.release(chunk.owner);
    }
    conn->queued = 0;
}

static void frame_end(struct frame_conn *conn, bool parts)
{
    frame_move(conn, FRAME_CLOSED);
    frame_enter(conn);
    env_timer_stop(&conn->read_timer);
    env_timer_stop(&conn->flush_timer);
    env_timer_stop(&conn->linger_timer);
    if (!parts)
        conn->transport.row->close(conn->transport.self);
    conn->transport.self = NULL;
    frame_release_all(conn);
    (void)frame_leave(conn);
}

void frame_conn_close(struct frame_conn *conn)
{
    frame_end(conn, false);
}

void frame_conn_part(struct frame_conn *conn, struct frame_opening *opening)
{
    ASSERT(conn->depth > 0 && conn->state < FRAME_CLOSED);
    ASSERT(conn->charged == 0 && conn->ring_count == 0);
    ASSERT(conn->delivering <= conn->start);
    frame_want_read(conn, false);
    *opening = (struct frame_opening){conn->transport, conn->block, conn->cap,
                                      conn->start - conn->delivering, conn->end};
    conn->block = NULL;
    conn->cap = conn->start = conn->end = 0;
    frame_end(conn, true);
}

void frame_opening_close(struct frame_opening *opening)
{
    opening->transport.row->close(opening->transport.self);
    mem_free(opening->block);
}

/* ---- reading ---- */

/* The first block is a connection's own, so that small requests pass when others have used up the
 * budget; and large blocks leave a part of it to the others, as far as the largest frame allows. */
static int frame_pay(struct frame_conn *conn, size_t cap, size_t charge)
{
    struct mem_budget *budget = conn->budget;
    size_t large_max = budget->limit / 4 * 3;
    if (large_max < conn->frame_max)
        large_max = budget->limit;
    bool fits = cap <= BLOCK_LARGE || budget->used + charge <= large_max;
    if (fits && mem_budget_take(budget, charge) == 0)
        return 0;
    budget->starved = true;
    return ERR_AGAIN;
}

/* Moves the unread bytes into a block of `cap` bytes; only the growth is asked of the budget, so
 * that a frame of the budget's size can come in. */
static int frame_reblock(struct frame_conn *conn, size_t cap)
{
    size_t used = conn->end - conn->start;
    size_t charge = conn->budget && cap > BLOCK_MIN ? cap - BLOCK_MIN - conn->charged : 0;
    ASSERT(used <= cap && conn->charged <= cap);
    if (charge > 0 && frame_pay(conn, cap, charge) < 0)
        return ERR_AGAIN;
    uint8_t *block = mem_try_alloc(cap);
    if (!block) {
        if (charge > 0)
            mem_budget_give(conn->budget, charge);
        return ERR_AGAIN;
    }
    if (charge > 0 && conn->charged == 0)
        conn->grown_ms = env_now_ms(conn->env);
    if (used)
        memcpy(block, conn->block + conn->start, used);
    mem_free(conn->block);
    conn->block = block;
    conn->charged += charge;
    conn->cap = cap;
    conn->start = 0;
    conn->end = used;
    return 0;
}

/* Bytes that the frame at `start` takes with its size, SIZE_LEN while the size is not known. */
static int64_t frame_need(const struct frame_conn *conn)
{
    if (conn->end - conn->start < SIZE_LEN)
        return SIZE_LEN;
    int32_t size = (int32_t)bytes_get_u32(conn->block + conn->start);
    if (size < 0)
        return ERR_MALFORMED;
    if ((size_t)size > conn->frame_max)
        return ERR_TOO_LARGE;
    return SIZE_LEN + (int64_t)size;
}

/* Makes room for the next read. ERR_AGAIN when memory is out; ERR_NO_MEMORY when the frame could
 * never be paid for. A block larger than BLOCK_MIN never holds more than the one frame that it was
 * made for, which is what makes a detached block cheap. */
static int frame_make_room(struct frame_conn *conn, size_t need)
{
    if (conn->block && conn->start == conn->end && conn->cap > BLOCK_MIN)
        frame_drop_block(conn);
    if (!conn->block)
        return frame_reblock(conn, BLOCK_MIN);
    if (conn->start > 0 && need <= conn->cap) {
        memmove(conn->block, conn->block + conn->start, conn->end - conn->start);
        conn->end -= conn->start;
        conn->start = 0;
    }
    if (conn->end < conn->cap)
        return 0;
    if (conn->budget && need > conn->budget->limit)
        return ERR_NO_MEMORY;
    size_t cap = conn->cap * BLOCK_GROWTH;
    if (cap < conn->proven)
        cap = conn->proven;
    return frame_reblock(conn, cap < need ? cap : need);
}

static void frame_deliver(struct frame_conn *conn, size_t need)
{
    ASSERT(need >= SIZE_LEN);
    ASSERT(need <= conn->end - conn->start);
    uint8_t *bytes = conn->block + conn->start;
    conn->start += need;
    if (need > conn->proven)
        conn->proven = need < PROVEN_MAX ? need : PROVEN_MAX;
    conn->delivering = need;
    conn->handlers->frame(conn->data, bytes + SIZE_LEN, need - SIZE_LEN);
    conn->delivering = 0;
}

/* Whether a large frame leaves the rest of this turn to small ones: so those wait for one that
 * costs much at most, however many such ones are there. */
static bool frame_defer(struct frame_conn *conn, int64_t need)
{
    bool defer = need > TURN_LARGE && !conn->answers && env_turn_ms(conn->env) >= TURN_LONG_MS &&
                 (conn->deferred < TURN_DEFERS_MAX || !env_turn_take(conn->env));
    conn->deferred = defer ? conn->deferred + 1 : 0;
    return defer;
}

/* Hands out the whole frames that are there. Bytes handed out, or ERR_x; 0 when a frame is
 * incomplete. The caller holds the connection. However much time the turn has left, one frame is
 * handed out: sixty peers who ask for what costs much share the loop with those who don't. */
static int64_t frame_deliver_all(struct frame_conn *conn, int *frames_left, int64_t end_us)
{
    int64_t bytes = 0;
    while (conn->state == FRAME_OPEN && !conn->paused && *frames_left > 0 &&
           bytes < TURN_BYTES_MAX) {
        int64_t need = frame_need(conn);
        if (need < 0)
            return need;
        if ((int64_t)(conn->end - conn->start) < need)
            break;
        if (frame_defer(conn, need)) {
            *frames_left = 0;
            break;
        }
        (*frames_left)--;
        bytes += need;
        frame_deliver(conn, (size_t)need);
        if (env_now_us(conn->env) >= end_us)
            *frames_left = 0;
    }
    return bytes;
}

/* No block now: try again later, but not for ever while others wait for what this one holds. */
static int frame_stall(struct frame_conn *conn)
{
    conn->stalled_ms += RETRY_MS;
    if (conn->block && conn->stalled_ms >= STALL_MAX_MS)
        return ERR_NO_MEMORY;
    env_timer_start(&conn->read_timer, RETRY_MS);
    return 0;
}

/* Reads once. Bytes read, 0 when there are none now (something then wakes us), or ERR_x. `*more` =
 * the stream may hold more. */
static int64_t frame_read_once(struct frame_conn *conn, bool *more)
{
    *more = false;
    int64_t need = frame_need(conn);
    if (need < 0)
        return need;
    int rc = frame_make_room(conn, (size_t)need);
    if (rc == ERR_AGAIN)
        return frame_stall(conn);
    if (rc < 0)
        return rc;
    conn->stalled_ms = 0;
    size_t room = conn->cap - conn->end;
    ASSERT(room > 0);
    ssize_t n = conn->transport.row->read(conn->transport.self, conn->block + conn->end, room);
    ASSERT(n <= (ssize_t)room);
    if (n < 0 && n != ERR_AGAIN)
        return n;
    if (n > 0)
        conn->end += (size_t)n;
    *more = n == (ssize_t)room;
    /* A short read emptied the socket: the poll tells when there is more, without another call. */
    conn->waiting = !*more;
    return n > 0 ? n : 0;
}

/* What it has spent of the loop's time, beyond its share since. */
static int64_t frame_spent(const struct frame_conn *conn, int64_t now_us)
{
    int64_t left_us = conn->spent_us - (now_us - conn->spent_at_us) / LIGHT_SHARE;
    return left_us > 0 ? left_us : 0;
}

/* Accounts for the loop's time since `from_us`. */
static void frame_spend(struct frame_conn *conn, int64_t from_us)
{
    conn->spent_us = frame_spent(conn, from_us) + env_now_us(conn->env) - from_us;
    conn->spent_at_us = from_us;
}

static bool frame_is_light(const struct frame_conn *conn)
{
    return frame_spent(conn, env_now_us(conn->env)) <= LIGHT_US;
}

/* Whether the block holds what can be handed out, or can't be read at all. */
static bool frame_has_whole(const struct frame_conn *conn)
{
    return frame_need(conn) <= (int64_t)(conn->end - conn->start);
}

/* The rest waits for another turn. That of one that is urgent goes on at the end of this one: in
 * the next it would stand behind hundreds of others when many have been put off. */
static void frame_read_later(struct frame_conn *conn)
{
    if (conn->urgent && conn->deferred == 0)
        env_timer_start_soon(&conn->read_timer);
    else
        env_timer_start(&conn->read_timer, 0);
}

/* One turn of reading: 0, or ERR_x that ends the connection. In a turn that is long already each
 * connection has one frame: a hundred that never pause must not make it fifty times longer. */
static int frame_turn(struct frame_conn *conn, int64_t from_us)
{
    int frames_left = env_turn_ms(conn->env) >= TURN_LONG_MS ? 1 : TURN_FRAMES_MAX;
    int64_t bytes = 0, end_us = from_us + TURN_US_MAX;
    bool more = !conn->waiting;
    for (;;) {
        int64_t n = frame_deliver_all(conn, &frames_left, end_us);
        if (n < 0)
            return (int)n;
        if (conn->lost)
            return ERR_NO_MEMORY;
        if (conn->state != FRAME_OPEN || conn->paused)
            return 0;
        bytes += n;
        if (!more && !frame_has_whole(conn))
            break;
        if (frames_left == 0 || bytes >= TURN_BYTES_MAX) {
            frame_read_later(conn);
            return 0;
        }
        n = frame_read_once(conn, &more);
        if (n < 0)
            return (int)n;
        bytes += n;
    }
    if (conn->waiting)
        frame_want_read(conn, true);
    return 0;
}

static void frame_pump(struct frame_conn *conn)
{
    if (conn->state != FRAME_OPEN || conn->paused)
        return;
    ASSERT(conn->depth == 0);
    int64_t from_us = env_now_us(conn->env);
    frame_enter(conn);
    int rc = frame_turn(conn, from_us);
    frame_spend(conn, from_us);
    if (conn->state != FRAME_CLOSED && conn->block &&
        (conn->state != FRAME_OPEN || conn->start == conn->end))
        frame_drop_block(conn);
    if (rc < 0)
        frame_break(conn, rc);
    (void)frame_leave(conn);
}

static void frame_on_readable(void *data)
{
    struct frame_conn *conn = data;
    conn->waiting = false;
    if (conn->urgent || conn->state != FRAME_OPEN || env_turn_ms(conn->env) < TURN_FULL_MS ||
        frame_is_light(conn)) {
        frame_pump(conn);
        return;
    }
    frame_want_read(conn, false);
    env_timer_start(&conn->read_timer, 0);
}

static void frame_on_read_timer(void *data)
{
    frame_pump(data);
}

void frame_conn_pause(struct frame_conn *conn, bool paused)
{
    if (conn->paused == paused)
        return;
    conn->paused = paused;
    if (conn->state != FRAME_OPEN)
        return;
    if (paused) {
        frame_want_read(conn, false);
        env_timer_stop(&conn->read_timer);
        return;
    }
    conn->waiting = false;
    env_timer_start(&conn->read_timer, 0);
    frame_check(conn);
}

void frame_conn_set_max(struct frame_conn *conn, size_t frame_max)
{
    conn->frame_max = frame_max;
}

void frame_conn_set_urgent(struct frame_conn *conn)
{
    conn->urgent = true;
}

void frame_conn_set_answers(struct frame_conn *conn)
{
    conn->answers = true;
}

void frame_conn_detach(struct frame_conn *conn, void **block, size_t *charged)
{
    ASSERT(conn->block != NULL);
    ASSERT(conn->depth > 0);
    size_t used = conn->end - conn->start;
    uint8_t *rest = conn->block + conn->start;
    *block = conn->block;
    *charged = conn->charged;
    /* It is no connection's first block any more, and paid for if it can be. */
    if (conn->budget && mem_budget_take(conn->budget, BLOCK_MIN) == 0)
        *charged += BLOCK_MIN;
    conn->block = NULL;
    conn->charged = conn->cap = conn->start = conn->end = 0;
    if (used == 0)
        return;
    ASSERT(used <= BLOCK_MIN);
    conn->block = mem_try_alloc(BLOCK_MIN);
    if (!conn->block) {
        conn->lost = true;
        return;
    }
    memcpy(conn->block, rest, used);
    conn->cap = BLOCK_MIN;
    conn->end = used;
    frame_check(conn);
}

/* ---- writing ---- */

/* Takes `bytes` that were sent off the ring and releases the chunks that are done with. */
static void frame_consume(struct frame_conn *conn, size_t bytes)
{
    ASSERT(bytes <= conn->queued);
    conn->queued -= bytes;
    while (conn->state != FRAME_CLOSED && conn->ring_count > 0) {
        struct env_chunk *first = &conn->ring[conn->ring_head].chunk;
        if (bytes < first->len) {
            if (first->data)
                first->data = (const uint8_t *)first->data + bytes;
            first->offset += bytes;
            first->len -= bytes;
            return;
        }
        bytes -= first->len;
        struct outbox_chunk chunk = frame_pop(conn);
        if (chunk.release)
            chunk.release(chunk.owner);
    }
}

/* Writes until the outbox is empty, the stream is full or the turn is over. 0 or ERR_x. */
static int frame_write(struct frame_conn *conn)
{
    size_t written = 0;
    while (conn->state != FRAME_CLOSED && conn->ring_count > 0) {
        struct env_chunk chunks[FLUSH_CHUNKS];
        size_t count = 0, total = 0;
        for (; count < conn->ring_count && count < FLUSH_CHUNKS; count++) {
            chunks[count] = conn->ring[(conn->ring_head + count) & (conn->ring_cap - 1)].chunk;
            total += chunks[count].len;
        }
        ssize_t n = conn->transport.row->write(conn->transport.self, chunks, count);
        if (n < 0)
            return (int)n;
        ASSERT((size_t)n <= total);
        written += (size_t)n;
        conn->blocked = (size_t)n < total;
        frame_consume(conn, (size_t)n);
        if (conn->state == FRAME_CLOSED || conn->blocked)
            return 0;
        if (written >= TURN_BYTES_MAX && conn->ring_count > 0) {
            env_timer_start(&conn->flush_timer, 0);
            return 0;
        }
    }
    return 0;
}

static void frame_on_empty(struct frame_conn *conn)
{
    if (conn->ring_cap > RING_KEEP) {
        mem_free(conn->ring);
        conn->ring = NULL;
        conn->ring_cap = conn->ring_head = 0;
    }
    if (conn->state == FRAME_FINISHING)
        frame_break(conn, ERR_CLOSED);
    else if (conn->handlers->drained)
        conn->handlers->drained(conn->data);
}

static void frame_flush(void *data)
{
    struct frame_conn *conn = data;
    ASSERT(conn->depth == 0);
    ASSERT(conn->state < FRAME_BROKEN);
    conn->blocked = false;
    frame_enter(conn);
    int rc = frame_write(conn);
    if (rc < 0)
        frame_break(conn, rc);
    else if (conn->state != FRAME_CLOSED && conn->ring_count == 0)
        frame_on_empty(conn);
    (void)frame_leave(conn);
}

static void frame_on_writable(void *data)
{
    struct frame_conn *conn = data;
    if (conn->state < FRAME_BROKEN)
        frame_flush(conn);
}

static void frame_flush_soon(struct frame_conn *conn)
{
    if (conn->state < FRAME_BROKEN && !conn->blocked && !env_timer_running(&conn->flush_timer))
        env_timer_start_soon(&conn->flush_timer);
}

static void frame_grow_ring(struct frame_conn *conn)
{
    size_t cap = conn->ring_cap ? conn->ring_cap * 2 : RING_MIN;
    struct outbox_chunk *ring = mem_alloc(cap * sizeof(*ring));
    for (size_t i = 0; i < conn->ring_count; i++)
        ring[i] = conn->ring[(conn->ring_head + i) & (conn->ring_cap - 1)];
    mem_free(conn->ring);
    conn->ring = ring;
    conn->ring_cap = cap;
    conn->ring_head = 0;
}

void frame_conn_send(struct frame_conn *conn, const struct outbox_chunk *chunk)
{
    ASSERT(conn->state != FRAME_CLOSED);
    if (conn->ring_count == conn->ring_cap)
        frame_grow_ring(conn);
    conn->ring[(conn->ring_head + conn->ring_count++) & (conn->ring_cap - 1)] = *chunk;
    conn->queued += chunk->chunk.len;
    frame_flush_soon(conn);
    frame_check(conn);
}

int frame_conn_send_copy(struct frame_conn *conn, const void *bytes, size_t len)
{
    if (len > INT32_MAX)
        return ERR_TOO_LARGE;
    uint8_t *copy = mem_try_alloc(SIZE_LEN + len);
    if (!copy)
        return ERR_NO_MEMORY;
    bytes_put_u32(copy, (uint32_t)len);
    if (len)
        memcpy(copy + SIZE_LEN, bytes, len);
    struct outbox_chunk chunk = {
        .chunk = {.data = copy, .len = SIZE_LEN + len}, .release = mem_free, .owner = copy};
    frame_conn_send(conn, &chunk);
    return 0;
}

size_t frame_conn_queued(const struct frame_conn *conn)
{
    return conn->queued;
}

/* ---- beginning and end ---- */

static void frame_on_linger(void *data)
{
    frame_break(data, ERR_CLOSED);
}

int frame_conn_new(struct env *env, struct transport transport, size_t frame_max,
                   struct mem_budget *budget, const struct frame_handlers *handlers, void *data,
                   struct frame_conn **out)
{
    ASSERT(transport.self != NULL);
    ASSERT(handlers->frame != NULL);
    ASSERT(handlers->broken != NULL);
    struct frame_conn *conn = mem_alloc(sizeof(*conn));
    conn->env = env;
    conn->transport = transport;
    conn->handlers = handlers;
    conn->data = data;
    conn->frame_max = frame_max;
    conn->budget = budget;
    conn->waiting = true;
    env_timer_init(env, &conn->read_timer, frame_on_read_timer, conn);
    env_timer_init(env, &conn->flush_timer, frame_flush, conn);
    env_timer_init(env, &conn->linger_timer, frame_on_linger, conn);
    transport.row->peer(transport.self, conn->peer);
    transport.row->set(transport.self, frame_on_readable, frame_on_writable, conn);
    frame_want_read(conn, true);
    frame_check(conn);
    *out = conn;
    return 0;
}

int frame_conn_open(struct env *env, const struct frame_opening *opening, size_t frame_max,
                    struct mem_budget *budget, const struct frame_handlers *handlers, void *data,
                    struct frame_conn **out)
{
    size_t charge = budget && opening->cap > BLOCK_MIN ? opening->cap - BLOCK_MIN : 0;
    struct frame_opening failed = *opening;
    if (charge > 0 && mem_budget_take(budget, charge) < 0) {
        frame_opening_close(&failed);
        return ERR_NO_MEMORY;
    }
    int err = frame_conn_new(env, opening->transport, frame_max, budget, handlers, data, out);
    ASSERT(err == 0);
    struct frame_conn *conn = *out;
    if (!opening->block)
        return 0;
    conn->block = opening->block;
    conn->cap = opening->cap;
    conn->start = opening->start;
    conn->end = opening->end;
    conn->charged = charge;
    conn->grown_ms = env_now_ms(env);
    conn->waiting = false; /* the socket may hold more, too */
    env_timer_start(&conn->read_timer, 0);
    frame_check(conn);
    return 0;
}

void frame_conn_finish(struct frame_conn *conn, int64_t linger_ms)
{
    if (conn->state >= FRAME_BROKEN)
        return;
    if (conn->state == FRAME_OPEN)
        frame_move(conn, FRAME_FINISHING);
    frame_want_read(conn, false);
    env_timer_stop(&conn->read_timer);
    env_timer_start(&conn->linger_timer, linger_ms);
    frame_flush_soon(conn);
    frame_check(conn);
}

size_t frame_conn_held(const struct frame_conn *conn, int64_t *since_ms)
{
    *since_ms = conn->grown_ms;
    return conn->charged;
}

const uint8_t *frame_conn_unread(const struct frame_conn *conn, size_t *len)
{
    *len = conn->end - conn->start;
    return conn->block ? conn->block + conn->start : NULL;
}

const char *frame_conn_peer(const struct frame_conn *conn)
{
    return conn->peer;
}
