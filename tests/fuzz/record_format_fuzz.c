/* Structures that are no APIs: what groups and transactions write into logs, what consumers put
 * into JoinGroup, control records, headers. The first byte chooses one, the second the version. */
#include "fuzz_wire.h"

#include <string.h>

#include "base/check.h"
#include "kafka/messages/consumer_offsets.h"
#include "kafka/messages/consumer_protocol.h"
#include "kafka/messages/control_records.h"
#include "kafka/messages/headers.h"
#include "kafka/messages/transaction_state.h"

/* `prefix`: bytes in front of the fields (a version or a number) that the caller reads. */
static const struct {
    const struct wire_desc *desc;
    size_t prefix;
} formats[] = {
    {&request_header_desc, 0},
    {&response_header_desc, 0},
    {&consumer_protocol_subscription_desc, 2},
    {&consumer_protocol_assignment_desc, 2},
    {&control_record_type_schema_desc, 2},
    {&end_txn_marker_desc, 2},
    {&leader_change_message_desc, 0},
    {&snapshot_header_record_desc, 0},
    {&snapshot_footer_record_desc, 0},
    {&kraft_version_record_desc, 0},
    {&voters_record_desc, 0},
    {&aborted_txn_desc, 2},
    {&legacy_offset_commit_key_desc, 2},
    {&legacy_offset_commit_value_desc, 2},
    {&offset_commit_key_desc, 2},
    {&offset_commit_value_desc, 2},
    {&group_metadata_key_desc, 2},
    {&group_metadata_value_desc, 2},
    {&consumer_group_metadata_key_desc, 2},
    {&consumer_group_metadata_value_desc, 2},
    {&consumer_group_partition_metadata_key_desc, 2},
    {&consumer_group_partition_metadata_value_desc, 2},
    {&consumer_group_member_metadata_key_desc, 2},
    {&consumer_group_member_metadata_value_desc, 2},
    {&consumer_group_target_assignment_metadata_key_desc, 2},
    {&consumer_group_target_assignment_metadata_value_desc, 2},
    {&consumer_group_target_assignment_member_key_desc, 2},
    {&consumer_group_target_assignment_member_value_desc, 2},
    {&consumer_group_current_member_assignment_key_desc, 2},
    {&consumer_group_current_member_assignment_value_desc, 2},
    {&consumer_group_regular_expression_key_desc, 2},
    {&consumer_group_regular_expression_value_desc, 2},
    {&transaction_log_key_desc, 2},
    {&transaction_log_value_desc, 2},
};

static void add_format(struct fuzz_corpus *corpus, const char *name, int16_t version,
                       const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        const uint8_t tag[2] = {(uint8_t)i, (uint8_t)version};
        if (strcmp(formats[i].desc->name, name) == 0)
            fuzz_add_tagged(corpus, tag, sizeof(tag), bytes + formats[i].prefix,
                            len - formats[i].prefix);
    }
}

static void seed(struct fuzz_corpus *corpus)
{
    fuzz_wire_golden(add_format, corpus);
}

const struct fuzz_target fuzz_target = {.what = "formats of log records and of consumers",
                                        .len_max = 2048,
                                        .memory_max = 4 << 20,
                                        .execs = 40000,
                                        .seed = seed};

int fuzz_one(const uint8_t *data, size_t len)
{
    if (len < 2 || data[0] >= ARRAY_LEN(formats))
        return 0;
    const struct wire_desc *desc = formats[data[0]].desc;
    int16_t version = data[1];
    if (version < desc->version_min || version > desc->version_max)
        return 0;
    (void)fuzz_wire_message(desc, version, data + 2, len - 2);
    return 0;
}
