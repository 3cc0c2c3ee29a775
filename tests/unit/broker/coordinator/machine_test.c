/* The machine of a coordinator over a log in memory, with a client that keeps numbers: in which
 * order things end, what is in memory when, and what is told of errors. */
#include "../../tap.h"

#include "../../until.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/coordinator/machine.h"
#include "kafka/messages/consumer_offsets.h"

enum { NUMBERS = 16, TOO_LARGE = ERR_INVALID_COMMIT_OFFSET_SIZE };

struct world {
    struct env *env;
    struct logger logger;
    struct machine_deps deps;
    struct machine machine;
    /* the log */
    struct buf bytes;
    struct list waits; /* appends that are not replicated yet */
    struct coordinator_log_load *load;
    int append_err;
    int check_err;
    /* the client */
    int32_t numbers[NUMBERS]; /* in memory */
    bool starved;             /* the next record finds no memory */
    int count;
    struct buf told; /* what came from the machine, a letter each */
};

static struct world *world;

static void tell(char letter)
{
    CHECK_INT(buf_append(&world->told, &letter, 1), 0);
}

/* What was told since the last time. */
static const char *told(void)
{
    static char text[64];
    snprintf(text, sizeof(text), "%.*s", (int)world->told.len, (const char *)world->told.data);
    world->told.len = 0;
    return text;
}

/* ---- the log ---- */

static int memory_check(void *data, int32_t partition)
{
    (void)data;
    (void)partition;
    return world->check_err;
}

static size_t memory_batch_max(void *data, int32_t partition)
{
    (void)data;
    (void)partition;
    return 1000;
}

static int memory_append(void *data, int32_t partition, struct partition_append_op *append)
{
    (void)data;
    (void)partition;
    if (world->append_err)
        return world->append_err;
    append->appended = false;
    list_push(&world->waits, &append->op.link);
    return 0;
}

static void memory_append_cancel(void *data, struct partition_append_op *append)
{
    (void)data;
    list_remove(&append->op.link);
}

static void memory_load(void *data, int32_t partition, struct coordinator_log_load *load)
{
    (void)data;
    (void)partition;
    CHECK(!world->load);
    world->load = load;
}

static void memory_load_cancel(void *data, struct coordinator_log_load *load)
{
    (void)data;
    CHECK(world->load == load);
    world->load = NULL;
}

static const struct coordinator_log_ops memory_ops = {.check = memory_check,
                                                      .batch_max = memory_batch_max,
                                                      .append = memory_append,
                                                      .append_cancel = memory_append_cancel,
                                                      .load = memory_load,
                                                      .load_cancel = memory_load_cancel};

static struct partition_append_op *append_of(struct list *step)
{
    return CONTAINER_OF(LIST_ENTRY(step, struct partition_op, link), struct partition_append_op,
                        op);
}

/* Its bytes are in the log, and not needed any more. */
static void take(struct partition_append_op *append)
{
    if (append->appended)
        return;
    CHECK_INT(buf_append(&world->bytes, append->bytes, append->len), 0);
    append->appended = true;
    append->taken(append);
}

static void end(struct partition_append_op *append, int err)
{
    list_remove(&append->op.link);
    append->op.err = err;
    append->op.done(&append->op);
}

static void take_all(void)
{
    LIST_EACH(step, &world->waits)
        take(append_of(step));
}

/* The newest append is replicated, or not, whatever is before it. */
static void end_newest(int err)
{
    CHECK(!list_empty(&world->waits));
    take_all();
    end(append_of(world->waits.prev), err);
}

static void end_oldest(int err)
{
    CHECK(!list_empty(&world->waits));
    take(append_of(world->waits.next));
    end(append_of(world->waits.next), err);
}

/* The oldest append does not come into the log. */
static void refuse_oldest(int err)
{
    CHECK(!list_empty(&world->waits));
    CHECK(!append_of(world->waits.next)->appended);
    end(append_of(world->waits.next), err);
}

static void end_load(void)
{
    struct coordinator_log_load *load = world->load;
    CHECK(load != NULL);
    world->load = NULL;
    int err = world->bytes.len ? load->batches(load, world->bytes.data, world->bytes.len) : 0;
    load->done(load, err);
}

/* ---- the client ---- */

static void client_replay(struct machine *machine, const struct batch *batch,
                          const struct record *record)
{
    struct offset_commit_key key;
    CHECK(machine == &world->machine);
    CHECK_INT(batch->record_count, 1);
    CHECK_INT(records_type(record->key), 7);
    CHECK_INT(records_read_key(record->key, &offset_commit_key_desc, &key), 0);
    CHECK(world->count < NUMBERS);
    if (world->starved) {
        world->starved = false;
        machine_starve(machine);
        return;
    }
    world->numbers[world->count++] = key.partition;
}

static void client_loaded(struct machine *machine)
{
    CHECK(!machine_is_active(machine));
    tell('L');
    machine_serve(machine);
    CHECK(machine_is_active(machine));
}

static void client_lost(struct machine *machine)
{
    CHECK(!machine_is_active(machine));
    tell('l');
}

static void client_forget(struct machine *machine, int err)
{
    CHECK(list_empty(&machine->ops));
    CHECK(err != 0);
    tell('f');
    world->count = 0;
}

static const struct machine_client client = {.what = "numbers",
                                             .too_large_err = TOO_LARGE,
                                             .replay = client_replay,
                                             .loaded = client_loaded,
                                             .lost = client_lost,
                                             .forget = client_forget};

/* ---- operations ---- */

struct op {
    struct machine_op op;
    struct machine_write write;
    char letter;
    bool appends_again; /* when it is done */
    int err;
};

static void number(struct records *records, int32_t n)
{
    struct offset_commit_key key = {
        .group = wire_str_from("g"), .topic = wire_str_from("t"), .partition = n};
    records_init(records, 0);
    records_put(records, 7, &offset_commit_key_desc, &key, 0, NULL, NULL);
}

static void op_done(struct machine_op *machine_op, int err);

static int append(struct op *op, char letter)
{
    struct records records;
    op->letter = letter;
    op->err = 1;
    number(&records, letter);
    int err = machine_append(&world->machine, &records, &op->op, op_done);
    records_close(&records);
    return err;
}

static void op_done(struct machine_op *machine_op, int err)
{
    struct op *op = CONTAINER_OF(machine_op, struct op, op);
    struct op again;
    tell(op->letter);
    op->err = err;
    if (op->appends_again)
        CHECK_INT(append(&again, 'x'), ERR_NOT_COORDINATOR);
}

static void barrier(struct op *op, char letter)
{
    op->letter = letter;
    op->err = 1;
    machine_barrier(&world->machine, &op->op, op_done);
}

static void write_done(struct machine_write *write, int err)
{
    struct op *op = CONTAINER_OF(write, struct op, write);
    tell(op->letter);
    op->err = err;
}

static void write_number(struct op *op, char letter)
{
    struct records records;
    op->letter = letter;
    op->err = 1;
    number(&records, letter);
    CHECK_INT(machine_write(&world->machine, &records, &op->write, write_done), 0);
    records_close(&records);
}

/* ---- the world ---- */

static void drop_line(void *data, const char *line, int len)
{
    (void)data;
    (void)line;
    (void)len;
}

static void world_open(void)
{
    world = mem_alloc(sizeof(*world));
    CHECK_INT(env_new(&world->env), 0);
    logger_init(&world->logger, "test", NULL, NULL);
    world->logger.sink = drop_line;
    buf_init(&world->bytes);
    buf_init(&world->told);
    list_init(&world->waits);
    world->deps = (struct machine_deps){.env = world->env,
                                        .logger = &world->logger,
                                        .topic = "__numbers",
                                        .log = &memory_ops,
                                        .client = &client};
    machine_init(&world->machine, &world->deps, 3);
}

static void world_serve(void)
{
    world_open();
    end_load();
    CHECK_STR(told(), "L");
}

static void world_close(void)
{
    machine_close(&world->machine, ERR_NOT_COORDINATOR);
    CHECK(world->load == NULL);
    CHECK(list_empty(&world->waits));
    buf_close(&world->bytes);
    buf_close(&world->told);
    env_free(world->env);
    mem_free(world);
}

/* As a record that an earlier process has written. */
static void put_in_log(int32_t n)
{
    struct records records;
    number(&records, n);
    CHECK_INT(records_finish(&records), 0);
    CHECK_INT(buf_append(&world->bytes, records.batches.data, records.batches.len), 0);
    records_close(&records);
}

/* ---- tests ---- */

static void nothing_is_taken_before_all_is_read(void)
{
    struct op op = {.letter = 0};
    world_open();
    put_in_log(5);
    CHECK_INT(machine_check(&world->machine), ERR_NOT_COORDINATOR);
    CHECK_INT(machine_may_answer(&world->machine), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    end_load();
    CHECK_STR(told(), "L");
    CHECK_INT(world->count, 1);
    CHECK_INT(world->numbers[0], 5);
    CHECK_INT(machine_check(&world->machine), 0);
    CHECK_INT((int64_t)machine_batch_max(&world->machine), 1000);
    barrier(&op, 'b');
    CHECK_STR(told(), "b");
    CHECK_INT(op.err, 0);
    world_close();
}

static void operations_end_in_the_order_of_their_appends(void)
{
    struct op a = {.letter = 0}, b = {.letter = 0}, c = {.letter = 0}, d = {.letter = 0};
    world_serve();
    CHECK_INT(append(&a, 'a'), 0);
    barrier(&b, 'b');
    CHECK_INT(append(&c, 'c'), 0);
    barrier(&d, 'd');
    end_newest(0);
    CHECK_STR(told(), "");
    end_newest(ERR_REQUEST_TIMED_OUT);
    CHECK_STR(told(), "abcd");
    CHECK_INT(a.err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(b.err, ERR_COORDINATOR_NOT_AVAILABLE); /* as the append before it */
    CHECK_INT(c.err, 0);
    CHECK_INT(d.err, 0);
    CHECK_INT(world->count, 0); /* an append changes no memory */
    world_close();
}

/* The log has nothing that memory has not: nothing needs to be read again, and who only waits fares
 * as what is in the log. */
static void a_write_that_the_log_refuses_changes_nothing(void)
{
    struct op a = {.letter = 0}, b = {.letter = 0}, c = {.letter = 0};
    world_serve();
    write_number(&a, 'a');
    barrier(&b, 'b');
    write_number(&c, 'c');
    CHECK_STR(told(), "");
    refuse_oldest(ERR_NOT_ENOUGH_REPLICAS);
    CHECK_STR(told(), "ab");
    CHECK_INT(a.err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(b.err, 0);
    CHECK(!world->machine.unsure);
    CHECK_INT(world->bytes.len, 0);
    end_oldest(0);
    CHECK_STR(told(), "c");
    CHECK_INT(c.err, 0);
    CHECK_INT(world->count, 1);
    world_close();
}

static void a_write_is_in_memory_when_it_is_replicated(void)
{
    struct op a = {.letter = 0}, b = {.letter = 0};
    world_serve();
    write_number(&a, 'a');
    CHECK(a.write.op.batches.len > 0);
    CHECK_INT(world->count, 0);
    end_oldest(0);
    CHECK_STR(told(), "a");
    CHECK_INT(world->count, 1);
    CHECK_INT(world->numbers[0], 'a');
    CHECK(!world->machine.unsure);
    write_number(&b, 'b');
    end_oldest(ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    CHECK_INT(b.err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(world->count, 1);
    CHECK(world->machine.unsure); /* the log may have it */
    world_close();
}

static void who_waits_is_told_when_the_partition_is_lost(void)
{
    struct op a = {.appends_again = true}, b = {.letter = 0};
    world_serve();
    CHECK_INT(append(&a, 'a'), 0);
    barrier(&b, 'b');
    machine_close(&world->machine, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_STR(told(), "labf");
    CHECK_INT(a.err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK_INT(b.err, ERR_COORDINATOR_NOT_AVAILABLE);
    CHECK(list_empty(&world->waits));
    machine_init(&world->machine, &world->deps, 3);
    world_close();
}

static void a_load_ends_with_the_partition(void)
{
    world_open();
    CHECK(world->load != NULL);
    machine_close(&world->machine, ERR_NOT_COORDINATOR);
    CHECK(world->load == NULL);
    CHECK_STR(told(), "lf");
    machine_init(&world->machine, &world->deps, 3);
    world_close();
}

static void what_the_log_says_is_read_again(void)
{
    struct op a = {.letter = 0}, b = {.appends_again = true};
    world_serve();
    write_number(&a, 'a');
    end_oldest(ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    CHECK(world->machine.unsure);
    CHECK_INT(append(&b, 'b'), 0);
    take_all();
    CHECK_STR(told(), "a");
    machine_reload(&world->machine);
    CHECK_STR(told(), "l");
    CHECK_INT(machine_check(&world->machine), ERR_NOT_COORDINATOR);
    UNTIL(world->env, world->load != NULL);
    CHECK_STR(told(), "lbf");
    CHECK_INT(b.err, ERR_NOT_COORDINATOR);
    end_load();
    CHECK_STR(told(), "L");
    CHECK_INT(world->count, 2);
    CHECK_INT(world->numbers[0], 'a');
    CHECK_INT(world->numbers[1], 'b');
    CHECK(!world->machine.unsure);
    CHECK_INT(machine_check(&world->machine), 0);
    CHECK_INT(append(&a, 'a'), 0);
    end_oldest(0);
    CHECK_INT(a.err, 0);
    world_close();
}

static void a_load_that_fails_is_tried_again(void)
{
    world_open();
    put_in_log(5);
    world->bytes.data[world->bytes.len - 1] ^= 1; /* the checksum finds it */
    end_load();
    CHECK_STR(told(), "f");
    CHECK_INT(world->count, 0);
    CHECK(!machine_is_active(&world->machine));
    world->bytes.data[world->bytes.len - 1] ^= 1;
    UNTIL(world->env, world->load != NULL);
    end_load();
    CHECK_STR(told(), "L");
    CHECK_INT(world->count, 1);
    world_close();
}

static void errors_are_in_a_coordinators_words(void)
{
    static const struct {
        int log;
        int client;
    } rows[] = {
        {ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_COORDINATOR_NOT_AVAILABLE},
        {ERR_NOT_ENOUGH_REPLICAS, ERR_COORDINATOR_NOT_AVAILABLE},
        {ERR_NOT_LEADER_OR_FOLLOWER, ERR_NOT_COORDINATOR},
        {ERR_KAFKA_STORAGE_ERROR, ERR_NOT_COORDINATOR},
        {ERR_NO_SPACE, ERR_NOT_COORDINATOR},
        {ERR_MESSAGE_TOO_LARGE, TOO_LARGE},
        {ERR_RECORD_LIST_TOO_LARGE, TOO_LARGE},
        {ERR_UNKNOWN_SERVER_ERROR, ERR_UNKNOWN_SERVER_ERROR},
    };
    struct op op = {.letter = 0};
    world_serve();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world->append_err = world->check_err = rows[i].log;
        CHECK_INT(append(&op, 'a'), rows[i].client);
        CHECK_INT(machine_check(&world->machine), rows[i].client);
        /* Of these only who leads no more has old memory. */
        CHECK_INT(machine_may_answer(&world->machine),
                  rows[i].log == ERR_NOT_LEADER_OR_FOLLOWER ? ERR_NOT_COORDINATOR : 0);
    }
    CHECK_STR(told(), ""); /* what was refused is not told again */
    world_close();
}

static void what_memory_was_out_for_is_read_again(void)
{
    struct op op = {.letter = 0};
    world_open();
    put_in_log(5);
    put_in_log(6);
    world->starved = true;
    end_load();
    CHECK_STR(told(), "f"); /* and not with the second one alone */
    CHECK(world->machine.state == MACHINE_RETRYING);
    UNTIL(world->env, world->load != NULL);
    end_load();
    CHECK_STR(told(), "L");
    CHECK_INT(world->count, 2);

    write_number(&op, 'a');
    world->starved = true;
    end_newest(0);
    CHECK_STR(told(), "la");
    CHECK_INT(op.err, 0); /* it is stored */
    CHECK(world->machine.state == MACHINE_RELOADING);
    UNTIL(world->env, world->load != NULL);
    end_load();
    CHECK_STR(told(), "lfL");
    CHECK_INT(world->count, 3);
    world_close();
}

TAP_MAIN(TAP_TEST(nothing_is_taken_before_all_is_read),
         TAP_TEST(operations_end_in_the_order_of_their_appends),
         TAP_TEST(a_write_is_in_memory_when_it_is_replicated),
         TAP_TEST(a_write_that_the_log_refuses_changes_nothing),
         TAP_TEST(who_waits_is_told_when_the_partition_is_lost),
         TAP_TEST(a_load_ends_with_the_partition), TAP_TEST(what_the_log_says_is_read_again),
         TAP_TEST(a_load_that_fails_is_tried_again), TAP_TEST(errors_are_in_a_coordinators_words),
         TAP_TEST(what_memory_was_out_for_is_read_again))
