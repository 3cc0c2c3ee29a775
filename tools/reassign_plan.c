/* Plans of kafka-reassign-partitions. Happy path: jansson reads the file, each entry becomes an
 * item, and the plan is sorted. Failure modes: each is told with what to write instead. */
#include "tools/reassign_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/plural.h"
#include "tools/json_file.h"

#define PLAN_SHAPE                                                                                 \
    "{\"version\":1,\"partitions\":[{\"topic\":\"T\",\"partition\":0,\"replicas\":[1]}]}"
#define PLAN_TOPICS_SHAPE "{\"version\":1,\"topics\":[{\"topic\":\"T\"}]}"

struct plan_source {
    const struct tool_run *run;
    const char *option, *path, *shape;
};

/* ---- plans ---- */

static void plan_ids_free(struct plan_ids *ids)
{
    mem_free(ids->ids);
}

static void plan_free_dirs(struct plan_item *item)
{
    for (int32_t i = 0; item->dirs && i < item->replicas.count; i++)
        mem_free(item->dirs[i]);
    mem_free(item->dirs);
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        plan_free_dirs(&plan->items[i]);
        mem_free(plan->items[i].topic);
        plan_ids_free(&plan->items[i].replicas);
        plan_ids_free(&plan->items[i].adding);
        plan_ids_free(&plan->items[i].removing);
    }
    mem_free(plan->items);
}

void plan_set_ids(struct plan_ids *ids, const int32_t *from, int32_t count)
{
    mem_free(ids->ids);
    ids->count = count > 0 ? count : 0;
    ids->ids = ids->count ? mem_dup(from, (size_t)count * sizeof(*from)) : NULL;
}

struct plan_item *plan_add(struct plan *plan, const char *topic, int32_t partition,
                           const int32_t *replicas, int32_t count)
{
    plan->items = mem_realloc(plan->items, (plan->count + 1) * sizeof(*plan->items));
    struct plan_item *item = &plan->items[plan->count++];
    *item = (struct plan_item){.topic = mem_strdup(topic), .partition = partition};
    plan_set_ids(&item->replicas, replicas, count);
    return item;
}

bool plan_ids_have(const struct plan_ids *ids, int32_t id)
{
    for (int32_t i = 0; i < ids->count; i++)
        if (ids->ids[i] == id)
            return true;
    return false;
}

bool plan_ids_equal(const struct plan_ids *a, const struct plan_ids *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->ids, b->ids, (size_t)a->count * sizeof(*a->ids)) == 0);
}

static int plan_compare(const void *a, const void *b)
{
    const struct plan_item *left = a, *right = b;
    int order = strcmp(left->topic, right->topic);
    return order ? order
                 : (left->partition > right->partition) - (left->partition < right->partition);
}

void plan_sort(struct plan *plan)
{
    if (plan->count > 0)
        qsort(plan->items, plan->count, sizeof(*plan->items), plan_compare);
}

size_t plan_of_topic(const struct plan *plan, size_t i)
{
    size_t end = i;
    while (end < plan->count && strcmp(plan->items[end].topic, plan->items[i].topic) == 0)
        end++;
    return end - i;
}

const struct plan_item *plan_find(const struct plan *plan, const char *topic, int32_t partition)
{
    struct plan_item key = {.topic = (char *)(uintptr_t)topic, .partition = partition};
    return plan->count > 0
               ? bsearch(&key, plan->items, plan->count, sizeof(*plan->items), plan_compare)
               : NULL;
}

/* ---- reading ---- */

static bool plan_number(const json_t *number, int64_t *value)
{
    *value = json_integer_value(number);
    return json_is_integer(number) && *value >= 0 && *value <= INT32_MAX;
}

static int plan_check_dirs(const struct plan_source *source, const json_t *dirs, const char *topic,
                           int64_t partition, size_t replicas)
{
    const json_t *dir;
    size_t i;
    if (!dirs)
        return 0;
    if (!json_is_array(dirs) || json_array_size(dirs) != replicas)
        return tool_misuse(source->run,
                           "--%s %s: %s-%d has %zu %s and another number of log_dirs: write "
                           "a path or \"any\" for each of them, or leave log_dirs out",
                           source->option, source->path, topic, (int)partition, replicas,
                           plural((int64_t)replicas, "replica", "replicas"));
    json_array_foreach(dirs, i, dir)
    {
        const char *text = json_string_value(dir);
        if (!text || text[0] == '\0')
            return tool_misuse(source->run,
                               "--%s %s: write paths of log directories, or \"any\", in log_dirs "
                               "of %s-%d",
                               source->option, source->path, topic, (int)partition);
    }
    return 0;
}

/* They were checked. */
static void plan_take_dirs(const json_t *dirs, struct plan_item *item)
{
    const json_t *dir;
    size_t i;
    if (!dirs)
        return;
    item->dirs = mem_alloc(json_array_size(dirs) * sizeof(*item->dirs));
    ASSERT(json_array_size(dirs) == (size_t)item->replicas.count);
    json_array_foreach(dirs, i, dir)
    {
        const char *text = json_string_value(dir);
        item->dirs[i] = strcmp(text, "any") == 0 ? NULL : mem_strdup(text);
    }
}

static int plan_take_item(const struct plan_source *source, const json_t *entry, struct plan *plan)
{
    const char *topic = json_string_value(json_object_get(entry, "topic"));
    const json_t *replicas = json_object_get(entry, "replicas"), *replica;
    int64_t partition, id;
    size_t i;
    if (!topic || !plan_number(json_object_get(entry, "partition"), &partition) ||
        !json_is_array(replicas))
        return json_file_refuse(source->run, source->option, source->shape);
    size_t count = json_array_size(replicas);
    if (count == 0)
        return tool_misuse(source->run, "--%s %s: %s-%d has no replicas: name one at least",
                           source->option, source->path, topic, (int)partition);
    if (plan_check_dirs(source, json_object_get(entry, "log_dirs"), topic, partition, count))
        return 1;
    struct plan_item *item = plan_add(plan, topic, (int32_t)partition, NULL, 0);
    item->replicas.ids = mem_alloc(count * sizeof(*item->replicas.ids));
    json_array_foreach(replicas, i, replica)
    {
        if (!plan_number(replica, &id))
            return json_file_refuse(source->run, source->option, source->shape);
        if (plan_ids_have(&item->replicas, (int32_t)id))
            return tool_misuse(source->run, "--%s %s: %s-%d names broker %d twice: name it once",
                               source->option, source->path, topic, (int)partition, (int)id);
        item->replicas.ids[item->replicas.count++] = (int32_t)id;
    }
    plan_take_dirs(json_object_get(entry, "log_dirs"), item);
    return 0;
}

static int plan_take_topic(const struct plan_source *source, const json_t *entry, struct plan *plan)
{
    const char *topic = json_string_value(json_object_get(entry, "topic"));
    if (!topic)
        return json_file_refuse(source->run, source->option, source->shape);
    plan_add(plan, topic, -1, NULL, 0);
    return 0;
}

static int plan_check_twice(const struct plan_source *source, const struct plan *plan)
{
    for (size_t i = 1; i < plan->count; i++) {
        const struct plan_item *item = &plan->items[i];
        if (plan_compare(item - 1, item) != 0)
            continue;
        if (item->partition < 0)
            return tool_misuse(source->run, "--%s %s: the topic %s is there twice: name it once",
                               source->option, source->path, item->topic);
        return tool_misuse(source->run, "--%s %s: %s-%d is there twice: name it once",
                           source->option, source->path, item->topic, item->partition);
    }
    return plan->count ? 0
                       : tool_misuse(source->run, "--%s %s: the list is empty", source->option,
                                     source->path);
}

static int plan_take(const struct plan_source *source, const char *name,
                     int (*take)(const struct plan_source *, const json_t *, struct plan *),
                     struct plan *plan)
{
    json_t *root = json_file_read(source->run, source->option);
    if (!root)
        return 1;
    const json_t *entries = json_file_list(source->run, source->option, root, name, source->shape);
    const json_t *entry;
    size_t i;
    int status = entries ? 0 : 1;
    json_array_foreach(entries, i, entry)
    {
        if (status == 0)
            status = take(source, entry, plan);
    }
    json_decref(root);
    plan_sort(plan);
    return status ? status : plan_check_twice(source, plan);
}

int plan_read(const struct tool_run *run, const char *option, struct plan *plan)
{
    struct plan_source source = {run, option, options_get(run->options, option), PLAN_SHAPE};
    return plan_take(&source, "partitions", plan_take_item, plan);
}

int plan_read_topics(const struct tool_run *run, const char *option, struct plan *plan)
{
    struct plan_source source = {run, option, options_get(run->options, option), PLAN_TOPICS_SHAPE};
    return plan_take(&source, "topics", plan_take_topic, plan);
}

int plan_read_ids(const struct tool_run *run, const char *option, struct plan_ids *ids)
{
    const char *text = options_get(run->options, option);
    while (*text) {
        char *end;
        long id = strtol(text, &end, 10);
        if (end == text || (*end && *end != ',') || id < 0 || id > INT32_MAX)
            return tool_misuse(run, "--%s: write ids of brokers, as in 1,2,3", option);
        if (plan_ids_have(ids, (int32_t)id))
            return tool_misuse(run, "--%s names broker %ld twice: name it once", option, id);
        ids->ids = mem_realloc(ids->ids, ((size_t)ids->count + 1) * sizeof(int32_t));
        ids->ids[ids->count++] = (int32_t)id;
        text = end + (*end == ',');
    }
    return ids->count ? 0 : tool_misuse(run, "--%s is empty: write 1,2,3", option);
}

/* ---- printing ---- */

static json_t *plan_entry(const struct plan_item *item)
{
    json_t *entry = json_object(), *replicas = json_array(), *dirs = json_array();
    for (int32_t i = 0; i < item->replicas.count; i++) {
        json_array_append_new(replicas, json_integer(item->replicas.ids[i]));
        json_array_append_new(dirs, json_string("any"));
    }
    json_object_set_new(entry, "topic", json_string(item->topic));
    json_object_set_new(entry, "partition", json_integer(item->partition));
    json_object_set_new(entry, "replicas", replicas);
    json_object_set_new(entry, "log_dirs", dirs);
    return entry;
}

void plan_print(const struct plan *plan)
{
    json_t *root = json_object(), *partitions = json_array();
    for (size_t i = 0; i < plan->count; i++)
        json_array_append_new(partitions, plan_entry(&plan->items[i]));
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "partitions", partitions);
    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}

void plan_print_names(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        printf("%s%s-%d", i ? "," : "", plan->items[i].topic, plan->items[i].partition);
}

void plan_put_ids(const struct plan_ids *ids, struct buf *out)
{
    for (int32_t i = 0; i < ids->count; i++)
        buf_printf(out, "%s%d", i ? "," : "", ids->ids[i]);
}
