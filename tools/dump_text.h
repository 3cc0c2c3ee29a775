/* The small text files of a data directory in words: checkpoints, what a directory and a partition
 * say of themselves, and Millrace's own. */
#ifndef TOOLS_DUMP_TEXT_H
#define TOOLS_DUMP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/dump_row.h"

/* Whether a file with this name (no path) is one of them. */
bool dump_text_knows(const char *name);
/* Prints the file's text, which ends with a NUL. 0, or 1 with the message printed, which names the
 * line that can't be. */
int dump_text_print(const struct tool_run *run, struct dump_rows *rows, const char *path,
                    const char *name, char *text, size_t len);
/* Files whose name alone says something, such as 00000000000000000007.truncated; false for others.
 */
bool dump_text_mark(struct dump_rows *rows, const char *name);

#endif
