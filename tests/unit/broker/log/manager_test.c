/* Log directories, their owner, opening and deleting partitions, retention. */
#include "broker/log/flush.h"
#include "fixture.h"

static void write_meta(struct log_world *f, const char *text)
{
    char *path = mem_printf("%s/meta.properties", f->dir);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fputs(text, file);
    fclose(file);
    mem_free(path);
}

static void meta_properties_must_fit(void)
{
    struct log_world f;
    fixture_init(&f);
    struct uuid id = *log_manager_dir_id(f.manager, 0);
    CHECK(!uuid_is_zero(&id));
    fixture_crash(&f);
    CHECK_INT(fixture_start(&f), 0);
    CHECK(uuid_equal(&id, log_manager_dir_id(f.manager, 0)));
    CHECK_STR(log_manager_cluster_id(f.manager), "cluster");
    fixture_crash(&f);
    f.manager_config.node_id = 2;
    CHECK_INT(fixture_start(&f), ERR_INVALID);
    CHECK(strstr(buf_text(&f.problem), "node.id=1") && strstr(buf_text(&f.problem), "node.id=2"));
    CHECK(strstr(buf_text(&f.problem), f.dir) && strstr(buf_text(&f.problem), "log.dirs"));
    f.manager_config.node_id = 1;
    f.manager_config.cluster_id = "other";
    CHECK_INT(fixture_start(&f), ERR_INCONSISTENT_CLUSTER_ID);
    CHECK(strstr(buf_text(&f.problem), "cluster cluster") &&
          strstr(buf_text(&f.problem), "cluster other"));
    f.manager_config.cluster_id = NULL;
    CHECK_INT(fixture_start(&f), 0);
    CHECK_STR(log_manager_cluster_id(f.manager), "cluster");
    f.problem.len = 0;
    CHECK_INT(log_manager_set_cluster_id(f.manager, "other", &f.problem),
              ERR_INCONSISTENT_CLUSTER_ID);
    CHECK(strstr(buf_text(&f.problem), "controller.quorum.bootstrap.servers"));
    fixture_crash(&f);
    write_meta(&f, "#\nversion=0\nbroker.id=3\ncluster.id=c\n");
    CHECK_INT(fixture_start(&f), ERR_INVALID);
    CHECK(strstr(buf_text(&f.problem), "Apache Kafka") && strstr(buf_text(&f.problem), f.dir));
    write_meta(&f, "millrace.version=1\nversion=1\nbroker.id=3\ncluster.id=c\n");
    CHECK_INT(fixture_start(&f), ERR_INVALID);
    CHECK(strstr(buf_text(&f.problem), "broker.id=3"));
    write_meta(&f, "version=1\nnode.id=1\ncluster.id=c\n"); /* as before the mark */
    CHECK_INT(fixture_start(&f), 0);
    CHECK_STR(log_manager_cluster_id(f.manager), "c");
    fixture_crash(&f);
    CHECK_INT(fixture_start(&f), 0); /* marked now */
    fixture_crash(&f);
    write_meta(&f, "version=7\nmillrace.version=1\n");
    CHECK_INT(fixture_start(&f), ERR_INVALID);
    CHECK(strstr(buf_text(&f.problem), "version=7"));
    write_meta(&f, "version=1\nnode.id=\\u00\n");
    CHECK_INT(fixture_start(&f), ERR_INVALID);
    CHECK(strstr(buf_text(&f.problem), "line 2"));
    fixture_close(&f);
}

static void the_cluster_id_comes_later(void)
{
    struct log_world f;
    fixture_init(&f);
    fixture_crash(&f);
    char *path = mem_printf("%s/meta.properties", f.dir);
    CHECK_INT(unlink(path), 0);
    mem_free(path);
    f.manager_config.cluster_id = NULL;
    CHECK_INT(fixture_start(&f), 0);
    CHECK_STR(log_manager_cluster_id(f.manager), "");
    CHECK_INT(log_manager_set_cluster_id(f.manager, "late", &f.problem), 0);
    struct uuid id = *log_manager_dir_id(f.manager, 0);
    fixture_crash(&f);
    CHECK_INT(fixture_start(&f), 0);
    CHECK_STR(log_manager_cluster_id(f.manager), "late");
    CHECK(uuid_equal(&id, log_manager_dir_id(f.manager, 0)));
    fixture_close(&f);
}

static void check_metadata_seen(struct log_world *f, int64_t index, int64_t term)
{
    int64_t got_index, got_term;
    log_manager_metadata_seen(f->manager, &got_index, &got_term);
    CHECK_INT(got_index, index);
    CHECK_INT(got_term, term);
}

static bool metadata_is_noted(struct log_world *f)
{
    return f->manager->dirs[0].metadata_index == 70;
}

/* A crash soon after must not forget it: older controllers would be followed. */
static void metadata_is_noted_without_a_stop(void)
{
    struct log_world f;
    fixture_init(&f);
    log_manager_saw_metadata(f.manager, 70, 4);
    CHECK(env_timer_running(&f.manager->mark_timer)); /* not only with the checkpoints */
    fixture_wait(&f, metadata_is_noted);
    CHECK(!env_timer_running(&f.manager->mark_timer));
    fixture_crash(&f);
    CHECK_INT(fixture_start(&f), 0);
    check_metadata_seen(&f, 70, 4);
    fixture_close(&f);
}

static void metadata_is_remembered(void)
{
    struct log_world f;
    fixture_init(&f);
    check_metadata_seen(&f, 0, 0);
    log_manager_saw_metadata(f.manager, 70, 4);
    log_manager_saw_metadata(f.manager, 60, 5); /* never back */
    check_metadata_seen(&f, 70, 4);
    fixture_shutdown(&f);
    CHECK_INT(fixture_start(&f), 0);
    check_metadata_seen(&f, 70, 4);
    fixture_crash(&f);
    char *path = mem_printf("%s/.metadata-index", f.dir);
    FILE *file = fopen(path, "w");
    CHECK(file && fputs("70\n", file) >= 0 && fclose(file) == 0); /* damaged */
    CHECK_INT(fixture_start(&f), 0);
    check_metadata_seen(&f, 0, 0);
    log_manager_saw_metadata(f.manager, 80, 6);
    fixture_shutdown(&f);
    write_meta(&f, "version=1\nmillrace.version=1\nnode.id=1\n"); /* a new cluster is founded */
    f.manager_config.cluster_id = NULL;
    CHECK_INT(fixture_start(&f), 0);
    check_metadata_seen(&f, 0, 0);
    mem_free(path);
    fixture_close(&f);
}

enum { MANY = 2500, MANY_JOBS_MAX = 1024 };

static struct {
    struct log *logs[MANY];
    int count;
    int begun; /* files that were being written when the first ones were */
    int left;  /* files that waited when somebody looked */
} many;

static void many_opened(void *data, int err, struct log *log)
{
    CHECK(data == &many);
    CHECK_INT(err, 0);
    many.logs[many.count++] = log;
}

static bool many_are_open(struct log_world *f)
{
    return many.count == MANY && fixture_is_idle(f);
}

static bool many_are_written(struct log_world *f)
{
    int waiting = 0, writing = 0;
    (void)f;
    for (int i = 0; i < MANY; i++) {
        writing += many.logs[i]->epochs_writing;
        waiting += many.logs[i]->epochs.dirty;
    }
    if (many.begun == 0)
        many.begun = writing;
    return waiting == 0 && writing == 0;
}

static int many_waiting(void)
{
    int waiting = 0;
    for (int i = 0; i < MANY; i++)
        waiting += many.logs[i]->epochs.dirty;
    return waiting;
}

static bool many_go_on(struct log_world *f)
{
    (void)f;
    return many_waiting() < many.left;
}

static bool many_were_put_off(struct log_world *f)
{
    return f->manager->side_waits >= 2;
}

static void many_lead(int32_t epoch)
{
    for (int i = 0; i < MANY; i++)
        CHECK_INT(log_assign_epoch(many.logs[i], epoch), 0);
    many.left = MANY;
}

/* A disk so slow that a thousand jobs are under way all the time puts the others off. */
static void many_meet_a_slow_disk(struct log_world *f)
{
    many_lead(8);
    fixture_wait(f, many_go_on);
    for (int i = 0; i < MANY_JOBS_MAX; i++)
        log_jobs_begin(&f->manager->jobs);
    many.left = many_waiting();
    CHECK(many.left > 0);
    fixture_wait(f, many_were_put_off);
    CHECK_INT(many_waiting(), many.left);
    f->manager->side_waits = 1000; /* as after a long while */
    fixture_wait(f, many_go_on);
    CHECK(many_waiting() >= many.left - MANY_JOBS_MAX);
    for (int i = 0; i < MANY_JOBS_MAX; i++)
        log_jobs_cancel(&f->manager->jobs);
    fixture_wait(f, many_are_written);
}

/* As after a start, when it leads them. */
static void the_epochs_of_many_take_turns(void)
{
    struct log_world f;
    fixture_init(&f);
    fixture_crash(&f);
    f.manager_config.checkpoint_ms = 20;
    CHECK_INT(fixture_start(&f), 0);
    for (int i = 0; i < MANY; i++)
        log_manager_open(f.manager, "many", i, &f.topic_id, &f.config, many_opened, &many);
    fixture_wait(&f, many_are_open);
    many_lead(7);
    fixture_wait(&f, many_are_written);
    CHECK(many.begun > 0);
    CHECK(many.begun <= MANY_JOBS_MAX);
    many_meet_a_slow_disk(&f);
    fixture_close(&f);
}

static void a_directory_has_one_user(void)
{
    struct log_world f;
    struct log_manager *second = NULL;
    fixture_init(&f);
    CHECK_INT(log_manager_new(f.env, &f.logger, &f.manager_config, NULL, NULL, &f.problem, &second),
              ERR_LOCKED);
    CHECK(strstr(buf_text(&f.problem), "in use by another process"));
    CHECK(strstr(buf_text(&f.problem), f.dir));
    fixture_close(&f);
}

static void logs_go_where_there_are_fewest(void)
{
    struct log_world f;
    fixture_init(&f);
    fixture_crash(&f);
    char *second = mem_printf("%s/second", f.root);
    const char *dirs[] = {f.dir, second};
    f.manager_config.dirs = dirs;
    f.manager_config.dir_count = 2;
    CHECK_INT(fixture_start(&f), 0);
    int counts[2] = {0};
    for (int i = 0; i < 10; i++) {
        f.opened = false;
        log_manager_open(f.manager, "many", i, &f.topic_id, &f.config, log_world_opened, &f);
        fixture_wait(&f, fixture_is_open);
        CHECK_INT(f.err, 0);
        counts[strcmp(log_dir_path(f.log), second) == 0]++;
        CHECK(log_manager_find(f.manager, "many", i) == f.log);
    }
    CHECK_INT(counts[0], 5);
    CHECK_INT(counts[1], 5);
    CHECK(log_manager_find(f.manager, "many", 10) == NULL);
    /* They are found again where they are. */
    CHECK_INT(append_some(&f, 1, 10), 0);
    const char *dir = strcmp(log_dir_path(f.log), second) == 0 ? second : f.dir;
    fixture_shutdown(&f);
    CHECK_INT(fixture_start(&f), 0);
    f.opened = false;
    log_manager_open(f.manager, "many", 9, &f.topic_id, &f.config, log_world_opened, &f);
    fixture_wait(&f, fixture_is_open);
    CHECK_INT(log_end_offset(f.log), 1);
    CHECK_STR(log_dir_path(f.log), dir);
    fixture_close(&f);
    mem_free(second);
}

static const char *opened_in(struct log_world *f, int32_t partition)
{
    f->opened = false;
    log_manager_open(f->manager, "fit", partition, &f->topic_id, &f->config, log_world_opened, f);
    fixture_wait(f, fixture_is_open);
    CHECK_INT(f->err, 0);
    return log_dir_path(f->log);
}

static void logs_go_where_it_is_fit(void)
{
    struct log_world f;
    fixture_init(&f);
    fixture_crash(&f);
    char *second = mem_printf("%s/second", f.root), *slash = mem_printf("x,%s/", second);
    const char *dirs[] = {f.dir, second};
    f.manager_config.dirs = dirs;
    f.manager_config.dir_count = 2;
    CHECK_INT(fixture_start(&f), 0);
    log_manager_set_cordoned(f.manager, f.dir);
    CHECK(log_manager_dir_view(f.manager, 0).cordoned &&
          !log_manager_dir_view(f.manager, 1).cordoned);
    for (int i = 0; i < 3; i++)
        CHECK_STR(opened_in(&f, i), second);
    f.manager->dirs[1].full = true; /* a person's word counts for more */
    CHECK_STR(opened_in(&f, 3), second);
    log_manager_set_cordoned(f.manager, "*");
    f.manager->dirs[1].full = false;
    f.manager->dirs[0].full = true;
    CHECK_STR(opened_in(&f, 4), second);
    f.manager->dirs[0].full = false;
    CHECK_STR(opened_in(&f, 5), f.dir); /* all are cordoned: the fewest */
    log_manager_set_cordoned(f.manager, slash);
    CHECK(!log_manager_dir_view(f.manager, 0).cordoned &&
          log_manager_dir_view(f.manager, 1).cordoned);
    log_manager_set_cordoned(f.manager, "");
    f.manager->dirs[0].full = true;
    CHECK_STR(opened_in(&f, 6), second);
    CHECK(log_manager_dir_view(f.manager, 0).full);
    f.manager->dirs[0].full = false;
    CHECK(strstr(buf_text(&f.lines), "is cordoned") && strstr(buf_text(&f.lines), "again"));
    fixture_close(&f);
    mem_free(second);
    mem_free(slash);
}

static void a_topic_made_again_starts_empty(void)
{
    struct log_world f;
    fixture_init(&f);
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(append_some(&f, 5, 10), 0);
    fixture_shutdown(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 5);
    /* Deleted and made again while this broker was away: only the id tells. */
    fixture_shutdown(&f);
    f.topic_id.bytes[0] ^= 1;
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    CHECK_INT(log_high_watermark(f.log), 0);
    CHECK_INT(append_some(&f, 1, 10), 0);
    fixture_shutdown(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_end_offset(f.log), 1);
    /* Deleted and made again at once, with work on the old one under way. */
    CHECK_INT(append_some(&f, 5, 10), 0);
    flush_start(f.log);
    log_write_epochs(f.log);
    log_manager_delete(f.manager, f.log);
    f.topic_id.bytes[0] ^= 2; /* an id comes only once */
    CHECK_INT(fixture_open(&f), 0);
    CHECK_INT(log_end_offset(f.log), 0);
    fixture_settle(&f);
    CHECK(!file_exists(&f, LOG0));
    CHECK(!file_exists(&f, "leader-epoch-checkpoint"));
    fixture_close(&f);
}

/* ---- retention ---- */

static void fill(struct log_world *f)
{
    f->config.segment_bytes = 1000;
    CHECK_INT(fixture_open(f), 0);
    for (int i = 0; i < 30; i++)
        CHECK_INT(
            append_spec(f, (struct batch_spec){.count = 1, .value_len = 200, .timestamp = 1000 + i},
                        LOG_FROM_CLIENT),
            0);
    fixture_settle(f);
    CHECK_INT(f->log->segment_count, 10);
}

static void retention_by_size_keeps_the_limit(void)
{
    struct log_world f;
    fixture_init(&f);
    fill(&f);
    f.config.retention_bytes = 3000;
    log_set_config(f.log, &f.config);
    log_retain(f.log, 5000);
    CHECK_INT(log_start_offset(f.log), 0); /* all is above the high watermark */
    log_set_high_watermark(f.log, 7);
    log_retain(f.log, 5000);
    CHECK_INT(log_start_offset(f.log), 6);
    log_set_high_watermark(f.log, 30);
    log_retain(f.log, 5000);
    CHECK(log_size(f.log) >= 3000);
    CHECK(log_size(f.log) < 4000);
    int64_t start = log_start_offset(f.log), first;
    CHECK_INT(read_from(&f, start, 1, INT64_MAX, &first), start + 1);
    CHECK_INT(read_from(&f, start - 1, 1, INT64_MAX, &first), ERR_OFFSET_OUT_OF_RANGE);
    fixture_settle(&f);
    CHECK(!file_exists(&f, LOG0));
    fixture_crash(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    CHECK_INT(log_start_offset(f.log), start);
    CHECK_INT(log_end_offset(f.log), 30);
    f.config.retention_bytes = 0; /* never the active segment */
    log_set_config(f.log, &f.config);
    log_set_high_watermark(f.log, 30);
    log_retain(f.log, 5000);
    CHECK_INT(f.log->segment_count, 1);
    CHECK(log_size(f.log) > 0);
    fixture_close(&f);
}

static void retention_by_time_takes_the_last_one_too(void)
{
    struct log_world f;
    fixture_init(&f);
    fill(&f);
    f.config.retention_ms = 100;
    log_set_config(f.log, &f.config);
    log_set_high_watermark(f.log, 30);
    log_retain(f.log, 1102); /* the newest of segment 0 is of 1002 */
    CHECK_INT(log_start_offset(f.log), 0);
    log_retain(f.log, 1103);
    CHECK_INT(log_start_offset(f.log), 3);
    /* As known from the time index after a restart. */
    fixture_shutdown(&f);
    CHECK_INT(fixture_reopen(&f), 0);
    log_retain(f.log, 1112);
    CHECK_INT(log_start_offset(f.log), 12);
    log_set_high_watermark(f.log, 29);
    log_retain(f.log, 9999);
    CHECK_INT(log_start_offset(f.log), 27);
    log_set_high_watermark(f.log, 30);
    log_retain(f.log, 9999);
    CHECK_INT(log_start_offset(f.log), 30);
    CHECK_INT(log_end_offset(f.log), 30);
    CHECK_INT(log_size(f.log), 0);
    for (int round = 0; round < 2; round++) {
        CHECK_INT(append_some(&f, 1, 10), 0);
        CHECK_INT(fixture_result.base_offset, 30 + round);
        fixture_crash(&f);
        CHECK_INT(fixture_reopen(&f), 0);
    }
    fixture_close(&f);
}

/* Many clients send a batch whose header claims another largest timestamp than its records have. */
static void retention_goes_by_the_records(void)
{
    static const int64_t claims[] = {-1, 1000, 1004, 1000000};
    static const int64_t times[] = {1000, 1009, 1004};
    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        for (int codec = COMPRESS_NONE; codec <= COMPRESS_LZ4; codec += COMPRESS_LZ4) {
            struct log_world f;
            fixture_init(&f);
            f.config.retention_ms = 100;
            CHECK_INT(fixture_open(&f), 0);
            struct buf bytes = batch_make((struct batch_spec){.count = 3,
                                                              .value_len = 200,
                                                              .timestamps = times,
                                                              .codec = (enum compress_codec)codec});
            batch_set_max_timestamp(bytes.data, claims[i]);
            CHECK_INT(log_append(f.log, bytes.data, bytes.len, LOG_FROM_CLIENT, 0, &fixture_result),
                      0);
            buf_close(&bytes);
            log_set_high_watermark(f.log, 3);
            log_retain(f.log, 1109);
            CHECK_INT(log_start_offset(f.log), 0);
            /* As known from the time index after a restart. */
            fixture_shutdown(&f);
            CHECK_INT(fixture_reopen(&f), 0);
            log_set_high_watermark(f.log, 3);
            log_retain(f.log, 1109);
            CHECK_INT(log_start_offset(f.log), 0);
            log_retain(f.log, 1110);
            CHECK_INT(log_start_offset(f.log), 3);
            fixture_close(&f);
        }
}

static void compacted_topics_have_no_retention(void)
{
    struct log_world f;
    fixture_init(&f);
    f.config.cleanup_delete = false;
    f.config.cleanup_compact = true;
    f.config.retention_ms = 1;
    f.config.retention_bytes = 1;
    f.config.segment_bytes = 500;
    CHECK_INT(fixture_open(&f), 0);
    for (int i = 0; i < 10; i++)
        CHECK_INT(append_spec(&f,
                              (struct batch_spec){.count = 1, .value_len = 200, .base_offset = i},
                              LOG_FROM_LEADER),
                  0);
    log_set_high_watermark(f.log, 10);
    log_retain(f.log, INT64_MAX / 2);
    CHECK_INT(log_start_offset(f.log), 0);
    fixture_close(&f);
}

TAP_MAIN(TAP_TEST(meta_properties_must_fit), TAP_TEST(the_cluster_id_comes_later),
         TAP_TEST(metadata_is_remembered), TAP_TEST(metadata_is_noted_without_a_stop),
         TAP_TEST(the_epochs_of_many_take_turns), TAP_TEST(a_directory_has_one_user),
         TAP_TEST(logs_go_where_there_are_fewest), TAP_TEST(logs_go_where_it_is_fit),
         TAP_TEST(a_topic_made_again_starts_empty), TAP_TEST(retention_by_size_keeps_the_limit),
         TAP_TEST(retention_by_time_takes_the_last_one_too),
         TAP_TEST(retention_goes_by_the_records), TAP_TEST(compacted_topics_have_no_retention))
