/* Records of transactional ids with any content: whatever a log holds, a coordinator that loads it
 * serves, or says that it can't, and lets go of everything. */
#include "txn_world.h"

#include "base/bytes.h"
#include "base/crc32c.h"

enum { SEEDS = 3000, BATCH_CRC_AT = 17, BATCH_CRC_FROM = 21, IDS = 3 };

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

static const char *const ids[IDS] = {"a", "b", "c"};

/* Ids in all states, some of which were in others before. */
static void fill(void)
{
    for (int i = 0; i < IDS; i++) {
        struct txn_producer producer = init_anew(ids[i]);
        for (uint32_t steps = draw(4); steps > 0; steps--) {
            struct asked asked;
            ask_add(&asked, &producer, draw(2) ? "t" : "u", (int32_t)draw(4));
            world_until(&asked.done);
            if (draw(2)) {
                ask_end(&asked, &producer, draw(2) != 0);
                world_until(&asked.done);
                world.hold_calls = draw(3) == 0; /* it stays prepared */
                world_run(20);
            }
        }
    }
}

/* Numbers at the edges, where the value of a record may be; the checksum fits. */
static void damage(struct world_log *log)
{
    struct batch batch;
    for (size_t at = 0; at < log->bytes.len; at += batch.size) {
        CHECK_INT(batch_parse(log->bytes.data + at, log->bytes.len - at, &batch), 0);
        uint8_t *bytes = log->bytes.data + at;
        for (uint32_t n = draw(5); n > 0; n--) {
            static const uint8_t edges[] = {0, 1, 2, 5, 6, 7, 8, 0x7f, 0x80, 0xfe, 0xff};
            size_t place = BATCH_HEADER_SIZE + draw((uint32_t)(batch.size - BATCH_HEADER_SIZE));
            bytes[place] = draw(3) ? edges[draw(ARRAY_LEN(edges))] : (uint8_t)draw(256);
        }
        bytes_put_u32(bytes + BATCH_CRC_AT,
                      crc32c(0, bytes + BATCH_CRC_FROM, batch.size - BATCH_CRC_FROM));
    }
}

/* Whatever they are answered. */
static void use(void)
{
    for (int i = 0; i < IDS; i++) {
        struct asked asked;
        ask_init(&asked, ids[i], -1, -1);
        world_until(&asked.done);
        struct txn_producer producer = {wire_str_from(ids[i]), asked.init.new_producer_id,
                                        asked.init.new_epoch};
        ask_add(&asked, &producer, "t", 1);
        world_until(&asked.done);
        ask_end(&asked, &producer, true);
        world_until(&asked.done);
    }
}

static void any_log_is_loaded_or_not(void)
{
    for (int seed = 1; seed <= SEEDS; seed++) {
        state = (uint64_t)seed;
        world_open();
        fill();
        world_lose(false);
        for (int i = 0; i < WORLD_PARTITIONS; i++)
            damage(&world.logs[i]);
        world_lead();
        world_release_calls();
        world_run(3000);
        use();
        world_run(2 * WORLD_MINUTE_MS);
        use();
        world_failover(false);
        world_run(2000);
        world_close();
    }
}

TAP_MAIN(TAP_TEST(any_log_is_loaded_or_not))
