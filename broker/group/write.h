/* A write of a group whose records say all there is to say: appended now, taken over into memory
 * (by the replay that also loads) when they are replicated. So memory never shows what a new
 * coordinator might not know. */
#ifndef BROKER_GROUP_WRITE_H
#define BROKER_GROUP_WRITE_H

#include "broker/group/group.h"

/* 0: done(data, err) comes later (may be NULL), after the records were taken over. Otherwise the
 * error, in a coordinator's words, and done does not come. The bytes of the records are taken;
 * closing them stays the caller's. */
int write_records(struct group *group, struct records *records, void (*done)(void *data, int err),
                  void *data) MUST_CHECK;

/* The offsets that are on their way to the log: memory does not have them yet, and a tombstone
 * would stand behind them. The map is for write_has. */
void write_gather(const struct group *group, struct map *keys);
bool write_has(const struct map *keys, struct wire_str topic, int32_t partition);

#endif
