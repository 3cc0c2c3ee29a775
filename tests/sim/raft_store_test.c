/* Raft's store on a simulated disk: power cuts at every write, torn tails, damage. */
#include "../unit/tap.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "controller/raft_store.h"
#include "controller/raft_store_record.h"
#include "sim.h"

enum { SECOND = 1000 * 1000, LOG_MAX = 4000 };

static struct sim *sim;
static struct sim_node *node;
static struct env *env;
static struct raft_store *store;
static struct logger logger;
static bool failed;
static struct buf problem;

/* What the store must hold: everything confirmed; what is on its way may be there or not. */
struct model {
    uint64_t terms[LOG_MAX]; /* of index i */
    uint64_t last;           /* submitted */
    uint64_t confirmed;      /* appended and called back */
    uint64_t term;           /* current, durable */
    uint64_t vote;
    uint64_t snapshot;       /* newest confirmed */
    uint64_t snapshot_asked; /* newest submitted */
    bool truncating;         /* a truncation is on its way: below this index all holds */
    uint64_t truncated_to;
};
static struct model model;

struct append {
    struct list link;
    uint64_t last;
    uint64_t bytes[4];
};
static struct list appends = {&appends, &appends}; /* on their way */

static void on_failed(void *data, const char *sentence)
{
    (void)data;
    (void)sentence;
    failed = true;
}

static void quiet(void *data, const char *line, int len)
{
    (void)data;
    (void)line;
    (void)len;
}

static int open_store(void)
{
    env = sim_env_new(node);
    failed = false;
    store = NULL;
    return raft_store_open(env, &logger, "/data/raft", on_failed, NULL, &problem, &store);
}

static void begin(uint64_t seed)
{
    sim = sim_new(seed);
    node = sim_node_new(sim, "node");
    logger_init(&logger, "test", NULL, NULL);
    logger.sink = quiet;
    buf_init(&problem);
    memset(&model, 0, sizeof(model));
}

static void close_store(void)
{
    if (!sim_node_is_down(node))
        sim_node_kill(node);
    sim_env_reap(env);
    raft_store_free(store);
    store = NULL;
}

static void finish(void)
{
    struct list *step;
    if (store)
        close_store();
    while ((step = list_pop(&appends)))
        mem_free(LIST_ENTRY(step, struct append, link));
    buf_close(&problem);
    sim_free(sim);
}

/* ---- the work ---- */

static void on_appended(void *data)
{
    struct append *append = data;
    if (append->last > model.confirmed && append->last <= model.last)
        model.confirmed = append->last;
    model.truncating = false; /* the queue is in order: what came before it is done */
    list_remove(&append->link);
    mem_free(append);
}

static void append(size_t count, uint64_t term)
{
    struct append *request = mem_alloc(sizeof(*request));
    struct raft_store_entry entries[4];
    list_push(&appends, &request->link);
    for (size_t i = 0; i < count; i++) {
        model.terms[++model.last] = term;
        request->bytes[i] = model.last * 1000 + term;
        entries[i] = (struct raft_store_entry){term, 2, &request->bytes[i], 8};
    }
    request->last = model.last;
    raft_store_append(store, entries, count, on_appended, request);
}

/* Entry 1, which comes before everything else; 0 or an error. */
static int bootstrap(void)
{
    uint64_t bytes = 1001;
    struct raft_store_entry entry = {1, 3, &bytes, 8};
    int err = raft_store_bootstrap(store, &entry);
    if (!err) {
        model.terms[1] = 1;
        model.last = model.confirmed = 1;
    }
    return err;
}

static void truncate_from(uint64_t index)
{
    raft_store_truncate(store, index);
    model.last = index - 1;
    if (model.confirmed > model.last)
        model.confirmed = model.last;
    model.truncating = true;
    model.truncated_to = index;
}

static uint64_t snapshot_number;

static int saved_err;

static void on_saved(void *data, int err)
{
    (void)data;
    saved_err = err;
    if (!err)
        model.snapshot = model.snapshot_asked;
}

static void save(uint64_t index)
{
    snapshot_number = index;
    struct raft_store_snapshot snapshot = {.index = index,
                                           .term = model.terms[index],
                                           .conf_index = 1,
                                           .conf = "conf",
                                           .conf_len = 4,
                                           .data = &snapshot_number,
                                           .data_len = 8};
    model.snapshot_asked = index;
    raft_store_save(store, &snapshot, index > 5 ? index - 5 : 0, on_saved, NULL);
}

static bool idle(void *data)
{
    (void)data;
    return failed || sim_node_is_down(node) ||
           (raft_store_unfinished(store) == 0 && model.snapshot == model.snapshot_asked);
}

static bool settle(void)
{
    return sim_run_until(sim, idle, NULL, sim_now_us(sim) + 10 * SECOND) && !failed &&
           !sim_node_is_down(node);
}

/* A life of a voter; false when it ends early because the power fails. */
static bool live(uint64_t term)
{
    if (bootstrap())
        return false;
    for (int step = 0; step < 6 && !sim_node_is_down(node) && !failed; step++) {
        if (raft_store_set_term(store, term + (uint64_t)step))
            return false;
        model.term = term + (uint64_t)step;
        model.vote = 0;
        sim_run_for(sim, 10);
        if (sim_node_is_down(node) || raft_store_set_vote(store, 7))
            return false;
        model.vote = 7;
        append(3, model.term);
        append(1, model.term);
        if (!settle())
            return false;
        if (step == 2) {
            truncate_from(model.last - 1);
            append(2, model.term);
        }
        if (step == 4)
            save(model.confirmed - 1);
        if (!settle())
            return false;
    }
    return !sim_node_is_down(node) && !failed;
}

/* ---- the check ---- */

static const char *wrong(void)
{
    const struct raft_store_state *state = raft_store_state(store);
    uint64_t last = state->start_index + state->count - 1;
    if (state->term < model.term ||
        (state->term == model.term && state->vote != model.vote && model.vote != 0))
        return "a term or vote is lost";
    if (model.snapshot && (!state->has_snapshot || state->snapshot.index < model.snapshot))
        return "a snapshot is lost";
    if (last < model.confirmed && !(model.truncating && last + 1 >= model.truncated_to))
        return "a confirmed entry is lost";
    if (state->start_index > 1 &&
        (!state->has_snapshot || state->start_index > state->snapshot.index + 1))
        return "the beginning is missing";
    for (size_t i = 0; i < state->count; i++) {
        uint64_t index = state->start_index + i;
        uint64_t value;
        if (state->entries[i].len != 8)
            return "an entry has another size";
        memcpy(&value, state->entries[i].data, 8);
        if (value != index * 1000 + state->entries[i].term)
            return "an entry has other bytes";
        if (index <= model.confirmed && state->entries[i].term != model.terms[index])
            return "a confirmed entry is another one";
    }
    return NULL;
}

/* One life in which the power fails at the n-th change of the disk; false when it never came to
 * it. */
static bool crash_at(uint64_t n, uint64_t seed)
{
    begin(seed);
    sim_disk_crash_at(node, n);
    bool crashed = true;
    if (open_store() == 0)
        crashed = !live(2);
    if (crashed) {
        if (!sim_node_is_down(node)) /* not in a step of the simulation, which would end it */
            sim_node_kill_power(node);
        close_store();
        sim_node_restart(node);
        int err = open_store();
        if (err)
            printf("# crash at change %llu, seed %llu: %s\n", (unsigned long long)n,
                   (unsigned long long)seed, buf_text(&problem));
        CHECK_INT(err, 0);
        const char *what = wrong();
        if (what)
            printf("# crash at change %llu, seed %llu: %s\n", (unsigned long long)n,
                   (unsigned long long)seed, what);
        CHECK(!what);
        /* It goes on from there. */
        model.last = raft_store_state(store)->start_index + raft_store_state(store)->count - 1;
        model.snapshot_asked = model.snapshot;
        raft_store_forget(store);
        append(2, 100);
        CHECK(settle());
    }
    finish();
    return crashed;
}

static void a_power_cut_at_every_write_loses_nothing(void)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        uint64_t n = 1;
        while (crash_at(n, seed))
            n++;
        CHECK(n > 40);
    }
}

static void damage_is_told_from_a_torn_tail(void)
{
    uint64_t refused = 0, size = 0;
    for (uint64_t at = 0; at < 2000; at += 37) {
        begin(3);
        CHECK_INT(open_store(), 0);
        for (int i = 0; i < 10; i++) {
            append(1, 1);
            CHECK(settle());
        }
        close_store();
        int err = sim_disk_flip(node, "/data/raft/log-00000000000000000001", at);
        if (err) {
            size = at;
            finish();
            break;
        }
        sim_node_restart(node);
        err = open_store();
        uint64_t kept = err ? 0 : raft_store_state(store)->count;
        /* All but the last record are relied on by a later one. */
        CHECK(err == ERR_CORRUPT || kept >= 9);
        refused += err == ERR_CORRUPT;
        if (err)
            CHECK(strstr(buf_text(&problem), "log-00000000000000000001") != NULL);
        finish();
    }
    CHECK(size > 500);
    CHECK(refused > 10);
}

/* ---- a log that was lost ---- */

enum loss {
    LOSS_LAST,
    LOSS_HALF,
    LOSS_REMOVED,
    LOSS_EMPTIED,
    LOSS_HEAD,
    LOSS_SHORT,
    LOSS_ZEROED,
    LOSS_RANDOM,
    LOSS_END
};

/* The segment, changed by somebody while the node is down; its size afterwards, -1 = none. */
static int64_t lose(enum loss loss)
{
    const char *path = "/data/raft/log-00000000000000000001";
    uint8_t bytes[200] = {0};
    struct env_file *file;
    env = sim_env_new(node);
    if (loss == LOSS_REMOVED) {
        CHECK_INT(env_path_remove(env, path), 0);
        return -1;
    }
    CHECK_INT(env_file_open(env, path, ENV_OPEN_WRITE, &file), 0);
    if (loss == LOSS_EMPTIED || loss == LOSS_HEAD || loss == LOSS_SHORT)
        CHECK_INT(env_file_truncate(file, loss == LOSS_HEAD ? 48 : loss == LOSS_SHORT ? 20 : 0), 0);
    uint64_t cut = loss == LOSS_LAST ? 56 : loss == LOSS_HALF ? 150 : 0; /* a record; some */
    if (cut)
        CHECK_INT(env_file_truncate(file, (uint64_t)env_file_size(file) - cut), 0);
    if (loss == LOSS_RANDOM)
        env_random_bytes(env, bytes, sizeof(bytes));
    if (loss == LOSS_ZEROED || loss == LOSS_RANDOM)
        CHECK_INT(env_file_write(file, bytes, sizeof(bytes), 0), 0);
    int64_t size = env_file_size(file);
    env_file_close(file);
    return size;
}

static int64_t segment_size(void)
{
    struct env_file *file;
    if (env_file_open(env, "/data/raft/log-00000000000000000001", ENV_OPEN_READ, &file))
        return -1;
    int64_t size = env_file_size(file);
    env_file_close(file);
    return size;
}

static void a_lost_log_is_refused_and_left_alone(void)
{
    for (int loss = 0; loss < LOSS_END; loss++)
        for (int with = 0; with < 2; with++) { /* a vote, or a snapshot too */
            begin(7);
            CHECK_INT(open_store(), 0);
            CHECK_INT(bootstrap(), 0);
            append(3, 1);
            CHECK(settle());
            if (with) {
                save(3);
                CHECK(settle());
            }
            close_store(); /* as a crash; the start after it notes how far the log is */
            sim_node_restart(node);
            CHECK_INT(open_store(), 0);
            close_store();
            sim_node_restart(node);
            int64_t size = lose((enum loss)loss);
            close_store();
            sim_node_restart(node);
            CHECK_INT(open_store(), ERR_CORRUPT);
            CHECK(strstr(buf_text(&problem), "/data/raft") != NULL);
            CHECK(strstr(buf_text(&problem), "Bring the directory back") != NULL);
            CHECK_INT(segment_size(), size);
            finish();
        }
}

static void a_position_that_would_overflow_is_refused(void)
{
    struct raft_store_record record = {.kind = RAFT_STORE_SEGMENT, .index = 1};
    struct env_file *file;
    struct buf bytes;
    record.position = UINT64_MAX - RAFT_STORE_HEAD * 2 + 1;
    begin(9);
    CHECK_INT(open_store(), 0);
    CHECK_INT(bootstrap(), 0);
    close_store();
    sim_node_restart(node);
    env = sim_env_new(node);
    buf_init(&bytes);
    CHECK_INT(raft_store_record_put(&bytes, &record), 0);
    record.kind = RAFT_STORE_ENTRY;
    record.position += RAFT_STORE_HEAD;
    record.term = 1;
    CHECK_INT(raft_store_record_put(&bytes, &record), 0);
    CHECK_INT(env_file_open(env, "/data/raft/log-00000000000000000001", ENV_OPEN_WRITE, &file), 0);
    CHECK_INT(env_file_truncate(file, 0), 0);
    CHECK_INT(env_file_write(file, bytes.data, bytes.len, 0), 0);
    env_file_close(file);
    buf_close(&bytes);
    close_store();
    sim_node_restart(node);
    CHECK_INT(open_store(), ERR_CORRUPT);
    CHECK(strstr(buf_text(&problem), "its entries do not follow each other") != NULL);
    finish();
}

static void a_node_that_never_voted_has_lived_too(void)
{
    begin(8);
    CHECK_INT(open_store(), 0);
    CHECK(raft_store_fresh(store));
    CHECK_INT(bootstrap(), 0);
    close_store();
    sim_node_restart(node);
    CHECK_INT(lose(LOSS_ZEROED) > 0, 1);
    close_store();
    sim_node_restart(node);
    CHECK_INT(open_store(), ERR_CORRUPT);
    finish();
}

static void a_flipped_snapshot_is_refused(void)
{
    begin(4);
    CHECK_INT(open_store(), 0);
    append(4, 1);
    append(4, 1);
    CHECK(settle());
    save(6);
    CHECK(settle());
    close_store();
    CHECK_INT(sim_disk_flip(node, "/data/raft/snapshot", 50), 0);
    sim_node_restart(node);
    CHECK_INT(open_store(), ERR_CORRUPT);
    finish();
}

/* The file that says how far the log is tells of one that is gone, and can't be made anew. */
static void one_that_joins_waits_for_room_when_its_log_is_gone(void)
{
    begin(10);
    CHECK_INT(open_store(), 0);
    CHECK_INT(bootstrap(), 0);
    append(3, 1);
    CHECK(settle());
    close_store();
    sim_node_restart(node);
    CHECK_INT(open_store(), 0); /* which notes how far it is */
    close_store();
    sim_node_restart(node);
    CHECK_INT(lose(LOSS_REMOVED), -1);
    CHECK_INT(env_file_replace(env, "/data/raft/newcomer", "joins\n", 6), 0);
    close_store();
    sim_node_restart(node);
    sim_node_disk_full(node, true);
    CHECK_INT(open_store(), ERR_NO_SPACE);
    CHECK(strstr(buf_text(&problem), "/data/raft") != NULL);
    close_store();
    sim_node_restart(node);
    sim_node_disk_full(node, false);
    CHECK_INT(open_store(), 0);
    memset(&model, 0, sizeof(model));
    append(1, 1);
    CHECK(settle());
    finish();
}

static bool installed;
static void on_installed(void *data)
{
    (void)data;
    installed = true;
}

static bool was_installed(void *data)
{
    (void)data;
    return installed;
}

static void an_install_voids_the_log(void)
{
    begin(5);
    CHECK_INT(open_store(), 0);
    append(4, 1);
    CHECK(settle());
    uint64_t number = 100;
    struct raft_store_snapshot snapshot = {.index = 100,
                                           .term = 9,
                                           .conf_index = 1,
                                           .conf = "conf",
                                           .conf_len = 4,
                                           .data = &number,
                                           .data_len = 8};
    installed = false;
    raft_store_install(store, &snapshot, on_installed, NULL);
    CHECK(sim_run_until(sim, was_installed, NULL, sim_now_us(sim) + SECOND));
    model.last = model.confirmed = 100;
    model.terms[100] = 9;
    append(2, 9);
    CHECK(settle());
    close_store();
    sim_node_restart(node);
    CHECK_INT(open_store(), 0);
    const struct raft_store_state *state = raft_store_state(store);
    CHECK(state->has_snapshot);
    CHECK_INT(state->snapshot.index, 100);
    CHECK_INT(state->start_index, 101);
    CHECK_INT(state->count, 2);
    finish();
}

static bool read_over, read_some;

static void on_read(void *data, const struct raft_store_snapshot *snapshot)
{
    (void)data;
    read_over = true;
    read_some = snapshot != NULL;
}

static bool side_is_over(void *data)
{
    (void)data;
    return failed || read_over || saved_err != 1;
}

/* Nothing was confirmed that is not on the disk: the store lives, and the next one is saved. */
static void a_snapshot_without_descriptors_is_asked_for_again(void)
{
    begin(7);
    CHECK_INT(open_store(), 0);
    append(4, 1);
    append(4, 1);
    CHECK(settle());
    saved_err = 1;
    read_over = false;
    sim_disk_fail(node, SIM_DISK_OPEN, 1, 100, ERR_TOO_MANY_FILES);
    save(6);
    CHECK(sim_run_until(sim, side_is_over, NULL, sim_now_us(sim) + SECOND));
    CHECK_INT(saved_err, ERR_TOO_MANY_FILES);
    CHECK_INT(model.snapshot, 0);
    sim_disk_fail(node, SIM_DISK_OPEN, 0, 0, 0);
    append(4, 1);
    save(7);
    CHECK(settle());
    CHECK_INT(saved_err, 0);
    saved_err = 1;
    sim_disk_fail(node, SIM_DISK_OPEN, 1, 100, ERR_TOO_MANY_FILES);
    raft_store_read_snapshot(store, on_read, NULL);
    CHECK(sim_run_until(sim, side_is_over, NULL, sim_now_us(sim) + SECOND));
    CHECK(read_over && !read_some);
    sim_disk_fail(node, SIM_DISK_OPEN, 0, 0, 0);
    close_store();
    sim_node_restart(node);
    CHECK_INT(open_store(), 0);
    CHECK_INT(raft_store_state(store)->snapshot.index, 7);
    finish();
}

static void a_directory_is_used_by_one_process(void)
{
    begin(6);
    CHECK_INT(open_store(), 0);
    struct raft_store *other;
    CHECK_INT(raft_store_open(env, &logger, "/data/raft", on_failed, NULL, &problem, &other),
              ERR_LOCKED);
    finish();
}

TAP_MAIN(TAP_TEST(a_power_cut_at_every_write_loses_nothing),
         TAP_TEST(damage_is_told_from_a_torn_tail), TAP_TEST(a_lost_log_is_refused_and_left_alone),
         TAP_TEST(a_position_that_would_overflow_is_refused),
         TAP_TEST(a_node_that_never_voted_has_lived_too), TAP_TEST(a_flipped_snapshot_is_refused),
         TAP_TEST(one_that_joins_waits_for_room_when_its_log_is_gone),
         TAP_TEST(an_install_voids_the_log),
         TAP_TEST(a_snapshot_without_descriptors_is_asked_for_again),
         TAP_TEST(a_directory_is_used_by_one_process))
