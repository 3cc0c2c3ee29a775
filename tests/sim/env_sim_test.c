/* The simulator itself: order of events, streams, cuts, kills, power losses, and that a seed
 * repeats. */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim.h"
#include "wire/frame.h"

enum { SECOND_US = 1000000, SEEDS = 200 };

static struct sim *sim;
static struct sim_node *a, *b;
static struct env *env_a, *env_b;

static void begin(uint64_t seed)
{
    sim = sim_new(seed);
    a = sim_node_new(sim, "a");
    b = sim_node_new(sim, "b");
    env_a = sim_env_new(a);
    env_b = sim_env_new(b);
}

/* ---- timers, posts, work ---- */

static int order[64], order_count;

struct tick {
    struct env_timer timer;
    int id;
};

static void on_tick(void *data)
{
    order[order_count++] = ((struct tick *)data)->id;
}

static void timers_fire_in_order_of_time_and_start(void)
{
    struct tick ticks[6];
    static const int64_t delays_us[6] = {3000, 0, 1500, 0, 3000, 5000};
    static const int expected[] = {1, 3, 2, 0, 4};
    begin(1);
    order_count = 0;
    for (int i = 0; i < 6; i++) {
        ticks[i].id = i;
        env_timer_init(i % 2 ? env_a : env_b, &ticks[i].timer, on_tick, &ticks[i]);
        env_timer_start_us(&ticks[i].timer, delays_us[i]);
    }
    int64_t before_us = env_now_us(env_a);
    sim_run_for(sim, 4000);
    CHECK_INT(env_now_us(env_a) - before_us, 4000);
    CHECK_INT(order_count, 5);
    for (int i = 0; i < 5; i++)
        CHECK_INT(order[i], expected[i]);
    CHECK(env_timer_running(&ticks[5].timer));
    /* For a process that is gone it still runs, and never comes. */
    sim_node_kill(a);
    CHECK(env_timer_running(&ticks[5].timer));
    env_timer_start(&ticks[5].timer, 1);
    CHECK(env_timer_running(&ticks[5].timer));
    sim_run_for(sim, SECOND_US);
    CHECK_INT(order_count, 5);
    env_timer_stop(&ticks[5].timer);
    CHECK(!env_timer_running(&ticks[5].timer));
    sim_free(sim);
}

static void on_post(void *data)
{
    order[order_count++] = (int)(intptr_t)data;
}

static int runs, dones;
static void on_run(struct env_work *work)
{
    (void)work;
    runs++;
}
static void on_done(struct env_work *work)
{
    (void)work;
    dones++;
}

static void posts_keep_their_order_and_pauses_delay(void)
{
    struct env_work work;
    begin(2);
    order_count = runs = dones = 0;
    sim_node_pause(a, SECOND_US);
    for (intptr_t i = 0; i < 40; i++)
        env_post(env_a, on_post, (void *)i);
    env_post(env_a, on_post, (void *)(intptr_t)-1);
    env_post_drop(env_a, on_post, (void *)(intptr_t)-1);
    env_work_submit(env_a, &work, on_run, on_done);
    sim_run_for(sim, SECOND_US - 1);
    CHECK_INT(order_count, 0);
    CHECK_INT(dones, 0);
    sim_run_for(sim, SECOND_US);
    CHECK_INT(order_count, 40);
    for (int i = 0; i < 40; i++)
        CHECK_INT(order[i], i);
    CHECK_INT(runs, 1);
    CHECK_INT(dones, 1);
    sim_free(sim);
}

static void reaping_ends_the_jobs_of_a_dead_env(void)
{
    struct env_work works[3];
    begin(3);
    runs = dones = 0;
    for (int i = 0; i < 2; i++)
        env_work_submit(env_a, &works[i], on_run, on_done);
    sim_node_kill(a);
    env_work_submit(env_a, &works[2], on_run, on_done);
    sim_run_for(sim, SECOND_US);
    CHECK_INT(dones, 0);
    sim_env_reap(env_a);
    CHECK_INT(runs, 3);
    CHECK_INT(dones, 3);
    sim_free(sim);
}

/* ---- streams ---- */

/* A peer that sends numbered bytes and checks those that come. */
struct peer {
    struct env *env;
    struct env_stream *stream;
    struct env_connect *dial;
    struct env_listener *listener;
    uint64_t to_send, sent, got;
    int status; /* of the dial, or what the last read said */
    bool wrong;
};

static uint8_t pattern(uint64_t i)
{
    return (uint8_t)((i * 2654435761u) >> 13);
}

static void peer_send(void *data)
{
    struct peer *peer = data;
    uint8_t bytes[3000];
    while (peer->sent < peer->to_send) {
        size_t len =
            peer->to_send - peer->sent < 3000 ? (size_t)(peer->to_send - peer->sent) : 3000;
        for (size_t i = 0; i < len; i++)
            bytes[i] = pattern(peer->sent + i);
        struct env_chunk chunk = {.data = bytes, .len = len};
        ssize_t n = env_stream_write(peer->stream, &chunk, 1);
        if (n < 0) {
            peer->status = (int)n;
            return;
        }
        peer->sent += (uint64_t)n;
        if ((size_t)n < len)
            return;
    }
}

static void peer_receive(void *data)
{
    struct peer *peer = data;
    uint8_t bytes[5000];
    for (;;) {
        ssize_t n = env_stream_read(peer->stream, bytes, sizeof(bytes));
        if (n == ERR_AGAIN)
            break;
        if (n < 0) {
            peer->status = (int)n;
            return;
        }
        for (ssize_t i = 0; i < n; i++)
            if (bytes[i] != pattern(peer->got + (uint64_t)i))
                peer->wrong = true;
        peer->got += (uint64_t)n;
    }
    env_stream_want_read(peer->stream, true);
}

static void peer_start(struct peer *peer, struct env_stream *stream)
{
    peer->stream = stream;
    env_stream_set(stream, peer_receive, peer_send, peer);
    env_stream_want_read(stream, true);
    peer_send(peer);
}

static void on_accepted(void *data, struct env_stream *stream)
{
    peer_start(data, stream);
}

static void on_dialled(void *data, int status, struct env_stream *stream)
{
    struct peer *peer = data;
    peer->dial = NULL;
    peer->status = status;
    if (stream)
        peer_start(peer, stream);
}

static struct peer client, server;

static void connect_peers(uint64_t seed, uint64_t client_bytes, uint64_t server_bytes)
{
    begin(seed);
    client = (struct peer){.env = env_a, .to_send = client_bytes, .status = 1};
    server = (struct peer){.env = env_b, .to_send = server_bytes, .status = 1};
    CHECK_INT(env_listen(env_b, "", 9092, on_accepted, &server, &server.listener), 0);
    CHECK_INT(env_connect(env_a, "b", 9092, 5000, on_dialled, &client, &client.dial), 0);
}

static void close_peer(struct peer *peer)
{
    if (peer->dial)
        env_connect_cancel(peer->dial);
    if (peer->stream)
        env_stream_close(peer->stream);
    if (peer->listener)
        env_listener_close(peer->listener);
    peer->dial = NULL;
    peer->stream = NULL;
    peer->listener = NULL;
}

static void bytes_arrive_in_order(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        char text[ENV_ADDRESS_TEXT_MAX];
        connect_peers(seed, 3000000, 77);
        sim_run_for(sim, 60 * SECOND_US);
        CHECK_INT(server.got, 3000000);
        CHECK_INT(client.got, 77);
        CHECK(!server.wrong && !client.wrong);
        env_stream_peer(client.stream, text);
        CHECK_STR(text, "10.0.0.2:9092");
        close_peer(&client);
        sim_run_for(sim, SECOND_US);
        CHECK_INT(server.status, ERR_EOF);
        close_peer(&server);
        sim_free(sim);
    }
}

static void file_ranges_are_sent(void)
{
    struct env_file *file;
    uint8_t bytes[1000];
    connect_peers(5, 0, 0);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = pattern(i);
    CHECK_INT(env_file_open(env_a, "/f", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file), 0);
    CHECK_INT(env_file_write(file, bytes, sizeof(bytes), 24), 0);
    sim_run_for(sim, SECOND_US);
    struct env_chunk chunks[] = {{.data = bytes, .len = 10},
                                 {.file = file, .offset = 34, .len = 980},
                                 {.data = bytes + 990, .len = 10}};
    ssize_t n = env_stream_write(client.stream, chunks, 3);
    CHECK(n > 0);
    sim_run_for(sim, SECOND_US);
    CHECK_INT(server.got, n);
    CHECK(!server.wrong);
    chunks[1].len = 991;
    do
        n = env_stream_write(client.stream, &chunks[1], 1);
    while (n >= 0 && n < 980);
    CHECK_INT(n, ERR_EOF);
    env_file_close(file);
    sim_free(sim);
}

static void dials_are_refused_or_time_out_or_fail(void)
{
    struct peer dialler = {.status = 1};
    begin(6);
    CHECK_INT(env_connect(env_a, "b", 1, 5000, on_dialled, &dialler, &dialler.dial), 0);
    sim_run_for(sim, SECOND_US);
    CHECK_INT(dialler.status, ERR_REFUSED);
    CHECK_INT(env_connect(env_a, "nobody", 1, 5000, on_dialled, &dialler, &dialler.dial), 0);
    sim_run_for(sim, SECOND_US);
    CHECK_INT(dialler.status, ERR_HOST_UNKNOWN);
    for (int way = 0; way < 2; way++) {
        sim_cut(sim, way ? a : b, way ? b : a, false);
        CHECK_INT(env_connect(env_a, "10.0.0.2", 1, 2000, on_dialled, &dialler, &dialler.dial), 0);
        dialler.status = 1;
        sim_run_for(sim, 2 * SECOND_US - 1000);
        CHECK_INT(dialler.status, 1);
        sim_run_for(sim, 2000);
        CHECK_INT(dialler.status, ERR_TIMED_OUT);
        sim_heal(sim, a, b);
    }
    CHECK_INT(env_connect(env_a, "localhost", 1, 5000, on_dialled, &dialler, &dialler.dial), 0);
    env_connect_cancel(dialler.dial);
    dialler.status = 1;
    sim_run_for(sim, 10 * SECOND_US);
    CHECK_INT(dialler.status, 1);
    struct env_listener *listener, *second;
    CHECK_INT(env_listen(env_b, "a", 1, on_accepted, NULL, &listener), ERR_UNREACHABLE);
    CHECK_INT(env_listen(env_b, "b", 1, on_accepted, NULL, &listener), 0);
    CHECK_INT(env_listen(env_b, NULL, 1, on_accepted, NULL, &second), ERR_ADDRESS_IN_USE);
    env_listener_close(listener);
    sim_free(sim);
}

static void a_cut_holds_bytes_back_and_a_heal_brings_them(void)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        connect_peers(seed, 200000, 200000);
        sim_run_for(sim, 3000);
        sim_cut(sim, a, b, seed % 2);
        sim_run_for(sim, 10000);
        uint64_t got = server.got;
        sim_run_for(sim, SECOND_US);
        CHECK_INT(server.got, got);
        sim_heal(sim, a, b);
        sim_run_for(sim, 10 * SECOND_US);
        CHECK_INT(server.got, 200000);
        CHECK_INT(client.got, 200000);
        CHECK(!server.wrong && !client.wrong);
        sim_free(sim);
    }
}

static void a_kill_is_seen_by_the_peer_and_silences_the_dead(void)
{
    bool seen_reset = false, seen_end = false;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        connect_peers(seed, 0, 0);
        sim_run_for(sim, SECOND_US);
        struct env_file *file;
        CHECK_INT(env_path_lock(env_b, "/lock", &file), 0);
        sim_node_kill(b);
        CHECK(sim_node_is_down(b));
        uint64_t steps = sim_steps(sim);
        sim_run_for(sim, SECOND_US);
        CHECK(client.status == ERR_RESET || client.status == ERR_EOF);
        seen_reset = seen_reset || client.status == ERR_RESET;
        seen_end = seen_end || client.status == ERR_EOF;
        CHECK_INT(sim_steps(sim) - steps, 2); /* the news, and the callback */
        struct env_chunk chunk = {.data = "x", .len = 1};
        CHECK_INT(env_stream_write(server.stream, &chunk, 1), ERR_CLOSED);
        CHECK_INT(env_file_write(file, "x", 1, 0), ERR_CLOSED);
        sim_node_restart(b);
        env_b = sim_env_new(b);
        struct env_file *again;
        CHECK_INT(env_path_lock(env_b, "/lock", &again), 0);
        env_file_close(file);
        env_file_close(again);
        close_peer(&server);
        close_peer(&client);
        CHECK_INT(env_connect(env_a, "b", 9092, 5000, on_dialled, &client, &client.dial), 0);
        sim_run_for(sim, SECOND_US);
        CHECK_INT(client.status, ERR_REFUSED);
        sim_free(sim);
    }
    CHECK(seen_reset && seen_end);
}

static void a_kill_may_lose_what_is_under_way(void)
{
    int lost = 0, delivered = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        connect_peers(seed, 0, 0);
        sim_run_for(sim, SECOND_US);
        server.to_send = 1000;
        peer_send(&server);
        sim_node_kill(b);
        sim_run_for(sim, SECOND_US);
        lost += client.got == 0;
        delivered += client.got == server.sent;
        CHECK(!client.wrong);
        sim_free(sim);
    }
    CHECK(lost && delivered);
}

static void writing_to_a_closed_end_is_reset(void)
{
    connect_peers(8, 0, 0);
    sim_run_for(sim, SECOND_US);
    env_stream_close(server.stream);
    server.stream = NULL;
    client.to_send = 5000000; /* more than any window */
    peer_send(&client);
    sim_run_for(sim, SECOND_US);
    peer_send(&client);
    CHECK_INT(client.status, ERR_RESET);
    sim_free(sim);
}

static void a_paused_listener_keeps_dials_waiting(void)
{
    connect_peers(9, 10, 0);
    env_listener_pause(server.listener, true);
    sim_run_for(sim, SECOND_US);
    CHECK_INT(client.status, 0);
    CHECK(server.stream == NULL);
    env_listener_pause(server.listener, false);
    sim_run_for(sim, SECOND_US);
    CHECK_INT(server.got, 10);
    env_listener_pause(server.listener, true);
    struct peer other = {.status = 1};
    CHECK_INT(env_connect(env_a, "b", 9092, 5000, on_dialled, &other, &other.dial), 0);
    sim_run_for(sim, SECOND_US);
    env_listener_close(server.listener);
    server.listener = NULL;
    sim_run_for(sim, SECOND_US);
    CHECK_INT(other.status, ERR_RESET);
    sim_free(sim);
}

/* ---- disks ---- */

static int64_t size_of(struct env *env, const char *path)
{
    char *data;
    size_t len;
    int rc = env_file_load(env, path, 1 << 20, &data, &len);
    if (rc < 0)
        return rc;
    mem_free(data);
    return (int64_t)len;
}

static void lose_power(void)
{
    sim_node_kill_power(a);
    sim_node_restart(a);
    env_a = sim_env_new(a);
}

static void a_kill_keeps_files_and_a_power_loss_only_what_was_synced(void)
{
    int lost_bytes = 0, kept_bytes = 0, lost_names = 0, kept_names = 0, torn = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct env_file *file;
        static char bytes[4096];
        memset(bytes, 'n', sizeof(bytes));
        begin(seed);
        CHECK_INT(env_dir_make(env_a, "/data/log"), 0);
        CHECK_INT(env_dir_sync(env_a, "/"), 0);
        CHECK_INT(env_dir_sync(env_a, "/data"), 0);
        CHECK_INT(env_file_open(env_a, "/data/log/f", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file), 0);
        CHECK_INT(env_file_write(file, "synced", 6, 0), 0);
        CHECK_INT(env_file_sync(file), 0);
        CHECK_INT(env_dir_sync(env_a, "/data/log"), 0);
        CHECK_INT(env_file_write(file, bytes, sizeof(bytes), 6), 0);
        sim_node_kill(a);
        sim_node_restart(a);
        env_a = sim_env_new(a);
        CHECK_INT(size_of(env_a, "/data/log/f"), 6 + 4096);
        CHECK_INT(env_file_replace(env_a, "/data/whole", "abc", 3), 0);
        CHECK_INT(env_file_replace(env_a, "/data/whole", "defgh", 5), 0);
        CHECK_INT(env_path_rename(env_a, "/data/log", "/data/gone"), 0);
        lose_power();
        CHECK_INT(size_of(env_a, "/data/whole"), 5);
        CHECK(env_path_exists(env_a, "/data/log") != env_path_exists(env_a, "/data/gone"));
        bool renamed = env_path_exists(env_a, "/data/gone");
        kept_names += renamed;
        lost_names += !renamed;
        char *data;
        size_t len;
        CHECK_INT(
            env_file_load(env_a, renamed ? "/data/gone/f" : "/data/log/f", 1 << 20, &data, &len),
            0);
        CHECK(len >= 6 && len <= 6 + 4096);
        CHECK(memcmp(data, "synced", 6) == 0);
        for (size_t i = 6; i < len; i++)
            CHECK(data[i] == 'n' || data[i] == 0);
        lost_bytes += len == 6;
        kept_bytes += len == 6 + 4096;
        torn += len > 6 && len < 6 + 4096;
        mem_free(data);
        lose_power();
        CHECK_INT(size_of(env_a, renamed ? "/data/gone/f" : "/data/log/f"), len);
        sim_free(sim);
    }
    CHECK(lost_bytes && kept_bytes && torn && lost_names && kept_names);
}

/* Also where a part of it was written once more: the rest of it is in the page cache as well. */
static void a_sector_survives_whole_or_not_at_all(void)
{
    enum { LEN = 2000, AGAIN = 700, SECTOR = 512 };
    int holes = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        static char bytes[LEN];
        struct env_file *file;
        char *data;
        size_t len;
        memset(bytes, 'n', sizeof(bytes));
        begin(seed);
        CHECK_INT(env_file_open(env_a, "/f", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file), 0);
        CHECK_INT(env_dir_sync(env_a, "/"), 0);
        CHECK_INT(env_file_write(file, bytes, LEN, 0), 0);
        CHECK_INT(env_file_write(file, bytes, AGAIN, 0), 0);
        lose_power();
        CHECK_INT(env_file_load(env_a, "/f", 1 << 20, &data, &len), 0);
        CHECK(len % SECTOR == 0 || len == LEN);
        for (size_t i = 0; i < len; i++)
            CHECK_INT(data[i], data[i / SECTOR * SECTOR]);
        holes += memchr(data, 0, len) != NULL;
        mem_free(data);
        sim_free(sim);
    }
    CHECK(holes > 0);
}

static void an_unsynced_file_may_vanish_with_its_name(void)
{
    int gone = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct env_file *file;
        begin(seed);
        CHECK_INT(env_dir_make(env_a, "/other"), 0);
        CHECK_INT(env_dir_sync(env_a, "/"), 0);
        CHECK_INT(env_file_open(env_a, "/f", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file), 0);
        CHECK_INT(env_file_write(file, "abc", 3, 0), 0);
        CHECK_INT(env_file_sync(file), 0);
        CHECK_INT(env_dir_sync(env_a, "/other"), 0); /* which is not where the name is */
        lose_power();
        int64_t size = size_of(env_a, "/f");
        CHECK(size == 3 || size == ERR_NOT_FOUND);
        gone += size < 0;
        sim_free(sim);
    }
    CHECK(gone > 0 && gone < SEEDS);
}

static void paths_work_as_on_a_real_disk(void)
{
    struct env_file *file;
    char **names;
    size_t count;
    begin(11);
    CHECK_INT(env_file_open(env_a, "/x/f", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file), ERR_NOT_FOUND);
    CHECK_INT(env_dir_make(env_a, "x/y//z/"), 0);
    CHECK_INT(env_dir_make(env_a, "/x/y/z"), 0);
    CHECK_INT(env_file_replace(env_a, "/x/y/b", "1", 1), 0);
    CHECK_INT(env_file_replace(env_a, "/x/y/a", "22", 2), 0);
    CHECK_INT(env_dir_list(env_a, "/x/y", &names, &count), 0);
    CHECK_INT(count, 3);
    for (size_t i = 0; i < count; i++)
        CHECK_STR(names[i], i == 0 ? "a" : i == 1 ? "b" : "z");
    env_dir_list_free(names, count);
    CHECK_INT(env_dir_make(env_a, "/x/y/a"), ERR_EXISTS);
    CHECK_INT(env_dir_make(env_a, "/x/y/a/c"), ERR_EXISTS);
    CHECK_INT(env_path_rename(env_a, "/x/y/a", "/x/y/b"), 0);
    CHECK_INT(size_of(env_a, "/x/y/b"), 2);
    CHECK_INT(env_path_remove(env_a, "/x/y/a"), ERR_NOT_FOUND);
    CHECK_INT(env_path_remove(env_a, "/x/y"), ERR_INVALID);
    CHECK_INT(env_dir_remove(env_a, "/x"), 0);
    CHECK(!env_path_exists(env_a, "/x"));
    CHECK_INT(env_dir_remove(env_a, "/x"), ERR_NOT_FOUND);
    sim_free(sim);
}

static void disk_faults_are_injected(void)
{
    struct env_file *file;
    begin(12);
    CHECK_INT(env_file_open(env_a, "/f", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file), 0);
    CHECK_INT(env_dir_sync(env_a, "/"), 0);
    CHECK_INT(env_file_write(file, "abcdef", 6, 0), 0);
    sim_disk_fail_sync(a);
    CHECK_INT(env_file_sync(file), ERR_IO);
    CHECK_INT(env_file_sync(file), 0);
    lose_power();
    CHECK_INT(size_of(env_a, "/f"), 0); /* the second sync had nothing to write */
    CHECK_INT(env_file_open(env_a, "/f", ENV_OPEN_WRITE, &file), 0);
    CHECK_INT(env_file_write(file, "abcdef", 6, 0), 0);
    sim_node_disk_full(a, true);
    CHECK_INT(env_file_write(file, "XYZ", 3, 0), 0);
    CHECK_INT(env_file_write(file, "1234", 4, 4), ERR_NO_SPACE);
    CHECK_INT(env_file_size(file), 6);
    CHECK_INT(env_path_space(env_a, "/"), 0);
    sim_node_disk_full(a, false);
    sim_disk_fail_at(a, 2);
    CHECK_INT(env_file_size(file), 6);
    CHECK_INT(env_file_size(file), ERR_IO);
    CHECK_INT(env_file_size(file), 6);
    CHECK_INT(sim_disk_flip(a, "/f", 0), 0);
    char byte;
    CHECK_INT(env_file_read(file, &byte, 1, 0), 1);
    CHECK_INT(byte, (char)('X' ^ 0xff));
    CHECK_INT(sim_disk_flip(a, "/f", 6), ERR_EOF);
    sim_free(sim);
}

static void write_three(void *data)
{
    struct env_file *file = data;
    for (int i = 0; i < 3; i++) {
        static char bytes[2000];
        int rc = env_file_write(file, bytes, sizeof(bytes), (uint64_t)i * sizeof(bytes));
        order[order_count++] = rc;
        if (rc == 0)
            order[order_count - 1] = env_file_sync(file);
    }
}

static void power_fails_at_a_chosen_write(void)
{
    for (uint64_t n = 1; n <= 7; n++) {
        struct env_file *file;
        begin(n);
        order_count = 0;
        CHECK_INT(env_file_open(env_a, "/f", ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file), 0);
        CHECK_INT(env_dir_sync(env_a, "/"), 0);
        env_post(env_a, write_three, file);
        sim_disk_crash_at(a, n);
        sim_run_for(sim, SECOND_US);
        CHECK_INT(order_count, 3);
        CHECK_INT(sim_node_is_down(a), n <= 6);
        for (int i = 0; i < 3; i++)
            CHECK_INT(order[i], (uint64_t)i * 2 + 2 < n ? 0 : ERR_IO);
        if (n <= 6) {
            sim_node_restart(a);
            env_a = sim_env_new(a);
            int64_t size = size_of(env_a, "/f");
            int64_t synced = (int64_t)(n - 1) / 2 * 2000;
            CHECK(size >= synced && size <= synced + 2000);
        }
        sim_free(sim);
    }
}

/* ---- frames on virtual time ---- */

static int broken;
static void on_stalled_broken(void *data, int err)
{
    (void)data;
    broken = err;
}

static void on_no_frame(void *data, uint8_t *bytes, size_t len)
{
    (void)data;
    (void)bytes;
    (void)len;
}

static const struct frame_handlers stalled_handlers = {on_no_frame, on_stalled_broken, NULL};

/* A peer with half a frame can't hold its memory for ever while the budget is used up. */
static void a_frame_that_gets_no_memory_ends_its_connection(void)
{
    struct mem_budget budget;
    struct frame_conn *conn;
    static uint8_t bytes[36000];
    connect_peers(13, 0, 0);
    sim_run_for(sim, SECOND_US);
    mem_budget_init(&budget, 75000); /* for one growth of the block, not for two */
    CHECK_INT(mem_budget_take(&budget, 50000), 0);
    broken = 0;
    CHECK_INT(frame_conn_new(env_b, transport_plain(server.stream), 1 << 20, &budget,
                             &stalled_handlers, NULL, &conn),
              0);
    bytes_put_u32(bytes, 40000);
    struct env_chunk chunk = {.data = bytes, .len = sizeof(bytes)};
    while (chunk.len > 0) {
        ssize_t n = env_stream_write(client.stream, &chunk, 1);
        CHECK(n >= 0);
        chunk.len -= (size_t)n;
        chunk.data = (const uint8_t *)chunk.data + n;
    }
    sim_run_for(sim, 20 * SECOND_US);
    CHECK_INT(broken, 0);
    CHECK(budget.used > 50000);
    sim_run_for(sim, 20 * SECOND_US);
    CHECK_INT(broken, ERR_NO_MEMORY);
    frame_conn_close(conn);
    CHECK_INT(budget.used, 50000);
    sim_free(sim);
}

/* ---- determinism ---- */

/* Framed echo between two nodes, with cuts and pauses; returns the digest. */
struct echo {
    struct frame_conn *conn;
    struct env *env;
    struct env_listener *listener;
    uint64_t seen;
};

static void echo_frame(void *data, uint8_t *bytes, size_t len)
{
    struct echo *echo = data;
    echo->seen += len;
    bytes[0] = (uint8_t)env_random(echo->env);
    if (echo->seen < 3000000)
        CHECK_INT(frame_conn_send_copy(echo->conn, bytes, len), 0);
}

static void echo_broken(void *data, int err)
{
    struct echo *echo = data;
    (void)err;
    frame_conn_close(echo->conn);
    echo->conn = NULL;
}

static const struct frame_handlers echo_handlers = {echo_frame, echo_broken, NULL};

static void echo_accepted(void *data, struct env_stream *stream)
{
    struct echo *echo = data;
    CHECK_INT(frame_conn_new(echo->env, transport_plain(stream), 1 << 20, NULL, &echo_handlers,
                             echo, &echo->conn),
              0);
}

static void echo_dialled(void *data, int status, struct env_stream *stream)
{
    struct echo *echo = data;
    static uint8_t bytes[60000];
    CHECK_INT(status, 0);
    echo_accepted(echo, stream);
    for (size_t len = 1; len < sizeof(bytes); len = len * 3 + 1)
        CHECK_INT(frame_conn_send_copy(echo->conn, bytes, len), 0);
}

static uint64_t run_echo(uint64_t seed, uint64_t *seen)
{
    struct env_connect *dial;
    begin(seed);
    struct echo one = {.env = env_a}, two = {.env = env_b};
    CHECK_INT(env_listen(env_b, NULL, 0, echo_accepted, &two, &two.listener), 0);
    CHECK_INT(
        env_connect(env_a, "b", env_listener_port(two.listener), 5000, echo_dialled, &one, &dial),
        0);
    for (int i = 0; i < 20; i++) {
        sim_run_for(sim, (int64_t)(sim_random(sim) % 20000));
        switch (sim_random(sim) % 4) {
        case 0:
            sim_cut(sim, a, b, sim_random(sim) % 2);
            break;
        case 1:
            sim_node_pause(a, (int64_t)(sim_random(sim) % 50000));
            break;
        default:
            sim_heal_all(sim);
        }
    }
    sim_heal_all(sim);
    sim_run_for(sim, 100 * SECOND_US);
    *seen = one.seen + two.seen;
    CHECK(one.conn && two.conn);
    CHECK_INT(frame_conn_queued(one.conn), 0);
    sim_node_kill(b);
    frame_conn_close(two.conn); /* of a dead process: harmless */
    sim_run_for(sim, SECOND_US);
    CHECK(one.conn == NULL);
    uint64_t hash = sim_trace_hash(sim);
    sim_free(sim);
    return hash;
}

static void a_seed_repeats_and_seeds_differ(void)
{
    uint64_t previous = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t seen, again;
        uint64_t hash = run_echo(seed, &seen);
        CHECK(run_echo(seed, &again) == hash);
        CHECK_INT(seen, again);
        CHECK(seen >= 3000000);
        CHECK(hash != previous);
        previous = hash;
    }
}

TAP_MAIN(TAP_TEST(timers_fire_in_order_of_time_and_start),
         TAP_TEST(posts_keep_their_order_and_pauses_delay),
         TAP_TEST(reaping_ends_the_jobs_of_a_dead_env), TAP_TEST(bytes_arrive_in_order),
         TAP_TEST(file_ranges_are_sent), TAP_TEST(dials_are_refused_or_time_out_or_fail),
         TAP_TEST(a_cut_holds_bytes_back_and_a_heal_brings_them),
         TAP_TEST(a_kill_is_seen_by_the_peer_and_silences_the_dead),
         TAP_TEST(a_kill_may_lose_what_is_under_way), TAP_TEST(writing_to_a_closed_end_is_reset),
         TAP_TEST(a_paused_listener_keeps_dials_waiting),
         TAP_TEST(a_kill_keeps_files_and_a_power_loss_only_what_was_synced),
         TAP_TEST(a_sector_survives_whole_or_not_at_all),
         TAP_TEST(an_unsynced_file_may_vanish_with_its_name),
         TAP_TEST(paths_work_as_on_a_real_disk), TAP_TEST(disk_faults_are_injected),
         TAP_TEST(power_fails_at_a_chosen_write),
         TAP_TEST(a_frame_that_gets_no_memory_ends_its_connection),
         TAP_TEST(a_seed_repeats_and_seeds_differ))
