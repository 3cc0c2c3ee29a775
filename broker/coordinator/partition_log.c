/* Appending to and reading back a partition that this broker leads.
 *
 * Happy path of a load: pieces of the log are read on the worker pool from the log start to what
 * was its end; each is handed over; then the load waits until the high watermark is past that end,
 * so that nothing is served which another leader might not have. Failure modes: a read error, a
 * batch cut short, leadership lost: the load ends with the error. A cancelled load lives on until
 * its job is done. */
#include "broker/coordinator/partition_log.h"

#include <string.h>

#include "base/err.h"
#include "kafka/batch.h"

/* Some thousand records: a millisecond or so of replay in one turn of the loop. */
enum { PARTITION_LOG_PIECE = 256 << 10 };

struct partition_log {
    struct env *env;
    struct replica_manager *replicas;
    char *topic;
};

struct load {
    struct partition_log *log;
    struct coordinator_log_load *owner; /* NULL: cancelled */
    int32_t partition;
    int64_t offset; /* the next to read */
    int64_t end;
    struct log_slice slice;
    uint8_t *bytes;
    ssize_t got;
    bool reading; /* on the pool */
    struct env_work work;
    struct env_timer step_timer;
    struct partition_interest interest;
};

struct partition_log *partition_log_new(struct env *env, struct replica_manager *replicas,
                                        const char *topic)
{
    struct partition_log *log = mem_alloc(sizeof(*log));
    log->env = env;
    log->replicas = replicas;
    log->topic = mem_strdup(topic);
    return log;
}

void partition_log_free(struct partition_log *log)
{
    mem_free(log->topic);
    mem_free(log);
}

static struct partition *partition_log_find(struct partition_log *log, int32_t index, int *err)
{
    return replica_manager_by_name(log->replicas, log->topic, strlen(log->topic), index, err);
}

static int partition_log_check(void *data, int32_t index)
{
    int err;
    struct partition *partition = partition_log_find(data, index, &err);
    if (!partition)
        return err;
    err = partition_check_append(partition, PARTITION_ACKS_ALL);
    /* Memory may change first: on a disk that is nearly full nothing begins to change. */
    const struct log *log = partition_log(partition);
    if (!err && (!log || log_is_offline(log) || !log_has_room(log)))
        err = ERR_KAFKA_STORAGE_ERROR;
    return err;
}

static size_t partition_log_batch_max(void *data, int32_t index)
{
    int err;
    struct partition *partition = partition_log_find(data, index, &err);
    const struct log *log = partition ? partition_log(partition) : NULL;
    if (!log)
        return 0; /* no append is taken either */
    int64_t max = log_config(log)->max_message_bytes;
    return max >= 0 ? (size_t)max : SIZE_MAX;
}

static int partition_log_append(void *data, int32_t index, uint8_t *bytes, size_t len,
                                struct partition_wait *wait)
{
    struct log_append result;
    int err;
    struct partition *partition = partition_log_find(data, index, &err);
    if (!partition)
        return err;
    err =
        partition_append(partition, bytes, len, LOG_FROM_BROKER, PARTITION_ACKS_ALL, &result, wait);
    return err == PARTITION_WAITS ? 0 : err ? err : ERR_UNKNOWN_SERVER_ERROR;
}

/* ---- loading ---- */

static void load_free(struct load *load)
{
    env_timer_stop(&load->step_timer);
    partition_unwatch(&load->interest);
    mem_free(load->bytes);
    mem_free(load);
}

static void load_finish(struct load *load, int err)
{
    struct coordinator_log_load *owner = load->owner;
    load_free(load);
    owner->impl = NULL;
    owner->done(owner, err);
}

static void load_watched(struct partition_interest *interest, unsigned change)
{
    struct load *load = CONTAINER_OF(interest, struct load, interest);
    (void)change;
    env_timer_start(&load->step_timer, 0);
}

static void load_run(struct env_work *work)
{
    struct load *load = CONTAINER_OF(work, struct load, work);
    load->got = env_file_read(load->slice.file, load->bytes, load->slice.len, load->slice.position);
}

/* The whole batches of the piece; the next piece begins behind them. */
static int load_take(struct load *load)
{
    size_t len = load->got > 0 ? (size_t)load->got : 0;
    size_t whole = 0;
    struct batch batch;
    if (load->got < 0)
        return (int)load->got;
    while (whole < len) {
        int err = batch_parse(load->bytes + whole, len - whole, &batch);
        if (err == ERR_EOF)
            break;
        if (err)
            return err;
        whole += batch.size;
        load->offset = batch_last_offset(&batch) + 1;
    }
    return whole == 0 ? ERR_CORRUPT_MESSAGE : load->owner->batches(load->owner, load->bytes, whole);
}

static void load_read_done(struct env_work *work)
{
    struct load *load = CONTAINER_OF(work, struct load, work);
    load->reading = false;
    log_slice_release(&load->slice);
    if (!load->owner) {
        load_free(load);
        return;
    }
    int err = load_take(load);
    mem_free(load->bytes);
    load->bytes = NULL;
    if (err)
        load_finish(load, err);
    else
        env_timer_start(&load->step_timer, 0);
}

static int load_read(struct load *load, struct partition *partition)
{
    struct log *log = partition_log(partition);
    if (load->offset < log_start_offset(log))
        load->offset = log_start_offset(log);
    int err = log_read(log, load->offset, PARTITION_LOG_PIECE, load->end, true, &load->slice);
    if (err)
        return err;
    if (load->slice.len == 0) {
        load->offset = load->end; /* compaction left nothing behind here */
        return 0;
    }
    load->bytes = mem_try_alloc(load->slice.len);
    if (!load->bytes) {
        log_slice_release(&load->slice);
        return ERR_NO_MEMORY;
    }
    load->reading = true;
    env_work_submit(load->log->env, &load->work, load_run, load_read_done);
    return 0;
}

static void load_await_safe(struct load *load, struct partition *partition)
{
    if (partition_high_watermark(partition) >= load->end)
        load_finish(load, 0);
    else if (!load->interest.partition)
        partition_watch(partition, &load->interest, PARTITION_CHANGED_HW | PARTITION_CHANGED_ROLE,
                        load_watched);
}

static void load_step(void *data)
{
    struct load *load = data;
    int err;
    struct partition *partition = partition_log_find(load->log, load->partition, &err);
    if (partition && (partition_state(partition) != PARTITION_LEADER || !partition_log(partition)))
        err = ERR_NOT_LEADER_OR_FOLLOWER;
    else if (partition)
        err = 0;
    if (!err && load->end < 0) {
        load->offset = log_start_offset(partition_log(partition));
        load->end = log_end_offset(partition_log(partition));
    }
    if (!err && load->offset < load->end)
        err = load_read(load, partition);
    if (err)
        load_finish(load, err);
    else if (!load->reading && load->offset < load->end)
        env_timer_start(&load->step_timer, 0);
    else if (!load->reading)
        load_await_safe(load, partition);
}

static void partition_log_load(void *data, int32_t partition, struct coordinator_log_load *owner)
{
    struct partition_log *log = data;
    struct load *load = mem_alloc(sizeof(*load));
    load->log = log;
    load->owner = owner;
    load->partition = partition;
    load->end = -1;
    list_init(&load->interest.link);
    env_timer_init(log->env, &load->step_timer, load_step, load);
    owner->impl = load;
    env_timer_start(&load->step_timer, 0);
}

static void partition_log_load_cancel(void *data, struct coordinator_log_load *owner)
{
    struct load *load = owner->impl;
    (void)data;
    owner->impl = NULL;
    load->owner = NULL;
    if (!load->reading)
        load_free(load);
}

const struct coordinator_log_ops partition_log_ops = {
    .check = partition_log_check,
    .batch_max = partition_log_batch_max,
    .append = partition_log_append,
    .load = partition_log_load,
    .load_cancel = partition_log_load_cancel,
};
