/* Encoding and checking of Raft's files. Failure modes: anything that is not exactly as written is
 * no record. */
#include "controller/raft_store_record.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/mem.h"

char *raft_store_path(const struct raft_store *store, const char *name)
{
    return mem_printf("%s/%s", store->dir, name);
}

char *raft_store_segment_path(const struct raft_store *store, uint64_t number)
{
    return mem_printf("%s/log-%020llu", store->dir, (unsigned long long)number);
}

size_t raft_store_record_size(size_t len)
{
    ASSERT(len <= SIZE_MAX - RAFT_STORE_HEAD - 8);
    return (RAFT_STORE_HEAD + len + 7) & ~(size_t)7;
}

int raft_store_record_put(struct buf *out, const struct raft_store_record *record)
{
    size_t size = raft_store_record_size(record->len);
    int err = buf_reserve(out, size);
    ASSERT(record->len <= UINT32_MAX);
    ASSERT(record->len == 0 || record->data != NULL);
    ASSERT(record->kind >= RAFT_STORE_SEGMENT);
    ASSERT(record->kind <= RAFT_STORE_VOID);
    if (err)
        return err;
    ASSERT(size % 8 == 0);
    ASSERT(size >= RAFT_STORE_HEAD + record->len);
    uint8_t *at = out->data + out->len;
    memset(at, 0, RAFT_STORE_HEAD);
    memset(at + size - 8, 0, 8);
    bytes_put_u32(at, RAFT_STORE_MAGIC);
    bytes_put_u32(at + 8, (uint32_t)record->len);
    at[12] = (uint8_t)record->kind;
    at[13] = record->type;
    bytes_put_u64(at + 16, record->position);
    bytes_put_u64(at + 24, record->durable);
    bytes_put_u64(at + 32, record->index);
    bytes_put_u64(at + 40, record->term);
    if (record->len)
        memcpy(at + RAFT_STORE_HEAD, record->data, record->len);
    bytes_put_u32(at + 4, crc32c(0, at + 8, RAFT_STORE_HEAD - 8 + record->len));
    out->len += size;
    ASSERT(out->len <= out->cap);
    return 0;
}

bool raft_store_record_get(const uint8_t *bytes, size_t len, size_t offset,
                           struct raft_store_record *record)
{
    if (offset > len || len - offset < RAFT_STORE_HEAD)
        return false;
    const uint8_t *at = bytes + offset;
    size_t data_len = bytes_get_u32(at + 8);
    if (bytes_get_u32(at) != RAFT_STORE_MAGIC || data_len > len - offset - RAFT_STORE_HEAD)
        return false;
    if (bytes_get_u32(at + 4) != crc32c(0, at + 8, RAFT_STORE_HEAD - 8 + data_len))
        return false;
    if (at[12] < RAFT_STORE_SEGMENT || at[12] > RAFT_STORE_VOID)
        return false;
    *record = (struct raft_store_record){
        .kind = at[12],
        .type = at[13],
        .position = bytes_get_u64(at + 16),
        .durable = bytes_get_u64(at + 24),
        .index = bytes_get_u64(at + 32),
        .term = bytes_get_u64(at + 40),
        .data = at + RAFT_STORE_HEAD,
        .len = data_len,
    };
    return true;
}

int raft_store_snapshot_put(struct buf *out, const struct raft_store_snapshot *snapshot)
{
    int err = buf_reserve(out, RAFT_STORE_HEAD + snapshot->conf_len + snapshot->data_len);
    ASSERT(snapshot->conf_len == 0 || snapshot->conf != NULL);
    ASSERT(snapshot->data_len == 0 || snapshot->data != NULL);
    if (err)
        return err;
    uint8_t *at = out->data + out->len;
    bytes_put_u32(at, RAFT_STORE_SNAPSHOT_MAGIC);
    bytes_put_u64(at + 8, snapshot->index);
    bytes_put_u64(at + 16, snapshot->term);
    bytes_put_u64(at + 24, snapshot->conf_index);
    bytes_put_u64(at + 32, snapshot->conf_len);
    bytes_put_u64(at + 40, snapshot->data_len);
    memcpy(at + RAFT_STORE_HEAD, snapshot->conf, snapshot->conf_len);
    if (snapshot->data_len)
        memcpy(at + RAFT_STORE_HEAD + snapshot->conf_len, snapshot->data, snapshot->data_len);
    size_t rest = RAFT_STORE_HEAD - 8 + snapshot->conf_len + snapshot->data_len;
    bytes_put_u32(at + 4, crc32c(0, at + 8, rest));
    out->len += 8 + rest;
    ASSERT(out->len <= out->cap);
    return 0;
}

bool raft_store_snapshot_get(const uint8_t *bytes, size_t len, struct raft_store_snapshot *snapshot)
{
    if (len < RAFT_STORE_HEAD || bytes_get_u32(bytes) != RAFT_STORE_SNAPSHOT_MAGIC ||
        bytes_get_u32(bytes + 4) != crc32c(0, bytes + 8, len - 8))
        return false;
    uint64_t conf_len = bytes_get_u64(bytes + 32), data_len = bytes_get_u64(bytes + 40);
    if (conf_len > len - RAFT_STORE_HEAD || data_len != len - RAFT_STORE_HEAD - conf_len)
        return false;
    *snapshot = (struct raft_store_snapshot){
        .index = bytes_get_u64(bytes + 8),
        .term = bytes_get_u64(bytes + 16),
        .conf_index = bytes_get_u64(bytes + 24),
        .conf = bytes + RAFT_STORE_HEAD,
        .conf_len = conf_len,
        .data = bytes + RAFT_STORE_HEAD + conf_len,
        .data_len = data_len,
    };
    return true;
}

void raft_store_vote_put(uint8_t slot[RAFT_STORE_VOTE_SIZE], uint64_t number, uint64_t term,
                         uint64_t vote)
{
    bytes_put_u32(slot, RAFT_STORE_VOTE_MAGIC);
    bytes_put_u64(slot + 8, number);
    bytes_put_u64(slot + 16, term);
    bytes_put_u64(slot + 24, vote);
    bytes_put_u32(slot + 4, crc32c(0, slot + 8, RAFT_STORE_VOTE_SIZE - 8));
}

bool raft_store_vote_get(const uint8_t slot[RAFT_STORE_VOTE_SIZE], uint64_t *number, uint64_t *term,
                         uint64_t *vote)
{
    if (bytes_get_u32(slot) != RAFT_STORE_VOTE_MAGIC ||
        bytes_get_u32(slot + 4) != crc32c(0, slot + 8, RAFT_STORE_VOTE_SIZE - 8))
        return false;
    *number = bytes_get_u64(slot + 8);
    *term = bytes_get_u64(slot + 16);
    *vote = bytes_get_u64(slot + 24);
    return true;
}
