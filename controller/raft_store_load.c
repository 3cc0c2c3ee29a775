/* Reading Raft's files at start.
 *
 * Happy path: the vote, the snapshot, then each segment in turn, its records replayed into an
 * array of entries that point into the loaded files; the newest segment is opened for appending.
 *
 * Failure modes: a torn tail is cut. A newest segment that holds nothing is a crash while it was
 * begun and is removed, unless there is nothing else although the node has lived: then the log was
 * lost, and no byte is touched. A log that does not fit the snapshot (a crash between storing an
 * installed snapshot and voiding the log) is voided now. Everything else that does not fit is
 * ERR_CORRUPT: a node that went on with a shorter log would forget what it had confirmed. */
#include "controller/raft_store_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/mem.h"

static int corrupt(struct buf *problem, const char *path, const char *what)
{
    buf_printf(problem, "the controller's file %s is damaged (%s). " RAFT_STORE_REMEDY, path, what);
    return ERR_CORRUPT;
}

static int unreadable(struct buf *problem, const char *path, int err)
{
    buf_printf(problem, "can't read the controller's file %s: %s", path, err_text(err));
    return err;
}

/* ---- vote ---- */

static bool load_slots(struct raft_store *store, const uint8_t *bytes, size_t len)
{
    bool valid = false;
    for (size_t i = 0; i < 2; i++) {
        uint64_t number, term, vote;
        size_t offset = i * RAFT_STORE_VOTE_SLOT;
        if (len < offset + RAFT_STORE_VOTE_SIZE ||
            !raft_store_vote_get(bytes + offset, &number, &term, &vote))
            continue;
        /* Numbers wrap around: the newer one is less than half a round ahead. */
        if (!valid || (int64_t)(number - store->vote_number) > 0) {
            store->vote_number = number;
            store->term = term;
            store->vote = vote;
        }
        valid = true;
    }
    return valid;
}

/* Both slots valid from the beginning, in one step, so that later one of them always is. */
static int make_vote(struct raft_store *store, const char *path)
{
    uint8_t bytes[RAFT_STORE_VOTE_SLOT + RAFT_STORE_VOTE_SIZE] = {0};
    raft_store_vote_put(bytes, 0, 0, 0);
    raft_store_vote_put(bytes + RAFT_STORE_VOTE_SLOT, 1, 0, 0);
    store->vote_number = 1;
    return env_file_replace(store->env, path, bytes, sizeof(bytes));
}

/* What was read may be only in the page cache, written by a process whose sync failed or never
 * came; after a failed one the kernel may think it clean. So it is written once more before it is
 * built on. */
static int make_durable(struct env_file *file, const void *bytes, size_t len)
{
    int err = len ? env_file_write(file, bytes, len, 0) : 0;
    return err ? err : env_file_sync(file);
}

static int load_vote(struct raft_store *store, struct buf *problem)
{
    char *path = raft_store_path(store, "vote"), *bytes = NULL;
    size_t len = 0;
    int err = env_file_load(store->env, path, RAFT_STORE_FILE_MAX, &bytes, &len);
    ASSERT(store->vote_file == NULL);
    if (err == ERR_NOT_FOUND)
        err = make_vote(store, path);
    else if (!err && !load_slots(store, (uint8_t *)bytes, len))
        err = corrupt(problem, path, "neither slot is valid");
    if (!err)
        err = env_file_open(store->env, path, ENV_OPEN_WRITE, &store->vote_file);
    if (!err && bytes)
        err = make_durable(store->vote_file, bytes, len);
    mem_free(bytes);
    if (err && err != ERR_CORRUPT)
        unreadable(problem, path, err);
    mem_free(path);
    return err;
}

/* ---- snapshot ---- */

static int load_snapshot(struct raft_store *store, struct buf *problem)
{
    char *path = raft_store_path(store, "snapshot");
    size_t len;
    int err = env_file_load(store->env, path, RAFT_STORE_FILE_MAX, &store->loaded_snapshot, &len);
    ASSERT(!store->state.has_snapshot);
    if (err == ERR_NOT_FOUND)
        err = 0;
    else if (err)
        err = unreadable(problem, path, err);
    else if (!raft_store_snapshot_get((uint8_t *)store->loaded_snapshot, len,
                                      &store->state.snapshot))
        err = corrupt(problem, path, "its checksum does not fit");
    else
        store->state.has_snapshot = true;
    mem_free(path);
    return err;
}

/* ---- how far the log was ---- */

static int load_reached(struct raft_store *store, struct buf *problem)
{
    char *path = raft_store_path(store, "reached"), *bytes = NULL;
    size_t len = 0;
    int err = env_file_load(store->env, path, RAFT_STORE_FILE_MAX, &bytes, &len);
    const uint8_t *at = (const uint8_t *)bytes;
    if (err == ERR_NOT_FOUND) /* a new node, or one of an older version */
        err = 0;
    else if (err)
        err = unreadable(problem, path, err);
    else if (len == RAFT_STORE_REACHED_SIZE && bytes_get_u32(at) == RAFT_STORE_REACHED_MAGIC &&
             bytes_get_u32(at + 4) == crc32c(0, at + 8, len - 8))
        store->reached = bytes_get_u64(at + 8);
    else
        logger_warn(store->logger, "%s is damaged: it is made anew", path);
    mem_free(bytes);
    mem_free(path);
    return err;
}

int raft_store_save_reached(struct raft_store *store)
{
    uint8_t bytes[RAFT_STORE_REACHED_SIZE];
    bool gone = store->reached > store->durable; /* one that joins may have no log any more */
    if (store->reached == store->durable)
        return 0;
    bytes_put_u32(bytes, RAFT_STORE_REACHED_MAGIC);
    bytes_put_u64(bytes + 8, store->durable);
    bytes_put_u32(bytes + 4, crc32c(0, bytes + 8, sizeof(bytes) - 8));
    char *path = raft_store_path(store, "reached");
    int err = env_file_replace(store->env, path, bytes, sizeof(bytes));
    mem_free(path);
    if (!err)
        store->reached = store->durable;
    /* It says less than it could. A node has to start on a full disk, too. */
    return !gone && (env_is_later(err) || err == ERR_NO_SPACE) ? 0 : err;
}

/* ---- segments ---- */

struct replay {
    struct raft_store *store;
    struct buf *problem;
    size_t cap;
    bool started; /* the start of the log is known */
};

static void drop_from(struct raft_store_state *state, uint64_t index)
{
    if (index <= state->start_index)
        state->count = 0;
    else if (index - state->start_index < state->count)
        state->count = (size_t)(index - state->start_index);
    ASSERT(state->count == 0 || index > state->start_index);
}

static int replay_entry(struct replay *replay, const struct raft_store_record *record)
{
    struct raft_store_state *state = &replay->store->state;
    if (!replay->started || (state->count == 0 && record->index < state->start_index)) {
        state->start_index = record->index;
        replay->started = true;
    }
    if (record->index != state->start_index + state->count)
        return ERR_CORRUPT;
    ASSERT(replay->started);
    ASSERT(state->count <= replay->cap);
    if (state->count == replay->cap) {
        replay->cap = replay->cap ? replay->cap * 2 : 64;
        state->entries = mem_realloc(state->entries, replay->cap * sizeof(*state->entries));
    }
    state->entries[state->count++] =
        (struct raft_store_entry){record->term, record->type, record->data, record->len};
    ASSERT(state->count <= replay->cap);
    return 0;
}

static int replay_record(struct replay *replay, const struct raft_store_record *record)
{
    struct raft_store_state *state = &replay->store->state;
    switch (record->kind) {
    case RAFT_STORE_ENTRY:
        return replay_entry(replay, record);
    case RAFT_STORE_TRUNCATE:
        drop_from(state, record->index);
        return 0;
    case RAFT_STORE_VOID:
        state->count = 0;
        state->start_index = record->index + 1;
        replay->started = true;
        return 0;
    default:
        return record->kind == RAFT_STORE_SEGMENT ? 0 : ERR_CORRUPT;
    }
}

/* Whether a record behind `offset` was written when the one at `offset` counted as durable. */
static bool relied_on(const uint8_t *bytes, size_t len, size_t offset)
{
    struct raft_store_record record;
    for (size_t at = (offset + 7) & ~(size_t)7; at < len; at += 8)
        if (raft_store_record_get(bytes, len, at, &record) && record.position >= at &&
            record.durable > record.position - at + offset)
            return true;
    return false;
}

static int replay_segment(struct replay *replay, struct raft_store_segment *segment,
                          const uint8_t *bytes, size_t len, size_t *valid)
{
    struct raft_store *store = replay->store;
    struct raft_store_record record;
    size_t offset = 0;
    while (raft_store_record_get(bytes, len, offset, &record)) {
        if (offset == 0 && list_empty(&store->segments)) {
            if (record.position > RAFT_STORE_POSITION_MAX)
                return ERR_CORRUPT;
            store->position = record.position;
        }
        if (record.position != store->position ||
            (offset == 0) != (record.kind == RAFT_STORE_SEGMENT))
            return ERR_CORRUPT;
        if (replay_record(replay, &record))
            return ERR_CORRUPT;
        if (record.kind == RAFT_STORE_ENTRY && record.index > segment->index_max)
            segment->index_max = record.index;
        offset += raft_store_record_size(record.len);
        store->position += raft_store_record_size(record.len);
    }
    *valid = offset;
    return 0;
}

static int remove_file(struct raft_store *store, const char *path)
{
    int err = env_path_remove(store->env, path);
    return err ? err : env_dir_sync(store->env, store->dir);
}

/* Opens the newest segment for appending, without its torn tail. */
static int open_newest(struct raft_store *store, const char *path, const char *bytes, size_t len,
                       size_t valid)
{
    ASSERT(store->file == NULL);
    int err = env_file_open(store->env, path, ENV_OPEN_WRITE, &store->file);
    if (!err && valid < len) {
        logger_warn(store->logger, "cut %zu bytes of an unfinished write off %s", len - valid,
                    path);
        err = env_file_truncate(store->file, valid);
    }
    if (!err)
        err = make_durable(store->file, bytes, valid < len ? valid : len);
    store->file_size = valid; /* the padding of the last record may be missing in the file */
    store->durable = store->position;
    return err;
}

/* A voter that joins a quorum has a term before its first entry; what its file `newcomer` holds
 * tells it from one that lost its log (raft_newcomer.h). */
static bool is_joining(const struct raft_store *store)
{
    char *path = raft_store_path(store, "newcomer"), *bytes = NULL;
    size_t len = 0;
    bool joins = !env_file_load(store->env, path, RAFT_STORE_FILE_MAX, &bytes, &len) && len > 0;
    mem_free(bytes);
    mem_free(path);
    return joins;
}

/* A crash while a segment was begun leaves a part of its first record, and the one before it. */
static int drop_begun(struct replay *replay, const char *path, size_t len)
{
    struct raft_store *store = replay->store;
    bool lived = (store->term > 0 || store->state.has_snapshot) && !is_joining(store);
    ASSERT(store->file == NULL);
    if (len > raft_store_record_size(0) || (lived && list_empty(&store->segments)))
        return corrupt(replay->problem, path, "it holds no valid record");
    return remove_file(store, path);
}

static int load_segment(struct replay *replay, uint64_t number, bool newest)
{
    struct raft_store *store = replay->store;
    char *path = raft_store_segment_path(store, number), *bytes = NULL;
    struct raft_store_segment *segment = mem_alloc(sizeof(*segment));
    segment->number = number;
    size_t len, valid = 0;
    int err = env_file_load(store->env, path, RAFT_STORE_FILE_MAX, &bytes, &len);
    if (err) {
        err = unreadable(replay->problem, path, err);
        goto err_after_segment;
    }
    store->loaded = mem_realloc(store->loaded, (store->loaded_count + 1) * sizeof(char *));
    store->loaded[store->loaded_count++] = bytes;
    err = replay_segment(replay, segment, (uint8_t *)bytes, len, &valid);
    if (err || (valid < len && (!newest || relied_on((uint8_t *)bytes, len, valid)))) {
        err = corrupt(replay->problem, path,
                      err ? "its entries do not follow each other"
                          : "a record that was confirmed is not valid");
        goto err_after_segment;
    }
    if (newest && store->position < store->reached) {
        err = corrupt(replay->problem, path, "it ends before what was confirmed");
        goto err_after_segment;
    }
    if (valid == 0 && newest) {
        err = drop_begun(replay, path, len);
        goto err_after_segment;
    }
    list_push(&store->segments, &segment->link);
    if (newest)
        err = open_newest(store, path, bytes, len, valid);
    if (err)
        unreadable(replay->problem, path, err);
    mem_free(path);
    return err;

err_after_segment:
    mem_free(segment);
    mem_free(path);
    return err;
}

static bool segment_number(const char *name, uint64_t *number)
{
    /* The first digit is 0 for all that there will ever be; 20 others need not fit a number. */
    if (strncmp(name, "log-0", 5) != 0 || strlen(name) != 24 ||
        strspn(name + 4, "0123456789") != 20)
        return false;
    *number = strtoull(name + 4, NULL, 10);
    return true;
}

static int list_segments(struct raft_store *store, uint64_t **numbers, size_t *count)
{
    char **names;
    size_t name_count;
    int err = env_dir_list(store->env, store->dir, &names, &name_count);
    if (err)
        return err;
    *numbers = mem_alloc(name_count * sizeof(**numbers));
    *count = 0;
    for (size_t i = 0; i < name_count; i++)
        if (segment_number(names[i], &(*numbers)[*count]))
            (*count)++; /* the names are sorted, so the numbers are */
    env_dir_list_free(names, name_count);
    return 0;
}

/* When the newest segment was only begun, the one before it is the newest. */
static int reopen_newest(struct raft_store *store)
{
    if (store->file || list_empty(&store->segments))
        return 0;
    struct raft_store_segment *last =
        LIST_ENTRY(store->segments.prev, struct raft_store_segment, link);
    char *path = raft_store_segment_path(store, last->number);
    int err = env_file_open(store->env, path, ENV_OPEN_WRITE, &store->file);
    int64_t size = err ? err : env_file_size(store->file);
    if (size < 0)
        err = (int)size;
    store->file_size = size < 0 ? 0 : (uint64_t)size;
    store->durable = store->position;
    mem_free(path);
    return err;
}

static int load_segments(struct raft_store *store, struct buf *problem)
{
    struct replay replay = {.store = store, .problem = problem};
    uint64_t *numbers;
    size_t count;
    store->state.start_index = 1;
    int err = list_segments(store, &numbers, &count);
    if (err)
        return unreadable(problem, store->dir, err);
    for (size_t i = 0; !err && i < count; i++) {
        if (i && numbers[i] != numbers[i - 1] + 1)
            err = corrupt(problem, store->dir, "a log segment is missing");
        else
            err = load_segment(&replay, numbers[i], i + 1 == count);
    }
    mem_free(numbers);
    if (!err) {
        err = reopen_newest(store);
        if (err)
            unreadable(problem, store->dir, err);
    }
    return err;
}

/* ---- snapshot and log together ---- */

int raft_store_begin_segment(struct raft_store *store)
{
    uint64_t number = 1;
    ASSERT(store->durable == store->position);
    if (!list_empty(&store->segments))
        number = LIST_ENTRY(store->segments.prev, struct raft_store_segment, link)->number + 1;
    char *path = raft_store_segment_path(store, number);
    struct raft_store_record head = {.kind = RAFT_STORE_SEGMENT,
                                     .position = store->position,
                                     .durable = store->position,
                                     .index = store->next_index};
    struct buf bytes;
    struct env_file *file = NULL;
    buf_init(&bytes);
    int err = raft_store_record_put(&bytes, &head);
    if (!err)
        err = env_file_open(store->env, path, ENV_OPEN_WRITE | ENV_OPEN_CREATE | ENV_OPEN_TRUNCATE,
                            &file);
    if (!err)
        err = env_file_write(file, bytes.data, bytes.len, 0);
    if (!err)
        err = env_file_sync(file);
    if (!err)
        err = env_dir_sync(store->env, store->dir);
    if (!err) {
        struct raft_store_segment *segment = mem_alloc(sizeof(*segment));
        segment->number = number;
        list_push(&store->segments, &segment->link);
        if (store->file)
            env_file_close(store->file);
        store->file = file;
        store->file_size = bytes.len;
        store->position += bytes.len;
        store->durable = store->position;
        ASSERT(!list_empty(&store->segments));
        ASSERT(store->file != NULL);
    } else if (file) {
        env_file_close(file);
    }
    buf_close(&bytes);
    mem_free(path);
    return err;
}

/* Appends one record and makes it durable. */
static int write_record(struct raft_store *store, struct raft_store_record *record)
{
    struct buf bytes;
    ASSERT(store->file != NULL);
    ASSERT(!list_empty(&store->segments));
    buf_init(&bytes);
    record->position = store->position;
    record->durable = store->durable;
    int err = raft_store_record_put(&bytes, record);
    if (!err)
        err = env_file_write(store->file, bytes.data, bytes.len, store->file_size);
    if (!err)
        err = env_file_sync(store->file);
    store->file_size += bytes.len;
    store->position += bytes.len;
    store->durable = store->position;
    buf_close(&bytes);
    return err;
}

static int void_log(struct raft_store *store, uint64_t index)
{
    struct raft_store_record record = {.kind = RAFT_STORE_VOID, .index = index};
    store->next_index = index + 1;
    store->state.count = 0;
    store->state.start_index = index + 1;
    int err = store->file ? 0 : raft_store_begin_segment(store);
    return err ? err : write_record(store, &record);
}

static int fit_together(struct raft_store *store, struct buf *problem)
{
    struct raft_store_state *state = &store->state;
    uint64_t last = state->start_index + state->count - 1; /* start - 1 when empty */
    /* Entry 1 is there before the first term is, and only later entries or a void make it go. */
    if (state->start_index == 1 && state->count == 0 && (store->term > 0 || state->has_snapshot) &&
        !is_joining(store))
        return corrupt(problem, store->dir,
                       "its vote or snapshot shows that this node has lived, but its log is empty");
    if (!state->has_snapshot) {
        if (state->start_index != 1)
            return corrupt(problem, store->dir, "the beginning of the log is missing");
        return 0;
    }
    uint64_t snapshot = state->snapshot.index;
    if (state->count && state->start_index > snapshot + 1)
        return corrupt(problem, store->dir, "entries between snapshot and log are missing");
    bool fits = state->start_index == snapshot + 1;
    if (!fits && state->count && last >= snapshot)
        fits = state->entries[snapshot - state->start_index].term == state->snapshot.term;
    if (fits)
        return 0;
    if (state->count)
        logger_warn(store->logger, "the log in %s ends before the snapshot at %llu: voided",
                    store->dir, (unsigned long long)snapshot);
    int err = void_log(store, snapshot);
    return err ? unreadable(problem, store->dir, err) : 0;
}

int raft_store_bootstrap(struct raft_store *store, const struct raft_store_entry *entry)
{
    ASSERT(raft_store_fresh(store) && entry->term > 0);
    ASSERT(store->state.count == 0);
    ASSERT(entry->len == 0 || entry->data != NULL);
    struct raft_store_record record = {.kind = RAFT_STORE_ENTRY,
                                       .type = entry->type,
                                       .index = 1,
                                       .term = entry->term,
                                       .data = entry->data,
                                       .len = entry->len};
    int err = store->file ? 0 : raft_store_begin_segment(store);
    if (!err)
        err = write_record(store, &record);
    if (err)
        return err;
    LIST_ENTRY(store->segments.prev, struct raft_store_segment, link)->index_max = 1;
    char *data = mem_dup(entry->data, entry->len);
    store->loaded = mem_realloc(store->loaded, (store->loaded_count + 1) * sizeof(char *));
    store->loaded[store->loaded_count++] = data;
    store->state.entries = mem_dup(entry, sizeof(*entry));
    store->state.entries[0].data = data;
    store->state.count = 1;
    store->next_index = 2;
    ASSERT(store->file != NULL);
    return raft_store_raise_term(store, entry->term,
                                 0); /* from now on an empty log is a lost one */
}

int raft_store_load(struct raft_store *store, struct buf *problem)
{
    struct raft_store_state *state = &store->state;
    int err = load_vote(store, problem);
    if (!err)
        err = load_snapshot(store, problem);
    if (!err)
        err = load_reached(store, problem);
    if (!err)
        err = load_segments(store, problem);
    if (!err)
        err = fit_together(store, problem);
    if (err)
        return err;
    store->next_index = state->start_index + state->count;
    uint64_t newest = state->has_snapshot ? state->snapshot.term : 0;
    if (state->count && state->entries[state->count - 1].term > newest)
        newest = state->entries[state->count - 1].term;
    if (newest > store->term) /* bootstrapped: entry 1 is there, no vote was ever cast */
        err = raft_store_set_term(store, newest);
    state->term = store->term;
    state->vote = store->vote;
    if (err)
        return err;
    err = raft_store_save_reached(store);
    if (err)
        buf_printf(problem, "can't note in %s how far the log is: %s", store->dir, err_text(err));
    return err;
}
