/* Unpacking frames of the controller channel: what a frame may cost. */
#include "../tap.h"

#include "base/buf.h"
#include "base/mem.h"
#include "meta/channel.h"

enum { ASSIGNMENTS = 300000, REPLICAS = 3, TOPICS_NO_BYTES = 1000000, PREFIX = 4 };

/* CreateTopics of the topics. Its bytes without the size in front are those behind PREFIX. */
static void pack(Meta__CreateTopics__Topic **topics, size_t count, struct buf *out)
{
    Meta__CreateTopics create = META__CREATE_TOPICS__INIT;
    Meta__Command command = META__COMMAND__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    create.topics = topics;
    create.n_topics = count;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.create_topics = &create;
    frame.body_case = META__FRAME__BODY_COMMAND;
    frame.command = &command;
    CHECK_INT(channel_pack(&frame, out), 0);
}

static Meta__Frame *unpack(const struct buf *bytes)
{
    return channel_unpack(bytes->data + PREFIX, bytes->len - PREFIX);
}

static void what_is_meant_is_unpacked(void)
{
    Meta__Assignment *assignments = mem_alloc(ASSIGNMENTS * sizeof(*assignments));
    Meta__Assignment **pointers = mem_alloc(ASSIGNMENTS * sizeof(*pointers));
    int32_t replicas[REPLICAS] = {0, 1, 2};
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *one = &topic;
    struct buf bytes;
    buf_init(&bytes);
    for (int i = 0; i < ASSIGNMENTS; i++) {
        meta__assignment__init(&assignments[i]);
        assignments[i].partition = i;
        assignments[i].replicas = replicas;
        assignments[i].n_replicas = REPLICAS;
        pointers[i] = &assignments[i];
    }
    topic.assignments = pointers;
    topic.n_assignments = ASSIGNMENTS;
    pack(&one, 1, &bytes);
    Meta__Frame *frame = unpack(&bytes);
    CHECK(frame != NULL);
    CHECK_INT((int)frame->command->create_topics->topics[0]->n_assignments, ASSIGNMENTS);
    meta__frame__free_unpacked(frame, NULL);
    buf_close(&bytes);
    mem_free(pointers);
    mem_free(assignments);
}

/* Two bytes for each: unpacked, they would take a hundred times as much. */
static void a_frame_of_nothing_costs_little(void)
{
    Meta__CreateTopics__Topic empty = META__CREATE_TOPICS__TOPIC__INIT;
    Meta__CreateTopics__Topic **topics = mem_alloc(TOPICS_NO_BYTES * sizeof(*topics));
    struct buf bytes;
    buf_init(&bytes);
    for (int i = 0; i < TOPICS_NO_BYTES; i++)
        topics[i] = &empty;
    pack(topics, TOPICS_NO_BYTES, &bytes);
    CHECK(bytes.len < CHANNEL_COMMAND_MAX);
    CHECK(unpack(&bytes) == NULL);
    bytes.len = 0;
    pack(topics, 1000, &bytes);
    Meta__Frame *small = unpack(&bytes);
    CHECK(small != NULL);
    meta__frame__free_unpacked(small, NULL);
    mem_free(topics);
    buf_close(&bytes);
}

TAP_MAIN(TAP_TEST(what_is_meant_is_unpacked), TAP_TEST(a_frame_of_nothing_costs_little))
