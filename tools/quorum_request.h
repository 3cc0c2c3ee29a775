/* The one question that DescribeQuorum answers: the state of the metadata log. */
#ifndef TOOLS_QUORUM_REQUEST_H
#define TOOLS_QUORUM_REQUEST_H

#include "kafka/messages/describe_quorum.h"

/* `request` points into the rest: it stays where it is until it is sent. */
struct quorum_request {
    struct describe_quorum_request request;
    struct describe_quorum_request_topic_data topic;
    struct describe_quorum_request_partition_data partition;
};

void quorum_request_init(struct quorum_request *quorum);
/* What the answer says of it; NULL when it names something else. */
const struct describe_quorum_response_partition_data *
quorum_request_answer(const struct describe_quorum_response *response);

#endif
