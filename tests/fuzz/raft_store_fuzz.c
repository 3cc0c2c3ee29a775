/* The directory of a Raft voter with any content: vote, snapshot, segments of the log. What opens
 * is written to, closed, and must open again with what was confirmed.
 *
 * The input is a row of files (fuzz_files.h). */
#include "fuzz_files.h"

#include <string.h>

#include "../sim/sim.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/mem.h"
#include "controller/raft_store_record.h"

enum { LIMIT_US = 600 * 1000 * 1000, CRC_AT = 4, CRC_FROM = 8, LEN_AT = 8 };
static const char dir[] = "/raft";

struct world {
    struct sim *sim;
    struct sim_node *node;
    struct env *env;
    struct logger logger;
    struct raft_store *store;
    bool done;
};

/* ---- checksums ---- */

static void mend_range(uint8_t *data, size_t len)
{
    if (len > CRC_FROM)
        bytes_put_u32(data + CRC_AT, crc32c(0, data + CRC_FROM, len - CRC_FROM));
}

static void mend_log(uint8_t *data, size_t len)
{
    while (len >= RAFT_STORE_HEAD) {
        size_t data_len = bytes_get_u32(data + LEN_AT);
        if (data_len > len - RAFT_STORE_HEAD)
            return;
        mend_range(data, RAFT_STORE_HEAD + data_len);
        size_t size = raft_store_record_size(data_len);
        if (size > len)
            return;
        data += size;
        len -= size;
    }
}

static void mend(uint8_t *data, size_t len)
{
    struct fuzz_file file;
    while (fuzz_file_next(&data, &len, &file)) {
        if (fuzz_file_name_is(&file, "snapshot")) {
            mend_range(file.data, file.len);
        } else if (fuzz_file_name_is(&file, "vote")) {
            for (size_t at = 0; at + RAFT_STORE_VOTE_SIZE <= file.len; at += RAFT_STORE_VOTE_SLOT)
                mend_range(file.data + at, RAFT_STORE_VOTE_SIZE);
        } else {
            mend_log(file.data, file.len);
        }
    }
}

/* ---- the world ---- */

static void world_line(void *data, const char *line, int len)
{
    (void)data;
    (void)line;
    (void)len;
}

static void world_failed(void *data, const char *sentence)
{
    (void)data;
    (void)sentence;
    FUZZ_REQUIRE(!"the simulated disk does not fail");
}

static void world_init(struct world *world)
{
    *world = (struct world){.sim = sim_new(1)};
    world->node = sim_node_new(world->sim, "n0");
    world->env = sim_env_new(world->node);
    logger_init(&world->logger, "fuzz", NULL, NULL);
    world->logger.sink = world_line;
    FUZZ_REQUIRE(env_dir_make(world->env, dir) == 0);
}

static void world_close(struct world *world)
{
    raft_store_free(world->store);
    sim_free(world->sim);
}

static int world_open(struct world *world)
{
    struct buf problem;
    buf_init(&problem);
    world->store = NULL;
    int err = raft_store_open(world->env, &world->logger, dir, world_failed, world, &problem,
                              &world->store);
    FUZZ_REQUIRE(err == 0 || problem.len > 0);
    buf_close(&problem);
    return err;
}

static void world_done(void *data)
{
    ((struct world *)data)->done = true;
}

static void world_saved(void *data, int err)
{
    (void)err;
    world_done(data);
}

static bool world_is_done(void *data)
{
    return ((struct world *)data)->done;
}

static void world_wait(struct world *world)
{
    FUZZ_REQUIRE(
        sim_run_until(world->sim, world_is_done, world, sim_now_us(world->sim) + LIMIT_US));
    world->done = false;
}

static void world_append(struct world *world, uint64_t term, size_t count)
{
    struct raft_store_entry entries[4];
    FUZZ_REQUIRE(count <= 4);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct raft_store_entry){term, 1, "an entry of some bytes", 5 + i * 5};
    raft_store_append(world->store, entries, count, world_done, world);
    world_wait(world);
}

static void world_shut(struct world *world)
{
    raft_store_close(world->store, world_done, world);
    world_wait(world);
    raft_store_free(world->store);
    world->store = NULL;
}

static struct raft_store_snapshot snapshot_at(uint64_t index, uint64_t term)
{
    return (struct raft_store_snapshot){.index = index,
                                        .term = term,
                                        .conf_index = 1,
                                        .conf = "conf",
                                        .conf_len = 4,
                                        .data = "the whole image",
                                        .data_len = 15};
}

/* ---- seeds ---- */

enum seed_steps { SEED_VOTE = 1, SEED_APPEND = 2, SEED_CUT = 4, SEED_SAVE = 8, SEED_INSTALL = 16 };

static void seed_one(struct fuzz_corpus *corpus, unsigned steps)
{
    struct world world;
    struct buf out;
    struct raft_store_entry first = {1, 3, "configuration", 13};
    world_init(&world);
    buf_init(&out);
    FUZZ_REQUIRE(world_open(&world) == 0);
    FUZZ_REQUIRE(raft_store_bootstrap(world.store, &first) == 0);
    if (steps & SEED_VOTE)
        FUZZ_REQUIRE(raft_store_set_term(world.store, 3) == 0 &&
                     raft_store_set_vote(world.store, 2) == 0);
    for (int i = 0; i < 4 && (steps & SEED_APPEND); i++)
        world_append(&world, 3, 3);
    if (steps & SEED_CUT) {
        raft_store_truncate(world.store, 5);
        world_append(&world, 4, 2);
    }
    struct raft_store_snapshot saved = snapshot_at(4, 3), installed = snapshot_at(30, 5);
    if (steps & SEED_SAVE) {
        raft_store_save(world.store, &saved, 2, world_saved, &world);
        world_wait(&world);
    }
    if (steps & SEED_INSTALL) {
        raft_store_install(world.store, &installed, world_done, &world);
        world_wait(&world);
        world_append(&world, 6, 4);
    }
    world_shut(&world);
    fuzz_file_take_dir(&out, world.env, dir, "");
    fuzz_add(corpus, out.data, out.len);
    buf_close(&out);
    world_close(&world);
}

static void seed(struct fuzz_corpus *corpus)
{
    static const unsigned kinds[] = {0,
                                     SEED_VOTE,
                                     SEED_APPEND,
                                     SEED_VOTE | SEED_APPEND | SEED_CUT,
                                     SEED_APPEND | SEED_SAVE,
                                     SEED_VOTE | SEED_APPEND | SEED_CUT | SEED_SAVE,
                                     SEED_INSTALL,
                                     SEED_VOTE | SEED_APPEND | SEED_INSTALL};
    fuzz_add(corpus, "", 0);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        seed_one(corpus, kinds[i]);
    fuzz_add_word(corpus, "log-00000000000000000001");
    fuzz_add_word(corpus, "log-00000000000000000002");
    fuzz_add_word(corpus, "log-18446744073709551615");
    fuzz_add_word(corpus, "snapshot");
    fuzz_add_word(corpus, "vote");
}

const struct fuzz_target fuzz_target = {.what = "directories of Raft voters",
                                        .len_max = 16384,
                                        .memory_max = 1 << 20,
                                        .execs = 8000,
                                        .seed = seed,
                                        .mend = mend};

/* ---- what is done with a directory ---- */

struct known {
    uint64_t term, vote, start_index, next_index, snapshot_index;
};

static struct known known_of(const struct raft_store *store)
{
    const struct raft_store_state *state = raft_store_state(store);
    uint32_t sum = 0;
    for (size_t i = 0; i < state->count; i++)
        sum = crc32c(sum, state->entries[i].data, state->entries[i].len);
    if (state->has_snapshot) {
        sum = crc32c(sum, state->snapshot.conf, state->snapshot.conf_len);
        sum = crc32c(sum, state->snapshot.data, state->snapshot.data_len);
    }
    (void)sum; /* read, so that a sanitizer sees it */
    return (struct known){state->term, state->vote, state->start_index,
                          state->start_index + state->count,
                          state->has_snapshot ? state->snapshot.index : 0};
}

static void change(struct world *world)
{
    struct known found = known_of(world->store);
    raft_store_forget(world->store);
    /* Numbers that no election reaches: the core would not go on either. */
    if (found.term >= INT64_MAX || found.next_index >= INT64_MAX || found.next_index < 1)
        return;
    FUZZ_REQUIRE(raft_store_set_term(world->store, found.term + 1) == 0);
    FUZZ_REQUIRE(raft_store_set_vote(world->store, 3) == 0);
    world_append(world, found.term + 1, 4);
    raft_store_truncate(world->store, found.next_index + 2);
    world_append(world, found.term + 1, 1);
    world_shut(world);
    FUZZ_REQUIRE(world_open(world) == 0);
    struct known again = known_of(world->store);
    FUZZ_REQUIRE(again.term == found.term + 1 && again.vote == 3);
    FUZZ_REQUIRE(again.next_index == found.next_index + 3);
    FUZZ_REQUIRE(again.snapshot_index == found.snapshot_index);
    raft_store_forget(world->store);
    struct raft_store_snapshot saved = snapshot_at(found.next_index + 1, found.term + 1);
    raft_store_save(world->store, &saved, found.next_index, world_saved, world);
    world_wait(world);
    world_shut(world);
    FUZZ_REQUIRE(world_open(world) == 0);
    again = known_of(world->store);
    FUZZ_REQUIRE(again.snapshot_index == found.next_index + 1);
    FUZZ_REQUIRE(again.next_index == found.next_index + 3);
}

int fuzz_one(const uint8_t *data, size_t len)
{
    struct world world;
    world_init(&world);
    fuzz_file_lay_out(world.env, dir, data, len);
    int err = world_open(&world);
    FUZZ_REQUIRE(err == 0 || err == ERR_CORRUPT);
    if (err == 0)
        change(&world);
    world_close(&world);
    return 0;
}
