/* The files of a file channel.
 *
 * Happy path: recovery takes the checkpoint, reads the records behind its place, and knows which
 * events are there. Failure modes: a checkpoint that is damaged or does not fit gives way to its
 * backup, then all segments are read; a record that is damaged costs its own events, and what is
 * behind it is found (file_damage.h). Nothing is written into a file that was there: a start begins
 * a new one, so what a crash left at an end stays where it is; a file that is damaged elsewhere is
 * never removed, but put aside when its events are done. */
#include "tools/agent/file_segments.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "base/plural.h"
#include "tools/agent/file_damage.h"
#include "tools/agent/file_record.h"

enum {
    FILE_READ_CHUNK = 1 << 20,
    FILE_DIRS_MAX = 16,
    FILE_LOCKS_MAX = FILE_DIRS_MAX + 2, /* two of checkpoints */
    FILE_CHECKPOINT_HEAD = 8 + 8 * 5,   /* magic, number, offset, next, head, count of ranges */
    FILE_CHECKPOINT_MAX = 64 << 20
};

static const char FILE_CHECKPOINT_MAGIC[8] = {'M', 'R', 'C', 'P', 'N', 'T', '0', '1'};
#define FILE_NAME_PREFIX  "channel-"
#define FILE_NAME_SUFFIX  ".log"
#define FILE_NAME_DAMAGED ".damaged" FILE_NAME_SUFFIX

/* ---- directories ---- */

/* Makes the directory, and holds the lock of that name in it. */
static int file_dir_hold(struct file_segments *segments, const char *dir, const char *name,
                         struct buf *problem)
{
    struct env *env = segments->env;
    int err = env_dir_make_durable(env, dir);
    if (err) {
        buf_printf(problem, "can't make the directory %s: %s", dir, err_text(err));
        return err;
    }
    ASSERT(segments->locks_count < FILE_LOCKS_MAX);
    char *lock = mem_printf("%s/%s", dir, name);
    err = env_path_lock(env, lock, &segments->locks[segments->locks_count]);
    if (err)
        buf_printf(problem, "can't lock %s: %s%s", lock, err_text(err),
                   err == ERR_LOCKED ? ": give each channel directories of its own" : "");
    else
        segments->locks_count++;
    mem_free(lock);
    return err;
}

static int file_dir_open(struct file_segments *segments, const char *dir, struct buf *problem)
{
    struct env *env = segments->env;
    char *theirs = mem_printf("%s/log-1", dir);
    int err = 0;
    if (env_path_exists(env, theirs)) {
        buf_printf(problem,
                   "%s has events of Apache Flume, whose files are not read here: let Flume empty "
                   "its channel, or give this agent another directory",
                   dir);
        err = ERR_INVALID;
    }
    if (!err)
        err = file_dir_hold(segments, dir, "in_use.lock", problem);
    if (!err)
        segments->dirs[segments->dirs_count++] = mem_strdup(dir);
    mem_free(theirs);
    return err;
}

int file_segments_open(struct file_segments *segments, struct env *env, struct logger *logger,
                       const char *dirs, const char *checkpoint_dir, const char *backup_dir,
                       struct buf *problem)
{
    char *list = mem_strdup(dirs), *save = NULL;
    int err = 0;
    *segments = (struct file_segments){.env = env, .logger = logger, .number_next = 1};
    segments->dirs = mem_alloc(FILE_DIRS_MAX * sizeof(*segments->dirs));
    segments->locks = mem_alloc(FILE_LOCKS_MAX * sizeof(*segments->locks));
    segments->checkpoint_dir = mem_strdup(checkpoint_dir);
    segments->backup_dir = backup_dir ? mem_strdup(backup_dir) : NULL;
    for (char *dir = strtok_r(list, ", ", &save); dir && !err; dir = strtok_r(NULL, ", ", &save)) {
        if (segments->dirs_count == FILE_DIRS_MAX) {
            buf_printf(problem, "dataDirs has more than %d directories", FILE_DIRS_MAX);
            err = ERR_INVALID;
        } else {
            err = file_dir_open(segments, dir, problem);
        }
    }
    /* A name of its own: a directory may have data and the checkpoint of a channel. */
    if (!err)
        err = file_dir_hold(segments, checkpoint_dir, "checkpoint.lock", problem);
    if (!err && backup_dir)
        err = file_dir_hold(segments, backup_dir, "checkpoint.lock", problem);
    mem_free(list);
    if (err)
        file_segments_close(segments);
    return err;
}

static void file_segments_clear(struct file_segments *segments)
{
    for (size_t i = 0; i < segments->count; i++)
        mem_free(segments->rows[i].path);
    mem_free(segments->rows);
    segments->rows = NULL;
    segments->count = 0;
}

void file_segments_cancel(struct file_segments *segments)
{
    atomic_store(&segments->canceled, true);
}

void file_segments_close(struct file_segments *segments)
{
    for (size_t i = 0; i < segments->locks_count; i++)
        env_file_close(segments->locks[i]);
    for (size_t i = 0; i < segments->dirs_count; i++)
        mem_free(segments->dirs[i]);
    file_segments_clear(segments);
    mem_free(segments->dirs);
    mem_free(segments->locks);
    mem_free(segments->checkpoint_dir);
    mem_free(segments->backup_dir);
    *segments = (struct file_segments){0};
}

/* ---- segments ---- */

void file_segments_add(struct file_segments *segments, struct file_segment *row)
{
    segments->rows = mem_realloc(segments->rows, (segments->count + 1) * sizeof(*segments->rows));
    size_t at = segments->count++;
    while (at > 0 && segments->rows[at - 1].number > row->number) {
        segments->rows[at] = segments->rows[at - 1];
        at--;
    }
    segments->rows[at] = *row;
    if (row->number >= segments->number_next)
        segments->number_next = row->number + 1;
}

struct file_segment *file_segments_find(struct file_segments *segments, uint64_t number)
{
    for (size_t i = 0; i < segments->count; i++)
        if (segments->rows[i].number == number)
            return &segments->rows[i];
    return NULL;
}

struct file_segment *file_segments_of(struct file_segments *segments, uint64_t seq)
{
    for (size_t i = segments->count; i > 0; i--)
        if (segments->rows[i - 1].first <= seq)
            return &segments->rows[i - 1];
    return segments->count > 0 ? &segments->rows[0] : NULL;
}

int file_segments_make(const struct file_segments *segments, uint64_t number, uint64_t first,
                       struct file_segment *row, struct env_file **file)
{
    const char *dir = segments->dirs[number % segments->dirs_count];
    uint8_t header[FILE_SEGMENT_HEADER];
    *row = (struct file_segment){.number = number, .first = first, .end = sizeof(header)};
    row->path = mem_printf("%s/" FILE_NAME_PREFIX "%020" PRIu64 FILE_NAME_SUFFIX, dir, number);
    int err = env_file_open(segments->env, row->path,
                            ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_TRUNCATE, file);
    if (err) {
        mem_free(row->path);
        return err;
    }
    file_segment_encode(number, first, header);
    err = env_file_write(*file, header, sizeof(header), 0);
    if (!err)
        err = env_file_sync(*file);
    if (!err)
        err = env_dir_sync(segments->env, dir);
    if (err) {
        env_file_close(*file);
        *file = NULL;
        int removed = env_path_remove(segments->env, row->path);
        (void)removed; /* the first error is the one to report */
        mem_free(row->path);
    }
    return err;
}

void file_segments_trim(struct file_segments *segments, uint64_t head, struct file_gone **gone,
                        size_t *count)
{
    size_t done = 0;
    while (done + 1 < segments->count && segments->rows[done + 1].first <= head)
        done++;
    if (done == 0)
        return;
    *gone = mem_realloc(*gone, (*count + done) * sizeof(**gone));
    for (size_t i = 0; i < done; i++) {
        const struct file_segment *row = &segments->rows[i];
        (*gone)[(*count)++] = (struct file_gone){.path = row->path, .damaged = row->damaged};
    }
    segments->count -= done;
    memmove(segments->rows, segments->rows + done, segments->count * sizeof(*segments->rows));
}

void file_segments_drop(struct env *env, const struct file_gone *gone)
{
    size_t len = strlen(gone->path) - strlen(FILE_NAME_SUFFIX);
    char *aside = mem_printf("%.*s.aside", (int)len, gone->path);
    int err =
        gone->damaged ? env_path_rename(env, gone->path, aside) : env_path_remove(env, gone->path);
    (void)err; /* a start finds what is left, and that all of its events are done */
    mem_free(aside);
}

/* ---- recovery ---- */

static bool file_name_ends(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

/* Its header is not whole. A crash while it was made leaves such a file, with nothing behind it. Of
 * another one the name has the number, and its first put says where it begins; without a put it is
 * kept as it is, and the number is not given again. 1 = it has a row; 0, or ERR_x. */
static int file_segment_guess(struct file_segments *segments, struct file_segment *row,
                              const char *name, struct env_file *file, int64_t size)
{
    struct file_record record;
    uint64_t at;
    row->number = strtoull(name + strlen(FILE_NAME_PREFIX), NULL, 10);
    if (row->number >= segments->number_next)
        segments->number_next = row->number + 1;
    const struct file_damage_range range = {.from = FILE_SEGMENT_HEADER,
                                            .end = (uint64_t)size,
                                            .first_min = 1,
                                            .numbers_end = UINT64_MAX,
                                            .puts = true};
    int found = file_damage_find(file, &range, &at, &record);
    if (found < 0)
        return found;
    if (size > FILE_SEGMENT_HEADER)
        logger_error(segments->logger, "%s is damaged at its beginning%s", row->path,
                     found ? "" : ": nothing of it can be read");
    row->first = record.first;
    row->damaged = true;
    return found;
}

/* Only its header is read. 1 = the row is that of a segment; 0, or ERR_x. */
static int file_segment_read(struct file_segments *segments, struct file_segment *row,
                             const char *name)
{
    uint8_t header[FILE_SEGMENT_HEADER];
    struct env_file *file;
    int err = env_file_open(segments->env, row->path, ENV_OPEN_READ, &file);
    if (err)
        return err;
    ssize_t got = env_file_read(file, header, sizeof(header), 0);
    int64_t size = got < 0 ? got : env_file_size(file);
    int found = size < 0 ? (int)size : 1;
    if (size >= 0 && !file_segment_decode(header, (size_t)got, &row->number, &row->first))
        found = file_segment_guess(segments, row, name, file, size);
    row->end = (uint64_t)size;
    env_file_close(file);
    return found;
}

static int file_segment_look(struct file_segments *segments, const char *dir, const char *name)
{
    struct file_segment row = {.path = mem_printf("%s/%s", dir, name)};
    row.damaged = file_name_ends(name, FILE_NAME_DAMAGED);
    int found = file_segment_read(segments, &row, name);
    if (found == 1)
        file_segments_add(segments, &row);
    else
        mem_free(row.path);
    return found < 0 ? found : 0;
}

static int file_segments_list(struct file_segments *segments)
{
    int err = 0;
    for (size_t d = 0; d < segments->dirs_count && !err; d++) {
        char **names;
        size_t count;
        err = env_dir_list(segments->env, segments->dirs[d], &names, &count);
        if (err)
            return err;
        for (size_t i = 0; i < count && !err; i++)
            if (strncmp(names[i], FILE_NAME_PREFIX, strlen(FILE_NAME_PREFIX)) == 0 &&
                file_name_ends(names[i], FILE_NAME_SUFFIX))
                err = file_segment_look(segments, segments->dirs[d], names[i]);
        env_dir_list_free(names, count);
    }
    return err;
}

/* Numbers up to `end` have been given, and those from `first` on are in the log. The ones before
 * them that are not in it were given to puts that failed: they are no events. */
static void file_recover_reach(struct file_recovered *recovered, uint64_t first, uint64_t end)
{
    if (first > recovered->next)
        file_ranges_add(&recovered->done, recovered->next, first);
    if (end > recovered->next)
        recovered->next = end;
}

static void file_recover_record(struct file_recovered *recovered, const struct file_record *record)
{
    uint64_t end = record->first + record->count;
    file_recover_reach(recovered, record->first, end);
    if (record->kind == FILE_RECORD_TAKE) /* perhaps of a put that failed, which has no record */
        file_ranges_add(&recovered->done, record->first, end);
}

/* The record at *offset is not whole, or the file ends in it: then `parsed` is 0. Returns 1 = there
 * are records behind it, from *offset on now; 0 = there are none, or ERR_x. */
static int file_recover_skip(struct file_segments *segments, struct file_segment *row,
                             struct env_file *file, uint64_t size, int parsed, uint64_t *offset)
{
    struct file_record record;
    uint64_t at;
    if (*offset >= size)
        return 0;
    const struct file_damage_range range = {
        .from = *offset + 1, .end = size, .first_min = row->first, .numbers_end = UINT64_MAX};
    int found = file_damage_find(file, &range, &at, &record);
    if (found == 1) {
        logger_error(segments->logger, "%s is damaged: bytes %" PRIu64 " to %" PRIu64 " are lost",
                     row->path, *offset, at - 1);
        row->damaged = true;
        *offset = at;
        return 1;
    }
    int blank = found ? found : file_damage_is_blank(file, *offset, size);
    if (blank < 0)
        return blank;
    if (parsed == 0 || blank) { /* no put that ended is like that */
        logger_info(segments->logger, "%s: the last %" PRIu64 " bytes were not written whole",
                    row->path, size - *offset);
    } else {
        logger_error(segments->logger, "%s is damaged at its end, from byte %" PRIu64 " on",
                     row->path, *offset);
        row->damaged = true;
    }
    return 0;
}

/* Reads the records of a segment from `offset` on; row->end becomes the end of the whole ones. */
static int file_recover_segment(struct file_segments *segments, struct file_segment *row,
                                uint64_t offset, struct file_recovered *recovered)
{
    struct env_file *file;
    struct buf data;
    uint64_t size = row->end;
    int err = env_file_open(segments->env, row->path, ENV_OPEN_READ, &file);
    if (err)
        return err;
    buf_init(&data);
    size_t want = FILE_READ_CHUNK;
    for (bool more = true; more && !err;) {
        data.len = 0;
        err = atomic_load(&segments->canceled) ? ERR_CANCELED : buf_reserve(&data, want);
        ssize_t got = err ? err : env_file_read(file, data.data, want, offset);
        if (got < 0) {
            err = (int)got;
            break;
        }
        struct file_record record;
        size_t at = 0;
        int parsed;
        while ((parsed = file_record_parse(data.data + at, (size_t)got - at, &record)) == 1) {
            file_recover_record(recovered, &record);
            at += record.size;
        }
        offset += at;
        bool whole = (size_t)got == want; /* the file goes on, perhaps */
        want = parsed == 0 && record.size > FILE_READ_CHUNK ? record.size : FILE_READ_CHUNK;
        if (parsed == 0 && whole)
            continue;
        int found = file_recover_skip(segments, row, file, size, parsed, &offset);
        more = found == 1;
        err = found < 0 ? found : 0;
    }
    row->end = offset;
    env_file_close(file);
    buf_close(&data);
    return err;
}

/* So that later starts know, which don't read it again. */
static void file_recover_name(struct file_segments *segments, struct file_segment *row)
{
    if (!row->damaged || file_name_ends(row->path, FILE_NAME_DAMAGED))
        return;
    size_t len = strlen(row->path) - strlen(FILE_NAME_SUFFIX);
    char *path = mem_printf("%.*s" FILE_NAME_DAMAGED, (int)len, row->path);
    int err = env_path_rename(segments->env, row->path, path);
    if (err) {
        logger_error(segments->logger, "can't rename %s: %s", row->path, err_text(err));
        mem_free(path);
        return;
    }
    mem_free(row->path);
    row->path = path;
}

static bool file_checkpoint_load(struct file_segments *segments, const char *dir,
                                 struct file_checkpoint *checkpoint);

/* The first segment to be read, and from where. */
static size_t file_recover_begin(struct file_segments *segments, struct file_recovered *recovered,
                                 uint64_t *offset)
{
    struct file_checkpoint checkpoint;
    *offset = FILE_SEGMENT_HEADER;
    if (!file_checkpoint_load(segments, segments->checkpoint_dir, &checkpoint) &&
        !(segments->backup_dir &&
          file_checkpoint_load(segments, segments->backup_dir, &checkpoint))) {
        uint64_t first = segments->count > 0 ? segments->rows[0].first : 0;
        file_ranges_init(&recovered->done, first);
        recovered->next = first;
        return 0;
    }
    recovered->done = checkpoint.done;
    /* A segment is removed when all of its events are done, which no record may tell any more. */
    file_ranges_add(&recovered->done, recovered->done.head, segments->rows[0].first);
    recovered->next = checkpoint.next;
    if (recovered->done.count > 0) {
        const struct file_range *last = &recovered->done.rows[recovered->done.count - 1];
        file_recover_reach(recovered, last->end, last->end);
    }
    *offset = checkpoint.offset;
    size_t at = 0;
    while (segments->rows[at].number != checkpoint.number)
        at++;
    return at;
}

/* The segments before `at`, which the checkpoint has, are not read. Those that are removed are the
 * oldest ones, but a power cut may take back the removal of some: what was in a gap between others
 * is not there, so it is done. */
static int file_recover_gaps(struct file_segments *segments, size_t at,
                             struct file_recovered *recovered)
{
    int err = 0;
    for (size_t i = 1; i <= at && i < segments->count && !err; i++) {
        struct file_segment before = segments->rows[i - 1];
        uint64_t first = segments->rows[i].first;
        if (before.number + 1 == segments->rows[i].number)
            continue;
        struct file_recovered found = {.next = before.first};
        file_ranges_init(&found.done, before.first);
        err = file_recover_segment(segments, &before, FILE_SEGMENT_HEADER, &found);
        file_ranges_close(&found.done);
        if (!err && found.next < first)
            file_ranges_add(&recovered->done, found.next, first);
    }
    return err;
}

int file_segments_recover(struct file_segments *segments, struct file_recovered *recovered,
                          struct buf *problem)
{
    uint64_t offset;
    file_segments_clear(segments); /* of a trial before */
    *recovered = (struct file_recovered){.next = 0};
    int err = file_segments_list(segments);
    if (err) {
        buf_printf(problem, "can't read the data directories: %s", err_text(err));
        return err;
    }
    size_t begin = file_recover_begin(segments, recovered, &offset);
    err = file_recover_gaps(segments, begin, recovered);
    if (err) {
        buf_printf(problem, "can't read the data files: %s", err_text(err));
        file_ranges_close(&recovered->done);
        return err;
    }
    for (size_t i = begin; i < segments->count; i++) {
        struct file_segment *row = &segments->rows[i];
        if (row->first > recovered->next) {
            logger_error(segments->logger, "%s: %" PRIu64 " %s before it damaged or missing",
                         row->path, row->first - recovered->next,
                         plural((int64_t)(row->first - recovered->next), "event is", "events are"));
            file_recover_reach(recovered, row->first, row->first);
        }
        err = file_recover_segment(segments, row, offset, recovered);
        file_recover_name(segments, row);
        if (err) {
            buf_printf(problem, "can't read %s: %s", row->path, err_text(err));
            file_ranges_close(&recovered->done);
            return err;
        }
        offset = FILE_SEGMENT_HEADER;
    }
    return 0;
}

/* ---- the checkpoint ---- */

static char *file_checkpoint_path(const char *dir)
{
    return mem_printf("%s/checkpoint", dir);
}

int file_checkpoint_store(struct env *env, const char *dir, const char *backup_dir,
                          const struct file_checkpoint *checkpoint)
{
    size_t count = checkpoint->done.count, len = FILE_CHECKPOINT_HEAD + count * 16 + 4;
    uint8_t *data = mem_alloc(len);
    memcpy(data, FILE_CHECKPOINT_MAGIC, 8);
    bytes_put_u64(data + 8, checkpoint->number);
    bytes_put_u64(data + 16, checkpoint->offset);
    bytes_put_u64(data + 24, checkpoint->next);
    bytes_put_u64(data + 32, checkpoint->done.head);
    bytes_put_u64(data + 40, count);
    for (size_t i = 0; i < count; i++) {
        bytes_put_u64(data + FILE_CHECKPOINT_HEAD + i * 16, checkpoint->done.rows[i].first);
        bytes_put_u64(data + FILE_CHECKPOINT_HEAD + i * 16 + 8, checkpoint->done.rows[i].end);
    }
    bytes_put_u32(data + len - 4, crc32c(0, data, len - 4));
    char *path = file_checkpoint_path(dir);
    int err = env_file_replace(env, path, data, len);
    mem_free(path);
    if (!err && backup_dir) { /* one of the two is whole at any time */
        path = file_checkpoint_path(backup_dir);
        err = env_file_replace(env, path, data, len);
        mem_free(path);
    }
    mem_free(data);
    return err;
}

static bool file_checkpoint_decode(const uint8_t *data, size_t len,
                                   struct file_checkpoint *checkpoint)
{
    if (len < FILE_CHECKPOINT_HEAD + 4 || memcmp(data, FILE_CHECKPOINT_MAGIC, 8) != 0 ||
        crc32c(0, data, len - 4) != bytes_get_u32(data + len - 4))
        return false;
    checkpoint->number = bytes_get_u64(data + 8);
    checkpoint->offset = bytes_get_u64(data + 16);
    checkpoint->next = bytes_get_u64(data + 24);
    uint64_t count = bytes_get_u64(data + 40);
    if (count != (len - FILE_CHECKPOINT_HEAD - 4) / 16)
        return false;
    file_ranges_init(&checkpoint->done, bytes_get_u64(data + 32));
    for (uint64_t i = 0; i < count; i++)
        file_ranges_add(&checkpoint->done, bytes_get_u64(data + FILE_CHECKPOINT_HEAD + i * 16),
                        bytes_get_u64(data + FILE_CHECKPOINT_HEAD + i * 16 + 8));
    return true;
}

/* False: there is none, or it does not fit what is there, which is then read from its beginning. */
static bool file_checkpoint_load(struct file_segments *segments, const char *dir,
                                 struct file_checkpoint *checkpoint)
{
    char *path = file_checkpoint_path(dir), *data;
    size_t len;
    int err = env_file_load(segments->env, path, FILE_CHECKPOINT_MAX, &data, &len);
    bool good = false;
    if (!err) {
        good = file_checkpoint_decode((const uint8_t *)data, len, checkpoint);
        mem_free(data);
        const struct file_segment *row =
            good ? file_segments_find(segments, checkpoint->number) : NULL;
        bool fits = row && row->end >= checkpoint->offset && row->first <= checkpoint->next;
        if (good && !fits)
            file_ranges_close(&checkpoint->done);
        if (!fits && segments->count > 0)
            logger_warn(segments->logger, "%s does not fit the data: all of it is read", path);
        good = fits;
    }
    mem_free(path);
    return good;
}
