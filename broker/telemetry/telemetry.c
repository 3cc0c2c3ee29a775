/* Clients and their pushes.
 *
 * Happy path: a call finds its client, or makes it; where expressions choose clients, a worker says
 * which subscriptions match it; the call is checked in Kafka's order; what was pushed is opened
 * and read by a worker, and take the place of what the client pushed before. Calls that need a
 * worker wait for each other: one at a time is enough for pushes that come minutes apart, and
 * nothing that clients send takes more than one thread.
 *
 * Failure modes: a push too early, by a subscription that has changed, or too large, as Kafka
 * answers them; bytes that don't open or are no metrics; the broker goes while a worker is at it:
 * then what it works on is its own, and goes with it. */
#include "broker/telemetry/telemetry.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "broker/telemetry/subscriptions.h"
#include "env/env.h"
#include "kafka/compress.h"
#include "kafka/otlp.h"

enum {
    TELEMETRY_SILENT_INTERVALS = 3,
    TELEMETRY_NO_DASH = 0xf8, /* the bits of the first byte that make an id begin with - in text */
};
#define TELEMETRY_NEVER INT64_MIN

/* What clients of one subscription are told; shared, since most clients have the same. */
struct telemetry_wanted {
    int refs;
    struct buf names; /* each ended by NUL */
    int32_t interval_ms;
    uint32_t sum; /* Kafka's, of names and interval */
};

struct telemetry_client {
    struct list link; /* the one that was silent longest comes first */
    struct list kept_link;
    struct uuid id;
    uint64_t generation; /* of the subscriptions that `wanted` is of */
    struct telemetry_wanted *wanted;
    int64_t asked_us, pushed_us; /* when it was let through last */
    int64_t heard_us;
    int last_err;
    bool terminated;
    struct buf kept;
    size_t points;
};

struct telemetry {
    struct telemetry_deps deps;
    struct metadata_listener listener;
    bool changed;
    uint64_t generation; /* rises with the subscriptions */
    struct subscriptions *set;
    struct map clients; /* id -> telemetry_client */
    struct list by_silence;
    struct list by_push; /* those with something kept, the oldest push first */
    size_t kept_bytes;
    struct map wanted;                 /* interval and names -> telemetry_wanted */
    struct telemetry_wanted *everyone; /* what all want under the newest generation; NULL: they were
                                        * not asked for yet, or each client has its own */
    struct list calls;                 /* that wait for a worker */
    struct telemetry_job *job;
    struct env_timer sweep;
    uint64_t taken, refused, dropped;
    uint64_t joined; /* how often subscriptions were */
};

/* For a worker; belongs to it while it runs. */
struct telemetry_job {
    struct env_work work;
    struct telemetry *telemetry; /* NULL: it has gone */
    struct telemetry_call *call;
    struct subscriptions *set; /* to match; NULL: to decode */
    uint64_t generation;
    char *attributes[CONFIG_METRICS_ATTRIBUTES];
    bool *matched;
    enum compress_codec codec;
    struct buf in, out;
    size_t points;
    int err;
};

static void telemetry_pump(struct telemetry *telemetry);
static void telemetry_look(struct telemetry *telemetry, struct telemetry_call *call);

/* ---- what is wanted ---- */

/* As Kafka has it: CRC-32C of "[a, b]300000". */
static uint32_t telemetry_sum(const struct buf *names, int32_t interval_ms)
{
    struct buf text;
    buf_init(&text);
    buf_printf(&text, "[");
    for (size_t at = 0; at < names->len; at += strlen((const char *)names->data + at) + 1)
        buf_printf(&text, "%s%s", at ? ", " : "", (const char *)names->data + at);
    buf_printf(&text, "]%d", interval_ms);
    uint32_t sum = crc32c(0, text.data, text.len);
    buf_close(&text);
    return sum;
}

static struct telemetry_wanted *telemetry_join(struct telemetry *telemetry, const bool *matched)
{
    struct buf key;
    telemetry->joined++;
    buf_init(&key);
    buf_put(&key, &(int32_t){0}, sizeof(int32_t)); /* the interval's place */
    int32_t interval_ms = subscriptions_join(telemetry->set, matched, &key);
    memcpy(key.data, &interval_ms, sizeof(interval_ms));
    struct telemetry_wanted *wanted = map_get(&telemetry->wanted, key.data, key.len);
    if (!wanted) {
        wanted = mem_alloc(sizeof(*wanted));
        *wanted = (struct telemetry_wanted){.interval_ms = interval_ms};
        buf_init(&wanted->names);
        buf_put(&wanted->names, key.data + sizeof(interval_ms), key.len - sizeof(interval_ms));
        wanted->sum = telemetry_sum(&wanted->names, interval_ms);
        map_put(&telemetry->wanted, key.data, key.len, wanted);
    }
    wanted->refs++;
    buf_close(&key);
    ASSERT(wanted->interval_ms > 0);
    return wanted;
}

/* `matched` NULL: all subscriptions match. These are joined once, since whoever asks may name a new
 * client each time, and thousands of names would be sorted on the loop for it. */
static struct telemetry_wanted *telemetry_take_wanted(struct telemetry *telemetry,
                                                      const bool *matched)
{
    if (matched)
        return telemetry_join(telemetry, matched);
    ASSERT(!subscriptions_choose(telemetry->set));
    if (!telemetry->everyone)
        telemetry->everyone = telemetry_join(telemetry, NULL);
    ASSERT(telemetry->everyone->refs > 0);
    telemetry->everyone->refs++;
    return telemetry->everyone;
}

static void telemetry_drop_wanted(struct telemetry *telemetry, struct telemetry_wanted *wanted)
{
    struct buf key;
    if (!wanted)
        return;
    ASSERT(wanted->refs > 0);
    if (--wanted->refs > 0)
        return;
    buf_init(&key);
    buf_put(&key, &wanted->interval_ms, sizeof(wanted->interval_ms));
    buf_put(&key, wanted->names.data, wanted->names.len);
    const void *gone = map_del(&telemetry->wanted, key.data, key.len);
    ASSERT(gone == wanted);
    buf_close(&key);
    buf_close(&wanted->names);
    mem_free(wanted);
}

static void telemetry_drop_everyone(struct telemetry *telemetry)
{
    struct telemetry_wanted *everyone = telemetry->everyone;
    telemetry->everyone = NULL;
    telemetry_drop_wanted(telemetry, everyone);
}

/* ---- clients ---- */

static void telemetry_forget_kept(struct telemetry *telemetry, struct telemetry_client *client)
{
    ASSERT(telemetry->kept_bytes >= client->kept.len);
    telemetry->kept_bytes -= client->kept.len;
    list_remove(&client->kept_link);
    buf_close(&client->kept);
    buf_init(&client->kept);
    client->points = 0;
}

static void telemetry_drop_client(struct telemetry *telemetry, struct telemetry_client *client)
{
    telemetry_forget_kept(telemetry, client);
    telemetry_drop_wanted(telemetry, client->wanted);
    list_remove(&client->link);
    map_del(&telemetry->clients, &client->id, sizeof(client->id));
    mem_free(client);
}

static struct telemetry_client *telemetry_find(const struct telemetry *telemetry,
                                               const struct uuid *id)
{
    return map_get(&telemetry->clients, id, sizeof(*id));
}

static struct telemetry_client *telemetry_first(const struct list *clients)
{
    return list_empty(clients) ? NULL : LIST_ENTRY(clients->next, struct telemetry_client, link);
}

static struct telemetry_client *telemetry_add_client(struct telemetry *telemetry,
                                                     const struct uuid *id)
{
    while (telemetry->clients.count >= TELEMETRY_CLIENTS_MAX)
        telemetry_drop_client(telemetry, telemetry_first(&telemetry->by_silence));
    struct telemetry_client *client = mem_alloc(sizeof(*client));
    *client = (struct telemetry_client){.id = *id};
    list_init(&client->link);
    list_init(&client->kept_link);
    buf_init(&client->kept);
    map_put(&telemetry->clients, &client->id, sizeof(client->id), client);
    if (!env_timer_running(&telemetry->sweep))
        env_timer_start(&telemetry->sweep, TELEMETRY_SWEEP_MS);
    return client;
}

/* What it may do begins anew with what is wanted of it, as in Kafka. */
static void telemetry_set_wanted(struct telemetry *telemetry, struct telemetry_client *client,
                                 const bool *matched)
{
    struct telemetry_wanted *before = client->wanted;
    client->wanted = telemetry_take_wanted(telemetry, matched);
    telemetry_drop_wanted(telemetry, before);
    client->generation = telemetry->generation;
    client->asked_us = client->pushed_us = TELEMETRY_NEVER;
    client->last_err = 0;
    client->terminated = false;
}

static int64_t telemetry_silence_us(const struct telemetry_client *client)
{
    int64_t ms = client->wanted->interval_ms * (int64_t)TELEMETRY_SILENT_INTERVALS;
    return (ms > TELEMETRY_SILENCE_MIN_MS ? ms : TELEMETRY_SILENCE_MIN_MS) * 1000;
}

static void telemetry_sweep(void *data)
{
    struct telemetry *telemetry = data;
    int64_t now_us = env_now_us(telemetry->deps.env);
    LIST_EACH(step, &telemetry->by_silence) {
        struct telemetry_client *client = LIST_ENTRY(step, struct telemetry_client, link);
        if (now_us - client->heard_us < TELEMETRY_SILENCE_MIN_MS * (int64_t)1000)
            break; /* those behind it are younger still */
        if (now_us - client->heard_us >= telemetry_silence_us(client))
            telemetry_drop_client(telemetry, client);
    }
    if (telemetry->clients.count > 0)
        env_timer_start(&telemetry->sweep, TELEMETRY_SWEEP_MS);
}

/* ---- what a call may do ---- */

static bool telemetry_is_over(int64_t since_us, int64_t now_us, int32_t interval_ms)
{
    return since_us == TELEMETRY_NEVER || now_us - since_us >= interval_ms * (int64_t)1000;
}

static int telemetry_check_get(struct telemetry_client *client, int64_t now_us)
{
    int64_t last_us = client->asked_us > client->pushed_us ? client->asked_us : client->pushed_us;
    bool again = client->last_err == ERR_UNKNOWN_SUBSCRIPTION_ID ||
                 client->last_err == ERR_UNSUPPORTED_COMPRESSION_TYPE;
    if (!again && !telemetry_is_over(last_us, now_us, client->wanted->interval_ms))
        return ERR_THROTTLING_QUOTA_EXCEEDED;
    client->asked_us = now_us;
    client->last_err = 0;
    return 0;
}

static int32_t telemetry_subscription(const struct telemetry_client *client)
{
    uint64_t halves[2];
    STATIC_ASSERT(sizeof(halves) == sizeof(client->id.bytes), "an id has two halves");
    for (int i = 0; i < 2; i++) {
        halves[i] = 0;
        for (int j = 0; j < 8; j++)
            halves[i] = halves[i] << 8 | client->id.bytes[8 * i + j];
    }
    uint64_t mixed = halves[0] ^ halves[1]; /* Java's hash of the id */
    return (int32_t)(client->wanted->sum ^ (uint32_t)(mixed >> 32) ^ (uint32_t)mixed);
}

/* After it has asked, a client pushes anywhere between half an interval and one and a half. */
static bool telemetry_may_push(struct telemetry_client *client, int64_t now_us)
{
    bool may = client->asked_us > client->pushed_us ||
               telemetry_is_over(client->pushed_us, now_us, client->wanted->interval_ms);
    if (may)
        client->pushed_us = now_us;
    return may;
}

static int telemetry_check_push(const struct telemetry *telemetry, struct telemetry_client *client,
                                const struct telemetry_call *call, int64_t now_us)
{
    if (client->terminated)
        return ERR_INVALID_REQUEST;
    if (!telemetry_may_push(client, now_us) && !call->terminating)
        return ERR_THROTTLING_QUOTA_EXCEEDED;
    if (call->pushed_subscription != telemetry_subscription(client))
        return ERR_UNKNOWN_SUBSCRIPTION_ID;
    if (call->compression < COMPRESS_NONE || call->compression > COMPRESS_ZSTD)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    if (call->metrics.len > telemetry->deps.max_bytes)
        return ERR_TELEMETRY_TOO_LARGE;
    return 0;
}

static void telemetry_end(struct telemetry *telemetry, struct telemetry_call *call, int err)
{
    telemetry->refused += err != 0;
    call->done(call, err);
}

static void telemetry_get(struct telemetry *telemetry, struct telemetry_client *client,
                          struct telemetry_call *call)
{
    int err = telemetry_check_get(client, client->heard_us);
    call->subscription_id = telemetry_subscription(client);
    call->interval_ms = client->wanted->interval_ms;
    call->wanted = (const char *)client->wanted->names.data;
    call->wanted_len = client->wanted->names.len;
    telemetry_end(telemetry, call, err);
}

static void telemetry_push(struct telemetry *telemetry, struct telemetry_client *client,
                           struct telemetry_call *call)
{
    client->last_err = telemetry_check_push(telemetry, client, call, client->heard_us);
    client->terminated = call->terminating;
    if (client->last_err || call->metrics.len <= 0) {
        telemetry_end(telemetry, call, client->last_err);
        return;
    }
    call->decodes = true;
    list_push(&telemetry->calls, &call->link);
    telemetry_pump(telemetry);
}

/* The client's subscription is known. */
static void telemetry_go_on(struct telemetry *telemetry, struct telemetry_client *client,
                            struct telemetry_call *call)
{
    ASSERT(client->wanted != NULL);
    ASSERT(client->generation == telemetry->generation);
    client->heard_us = env_now_us(telemetry->deps.env);
    list_remove(&client->link);
    list_push(&telemetry->by_silence, &client->link);
    if (call->push)
        telemetry_push(telemetry, client, call);
    else
        telemetry_get(telemetry, client, call);
}

/* ---- on a worker ---- */

static void telemetry_run(struct env_work *work)
{
    struct telemetry_job *job = CONTAINER_OF(work, struct telemetry_job, work);
    if (job->set) {
        subscriptions_match(job->set, (const char *const *)job->attributes, job->matched);
        return;
    }
    job->err =
        compress_decode(job->codec, job->in.data, job->in.len, TELEMETRY_DECODED_MAX, &job->out);
    if (!job->err)
        job->err = otlp_read(job->out.data, job->out.len, NULL, NULL, &job->points);
}

static void telemetry_free_job(struct telemetry_job *job)
{
    for (int i = 0; i < CONFIG_METRICS_ATTRIBUTES; i++)
        mem_free(job->attributes[i]);
    if (job->set)
        subscriptions_unref(job->set);
    mem_free(job->matched);
    buf_close(&job->in);
    buf_close(&job->out);
    mem_free(job);
}

static void telemetry_keep(struct telemetry *telemetry, struct telemetry_client *client,
                           struct telemetry_job *job)
{
    telemetry_forget_kept(telemetry, client);
    if (job->out.len > TELEMETRY_CLIENT_MAX) {
        telemetry->dropped++;
        return;
    }
    while (telemetry->kept_bytes + job->out.len > TELEMETRY_KEPT_MAX) {
        ASSERT(!list_empty(&telemetry->by_push));
        telemetry_forget_kept(
            telemetry, LIST_ENTRY(telemetry->by_push.next, struct telemetry_client, kept_link));
        telemetry->dropped++;
    }
    buf_put(&client->kept, job->out.data, job->out.len); /* as large as it is, not as it grew */
    client->points = job->points;
    telemetry->kept_bytes += client->kept.len;
    list_push(&telemetry->by_push, &client->kept_link);
}

static void telemetry_decoded(struct telemetry *telemetry, struct telemetry_job *job)
{
    struct telemetry_call *call = job->call;
    struct telemetry_client *client = telemetry_find(telemetry, &call->id);
    int err = job->err == ERR_TOO_LARGE ? ERR_TELEMETRY_TOO_LARGE
              : job->err                ? ERR_INVALID_RECORD
                                        : 0;
    if (err)
        logger_info(telemetry->deps.logger, "metrics that client %s pushed can't be read: %s",
                    call->id_text, err_text(job->err));
    else
        telemetry->taken++;
    if (client)
        client->last_err = err;
    if (client && !err)
        telemetry_keep(telemetry, client, job);
    telemetry_end(telemetry, call, err);
}

static void telemetry_matched(struct telemetry *telemetry, struct telemetry_job *job)
{
    struct telemetry_client *client = telemetry_find(telemetry, &job->call->id);
    if (job->generation != telemetry->generation) {
        telemetry_look(telemetry, job->call); /* the subscriptions have changed meanwhile */
        return;
    }
    if (!client)
        client = telemetry_add_client(telemetry, &job->call->id);
    if (!client->wanted || client->generation != telemetry->generation)
        telemetry_set_wanted(telemetry, client, job->matched);
    telemetry_go_on(telemetry, client, job->call);
}

static void telemetry_worked(struct env_work *work)
{
    struct telemetry_job *job = CONTAINER_OF(work, struct telemetry_job, work);
    struct telemetry *telemetry = job->telemetry;
    if (telemetry) {
        ASSERT(telemetry->job == job);
        telemetry->job = NULL;
        if (job->set)
            telemetry_matched(telemetry, job);
        else
            telemetry_decoded(telemetry, job);
        telemetry_pump(telemetry);
    }
    telemetry_free_job(job);
}

static struct telemetry_job *telemetry_make_job(struct telemetry *telemetry,
                                                struct telemetry_call *call)
{
    struct telemetry_job *job = mem_alloc(sizeof(*job));
    *job = (struct telemetry_job){.telemetry = telemetry, .call = call};
    buf_init(&job->in);
    buf_init(&job->out);
    if (call->decodes) {
        job->codec = (enum compress_codec)call->compression;
        if (buf_append(&job->in, call->metrics.data, (size_t)call->metrics.len) == 0)
            return job;
        telemetry_free_job(job);
        return NULL;
    }
    job->set = subscriptions_ref(telemetry->set);
    job->generation = telemetry->generation;
    job->matched = mem_alloc(subscriptions_count(job->set) * sizeof(*job->matched));
    for (int i = 0; i < CONFIG_METRICS_ATTRIBUTES; i++)
        job->attributes[i] = mem_strdup(call->attributes[i]);
    return job;
}

static void telemetry_pump(struct telemetry *telemetry)
{
    while (!telemetry->job && !list_empty(&telemetry->calls)) {
        struct telemetry_call *call =
            LIST_ENTRY(list_pop(&telemetry->calls), struct telemetry_call, link);
        telemetry->job = telemetry_make_job(telemetry, call);
        if (telemetry->job)
            env_work_submit_heavy(telemetry->deps.env, &telemetry->job->work, telemetry_run,
                                  telemetry_worked);
        else
            telemetry_end(telemetry, call, ERR_UNKNOWN_SERVER_ERROR); /* no memory for it */
    }
}

/* ---- calls ---- */

static void telemetry_make_id(struct telemetry *telemetry, struct uuid *id)
{
    env_random_bytes(telemetry->deps.env, id->bytes, sizeof(id->bytes));
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | 0x40); /* a random one, RFC 9562 */
    id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80);
    if ((id->bytes[0] & TELEMETRY_NO_DASH) == TELEMETRY_NO_DASH)
        id->bytes[0] &= 0x7f; /* as in Kafka none begins with -, which tools take for an option */
    ASSERT(!uuid_is_zero(id));
}

/* Works out the subscription of the call's client, if it has none that counts. */
static void telemetry_look(struct telemetry *telemetry, struct telemetry_call *call)
{
    struct telemetry_client *client = telemetry_find(telemetry, &call->id);
    bool known = client && client->wanted && client->generation == telemetry->generation;
    if (!known && subscriptions_choose(telemetry->set)) {
        list_push(&telemetry->calls, &call->link);
        telemetry_pump(telemetry);
        return;
    }
    if (!client)
        client = telemetry_add_client(telemetry, &call->id);
    if (!known)
        telemetry_set_wanted(telemetry, client, NULL);
    telemetry_go_on(telemetry, client, call);
}

/* Ids that Kafka keeps for itself: 0 and 1. */
static bool telemetry_is_reserved(struct uuid id)
{
    id.bytes[sizeof(id.bytes) - 1] &= 0xfe;
    return uuid_is_zero(&id);
}

void telemetry_ask(struct telemetry *telemetry, struct telemetry_call *call)
{
    call->decodes = false;
    list_init(&call->link);
    if (call->push && telemetry_is_reserved(call->id)) {
        telemetry_end(telemetry, call, ERR_INVALID_REQUEST);
        return;
    }
    if (uuid_is_zero(&call->id))
        telemetry_make_id(telemetry, &call->id);
    uuid_format(&call->id, call->id_text);
    call->attributes[CONFIG_METRICS_CLIENT_INSTANCE_ID] = call->id_text;
    telemetry_look(telemetry, call);
}

/* ---- changes ---- */

static void telemetry_config_changed(void *data, Meta__ConfigRecord__Resource resource,
                                     const char *name, const char *key)
{
    struct telemetry *telemetry = data;
    (void)name, (void)key;
    telemetry->changed |= resource == META__CONFIG_RECORD__RESOURCE__CLIENT_METRICS;
}

static void telemetry_replaced(void *data)
{
    struct telemetry *telemetry = data;
    telemetry->changed = true;
}

static void telemetry_settled(void *data)
{
    struct telemetry *telemetry = data;
    if (!telemetry->changed)
        return;
    telemetry->changed = false;
    telemetry->generation++;
    telemetry_drop_everyone(telemetry);
    subscriptions_unref(telemetry->set);
    telemetry->set = subscriptions_new(metadata_image(telemetry->deps.metadata));
}

/* ---- life ---- */

struct telemetry *telemetry_new(const struct telemetry_deps *deps)
{
    struct telemetry *telemetry = mem_alloc(sizeof(*telemetry));
    *telemetry = (struct telemetry){.deps = *deps, .generation = 1};
    telemetry->set = subscriptions_new(metadata_image(deps->metadata));
    map_init(&telemetry->clients);
    map_init(&telemetry->wanted);
    list_init(&telemetry->by_silence);
    list_init(&telemetry->by_push);
    list_init(&telemetry->calls);
    env_timer_init(deps->env, &telemetry->sweep, telemetry_sweep, telemetry);
    telemetry->listener = (struct metadata_listener){.config_changed = telemetry_config_changed,
                                                     .replaced = telemetry_replaced,
                                                     .settled = telemetry_settled,
                                                     .data = telemetry};
    metadata_listen(deps->metadata, &telemetry->listener);
    return telemetry;
}

void telemetry_free(struct telemetry *telemetry)
{
    struct telemetry_client *client;
    struct list *step;
    struct telemetry_job *job = telemetry->job;
    env_timer_stop(&telemetry->sweep);
    list_remove(&telemetry->listener.link);
    telemetry->job = NULL;
    if (job) {
        job->telemetry = NULL;
        telemetry_end(telemetry, job->call, ERR_BROKER_NOT_AVAILABLE);
    }
    while ((step = list_pop(&telemetry->calls)))
        telemetry_end(telemetry, LIST_ENTRY(step, struct telemetry_call, link),
                      ERR_BROKER_NOT_AVAILABLE);
    while ((client = telemetry_first(&telemetry->by_silence)))
        telemetry_drop_client(telemetry, client);
    telemetry_drop_everyone(telemetry);
    ASSERT(telemetry->clients.count == 0);
    ASSERT(telemetry->wanted.count == 0);
    ASSERT(telemetry->kept_bytes == 0);
    map_close(&telemetry->clients);
    map_close(&telemetry->wanted);
    subscriptions_unref(telemetry->set);
    mem_free(telemetry);
}

const struct buf *telemetry_kept(const struct telemetry *telemetry, const struct uuid *id)
{
    const struct telemetry_client *client = telemetry_find(telemetry, id);
    return client && client->kept.len > 0 ? &client->kept : NULL;
}

void telemetry_summarise(const struct telemetry *telemetry, struct buf *out)
{
    size_t clients = 0, points = 0;
    LIST_EACH(step, &telemetry->by_push) {
        clients++;
        points += LIST_ENTRY(step, struct telemetry_client, kept_link)->points;
    }
    buf_printf(out,
               "telemetry: %zu subscriptions, %zu clients, of %zu of them %zu points in %zu bytes "
               "are kept; %llu pushes taken, %llu calls refused, %llu pushes dropped for room; "
               "subscriptions were joined %llu times",
               subscriptions_count(telemetry->set), telemetry->clients.count, clients, points,
               telemetry->kept_bytes, (unsigned long long)telemetry->taken,
               (unsigned long long)telemetry->refused, (unsigned long long)telemetry->dropped,
               (unsigned long long)telemetry->joined);
}

void telemetry_check(const struct telemetry *telemetry)
{
    size_t listed = 0, bytes = 0, refs = 0, shared = 0, cursor = 0;
    const struct telemetry_wanted *wanted;
    const struct telemetry_client *client;
    LIST_EACH(step, &telemetry->by_silence)
        listed++;
    while ((client = map_next(&telemetry->clients, &cursor, NULL, NULL))) {
        ASSERT(client->generation <= telemetry->generation);
        ASSERT(client->wanted != NULL);
        ASSERT(list_empty(&client->kept_link) == (client->kept.len == 0));
        bytes += client->kept.len;
        refs++;
    }
    cursor = 0;
    while ((wanted = map_next(&telemetry->wanted, &cursor, NULL, NULL))) {
        ASSERT(wanted->refs > 0);
        shared += (size_t)wanted->refs;
    }
    ASSERT(listed == telemetry->clients.count);
    ASSERT(refs + (telemetry->everyone ? 1 : 0) == shared);
    ASSERT(bytes == telemetry->kept_bytes);
    ASSERT(bytes <= TELEMETRY_KEPT_MAX);
}
