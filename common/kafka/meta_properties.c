/* Whose a log directory is: read, compared, written.
 *
 * Happy path: the file names this broker and this cluster. A new directory gets a random id.
 * Failure modes: a directory of another broker or cluster, or of Apache Kafka, is refused with
 * what to change.
 *
 * The line millrace.version tells our file from Kafka's. A file from before that line has no
 * comment and begins with version=1, node.id, as we wrote it; Java, which writes Kafka's, always
 * begins with a comment. */
#include "kafka/meta_properties.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/props.h"

enum { META_FILE_MAX = 64 * 1024 };
#define META_MARK      "millrace.version"
#define META_FORMATTED "millrace.formatted"
#define META_FEATURES  "millrace.features"
#define META_OLD_BEGIN "version=1\nnode.id="

void meta_properties_close(struct meta_properties *meta)
{
    mem_free(meta->cluster_id);
    *meta = (struct meta_properties){0};
}

/* Of version 4. */
struct uuid meta_properties_new_id(struct env *env)
{
    struct uuid id;
    char text[UUID_TEXT_LEN + 1];
    do {
        env_random_bytes(env, id.bytes, sizeof(id.bytes));
        id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
        id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
        uuid_format(&id, text);
    } while (text[0] == '-');
    ASSERT(!uuid_is_zero(&id));
    return id;
}

static int check_version(const char *dir, const struct props *props, struct buf *problem)
{
    const char *version = props_get(props, "version");
    if (version && (strcmp(version, "0") == 0 || strcmp(version, "1") == 0))
        return 0;
    buf_printf(problem,
               "%s/meta.properties has version=%s, and only 0 and 1 are known: restore the file, "
               "or set log.dirs to a directory of this version of the software",
               dir, version ? version : "(none)");
    return ERR_INVALID;
}

static int check_node(const char *dir, const struct props *props, int32_t node_id,
                      struct buf *problem)
{
    const char *name = props_get(props, "node.id") ? "node.id" : "broker.id";
    const char *text = props_get(props, name);
    if (!text)
        return 0;
    char *end;
    long long value = strtoll(text, &end, 10);
    if (end != text && *end == 0 && value == node_id)
        return 0;
    buf_printf(problem,
               "log directory %s belongs to the broker with %s=%s (says its meta.properties), but "
               "this broker has %s=%" PRId32
               ": set broker.id or node.id to %s, or give this broker "
               "another directory in log.dirs",
               dir, name, text, name, node_id, text);
    return ERR_INVALID;
}

static int check_cluster(const char *dir, const struct props *props, const char *cluster_id,
                         struct buf *problem)
{
    const char *text = props_get(props, "cluster.id");
    if (!text || !cluster_id || strcmp(text, cluster_id) == 0)
        return 0;
    buf_printf(problem,
               "log directory %s belongs to cluster %s (says its meta.properties), but this broker "
               "joins cluster %s: set controller.quorum.voters or "
               "controller.quorum.bootstrap.servers to nodes of that cluster, or give this broker "
               "another directory in log.dirs",
               dir, text, cluster_id);
    return ERR_INCONSISTENT_CLUSTER_ID;
}

static int take_props(struct env *env, const char *dir, const struct props *props, int32_t node_id,
                      const char *cluster_id, struct meta_properties *meta, struct buf *problem)
{
    int rc = check_version(dir, props, problem);
    ASSERT(meta->cluster_id == NULL);
    if (rc == 0)
        rc = check_node(dir, props, node_id, problem);
    if (rc == 0)
        rc = check_cluster(dir, props, cluster_id, problem);
    if (rc < 0)
        return rc;
    const char *cluster = props_get(props, "cluster.id");
    if (cluster)
        meta->cluster_id = mem_strdup(cluster);
    meta->has_cluster = cluster != NULL;
    meta->formatted = cluster && props_get(props, META_FORMATTED);
    const char *levels = props_get(props, META_FEATURES);
    if (meta->formatted && levels && features_levels_read(&meta->levels, levels)) {
        buf_printf(problem,
                   "%s/meta.properties has " META_FEATURES
                   "=%s, which names features or levels that this version of the software does not "
                   "have: remove that line, or format the directory anew",
                   dir, levels);
        return ERR_INVALID;
    }
    const char *id = props_get(props, "directory.id");
    if (id && uuid_parse(id, &meta->directory_id) < 0) {
        buf_printf(problem,
                   "%s/meta.properties has directory.id=%s, which is not an id: restore the "
                   "file, or remove that line to get a new id",
                   dir, id);
        return ERR_INVALID;
    }
    if (!id)
        meta->directory_id = meta_properties_new_id(env);
    if (!id || !props_get(props, META_MARK))
        meta->dirty = true;
    return 0;
}

static bool is_foreign(const struct props *props, const char *text)
{
    return props_get(props, "version") && !props_get(props, META_MARK) &&
           strncmp(text, META_OLD_BEGIN, strlen(META_OLD_BEGIN)) != 0;
}

int meta_properties_check_owner(struct env *env, const char *dir, struct buf *problem)
{
    char *path = mem_printf("%s/meta.properties", dir), *text = NULL;
    char *quorum = mem_printf("%s/__cluster_metadata-0", dir);
    size_t len;
    int line;
    bool foreign = false;
    int rc = env_file_load(env, path, META_FILE_MAX, &text, &len);
    if (rc == ERR_NOT_FOUND) {
        foreign = env_path_exists(env, quorum);
    } else if (rc == 0) { /* else meta_properties_load tells it, also what does not parse */
        struct props props;
        props_init(&props);
        foreign = props_parse(&props, text, len, &line) == 0 && is_foreign(&props, text);
        props_close(&props);
    }
    if (foreign)
        buf_printf(problem,
                   "log directory %s belongs to Apache Kafka (says its %s), and this software "
                   "can't take it over yet: set log.dirs to another directory and copy the topics "
                   "with a client or a mirroring tool. Nothing in it was changed",
                   dir, rc == 0 ? "meta.properties" : "folder __cluster_metadata-0");
    mem_free(text);
    mem_free(quorum);
    mem_free(path);
    return foreign ? ERR_INVALID : 0;
}

int meta_properties_load(struct env *env, const char *dir, int32_t node_id, const char *cluster_id,
                         struct meta_properties *meta, struct buf *problem)
{
    *meta = (struct meta_properties){.node_id = node_id};
    features_levels_init(&meta->levels);
    char *path = mem_printf("%s/meta.properties", dir), *text = NULL;
    size_t len;
    int line = 0, rc = env_file_load(env, path, META_FILE_MAX, &text, &len);
    mem_free(path);
    if (rc == ERR_NOT_FOUND) {
        meta->directory_id = meta_properties_new_id(env);
        meta->dirty = true;
        rc = 0;
    } else if (rc < 0) {
        buf_printf(problem, "%s/meta.properties can't be read: %s", dir, err_text(rc));
    } else {
        struct props props;
        props_init(&props);
        rc = props_parse(&props, text, len, &line);
        if (rc < 0) {
            buf_printf(problem,
                       "%s/meta.properties is damaged at line %d: restore it. It has the lines "
                       "version=1, millrace.version=1, node.id, cluster.id and directory.id",
                       dir, line);
            rc = ERR_INVALID;
        } else {
            rc = take_props(env, dir, &props, node_id, cluster_id, meta, problem);
        }
        props_close(&props);
    }
    mem_free(text);
    if (rc == 0 && !meta->cluster_id && cluster_id) {
        meta->cluster_id = mem_strdup(cluster_id);
        meta->dirty = true;
    }
    if (rc < 0)
        meta_properties_close(meta);
    return rc;
}

int meta_properties_store(struct env *env, const char *dir, const struct meta_properties *meta)
{
    struct buf text;
    char id[UUID_TEXT_LEN + 1];
    buf_init(&text);
    uuid_format(&meta->directory_id, id);
    buf_printf(&text, "version=1\nnode.id=%" PRId32 "\ndirectory.id=%s\n" META_MARK "=1\n",
               meta->node_id, id);
    if (meta->cluster_id)
        buf_printf(&text, "cluster.id=%s\n", meta->cluster_id);
    if (meta->formatted)
        buf_printf(&text, META_FORMATTED "=true\n");
    if (meta->formatted && features_levels_said(&meta->levels)) {
        buf_printf(&text, META_FEATURES "=");
        features_levels_print(&meta->levels, &text);
        buf_printf(&text, "\n");
    }
    char *path = mem_printf("%s/meta.properties", dir);
    int rc = env_file_replace(env, path, text.data, text.len);
    mem_free(path);
    buf_close(&text);
    return rc;
}

/* ---- all directories of a node ---- */

/* What is no directory, or can't be opened, is for those to tell who need it as one. */
static bool formatted_has_file(struct env *env, const char *dir)
{
    char *path = mem_printf("%s/meta.properties", dir);
    bool has = env_path_exists(env, path);
    mem_free(path);
    return has;
}

const char *meta_formatted_dir(const struct config *config, int i)
{
    int count;
    const char *const *dirs = config_log_dirs(config, &count);
    const char *metadata = config_str(config, CONFIG_METADATA_LOG_DIR);
    ASSERT(i >= 0);
    if (i < count)
        return dirs[i];
    for (int j = 0; j < count; j++)
        if (strcmp(dirs[j], metadata) == 0)
            return NULL;
    return i == count && metadata[0] ? metadata : NULL;
}

void meta_formatted_close(struct meta_formatted *formatted)
{
    mem_free(formatted->cluster_id);
    *formatted = (struct meta_formatted){0};
}

int meta_formatted_look(struct env *env, const struct config *config,
                        struct meta_formatted *formatted, struct buf *problem)
{
    bool lived = false;
    int rc = 0;
    const char *dir;
    *formatted = (struct meta_formatted){0};
    features_levels_init(&formatted->levels);
    for (int i = 0; rc == 0 && (dir = meta_formatted_dir(config, i)); i++) {
        struct meta_properties meta;
        if (!formatted_has_file(env, dir))
            continue;
        rc = meta_properties_load(env, dir, config_node_id(config), formatted->cluster_id, &meta,
                                  problem);
        if (rc < 0)
            break;
        lived |= meta.has_cluster && !meta.formatted;
        formatted->fresh |= meta.formatted;
        if (meta.formatted && !features_levels_said(&formatted->levels))
            formatted->levels = meta.levels;
        if (meta.has_cluster && !formatted->cluster_id)
            formatted->cluster_id = mem_strdup(meta.cluster_id);
        meta_properties_close(&meta);
    }
    formatted->fresh &= !lived;
    if (rc < 0)
        meta_formatted_close(formatted);
    return rc;
}

int meta_formatted_clear(struct env *env, const struct config *config, struct buf *problem)
{
    int rc = 0;
    const char *dir;
    for (int i = 0; rc == 0 && (dir = meta_formatted_dir(config, i)); i++) {
        struct meta_properties meta;
        if (!formatted_has_file(env, dir))
            continue;
        rc = meta_properties_load(env, dir, config_node_id(config), NULL, &meta, problem);
        if (rc == 0 && meta.formatted) {
            meta.formatted = false;
            rc = meta_properties_store(env, dir, &meta);
            if (rc < 0)
                buf_printf(problem, "%s/meta.properties can't be written: %s", dir, err_text(rc));
        }
        meta_properties_close(&meta);
    }
    return rc;
}
