/* Lists of partitions in JSON files.
 *
 * Happy path: the file is read by jansson and each entry of "partitions" becomes an item. Failure
 * modes: no file, no JSON (with line and column), another version, an entry that lacks a field, a
 * partition that is there twice. */
#include "tools/partition_list.h"

#include <stdlib.h>
#include <string.h>

#include "tools/json_file.h"

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
    const char *shape =
        source->offsets ? PARTITION_LIST_SHAPE(",\"offset\":0") : PARTITION_LIST_SHAPE("");
    const json_t *entries = json_file_list(source->run, source->option, root, "partitions", shape);
    const json_t *entry;
    size_t i;
    if (!entries)
        return 1;
    json_array_foreach(entries, i, entry)
    {
        int64_t partition, offset = 0;
        const char *topic = json_string_value(json_object_get(entry, "topic"));
        if (!topic || !partition_list_number(entry, "partition", 0, INT32_MAX, &partition) ||
            (source->offsets && !partition_list_number(entry, "offset", -1, INT64_MAX, &offset)))
            return json_file_refuse(source->run, source->option, shape);
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
    json_t *root = json_file_read(run, option);
    if (!root)
        return 1;
    int status = partition_list_take(&source, root, list);
    json_decref(root);
    return status ? status : partition_list_check_twice(&source, list);
}
