/* The settings of a node: one table (config_table.h) with Kafka's names, types and defaults, filled
 * from a properties file, plus what is derived from them once (listeners, voters, directories).
 *
 * A value is checked and parsed when it is read, so that the getters can't fail. A getter for a
 * setting of another type is a bug of the caller. Settings are read-only after config_new, hence
 * any thread may read them. What topics and brokers are given while the cluster runs goes above
 * them: config_change.h says what is taken, config_chain.h which value counts. Source of names,
 * types and defaults: Kafka's documented broker and topic settings.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/logger_levels.h"
#include "base/props.h"
#include "config/config_table.h"

struct env;
struct config;

enum config_type {
    CONFIG_TYPE_BOOL,
    CONFIG_TYPE_SHORT,
    CONFIG_TYPE_INT,
    CONFIG_TYPE_LONG,
    CONFIG_TYPE_DOUBLE,
    CONFIG_TYPE_STRING,
    CONFIG_TYPE_CLASS,
    CONFIG_TYPE_LIST,
    CONFIG_TYPE_PASSWORD /* never shown */
};

enum config_flags {
    CONFIG_DYNAMIC = 1,         /* may be changed while the node runs */
    CONFIG_READ_ONLY = 2,       /* only in the file */
    CONFIG_NO_EFFECT = 4,       /* accepted, checked, described; changes nothing here */
    CONFIG_TOPIC_ONLY = 8,      /* exists for topics only */
    CONFIG_PER_BROKER = 16,     /* may be changed for one broker at a time, not for all at once */
    CONFIG_PER_LISTENER = 32,   /* may be changed only as listener.name.NAME. in front of it */
    CONFIG_NOT_TOLD = 64,       /* listed only where it is set: Kafka 4 has no such name */
    CONFIG_OWN_DEFAULT = 128,   /* Kafka has no default: ours is not told as one */
    CONFIG_ANY_CASE = 256,      /* letters of both cases are the same in its words */
    CONFIG_FILLED = 512,        /* an empty text, or list, is refused */
    CONFIG_GUARD = 1024,        /* refused when it is set: ignoring it would leave something open */
    CONFIG_AT_CONTROLLER = 2048 /* dynamic, and the controller reads it, no broker */
};

struct config_row {
    const char *name;
    const char *topic_name;   /* NULL = none */
    const char *default_text; /* NULL = unset */
    const char *allowed;      /* "a|b", NULL = any */
    const char *doc;
    int64_t min, max;
    enum config_type type;
    unsigned flags;
};

/* A value in the form that is used. */
struct config_parsed {
    const char *text; /* NULL = unset */
    int64_t number;   /* SHORT, INT, LONG; 0 or 1 of a BOOL */
    double real;      /* DOUBLE */
};

/* ---- making one ---- */

/* Checks `props` (what was read from `file`; entries of line 0 came from --override) and derives
 * the rest. 0, or ERR_UNKNOWN_OPTION, ERR_INVALID, ERR_UNSUPPORTED: then `problem` gets one
 * sentence that names file, line, setting and remedy. `notes` gets lines for the logger, each ended
 * by \n. */
int config_new(const struct props *props, const char *file, struct buf *problem, struct buf *notes,
               struct config **out) MUST_CHECK;
/* The same from the file itself; `overrides` ("key=value", count of them) win over it. In addition
 * ERR_NOT_FOUND, ERR_ACCESS, ERR_MALFORMED, with the sentence in `problem`. */
int config_load(struct env *env, const char *file, const char *const *overrides, int count,
                struct buf *problem, struct buf *notes, struct config **out) MUST_CHECK;
void config_free(struct config *config);

/* ---- values ---- */

/* SHORT, INT and LONG. Of a setting with older units (log.retention.ms, .minutes, .hours;
 * log.roll.ms, .hours; log.roll.jitter.ms, .hours) the ms form returns what they say together. */
int64_t config_int(const struct config *config, enum config_id id);
bool config_bool(const struct config *config, enum config_id id);
double config_double(const struct config *config, enum config_id id);
/* The same of a setting of any type. */
const struct config_parsed *config_value(const struct config *config, enum config_id id);
/* The text of a setting of any type; "" if it is unset. */
const char *config_str(const struct config *config, enum config_id id);
/* Whether the file or an override names it; or it, or one of its older units. */
bool config_is_set(const struct config *config, enum config_id id);
bool config_is_given(const struct config *config, enum config_id id);

/* Of a file that was read again while the node runs: `fresh` keeps what it says of settings that
 * are `live`, or are older units of such ones, and has everything else as in `running`, which has
 * to outlive it. The names of those that differ are appended to `taken`, and to `kept` if they need
 * a restart, each behind a blank. Settings without effect are in neither. */
void config_take_live(struct config *fresh, const struct config *running,
                      bool (*live)(enum config_id id), struct buf *taken, struct buf *kept);

/* ---- the rows, for DescribeConfigs and the like ---- */

/* Never NULL for id < CONFIG_COUNT. */
const struct config_row *config_row(enum config_id id);
/* CONFIG_COUNT when there is none. */
enum config_id config_find(const char *name);
enum config_id config_find_topic(const char *topic_name);
/* 0, or ERR_INVALID_CONFIG with the sentence ("NAME=VALUE is ...: write ...") in `problem`. */
int config_check_value(const struct config_row *row, const char *name, const char *value,
                       struct buf *problem) MUST_CHECK;
/* Reads a checked value of a row; the text is borrowed. False when it is no value of that type. */
bool config_parse(const struct config_row *row, const char *text, struct config_parsed *value);
/* 0, or ERR_INVALID_CONFIG with a sentence: beside what the file says, the value would contradict
 * another setting (a least above a most). */
int config_check_fit(const struct config *config, enum config_id id, const char *value,
                     struct buf *problem) MUST_CHECK;
/* Whether a value of cordoned.log.dirs names that directory of config_log_dirs. */
bool config_cordons(const char *value, const char *dir);
/* One element of a comma-separated list, without blanks around it; *list moves past it. False at
 * the end of the list. Empty elements are skipped. */
bool config_next_element(const char **list, const char **element, size_t *len);

/* One of max.connections.per.ip.overrides: "10.0.0.1:5". */
enum { CONFIG_HOST_LIMITS_MAX = 1000 };
struct config_host_limit {
    char host[64]; /* as the address of a connection is written */
    int64_t max;
};
/* Moves on by one: 1 and the limit, 0 at the end of the list, ERR_INVALID. */
int config_next_host_limit(const char **list, struct config_host_limit *limit) MUST_CHECK;
/* As Java prints a double: 1000.0, 1.0E7. */
void config_print_double(double value, struct buf *out);
/* Whether the value of a STRING is that word. */
bool config_is_word(const char *text, const char *word);
/* A checked value in Kafka's normal form: true or false, numbers without ornament, lists without
 * blanks and doubles; other texts without the blanks around them. Appends to `out`. */
void config_normal(const struct config_row *row, const char *value, struct buf *out);
/* The row that says what a name means: its own, or of listener.name.NAME.X (and, where logins are
 * configured, listener.name.NAME.MECHANISM.X) that of X. CONFIG_COUNT when nothing is known: the
 * value may be a secret then. *listener is set to whether the name has such a prefix. */
enum config_id config_find_base(const char *name, bool *listener);
/* Whether all brokers at once may be told to change the setting of that row (of config_find_base),
 * with or without a listener's name in front. */
bool config_is_for_all(enum config_id id, bool listener);
/* Whether a broker accepts a name that has no row, and it changes nothing: settings of Kafka's
 * ZooKeeper, of other releases, of plug-ins. */
bool config_is_foreign(const char *name);
/* The known name that is closest to `name`, for "did you mean"; NULL when none is close. */
const char *config_nearest(const char *name, bool topic);

/* ---- derived ---- */

enum config_role { CONFIG_ROLE_BROKER = 1, CONFIG_ROLE_CONTROLLER = 2 };

struct config_listener {
    const char *name; /* "PLAINTEXT" */
    const char *host; /* "" = any */
    uint16_t port;    /* 0 = a free one */
    int16_t security; /* Kafka's number of the security protocol; 0 = PLAINTEXT, the only one yet */
    const char *advertised_host; /* never empty */
    uint16_t advertised_port;    /* 0 = the one that is bound */
};

enum { CONFIG_NO_ID = -1 };

struct config_voter {
    int32_t id; /* CONFIG_NO_ID: a bootstrap server, which tells its id when it is asked */
    const char *host;
    uint16_t port;
};

struct config_endpoint {
    const char *host; /* "" = any */
    uint16_t port;
};

/* The file that it was read from, for sentences that tell where to change a setting. */
const char *config_file(const struct config *config);
int32_t config_node_id(const struct config *config);
/* Bits of enum config_role. */
unsigned config_roles(const struct config *config);
/* The listeners for clients and brokers, without the controller's. */
const struct config_listener *config_listeners(const struct config *config, int *count);
/* The one that brokers use among themselves; NULL without the broker role. */
const struct config_listener *config_inter_broker_listener(const struct config *config);
/* controller.quorum.voters; 0 entries: the voters are those of the log, and found by way of the
 * bootstrap servers. */
const struct config_voter *config_voters(const struct config *config, int *count);
/* controller.quorum.bootstrap.servers, where there are no voters; ids are CONFIG_NO_ID. 0 entries
 * of both: this node founds a cluster of its own. */
const struct config_voter *config_bootstrap(const struct config *config, int *count);
/* The host under which the others reach this node's controller: as the bootstrap servers call it,
 * else where it listens, else the host that clients are told. For a node with that role. */
const char *config_controller_host(const struct config *config);
/* Whether this node's own controller listens there. */
bool config_bootstrap_is_self(const struct config *config, int i);
/* Whether nobody has named them: then they are those of the nodes that a machine may have. */
bool config_bootstrap_supposed(const struct config *config);
/* Which of the bootstrap servers founds the quorum: the lowest address, wherever it stands in the
 * list, so that files that name the same nodes in another order mean the same; -1 without any. */
int config_bootstrap_founder(const struct config *config);
/* The order of addresses, as text: below 0 when the first one is lower. Names are not looked up,
 * since one name may be another address on each node. */
int config_address_compare(const char *host, uint16_t port, const char *other_host,
                           uint16_t other_port);
/* A name by which every host means itself. */
bool config_host_is_loopback(const char *host);
/* Where this node's controller listens: its entry in `listeners`, else the port of its voter entry,
 * else the port of the first broker listener + 10000. NULL without the controller role. */
const struct config_endpoint *config_controller_listener(const struct config *config);
/* The name of the listener of controllers: the first of controller.listener.names, or CONTROLLER.
 * Borrowed, and not ended by a NUL: *len is its length. */
const char *config_controller_name(const struct config *config, size_t *len);
/* What logger.level and logger.levels say together. */
void config_logger_levels(const struct config *config, struct logger_levels *levels);
/* At least one. */
const char *const *config_log_dirs(const struct config *config, int *count);

#endif
