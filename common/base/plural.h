/* Words that depend on a number: "1 topic is", "2 topics are". */
#ifndef BASE_PLURAL_H
#define BASE_PLURAL_H

#include <stdint.h>

/* printf("%d %s", n, plural(n, "topic", "topics")). Texts that are Kafka's own stay as Kafka has
 * them, which prints "1 messages". */
static inline const char *plural(int64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

#endif
