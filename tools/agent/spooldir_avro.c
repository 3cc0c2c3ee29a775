/* Happy path: the first read takes the header, each read one block; its records are slices of it.
 * Failure modes: damage ends the file where it is, with what is in front of it sent; a position
 * that is behind no sync marker, as one that another deserializer left, begins at the start. */
#include "tools/agent/spooldir_avro.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tools/agent/avro_file.h"

struct spooldir_avro {
    struct env_work work;
    struct env *env;
    struct env_file *file;
    struct headers *headers;
    bool literal, described; /* which header says the schema; whether it is there */
    bool busy, from_start;
    void (*done)(void *data);
    void *data; /* NULL = nobody waits any more */
    struct avro_file avro;
    struct avro_file_records records;
    size_t at;      /* records that were handed out */
    uint64_t start; /* of the block that has them */
    uint64_t next;  /* behind it */
    int err;        /* of the last read */
    const char *why;
};

struct spooldir_avro *spooldir_avro_new(struct env *env, struct env_file *file, uint64_t pos,
                                        struct headers *headers, bool literal,
                                        void (*done)(void *data), void *data)
{
    struct spooldir_avro *avro = mem_alloc(sizeof(*avro));
    ASSERT(data);
    avro->env = env;
    avro->file = file;
    avro->next = pos;
    avro->headers = headers_ref(headers);
    avro->literal = literal;
    avro->done = done;
    avro->data = data;
    return avro;
}

void spooldir_avro_free(struct spooldir_avro *avro)
{
    if (!avro)
        return;
    avro->data = NULL;
    if (avro->busy) /* it is freed behind that */
        return;
    env_file_close(avro->file);
    headers_unref(avro->headers);
    avro_file_records_close(&avro->records);
    avro_file_close(&avro->avro);
    mem_free(avro);
}

/* ---- on the worker pool ---- */

/* So many bytes from there, or ERR_EOF when the file has fewer. */
static int spooldir_avro_get(struct spooldir_avro *avro, uint64_t offset, void *to, size_t len)
{
    ssize_t got = env_file_read(avro->file, to, len, offset);
    if (got < 0)
        return (int)got;
    return (size_t)got == len ? 0 : ERR_EOF;
}

static int spooldir_avro_seek(struct spooldir_avro *avro)
{
    uint8_t sync[AVRO_FILE_SYNC];
    uint64_t pos = avro->next, first = avro->avro.header_len;
    avro->next = first;
    if (pos == 0)
        return 0;
    int err =
        pos < first ? ERR_EOF : spooldir_avro_get(avro, pos - AVRO_FILE_SYNC, sync, sizeof(sync));
    if (err && err != ERR_EOF) {
        avro->next = pos; /* the next read tries again */
        return err;
    }
    if (!err && memcmp(sync, avro->avro.sync, sizeof(sync)) == 0)
        avro->next = pos;
    else
        avro->from_start = true;
    return 0;
}

static int spooldir_avro_open(struct spooldir_avro *avro)
{
    int64_t size = env_file_size(avro->file);
    if (size < 0)
        return (int)size;
    size_t len = size < AVRO_FILE_HEADER_MAX ? (size_t)size : AVRO_FILE_HEADER_MAX;
    uint8_t *data = mem_try_alloc(len + 1);
    if (!data)
        return ERR_NO_MEMORY;
    ssize_t got = env_file_read(avro->file, data, len, 0);
    int err =
        got < 0 ? (int)got : avro_file_read_header(&avro->avro, data, (size_t)got, &avro->why);
    mem_free(data);
    if (err)
        return err;
    err = spooldir_avro_seek(avro);
    if (err)
        avro_file_close(&avro->avro);
    return err;
}

/* Its length is compared with the file's before there is memory for it. */
static int spooldir_avro_block(struct spooldir_avro *avro)
{
    uint8_t bytes[AVRO_FILE_HEAD_MAX];
    struct avro_file_head head;
    int64_t size = env_file_size(avro->file);
    if (size < 0)
        return (int)size;
    ssize_t got = env_file_read(avro->file, bytes, sizeof(bytes), avro->next);
    if (got <= 0)
        return got < 0 ? (int)got : ERR_EOF;
    int err = avro_file_read_head(bytes, (size_t)got, &head, &avro->why);
    if (err)
        return err;
    uint64_t data = avro->next + head.head_len, end = data + head.len + AVRO_FILE_SYNC;
    avro->why = "it ends in the middle of a block";
    if (end > (uint64_t)size)
        return ERR_CORRUPT;
    struct block *packed = block_new(head.len + AVRO_FILE_SYNC);
    if (!packed)
        return ERR_NO_MEMORY;
    err = spooldir_avro_get(avro, data, packed->data, packed->cap);
    if (!err)
        err = avro_file_read_records(&avro->avro, &head, packed, &avro->records, &avro->why);
    else if (err == ERR_EOF) /* it was cut meanwhile */
        err = ERR_CORRUPT;
    block_unref(packed);
    if (err)
        return err;
    avro->start = avro->next;
    avro->next = end;
    return 0;
}

static void spooldir_avro_run(struct env_work *work)
{
    struct spooldir_avro *avro = CONTAINER_OF(work, struct spooldir_avro, work);
    avro->err = avro->avro.schema ? 0 : spooldir_avro_open(avro);
    if (!avro->err)
        avro->err = spooldir_avro_block(avro);
}

/* ---- on the loop ---- */

static void spooldir_avro_add_schema(struct spooldir_avro *avro)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t hash = avro_schema_fingerprint(avro->avro.schema);
    char hex[2 * sizeof(hash) + 1] = {0};
    for (size_t i = 0; i < sizeof(hash); i++, hash >>= 8) { /* its low byte first */
        hex[2 * i] = digits[hash >> 4 & 15];
        hex[2 * i + 1] = digits[hash & 15];
    }
    struct headers *base = avro->headers;
    avro->headers = avro->literal ? headers_set(base, "flume.avro.schema.literal", avro->avro.text,
                                                avro->avro.text_len)
                                  : headers_set(base, "flume.avro.schema.hash", hex, strlen(hex));
    headers_unref(base);
    avro->described = true;
}

static void spooldir_avro_ended(struct env_work *work)
{
    struct spooldir_avro *avro = CONTAINER_OF(work, struct spooldir_avro, work);
    avro->busy = false;
    if (avro->data)
        avro->done(avro->data);
    else
        spooldir_avro_free(avro);
}

void spooldir_avro_read(struct spooldir_avro *avro)
{
    ASSERT(!avro->busy);
    ASSERT(avro->at == avro->records.count);
    avro_file_records_close(&avro->records);
    avro->at = 0;
    avro->from_start = false;
    avro->busy = true;
    env_work_submit(avro->env, &avro->work, spooldir_avro_run, spooldir_avro_ended);
}

bool spooldir_avro_is_busy(const struct spooldir_avro *avro)
{
    return avro->busy;
}

bool spooldir_avro_next(struct spooldir_avro *avro, struct event *event)
{
    struct avro_file_records *records = &avro->records;
    ASSERT(!avro->busy);
    if (avro->at == records->count)
        return false;
    if (!avro->described)
        spooldir_avro_add_schema(avro);
    uint32_t from = avro->at > 0 ? records->ends[avro->at - 1] : 0, end = records->ends[avro->at];
    ASSERT(from <= end);
    *event = (struct event){.block = block_ref(records->block),
                            .headers = headers_ref(avro->headers),
                            .body = records->block->data + from,
                            .len = end - from};
    avro->at++;
    return true;
}

int spooldir_avro_status(const struct spooldir_avro *avro, const char **why)
{
    ASSERT(!avro->busy);
    *why = avro->why;
    return avro->err;
}

uint64_t spooldir_avro_pos(const struct spooldir_avro *avro)
{
    ASSERT(!avro->busy);
    return avro->at < avro->records.count ? avro->start : avro->next;
}

bool spooldir_avro_is_from_start(const struct spooldir_avro *avro)
{
    return avro->from_start;
}
