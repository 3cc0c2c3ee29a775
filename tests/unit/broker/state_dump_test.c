/* How much of a turn of the loop a dump takes, and what it says. What it asks of the broker's parts
 * is defined here, so the linker takes none of their real functions. */
#include "../tap.h"

#include <string.h>

#include "broker/broker.h"
#include "broker/cluster/controller_channel.h"
#include "broker/cluster/metadata.h"
#include "broker/group/group_manager.h"
#include "broker/net/server.h"
#include "broker/replica/replica_manager.h"
#include "broker/telemetry/telemetry.h"
#include "broker/txn/txn_manager.h"

enum { REPLICAS = 2500, AILING = 7, TURN_MAX = 100 };

static int asked;    /* replicas that the dump has looked at */
static int asked_by; /* what that was a turn ago */
static int most;     /* looked at in one turn */
static struct buf lines;

const char *broker_state_name(const struct broker *broker)
{
    (void)broker;
    return "serving";
}

int64_t controller_channel_broker_epoch(const struct controller_channel *channel)
{
    (void)channel;
    return 5;
}

bool controller_channel_is_fenced(const struct controller_channel *channel)
{
    (void)channel;
    return false;
}

int32_t controller_channel_active(const struct controller_channel *channel)
{
    (void)channel;
    return 2;
}

int64_t metadata_index(const struct metadata *metadata)
{
    (void)metadata;
    return 77;
}

int64_t metadata_term(const struct metadata *metadata)
{
    (void)metadata;
    return 3;
}

void server_summarise(const struct server *server, struct buf *out)
{
    (void)server;
    buf_printf(out, "the connections");
}

void group_manager_summarise(const struct group_manager *manager, struct buf *out)
{
    (void)manager;
    buf_printf(out, "the groups");
}

void txn_manager_summarise(const struct txn_manager *manager, struct buf *out)
{
    (void)manager;
    buf_printf(out, "the transactions");
}

void replica_manager_summarise(const struct replica_manager *manager, struct buf *out)
{
    (void)manager;
    buf_printf(out, "the replicas");
}

void telemetry_summarise(const struct telemetry *telemetry, struct buf *out)
{
    (void)telemetry;
    buf_printf(out, "what clients push");
}

static struct env *lines_env;
static struct env_timer lines_timer;

/* A replica is its number, from 1 on; the first ones are in trouble. */
static void lines_due(void *data)
{
    struct partition_lines_op *op = data;
    for (size_t i = 0; i < op->max && op->cursor < REPLICAS; i++) {
        bool ailing = ++op->cursor <= AILING;
        asked++;
        op->counts[ailing ? PARTITION_OFFLINE : PARTITION_LEADER]++;
        if (ailing != op->ailing || op->lines == op->lines_max)
            continue;
        buf_printf(&op->text, "replica %d.\n", (int)op->cursor);
        op->lines++;
    }
    op->ended = op->cursor == REPLICAS;
    op->op.state = PARTITION_OP_IDLE;
    op->op.done(&op->op);
}

void partitions_lines(struct partitions *partitions, struct partition_lines_op *op)
{
    CHECK(partitions != NULL);
    CHECK(op->max > 0);
    buf_init(&op->text);
    op->lines = 0;
    memset(op->counts, 0, sizeof(op->counts));
    op->ended = false;
    op->op.state = PARTITION_OP_QUEUED;
    env_timer_init(lines_env, &lines_timer, lines_due, op);
    env_timer_start_soon(&lines_timer);
}

void partition_op_cancel(struct partition_op *op)
{
    if (op->state == PARTITION_OP_QUEUED)
        env_timer_stop(&lines_timer);
}

static void keep_line(void *data, const char *line, int len)
{
    (void)data;
    CHECK_INT(buf_append(&lines, line, (size_t)len), 0);
}

/* Once in each turn, as long as the dump runs. */
static void other_work(void *data)
{
    struct broker *broker = data;
    most = asked - asked_by > most ? asked - asked_by : most;
    asked_by = asked;
    if (broker->dump.running)
        env_timer_start(&broker->leave_timer, 0);
    else
        env_stop(broker->env);
}

static int count_of(const char *what)
{
    int count = 0;
    for (const char *at = strstr(buf_text(&lines), what); at; at = strstr(at + 1, what))
        count++;
    return count;
}

static void a_dump_leaves_turns_to_others(void)
{
    struct logger logger;
    struct broker broker = {.logger = &logger, .partitions = (struct partitions *)&logger};
    buf_init(&lines);
    logger_init(&logger, "broker 0", NULL, NULL);
    logger.level = LOGGER_ERROR; /* somebody asked for the lines: they come all the same */
    logger.sink = keep_line;
    CHECK_INT(env_new(&broker.env), 0);
    lines_env = broker.env;
    state_dump_init(&broker.dump, &broker);
    env_timer_init(broker.env, &broker.leave_timer, other_work, &broker);
    env_timer_start(&broker.leave_timer, 0);
    state_dump_start(&broker.dump);
    env_run(broker.env);
    CHECK_INT(asked, 2 * REPLICAS); /* those in trouble, then the others */
    CHECK(most > 0);
    CHECK(most <= TURN_MAX);
    CHECK_INT(count_of("replica "), STATE_DUMP_PARTITIONS_MAX);
    CHECK(strstr(buf_text(&lines), "replica 1.") < strstr(buf_text(&lines), "replica 8."));
    CHECK_INT(count_of("and 1500 more partitions"), 1);
    CHECK_INT(count_of("end: 2500 partitions: 2493 led, 0 followed, 0 opening, 7 offline"), 1);
    state_dump_close(&broker.dump);
    env_free(broker.env);
    buf_close(&lines);
}

static void a_dump_ends_when_the_broker_stops(void)
{
    struct logger logger;
    struct broker broker = {.logger = &logger, .partitions = (struct partitions *)&logger};
    buf_init(&lines);
    asked = asked_by = 0;
    logger_init(&logger, "broker 0", NULL, NULL);
    logger.sink = keep_line;
    CHECK_INT(env_new(&broker.env), 0);
    lines_env = broker.env;
    state_dump_init(&broker.dump, &broker);
    env_timer_init(broker.env, &broker.leave_timer, other_work, &broker);
    state_dump_start(&broker.dump);
    state_dump_start(&broker.dump);
    CHECK_INT(count_of("a dump is under way"), 1);
    broker.partitions = NULL;
    env_timer_start(&broker.leave_timer, 0);
    env_run(broker.env);
    CHECK_INT(asked, 0);
    CHECK(!broker.dump.running);
    state_dump_start(&broker.dump);
    CHECK_INT(count_of("the broker stops"), 1);
    state_dump_close(&broker.dump);
    env_free(broker.env);
    buf_close(&lines);
}

TAP_MAIN(TAP_TEST(a_dump_leaves_turns_to_others), TAP_TEST(a_dump_ends_when_the_broker_stops))
