/* The avro source: events of other agents and of Flume's clients, by Avro's calls. What it does
 * stands in rpc_source.c and avro_rpc.c; here are its keys and who may connect. */
#include <fnmatch.h>
#include <string.h>

#include "base/mem.h"
#include "tools/agent/rpc_source.h"
#include "tools/agent/tls_keys.h"
#include "tools/agent/types.h"

enum { AVRO_ZIP_LEVEL = 6 };

struct avro_source {
    struct rpc_source rpc;
    const char *rules; /* NULL = all may connect */
};

/* clang-format off */
static const struct key_row avro_source_keys[] = {
    KEY("bind", KEY_REQUIRED, "The address to listen on; 0.0.0.0 is any."),
    KEY_INT("port", KEY_REQUIRED, 0, 65535, "The port to listen on; 0 is a free one."),
    KEY_INT("threads", NULL, 0, KEY_MAX_INT,
            "Nothing depends on it: one loop serves all connections."),
    KEY_ONE_OF("compression-type", "none", "none|deflate",
               "How connections are compressed; the sinks at the other end must say the same."),
    KEY_BOOL("ipFilter", "false", "Whether ipFilterRules say who may connect."),
    KEY("ipFilterRules", NULL,
        "allow:ip:PATTERN or deny:ip:PATTERN, separated by commas; * in a pattern is anything, the "
        "first that fits counts, and who fits none may connect."),
    TLS_KEYS("keystore", "keystore-password", "keystore-type"),
    KEY_END,
};
/* clang-format on */

static struct avro_source *avro_source_of(struct source *source)
{
    return CONTAINER_OF(source, struct avro_source, rpc.source);
}

/* One rule: its parts, as far as it has the right form. */
static bool avro_source_rule(const char *rule, bool *allows, const char **pattern)
{
    *allows = strncmp(rule, "allow:ip:", 9) == 0;
    if (!*allows && strncmp(rule, "deny:ip:", 8) != 0)
        return false;
    *pattern = rule + (*allows ? 9 : 8);
    return **pattern != '\0';
}

static void avro_source_check(const struct part *part, struct buf *problems)
{
    const char *rules = part_text(part, "ipFilterRules");
    tls_check(part, problems);
    if (part_flag(part, "ipFilter") && !rules)
        part_complain(part, "ipFilterRules", problems, "ipFilter is true, and no rule is given");
    char *copy = mem_strdup(rules ? rules : ""), *save = NULL;
    for (char *rule = strtok_r(copy, ", ", &save); rule; rule = strtok_r(NULL, ", ", &save)) {
        bool allows;
        const char *pattern;
        if (!avro_source_rule(rule, &allows, &pattern))
            part_complain(part, "ipFilterRules", problems,
                          "\"%s\" is none of allow:ip:PATTERN and deny:ip:PATTERN; names of hosts "
                          "are not looked up",
                          rule);
    }
    mem_free(copy);
}

static bool avro_source_admits(struct rpc_source *rpc, const char *peer)
{
    const struct avro_source *avro = CONTAINER_OF(rpc, struct avro_source, rpc);
    if (!avro->rules)
        return true;
    char *ip = mem_strdup(peer);
    source_strip_port(ip);
    char *copy = mem_strdup(avro->rules), *save = NULL;
    bool admits = true, allows;
    for (char *rule = strtok_r(copy, ", ", &save); rule; rule = strtok_r(NULL, ", ", &save)) {
        const char *pattern;
        if (avro_source_rule(rule, &allows, &pattern) && fnmatch(pattern, ip, 0) == 0) {
            admits = allows;
            break;
        }
    }
    if (!admits)
        logger_warn(&rpc->source.logger, "refusing %s: ipFilterRules deny it", peer);
    mem_free(copy);
    mem_free(ip);
    return admits;
}

static int avro_source_start(struct source *source, struct buf *problem)
{
    struct avro_source *avro = avro_source_of(source);
    avro->rules =
        part_flag(source->part, "ipFilter") ? part_text(source->part, "ipFilterRules") : NULL;
    avro->rpc.protocol = &avro_rpc;
    avro->rpc.zips = part_is(source->part, "compression-type", "deflate");
    avro->rpc.zip_level = AVRO_ZIP_LEVEL;
    avro->rpc.admits = avro_source_admits;
    return rpc_source_start(&avro->rpc, problem);
}

static void avro_source_stop(struct source *source)
{
    rpc_source_stop(&avro_source_of(source)->rpc);
}

const struct source_type avro_source_type = {
    .part = {.kind = PART_SOURCE,
             .name = "avro",
             .class_name = "org.apache.flume.source.AvroSource",
             .doc = "Events of other agents, of Flume or of Millrace, by Avro's calls.",
             .keys = avro_source_keys,
             .check = avro_source_check},
    .size = sizeof(struct avro_source),
    .start = avro_source_start,
    .stop = avro_source_stop,
};
