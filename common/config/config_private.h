/* What the config_*.c files share; nobody else includes it. */
#ifndef CONFIG_PRIVATE_H
#define CONFIG_PRIVATE_H

#include "base/mem.h"
#include "config/config.h"

/* Each list of addresses in the settings is bounded: no real node comes near. */
enum { CONFIG_LISTENERS_MAX = 16, CONFIG_VOTERS_MAX = 64, CONFIG_LOG_DIRS_MAX = 64 };

struct config_value {
    struct config_parsed now;
    int line;   /* of the file; 0 = override */
    bool given; /* by the file or an override */
};

struct config {
    struct arena strings; /* every text below */
    struct config_value values[CONFIG_COUNT];
    const char *file;
    int32_t node_id;
    bool has_id; /* node.id or broker.id is given */
    unsigned roles;
    struct config_listener listeners[CONFIG_LISTENERS_MAX];
    int listener_count;
    int inter_broker; /* index of listeners */
    struct config_voter voters[CONFIG_VOTERS_MAX];
    int voter_count;
    struct config_voter bootstrap[CONFIG_VOTERS_MAX];
    int bootstrap_count;
    bool bootstrap_supposed;
    struct config_endpoint controller;
    const char *log_dirs[CONFIG_LOG_DIRS_MAX];
    int log_dir_count;
};

/* Parses a checked value; the same rules for file, override and topic. */
bool config_parse_int(const char *text, int64_t *value);
bool config_parse_double(const char *text, double *value);
/* Whether it is UTF-8 without control characters. */
bool config_is_text(const char *text);
bool config_parse_bool(const char *text, bool *value);

/* "FILE line N: " or "--override: " in front of a sentence about a setting. */
void config_say_where(const struct config *config, enum config_id id, struct buf *problem);

/* Fills everything that is derived. */
int config_derive(struct config *config, struct buf *problem, struct buf *notes) MUST_CHECK;

/* NULL when controller.quorum.voters does not name the id. */
const struct config_voter *config_find_voter(const struct config *config, int32_t id);
/* The listener of a node that is a controller. */
int config_derive_controller(struct config *config, struct buf *problem,
                             struct buf *notes) MUST_CHECK;

/* Directories that get no new replicas are named in log.dirs; "*" is all of them. 0, or
 * ERR_INVALID_CONFIG with a sentence. */
int config_check_cordoned(const struct config *config, const char *value,
                          struct buf *problem) MUST_CHECK;

#endif
