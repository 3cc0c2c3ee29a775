/* Where brokers reach each other. */
#ifndef BROKER_CLUSTER_ENDPOINT_H
#define BROKER_CLUSTER_ENDPOINT_H

#include "config/config.h"
#include "meta/image.h"

/* The broker's address on the listener that brokers use among themselves (by the name that our
 * settings give it), else its first one. NULL when the cluster has no such broker. */
const struct image_endpoint *endpoint_of_broker(const struct image *image,
                                                const struct config *config, int32_t id);

#endif
