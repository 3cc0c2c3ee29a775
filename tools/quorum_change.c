/* Changes of the metadata quorum.
 *
 * Happy path: what is to be added is read from the controller's own file and directory; one request
 * changes the quorum, and its answer comes when the change is committed. Failure modes: a file that
 * is no controller's, a directory without an id, and what the quorum answers. */
#include "tools/quorum_change.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "kafka/messages/add_raft_voter.h"
#include "kafka/messages/remove_raft_voter.h"
#include "kafka/messages/unregister_controller.h"
#include "kafka/meta_properties.h"
#include "tools/quorum_request.h"

enum {
    CHANGE_TIMEOUT_MS = 25000, /* below the time that an answer may take */
    CHANGE_HEARD_MS = 3000     /* a voter that runs answers its leader many times a second */
};

static bool change_moved_add(const void *data)
{
    const struct add_raft_voter_response *response = data;
    return err_from_wire(response->error_code) == ERR_NOT_CONTROLLER;
}

static bool change_moved_remove(const void *data)
{
    const struct remove_raft_voter_response *response = data;
    return err_from_wire(response->error_code) == ERR_NOT_CONTROLLER;
}

static int change_fail(struct tool_run *run, int16_t code, struct wire_str message)
{
    struct buf text;
    buf_init(&text);
    int status = tool_fail(run, "%s", tool_error_text(code, message, &text));
    buf_close(&text);
    return status;
}

/* ---- add ---- */

struct change_node {
    struct config *config;
    struct uuid directory_id;
};

/* The directory has an id since the controller's first start. */
static int change_read_directory(struct tool_run *run, struct change_node *node)
{
    struct buf problem;
    struct meta_properties meta;
    const char *dir = meta_formatted_dir(node->config, 0);
    const char *metadata = config_str(node->config, CONFIG_METADATA_LOG_DIR);
    int status = 0;
    buf_init(&problem);
    dir = metadata[0] ? metadata : dir;
    int err =
        meta_properties_load(run->env, dir, config_node_id(node->config), NULL, &meta, &problem);
    if (err) {
        status = tool_fail(run, "%s", problem.len ? buf_text(&problem) : err_text(err));
    } else {
        if (meta.dirty)
            status = tool_fail(run,
                               "%s/meta.properties is not there: start the controller first, it "
                               "has to run while it is added",
                               dir);
        node->directory_id = meta.directory_id;
        meta_properties_close(&meta);
    }
    buf_close(&problem);
    return status;
}

static int change_read_node(struct tool_run *run, struct change_node *node)
{
    const char *file = options_get(run->options, "command-config");
    struct buf problem, notes;
    int status = 0;
    buf_init(&problem);
    buf_init(&notes);
    int err = config_load(run->env, file, NULL, 0, &problem, &notes, &node->config);
    if (err)
        status = tool_fail(run, "%s", problem.len ? buf_text(&problem) : err_text(err));
    else if (!config_controller_listener(node->config))
        status = tool_fail(run,
                           "%s is the file of a node without the controller role "
                           "(process.roles)",
                           file);
    buf_close(&problem);
    buf_close(&notes);
    return status ? status : change_read_directory(run, node);
}

static int change_send_add(struct tool_run *run, const struct change_node *node)
{
    struct add_raft_voter_request request;
    struct add_raft_voter_request_listener listener;
    struct client_answer answer = {0};
    size_t len;
    const char *name = config_controller_name(node->config, &len);
    int version = tool_version(run, KAFKA_API_ADD_RAFT_VOTER);
    wire_defaults(&add_raft_voter_request_desc, &request);
    wire_defaults(&add_raft_voter_request_listener_desc, &listener);
    request.cluster_id = wire_str_from(NULL);
    request.timeout_ms = CHANGE_TIMEOUT_MS;
    request.voter_id = config_node_id(node->config);
    request.voter_directory_id = node->directory_id;
    listener.name = wire_str_of(name, len);
    listener.host = wire_str_from(config_controller_host(node->config));
    listener.port = config_controller_listener(node->config)->port;
    request.listeners.items = &listener;
    request.listeners.count = 1;
    if (version < 0 || tool_call_controller(run, KAFKA_API_ADD_RAFT_VOTER, version, &request,
                                            change_moved_add, &answer))
        return 1;
    const struct add_raft_voter_response *response = answer.response;
    int status =
        response->error_code ? change_fail(run, response->error_code, response->error_message) : 0;
    client_answer_free(&answer);
    return status;
}

int quorum_change_add(struct tool_run *run)
{
    struct change_node node = {0};
    char id[UUID_TEXT_LEN + 1];
    size_t len;
    bool dry = options_has(run->options, "dry-run");
    if (!options_has(run->options, "command-config"))
        return tool_misuse(run, "add-controller reads the node's id, directory and listeners from "
                                "its server.properties: name that file with --command-config");
    run->server_file = true;
    int status = tool_connect(run);
    if (status == 0)
        status = change_read_node(run, &node);
    if (status == 0 && !dry)
        status = change_send_add(run, &node);
    uuid_format(&node.directory_id, id);
    if (status == 0) {
        const char *name = config_controller_name(node.config, &len);
        printf("%s controller %d with directory id %s and endpoints: %.*s://%s:%u\n",
               dry ? "DRY RUN of adding" : "Added", config_node_id(node.config), id, (int)len, name,
               config_controller_host(node.config), config_controller_listener(node.config)->port);
    }
    if (node.config)
        config_free(node.config);
    return status;
}

/* ---- remove ---- */

typedef struct describe_quorum_response_replica_state change_replica;

/* Whether the leader has heard that voter just now; false where nobody can tell. */
static bool change_is_running(struct tool_run *run, int32_t id)
{
    struct quorum_request quorum;
    struct client_answer answer = {0};
    int version = tool_version(run, KAFKA_API_DESCRIBE_QUORUM);
    quorum_request_init(&quorum);
    if (version < 0 || client_call(run->client, CLIENT_ANY, KAFKA_API_DESCRIBE_QUORUM, version,
                                   &quorum.request, &answer))
        return false;
    const struct describe_quorum_response_partition_data *state =
        quorum_request_answer(answer.response);
    int64_t now_ms = -1, heard_ms = -1;
    for (int32_t i = 0; state && i < state->current_voters.count; i++) {
        const change_replica *voter = &state->current_voters.items[i];
        now_ms = voter->replica_id == state->leader_id ? voter->last_fetch_timestamp : now_ms;
        heard_ms = voter->replica_id == id ? voter->last_fetch_timestamp : heard_ms;
    }
    client_answer_free(&answer);
    return now_ms >= 0 && heard_ms >= 0 && now_ms - heard_ms < CHANGE_HEARD_MS;
}

int quorum_change_remove_voter(struct tool_run *run, int32_t id, const struct uuid *directory_id)
{
    struct remove_raft_voter_request request;
    struct client_answer answer = {0};
    int version = tool_version(run, KAFKA_API_REMOVE_RAFT_VOTER);
    wire_defaults(&remove_raft_voter_request_desc, &request);
    request.cluster_id = wire_str_from(NULL);
    request.voter_id = id;
    request.voter_directory_id = *directory_id;
    if (version < 0 || tool_call_controller(run, KAFKA_API_REMOVE_RAFT_VOTER, version, &request,
                                            change_moved_remove, &answer))
        return 1;
    const struct remove_raft_voter_response *response = answer.response;
    int status =
        response->error_code ? change_fail(run, response->error_code, response->error_message) : 0;
    client_answer_free(&answer);
    return status;
}

static bool change_moved_unregister(const void *data)
{
    const struct unregister_controller_response *response = data;
    return err_from_wire(response->error_code) == ERR_NOT_CONTROLLER;
}

int quorum_change_unregister(struct tool_run *run, int32_t id)
{
    struct unregister_controller_request request;
    struct client_answer answer = {0};
    int version = tool_version(run, KAFKA_API_UNREGISTER_CONTROLLER);
    wire_defaults(&unregister_controller_request_desc, &request);
    request.controller_id = id;
    if (version < 0 || tool_call_controller(run, KAFKA_API_UNREGISTER_CONTROLLER, version, &request,
                                            change_moved_unregister, &answer))
        return 1;
    const struct unregister_controller_response *response = answer.response;
    int err = err_from_wire(response->error_code), status = 0;
    if (response->error_code && err != ERR_BROKER_ID_NOT_REGISTERED)
        status = change_fail(run, response->error_code, response->error_message);
    client_answer_free(&answer);
    return status;
}

int quorum_change_remove(struct tool_run *run)
{
    int64_t id;
    struct uuid directory_id;
    bool dry = options_has(run->options, "dry-run");
    const char *text = options_get(run->options, "controller-directory-id");
    if (!options_has(run->options, "controller-id") || !text)
        return tool_misuse(run, "remove-controller needs --controller-id and "
                                "--controller-directory-id, as describe --status shows them");
    if (tool_number(run, "controller-id", 0, INT32_MAX, -1, &id))
        return 1;
    if (uuid_parse(text, &directory_id))
        return tool_misuse(run,
                           "--controller-directory-id %s is no id: it has 22 characters, as "
                           "describe --status shows it",
                           text);
    int status = tool_connect(run);
    bool runs = status == 0 && !dry && change_is_running(run, (int32_t)id);
    if (status == 0 && !dry)
        status = quorum_change_remove_voter(run, (int32_t)id, &directory_id);
    if (status == 0)
        printf("%s KRaft controller %d with directory id %s\n",
               dry ? "DRY RUN of removing" : "Removed", (int)id, text);
    if (status == 0 && runs)
        tool_warn(run,
                  "controller %d still runs, and follows without a vote. With "
                  "controller.quorum.auto.join.enable=true in its file it becomes a voter again in "
                  "seconds: stop such a one first, then remove it",
                  (int)id);
    if (status == 0 && !dry && options_has(run->options, "unregister")) {
        status = quorum_change_unregister(run, (int32_t)id);
        if (status == 0)
            printf("Unregistered controller %d\n", (int)id);
    }
    return status;
}
