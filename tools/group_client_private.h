/* Shared by the files of group_client only: a call to the coordinator of a group. */
#ifndef TOOLS_GROUP_CLIENT_PRIVATE_H
#define TOOLS_GROUP_CLIENT_PRIVATE_H

#include "tools/group_client.h"

/* Between two tries: a coordinator loads in a fraction of a second. */
enum { GROUP_RETRY_MS = 100 };

struct group_call {
    int16_t key;
    int16_t limit; /* the last version to use */
    const void *request;
    int16_t (*error)(const void *response); /* what decides whether it is tried again */
};

/* 0 and the answer, or the error of the connection or of the answer, which is freed then. `node`,
 * which may be NULL, gets the coordinator. */
int group_call(struct group_client *groups, const char *group, const struct group_call *call,
               struct client_answer *answer, int32_t *node) MUST_CHECK;

#endif
