/* The latest positions of a taildir source: what a start finds of them. */
#include <stdlib.h>

#include "world.h"

#include "tools/agent/taildir_ring.h"

struct bench {
    struct world world;
    char dir[64];
    char *path;
    struct taildir_ring *ring;
    struct taildir_positions positions;
};

static bool add(struct bench *b, uint64_t inode, uint64_t pos)
{
    return taildir_ring_add(b->ring, &(struct taildir_position){.inode = inode, .pos = pos});
}

static void reopen(struct bench *b)
{
    taildir_ring_close(b->ring);
    taildir_positions_close(&b->positions);
    struct taildir_position row = {.inode = 1, .pos = 100, .path = (char *)"/of/the/file"};
    taildir_positions_add(&b->positions, &row);
    b->ring = taildir_ring_open(b->world.env, b->path, &b->positions);
    CHECK(b->ring);
}

static void bench_open(struct bench *b)
{
    *b = (struct bench){.dir = "/tmp/millrace-ring-XXXXXX"};
    world_open(&b->world);
    CHECK(mkdtemp(b->dir));
    b->path = mem_printf("%s/recent", b->dir);
    reopen(b);
}

static void bench_close(struct bench *b)
{
    taildir_ring_close(b->ring);
    taildir_positions_close(&b->positions);
    CHECK_INT(env_dir_remove(b->world.env, b->dir), 0);
    mem_free(b->path);
    world_close(&b->world);
}

static void check_pos(struct bench *b, uint64_t inode, uint64_t pos)
{
    const struct taildir_position *row = taildir_positions_find(&b->positions, inode, "");
    CHECK(row);
    CHECK_INT(row->pos, pos);
}

static void the_newest_counts(void)
{
    struct bench b;
    bench_open(&b);
    check_pos(&b, 1, 100);
    CHECK(add(&b, 1, 150));
    CHECK(add(&b, 2, 5));
    CHECK(add(&b, 1, 120)); /* it was cut, and has grown again */
    reopen(&b);
    check_pos(&b, 1, 120);
    check_pos(&b, 2, 5);
    CHECK(add(&b, 2, 6));
    reopen(&b);
    check_pos(&b, 1, 120);
    check_pos(&b, 2, 6);
    bench_close(&b);
}

static void it_goes_round(void)
{
    struct bench b;
    bench_open(&b);
    CHECK(add(&b, 7, 1));
    for (uint64_t i = 1; i <= 20000; i++)
        CHECK(add(&b, 1, 100 + i));
    reopen(&b);
    check_pos(&b, 1, 20100);
    CHECK(!taildir_positions_find(&b.positions, 7, "")); /* the position file has had it long ago */
    bench_close(&b);
}

static void what_is_torn_or_of_another_boot_does_not_count(void)
{
    struct bench b;
    char *data;
    size_t len;
    bench_open(&b);
    CHECK(add(&b, 1, 150));
    CHECK(add(&b, 1, 160));
    CHECK_INT(env_file_load(b.world.env, b.path, 1 << 20, &data, &len), 0);
    data[len - 20] ^= 1; /* in the second position */
    CHECK_INT(env_file_replace(b.world.env, b.path, data, len), 0);
    reopen(&b);
    check_pos(&b, 1, 150);
    CHECK_INT(env_file_replace(b.world.env, b.path, data, len - 50), 0);
    reopen(&b);
    check_pos(&b, 1, 100);
    data[12] ^= 1; /* in the id of the boot */
    CHECK_INT(env_file_replace(b.world.env, b.path, data, len), 0);
    reopen(&b);
    check_pos(&b, 1, 100);
    CHECK(add(&b, 1, 170));
    reopen(&b);
    check_pos(&b, 1, 170);
    mem_free(data);
    bench_close(&b);
}

TAP_MAIN(TAP_TEST(the_newest_counts), TAP_TEST(it_goes_round),
         TAP_TEST(what_is_torn_or_of_another_boot_does_not_count))
