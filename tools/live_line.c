/* Happy path: the cursor goes back, the line is erased, and as many parts as fit are written. */
#include "tools/live_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/check.h"

enum { LIVE_LINE_COLUMNS = 80 };

void live_line_open(struct live_line *line, bool wanted)
{
    *line = (struct live_line){.live = wanted && isatty(STDOUT_FILENO)};
}

void live_line_clear(struct live_line *line)
{
    if (!line->shown)
        return;
    ASSERT(line->live);
    line->shown = false;
    printf("\r\033[K");
    fflush(stdout);
}

/* The last column stays free: a terminal would begin a new line. */
static size_t live_line_columns(void)
{
    struct winsize window = {.ws_col = LIVE_LINE_COLUMNS};
    const char *told = getenv("COLUMNS");
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
    if (window.ws_col == 0 && told) /* a terminal that does not know its own width */
        window.ws_col = (unsigned short)strtoul(told, NULL, 10);
    return (size_t)(window.ws_col > 1 ? window.ws_col : LIVE_LINE_COLUMNS) - 1;
}

void live_line_print(struct live_line *line, char *text)
{
    if (!line->live)
        return;
    size_t columns = live_line_columns();
    ASSERT(columns > 0);
    while (strlen(text) > columns && strrchr(text, ','))
        *strrchr(text, ',') = '\0';
    printf("\r\033[K%.*s", (int)columns, text);
    fflush(stdout);
    line->shown = true;
}
