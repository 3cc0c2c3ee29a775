/* Frames of calls between agents, put together from what a connection has read.
 *
 * Avro's over Netty: a serial number, how many parts there are, and each part behind its length.
 * Thrift's: one part behind its length. All numbers have four bytes, big-endian. The payload is the
 * parts one behind the other, in one block, so that events can be slices of it. */
#ifndef AGENT_RPC_FRAME_H
#define AGENT_RPC_FRAME_H

#include "base/buf.h"
#include "base/mem.h"
#include "tools/agent/event.h"

enum rpc_framing { RPC_FRAMING_AVRO, RPC_FRAMING_THRIFT };

enum {
    RPC_FRAME_MAX =
        64 << 20, /* of a request; its payload, and as many parts as have 64 bytes each */
    RPC_PARTS_MAX = RPC_FRAME_MAX / 64
};

struct rpc_frame {
    enum rpc_framing framing;
    struct mem_budget *budget; /* pays for payloads until rpc_frame_settle; a frame has a share */
    struct block *block;       /* NULL = nothing of a payload has come */
    size_t len;                /* of the payload that has come */
    uint32_t serial;
    uint32_t parts; /* that are still to come, without the one that is being read */
    uint32_t left;  /* bytes of the part that is being read */
    uint8_t word[8];
    uint8_t word_len; /* bytes of a number that have come */
    bool begun;       /* serial and parts are known */
    size_t owed;      /* bytes of the budget for a payload that was handed over */
};

void rpc_frame_init(struct rpc_frame *frame, enum rpc_framing framing, struct mem_budget *budget);
void rpc_frame_close(struct rpc_frame *frame);
/* Takes bytes up to the end of a frame; *used says how many. 1 = it is whole; 0 = it goes on;
 * ERR_TOO_LARGE, ERR_NO_MEMORY: the frame can't be had, and the connection is of no use any
 * more. */
int rpc_frame_feed(struct rpc_frame *frame, const uint8_t *data, size_t len,
                   size_t *used) MUST_CHECK;
/* A part of a frame has come, and the rest has not. */
bool rpc_frame_is_begun(const struct rpc_frame *frame);
/* The payload of a whole frame, with a reference; the next frame may be fed. The budget goes on
 * paying for it. */
struct block *rpc_frame_take(struct rpc_frame *frame, size_t *len);
/* What was taken is dealt with: the budget has its bytes back. */
void rpc_frame_settle(struct rpc_frame *frame);

/* ---- sending ---- */

/* Room for what stands in front of a payload; returns where. rpc_frame_end fills it in. */
size_t rpc_frame_begin(enum rpc_framing framing, struct buf *out);
void rpc_frame_end(enum rpc_framing framing, uint32_t serial, size_t begun, struct buf *out);

#endif
