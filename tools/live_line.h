/* A line at a terminal that shows how something does: printed over again and again, on stdout. */
#ifndef TOOLS_LIVE_LINE_H
#define TOOLS_LIVE_LINE_H

#include <stdbool.h>

struct live_line {
    bool live;  /* stdout is a terminal, and the line is wanted */
    bool shown; /* it stands there now */
};

void live_line_open(struct live_line *line, bool wanted);
/* `text` are parts with commas between: as many as the window is wide for are shown. Nothing is
 * printed where the line is not live. `text` is cut for that. */
void live_line_print(struct live_line *line, char *text);
/* So that something else can be printed in its place. */
void live_line_clear(struct live_line *line);

#endif
