/* Only results are changed; all other messages stay as they are. */
#include "controller/raft_answers.h"

void raft_answers_clamp(struct raft_message *message, raft_index end)
{
    if (message->type == RAFT_IO_APPEND_ENTRIES_RESULT && end &&
        !message->append_entries_result.rejected &&
        message->append_entries_result.last_log_index > end)
        message->append_entries_result.last_log_index = end;
}

void raft_answers_tell_term(const struct raft *raft, struct raft_message *message)
{
    if (message->type == RAFT_IO_REQUEST_VOTE_RESULT &&
        !message->request_vote_result.vote_granted &&
        message->request_vote_result.term < raft->current_term)
        message->request_vote_result.term = raft->current_term;
}
