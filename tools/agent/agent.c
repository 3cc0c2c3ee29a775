/* An agent at work.
 *
 * Happy path: channels are opened, sinks and sources started; a stop ends the sources, waits until
 * the sinks have emptied what lives in memory, and closes the rest. Failure modes: a part that
 * can't be started takes back what was started before it; sinks that deliver nothing are not waited
 * for longer than AGENT_DRAIN_MS. */
#include "tools/agent/agent.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { AGENT_DRAIN_MS = 10000, AGENT_DRAIN_LOOK_MS = 10 };

static void agent_on_drain(void *data);

/* What stands behind `before` is about that part. */
static void agent_say_part(const struct part *part, size_t before, struct buf *problem)
{
    char *sentence = mem_strdup(buf_text(problem) + before);
    problem->len = before;
    buf_printf(problem, "%s%s %s: %s", before > 0 ? "; " : "", part_kind_word(part->type->kind),
               part->name, sentence);
    mem_free(sentence);
}

static int agent_open_channels(struct agent *agent, struct buf *problem)
{
    int first = 0;
    for (size_t i = 0; i < agent->config->channels_count; i++) {
        const struct part *part = agent->config->channels[i];
        size_t before = problem->len;
        if (agent->channels[i])
            continue;
        int err = channel_open(agent->env, &agent->logger, part, &agent->channels[i], problem);
        if (err)
            agent_say_part(part, before, problem);
        first = first ? first : err;
    }
    return first;
}

/* The sinks of a slot: those of a group, or one that is alone. */
static const size_t *agent_slot_sinks(const struct agent_config *config, const size_t *all,
                                      size_t slot, size_t *count)
{
    bool alone = slot >= config->groups_count;
    size_t sink = slot - config->groups_count;
    if (!alone) {
        *count = config->groups[slot].sinks_count;
        return config->groups[slot].sinks;
    }
    *count = config->sinks[sink].group == AGENT_NO_GROUP ? 1 : 0;
    return &all[sink];
}

/* 0, 1, 2...: what a sink alone is as a list. The caller's to free. */
static size_t *agent_all_sinks(const struct agent_config *config)
{
    size_t *all = mem_alloc((config->sinks_count + 1) * sizeof(*all));
    for (size_t i = 0; i < config->sinks_count; i++)
        all[i] = i;
    return all;
}

static int agent_start_group(struct agent *agent, size_t slot, const size_t *sinks, size_t count,
                             struct buf *problem)
{
    struct agent_config *config = agent->config;
    const struct agent_group *group = slot < config->groups_count ? &config->groups[slot] : NULL;
    struct sink_setup *setups = mem_alloc((count + 1) * sizeof(*setups));
    bool ready = count > 0;
    for (size_t i = 0; i < count; i++) {
        const struct agent_sink *sink = &config->sinks[sinks[i]];
        const char *priority =
            group ? part_textf(group->processor, "priority.%s", sink->part->name) : NULL;
        setups[i] =
            (struct sink_setup){.part = sink->part,
                                .channel = agent->channels[sink->channel],
                                .priority = priority ? strtoll(priority, NULL, 10) : INT32_MIN};
        ready = ready && setups[i].channel;
    }
    struct sink_group_setup setup = {.name = group ? group->name : "",
                                     .processor = group ? group->processor : NULL,
                                     .sinks = setups,
                                     .sinks_count = count};
    size_t before = problem->len;
    int err =
        ready ? sink_group_start(agent->env, &agent->logger, &setup, &agent->groups[slot], problem)
              : 0; /* without its channel it waits */
    if (err)
        agent_say_part(setups[0].part, before, problem);
    mem_free(setups);
    return err;
}

static int agent_start_groups(struct agent *agent, struct buf *problem)
{
    size_t *all = agent_all_sinks(agent->config), count;
    int first = 0;
    for (size_t slot = 0; slot < agent->groups_count; slot++) {
        const size_t *sinks = agent_slot_sinks(agent->config, all, slot, &count);
        int err = agent->groups[slot] ? 0 : agent_start_group(agent, slot, sinks, count, problem);
        first = first ? first : err;
    }
    mem_free(all);
    return first;
}

static int agent_start_source(struct agent *agent, size_t i, struct buf *problem)
{
    const struct agent_source *from = &agent->config->sources[i];
    struct channel *channels[SELECTOR_CHANNELS_MAX];
    size_t before = problem->len;
    for (size_t c = 0; c < from->channels_count; c++) {
        channels[c] = agent->channels[from->channels[c]];
        if (!channels[c])
            return 0; /* it waits for its channel */
    }
    struct source_setup setup = {
        .part = from->part,
        .selector = from->selector,
        .interceptors = (const struct part *const *)from->interceptors,
        .interceptors_count = from->interceptors_count,
        .channels = channels,
        .channels_count = from->channels_count,
    };
    int err = source_start(agent->env, &agent->logger, &setup, &agent->sources[i], problem);
    if (err)
        agent_say_part(from->part, before, problem);
    return err;
}

/* Starts what does not work. The first error, and a line for each in `problem`. */
static int agent_fill(struct agent *agent, struct buf *problem)
{
    int first = agent_open_channels(agent, problem);
    int err = agent_start_groups(agent, problem);
    first = first ? first : err;
    for (size_t i = 0; i < agent->config->sources_count; i++) {
        err = agent->sources[i] ? 0 : agent_start_source(agent, i, problem);
        first = first ? first : err;
    }
    agent->broken = first != 0;
    return first;
}

/* Places for what the configuration names. */
static void agent_make_room(struct agent *agent)
{
    const struct agent_config *config = agent->config;
    agent->groups_count = config->groups_count + config->sinks_count;
    agent->sources = mem_alloc((config->sources_count + 1) * sizeof(*agent->sources));
    agent->channels = mem_alloc((config->channels_count + 1) * sizeof(*agent->channels));
    agent->groups = mem_alloc((agent->groups_count + 1) * sizeof(*agent->groups));
}

int agent_start(struct env *env, const struct logger *logger, struct agent_config *config,
                struct agent **out, struct buf *problem)
{
    struct agent *agent = mem_alloc(sizeof(*agent));
    char parts[AGENT_PARTS_TEXT];
    agent->env = env;
    agent->logger = *logger;
    agent->config = config;
    env_timer_init(env, &agent->drain, agent_on_drain, agent);
    agent_make_room(agent);
    int err = agent_fill(agent, problem);
    if (err) {
        agent_stop_now(agent);
        return err;
    }
    logger_info(&agent->logger, "%s work", agent_config_count(config, parts, sizeof(parts)));
    *out = agent;
    return 0;
}

/* ---- a new configuration ---- */

/* The place in the new configuration of a part that is the same there; count = there is none. */
static size_t agent_same_channel(const struct agent_config *config, const struct part *part)
{
    size_t i = 0;
    while (i < config->channels_count && !part_equals(config->channels[i], part))
        i++;
    return i;
}

static bool agent_parts_equal(const struct part *a, const struct part *b)
{
    return a == b || (a && b && part_equals(a, b));
}

/* Whether the channel of that place is the same object in both: `kept` are the old ones' places. */
static bool agent_channel_stays(const struct agent *agent, const struct agent_config *config,
                                size_t old_channel, size_t new_channel)
{
    return agent->channels[old_channel] &&
           part_equals(agent->config->channels[old_channel], config->channels[new_channel]);
}

static bool agent_source_stays(const struct agent *agent, const struct agent_config *config,
                               const struct agent_source *before, const struct agent_source *after)
{
    bool same = part_equals(before->part, after->part) &&
                agent_parts_equal(before->selector, after->selector) &&
                before->interceptors_count == after->interceptors_count &&
                before->channels_count == after->channels_count;
    for (size_t i = 0; same && i < before->interceptors_count; i++)
        same = part_equals(before->interceptors[i], after->interceptors[i]);
    for (size_t i = 0; same && i < before->channels_count; i++)
        same = agent_channel_stays(agent, config, before->channels[i], after->channels[i]);
    return same;
}

static bool agent_group_stays(const struct agent *agent, const struct agent_config *config,
                              const size_t *before, const size_t *after, size_t count,
                              const struct part *processor_before,
                              const struct part *processor_after)
{
    bool same = agent_parts_equal(processor_before, processor_after);
    for (size_t i = 0; same && i < count; i++) {
        const struct agent_sink *one = &agent->config->sinks[before[i]];
        const struct agent_sink *other = &config->sinks[after[i]];
        same = part_equals(one->part, other->part) &&
               agent_channel_stays(agent, config, one->channel, other->channel);
    }
    return same;
}

/* What stays keeps its parts: they change places with those that say the same. */
static void agent_swap_parts(struct part **a, struct part **b)
{
    struct part *part = *a;
    *a = *b;
    *b = part;
}

static void agent_move_sources(struct agent *agent, struct agent *next)
{
    for (size_t i = 0; i < agent->config->sources_count; i++) {
        struct agent_source *before = &agent->config->sources[i];
        for (size_t k = 0; k < next->config->sources_count && agent->sources[i]; k++) {
            struct agent_source *after = &next->config->sources[k];
            if (next->sources[k] || !agent_source_stays(agent, next->config, before, after))
                continue;
            next->sources[k] = agent->sources[i];
            agent->sources[i] = NULL;
            agent_swap_parts(&before->part, &after->part);
            agent_swap_parts(&before->selector, &after->selector);
            for (size_t n = 0; n < before->interceptors_count; n++)
                agent_swap_parts(&before->interceptors[n], &after->interceptors[n]);
        }
        if (agent->sources[i])
            source_stop(agent->sources[i]);
        agent->sources[i] = NULL;
    }
}

static void agent_move_groups(struct agent *agent, struct agent *next)
{
    size_t *old_all = agent_all_sinks(agent->config), *new_all = agent_all_sinks(next->config);
    size_t count, new_count;
    for (size_t i = 0; i < agent->groups_count; i++) {
        const size_t *before = agent_slot_sinks(agent->config, old_all, i, &count);
        struct agent_group *group =
            i < agent->config->groups_count ? &agent->config->groups[i] : NULL;
        for (size_t k = 0; k < next->groups_count && agent->groups[i]; k++) {
            const size_t *after = agent_slot_sinks(next->config, new_all, k, &new_count);
            struct agent_group *other =
                k < next->config->groups_count ? &next->config->groups[k] : NULL;
            if (next->groups[k] || count != new_count ||
                !agent_group_stays(agent, next->config, before, after, count,
                                   group ? group->processor : NULL,
                                   other ? other->processor : NULL))
                continue;
            next->groups[k] = agent->groups[i];
            agent->groups[i] = NULL;
            if (group && other)
                agent_swap_parts(&group->processor, &other->processor);
            for (size_t n = 0; n < count; n++)
                agent_swap_parts(&agent->config->sinks[before[n]].part,
                                 &next->config->sinks[after[n]].part);
        }
        if (agent->groups[i])
            sink_group_stop(agent->groups[i]);
        agent->groups[i] = NULL;
    }
    mem_free(old_all);
    mem_free(new_all);
}

static void agent_move_channels(struct agent *agent, struct agent *next)
{
    for (size_t i = 0; i < agent->config->channels_count; i++) {
        size_t at = agent_same_channel(next->config, agent->config->channels[i]);
        if (!agent->channels[i])
            continue;
        if (at < next->config->channels_count) {
            next->channels[at] = agent->channels[i];
            agent_swap_parts(&agent->config->channels[i], &next->config->channels[at]);
        } else {
            channel_close(agent->channels[i]);
        }
        agent->channels[i] = NULL;
    }
}

static void agent_free_room(struct agent *agent)
{
    mem_free(agent->sources);
    mem_free(agent->groups);
    mem_free(agent->channels);
    agent_config_free(agent->config);
}

void agent_mend(struct agent *agent)
{
    struct buf problem;
    buf_init(&problem);
    bool told = agent->broken;
    if (agent->broken && agent_fill(agent, &problem) == 0)
        logger_info(&agent->logger, "all parts work");
    if (!told && problem.len > 0)
        logger_error(&agent->logger, "trying on: %s", buf_text(&problem));
    buf_close(&problem);
}

void agent_reload(struct agent *agent, struct agent_config *config)
{
    struct agent next = {.config = config};
    char parts[AGENT_PARTS_TEXT];
    struct buf problem;
    buf_init(&problem);
    agent_make_room(&next);
    agent_move_sources(agent, &next);
    agent_move_groups(agent, &next);
    agent_move_channels(agent, &next);
    agent_free_room(agent);
    agent->config = config;
    agent->sources = next.sources;
    agent->channels = next.channels;
    agent->groups = next.groups;
    agent->groups_count = next.groups_count;
    if (agent_fill(agent, &problem))
        logger_error(&agent->logger, "trying on: %s", buf_text(&problem));
    else
        logger_info(&agent->logger, "the new configuration works: %s",
                    agent_config_count(config, parts, sizeof(parts)));
    buf_close(&problem);
}

/* ---- stopping ---- */

static void agent_stop_sources(struct agent *agent)
{
    for (size_t i = 0; i < agent->config->sources_count; i++) {
        if (agent->sources[i])
            source_stop(agent->sources[i]);
        agent->sources[i] = NULL;
    }
}

void agent_stop_now(struct agent *agent)
{
    env_timer_stop(&agent->drain);
    agent_stop_sources(agent);
    for (size_t i = 0; i < agent->groups_count; i++)
        if (agent->groups[i])
            sink_group_stop(agent->groups[i]);
    for (size_t i = 0; i < agent->config->channels_count; i++)
        if (agent->channels[i])
            channel_close(agent->channels[i]);
    agent_free_room(agent);
    mem_free(agent);
}

size_t agent_in_memory(const struct agent *agent)
{
    size_t count = 0;
    for (size_t i = 0; i < agent->config->channels_count; i++)
        if (agent->channels[i] && !channel_is_durable(agent->channels[i]))
            count += channel_count(agent->channels[i]);
    return count;
}

/* What would be lost, and has a sink that can take it. */
static bool agent_is_drained(const struct agent *agent)
{
    const struct agent_config *config = agent->config;
    for (size_t i = 0; i < config->sinks_count; i++) {
        const struct channel *channel = agent->channels[config->sinks[i].channel];
        if (channel && !channel_is_durable(channel) && channel_count(channel) > 0)
            return false;
    }
    return true;
}

static void agent_on_drain(void *data)
{
    struct agent *agent = data;
    if (!agent_is_drained(agent) && env_now_ms(agent->env) < agent->drain_until_ms) {
        env_timer_start(&agent->drain, AGENT_DRAIN_LOOK_MS);
        return;
    }
    void (*stopped)(void *) = agent->stopped;
    void *for_whom = agent->data;
    agent_stop_now(agent);
    stopped(for_whom);
}

void agent_stop(struct agent *agent, void (*stopped)(void *data), void *data)
{
    ASSERT(!agent->stopped);
    agent->stopped = stopped;
    agent->data = data;
    agent->drain_until_ms = env_now_ms(agent->env) + AGENT_DRAIN_MS;
    agent_stop_sources(agent);
    env_timer_start(&agent->drain, 0);
}
