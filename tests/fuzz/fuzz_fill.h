/* Requests with sensible values, made from the descriptors alone, so that a new API has its seeds.
 */
#ifndef TESTS_FUZZ_FILL_H
#define TESTS_FUZZ_FILL_H

#include "base/buf.h"
#include "base/uuid.h"
#include "fuzz.h"

struct kafka_api;

struct fuzz_fill {
    const char *topic; /* names of topics */
    struct uuid topic_id;
    const char *member_id; /* of a group; NULL = "" */
    int32_t generation;    /* of it, when there is a member id */
    int64_t offset;        /* of fetches and the like */
};

/* Appends header and body (no size) of the API in this version: one item in each array, numbers
 * that a client would send, one batch as records. */
void fuzz_fill_request(struct buf *out, const struct kafka_api *api, int16_t version,
                       const struct fuzz_fill *fill);

#endif
