/* One check for each kind of message; each compares it with itself, and with what this node knows
 * for certain: its term, who leads in it, and what is committed. */
#include "controller/raft_sense.h"

#include <string.h>

#include "base/check.h"
#include "common/meta/records.pb-c.h"

/* Indexes and terms above it never come about, and their sums do not overflow below it. */
#define SENSE_NUMBER_MAX ((uint64_t)INT64_MAX / 2)

/* A node that has nothing yet can't know how far the terms of its quorum are: a sole voter takes
 * one far ahead at each start (raft_history). */
static bool sense_is_empty(const struct raft *raft)
{
    return raft->log.snapshot.last_index == 0 && raft->log.offset == 0 &&
           raft->log.front == raft->log.back;
}

static const char *sense_term(const struct raft *raft, raft_term term)
{
    if (term > SENSE_NUMBER_MAX)
        return "its term can't be";
    if (!sense_is_empty(raft) && term > raft->current_term &&
        term - raft->current_term > RAFT_SENSE_TERM_LEAP)
        return "its term is too far ahead";
    return NULL;
}

/* In one term there is one leader. */
static const char *sense_leader(const struct raft *raft, raft_term term, raft_id sender)
{
    if (term != raft->current_term)
        return NULL;
    if (raft->state == RAFT_LEADER)
        return "it claims to lead in the term in which this node does";
    raft_id known = raft->state == RAFT_FOLLOWER ? raft->follower_state.current_leader.id : 0;
    return known != 0 && known != sender ? "it claims to lead in a term of another leader" : NULL;
}

raft_term raft_sense_term_at(const struct raft *raft, raft_index index)
{
    const struct raft_log *log = &raft->log;
    size_t count =
        log->front <= log->back ? log->back - log->front : log->size - log->front + log->back;
    ASSERT(log->size == 0 || count < log->size);
    if (index == log->snapshot.last_index)
        return log->snapshot.last_term;
    if (index <= log->offset || index > log->offset + count)
        return 0;
    return log->entries[(log->front + (size_t)(index - log->offset - 1)) % log->size].term;
}

static bool sense_decodes(const void *bytes, size_t len)
{
    Meta__Entry *entry = meta__entry__unpack(NULL, len, bytes);
    if (!entry)
        return false;
    meta__entry__free_unpacked(entry, NULL);
    return true;
}

static const char *sense_append(const struct raft *raft, const struct raft_append_entries *args)
{
    ASSERT(args->n_entries == 0 || args->entries != NULL);
    raft_index index = args->prev_log_index;
    raft_term term = args->prev_log_term;
    if (index > SENSE_NUMBER_MAX || (index == 0) != (term == 0))
        return "its place in the log can't be";
    if (term > args->term)
        return "it continues a log of a later term than its own";
    for (unsigned i = 0; i < args->n_entries; i++) {
        const struct raft_entry *entry = &args->entries[i];
        if (entry->term < term || entry->term > args->term)
            return "the terms of its entries are out of order";
        term = entry->term;
        index++;
        raft_term known = index <= raft->commit_index ? raft_sense_term_at(raft, index) : 0;
        if (known != 0 && known != term)
            return "it would change what is committed";
        if (entry->type == RAFT_COMMAND && !sense_decodes(entry->buf.base, entry->buf.len))
            return "an entry holds no metadata records";
    }
    return NULL;
}

/* Where the voters are fixed, a snapshot brings the set that this node has. */
static bool sense_same_servers(const struct raft_configuration *ours,
                               const struct raft_configuration *theirs)
{
    unsigned found = 0;
    for (unsigned i = 0; i < theirs->n; i++)
        for (unsigned j = 0; j < ours->n; j++)
            found += theirs->servers[i].id == ours->servers[j].id;
    return ours->n == 0 || (ours->n == theirs->n && found == ours->n);
}

static const char *sense_install(const struct raft *raft, const struct raft_install_snapshot *args,
                                 bool fixed)
{
    if (args->last_index > SENSE_NUMBER_MAX || args->conf_index > args->last_index)
        return "its place in the log can't be";
    if (args->last_term > args->term)
        return "it holds a later term than its own";
    raft_term known =
        args->last_index <= raft->commit_index ? raft_sense_term_at(raft, args->last_index) : 0;
    if (known != 0 && known != args->last_term)
        return "it would change what is committed";
    if (fixed && !sense_same_servers(&raft->configuration, &args->conf))
        return "it names other voters";
    if (!sense_decodes(args->data.base, args->data.len))
        return "it holds no metadata records";
    return NULL;
}

static const char *sense_vote(const struct raft *raft, const struct raft_request_vote *args)
{
    const char *wrong = sense_term(raft, args->term);
    if (wrong)
        return wrong;
    if (args->last_log_index > SENSE_NUMBER_MAX || args->last_log_term > args->term)
        return "the candidate's log can't be";
    return NULL;
}

const char *raft_sense_check(const struct raft *raft, const struct raft_message *message,
                             bool fixed)
{
    const char *wrong;
    switch (message->type) {
    case RAFT_IO_REQUEST_VOTE:
        return sense_vote(raft, &message->request_vote);
    case RAFT_IO_REQUEST_VOTE_RESULT:
        return sense_term(raft, message->request_vote_result.term);
    case RAFT_IO_APPEND_ENTRIES:
        wrong = sense_term(raft, message->append_entries.term);
        if (!wrong)
            wrong = sense_leader(raft, message->append_entries.term, message->server_id);
        return wrong ? wrong : sense_append(raft, &message->append_entries);
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        return sense_term(raft, message->append_entries_result.term);
    case RAFT_IO_INSTALL_SNAPSHOT:
        wrong = sense_term(raft, message->install_snapshot.term);
        if (!wrong)
            wrong = sense_leader(raft, message->install_snapshot.term, message->server_id);
        return wrong ? wrong : sense_install(raft, &message->install_snapshot, fixed);
    default:
        return sense_term(raft, message->timeout_now.term);
    }
}
