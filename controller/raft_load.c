/* Failure modes: memory that is out, and a configuration that is damaged; then nothing is left. */
#include "controller/raft_load.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "controller/raft_codec.h"

static void *raft_load_copy(const void *data, size_t len)
{
    void *copy = raft_malloc(len ? len : 1);
    if (copy && len)
        memcpy(copy, data, len);
    return copy;
}

struct raft_snapshot *raft_load_snapshot(const struct raft_store_snapshot *from)
{
    struct raft_snapshot *snapshot = raft_calloc(1, sizeof(*snapshot));
    if (!snapshot)
        return NULL;
    if (raft_codec_configuration(from->conf, from->conf_len, &snapshot->configuration))
        goto err_after_snapshot;
    snapshot->index = from->index;
    snapshot->term = from->term;
    snapshot->configuration_index = from->conf_index;
    snapshot->n_bufs = 1;
    snapshot->bufs = raft_calloc(1, sizeof(*snapshot->bufs));
    if (!snapshot->bufs)
        goto err_after_configuration;
    snapshot->bufs[0].len = from->data_len;
    snapshot->bufs[0].base = raft_load_copy(from->data, from->data_len);
    if (!snapshot->bufs[0].base)
        goto err_after_bufs;
    ASSERT(snapshot->n_bufs == 1);
    return snapshot;

err_after_bufs:
    raft_free(snapshot->bufs);
err_after_configuration:
    raft_configuration_close(&snapshot->configuration);
err_after_snapshot:
    raft_free(snapshot);
    return NULL;
}

int raft_load_entries(const struct raft_store_state *state, struct raft_entry **out)
{
    ASSERT(state->count > 0 && state->entries);
    struct raft_entry *entries = raft_calloc(state->count, sizeof(*entries));
    if (!entries)
        return RAFT_NOMEM;
    for (size_t i = 0; i < state->count; i++) {
        const struct raft_store_entry *from = &state->entries[i];
        entries[i].term = from->term;
        entries[i].type = from->type;
        entries[i].buf.len = from->len;
        entries[i].buf.base = raft_load_copy(from->data, from->len);
        if (!entries[i].buf.base) {
            while (i--)
                raft_free(entries[i].buf.base);
            raft_free(entries);
            return RAFT_NOMEM;
        }
    }
    *out = entries;
    return 0;
}

void raft_load_skip(const struct raft *raft, struct raft_append_entries *args)
{
    raft_index snapshot = raft->log.snapshot.last_index;
    if (args->term < raft->current_term || args->prev_log_index >= raft->log.offset ||
        raft->log.offset > snapshot)
        return;
    raft_index skipped = snapshot - args->prev_log_index;
    ASSERT(skipped > 0);
    args->prev_log_index = snapshot;
    args->prev_log_term = raft->log.snapshot.last_term;
    if (skipped < args->n_entries) {
        args->n_entries -= (unsigned)skipped;
        ASSERT(args->n_entries > 0);
        memmove(args->entries, args->entries + skipped, args->n_entries * sizeof(*args->entries));
        return;
    }
    if (args->n_entries) {
        raft_free(args->entries[0].batch);
        raft_free(args->entries);
    }
    args->entries = NULL;
    args->n_entries = 0;
}

void raft_load_forget_leader(struct raft *raft, const struct raft_message *message,
                             raft_term term_before)
{
    bool from_leader =
        message->type == RAFT_IO_APPEND_ENTRIES || message->type == RAFT_IO_INSTALL_SNAPSHOT;
    if (raft->state == RAFT_FOLLOWER && raft->current_term > term_before && !from_leader)
        raft->follower_state.current_leader.id = 0;
}

void raft_load_forget_candidate(struct raft *raft, raft_id candidate)
{
    if (raft->state == RAFT_FOLLOWER && raft->follower_state.current_leader.id == candidate)
        raft->follower_state.current_leader.id = 0;
}
