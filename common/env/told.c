/* What was told of a host. Failure mode: more at once than is remembered; then each time is the
 * first one, and the logger's own limit (line_limit.h) bounds the lines. */
#include "env/told.h"

#include <stdio.h>
#include <string.h>

/* "10.0.0.1 speaks TLS" */
static void told_text(const char *peer, const char *what, char text[TOLD_TEXT_MAX])
{
    const char *colon = strrchr(peer, ':');
    int len = colon ? (int)(colon - peer) : (int)strlen(peer);
    snprintf(text, TOLD_TEXT_MAX, "%.*s %s", len, peer, what);
}

bool told_is_first(struct told *told, struct logger *logger, int64_t now_ms, const char *peer,
                   const char *what)
{
    char text[TOLD_TEXT_MAX];
    struct told_row *empty = NULL;
    told_text(peer, what, text);
    told_sweep(told, logger, now_ms);
    for (size_t i = 0; i < TOLD_MAX; i++) {
        struct told_row *row = &told->rows[i];
        if (row->text[0] == '\0') {
            empty = row;
        } else if (strcmp(row->text, text) == 0) {
            row->held++;
            return false;
        }
    }
    if (empty) {
        memcpy(empty->text, text, sizeof(text));
        empty->until_ms = now_ms + TOLD_QUIET_MS;
        empty->held = 0;
    }
    return true;
}

void told_sweep(struct told *told, struct logger *logger, int64_t now_ms)
{
    for (size_t i = 0; i < TOLD_MAX; i++) {
        struct told_row *row = &told->rows[i];
        if (row->text[0] == '\0' || now_ms < row->until_ms)
            continue;
        if (row->held > 0)
            logger_warn(logger, "closed %lld more connections within a minute: %s",
                        (long long)row->held, row->text);
        row->text[0] = '\0';
    }
}
