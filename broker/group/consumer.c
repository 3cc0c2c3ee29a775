#include "broker/group/consumer.h"
void consumer_free(struct consumer *consumer)
{
    mem_free(consumer);
}
bool consumer_is_empty(const struct consumer *consumer)
{
    (void)consumer;
    return true;
}
bool consumer_is_subscribed(const struct consumer *consumer, struct wire_str topic)
{
    (void)consumer;
    (void)topic;
    return false;
}
void consumer_put_tombstones(struct consumer *consumer, struct records *records)
{
    (void)consumer;
    (void)records;
}
#include "base/err.h"
int consumer_check_commit(struct consumer *consumer, struct wire_str member_id,
                          struct wire_str instance_id, int32_t epoch, int16_t version)
{
    (void)consumer;
    (void)member_id;
    (void)instance_id;
    (void)epoch;
    (void)version;
    return ERR_UNKNOWN_MEMBER_ID;
}
int consumer_check_fetch(struct consumer *consumer, struct wire_str member_id, int32_t epoch)
{
    (void)consumer;
    (void)member_id;
    (void)epoch;
    return ERR_UNKNOWN_MEMBER_ID;
}
int64_t consumer_empty_since_ms(const struct consumer *consumer)
{
    (void)consumer;
    return -1;
}
void consumer_classic_join(struct consumer *consumer, struct group_join *join)
{
    (void)consumer;
    (void)join;
}
void consumer_classic_sync(struct consumer *consumer, struct group_sync *sync)
{
    (void)consumer;
    (void)sync;
}
int consumer_classic_heartbeat(struct consumer *consumer, const struct heartbeat_request *request)
{
    (void)consumer;
    (void)request;
    return 0;
}
void consumer_classic_leave(struct consumer *consumer, struct group_leave *leave)
{
    (void)consumer;
    (void)leave;
}
const char *consumer_state_name(const struct consumer *consumer)
{
    (void)consumer;
    return "Empty";
}
void group_manager_consumer_heartbeat(struct group_manager *manager,
                                      struct group_consumer_heartbeat *heartbeat)
{
    (void)manager;
    heartbeat->done(heartbeat);
}
