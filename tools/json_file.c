/* Failure modes: no file, no JSON, another version, no list of that name. */
#include "tools/json_file.h"

#include <errno.h>
#include <string.h>

json_t *json_file_read(const struct tool_run *run, const char *option)
{
    const char *path = options_get(run->options, option);
    json_error_t problem;
    FILE *file = fopen(path, "r");
    if (!file) {
        tool_fail(run, "--%s %s: it can't be read (%s): check the path", option, path,
                  strerror(errno));
        return NULL;
    }
    json_t *root = json_loadf(file, 0, &problem);
    fclose(file);
    if (!root)
        tool_fail(run, "--%s %s line %d, column %d: this is no JSON (%s)", option, path,
                  problem.line, problem.column, problem.text);
    return root;
}

const json_t *json_file_list(const struct tool_run *run, const char *option, const json_t *root,
                             const char *name, const char *shape)
{
    const json_t *version = json_object_get(root, "version");
    const json_t *list = json_object_get(root, name);
    if (version && json_integer_value(version) != 1) {
        tool_misuse(run, "--%s %s: the only version of such files is 1", option,
                    options_get(run->options, option));
        return NULL;
    }
    if (json_is_array(list))
        return list;
    json_file_refuse(run, option, shape);
    return NULL;
}

int json_file_refuse(const struct tool_run *run, const char *option, const char *shape)
{
    return tool_misuse(run, "--%s %s: write %s", option, options_get(run->options, option), shape);
}
