/* The deflate compression of Flume's avro source and sink: each direction of a connection is one
 * zlib stream, flushed behind each frame. */
#ifndef AGENT_RPC_ZIP_H
#define AGENT_RPC_ZIP_H

#include "base/buf.h"

struct rpc_zip;

/* `level` is zlib's, 0 to 9. It is small: what zlib needs is made when the first bytes come, so
 * that a peer that only connects costs nothing. */
struct rpc_zip *rpc_zip_new(int level);
void rpc_zip_free(struct rpc_zip *zip); /* NULL is taken */
/* Unpacks as much of `len` bytes as `room` has space for: *used of them were taken, and *made came
 * out. It has to be called again while it fills the room. ERR_MALFORMED, ERR_NO_MEMORY, ERR_EOF:
 * the stream ends. */
int rpc_zip_unpack(struct rpc_zip *zip, const uint8_t *data, size_t len, size_t *used, uint8_t *to,
                   size_t room, size_t *made) MUST_CHECK;
/* Appends the bytes packed, whole. ERR_NO_MEMORY. */
int rpc_zip_pack(struct rpc_zip *zip, const void *data, size_t len, struct buf *out) MUST_CHECK;

#endif
