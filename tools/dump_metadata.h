/* What a controller keeps on disk, in words: the metadata log, a snapshot, the vote, and how far
 * the log was durable. The format is Millrace's own (controller/raft_store_record.h). */
#ifndef TOOLS_DUMP_METADATA_H
#define TOOLS_DUMP_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/dump_row.h"

/* Whether a file with this name (no path) is one of them. */
bool dump_metadata_knows(const char *name);
/* Prints it; with `records` also what the entries say. 0, or 1 with the message printed. */
int dump_metadata_print(const struct tool_run *run, struct dump_rows *rows, const char *path,
                        const char *name, const uint8_t *bytes, size_t len, bool records);
/* The entries of metadata that files hold, oldest first; that of a snapshot stands for all before.
 */
struct dump_entries {
    struct dump_entry {
        uint64_t index;
        uint8_t *bytes; /* a packed Entry */
        size_t len;
    } * items;
    size_t count;
};

/* Adds those of a snapshot or a log; what its records cut off is taken away again. Files come in
 * the order in which they were written, the snapshot first. `newest`: bytes at the end that are no
 * record are a write that is not finished. 0, or 1 with the message printed. */
int dump_entries_add(const struct tool_run *run, const char *path, const char *name,
                     const uint8_t *bytes, size_t len, bool newest, struct dump_entries *entries);
void dump_entries_free(struct dump_entries *entries);

#endif
