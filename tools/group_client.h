/* Groups as the tools see them: which there are, their members, their committed offsets, and the
 * offsets of the partitions that they read.
 *
 * A call about a group goes to its coordinator, which is looked up anew when it moved or is not
 * ready, until the time limit has passed. Calls return 0 or an error; the sentence is then in
 * client_problem(run->client) and nothing has been printed. */
#ifndef TOOLS_GROUP_CLIENT_H
#define TOOLS_GROUP_CLIENT_H

#include "kafka/messages/metadata.h"
#include "tools/tool.h"

struct group_client {
    struct tool_run *run;
    int64_t timeout_ms;            /* of one call, with its retries */
    struct client_answer metadata; /* of all topics, once it was needed */
};

void group_client_init(struct group_client *groups, struct tool_run *run, int64_t timeout_ms);
void group_client_close(struct group_client *groups);

/* ---- partitions with their offsets ---- */

enum { GROUP_NONE = -1 }; /* an offset, or an epoch, that there is not */

struct group_row {
    char *topic; /* owned by the rows */
    int32_t partition;
    int64_t committed; /* GROUP_NONE = nothing committed */
    int32_t leader_epoch;
    int64_t asked; /* for group_client_list_offsets: ms, or -1 latest, -2 earliest */
    int64_t found; /* what it found; GROUP_NONE = nothing */
    int err;       /* of this partition */
    int64_t planned;
    int member; /* index of the owner; GROUP_NONE = nobody */
};

struct group_rows {
    struct group_row *items;
    size_t count;
};

/* Appends a row with nothing known. Borrowed until the next one is added. */
struct group_row *group_rows_add(struct group_rows *rows, const char *topic, size_t topic_len,
                                 int32_t partition);
/* By topic and partition. */
void group_rows_sort(struct group_rows *rows);
/* In sorted rows; NULL when it is not there. */
struct group_row *group_rows_find(const struct group_rows *rows, const char *topic,
                                  size_t topic_len, int32_t partition);
void group_rows_free(struct group_rows *rows);

/* ---- groups ---- */

struct group_assigned {
    struct wire_str topic;
    const int32_t *partitions;
    int32_t count;
};

struct group_member {
    struct wire_str id, instance, client, host;
    int32_t epoch;      /* GROUP_NONE in classic groups */
    int8_t member_type; /* 0 classic, 1 consumer, GROUP_NONE unknown */
    struct group_assigned *current, *target;
    int32_t current_count, target_count; /* topics; target_count GROUP_NONE in classic groups */
    int32_t partitions;                  /* in `current` */
};

/* What the coordinator says of a group. Everything lives in `answer`. */
struct group_view {
    bool is_consumer; /* of the consumer protocol (KIP-848) */
    bool exists;      /* false: it is not known, or dead */
    int32_t coordinator;
    struct wire_str state, assignor;
    int32_t epoch, assignment_epoch; /* GROUP_NONE in classic groups */
    struct group_member *members;
    int32_t member_count;
    struct client_answer answer;
};

/* Asks for the consumer protocol first where brokers have it, then for a classic group. An unknown
 * group is no error: view->exists says it. */
int group_client_describe(struct group_client *groups, const char *group,
                          struct group_view *view) MUST_CHECK;
void group_view_free(struct group_view *view);
bool group_view_is(const struct group_view *view, const char *state);

/* Takes all members out of the group, whether they still run or not. */
int group_client_remove_members(struct group_client *groups, const char *group,
                                const struct group_view *view) MUST_CHECK;

struct group_listed {
    char *id, *protocol, *state, *type; /* type in the words of the broker: "consumer" */
};
struct group_list {
    struct group_listed *items;
    size_t count;
};

/* The groups of all brokers, sorted by id. `states` and `types` are comma separated filters, or
 * NULL. A broker that does not answer is an error. */
int group_client_list(struct group_client *groups, const char *states, const char *types,
                      struct group_list *list) MUST_CHECK;
void group_list_free(struct group_list *list);

/* ---- offsets ---- */

/* All committed offsets of the group, sorted. */
int group_client_committed(struct group_client *groups, const char *group,
                           struct group_rows *rows) MUST_CHECK;
/* Commits row->planned of each row without an error, as no member; row->err gets what the
 * coordinator says of each. */
int group_client_commit(struct group_client *groups, const char *group,
                        struct group_rows *rows) MUST_CHECK;
/* Deletes the committed offset of each row without an error; row->err as above. */
int group_client_delete_offsets(struct group_client *groups, const char *group,
                                struct group_rows *rows) MUST_CHECK;
int group_client_delete(struct group_client *groups, const char *group) MUST_CHECK;

/* Metadata of all topics; asked once. */
int group_client_metadata(struct group_client *groups,
                          const struct metadata_response **metadata) MUST_CHECK;
/* NULL when there is no such topic. */
const struct metadata_response_metadata_response_topic *
group_client_topic(const struct metadata_response *metadata, const char *name, size_t len);

/* row->found for row->asked, from the leaders; row->err for a partition that has none or fails.
 * Rows must be sorted. */
int group_client_list_offsets(struct group_client *groups, struct group_rows *rows) MUST_CHECK;

#endif
