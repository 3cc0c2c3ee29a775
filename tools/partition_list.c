/* Lists of partitions in JSON files.
 *
 * Happy path: the file is read by jansson and each entry of "partitions" becomes an item. Failure
 * modes: no file, no JSON (with line and column), another version, an entry that lacks a field, a
 * partition that is there twice. */
#include "tools/partition_list.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PARTITION_LIST_SHAPE(fields)                                                               \
    "{\"partitions\":[{\"topic\":\"NAME\",\"partition\":0" fields "}]}"

struct partition_source {
    const struct tool_run *run;
    const char *option, *path;
    bool offsets;
};

void partition_list_add(struct partition_list *list, const char *topic, int32_t partition,
                        int64_t offset)
{
    list->items = mem_realloc(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = (struct partition_item){mem_strdup(topic), partition, offset};
}

void partition_list_free(struct partition_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->items[i].topic);
    mem_free(list->items);
}

int partition_item_compare(const void *a, const void *b)
{
    const struct partition_item *left = a, *right = b;
    int order = strcmp(left->topic, right->topic);
    return order ? order
                 : (left->partition > right->partition) - (left->partition < right->partition);
}

static int partition_list_refuse(const struct partition_source *source)
{
    return tool_misuse(source->run, "--%s %s: write %s", source->option, source->path,
                       source->offsets ? PARTITION_LIST_SHAPE(",\"offset\":0")
                                       : PARTITION_LIST_SHAPE(""));
}

/* A whole number of the entry, at least `min`. */
static bool partition_list_number(const json_t *entry, const char *key, int64_t min, int64_t max,
                                  int64_t *value)
{
    const json_t *number = json_object_get(entry, key);
    *value = json_integer_value(number);
    return json_is_integer(number) && *value >= min && *value <= max;
}

static int partition_list_take(const struct partition_source *source, const json_t *root,
                               struct partition_list *list)
{
    const json_t *version = json_object_get(root, "version");
    const json_t *entries = json_object_get(root, "partitions"), *entry;
    size_t i;
    if (version && json_integer_value(version) != 1)
        return tool_misuse(source->run, "--%s %s: the only version of such files is 1",
                           source->option, source->path);
    if (!json_is_array(entries))
        return partition_list_refuse(source);
    json_array_foreach(entries, i, entry)
    {
        int64_t partition, offset = 0;
        const char *topic = json_string_value(json_object_get(entry, "topic"));
        if (!topic || !partition_list_number(entry, "partition", 0, INT32_MAX, &partition) ||
            (source->offsets && !partition_list_number(entry, "offset", -1, INT64_MAX, &offset)))
            return partition_list_refuse(source);
        partition_list_add(list, topic, (int32_t)partition, offset);
    }
    return 0;
}

static int partition_list_check_twice(const struct partition_source *source,
                                      const struct partition_list *list)
{
    if (list->count == 0)
        return 0;
    struct partition_item *sorted = mem_dup(list->items, list->count * sizeof(*sorted));
    int status = 0;
    qsort(sorted, list->count, sizeof(*sorted), partition_item_compare);
    for (size_t i = 1; i < list->count && status == 0; i++)
        if (partition_item_compare(&sorted[i - 1], &sorted[i]) == 0)
            status =
                tool_misuse(source->run, "--%s %s: %s-%d is there twice: name it once",
                            source->option, source->path, sorted[i].topic, sorted[i].partition);
    mem_free(sorted);
    return status;
}

int partition_list_read(const struct tool_run *run, const char *option, bool offsets,
                        struct partition_list *list)
{
    struct partition_source source = {run, option, options_get(run->options, option), offsets};
    json_error_t problem;
    FILE *file = fopen(source.path, "r");
    if (!file)
        return tool_fail(run, "--%s %s: it can't be read (%s): check the path", option, source.path,
                         strerror(errno));
    json_t *root = json_loadf(file, 0, &problem);
    fclose(file);
    if (!root)
        return tool_fail(run, "--%s %s line %d, column %d: this is no JSON (%s)", option,
                         source.path, problem.line, problem.column, problem.text);
    int status = partition_list_take(&source, root, list);
    json_decref(root);
    return status ? status : partition_list_check_twice(&source, list);
}
