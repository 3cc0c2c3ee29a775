/* Happy path: a connection is pushed onto the list, goes to its end whenever something comes, and
 * is taken off. Failure modes: a peer that drips (peer_on_pace); more of them than there is room
 * for (peers_admit). */
#include "tools/agent/peer.h"

#include "base/mem.h"

/* How many are looked at for one that can be closed: those that wait for channels stand first when
 * the channels are behind. And how often a full house is told. */
enum { PEERS_LOOK = 1000, PEERS_SAY_MS = 1000 };

size_t peers_most(int64_t files)
{
    int64_t share = files / PEERS_FILES_PART;
    ASSERT(files >= 0);
    if (share < PEERS_MIN)
        return PEERS_MIN;
    return share < PEERS_MAX ? (size_t)share : PEERS_MAX;
}

void peers_init(struct peers *peers, struct source *source, void (*close)(struct peer *peer),
                void (*slow)(struct peer *peer))
{
    *peers = (struct peers){.source = source,
                            .most = peers_most(env_files_limit(source->env)),
                            .close = close,
                            .slow = slow};
    list_init(&peers->list);
}

void peers_close(struct peers *peers)
{
    LIST_EACH(step, &peers->list)
        peers->close(LIST_ENTRY(step, struct peer, link));
    ASSERT(peers->count == 0);
}

void peer_say(struct peer *peer, const char *why)
{
    char address[ENV_ADDRESS_TEXT_MAX];
    env_stream_peer(peer->stream, address);
    logger_warn(&peer->peers->source->logger, "closing %s: %s", address, why);
}

static bool peers_may_say(struct peers *peers)
{
    int64_t now_ms = env_now_ms(peers->source->env);
    bool may = !peers->told_ms || now_ms - peers->told_ms >= PEERS_SAY_MS;
    if (may)
        peers->told_ms = now_ms;
    return may;
}

bool peers_admit(struct peers *peers, struct env_stream *stream)
{
    int looked = 0;
    if (peers->count < peers->most)
        return true;
    LIST_EACH(step, &peers->list) {
        struct peer *peer = LIST_ENTRY(step, struct peer, link);
        if (looked++ == PEERS_LOOK)
            break;
        if (!peer->reads)
            continue;
        if (peers_may_say(peers))
            peer_say(peer, "as many are connected as may be, and it has been silent for longest");
        peers->close(peer);
        return true;
    }
    if (peers_may_say(peers))
        logger_warn(&peers->source->logger,
                    "a connection is refused: the channels are behind with all %zu that there are",
                    peers->count);
    env_stream_close(stream);
    return false;
}

/* What it has to bring in each turn. */
static uint64_t peer_pace_bytes(const struct peer *peer)
{
    int64_t bytes = peer->peers->source->idle_ms * PEER_RATE / 1000;
    return bytes > 0 ? (uint64_t)bytes : 1;
}

static void peer_on_pace(void *data)
{
    struct peer *peer = data;
    ASSERT(peer->reads);
    ASSERT(peer->bytes >= peer->marked);
    if (peer->bytes - peer->marked < peer_pace_bytes(peer)) {
        peer->peers->slow(peer);
        return;
    }
    peer->marked = peer->bytes;
    env_timer_start(&peer->pace, peer->peers->source->idle_ms);
}

void peer_open(struct peer *peer, struct peers *peers, struct env_stream *stream,
               void (*readable)(void *data), void (*writable)(void *data), void *data)
{
    ASSERT(peers->count < peers->most);
    peer->peers = peers;
    peer->stream = stream;
    peer->reads = true;
    env_timer_init(peers->source->env, &peer->pace, peer_on_pace, peer);
    list_push(&peers->list, &peer->link);
    peers->count++;
    peers->source->counters.connections++;
    env_stream_set(stream, readable, writable, data);
    env_stream_want_read(stream, true);
}

void peer_close(struct peer *peer)
{
    struct peers *peers = peer->peers;
    ASSERT(peers->count > 0);
    env_timer_stop(&peer->pace);
    env_stream_close(peer->stream);
    list_remove(&peer->link);
    peers->count--;
    peers->source->counters.connections--;
}

ssize_t peer_read(struct peer *peer, void *to, size_t room)
{
    ssize_t got = env_stream_read(peer->stream, to, room);
    if (got > 0) {
        peer->bytes += (uint64_t)got;
        list_remove(&peer->link);
        list_push(&peer->peers->list, &peer->link);
    }
    return got;
}

void peer_done(struct peer *peer)
{
    env_timer_stop(&peer->pace);
}

void peer_want(struct peer *peer, bool reads, bool in_the_middle)
{
    peer->reads = reads;
    env_stream_want_read(peer->stream, reads);
    if (!reads || !in_the_middle) {
        env_timer_stop(&peer->pace);
    } else if (!env_timer_running(&peer->pace)) {
        peer->marked = peer->bytes;
        env_timer_start(&peer->pace, peer->peers->source->idle_ms);
    }
}
