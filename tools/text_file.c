/* Text files whole. Failure modes: a file that can't be opened or read; one that is too long is
 * cut. */
#include "tools/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

enum { TEXT_FILE_SHOWN = 4096 };

char *text_file_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = mem_alloc(TEXT_FILE_MAX + 1);
    *len = fread(text, 1, TEXT_FILE_MAX, file);
    int broken = ferror(file) ? errno : 0;
    fclose(file);
    if (!broken)
        return text;
    mem_free(text);
    errno = broken;
    return NULL;
}

static void text_file_show(int file, off_t from)
{
    char text[TEXT_FILE_SHOWN];
    ssize_t len = pread(file, text, sizeof(text), from);
    if (len > 0)
        fwrite(text, 1, (size_t)len, stderr);
}

void text_file_show_from(const char *path, off_t from)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    text_file_show(file, from);
    close(file);
}

void text_file_show_end(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    off_t end = lseek(file, 0, SEEK_END);
    text_file_show(file, end > TEXT_FILE_SHOWN ? end - TEXT_FILE_SHOWN : 0);
    close(file);
}
