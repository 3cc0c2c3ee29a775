/* What tools/topics.c and tools/topics_describe.c share. */
#ifndef TOOLS_TOPICS_H
#define TOOLS_TOPICS_H

#include "kafka/messages/metadata.h"
#include "tools/tool.h"

/* Topics that the options select, sorted by name; they point into the answer. */
struct topics_found {
    struct client_answer answer;
    const struct metadata_response *metadata;
    const struct metadata_response_metadata_response_topic **topics;
    int count;
};

/* 0, or 1 with the message printed; an unknown plain name is not an error here (count 0). */
int topics_find(struct tool_run *run, struct topics_found *found);
void topics_found_free(struct topics_found *found);
/* The message that a topic is not there, unless --if-exists; returns the exit status. */
int topics_missing(struct tool_run *run);
/* A failure that the cluster reported: one line on stdout, as Kafka does, or on stderr with
 * --format; returns 1. */
int topics_fail(const struct tool_run *run, int16_t code, struct wire_str message);

int topics_describe(struct tool_run *run);

#endif
