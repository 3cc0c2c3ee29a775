/* Records of __consumer_offsets: see the header. Failure modes are those of records_put. */
#include "broker/group/group_records.h"

#include "broker/group/offsets.h"

enum { GROUP_RECORDS_OFFSET_VERSION = 4, GROUP_RECORDS_GROUP_VERSION = 3 };

void group_records_put_offset(struct records *records, struct wire_str group, struct wire_str topic,
                              int32_t partition, const struct offset *offset)
{
    struct offset_commit_key key = {.group = group, .topic = topic, .partition = partition};
    struct offset_commit_value value;
    if (offset) {
        wire_defaults(&offset_commit_value_desc, &value);
        value.offset = offset->offset;
        value.leader_epoch = offset->leader_epoch;
        value.metadata = offset->metadata;
        value.commit_timestamp = offset->commit_ms;
        value.expire_timestamp = offset->expire_ms;
        value.topic_id = offset->topic_id;
    }
    /* Only version 1 can say when it expires, only 4 and later which topic it means. */
    int16_t version = offset && offset->expire_ms >= 0 ? 1 : GROUP_RECORDS_OFFSET_VERSION;
    records_put(records, RECORD_OFFSET, &offset_commit_key_desc, &key, version,
                &offset_commit_value_desc, offset ? &value : NULL);
}

void group_records_put_group(struct records *records, struct wire_str group,
                             const struct group_metadata_value *value)
{
    struct group_metadata_key key = {.group = group};
    records_put(records, RECORD_GROUP, &group_metadata_key_desc, &key, GROUP_RECORDS_GROUP_VERSION,
                &group_metadata_value_desc, value);
}
