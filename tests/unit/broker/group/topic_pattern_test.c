/* Patterns of topics: RE2's syntax as far as it goes, and what is refused. */
#include "../../tap.h"

#include "base/err.h"
#include "broker/group/topic_pattern.h"

static bool matches(const char *text, const char *name)
{
    struct topic_pattern *pattern;
    CHECK_INT(topic_pattern_new(wire_str_from(text), &pattern), 0);
    int found = topic_pattern_matches(pattern, name);
    CHECK(found >= 0);
    topic_pattern_free(pattern);
    return found > 0;
}

static void refused(const char *text)
{
    struct topic_pattern *pattern;
    printf("# %.60s\n", text);
    CHECK_INT(topic_pattern_new(wire_str_from(text), &pattern), ERR_INVALID_REGULAR_EXPRESSION);
}

static void whole_names(void)
{
    CHECK(matches("foo", "foo"));
    CHECK(!matches("foo", "foobar"));
    CHECK(!matches("foo", "afoo"));
    CHECK(matches("foo.*", "foobar"));
    CHECK(matches("foo|bar", "bar"));
    CHECK(!matches("foo|bar", "foobar"));
    CHECK(matches("^foo$", "foo"));
    CHECK(matches("(?:a|b)+", "abba"));
    CHECK(matches("a{2,3}", "aaa"));
    CHECK(!matches("a{2,3}", "a"));
}

static void classes(void)
{
    CHECK(matches("topic-\\d+", "topic-42"));
    CHECK(!matches("topic-\\d+", "topic-x"));
    CHECK(matches("\\w+", "a_B9"));
    CHECK(!matches("\\W+", "a_B9"));
    CHECK(matches("[\\w.]+", "a.b"));
    CHECK(matches("[^0-9]+", "abc"));
    CHECK(matches("a\\.b", "a.b"));
    CHECK(!matches("a\\.b", "axb"));
    CHECK(matches("\\Qa.b\\E.*", "a.bc"));
    CHECK(!matches("\\Qa.b\\E", "axb"));
    CHECK(matches("(?i)FOO", "foo"));
    CHECK(matches("a.*?b", "axxb"));
    CHECK(matches("[[:alpha:]]+", "abc"));
    CHECK(!matches("[[:^alpha:]]+", "abc"));
    CHECK(matches("(?P<n>a)b", "ab"));
    CHECK(matches("(?i:FOO)-bar", "foo-bar"));
    CHECK(matches("\\bfoo\\b.*", "foo-bar"));
    CHECK(matches("a{1000}|b", "b"));
    CHECK(matches(".*a.*b.*", "xxxxaxxxxbxxxx"));
}

static void refusals(void)
{
    refused("");
    refused("(");
    refused(")");
    refused("[a");
    refused("(a)\\1");
    refused("a(?=b)");
    refused("a(?!b)");
    refused("(?<=a)b");
    refused("(?<!a)b");
    refused("(?>a)b");
    refused("(?P<n>a)(?P=n)");
    refused("(?P<n>a)\\k<n>");
    refused("(?R)");
    refused("(?1)");
    refused("(?(1)a)");
    refused("(?C1)a");
    refused("(*ACCEPT)a");
    refused("a\\Kb");
    refused("\\Ga");
    refused("\\Ca");
    refused("a++");
    refused("a{2}+");
    refused("a*+");
    refused("\\");
    refused("a{1001}");
    refused("((a{100}){100}){100}");
    refused("((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))");
    char long_text[2000];
    memset(long_text, 'a', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    refused(long_text);
}

/* Names of 249 characters against what is built to be slow or large: an answer, or a refusal. The
 * steps are bounded by the engine, so a broken bound would be a test without an end. */
static void hostile(void)
{
    static const char *const atoms[] = {
        "(.?){999}", "(a?){1000}", "(a*)*", "(a|a)*", "(a+)+", "(.*)(.*)", "((a{0,9}){0,9}){0,9}"};
    char name[250];
    memset(name, 'a', sizeof(name) - 1);
    name[200] = 'b'; /* else the engine sees at once that it lacks one */
    name[sizeof(name) - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(atoms); i++)
        for (size_t times = 1; times <= 102; times += 7) {
            char text[TOPIC_PATTERN_LEN_MAX + 64] = "";
            struct topic_pattern *pattern;
            for (size_t n = 0; n < times && strlen(text) < TOPIC_PATTERN_LEN_MAX - 30; n++)
                strcat(text, atoms[i]);
            strcat(text, "b");
            if (topic_pattern_new(wire_str_from(text), &pattern))
                continue;
            CHECK(topic_pattern_matches(pattern, name) <= 0);
            topic_pattern_free(pattern);
        }
}

/* Any bytes: an answer, never a crash. */
static void noise(void)
{
    static const char letters[] = "ab\\(){}[]*+?|.^$d0,QEi:-";
    uint32_t seed = 7;
    for (int n = 0; n < 20000; n++) {
        char text[24];
        size_t len = 0;
        seed = seed * 1664525u + 1013904223u;
        for (uint32_t left = 1 + (seed >> 8) % 20; left > 0; left--) {
            seed = seed * 1664525u + 1013904223u;
            text[len++] = letters[(seed >> 8) % (sizeof(letters) - 1)];
        }
        struct topic_pattern *pattern;
        if (topic_pattern_new(wire_str_of(text, len), &pattern))
            continue;
        CHECK(topic_pattern_matches(pattern, "some-topic") <= 1);
        topic_pattern_free(pattern);
    }
}

TAP_MAIN(TAP_TEST(whole_names), TAP_TEST(classes), TAP_TEST(refusals), TAP_TEST(hostile),
         TAP_TEST(noise))
