/* The topics of coordinators: a row for each says by which settings it is made. Failure modes: it
 * can't be created in time, or has too few brokers; who asked finds none, and clients try again. */
#include "broker/handlers/coordinator_topic.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/group/group_manager.h"
#include "broker/handlers/nodes.h"
#include "broker/handlers/origin.h"
#include "broker/txn/txn_manager.h"

enum {
    COORDINATOR_TOPIC_CREATE_MS = 10000, /* clients ask again after 30 s */
    COORDINATOR_TOPIC_NO_SETTING = -1,
    COORDINATOR_ALONE_MS = 10000 /* nodes that are started together have come by then */
};

static const struct {
    const char *name;
    enum config_id partitions, replicas, segment_bytes;
    int min_isr; /* a setting; COORDINATOR_TOPIC_NO_SETTING: as other topics */
    /* A number that was set holds: the topic is made when so many brokers are known, as in Kafka.
     * Of one that nobody has set, fewer brokers make it fewer, down to this number while others may
     * still come. Kafka refuses that too; but offsets on one broker are better than none for who
     * tries things out. */
    int least_early;
} coordinator_topics[] = {
    [COORDINATOR_TOPIC_GROUPS] = {GROUP_OFFSETS_TOPIC, CONFIG_OFFSETS_TOPIC_NUM_PARTITIONS,
                                  CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR,
                                  CONFIG_OFFSETS_TOPIC_SEGMENT_BYTES, COORDINATOR_TOPIC_NO_SETTING,
                                  1},
    [COORDINATOR_TOPIC_TRANSACTIONS] = {TXN_STATE_TOPIC,
                                        CONFIG_TRANSACTION_STATE_LOG_NUM_PARTITIONS,
                                        CONFIG_TRANSACTION_STATE_LOG_REPLICATION_FACTOR,
                                        CONFIG_TRANSACTION_STATE_LOG_SEGMENT_BYTES,
                                        CONFIG_TRANSACTION_STATE_LOG_MIN_ISR, INT16_MAX},
};

struct topic_wait {
    struct request *request;
    enum coordinator_topic which;
    int32_t replicas;
    void (*then)(struct request *request);
};

const char *coordinator_topic_name(enum coordinator_topic which)
{
    ASSERT(which < ARRAY_LEN(coordinator_topics));
    return coordinator_topics[which].name;
}

const struct image_topic *coordinator_topic_find(const struct request *request,
                                                 enum coordinator_topic which)
{
    const char *name = coordinator_topics[which].name;
    ASSERT(which < ARRAY_LEN(coordinator_topics));
    return image_topic_by_name(nodes_image(request), name, strlen(name));
}

static void topic_created(void *data, int err, const int *errors)
{
    struct topic_wait *wait = data;
    ASSERT(wait->then != NULL);
    ASSERT(err <= 0);
    if (err || errors[0])
        request_warn(wait->request, "%s could not be created: %s",
                     coordinator_topics[wait->which].name, err_text(err ? err : errors[0]));
    wait->then(wait->request);
}

static int32_t topic_wanted(const struct request *request, enum coordinator_topic which)
{
    ASSERT(which < ARRAY_LEN(coordinator_topics));
    return (int32_t)config_int(request->broker->config, coordinator_topics[which].replicas);
}

/* As the controller counts: also those that are fenced now, which get replicas as well. */
static int32_t topic_brokers(const struct request *request)
{
    int32_t registered = 0;
    size_t cursor = 0;
    while (image_next_broker(nodes_image(request), &cursor))
        registered++;
    return registered;
}

/* How many it gets now; 0: it is not made yet. A broker that has been the only one for a while is
 * one that somebody runs alone. */
static int32_t topic_replicas(const struct request *request, enum coordinator_topic which)
{
    const struct broker *broker = request->broker;
    int32_t wanted = topic_wanted(request, which), known = topic_brokers(request);
    int64_t runs_us = env_now_us(broker->env) - broker->started_us;
    bool alone = known == 1 && runs_us >= (int64_t)COORDINATOR_ALONE_MS * 1000;
    if (known >= wanted)
        return wanted;
    if (config_is_set(broker->config, coordinator_topics[which].replicas))
        return 0;
    return alone || known >= coordinator_topics[which].least_early ? known : 0;
}

static void topic_create(struct request *request, struct topic_wait *wait)
{
    const struct config *config = request->broker->config;
    enum coordinator_topic which = wait->which;
    int64_t size = config_int(config, coordinator_topics[which].segment_bytes);
    bool small = size < config_row(CONFIG_LOG_SEGMENT_BYTES)->min; /* no topic may have so little */
    int32_t replicas = wait->replicas;
    char segment_bytes[24], min_isr[12];
    ASSERT(wait->replicas > 0);
    ASSERT(which < ARRAY_LEN(coordinator_topics));
    snprintf(segment_bytes, sizeof(segment_bytes), "%lld", (long long)size);
    struct command_setting settings[] = {
        {"cleanup.policy", "compact"},
        {"compression.type", "producer"},
        {small ? "internal.segment.bytes" : "segment.bytes", segment_bytes},
        {"min.insync.replicas", min_isr}};
    size_t count = ARRAY_LEN(settings);
    if (coordinator_topics[which].min_isr == COORDINATOR_TOPIC_NO_SETTING) {
        count--;
    } else {
        int64_t least = config_int(config, (enum config_id)coordinator_topics[which].min_isr);
        snprintf(min_isr, sizeof(min_isr), "%d", least < replicas ? (int)least : (int)replicas);
    }
    const struct command_topic topic = {
        .name = coordinator_topics[which].name,
        .partitions = (int32_t)config_int(config, coordinator_topics[which].partitions),
        .replication_factor = replicas,
        .settings = settings,
        .setting_count = count};
    command_create_topics(request->broker->channel, origin_of(request), &topic, 1,
                          COORDINATOR_TOPIC_CREATE_MS, topic_created, wait);
}

void coordinator_topic_ensure(struct request *request, enum coordinator_topic which,
                              void (*then)(struct request *request))
{
    if (coordinator_topic_find(request, which)) {
        then(request);
        return;
    }
    int32_t replicas = topic_replicas(request, which);
    if (replicas == 0) {
        request_warn(request, "%s is not created: %s=%d takes as many brokers",
                     coordinator_topics[which].name,
                     config_row(coordinator_topics[which].replicas)->name,
                     topic_wanted(request, which));
        then(request);
        return;
    }
    struct topic_wait *wait = request_alloc(request, sizeof(*wait));
    if (!wait)
        return;
    *wait =
        (struct topic_wait){.request = request, .which = which, .replicas = replicas, .then = then};
    topic_create(request, wait);
}
