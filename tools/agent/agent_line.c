/* Happy path: each second the line is printed anew; a line of the log takes its place, and it comes
 * again below. */
#include "tools/agent/agent_line.h"

#include <stdio.h>
#include <string.h>

enum { AGENT_LINE_MS = 1000 };

/* Of all sources and sinks that work. A reload may have made new ones, which begin at 0. */
static void agent_line_count(const struct agent *agent, int64_t *in, int64_t *out)
{
    *in = *out = 0;
    for (size_t i = 0; i < agent->config->sources_count; i++)
        *in += agent->sources[i] ? agent->sources[i]->counters.accepted : 0;
    for (size_t g = 0; g < agent->groups_count; g++) {
        const struct sink *sink;
        for (size_t i = 0; agent->groups[g] && (sink = sink_group_sink(agent->groups[g], i)); i++)
            *out += sink->counters.drain_success;
    }
}

static long long agent_line_rate(int64_t now, int64_t before, int64_t ms)
{
    ASSERT(ms > 0);
    return now > before ? (long long)((now - before) * 1000 / ms) : 0;
}

void agent_line_text(struct agent_line *line, char *out, size_t size)
{
    const struct agent *agent = *line->agent;
    int64_t in, delivered, now_ms = env_now_ms(line->env);
    int64_t ms = now_ms > line->at_ms ? now_ms - line->at_ms : 1;
    if (!agent) {
        snprintf(out, size, "no agent works");
        return;
    }
    agent_line_count(agent, &in, &delivered);
    size_t len = (size_t)snprintf(out, size, "in %lld (%lld/s), out %lld (%lld/s)", (long long)in,
                                  agent_line_rate(in, line->in, ms), (long long)delivered,
                                  agent_line_rate(delivered, line->out, ms));
    for (size_t i = 0; i < agent->config->channels_count && len < size; i++) {
        const struct channel *channel = agent->channels[i];
        if (channel)
            len += (size_t)snprintf(out + len, size - len, ", %s %zu of %zu", channel->part->name,
                                    channel_count(channel), channel->type->capacity(channel));
    }
    line->in = in;
    line->out = delivered;
    line->at_ms = now_ms;
}

static void agent_line_on_tick(void *data)
{
    struct agent_line *line = data;
    char text[sizeof(line->text)];
    agent_line_text(line, line->text, sizeof(line->text));
    memcpy(text, line->text, sizeof(text));
    live_line_print(&line->line, text);
    env_timer_start(&line->tick, AGENT_LINE_MS);
}

static void agent_line_log(void *data, const char *text, int len)
{
    struct agent_line *line = data;
    bool shown = line->line.shown;
    char again[sizeof(line->text)];
    live_line_clear(&line->line);
    fwrite(text, 1, (size_t)len, stdout);
    fflush(stdout);
    memcpy(again, line->text, sizeof(again));
    if (shown)
        live_line_print(&line->line, again);
}

void agent_line_open(struct agent_line *line, struct env *env, struct logger *logger,
                     struct agent *const *agent)
{
    *line = (struct agent_line){.env = env, .agent = agent, .at_ms = env_now_ms(env)};
    live_line_open(&line->line, true);
    env_timer_init(env, &line->tick, agent_line_on_tick, line);
    if (!line->line.live)
        return;
    logger->sink = agent_line_log;
    logger->sink_data = line;
    env_timer_start(&line->tick, AGENT_LINE_MS);
}

void agent_line_close(struct agent_line *line)
{
    live_line_clear(&line->line);
    line->line.live = false;
    env_timer_stop(&line->tick);
}
