/* Changing settings that are lists, "a,b,c": in the controller, which stores them, or in a broker
 * where only that knows the default. */
#ifndef META_CONFIG_LIST_H
#define META_CONFIG_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Writes `list` with the elements of `more` that it lacks, or without those that it has. `out` has
 * room for both and two bytes. Elements are compared as they stand, as in Kafka. */
void config_list_change(const char *list, const char *more, bool append, char *out);
/* How many elements `len` bytes of a list have at most: as many as it takes to change it. */
size_t config_list_count(const char *list, size_t len);

#endif
