/* Clients and what they have used.
 *
 * Happy path: a request begins, its client is found by user and client id, and the quotas that
 * count for it were worked out when they changed last. What it uses is added to their rates, which
 * may be shared with other clients, and the wait is what the worst of them asks. Failure modes:
 * more clients than are remembered, of which the oldest idle one starts anew. */
#include "broker/quota/quotas.h"

#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/siphash.h"
#include "broker/net/api_table.h"
#include "broker/net/server.h"
#include "broker/quota/hosts.h"
#include "meta/quota.h"
#include "wire/wire.h"

enum {
    QUOTAS_USED = QUOTA_REQUEST_PERCENTAGE + 1, /* keys that are held to here, from 0 on */
    QUOTAS_VERIFY_VERSION = 4,                  /* from here on, brokers send AddPartitionsToTxn */
    QUOTAS_NAME_MAX = 64,                       /* bytes of a client id in the log */
    QUOTAS_PIECES = 4                           /* that a sample's worth of records is fetched in */
};

/* What clients that share a quota have used of it. */
struct quotas_rate {
    struct siphash key;
    int refs; /* clients */
    double limit;
    bool told; /* that somebody is throttled */
    struct rate rate;
};

struct quotas_client {
    struct list link; /* of the idle ones */
    struct siphash key;
    int requests;               /* under way */
    char name[QUOTAS_NAME_MAX]; /* of its client id, for the log */
    int32_t name_len;           /* -1: it has none */
    uint64_t generation;
    struct quotas_rate *rates[QUOTAS_USED]; /* NULL: not limited */
};

struct quotas {
    struct quotas_deps deps;
    struct metadata_listener listener;
    struct request_quota hook;
    uint64_t hash_key[2];
    uint64_t generation; /* rises when quotas change */
    bool changed;
    struct quotas_hosts *hosts;
    struct map clients; /* user and client id -> quotas_client */
    struct map rates;   /* key and who shares it -> quotas_rate */
    struct list idle;   /* clients without a request under way, the least recently seen first */
};

/* ---- rates ---- */

static void quotas_drop_rate(struct quotas *quotas, struct quotas_rate *rate)
{
    ASSERT(rate->refs > 0);
    if (--rate->refs > 0)
        return;
    map_del(&quotas->rates, &rate->key, sizeof(rate->key));
    mem_free(rate);
}

/* Bytes are paid for in full; what was spent of time is forgotten with the window. */
static void quotas_keep_unpaid(const struct quotas *quotas, struct quotas_rate *rate,
                               enum quota_key key, int64_t now_us)
{
    if (key != QUOTA_REQUEST_PERCENTAGE && rate->limit > 0)
        rate_keep_unpaid(&rate->rate, &quotas->deps.window, now_us, rate->limit);
}

/* Who shares it: the user, the client id, or both together. */
static struct quotas_rate *quotas_take_rate(struct quotas *quotas, enum quota_key key,
                                            const struct quota_match *match,
                                            const struct siphash *user, const struct siphash *id)
{
    struct {
        uint64_t key;
        struct siphash user, id;
    } shared = {.key = (uint64_t)key};
    if (match->by_user)
        shared.user = *user;
    if (match->by_client)
        shared.id = *id;
    struct siphash hash = siphash_128(quotas->hash_key, &shared, sizeof(shared));
    struct quotas_rate *rate = map_get(&quotas->rates, &hash, sizeof(hash));
    if (!rate) {
        rate = mem_alloc(sizeof(*rate) + rate_size(&quotas->deps.window));
        rate->key = hash;
        map_put(&quotas->rates, &hash, sizeof(hash), rate);
    }
    if (rate->limit != match->limit) {
        int64_t now_us = env_now_us(quotas->deps.env);
        quotas_keep_unpaid(quotas, rate, key, now_us);
        rate->told = false;
        rate->limit = match->limit;
        rate_forgive(&rate->rate, &quotas->deps.window, now_us, rate->limit);
    }
    rate->refs++;
    return rate;
}

/* ---- clients ---- */

static void quotas_drop_client(struct quotas *quotas, struct quotas_client *client)
{
    ASSERT(client->requests == 0);
    for (int i = 0; i < QUOTAS_USED; i++)
        if (client->rates[i])
            quotas_drop_rate(quotas, client->rates[i]);
    list_remove(&client->link);
    map_del(&quotas->clients, &client->key, sizeof(client->key));
    mem_free(client);
}

static void quotas_drop_idle(struct quotas *quotas, size_t most)
{
    while (quotas->clients.count > most && !list_empty(&quotas->idle))
        quotas_drop_client(quotas, LIST_ENTRY(quotas->idle.next, struct quotas_client, link));
}

/* The name of the principal, as quotas have it. */
static const char *quotas_user(const struct request *request)
{
    const char *colon = strchr(request->principal, ':');
    return colon ? colon + 1 : request->principal;
}

/* A client id that no quota can name is one of all the others. */
static const char *quotas_client_id(struct wire_str id, char name[IMAGE_QUOTA_NAME_MAX + 1])
{
    size_t len = id.len > 0 ? (size_t)id.len : 0;
    if (len > IMAGE_QUOTA_NAME_MAX || (len > 0 && memchr(id.data, 0, len)))
        len = 0;
    if (len > 0)
        memcpy(name, id.data, len);
    name[len] = 0;
    return name;
}

/* Works out which quotas count; what was used of those that count on is kept. */
static void quotas_resolve(struct quotas *quotas, struct quotas_client *client,
                           const struct request *request, const struct siphash *user,
                           const struct siphash *id)
{
    const struct image *image = metadata_image(quotas->deps.metadata);
    char name[IMAGE_QUOTA_NAME_MAX + 1];
    const char *client_id = quotas_client_id(request->client_id, name);
    for (int i = 0; i < QUOTAS_USED; i++) {
        struct quota_match match;
        struct quotas_rate *old = client->rates[i];
        bool limited =
            quota_find(image, (enum quota_key)i, quotas_user(request), client_id, &match);
        client->rates[i] =
            limited ? quotas_take_rate(quotas, (enum quota_key)i, &match, user, id) : NULL;
        if (old)
            quotas_drop_rate(quotas, old);
    }
    client->generation = quotas->generation;
}

static void quotas_name(struct quotas_client *client, struct wire_str id)
{
    client->name_len = id.len < QUOTAS_NAME_MAX ? id.len : QUOTAS_NAME_MAX;
    if (client->name_len > 0)
        memcpy(client->name, id.data, (size_t)client->name_len);
}

static struct quotas_client *quotas_find_client(struct quotas *quotas,
                                                const struct request *request)
{
    const char *name = quotas_user(request);
    size_t len = request->client_id.len > 0 ? (size_t)request->client_id.len : 0;
    struct siphash parts[2] = {
        siphash_128(quotas->hash_key, name, strlen(name)),
        siphash_128(quotas->hash_key, len ? request->client_id.data : "", len)};
    struct siphash key = siphash_128(quotas->hash_key, parts, sizeof(parts));
    struct quotas_client *client = map_get(&quotas->clients, &key, sizeof(key));
    if (!client) {
        quotas_drop_idle(quotas, QUOTAS_CLIENTS_MAX - 1);
        client = mem_alloc(sizeof(*client));
        list_init(&client->link);
        client->key = key;
        quotas_name(client, request->client_id);
        map_put(&quotas->clients, &key, sizeof(key), client);
    }
    list_remove(&client->link);
    if (client->generation != quotas->generation)
        quotas_resolve(quotas, client, request, &parts[0], &parts[1]);
    return client;
}

/* ---- requests ---- */

/* What brokers ask each other is no client's; followers are known by their connections. Whoever
 * asks for ApiVersions may be a broker that opens a line. */
static bool quotas_is_exempt(const struct request *request)
{
    return request->row->operation == ACL_CLUSTER_ACTION ||
           request->api->key == KAFKA_API_API_VERSIONS ||
           (request->api->key == KAFKA_API_ADD_PARTITIONS_TO_TXN &&
            request->version >= QUOTAS_VERIFY_VERSION);
}

static void quotas_end(void *data, void *payer)
{
    struct quotas *quotas = data;
    struct quotas_client *client = payer;
    ASSERT(client->requests > 0);
    if (--client->requests > 0)
        return;
    list_push(&quotas->idle, &client->link);
    quotas_drop_idle(quotas, quotas->hook.on ? QUOTAS_CLIENTS_MAX : 0);
}

static void quotas_tell(struct quotas *quotas, const struct quotas_client *client,
                        enum quota_key key, const struct request *request)
{
    struct quotas_rate *rate = client->rates[key];
    struct buf name;
    if (rate->told)
        return;
    rate->told = true;
    buf_init(&name);
    wire_print_string((struct wire_str){client->name, client->name_len}, &name);
    logger_info(quotas->deps.logger,
                "%s is throttled: the %s of user %s and client id %s is %.17g; said once",
                request_peer(request), quota_rows[key].name, quotas_user(request), buf_text(&name),
                rate->limit);
    buf_close(&name);
}

/* In ms, rounded up: a wait that ends too early would be followed by another. */
static int32_t quotas_wait(struct quotas *quotas, const struct quotas_client *client,
                           enum quota_key key, const struct request *request)
{
    const struct quotas_rate *rate = client->rates[key];
    const struct rate_window *window = &quotas->deps.window;
    int64_t now_us = env_now_us(quotas->deps.env);
    int64_t wait_us = rate_wait_us(&rate->rate, window, now_us, rate->limit);
    /* As in Kafka, time holds nobody longer than a sample; bytes have no such cap. */
    if (key == QUOTA_REQUEST_PERCENTAGE && wait_us > window->sample_us)
        wait_us = window->sample_us;
    if (wait_us > 0)
        quotas_tell(quotas, client, key, request);
    return (int32_t)((wait_us + 999) / 1000);
}

/* NULL: not limited. A quota that was changed or removed limits no request under way: what the new
 * one says is worked out when the client's next request begins. */
static struct quotas_rate *quotas_rate_of(const struct quotas *quotas,
                                          const struct quotas_client *client, enum quota_key key)
{
    return client->generation == quotas->generation ? client->rates[key] : NULL;
}

static int32_t quotas_use(struct quotas *quotas, struct quotas_client *client, enum quota_key key,
                          const struct request *request, double amount)
{
    struct quotas_rate *rate = quotas_rate_of(quotas, client, key);
    if (!rate)
        return 0;
    int64_t now_us = env_now_us(quotas->deps.env);
    quotas_keep_unpaid(quotas, rate, key, now_us);
    rate_add(&rate->rate, &quotas->deps.window, now_us, amount);
    return quotas_wait(quotas, client, key, request);
}

static void *quotas_begin(void *data, const struct request *request, int32_t *wait_ms)
{
    struct quotas *quotas = data;
    if (quotas_is_exempt(request))
        return NULL;
    struct quotas_client *client = quotas_find_client(quotas, request);
    client->requests++;
    if (request->api->key == KAFKA_API_PRODUCE)
        *wait_ms =
            quotas_use(quotas, client, QUOTA_PRODUCER_BYTE_RATE, request, (double)request->bytes);
    return client;
}

/* 100 a second is all of the one thread that clients are served by. */
static int32_t quotas_charge(void *data, void *payer, const struct request *request,
                             int64_t spent_us)
{
    return quotas_use(data, payer, QUOTA_REQUEST_PERCENTAGE, request,
                      (double)spent_us / 1000000 * 100);
}

/* A part of a sample: so answers come in even pieces, each of which the quota lets through. */
static size_t quotas_answer_max(void *data, void *payer)
{
    const struct quotas *quotas = data;
    const struct quotas_rate *rate = quotas_rate_of(quotas, payer, QUOTA_CONSUMER_BYTE_RATE);
    if (!rate)
        return SIZE_MAX;
    double max = rate->limit * (double)quotas->deps.window.sample_us / 1000000 / QUOTAS_PIECES;
    return max < (double)(SIZE_MAX / 2) ? (size_t)max : SIZE_MAX;
}

/* What was used before decides: so a batch of any size goes when its client's turn has come, and
 * the client waits after it. */
static int32_t quotas_take(void *data, void *payer, const struct request *request, size_t bytes,
                           bool *refused)
{
    struct quotas *quotas = data;
    struct quotas_client *client = payer;
    int32_t wait_ms = quotas_use(quotas, client, QUOTA_CONSUMER_BYTE_RATE, request, 0);
    *refused = wait_ms > 0;
    if (*refused)
        return wait_ms;
    return quotas_use(quotas, client, QUOTA_CONSUMER_BYTE_RATE, request, (double)bytes);
}

static int32_t quotas_arrive(void *data, const char *host)
{
    const struct quotas *quotas = data;
    return hosts_arrive(quotas->hosts, host);
}

/* ---- changes ---- */

static void quotas_note_change(void *data)
{
    struct quotas *quotas = data;
    quotas->changed = true;
}

/* Whoever waits is let go: with the new quotas it may have to wait no longer, or has to again. */
static void quotas_settled(void *data)
{
    struct quotas *quotas = data;
    if (!quotas->changed)
        return;
    quotas->changed = false;
    quotas->generation++;
    unsigned keys = image_quota_keys(metadata_image(quotas->deps.metadata));
    quotas->hook.on = (keys & ((1u << QUOTAS_USED) - 1)) != 0;
    quotas->hook.hosts_on = (keys & 1u << QUOTA_CONNECTION_CREATION_RATE) != 0;
    hosts_change(quotas->hosts);
    server_end_throttles(quotas->deps.server);
    if (!quotas->hook.on)
        quotas_drop_idle(quotas, 0);
}

/* ---- life ---- */

struct quotas *quotas_new(const struct quotas_deps *deps)
{
    struct quotas *quotas = mem_alloc(sizeof(*quotas));
    quotas->deps = *deps;
    quotas->generation = 1;
    env_random_bytes(deps->env, quotas->hash_key, sizeof(quotas->hash_key));
    map_init(&quotas->clients);
    map_init(&quotas->rates);
    list_init(&quotas->idle);
    quotas->hosts = hosts_new(deps->env, deps->logger, deps->metadata, deps->window);
    quotas->listener = (struct metadata_listener){.quotas_changed = quotas_note_change,
                                                  .replaced = quotas_note_change,
                                                  .settled = quotas_settled,
                                                  .data = quotas};
    metadata_listen(deps->metadata, &quotas->listener);
    quotas->hook = (struct request_quota){.begin = quotas_begin,
                                          .charge = quotas_charge,
                                          .answer_max = quotas_answer_max,
                                          .take = quotas_take,
                                          .end = quotas_end,
                                          .arrive = quotas_arrive,
                                          .data = quotas};
    server_set_quota(deps->server, &quotas->hook);
    return quotas;
}

void quotas_free(struct quotas *quotas)
{
    if (!quotas)
        return;
    quotas_drop_idle(quotas, 0);
    ASSERT(quotas->clients.count == 0);
    ASSERT(quotas->rates.count == 0);
    list_remove(&quotas->listener.link);
    hosts_free(quotas->hosts);
    map_close(&quotas->clients);
    map_close(&quotas->rates);
    mem_free(quotas);
}

size_t quotas_clients(const struct quotas *quotas)
{
    return quotas->clients.count;
}

void quotas_check(const struct quotas *quotas)
{
    size_t listed = 0, idle = 0, refs = 0, shared = 0, cursor = 0;
    const struct quotas_rate *rate;
    const struct quotas_client *client;
    LIST_EACH(step, &quotas->idle)
        listed++;
    while ((client = map_next(&quotas->clients, &cursor, NULL, NULL))) {
        idle += client->requests == 0;
        ASSERT(list_empty(&client->link) == (client->requests > 0));
        ASSERT(client->generation <= quotas->generation);
        for (int i = 0; i < QUOTAS_USED; i++)
            refs += client->rates[i] != NULL;
    }
    cursor = 0;
    while ((rate = map_next(&quotas->rates, &cursor, NULL, NULL))) {
        ASSERT(rate->refs > 0);
        ASSERT(rate->limit > 0);
        shared += (size_t)rate->refs;
    }
    ASSERT(idle == listed);
    ASSERT(refs == shared);
}
