/* A replicated state machine: the order of operations, and loading.
 *
 * Operations: an append goes to the log and waits in `ops`; when the log says that it is safe,
 * everything at the head that is finished is told, in order. Loading: the log gives all batches,
 * the client replays their records, and when everything that was read is replicated the machine
 * serves. Failure mode: the log can't be read; that is logged and tried again, since serving
 * without it would tell clients that they never stored anything. */
#include "broker/coordinator/machine.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mutation.h"
#include "base/state.h"

enum {
    MACHINE_RETRY_MS = 1000,
    MACHINE_RELOAD_WAIT_MAX_MS = 30000,
    MACHINE_GOOD_MS = 60000,     /* one that served so long before it had to reload begins anew */
    MACHINE_BATCH_MAX = 64 << 20 /* what a compressed batch may decompress to */
};
STATIC_ASSERT(MACHINE_RETRY_MS <= MACHINE_RELOAD_WAIT_MAX_MS, "a wait grows up to it");

static const struct state_row machine_states[MACHINE_STATES] = {
    [MACHINE_CLOSED] = {"closed", STATE_BIT(MACHINE_LOADING)},
    [MACHINE_LOADING] = {"loading", STATE_BIT(MACHINE_LOADED) | STATE_BIT(MACHINE_RETRYING) |
                                        STATE_BIT(MACHINE_RELOADING) | STATE_BIT(MACHINE_CLOSED)},
    [MACHINE_LOADED] = {"loaded", STATE_BIT(MACHINE_ACTIVE) | STATE_BIT(MACHINE_RELOADING) |
                                      STATE_BIT(MACHINE_CLOSED)},
    [MACHINE_RETRYING] = {"retrying", STATE_BIT(MACHINE_LOADING) | STATE_BIT(MACHINE_RELOADING) |
                                          STATE_BIT(MACHINE_CLOSED)},
    [MACHINE_ACTIVE] = {"active", STATE_BIT(MACHINE_RELOADING) | STATE_BIT(MACHINE_CLOSED)},
    /* A client that was getting ready comes to an end with that. */
    [MACHINE_RELOADING] = {"reloading", STATE_BIT(MACHINE_RELOADING) | STATE_BIT(MACHINE_ACTIVE) |
                                            STATE_BIT(MACHINE_CLOSED)},
};

/* What holds between two events. */
static void machine_check_state(const struct machine *machine)
{
    ASSERT(machine->state == MACHINE_RETRYING || !env_timer_running(&machine->retry_timer));
    ASSERT(machine->state != MACHINE_RELOADING || env_timer_running(&machine->reload_timer));
    ASSERT(machine->state != MACHINE_CLOSED || !env_timer_running(&machine->reload_timer));
    ASSERT(machine->loaded_bytes >= 0);
    ASSERT(machine->reload_wait_ms >= 0);
    ASSERT(machine->reload_wait_ms <= MACHINE_RELOAD_WAIT_MAX_MS);
    ASSERT(machine->index >= 0);
}

static void machine_move(struct machine *machine, enum machine_state to)
{
    STATE_MOVE_TOLD(machine_states, machine->state, to, machine->deps->logger, LOGGER_DEBUG,
                    "%s-%d", machine->deps->topic, machine->index);
}

/* ---- operations ---- */

/* What an error of the internal topic means to a client of the coordinator. */
static int machine_error(const struct machine *machine, int err)
{
    ASSERT(err <= 0);
    switch (err) {
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ERR_REQUEST_TIMED_OUT:
        return ERR_COORDINATOR_NOT_AVAILABLE;
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_KAFKA_STORAGE_ERROR:
    case ERR_IO:
    case ERR_NO_SPACE:
        return ERR_NOT_COORDINATOR;
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_RECORD_LIST_TOO_LARGE:
    case ERR_TOO_LARGE:
        return machine->deps->client->too_large_err;
    default:
        return err;
    }
}

/* Calls done, last: it is the client's again then. */
static void machine_op_end(struct machine_op *op, int err)
{
    struct buf batches = op->batches;
    ASSERT(op->done != NULL);
    ASSERT(err <= 0);
    op->done(op, err);
    buf_close(&batches);
}

/* Tells all at the head that are through, in the order of the log. */
static void machine_drain(struct machine *machine)
{
    while (!list_empty(&machine->ops)) {
        struct machine_op *op = LIST_ENTRY(machine->ops.next, struct machine_op, link);
        if (op->appends && !op->finished)
            return;
        ASSERT(op->machine == machine);
        list_remove(&op->link);
        /* What only waited fares as what came into the log before it. */
        if (op->appends && !op->refused)
            machine->last_err = op->err;
        machine_op_end(op, op->appends ? op->err : machine->last_err);
    }
}

static struct machine_op *machine_op_of(struct partition_append_op *append)
{
    return CONTAINER_OF(append, struct machine_op, append);
}

static void machine_op_safe(struct partition_op *partition_op)
{
    struct machine_op *op =
        machine_op_of(CONTAINER_OF(partition_op, struct partition_append_op, op));
    ASSERT(op->appends);
    ASSERT(!op->finished);
    op->finished = true;
    op->refused = !op->append.appended;
    op->err = machine_error(op->machine, partition_op->err);
    machine_drain(op->machine);
}

static void machine_op_taken(struct partition_append_op *append)
{
    struct machine_op *op = machine_op_of(append);
    ASSERT(op->appends);
    ASSERT(!op->finished);
    if (!op->keeps)
        buf_close(&op->batches);
}

static void machine_op_init(struct machine *machine, struct machine_op *op,
                            void (*done)(struct machine_op *op, int err))
{
    ASSERT(done != NULL);
    *op = (struct machine_op){.machine = machine,
                              .done = done,
                              .append = {.op.done = machine_op_safe, .taken = machine_op_taken}};
    list_init(&op->link);
    buf_init(&op->batches);
}

/* The bytes are taken when it is appended. */
static int machine_submit_bytes(struct machine *machine, struct buf *batches, struct machine_op *op)
{
    const struct machine_deps *deps = machine->deps;
    ASSERT(list_empty(&op->link));
    ASSERT(!op->appends);
    ASSERT(batches->len > 0);
    if (machine->state == MACHINE_CLOSED)
        return ERR_NOT_COORDINATOR;
    op->append.bytes = batches->data;
    op->append.len = batches->len;
    int err = deps->log->append(deps->log_data, machine->index, &op->append);
    if (err)
        return machine_error(machine, err);
    op->batches = *batches;
    buf_init(batches);
    op->appends = true;
    list_push(&machine->ops, &op->link);
    machine_check_state(machine);
    return 0;
}

static int machine_submit(struct machine *machine, struct records *records, struct machine_op *op)
{
    int err = records_finish(records);
    if (err)
        return machine_error(machine, err);
    ASSERT(records->count > 0);
    return machine_submit_bytes(machine, &records->batches, op);
}

int machine_append(struct machine *machine, struct records *records, struct machine_op *op,
                   void (*done)(struct machine_op *op, int err))
{
    machine_op_init(machine, op, done);
    return machine_submit(machine, records, op);
}

void machine_barrier(struct machine *machine, struct machine_op *op,
                     void (*done)(struct machine_op *op, int err))
{
    machine_op_init(machine, op, done);
    machine_check_state(machine);
    if (list_empty(&machine->ops))
        done(op, machine->state == MACHINE_CLOSED ? ERR_NOT_COORDINATOR : 0);
    else
        list_push(&machine->ops, &op->link);
}

bool machine_is_active(const struct machine *machine)
{
    return machine->state == MACHINE_ACTIVE;
}

int machine_check(const struct machine *machine)
{
    const struct machine_deps *deps = machine->deps;
    if (!machine_is_active(machine))
        return ERR_NOT_COORDINATOR;
    return machine_error(machine, deps->log->check(deps->log_data, machine->index));
}

int machine_may_answer(const struct machine *machine)
{
    const struct machine_deps *deps = machine->deps;
    if (!machine_is_active(machine))
        return ERR_COORDINATOR_LOAD_IN_PROGRESS;
    /* What else keeps appends out leaves memory as true as it was. */
    int err = deps->log->check(deps->log_data, machine->index);
    return err == ERR_NOT_LEADER_OR_FOLLOWER && !MUTATION(TXN_STALE_REFUSALS) ? ERR_NOT_COORDINATOR
                                                                              : 0;
}

size_t machine_batch_max(const struct machine *machine)
{
    const struct machine_deps *deps = machine->deps;
    return deps->log->batch_max(deps->log_data, machine->index);
}

/* ---- from the log into memory ---- */

static int machine_replay_batch(struct machine *machine, const struct batch *batch,
                                struct buf *scratch)
{
    struct record_iter iter;
    struct record record;
    int err = batch_check_crc(batch);
    if (!err)
        err = batch_records(batch, MACHINE_BATCH_MAX, scratch, &iter);
    if (err)
        return err;
    while ((err = record_iter_next(&iter, &record)) > 0)
        machine->deps->client->replay(machine, batch, &record);
    return !err && machine->starved ? ERR_NO_MEMORY : err;
}

void machine_starve(struct machine *machine)
{
    machine->starved = true;
}

int machine_read_value(struct machine *machine, struct wire_bytes bytes,
                       const struct wire_desc *desc, struct arena *arena, void *value)
{
    int err = records_read_value(bytes, desc, arena, value);
    if (err == ERR_NO_MEMORY)
        machine_starve(machine);
    return err;
}

/* Whole batches. ERR_CORRUPT_MESSAGE and the like when they are damaged; ERR_NO_MEMORY. */
static int machine_replay(struct machine *machine, uint8_t *bytes, size_t len)
{
    struct batch batch;
    struct buf scratch;
    int err = 0;
    ASSERT(len == 0 || bytes != NULL);
    machine->starved = false;
    buf_init(&scratch);
    while (len > 0 && !err) {
        err = batch_parse(bytes, len, &batch);
        if (!err)
            err = machine_replay_batch(machine, &batch, &scratch);
        if (!err) {
            bytes += batch.size;
            len -= batch.size;
        }
    }
    buf_close(&scratch);
    return err;
}

/* A load finds the batches with their places in the log: so must the replay of a write. The log may
 * have stamped another copy. */
static void machine_stamp(const struct machine_op *op)
{
    int64_t offset = op->append.result.base_offset;
    ASSERT(op->keeps);
    ASSERT(op->batches.len > 0);
    ASSERT(offset >= 0);
    struct batch batch;
    for (size_t at = 0; at < op->batches.len; at += batch.size) {
        int err = batch_parse(op->batches.data + at, op->batches.len - at, &batch);
        ASSERT(err == 0); /* we made them */
        batch_set_base_offset(op->batches.data + at, offset);
        offset += (int64_t)batch.last_offset_delta + 1;
    }
}

static void machine_write_stored(struct machine_op *op, int err)
{
    struct machine_write *write = CONTAINER_OF(op, struct machine_write, op);
    ASSERT(op->keeps);
    ASSERT(err <= 0);
    op->machine->unsure |= err && !op->refused;
    if (!err) {
        machine_stamp(op);
        int starved = machine_replay(op->machine, op->batches.data, op->batches.len);
        ASSERT(!starved || starved == ERR_NO_MEMORY); /* we made them */
        if (starved)
            machine_reload(op->machine);
    }
    write->done(write, err);
}

int machine_write(struct machine *machine, struct records *records, struct machine_write *write,
                  void (*done)(struct machine_write *write, int err))
{
    ASSERT(done != NULL);
    write->done = done;
    machine_op_init(machine, &write->op, machine_write_stored);
    write->op.keeps = true;
    return machine_submit(machine, records, &write->op);
}

int machine_mark(struct machine *machine, const struct txn_marker *marker, bool bumped,
                 struct machine_write *write, void (*done)(struct machine_write *write, int err))
{
    uint8_t bytes[TXN_MARKER_SIZE];
    struct buf batch;
    ASSERT(done != NULL);
    buf_init(&batch);
    txn_marker_write(marker, env_wall_ms(machine->deps->env), bytes);
    int err = buf_append(&batch, bytes, sizeof(bytes));
    write->done = done;
    machine_op_init(machine, &write->op, machine_write_stored);
    write->op.keeps = true;
    write->op.append.is_marker = true;
    write->op.append.is_bumped = bumped;
    if (!err)
        err = machine_submit_bytes(machine, &batch, &write->op);
    buf_close(&batch);
    return err;
}

/* ---- loading ---- */

static int machine_batches(struct coordinator_log_load *load, uint8_t *bytes, size_t len)
{
    struct machine *machine = CONTAINER_OF(load, struct machine, load);
    ASSERT(machine->state == MACHINE_LOADING);
    machine->loaded_bytes += (int64_t)len;
    return machine_replay(machine, bytes, len);
}

static void machine_loaded(struct coordinator_log_load *load, int err)
{
    struct machine *machine = CONTAINER_OF(load, struct machine, load);
    const struct machine_deps *deps = machine->deps;
    ASSERT(err <= 0);
    ASSERT(machine->state == MACHINE_LOADING);
    machine_move(machine, err ? MACHINE_RETRYING : MACHINE_LOADED);
    if (!err) {
        deps->client->loaded(machine);
        return;
    }
    logger_error(deps->logger, "%s-%d can't be loaded (%s): its %s wait; trying again in %d ms",
                 deps->topic, machine->index, err_text(err), deps->client->what, MACHINE_RETRY_MS);
    deps->client->forget(machine, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    env_timer_start(&machine->retry_timer, MACHINE_RETRY_MS);
    machine_check_state(machine);
}

static void machine_load(void *data)
{
    struct machine *machine = data;
    const struct machine_deps *deps = machine->deps;
    machine_move(machine, MACHINE_LOADING);
    machine->load.batches = machine_batches;
    machine->load.done = machine_loaded;
    machine->loaded_bytes = 0;
    machine->load_started_us = env_now_us(deps->env);
    deps->log->load(deps->log_data, machine->index, &machine->load);
}

void machine_serve(struct machine *machine)
{
    machine_move(machine, MACHINE_ACTIVE);
    machine_check_state(machine);
}

/* ---- the end, for good or to begin again ---- */

static void machine_end(struct machine *machine, int err)
{
    const struct machine_deps *deps = machine->deps;
    struct list *step;
    bool loading = machine->state == MACHINE_LOADING;
    machine_move(machine, MACHINE_CLOSED);
    deps->client->lost(machine);
    env_timer_stop(&machine->retry_timer);
    env_timer_stop(&machine->reload_timer);
    if (loading)
        deps->log->load_cancel(deps->log_data, &machine->load);
    while ((step = list_pop(&machine->ops))) {
        struct machine_op *op = LIST_ENTRY(step, struct machine_op, link);
        if (op->appends && !op->finished)
            deps->log->append_cancel(deps->log_data, &op->append);
        machine_op_end(op, err);
    }
    deps->client->forget(machine, err);
    machine_check_state(machine);
    ASSERT(list_empty(&machine->ops));
}

static void machine_reload_now(void *data)
{
    struct machine *machine = data;
    int64_t lived_us = env_now_us(machine->deps->env) - machine->load_started_us;
    int64_t wait_ms = machine->reload_wait_ms ? 2 * machine->reload_wait_ms : MACHINE_RETRY_MS;
    if (lived_us > (MACHINE_GOOD_MS + machine->reload_wait_ms) * 1000)
        wait_ms = 0;
    machine->reload_wait_ms =
        wait_ms < MACHINE_RELOAD_WAIT_MAX_MS ? wait_ms : MACHINE_RELOAD_WAIT_MAX_MS;
    machine_end(machine, ERR_NOT_COORDINATOR);
    machine->unsure = false;
    machine->last_err = 0;
    machine_load(machine);
}

void machine_reload(struct machine *machine)
{
    const struct machine_deps *deps = machine->deps;
    if (machine->state == MACHINE_CLOSED)
        return;
    if (machine->state == MACHINE_LOADING)
        deps->log->load_cancel(deps->log_data, &machine->load);
    env_timer_stop(&machine->retry_timer);
    machine_move(machine, MACHINE_RELOADING);
    deps->client->lost(machine);
    env_timer_start(&machine->reload_timer, machine->reload_wait_ms);
    machine_check_state(machine);
}

/* ---- life ---- */

void machine_init(struct machine *machine, const struct machine_deps *deps, int32_t index)
{
    ASSERT(index >= 0);
    ASSERT(deps->log != NULL);
    ASSERT(deps->client->replay != NULL);
    ASSERT(deps->client->loaded != NULL);
    ASSERT(deps->client->lost != NULL);
    ASSERT(deps->client->forget != NULL);
    *machine = (struct machine){.deps = deps, .index = index};
    list_init(&machine->ops);
    env_timer_init(deps->env, &machine->retry_timer, machine_load, machine);
    env_timer_init(deps->env, &machine->reload_timer, machine_reload_now, machine);
    machine_load(machine);
}

void machine_close(struct machine *machine, int err)
{
    ASSERT(machine->state != MACHINE_CLOSED);
    machine_end(machine, err);
    ASSERT(list_empty(&machine->ops));
}
