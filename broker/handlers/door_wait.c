/* Happy path: there is metadata, and the handler runs at once. Failure modes: none comes, then the
 * handler tells what is known all the same; the node stops, then the connection is closed. */
#include "broker/handlers/door_wait.h"

#include "base/err.h"
#include "base/mem.h"
#include "broker/broker.h"
#include "broker/cluster/metadata.h"

struct door_wait {
    struct metadata_wait wait;
    struct request *request;
    void (*handle)(struct request *request);
};

static void door_waited(struct metadata_wait *wait, int err)
{
    struct door_wait *waiting = CONTAINER_OF(wait, struct door_wait, wait);
    struct request *request = waiting->request;
    void (*handle)(struct request * request) = waiting->handle;
    mem_free(waiting);
    if (err == ERR_BROKER_NOT_AVAILABLE)
        request_fail(request, err, "finds this node stopping");
    else
        handle(request);
}

void door_wait(struct request *request, void (*handle)(struct request *request))
{
    struct metadata *metadata = request->broker->metadata;
    ASSERT(request->broker->at_controller);
    if (metadata_index(metadata) > 0) {
        handle(request);
        return;
    }
    struct door_wait *waiting = mem_alloc(sizeof(*waiting));
    waiting->request = request;
    waiting->handle = handle;
    metadata_wait(metadata, &waiting->wait, 1, DOOR_WAIT_MS, door_waited);
}
