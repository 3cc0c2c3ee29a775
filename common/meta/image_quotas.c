/* Quotas of clients: an array by whom they are for. Failure modes: a record that names no key or
 * nobody, or one too many, is refused. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "meta/image_private.h"

enum { IMAGE_QUOTAS_ROOM = 16 };

const struct quota_row quota_rows[QUOTA_KEYS] = {
#define QUOTA_KEY_ROW(constant, name, max, whole, of_ip) {name, max, whole, of_ip},
    QUOTA_KEY_LIST(QUOTA_KEY_ROW)
#undef QUOTA_KEY_ROW
};

enum quota_key quota_key_find(const char *name)
{
    for (int i = 0; i < QUOTA_KEYS; i++)
        if (strcmp(quota_rows[i].name, name) == 0)
            return (enum quota_key)i;
    return QUOTA_KEYS;
}

static const char *const quota_parts[QUOTA_PARTS] = {"user", "client-id", "ip"};

const char *quota_part_name(enum quota_part part)
{
    ASSERT(part < QUOTA_PARTS);
    return quota_parts[part];
}

enum quota_part quota_part_find(const char *name)
{
    for (int i = 0; i < QUOTA_PARTS; i++)
        if (strcmp(quota_parts[i], name) == 0)
            return (enum quota_part)i;
    return QUOTA_PARTS;
}

/* ---- whom they are for ---- */

static int image_quota_compare(const char *const a[QUOTA_PARTS], const char *const b[QUOTA_PARTS])
{
    for (int i = 0; i < QUOTA_PARTS; i++) {
        if (!a[i] || !b[i]) {
            if (a[i] != b[i])
                return a[i] ? 1 : -1;
            continue;
        }
        int order = strcmp(a[i], b[i]);
        if (order)
            return order;
    }
    return 0;
}

/* Where it is, or would be. */
static size_t image_quota_position(const struct image *image, const char *const parts[QUOTA_PARTS],
                                   bool *found)
{
    size_t low = 0, high = image->quota_count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *const *there = (const char *const *)image->quotas[middle]->parts;
        int order = image_quota_compare(there, parts);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct image_quota *image_quota(const struct image *image,
                                      const char *const parts[QUOTA_PARTS])
{
    bool found;
    size_t at = image_quota_position(image, parts, &found);
    return found ? image->quotas[at] : NULL;
}

const struct image_quota *image_next_quota(const struct image *image, size_t *cursor)
{
    return *cursor < image->quota_count ? image->quotas[(*cursor)++] : NULL;
}

size_t image_quota_count(const struct image *image)
{
    return image->quota_count;
}

unsigned image_quota_keys(const struct image *image)
{
    unsigned keys = 0;
    for (int i = 0; i < QUOTA_KEYS; i++)
        keys |= (unsigned)(image->quota_keys[i] > 0) << i;
    return keys;
}

/* ---- which one counts ---- */

static bool image_quota_value(const struct image *image, enum quota_key key, const char *user,
                              const char *client_id, const char *ip, double *limit)
{
    const char *parts[QUOTA_PARTS] = {user, client_id, ip};
    const struct image_quota *quota = image_quota(image, parts);
    if (!quota || !(quota->has & 1u << key))
        return false;
    ASSERT(quota->values[key] > 0);
    *limit = quota->values[key];
    return true;
}

bool quota_find(const struct image *image, enum quota_key key, const char *user,
                const char *client_id, struct quota_match *match)
{
    ASSERT(key < QUOTA_KEYS && !quota_rows[key].of_ip);
    *match = (struct quota_match){0};
    if (image->quota_keys[key] == 0)
        return false;
    const char *const users[] = {user, "", NULL}, *const clients[] = {client_id, "", NULL};
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        for (size_t j = 0; j < ARRAY_LEN(clients); j++) {
            if (!users[i] && !clients[j])
                continue;
            /* No name is "": such a client is one of all the others. */
            if (!image_quota_value(image, key, users[i], clients[j], NULL, &match->limit))
                continue;
            match->by_user = users[i] != NULL;
            match->by_client = clients[j] != NULL;
            return true;
        }
    }
    return false;
}

bool quota_find_ip(const struct image *image, enum quota_key key, const char *ip, double *limit)
{
    ASSERT(key < QUOTA_KEYS && quota_rows[key].of_ip);
    return image->quota_keys[key] > 0 && (image_quota_value(image, key, NULL, NULL, ip, limit) ||
                                          image_quota_value(image, key, NULL, NULL, "", limit));
}

/* ---- records ---- */

/* What the record breaks; else `parts` and *key are filled. */
static int image_quota_check(const Meta__ClientQuotaRecord *record, const char *parts[QUOTA_PARTS],
                             enum quota_key *key)
{
    *key = quota_key_find(record->key);
    if (*key == QUOTA_KEYS || !(record->removed || record->value > 0))
        return ERR_MALFORMED;
    for (size_t i = 0; i < record->n_parts; i++) {
        enum quota_part part = quota_part_find(record->parts[i]->type);
        const char *name = record->parts[i]->name;
        if (part == QUOTA_PARTS || parts[part] || strlen(name) > IMAGE_QUOTA_NAME_MAX ||
            (name[0] == 0) != record->parts[i]->everyone)
            return ERR_MALFORMED;
        parts[part] = name;
    }
    bool client = parts[QUOTA_USER] || parts[QUOTA_CLIENT_ID], ip = parts[QUOTA_IP] != NULL;
    return client != ip && ip == quota_rows[*key].of_ip ? 0 : ERR_MALFORMED;
}

static void image_quota_free(struct image_quota *quota)
{
    for (int i = 0; i < QUOTA_PARTS; i++)
        mem_free(quota->parts[i]);
    mem_free(quota);
}

static struct image_quota *image_quota_add(struct image *image, size_t at,
                                           const char *const parts[QUOTA_PARTS])
{
    struct image_quota *quota = mem_alloc(sizeof(*quota));
    ASSERT(at <= image->quota_count);
    ASSERT(image->quota_count < IMAGE_QUOTAS_MAX);
    for (int i = 0; i < QUOTA_PARTS; i++)
        quota->parts[i] = parts[i] ? mem_strdup(parts[i]) : NULL;
    if (image->quota_count == image->quota_cap) {
        image->quota_cap = image->quota_cap ? image->quota_cap * 2 : IMAGE_QUOTAS_ROOM;
        image->quotas = mem_realloc(image->quotas, image->quota_cap * sizeof(*image->quotas));
    }
    memmove(&image->quotas[at + 1], &image->quotas[at],
            (image->quota_count - at) * sizeof(*image->quotas));
    image->quotas[at] = quota;
    image->quota_count++;
    return quota;
}

static void image_quota_remove(struct image *image, size_t at, enum quota_key key)
{
    struct image_quota *quota = image->quotas[at];
    ASSERT(quota->has != 0);
    if (!(quota->has & 1u << key))
        return;
    ASSERT(image->quota_keys[key] > 0);
    image->quota_keys[key]--;
    quota->has &= ~(1u << key);
    if (quota->has)
        return;
    image_quota_free(quota);
    image->quota_count--;
    memmove(&image->quotas[at], &image->quotas[at + 1],
            (image->quota_count - at) * sizeof(*image->quotas));
}

int image_apply_quota(struct image *image, const Meta__ClientQuotaRecord *record)
{
    const char *parts[QUOTA_PARTS] = {NULL};
    enum quota_key key;
    bool found;
    int err = image_quota_check(record, parts, &key);
    if (err)
        return err;
    size_t at = image_quota_position(image, parts, &found);
    if (record->removed) {
        if (found)
            image_quota_remove(image, at, key);
        return 0;
    }
    if (!found && image->quota_count == IMAGE_QUOTAS_MAX)
        return ERR_MALFORMED;
    struct image_quota *quota = found ? image->quotas[at] : image_quota_add(image, at, parts);
    image->quota_keys[key] += !(quota->has & 1u << key);
    quota->has |= 1u << key;
    quota->values[key] = record->value;
    ASSERT(image->quota_count <= IMAGE_QUOTAS_MAX);
    ASSERT(image->quota_keys[key] <= image->quota_count);
    return 0;
}

void image_close_quotas(struct image *image)
{
    for (size_t i = 0; i < image->quota_count; i++)
        image_quota_free(image->quotas[i]);
    mem_free(image->quotas);
}

int image_each_quota(const struct image *image, int (*fn)(void *data, const Meta__Record *record),
                     void *data)
{
    int err = 0;
    for (size_t i = 0; i < image->quota_count; i++) {
        const struct image_quota *quota = image->quotas[i];
        Meta__QuotaPart parts[QUOTA_PARTS], *pointers[QUOTA_PARTS];
        Meta__ClientQuotaRecord body = META__CLIENT_QUOTA_RECORD__INIT;
        Meta__Record record = META__RECORD__INIT;
        body.parts = pointers;
        for (int part = 0; part < QUOTA_PARTS; part++) {
            if (!quota->parts[part])
                continue;
            meta__quota_part__init(&parts[part]);
            parts[part].type = (char *)(uintptr_t)quota_parts[part];
            parts[part].name = quota->parts[part];
            parts[part].everyone = quota->parts[part][0] == 0;
            pointers[body.n_parts++] = &parts[part];
        }
        record.fact_case = META__RECORD__FACT_CLIENT_QUOTA;
        record.client_quota = &body;
        for (int key = 0; !err && key < QUOTA_KEYS; key++) {
            if (!(quota->has & 1u << key))
                continue;
            body.key = (char *)(uintptr_t)quota_rows[key].name;
            body.value = quota->values[key];
            err = fn(data, &record);
        }
    }
    return err;
}
