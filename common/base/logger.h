/* The logger: one line an event, on stdout, with time, level and the node's name.
 *
 * A logger belongs to one thread; several loggers may share a descriptor, since a line is one
 * write. Control bytes in arguments are printed as \xNN, so data can't forge a line. */
#ifndef BASE_LOGGER_H
#define BASE_LOGGER_H

#include <stdint.h>

#include "base/check.h"

enum logger_level { LOGGER_DEBUG, LOGGER_INFO, LOGGER_WARN, LOGGER_ERROR };

/* Bounds the lines of a logger: who owns it sets `left` anew from time to time, and says how many
 * were `held` back (env/line_limit.h). */
struct logger_quota {
    int left;
    int64_t held;
    enum logger_level level; /* the gravest of those */
};

struct logger {
    char name[32];              /* "broker 0" */
    enum logger_level level;    /* lines below it are dropped */
    int64_t (*wall_ms)(void *); /* the clock; NULL prints no time */
    void *clock_data;
    /* Where a finished line (with its newline) goes; NULL = stdout. */
    void (*sink)(void *data, const char *line, int len);
    void *sink_data;
    struct logger_quota *quota; /* NULL = no bound */
};

void logger_init(struct logger *logger, const char *name, int64_t (*wall_ms)(void *),
                 void *clock_data);
void logger_print(struct logger *logger, enum logger_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

#define logger_debug(logger, ...) logger_print(logger, LOGGER_DEBUG, __VA_ARGS__)
#define logger_info(logger, ...)  logger_print(logger, LOGGER_INFO, __VA_ARGS__)
#define logger_warn(logger, ...)  logger_print(logger, LOGGER_WARN, __VA_ARGS__)
#define logger_error(logger, ...) logger_print(logger, LOGGER_ERROR, __VA_ARGS__)

#endif
