/* Which source of a setting wins, and what counts as set. */
#include "config_fixture.h"

#include <stdlib.h>

#include "config/config_chain.h"

static const Meta__ConfigRecord__Resource of_topic = META__CONFIG_RECORD__RESOURCE__TOPIC;
static const Meta__ConfigRecord__Resource of_broker = META__CONFIG_RECORD__RESOURCE__BROKER;

static struct image *image;
static struct config_chain chain;

static void set(Meta__ConfigRecord__Resource resource, const char *name, const char *key,
                const char *value)
{
    Meta__ConfigRecord config = META__CONFIG_RECORD__INIT;
    Meta__Record record = META__RECORD__INIT;
    config.resource = resource;
    config.name = (char *)(uintptr_t)name;
    config.key = (char *)(uintptr_t)key;
    config.value = (char *)(uintptr_t)(value ? value : "");
    config.removed = value == NULL;
    record.fact_case = META__RECORD__FACT_CONFIG;
    record.config = &config;
    CHECK_INT(image_apply(image, &record), 0);
}

static void check_found(enum config_id id, const char *text, enum config_source source)
{
    struct config_parsed value;
    CHECK_INT(config_chain_find(&chain, CONFIG_FROM_TOPIC, id, &value), source);
    CHECK((value.text == NULL) == (text == NULL));
    if (!text)
        return;
    CHECK_STR(value.text, text);
    CHECK_INT(value.number, strtoll(text, NULL, 10));
}

static void the_first_source_wins(void)
{
    struct fixture f;
    check_ok(&f, "broker.id=1\nlog.retention.ms=900\n");
    image = image_new();
    config_chain_init(&chain, f.config, image, 1);
    chain.topic = "t";
    check_found(CONFIG_LOG_RETENTION_BYTES, "-1", CONFIG_FROM_DEFAULT);
    check_found(CONFIG_LOG_RETENTION_MS, "900", CONFIG_FROM_FILE);
    set(of_broker, "", "log.retention.ms", "800");
    check_found(CONFIG_LOG_RETENTION_MS, "800", CONFIG_FROM_ALL_BROKERS);
    set(of_broker, "2", "log.retention.ms", "750");
    check_found(CONFIG_LOG_RETENTION_MS, "800", CONFIG_FROM_ALL_BROKERS);
    set(of_broker, "1", "log.retention.ms", "700");
    check_found(CONFIG_LOG_RETENTION_MS, "700", CONFIG_FROM_BROKER);
    set(of_topic, "t", "retention.ms", "600");
    check_found(CONFIG_LOG_RETENTION_MS, "600", CONFIG_FROM_TOPIC);
    CHECK_STR(config_chain_at(&chain, CONFIG_FROM_BROKER, CONFIG_LOG_RETENTION_MS), "700");
    CHECK_STR(config_chain_at(&chain, CONFIG_FROM_FILE, CONFIG_LOG_RETENTION_MS), "900");
    CHECK(config_chain_at(&chain, CONFIG_FROM_DEFAULT, CONFIG_LOG_RETENTION_MS) == NULL);
    chain.topic = "other";
    check_found(CONFIG_LOG_RETENTION_MS, "700", CONFIG_FROM_BROKER);
    chain.broker[0] = '\0';
    check_found(CONFIG_LOG_RETENTION_MS, "800", CONFIG_FROM_ALL_BROKERS);
    set(of_broker, "", "log.retention.ms", NULL);
    check_found(CONFIG_LOG_RETENTION_MS, "900", CONFIG_FROM_FILE);
    image_free(image);
    unload(&f);
}

/* An older release let them in, or another kind of setting has the name. */
static void what_would_be_refused_counts_as_not_set(void)
{
    struct fixture f;
    check_ok(&f, "broker.id=1\nlog.retention.hours=1\n");
    image = image_new();
    config_chain_init(&chain, f.config, image, 1);
    chain.topic = "t";
    set(of_broker, "", "log.retention.ms", "800");
    set(of_broker, "1", "log.retention.ms", "x");
    set(of_topic, "t", "retention.ms", "y");
    check_found(CONFIG_LOG_RETENTION_MS, "800", CONFIG_FROM_ALL_BROKERS);
    set(of_broker, "", "log.retention.ms", NULL);
    check_found(CONFIG_LOG_RETENTION_MS, "3600000", CONFIG_FROM_DEFAULT); /* what the hours say */
    set(of_broker, "1", "background.threads", "3");
    check_found(CONFIG_BACKGROUND_THREADS, "10", CONFIG_FROM_DEFAULT);
    set(of_broker, "1", "num.partitions", "3");
    check_found(CONFIG_NUM_PARTITIONS, "1", CONFIG_FROM_DEFAULT);
    set(of_topic, "t", "cleanup.policy", "COMPACT");
    CHECK(config_chain_at(&chain, CONFIG_FROM_TOPIC, CONFIG_LOG_CLEANUP_POLICY) == NULL);
    image_free(image);
    unload(&f);
}

static const char *own_value(void *data, const char *topic_name)
{
    return strcmp(topic_name, "retention.ms") == 0 ? data : NULL;
}

/* A topic that is not there yet speaks for itself, and a controller may have no file. */
static void other_owners_and_no_file(void)
{
    char own[] = "5";
    image = image_new();
    config_chain_init(&chain, NULL, image, 1);
    set(of_topic, "t", "retention.ms", "6");
    chain.topic = "t";
    chain.own = own_value;
    chain.own_data = own;
    check_found(CONFIG_LOG_RETENTION_MS, "5", CONFIG_FROM_TOPIC);
    check_found(CONFIG_MIN_INSYNC_REPLICAS, "1", CONFIG_FROM_DEFAULT);
    check_found(CONFIG_LOG_ROLL_MS, NULL, CONFIG_FROM_DEFAULT);
    CHECK(!config_chain_bool(&chain, CONFIG_UNCLEAN_LEADER_ELECTION_ENABLE));
    set(of_broker, "", "unclean.leader.election.enable", "TRUE");
    CHECK(config_chain_bool(&chain, CONFIG_UNCLEAN_LEADER_ELECTION_ENABLE));
    image_free(image);
}

TAP_MAIN(TAP_TEST(the_first_source_wins), TAP_TEST(what_would_be_refused_counts_as_not_set),
         TAP_TEST(other_owners_and_no_file))
