/* A controller's part of a node's settings. Happy path: each value is read off the table of
 * settings; what no setting decides has a name here. Failure modes: none, since config_new has
 * checked all values. */
#include "tools/server/controller_settings.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    CONTROLLER_HEARTBEAT_MS = 50,      /* eight in an election timeout of 400 ms, the default */
    CONTROLLER_SNAPSHOT_ENTRIES = 8192 /* between two snapshots: a start reads few again */
};

static bool controller_settings_topic_default(void *data, size_t i, const char **key,
                                              const char **value, bool *from_file)
{
    const struct config *config = data;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        const struct config_row *row = config_row(id);
        if (!row->topic_name || (row->flags & CONFIG_NOT_TOLD) || i-- > 0)
            continue;
        *key = row->topic_name;
        *value = config_str(config, id);
        *from_file = config_is_given(config, id);
        return true;
    }
    return false;
}

/* Without voters in the settings they are those of the log. The lowest of the bootstrap servers
 * founds the quorum; without any the node is a cluster of its own, which others may join. */
static void controller_settings_fill_quorum(struct controller_settings *settings,
                                            const struct config *config)
{
    int count;
    const struct config_voter *bootstrap = config_bootstrap(config, &count);
    enum config_id joins = CONFIG_CONTROLLER_QUORUM_AUTO_JOIN_ENABLE;
    settings->voters[0] =
        (struct controller_voter){config_node_id(config), config_controller_host(config),
                                  config_controller_listener(config)->port};
    settings->config.changes = true;
    settings->config.joins = !config_is_given(config, joins) ? CONTROLLER_JOINS_TO_THREE
                             : config_bool(config, joins)    ? CONTROLLER_JOINS_ALWAYS
                                                             : CONTROLLER_JOINS_NEVER;
    settings->servers = mem_alloc((size_t)(count ? count : 1) * sizeof(*settings->servers));
    settings->config.own_server = -1;
    for (int i = 0; i < count; i++) {
        settings->servers[i] =
            (struct controller_voter){bootstrap[i].id, bootstrap[i].host, bootstrap[i].port};
        if (config_bootstrap_is_self(config, i))
            settings->config.own_server = i;
    }
    settings->config.servers = settings->servers;
    settings->config.server_count = count;
    settings->config.servers_supposed = config_bootstrap_supposed(config);
}

static void controller_settings_fill_voters(struct controller_settings *settings,
                                            const struct config *config)
{
    int count;
    const struct config_voter *voters = config_voters(config, &count);
    settings->voters = mem_alloc((size_t)(count ? count : 1) * sizeof(*settings->voters));
    settings->servers = NULL;
    for (int i = 0; i < count; i++)
        settings->voters[i] =
            (struct controller_voter){voters[i].id, voters[i].host, voters[i].port};
    settings->config.voters = settings->voters;
    settings->config.voter_count = count ? count : 1;
    if (count == 0)
        controller_settings_fill_quorum(settings, config);
}

void controller_settings_init(struct controller_settings *settings, const struct config *config)
{
    const struct config_endpoint *listen = config_controller_listener(config);
    ASSERT(listen);
    settings->config = (struct controller_config){
        .node_id = config_node_id(config),
        .listen_host = listen->host,
        .listen_port = listen->port,
        .heartbeat_ms = CONTROLLER_HEARTBEAT_MS,
        .election_timeout_ms = config_int(config, CONFIG_CONTROLLER_QUORUM_ELECTION_TIMEOUT_MS),
        .broker_session_timeout_ms = config_int(config, CONFIG_BROKER_SESSION_TIMEOUT_MS),
        .default_partitions = (int32_t)config_int(config, CONFIG_NUM_PARTITIONS),
        .default_replication_factor =
            (int16_t)config_int(config, CONFIG_DEFAULT_REPLICATION_FACTOR),
        .min_insync_replicas = (int32_t)config_int(config, CONFIG_MIN_INSYNC_REPLICAS),
        .auto_leader_rebalance = config_bool(config, CONFIG_AUTO_LEADER_REBALANCE_ENABLE),
        .leader_rebalance_check_ms =
            config_int(config, CONFIG_LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS) * 1000,
        .leader_imbalance_percent =
            (int32_t)config_int(config, CONFIG_LEADER_IMBALANCE_PER_BROKER_PERCENTAGE),
        .snapshot_entries = CONTROLLER_SNAPSHOT_ENTRIES,
        .settings = config,
        .topic_default = controller_settings_topic_default,
        .topic_default_data = (void *)(uintptr_t)config,
    };
    controller_settings_fill_voters(settings, config);
}

void controller_settings_close(struct controller_settings *settings)
{
    mem_free(settings->voters);
    mem_free(settings->servers);
}
