/* kafka-dump-log: the files of a data directory in words.
 *
 * Happy path: a .log file is read batch by batch, and each gives one line, with --print-data-log
 * (or --deep-iteration, or a decoder) its records too; .index, .timeindex, .txnindex and .snapshot
 * give one line an entry. dump_text.c has the small text files, dump_metadata.c those of a
 * controller. Failure modes: a batch whose checksum is wrong says isvalid: false; garbage behind
 * the last batch is counted; both, and a file that can't be read or is damaged, are one sentence
 * with the place, and status 1; an index entry that the log does not bear out goes to stderr. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "kafka/batch.h"
#include "kafka/txn_marker.h"
#include "tools/dump_decode.h"
#include "tools/dump_metadata.h"
#include "tools/dump_row.h"
#include "tools/dump_text.h"
#include "tools/tools.h"

static const struct option_row dump_options[] = {
    OPTION_MANY("files", "FILE,...",
                "The files: .log, .index, .timeindex, .txnindex, .snapshot, checkpoints, "
                "meta.properties, partition.metadata, all others of a data directory too."),
    OPTION("print-data-log", NULL, "Print the records with keys and values."),
    OPTION("deep-iteration", NULL, "Print the records without keys and values."),
    OPTION("max-message-size", "N", "The largest batch that is taken for one (5242880)."),
    OPTION("max-bytes", "N", "Stop after this many bytes of a .log file."),
    OPTION("verify-index-only", NULL, "Print nothing of an index, only check it."),
    OPTION("index-sanity-check", NULL, "Check the size of an index only."),
    OPTION("skip-record-metadata", NULL, "With --print-data-log: keys and values only."),
    OPTION("offsets-decoder", NULL, "Print the records of __consumer_offsets in words."),
    OPTION("transaction-log-decoder", NULL, "Print the records of __transaction_state in words."),
    OPTION("cluster-metadata-decoder", NULL,
           "Print the records of Millrace's metadata: controller/log-N, controller/snapshot."),
    OPTION("share-group-state-decoder", NULL, "Not available: there are no share groups yet."),
    OPTION("remote-log-metadata-decoder", NULL, "Not available: there are no remote logs."),
    OPTION("key-decoder-class", "[CLASS]", "StringDecoder only: Java classes can't be loaded."),
    OPTION("value-decoder-class", "[CLASS]", "StringDecoder only: Java classes can't be loaded."),
    OPTION("format", "json|table",
           "One JSON object a line, or tables, instead of what Kafka's tool prints."),
    TOOL_LAST_OPTIONS,
};

enum { DUMP_RECORDS_MAX = 1 << 30, DUMP_INDEX_MAX = 1 << 30 };
#define DUMP_FILE_MAX ((size_t)2 << 30) /* of a controller; and no text of a directory comes near */
enum { DUMP_INDEX_ENTRY = 8, DUMP_TIME_ENTRY = 12, DUMP_TXN_ENTRY = 34 };

/* A snapshot of producers: version, checksum of what follows, count, entries. */
enum {
    DUMP_SNAPSHOT_VERSION = 1,
    DUMP_SNAPSHOT_CRC_FROM = 6,
    DUMP_SNAPSHOT_HEADER = 10,
    DUMP_SNAPSHOT_ENTRY = 46
};

struct dump {
    struct tool_run *run;
    struct dump_rows *rows;
    struct env_file *file;
    const char *path;
    int64_t base; /* offset in the name of the file */
    int64_t message_max, bytes_max;
    bool records, data, metadata, cluster;
    enum dump_decoder decoder;
    int64_t bad_position; /* of the first batch whose checksum is wrong; -1 = none */
    struct buf bytes;     /* one batch */
    struct buf scratch;   /* its records, decompressed */
    uint64_t position;
};

/* ---- records ---- */

static const char *dump_time_name(const struct batch *batch)
{
    return batch->attributes & BATCH_LOG_APPEND_TIME ? "LogAppendTime" : "CreateTime";
}

/* "[a,b]", without quotes as in Kafka's. */
static void dump_put_header_keys(struct dump_rows *rows, const struct record *record)
{
    const uint8_t *cursor = record->headers;
    struct record_header header;
    struct buf text;
    json_t *keys = json_array();
    buf_init(&text);
    while (record_header_next(record, &cursor, &header)) {
        buf_printf(&text, "%s%.*s", text.len ? "," : "[", WIRE_STR_ARGS(header.key));
        json_array_append_new(keys, report_json_text(header.key.data, (size_t)header.key.len));
    }
    buf_printf(&text, text.len ? "]" : "[]");
    dump_json(rows, "headerKeys", keys, buf_text(&text));
    buf_close(&text);
}

static void dump_put_control(struct dump_rows *rows, const struct batch *batch,
                             const struct record *record)
{
    struct txn_marker marker;
    int16_t type;
    if (txn_marker_read_type(record, &type) < 0)
        return;
    if (txn_marker_read(batch, &marker) == 1) {
        dump_string(rows, "endTxnMarker", marker.commit ? "COMMIT" : "ABORT");
        dump_number(rows, "coordinatorEpoch", marker.coordinator_epoch);
    } else {
        dump_number(rows, "controlType", type);
    }
}

static void dump_put_metadata(struct dump_rows *rows, const struct batch *batch,
                              const struct record *record)
{
    dump_number(rows, "offset", batch_record_offset(batch, record));
    dump_time(rows, dump_time_name(batch), batch_record_timestamp(batch, record));
    dump_number(rows, "keySize", record->key.len);
    dump_number(rows, "valueSize", record->value.len);
    dump_number(rows, "sequence",
                batch->base_sequence < 0
                    ? -1
                    : batch_sequence_add(batch->base_sequence, record->offset_delta));
    dump_put_header_keys(rows, record);
}

static void dump_print_record(struct dump *d, const struct batch *batch,
                              const struct record *record)
{
    dump_row(d->rows, "record", "|");
    if (d->metadata)
        dump_put_metadata(d->rows, batch, record);
    if (batch_is_control(batch)) {
        dump_put_control(d->rows, batch, record);
    } else if (d->decoder) {
        dump_decode(d->decoder, batch_record_offset(batch, record), record, d->rows);
    } else if (d->data) {
        if (record->key.len >= 0 || report_format(d->run) != REPORT_KAFKA)
            dump_bytes(d->rows, "key", record->key);
        dump_bytes(d->rows, "payload", record->value);
    }
    dump_row_end(d->rows);
}

static void dump_print_records(struct dump *d, const struct batch *batch)
{
    struct record_iter iter;
    struct record record;
    int err = batch_records(batch, DUMP_RECORDS_MAX, &d->scratch, &iter);
    int more = err;
    while (err == 0 && (more = record_iter_next(&iter, &record)) > 0)
        dump_print_record(d, batch, &record);
    if (more >= 0)
        return;
    dump_row(d->rows, "unreadableRecords", "|");
    char *sentence = mem_printf("the records can't be read: %s", err_text(more));
    dump_bare(d->rows, "error", json_string(sentence));
    dump_row_end(d->rows);
    mem_free(sentence);
}

/* ---- batches ---- */

static void dump_print_batch(struct dump *d, const struct batch *batch)
{
    struct dump_rows *rows = d->rows;
    bool valid = batch_check_crc(batch) == 0;
    if (!valid && d->bad_position < 0)
        d->bad_position = (int64_t)d->position;
    dump_row(rows, "batch", NULL);
    dump_number(rows, "baseOffset", batch->base_offset);
    dump_number(rows, "lastOffset", batch_last_offset(batch));
    dump_number(rows, "count", batch->record_count);
    dump_number(rows, "baseSequence", batch->base_sequence);
    dump_number(rows, "lastSequence", batch_last_sequence(batch));
    dump_number(rows, "producerId", batch->producer_id);
    dump_number(rows, "producerEpoch", batch->producer_epoch);
    dump_number(rows, "partitionLeaderEpoch", batch->leader_epoch);
    dump_flag(rows, "isTransactional", batch_is_transactional(batch));
    dump_flag(rows, "isControl", batch_is_control(batch));
    dump_optional(rows, "deleteHorizonMs", batch->attributes & BATCH_DELETE_HORIZON,
                  batch->base_timestamp);
    dump_number(rows, "position", (int64_t)d->position);
    dump_time(rows, dump_time_name(batch), batch->max_timestamp);
    dump_number(rows, "size", (int64_t)batch->size);
    dump_number(rows, "magic", BATCH_MAGIC);
    dump_string(rows, "compresscodec", compress_name(batch_codec(batch)));
    dump_number(rows, "crc", batch->crc);
    dump_flag(rows, "isvalid", valid);
    dump_row_end(rows);
}

/* The batch at d->position: 1, or 0 when there is no whole one. */
static int dump_read_batch(struct dump *d, uint64_t size, struct batch *batch)
{
    uint8_t head[BATCH_PEEK_SIZE];
    if (size - d->position < BATCH_PEEK_SIZE ||
        env_file_read(d->file, head, sizeof(head), d->position) != (ssize_t)sizeof(head))
        return 0;
    int64_t batch_size = batch_peek_size(head, sizeof(head));
    if (batch_size <= 0 || batch_size > d->message_max || (uint64_t)batch_size > size - d->position)
        return 0;
    d->bytes.len = 0;
    if (buf_reserve(&d->bytes, (size_t)batch_size) ||
        env_file_read(d->file, d->bytes.data, (size_t)batch_size, d->position) != batch_size)
        return 0;
    return batch_parse(d->bytes.data, (size_t)batch_size, batch) == 0;
}

static int dump_log(struct dump *d)
{
    struct batch batch;
    int64_t size = env_file_size(d->file);
    dump_rows_note(d->rows, "Log starting offset: %" PRId64, d->base);
    uint64_t end = size < 0 ? 0 : (uint64_t)size;
    if (d->bytes_max > 0 && end > (uint64_t)d->bytes_max)
        end = (uint64_t)d->bytes_max;
    while (d->position < end && dump_read_batch(d, end, &batch)) {
        dump_print_batch(d, &batch);
        if (d->records)
            dump_print_records(d, &batch);
        d->position += batch.size;
    }
    if (d->position < end && d->bytes_max <= 0) {
        dump_rows_note(d->rows, "Found %" PRIu64 " invalid bytes at the end of %s",
                       end - d->position, d->path);
        return tool_fail(d->run, "%s: position %" PRIu64 ": no whole batch begins here", d->path,
                         d->position);
    }
    return d->bad_position < 0
               ? 0
               : tool_fail(d->run, "%s: position %" PRId64 ": the checksum of the batch is wrong",
                           d->path, d->bad_position);
}

/* ---- indexes ---- */

/* Entries of an index that was made at full size are zero behind the last one. */
static bool dump_is_unused(const uint8_t *entry, size_t len, size_t i)
{
    for (size_t k = 0; k < len; k++)
        if (entry[k])
            return false;
    return i > 0;
}

static int dump_index_entries(struct dump *d, const uint8_t *bytes, size_t len, size_t entry_size,
                              bool silent)
{
    int64_t before = -1;
    for (size_t i = 0; (i + 1) * entry_size <= len; i++) {
        const uint8_t *entry = bytes + i * entry_size;
        if (dump_is_unused(entry, entry_size, i))
            break;
        const uint8_t *at = entry_size == DUMP_TIME_ENTRY ? entry + 8 : entry;
        int64_t offset = d->base + bytes_get_u32(at);
        if (offset < before)
            fprintf(stderr, "%s: entry %zu has offset %" PRId64 ", less than the one before\n",
                    d->path, i, offset);
        before = offset;
        if (silent)
            continue;
        dump_row(d->rows, entry_size == DUMP_TIME_ENTRY ? "timeIndexEntry" : "indexEntry", NULL);
        if (entry_size == DUMP_TIME_ENTRY)
            dump_number(d->rows, "timestamp", (int64_t)bytes_get_u64(entry));
        dump_number(d->rows, "offset", offset);
        if (entry_size == DUMP_INDEX_ENTRY)
            dump_number(d->rows, "position", bytes_get_u32(entry + 4));
        dump_row_end(d->rows);
    }
    return 0;
}

static void dump_print_txn(struct dump_rows *rows, const uint8_t *entry)
{
    dump_row(rows, "abortedTxn", NULL);
    dump_number(rows, "version", (int16_t)bytes_get_u16(entry));
    dump_number(rows, "producerId", (int64_t)bytes_get_u64(entry + 2));
    dump_number(rows, "firstOffset", (int64_t)bytes_get_u64(entry + 10));
    dump_number(rows, "lastOffset", (int64_t)bytes_get_u64(entry + 18));
    dump_number(rows, "lastStableOffset", (int64_t)bytes_get_u64(entry + 26));
    dump_row_end(rows);
}

/* Aborted transactions, by their markers. */
static int dump_txn_entries(struct dump *d, const uint8_t *bytes, size_t len, bool silent)
{
    int64_t before = -1;
    for (size_t at = 0; at + DUMP_TXN_ENTRY <= len; at += DUMP_TXN_ENTRY) {
        int64_t marker = (int64_t)bytes_get_u64(bytes + at + 18);
        if (marker <= before)
            fprintf(stderr, "%s: entry %zu has marker %" PRId64 ", not above the one before\n",
                    d->path, at / DUMP_TXN_ENTRY, marker);
        before = marker;
        if (!silent)
            dump_print_txn(d->rows, bytes + at);
    }
    return 0;
}

static void dump_print_producer(struct dump_rows *rows, const uint8_t *entry)
{
    int32_t last = (int32_t)bytes_get_u32(entry + 10), delta = (int32_t)bytes_get_u32(entry + 22);
    int64_t txn = (int64_t)bytes_get_u64(entry + 38);
    dump_row(rows, "producer", NULL);
    dump_number(rows, "producerId", (int64_t)bytes_get_u64(entry));
    dump_number(rows, "producerEpoch", (int16_t)bytes_get_u16(entry + 8));
    dump_number(rows, "coordinatorEpoch", (int32_t)bytes_get_u32(entry + 34));
    dump_optional(rows, "currentTxnFirstOffset", txn >= 0, txn);
    dump_number(rows, "lastTimestamp", (int64_t)bytes_get_u64(entry + 26));
    if (last >= 0) {
        dump_number(rows, "firstSequence",
                    (int32_t)(((uint32_t)last - (uint32_t)delta) & INT32_MAX));
        dump_number(rows, "lastSequence", last);
        dump_number(rows, "lastOffset", (int64_t)bytes_get_u64(entry + 14));
        dump_number(rows, "offsetDelta", delta);
        dump_number(rows, "timestamp", (int64_t)bytes_get_u64(entry + 26));
    }
    dump_row_end(rows);
}

static int dump_producers(struct dump *d, const uint8_t *bytes, size_t len)
{
    if (len < DUMP_SNAPSHOT_HEADER || bytes_get_u16(bytes) != DUMP_SNAPSHOT_VERSION ||
        (len - DUMP_SNAPSHOT_HEADER) % DUMP_SNAPSHOT_ENTRY != 0 ||
        crc32c(0, bytes + DUMP_SNAPSHOT_CRC_FROM, len - DUMP_SNAPSHOT_CRC_FROM) !=
            bytes_get_u32(bytes + 2))
        return tool_fail(d->run, "%s is no snapshot of producers, or it is damaged", d->path);
    for (size_t at = DUMP_SNAPSHOT_HEADER; at < len; at += DUMP_SNAPSHOT_ENTRY)
        dump_print_producer(d->rows, bytes + at);
    return 0;
}

static int dump_snapshot(struct dump *d)
{
    char *bytes;
    size_t len;
    int err = env_file_load(d->run->env, d->path, DUMP_INDEX_MAX, &bytes, &len);
    if (err)
        return tool_fail(d->run, "%s: %s", d->path, err_text(err));
    int status = dump_producers(d, (const uint8_t *)bytes, len);
    mem_free(bytes);
    return status;
}

static void dump_passed(struct dump *d)
{
    char *sentence = mem_printf("%s passed sanity check.", d->path);
    dump_row(d->rows, "sanityCheck", NULL);
    dump_bare(d->rows, "result", json_string(sentence));
    dump_row_end(d->rows);
    mem_free(sentence);
}

static int dump_index(struct dump *d, size_t entry_size)
{
    char *bytes;
    size_t len;
    int err = env_file_load(d->run->env, d->path, DUMP_INDEX_MAX, &bytes, &len);
    if (err)
        return tool_fail(d->run, "%s: %s", d->path, err_text(err));
    int status = 0;
    if (len % entry_size != 0)
        status = tool_fail(d->run, "%s has %zu bytes, no multiple of %zu: it is damaged", d->path,
                           len, entry_size);
    else if (options_has(d->run->options, "index-sanity-check"))
        dump_passed(d);
    else if (entry_size == DUMP_TXN_ENTRY)
        status = dump_txn_entries(d, (const uint8_t *)bytes, len,
                                  options_has(d->run->options, "verify-index-only"));
    else
        status = dump_index_entries(d, (const uint8_t *)bytes, len, entry_size,
                                    options_has(d->run->options, "verify-index-only"));
    mem_free(bytes);
    return status;
}

/* ---- files ---- */

static int dump_open_log(struct dump *d)
{
    int err = env_file_open(d->run->env, d->path, ENV_OPEN_READ, &d->file);
    if (err)
        return tool_fail(d->run, "%s: %s", d->path, err_text(err));
    int status = dump_log(d);
    env_file_close(d->file);
    return status;
}

/* Names of files that stand for replicas: <topic id>-<partition>. */
static int dump_replicas(const struct dump *d)
{
    struct dirent *entry;
    DIR *directory = opendir(d->path);
    if (!directory)
        return tool_fail(d->run, "%s: it can't be read (%s)", d->path, strerror(errno));
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.')
            continue;
        dump_row(d->rows, "replica", NULL);
        dump_string(d->rows, "replica", entry->d_name);
        dump_row_end(d->rows);
    }
    closedir(directory);
    return 0;
}

/* A file that is read as a whole: text, or one of a controller. */
static int dump_whole(const struct dump *d, const char *name)
{
    char *bytes;
    size_t len;
    int err = env_file_load(d->run->env, d->path, DUMP_FILE_MAX, &bytes, &len);
    if (err)
        return tool_fail(d->run, "%s: %s", d->path, err_text(err));
    int status = dump_text_knows(name)
                     ? dump_text_print(d->run, d->rows, d->path, name, bytes, len)
                     : dump_metadata_print(d->run, d->rows, d->path, name, (const uint8_t *)bytes,
                                           len, d->cluster);
    mem_free(bytes);
    return status;
}

/* Files that the name as a whole tells, not its ending; -1: it is none of them. */
static int dump_by_name(const struct dump *d, const char *name)
{
    if (strcmp(name, ".replicas") == 0)
        return dump_replicas(d);
    if (dump_text_mark(d->rows, name))
        return 0;
    return dump_text_knows(name) || dump_metadata_knows(name) ? dump_whole(d, name) : -1;
}

static int dump_file(struct dump *d, const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *end = strrchr(name, '.');
    d->path = path;
    d->position = 0;
    d->bad_position = -1;
    d->base = strtoll(name, NULL, 10);
    dump_rows_file(d->rows, path);
    int status = access(path, R_OK)
                     ? tool_fail(d->run, "%s: it can't be read (%s)", path, strerror(errno))
                     : dump_by_name(d, name);
    if (status >= 0)
        return status;
    if (d->cluster)
        return tool_fail(d->run,
                         "%s: --cluster-metadata-decoder reads Millrace's metadata, which has a "
                         "format of its own: name controller/log-N or controller/snapshot",
                         path);
    if (end && (strcmp(end, ".log") == 0 || strcmp(end, ".checkpoint") == 0))
        return dump_open_log(d);
    if (end && strcmp(end, ".index") == 0)
        return dump_index(d, DUMP_INDEX_ENTRY);
    if (end && strcmp(end, ".timeindex") == 0)
        return dump_index(d, DUMP_TIME_ENTRY);
    if (end && strcmp(end, ".txnindex") == 0)
        return dump_index(d, DUMP_TXN_ENTRY);
    if (end && strcmp(end, ".snapshot") == 0)
        return dump_snapshot(d);
    return tool_fail(d->run,
                     "%s: this is no file that can be dumped: .log, .index, .timeindex, .txnindex, "
                     ".snapshot, .checkpoint, or another one of a data directory by its own name",
                     path);
}

static int dump_files(struct dump *d)
{
    const char *list;
    size_t cursor = 0;
    int status = 0;
    while (status == 0 && (list = options_next(d->run->options, "files", &cursor))) {
        while (status == 0 && *list) {
            size_t len = strcspn(list, ",");
            char *path = mem_strndup(list, len);
            status = len > 0 ? dump_file(d, path) : 0;
            mem_free(path);
            list += len + (list[len] == ',');
        }
    }
    return status;
}

/* 0, or 1 with the message printed: which decoder, and that there is one at most. */
static int dump_read_decoder(struct dump *d)
{
    static const char *const names[] = {"offsets-decoder", "transaction-log-decoder",
                                        "cluster-metadata-decoder"};
    static const char *const classes[] = {"key-decoder-class", "value-decoder-class"};
    const struct options *options = d->run->options;
    int given = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        given += options_has(options, names[i]);
    if (options_has(options, "share-group-state-decoder"))
        return tool_fail(d->run, "--share-group-state-decoder: there are no share groups yet, and "
                                 "no topic __share_group_state");
    if (options_has(options, "remote-log-metadata-decoder"))
        return tool_fail(d->run, "--remote-log-metadata-decoder: there is no tiered storage, and "
                                 "no topic __remote_log_metadata");
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        const char *class = options_get(options, classes[i]);
        if (class && class[0] != '\0' && !strstr(class, "StringDecoder"))
            return tool_fail(d->run,
                             "--%s %s: Java classes can't be loaded; keys and values are printed "
                             "as text (StringDecoder)",
                             classes[i], class);
    }
    if (given > 1)
        return tool_misuse(d->run, "give one of --offsets-decoder, --transaction-log-decoder, "
                                   "--cluster-metadata-decoder");
    d->cluster = options_has(options, "cluster-metadata-decoder");
    d->decoder = options_has(options, names[0])   ? DUMP_DECODER_OFFSETS
                 : options_has(options, names[1]) ? DUMP_DECODER_TXN
                                                  : DUMP_DECODER_NONE;
    return 0;
}

static int dump_run(struct tool_run *run)
{
    struct dump d = {.run = run};
    if (!options_has(run->options, "files"))
        return tool_misuse(run, "which files? Give them with --files FILE,FILE");
    if (dump_read_decoder(&d) ||
        tool_number(run, "max-message-size", 1, INT32_MAX, 5242880, &d.message_max) ||
        tool_number(run, "max-bytes", 1, INT64_MAX, -1, &d.bytes_max) || env_new(&run->env))
        return 1;
    d.data = options_has(run->options, "print-data-log") || d.decoder;
    d.records = d.data || options_has(run->options, "deep-iteration");
    d.metadata = !options_has(run->options, "skip-record-metadata");
    d.rows = dump_rows_new(report_format(run));
    buf_init(&d.bytes);
    buf_init(&d.scratch);
    int status = dump_files(&d);
    dump_rows_free(d.rows);
    buf_close(&d.bytes);
    buf_close(&d.scratch);
    return status;
}

const struct tool tool_dump_log = {
    .name = "dump-log",
    .link = "kafka-dump-log",
    .synopsis = "--files FILE,... [--print-data-log]",
    .summary = "Show what is in the files of a data directory.",
    .options = dump_options,
    .run = dump_run,
};
