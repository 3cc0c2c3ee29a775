/* Which events of a file channel are done: a sequence number below which all are, and ranges above
 * it. */
#ifndef AGENT_FILE_RANGES_H
#define AGENT_FILE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_range {
    uint64_t first;
    uint64_t end; /* the first behind it */
};

struct file_ranges {
    uint64_t head;           /* all below it are done */
    struct file_range *rows; /* above it, in order, with gaps between them */
    size_t count;
    size_t cap;
};

void file_ranges_init(struct file_ranges *ranges, uint64_t head);
void file_ranges_close(struct file_ranges *ranges);
/* Those that are done already may be among them. Returns how many were not. */
uint64_t file_ranges_add(struct file_ranges *ranges, uint64_t first, uint64_t end);
bool file_ranges_has(const struct file_ranges *ranges, uint64_t seq);
/* How many from the head up to `end` are not done; none behind `end` is. */
uint64_t file_ranges_left(const struct file_ranges *ranges, uint64_t end);

#endif
