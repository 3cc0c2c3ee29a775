/* Happy path: numbers are gathered byte by byte, parts in a block that doubles, up to what the peer
 * has announced: it gets memory only for what it has sent. Failure modes: a frame over the limit,
 * or one that the source's budget has no room for. */
#include "tools/agent/rpc_frame.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum { RPC_BLOCK_MIN = 4096, RPC_AVRO_HEAD = 12, RPC_THRIFT_HEAD = 4 };

void rpc_frame_init(struct rpc_frame *frame, enum rpc_framing framing, struct mem_budget *budget)
{
    *frame = (struct rpc_frame){.framing = framing, .budget = budget};
}

void rpc_frame_settle(struct rpc_frame *frame)
{
    ASSERT(frame->owed <= frame->budget->used);
    mem_budget_give(frame->budget, frame->owed);
    frame->owed = 0;
}

void rpc_frame_close(struct rpc_frame *frame)
{
    rpc_frame_settle(frame);
    if (frame->block) {
        mem_budget_give(frame->budget, frame->block->cap);
        block_unref(frame->block);
    }
    rpc_frame_init(frame, frame->framing, frame->budget);
}

static int rpc_frame_reserve(struct rpc_frame *frame, size_t more)
{
    size_t cap = frame->block ? frame->block->cap : 0, need = frame->len + more;
    ASSERT(need <= RPC_FRAME_MAX);
    if (need <= cap)
        return 0;
    size_t size = cap * 2 > RPC_BLOCK_MIN ? cap * 2 : RPC_BLOCK_MIN;
    size_t known = frame->parts == 0 ? frame->len + frame->left : RPC_FRAME_MAX;
    size = size > known ? known : size;
    size = size < need ? need : size;
    if (!mem_budget_shares(frame->budget, frame->owed + cap, frame->owed + size))
        return ERR_NO_MEMORY;
    int err = mem_budget_take(frame->budget, size);
    if (err)
        return err;
    struct block *block = block_new(size);
    if (!block) {
        mem_budget_give(frame->budget, size);
        return ERR_NO_MEMORY;
    }
    if (frame->block) {
        memcpy(block->data, frame->block->data, frame->len);
        mem_budget_give(frame->budget, cap);
        block_unref(frame->block);
    }
    frame->block = block;
    return 0;
}

/* A number is there: 0, 1 = with it the frame is whole, or ERR_TOO_LARGE. */
static int rpc_frame_number(struct rpc_frame *frame)
{
    frame->word_len = 0;
    if (frame->framing == RPC_FRAMING_AVRO && !frame->begun) {
        frame->serial = bytes_get_u32(frame->word);
        frame->parts = bytes_get_u32(frame->word + 4);
        frame->begun = true;
        if (frame->parts > RPC_PARTS_MAX)
            return ERR_TOO_LARGE;
        return frame->parts == 0;
    }
    frame->left = bytes_get_u32(frame->word);
    if (frame->framing == RPC_FRAMING_AVRO) {
        ASSERT(frame->parts > 0);
        frame->parts--;
    }
    if (frame->left > RPC_FRAME_MAX - frame->len)
        return ERR_TOO_LARGE;
    return frame->left == 0 && frame->parts == 0;
}

static int rpc_frame_step(struct rpc_frame *frame, const uint8_t *data, size_t len, size_t *used)
{
    size_t wanted = frame->framing == RPC_FRAMING_AVRO && !frame->begun ? 8 : 4;
    if (frame->left == 0) {
        size_t n = wanted - frame->word_len < len ? wanted - frame->word_len : len;
        memcpy(frame->word + frame->word_len, data, n);
        frame->word_len = (uint8_t)(frame->word_len + n);
        *used = n;
        return frame->word_len == wanted ? rpc_frame_number(frame) : 0;
    }
    size_t n = frame->left < len ? frame->left : len;
    int err = rpc_frame_reserve(frame, n);
    if (err)
        return err;
    memcpy(frame->block->data + frame->len, data, n);
    frame->len += n;
    frame->left -= (uint32_t)n;
    *used = n;
    return frame->left == 0 && frame->parts == 0;
}

int rpc_frame_feed(struct rpc_frame *frame, const uint8_t *data, size_t len, size_t *used)
{
    int status = 0;
    for (*used = 0; *used < len && status == 0;) {
        size_t step = 0;
        status = rpc_frame_step(frame, data + *used, len - *used, &step);
        *used += step;
    }
    ASSERT(*used <= len);
    return status;
}

bool rpc_frame_is_begun(const struct rpc_frame *frame)
{
    ASSERT(frame->left == 0 || frame->framing == RPC_FRAMING_THRIFT || frame->begun);
    return frame->begun || frame->word_len > 0 || frame->left > 0;
}

struct block *rpc_frame_take(struct rpc_frame *frame, size_t *len)
{
    struct block *block = frame->block;
    ASSERT(frame->left == 0);
    size_t owed = frame->owed + (block ? block->cap : 0);
    if (!block)
        block = block_new(1); /* a frame without a byte */
    ASSERT(block);
    *len = frame->len;
    rpc_frame_init(frame, frame->framing, frame->budget);
    frame->owed = owed;
    return block;
}

size_t rpc_frame_begin(enum rpc_framing framing, struct buf *out)
{
    static const uint8_t zeros[RPC_AVRO_HEAD];
    size_t begun = out->len;
    buf_put(out, zeros, framing == RPC_FRAMING_AVRO ? RPC_AVRO_HEAD : RPC_THRIFT_HEAD);
    return begun;
}

void rpc_frame_end(enum rpc_framing framing, uint32_t serial, size_t begun, struct buf *out)
{
    size_t head = framing == RPC_FRAMING_AVRO ? RPC_AVRO_HEAD : RPC_THRIFT_HEAD;
    uint8_t *at = out->data + begun;
    ASSERT(out->len >= begun + head);
    ASSERT(out->len - begun - head <= INT32_MAX);
    if (framing == RPC_FRAMING_AVRO) {
        bytes_put_u32(at, serial);
        bytes_put_u32(at + 4, 1);
    }
    bytes_put_u32(at + head - 4, (uint32_t)(out->len - begun - head));
}
