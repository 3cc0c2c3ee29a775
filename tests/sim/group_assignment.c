/* Assignments of the classic protocol; see group_assignment.h. */
#include "group_assignment.h"

#include <string.h>

#include "base/check.h"
#include "broker/group/subscription.h"

struct wire_bytes group_assignment_write(struct arena *arena, uint64_t mask, int32_t words)
{
    struct consumer_protocol_assignment assignment;
    struct consumer_protocol_assignment_topic_partition topic = {.topic = wire_str_from("t")};
    int32_t partitions[64];
    struct wire_out out;
    wire_defaults(&consumer_protocol_assignment_desc, &assignment);
    for (int32_t p = 0; p < 64; p++)
        if (mask >> p & 1)
            partitions[topic.partitions.count++] = p;
    topic.partitions.items = partitions;
    if (words >= 0)
        assignment.user_data = (struct wire_bytes){arena_alloc(arena, (size_t)words), words};
    assignment.assigned_partitions.count = 1;
    assignment.assigned_partitions.items = &topic;
    wire_out_init(&out);
    wire_put_i16(&out, 0);
    int err = wire_encode(&consumer_protocol_assignment_desc, 0, &assignment, &out);
    ASSERT(!err);
    uint8_t *bytes = arena_alloc(arena, out.memory.len);
    memcpy(bytes, out.memory.data, out.memory.len);
    struct wire_bytes made = {bytes, (int32_t)out.memory.len};
    wire_out_close(&out);
    return made;
}

bool group_assignment_read(struct wire_bytes bytes, uint64_t masks[2])
{
    struct consumer_protocol_assignment assignment;
    struct arena arena;
    masks[0] = masks[1] = 0;
    arena_init(&arena, 1 << 20);
    int err = subscription_read_assignment(bytes, &arena, &assignment);
    for (int32_t i = 0; !err && i < assignment.assigned_partitions.count; i++) {
        const struct consumer_protocol_assignment_topic_partition *topic =
            &assignment.assigned_partitions.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++)
            masks[!wire_str_is(topic->topic, "t")] |= 1ULL << (topic->partitions.items[j] & 63);
    }
    arena_close(&arena);
    return !err;
}
