/* Lists of settings: pure text. Empty elements go; appending also removes doubles. */
#include "meta/config_list.h"

#include <string.h>

#include "base/check.h"

static bool config_list_has(const char *list, const char *element, size_t len)
{
    while (*list) {
        size_t part = strcspn(list, ",");
        if (part == len && memcmp(list, element, len) == 0)
            return true;
        list += part + (list[part] == ',');
    }
    return false;
}

void config_list_change(const char *list, const char *more, bool append, char *out)
{
    const char *sources[] = {list, append ? more : ""};
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        for (const char *at = sources[i]; *at;) {
            size_t part = strcspn(at, ",");
            if (part > 0 && !config_list_has(append ? out : more, at, part)) {
                if (len > 0)
                    out[len++] = ',';
                memcpy(out + len, at, part);
                len += part;
                out[len] = '\0';
            }
            at += part + (at[part] == ',');
        }
    }
}
