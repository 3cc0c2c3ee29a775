/* Levels of features.
 *
 * Happy path: each level is one that this build supports, and lies above the present one for an
 * upgrade, below it for a downgrade; one that is the same already is fine. Every node is asked to
 * have a build that supports the level: there is no list of what others support, as all builds so
 * far support the same. Failure modes: the first update that is wrong ends the command. */
#include "controller/features.h"

#include "base/err.h"
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

/* Kafka's sentence, with what is wrong of it; NULL: it may be done. */
static const char *features_why_not(struct decision *decision, const features_step *update)
{
    const char *wrong = features_why_not_level(decision, update);
    if (!wrong)
        wrong = features_why_not_way(decision, update);
    return wrong ? decision_text(decision,
                                 "The update failed for all features since the following feature "
                                 "had an error: Invalid update version %d for feature %s. %s",
                                 update->level, update->name, wrong)
                 : NULL;
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
}

void features_found(struct decision *decision)
{
    for (size_t i = 0; i < FEATURES_COUNT; i++)
        features_set(decision, &features[i], features[i].founding);
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
