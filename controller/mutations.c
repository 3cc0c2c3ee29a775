/* Buckets of tokens. Happy path: the quota that counts for who asks is looked up in the image; its
 * bucket has been filled since it was used last, and gives what is asked. As in Kafka it may give
 * more than it has, once: who is below zero waits until it is not. Failure modes: more who share
 * quotas than are remembered; the one that asked longest ago begins anew. */
#include "controller/mutations.h"

#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "meta/quota.h"

enum { MUTATIONS_WAIT_MAX_MS = INT32_MAX, MUTATIONS_SECOND_US = 1000000 };

struct mutations_bucket {
    struct list link; /* the one that asked longest ago comes first */
    char *key;
    size_t key_len;
    double tokens;
    int64_t filled_us;
};

struct mutations {
    struct env *env;
    int64_t window_s;
    struct map buckets; /* by who shares it */
    struct list by_use;
};

struct mutations *mutations_new(struct env *env, int64_t window_s)
{
    struct mutations *mutations = mem_alloc(sizeof(*mutations));
    ASSERT(window_s > 0);
    *mutations = (struct mutations){.env = env, .window_s = window_s};
    map_init(&mutations->buckets);
    list_init(&mutations->by_use);
    return mutations;
}

static void mutations_drop_oldest(struct mutations *mutations)
{
    struct list *step = list_pop(&mutations->by_use);
    ASSERT(step != NULL);
    struct mutations_bucket *bucket = LIST_ENTRY(step, struct mutations_bucket, link);
    map_del(&mutations->buckets, bucket->key, bucket->key_len);
    mem_free(bucket->key);
    mem_free(bucket);
}

void mutations_free(struct mutations *mutations)
{
    if (!mutations)
        return;
    while (mutations->buckets.count > 0)
        mutations_drop_oldest(mutations);
    map_close(&mutations->buckets);
    mem_free(mutations);
}

/* A user and a client id; the one that does not count is left out. The names are bounded. */
static size_t mutations_key(const struct quota_match *match, const char *user,
                            const char *client_id, char key[2 * IMAGE_QUOTA_NAME_MAX + 4])
{
    user = match->by_user ? user : "";
    client_id = match->by_client ? client_id : "";
    size_t user_len = strnlen(user, IMAGE_QUOTA_NAME_MAX);
    size_t client_len = strnlen(client_id, IMAGE_QUOTA_NAME_MAX);
    key[0] = (char)('0' + match->by_user + 2 * match->by_client);
    memcpy(key + 1, user, user_len);
    key[1 + user_len] = '\0';
    memcpy(key + 2 + user_len, client_id, client_len);
    return 2 + user_len + client_len;
}

static struct mutations_bucket *mutations_find(struct mutations *mutations,
                                               const struct quota_match *match, const char *user,
                                               const char *client_id)
{
    char key[2 * IMAGE_QUOTA_NAME_MAX + 4];
    size_t len = mutations_key(match, user, client_id, key);
    struct mutations_bucket *bucket = map_get(&mutations->buckets, key, len);
    double most = match->limit * (double)mutations->window_s;
    int64_t now_us = env_now_us(mutations->env);
    if (!bucket) {
        if (mutations->buckets.count >= MUTATIONS_BUCKETS_MAX)
            mutations_drop_oldest(mutations);
        bucket = mem_alloc(sizeof(*bucket));
        *bucket = (struct mutations_bucket){
            .key = mem_dup(key, len), .key_len = len, .tokens = most, .filled_us = now_us};
        list_init(&bucket->link);
        map_put(&mutations->buckets, key, len, bucket);
    }
    ASSERT(now_us >= bucket->filled_us);
    double seconds = (double)(now_us - bucket->filled_us) / MUTATIONS_SECOND_US;
    bucket->tokens += match->limit * seconds;
    if (bucket->tokens > most)
        bucket->tokens = most;
    bucket->filled_us = now_us;
    list_remove(&bucket->link);
    list_push(&mutations->by_use, &bucket->link);
    return bucket;
}

/* Rounded up: a wait that ends too early would be followed by another. */
static int32_t mutations_wait_ms(const struct mutations_bucket *bucket, double limit)
{
    ASSERT(limit > 0);
    if (bucket->tokens >= 0)
        return 0;
    double ms = -bucket->tokens / limit * 1000;
    return ms < MUTATIONS_WAIT_MAX_MS - 1 ? (int32_t)ms + 1 : MUTATIONS_WAIT_MAX_MS;
}

static void mutations_note_wait(struct decision *decision, int32_t wait_ms)
{
    if (wait_ms > decision->throttle_ms)
        decision->throttle_ms = wait_ms;
}

bool mutations_take(struct decision *decision, double partitions)
{
    struct mutations *mutations = decision->rules->mutations;
    const Meta__Command *command = decision->command;
    struct quota_match match;
    ASSERT(partitions >= 0);
    if (!mutations || !command)
        return true;
    const char *colon = strchr(command->principal, ':');
    const char *user = colon ? colon + 1 : command->principal;
    if (!quota_find(decision->image, QUOTA_CONTROLLER_MUTATION_RATE, user, command->client_id,
                    &match))
        return true;
    struct mutations_bucket *bucket = mutations_find(mutations, &match, user, command->client_id);
    bool refused = command->strict && bucket->tokens < 0;
    if (!refused)
        bucket->tokens -= partitions;
    if (refused || !command->strict)
        mutations_note_wait(decision, mutations_wait_ms(bucket, match.limit));
    return !refused;
}
