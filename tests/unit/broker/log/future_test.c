/* Replicas that move to another log directory: what they hold afterwards, what happens to them
 * meanwhile, and what a start finds of a move that was not finished. */
#include "broker/log/checkpoints.h"
#include "broker/log/future.h"
#include "../../until.h"
#include "fixture.h"

enum { FAR = 1 }; /* the number of the other directory */

struct moving {
    struct log_world f;
    char *second, *third;
    const char *dirs[3];
    int swaps;
    void (*at_swap)(struct moving *m);
    int appends; /* to be made one in each turn */
    struct env_timer timer;
};

static void moving_stirred(void *data)
{
    ((struct moving *)data)->f.notified++;
}

static void moving_swapped(void *data, struct log *log)
{
    struct moving *m = data;
    m->swaps++;
    m->f.log = log;
    if (m->at_swap)
        m->at_swap(m);
}

static int moving_open(struct moving *m)
{
    int rc = fixture_open(&m->f);
    if (m->f.log) {
        log_watch(m->f.log, moving_stirred, m);
        log_watch_swap(m->f.log, moving_swapped);
    }
    return rc;
}

static int moving_start(struct moving *m)
{
    int rc = fixture_start(&m->f);
    return rc < 0 ? rc : moving_open(m);
}

/* With these batches in the first directory, in segments of some of them. */
static void moving_init(struct moving *m, int batches)
{
    *m = (struct moving){0};
    fixture_init(&m->f);
    fixture_crash(&m->f);
    m->second = mem_printf("%s/second", m->f.root);
    m->dirs[0] = m->f.dir;
    m->third = mem_printf("%s/third", m->f.root);
    m->dirs[1] = m->second;
    m->dirs[2] = m->third; /* not from the beginning */
    m->f.manager_config.dirs = m->dirs;
    m->f.manager_config.dir_count = 2;
    m->f.config.segment_bytes = 1000;
    m->f.config.index_interval_bytes = 100;
    CHECK_INT(moving_start(m), 0);
    append_batches(&m->f, batches);
    fixture_settle(&m->f);
}

static void moving_close(struct moving *m)
{
    fixture_close(&m->f);
    mem_free(m->second);
    mem_free(m->third);
}

static bool moving_is_over(struct log_world *f)
{
    struct moving *m = CONTAINER_OF(f, struct moving, f);
    return m->swaps > 0 && !f->log->origin && fixture_is_idle(f);
}

static void moving_wait(struct moving *m)
{
    fixture_wait(&m->f, moving_is_over);
}

static int alter(struct moving *m, int dir)
{
    m->swaps = 0;
    return log_manager_alter_dir(m->f.manager, "t", 0, dir);
}

/* How many folders in it begin with the name. */
static int folders(const char *dir, const char *name)
{
    char **names;
    size_t count;
    int found = 0;
    struct env *env;
    CHECK_INT(env_new(&env), 0);
    CHECK_INT(env_dir_list(env, dir, &names, &count), 0);
    for (size_t i = 0; i < count; i++)
        found += strncmp(names[i], name, strlen(name)) == 0;
    env_dir_list_free(names, count);
    env_free(env);
    return found;
}

/* All bytes from `from` on. */
static struct buf contents(struct moving *m, int64_t from)
{
    struct buf bytes;
    buf_init(&bytes);
    for (int64_t at = from, next; at < log_end_offset(m->f.log); at = next) {
        struct log_slice slice;
        int64_t first;
        CHECK_INT(log_read(m->f.log, at, 1 << 20, INT64_MAX, true, &slice), 0);
        CHECK(slice.len > 0);
        CHECK_INT(buf_reserve(&bytes, slice.len), 0);
        CHECK_INT(env_file_read(slice.file, bytes.data + bytes.len, slice.len, slice.position),
                  (int64_t)slice.len);
        bytes.len += slice.len;
        log_slice_release(&slice);
        next = read_from(&m->f, at, 1 << 20, INT64_MAX, &first);
        CHECK(next > at);
    }
    return bytes;
}

static void check_same(struct moving *m, struct buf *before, int64_t from)
{
    struct buf now = contents(m, from);
    CHECK_INT((int64_t)now.len, (int64_t)before->len);
    CHECK(now.len == before->len && memcmp(now.data, before->data, now.len) == 0);
    buf_close(&now);
}

static void a_replica_moves_with_all_it_knows(void)
{
    struct moving m;
    moving_init(&m, 40);
    CHECK_INT(
        append_spec(&m.f,
                    (struct batch_spec){
                        .count = 2, .producer_id = 7, .epoch = 1, .sequence = 0, .timestamp = 1000},
                    LOG_FROM_CLIENT),
        0);
    CHECK_INT(log_assign_epoch(m.f.log, 5), 0); /* nothing is written in it */
    log_set_high_watermark(m.f.log, 60);
    CHECK_INT(log_advance_start(m.f.log, 31), 0); /* in the middle of a batch */
    log_save_start(m.f.log);
    fixture_settle(&m.f);
    struct buf before = contents(&m, 31);
    CHECK_INT(alter(&m, FAR), 0);
    moving_wait(&m);
    for (int again = 0; again < 3; again++) { /* open still, after a crash, after a stop */
        CHECK_STR(log_dir_path(m.f.log), m.second);
        CHECK_INT(log_end_offset(m.f.log), 82);
        CHECK_INT(log_durable_offset(m.f.log), 82);
        CHECK_INT(log_start_offset(m.f.log), 31);
        CHECK_INT(log_saved_start(m.f.log), 31);
        CHECK_INT(log_latest_epoch(m.f.log), 5);
        CHECK(log_knows_producer(m.f.log, 7, 1));
        check_same(&m, &before, 31);
        log_check_whole(m.f.log);
        CHECK_INT(folders(m.f.dir, "t-0"), 0);
        CHECK_INT(folders(m.second, "t-0"), 1);
        if (again == 0)
            CHECK_INT(log_high_watermark(m.f.log), 60);
        end_process(&m.f, again == 1);
        CHECK_INT(moving_start(&m), 0);
    }
    CHECK(log_manager_find(m.f.manager, "t", 0) == m.f.log);
    CHECK_INT(append_spec(&m.f,
                          (struct batch_spec){.count = 2, .leader_epoch = 6, .timestamp = 1000},
                          LOG_FROM_CLIENT),
              0);
    fixture_settle(&m.f);
    CHECK_INT(alter(&m, 0), 0); /* and back */
    moving_wait(&m);
    CHECK_STR(log_dir_path(m.f.log), m.f.dir);
    CHECK_INT(log_end_offset(m.f.log), 84);
    CHECK_INT(folders(m.second, "t-0"), 0);
    buf_close(&before);
    moving_close(&m);
}

static void moving_append(void *data)
{
    struct moving *m = data;
    append_batches(&m->f, 1);
    if (--m->appends > 0)
        env_timer_start_us(&m->timer, 200);
}

static void records_come_while_it_moves(void)
{
    struct moving m;
    moving_init(&m, 200);
    m.appends = 200;
    env_timer_init(m.f.env, &m.timer, moving_append, &m);
    env_timer_start_us(&m.timer, 0);
    CHECK_INT(alter(&m, FAR), 0);
    moving_wait(&m);
    while (m.appends > 0)
        fixture_settle(&m.f);
    CHECK_INT(log_end_offset(m.f.log), 800);
    fixture_settle(&m.f);
    CHECK_INT(log_durable_offset(m.f.log), 800);
    struct buf before = contents(&m, 0);
    fixture_crash(&m.f);
    CHECK_INT(moving_start(&m), 0);
    CHECK_STR(log_dir_path(m.f.log), m.second);
    check_same(&m, &before, 0);
    buf_close(&before);
    moving_close(&m);
}

static bool moving_is_seen(struct log_world *f)
{
    struct log_move_view view;
    return log_move_view(f->log, &view) && fixture_is_idle(f);
}

/* The copy is there and has nothing: the pace is 0. */
static void begin_slowly(struct moving *m)
{
    struct log_move_view view;
    log_manager_set_move_rate(m->f.manager, 0);
    CHECK_INT(alter(m, FAR), 0);
    fixture_wait(&m->f, moving_is_seen);
    CHECK(log_move_view(m->f.log, &view));
    CHECK_STR(view.dir, m->second);
    CHECK_INT(view.lag, log_end_offset(m->f.log));
    CHECK_INT(m->swaps, 0);
}

static void go_on(struct moving *m)
{
    log_manager_set_move_rate(m->f.manager, INT64_MAX);
}

static bool moving_has_some(struct log_world *f)
{
    struct log_move_view view;
    return log_move_view(f->log, &view) && view.lag < log_end_offset(f->log);
}

static void a_cut_makes_it_begin_anew(void)
{
    struct moving m;
    struct log_move_view view;
    moving_init(&m, 100);
    log_manager_set_move_rate(m.f.manager, 4000); /* one piece, and then a second of nothing */
    CHECK_INT(alter(&m, FAR), 0);
    fixture_wait(&m.f, moving_has_some);
    CHECK(log_move_view(m.f.log, &view));
    CHECK(view.lag > 0 && view.lag < 200);
    CHECK_INT(log_truncate(m.f.log, 10), 0);
    CHECK_INT(append_spec(&m.f, (struct batch_spec){.count = 2, .leader_epoch = 3, .timestamp = 9},
                          LOG_FROM_CLIENT),
              0);
    struct buf before = contents(&m, 0);
    go_on(&m);
    moving_wait(&m);
    CHECK_INT(log_end_offset(m.f.log), 12);
    check_same(&m, &before, 0);
    CHECK_STR(log_dir_path(m.f.log), m.second);
    buf_close(&before);
    moving_close(&m);
}

static void a_move_can_be_taken_back(void)
{
    struct moving m;
    struct log_move_view view;
    moving_init(&m, 20);
    begin_slowly(&m);
    CHECK_INT(folders(m.second, "t-0."), 1);
    CHECK_INT(alter(&m, FAR), 0); /* once more changes nothing */
    CHECK_INT(folders(m.second, "t-0."), 1);
    CHECK_INT(alter(&m, 0), 0);
    fixture_settle(&m.f);
    CHECK(!log_move_view(m.f.log, &view));
    CHECK_INT(folders(m.second, "t-0"), 0);
    go_on(&m);
    append_batches(&m.f, 1);
    fixture_settle(&m.f);
    CHECK_INT(log_durable_offset(m.f.log), 42);
    CHECK_INT(m.swaps, 0);
    end_process(&m.f, true);
    CHECK_INT(moving_start(&m), 0);
    CHECK_STR(log_dir_path(m.f.log), m.f.dir);
    CHECK_INT(log_end_offset(m.f.log), 42);
    moving_close(&m);
}

static void a_start_begins_anew(void)
{
    for (int clean = 0; clean < 2; clean++) {
        struct moving m;
        moving_init(&m, 30);
        struct buf before = contents(&m, 0);
        begin_slowly(&m);
        end_process(&m.f, clean);
        m.swaps = 0;
        CHECK_INT(moving_start(&m), 0);
        moving_wait(&m);
        CHECK_STR(log_dir_path(m.f.log), m.second);
        check_same(&m, &before, 0);
        CHECK_INT(folders(m.second, "t-0"), 1);
        CHECK_INT(folders(m.f.dir, "t-0"), 0);
        buf_close(&before);
        moving_close(&m);
    }
}

static void run(const char *command, const char *from, const char *to)
{
    char *line = mem_printf("%s %s %s", command, from, to);
    CHECK_INT(system(line), 0);
    mem_free(line);
}

/* The name of the copy became durable, and the removal of the old folder did not. */
static void of_two_the_one_counts_that_moved(void)
{
    struct moving m;
    moving_init(&m, 30);
    fixture_crash(&m.f);
    char *old = mem_printf("%s/t-0", m.f.dir), *kept = mem_printf("%s/kept", m.f.root);
    run("cp -r", old, kept);
    CHECK_INT(moving_start(&m), 0);
    CHECK_INT(alter(&m, FAR), 0);
    moving_wait(&m);
    append_batches(&m.f, 5); /* which the old one lacks */
    fixture_settle(&m.f);
    end_process(&m.f, true);
    run("cp -r", kept, old);
    CHECK_INT(moving_start(&m), 0);
    CHECK_STR(log_dir_path(m.f.log), m.second);
    CHECK_INT(log_end_offset(m.f.log), 70);
    fixture_settle(&m.f);
    CHECK_INT(folders(m.f.dir, "t-0"), 0);
    /* It is known by its incarnation: another one is not removed. */
    fixture_crash(&m.f);
    run("mv", kept, old);
    char *file = mem_printf("%s/partition.metadata", old);
    run("sed -i s/incarnation:.*/incarnation:AAAAAAAAAAAAAAAAAAAAAQ/", file, "");
    CHECK_INT(moving_start(&m), ERR_CORRUPT);
    CHECK_INT(folders(m.f.dir, "t-0"), 1);
    mem_free(file);
    mem_free(old);
    mem_free(kept);
    moving_close(&m);
}

/* The first directory failed when the old folder was to go. The next process, without it, moves the
 * replica on; a third one has all three, and knows the heir's heir, also when it is the second
 * folder that is left. */
static void the_last_of_several_moves_counts(void)
{
    for (int both = 0; both < 2; both++) {
        struct moving m;
        moving_init(&m, 30);
        m.f.manager_config.dir_count = 3;
        end_process(&m.f, true);
        char *first = mem_printf("%s/t-0", m.f.dir), *second = mem_printf("%s/t-0", m.second);
        char *kept = mem_printf("%s/kept", m.f.root), *later = mem_printf("%s/later", m.f.root);
        CHECK_INT(moving_start(&m), 0);
        run("cp -r", first, kept);
        CHECK_INT(alter(&m, FAR), 0);
        moving_wait(&m);
        append_batches(&m.f, 5);
        fixture_settle(&m.f);
        end_process(&m.f, true);
        CHECK_INT(moving_start(&m), 0);
        run("cp -r", second, later);
        CHECK_INT(alter(&m, 2), 0);
        moving_wait(&m);
        append_batches(&m.f, 5);
        fixture_settle(&m.f);
        end_process(&m.f, true);
        run("cp -r", kept, first);
        if (both)
            run("cp -r", later, second);
        CHECK_INT(moving_start(&m), 0);
        CHECK_STR(log_dir_path(m.f.log), m.third);
        CHECK_INT(log_end_offset(m.f.log), 80);
        fixture_settle(&m.f);
        CHECK_INT(folders(m.f.dir, "t-0"), 0);
        CHECK_INT(folders(m.second, "t-0"), 0);
        /* And once it has come back to where it began, that is its own place. */
        CHECK_INT(alter(&m, 0), 0);
        moving_wait(&m);
        end_process(&m.f, false);
        CHECK_INT(moving_start(&m), 0);
        CHECK_STR(log_dir_path(m.f.log), m.f.dir);
        CHECK_INT(log_end_offset(m.f.log), 80);
        mem_free(first);
        mem_free(second);
        mem_free(kept);
        mem_free(later);
        moving_close(&m);
    }
}

/* Where it lies. */
static const char *open_more(struct moving *m, const char *topic, int partition)
{
    m->f.opened = false;
    log_manager_open(m->f.manager, topic, partition, &m->f.topic_id, &m->f.config, log_world_opened,
                     &m->f);
    fixture_wait(&m->f, fixture_is_open);
    return log_dir_path(m->f.log);
}

/* A later topic of the name has nothing to do with it, and what is kept is bounded. */
static void what_was_asked_for_goes_with_the_topic(void)
{
    enum { MOST = 10000 };
    struct moving m;
    moving_init(&m, 3);
    for (int i = 0; i < MOST; i++)
        CHECK_INT(log_manager_alter_dir(m.f.manager, "later", i, FAR), ERR_REPLICA_NOT_AVAILABLE);
    CHECK_INT(log_manager_alter_dir(m.f.manager, "later", MOST, FAR), ERR_POLICY_VIOLATION);
    CHECK_INT(log_manager_alter_dir(m.f.manager, "later", 5, FAR), ERR_REPLICA_NOT_AVAILABLE);
    CHECK_STR(open_more(&m, "later", 5), m.second);
    CHECK_INT(log_manager_alter_dir(m.f.manager, "later", MOST, FAR), ERR_REPLICA_NOT_AVAILABLE);
    future_want(m.f.manager, "later-5", &m.f.manager->dirs[1]); /* as while one ends a move */
    log_manager_delete(m.f.manager, m.f.log);
    m.f.log = NULL;
    fixture_settle(&m.f);
    CHECK(future_place(m.f.manager, "later-5") == NULL);
    CHECK(future_place(m.f.manager, "later-6") == &m.f.manager->dirs[1]);
    m.f.manager->dirs[1].full = true;
    CHECK(future_place(m.f.manager, "later-6") == NULL);
    moving_close(&m);
}

static void what_can_not_move_stays(void)
{
    struct moving m;
    moving_init(&m, 3);
    CHECK_INT(alter(&m, 0), 0); /* it is there */
    log_manager_set_cordoned(m.f.manager, "*");
    CHECK(log_manager_is_cordoned(m.f.manager));
    CHECK_INT(alter(&m, 0), 0);
    log_manager_set_cordoned(m.f.manager, m.second);
    CHECK(!log_manager_is_cordoned(m.f.manager));
    CHECK_INT(alter(&m, FAR), ERR_INVALID_REPLICA_ASSIGNMENT);
    m.f.manager->dirs[0].failed = true; /* the only other one */
    CHECK(log_manager_is_cordoned(m.f.manager));
    m.f.manager->dirs[0].failed = false;
    log_manager_set_cordoned(m.f.manager, "");
    m.f.manager->dirs[1].failed = true;
    CHECK_INT(alter(&m, FAR), ERR_KAFKA_STORAGE_ERROR);
    m.f.manager->dirs[1].failed = false;
    CHECK_INT(log_manager_alter_dir(m.f.manager, "later", 3, FAR), ERR_REPLICA_NOT_AVAILABLE);
    for (int i = 0; i < 3; i++) { /* the second directory has the fewest after the first of them */
        m.f.opened = false;
        log_manager_open(m.f.manager, "later", i, &m.f.topic_id, &m.f.config, log_world_opened,
                         &m.f);
        fixture_wait(&m.f, fixture_is_open);
    }
    log_manager_set_cordoned(m.f.manager, m.second); /* the newest word counts */
    CHECK_STR(open_more(&m, "later", 3), m.f.dir);
    log_manager_set_cordoned(m.f.manager, "");
    moving_close(&m);
}

static bool moving_is_held(struct log_world *f)
{
    return f->log->future && f->log->held != INT64_MAX;
}

/* Which may be why somebody moves it away. */
static void an_old_disk_that_fails_takes_no_other_along(void)
{
    struct moving m;
    moving_init(&m, 10);
    file_remove(&m.f, "partition.metadata");
    char *path = log_file(&m.f, "partition.metadata");
    CHECK_INT(symlink(path, path), 0); /* can't be read, and is there */
    CHECK_INT(alter(&m, FAR), 0);
    UNTIL(m.f.env, m.f.log->future == NULL);
    CHECK(strstr(buf_text(&m.f.lines), "does not move to") != NULL);
    CHECK(!m.f.manager->dirs[FAR].failed);
    mem_free(path);
    moving_close(&m);
}

/* Who watches takes its leave to move back, before the move or in its last moment. */
static void without_leave_it_does_not_move(void)
{
    for (int late = 0; late < 2; late++) {
        struct moving m;
        moving_init(&m, 10);
        if (!late)
            log_watch_swap(m.f.log, NULL);
        CHECK_INT(alter(&m, FAR), 0);
        fixture_wait(&m.f, late ? moving_is_held : moving_is_seen);
        log_watch_swap(m.f.log, NULL);
        append_batches(&m.f, 1);
        fixture_settle(&m.f);
        CHECK_INT(log_durable_offset(m.f.log), 22); /* nothing is held any more */
        CHECK_INT(m.swaps, 0);
        CHECK_STR(log_dir_path(m.f.log), m.f.dir);
        log_watch_swap(m.f.log, moving_swapped);
        moving_wait(&m);
        CHECK_STR(log_dir_path(m.f.log), m.second);
        moving_close(&m);
    }
}

/* Right before the swap. */
static void settings_that_change_meanwhile_count(void)
{
    struct moving m;
    moving_init(&m, 10);
    CHECK_INT(alter(&m, FAR), 0);
    fixture_wait(&m.f, moving_is_held);
    m.f.config.retention_bytes = 123456;
    log_set_config(m.f.log, &m.f.config);
    CHECK_INT(m.swaps, 0);
    moving_wait(&m);
    CHECK_INT(log_config(m.f.log)->retention_bytes, 123456);
    moving_close(&m);
}

static bool says_start(struct moving *m, int64_t start)
{
    char *path = mem_printf("%s/log-start-offset-checkpoint", m->f.dir), *text;
    char *line = mem_printf("\nt 0 %d\n", (int)start);
    size_t len;
    CHECK_INT(env_file_load(m->f.env, path, 4096, &text, &len), 0);
    bool says = strstr(text, line) != NULL;
    mem_free(text);
    mem_free(line);
    mem_free(path);
    return says;
}

static void write_old_starts(struct moving *m)
{
    checkpoints_write(&m->f.manager->dirs[0], CHECKPOINT_LOG_START);
}

/* Until the new name is durable a power cut makes the old folder the replica again. */
static void checkpoints_tell_of_the_old_folder_until_it_goes(void)
{
    struct moving m;
    moving_init(&m, 40);
    log_set_high_watermark(m.f.log, 60);
    CHECK_INT(log_advance_start(m.f.log, 31), 0);
    log_save_start(m.f.log);
    fixture_settle(&m.f);
    CHECK(says_start(&m, 31));
    m.at_swap = write_old_starts;
    CHECK_INT(alter(&m, FAR), 0);
    moving_wait(&m);
    CHECK(says_start(&m, 31));
    write_old_starts(&m);
    fixture_settle(&m.f);
    CHECK(!says_start(&m, 31));
    moving_close(&m);
}

static void fail_the_old_one(struct moving *m)
{
    m->f.manager->dirs[0].failed = true;
}

static bool moving_has_swapped(struct log_world *f)
{
    return CONTAINER_OF(f, struct moving, f)->swaps > 0;
}

static void hang_the_old_one(struct moving *m)
{
    m->f.manager->dirs[0].hangs = true;
}

static bool moving_counts_all(struct log_world *f)
{
    return log_durable_offset(f->log) == log_end_offset(f->log) && f->log->held == INT64_MAX;
}

static void a_disk_that_hangs_is_left_alone(void)
{
    struct moving m;
    moving_init(&m, 10);
    env_timer_stop(&m.f.manager->space_timer);
    m.at_swap = hang_the_old_one;
    CHECK_INT(alter(&m, FAR), 0);
    fixture_wait(&m.f, moving_has_swapped);
    append_batches(&m.f, 1);
    fixture_wait(&m.f, moving_counts_all);
    CHECK(m.f.log->origin != NULL); /* the old folder is there */
    m.f.manager->dirs[0].hangs = false;
    moving_wait(&m);
    CHECK_INT(folders(m.f.dir, "t-0"), 0);
    moving_close(&m);
}

/* A start that finds it would not know that the replica is its heir's heir. */
static void it_does_not_move_on_while_an_old_folder_is_left(void)
{
    struct moving m;
    moving_init(&m, 10);
    m.f.manager_config.dir_count = 3;
    end_process(&m.f, true);
    CHECK_INT(moving_start(&m), 0);
    m.at_swap = fail_the_old_one;
    CHECK_INT(alter(&m, FAR), 0);
    moving_wait(&m);
    CHECK_INT(folders(m.f.dir, "t-0"), 1);
    CHECK_INT(alter(&m, 2), ERR_KAFKA_STORAGE_ERROR);
    CHECK(strstr(buf_text(&m.f.lines), "failed before the old folder was removed") != NULL);
    fixture_crash(&m.f);
    m.at_swap = NULL;
    CHECK_INT(moving_start(&m), 0);
    fixture_settle(&m.f);
    CHECK_STR(log_dir_path(m.f.log), m.second);
    CHECK_INT(folders(m.f.dir, "t-0"), 0);
    CHECK_INT(alter(&m, 2), 0);
    moving_wait(&m);
    CHECK_STR(log_dir_path(m.f.log), m.third);
    CHECK_INT(log_end_offset(m.f.log), 20);
    moving_close(&m);
}

static void a_deletion_takes_the_copy_along(void)
{
    for (int keep = 0; keep < 2; keep++) {
        struct moving m;
        moving_init(&m, 10);
        begin_slowly(&m);
        log_watch(m.f.log, NULL, NULL);
        if (keep)
            log_manager_set_aside(m.f.manager, m.f.log);
        else
            log_manager_delete(m.f.manager, m.f.log);
        m.f.log = NULL;
        fixture_settle(&m.f);
        CHECK_INT(folders(m.second, "t-0"), 0);
        CHECK_INT(folders(m.f.dir, "t-0"), keep);
        CHECK_INT(moving_open(&m), 0);
        CHECK_INT(log_end_offset(m.f.log), 0);
        moving_close(&m);
    }
}

static void delete_and_make_again(struct moving *m)
{
    struct log *log = m->f.log;
    log_watch(log, NULL, NULL);
    log_manager_delete(m->f.manager, log);
    m->f.log = NULL;
    m->f.opened = false;
    log_manager_open(m->f.manager, "t", 0, &m->f.topic_id, &m->f.config, log_world_opened, &m->f);
}

static bool moving_retires(struct log_world *f)
{
    return f->log && f->log->origin && !list_empty(&f->manager->renames);
}

/* The partition is deleted while a worker gives its old folder another name, and made again in that
 * very directory: the new folder is not taken for the old one. */
static void a_name_is_free_when_the_old_folder_is_gone(void)
{
    struct moving m;
    moving_init(&m, 10);
    CHECK_INT(alter(&m, FAR), 0);
    fixture_wait(&m.f, moving_retires);
    log_manager_set_cordoned(m.f.manager, m.second); /* so it is made in the first one */
    delete_and_make_again(&m);
    CHECK(!list_empty(&m.f.manager->renames));
    CHECK(!list_empty(&m.f.manager->waiting));
    fixture_wait(&m.f, fixture_is_open);
    CHECK_STR(log_dir_path(m.f.log), m.f.dir);
    CHECK_INT(log_end_offset(m.f.log), 0);
    append_batches(&m.f, 3);
    fixture_settle(&m.f);
    CHECK_INT(folders(m.f.dir, "t-0"), 1);
    CHECK_INT(folders(m.second, "t-0"), 0);
    log_manager_set_cordoned(m.f.manager, "");
    end_process(&m.f, false);
    CHECK_INT(moving_start(&m), 0);
    CHECK_INT(log_end_offset(m.f.log), 6);
    moving_close(&m);
}

static void a_full_disk_is_waited_for(void)
{
    struct moving m;
    moving_init(&m, 10);
    m.f.manager->config.disk_reserve_bytes = INT64_C(1) << 60;
    m.f.manager->dirs[1].full = true;
    CHECK_INT(alter(&m, FAR), 0);
    fixture_wait(&m.f, moving_is_seen);
    fixture_settle(&m.f);
    CHECK(strstr(buf_text(&m.f.lines), "waits to move to") != NULL);
    CHECK_INT(m.swaps, 0);
    m.f.manager->config.disk_reserve_bytes = 0;
    m.f.manager->dirs[1].full = false;
    moving_wait(&m);
    CHECK_STR(log_dir_path(m.f.log), m.second);
    moving_close(&m);
}

TAP_MAIN(TAP_TEST(a_replica_moves_with_all_it_knows), TAP_TEST(records_come_while_it_moves),
         TAP_TEST(a_cut_makes_it_begin_anew), TAP_TEST(a_move_can_be_taken_back),
         TAP_TEST(a_start_begins_anew), TAP_TEST(of_two_the_one_counts_that_moved),
         TAP_TEST(the_last_of_several_moves_counts),
         TAP_TEST(a_name_is_free_when_the_old_folder_is_gone), TAP_TEST(what_can_not_move_stays),
         TAP_TEST(a_disk_that_hangs_is_left_alone),
         TAP_TEST(what_was_asked_for_goes_with_the_topic),
         TAP_TEST(a_deletion_takes_the_copy_along), TAP_TEST(a_full_disk_is_waited_for),
         TAP_TEST(without_leave_it_does_not_move),
         TAP_TEST(an_old_disk_that_fails_takes_no_other_along),
         TAP_TEST(settings_that_change_meanwhile_count),
         TAP_TEST(checkpoints_tell_of_the_old_folder_until_it_goes),
         TAP_TEST(it_does_not_move_on_while_an_old_folder_is_left))
