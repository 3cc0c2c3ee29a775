/* The bytes of Raft's files, and what raft_store.c and raft_store_load.c share. All integers are
 * big-endian. Beside them, raft_store_record.c, kafka-dump-log (tools/dump_metadata.c) and a fuzz
 * target nobody includes it.
 *
 *   record:   0 magic  4 crc32c of [8, 48 + len)  8 len  12 kind  13 entry type  14 zero
 *            16 position  24 durable  32 index  40 term  48 data, then zeros up to eight bytes
 *   position: of the record in the log as a whole, which goes on from segment to segment
 *   durable:  everything below this position was durable when the record was written
 *
 *   vote slot (two, at 0 and 4096): 0 magic  4 crc32c of [8, 32)  8 number  16 term  24 vote
 *   reached:  0 magic  4 crc32c of [8, 16)  8 position; the log was durable up to there once
 *   snapshot: 0 magic  4 crc32c of the rest  8 index  16 term  24 conf_index  32 conf_len
 *            40 data_len  48 conf, data */
#ifndef CONTROLLER_RAFT_STORE_RECORD_H
#define CONTROLLER_RAFT_STORE_RECORD_H

#include "base/check.h"
#include "base/list.h"
#include "controller/raft_store.h"

enum {
    RAFT_STORE_MAGIC = 0x4d524c47,
    RAFT_STORE_VOTE_MAGIC = 0x4d525654,
    RAFT_STORE_SNAPSHOT_MAGIC = 0x4d52534e,
    RAFT_STORE_REACHED_MAGIC = 0x4d525243,
    RAFT_STORE_REACHED_SIZE = 16,
    RAFT_STORE_REACHED_STEP = 64 * 1024, /* of log between two of them: two syncs are paid for it */
    RAFT_STORE_HEAD = 48,
    RAFT_STORE_VOTE_SIZE = 32,
    RAFT_STORE_VOTE_SLOT = 4096, /* a sector of any disk: a torn write hits one slot only */
    RAFT_STORE_SEGMENT_SIZE = 8 * 1024 * 1024, /* then a new one is begun; the unit of removal */
    RAFT_STORE_ENTRY_MAX = 512 * 1024 * 1024
};
STATIC_ASSERT(RAFT_STORE_HEAD == 2 * sizeof(uint32_t) + 5 * sizeof(uint64_t),
              "magic, checksum, and the fields of a record or a snapshot");
STATIC_ASSERT(RAFT_STORE_HEAD % 8 == 0, "records begin at multiples of eight");
STATIC_ASSERT(RAFT_STORE_VOTE_SIZE == 2 * sizeof(uint32_t) + 3 * sizeof(uint64_t),
              "magic, checksum, number, term and vote");
STATIC_ASSERT(RAFT_STORE_VOTE_SIZE <= RAFT_STORE_VOTE_SLOT, "a slot holds a vote");
STATIC_ASSERT(RAFT_STORE_REACHED_SIZE == 2 * sizeof(uint32_t) + sizeof(uint64_t),
              "magic, checksum and size");
STATIC_ASSERT(RAFT_STORE_SEGMENT_SIZE > RAFT_STORE_REACHED_STEP,
              "a segment has more than one step");
STATIC_ASSERT(RAFT_STORE_ENTRY_MAX <= INT32_MAX - RAFT_STORE_HEAD - 8,
              "the length of an entry fits its four bytes");
STATIC_ASSERT(RAFT_STORE_MAGIC != RAFT_STORE_SNAPSHOT_MAGIC, "a snapshot is no record");
STATIC_ASSERT(RAFT_STORE_VOTE_MAGIC != RAFT_STORE_REACHED_MAGIC, "a vote is no position");
STATIC_ASSERT(RAFT_STORE_VOTE_SLOT % 512 == 0, "a slot is whole sectors");
STATIC_ASSERT(RAFT_STORE_REACHED_STEP % 8 == 0, "positions are multiples of eight");
#define RAFT_STORE_FILE_MAX     ((size_t)2 << 30)
#define RAFT_STORE_POSITION_MAX ((uint64_t)1 << 62) /* no log gets there; sums do not overflow */

enum raft_store_kind {
    RAFT_STORE_SEGMENT = 1, /* first of each segment; index = the next one */
    RAFT_STORE_ENTRY = 2,
    RAFT_STORE_TRUNCATE = 3,
    RAFT_STORE_VOID = 4 /* the next entry is index + 1 */
};

STATIC_ASSERT(RAFT_STORE_SEGMENT > 0, "zeros are no record");
STATIC_ASSERT(RAFT_STORE_VOID <= UINT8_MAX, "a kind is a byte");
STATIC_ASSERT(RAFT_STORE_FILE_MAX > (size_t)RAFT_STORE_SEGMENT_SIZE + RAFT_STORE_ENTRY_MAX,
              "a segment and its last entry can be loaded");
struct raft_store_record {
    enum raft_store_kind kind;
    uint8_t type;
    uint64_t position;
    uint64_t durable;
    uint64_t index;
    uint64_t term;
    const void *data;
    size_t len;
};

struct raft_store_segment {
    struct list link;
    uint64_t number;
    uint64_t index_max; /* of the entries that it ever held; 0 = none */
};

struct raft_store {
    struct env *env;
    struct logger *logger;
    char *dir;
    void (*failed)(void *data, const char *sentence);
    void *data;
    struct env_file *lock;
    bool dead;   /* a disk error was reported */
    bool freed;  /* waits for the work that still runs */
    int running; /* jobs on the pool that point here */

    struct env_file *vote_file;
    uint64_t vote_number;
    uint64_t term;
    uint64_t vote;

    /* Owned by the writer job while it runs, else by the loop. */
    struct env_file *file; /* the newest segment; NULL before the first append */
    uint64_t file_size;
    uint64_t position; /* of the next record */
    uint64_t durable;
    uint64_t reached; /* what the file of that name says, or less */
    uint64_t next_index;
    struct list segments; /* oldest first */

    /* The queue, on the loop. */
    struct list waiting;
    struct list writing;
    bool busy;
    struct env_timer start;
    struct env_work work;
    int error; /* of the writer job */
    size_t unfinished;
    int saves; /* saves and reads under way */
    void (*closed)(void *data);
    void *closed_data;

    struct raft_store_state state;
    char **loaded; /* the files that state points into */
    size_t loaded_count;
    char *loaded_snapshot;
};

char *raft_store_path(const struct raft_store *store, const char *name);
char *raft_store_segment_path(const struct raft_store *store, uint64_t number);
/* Bytes of a record with `len` bytes of data, padding included. */
size_t raft_store_record_size(size_t len);
/* Appends the record's bytes. */
int raft_store_record_put(struct buf *out, const struct raft_store_record *record) MUST_CHECK;
/* Reads the record at `offset` of a segment; false when the bytes there are none. */
bool raft_store_record_get(const uint8_t *bytes, size_t len, size_t offset,
                           struct raft_store_record *record);
int raft_store_snapshot_put(struct buf *out, const struct raft_store_snapshot *snapshot) MUST_CHECK;
bool raft_store_snapshot_get(const uint8_t *bytes, size_t len,
                             struct raft_store_snapshot *snapshot);
void raft_store_vote_put(uint8_t slot[RAFT_STORE_VOTE_SIZE], uint64_t number, uint64_t term,
                         uint64_t vote);
bool raft_store_vote_get(const uint8_t slot[RAFT_STORE_VOTE_SIZE], uint64_t *number, uint64_t *term,
                         uint64_t *vote);

/* raft_store_load.c: everything that open does after the lock is held. */
int raft_store_load(struct raft_store *store, struct buf *problem) MUST_CHECK;
/* Stores that the log is durable up to here; runs where the writer may. */
int raft_store_save_reached(struct raft_store *store) MUST_CHECK;
/* Begins a new segment; runs where the writer may. */
int raft_store_begin_segment(struct raft_store *store) MUST_CHECK;

#endif
