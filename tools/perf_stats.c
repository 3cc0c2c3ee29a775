/* Rates and latencies of a run of kafka-producer-perf-test.
 *
 * Latencies are kept for the percentiles at the end: all of them up to half a million records, then
 * every second, third... one. */
#include "tools/perf_stats.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/sort.h"

/* As many as Kafka's tool keeps: two megabytes. */
enum { PERF_STATS_KEPT = 500000 };
enum { PERF_STATS_MB = 1024 * 1024 };

struct perf_count {
    int64_t from_ms, records, bytes, latency_ms, latency_max_ms;
};

struct perf_stats {
    struct perf_count total, window;
    int64_t interval_ms, sampling;
    int32_t *latencies;
    int64_t kept, room;
    bool steady, silent;
};

struct perf_stats *perf_stats_new(int64_t records, int64_t interval_ms, bool steady, int64_t now_ms)
{
    struct perf_stats *stats = mem_alloc(sizeof(*stats));
    ASSERT(records > 0);
    *stats = (struct perf_stats){
        .total = {.from_ms = now_ms},
        .window = {.from_ms = now_ms},
        .interval_ms = interval_ms,
        .sampling = records / (records < PERF_STATS_KEPT ? records : PERF_STATS_KEPT),
        .steady = steady,
    };
    stats->room = records / stats->sampling + 1;
    stats->latencies = mem_alloc((size_t)stats->room * sizeof(*stats->latencies));
    return stats;
}

void perf_stats_free(struct perf_stats *stats)
{
    if (!stats)
        return;
    mem_free(stats->latencies);
    mem_free(stats);
}

void perf_stats_silence(struct perf_stats *stats)
{
    stats->silent = true;
}

void perf_print_ratio(double value, double base, int decimals, FILE *out)
{
    double ratio = base == 0 ? (value == 0 ? NAN : INFINITY) : value / base;
    if (isnan(ratio))
        fputs("NaN", out);
    else if (isinf(ratio))
        fputs("Infinity", out);
    else
        fprintf(out, "%.*f", decimals, ratio);
}

static void perf_count_add(struct perf_count *count, int64_t latency_ms, size_t bytes)
{
    count->records++;
    count->bytes += (int64_t)bytes;
    count->latency_ms += latency_ms;
    if (latency_ms > count->latency_max_ms)
        count->latency_max_ms = latency_ms;
}

/* "7 records sent, 3.5 records/sec (0.00 MB/sec), 2.0 ms avg latency, 3.0 ms max latency" */
static void perf_count_print(const struct perf_count *count, const char *which, int64_t now_ms,
                             int rate_decimals, int latency_decimals, FILE *out)
{
    double ms = (double)(now_ms - count->from_ms);
    fprintf(out, "%" PRId64 "%s records sent, ", count->records, which);
    perf_print_ratio(1000.0 * (double)count->records, ms, rate_decimals, out);
    fputs(" records/sec (", out);
    perf_print_ratio(1000.0 * (double)count->bytes / PERF_STATS_MB, ms, 2, out);
    fputs(" MB/sec), ", out);
    perf_print_ratio((double)count->latency_ms, (double)count->records, latency_decimals, out);
    fprintf(out, " ms avg latency, %.*f ms max latency", latency_decimals,
            (double)count->latency_max_ms);
}

static void perf_stats_end_window(struct perf_stats *stats, int64_t now_ms, FILE *out)
{
    if (stats->steady && stats->window.records == stats->total.records)
        fputs("In steady state.\n", out);
    if (!stats->silent) {
        perf_count_print(&stats->window, "", now_ms, 1, 1, out);
        fputs(".\n", out);
        fflush(out);
    }
    stats->window = (struct perf_count){.from_ms = now_ms};
}

void perf_stats_record(struct perf_stats *stats, int64_t latency_ms, size_t bytes, int64_t now_ms,
                       FILE *out)
{
    if (stats->total.records % stats->sampling == 0 && stats->kept < stats->room)
        stats->latencies[stats->kept++] = (int32_t)latency_ms;
    perf_count_add(&stats->total, latency_ms, bytes);
    perf_count_add(&stats->window, latency_ms, bytes);
    if (now_ms - stats->window.from_ms >= stats->interval_ms)
        perf_stats_end_window(stats, now_ms, out);
}

static int32_t perf_stats_percentile(const struct perf_stats *stats, double part)
{
    return stats->kept > 0 ? stats->latencies[(int64_t)(part * (double)stats->kept)] : 0;
}

struct report *perf_stats_report_new(void)
{
    static const struct report_column columns[] = {{.name = "phase"},
                                                   {.name = "records"},
                                                   {.name = "bytes"},
                                                   {.name = "durationMs"},
                                                   {.name = "recordsPerSec"},
                                                   {.name = "mbPerSec"},
                                                   {.name = "avgLatencyMs"},
                                                   {.name = "maxLatencyMs"},
                                                   {.name = "p50LatencyMs"},
                                                   {.name = "p95LatencyMs"},
                                                   {.name = "p99LatencyMs"},
                                                   {.name = "p999LatencyMs"},
                                                   REPORT_END};
    struct report *report = report_new("results");
    report_columns(report, columns);
    return report;
}

void perf_stats_report(struct perf_stats *stats, const char *phase, int64_t now_ms,
                       struct report *report)
{
    static const double parts[] = {0.5, 0.95, 0.99, 0.999};
    const struct perf_count *count = &stats->total;
    double ms = (double)(now_ms - count->from_ms);
    sort_int32(stats->latencies, (size_t)stats->kept);
    report_text(report, phase);
    report_number(report, count->records);
    report_number(report, count->bytes);
    report_number(report, now_ms - count->from_ms);
    perf_report_ratio(report, 1000.0 * (double)count->records, ms);
    perf_report_ratio(report, 1000.0 * (double)count->bytes / PERF_STATS_MB, ms);
    perf_report_ratio(report, (double)count->latency_ms, (double)count->records);
    report_number(report, count->latency_max_ms);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        report_number(report, perf_stats_percentile(stats, parts[i]));
}

void perf_report_ratio(struct report *report, double value, double base)
{
    double ratio = base == 0 ? NAN : value / base;
    if (!isfinite(ratio)) {
        report_none(report);
        return;
    }
    report_value(report, json_real(ratio));
    report_as(report, "%.4f", ratio);
}

void perf_stats_print(struct perf_stats *stats, int64_t now_ms, FILE *out)
{
    sort_int32(stats->latencies, (size_t)stats->kept);
    perf_count_print(&stats->total, stats->steady ? " steady state" : "", now_ms, 6, 2, out);
    fprintf(out, ", %d ms 50th, %d ms 95th, %d ms 99th, %d ms 99.9th.\n",
            perf_stats_percentile(stats, 0.5), perf_stats_percentile(stats, 0.95),
            perf_stats_percentile(stats, 0.99), perf_stats_percentile(stats, 0.999));
}
