/* What a controller keeps on disk, in words.
 *
 * Happy path: the records of a log are read by the controller's own reader and printed one a line,
 * their entries as JSON. Failure modes: bytes that are no record, or an entry that is none, are
 * told with their position. At the end of the newest log they may be a write that was never
 * confirmed, and the next start cuts them off; the sentence says so. */
#include "tools/dump_metadata.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "common/meta/records.pb-c.h"
#include "controller/raft_store_record.h"
#include "tools/proto_json.h"
#include "tools/report.h"

/* Raft's numbers for what an entry is. */
enum { DUMP_COMMAND = 1, DUMP_BARRIER = 2, DUMP_CHANGE = 3 };
enum { DUMP_SERVERS_MAX = 255 };

struct dump_source {
    const struct tool_run *run;
    const char *path;
    const uint8_t *bytes;
    size_t len;
    struct dump_rows *rows; /* NULL: nothing is printed */
};

bool dump_metadata_knows(const char *name)
{
    return (strncmp(name, "log-", 4) == 0 && name[4] != '\0' &&
            name[4 + strspn(name + 4, "0123456789")] == '\0') ||
           strcmp(name, "snapshot") == 0 || strcmp(name, "vote") == 0 ||
           strcmp(name, "reached") == 0;
}

static int dump_damaged(const struct dump_source *source, size_t position, const char *what)
{
    return tool_fail(source->run, "%s: position %zu: the file is damaged: %s", source->path,
                     position, what);
}

/* ---- the quorum's members, in the encoding of the Raft library ---- */

static uint64_t dump_u64_le(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

/* A byte 1, how many, and for each its id, its address with a NUL, and what it may do. NULL when it
 * is no such thing. */
static json_t *dump_servers(const uint8_t *at, size_t len)
{
    static const char *const roles[] = {"standby", "voter", "spare"};
    const uint8_t *end = at + len;
    if (len < 9 || at[0] != 1 || dump_u64_le(at + 1) > DUMP_SERVERS_MAX)
        return NULL;
    json_t *servers = json_array();
    uint64_t count = dump_u64_le(at + 1);
    at += 9;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *nul = end - at > 8 ? memchr(at + 8, '\0', (size_t)(end - at) - 8) : NULL;
        if (!nul || end - nul < 2 || nul[1] >= ARRAY_LEN(roles)) {
            json_decref(servers);
            return NULL;
        }
        json_t *server = json_object();
        json_object_set_new(server, "raftId", json_integer((json_int_t)dump_u64_le(at)));
        json_object_set_new(server, "server",
                            report_json_text((const char *)at + 8, (size_t)(nul - at) - 8));
        json_object_set_new(server, "role", json_string(roles[nul[1]]));
        json_array_append_new(servers, server);
        at = nul + 2;
    }
    return servers;
}

/* ---- entries ---- */

static int dump_print_entry(const struct dump_source *source, size_t position, const void *bytes,
                            size_t len)
{
    Meta__Entry *entry = meta__entry__unpack(NULL, len, bytes);
    if (!entry)
        return dump_damaged(source, position, "the entry can't be decoded");
    dump_row(source->rows, "metadataEntry", "|");
    dump_bare(source->rows, "entry", proto_json(&entry->base));
    dump_row_end(source->rows);
    meta__entry__free_unpacked(entry, NULL);
    return 0;
}

static int dump_print_servers(const struct dump_source *source, size_t position, const void *bytes,
                              size_t len)
{
    json_t *servers = dump_servers(bytes, len);
    if (!servers)
        return dump_damaged(source, position, "the members of the quorum can't be decoded");
    dump_row(source->rows, "metadataServers", "|");
    dump_json(source->rows, "servers", servers, NULL);
    dump_row_end(source->rows);
    return 0;
}

/* ---- the log ---- */

static const char *dump_kind(const struct raft_store_record *record)
{
    static const char *const types[] = {"", "COMMAND", "BARRIER", "SERVERS"};
    switch (record->kind) {
    case RAFT_STORE_SEGMENT:
        return "SEGMENT";
    case RAFT_STORE_TRUNCATE:
        return "TRUNCATE";
    case RAFT_STORE_VOID:
        return "VOID";
    case RAFT_STORE_ENTRY:
        break;
    }
    return record->type < ARRAY_LEN(types) ? types[record->type] : "UNKNOWN";
}

static bool dump_is(const struct raft_store_record *record, uint8_t type)
{
    return record->kind == RAFT_STORE_ENTRY && record->type == type;
}

static int dump_print_record(const struct dump_source *source, size_t position,
                             const struct raft_store_record *record, bool records)
{
    dump_row(source->rows, "metadataRecord", NULL);
    dump_number(source->rows, "position", (int64_t)position);
    dump_string(source->rows, "kind", dump_kind(record));
    dump_number(source->rows, "index", (int64_t)record->index);
    dump_number(source->rows, "term", (int64_t)record->term);
    dump_number(source->rows, "logPosition", (int64_t)record->position);
    dump_number(source->rows, "durable", (int64_t)record->durable);
    dump_number(source->rows, "size", (int64_t)record->len);
    dump_row_end(source->rows);
    if (records && dump_is(record, DUMP_COMMAND))
        return dump_print_entry(source, position, record->data, record->len);
    if (records && dump_is(record, DUMP_CHANGE))
        return dump_print_servers(source, position, record->data, record->len);
    return 0;
}

/* The record at *position, which moves behind it: 1, 0 at the end, or -1: there is none. Zeros to
 * the end of the file are room that was made for later ones. */
static int dump_next(const struct dump_source *source, size_t *position,
                     struct raft_store_record *record)
{
    size_t at = *position;
    if (at == source->len)
        return 0;
    if (raft_store_record_get(source->bytes, source->len, at, record)) {
        size_t size = raft_store_record_size(record->len);
        *position = size < source->len - at ? at + size : source->len;
        return 1;
    }
    size_t zeros = at;
    while (zeros < source->len && source->bytes[zeros] == 0)
        zeros++;
    if (zeros == source->len)
        return 0;
    return -1;
}

static int dump_no_record(const struct dump_source *source, size_t position)
{
    return tool_fail(source->run,
                     "%s: position %zu: %zu bytes here are no record: a write that was never "
                     "confirmed, or damage; the controller tells which when it starts",
                     source->path, position, source->len - position);
}

static int dump_print_log(const struct dump_source *source, bool records)
{
    struct raft_store_record record;
    size_t position = 0;
    for (;;) {
        size_t at = position;
        int more = dump_next(source, &position, &record);
        if (more <= 0)
            return more < 0 ? dump_no_record(source, at) : 0;
        if (dump_print_record(source, at, &record, records))
            return 1;
    }
}

/* ---- the other files ---- */

static int dump_print_snapshot(const struct dump_source *source, bool records)
{
    struct raft_store_snapshot snapshot;
    if (!raft_store_snapshot_get(source->bytes, source->len, &snapshot))
        return dump_damaged(source, 0, "its checksum, or a length in it, is wrong");
    dump_row(source->rows, "metadataSnapshot", NULL);
    dump_number(source->rows, "index", (int64_t)snapshot.index);
    dump_number(source->rows, "term", (int64_t)snapshot.term);
    dump_number(source->rows, "confIndex", (int64_t)snapshot.conf_index);
    dump_number(source->rows, "size", (int64_t)snapshot.data_len);
    dump_row_end(source->rows);
    if (dump_print_servers(source, RAFT_STORE_HEAD, snapshot.conf, snapshot.conf_len))
        return 1;
    return records ? dump_print_entry(source, RAFT_STORE_HEAD + snapshot.conf_len, snapshot.data,
                                      snapshot.data_len)
                   : 0;
}

/* Two slots that are written in turn; the newer good one counts. */
static int dump_print_vote(const struct dump_source *source)
{
    int good = 0;
    for (size_t slot = 0; slot < 2; slot++) {
        uint64_t number, term, vote;
        size_t at = slot * RAFT_STORE_VOTE_SLOT;
        if (at + RAFT_STORE_VOTE_SIZE > source->len ||
            !raft_store_vote_get(source->bytes + at, &number, &term, &vote))
            continue;
        dump_row(source->rows, "vote", NULL);
        dump_number(source->rows, "slot", (int64_t)slot);
        dump_number(source->rows, "number", (int64_t)number);
        dump_number(source->rows, "term", (int64_t)term);
        dump_number(source->rows, "vote", (int64_t)vote);
        dump_row_end(source->rows);
        good++;
    }
    return good > 0 ? 0 : dump_damaged(source, 0, "neither of its two slots holds a vote");
}

static int dump_print_reached(const struct dump_source *source)
{
    if (source->len != RAFT_STORE_REACHED_SIZE ||
        bytes_get_u32(source->bytes) != RAFT_STORE_REACHED_MAGIC ||
        bytes_get_u32(source->bytes + 4) != crc32c(0, source->bytes + 8, sizeof(uint64_t)))
        return dump_damaged(source, 0, "its checksum is wrong");
    dump_row(source->rows, "reached", NULL);
    dump_number(source->rows, "logPosition", (int64_t)bytes_get_u64(source->bytes + 8));
    dump_row_end(source->rows);
    return 0;
}

int dump_metadata_print(const struct tool_run *run, struct dump_rows *rows, const char *path,
                        const char *name, const uint8_t *bytes, size_t len, bool records)
{
    struct dump_source source = {run, path, bytes, len, rows};
    dump_rows_note(rows, "A file of Millrace's metadata quorum; Kafka's format is another one.");
    if (strcmp(name, "vote") == 0)
        return dump_print_vote(&source);
    if (strcmp(name, "reached") == 0)
        return dump_print_reached(&source);
    if (strcmp(name, "snapshot") == 0)
        return dump_print_snapshot(&source, records);
    return dump_print_log(&source, records);
}

/* ---- for those that build the metadata of it ---- */

/* Forgets the entries from this index on. */
static void dump_entries_cut(struct dump_entries *entries, uint64_t index)
{
    while (entries->count > 0 && entries->items[entries->count - 1].index >= index)
        mem_free(entries->items[--entries->count].bytes);
}

static void dump_entries_put(struct dump_entries *entries, uint64_t index, const void *bytes,
                             size_t len)
{
    entries->items = mem_realloc(entries->items, (entries->count + 1) * sizeof(*entries->items));
    entries->items[entries->count++] = (struct dump_entry){index, mem_dup(bytes, len), len};
}

static void dump_entries_take(struct dump_entries *entries, const struct raft_store_record *record)
{
    uint64_t last = entries->count > 0 ? entries->items[entries->count - 1].index : 0;
    if (record->kind == RAFT_STORE_VOID)
        dump_entries_cut(entries, 0);
    else if (record->kind == RAFT_STORE_TRUNCATE)
        dump_entries_cut(entries, record->index);
    else if (dump_is(record, DUMP_COMMAND) && record->index > last)
        dump_entries_put(entries, record->index, record->data, record->len);
}

int dump_entries_add(const struct tool_run *run, const char *path, const char *name,
                     const uint8_t *bytes, size_t len, bool newest, struct dump_entries *entries)
{
    struct dump_source source = {.run = run, .path = path, .bytes = bytes, .len = len};
    struct raft_store_snapshot snapshot;
    struct raft_store_record record;
    size_t position = 0;
    int more;
    if (strcmp(name, "snapshot") == 0) {
        if (!raft_store_snapshot_get(bytes, len, &snapshot))
            return dump_damaged(&source, 0, "its checksum, or a length in it, is wrong");
        dump_entries_put(entries, snapshot.index, snapshot.data, snapshot.data_len);
        return 0;
    }
    while ((more = dump_next(&source, &position, &record)) > 0)
        dump_entries_take(entries, &record);
    return more < 0 && !newest ? dump_no_record(&source, position) : 0;
}

void dump_entries_free(struct dump_entries *entries)
{
    dump_entries_cut(entries, 0);
    mem_free(entries->items);
}
