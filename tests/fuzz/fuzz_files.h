/* An input that is a row of files: one byte length of the name, the name (relative to a directory,
 * which it may put a folder in front of), four bytes length, content. */
#ifndef TESTS_FUZZ_FILES_H
#define TESTS_FUZZ_FILES_H

#include "base/buf.h"
#include "env/env.h"
#include "fuzz.h"

struct fuzz_file {
    const uint8_t *name;
    size_t name_len;
    uint8_t *data;
    size_t len;
};

/* Steps through the input; a length over what is left means all of it. False at the end. */
bool fuzz_file_next(uint8_t **at, size_t *left, struct fuzz_file *file);
bool fuzz_file_name_is(const struct fuzz_file *file, const char *name);
bool fuzz_file_name_ends(const struct fuzz_file *file, const char *suffix);
/* Appends a file to an input. */
void fuzz_file_put(struct buf *out, const char *name, const void *data, size_t len);
/* Appends the files of `dir`, but for those named lock or .lock, with `prefix` before their names.
 */
void fuzz_file_take_dir(struct buf *out, struct env *env, const char *dir, const char *prefix);
/* Writes the files of an input below `dir`, which exists; what can't be opened is left out. */
void fuzz_file_lay_out(struct env *env, const char *dir, const uint8_t *data, size_t len);

#endif
