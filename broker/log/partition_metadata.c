/* The file partition.metadata: written when the directory is made, read when it is opened or when
 * nobody knows what it is. It is made durable by the first flush of its log. Failure modes: a file
 * that can't be read as one of its kind is ERR_MALFORMED, and the directory is then no topic's. */
#include "broker/log/partition_metadata.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/props.h"

enum { METADATA_FILE_MAX = 4096 };

int partition_metadata_read(struct env *env, const char *path, struct uuid *topic_id,
                            struct uuid *incarnation)
{
    char *file = mem_printf("%s/partition.metadata", path), *text;
    size_t len;
    int line, rc = env_file_load(env, file, METADATA_FILE_MAX, &text, &len);
    mem_free(file);
    if (rc < 0)
        return rc;
    struct props props;
    props_init(&props);
    rc = props_parse(&props, text, len, &line);
    const char *id = rc == 0 ? props_get(&props, "topic_id") : NULL;
    if (!id || uuid_parse(id, topic_id) < 0)
        rc = ERR_MALFORMED;
    id = rc == 0 ? props_get(&props, "incarnation") : NULL;
    *incarnation = (struct uuid){0};
    if (id && uuid_parse(id, incarnation) < 0)
        rc = ERR_MALFORMED;
    props_close(&props);
    mem_free(text);
    return rc;
}

int partition_metadata_topic_id(struct env *env, const char *path, struct uuid *topic_id)
{
    struct uuid incarnation;
    return partition_metadata_read(env, path, topic_id, &incarnation);
}

int partition_metadata_write(struct env *env, const char *dir, const struct uuid *topic_id,
                             const struct uuid *incarnation)
{
    char id[UUID_TEXT_LEN + 1], made_as[UUID_TEXT_LEN + 1];
    if (uuid_is_zero(topic_id))
        return 0;
    uuid_format(topic_id, id);
    uuid_format(incarnation, made_as);
    char *path = mem_printf("%s/partition.metadata", dir);
    char *text = mem_printf("version: 0\ntopic_id: %s\nincarnation: %s\n", id, made_as);
    struct env_file *file;
    int rc = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_TRUNCATE, &file);
    if (rc == 0) {
        rc = env_file_write(file, text, strlen(text), 0);
        env_file_close(file);
    }
    mem_free(text);
    mem_free(path);
    return rc;
}
