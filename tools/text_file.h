/* Whole text files, and the end of a log, with plain stdio: also files of /proc, whose size is not
 * known before they are read. */
#ifndef TOOLS_TEXT_FILE_H
#define TOOLS_TEXT_FILE_H

#include <stddef.h>
#include <sys/types.h>

enum { TEXT_FILE_MAX = 1 << 20 }; /* no file of settings comes near */

/* The text, with a NUL behind it, in the caller's memory; a longer one is cut at TEXT_FILE_MAX.
 * NULL with errno when it can't be read. */
char *text_file_read(const char *path, size_t *len);
/* Copies to stderr what the file has from `from` on, or its last bytes; some 4 kB at most. A file
 * that is not there is silence. */
void text_file_show_from(const char *path, off_t from);
void text_file_show_end(const char *path);

#endif
