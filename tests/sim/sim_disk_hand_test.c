/* The simulator's own test: disks that a person changes, and faults that are chosen by kind. */
#include "../unit/tap.h"

#include "base/err.h"
#include "base/mem.h"
#include "sim.h"

static struct sim *sim;
static struct sim_node *node;
static struct env *env;

static void begin(uint64_t seed)
{
    sim = sim_new(seed);
    node = sim_node_new(sim, "a");
    env = sim_env_new(node);
}

static void put(const char *path, const char *text)
{
    struct env_file *file;
    CHECK_INT(env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file), 0);
    CHECK_INT(env_file_write(file, text, strlen(text), 0), 0);
    env_file_close(file);
}

static int64_t size_of(const char *path)
{
    struct env_file *file;
    int rc = env_file_open(env, path, 0, &file);
    if (rc < 0)
        return rc;
    int64_t size = env_file_size(file);
    env_file_close(file);
    return size;
}

static void come_back(void)
{
    sim_node_restart(node);
    env = sim_env_new(node);
}

static void count_name(void *data, const char *name)
{
    int *count = data;
    *count += name[0] == 'f';
}

static void a_person_removes_and_copies(void)
{
    int count = 0;
    begin(1);
    CHECK_INT(env_dir_make(env, "/d/e"), 0);
    put("/d/e/f", "abc");
    put("/d/f", "defg");
    int64_t space = env_path_space(env, "/");
    sim_node_kill(node);
    CHECK_INT(sim_disk_make(node, "/copies"), 0);
    CHECK_INT(sim_disk_copy_tree(node, "/d", "/copies/d"), 0);
    CHECK_INT(sim_disk_remove(node, "/d"), 0);
    CHECK_INT(sim_disk_remove(node, "/d"), ERR_NOT_FOUND);
    CHECK_INT(sim_disk_copy_tree(node, "/d", "/copies/d"), ERR_NOT_FOUND);
    CHECK_INT(sim_disk_each(node, "/copies/d", count_name, &count), 0);
    CHECK_INT(count, 1);
    sim_node_kill_power(node); /* what a person did is on the disk */
    come_back();
    CHECK_INT(size_of("/d/f"), ERR_NOT_FOUND);
    CHECK_INT(size_of("/copies/d/f"), 4);
    CHECK_INT(size_of("/copies/d/e/f"), 3);
    CHECK_INT(env_path_space(env, "/"), space);
    sim_free(sim);
}

static void calls_fail_by_kind(void)
{
    struct env_file *file;
    begin(2);
    put("/f", "abc");
    sim_disk_fail(node, SIM_DISK_OPEN, 2, 2, ERR_TOO_MANY_FILES);
    CHECK(sim_node_is_faulty(node));
    CHECK_INT(size_of("/f"), 3);
    CHECK_INT(size_of("/f"), ERR_TOO_MANY_FILES);
    CHECK_INT(env_file_open(env, "/g", ENV_OPEN_CREATE, &file), ERR_TOO_MANY_FILES);
    CHECK(!sim_node_is_faulty(node));
    CHECK_INT(size_of("/f"), 3);
    sim_disk_fail(node, SIM_DISK_OPEN, 1, 2, ERR_TOO_MANY_FILES);
    CHECK(!env_files_ready(env, 1));
    CHECK_INT(size_of("/f"), ERR_TOO_MANY_FILES);
    CHECK(env_files_ready(env, 1)); /* what is held back is there when there are no others */
    sim_disk_fail(node, SIM_DISK_OPEN, 1, 2, ERR_TOO_MANY_FILES);
    CHECK_INT(size_of("/f"), 3);
    CHECK_INT(size_of("/f"), ERR_TOO_MANY_FILES);
    sim_disk_fail(node, SIM_DISK_NAME, 1, 1, ERR_IO);
    sim_disk_look(sim, true); /* a checker meets no fault */
    CHECK_INT(env_path_rename(env, "/f", "/g"), 0);
    sim_disk_look(sim, false);
    CHECK_INT(env_path_rename(env, "/g", "/f"), ERR_IO);
    CHECK_INT(env_path_rename(env, "/g", "/f"), 0);
    sim_free(sim);
}

/* Of two names made one after the other, the second alone survives now and then, but never with a
 * journal. */
static bool second_alone(uint64_t seed, bool unordered)
{
    begin(seed);
    CHECK_INT(env_dir_sync(env, "/"), 0);
    sim_disk_set_unordered(node, unordered);
    put("/f", "abc");
    put("/g", "abc");
    sim_node_kill_power(node);
    come_back();
    bool alone = size_of("/f") < 0 && size_of("/g") >= 0;
    sim_free(sim);
    return alone;
}

static void names_survive_in_any_order_without_a_journal(void)
{
    int alone = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        alone += second_alone(seed, true);
        CHECK(!second_alone(seed, false));
    }
    CHECK(alone > 0);
}

static void take_memory(void *data)
{
    void **blocks = data;
    for (int i = 0; i < 3; i++)
        blocks[i] = mem_try_alloc(8);
}

static void one_allocation_of_a_node_fails(void)
{
    void *blocks[3] = {0};
    begin(3);
    sim_node_fail_memory(node, 2);
    for (int round = 0; round < 2; round++) {
        env_post(env, take_memory, blocks);
        CHECK(sim_step(sim));
        CHECK(sim_last_node(sim) == node);
        CHECK((blocks[1] == NULL) == (round == 0));
        CHECK(blocks[0] && blocks[2]);
        for (int i = 0; i < 3; i++)
            mem_free(blocks[i]);
    }
    CHECK(!sim_node_is_faulty(node));
    sim_free(sim);
}

static void two_nodes_have_each_others_disk(void)
{
    begin(1);
    struct sim_node *other = sim_node_new(sim, "b");
    CHECK_INT(env_dir_make(env, "/d"), 0);
    put("/d/f", "a");
    sim_node_kill(node);
    sim_node_kill(other);
    CHECK_INT(sim_disk_swap(node, other, "/d"), ERR_NOT_FOUND);
    CHECK_INT(sim_disk_make(other, "/d"), 0);
    CHECK_INT(sim_disk_swap(node, other, "/d"), 0);
    come_back();
    CHECK_INT(size_of("/d/f"), ERR_NOT_FOUND);
    node = other;
    come_back();
    CHECK_INT(size_of("/d/f"), 1);
    sim_free(sim);
}

TAP_MAIN(TAP_TEST(a_person_removes_and_copies), TAP_TEST(two_nodes_have_each_others_disk),
         TAP_TEST(calls_fail_by_kind), TAP_TEST(names_survive_in_any_order_without_a_journal),
         TAP_TEST(one_allocation_of_a_node_fails))
