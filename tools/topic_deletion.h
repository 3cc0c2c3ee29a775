/* DeleteTopics, for the tools that delete topics by their names. */
#ifndef TOOLS_TOPIC_DELETION_H
#define TOOLS_TOPIC_DELETION_H

#include "kafka/messages/delete_topics.h"
#include "tools/tool.h"

/* Asks the controller; what it says of each is in the answer, a delete_topics_response. 0, or 1
 * with the message printed. */
int topic_deletion_send(struct tool_run *run, const struct wire_str *names, int32_t count,
                        struct client_answer *answer);

#endif
