/* Points in time in the patterns of Java's SimpleDateFormat, as --date-format takes them. */
#ifndef TOOLS_DATE_FORMAT_H
#define TOOLS_DATE_FORMAT_H

#include <stdint.h>

#include "base/buf.h"

/* Whether the pattern can be written; ERR_INVALID with the sentence in `problem`. */
int date_format_check(const char *pattern, struct buf *problem) MUST_CHECK;
/* Appends the time, in the local time zone. The pattern was checked. */
void date_format_print(const char *pattern, int64_t wall_ms, struct buf *out);

#endif
