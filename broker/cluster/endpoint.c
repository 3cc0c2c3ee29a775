/* Where brokers reach each other: a look at the metadata. */
#include "broker/cluster/endpoint.h"

#include <string.h>

const struct image_endpoint *endpoint_of_broker(const struct image *image,
                                                const struct config *config, int32_t id)
{
    const struct image_broker *broker = image_broker(image, id);
    if (!broker || broker->endpoint_count == 0)
        return NULL;
    const char *name = config_inter_broker_listener(config)->name;
    for (size_t i = 0; i < broker->endpoint_count; i++)
        if (strcmp(broker->endpoints[i].listener, name) == 0)
            return &broker->endpoints[i];
    return &broker->endpoints[0];
}
