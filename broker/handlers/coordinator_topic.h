/* The topics that coordinators keep their state in: created when somebody needs one first. */
#ifndef BROKER_HANDLERS_COORDINATOR_TOPIC_H
#define BROKER_HANDLERS_COORDINATOR_TOPIC_H

#include "broker/net/request.h"
#include "meta/image.h"

enum coordinator_topic { COORDINATOR_TOPIC_GROUPS, COORDINATOR_TOPIC_TRANSACTIONS };

const char *coordinator_topic_name(enum coordinator_topic which);
/* NULL when it does not exist. */
const struct image_topic *coordinator_topic_find(const struct request *request,
                                                 enum coordinator_topic which);
/* Calls `then` when it exists: at once, or when it was created; also when that failed, or can't be
 * before more brokers come, which is logged. */
void coordinator_topic_ensure(struct request *request, enum coordinator_topic which,
                              void (*then)(struct request *request));

#endif
