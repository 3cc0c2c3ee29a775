/* Raft's messages to frames and back, and the library's encoding of a configuration, checked. */
#ifndef CONTROLLER_RAFT_CODEC_H
#define CONTROLLER_RAFT_CODEC_H

#include <raft.h>

#include "base/buf.h"
#include "base/check.h"
#include "common/meta/channel.pb-c.h"

enum {
    RAFT_CODEC_SERVERS_MAX = 255,               /* of one configuration */
    RAFT_CODEC_FRAME_BYTES = 1024 * 1024,       /* a long AppendEntries is cut into frames of it */
    RAFT_CODEC_MESSAGE_BYTES = 16 * 1024 * 1024 /* what goes beyond is as if lost, and sent again */
};

/* Decodes a configuration as raft_configuration_encode writes it; the core itself does so without
 * any check. ERR_MALFORMED, then `configuration` is empty. */
int raft_codec_configuration(const void *bytes, size_t len,
                             struct raft_configuration *configuration) MUST_CHECK;

/* Whether who sent it is a newcomer (raft_newcomer.h), as a RequestVote and an AppendEntriesResult
 * say. */
bool raft_codec_newcomer(const Meta__Frame *frame);
/* Appends the message as whole frames; `newcomer` goes with these two. */
int raft_codec_put(const struct raft_message *message, bool newcomer, struct buf *out) MUST_CHECK;

/* Reads a message that came from `server_id`. The memory of entries, snapshot and configuration is
 * as the core takes it over. ERR_MALFORMED when it is no message or breaks a rule,
 * ERR_NO_MEMORY. */
int raft_codec_get(const Meta__Frame *frame, raft_id server_id,
                   struct raft_message *message) MUST_CHECK;

/* raft_configuration_encode with the padding zeroed: the library leaves it uninitialised, and equal
 * configurations should give equal bytes. The caller frees conf->base by raft_free. RAFT_NOMEM. */
int raft_codec_encode_configuration(const struct raft_configuration *configuration,
                                    struct raft_buffer *conf) MUST_CHECK;

/* The library leaves the eight bytes of a barrier uninitialised: they are zeroed before they go to
 * the disk or to a peer, so that no memory leaks and one seed gives one trace. */
void raft_codec_clean(const struct raft_entry *entry);

/* Frees what a message from raft_codec_get holds, when the core does not get it. */
void raft_codec_release(struct raft_message *message);

#endif
