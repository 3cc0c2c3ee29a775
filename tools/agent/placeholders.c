/* Placeholders in values.
 *
 * Happy path: text up to "${" is copied, the name up to "}" is looked up, and so on. Failure modes:
 * a name that nothing gives a value, a place to look that is not known, a missing brace: each is a
 * sentence. What a placeholder stands for is not looked through for others. */
#include "tools/agent/placeholders.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/agent/config_filter.h"
#include "tools/text_file.h"

static bool placeholders_begins(const char *name, const char *prefix, const char **rest)
{
    size_t len = strlen(prefix);
    if (strncmp(name, prefix, len) != 0)
        return false;
    *rest = name + len;
    return true;
}

/* The text of a file, without a newline at its end. */
static char *placeholders_file(const char *rest)
{
    const char *path = strchr(rest, ':'); /* behind the charset */
    size_t len;
    char *text = path ? text_file_read(path + 1, &len) : NULL;
    while (text && len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    return text;
}

/* In fresh memory; NULL when nothing gives it a value. */
static char *placeholders_look(const char *name, const struct placeholders *from,
                               struct buf *problem)
{
    const char *rest, *found;
    if (config_filter_is_asked(name))
        return config_filter_look(from->lines, from->agent, name, problem);
    if (placeholders_begins(name, "env:", &rest))
        found = getenv(rest);
    else if (placeholders_begins(name, "sys:", &rest))
        found = props_get(from->system, rest);
    else if (placeholders_begins(name, "file:", &rest))
        return placeholders_file(rest);
    else if (strchr(name, ':')) {
        buf_printf(problem, "${%s}: only env:, sys: and file:UTF-8: are known here", name);
        return NULL;
    } else if (!(found = props_get(from->lines, name)) && !(found = props_get(from->system, name)))
        found = getenv(name);
    return found ? mem_strdup(found) : NULL;
}

/* What stands between the braces, of `len` bytes. */
static int placeholders_put(const char *inside, size_t len, const struct placeholders *from,
                            struct buf *out, struct buf *problem)
{
    char *name = mem_strndup(inside, len);
    char *otherwise = strstr(name, ":-");
    size_t before = problem->len;
    if (otherwise)
        *otherwise = '\0';
    char *value = placeholders_look(name, from, problem);
    if (value)
        buf_printf(out, "%s", value);
    else if (otherwise && problem->len == before)
        buf_printf(out, "%s", otherwise + 2);
    else if (problem->len == before)
        buf_printf(problem, "${%s} has no value: set it, or write ${%s:-otherwise}", name, name);
    mem_free(value);
    mem_free(name);
    return problem->len == before ? 0 : -1;
}

char *placeholders_fill(const char *value, const struct placeholders *from, struct buf *problem)
{
    struct buf out;
    int failed = 0;
    buf_init(&out);
    while (*value && !failed) {
        if (strncmp(value, "$${", 3) == 0) {
            buf_put(&out, "${", 2);
            value += 3;
        } else if (strncmp(value, "${", 2) == 0) {
            const char *end = strchr(value, '}');
            if (!end) {
                buf_printf(problem, "\"%s\" has no closing brace: $${ is ${ itself", value);
                failed = -1;
                break;
            }
            failed = placeholders_put(value + 2, (size_t)(end - value) - 2, from, &out, problem);
            value = end + 1;
        } else {
            buf_put(&out, value++, 1);
        }
    }
    char *filled = failed ? NULL : mem_strdup(buf_text(&out));
    buf_close(&out);
    return filled;
}
