/* Patterns of topics: RE2's syntax as far as it goes, and what is refused. */
#include "../../tap.h"

#include "base/err.h"
#include "broker/group/topic_pattern.h"

static bool matches(const char *text, const char *name)
{
    struct topic_pattern *pattern;
    CHECK_INT(topic_pattern_new(wire_str_from(text), &pattern), 0);
    bool found = topic_pattern_matches(pattern, name);
    topic_pattern_free(pattern);
    return found;
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
}

static void refusals(void)
{
    refused("");
    refused("(");
    refused(")");
    refused("[a");
    refused("(a)\\1");
    refused("a(?=b)");
    refused("a\\b");
    refused("a*+");
    refused("\\");
    refused("[[:alpha:]]");
    refused("a{1001}");
    refused("((a{100}){100}){100}");
    refused("((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))");
    char long_text[2000];
    memset(long_text, 'a', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    refused(long_text);
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
        topic_pattern_matches(pattern, "some-topic");
        topic_pattern_free(pattern);
    }
}

TAP_MAIN(TAP_TEST(whole_names), TAP_TEST(classes), TAP_TEST(refusals), TAP_TEST(noise))
