/* Quotas of clients in the image: records, the order of a walk, and which of several counts. */
#include "../tap.h"

#include "base/err.h"
#include "meta/channel.h"
#include "meta/quota.h"

static int put(struct image *image, const char *user, const char *client_id, const char *ip,
               const char *key, double value)
{
    const char *const names[] = {user, client_id, ip};
    Meta__QuotaPart parts[QUOTA_PARTS], *pointers[QUOTA_PARTS];
    Meta__ClientQuotaRecord body = META__CLIENT_QUOTA_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    body.parts = pointers;
    for (int i = 0; i < QUOTA_PARTS; i++) {
        if (!names[i])
            continue;
        meta__quota_part__init(&parts[i]);
        parts[i].type = (char *)(uintptr_t)quota_part_name((enum quota_part)i);
        parts[i].name = (char *)(uintptr_t)names[i];
        parts[i].everyone = names[i][0] == 0;
        pointers[body.n_parts++] = &parts[i];
    }
    body.key = (char *)(uintptr_t)key;
    body.value = value;
    body.removed = value == 0;
    record.fact_case = META__RECORD__FACT_CLIENT_QUOTA;
    record.client_quota = &body;
    return image_apply(image, &record);
}

enum { NOBODY, USER_ONLY, CLIENT_ONLY, BOTH };

/* Each row adds a quota of a lower rank than the one before: with all from a row on, the first of
 * them counts, and is shared so. */
static void the_most_exact_quota_counts(void)
{
    static const struct {
        const char *user, *client_id;
        int shared;
    } rows[] = {
        {"u", "c", BOTH}, {"u", "", BOTH},       {"u", NULL, USER_ONLY},   {"", "c", BOTH},
        {"", "", BOTH},   {"", NULL, USER_ONLY}, {NULL, "c", CLIENT_ONLY}, {NULL, "", CLIENT_ONLY},
    };
    struct quota_match match;
    struct image *image = image_new();
    CHECK(!quota_find(image, QUOTA_PRODUCER_BYTE_RATE, "u", "c", &match));
    CHECK_INT((int)image_quota_keys(image), 0);
    CHECK_INT(put(image, "other", "c", NULL, "producer_byte_rate", 99), 0);
    CHECK_INT(put(image, "u", "c", NULL, "consumer_byte_rate", 98), 0);
    for (size_t i = ARRAY_LEN(rows); i-- > 0;) {
        CHECK_INT(
            put(image, rows[i].user, rows[i].client_id, NULL, "producer_byte_rate", (double)i + 1),
            0);
        CHECK(quota_find(image, QUOTA_PRODUCER_BYTE_RATE, "u", "c", &match));
        CHECK(match.limit == (double)i + 1);
        CHECK(match.by_user == (rows[i].shared == BOTH || rows[i].shared == USER_ONLY));
        CHECK(match.by_client == (rows[i].shared == BOTH || rows[i].shared == CLIENT_ONLY));
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK(quota_find(image, QUOTA_PRODUCER_BYTE_RATE, "u", "c", &match));
        CHECK(match.limit == (double)i + 1);
        CHECK_INT(put(image, rows[i].user, rows[i].client_id, NULL, "producer_byte_rate", 0), 0);
    }
    CHECK(!quota_find(image, QUOTA_PRODUCER_BYTE_RATE, "u", "c", &match));
    CHECK(quota_find(image, QUOTA_CONSUMER_BYTE_RATE, "u", "c", &match) && match.limit == 98);
    image_free(image);
}

static void addresses_have_quotas_of_their_own(void)
{
    struct image *image = image_new();
    double limit;
    CHECK(!quota_find_ip(image, QUOTA_CONNECTION_CREATION_RATE, "10.0.0.1", &limit));
    CHECK_INT(put(image, NULL, NULL, "", "connection_creation_rate", 5), 0);
    CHECK_INT(put(image, NULL, NULL, "10.0.0.1", "connection_creation_rate", 7), 0);
    CHECK(quota_find_ip(image, QUOTA_CONNECTION_CREATION_RATE, "10.0.0.1", &limit) && limit == 7);
    CHECK(quota_find_ip(image, QUOTA_CONNECTION_CREATION_RATE, "10.0.0.2", &limit) && limit == 5);
    CHECK_INT((int)image_quota_keys(image), 1 << QUOTA_CONNECTION_CREATION_RATE);
    image_free(image);
}

static void what_breaks_a_rule_is_refused(void)
{
    char name[IMAGE_QUOTA_NAME_MAX + 2];
    struct image *image = image_new();
    memset(name, 'x', sizeof(name));
    name[IMAGE_QUOTA_NAME_MAX + 1] = 0;
    CHECK_INT(put(image, NULL, NULL, NULL, "producer_byte_rate", 1), ERR_MALFORMED);
    CHECK_INT(put(image, "u", NULL, "1.2.3.4", "producer_byte_rate", 1), ERR_MALFORMED);
    CHECK_INT(put(image, "u", NULL, NULL, "connection_creation_rate", 1), ERR_MALFORMED);
    CHECK_INT(put(image, NULL, NULL, "1.2.3.4", "producer_byte_rate", 1), ERR_MALFORMED);
    CHECK_INT(put(image, "u", NULL, NULL, "producer_byte_rat", 1), ERR_MALFORMED);
    CHECK_INT(put(image, "u", NULL, NULL, "producer_byte_rate", -1), ERR_MALFORMED);
    CHECK_INT(put(image, name, NULL, NULL, "producer_byte_rate", 1), ERR_MALFORMED);
    CHECK_INT(image_quota_count(image), 0);
    name[IMAGE_QUOTA_NAME_MAX] = 0;
    CHECK_INT(put(image, name, NULL, NULL, "producer_byte_rate", 1), 0);
    CHECK_INT(put(image, "nobody", NULL, NULL, "producer_byte_rate", 0), 0);
    CHECK_INT(image_quota_count(image), 1);
    image_free(image);
}

static void their_number_is_bounded(void)
{
    char name[16];
    struct image *image = image_new();
    for (int i = 0; i < IMAGE_QUOTAS_MAX; i++) {
        snprintf(name, sizeof(name), "%d", i);
        CHECK_INT(put(image, name, NULL, NULL, "request_percentage", 1), 0);
    }
    CHECK_INT(put(image, "one more", NULL, NULL, "request_percentage", 1), ERR_MALFORMED);
    CHECK_INT(put(image, "7", NULL, NULL, "request_percentage", 2), 0);
    CHECK_INT(put(image, "7", NULL, NULL, "request_percentage", 0), 0);
    CHECK_INT(put(image, "one more", NULL, NULL, "request_percentage", 1), 0);
    image_free(image);
}

/* In whichever order they came, the records of the image are the same. */
static void equal_images_give_equal_bytes(void)
{
    struct image *image = image_new(), *copy = image_new();
    struct buf first, second;
    size_t cursor = 0;
    buf_init(&first);
    buf_init(&second);
    CHECK_INT(put(image, "b", "", NULL, "consumer_byte_rate", 1.5), 0);
    CHECK_INT(put(image, NULL, NULL, "::1", "connection_creation_rate", 2), 0);
    CHECK_INT(put(image, "", NULL, NULL, "controller_mutation_rate", 0.1), 0);
    CHECK_INT(put(image, NULL, "c", NULL, "producer_byte_rate", 3), 0);
    CHECK_INT(put(image, "b", "", NULL, "producer_byte_rate", 4), 0);
    CHECK_INT(image_pack(image, &first), 0);
    Meta__Entry *entry = meta__entry__unpack(NULL, first.len, first.data);
    CHECK(entry != NULL);
    CHECK_INT((int)entry->n_records, 5);
    for (size_t i = entry->n_records; i-- > 0;)
        CHECK_INT(image_apply(copy, entry->records[i]), 0);
    CHECK_INT(image_pack(copy, &second), 0);
    CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    CHECK_STR(image_next_quota(copy, &cursor)->parts[QUOTA_IP], "::1");
    CHECK_STR(image_next_quota(copy, &cursor)->parts[QUOTA_CLIENT_ID], "c");
    CHECK_STR(image_next_quota(copy, &cursor)->parts[QUOTA_USER], "");
    CHECK_STR(image_next_quota(copy, &cursor)->parts[QUOTA_USER], "b");
    CHECK(!image_next_quota(copy, &cursor));
    meta__entry__free_unpacked(entry, NULL);
    buf_close(&first);
    buf_close(&second);
    image_free(image);
    image_free(copy);
}

TAP_MAIN(TAP_TEST(the_most_exact_quota_counts), TAP_TEST(addresses_have_quotas_of_their_own),
         TAP_TEST(what_breaks_a_rule_is_refused), TAP_TEST(their_number_is_bounded),
         TAP_TEST(equal_images_give_equal_bytes))
