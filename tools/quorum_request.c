/* DescribeQuorum names topic and partition, although there is only one. Failure modes: an answer
 * about nothing, or about more. */
#include "tools/quorum_request.h"

void quorum_request_init(struct quorum_request *quorum)
{
    wire_defaults(&describe_quorum_request_desc, &quorum->request);
    wire_defaults(&describe_quorum_request_topic_data_desc, &quorum->topic);
    wire_defaults(&describe_quorum_request_partition_data_desc, &quorum->partition);
    quorum->topic.topic_name = wire_str_from("__cluster_metadata");
    quorum->topic.partitions.items = &quorum->partition;
    quorum->topic.partitions.count = 1;
    quorum->request.topics.items = &quorum->topic;
    quorum->request.topics.count = 1;
}

const struct describe_quorum_response_partition_data *
quorum_request_answer(const struct describe_quorum_response *response)
{
    bool one = response->topics.count == 1 && response->topics.items[0].partitions.count == 1;
    return one ? &response->topics.items[0].partitions.items[0] : NULL;
}
