/* Properties files as the configuration of a node, and their entries as settings of a topic. */
#include "fuzz.h"

#include <glob.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/props.h"
#include "config/config_change.h"

static void seed_file(struct fuzz_corpus *corpus, const char *path)
{
    char text[16384];
    FILE *file = fopen(path, "rb");
    FUZZ_REQUIRE(file != NULL);
    size_t len = fread(text, 1, sizeof(text), file);
    fclose(file);
    fuzz_add(corpus, text, len);
}

/* The shipped files, each setting on its own with its default, and all the names as words. */
static void seed(struct fuzz_corpus *corpus)
{
    static const char *const others[] = {
        "listeners=A://:1,B://[::1]:2\nlistener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT\n"
        "inter.broker.listener.name=A\nadvertised.listeners=A://a:1,B://b:2\n",
        "node.id=1\nprocess.roles=broker,controller\ncontroller.quorum.voters=1@a:1,2@b:2,3@c:3\n"
        "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n",
        "broker.id=0\nport=9092\nhost.name=h\nzookeeper.connect=localhost:2181\nlog.dir=/tmp/x\n",
        "key\\ with\\u0020blank : value\\\n  goes on\n! comment\n#another\nempty=\n"};
    glob_t files;
    FUZZ_REQUIRE(glob("deploy/config/*.properties", 0, NULL, &files) == 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        seed_file(corpus, files.gl_pathv[i]);
    globfree(&files);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        fuzz_add(corpus, others[i], strlen(others[i]));
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        const struct config_row *row = config_row(id);
        char *line = mem_printf("%s=%s\n", row->name, row->default_text ? row->default_text : "1");
        fuzz_add(corpus, line, strlen(line));
        mem_free(line);
        fuzz_add_word(corpus, row->name);
        if (row->topic_name)
            fuzz_add_word(corpus, row->topic_name);
    }
    static const char *const words[] = {
        "PLAINTEXT",           "://", ":",    ",",    "=", "\n",   "\\u0041", "\\\n",
        "9223372036854775807", "-1",  "true", "[::]", "@", "65536"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        fuzz_add_word(corpus, words[i]);
}

const struct fuzz_target fuzz_target = {.what = "properties and configuration files",
                                        .len_max = 8192,
                                        .memory_max = 2 << 20,
                                        .execs = 4000,
                                        .seed = seed};

static void ask(const struct config *config)
{
    int count;
    for (enum config_id id = 0; id < CONFIG_COUNT; id++)
        (void)config_str(config, id);
    (void)config_node_id(config);
    (void)config_roles(config);
    const struct config_listener *listeners = config_listeners(config, &count);
    for (int i = 0; i < count; i++)
        FUZZ_REQUIRE(listeners[i].name[0] && listeners[i].advertised_host[0]);
    (void)config_inter_broker_listener(config);
    (void)config_voters(config, &count);
    (void)config_bootstrap(config, &count);
    (void)config_controller_listener(config);
    const char *const *dirs = config_log_dirs(config, &count);
    FUZZ_REQUIRE(count >= 1 && dirs[0][0]);
}

static void as_topic(const struct props *props)
{
    struct buf problem;
    /* A few: an unknown name is compared with all known ones. */
    for (size_t i = 0; i < props->count && i < 2; i++) {
        buf_init(&problem);
        int err = config_change_check(CONFIG_OF_TOPIC, props->entries[i].key,
                                      props->entries[i].value, &problem);
        FUZZ_REQUIRE(err == 0 || problem.len > 0);
        buf_close(&problem);
    }
}

int fuzz_one(const uint8_t *data, size_t len)
{
    struct props props;
    struct buf problem, notes;
    struct config *config = NULL;
    int line;
    props_init(&props);
    buf_init(&problem);
    buf_init(&notes);
    if (props_parse(&props, (const char *)data, len, &line) == 0) {
        int err = config_new(&props, "server.properties", &problem, &notes, &config);
        FUZZ_REQUIRE(err == 0 || problem.len > 0);
        if (!err) {
            ask(config);
            config_free(config);
        }
        as_topic(&props);
    }
    buf_close(&notes);
    buf_close(&problem);
    props_close(&props);
    return 0;
}
