/* The file partition.metadata: written when the directory is made, read when it is opened or when
 * nobody knows what it is. It is made durable by the first flush of its log. Failure modes: a file
 * that can't be read as one of its kind is ERR_MALFORMED, and the directory is then no topic's. */
#include "broker/log/partition_metadata.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/props.h"

enum { METADATA_FILE_MAX = 4096 };

/* Zero where there is no such line. */
static int partition_metadata_id(const struct props *props, const char *key, struct uuid *id)
{
    const char *text = props_get(props, key);
    *id = (struct uuid){0};
    return text && uuid_parse(text, id) < 0 ? ERR_MALFORMED : 0;
}

/* "INCARNATION DIRECTORY,INCARNATION DIRECTORY"; what is beyond the most that are kept is older. */
static int partition_metadata_places(const struct props *props, struct partition_metadata *found)
{
    const char *text = props_get(props, "replaced_before");
    char id[UUID_TEXT_LEN + 1];
    while (text && *text && found->before_count < PARTITION_METADATA_BEFORE_MAX) {
        struct partition_metadata_place *place = &found->before[found->before_count++];
        struct uuid *ids[] = {&place->incarnation, &place->dir};
        for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
            size_t len = strcspn(text, " ,");
            if (len != UUID_TEXT_LEN || (i == 0 && text[len] != ' ') ||
                (i == 1 && text[len] == ' '))
                return ERR_MALFORMED;
            memcpy(id, text, len);
            id[len] = '\0';
            if (uuid_parse(id, ids[i]) < 0)
                return ERR_MALFORMED;
            text += len + (text[len] != '\0');
        }
    }
    return 0;
}

int partition_metadata_read(struct env *env, const char *path, struct partition_metadata *found)
{
    char *file = mem_printf("%s/partition.metadata", path), *text;
    size_t len;
    int line, rc = env_file_load(env, file, METADATA_FILE_MAX, &text, &len);
    *found = (struct partition_metadata){0};
    mem_free(file);
    if (rc < 0)
        return rc;
    struct props props;
    props_init(&props);
    rc = props_parse(&props, text, len, &line);
    if (rc < 0 || !props_get(&props, "topic_id"))
        rc = ERR_MALFORMED;
    if (rc == 0)
        rc = partition_metadata_id(&props, "topic_id", &found->topic_id);
    if (rc == 0)
        rc = partition_metadata_id(&props, "incarnation", &found->incarnation);
    if (rc == 0)
        rc = partition_metadata_id(&props, "replaces", &found->replaces);
    if (rc == 0)
        rc = partition_metadata_id(&props, "replaces_directory", &found->replaces_dir);
    if (rc == 0)
        rc = partition_metadata_places(&props, found);
    props_close(&props);
    mem_free(text);
    return rc;
}

int partition_metadata_topic_id(struct env *env, const char *path, struct uuid *topic_id)
{
    struct partition_metadata found;
    int rc = partition_metadata_read(env, path, &found);
    *topic_id = found.topic_id;
    return rc;
}

bool partition_metadata_took(const struct partition_metadata *heir, const struct uuid *incarnation,
                             const struct uuid *dir)
{
    ASSERT(heir->before_count <= PARTITION_METADATA_BEFORE_MAX);
    bool took = !uuid_is_zero(&heir->replaces_dir) && uuid_equal(&heir->replaces_dir, dir) &&
                uuid_equal(&heir->replaces, incarnation);
    for (size_t i = 0; i < heir->before_count; i++)
        took |= uuid_equal(&heir->before[i].dir, dir) &&
                uuid_equal(&heir->before[i].incarnation, incarnation);
    return took;
}

/* A directory has one folder of the name at most: an older place in the same one is no more. */
static void partition_metadata_add(struct partition_metadata *heir, const struct uuid *incarnation,
                                   const struct uuid *place, const struct uuid *dir)
{
    bool known =
        uuid_is_zero(place) || uuid_equal(place, dir) || uuid_equal(place, &heir->replaces_dir);
    for (size_t i = 0; i < heir->before_count; i++)
        known |= uuid_equal(place, &heir->before[i].dir);
    if (!known && heir->before_count < PARTITION_METADATA_BEFORE_MAX)
        heir->before[heir->before_count++] =
            (struct partition_metadata_place){*incarnation, *place};
}

void partition_metadata_inherit(struct partition_metadata *heir,
                                const struct partition_metadata *from, const struct uuid *dir)
{
    ASSERT(!uuid_is_zero(&heir->replaces_dir));
    ASSERT(from->before_count <= PARTITION_METADATA_BEFORE_MAX);
    partition_metadata_add(heir, &from->replaces, &from->replaces_dir, dir);
    for (size_t i = 0; i < from->before_count; i++)
        partition_metadata_add(heir, &from->before[i].incarnation, &from->before[i].dir, dir);
}

static void partition_metadata_put(struct buf *text, const char *key, const struct uuid *id)
{
    char printed[UUID_TEXT_LEN + 1];
    uuid_format(id, printed);
    buf_printf(text, "%s: %s\n", key, printed);
}

static void partition_metadata_put_places(struct buf *text,
                                          const struct partition_metadata *metadata)
{
    for (size_t i = 0; i < metadata->before_count; i++) {
        char incarnation[UUID_TEXT_LEN + 1], dir[UUID_TEXT_LEN + 1];
        uuid_format(&metadata->before[i].incarnation, incarnation);
        uuid_format(&metadata->before[i].dir, dir);
        buf_printf(text, "%s%s %s", i == 0 ? "replaced_before: " : ",", incarnation, dir);
    }
    if (metadata->before_count > 0)
        buf_printf(text, "\n");
}

int partition_metadata_write(struct env *env, const char *dir,
                             const struct partition_metadata *metadata)
{
    struct buf text;
    struct env_file *file;
    if (uuid_is_zero(&metadata->topic_id))
        return 0;
    buf_init(&text);
    buf_printf(&text, "version: 0\n");
    partition_metadata_put(&text, "topic_id", &metadata->topic_id);
    partition_metadata_put(&text, "incarnation", &metadata->incarnation);
    if (!uuid_is_zero(&metadata->replaces_dir)) {
        partition_metadata_put(&text, "replaces", &metadata->replaces);
        partition_metadata_put(&text, "replaces_directory", &metadata->replaces_dir);
    }
    partition_metadata_put_places(&text, metadata);
    char *path = mem_printf("%s/partition.metadata", dir);
    int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_TRUNCATE, &file);
    if (rc == 0) {
        rc = env_file_write(file, text.data, text.len, 0);
        env_file_close(file);
    }
    buf_close(&text);
    mem_free(path);
    return rc;
}
