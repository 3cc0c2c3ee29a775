/* Walks the batches of a segment file in order, reading ahead in blocks. */
#ifndef BROKER_LOG_BATCH_SCAN_H
#define BROKER_LOG_BATCH_SCAN_H

#include "kafka/batch.h"
#include "env/env.h"

struct batch_scan {
    struct env_file *file;
    uint64_t next;      /* where the next batch starts */
    uint64_t limit;     /* the end of the file, or of what is wanted */
    uint64_t position;  /* of the current batch */
    struct batch batch; /* the current batch; its bytes are NULL before batch_scan_body */
    uint8_t *buffer;
    size_t cap;
    uint64_t buffer_at; /* file position of buffer[0] */
    size_t buffer_len;
    uint64_t kept_at; /* file position of what batch_scan_rewrite took, still in the buffer */
    size_t kept_len;
    bool now; /* set after init: what would wait for the disk is ERR_AGAIN */
};

/* `block` is the read-ahead: small where batches are skipped, large where all bytes are looked at.
 */
void batch_scan_init(struct batch_scan *scan, struct env_file *file, uint64_t from, uint64_t limit,
                     size_t block);
void batch_scan_close(struct batch_scan *scan);
/* 1 and the header of the next batch; 0 at the limit; ERR_CORRUPT for what is no batch or reaches
 * past the limit (`position` says where); ERR_IO. */
int batch_scan_next(struct batch_scan *scan) MUST_CHECK;
/* Brings the whole current batch into batch.bytes, valid until the next call. ERR_IO,
 * ERR_NO_MEMORY. */
int batch_scan_body(struct batch_scan *scan) MUST_CHECK;
/* The current batch, whose body was brought, is to be written to its place once more: the very
 * bytes that were looked at, in large pieces, the last of them by batch_scan_flush. ERR_IO, ... */
int batch_scan_rewrite(struct batch_scan *scan) MUST_CHECK;
int batch_scan_flush(struct batch_scan *scan) MUST_CHECK;

#endif
