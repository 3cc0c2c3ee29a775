/* Happy path: the cluster is known, and the handler runs at once. Else each change of the metadata
 * is a reason to look again. */
#include "broker/handlers/known.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/mutation.h"
#include "broker/broker.h"
#include "broker/cluster/metadata.h"
#include "broker/handlers/nodes.h"
#include "broker/replica/replica_manager.h"

struct known_wait {
    struct metadata_wait wait;
    struct request *request;
    void (*handle)(struct request *request);
};

/* Metadata that names no broker makes librdkafka forget all that it knew, and it may never find one
 * again. */
bool known_cluster(const struct request *request)
{
    if (MUTATION(ANSWERS_OF_A_START))
        return true;
    if (request->broker->at_controller) /* it begins with a snapshot of all that is committed */
        return metadata_index(request->broker->metadata) > 0;
    if (!replica_manager_is_current(request->broker->replicas))
        return false;
    const struct image_broker *broker;
    size_t cursor = 0;
    while ((broker = image_next_broker(nodes_image(request), &cursor)))
        if (nodes_endpoint(request, broker))
            return true;
    return false;
}

static void known_changed(struct metadata_wait *wait, int err)
{
    struct known_wait *known = CONTAINER_OF(wait, struct known_wait, wait);
    struct request *request = known->request;
    void (*handle)(struct request * request) = known->handle;
    mem_free(known);
    if (err == ERR_BROKER_NOT_AVAILABLE)
        request_fail(request, err, "finds this broker stopping");
    else if (err)
        request_fail(request, ERR_BROKER_NOT_AVAILABLE, "can't be answered without a controller");
    else
        known_handle(request, handle);
}

void known_handle(struct request *request, void (*handle)(struct request *request))
{
    if (known_cluster(request)) {
        handle(request);
        return;
    }
    struct known_wait *known = mem_alloc(sizeof(*known));
    struct metadata *metadata = request->broker->metadata;
    known->request = request;
    known->handle = handle;
    metadata_wait(metadata, &known->wait, metadata_index(metadata) + 1, KNOWN_WAIT_MS,
                  known_changed);
}
