/* The table of APIs that this broker serves. Dispatch and ApiVersions read these rows; names and
 * versions are those of kafka/api.h. */
#ifndef BROKER_NET_API_TABLE_H
#define BROKER_NET_API_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kafka/api.h"

struct request;

struct api_row {
    int16_t key;
    bool knows; /* may say that something is not there: waits until the cluster is known */
    void (*handle)(struct request *request);
};

/* NULL for an API that is not served. */
const struct api_row *api_table_find(int16_t key);
/* Walk: start with *cursor = 0; NULL at the end. By rising key. */
const struct api_row *api_table_next(size_t *cursor);
void api_table_handle(const struct api_row *row, struct request *request);

#endif
