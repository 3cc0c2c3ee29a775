/* Moves between log directories, as kafka-reassign-partitions starts, watches and ends them.
 *
 * Happy path: one AlterReplicaLogDirs to each broker that has a part in the plan, and one
 * DescribeLogDirs to see how far it is. Failure modes: a replica that is not there yet, since it is
 * only just being moved to that broker (asked for again, until the time is over); a directory that
 * the broker does not have, or that failed; a broker that does not answer. */
#include "tools/reassign_dirs.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "kafka/messages/alter_replica_log_dirs.h"
#include "kafka/messages/describe_log_dirs.h"

enum { DIRS_TIMEOUT_MS = 10000, DIRS_AGAIN_MS = 100, DIRS_ARENA_MAX = 256 << 20 };

typedef struct alter_replica_log_dirs_request_alter_replica_log_dir asked_dir;
typedef struct alter_replica_log_dirs_request_alter_replica_log_dir_topic asked_topic;
typedef struct alter_replica_log_dirs_response_alter_replica_log_dir_topic_result told_topic;
typedef struct describe_log_dirs_response_describe_log_dirs_result found_dir;
typedef struct describe_log_dirs_response_describe_log_dirs_topic found_topic;

/* ---- the list ---- */

static int dirs_compare(const void *a, const void *b)
{
    const struct reassign_dir *left = a, *right = b;
    int order = strcmp(left->item->topic, right->item->topic);
    if (order == 0)
        order = (left->item->partition > right->item->partition) -
                (left->item->partition < right->item->partition);
    return order ? order : (left->broker > right->broker) - (left->broker < right->broker);
}

void reassign_dirs_init(struct reassign_dirs *dirs, const struct plan *plan)
{
    *dirs = (struct reassign_dirs){0};
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_item *item = &plan->items[i];
        for (int32_t j = 0; item->dirs && j < item->replicas.count; j++) {
            if (!item->dirs[j])
                continue;
            dirs->rows = mem_realloc(dirs->rows, (dirs->count + 1) * sizeof(*dirs->rows));
            dirs->rows[dirs->count++] = (struct reassign_dir){
                .item = item, .broker = item->replicas.ids[j], .target = item->dirs[j]};
        }
    }
    if (dirs->count > 0)
        qsort(dirs->rows, dirs->count, sizeof(*dirs->rows), dirs_compare);
}

void reassign_dirs_free(struct reassign_dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++) {
        mem_free(dirs->rows[i].current);
        mem_free(dirs->rows[i].future);
    }
    mem_free(dirs->rows);
    *dirs = (struct reassign_dirs){0};
}

static struct reassign_dir *dirs_find(const struct reassign_dirs *dirs, int32_t broker,
                                      struct wire_str topic, int32_t partition)
{
    for (size_t i = 0; i < dirs->count; i++) {
        struct reassign_dir *row = &dirs->rows[i];
        if (row->broker == broker && row->item->partition == partition &&
            wire_str_is(topic, row->item->topic))
            return row;
    }
    return NULL;
}

/* Whether it is the first row of its broker: who is asked once for all of them. */
static bool dirs_is_first(const struct reassign_dirs *dirs, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (dirs->rows[j].broker == dirs->rows[i].broker)
            return false;
    return true;
}

static int dirs_version(struct tool_run *run, int32_t broker, int16_t key)
{
    int version = client_version(run->client, broker, key, INT16_MAX);
    if (version < 0)
        (void)tool_fail_client(run);
    return version;
}

/* ---- moving ---- */

/* Each replica with a directory of its own: the lists are short, and the broker merges nothing. */
static bool dirs_fill(const struct reassign_dirs *dirs, int32_t broker, bool back,
                      struct arena *arena, struct alter_replica_log_dirs_request *request)
{
    asked_dir *dir = WIRE_ARRAY(arena, &request->dirs, (int32_t)dirs->count,
                                &alter_replica_log_dirs_request_alter_replica_log_dir_desc);
    int32_t count = 0;
    for (size_t i = 0; dir && i < dirs->count; i++) {
        struct reassign_dir *row = &dirs->rows[i];
        if (row->broker != broker || row->started)
            continue;
        asked_topic *topic =
            WIRE_ARRAY(arena, &dir->topics, 1,
                       &alter_replica_log_dirs_request_alter_replica_log_dir_topic_desc);
        if (!topic)
            return false;
        dir->path = wire_str_from(back ? row->current : row->target);
        topic->name = wire_str_from(row->item->topic);
        topic->partitions.items = (int32_t *)(uintptr_t)&row->item->partition;
        topic->partitions.count = 1;
        dir++;
        count++;
    }
    request->dirs.count = count;
    return dir != NULL;
}

static int dirs_take_topic(const struct tool_run *run, struct reassign_dirs *dirs, int32_t broker,
                           const told_topic *topic)
{
    struct buf text;
    int status = 0;
    buf_init(&text);
    for (int32_t i = 0; status == 0 && i < topic->partitions.count; i++) {
        int16_t code = topic->partitions.items[i].error_code;
        int32_t partition = topic->partitions.items[i].partition_index;
        struct reassign_dir *row = dirs_find(dirs, broker, topic->topic_name, partition);
        if (row && code == 0)
            row->started = true;
        else if (code && err_from_wire(code) != ERR_REPLICA_NOT_AVAILABLE)
            status =
                tool_fail(run, "Failed to alter dir for %.*s-%d on broker %d%s%s: %s",
                          WIRE_STR_ARGS(topic->topic_name), partition, broker, row ? " to " : "",
                          row ? row->target : "", tool_error_text(code, WIRE_STR_NULL, &text));
    }
    buf_close(&text);
    return status;
}

static int dirs_alter(struct tool_run *run, struct reassign_dirs *dirs, int32_t broker, bool back)
{
    struct alter_replica_log_dirs_request request;
    struct client_answer answer = {0};
    struct arena arena;
    int version = dirs_version(run, broker, KAFKA_API_ALTER_REPLICA_LOG_DIRS);
    if (version < 0)
        return 1;
    arena_init(&arena, DIRS_ARENA_MAX);
    wire_defaults(&alter_replica_log_dirs_request_desc, &request);
    int status = 0;
    if (!dirs_fill(dirs, broker, back, &arena, &request))
        status = tool_fail(run, "so many partitions don't fit in memory: move some of them first");
    if (status == 0 && request.dirs.count > 0)
        status =
            tool_call(run, broker, KAFKA_API_ALTER_REPLICA_LOG_DIRS, version, &request, &answer);
    const struct alter_replica_log_dirs_response *response = answer.response;
    for (int32_t i = 0; status == 0 && response && i < response->results.count; i++)
        status = dirs_take_topic(run, dirs, broker, &response->results.items[i]);
    client_answer_free(&answer);
    arena_close(&arena);
    return status;
}

static size_t dirs_waiting(const struct reassign_dirs *dirs)
{
    size_t count = 0;
    for (size_t i = 0; i < dirs->count; i++)
        count += !dirs->rows[i].started;
    return count;
}

static int dirs_alter_all(struct tool_run *run, struct reassign_dirs *dirs)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < dirs->count; i++)
        if (dirs_is_first(dirs, i))
            status = dirs_alter(run, dirs, dirs->rows[i].broker, false);
    return status;
}

static int dirs_timed_out(const struct tool_run *run, const struct reassign_dirs *dirs)
{
    struct buf text;
    size_t waiting = dirs_waiting(dirs), told = 0;
    buf_init(&text);
    for (size_t i = 0; i < dirs->count; i++)
        if (!dirs->rows[i].started)
            buf_printf(&text, "%s%s-%d-%d", told++ ? "," : "", dirs->rows[i].item->topic,
                       dirs->rows[i].item->partition, dirs->rows[i].broker);
    int status = tool_fail(run, "Timed out before log directory move%s could be started for: %s",
                           plural(waiting, "", "s"), buf_text(&text));
    buf_close(&text);
    return status;
}

int reassign_dirs_start(struct tool_run *run, struct reassign_dirs *dirs)
{
    int64_t timeout_ms;
    if (tool_number(run, "timeout", 0, INT32_MAX, DIRS_TIMEOUT_MS, &timeout_ms))
        return 1;
    int64_t end_ms = env_now_ms(run->env) + timeout_ms;
    while (dirs_waiting(dirs) > 0) {
        if (dirs_alter_all(run, dirs))
            return 1;
        if (dirs_waiting(dirs) == 0)
            break;
        if (env_now_ms(run->env) >= end_ms)
            return dirs_timed_out(run, dirs);
        client_wait(run->client, DIRS_AGAIN_MS);
    }
    for (size_t i = 0; i < dirs->count; i++)
        printf(
            "Successfully started moving log directory to %s for replica %s-%d with broker %d \n",
            dirs->rows[i].target, dirs->rows[i].item->topic, dirs->rows[i].item->partition,
            dirs->rows[i].broker);
    return 0;
}

int reassign_dirs_cancel(struct tool_run *run, struct reassign_dirs *dirs, size_t *count)
{
    int status = 0;
    *count = 0;
    for (size_t i = 0; i < dirs->count; i++) {
        struct reassign_dir *row = &dirs->rows[i];
        row->started = !(row->future && row->current);
        *count += !row->started;
    }
    for (size_t i = 0; status == 0 && i < dirs->count; i++)
        if (dirs_is_first(dirs, i))
            status = dirs_alter(run, dirs, dirs->rows[i].broker, true);
    return status;
}

/* ---- watching ---- */

static void dirs_take_found(struct reassign_dirs *dirs, int32_t broker, const found_dir *dir,
                            const found_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        struct reassign_dir *row =
            dirs_find(dirs, broker, topic->name, topic->partitions.items[i].partition_index);
        char **place = !row                                       ? NULL
                       : topic->partitions.items[i].is_future_key ? &row->future
                                                                  : &row->current;
        if (!place)
            continue;
        mem_free(*place);
        *place = wire_str_dup(dir->log_dir);
    }
}

static int dirs_describe(struct tool_run *run, struct reassign_dirs *dirs, int32_t broker)
{
    struct describe_log_dirs_request request;
    struct client_answer answer = {0};
    struct buf text;
    int version = dirs_version(run, broker, KAFKA_API_DESCRIBE_LOG_DIRS), status = 0;
    if (version < 0)
        return 1;
    wire_defaults(&describe_log_dirs_request_desc, &request);
    request.topics.count = -1;
    if (tool_call(run, broker, KAFKA_API_DESCRIBE_LOG_DIRS, version, &request, &answer))
        return 1;
    const struct describe_log_dirs_response *response = answer.response;
    buf_init(&text);
    if (response->error_code)
        status = tool_fail(run, "broker %d: %s", broker,
                           tool_error_text(response->error_code, WIRE_STR_NULL, &text));
    for (int32_t i = 0; i < response->results.count; i++)
        for (int32_t j = 0; j < response->results.items[i].topics.count; j++)
            dirs_take_found(dirs, broker, &response->results.items[i],
                            &response->results.items[i].topics.items[j]);
    buf_close(&text);
    client_answer_free(&answer);
    return status;
}

static enum reassign_dir_state dirs_judge(const struct reassign_dir *row)
{
    if (!row->current)
        return REASSIGN_DIR_NOWHERE;
    if (row->future)
        return strcmp(row->future, row->target) == 0 ? REASSIGN_DIR_MOVING : REASSIGN_DIR_ELSEWHERE;
    return strcmp(row->current, row->target) == 0 ? REASSIGN_DIR_DONE : REASSIGN_DIR_STILL;
}

int reassign_dirs_ask(struct tool_run *run, struct reassign_dirs *dirs)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < dirs->count; i++)
        if (dirs_is_first(dirs, i))
            status = dirs_describe(run, dirs, dirs->rows[i].broker);
    for (size_t i = 0; i < dirs->count; i++)
        dirs->rows[i].state = dirs_judge(&dirs->rows[i]);
    return status;
}

bool reassign_dirs_move(const struct reassign_dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++)
        if (dirs->rows[i].future)
            return true;
    return false;
}

enum reassign_dir_state reassign_dirs_of(const struct reassign_dirs *dirs,
                                         const struct plan_item *item)
{
    enum reassign_dir_state worst = REASSIGN_DIR_DONE;
    for (size_t i = 0; i < dirs->count; i++)
        if (dirs->rows[i].item == item && dirs->rows[i].state > worst)
            worst = dirs->rows[i].state;
    return worst;
}

static void dirs_print_row(const struct reassign_dir *row)
{
    const char *topic = row->item->topic;
    int32_t partition = row->item->partition;
    switch (row->state) {
    case REASSIGN_DIR_DONE:
        printf("Reassignment of replica %s-%d-%d completed successfully.\n", topic, partition,
               row->broker);
        return;
    case REASSIGN_DIR_MOVING:
        printf("Reassignment of replica %s-%d-%d is still in progress.\n", topic, partition,
               row->broker);
        return;
    case REASSIGN_DIR_ELSEWHERE:
        printf("Partition %s-%d on broker %d is being moved to log dir %s instead of %s.\n", topic,
               partition, row->broker, row->future, row->target);
        return;
    case REASSIGN_DIR_STILL:
        printf("Partition %s-%d on broker %d is not being moved from log dir %s to %s.\n", topic,
               partition, row->broker, row->current, row->target);
        return;
    case REASSIGN_DIR_NOWHERE:
        printf("Partition %s-%d is not found in any live log dir on broker %d. There is likely an "
               "offline log directory on the broker.\n",
               topic, partition, row->broker);
    }
}

void reassign_dirs_print(const struct reassign_dirs *dirs)
{
    for (size_t i = 0; i < dirs->count; i++)
        dirs_print_row(&dirs->rows[i]);
}
