/* The logger: one line an event, on stdout, with time, level and the node's name; for people, or a
 * JSON object with "time" (ISO 8601, UTC), "level", "area", "node" (its id) and "message".
 *
 * A logger belongs to one thread; several loggers may share a descriptor, since a line is one
 * write. Control bytes in arguments are printed as \xNN, so data can't forge a line; as JSON they
 * are escaped in its way, and bytes that are no UTF-8 stand as \xNN in the message. The arguments
 * of a line that is off are not even evaluated. */
#ifndef BASE_LOGGER_H
#define BASE_LOGGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/logger_levels.h"

/* Bounds the lines of a logger: who owns it sets `left` anew from time to time, and says how many
 * were `held` back (env/line_limit.h). Lines below INFO are free: they come only on demand. */
struct logger_quota {
    int left;
    int64_t held;
    enum logger_level level; /* the gravest of those */
};

struct logger {
    char name[32]; /* "broker 0" */
    int32_t node_id;
    enum logger_area area;
    bool json;
    struct logger_levels *levels; /* of all areas; borrowed; NULL = `level` is in force */
    enum logger_level level;      /* lines below it are dropped */
    int64_t (*wall_ms)(void *);   /* the clock; NULL prints no time */
    void *clock_data;
    /* Where a finished line (with its newline) goes; NULL = stdout. */
    void (*sink)(void *data, const char *line, int len);
    void *sink_data;
    struct logger_quota *quota; /* NULL = no bound */
};

void logger_init(struct logger *logger, const char *name, int64_t (*wall_ms)(void *),
                 void *clock_data);
/* The same logger for lines about another area; copies stay as they are when `logger` changes, but
 * share `levels`. */
struct logger logger_of_area(const struct logger *logger, enum logger_area area);
void logger_print(struct logger *logger, enum logger_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Whether such a line would be printed: asked before work that only serves a line. */
static inline bool logger_wants(const struct logger *logger, enum logger_level level)
{
    return level >=
           (logger->levels ? logger_levels_get(logger->levels, logger->area) : logger->level);
}

#define LOGGER_AT(logger, at, ...)                                                                 \
    (logger_wants(logger, at) ? logger_print(logger, at, __VA_ARGS__) : (void)0)
#define logger_trace(logger, ...) LOGGER_AT(logger, LOGGER_TRACE, __VA_ARGS__)
#define logger_debug(logger, ...) LOGGER_AT(logger, LOGGER_DEBUG, __VA_ARGS__)
#define logger_info(logger, ...)  LOGGER_AT(logger, LOGGER_INFO, __VA_ARGS__)
#define logger_warn(logger, ...)  LOGGER_AT(logger, LOGGER_WARN, __VA_ARGS__)
#define logger_error(logger, ...) LOGGER_AT(logger, LOGGER_ERROR, __VA_ARGS__)

#endif
