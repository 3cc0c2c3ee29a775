/* Avro's files ("object container files"): a header with the schema, then blocks of records.
 * https://avro.apache.org/docs/1.11.1/specification/, "Object Container Files".
 *
 *     "Obj" 1, map of avro.schema and avro.codec, sync marker (16)
 *     block: records (long), bytes (long), that many bytes, packed by the codec, sync marker (16)
 *
 * Nothing here reads a file: the bytes are the caller's. What can't be read is ERR_CORRUPT, with a
 * sentence in `why` that goes on from the file's name. */
#ifndef AGENT_AVRO_FILE_H
#define AGENT_AVRO_FILE_H

#include "tools/agent/avro_schema.h"
#include "tools/agent/event.h"

enum {
    AVRO_FILE_SYNC = 16,
    AVRO_FILE_HEADER_MAX = AVRO_SCHEMA_MAX + (64 << 10), /* the schema, and what writers add */
    AVRO_FILE_HEAD_MAX = 20,                             /* the two numbers of a block */
    AVRO_FILE_BLOCK_MAX = 64 << 20,  /* bytes of a block, packed or not: it is held whole */
    AVRO_FILE_RECORDS_MAX = 16 << 20 /* of one block */
};

enum avro_file_codec {
    AVRO_FILE_NULL,
    AVRO_FILE_DEFLATE,
    AVRO_FILE_SNAPPY,
    AVRO_FILE_ZSTANDARD,
    AVRO_FILE_CODECS
};

struct avro_file {
    struct avro_schema *schema;
    char *text; /* the schema, as the file has it */
    size_t text_len;
    enum avro_file_codec codec;
    uint8_t sync[AVRO_FILE_SYNC];
    size_t header_len;
};

/* The first bytes of a file, AVRO_FILE_HEADER_MAX of them if it has so many. After an error there
 * is nothing to close. */
int avro_file_read_header(struct avro_file *avro, const uint8_t *data, size_t len,
                          const char **why) MUST_CHECK;
void avro_file_close(struct avro_file *avro);

struct avro_file_head {
    size_t records;
    size_t len;      /* of what follows, without the sync marker */
    size_t head_len; /* of the two numbers */
};

/* The first bytes of a block, AVRO_FILE_HEAD_MAX of them if there are so many. */
int avro_file_read_head(const uint8_t *data, size_t len, struct avro_file_head *head,
                        const char **why) MUST_CHECK;

/* The records of a block: the i-th ends at ends[i] of the block's bytes. */
struct avro_file_records {
    struct block *block; /* NULL = none */
    uint32_t *ends;
    size_t count;
};

/* `packed` has the head.len bytes and the sync marker behind them. ERR_NO_MEMORY as well; after an
 * error there is nothing to close. */
int avro_file_read_records(const struct avro_file *avro, const struct avro_file_head *head,
                           struct block *packed, struct avro_file_records *records,
                           const char **why) MUST_CHECK;
void avro_file_records_close(struct avro_file_records *records);

#endif
