/* Quotas of clients.
 *
 * Happy path: each entry is checked as a whole, then what changes is emitted. Failure modes: one
 * bad key refuses its entry, with Kafka's sentence, and the others go through; more than fits one
 * turn of the loop is refused as a whole, and so are all while a broker of an older build is
 * registered, which could not read the records. */
#include "controller/quotas.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "meta/features.h"
#include "meta/quota.h"

enum {
    QUOTAS_OPS_MAX = 64, /* of one entry; there are fewer keys */
    QUOTAS_KEY_MAX = 64  /* bytes of a key, and of a part's type in a sentence */
};

typedef Meta__AlterClientQuotas__Entry quotas_entry;
typedef Meta__AlterClientQuotas__Op quotas_op;

/* One entry under way. */
struct quotas_change {
    struct decision *decision;
    const quotas_entry *asked;
    const char *parts[QUOTA_PARTS];
};

/* An address as the brokers write it; NULL when it is none. A host name would have to be looked up,
 * which a decision can't wait for. */
static const char *quotas_ip(struct decision *decision, const char *text)
{
    uint8_t bytes[16];
    char canonical[INET6_ADDRSTRLEN];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (text[0] == 0)
        return text; /* all addresses */
    if (inet_pton(family, text, bytes) != 1 ||
        !inet_ntop(family, bytes, canonical, sizeof(canonical)))
        return NULL;
    return decision_text(decision, "%s", canonical);
}

static const char *quotas_why_not_part(struct quotas_change *change, const Meta__QuotaPart *asked)
{
    struct decision *decision = change->decision;
    enum quota_part part = quota_part_find(asked->type);
    if (part == QUOTA_PARTS)
        return decision_text(decision, "Unhandled client quota entity type: %.*s", QUOTAS_KEY_MAX,
                             asked->type);
    if (change->parts[part])
        return decision_text(
            decision, "Invalid empty client quota entity, duplicate entity entry %s", asked->type);
    if (!asked->everyone && asked->name[0] == 0)
        return decision_text(decision, "Empty %s not supported", asked->type);
    if (strlen(asked->name) > IMAGE_QUOTA_NAME_MAX)
        return decision_text(decision, "The name of a %s in a quota is longer than %d bytes",
                             asked->type, IMAGE_QUOTA_NAME_MAX);
    change->parts[part] = asked->everyone ? "" : asked->name;
    return NULL;
}

/* Whom it is for. Kafka's sentence, with its missing blank; NULL: that is fine. */
static const char *quotas_why_not_parts(struct quotas_change *change)
{
    const quotas_entry *asked = change->asked;
    const char **parts = change->parts;
    const char *why = NULL;
    for (size_t i = 0; !why && i < asked->n_parts; i++)
        why = quotas_why_not_part(change, asked->parts[i]);
    if (why)
        return why;
    if (asked->n_parts == 0)
        return "Invalid empty client quota entity";
    if (!parts[QUOTA_IP])
        return NULL;
    if (parts[QUOTA_USER] || parts[QUOTA_CLIENT_ID])
        return "Invalid quota entity combination, IP entity shouldnot be combined with User or "
               "ClientId";
    const char *ip = quotas_ip(change->decision, parts[QUOTA_IP]);
    if (!ip)
        return decision_text(change->decision, "%s is not a valid IP or resolvable host.",
                             parts[QUOTA_IP]);
    parts[QUOTA_IP] = ip;
    return NULL;
}

static const char *quotas_why_not_value(struct quotas_change *change, const quotas_op *op)
{
    struct decision *decision = change->decision;
    enum quota_key key = quota_key_find(op->key);
    if (op->remove)
        return NULL; /* what is not there is gone already */
    if (key == QUOTA_KEYS || quota_rows[key].of_ip != (change->parts[QUOTA_IP] != NULL))
        return decision_text(decision, "Invalid configuration key %s", op->key);
    const struct quota_row *row = &quota_rows[key];
    if (!(op->value > 0))
        return decision_text(decision, "Quota %s must be greater than 0", op->key);
    if (row->max > 0 && op->value > row->max)
        return decision_text(decision, "Proposed value for %s is too large for %s.", op->key,
                             row->of_ip ? "an INT" : "a LONG");
    if (row->whole && fabs(fmod(op->value, 1)) > 1e-6)
        return decision_text(decision, "%s cannot be a fractional value.", op->key);
    return NULL;
}

static const char *quotas_why_not_ops(struct quotas_change *change)
{
    const quotas_entry *asked = change->asked;
    const char *why = NULL;
    if (asked->n_ops > QUOTAS_OPS_MAX)
        return "The entry changes more quotas than there are";
    for (size_t i = 0; !why && i < asked->n_ops; i++) {
        if (strnlen(asked->ops[i]->key, QUOTAS_KEY_MAX + 1) > QUOTAS_KEY_MAX)
            return decision_text(change->decision, "Invalid configuration key %.*s...",
                                 QUOTAS_KEY_MAX, asked->ops[i]->key);
        for (size_t j = 0; j < i; j++)
            if (strcmp(asked->ops[i]->key, asked->ops[j]->key) == 0)
                return decision_text(change->decision,
                                     "Duplicate quota key %s not updating quota for this entity",
                                     asked->ops[i]->key);
        why = quotas_why_not_value(change, asked->ops[i]);
    }
    return why;
}

static void quotas_emit(struct quotas_change *change, const quotas_op *op)
{
    struct decision *decision = change->decision;
    const struct image_quota *now = image_quota(decision->image, change->parts);
    enum quota_key key = quota_key_find(op->key);
    bool has = key < QUOTA_KEYS && now && now->has & 1u << key;
    if (op->remove ? !has : has && now->values[key] == op->value)
        return; /* nothing changes */
    ASSERT(key < QUOTA_KEYS);
    ASSERT(op->remove || op->value > 0);
    Meta__ClientQuotaRecord *record = decision_alloc(decision, 1, sizeof(*record));
    meta__client_quota_record__init(record);
    record->parts = decision_alloc(decision, QUOTA_PARTS, sizeof(Meta__QuotaPart *));
    for (int i = 0; i < QUOTA_PARTS; i++) {
        if (!change->parts[i])
            continue;
        Meta__QuotaPart *part = decision_alloc(decision, 1, sizeof(*part));
        meta__quota_part__init(part);
        part->type = (char *)(uintptr_t)quota_part_name((enum quota_part)i);
        part->name = decision_text(decision, "%s", change->parts[i]);
        part->everyone = change->parts[i][0] == 0;
        record->parts[record->n_parts++] = part;
    }
    record->key = (char *)(uintptr_t)quota_rows[key].name;
    record->value = op->remove ? 0 : op->value;
    record->removed = op->remove;
    decision_emit(decision, META__RECORD__FACT_CLIENT_QUOTA, record);
}

static bool quotas_adds(const quotas_entry *asked)
{
    for (size_t i = 0; i < asked->n_ops; i++)
        if (!asked->ops[i]->remove)
            return true;
    return false;
}

/* NULL: it is done, or with `validate_only` could be. */
static const char *quotas_alter(struct decision *decision, const quotas_entry *asked,
                                bool validate_only, int *err)
{
    struct quotas_change change = {.decision = decision, .asked = asked};
    const char *why = quotas_why_not_parts(&change);
    if (!why)
        why = quotas_why_not_ops(&change);
    *err = ERR_INVALID_REQUEST;
    if (why)
        return why;
    if (quotas_adds(asked) && !image_quota(decision->image, change.parts) &&
        image_quota_count(decision->image) == IMAGE_QUOTAS_MAX) {
        *err = ERR_POLICY_VIOLATION;
        return decision_text(decision,
                             "There are quotas for %d users, client ids and addresses, and no more "
                             "can be kept: use those for all others, or remove some.",
                             IMAGE_QUOTAS_MAX);
    }
    for (size_t i = 0; !validate_only && i < asked->n_ops; i++)
        quotas_emit(&change, asked->ops[i]);
    return NULL;
}

/* Why the command as a whole can't be decided; NULL. */
static const char *quotas_why_not(struct decision *decision, const Meta__AlterClientQuotas *command,
                                  int *err)
{
    const struct image_broker *broker;
    size_t cursor = 0, count = 0;
    for (size_t i = 0; i < command->n_entries; i++) {
        size_t own = command->entries[i]->n_parts + command->entries[i]->n_ops;
        count += own > 0 ? own : 1;
    }
    *err = ERR_POLICY_VIOLATION;
    if (count > QUOTA_CHANGES_MAX)
        return QUOTA_TOO_MANY;
    *err = ERR_UNSUPPORTED_VERSION;
    while ((broker = image_next_broker(decision->image, &cursor)))
        if (broker->features_step < FEATURES_STEP_QUOTAS)
            return decision_text(decision,
                                 "Broker %d is of a build that does not know quotas: upgrade it, "
                                 "or unregister it if it is gone.",
                                 broker->id);
    return NULL;
}

void quotas_command(struct decision *decision, const Meta__AlterClientQuotas *command,
                    Meta__CommandReply *reply)
{
    int whole_err;
    const char *whole = quotas_why_not(decision, command, &whole_err);
    reply->quotas = decision_alloc(decision, command->n_entries, sizeof(*reply->quotas));
    /* Brokers send no more, and answer what has no result with an error. */
    for (size_t i = 0; i < command->n_entries && i < QUOTA_CHANGES_MAX; i++) {
        Meta__QuotaResult *result = decision_alloc(decision, 1, sizeof(*result));
        int err = whole_err;
        const char *why = whole;
        if (!why)
            why = quotas_alter(decision, command->entries[i], command->validate_only, &err);
        meta__quota_result__init(result);
        if (why) {
            result->error = err_to_wire(err);
            result->message = (char *)(uintptr_t)why;
        }
        reply->quotas[reply->n_quotas++] = result;
    }
}
