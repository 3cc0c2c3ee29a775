/* Fetch sessions of followers: what they say for a partition that no fetch names. */
#include "../replica/fixture.h"

#include "broker/handlers/fetch_session.h"

enum { FETCH_VERSION = 17 };

/* The first fetch of broker 2: it has all of t-0 below `offset`. */
static struct fetch_session *open_session(struct fetch_sessions *sessions, int64_t offset)
{
    struct fetch_request request;
    struct fetch_request_fetch_topic topic = {.topic_id = feed_topic_id("t")};
    struct fetch_request_fetch_partition partition = {.current_leader_epoch = 1,
                                                      .fetch_offset = offset,
                                                      .last_fetched_epoch = -1,
                                                      .partition_max_bytes = 1 << 20};
    wire_defaults(&fetch_request_desc, &request);
    request.replica_state.replica_id = request.replica_state.replica_epoch = 2;
    request.session_epoch = 0;
    topic.partitions.items = &partition;
    topic.partitions.count = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    struct fetch_session *session;
    bool full;
    CHECK_INT(fetch_sessions_open(sessions, &request, FETCH_VERSION, &session, &full), 0);
    CHECK(full && session->id != 0);
    return session;
}

static void count_wake(void *data)
{
    *(int *)data += 1;
}

struct reader {
    struct partition_read_op op;
    bool done;
};

static void read_done(struct partition_op *op)
{
    CONTAINER_OF(CONTAINER_OF(op, struct partition_read_op, op), struct reader, op)->done = true;
}

/* As a fetch does. */
static void read_slot(struct replica *r, struct fetch_session_slot *slot)
{
    struct reader reader = {.op = {.op.done = read_done,
                                   .args = fetch_slot_args(slot),
                                   .acknowledges = slot->named,
                                   .interest = &slot->interest}};
    CHECK_INT(fetch_slot_ref(slot, &reader.op.op.ref), 0);
    partitions_read(replica_manager_partitions(r->manager), &reader.op);
    CHECK(!reader.done);
    UNTIL(r->logs.env, reader.done);
    CHECK_INT(reader.op.op.err, 0);
    slot->named = false;
    slot->known = reader.op.known;
}

/* Else the follower, whose fetches name no idle partition, would never count again. */
static void an_idle_partition_is_looked_at_when_its_follower_is_forgotten(void)
{
    struct replica r;
    int wakes = 0;
    replica_open_leading(&r, MEMBERS(1, 2));
    struct fetch_sessions *sessions =
        fetch_sessions_new(replica_manager_partitions(r.manager), r.logs.env, 10, false);
    struct fetch_session *session = open_session(sessions, 0);
    struct fetch_session_slot *slot =
        LIST_ENTRY(session->slots.next, struct fetch_session_slot, all_link);
    CHECK(!partition_knows(r.partition, 2));
    read_slot(&r, slot);
    CHECK(partition_knows(r.partition, 2));
    fetch_slot_idle(slot);
    CHECK(list_empty(&slot->ready_link));
    session->wake = count_wake;
    session->wake_data = &wakes;
    replica_decide(&r, (struct decision){
                           .leader = NODE, .epoch = 1, .isr = MEMBERS(1), .offline = MEMBERS(2)});
    CHECK_INT(wakes, 1);
    CHECK(!list_empty(&slot->ready_link));
    fetch_slot_idle(slot); /* it has changed since it was read: it has something to say */
    CHECK(!list_empty(&slot->ready_link));
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1)});
    read_slot(&r, slot);
    CHECK(partition_knows(r.partition, 2));
    fetch_slot_idle(slot);
    CHECK(list_empty(&slot->ready_link));
    session->wake = NULL;
    fetch_sessions_check(sessions);
    fetch_sessions_free(sessions);
    replica_close(&r);
}

/* How often a follower's fetch is woken by records, and by the high watermark that passes them. */
static int wakes_with(bool nearest)
{
    struct replica r;
    struct waiter waiter;
    int wakes = 0;
    replica_open_leading(&r, MEMBERS(1, 2, 3));
    struct fetch_sessions *sessions =
        fetch_sessions_new(replica_manager_partitions(r.manager), r.logs.env, 10, nearest);
    struct fetch_session *session = open_session(sessions, 0);
    struct fetch_session_slot *slot =
        LIST_ENTRY(session->slots.next, struct fetch_session_slot, all_link);
    read_slot(&r, slot);
    session->wake = count_wake;
    session->wake_data = &wakes;
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_ALL, &waiter), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    CHECK_INT(wakes, 1);
    replica_acknowledge(&r, 2, 1);
    replica_acknowledge(&r, 3, 1);
    CHECK_INT(partition_high_watermark(r.partition), 1);
    CHECK(fetch_slot_tells_watermark(slot) == nearest);
    session->wake = NULL;
    fetch_sessions_free(sessions);
    replica_close(&r);
    return wakes;
}

static void a_follower_that_consumers_read_hears_of_the_watermark_at_once(void)
{
    CHECK_INT(wakes_with(false), 1);
    CHECK_INT(wakes_with(true), 2);
}

TAP_MAIN(TAP_TEST(a_follower_that_consumers_read_hears_of_the_watermark_at_once),
         TAP_TEST(an_idle_partition_is_looked_at_when_its_follower_is_forgotten))
