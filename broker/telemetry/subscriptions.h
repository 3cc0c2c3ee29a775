/* The subscriptions of client metrics as the metadata has them at one moment, and what they say of
 * one client. A set never changes; the expressions in it are compiled when one is matched first. */
#ifndef BROKER_TELEMETRY_SUBSCRIPTIONS_H
#define BROKER_TELEMETRY_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config_metrics.h"
#include "meta/image.h"

struct subscriptions;

/* Referenced on the loop alone. */
struct subscriptions *subscriptions_new(const struct image *image);
struct subscriptions *subscriptions_ref(struct subscriptions *set);
void subscriptions_unref(struct subscriptions *set);

size_t subscriptions_count(const struct subscriptions *set);
/* Whether any of them is for some clients only. Without one, all of them match. */
bool subscriptions_choose(const struct subscriptions *set);
/* matched[i] for each of them. Belongs on the worker pool, from one thread at a time. */
void subscriptions_match(struct subscriptions *set,
                         const char *const attributes[CONFIG_METRICS_ATTRIBUTES], bool *matched);
/* What the matching ones (NULL: all) want together: appends the names to `metrics`, sorted, each
 * once and ended by NUL; * alone where one wants all. Returns the shortest interval in ms. */
int32_t subscriptions_join(const struct subscriptions *set, const bool *matched,
                           struct buf *metrics);

#endif
