/* kafka-storage: what scripts call before they start a node.
 *
 * Millrace needs no formatting: an unformatted node finds or founds its cluster by itself. `format`
 * says beforehand which cluster that is (kafka/meta_properties.h). Happy path: the directories of
 * the settings are looked at, then those that have no cluster id get one. Failure modes: wrong
 * options; a directory that is formatted already, belongs to another node or cluster or to Apache
 * Kafka, or holds the metadata of a cluster. Nothing is written then. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/meta_properties.h"
#include "meta/features.h"
#include "tools/feature_releases.h"
#include "tools/report.h"
#include "tools/tools.h"

static const struct option_row storage_options[] = {
    OPTION_LETTER_WITH("format|info", 'c', "config", "FILE",
                       "format, info: the node's server.properties."),
    OPTION_LETTER_WITH("format", 't', "cluster-id", "ID",
                       "format: the cluster's id, such as random-uuid prints."),
    OPTION_LETTER_WITH("format", 'g', "ignore-formatted", NULL,
                       "format: leave formatted directories alone."),
    OPTION_LETTER_WITH("format", 's', "standalone", NULL,
                       "format: this node is the only controller."),
    OPTION_LETTER_WITH("format", 'I', "initial-controllers", "ID@HOST:PORT:DIR,...",
                       "format: the controllers; they have to be those of "
                       "controller.quorum.voters."),
    OPTION_LETTER_WITH("format", 'N', "no-initial-controllers", NULL,
                       "format: the controllers are elsewhere."),
    OPTION_LETTER_WITH("format|version-mapping", 'r', "release-version", "V",
                       "version-mapping: the release of Kafka (the newest); format: a new cluster "
                       "begins with its levels of features."),
    OPTION_MANY_LETTER_WITH("format|feature-dependencies", 'f', "feature", "NAME=N",
                            "feature-dependencies: the feature and its level; format: what a new "
                            "cluster begins with (the newest)."),
    OPTION_MANY_LETTER_WITH("format", 'S', "add-scram", "RECORD", "format: not available yet."),
    REPORT_OPTION_WITH("info|random-uuid|version-mapping|feature-dependencies"),
    TOOL_LAST_OPTIONS,
};

/* The channel to the controllers has room for so many. */
enum { STORAGE_ID_MAX = 63 };

struct storage {
    struct tool_run *run;
    struct config *config;
    struct buf problem;
    struct features_levels levels; /* format: those that the new cluster is to begin with */
};

static int storage_load(struct storage *s)
{
    const char *file = options_get(s->run->options, "config");
    struct buf notes;
    if (env_new(&s->run->env))
        return tool_fail(s->run, "no event loop can be made");
    buf_init(&notes); /* the server tells them */
    int err = config_load(s->run->env, file, NULL, 0, &s->problem, &notes, &s->config);
    buf_close(&notes);
    return err ? tool_fail(s->run, "%s", buf_text(&s->problem)) : 0;
}

/* ---- random-uuid ---- */

static int storage_random(struct storage *s)
{
    static const struct report_column columns[] = {{.name = "uuid"}, REPORT_END};
    char text[UUID_TEXT_LEN + 1];
    if (env_new(&s->run->env))
        return tool_fail(s->run, "no event loop can be made");
    struct uuid id = meta_properties_new_id(s->run->env);
    struct report *report = report_new(NULL);
    uuid_format(&id, text);
    report_columns(report, columns);
    report_lines(report, "{uuid}");
    report_text(report, text);
    report_print(report, report_format(s->run), stdout);
    report_free(report);
    return 0;
}

/* ---- info ---- */

static bool storage_is_dir(struct env *env, const char *dir)
{
    char **names;
    size_t count;
    if (env_dir_list(env, dir, &names, &count))
        return false;
    env_dir_list_free(names, count);
    return true;
}

/* What `info` finds. */
struct storage_found {
    struct report *directories, *problems, *metadata;
    struct meta_properties meta; /* of the first directory that is formatted */
};

static void storage_problem(struct storage_found *found, const char *dir, const char *problem)
{
    report_text(found->problems, dir);
    report_text(found->problems, problem);
}

/* One directory: into the list of those found, or that of problems. */
static void storage_look(struct storage *s, const char *dir, struct storage_found *found)
{
    struct env *env = s->run->env;
    struct meta_properties here;
    s->problem.len = 0;
    if (!storage_is_dir(env, dir)) {
        buf_printf(&s->problem, "%s does not exist", dir);
        storage_problem(found, dir, buf_text(&s->problem));
        return;
    }
    report_text(found->directories, dir);
    if (meta_properties_check_owner(env, dir, &s->problem) ||
        meta_properties_load(env, dir, config_node_id(s->config), found->meta.cluster_id, &here,
                             &s->problem)) {
        storage_problem(found, dir, buf_text(&s->problem));
        return;
    }
    if (!here.has_cluster) {
        buf_printf(&s->problem, "%s is not formatted.", dir);
        storage_problem(found, dir, buf_text(&s->problem));
    }
    if (here.has_cluster && !found->meta.has_cluster)
        found->meta = here;
    else
        meta_properties_close(&here);
}

static void storage_make_reports(struct storage_found *found)
{
    static const struct report_column directories[] = {{.name = "directory"}, REPORT_END};
    static const struct report_column problems[] = {
        {.name = "directory"}, {.name = "problem"}, REPORT_END};
    static const struct report_column metadata[] = {{.name = "clusterId"},
                                                    {.name = "directoryId"},
                                                    {.name = "nodeId"},
                                                    {.name = "version"},
                                                    REPORT_END};
    found->directories = report_new("directories");
    report_columns(found->directories, directories);
    report_lines(found->directories, "  {directory}");
    found->problems = report_new("problems");
    report_columns(found->problems, problems);
    report_lines(found->problems, "  {problem}");
    found->metadata = report_new(NULL);
    report_columns(found->metadata, metadata);
    report_lines(found->metadata, "Found metadata: {cluster.id={clusterId}, directory.id="
                                  "{directoryId}, node.id={nodeId}, version={version}}\n");
}

static void storage_put_metadata(struct storage_found *found)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(&found->meta.directory_id, id);
    if (found->meta.has_cluster) {
        report_text(found->metadata, found->meta.cluster_id);
        report_text(found->metadata, id);
        report_number(found->metadata, found->meta.node_id);
        report_number(found->metadata, 1);
        return;
    }
    for (int i = 0; i < 4; i++)
        report_none(found->metadata);
}

static void storage_print_found(const struct storage *s, const struct storage_found *found)
{
    const struct report *all[] = {found->directories, found->problems, found->metadata};
    enum report_format format = report_format(s->run);
    if (format != REPORT_KAFKA) {
        report_print_all(all, ARRAY_LEN(all), format, stdout);
        return;
    }
    if (report_rows(found->directories) > 0) {
        puts("Found log directories:");
        report_print(found->directories, format, stdout);
        putchar('\n');
    }
    if (found->meta.has_cluster)
        report_print(found->metadata, format, stdout);
    if (report_rows(found->problems) > 0) {
        puts("Found problems:");
        report_print(found->problems, format, stdout);
        putchar('\n');
    }
}

static int storage_info(struct storage *s)
{
    struct storage_found found = {0};
    const char *dir;
    if (storage_load(s))
        return 1;
    storage_make_reports(&found);
    for (int i = 0; (dir = meta_formatted_dir(s->config, i)); i++)
        storage_look(s, dir, &found);
    storage_put_metadata(&found);
    storage_print_found(s, &found);
    int status = report_rows(found.problems) > 0;
    meta_properties_close(&found.meta);
    report_free(found.directories);
    report_free(found.problems);
    report_free(found.metadata);
    return status;
}

/* ---- format: options ---- */

static int storage_check_id(const struct tool_run *run, const char *id)
{
    size_t len = strlen(id);
    bool plain = len > 0 && len <= STORAGE_ID_MAX;
    for (size_t i = 0; i < len; i++)
        plain = plain && (isalnum((unsigned char)id[i]) || strchr("_-.", id[i]));
    if (plain)
        return 0;
    return tool_misuse(run,
                       "--cluster-id %s: write letters, digits, '_', '-' and '.', at most %d of "
                       "them",
                       id, STORAGE_ID_MAX);
}

/* ---- format: features ---- */

static int storage_refuse_feature(const struct tool_run *run, const char *text)
{
    struct buf all;
    buf_init(&all);
    for (size_t i = 0; i < FEATURES_COUNT; i++)
        buf_printf(&all, "%s=%d to %d, ", features[i].name, features[i].min, features[i].max);
    int status = tool_misuse(run, "--feature %s is not available: there are %sand kraft.version=0",
                             text, buf_text(&all));
    buf_close(&all);
    return status;
}

/* One --feature. kraft.version is no feature here: the settings say whether the quorum changes. */
static int storage_read_feature(const struct tool_run *run, const char *text,
                                struct features_levels *levels)
{
    struct features_levels one;
    if (strcmp(text, "kraft.version=0") == 0)
        return 0;
    if (features_levels_read(&one, text) || strchr(text, ','))
        return storage_refuse_feature(run, text);
    for (size_t i = 0; i < FEATURES_COUNT; i++)
        if (one.of[i] != FEATURES_UNSAID)
            levels->of[i] = one.of[i];
    return 0;
}

/* Those of the release, if one is named, but for those that are named themselves. */
static int storage_read_features(const struct tool_run *run, struct features_levels *levels)
{
    const char *text, *name = options_get(run->options, "release-version");
    const struct feature_release *release = name ? feature_releases_find(run, name) : NULL;
    size_t cursor = 0;
    int status = name && !release;
    features_levels_init(levels);
    for (size_t i = 0; i < FEATURES_COUNT && release; i++)
        levels->of[i] = feature_releases_level(release, &features[i]);
    while (status == 0 && (text = options_next(run->options, "feature", &cursor)))
        status = storage_read_feature(run, text, levels);
    return status;
}

/* Whether "ID@HOST:PORT:DIRECTORY" is the voter; *dir is where the directory's id begins. */
static bool storage_is_voter(const char *text, size_t len, const struct config_voter *voter,
                             const char **dir)
{
    char *wanted = mem_printf("%d@%s:%u:", voter->id, voter->host, voter->port);
    size_t wanted_len = strlen(wanted);
    bool same = len > wanted_len && memcmp(text, wanted, wanted_len) == 0;
    mem_free(wanted);
    *dir = text + wanted_len;
    return same;
}

/* The controllers are those of the settings; the list has to name the same ones. `own` gets the id
 * of this node's directory in it. */
static int storage_check_initial(const struct storage *s, const char *list, struct uuid *own)
{
    int count, named = 0;
    const struct config_voter *voters = config_voters(s->config, &count);
    const struct config_endpoint *listen = config_controller_listener(s->config);
    struct config_voter self = {config_node_id(s->config), listen ? listen->host : "",
                                listen ? listen->port : 0};
    if (count == 0 && listen) { /* alone: any name of this host will do */
        const char *at = strchr(list, '@'), *colon = at ? strchr(at, ':') : NULL;
        self.host = colon ? mem_strndup(at + 1, (size_t)(colon - at - 1)) : mem_strdup("");
        voters = &self;
        count = 1;
    }
    bool right = true;
    for (const char *text = list; *text && right;) {
        size_t len = strcspn(text, ",");
        const char *dir;
        bool known = false;
        for (int i = 0; i < count && !known; i++) {
            known = storage_is_voter(text, len, &voters[i], &dir);
            char *id = known ? mem_strndup(dir, (size_t)(text + len - dir)) : NULL;
            struct uuid uuid;
            known = known && uuid_parse(id, &uuid) == 0;
            if (known && voters[i].id == config_node_id(s->config))
                *own = uuid;
            mem_free(id);
        }
        right = known;
        named++;
        text += len + (text[len] == ',');
    }
    if (voters == &self)
        mem_free((char *)(uintptr_t)self.host);
    return right && named == count
               ? 0
               : tool_misuse(s->run,
                             "--initial-controllers %s: write ID@HOST:PORT:DIRECTORY for each node "
                             "of controller.quorum.voters, and no others; of a quorum that grows, "
                             "of this node alone",
                             list);
}

/* Who the controllers are is in the settings; what is said here must not contradict them. */
static int storage_check_controllers(const struct storage *s, struct uuid *own)
{
    const struct options *options = s->run->options;
    const char *initial = options_get(options, "initial-controllers");
    bool alone = options_has(options, "standalone");
    bool none = options_has(options, "no-initial-controllers");
    bool controller = config_roles(s->config) & CONFIG_ROLE_CONTROLLER;
    int count;
    const struct config_voter *voters = config_voters(s->config, &count);
    (void)voters;
    if (!controller && (alone || initial))
        return tool_misuse(s->run, "--%s: this node is no controller (process.roles)",
                           alone ? "standalone" : "initial-controllers");
    if (!controller)
        return 0;
    if (alone && count > 1)
        return tool_misuse(s->run, "--standalone: controller.quorum.voters names %d nodes", count);
    int founder = config_bootstrap_founder(s->config);
    bool founds = count == 0 && (founder < 0 || config_bootstrap_supposed(s->config) ||
                                 config_bootstrap_is_self(s->config, founder));
    if (none && founds)
        return tool_misuse(s->run,
                           "--no-initial-controllers: this node founds the quorum: another "
                           "one has to be the lowest of controller.quorum.bootstrap.servers");
    if (alone && count == 0 && !founds)
        return tool_misuse(s->run, "--standalone: this node joins the quorum that the lowest of "
                                   "controller.quorum.bootstrap.servers founds");
    if (!alone && !initial && !none && count == 0 && config_is_set(s->config, CONFIG_PROCESS_ROLES))
        return tool_misuse(
            s->run, "Because controller.quorum.voters is not set on this controller, you must "
                    "specify one of the following: --standalone, --initial-controllers, or "
                    "--no-initial-controllers.");
    return initial ? storage_check_initial(s, initial, own) : 0;
}

static int storage_check_format(const struct tool_run *run)
{
    static const char *const ways[] = {"standalone", "initial-controllers",
                                       "no-initial-controllers"};
    const char *id = options_get(run->options, "cluster-id"), *way = NULL;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (!options_has(run->options, ways[i]))
            continue;
        if (way)
            return tool_misuse(run, "--%s: not allowed with --%s", ways[i], way);
        way = ways[i];
    }
    if (!id)
        return tool_misuse(run, "format needs --cluster-id ID");
    if (options_has(run->options, "add-scram"))
        return tool_misuse(run, "--add-scram is not available: there are no users yet");
    return storage_check_id(run, id);
}

/* ---- format: directories ---- */

/* A controller has begun there: its log, vote and snapshot have no dot in front. */
static bool storage_has_metadata(struct env *env, const char *dir)
{
    char *path = mem_printf("%s/controller", dir);
    char **names;
    size_t count = 0;
    bool has = false;
    if (env_dir_list(env, path, &names, &count) == 0) {
        for (size_t i = 0; i < count; i++)
            has |= names[i][0] != '.';
        env_dir_list_free(names, count);
    }
    mem_free(path);
    return has;
}

/* Whether this one is to be formatted; an error when it must not be. */
static int storage_plan(struct storage *s, const char *dir, const char *id, bool *wanted)
{
    struct env *env = s->run->env;
    struct meta_properties meta;
    *wanted = false;
    if (meta_properties_check_owner(env, dir, &s->problem) ||
        meta_properties_load(env, dir, config_node_id(s->config), NULL, &meta, &s->problem))
        return tool_fail(s->run, "%s", buf_text(&s->problem));
    bool formatted = meta.has_cluster;
    bool other = formatted && strcmp(meta.cluster_id, id) != 0;
    int status = 0;
    if (other)
        status =
            tool_fail(s->run, "Invalid cluster.id in: %s/meta.properties. Expected %s, but read %s",
                      dir, id, meta.cluster_id);
    else if (formatted && !options_has(s->run->options, "ignore-formatted"))
        status = tool_fail(s->run,
                           "Log directory %s is already formatted. Use --ignore-formatted to "
                           "ignore this directory and format the others.",
                           dir);
    else if (!formatted && storage_has_metadata(env, dir))
        status = tool_fail(s->run,
                           "%s/controller has the metadata of a cluster, whose id is missing in "
                           "%s/meta.properties: start the node as it is",
                           dir, dir);
    *wanted = !formatted;
    meta_properties_close(&meta);
    return status;
}

static bool storage_is_metadata_dir(const struct storage *s, int i)
{
    const char *set = config_str(s->config, CONFIG_METADATA_LOG_DIR);
    const char *metadata = set[0] ? set : meta_formatted_dir(s->config, 0);
    return strcmp(meta_formatted_dir(s->config, i), metadata) == 0;
}

static int storage_write(struct storage *s, int i, const char *id, const struct uuid *own)
{
    struct env *env = s->run->env;
    const char *dir = meta_formatted_dir(s->config, i);
    bool metadata = storage_is_metadata_dir(s, i);
    struct meta_properties meta;
    printf("Formatting %s directory %s with cluster.id %s.\n", metadata ? "metadata" : "data", dir,
           id);
    int err = env_dir_make_durable(env, dir);
    if (!err)
        err = meta_properties_load(env, dir, config_node_id(s->config), id, &meta, &s->problem);
    if (err)
        return tool_fail(s->run, "%s can't be made: %s", dir,
                         s->problem.len ? buf_text(&s->problem) : err_text(err));
    meta.formatted = true;
    meta.levels = s->levels;
    if (metadata && !uuid_is_zero(own))
        meta.directory_id = *own;
    err = meta_properties_store(env, dir, &meta);
    meta_properties_close(&meta);
    if (err)
        return tool_fail(s->run, "%s/meta.properties can't be written: %s", dir, err_text(err));
    return 0;
}

/* All are looked at before the first is written. */
static int storage_format(struct storage *s)
{
    const char *id = options_get(s->run->options, "cluster-id");
    struct uuid own = {{0}};
    bool *wanted;
    int count = 0, left = 0;
    if (storage_check_format(s->run) || storage_read_features(s->run, &s->levels) ||
        storage_load(s) || storage_check_controllers(s, &own))
        return 1;
    while (meta_formatted_dir(s->config, count))
        count++;
    wanted = mem_alloc((size_t)count * sizeof(*wanted));
    int status = 0;
    for (int i = 0; i < count && status == 0; i++) {
        status = storage_plan(s, meta_formatted_dir(s->config, i), id, &wanted[i]);
        left += wanted[i];
    }
    if (status == 0 && left == 0)
        puts("All of the log directories are already formatted.");
    for (int i = 0; i < count && status == 0; i++)
        if (wanted[i])
            status = storage_write(s, i, id, &own);
    mem_free(wanted);
    return status;
}

/* ---- which command ---- */

/* What each command begins and ends with. */
static int storage_with(struct tool_run *run, bool needs_config, int (*work)(struct storage *s))
{
    struct storage s = {.run = run};
    if (needs_config && !options_has(run->options, "config"))
        return tool_misuse(run, "%s needs --config FILE", options_positional(run->options, 0));
    buf_init(&s.problem);
    int status = work(&s);
    if (s.config)
        config_free(s.config);
    buf_close(&s.problem);
    return status;
}

static int storage_run_info(struct tool_run *run)
{
    return storage_with(run, true, storage_info);
}

static int storage_run_format(struct tool_run *run)
{
    return storage_with(run, true, storage_format);
}

static int storage_run_random(struct tool_run *run)
{
    return storage_with(run, false, storage_random);
}

static int storage_run_mapping(struct tool_run *run)
{
    return feature_releases_print_mapping(run);
}

static int storage_run_dependencies(struct tool_run *run)
{
    return feature_releases_print_dependencies(run);
}

static const struct tool_command storage_commands[] = {
    {"info", storage_run_info},
    {"format", storage_run_format},
    {"version-mapping", storage_run_mapping},
    {"feature-dependencies", storage_run_dependencies},
    {"random-uuid", storage_run_random},
};

static int storage_run(struct tool_run *run)
{
    return tool_run_command(run, storage_commands, ARRAY_LEN(storage_commands));
}

const struct tool tool_storage = {
    .name = "storage",
    .link = "kafka-storage",
    .synopsis = "random-uuid | info -c FILE | format -t ID -c FILE [-g] [--standalone] | "
                "version-mapping [-r V] | feature-dependencies -f NAME=N",
    .summary = "Say which cluster a new node belongs to; not needed before a start.",
    .options = storage_options,
    .positional = 1,
    .commands = "info|format|version-mapping|feature-dependencies|random-uuid",
    .run = storage_run,
};
