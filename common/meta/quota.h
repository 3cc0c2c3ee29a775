/* Quotas of clients (KIP-13, 55, 124, 599, 612): what may be limited, for whom, and which of
 * several quotas counts. They are records of the image; who holds clients to them is in broker and
 * controller. */
#ifndef META_QUOTA_H
#define META_QUOTA_H

#include <stdbool.h>
#include <stddef.h>

#include "meta/image.h"

/* X(constant, name, largest value, whole numbers only, of addresses and not of clients) */
#define QUOTA_KEY_LIST(X)                                                                          \
    X(PRODUCER_BYTE_RATE, "producer_byte_rate", 9223372036854775807.0, true, false)                \
    X(CONSUMER_BYTE_RATE, "consumer_byte_rate", 9223372036854775807.0, true, false)                \
    X(REQUEST_PERCENTAGE, "request_percentage", 0, false, false)                                   \
    X(CONTROLLER_MUTATION_RATE, "controller_mutation_rate", 0, false, false)                       \
    X(CONNECTION_CREATION_RATE, "connection_creation_rate", 2147483647.0, true, true)

enum quota_key {
#define QUOTA_KEY_ENUM(constant, ...) QUOTA_##constant,
    QUOTA_KEY_LIST(QUOTA_KEY_ENUM)
#undef QUOTA_KEY_ENUM
        QUOTA_KEYS
};

struct quota_row {
    const char *name;
    double max; /* 0 = there is none */
    bool whole;
    bool of_ip;
};
extern const struct quota_row quota_rows[QUOTA_KEYS];
/* QUOTA_KEYS when there is no such key. */
enum quota_key quota_key_find(const char *name);

/* Whom a quota is for. A part is NULL where it does not matter, and "" for all who have no quota of
 * their own. There is a user, a client id, both, or an address. */
enum quota_part { QUOTA_USER, QUOTA_CLIENT_ID, QUOTA_IP, QUOTA_PARTS };
/* "user"; and the other way round, QUOTA_PARTS when there is no such type. */
const char *quota_part_name(enum quota_part part);
enum quota_part quota_part_find(const char *name);

struct image_quota {
    char *parts[QUOTA_PARTS];
    double values[QUOTA_KEYS];
    unsigned has; /* bits of the keys that have a value; never 0 */
};

enum {
    IMAGE_QUOTAS_MAX = 20000,    /* whom quotas are for: what all nodes keep is bounded */
    IMAGE_QUOTA_NAME_MAX = 1024, /* bytes of a user or client id in them */
    QUOTA_CHANGES_MAX = 1000,    /* parts of names and changes of values in one command */
};

/* What is said when there are more. */
#define QUOTA_TOO_MANY                                                                             \
    "A request may name at most 1000 parts of entities and changes of quotas: send several."

/* NULL when there is none for exactly these. */
const struct image_quota *image_quota(const struct image *image,
                                      const char *const parts[QUOTA_PARTS]);
/* Walk by user, client id, address, without one first: start with *cursor = 0; NULL at the end. */
const struct image_quota *image_next_quota(const struct image *image, size_t *cursor);
size_t image_quota_count(const struct image *image);
/* The keys of which there is any quota, as bits. */
unsigned image_quota_keys(const struct image *image);

/* What counts for a client, and who shares it: that user, that client id, or only both together. */
struct quota_match {
    double limit;
    bool by_user, by_client;
};
/* False: it is not limited. The most exact quota counts (KIP-55): user and client id, user and any
 * client, user, any user and client id, any user and any client, any user, client id, any
 * client. */
bool quota_find(const struct image *image, enum quota_key key, const char *user,
                const char *client_id, struct quota_match *match);
bool quota_find_ip(const struct image *image, enum quota_key key, const char *ip, double *limit);

#endif
