/* Broker records. Happy path: register (fenced), unfence once it has caught up, stop, fence when
 * it is gone. Failure modes: a registration that breaks a rule is refused before anything is
 * emitted. */
#include "controller/brokers.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mutation.h"
#include "controller/elections.h"
#include "controller/isr.h"
#include "meta/features.h"
#include "meta/quota.h"

enum {
    BROKERS_ENDPOINTS_MAX = 32, /* listeners of one broker */
    BROKERS_LOG_DIRS_MAX = 256
};

static int check_request(struct decision *decision, const Meta__Register *request,
                         Meta__Registered *reply)
{
    const char *problem = NULL;
    if (request->broker_id < 0)
        problem = "the broker id is negative";
    else if (request->incarnation.len != sizeof(struct uuid))
        problem = "the incarnation id has not 16 bytes";
    else if (request->n_endpoints == 0 || request->n_endpoints > BROKERS_ENDPOINTS_MAX)
        problem = "a broker has 1 to 32 listeners";
    else if (request->n_log_dirs > BROKERS_LOG_DIRS_MAX)
        problem = "too many log directories";
    for (size_t i = 0; !problem && i < request->n_endpoints; i++)
        if (request->endpoints[i]->port == 0 || request->endpoints[i]->port > UINT16_MAX ||
            request->endpoints[i]->host[0] == 0)
            problem = "a listener needs a host and a port";
    for (size_t i = 0; !problem && i < request->n_log_dirs; i++)
        if (request->log_dirs[i].len != sizeof(struct uuid))
            problem = "the id of a log directory has not 16 bytes";
    if (!problem && request->n_log_dir_epochs && request->n_log_dir_epochs != request->n_log_dirs)
        problem = "some log directories have an epoch, and some have none";
    /* It would drop the line at the first of those records, again and again. */
    if (!problem && request->features_step < FEATURES_STEP_QUOTAS &&
        image_quota_count(decision->image) > 0)
        problem = "there are client quotas, which its build does not know: upgrade it, or remove "
                  "them";
    if (!problem && request->features_step < FEATURES_STEP_CLIENT_METRICS &&
        image_config_resources(decision->image, META__CONFIG_RECORD__RESOURCE__CLIENT_METRICS) > 0)
        problem = "there are subscriptions of client metrics, which its build does not know: "
                  "upgrade it, or remove them";
    if (!problem && request->features_step < FEATURES_STEP_GROUPS &&
        image_config_resources(decision->image, META__CONFIG_RECORD__RESOURCE__GROUP) > 0)
        problem = "there are settings of groups, which its build does not know: upgrade it, or "
                  "remove them";
    if (!problem && request->features_step < FEATURES_STEP_ELIGIBLE &&
        features_level_of(decision->image, FEATURE_ELIGIBLE_LEADER_REPLICAS_VERSION) > 0)
        problem = "eligible.leader.replicas.version is 1, which its build does not know: upgrade "
                  "it, or downgrade the feature";
    if (!problem)
        return 0;
    reply->error = err_to_wire(ERR_INVALID_REGISTRATION);
    reply->message = decision_text(decision, "registration of broker %d refused: %s",
                                   request->broker_id, problem);
    return ERR_INVALID_REGISTRATION;
}

/* The record points into the request, which the decision outlives only until the records are
 * packed; so all of it is copied. */
static Meta__BrokerRecord *record_of(struct decision *decision, const Meta__Register *request)
{
    Meta__BrokerRecord *record = decision_alloc(decision, 1, sizeof(*record));
    meta__broker_record__init(record);
    record->id = request->broker_id;
    struct uuid incarnation;
    memcpy(incarnation.bytes, request->incarnation.data, sizeof(incarnation.bytes));
    record->incarnation = decision_uuid(decision, &incarnation);
    record->rack = decision_text(decision, "%s", request->rack);
    record->features_step = request->features_step;
    record->n_endpoints = request->n_endpoints;
    record->endpoints = decision_alloc(decision, request->n_endpoints, sizeof(*record->endpoints));
    for (size_t i = 0; i < request->n_endpoints; i++) {
        const Meta__Endpoint *from = request->endpoints[i];
        Meta__Endpoint *to = decision_alloc(decision, 1, sizeof(*to));
        meta__endpoint__init(to);
        to->listener = decision_text(decision, "%s", from->listener);
        to->host = decision_text(decision, "%s", from->host);
        to->port = from->port;
        to->security = from->security;
        record->endpoints[i] = to;
    }
    record->n_log_dirs = request->n_log_dirs;
    record->log_dirs = decision_alloc(decision, request->n_log_dirs, sizeof(*record->log_dirs));
    for (size_t i = 0; i < request->n_log_dirs; i++) {
        struct uuid dir;
        memcpy(dir.bytes, request->log_dirs[i].data, sizeof(dir.bytes));
        record->log_dirs[i] = decision_uuid(decision, &dir);
    }
    ASSERT(record->n_endpoints == request->n_endpoints);
    ASSERT(record->n_log_dirs == request->n_log_dirs);
    return record;
}

static bool same_endpoints(const struct image_broker *broker, const Meta__Register *request)
{
    if (broker->endpoint_count != request->n_endpoints)
        return false;
    for (size_t i = 0; i < request->n_endpoints; i++) {
        const struct image_endpoint *a = &broker->endpoints[i];
        const Meta__Endpoint *b = request->endpoints[i];
        if (strcmp(a->listener, b->listener) || strcmp(a->host, b->host) || a->port != b->port ||
            a->security != (int)b->security)
            return false;
    }
    return strcmp(broker->rack ? broker->rack : "", request->rack) == 0;
}

static bool is_dir(const struct uuid *before, const ProtobufCBinaryData *now)
{
    return memcmp(before->bytes, now->data, sizeof(before->bytes)) == 0;
}

static bool has_dir(const Meta__Register *request, const struct uuid *dir)
{
    for (size_t i = 0; i < request->n_log_dirs; i++)
        if (is_dir(dir, &request->log_dirs[i]))
            return true;
    return false;
}

/* Whether a log directory that the broker had is not there any more. */
static bool lacks_dir(const struct image_broker *before, const Meta__Register *request)
{
    for (size_t i = 0; i < before->log_dir_count; i++)
        if (!has_dir(request, &before->log_dirs[i]))
            return true;
    return false;
}

/* The epoch that a directory must name not to be an older one, 0 if it need name none: the newest
 * under which the broker has served with it, or, with one that was away meanwhile, at all. Every
 * directory notes the epoch before the broker is unfenced under it; so a crash on the way leaves
 * none behind. One that can't note it is not served, and keeps the one it has. */
static int64_t wanted_epoch(const struct image_broker *before, const Meta__Register *request,
                            size_t i)
{
    if (!before || request->n_log_dir_epochs == 0)
        return 0;
    ASSERT(i < request->n_log_dirs);
    for (size_t j = 0; j < before->log_dir_count; j++)
        if (is_dir(&before->log_dirs[j], &request->log_dirs[i]))
            return before->log_dir_epochs[j];
    return request->log_dir_epochs[i] == BROKERS_DIR_NEW ? 0 : before->served_epoch;
}

static bool is_older(const Meta__Register *request, const int64_t *wanted, size_t i)
{
    return wanted[i] > 0 && request->log_dir_epochs[i] < wanted[i];
}

/* The newest epoch under which the broker served with any of the directories that are gone or older
 * now; 0 = not known. */
static int64_t lost_epoch(const struct image_broker *before, const Meta__Register *request,
                          const int64_t *wanted)
{
    int64_t newest = 0;
    for (size_t i = 0; i < before->log_dir_count; i++) {
        int64_t epoch = before->log_dir_epochs[i];
        if (has_dir(request, &before->log_dirs[i]))
            continue;
        if (epoch == 0)
            return 0;
        newest = epoch > newest ? epoch : newest;
    }
    for (size_t i = 0; i < request->n_log_dirs; i++)
        if (is_older(request, wanted, i) && wanted[i] > newest)
            newest = wanted[i];
    return newest;
}

static void say_older(struct decision *decision, const Meta__Register *request, size_t i,
                      int64_t wanted)
{
    struct uuid dir;
    char id[UUID_TEXT_LEN + 1];
    int64_t epoch = request->log_dir_epochs[i] > 0 ? request->log_dir_epochs[i] : 0;
    memcpy(dir.bytes, request->log_dirs[i].data, sizeof(dir.bytes));
    uuid_format(&dir, id);
    if (decision->rules->logger)
        logger_error(
            decision->rules->logger,
            "broker %d has an older disk, or an older copy: the log directory with "
            "directory.id=%s in meta.properties last served under broker epoch %lld, and "
            "the broker has served under epoch %lld since. It leaves the in-sync sets, and "
            "joins them when it has copied what it lacks; where it was the last member nobody "
            "leads before the newest disk is back",
            request->broker_id, id, (long long)epoch, (long long)wanted);
}

/* Whether any directory is an older one; each is logged. */
static bool has_older_dir(struct decision *decision, const Meta__Register *request,
                          const int64_t *wanted)
{
    bool older = false;
    for (size_t i = 0; i < request->n_log_dirs; i++) {
        if (!is_older(request, wanted, i))
            continue;
        say_older(decision, request, i, wanted[i]);
        older = true;
    }
    return older && !MUTATION(OLDER_DISK_TRUSTED);
}

int brokers_register(struct decision *decision, const Meta__Register *request,
                     Meta__Registered *reply)
{
    int err = check_request(decision, request, reply);
    if (err)
        return err;
    const struct image_broker *old = image_broker(decision->image, request->broker_id);
    bool again = old && memcmp(old->incarnation.bytes, request->incarnation.data,
                               sizeof(old->incarnation.bytes)) == 0;
    int64_t *wanted = decision_alloc(decision, request->n_log_dirs, sizeof(*wanted));
    for (size_t i = 0; i < request->n_log_dirs; i++)
        wanted[i] = wanted_epoch(old, request, i);
    reply->n_log_dir_epochs = request->n_log_dirs;
    reply->log_dir_epochs = wanted;
    bool same = again && same_endpoints(old, request);
    /* A controller of an older build dropped what it did not know. */
    if (same && old->features_step == request->features_step) {
        reply->broker_epoch = old->epoch;
        return 0;
    }
    /* Nobody knows what disks an unknown one had. */
    bool emptied = !again && (!old || lacks_dir(old, request));
    emptied |= !again && old && has_older_dir(decision, request, wanted);
    bool crashed = !again && old && request->stopped_epoch != old->epoch;
    int64_t lost = old ? lost_epoch(old, request, wanted) : 0;
    Meta__BrokerRecord *record = record_of(decision, request);
    record->n_log_dir_epochs = request->n_log_dirs;
    record->log_dir_epochs = wanted;
    record->keeps_epochs = request->n_log_dir_epochs > 0;
    record->served_epoch = old && record->keeps_epochs ? old->served_epoch : 0;
    record->crashed = again ? old->crashed : crashed;
    record->cordoned = old && old->cordoned; /* until it has caught up, and says so itself */
    if (again) {
        record->epoch = old->epoch;
        record->fenced = old->fenced;
        record->stopping = old->stopping;
    } else {
        record->epoch = decision->index;
        record->fenced = true;
    }
    reply->broker_epoch = record->epoch;
    decision_emit(decision, META__RECORD__FACT_BROKER, record);
    if (emptied)
        elections_broker_emptied(decision, record->id, lost);
    if (crashed)
        elections_broker_crashed(decision, record->id);
    if (!again)
        elections_broker_anew(decision, record->id);
    return 0;
}

void brokers_fence(struct decision *decision, int32_t broker_id)
{
    const struct image_broker *broker = image_broker(decision->image, broker_id);
    if (!broker || broker->fenced)
        return;
    Meta__BrokerRecord *record = decision_broker(decision, broker);
    record->fenced = true;
    decision_emit(decision, META__RECORD__FACT_BROKER, record);
    elections_broker_out(decision, broker_id);
}

/* What the directories have noted, if the broker says so; else all of them have noted its epoch. */
static void note_epochs(Meta__BrokerRecord *record, const int64_t *noted, size_t count)
{
    for (size_t i = 0; i < record->n_log_dir_epochs; i++) {
        int64_t epoch = count == record->n_log_dir_epochs ? noted[i] : record->epoch;
        if (epoch > record->log_dir_epochs[i])
            record->log_dir_epochs[i] = epoch < record->epoch ? epoch : record->epoch;
    }
}

void brokers_unfence(struct decision *decision, int32_t broker_id, const int64_t *noted,
                     size_t count)
{
    const struct image_broker *broker = image_broker(decision->image, broker_id);
    if (!broker || !broker->fenced || broker->stopping)
        return;
    Meta__BrokerRecord *record = decision_broker(decision, broker);
    record->fenced = false;
    record->crashed = false; /* what this process leaves from now on, it has */
    if (broker->keeps_epochs) {
        record->served_epoch = broker->epoch;
        note_epochs(record, noted, count);
    }
    decision_emit(decision, META__RECORD__FACT_BROKER, record);
    elections_broker_in(decision, broker_id);
}

void brokers_cordon(struct decision *decision, int32_t broker_id, bool cordoned)
{
    const struct image_broker *broker = image_broker(decision->image, broker_id);
    if (!broker || broker->cordoned == cordoned)
        return;
    Meta__BrokerRecord *record = decision_broker(decision, broker);
    record->cordoned = cordoned;
    decision_emit(decision, META__RECORD__FACT_BROKER, record);
    ASSERT(image_broker(decision->image, broker_id)->cordoned == cordoned);
}

void brokers_stop(struct decision *decision, int32_t broker_id)
{
    const struct image_broker *broker = image_broker(decision->image, broker_id);
    if (!broker || broker->stopping)
        return;
    Meta__BrokerRecord *record = decision_broker(decision, broker);
    record->stopping = true;
    decision_emit(decision, META__RECORD__FACT_BROKER, record);
    elections_broker_out(decision, broker_id);
}

void brokers_unregister(struct decision *decision, const Meta__UnregisterBroker *command,
                        Meta__CommandReply *reply)
{
    if (!image_broker(decision->image, command->broker_id)) {
        reply->error = err_to_wire(ERR_BROKER_ID_NOT_REGISTERED);
        reply->message = decision_text(decision, "Broker ID %d not found", command->broker_id);
        return;
    }
    brokers_fence(decision, command->broker_id);
    elections_broker_emptied(decision, command->broker_id, 0);
    Meta__BrokerRemovedRecord *record = decision_alloc(decision, 1, sizeof(*record));
    meta__broker_removed_record__init(record);
    record->id = command->broker_id;
    decision_emit(decision, META__RECORD__FACT_BROKER_REMOVED, record);
}

void brokers_producer_ids(struct decision *decision, const Meta__AllocateProducerIds *command,
                          Meta__CommandReply *reply)
{
    if (!isr_check_sender(decision, command->broker_id, command->broker_epoch, reply))
        return;
    int64_t next = image_next_producer_id(decision->image);
    int64_t blocks = (int64_t)(decision->random(decision->random_data) % BROKERS_ID_GAP);
    if (next > INT64_MAX - (blocks + 1) * BROKERS_PRODUCER_IDS) {
        reply->error = err_to_wire(ERR_UNKNOWN_SERVER_ERROR);
        reply->message = "all producer ids are given away";
        return;
    }
    Meta__ProducerIdsRecord *record = decision_alloc(decision, 1, sizeof(*record));
    meta__producer_ids_record__init(record);
    next += blocks * BROKERS_PRODUCER_IDS;
    record->next_id = next + BROKERS_PRODUCER_IDS;
    decision_emit(decision, META__RECORD__FACT_PRODUCER_IDS, record);
    reply->producer_id_start = next;
    reply->producer_id_count = BROKERS_PRODUCER_IDS;
}
