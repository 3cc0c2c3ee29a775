/* The metadata of a cluster as a tree of files.
 *
 * Happy path: the snapshot, and the entries of the log behind it, give the image, and each of its
 * records a file. Failure modes: no such file, a damaged one, an entry that breaks a rule. */
#include "tools/metadata_tree.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/version.h"
#include "meta/image.h"
#include "tools/dump_metadata.h"
#include "tools/proto_json.h"
#include "tools/report.h"

#define TREE_FILE_MAX ((size_t)2 << 30)
enum { TREE_FILES_MAX = 4096 };

struct tree {
    struct tool_run *run;
    struct dump_entries entries;
    struct image *image;
    json_t *root;
};

/* ---- files ---- */

static bool tree_is_log(const char *name)
{
    return strncmp(name, "log-", 4) == 0 && dump_metadata_knows(name);
}

static int tree_add_file(struct tree *t, const char *path, bool newest)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char *bytes;
    size_t len;
    if (strcmp(name, "snapshot") != 0 && !tree_is_log(name))
        return tool_fail(t->run, "%s: this is neither a snapshot nor a log-N of a controller",
                         path);
    int err = env_file_load(t->run->env, path, TREE_FILE_MAX, &bytes, &len);
    if (err)
        return tool_fail(t->run, "%s: %s", path, err_text(err));
    int status =
        dump_entries_add(t->run, path, name, (const uint8_t *)bytes, len, newest, &t->entries);
    mem_free(bytes);
    return status;
}

static int tree_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The snapshot, then the segments of the log by their numbers, which all have as many digits. */
static int tree_add_directory(struct tree *t, const char *path)
{
    char *names[TREE_FILES_MAX];
    struct dirent *entry;
    size_t count = 0;
    DIR *directory = opendir(path);
    char *snapshot = mem_printf("%s/snapshot", path);
    struct stat stat_of;
    int status = 0;
    if (!directory) {
        mem_free(snapshot);
        return tool_fail(t->run, "%s: it can't be read (%s)", path, strerror(errno));
    }
    while ((entry = readdir(directory)) && count < TREE_FILES_MAX)
        if (tree_is_log(entry->d_name))
            names[count++] = mem_printf("%s/%s", path, entry->d_name);
    closedir(directory);
    if (count > 0)
        qsort(names, count, sizeof(names[0]), tree_compare);
    bool has_snapshot = stat(snapshot, &stat_of) == 0;
    if (has_snapshot)
        status = tree_add_file(t, snapshot, false);
    else if (count == 0)
        status = tool_fail(t->run,
                           "%s: there is no metadata here: name the directory \"controller\" in a "
                           "node's metadata.log.dir or first log.dirs",
                           path);
    for (size_t i = 0; i < count; i++) {
        if (status == 0)
            status = tree_add_file(t, names[i], i + 1 == count);
        mem_free(names[i]);
    }
    mem_free(snapshot);
    return status;
}

/* ---- the tree ---- */

static json_t *tree_directory(json_t *parent, const char *name)
{
    json_t *found = json_object_get(parent, name);
    if (found)
        return found;
    json_object_set_new(parent, name, json_object());
    return json_object_get(parent, name);
}

static json_t *tree_image(struct tree *t, const char *name)
{
    return tree_directory(tree_directory(t->root, "image"), name);
}

/* The content of a file is the record as JSON. */
static void tree_put_record(json_t *directory, const char *name, const ProtobufCMessage *message)
{
    json_t *json = proto_json(message);
    size_t size = json_dumpb(json, NULL, 0, JSON_COMPACT);
    char *text = mem_alloc(size + 1);
    json_dumpb(json, text, size, JSON_COMPACT);
    json_object_set_new(directory, name, report_json_text(text, size));
    mem_free(text);
    json_decref(json);
}

static void tree_put_text(json_t *directory, const char *name, char *text)
{
    json_object_set_new(directory, name, report_json_text(text, strlen(text)));
    mem_free(text);
}

static void tree_put_topic(struct tree *t, const Meta__TopicRecord *record)
{
    json_t *topics = tree_image(t, "topics");
    struct uuid id;
    char text[UUID_TEXT_LEN + 1];
    memcpy(id.bytes, record->id.data, sizeof(id.bytes));
    uuid_format(&id, text);
    tree_put_text(tree_directory(tree_directory(topics, "byName"), record->name), "id",
                  mem_strdup(text));
    tree_put_text(tree_directory(tree_directory(topics, "byId"), text), "name",
                  mem_strdup(record->name));
}

static void tree_put_partition(struct tree *t, const Meta__PartitionRecord *record)
{
    struct uuid id;
    memcpy(id.bytes, record->topic_id.data, sizeof(id.bytes));
    const struct image_topic *topic = image_topic_by_id(t->image, &id);
    char *number = mem_printf("%d", record->partition);
    ASSERT(topic); /* the records of an image name what it has */
    tree_put_record(tree_directory(tree_directory(tree_image(t, "topics"), "byName"), topic->name),
                    number, &record->base);
    mem_free(number);
}

static void tree_put_config(struct tree *t, const Meta__ConfigRecord *record)
{
    bool topic = record->resource == META__CONFIG_RECORD__RESOURCE__TOPIC;
    char *name = mem_printf("%s:%s", topic ? "TOPIC" : "BROKER",
                            record->name[0] ? record->name : "<default>");
    tree_put_text(tree_directory(tree_image(t, "configs"), name), record->key,
                  mem_strdup(record->value));
    mem_free(name);
}

static void tree_put_quota(struct tree *t, const Meta__ClientQuotaRecord *record)
{
    json_t *directory = tree_image(t, "clientQuotas");
    for (size_t i = 0; i < record->n_parts; i++) {
        const Meta__QuotaPart *part = record->parts[i];
        char *name = mem_printf("%s:%s", part->type, part->everyone ? "<default>" : part->name);
        directory = tree_directory(directory, name);
        mem_free(name);
    }
    tree_put_text(directory, record->key, mem_printf("%.17g", record->value));
}

static int tree_put(void *data, const Meta__Record *record)
{
    struct tree *t = data;
    char *number;
    switch (record->fact_case) {
    case META__RECORD__FACT_CLUSTER:
        tree_put_text(tree_image(t, "cluster"), "id", mem_strdup(record->cluster->cluster_id));
        break;
    case META__RECORD__FACT_BROKER:
        number = mem_printf("%d", record->broker->id);
        tree_put_record(tree_directory(tree_image(t, "cluster"), "brokers"), number,
                        &record->broker->base);
        mem_free(number);
        break;
    case META__RECORD__FACT_TOPIC:
        tree_put_topic(t, record->topic);
        break;
    case META__RECORD__FACT_PARTITION:
        tree_put_partition(t, record->partition);
        break;
    case META__RECORD__FACT_CONFIG:
        tree_put_config(t, record->config);
        break;
    case META__RECORD__FACT_PRODUCER_IDS:
        tree_put_text(tree_image(t, "producerIds"), "nextProducerId",
                      mem_printf("%" PRId64, record->producer_ids->next_id));
        break;
    case META__RECORD__FACT_FEATURE:
        tree_put_text(tree_image(t, "features"), record->feature->name,
                      mem_printf("%d", record->feature->level));
        break;
    case META__RECORD__FACT_CLIENT_QUOTA:
        tree_put_quota(t, record->client_quota);
        break;
    default: /* no fact of an image: what was removed is not there */
        break;
    }
    return 0;
}

static int tree_apply(struct tree *t)
{
    for (size_t i = 0; i < t->entries.count; i++) {
        const struct dump_entry *item = &t->entries.items[i];
        Meta__Entry *entry = meta__entry__unpack(NULL, item->len, item->bytes);
        int err = entry ? image_apply_entry(t->image, entry) : ERR_MALFORMED;
        if (entry)
            meta__entry__free_unpacked(entry, NULL);
        if (err)
            return tool_fail(t->run, "the entry with index %" PRIu64 " can't be applied: %s",
                             item->index, err_text(err));
    }
    return 0;
}

static void tree_build(struct tree *t)
{
    uint64_t last = t->entries.count > 0 ? t->entries.items[t->entries.count - 1].index : 0;
    static const char *const directories[] = {"clientQuotas", "cluster",     "configs",
                                              "features",     "producerIds", "topics"};
    for (size_t i = 0; i < ARRAY_LEN(directories); i++)
        tree_image(t, directories[i]);
    int err = image_each_record(t->image, tree_put, t);
    ASSERT(err == 0);
    tree_put_text(tree_image(t, "provenance"), "lastIndex", mem_printf("%" PRIu64, last));
    tree_put_text(tree_directory(t->root, "local"), "version", mem_strdup(MILLRACE_VERSION));
}

json_t *metadata_tree_load(struct tool_run *run, const char *path)
{
    struct tree t = {.run = run, .root = json_object(), .image = image_new()};
    struct stat stat_of;
    int status = stat(path, &stat_of)
                     ? tool_fail(run, "%s: it can't be read (%s)", path, strerror(errno))
                 : S_ISDIR(stat_of.st_mode) ? tree_add_directory(&t, path)
                                            : tree_add_file(&t, path, false);
    if (status == 0)
        status = tree_apply(&t);
    if (status == 0)
        tree_build(&t);
    dump_entries_free(&t.entries);
    image_free(t.image);
    if (status == 0)
        return t.root;
    json_decref(t.root);
    return NULL;
}
