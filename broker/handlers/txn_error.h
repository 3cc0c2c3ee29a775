/* Errors of the transaction coordinator as versions of its APIs know them. */
#ifndef BROKER_HANDLERS_TXN_ERROR_H
#define BROKER_HANDLERS_TXN_ERROR_H

#include <stdint.h>

#include "base/err.h"

enum { TXN_ERROR_FENCED_VERSION = 2 }; /* of all but InitProducerId (KIP-588) */

/* A producer of an older epoch is PRODUCER_FENCED for who knows that, else
 * INVALID_PRODUCER_EPOCH. */
static inline int txn_error_fenced(int err, bool known)
{
    return err == ERR_PRODUCER_FENCED && !known ? ERR_INVALID_PRODUCER_EPOCH : err;
}

/* Of AddPartitionsToTxn, AddOffsetsToTxn and EndTxn. */
static inline int txn_error_for(int err, int16_t version)
{
    return txn_error_fenced(err, version >= TXN_ERROR_FENCED_VERSION);
}

#endif
