/* What a whole cluster says of itself at one moment: nodes, the quorum, partitions, disks. For
 * `millrace status` and the live line of `millrace dev`.
 *
 * One DescribeCluster, DescribeQuorum, Metadata and ApiVersions to any broker, one DescribeLogDirs
 * and one DescribeConfigs to each broker that is up. A broker that does not answer is a row that
 * says so, not an error. */
#ifndef TOOLS_CLUSTER_VIEW_H
#define TOOLS_CLUSTER_VIEW_H

#include "kafka/client.h"

enum cluster_node_state {
    CLUSTER_NODE_UP,
    CLUSTER_NODE_FENCED, /* registered, and the controller has not heard of it for a while */
    CLUSTER_NODE_SILENT, /* the controller hears of it, but it did not answer us */
    CLUSTER_NODE_BEHIND, /* a voter that does not follow the quorum's leader */
    CLUSTER_NODE_GONE    /* partitions name it as a replica, and no broker has that id */
};

struct cluster_node {
    int32_t id;
    char *address; /* "host:port"; of the controller's listener where it is no broker */
    enum cluster_node_state state;
    bool is_broker, is_voter, is_leader; /* leader of the quorum: the active controller */
    int64_t metadata_lag;                /* entries behind the quorum's leader; -1 = unknown */
    int64_t replica_lag;                 /* records: of the replica that is furthest behind */
    int64_t size, usable;                /* bytes of its partitions, and free on its disks; -1 */
    int32_t dirs, dirs_offline;          /* log directories; those that failed */
    /* Those with less than twice log.dir.reserve.bytes free: they refuse clients' records, or soon
     * will. And the one of them with the least. */
    int32_t dirs_full;
    char *full_dir;
    int64_t full_free, reserve; /* reserve: -1 = not known */
    int32_t leads, replicas;    /* partitions */
    int apis;                   /* how many APIs it serves; 0 = unknown */
    char *version;              /* of its program; NULL = not known */
};

/* A feature of the cluster, and the level that all brokers act by. */
struct cluster_feature {
    char *name;
    int level;
};

struct cluster_view {
    char *cluster_id;
    int32_t leader_id, leader_epoch; /* of the quorum; -1 = it has none */
    int64_t high_watermark;
    struct cluster_node *nodes;
    size_t node_count;
    int32_t topics, partitions;
    int32_t under_replicated, offline; /* partitions; an offline one counts in both */
    bool versions_differ;              /* between the brokers */
    struct cluster_feature *features;  /* those that are settled and on */
    size_t feature_count;
    int64_t features_epoch; /* of the metadata that says so; -1 = not known */
};

/* 0, or an error with the sentence in client_problem: nobody answered. */
int cluster_view_read(struct client *client, struct cluster_view *view) MUST_CHECK;
/* Safe on one that is all zero. */
void cluster_view_close(struct cluster_view *view);
/* Nothing is down, behind, under-replicated, offline or nearly full. */
bool cluster_view_is_healthy(const struct cluster_view *view);
/* Brokers that are up; *of gets all that are registered. */
int cluster_view_brokers_up(const struct cluster_view *view, int *of);
/* Bytes on all disks that are known. */
int64_t cluster_view_size(const struct cluster_view *view);
/* "12.3 MB" */
void cluster_view_bytes(int64_t bytes, char *text, size_t size);

#endif
