/* Connections of a source that listens: what netcat, syslog, http and the calls between agents have
 * in common.
 *
 * A source has PEERS_MAX of them at most, and no more than its part of the descriptors that the
 * process may have: the files of channels, and a broker around the agent, need the others. When
 * one more comes, the one that has been silent for longest is closed for it, so that no crowd of
 * silent ones keeps others out; when none can be closed, since the channels are behind with all of
 * them, the newcomer is.
 *
 * A peer may be silent between two requests or lines. In the middle of one it has to bring
 * PEER_RATE bytes a second, or its end, in each turn of the source's idle_ms: one that drips is
 * closed. */
#ifndef AGENT_PEER_H
#define AGENT_PEER_H

#include "base/list.h"
#include "env/env.h"
#include "tools/agent/source.h"

enum { PEERS_MAX = 10000, PEERS_MIN = 16, PEERS_FILES_PART = 8, PEER_RATE = 256 };

struct peer;

struct peers {
    struct source *source;
    struct list list; /* struct peer: who was heard of last stands last */
    size_t count, most;
    void (*close)(struct peer *peer); /* the type's end of one, which calls peer_close */
    void (*slow)(struct peer *peer);  /* one that drips: the type closes it, and says so */
    int64_t told_ms;                  /* when the last line about a full house was logged */
};

/* The first member of a connection. */
struct peer {
    struct list link;
    struct peers *peers;
    struct env_stream *stream;
    struct env_timer pace;  /* runs in the middle of a request or a line */
    uint64_t bytes, marked; /* that came; at the last look */
    bool reads;
};

/* How many a source may have where the process may have so many descriptors. */
size_t peers_most(int64_t files);
void peers_init(struct peers *peers, struct source *source, void (*close)(struct peer *peer),
                void (*slow)(struct peer *peer));
/* All of them, by the type's close. */
void peers_close(struct peers *peers);
/* Whether there is room for another one; if not, the stream is closed. Before the type makes it. */
bool peers_admit(struct peers *peers, struct env_stream *stream) MUST_CHECK;

/* Takes the stream over, and reads. `data` is of the stream's two callbacks. */
void peer_open(struct peer *peer, struct peers *peers, struct env_stream *stream,
               void (*readable)(void *data), void (*writable)(void *data), void *data);
/* Closes the stream; the struct is the caller's to free. */
void peer_close(struct peer *peer);
/* As env_stream_read. */
ssize_t peer_read(struct peer *peer, void *to, size_t room) MUST_CHECK;
/* A request or a line is whole: the time of the next one begins anew. */
void peer_done(struct peer *peer);
/* Whether more is wanted now, and is the rest of something that has begun. */
void peer_want(struct peer *peer, bool reads, bool in_the_middle);
/* "closing 127.0.0.1:1: WHY", as a warning. */
void peer_say(struct peer *peer, const char *why);

#endif
