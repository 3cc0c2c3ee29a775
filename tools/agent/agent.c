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

static int agent_say_part(const struct part *part, int err, struct buf *problem)
{
    char *sentence = mem_strdup(buf_text(problem));
    problem->len = 0;
    buf_printf(problem, "%s %s: %s", part_kind_word(part->type->kind), part->name, sentence);
    mem_free(sentence);
    return err;
}

static int agent_open_channels(struct agent *agent, struct buf *problem)
{
    struct agent_config *config = agent->config;
    agent->channels = mem_alloc((config->channels_count + 1) * sizeof(*agent->channels));
    for (size_t i = 0; i < config->channels_count; i++) {
        int err = channel_open(agent->env, &agent->logger, config->channels[i], &agent->channels[i],
                               problem);
        if (err)
            return agent_say_part(config->channels[i], err, problem);
    }
    return 0;
}

static int agent_start_group(struct agent *agent, const struct agent_group *group,
                             const size_t *sinks, size_t count, struct buf *problem)
{
    struct agent_config *config = agent->config;
    struct sink_setup *setups = mem_alloc((count + 1) * sizeof(*setups));
    for (size_t i = 0; i < count; i++) {
        const struct agent_sink *sink = &config->sinks[sinks[i]];
        const char *priority = NULL;
        if (group)
            priority = part_textf(group->processor, "priority.%s", sink->part->name);
        setups[i] =
            (struct sink_setup){.part = sink->part,
                                .channel = agent->channels[sink->channel],
                                .priority = priority ? strtoll(priority, NULL, 10) : INT32_MIN};
    }
    const struct part *first = config->sinks[sinks[0]].part;
    struct sink_group_setup setup = {.name = group ? group->name : first->name,
                                     .processor = group ? group->processor : NULL,
                                     .sinks = setups,
                                     .sinks_count = count};
    int err = sink_group_start(agent->env, &agent->logger, &setup,
                               &agent->groups[agent->groups_count], problem);
    mem_free(setups);
    if (err)
        return agent_say_part(first, err, problem);
    agent->groups_count++;
    return 0;
}

static int agent_start_groups(struct agent *agent, struct buf *problem)
{
    struct agent_config *config = agent->config;
    int err = 0;
    agent->groups =
        mem_alloc((config->groups_count + config->sinks_count + 1) * sizeof(*agent->groups));
    for (size_t i = 0; i < config->groups_count && !err; i++)
        if (config->groups[i].sinks_count > 0)
            err = agent_start_group(agent, &config->groups[i], config->groups[i].sinks,
                                    config->groups[i].sinks_count, problem);
    for (size_t i = 0; i < config->sinks_count && !err; i++)
        if (config->sinks[i].group == AGENT_NO_GROUP)
            err = agent_start_group(agent, NULL, &i, 1, problem);
    return err;
}

static int agent_start_source(struct agent *agent, size_t i, struct buf *problem)
{
    const struct agent_source *from = &agent->config->sources[i];
    struct channel *channels[SELECTOR_CHANNELS_MAX];
    for (size_t c = 0; c < from->channels_count; c++)
        channels[c] = agent->channels[from->channels[c]];
    struct source_setup setup = {
        .part = from->part,
        .selector = from->selector,
        .interceptors = (const struct part *const *)from->interceptors,
        .interceptors_count = from->interceptors_count,
        .channels = channels,
        .channels_count = from->channels_count,
    };
    int err = source_start(agent->env, &agent->logger, &setup, &agent->sources[i], problem);
    return err ? agent_say_part(from->part, err, problem) : 0;
}

int agent_start(struct env *env, const struct logger *logger, struct agent_config *config,
                struct agent **out, struct buf *problem)
{
    struct agent *agent = mem_alloc(sizeof(*agent));
    agent->env = env;
    agent->logger = *logger;
    agent->config = config;
    env_timer_init(env, &agent->drain, agent_on_drain, agent);
    agent->sources = mem_alloc((config->sources_count + 1) * sizeof(*agent->sources));
    int err = agent_open_channels(agent, problem);
    if (!err)
        err = agent_start_groups(agent, problem);
    for (size_t i = 0; i < config->sources_count && !err; i++)
        err = agent_start_source(agent, i, problem);
    if (err) {
        agent_stop_now(agent);
        return err;
    }
    logger_info(&agent->logger, "%zu sources, %zu channels and %zu sinks work",
                config->sources_count, config->channels_count, config->sinks_count);
    *out = agent;
    return 0;
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
    struct agent_config *config = agent->config;
    env_timer_stop(&agent->drain);
    agent_stop_sources(agent);
    for (size_t i = 0; i < agent->groups_count; i++)
        sink_group_stop(agent->groups[i]);
    for (size_t i = 0; agent->channels && i < config->channels_count; i++)
        if (agent->channels[i])
            channel_close(agent->channels[i]);
    mem_free(agent->sources);
    mem_free(agent->groups);
    mem_free(agent->channels);
    agent_config_free(config);
    mem_free(agent);
}

/* What would be lost, and has a sink that can take it. */
static bool agent_is_drained(const struct agent *agent)
{
    const struct agent_config *config = agent->config;
    for (size_t i = 0; i < config->sinks_count; i++) {
        const struct channel *channel = agent->channels[config->sinks[i].channel];
        if (!channel_is_durable(channel) && channel_count(channel) > 0)
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
