/* A log that moves to another log directory while the disk is slow. */
#include "../unit/tap.h"

#include "log_process.h"

struct run {
    struct log_process w;
    const char *dirs[2];
    int swaps;
};

static void run_stirred(void *data)
{
    ASSERT(data != NULL);
}

static void run_swapped(void *data, struct log *log)
{
    struct run *r = data;
    r->w.world.log = log;
    r->swaps++;
}

static void run_opened(void *data)
{
    struct run *r = data;
    log_watch(r->w.world.log, run_stirred, r);
    log_watch_swap(r->w.world.log, run_swapped);
}

static void step_append(void *data)
{
    struct run *r = data;
    struct log_append result;
    struct buf batch = batch_make((struct batch_spec){.count = 10, .value_len = 100});
    CHECK_INT(log_append(r->w.world.log, batch.data, batch.len, LOG_FROM_CLIENT, 0, &result), 0);
    buf_close(&batch);
}

/* Only the first and the last byte of the log are in memory, and it begins to move. */
static void step_move_cold(void *data)
{
    struct run *r = data;
    struct log_slice slice;
    uint8_t byte;
    sim_disk_chill(r->w.node, 1000);
    CHECK_INT(log_read(r->w.world.log, 0, 1 << 20, INT64_MAX, true, &slice), 0);
    CHECK(slice.len > LOG_SLICE_COPIED);
    CHECK_INT(env_file_read(slice.file, &byte, 1, slice.position), 1);
    CHECK_INT(env_file_read(slice.file, &byte, 1, slice.position + slice.len - 1), 1);
    log_slice_release(&slice);
    CHECK_INT(log_manager_alter_dir(r->w.world.manager, "t", 0, 1), 0);
}

static void a_cold_tail_is_read_by_a_worker(void)
{
    struct run r = {0};
    log_process_init(&r.w, 1, run_opened, &r);
    r.dirs[0] = r.w.world.dir;
    r.dirs[1] = "/second";
    r.w.world.manager_config.dirs = r.dirs;
    r.w.world.manager_config.dir_count = 2;
    r.w.world.config.segment_bytes = 1 << 20;
    log_process_boot(&r.w);
    CHECK_INT(r.w.world.err, 0);
    for (int i = 0; i < 20; i++) {
        env_post(r.w.world.env, step_append, &r);
        sim_run_for(r.w.sim, 100000);
    }
    int64_t end = log_end_offset(r.w.world.log);
    env_post(r.w.world.env, step_move_cold, &r);
    for (int second = 0; second < 60 && r.swaps == 0; second++)
        sim_run_for(r.w.sim, 1000000);
    CHECK_INT(r.swaps, 1);
    CHECK_INT(log_end_offset(r.w.world.log), end);
    CHECK_STR(log_dir_path(r.w.world.log), "/second");
    log_process_close(&r.w);
}

TAP_MAIN(TAP_TEST(a_cold_tail_is_read_by_a_worker))
