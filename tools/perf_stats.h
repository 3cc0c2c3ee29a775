/* What a run of kafka-producer-perf-test has measured, in the lines of Kafka's tool. */
#ifndef TOOLS_PERF_STATS_H
#define TOOLS_PERF_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

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

/* value / base, as Java divides numbers with a point: by 0 it is Infinity or NaN, and printed so;
 * `decimals` behind the point. */
void perf_print_ratio(double value, double base, int decimals, FILE *out);

#endif
