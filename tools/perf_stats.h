/* What a run of kafka-producer-perf-test has measured, in the lines of Kafka's tool. */
#ifndef TOOLS_PERF_STATS_H
#define TOOLS_PERF_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/report.h"

struct perf_stats;

/* For `records` records that begin at now_ms. `steady`: those behind the warm-up. */
struct perf_stats *perf_stats_new(int64_t records, int64_t interval_ms, bool steady,
                                  int64_t now_ms);
void perf_stats_free(struct perf_stats *stats);
/* No window lines any more: those of the steady state come instead. */
void perf_stats_silence(struct perf_stats *stats);
/* A record was delivered; a window that is full by now is printed. */
void perf_stats_record(struct perf_stats *stats, int64_t latency_ms, size_t bytes, int64_t now_ms,
                       FILE *out);
/* The last line. */
void perf_stats_print(struct perf_stats *stats, int64_t now_ms, FILE *out);

/* The same as a row of the report, which is perf_stats_report_new's; `phase` is "total" or
 * "steadyState". */
struct report *perf_stats_report_new(void);
void perf_stats_report(struct perf_stats *stats, const char *phase, int64_t now_ms,
                       struct report *report);

/* value / base as the next cell; nothing is there where that is no number. */
void perf_report_ratio(struct report *report, double value, double base);
/* value / base, as Java divides numbers with a point: by 0 it is Infinity or NaN, and printed so;
 * `decimals` behind the point. */
void perf_print_ratio(double value, double base, int decimals, FILE *out);

#endif
