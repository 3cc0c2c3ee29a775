/* Happy path: nothing is cut, and the core's own view is right. Failure modes: a configuration that
 * can't be decoded was checked when it came (raft_codec), so it means that memory is out. */
#include "controller/raft_servers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/raft_codec.h"

enum { SERVERS_HOST_MAX = 255 };

void raft_servers_init(struct raft_servers *members)
{
    *members = (struct raft_servers){.base_index = 0};
    raft_configuration_init(&members->base);
}

void raft_servers_close(struct raft_servers *members)
{
    raft_configuration_close(&members->base);
    raft_servers_init(members);
}

static int raft_servers_copy(const struct raft_configuration *from, struct raft_configuration *to)
{
    raft_configuration_init(to);
    int rc = 0;
    for (unsigned i = 0; !rc && i < from->n; i++)
        rc = raft_configuration_add(to, from->servers[i].id, from->servers[i].address,
                                    from->servers[i].role);
    if (rc) {
        raft_configuration_close(to);
        raft_configuration_init(to);
    }
    ASSERT(rc || to->n == from->n);
    return rc;
}

int raft_servers_set_base(struct raft_servers *members,
                          const struct raft_configuration *configuration, raft_index index)
{
    struct raft_configuration copy;
    ASSERT(index >= members->base_index || configuration->n > 0);
    int rc = raft_servers_copy(configuration, &copy);
    if (rc)
        return rc;
    raft_configuration_close(&members->base);
    members->base = copy;
    members->base_index = index;
    return 0;
}

static size_t raft_servers_log_count(const struct raft_log *log)
{
    return log->front <= log->back ? log->back - log->front : log->size - log->front + log->back;
}

/* The newest configuration in the log up to `index`; NULL when it has none. */
static const struct raft_entry *raft_servers_newest(const struct raft *raft, raft_index index,
                                                    raft_index *found)
{
    const struct raft_log *log = &raft->log;
    size_t count = raft_servers_log_count(log);
    ASSERT(count == 0 || log->size > count);
    for (size_t i = count; i-- > 0;) {
        const struct raft_entry *entry = &log->entries[(log->front + i) % log->size];
        *found = log->offset + i + 1;
        ASSERT(*found > log->offset);
        if (*found <= index && entry->type == RAFT_CHANGE)
            return entry;
    }
    return NULL;
}

int raft_servers_at(const struct raft_servers *members, const struct raft *raft, raft_index index,
                    struct raft_configuration *configuration, raft_index *found)
{
    const struct raft_entry *entry = raft_servers_newest(raft, index, found);
    if (entry)
        return raft_codec_configuration(entry->buf.base, entry->buf.len, configuration)
                   ? RAFT_MALFORMED
                   : 0;
    *found = members->base_index;
    return raft_servers_copy(&members->base, configuration);
}

raft_index raft_servers_before(struct raft_servers *members, struct raft *raft)
{
    raft_index pending = raft->configuration_uncommitted_index;
    members->cut = false;
    raft->configuration_uncommitted_index = 0;
    return pending;
}

/* The newest one in the log holds, and the one that is committed is what may not be changed. */
static int raft_servers_repair(struct raft_servers *members, struct raft *raft)
{
    struct raft_configuration configuration;
    raft_index newest = 0, committed = 0;
    int rc = raft_servers_at(members, raft, UINT64_MAX, &configuration, &newest);
    if (rc)
        return rc;
    raft_configuration_close(&raft->configuration);
    raft->configuration = configuration;
    if (!raft_servers_newest(raft, raft->commit_index, &committed))
        committed = members->base_index;
    ASSERT(committed <= newest);
    raft->configuration_index = committed;
    raft->configuration_uncommitted_index = newest > raft->commit_index ? newest : 0;
    ASSERT(raft->configuration_uncommitted_index == 0 ||
           raft->configuration_uncommitted_index > raft->configuration_index);
    return 0;
}

int raft_servers_after(struct raft_servers *members, struct raft *raft, raft_index pending)
{
    if (members->cut)
        return raft_servers_repair(members, raft);
    if (pending > raft->last_applied)
        raft->configuration_uncommitted_index = pending;
    return 0;
}

/* ---- looking ---- */

static bool raft_servers_only(const struct raft_configuration *configuration, raft_id self)
{
    int voters = 0;
    bool own = false;
    for (unsigned i = 0; i < configuration->n; i++) {
        bool votes = configuration->servers[i].role == RAFT_VOTER;
        voters += votes;
        own |= votes && configuration->servers[i].id == self;
    }
    ASSERT(!own || voters > 0);
    return own && voters == 1;
}

bool raft_servers_stored_alone(const struct raft_store_state *state, raft_id self)
{
    const void *bytes = state->snapshot.conf;
    size_t len = state->has_snapshot ? state->snapshot.conf_len : 0;
    for (size_t i = 0; i < state->count; i++) {
        if (state->entries[i].type != RAFT_CHANGE)
            continue;
        bytes = state->entries[i].data;
        len = state->entries[i].len;
    }
    struct raft_configuration configuration;
    ASSERT(len == 0 || bytes);
    if (len == 0 || raft_codec_configuration(bytes, len, &configuration))
        return false;
    bool alone = raft_servers_only(&configuration, self);
    raft_configuration_close(&configuration);
    return alone;
}

bool raft_servers_alone(const struct raft *raft)
{
    return raft_servers_only(&raft->configuration, raft->id);
}

struct raft_server *raft_servers_find(const struct raft *raft, raft_id id)
{
    for (unsigned i = 0; i < raft->configuration.n; i++)
        if (raft->configuration.servers[i].id == id)
            return &raft->configuration.servers[i];
    return NULL;
}

int raft_servers_count(const struct raft *raft, int role)
{
    int count = 0;
    ASSERT(role == RAFT_VOTER || role == RAFT_STANDBY || role == RAFT_SPARE);
    for (unsigned i = 0; i < raft->configuration.n; i++)
        count += raft->configuration.servers[i].role == role;
    return count;
}

/* ---- addresses ---- */

char *raft_servers_address(const struct raft_member *member)
{
    ASSERT(member->id >= 0 && member->port != 0);
    char directory[UUID_TEXT_LEN + 1];
    if (uuid_is_zero(&member->directory_id))
        return mem_printf("%d@%s:%u", member->id, member->host, member->port);
    uuid_format(&member->directory_id, directory);
    return mem_printf("%d@%s:%u/%s", member->id, member->host, member->port, directory);
}

bool raft_servers_host(const char *host)
{
    size_t len = strlen(host);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)host[i]) && !strchr("-._:%", host[i]))
            return false;
    return len > 0 && len <= SERVERS_HOST_MAX;
}

bool raft_servers_parse(const char *address, struct raft_member *member)
{
    const char *at = strchr(address, '@');
    const char *slash = at ? strrchr(at, '/') : NULL;
    const char *end = slash ? slash : address + strlen(address);
    const char *colon = at;
    for (const char *step = at; step && step < end; step++)
        if (*step == ':')
            colon = step;
    if (!at || colon == at || (slash && uuid_parse(slash + 1, &member->directory_id)))
        return false;
    if (!slash)
        memset(&member->directory_id, 0, sizeof(member->directory_id));
    member->id = (int32_t)strtol(address, NULL, 10);
    member->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    ASSERT(colon > at);
    ASSERT(colon <= end);
    member->host = mem_strndup(at + 1, (size_t)(colon - at - 1));
    return true;
}
