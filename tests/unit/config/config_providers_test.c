/* Values that stand somewhere else: in files, in a directory, in the environment; what may not be
 * read, what is not there, and that no sentence tells one. */
#include "../tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "env/env.h"

#define KAFKA "org.apache.kafka.common.config.provider."
#define FILES                                                                                      \
    "config.providers=f, d,e\nconfig.providers.f.class=" KAFKA                                     \
    "FileConfigProvider\nconfig.providers.d.class=" KAFKA                                          \
    "DirectoryConfigProvider\nconfig.providers.e.class=" KAFKA "EnvVarConfigProvider\n"

static char directory[32];
static struct buf problem, notes;
static struct config *config;

static void write_text(const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0);
    fclose(file);
}

/* @ in the text is the directory. */
static int load_text(const char *text)
{
    struct env *env;
    struct buf settings;
    char path[64];
    buf_init(&settings);
    for (; *text; text++)
        buf_printf(&settings, *text == '@' ? "%s" : "%.1s", *text == '@' ? directory : text);
    write_text("s.properties", buf_text(&settings));
    buf_close(&settings);
    problem.len = notes.len = 0;
    config = NULL;
    CHECK_INT(env_new(&env), 0);
    snprintf(path, sizeof(path), "%s/s.properties", directory);
    int err = config_load(env, path, NULL, 0, &problem, &notes, &config);
    env_free(env);
    CHECK((err == 0) == (config != NULL));
    CHECK((err == 0) == (problem.len == 0));
    return err;
}

static void begin(void)
{
    snprintf(directory, sizeof(directory), "/tmp/providers-XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
    buf_init(&problem);
    buf_init(&notes);
    write_text("secrets.properties", "rack=r1\nport=7000\nbad=hunter2\n");
    write_text("rack", "r2\n");
}

static void finish(void)
{
    static const char *const names[] = {"secrets.properties", "rack", "s.properties"};
    char path[64];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
    buf_close(&problem);
    buf_close(&notes);
}

static void check_loads(const char *text, const char *rack)
{
    int err = load_text(text);
    if (err)
        printf("# %s\n", buf_text(&problem));
    CHECK_INT(err, 0);
    CHECK_STR(config_str(config, CONFIG_BROKER_RACK), rack);
    config_free(config);
}

static void check_fails(const char *text, int err, const char *words)
{
    CHECK_INT(load_text(text), err);
    if (!strstr(buf_text(&problem), words))
        printf("# %s\n", buf_text(&problem));
    CHECK(strstr(buf_text(&problem), words));
    CHECK(!strstr(buf_text(&problem), "hunter2"));
    CHECK(!strstr(buf_text(&notes), "hunter2"));
}

static void values_are_found(void)
{
    begin();
    CHECK(setenv("PROVIDERS_TEST_RACK", "r3", 1) == 0);
    check_loads(FILES "broker.rack=${f:@/secrets.properties:rack}\n", "r1");
    check_loads(FILES "broker.rack=${d:@:rack}\n", "r2"); /* without the editor's end of line */
    check_loads(FILES "broker.rack=${e:PROVIDERS_TEST_RACK}\n", "r3");
    check_loads(FILES "broker.rack=a-${d:@:rack}-${e::PROVIDERS_TEST_RACK}.\n", "a-r2-r3.");
    check_loads(FILES "broker.rack=${none}$\n", "${none}$"); /* names no provider */
    check_loads("broker.rack=${f:x:y}\n", "${f:x:y}");       /* there are no providers */
    finish();
}

static void what_is_not_there_stops_the_start(void)
{
    begin();
    check_fails(FILES "broker.rack=${f:@/secrets.properties:none}\n", ERR_NOT_FOUND,
                "/s.properties line 5: the value of broker.rack: there is no none in /tmp/");
    check_fails(FILES "broker.rack=${f:@/absent:rack}\n", ERR_NOT_FOUND, "can't be read");
    check_fails(FILES "broker.rack=${d:@:absent}\n", ERR_NOT_FOUND, "can't be read");
    check_fails(FILES "broker.rack=${e:PROVIDERS_TEST_ABSENT}\n", ERR_NOT_FOUND,
                "there is no variable PROVIDERS_TEST_ABSENT in the environment");
    check_fails(FILES "broker.rack=${g:@/secrets.properties:rack}\n", ERR_INVALID,
                "config.providers names no provider g");
    check_fails("config.providers=f\nbroker.rack=${f:/x:y}\n", ERR_INVALID,
                "the provider f needs config.providers.f.class");
    check_fails("config.providers=f\nconfig.providers.f.class=a.B\nbroker.rack=${f:/x:y}\n",
                ERR_UNSUPPORTED, "no Java class can be loaded here");
    finish();
}

static void what_may_not_be_read_is_not_read(void)
{
    begin();
    check_loads(FILES "config.providers.f.param.allowed.paths=/etc/kafka,@/\n"
                      "broker.rack=${f:@/./x/../secrets.properties:rack}\n",
                "r1");
    check_fails(FILES "config.providers.f.param.allowed.paths=@\n"
                      "broker.rack=${f:@/../../etc/passwd:root}\n",
                ERR_INVALID, "/etc/passwd is not below config.providers.f.param.allowed.paths");
    check_fails(FILES "config.providers.d.param.allowed.paths=@/sub\nbroker.rack=${d:@:rack}\n",
                ERR_INVALID, "is not below");
    check_fails(FILES "broker.rack=${d:@:../secrets}\n", ERR_INVALID, "is not the name of a file");
    check_fails(FILES "broker.rack=${f:secrets.properties:rack}\n", ERR_INVALID,
                "secrets.properties is no absolute path");
    CHECK(setenv("PROVIDERS_TEST_RACK", "r3", 1) == 0);
    check_loads(FILES "config.providers.e.param.allowlist.pattern=PROVIDERS_.*\n"
                      "broker.rack=${e:PROVIDERS_TEST_RACK}\n",
                "r3");
    check_fails(FILES "config.providers.e.param.allowlist.pattern=TEST\n"
                      "broker.rack=${e:PROVIDERS_TEST_RACK}\n",
                ERR_INVALID, "PROVIDERS_TEST_RACK does not match");
    finish();
}

/* A provided value that is wrong is told as what the file has. */
static void no_sentence_tells_one(void)
{
    begin();
    check_fails(FILES "num.partitions=${f:@/secrets.properties:bad}\n", ERR_INVALID,
                "num.partitions=${f:/tmp/");
    check_fails(FILES "listeners=${f:@/secrets.properties:bad}\n", ERR_INVALID, "${f:/tmp/");
    check_fails(FILES "broker.rack=${f:@/secrets.properties:bad}\nnum.partitions=x\n", ERR_INVALID,
                "num.partitions=x is not a whole number");
    finish();
}

TAP_MAIN(TAP_TEST(values_are_found), TAP_TEST(what_is_not_there_stops_the_start),
         TAP_TEST(what_may_not_be_read_is_not_read), TAP_TEST(no_sentence_tells_one))
