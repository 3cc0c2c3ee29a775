/* Looking for a record in bytes that may be anything.
 *
 * Happy path: heads that can't be one are passed over byte by byte; where one fits, the whole
 * record is read and its CRC decides. Failure modes: bodies that look like heads cost reads, so
 * those are bounded by FILE_DAMAGE_TRIALS times the bytes that are looked through: then nothing is
 * found, and the file is kept as it is. */
#include "tools/agent/file_damage.h"

#include "base/bytes.h"
#include "base/mem.h"

enum {
    FILE_DAMAGE_CHUNK = 1 << 20,
    FILE_DAMAGE_HEAD = FILE_RECORD_FRAME + FILE_RECORD_HEAD,
    FILE_DAMAGE_TRIALS = 16
};

/* Whether a record of `left` bytes at most may begin there; *size is its length then. Text that
 * fits by chance has numbers and counts that no record has. */
static bool file_damage_fits(const uint8_t *data, uint64_t left,
                             const struct file_damage_range *range, size_t *size)
{
    size_t said = bytes_get_u32(data);
    const uint8_t *head = data + FILE_RECORD_FRAME;
    uint64_t first = bytes_get_u64(head + 1), count = bytes_get_u32(head + 9);
    if (count == 0 || said < FILE_RECORD_HEAD || said > FILE_RECORD_MAX ||
        first > range->numbers_end || count > range->numbers_end - first)
        return false;
    bool put = head[0] == FILE_RECORD_PUT && first >= range->first_min &&
               count <= (said - FILE_RECORD_HEAD) / FILE_RECORD_EVENT_MIN;
    bool take =
        head[0] == FILE_RECORD_TAKE && first > 0 && said == FILE_RECORD_HEAD && !range->puts;
    *size = FILE_RECORD_FRAME + said;
    return (put || take) && *size <= left;
}

/* 1 = it is one, 0 = it is none, or ERR_x. */
static int file_damage_try(struct env_file *file, uint64_t at, size_t size,
                           struct file_record *record)
{
    uint8_t *data = mem_try_alloc(size);
    if (!data)
        return ERR_NO_MEMORY;
    ssize_t got = env_file_read(file, data, size, at);
    int parsed = got < 0 ? (int)got : file_record_parse(data, (size_t)got, record);
    mem_free(data);
    record->events = NULL;
    return parsed == ERR_CORRUPT ? 0 : parsed;
}

int file_damage_find(struct env_file *file, const struct file_damage_range *range, uint64_t *at,
                     struct file_record *record)
{
    ASSERT(range->from >= FILE_SEGMENT_HEADER);
    uint8_t *data = mem_alloc(FILE_DAMAGE_CHUNK);
    uint64_t from = range->from, end = range->end;
    uint64_t tried = 0, tried_max = from < end ? (end - from) * FILE_DAMAGE_TRIALS : 0;
    int found = 0;
    while (found == 0 && from + FILE_DAMAGE_HEAD <= end && tried <= tried_max) {
        size_t want = end - from < FILE_DAMAGE_CHUNK ? (size_t)(end - from) : FILE_DAMAGE_CHUNK;
        ssize_t got = env_file_read(file, data, want, from);
        if (got < FILE_DAMAGE_HEAD) {
            found = got < 0 ? (int)got : 0; /* the file is shorter than it was */
            break;
        }
        size_t heads = (size_t)got - FILE_DAMAGE_HEAD + 1;
        for (size_t i = 0; i < heads && found == 0 && tried <= tried_max; i++) {
            size_t size;
            if (!file_damage_fits(data + i, end - from - i, range, &size))
                continue;
            tried += size;
            *at = from + i;
            found = file_damage_try(file, *at, size, record);
        }
        from += heads;
    }
    mem_free(data);
    return found;
}

int file_damage_is_blank(struct env_file *file, uint64_t from, uint64_t end)
{
    uint8_t *data = mem_alloc(FILE_DAMAGE_CHUNK);
    int blank = 1;
    while (from < end && blank == 1) {
        size_t want = end - from < FILE_DAMAGE_CHUNK ? (size_t)(end - from) : FILE_DAMAGE_CHUNK;
        ssize_t got = env_file_read(file, data, want, from);
        if (got <= 0) {
            blank = got < 0 ? (int)got : 1;
            break;
        }
        for (ssize_t i = 0; i < got && blank == 1; i++)
            blank = data[i] == 0;
        from += (uint64_t)got;
    }
    mem_free(data);
    return blank;
}
