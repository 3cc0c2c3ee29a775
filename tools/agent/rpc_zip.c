/* Happy path: zlib does it. Failure modes: bytes that are no zlib stream; memory. */
#include "tools/agent/rpc_zip.h"

#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"

struct rpc_zip {
    z_stream in;
    z_stream out;
    int level;
    bool unpacks, packs; /* what the streams need is there, a quarter of a megabyte to pack */
};

enum { RPC_ZIP_STEP = 16 * 1024 };

static void *rpc_zip_alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return mem_try_alloc((size_t)count * size);
}

static void rpc_zip_release(void *opaque, void *pointer)
{
    (void)opaque;
    mem_free(pointer);
}

struct rpc_zip *rpc_zip_new(int level)
{
    struct rpc_zip *zip = mem_alloc(sizeof(*zip));
    ASSERT(level >= 0 && level <= 9);
    zip->in = (z_stream){.zalloc = rpc_zip_alloc, .zfree = rpc_zip_release};
    zip->out = zip->in;
    zip->level = level;
    return zip;
}

void rpc_zip_free(struct rpc_zip *zip)
{
    if (!zip)
        return;
    if (zip->unpacks)
        inflateEnd(&zip->in);
    if (zip->packs)
        deflateEnd(&zip->out);
    mem_free(zip);
}

int rpc_zip_unpack(struct rpc_zip *zip, const uint8_t *data, size_t len, size_t *used, uint8_t *to,
                   size_t room, size_t *made)
{
    ASSERT(room > 0);
    *used = *made = 0;
    if (len == 0 && !zip->unpacks)
        return 0;
    if (!zip->unpacks && inflateInit(&zip->in) != Z_OK)
        return ERR_NO_MEMORY;
    zip->unpacks = true;
    zip->in.next_in = (z_const Bytef *)(uintptr_t)data;
    zip->in.avail_in = (uInt)len;
    zip->in.next_out = to;
    zip->in.avail_out = (uInt)room;
    int code = inflate(&zip->in, Z_SYNC_FLUSH);
    *used = len - zip->in.avail_in;
    *made = room - zip->in.avail_out;
    if (code == Z_STREAM_END)
        return *made > 0 ? 0 : ERR_EOF;
    return code == Z_OK || code == Z_BUF_ERROR ? 0 : ERR_MALFORMED;
}

int rpc_zip_pack(struct rpc_zip *zip, const void *data, size_t len, struct buf *out)
{
    if (!zip->packs && deflateInit(&zip->out, zip->level) != Z_OK)
        return ERR_NO_MEMORY;
    zip->packs = true;
    zip->out.next_in = (z_const Bytef *)(uintptr_t)data;
    zip->out.avail_in = (uInt)len;
    do {
        int err = buf_reserve(out, RPC_ZIP_STEP);
        if (err)
            return err;
        zip->out.next_out = out->data + out->len;
        zip->out.avail_out = RPC_ZIP_STEP;
        int code = deflate(&zip->out, Z_SYNC_FLUSH);
        ASSERT(code == Z_OK || code == Z_BUF_ERROR);
        out->len += RPC_ZIP_STEP - zip->out.avail_out;
    } while (zip->out.avail_out == 0);
    ASSERT(zip->out.avail_in == 0);
    return 0;
}
