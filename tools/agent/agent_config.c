/* Reading the configuration of an agent.
 *
 * Happy path: the lists of names first, then a part for each name by its type, then each line goes
 * to the part that it belongs to, then what hangs together is looked up by its names. Failure
 * modes: every mistake is a line in `problems`, and reading goes on; parts that no list names are
 * left out, as in Flume, with a note. */
#include "tools/agent/agent_config.h"

#include <string.h>

#include "base/mem.h"
#include "base/plural.h"
#include "tools/agent/placeholders.h"
#include "tools/agent/selector.h"
#include "tools/agent/sink.h"
#include "tools/agent/source.h"
#include "tools/agent/types.h"

enum { AGENT_FILE_MAX = 16 << 20, AGENT_NAME_MAX = 128 };

/* What is read, and what has been found. */
struct agent_reading {
    struct agent_config *config;
    const char *agent;
    struct props
        props;  /* values have their placeholders filled in; keys without the agent's name */
    bool *used; /* for each entry: some part has it */
    struct buf *problems, *notes;
};

static void agent_complain(struct agent_reading *reading, int line, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void agent_complain(struct agent_reading *reading, int line, const char *format, ...)
{
    va_list args;
    part_where(reading->config->file, line, reading->problems);
    buf_printf(reading->problems, ": ");
    va_start(args, format);
    buf_vprintf(reading->problems, format, args);
    va_end(args);
    buf_printf(reading->problems, "\n");
}

/* ---- lines ---- */

/* The last entry with that key; NULL. It counts as used. */
static const struct props_entry *agent_entry(struct agent_reading *reading, const char *key)
{
    const struct props_entry *found = NULL;
    for (size_t i = 0; i < reading->props.count; i++)
        if (strcmp(reading->props.entries[i].key, key) == 0) {
            found = &reading->props.entries[i];
            reading->used[i] = true;
        }
    return found;
}

static bool agent_word_is_before(const char *list, const char *word, size_t len)
{
    while (list < word) {
        list += strspn(list, " \t\r\n,");
        size_t one = strcspn(list, " \t\r\n,");
        if (list < word && one == len && memcmp(list, word, len) == 0)
            return true;
        list += one;
    }
    return false;
}

/* The i-th word of a list; false past the end. One that stands there twice counts once. */
static bool agent_word(const char *list, size_t i, char name[AGENT_NAME_MAX])
{
    const char *from = list;
    for (;;) {
        list += strspn(list, " \t\r\n,");
        size_t len = strcspn(list, " \t\r\n,");
        if (len == 0)
            return false;
        if (!agent_word_is_before(from, list, len) && i-- == 0) {
            snprintf(name, AGENT_NAME_MAX, "%.*s", (int)len, list);
            return true;
        }
        list += len;
    }
}

/* Copies the agent's lines, without its name, and with their placeholders filled in. */
static void agent_take_lines(struct agent_reading *reading, const struct props *all,
                             const struct props *system)
{
    size_t len = strlen(reading->agent);
    struct placeholders from = {.system = system, .lines = all, .agent = reading->agent};
    struct buf problem;
    buf_init(&problem);
    for (size_t i = 0; i < all->count; i++) {
        const struct props_entry *entry = &all->entries[i];
        if (strncmp(entry->key, reading->agent, len) != 0 || entry->key[len] != '.')
            continue;
        problem.len = 0;
        char *value = placeholders_fill(entry->value, &from, &problem);
        if (!value)
            agent_complain(reading, entry->line, "%s: %s", entry->key, buf_text(&problem));
        props_set(&reading->props, entry->key + len + 1, value ? value : entry->value);
        reading->props.entries[reading->props.count - 1].line = entry->line;
        mem_free(value);
    }
    reading->used = mem_alloc((reading->props.count + 1) * sizeof(*reading->used));
    buf_close(&problem);
}

static void agent_say_other(struct agent_reading *reading, int line, const char *name)
{
    part_where(reading->config->file, line >> PART_FILE_BITS << PART_FILE_BITS, reading->notes);
    buf_printf(reading->notes, " has an agent that is called %s\n", name);
}

static void agent_say_no_agent(struct agent_reading *reading, const struct props *all)
{
    char seen[AGENT_NAME_MAX] = "";
    agent_complain(reading, 0, "it has no agent that is called %s: give --name", reading->agent);
    for (size_t i = 0; i < all->count; i++) {
        size_t len = strcspn(all->entries[i].key, ".");
        if (len == 0 || len >= sizeof(seen) || strncmp(all->entries[i].key, seen, len + 1) == 0)
            continue;
        bool again = strlen(seen) == len && memcmp(all->entries[i].key, seen, len) == 0;
        snprintf(seen, sizeof(seen), "%.*s", (int)len, all->entries[i].key);
        if (!again)
            agent_say_other(reading, all->entries[i].line, seen);
    }
}

/* ---- parts ---- */

/* Every line below the prefix, but for what stands below one of `inner` ("selector.|channels"),
 * which has its own readers. */
static void agent_fill_part(struct agent_reading *reading, struct part *part, const char *prefix,
                            const char *inner)
{
    size_t len = strlen(prefix);
    for (size_t i = 0; i < reading->props.count; i++) {
        const struct props_entry *entry = &reading->props.entries[i];
        if (strncmp(entry->key, prefix, len) != 0)
            continue;
        const char *rest = entry->key + len;
        bool others = strcmp(rest, "type") == 0;
        for (const char *at = inner; *at && !others;) {
            size_t n = strcspn(at, "|");
            bool tree = at[n - 1] == '.';
            others = strncmp(rest, at, n) == 0 && (tree || rest[n] == '\0');
            at += n + (at[n] == '|');
        }
        if (others)
            continue;
        reading->used[i] = true;
        part_add(part, rest, entry->value, entry->line, reading->problems);
    }
    part_check(part, reading->problems);
}

static const struct part_type *agent_find_type(struct agent_reading *reading, enum part_kind kind,
                                               const struct props_entry *entry)
{
    const struct part_type *type = part_type_find(kind, entry->value);
    if (type && !type->missing)
        return type;
    const char *nearest = part_type_nearest(kind, entry->value);
    if (type)
        agent_complain(reading, entry->line, "%s.%s: %s", reading->agent, entry->key,
                       type->missing);
    else if (nearest)
        agent_complain(reading, entry->line,
                       "%s.%s: there is no %s of the type %s: did you mean %s?", reading->agent,
                       entry->key, part_kind_word(kind), entry->value, nearest);
    else
        agent_complain(
            reading, entry->line,
            "%s.%s: there is no %s of the type %s: --help types lists those that are here",
            reading->agent, entry->key, part_kind_word(kind), entry->value);
    return NULL;
}

/* The part whose lines begin with `prefix`, by its type; NULL with the mistake told. `otherwise` is
 * its type when the file says none; NULL = it must say. */
static struct part *agent_read_part(struct agent_reading *reading, enum part_kind kind,
                                    const char *name, const char *prefix, const char *inner,
                                    const struct part_type *otherwise)
{
    char *key = mem_printf("%stype", prefix);
    const struct props_entry *entry = agent_entry(reading, key);
    const struct part_type *type = otherwise;
    if (entry)
        type = agent_find_type(reading, kind, entry);
    else if (!otherwise)
        agent_complain(reading, 0, "%s.%s is missing: which type of %s is %s?", reading->agent, key,
                       part_kind_word(kind), name);
    mem_free(key);
    if (!type) {
        size_t len = strlen(prefix);
        for (size_t i = 0; i < reading->props.count; i++) /* the mistake is told already */
            if (strncmp(reading->props.entries[i].key, prefix, len) == 0)
                reading->used[i] = true;
        return NULL;
    }
    char *whole = mem_printf("%s.%s", reading->agent, prefix);
    struct part *part = part_new(type, name, whole, reading->config->file, entry ? entry->line : 0);
    mem_free(whole);
    agent_fill_part(reading, part, prefix, inner);
    return part;
}

static void agent_read_interceptors(struct agent_reading *reading, struct agent_source *source,
                                    const char *prefix)
{
    char name[AGENT_NAME_MAX];
    char *key = mem_printf("%sinterceptors", prefix);
    const struct props_entry *entry = agent_entry(reading, key);
    for (size_t i = 0; entry && agent_word(entry->value, i, name); i++) {
        char *inside = mem_printf("%s.%s.", key, name);
        struct part *part = agent_read_part(reading, PART_INTERCEPTOR, name, inside, "", NULL);
        mem_free(inside);
        if (!part)
            continue;
        source->interceptors = mem_realloc(source->interceptors, (source->interceptors_count + 1) *
                                                                     sizeof(*source->interceptors));
        source->interceptors[source->interceptors_count++] = part;
    }
    mem_free(key);
}

static size_t agent_find_channel(const struct agent_config *config, const char *name)
{
    size_t i = 0;
    while (i < config->channels_count && strcmp(config->channels[i]->name, name) != 0)
        i++;
    return i;
}

/* Whether the channel takes as many events at once as the part gives or wants. */
static void agent_check_batch(struct agent_reading *reading, const struct part *part,
                              const char *batch_key, size_t channel)
{
    const struct part *to = reading->config->channels[channel];
    const char *key = "transactionCapacity";
    if (!batch_key || part->invalid || to->invalid)
        return;
    for (const struct key_row *row = to->type->keys; row && row->name; row++)
        if (strcmp(row->name, key) == 0 && part_number(part, batch_key) > part_number(to, key))
            part_complain(part, batch_key, reading->problems,
                          "%s events at once are more than the %s of channel %s (%s): lower the "
                          "one, or raise the other",
                          part_text(part, batch_key), key, to->name, part_text(to, key));
}

static void agent_read_channels_of(struct agent_reading *reading, struct agent_source *source,
                                   const char *prefix, const char *source_name)
{
    struct agent_config *config = reading->config;
    char name[AGENT_NAME_MAX];
    char *key = mem_printf("%schannels", prefix);
    const struct props_entry *entry = agent_entry(reading, key);
    if (!entry || !agent_word(entry->value, 0, name))
        agent_complain(reading, entry ? entry->line : 0,
                       "%s.%s is missing: which channels does source %s put into?", reading->agent,
                       key, source_name);
    for (size_t i = 0; entry && agent_word(entry->value, i, name); i++) {
        size_t at = agent_find_channel(config, name);
        if (at == config->channels_count || i == SELECTOR_CHANNELS_MAX) {
            agent_complain(reading, entry->line,
                           "%s.%s: %s is no channel that can be used: see %s.channels",
                           reading->agent, key, name, reading->agent);
            continue;
        }
        source->channels =
            mem_realloc(source->channels, (source->channels_count + 1) * sizeof(size_t));
        source->channels[source->channels_count++] = at;
        if (source->part)
            agent_check_batch(
                reading, source->part,
                CONTAINER_OF(source->part->type, const struct source_type, part)->batch_key, at);
    }
    mem_free(key);
}

static void agent_check_selector(struct agent_reading *reading, const struct agent_source *source)
{
    const char *names[SELECTOR_CHANNELS_MAX];
    for (size_t i = 0; i < source->channels_count; i++)
        names[i] = reading->config->channels[source->channels[i]]->name;
    selector_free(selector_new(source->selector, names, source->channels_count, reading->problems));
}

/* What a source keeps for itself, such as a file of positions, no other one may write. */
static void agent_check_own(struct agent_reading *reading, const struct part *part)
{
    const char *key = CONTAINER_OF(part->type, const struct source_type, part)->own_key;
    const struct agent_config *config = reading->config;
    for (size_t i = 0; key && i < config->sources_count; i++) {
        const struct part *other = config->sources[i].part;
        if (other && other->type == part->type &&
            strcmp(part_text(other, key), part_text(part, key)) == 0)
            part_complain(part, key, reading->problems,
                          "source %s has %s as well: give each its own", other->name,
                          part_text(part, key));
    }
}

static void agent_read_source(struct agent_reading *reading, const char *name)
{
    struct agent_config *config = reading->config;
    char *prefix = mem_printf("sources.%s.", name);
    char *selector = mem_printf("sources.%s.selector.", name);
    struct agent_source source = {0};
    source.part = agent_read_part(reading, PART_SOURCE, name, prefix,
                                  "channels|interceptors|interceptors.|selector.", NULL);
    size_t len = strlen(selector);
    bool selects = false;
    for (size_t i = 0; i < reading->props.count; i++)
        selects = selects || strncmp(reading->props.entries[i].key, selector, len) == 0;
    if (selects)
        source.selector =
            agent_read_part(reading, PART_SELECTOR, name, selector, "", &replicating_selector_type);
    agent_read_interceptors(reading, &source, prefix);
    agent_read_channels_of(reading, &source, prefix, name);
    if (source.selector && source.channels_count > 0)
        agent_check_selector(reading, &source);
    if (source.part)
        agent_check_own(reading, source.part);
    mem_free(selector);
    mem_free(prefix);
    config->sources =
        mem_realloc(config->sources, (config->sources_count + 1) * sizeof(*config->sources));
    config->sources[config->sources_count++] = source;
}

static void agent_read_channel(struct agent_reading *reading, const char *name)
{
    struct agent_config *config = reading->config;
    char *prefix = mem_printf("channels.%s.", name);
    struct part *part = agent_read_part(reading, PART_CHANNEL, name, prefix, "", NULL);
    mem_free(prefix);
    if (!part)
        return;
    for (size_t i = 0; i < config->channels_count; i++)
        if (config->channels[i]->type == part->type && part->type->check_two)
            part->type->check_two(part, config->channels[i], reading->problems);
    config->channels =
        mem_realloc(config->channels, (config->channels_count + 1) * sizeof(*config->channels));
    config->channels[config->channels_count++] = part;
}

static void agent_read_sink(struct agent_reading *reading, const char *name)
{
    struct agent_config *config = reading->config;
    char *prefix = mem_printf("sinks.%s.", name), *key = mem_printf("%schannel", prefix);
    struct agent_sink sink = {.group = AGENT_NO_GROUP};
    sink.part = agent_read_part(reading, PART_SINK, name, prefix, "channel", NULL);
    const struct props_entry *entry = agent_entry(reading, key);
    sink.channel = entry ? agent_find_channel(config, entry->value) : config->channels_count;
    if (!entry)
        agent_complain(reading, 0, "%s.%s is missing: which channel does sink %s take from?",
                       reading->agent, key, name);
    else if (sink.channel == config->channels_count)
        agent_complain(reading, entry->line,
                       "%s.%s: %s is no channel that can be used: see %s.channels", reading->agent,
                       key, entry->value, reading->agent);
    else if (sink.part)
        agent_check_batch(reading, sink.part,
                          CONTAINER_OF(sink.part->type, const struct sink_type, part)->batch_key,
                          sink.channel);
    mem_free(key);
    mem_free(prefix);
    config->sinks = mem_realloc(config->sinks, (config->sinks_count + 1) * sizeof(*config->sinks));
    config->sinks[config->sinks_count++] = sink;
}

static void agent_add_to_group(struct agent_reading *reading, struct agent_group *group,
                               const struct props_entry *entry, const char *name)
{
    struct agent_config *config = reading->config;
    for (size_t i = 0; i < config->sinks_count; i++) {
        struct agent_sink *sink = &config->sinks[i];
        if (!sink->part || strcmp(sink->part->name, name) != 0)
            continue;
        if (sink->group != AGENT_NO_GROUP)
            agent_complain(reading, entry->line, "%s.%s: %s is in another group already",
                           reading->agent, entry->key, name);
        sink->group = config->groups_count;
        group->sinks = mem_realloc(group->sinks, (group->sinks_count + 1) * sizeof(size_t));
        group->sinks[group->sinks_count++] = i;
        return;
    }
    agent_complain(reading, entry->line, "%s.%s: %s is no sink that can be used: see %s.sinks",
                   reading->agent, entry->key, name, reading->agent);
}

static void agent_check_priorities(struct agent_reading *reading, const struct agent_group *group)
{
    const char *name;
    for (size_t at = 0; part_next(group->processor, "priority.", &at, &name);) {
        bool found = false;
        for (size_t i = 0; i < group->sinks_count; i++)
            found = found || strcmp(reading->config->sinks[group->sinks[i]].part->name, name) == 0;
        char *key = mem_printf("priority.%s", name);
        if (!found)
            part_complain(group->processor, key, reading->problems, "%s is no sink of the group",
                          name);
        mem_free(key);
    }
}

static void agent_read_group(struct agent_reading *reading, const char *name)
{
    struct agent_config *config = reading->config;
    char word[AGENT_NAME_MAX];
    char *prefix = mem_printf("sinkgroups.%s.processor.", name);
    char *key = mem_printf("sinkgroups.%s.sinks", name);
    struct agent_group group = {.name = mem_strdup(name)};
    const struct props_entry *entry = agent_entry(reading, key);
    group.processor =
        agent_read_part(reading, PART_PROCESSOR, name, prefix, "", &default_processor_type);
    if (!entry)
        agent_complain(reading, 0, "%s.%s is missing: which sinks are in the group?",
                       reading->agent, key);
    for (size_t i = 0; entry && agent_word(entry->value, i, word); i++)
        agent_add_to_group(reading, &group, entry, word);
    if (group.processor)
        agent_check_priorities(reading, &group);
    if (group.processor && group.processor->type == &default_processor_type &&
        group.sinks_count > 1)
        agent_complain(reading, entry->line,
                       "%s.%s: a default group has one sink: say processor.type = failover or "
                       "load_balance",
                       reading->agent, key);
    mem_free(key);
    mem_free(prefix);
    config->groups =
        mem_realloc(config->groups, (config->groups_count + 1) * sizeof(*config->groups));
    config->groups[config->groups_count++] = group;
}

/* ---- the whole ---- */

static bool agent_name_is_listed(const char *list, const char *name, size_t len)
{
    char word[AGENT_NAME_MAX];
    for (size_t i = 0; agent_word(list, i, word); i++)
        if (strlen(word) == len && memcmp(word, name, len) == 0)
            return true;
    return false;
}

static void agent_say_left_out(struct agent_reading *reading, const struct props_entry *entry,
                               const char *kind, const char *name, int name_len)
{
    part_where(reading->config->file, entry->line, reading->notes);
    buf_printf(reading->notes, ": %s.%s is left out, since %s.%s does not name %.*s\n",
               reading->agent, entry->key, reading->agent, kind, name_len, name);
}

/* What no part has: a part that is in no list is left out; anything else is a mistake. */
static void agent_check_unused(struct agent_reading *reading)
{
    static const char *const kinds[] = {"sources", "channels", "sinks", "sinkgroups"};
    for (size_t i = 0; i < reading->props.count; i++) {
        const struct props_entry *entry = &reading->props.entries[i];
        const char *kind = NULL;
        size_t len = strcspn(entry->key, ".");
        if (reading->used[i] || (len == 13 && memcmp(entry->key, "configfilters", len) == 0))
            continue;
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            if (strlen(kinds[k]) == len && memcmp(kinds[k], entry->key, len) == 0)
                kind = kinds[k];
        char word[AGENT_NAME_MAX];
        snprintf(word, sizeof(word), "%.*s", (int)len, entry->key);
        const char *nearest = part_nearest(word, kinds, ARRAY_LEN(kinds));
        if (!kind || entry->key[len] == '\0') {
            agent_complain(reading, entry->line,
                           "%s.%s: %s is none of sources, channels, sinks, "
                           "sinkgroups%s%s%s",
                           reading->agent, entry->key, word, nearest ? ": did you mean " : "",
                           nearest ? nearest : "", nearest ? "?" : "");
            continue;
        }
        const char *name = entry->key + len + 1;
        size_t name_len = strcspn(name, ".");
        const char *list = props_get(&reading->props, kind);
        if (list && agent_name_is_listed(list, name, name_len))
            agent_complain(reading, entry->line, "%s.%s is not expected there: remove the line",
                           reading->agent, entry->key);
        else
            agent_say_left_out(reading, entry, kind, name, (int)name_len);
    }
}

static void agent_read_list(struct agent_reading *reading, const char *key, bool needed,
                            void (*read)(struct agent_reading *reading, const char *name))
{
    char name[AGENT_NAME_MAX];
    const struct props_entry *entry = agent_entry(reading, key);
    if (needed && (!entry || !agent_word(entry->value, 0, name)))
        agent_complain(reading, entry ? entry->line : 0, "%s.%s is missing: it names the %s",
                       reading->agent, key, key);
    for (size_t i = 0; entry && agent_word(entry->value, i, name); i++)
        read(reading, name);
}

/* Adds the lines of one file; those of the i-th are told by their numbers (part_where). */
static void agent_read_text(struct agent_reading *reading, int i, const char *text, size_t len,
                            struct props *all)
{
    size_t before = all->count;
    int line;
    if (props_parse(all, text, len, &line))
        agent_complain(reading, i << PART_FILE_BITS | line,
                       "it is no line of a properties file (key = value)");
    for (size_t k = before; k < all->count; k++)
        all->entries[k].line |= i << PART_FILE_BITS;
}

/* What stands in all files. Takes the reading's config over. */
static int agent_read_all(struct agent_reading *reading, struct props *all,
                          const struct props *system, size_t before, struct agent_config **out)
{
    agent_take_lines(reading, all, system);
    if (reading->props.count == 0 && reading->problems->len == before) {
        agent_say_no_agent(reading, all);
    } else {
        agent_read_list(reading, "channels", true, agent_read_channel);
        agent_read_list(reading, "sources", false, agent_read_source);
        agent_read_list(reading, "sinks", false, agent_read_sink);
        agent_read_list(reading, "sinkgroups", false, agent_read_group);
        agent_check_unused(reading);
    }
    mem_free(reading->used);
    if (reading->problems->len > before) {
        agent_config_free(reading->config);
        return ERR_INVALID;
    }
    *out = reading->config;
    return 0;
}

static void agent_reading_init(struct agent_reading *reading, const char *files, const char *agent,
                               struct buf *problems, struct buf *notes)
{
    *reading = (struct agent_reading){.agent = agent, .problems = problems, .notes = notes};
    reading->config = mem_alloc(sizeof(*reading->config));
    reading->config->file = mem_strdup(files);
    props_init(&reading->props);
}

int agent_config_parse(const char *file, const char *text, size_t len, const char *agent,
                       const struct props *system, struct agent_config **out, struct buf *problems,
                       struct buf *notes)
{
    struct agent_reading reading;
    struct props all;
    size_t before = problems->len;
    props_init(&all);
    agent_reading_init(&reading, file, agent, problems, notes);
    agent_read_text(&reading, 0, text, len, &all);
    int err = agent_read_all(&reading, &all, system, before, out);
    props_close(&all);
    props_close(&reading.props);
    return err;
}

int agent_config_read(struct env *env, const char *files, const char *agent,
                      const struct props *system, struct agent_config **config,
                      struct buf *problems, struct buf *notes)
{
    struct agent_reading reading;
    struct props all;
    size_t before = problems->len;
    char *copy = mem_strdup(files), *save = NULL;
    int i = 0, missing = 0;
    props_init(&all);
    agent_reading_init(&reading, files, agent, problems, notes);
    for (char *file = strtok_r(copy, "\n", &save); file; file = strtok_r(NULL, "\n", &save), i++) {
        char *text;
        size_t len;
        int err = env_file_load(env, file, AGENT_FILE_MAX, &text, &len);
        if (err) {
            buf_printf(problems, "can't read %s: %s\n", file, err_text(err));
            missing = err;
            continue;
        }
        agent_read_text(&reading, i, text, len, &all);
        mem_free(text);
    }
    if (missing)
        agent_config_free(reading.config);
    int err = missing ? missing : agent_read_all(&reading, &all, system, before, config);
    props_close(&all);
    props_close(&reading.props);
    mem_free(copy);
    return err;
}

void agent_config_free(struct agent_config *config)
{
    for (size_t i = 0; i < config->sources_count; i++) {
        struct agent_source *source = &config->sources[i];
        for (size_t k = 0; k < source->interceptors_count; k++)
            part_free(source->interceptors[k]);
        mem_free(source->interceptors);
        mem_free(source->channels);
        part_free(source->selector);
        part_free(source->part);
    }
    for (size_t i = 0; i < config->channels_count; i++)
        part_free(config->channels[i]);
    for (size_t i = 0; i < config->sinks_count; i++)
        part_free(config->sinks[i].part);
    for (size_t i = 0; i < config->groups_count; i++) {
        part_free(config->groups[i].processor);
        mem_free(config->groups[i].sinks);
        mem_free(config->groups[i].name);
    }
    mem_free(config->sources);
    mem_free(config->channels);
    mem_free(config->sinks);
    mem_free(config->groups);
    mem_free(config->file);
    mem_free(config);
}

const char *agent_config_count(const struct agent_config *config, char *text, size_t size)
{
    snprintf(text, size, "%zu %s, %zu %s and %zu %s", config->sources_count,
             plural((int64_t)config->sources_count, "source", "sources"), config->channels_count,
             plural((int64_t)config->channels_count, "channel", "channels"), config->sinks_count,
             plural((int64_t)config->sinks_count, "sink", "sinks"));
    return text;
}
