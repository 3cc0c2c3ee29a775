/* DescribeCluster (key 60): request and response. */
#ifndef KAFKA_MESSAGES_DESCRIBE_CLUSTER_H
#define KAFKA_MESSAGES_DESCRIBE_CLUSTER_H

#include "wire/wire.h"

#define DESCRIBE_CLUSTER_REQUEST_FIELDS(X, S)                                                      \
    X(S, BOOL, include_cluster_authorized_operations, "IncludeClusterAuthorizedOperations",        \
      FROM(0))                                                                                     \
    X(S, INT8, endpoint_type, "EndpointType", FROM(1), DEFAULT(1))                                 \
    X(S, BOOL, include_fenced_brokers, "IncludeFencedBrokers", FROM(2))
WIRE_MESSAGE(describe_cluster_request, "DescribeClusterRequest", DESCRIBE_CLUSTER_REQUEST_FIELDS, 0,
             2, 0)

#define DESCRIBE_CLUSTER_RESPONSE_DESCRIBE_CLUSTER_BROKER_FIELDS(X, S)                             \
    X(S, INT32, broker_id, "BrokerId", FROM(0))                                                    \
    X(S, STRING, host, "Host", FROM(0))                                                            \
    X(S, INT32, port, "Port", FROM(0))                                                             \
    X(S, STRING, rack, "Rack", FROM(0), NULL_FROM(0), DEFAULT_NULL)                                \
    X(S, BOOL, is_fenced, "IsFenced", FROM(2))
WIRE_STRUCT(describe_cluster_response_describe_cluster_broker, "DescribeClusterBroker",
            DESCRIBE_CLUSTER_RESPONSE_DESCRIBE_CLUSTER_BROKER_FIELDS)

#define DESCRIBE_CLUSTER_RESPONSE_FIELDS(X, S)                                                     \
    X(S, INT32, throttle_time_ms, "ThrottleTimeMs", FROM(0))                                       \
    X(S, INT16, error_code, "ErrorCode", FROM(0))                                                  \
    X(S, STRING, error_message, "ErrorMessage", FROM(0), NULL_FROM(0), DEFAULT_NULL)               \
    X(S, INT8, endpoint_type, "EndpointType", FROM(1), DEFAULT(1))                                 \
    X(S, STRING, cluster_id, "ClusterId", FROM(0))                                                 \
    X(S, INT32, controller_id, "ControllerId", FROM(0), DEFAULT(-1))                               \
    X(S, ARRAY(STRUCT(describe_cluster_response_describe_cluster_broker)), brokers, "Brokers",     \
      FROM(0))                                                                                     \
    X(S, INT32, cluster_authorized_operations, "ClusterAuthorizedOperations", FROM(0),             \
      DEFAULT(INT32_MIN))
WIRE_MESSAGE(describe_cluster_response, "DescribeClusterResponse", DESCRIBE_CLUSTER_RESPONSE_FIELDS,
             0, 2, 0)

#endif
