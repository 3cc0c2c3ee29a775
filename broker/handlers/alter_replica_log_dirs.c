/* AlterReplicaLogDirs: sends replicas of this broker to other log directories of it (KIP-113).
 *
 * Happy path: each partition is answered at once, and moves in the background: DescribeLogDirs
 * shows its copy as a future replica until it has taken its place. A partition that is not here yet
 * is REPLICA_NOT_AVAILABLE, and its directory is kept in mind until it is. Failure modes:
 * LOG_DIR_NOT_FOUND, a path that is not in log.dirs; KAFKA_STORAGE_ERROR, a directory that failed;
 * INVALID_REPLICA_ASSIGNMENT, one that is cordoned; a topic whose name is too long for the folder
 * of a copy; POLICY_VIOLATION, too many partitions that are not here. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/handlers/topic_name.h"
#include "broker/net/request.h"
#include "broker/replica/partition_ops.h"
#include "kafka/messages/alter_replica_log_dirs.h"

typedef struct alter_replica_log_dirs_request_alter_replica_log_dir asked_dir;
typedef struct alter_replica_log_dirs_request_alter_replica_log_dir_topic asked_topic;
typedef struct alter_replica_log_dirs_response_alter_replica_log_dir_topic_result told_topic;
typedef struct alter_replica_log_dirs_response_alter_replica_log_dir_partition_result
    told_partition;

static bool dirs_alter_topic(struct request *request, struct wire_str path,
                             const asked_topic *asked, told_topic *told)
{
    told->topic_name = asked->name;
    told_partition *row =
        WIRE_ARRAY(&request->arena, &told->partitions, asked->partitions.count,
                   &alter_replica_log_dirs_response_alter_replica_log_dir_partition_result_desc);
    for (int32_t i = 0; row && i < asked->partitions.count; i++, row++) {
        row->partition_index = asked->partitions.items[i];
        int err = topic_name_check(asked->name);
        if (!err)
            err = partitions_alter_dir(request->broker->partitions, asked->name.data,
                                       (size_t)asked->name.len, row->partition_index, path.data,
                                       (size_t)path.len);
        row->error_code = err_to_wire(err);
    }
    return row != NULL;
}

void handle_alter_replica_log_dirs(struct request *request)
{
    const struct alter_replica_log_dirs_request *body = request->body;
    struct alter_replica_log_dirs_response response;
    int32_t topics = 0;
    wire_defaults(&alter_replica_log_dirs_response_desc, &response);
    for (int32_t i = 0; i < body->dirs.count; i++)
        topics += body->dirs.items[i].topics.count;
    told_topic *told =
        WIRE_ARRAY(&request->arena, &response.results, topics,
                   &alter_replica_log_dirs_response_alter_replica_log_dir_topic_result_desc);
    bool ok = told != NULL;
    for (int32_t i = 0; ok && i < body->dirs.count; i++) {
        const asked_dir *dir = &body->dirs.items[i];
        for (int32_t j = 0; ok && j < dir->topics.count; j++, told++)
            ok = dirs_alter_topic(request, dir->path, &dir->topics.items[j], told);
    }
    if (ok)
        request_reply(request, &response, NULL);
    else
        request_fail(request, ERR_NO_MEMORY, "names more partitions than fit in memory");
}
