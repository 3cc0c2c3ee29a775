/* Lists of settings: pure text. Empty elements go; appending also removes doubles. */
#include "meta/config_list.h"

#include <string.h>

#include "base/check.h"
#include "base/map.h"

size_t config_list_count(const char *list, size_t len)
{
    size_t count = len > 0;
    for (size_t i = 0; i < len; i++)
        count += list[i] == ',';
    return count;
}

static void config_list_note(struct map *noted, const char *list)
{
    for (const char *at = list; *at;) {
        size_t part = strcspn(at, ",");
        map_put(noted, at, part, noted);
        at += part + (at[part] == ',');
    }
}

void config_list_change(const char *list, const char *more, bool append, char *out)
{
    const char *sources[] = {list, append ? more : ""};
    struct map left_out; /* what was taken away, or stands in `out` already */
    size_t len = 0;
    out[0] = '\0';
    map_init(&left_out);
    if (!append)
        config_list_note(&left_out, more);
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        for (const char *at = sources[i]; *at;) {
            size_t part = strcspn(at, ",");
            if (part > 0 && !map_get(&left_out, at, part)) {
                if (len > 0)
                    out[len++] = ',';
                memcpy(out + len, at, part);
                len += part;
                out[len] = '\0';
                if (append)
                    map_put(&left_out, at, part, out);
            }
            at += part + (at[part] == ',');
        }
    }
    map_close(&left_out);
}
