/* Down-conversion for clients that know no batches.
 *
 * Happy path: a conversion waits for those before it; then a worker reads and converts its parts
 * one after the other, as heavy work. Failure modes are errors of single parts. One that is
 * abandoned while it runs goes on to its end and frees itself: it touches nothing but the files,
 * which its slices hold. */
#include "broker/handlers/fetch_convert.h"

#include "base/err.h"
#include "base/mem.h"
#include "kafka/message_set.h"

enum {
    FETCH_CONVERT_MAX = 16 << 20, /* bytes of one partition, and what one batch may open to */
    /* What the batches of a fetch may open to. A worker does it in half a second, and has one at a
     * time: a few megabytes that open to gigabytes would hold up all others, and the end of the
     * process. What is left over comes with the next fetch. */
    FETCH_CONVERT_ROOM = 32 << 20
};

struct fetch_converter {
    struct env *env;
    struct list waiting;
    struct fetch_convert *running;
    bool closed; /* freed when nothing runs */
};

struct fetch_convert {
    struct list link; /* in `waiting` */
    struct env_work work;
    struct fetch_converter *converter;
    struct fetch_convert_part *parts;
    size_t count;
    size_t max;
    size_t first; /* where it begins */
    int8_t magic;
    void (*done)(void *data, struct fetch_convert_part *parts); /* NULL when abandoned */
    void *data;
};

struct fetch_converter *fetch_converter_new(struct env *env)
{
    struct fetch_converter *converter = mem_alloc(sizeof(*converter));
    *converter = (struct fetch_converter){.env = env};
    list_init(&converter->waiting);
    return converter;
}

void fetch_converter_free(struct fetch_converter *converter)
{
    ASSERT(list_empty(&converter->waiting));
    ASSERT(!converter->running || !converter->running->done);
    converter->closed = true;
    if (!converter->running)
        mem_free(converter);
}

struct fetch_convert *fetch_convert_new(struct fetch_converter *converter, size_t count,
                                        int8_t magic)
{
    struct fetch_convert_part *parts = mem_try_alloc(count * sizeof(*parts));
    if (!parts)
        return NULL;
    struct fetch_convert *convert = mem_alloc(sizeof(*convert));
    *convert = (struct fetch_convert){
        .converter = converter, .parts = parts, .max = count, .magic = magic};
    list_init(&convert->link);
    return convert;
}

void fetch_convert_add(struct fetch_convert *convert, struct partition_slice *slice, int64_t offset)
{
    ASSERT(convert->count < convert->max);
    struct fetch_convert_part *part = &convert->parts[convert->count++];
    *part = (struct fetch_convert_part){.slice = *slice, .offset = offset};
    buf_init(&part->out);
    *slice = (struct partition_slice){0};
}

static void fetch_convert_free(struct fetch_convert *convert)
{
    for (size_t i = 0; i < convert->count; i++) {
        partition_slice_release(&convert->parts[i].slice);
        buf_close(&convert->parts[i].out);
    }
    mem_free(convert->parts);
    mem_free(convert);
}

static int fetch_convert_part(struct fetch_convert_part *part, int8_t magic, size_t *room)
{
    size_t len =
        part->slice.chunk.len < FETCH_CONVERT_MAX ? part->slice.chunk.len : FETCH_CONVERT_MAX;
    uint8_t *bytes = mem_try_alloc(len);
    if (!bytes)
        return ERR_NO_MEMORY;
    int err = partition_slice_copy(&part->slice, bytes, len);
    if (!err)
        err = message_set_from_batches(bytes, len, magic, part->offset, FETCH_CONVERT_MAX, room,
                                       &part->out);
    mem_free(bytes);
    return err;
}

static void fetch_convert_run(struct env_work *work)
{
    struct fetch_convert *convert = CONTAINER_OF(work, struct fetch_convert, work);
    size_t room = FETCH_CONVERT_ROOM;
    for (size_t i = 0; i < convert->count; i++) {
        struct fetch_convert_part *part = &convert->parts[(convert->first + i) % convert->count];
        part->err = fetch_convert_part(part, convert->magic, &room);
    }
}

static void fetch_convert_finished(struct env_work *work);

static void fetch_convert_next(struct fetch_converter *converter)
{
    if (converter->running || list_empty(&converter->waiting))
        return;
    struct list *step = list_pop(&converter->waiting);
    converter->running = LIST_ENTRY(step, struct fetch_convert, link);
    env_work_submit_heavy(converter->env, &converter->running->work, fetch_convert_run,
                          fetch_convert_finished);
}

static void fetch_convert_finished(struct env_work *work)
{
    struct fetch_convert *convert = CONTAINER_OF(work, struct fetch_convert, work);
    struct fetch_converter *converter = convert->converter;
    ASSERT(converter->running == convert);
    converter->running = NULL;
    if (convert->done)
        convert->done(convert->data, convert->parts);
    fetch_convert_free(convert);
    if (converter->closed)
        mem_free(converter);
    else
        fetch_convert_next(converter);
}

void fetch_convert_start(struct fetch_convert *convert,
                         void (*done)(void *data, struct fetch_convert_part *parts), void *data)
{
    ASSERT(!convert->converter->closed);
    ASSERT(convert->count > 0);
    /* Old clients ask for their partitions in the same order each time. */
    convert->first = env_random(convert->converter->env) % convert->count;
    convert->done = done;
    convert->data = data;
    list_push(&convert->converter->waiting, &convert->link);
    fetch_convert_next(convert->converter);
}

void fetch_convert_abandon(struct fetch_convert *convert)
{
    ASSERT(convert->done);
    convert->done = NULL;
    if (convert->converter->running == convert)
        return;
    list_remove(&convert->link);
    fetch_convert_free(convert);
}
