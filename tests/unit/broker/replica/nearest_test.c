/* Which follower a consumer is sent to. Broker 1 leads; the test says in which racks the others
 * are. */
#include "fixture.h"

#include "broker/replica/nearest.h"

static struct replica r;

static void put_rack(int32_t id, const char *rack, bool fenced)
{
    uint8_t incarnation[16] = {(uint8_t)id};
    char listener[] = "PLAINTEXT", host[] = "127.0.0.1";
    Meta__Endpoint endpoint = META__ENDPOINT__INIT, *endpoints[] = {&endpoint};
    Meta__BrokerRecord record = META__BROKER_RECORD__INIT;
    endpoint.listener = listener;
    endpoint.host = host;
    endpoint.port = 1;
    record.id = id;
    record.epoch = id;
    record.incarnation = (ProtobufCBinaryData){sizeof(incarnation), incarnation};
    record.endpoints = endpoints;
    record.n_endpoints = 1;
    record.rack = (char *)(uintptr_t)rack;
    record.fenced = fenced;
    feed_record(r.metadata, META__RECORD__FACT_BROKER, &record);
}

/* Both followers are in sync, in rack b, and have three records. */
static void begin(void)
{
    struct waiter waiter;
    replica_open_leading(&r, MEMBERS(1, 2, 3));
    put_rack(1, "a", false);
    put_rack(2, "b", false);
    put_rack(3, "b", false);
    CHECK_INT(replica_append(&r, 3, PARTITION_ACKS_ALL, &waiter), PARTITION_WAITS);
    UNTIL(r.logs.env, replica_is_durable(&r));
    replica_acknowledge(&r, 2, 3);
    replica_acknowledge(&r, 3, 3);
    CHECK_INT(waiter.calls, 1);
}

/* The broker that the leader names; 0 when it names none. */
static int32_t found(const char *rack, const char *listener, int64_t offset)
{
    struct partition_read_args args = {.replica_id = -1,
                                       .current_leader_epoch = -1,
                                       .last_fetched_epoch = -1,
                                       .offset = offset,
                                       .max_bytes = 1 << 20,
                                       .min_one = true,
                                       .follower_ok = true,
                                       .rack = rack,
                                       .listener = listener};
    struct partition_read read;
    CHECK_INT(partition_read(r.partition, &args, &read), 0);
    int32_t id = read.elsewhere ? read.nearest : 0;
    CHECK(!read.elsewhere || read.slice.chunk.len == 0);
    CHECK_INT(read.high_watermark, 3);
    partition_read_release(&read);
    return id;
}

static void a_follower_of_the_rack_is_named(void)
{
    begin();
    CHECK_INT(found("b", "PLAINTEXT", 0), 3); /* as in Kafka the higher id, where both are equal */
    put_rack(3, "c", false);
    CHECK_INT(found("b", "PLAINTEXT", 0), 2);
    CHECK_INT(found("c", "PLAINTEXT", 3), 3);
    replica_close(&r);
}

static void the_leader_serves_its_own_rack_and_strange_ones(void)
{
    begin();
    CHECK_INT(found("a", "PLAINTEXT", 0), 0);
    put_rack(2, "a", false);
    CHECK_INT(found("a", "PLAINTEXT", 0), 0);
    CHECK_INT(found("z", "PLAINTEXT", 0), 0);
    CHECK_INT(found(NULL, NULL, 0), 0);
    CHECK_INT(found("b", "OTHER", 0), 0);
    replica_close(&r);
}

static void who_is_behind_or_gone_is_not_named(void)
{
    struct waiter waiter;
    begin();
    put_rack(3, "b", true);
    CHECK_INT(found("b", "PLAINTEXT", 0), 2);
    put_rack(3, "b", false);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1, 2)});
    CHECK_INT(found("b", "PLAINTEXT", 0), 2);
    replica_decide(
        &r,
        (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1, 2), .offline = MEMBERS(2)});
    CHECK_INT(found("b", "PLAINTEXT", 0), 0);
    replica_decide(&r, (struct decision){.leader = NODE, .epoch = 1, .isr = MEMBERS(1, 2, 3)});
    CHECK_INT(replica_append(&r, 1, PARTITION_ACKS_LEADER, &waiter), PARTITION_WAITS);
    replica_acknowledge(&r, 3, 3);
    CHECK_INT(found("b", "PLAINTEXT", 3), 3);
    CHECK_INT(found("b", "PLAINTEXT", 4), 0); /* nobody else has so much */
    UNTIL(r.logs.env, waiter.calls);
    replica_close(&r);
}

TAP_MAIN(TAP_TEST(a_follower_of_the_rack_is_named),
         TAP_TEST(the_leader_serves_its_own_rack_and_strange_ones),
         TAP_TEST(who_is_behind_or_gone_is_not_named))
