/* Writing the broker's state into its log. Happy path: the lines about the whole, then two walks
 * over the replicas in turns of the loop, first for those in trouble, then for the others, then the
 * sums. Failure mode: the broker stops meanwhile, which ends the dump. */
#include "broker/state_dump.h"

#include <string.h>

#include "broker/broker.h"
#include "broker/cluster/controller_channel.h"
#include "broker/cluster/metadata.h"
#include "broker/group/group_manager.h"
#include "broker/net/server.h"
#include "broker/replica/replica_manager.h"
#include "broker/telemetry/telemetry.h"
#include "broker/txn/txn_manager.h"

enum { STATE_DUMP_TURN = 100 }; /* replicas looked at in a turn of the loop */

static void state_dump_say(struct state_dump *dump, struct buf *line)
{
    logger_info(&dump->logger, "state: %s", buf_text(line));
    line->len = 0;
}

static void state_dump_whole(struct state_dump *dump)
{
    const struct broker *broker = dump->broker;
    const struct controller_channel *channel = broker->channel;
    struct buf line;
    buf_init(&line);
    buf_printf(&line, "broker %d, %s for %lld s, broker epoch %lld, %s", broker->node_id,
               broker_state_name(broker),
               (long long)((env_now_us(broker->env) - broker->started_us) / 1000000),
               (long long)controller_channel_broker_epoch(channel),
               controller_channel_is_fenced(channel) ? "fenced" : "not fenced");
    state_dump_say(dump, &line);
    buf_printf(&line, "active controller %d, metadata up to entry %lld of term %lld",
               controller_channel_active(channel), (long long)metadata_index(broker->metadata),
               (long long)metadata_term(broker->metadata));
    state_dump_say(dump, &line);
    server_summarise(broker->server, &line);
    state_dump_say(dump, &line);
    group_manager_summarise(broker->groups, &line);
    state_dump_say(dump, &line);
    txn_manager_summarise(broker->txns, &line);
    state_dump_say(dump, &line);
    replica_manager_summarise(broker->replicas, &line);
    state_dump_say(dump, &line);
    telemetry_summarise(broker->telemetry, &line);
    state_dump_say(dump, &line);
    buf_close(&line);
}

static void state_dump_end(struct state_dump *dump)
{
    size_t all = 0;
    for (size_t i = 0; i < ARRAY_LEN(dump->counts); i++)
        all += dump->counts[i];
    if (all > dump->told)
        logger_info(&dump->logger, "state: and %zu more partitions", all - dump->told);
    logger_info(&dump->logger,
                "state: end: %zu partitions: %zu led, %zu followed, %zu opening, %zu offline", all,
                dump->counts[PARTITION_LEADER], dump->counts[PARTITION_FOLLOWER],
                dump->counts[PARTITION_OPENING], dump->counts[PARTITION_OFFLINE]);
    dump->running = false;
}

static void state_dump_say_lines(struct state_dump *dump)
{
    char *line = (char *)(uintptr_t)buf_text(&dump->lines.text);
    for (size_t i = 0; i < dump->lines.lines; i++) {
        char *end = strchr(line, '\n');
        ASSERT(end);
        *end = '\0';
        logger_info(&dump->logger, "state: %s", line);
        line = end + 1;
    }
    dump->told += dump->lines.lines;
}

static void state_dump_lines(struct partition_op *op)
{
    struct state_dump *dump =
        CONTAINER_OF(CONTAINER_OF(op, struct partition_lines_op, op), struct state_dump, lines);
    struct partition_lines_op *lines = &dump->lines;
    if (op->err) { /* the broker stops */
        buf_close(&lines->text);
        dump->running = false;
        return;
    }
    state_dump_say_lines(dump);
    buf_close(&lines->text);
    for (size_t i = 0; lines->ailing && i < ARRAY_LEN(dump->counts); i++)
        dump->counts[i] += lines->counts[i];
    if (lines->ended && !lines->ailing) {
        state_dump_end(dump);
        return;
    }
    if (lines->ended) {
        lines->ailing = false;
        lines->cursor = 0;
    }
    env_timer_start(&dump->timer, 0); /* others go first */
}

static void state_dump_turn(void *data)
{
    struct state_dump *dump = data;
    if (!dump->broker->partitions) { /* the broker stops */
        dump->running = false;
        return;
    }
    dump->lines.lines_max = STATE_DUMP_PARTITIONS_MAX - dump->told;
    partitions_lines(dump->broker->partitions, &dump->lines);
}

void state_dump_init(struct state_dump *dump, struct broker *broker)
{
    *dump = (struct state_dump){.broker = broker, .logger = *broker->logger};
    dump->logger.levels = NULL;
    dump->logger.level = LOGGER_INFO;
    dump->lines.op.done = state_dump_lines;
    dump->lines.max = STATE_DUMP_TURN;
    env_timer_init(broker->env, &dump->timer, state_dump_turn, dump);
}

void state_dump_start(struct state_dump *dump)
{
    if (dump->running || !dump->broker->partitions) {
        logger_info(&dump->logger, "state: %s",
                    dump->running ? "a dump is under way" : "the broker stops");
        return;
    }
    dump->running = dump->lines.ailing = true;
    dump->lines.cursor = dump->told = 0;
    for (size_t i = 0; i < ARRAY_LEN(dump->counts); i++)
        dump->counts[i] = 0;
    state_dump_whole(dump);
    env_timer_start(&dump->timer, 0);
}

void state_dump_close(struct state_dump *dump)
{
    env_timer_stop(&dump->timer);
    partition_op_cancel(&dump->lines.op);
}
