/* What is derived from the settings once: node id, roles, listeners, voters, directories.
 *
 * Happy path: a node is told its id, its listeners and its quorum, or nothing at all (then it is
 * node 0 on port 9092, a cluster of its own). Kafka's KRaft and ZooKeeper-era files both end here.
 * Failure modes: addresses that can't be read, ids that contradict each other, a quorum without
 * this node, and security protocols, which are not available yet. */
#include "config/config_private.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/err.h"

static const char *const config_protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

/* NAME://host:port as it stands in the file. */
STATIC_ASSERT(ARRAY_LEN(config_protocols) == 4, "the numbers are Kafka's: 0 is PLAINTEXT");
struct config_address {
    const char *name; /* in upper case; NULL when there was none */
    const char *host;
    uint16_t port;
};

struct config_addresses {
    struct config_address items[CONFIG_LISTENERS_MAX];
    int count;
};

static const char *config_keep(struct config *config, const char *text, size_t len)
{
    const char *copy = arena_strndup(&config->strings, text, len);
    ASSERT(len == 0 || text != NULL);
    ASSERT(copy != NULL); /* CONFIG_STRINGS_MAX is several times the largest file */
    return copy;
}

static bool config_parse_port(const char *text, size_t len, uint16_t *port)
{
    unsigned value = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    ASSERT(value <= 99999);
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

/* "host:port", "[v6]:port" or ":port". */
static bool config_parse_host_port(struct config *config, const char *text, size_t len,
                                   const char **host, uint16_t *port)
{
    size_t colon = len;
    while (colon > 0 && text[colon - 1] != ':')
        colon--;
    if (colon == 0 || !config_parse_port(text + colon, len - colon, port))
        return false;
    ASSERT(colon <= len);
    ASSERT(text[colon - 1] == ':');
    size_t host_len = colon - 1;
    if (host_len >= 2 && text[0] == '[' && text[host_len - 1] == ']') {
        *host = config_keep(config, text + 1, host_len - 2);
        return true;
    }
    if (memchr(text, ':', host_len) || memchr(text, '/', host_len) || memchr(text, ' ', host_len))
        return false;
    *host = config_keep(config, text, host_len);
    return true;
}

static bool config_parse_listener(struct config *config, const char *text, size_t len,
                                  struct config_address *address)
{
    const char *mark = memmem(text, len, "://", 3);
    if (!mark || mark == text)
        return false;
    size_t name_len = (size_t)(mark - text);
    char *name = arena_strndup(&config->strings, text, name_len);
    ASSERT(name != NULL);
    for (size_t i = 0; i < name_len; i++)
        name[i] = (char)toupper((unsigned char)name[i]);
    ASSERT(name_len > 0);
    ASSERT(name_len + 3 <= len);
    address->name = name;
    return config_parse_host_port(config, mark + 3, len - name_len - 3, &address->host,
                                  &address->port);
}

static int config_parse_listeners(struct config *config, enum config_id id,
                                  struct config_addresses *out, struct buf *problem)
{
    const char *list = config_str(config, id);
    const char *element;
    size_t len;
    while (config_next_element(&list, &element, &len)) {
        if (out->count == CONFIG_LISTENERS_MAX) {
            config_say_where(config, id, problem);
            buf_printf(problem, "%s has more than %d entries: remove some", config_row(id)->name,
                       CONFIG_LISTENERS_MAX);
            return ERR_INVALID;
        }
        if (!config_parse_listener(config, element, len, &out->items[out->count])) {
            config_say_where(config, id, problem);
            buf_printf(problem,
                       "%s: %.*s is not an address: write it as NAME://host:port, such as "
                       "PLAINTEXT://localhost:9092",
                       config_row(id)->name, (int)len, element);
            return ERR_INVALID;
        }
        ASSERT(out->count < CONFIG_LISTENERS_MAX);
        ASSERT(out->items[out->count].name != NULL);
        out->count++;
    }
    return 0;
}

static bool config_list_has(const char *list, const char *name)
{
    const char *element;
    size_t len;
    while (config_next_element(&list, &element, &len))
        if (strlen(name) == len && strncasecmp(name, element, len) == 0)
            return true;
    return false;
}

static bool config_is_controller_name(const struct config *config, const char *name)
{
    return config_list_has(config_str(config, CONFIG_CONTROLLER_LISTENER_NAMES), name);
}

static bool config_is_any(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* ---- node id, voters, roles ---- */

static int config_derive_node_id(struct config *config, struct buf *problem)
{
    int64_t node = config_int(config, CONFIG_NODE_ID),
            broker = config_int(config, CONFIG_BROKER_ID);
    if (node >= 0 && broker >= 0 && node != broker) {
        config_say_where(config, CONFIG_BROKER_ID, problem);
        buf_printf(problem, "broker.id=%d and node.id=%d differ: remove one of them", (int)broker,
                   (int)node);
        return ERR_INVALID;
    }
    if (node < 0 && broker < 0 && config_str(config, CONFIG_CONTROLLER_QUORUM_VOTERS)[0] != '\0') {
        config_say_where(config, CONFIG_CONTROLLER_QUORUM_VOTERS, problem);
        buf_printf(problem, "controller.quorum.voters is set, but this node has no id: add "
                            "broker.id=N, with the N that controller.quorum.voters has for it");
        return ERR_INVALID;
    }
    config->has_id = node >= 0 || broker >= 0;
    config->node_id = (int32_t)(node >= 0 ? node : broker >= 0 ? broker : 0);
    ASSERT(config->node_id >= 0);
    return 0;
}

static bool config_parse_voter(struct config *config, const char *text, size_t len,
                               struct config_voter *voter)
{
    const char *at = memchr(text, '@', len);
    int64_t id = -1;
    if (!at)
        return false;
    size_t id_len = (size_t)(at - text);
    if (!config_parse_int(config_keep(config, text, id_len), &id) || id < 0 || id > INT32_MAX)
        return false;
    ASSERT(id >= 0);
    voter->id = (int32_t)id;
    return config_parse_host_port(config, at + 1, len - id_len - 1, &voter->host, &voter->port) &&
           voter->host[0] != '\0' && voter->port != 0;
}

static int config_add_voter(struct config *config, const char *text, size_t len,
                            struct buf *problem)
{
    struct config_voter voter;
    const char *reason = NULL;
    if (!config_parse_voter(config, text, len, &voter))
        reason = "is not a voter: write it as id@host:port, such as 0@localhost:19092";
    else if (config->voter_count == CONFIG_VOTERS_MAX)
        reason = "is one voter too many: three or five are enough for any cluster";
    else if (config_find_voter(config, voter.id))
        reason = "has the id of an earlier voter: give each node its own id";
    for (int i = 0; !reason && i < config->voter_count; i++)
        if (voter.port == config->voters[i].port && strcmp(voter.host, config->voters[i].host) == 0)
            reason = "has the address of an earlier voter: give each node its own";
    if (!reason) {
        ASSERT(config->voter_count < CONFIG_VOTERS_MAX);
        ASSERT(voter.port != 0);
        config->voters[config->voter_count++] = voter;
        return 0;
    }
    config_say_where(config, CONFIG_CONTROLLER_QUORUM_VOTERS, problem);
    buf_printf(problem, "controller.quorum.voters: %.*s %s", (int)len, text, reason);
    return ERR_INVALID;
}

static int config_derive_voters(struct config *config, struct buf *problem)
{
    const char *list = config_str(config, CONFIG_CONTROLLER_QUORUM_VOTERS);
    const char *element;
    size_t len;
    int err = 0;
    ASSERT(config->voter_count == 0);
    while (err == 0 && config_next_element(&list, &element, &len))
        err = config_add_voter(config, element, len, problem);
    return err;
}

static int config_derive_roles(struct config *config, struct buf *problem, struct buf *notes)
{
    const char *list = config_str(config, CONFIG_PROCESS_ROLES);
    bool chosen = config_is_set(config, CONFIG_PROCESS_ROLES) && list[0] != '\0';
    bool voter = config_find_voter(config, config->node_id) != NULL;
    bool controller =
        chosen ? config_list_has(list, "controller") : config->voter_count == 0 || voter;
    bool broker = !chosen || config_list_has(list, "broker");
    if (config->voter_count > 0 && controller != voter) {
        config_say_where(config, CONFIG_CONTROLLER_QUORUM_VOTERS, problem);
        if (controller)
            buf_printf(problem,
                       "controller.quorum.voters has no entry for this node (id %d): add "
                       "%d@host:port, or set process.roles=broker",
                       config->node_id, config->node_id);
        else
            buf_printf(problem,
                       "controller.quorum.voters has this node (id %d), but process.roles "
                       "has no controller: add it, or remove the entry",
                       config->node_id);
        return ERR_INVALID;
    }
    enum config_id id = CONFIG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS;
    bool bootstrap = config_is_set(config, id) && config_str(config, id)[0] != '\0';
    if (config->voter_count == 0 && !controller && !bootstrap) {
        config_say_where(config, CONFIG_PROCESS_ROLES, problem);
        buf_printf(problem,
                   "process.roles=%s needs a controller elsewhere: set "
                   "controller.quorum.voters=id@host:port,... or "
                   "controller.quorum.bootstrap.servers=host:port,...",
                   list);
        return ERR_INVALID;
    }
    if (config->voter_count == 0 && !controller && !config->has_id) {
        config_say_where(config, CONFIG_PROCESS_ROLES, problem);
        buf_printf(problem,
                   "process.roles=%s makes this node one of several, but it has no id: add "
                   "node.id=N, another N than any other node has",
                   list);
        return ERR_INVALID;
    }
    if (!chosen && !controller)
        buf_printf(notes,
                   "%s: node %d is not in controller.quorum.voters, hence a broker without a "
                   "controller\n",
                   config->file, config->node_id);
    ASSERT(broker || controller);
    config->roles = (broker ? CONFIG_ROLE_BROKER : 0u) | (controller ? CONFIG_ROLE_CONTROLLER : 0u);
    return 0;
}

/* ---- listeners ---- */

/* The protocol word of a listener name; NULL when nothing tells. */
static const char *config_protocol_of(const struct config *config, const char *name, size_t *len)
{
    const char *list = config_str(config, CONFIG_LISTENER_SECURITY_PROTOCOL_MAP);
    const char *element;
    size_t element_len, name_len = strlen(name);
    while (config_next_element(&list, &element, &element_len)) {
        if (element_len > name_len && element[name_len] == ':' &&
            strncasecmp(element, name, name_len) == 0) {
            ASSERT(name_len > 0);
            *len = element_len - name_len - 1;
            return element + name_len + 1;
        }
    }
    const char *word = config_is_controller_name(config, name) ? "PLAINTEXT" : NULL;
    for (size_t i = 0; i < ARRAY_LEN(config_protocols); i++)
        if (strcmp(config_protocols[i], name) == 0)
            word = config_protocols[i];
    *len = word ? strlen(word) : 0;
    return word;
}

static int config_derive_security(const struct config *config, const char *name, int16_t *security,
                                  struct buf *problem)
{
    size_t len;
    const char *word = config_protocol_of(config, name, &len);
    ASSERT(*security < 0);
    for (size_t i = 0; word && i < ARRAY_LEN(config_protocols); i++)
        if (strlen(config_protocols[i]) == len && strncasecmp(config_protocols[i], word, len) == 0)
            *security = (int16_t)i;
    if (word && *security == 0)
        return 0;
    enum config_id id = config_is_set(config, CONFIG_LISTENER_SECURITY_PROTOCOL_MAP)
                            ? CONFIG_LISTENER_SECURITY_PROTOCOL_MAP
                            : CONFIG_LISTENERS;
    config_say_where(config, id, problem);
    if (!word)
        buf_printf(problem,
                   "listener %s has no security protocol: add %s:PLAINTEXT to "
                   "listener.security.protocol.map",
                   name, name);
    else if (*security > 0)
        buf_printf(problem,
                   "listener %s: security protocol %.*s is not available yet: use PLAINTEXT", name,
                   (int)len, word);
    else
        buf_printf(problem,
                   "listener.security.protocol.map: %.*s of listener %s is no security "
                   "protocol: use PLAINTEXT",
                   (int)len, word, name);
    return word && *security > 0 ? ERR_UNSUPPORTED : ERR_INVALID;
}

static int config_check_unique(const struct config *config, enum config_id id,
                               const struct config_addresses *all, struct buf *problem)
{
    ASSERT(all->count <= CONFIG_LISTENERS_MAX);
    for (int i = 0; i < all->count; i++) {
        for (int j = 0; j < i; j++) {
            const struct config_address *a = &all->items[i], *b = &all->items[j];
            bool same_port = a->port == b->port && a->port != 0 && id == CONFIG_LISTENERS;
            if (strcmp(a->name, b->name) != 0 && !same_port)
                continue;
            config_say_where(config, id, problem);
            buf_printf(problem, "%s: %s and %s have the same %s: give each its own",
                       config_row(id)->name, b->name, a->name, same_port ? "port" : "name");
            return ERR_INVALID;
        }
    }
    return 0;
}

static int config_add_listener(struct config *config, const struct config_address *address,
                               struct buf *problem)
{
    int16_t security = -1;
    int err = config_derive_security(config, address->name, &security, problem);
    if (err)
        return err;
    if (config_is_controller_name(config, address->name)) {
        if (!config->controller.host)
            config->controller = (struct config_endpoint){address->host, address->port};
        return 0;
    }
    ASSERT(security == 0);
    ASSERT(config->listener_count < CONFIG_LISTENERS_MAX);
    config->listeners[config->listener_count++] = (struct config_listener){
        .name = address->name,
        .host = config_is_any(address->host) ? "" : address->host,
        .port = address->port,
        .security = security,
    };
    return 0;
}

static int config_derive_listeners(struct config *config, struct buf *problem, struct buf *notes)
{
    struct config_addresses all = {0};
    int err = config_parse_listeners(config, CONFIG_LISTENERS, &all, problem);
    if (err)
        return err;
    if (all.count == 0)
        all.items[all.count++] =
            (struct config_address){"PLAINTEXT", config_str(config, CONFIG_HOST_NAME),
                                    (uint16_t)config_int(config, CONFIG_PORT)};
    else if (config_is_set(config, CONFIG_PORT) || config_is_set(config, CONFIG_HOST_NAME))
        buf_printf(notes, "%s: port and host.name have no effect, since listeners is set\n",
                   config->file);
    err = config_check_unique(config, CONFIG_LISTENERS, &all, problem);
    for (int i = 0; i < all.count && err == 0; i++)
        err = config_add_listener(config, &all.items[i], problem);
    if (err == 0 && !(config->roles & CONFIG_ROLE_BROKER) && config->listener_count > 0 &&
        config_is_set(config, CONFIG_LISTENERS)) {
        config_say_where(config, CONFIG_LISTENERS, problem);
        buf_printf(problem,
                   "listeners: %s is for brokers' clients, and process.roles has no broker: remove "
                   "it, or name it in controller.listener.names",
                   config->listeners[0].name);
        return ERR_INVALID;
    }
    if (err == 0 && (config->roles & CONFIG_ROLE_BROKER) && config->listener_count == 0) {
        config_say_where(config, CONFIG_LISTENERS, problem);
        buf_printf(problem, "listeners has no listener for clients: add PLAINTEXT://:9092");
        err = ERR_INVALID;
    }
    return err;
}

static struct config_listener *config_find_listener(struct config *config, const char *name)
{
    ASSERT(config->listener_count <= CONFIG_LISTENERS_MAX);
    for (int i = 0; i < config->listener_count; i++)
        if (strcasecmp(config->listeners[i].name, name) == 0)
            return &config->listeners[i];
    return NULL;
}

static int config_set_advertised(struct config *config, const struct config_address *address,
                                 struct buf *problem)
{
    struct config_listener *listener = config_find_listener(config, address->name);
    ASSERT(address->name != NULL);
    if (!listener && config_is_controller_name(config, address->name))
        return 0;
    if (listener && !config_is_any(address->host)) {
        listener->advertised_host = address->host;
        listener->advertised_port = address->port;
        return 0;
    }
    config_say_where(config, CONFIG_ADVERTISED_LISTENERS, problem);
    if (listener)
        buf_printf(problem,
                   "advertised.listeners: %s://%s:%u is no address that a client can reach: "
                   "write the name of this host",
                   address->name, address->host, address->port);
    else
        buf_printf(problem, "advertised.listeners: there is no listener %s: name one of listeners",
                   address->name);
    return ERR_INVALID;
}

/* What clients are told when advertised.listeners is silent. */
static void config_default_advertised(struct config *config, struct config_listener *listener,
                                      struct buf *notes)
{
    const char *old_host = config_str(config, CONFIG_ADVERTISED_HOST_NAME);
    bool from_old = config_str(config, CONFIG_LISTENERS)[0] == '\0';
    const struct config_voter *self = config_find_voter(config, config->node_id);
    ASSERT(listener->advertised_host == NULL);
    listener->advertised_port = listener->port;
    if (from_old && config_is_set(config, CONFIG_ADVERTISED_PORT))
        listener->advertised_port = (uint16_t)config_int(config, CONFIG_ADVERTISED_PORT);
    if (from_old && old_host[0] != '\0') {
        listener->advertised_host = old_host;
    } else if (listener->host[0] != '\0') {
        listener->advertised_host = listener->host;
    } else if (self) {
        listener->advertised_host = self->host;
    } else {
        listener->advertised_host = "localhost";
        buf_printf(notes,
                   "%s: clients are told %s://localhost:%u: set advertised.listeners to be "
                   "reached from other hosts\n",
                   config->file, listener->name, listener->advertised_port);
    }
    ASSERT(listener->advertised_host != NULL);
}

static int config_derive_advertised(struct config *config, struct buf *problem, struct buf *notes)
{
    struct config_addresses all = {0};
    int err = config_parse_listeners(config, CONFIG_ADVERTISED_LISTENERS, &all, problem);
    if (err == 0)
        err = config_check_unique(config, CONFIG_ADVERTISED_LISTENERS, &all, problem);
    for (int i = 0; i < all.count && err == 0; i++)
        err = config_set_advertised(config, &all.items[i], problem);
    for (int i = 0; i < config->listener_count && err == 0; i++)
        if (!config->listeners[i].advertised_host)
            config_default_advertised(config, &config->listeners[i], notes);
    return err;
}

static int config_derive_inter_broker(struct config *config, struct buf *problem)
{
    const char *protocol = config_str(config, CONFIG_SECURITY_INTER_BROKER_PROTOCOL);
    if (strcasecmp(protocol, "PLAINTEXT") != 0) {
        config_say_where(config, CONFIG_SECURITY_INTER_BROKER_PROTOCOL, problem);
        buf_printf(problem, "security.inter.broker.protocol=%s is not available yet: use PLAINTEXT",
                   protocol);
        return ERR_UNSUPPORTED;
    }
    const char *name = config_str(config, CONFIG_INTER_BROKER_LISTENER_NAME);
    if (name[0] == '\0')
        return 0; /* all are PLAINTEXT: the first one */
    struct config_listener *listener = config_find_listener(config, name);
    if (listener) {
        config->inter_broker = (int)(listener - config->listeners);
        ASSERT(config->inter_broker < config->listener_count);
        return 0;
    }
    config_say_where(config, CONFIG_INTER_BROKER_LISTENER_NAME, problem);
    buf_printf(problem,
               "inter.broker.listener.name=%s is no listener for brokers: name one of "
               "listeners",
               name);
    return ERR_INVALID;
}

/* ---- other controllers ---- */

static bool config_is_self(const struct config *config, const char *host, uint16_t port)
{
    if (!(config->roles & CONFIG_ROLE_CONTROLLER) || port != config->controller.port)
        return false;
    ASSERT(config->controller.host != NULL);
    if (config_host_is_loopback(host) || strcasecmp(host, config->controller.host) == 0)
        return true;
    for (int i = 0; i < config->listener_count; i++)
        if (strcasecmp(host, config->listeners[i].host) == 0 ||
            strcasecmp(host, config->listeners[i].advertised_host) == 0)
            return true;
    return false;
}

/* Who they are, they tell. */
static const char *config_add_bootstrap(struct config *config, const char *host, uint16_t port)
{
    ASSERT(host[0] != '\0');
    ASSERT(port != 0);
    if (config->bootstrap_count == CONFIG_VOTERS_MAX)
        return "is one too many: name three or five controllers";
    for (int i = 0; i < config->bootstrap_count; i++)
        if (config->bootstrap[i].port == port && strcmp(config->bootstrap[i].host, host) == 0)
            return "is there twice: remove one";
    ASSERT(config->bootstrap_count < CONFIG_VOTERS_MAX);
    config->bootstrap[config->bootstrap_count++] = (struct config_voter){CONFIG_NO_ID, host, port};
    return NULL;
}

/* Without voters, the bootstrap servers are where the controllers are found. */
static int config_derive_bootstrap(struct config *config, struct buf *problem)
{
    enum config_id id = CONFIG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS;
    const char *list = config_str(config, id);
    const char *element;
    size_t len;
    ASSERT(config->bootstrap_count == 0);
    if (config->voter_count > 0)
        return 0;
    config->bootstrap_supposed = !config_is_set(config, id);
    while (config_next_element(&list, &element, &len)) {
        const char *host, *reason = NULL;
        uint16_t port;
        if (!config_parse_host_port(config, element, len, &host, &port) || host[0] == '\0' ||
            port == 0)
            reason = "is not an address: write it as host:port";
        else
            reason = config_add_bootstrap(config, host, port);
        if (!reason)
            continue;
        config_say_where(config, id, problem);
        buf_printf(problem, "%s: %.*s %s", config_row(id)->name, (int)len, element, reason);
        return ERR_INVALID;
    }
    return 0;
}

/* ---- log directories ---- */

/* The same directory with and without a slash at its end. */
static size_t config_dir_len(const char *dir, size_t len)
{
    while (len > 1 && dir[len - 1] == '/')
        len--;
    ASSERT(len <= 1 || dir[len - 1] != '/');
    return len;
}

static bool config_has_log_dir(const struct config *config, const char *dir, size_t len)
{
    for (int i = 0; i < config->log_dir_count; i++)
        if (strlen(config->log_dirs[i]) == len && memcmp(config->log_dirs[i], dir, len) == 0)
            return true;
    return false;
}

/* A directory that is there twice counts once, as in Kafka. */
static int config_derive_log_dirs(struct config *config, struct buf *problem)
{
    enum config_id id = config_is_set(config, CONFIG_LOG_DIRS) ? CONFIG_LOG_DIRS : CONFIG_LOG_DIR;
    const char *list = config_str(config, id);
    const char *element;
    size_t len;
    while (config_next_element(&list, &element, &len)) {
        len = config_dir_len(element, len);
        if (config_has_log_dir(config, element, len))
            continue;
        const char *dir = config_keep(config, element, len);
        if (config->log_dir_count == CONFIG_LOG_DIRS_MAX) {
            config_say_where(config, id, problem);
            buf_printf(problem, "%s: %s is one too many", config_row(id)->name, dir);
            return ERR_INVALID;
        }
        ASSERT(config->log_dir_count < CONFIG_LOG_DIRS_MAX);
        config->log_dirs[config->log_dir_count++] = dir;
    }
    if (config->log_dir_count > 0)
        return 0;
    config_say_where(config, id, problem);
    buf_printf(problem, "%s is empty: name a directory for the logs", config_row(id)->name);
    return ERR_INVALID;
}

bool config_cordons(const char *value, const char *dir)
{
    const char *list = value;
    const char *element;
    size_t len;
    if (config_is_word(value, "*"))
        return true;
    while (config_next_element(&list, &element, &len)) {
        len = config_dir_len(element, len);
        if (strlen(dir) == len && memcmp(element, dir, len) == 0)
            return true;
    }
    return false;
}

int config_check_cordoned(const struct config *config, const char *value, struct buf *problem)
{
    const char *list = value;
    const char *element;
    size_t len;
    if (config_is_word(value, "*"))
        return 0;
    while (config_next_element(&list, &element, &len)) {
        if (config_has_log_dir(config, element, config_dir_len(element, len)))
            continue;
        bool all = len == 1 && *element == '*';
        buf_printf(problem, "cordoned.log.dirs=%s is not possible: %.*s %s", value, (int)len,
                   element,
                   all ? "means all and stands alone"
                       : "is not in log.dirs: name directories that are, or * for all");
        return ERR_INVALID_CONFIG;
    }
    return 0;
}

static int config_derive_cordoned(struct config *config, struct buf *problem)
{
    struct buf reason;
    buf_init(&reason);
    int err = config_check_cordoned(config, config_str(config, CONFIG_CORDONED_LOG_DIRS), &reason);
    if (err) {
        config_say_where(config, CONFIG_CORDONED_LOG_DIRS, problem);
        buf_printf(problem, "%s", buf_text(&reason));
    }
    buf_close(&reason);
    return err ? ERR_INVALID : 0;
}

/* ---- levels of the log ---- */

static int config_read_levels(const struct config *config, struct logger_levels *levels,
                              struct buf *problem)
{
    enum logger_level level = LOGGER_INFO;
    const char *root = config_str(config, CONFIG_LOGGER_LEVEL);
    bool found = logger_level_find(root, strlen(root), &level);
    ASSERT(found);
    logger_levels_init(levels, level);
    return logger_levels_read(levels, config_str(config, CONFIG_LOGGER_LEVELS), problem);
}

static int config_derive_levels(const struct config *config, struct buf *problem)
{
    struct logger_levels levels;
    struct buf reason;
    buf_init(&reason);
    int err = config_read_levels(config, &levels, &reason);
    if (err) {
        config_say_where(config, CONFIG_LOGGER_LEVELS, problem);
        buf_printf(problem, "logger.levels: %s", buf_text(&reason));
    }
    buf_close(&reason);
    return err;
}

void config_logger_levels(const struct config *config, struct logger_levels *levels)
{
    struct buf reason;
    buf_init(&reason);
    int err = config_read_levels(config, levels, &reason);
    ASSERT(err == 0); /* checked by config_derive */
    buf_close(&reason);
}

int config_derive(struct config *config, struct buf *problem, struct buf *notes)
{
    int err = config_derive_levels(config, problem);
    if (err == 0)
        err = config_derive_node_id(config, problem);
    if (err == 0)
        err = config_derive_voters(config, problem);
    if (err == 0)
        err = config_derive_roles(config, problem, notes);
    if (err == 0)
        err = config_derive_listeners(config, problem, notes);
    if (err == 0)
        err = config_derive_advertised(config, problem, notes);
    if (err == 0 && (config->roles & CONFIG_ROLE_BROKER))
        err = config_derive_inter_broker(config, problem);
    if (err == 0)
        err = config_derive_bootstrap(config, problem);
    if (err == 0 && (config->roles & CONFIG_ROLE_CONTROLLER))
        err = config_derive_controller(config, problem, notes);
    if (err == 0)
        err = config_derive_log_dirs(config, problem);
    if (err == 0 && (config->roles & CONFIG_ROLE_BROKER))
        err = config_derive_cordoned(config, problem);
    return err;
}

/* ---- getters ---- */

const char *config_file(const struct config *config)
{
    return config->file;
}

int32_t config_node_id(const struct config *config)
{
    return config->node_id;
}

unsigned config_roles(const struct config *config)
{
    return config->roles;
}

const struct config_listener *config_listeners(const struct config *config, int *count)
{
    *count = config->roles & CONFIG_ROLE_BROKER ? config->listener_count : 0;
    return config->listeners;
}

const struct config_listener *config_inter_broker_listener(const struct config *config)
{
    ASSERT(config->inter_broker >= 0);
    ASSERT(config->inter_broker < CONFIG_LISTENERS_MAX);
    return config->roles & CONFIG_ROLE_BROKER ? &config->listeners[config->inter_broker] : NULL;
}

const struct config_voter *config_voters(const struct config *config, int *count)
{
    *count = config->voter_count;
    return config->voters;
}

const struct config_voter *config_bootstrap(const struct config *config, int *count)
{
    *count = config->bootstrap_count;
    return config->bootstrap;
}

bool config_bootstrap_is_self(const struct config *config, int i)
{
    ASSERT(i >= 0);
    ASSERT(i < config->bootstrap_count);
    return config_is_self(config, config->bootstrap[i].host, config->bootstrap[i].port);
}

int config_address_compare(const char *host, uint16_t port, const char *other_host,
                           uint16_t other_port)
{
    bool loopback = config_host_is_loopback(host), other = config_host_is_loopback(other_host);
    int order = loopback || other ? other - loopback : strcasecmp(host, other_host);
    ASSERT(host != NULL);
    ASSERT(other_host != NULL);
    return order ? order : (port > other_port) - (port < other_port);
}

const struct config_endpoint *config_controller_listener(const struct config *config)
{
    return config->roles & CONFIG_ROLE_CONTROLLER ? &config->controller : NULL;
}

const char *const *config_log_dirs(const struct config *config, int *count)
{
    ASSERT(config->log_dir_count > 0);
    *count = config->log_dir_count;
    return config->log_dirs;
}
