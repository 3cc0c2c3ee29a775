/* Happy path: the listener is named as this node's own settings name that of controllers. Failure
 * modes: none; what is refused is said by who asks here. */
#include "broker/handlers/raft_voter.h"

#include <strings.h>

#include "broker/broker.h"
#include "config/config.h"

bool raft_voter_is_listener(const struct request *request, struct wire_str name)
{
    size_t len;
    const char *own = config_controller_name(request->broker->config, &len);
    ASSERT(len > 0);
    return !wire_str_is_null(name) && (size_t)name.len == len &&
           strncasecmp(name.data, own, len) == 0;
}

const char *raft_voter_say_no_listener(struct request *request)
{
    struct buf text;
    size_t len;
    const char *own = config_controller_name(request->broker->config, &len);
    buf_init(&text);
    buf_printf(&text,
               "The request names no listener %.*s of the voter, by which controllers reach it.",
               (int)len, own);
    const char *kept = arena_strndup(&request->arena, buf_text(&text), text.len);
    buf_close(&text);
    return kept;
}

bool raft_voter_is_no_cluster(struct wire_str cluster_id)
{
    return !wire_str_is_null(cluster_id) && cluster_id.len == 0;
}
