/* Messages between the library's structs and protobuf.
 *
 * Happy path: every field travels; an AppendEntries with many entries becomes several, each valid
 * on its own. Failure modes: the core trusts what it is given, so types, configurations and the
 * candidate's identity are checked here, and a message that fails is refused whole. */
#include "controller/raft_codec.h"

#include <endian.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "meta/channel.h"

/* ---- configuration: byte 1, count, per server id, address with NUL, role ---- */

STATIC_ASSERT((int)RAFT_CODEC_FRAME_BYTES <= (int)CHANNEL_FRAME_MAX,
              "a frame that is filled can be sent");
STATIC_ASSERT(RAFT_CODEC_MESSAGE_BYTES >= RAFT_CODEC_FRAME_BYTES, "a message holds a frame");
STATIC_ASSERT(RAFT_COMMAND == 1, "the numbers of entries are on the disks of older versions");
STATIC_ASSERT(RAFT_BARRIER == 2, "likewise");
STATIC_ASSERT(RAFT_CHANGE == 3, "likewise");
STATIC_ASSERT(RAFT_STANDBY == 0, "the numbers of roles are on the disks of older versions");
STATIC_ASSERT(RAFT_VOTER == 1, "likewise");
STATIC_ASSERT(RAFT_SPARE == 2, "likewise, and it is the last one");
STATIC_ASSERT(sizeof(raft_id) == sizeof(uint64_t), "eight bytes of a configuration");
STATIC_ASSERT(sizeof(raft_index) == sizeof(uint64_t), "a field of the frames");
STATIC_ASSERT(sizeof(raft_term) == sizeof(uint64_t), "a field of the frames");
struct reader {
    const uint8_t *at;
    size_t left;
};

static bool read_u64(struct reader *reader, uint64_t *value)
{
    if (reader->left < 8)
        return false;
    memcpy(value, reader->at, 8);
    *value = le64toh(*value);
    reader->at += 8;
    reader->left -= 8;
    return true;
}

static bool read_server(struct reader *reader, struct raft_configuration *configuration)
{
    uint64_t id;
    if (!read_u64(reader, &id) || id == 0 || id > (uint64_t)INT32_MAX + 1) /* of a node, and one */
        return false;
    size_t len = strnlen((const char *)reader->at, reader->left);
    if (len + 2 > reader->left || len == 0)
        return false;
    const char *address = (const char *)reader->at;
    int role = reader->at[len + 1];
    reader->at += len + 2;
    reader->left -= len + 2;
    if (role > RAFT_SPARE)
        return false;
    return raft_configuration_add(configuration, id, address, role) == 0;
}

int raft_codec_configuration(const void *bytes, size_t len,
                             struct raft_configuration *configuration)
{
    struct reader reader = {bytes, len};
    uint64_t count;
    raft_configuration_init(configuration);
    if (len < 1 || reader.at[0] != 1)
        return ERR_MALFORMED;
    reader.at++;
    reader.left--;
    if (!read_u64(&reader, &count) || count == 0 || count > RAFT_CODEC_SERVERS_MAX)
        return ERR_MALFORMED;
    for (uint64_t i = 0; i < count; i++) {
        if (!read_server(&reader, configuration)) {
            raft_configuration_close(configuration);
            raft_configuration_init(configuration);
            return ERR_MALFORMED;
        }
    }
    return 0;
}

/* ---- to frames ---- */

static int put_append_slice(const struct raft_append_entries *args, raft_index first, unsigned from,
                            unsigned count, raft_term prev_term, struct buf *out)
{
    Meta__AppendEntries body = META__APPEND_ENTRIES__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    Meta__RaftEntry *entries = mem_alloc(count * sizeof(*entries));
    Meta__RaftEntry **pointers = mem_alloc(count * sizeof(*pointers));
    ASSERT(from + count <= args->n_entries);
    ASSERT(first > 0);
    for (unsigned i = 0; i < count; i++) {
        const struct raft_entry *entry = &args->entries[from + i];
        raft_codec_clean(entry);
        meta__raft_entry__init(&entries[i]);
        entries[i].term = entry->term;
        entries[i].type = entry->type;
        entries[i].data = (ProtobufCBinaryData){entry->buf.len, entry->buf.base};
        pointers[i] = &entries[i];
    }
    body.term = args->term;
    body.prev_log_index = first - 1;
    body.prev_log_term = prev_term;
    body.leader_commit = args->leader_commit;
    body.n_entries = count;
    body.entries = pointers;
    frame.body_case = META__FRAME__BODY_APPEND_ENTRIES;
    frame.append_entries = &body;
    int err = channel_pack(&frame, out);
    mem_free(pointers);
    mem_free(entries);
    return err;
}

static int put_append(const struct raft_append_entries *args, struct buf *out)
{
    raft_index first = args->prev_log_index + 1;
    raft_term prev_term = args->prev_log_term;
    unsigned from = 0;
    size_t start = out->len;
    do {
        unsigned count = 0;
        size_t bytes = 0;
        while (from + count < args->n_entries && bytes < RAFT_CODEC_FRAME_BYTES)
            bytes += args->entries[from + count++].buf.len + 16;
        int err = put_append_slice(args, first, from, count, prev_term, out);
        if (err)
            return err;
        ASSERT(from + count <= args->n_entries);
        if (count)
            prev_term = args->entries[from + count - 1].term;
        first += count;
        from += count;
    } while (from < args->n_entries && out->len - start < RAFT_CODEC_MESSAGE_BYTES);
    ASSERT(from <= args->n_entries);
    return 0;
}

void raft_codec_clean(const struct raft_entry *entry)
{
    uint8_t *bytes = entry->buf.base;
    if (entry->type != RAFT_BARRIER)
        return;
    /* Only what is not zero: another thread may be reading what was cleaned before. */
    for (size_t i = 0; i < entry->buf.len; i++)
        if (bytes[i])
            bytes[i] = 0;
}

int raft_codec_encode_configuration(const struct raft_configuration *configuration,
                                    struct raft_buffer *conf)
{
    int rc = raft_configuration_encode(configuration, conf);
    if (rc)
        return rc;
    size_t used = 1 + sizeof(uint64_t); /* format byte, count */
    for (unsigned i = 0; i < configuration->n; i++)
        used += sizeof(uint64_t) + strlen(configuration->servers[i].address) + 1 + 1;
    ASSERT(used <= conf->len);
    memset((uint8_t *)conf->base + used, 0, conf->len - used);
    return 0;
}

static int put_install(const struct raft_install_snapshot *args, struct buf *out)
{
    struct raft_buffer conf;
    ASSERT(args->last_index > 0);
    if (raft_codec_encode_configuration(&args->conf, &conf))
        return ERR_NO_MEMORY;
    Meta__InstallSnapshot body = META__INSTALL_SNAPSHOT__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.term = args->term;
    body.last_index = args->last_index;
    body.last_term = args->last_term;
    body.conf_index = args->conf_index;
    body.conf = (ProtobufCBinaryData){conf.len, conf.base};
    body.data = (ProtobufCBinaryData){args->data.len, args->data.base};
    frame.body_case = META__FRAME__BODY_INSTALL_SNAPSHOT;
    frame.install_snapshot = &body;
    int err = channel_pack(&frame, out);
    raft_free(conf.base);
    return err;
}

static int put_small(const struct raft_message *message, bool newcomer, struct buf *out)
{
    Meta__Frame frame = META__FRAME__INIT;
    Meta__RequestVote vote = META__REQUEST_VOTE__INIT;
    Meta__RequestVoteResult vote_result = META__REQUEST_VOTE_RESULT__INIT;
    Meta__AppendEntriesResult append_result = META__APPEND_ENTRIES_RESULT__INIT;
    Meta__TimeoutNow timeout = META__TIMEOUT_NOW__INIT;
    switch (message->type) {
    case RAFT_IO_REQUEST_VOTE:
        vote.term = message->request_vote.term;
        vote.candidate_id = message->request_vote.candidate_id;
        vote.last_log_index = message->request_vote.last_log_index;
        vote.last_log_term = message->request_vote.last_log_term;
        vote.disrupt_leader = message->request_vote.disrupt_leader;
        vote.pre_vote = message->request_vote.pre_vote;
        vote.newcomer = newcomer;
        frame.body_case = META__FRAME__BODY_REQUEST_VOTE;
        frame.request_vote = &vote;
        break;
    case RAFT_IO_REQUEST_VOTE_RESULT:
        vote_result.term = message->request_vote_result.term;
        vote_result.vote_granted = message->request_vote_result.vote_granted;
        vote_result.pre_vote = (uint32_t)message->request_vote_result.pre_vote;
        frame.body_case = META__FRAME__BODY_REQUEST_VOTE_RESULT;
        frame.request_vote_result = &vote_result;
        break;
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        append_result.term = message->append_entries_result.term;
        append_result.rejected = message->append_entries_result.rejected;
        append_result.last_log_index = message->append_entries_result.last_log_index;
        append_result.newcomer = newcomer;
        frame.body_case = META__FRAME__BODY_APPEND_ENTRIES_RESULT;
        frame.append_entries_result = &append_result;
        break;
    default:
        timeout.term = message->timeout_now.term;
        timeout.last_log_index = message->timeout_now.last_log_index;
        timeout.last_log_term = message->timeout_now.last_log_term;
        frame.body_case = META__FRAME__BODY_TIMEOUT_NOW;
        frame.timeout_now = &timeout;
    }
    return channel_pack(&frame, out);
}

bool raft_codec_newcomer(const Meta__Frame *frame)
{
    if (frame->body_case == META__FRAME__BODY_REQUEST_VOTE)
        return frame->request_vote->newcomer;
    return frame->body_case == META__FRAME__BODY_APPEND_ENTRIES_RESULT &&
           frame->append_entries_result->newcomer;
}

int raft_codec_put(const struct raft_message *message, bool newcomer, struct buf *out)
{
    ASSERT(message->type >= RAFT_IO_APPEND_ENTRIES);
    ASSERT(message->type <= RAFT_IO_TIMEOUT_NOW);
    if (message->type == RAFT_IO_APPEND_ENTRIES)
        return put_append(&message->append_entries, out);
    if (message->type == RAFT_IO_INSTALL_SNAPSHOT)
        return put_install(&message->install_snapshot, out);
    return put_small(message, newcomer, out);
}

/* ---- from frames ---- */

static int check_entry(const Meta__RaftEntry *entry)
{
    if (entry->type < RAFT_COMMAND || entry->type > RAFT_CHANGE || entry->term == 0)
        return ERR_MALFORMED;
    if (entry->type != RAFT_CHANGE)
        return 0;
    struct raft_configuration configuration;
    int err = raft_codec_configuration(entry->data.data, entry->data.len, &configuration);
    raft_configuration_close(&configuration);
    return err;
}

/* One block for the data of all entries, as the core frees it. */
static int get_entries(const Meta__AppendEntries *body, struct raft_append_entries *args)
{
    size_t bytes = 1;
    ASSERT(body->n_entries > 0);
    for (size_t i = 0; i < body->n_entries; i++) {
        int err = check_entry(body->entries[i]);
        if (err)
            return err;
        bytes += body->entries[i]->data.len;
    }
    uint8_t *batch = raft_malloc(bytes);
    args->entries = raft_malloc(body->n_entries * sizeof(*args->entries));
    if (!batch || !args->entries) {
        raft_free(batch);
        raft_free(args->entries);
        return ERR_NO_MEMORY;
    }
    uint8_t *at = batch;
    for (size_t i = 0; i < body->n_entries; i++) {
        const Meta__RaftEntry *entry = body->entries[i];
        if (entry->data.len)
            memcpy(at, entry->data.data, entry->data.len);
        args->entries[i] = (struct raft_entry){.term = entry->term,
                                               .type = (unsigned short)entry->type,
                                               .buf = {at, entry->data.len},
                                               .batch = batch};
        at += entry->data.len;
    }
    ASSERT(at == batch + bytes - 1);
    args->n_entries = (unsigned)body->n_entries;
    return 0;
}

static int get_append(const Meta__AppendEntries *body, struct raft_message *message)
{
    struct raft_append_entries *args = &message->append_entries;
    message->type = RAFT_IO_APPEND_ENTRIES;
    args->term = body->term;
    args->prev_log_index = body->prev_log_index;
    args->prev_log_term = body->prev_log_term;
    args->leader_commit = body->leader_commit;
    args->entries = NULL;
    args->n_entries = 0;
    if (body->n_entries > INT32_MAX)
        return ERR_MALFORMED;
    return body->n_entries ? get_entries(body, args) : 0;
}

static int get_install(const Meta__InstallSnapshot *body, struct raft_message *message)
{
    struct raft_install_snapshot *args = &message->install_snapshot;
    message->type = RAFT_IO_INSTALL_SNAPSHOT;
    if (body->last_index == 0 || body->last_term == 0)
        return ERR_MALFORMED;
    int err = raft_codec_configuration(body->conf.data, body->conf.len, &args->conf);
    if (err)
        return err;
    args->term = body->term;
    args->last_index = body->last_index;
    args->last_term = body->last_term;
    args->conf_index = body->conf_index;
    args->data.len = body->data.len;
    args->data.base = raft_malloc(body->data.len + 1);
    if (!args->data.base) {
        raft_configuration_close(&args->conf);
        return ERR_NO_MEMORY;
    }
    if (body->data.len)
        memcpy(args->data.base, body->data.data, body->data.len);
    return 0;
}

static int get_vote(const Meta__RequestVote *body, struct raft_message *message)
{
    message->type = RAFT_IO_REQUEST_VOTE;
    message->request_vote = (struct raft_request_vote){
        .term = body->term,
        .candidate_id = body->candidate_id,
        .last_log_index = body->last_log_index,
        .last_log_term = body->last_log_term,
        .disrupt_leader = body->disrupt_leader,
        .pre_vote = body->pre_vote,
    };
    return body->candidate_id == message->server_id ? 0 : ERR_MALFORMED;
}

static int get_vote_result(const Meta__RequestVoteResult *body, struct raft_message *message)
{
    message->type = RAFT_IO_REQUEST_VOTE_RESULT;
    message->request_vote_result.term = body->term;
    message->request_vote_result.vote_granted = body->vote_granted;
    message->request_vote_result.pre_vote = (raft_tribool)body->pre_vote;
    return body->pre_vote <= raft_tribool_false ? 0 : ERR_MALFORMED;
}

int raft_codec_get(const Meta__Frame *frame, raft_id server_id, struct raft_message *message)
{
    memset(message, 0, sizeof(*message));
    message->server_id = server_id;
    switch (frame->body_case) {
    case META__FRAME__BODY_REQUEST_VOTE:
        return get_vote(frame->request_vote, message);
    case META__FRAME__BODY_REQUEST_VOTE_RESULT:
        return get_vote_result(frame->request_vote_result, message);
    case META__FRAME__BODY_APPEND_ENTRIES:
        return get_append(frame->append_entries, message);
    case META__FRAME__BODY_APPEND_ENTRIES_RESULT:
        message->type = RAFT_IO_APPEND_ENTRIES_RESULT;
        message->append_entries_result.term = frame->append_entries_result->term;
        message->append_entries_result.rejected = frame->append_entries_result->rejected;
        message->append_entries_result.last_log_index =
            frame->append_entries_result->last_log_index;
        return 0;
    case META__FRAME__BODY_INSTALL_SNAPSHOT:
        return get_install(frame->install_snapshot, message);
    case META__FRAME__BODY_TIMEOUT_NOW:
        message->type = RAFT_IO_TIMEOUT_NOW;
        message->timeout_now.term = frame->timeout_now->term;
        message->timeout_now.last_log_index = frame->timeout_now->last_log_index;
        message->timeout_now.last_log_term = frame->timeout_now->last_log_term;
        return 0;
    default:
        return ERR_MALFORMED;
    }
}

void raft_codec_release(struct raft_message *message)
{
    if (message->type == RAFT_IO_APPEND_ENTRIES && message->append_entries.n_entries) {
        raft_free(message->append_entries.entries[0].batch);
        raft_free(message->append_entries.entries);
    } else if (message->type == RAFT_IO_INSTALL_SNAPSHOT) {
        raft_configuration_close(&message->install_snapshot.conf);
        raft_free(message->install_snapshot.data.base);
    }
}
