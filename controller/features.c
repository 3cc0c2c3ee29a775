/* Levels of features.
 *
 * Happy path: each level is one that this build supports, and lies above the present one for an
 * upgrade, below it for a downgrade; one that is the same already is fine. Every broker that is
 * registered must support it, fenced ones too: they may come back. Failure modes: the first update
 * that is wrong ends the command. */
#include "controller/features.h"

#include <inttypes.h>

#include "base/err.h"
#include "config/config_chain.h"
#include "controller/configs.h"
#include "controller/elections.h"
#include "controller/eligible.h"
#include "meta/features.h"

typedef Meta__UpdateFeatures__Update features_step;

static const char *features_why_not_level(struct decision *decision, const features_step *update)
{
    const struct feature *feature = features_find(update->name);
    if (update->level < 0)
        return "A feature version cannot be less than 0.";
    if (!feature)
        return decision_text(decision, "Local controller %d does not support this feature.",
                             decision->rules->node_id);
    if (update->level < feature->min || update->level > feature->max)
        return decision_text(decision, "Local controller %d only supports versions %d-%d",
                             decision->rules->node_id, feature->min, feature->max);
    return NULL;
}

static const char *features_why_not_way(const struct decision *decision,
                                        const features_step *update)
{
    int16_t now = features_level(decision->image, features_find(update->name));
    bool upgrade = update->way == META__UPDATE_FEATURES__WAY__UPGRADE;
    if (update->level < now && upgrade)
        return "Can't downgrade the version of this feature without setting the upgrade type to "
               "either safe or unsafe downgrade.";
    return update->level > now && !upgrade ? "Can't downgrade to a newer version." : NULL;
}

/* A broker whose build does not know the level; one that is gone for good is unregistered first. */
static const char *features_why_not_broker(struct decision *decision, const features_step *update)
{
    const struct feature *feature = features_find(update->name);
    const struct image_broker *broker;
    size_t cursor = 0;
    while ((broker = image_next_broker(decision->image, &cursor))) {
        int16_t max = features_max(feature, broker->features_step);
        if (update->level > max)
            return decision_text(decision, "Broker %d only supports versions %d-%d", broker->id,
                                 feature->min, max);
    }
    return NULL;
}

/* Kafka's sentence, with what is wrong of it; NULL: it may be done. */
static const char *features_why_not(struct decision *decision, const features_step *update)
{
    const char *wrong = features_why_not_level(decision, update);
    if (!wrong)
        wrong = features_why_not_way(decision, update);
    if (!wrong)
        wrong = features_why_not_broker(decision, update);
    return wrong ? decision_text(decision,
                                 "The update failed for all features since the following feature "
                                 "had an error: Invalid update version %d for feature %s. %s",
                                 update->level, update->name, wrong)
                 : NULL;
}

/* From now on brokers and controller have to agree how large each set has to be: what the files of
 * single nodes say, or a setting of one broker, counts no more (as in Kafka). */
static void features_share_min_insync(struct decision *decision)
{
    const char *key = config_row(CONFIG_MIN_INSYNC_REPLICAS)->name;
    const Meta__ConfigRecord__Resource broker_level = META__CONFIG_RECORD__RESOURCE__BROKER;
    const struct image_broker *broker;
    struct config_chain chain;
    struct config_parsed value;
    size_t cursor = 0;
    config_chain_init(&chain, decision->rules->settings, decision->image, decision->rules->node_id);
    (void)config_chain_find(&chain, CONFIG_FROM_ALL_BROKERS, CONFIG_MIN_INSYNC_REPLICAS, &value);
    configs_emit(decision, broker_level, "", key,
                 decision_text(decision, "%" PRId64, value.number));
    while ((broker = image_next_broker(decision->image, &cursor))) {
        const char *name = decision_text(decision, "%" PRId32, broker->id);
        if (image_config(decision->image, broker_level, name, key))
            configs_emit(decision, broker_level, name, key, NULL);
    }
}

static void features_eligible_changed(struct decision *decision)
{
    if (eligible_is_on(decision))
        features_share_min_insync(decision);
    else
        elections_end_eligible(decision, NULL);
}

/* The level that counts already is not written: builds older than all features refuse records. */
static void features_set(struct decision *decision, const struct feature *feature, int32_t level)
{
    if (features_level(decision->image, feature) == level)
        return;
    Meta__FeatureRecord *record = decision_alloc(decision, 1, sizeof(*record));
    meta__feature_record__init(record);
    record->name = (char *)(uintptr_t)feature->name;
    record->level = level;
    decision_emit(decision, META__RECORD__FACT_FEATURE, record);
    if (feature == &features[FEATURE_ELIGIBLE_LEADER_REPLICAS_VERSION])
        features_eligible_changed(decision);
}

void features_found(struct decision *decision)
{
    const struct features_levels *said = decision->rules->founding;
    for (size_t i = 0; i < FEATURES_COUNT; i++)
        features_set(decision, &features[i],
                     said && said->of[i] != FEATURES_UNSAID ? said->of[i] : features[i].founding);
}

void features_update(struct decision *decision, const Meta__UpdateFeatures *command,
                     Meta__CommandReply *reply)
{
    for (size_t i = 0; i < command->n_updates; i++) {
        const char *why = features_why_not(decision, command->updates[i]);
        if (!why)
            continue;
        reply->error = err_to_wire(ERR_INVALID_UPDATE_VERSION);
        reply->message = (char *)(uintptr_t)why;
        return;
    }
    for (size_t i = 0; !command->validate_only && i < command->n_updates; i++)
        features_set(decision, features_find(command->updates[i]->name),
                     command->updates[i]->level);
}
