/* What access is granted by: Kafka's operations (AclOperation) on types of resources
 * (ResourceType), with their numbers on the wire. Source: KIP-11, KIP-430, and Kafka's table of
 * operations and resources by protocol. */
#ifndef KAFKA_ACL_H
#define KAFKA_ACL_H

/* X(name, number). NONE, Kafka's UNKNOWN: nothing has to be granted. */
#define ACL_OPERATION_LIST(X)                                                                      \
    X(NONE, 0)                                                                                     \
    X(READ, 3)                                                                                     \
    X(WRITE, 4)                                                                                    \
    X(CREATE, 5)                                                                                   \
    X(DELETE, 6)                                                                                   \
    X(ALTER, 7)                                                                                    \
    X(DESCRIBE, 8)                                                                                 \
    X(CLUSTER_ACTION, 9)                                                                           \
    X(DESCRIBE_CONFIGS, 10)                                                                        \
    X(ALTER_CONFIGS, 11)                                                                           \
    X(IDEMPOTENT_WRITE, 12)

#define ACL_RESOURCE_LIST(X)                                                                       \
    X(NONE, 0)                                                                                     \
    X(TOPIC, 2)                                                                                    \
    X(GROUP, 3)                                                                                    \
    X(CLUSTER, 4)                                                                                  \
    X(TRANSACTIONAL_ID, 5)

#define ACL_OPERATION_ENUM(name, number) ACL_##name = number,
enum acl_operation { ACL_OPERATION_LIST(ACL_OPERATION_ENUM) };
#undef ACL_OPERATION_ENUM

#define ACL_RESOURCE_ENUM(name, number) ACL_RESOURCE_##name = number,
enum acl_resource { ACL_RESOURCE_LIST(ACL_RESOURCE_ENUM) };
#undef ACL_RESOURCE_ENUM

/* All operations that there are on a type of resource, as the bits that answers tell
 * (authorizedOperations). */
enum {
    ACL_ALL_OF_TOPIC = 1 << ACL_READ | 1 << ACL_WRITE | 1 << ACL_CREATE | 1 << ACL_DELETE |
                       1 << ACL_ALTER | 1 << ACL_DESCRIBE | 1 << ACL_DESCRIBE_CONFIGS |
                       1 << ACL_ALTER_CONFIGS,
    ACL_ALL_OF_GROUP = 1 << ACL_READ | 1 << ACL_DELETE | 1 << ACL_DESCRIBE |
                       1 << ACL_DESCRIBE_CONFIGS | 1 << ACL_ALTER_CONFIGS,
    ACL_ALL_OF_CLUSTER = 1 << ACL_CREATE | 1 << ACL_ALTER | 1 << ACL_DESCRIBE |
                         1 << ACL_CLUSTER_ACTION | 1 << ACL_DESCRIBE_CONFIGS |
                         1 << ACL_ALTER_CONFIGS | 1 << ACL_IDEMPOTENT_WRITE
};

/* "WRITE", "TOPIC". */
static inline const char *acl_operation_name(enum acl_operation operation)
{
    switch (operation) {
#define ACL_OPERATION_CASE(name, number)                                                           \
    case number:                                                                                   \
        return #name;
        ACL_OPERATION_LIST(ACL_OPERATION_CASE)
#undef ACL_OPERATION_CASE
    }
    return "?";
}

static inline const char *acl_resource_name(enum acl_resource resource)
{
    switch (resource) {
#define ACL_RESOURCE_CASE(name, number)                                                            \
    case number:                                                                                   \
        return #name;
        ACL_RESOURCE_LIST(ACL_RESOURCE_CASE)
#undef ACL_RESOURCE_CASE
    }
    return "?";
}

#endif
