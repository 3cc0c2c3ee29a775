/* What a table of APIs is. Who builds a server gives it one (broker/handlers/handlers.h has that of
 * the broker); dispatch, ApiVersions and the trace of requests read its rows. Names and layouts are
 * those of kafka/api.h. */
#ifndef BROKER_NET_API_TABLE_H
#define BROKER_NET_API_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kafka/acl.h"
#include "kafka/api.h"

struct request;

struct api_row {
    int16_t key;
    int16_t version_min, version_max; /* that are served, of those that kafka/api.h knows */
    bool knows; /* may say that something is not there: waits until the cluster is known */
    void (*handle)(struct request *request); /* NULL: not served */
    enum acl_operation operation; /* what has to be granted, and on what: the main one, */
    enum acl_resource resource;   /* where Kafka asks for several */
};

struct api_table {
    const struct api_row *rows; /* by key, from 0 on */
    int16_t end;                /* so many; keys beyond are not served */
    /* What a request of a row that `knows` goes through: calls `handle`, now or once it may. */
    void (*known)(struct request *request, void (*handle)(struct request *request));
};

/* NULL for an API that is not served. */
const struct api_row *api_table_find(const struct api_table *table, int16_t key);
/* Walk: start with *cursor = 0; NULL at the end. By rising key. */
const struct api_row *api_table_next(const struct api_table *table, size_t *cursor);
void api_table_handle(const struct api_table *table, const struct api_row *row,
                      struct request *request);

#endif
