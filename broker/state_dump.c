/* Writing the broker's state into its log. Happy path: the lines about the whole, then two walks
 * over the replicas in turns of the loop, first for those in trouble, then for the others, then the
 * sums. Failure mode: the broker stops meanwhile, which ends the dump. */
#include "broker/state_dump.h"

#include "broker/broker.h"
#include "broker/cluster/controller_channel.h"
#include "broker/cluster/metadata.h"
#include "broker/group/group_manager.h"
#include "broker/net/server.h"
#include "broker/replica/partition.h"
#include "broker/replica/replica_manager.h"

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
    replica_manager_summarise(broker->replicas, &line);
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

/* False when this walk is over. */
static bool state_dump_next(struct state_dump *dump, struct buf *line)
{
    struct partition *partition = replica_manager_next(dump->broker->replicas, &dump->cursor);
    if (!partition)
        return false;
    if (dump->ailing)
        dump->counts[partition_state(partition)]++;
    if (dump->told == STATE_DUMP_PARTITIONS_MAX || partition_is_ailing(partition) != dump->ailing)
        return true;
    dump->told++;
    partition_describe(partition, line);
    state_dump_say(dump, line);
    return true;
}

static void state_dump_turn(void *data)
{
    struct state_dump *dump = data;
    struct buf line;
    bool more = true;
    if (!dump->broker->replicas) { /* the broker stops */
        dump->running = false;
        return;
    }
    buf_init(&line);
    for (int i = 0; more && i < STATE_DUMP_TURN; i++)
        more = state_dump_next(dump, &line);
    buf_close(&line);
    if (!more && !dump->ailing) {
        state_dump_end(dump);
        return;
    }
    if (!more) {
        dump->ailing = false;
        dump->cursor = 0;
    }
    env_timer_start(&dump->timer, 0); /* others go first */
}

void state_dump_init(struct state_dump *dump, struct broker *broker)
{
    *dump = (struct state_dump){.broker = broker, .logger = *broker->logger};
    dump->logger.levels = NULL;
    dump->logger.level = LOGGER_INFO;
    env_timer_init(broker->env, &dump->timer, state_dump_turn, dump);
}

void state_dump_start(struct state_dump *dump)
{
    if (dump->running || !dump->broker->replicas) {
        logger_info(&dump->logger, "state: %s",
                    dump->running ? "a dump is under way" : "the broker stops");
        return;
    }
    dump->running = dump->ailing = true;
    dump->cursor = dump->told = 0;
    for (size_t i = 0; i < ARRAY_LEN(dump->counts); i++)
        dump->counts[i] = 0;
    state_dump_whole(dump);
    env_timer_start(&dump->timer, 0);
}

void state_dump_close(struct state_dump *dump)
{
    env_timer_stop(&dump->timer);
}
