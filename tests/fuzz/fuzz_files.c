/* Inputs that are files. Failure modes: what a mutated name makes impossible is left out. */
#include "fuzz_files.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

enum { NAME_LEN_MAX = 60, FILES_MAX = 40, FILE_MAX = 1 << 20 };

bool fuzz_file_next(uint8_t **at, size_t *left, struct fuzz_file *file)
{
    if (*left < 1 || **at > NAME_LEN_MAX || *left < 1u + **at + 4)
        return false;
    file->name_len = **at;
    file->name = *at + 1;
    size_t head = 1 + file->name_len + 4;
    file->data = *at + head;
    file->len = bytes_get_u32(*at + head - 4);
    if (file->len > *left - head)
        file->len = *left - head;
    *at += head + file->len;
    *left -= head + file->len;
    return true;
}

bool fuzz_file_name_is(const struct fuzz_file *file, const char *name)
{
    return file->name_len == strlen(name) && memcmp(file->name, name, file->name_len) == 0;
}

bool fuzz_file_name_ends(const struct fuzz_file *file, const char *suffix)
{
    size_t len = strlen(suffix);
    return file->name_len >= len && memcmp(file->name + file->name_len - len, suffix, len) == 0;
}

void fuzz_file_put(struct buf *out, const char *name, const void *data, size_t len)
{
    uint8_t len_bytes[4], name_len = (uint8_t)strlen(name);
    bytes_put_u32(len_bytes, (uint32_t)len);
    FUZZ_REQUIRE(buf_append(out, &name_len, 1) == 0 && buf_append(out, name, name_len) == 0 &&
                 buf_append(out, len_bytes, 4) == 0 && buf_append(out, data, len) == 0);
}

void fuzz_file_take_dir(struct buf *out, struct env *env, const char *dir, const char *prefix)
{
    char **names, *data;
    size_t count, len;
    FUZZ_REQUIRE(env_dir_list(env, dir, &names, &count) == 0);
    for (size_t i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s", dir, names[i]);
        char *name = mem_printf("%s%s", prefix, names[i]);
        bool lock = strcmp(names[i], ".lock") == 0 || strcmp(names[i], "lock") == 0;
        if (!lock && env_file_load(env, path, FILE_MAX, &data, &len) == 0) {
            fuzz_file_put(out, name, data, len);
            mem_free(data);
        }
        mem_free(name);
        mem_free(path);
    }
    env_dir_list_free(names, count);
}

void fuzz_file_lay_out(struct env *env, const char *dir, const uint8_t *data, size_t len)
{
    uint8_t *copy = mem_dup(data, len), *at = copy;
    struct fuzz_file from;
    for (int count = 0; count < FILES_MAX && fuzz_file_next(&at, &len, &from); count++) {
        struct env_file *file;
        char *path = mem_printf("%s/%.*s", dir, (int)from.name_len, (const char *)from.name);
        int err = env_file_open(env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE, &file);
        if (err == 0) {
            FUZZ_REQUIRE(env_file_write(file, from.data, from.len, 0) == 0);
            env_file_close(file);
        }
        mem_free(path);
    }
    mem_free(copy);
}
