/* DescribeLogDirs: what lies in each log directory of this broker, and how large it is. Answered at
 * once. A directory that failed is listed with its error and without content. Asked for all, the
 * answer has the folders of partitions that the metadata did not name too, each as a topic with the
 * name of the folder. */
#include "broker/handlers/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "broker/broker.h"
#include "broker/net/request.h"
#include "broker/replica/replica_manager.h"
#include "kafka/messages/describe_log_dirs.h"

typedef struct describe_log_dirs_response_describe_log_dirs_result described_dir;
typedef struct describe_log_dirs_response_describe_log_dirs_topic described_topic;
typedef struct describe_log_dirs_response_describe_log_dirs_partition described_partition;

struct describe_replica {
    struct partition *partition;
    struct log *log;
};

/* The replicas wanted that have a log, by directory, topic, index. */
struct describe_list {
    struct describe_replica *replicas;
    size_t count;
    bool all; /* not only what was asked for by name */
};

static int describe_compare(const void *left, const void *right)
{
    const struct describe_replica *a = left, *b = right;
    int order = strcmp(log_dir_path(a->log), log_dir_path(b->log));
    if (order == 0)
        order = strcmp(partition_topic(a->partition), partition_topic(b->partition));
    int32_t i = partition_index(a->partition), j = partition_index(b->partition);
    return order ? order : (i > j) - (i < j);
}

/* ---- what is asked for ---- */

/* An offline partition has let go of its log, but the log manager still knows where it lies. */
static void describe_add(struct request *request, struct partition *partition,
                         struct describe_list *list)
{
    struct log *log = partition_log(partition);
    if (!log)
        log = log_manager_find(request->broker->logs, partition_topic(partition),
                               partition_index(partition));
    if (log)
        list->replicas[list->count++] = (struct describe_replica){partition, log};
}

static bool describe_add_all(struct request *request, struct describe_list *list)
{
    struct replica_manager *replicas = request->broker->replicas;
    struct partition *partition;
    size_t cursor = 0;
    list->replicas = arena_alloc_array(&request->arena, replica_manager_count(replicas),
                                       sizeof(*list->replicas));
    while (list->replicas && (partition = replica_manager_next(replicas, &cursor)))
        describe_add(request, partition, list);
    return list->replicas != NULL;
}

/* Each replica once, whatever stands in the request. */
static void describe_add_one(struct request *request, struct map *seen, struct wire_str topic,
                             int32_t index, struct describe_list *list)
{
    int err;
    struct partition *partition = replica_manager_by_name(request->broker->replicas, topic.data,
                                                          (size_t)topic.len, index, &err);
    if (partition && !map_put_u64(seen, (uint64_t)(uintptr_t)partition, partition))
        describe_add(request, partition, list);
}

static bool describe_add_asked(struct request *request, struct describe_list *list)
{
    const struct describe_log_dirs_request *body = request->body;
    size_t count = 0;
    for (int32_t i = 0; i < body->topics.count; i++)
        count += (size_t)body->topics.items[i].partitions.count;
    list->replicas = arena_alloc_array(&request->arena, count, sizeof(*list->replicas));
    if (!list->replicas)
        return false;
    struct map seen;
    map_init(&seen);
    for (int32_t i = 0; i < body->topics.count; i++)
        for (int32_t j = 0; j < body->topics.items[i].partitions.count; j++)
            describe_add_one(request, &seen, body->topics.items[i].topic,
                             body->topics.items[i].partitions.items[j], list);
    map_close(&seen);
    return true;
}

/* ---- the answer ---- */

static void describe_fill_partition(const struct describe_replica *replica,
                                    described_partition *out)
{
    int64_t lag = partition_high_watermark(replica->partition) - log_end_offset(replica->log);
    out->partition_index = partition_index(replica->partition);
    out->partition_size = log_size(replica->log);
    out->offset_lag = lag > 0 ? lag : 0;
}

static int32_t describe_count_strays(const struct log_manager *logs, struct wire_str dir)
{
    struct log_stray_view stray;
    int32_t count = 0;
    for (size_t i = 0; log_manager_stray(logs, i, &stray); i++)
        count += strcmp(stray.dir, dir.data) == 0;
    return count;
}

static bool describe_fill_strays(struct request *request, struct wire_str dir,
                                 described_topic *topic)
{
    struct log_stray_view stray;
    for (size_t i = 0; log_manager_stray(request->broker->logs, i, &stray); i++) {
        if (strcmp(stray.dir, dir.data) != 0)
            continue;
        topic->name = wire_str_from(stray.name);
        described_partition *out =
            WIRE_ARRAY(&request->arena, &topic->partitions, 1,
                       &describe_log_dirs_response_describe_log_dirs_partition_desc);
        if (!out)
            return false;
        out->partition_index = stray.partition;
        out->partition_size = stray.size > 0 ? stray.size : 0;
        out->offset_lag = -1; /* nobody knows */
        topic++;
    }
    return true;
}

/* The partitions from `first` on that lie in the directory, topic by topic, and its strays; returns
 * where they end, SIZE_MAX when memory is out. */
static size_t describe_fill_topics(struct request *request, const struct describe_list *list,
                                   size_t first, described_dir *dir)
{
    size_t end = first;
    while (end < list->count &&
           strcmp(log_dir_path(list->replicas[end].log), dir->log_dir.data) == 0)
        end++;
    int32_t strays = list->all ? describe_count_strays(request->broker->logs, dir->log_dir) : 0;
    described_topic *topic =
        WIRE_ARRAY(&request->arena, &dir->topics, (int32_t)(end - first) + strays,
                   &describe_log_dirs_response_describe_log_dirs_topic_desc);
    if (!topic)
        return SIZE_MAX;
    while (first < end) {
        const char *name = partition_topic(list->replicas[first].partition);
        size_t next = first;
        while (next < end && strcmp(partition_topic(list->replicas[next].partition), name) == 0)
            next++;
        topic->name = wire_str_from(name);
        described_partition *out =
            WIRE_ARRAY(&request->arena, &topic->partitions, (int32_t)(next - first),
                       &describe_log_dirs_response_describe_log_dirs_partition_desc);
        if (!out)
            return SIZE_MAX;
        for (; first < next; first++)
            describe_fill_partition(&list->replicas[first], out++);
        topic++;
    }
    if (strays && !describe_fill_strays(request, dir->log_dir, topic))
        return SIZE_MAX;
    dir->topics.count = (int32_t)(topic - dir->topics.items) + strays;
    return end;
}

static size_t describe_find_dir(const struct describe_list *list, const char *path)
{
    size_t at = 0;
    while (at < list->count && strcmp(log_dir_path(list->replicas[at].log), path) != 0)
        at++;
    return at;
}

static bool describe_fill_dir(struct request *request, const struct describe_list *list,
                              const char *path, described_dir *dir)
{
    dir->log_dir = wire_str_from(path);
    int64_t space = env_path_space(request->broker->env, path);
    int64_t size = env_path_size(request->broker->env, path);
    if (space >= 0)
        dir->usable_bytes = space;
    if (size >= 0)
        dir->total_bytes = size;
    size_t first = describe_find_dir(list, path);
    if (first < list->count && log_is_offline(list->replicas[first].log)) {
        dir->error_code = err_to_wire(ERR_KAFKA_STORAGE_ERROR);
        return true;
    }
    return describe_fill_topics(request, list, first, dir) != SIZE_MAX;
}

void handle_describe_log_dirs(struct request *request)
{
    const struct describe_log_dirs_request *body = request->body;
    const struct log_manager *logs = request->broker->logs;
    struct describe_list list = {.all = body->topics.count < 0};
    struct describe_log_dirs_response response;
    wire_defaults(&describe_log_dirs_response_desc, &response);
    bool ok = list.all ? describe_add_all(request, &list) : describe_add_asked(request, &list);
    if (ok && list.count)
        qsort(list.replicas, list.count, sizeof(*list.replicas), describe_compare);
    int count = log_manager_dir_count(logs);
    ok = ok && WIRE_ARRAY(&request->arena, &response.results, count,
                          &describe_log_dirs_response_describe_log_dirs_result_desc);
    for (int i = 0; ok && i < count; i++)
        ok =
            describe_fill_dir(request, &list, log_manager_dir(logs, i), &response.results.items[i]);
    if (ok)
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "asks for more than fits in memory");
}
