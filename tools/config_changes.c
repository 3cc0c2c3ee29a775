/* Failure modes: a pair without a name or a value, a file that can't be read, nothing to change. */
#include "tools/config_changes.h"

#include <string.h>

static int config_changes_add(const struct tool_run *run, struct config_changes *changes,
                              int8_t operation, struct wire_str name, struct wire_str value)
{
    if (changes->count == CONFIG_CHANGES_ROWS)
        return tool_fail(run, "more than %d settings at a time: make some first",
                         CONFIG_CHANGES_ROWS);
    changes->rows[changes->count++] =
        (struct incremental_alter_configs_request_alterable_config){name, operation, value};
    return 0;
}

/* "k=v,k=[a,b]" */
static int config_changes_add_pairs(const struct tool_run *run, struct config_changes *changes,
                                    const char *text)
{
    while (*text) {
        const char *equals = strchr(text, '=');
        if (!equals || equals == text)
            return tool_misuse(run, "--add-config %s: write it as name=value,name=[a,b]", text);
        const char *value = equals + 1;
        const char *close = *value == '[' ? strchr(value, ']') : NULL;
        if (close)
            value++;
        size_t len = close ? (size_t)(close - value) : strcspn(value, ",");
        if (config_changes_add(run, changes, CONFIG_CHANGE_SET,
                               wire_str_of(text, (size_t)(equals - text)), wire_str_of(value, len)))
            return 1;
        text = value + len + (close ? 1 : 0);
        text += *text == ',';
    }
    return 0;
}

static int config_changes_add_file(const struct tool_run *run, struct config_changes *changes)
{
    struct tool_run file = *run; /* what is in it is no setting of this client */
    props_init(&file.props);
    int err = tool_read_props(&file, "add-config-file");
    changes->file = file.props;
    for (size_t i = 0; !err && i < changes->file.count; i++)
        err = config_changes_add(run, changes, CONFIG_CHANGE_SET,
                                 wire_str_from(changes->file.entries[i].key),
                                 wire_str_from(changes->file.entries[i].value));
    return err;
}

int config_changes_read(const struct tool_run *run, struct config_changes *changes)
{
    const char *pairs, *names = options_get(run->options, "delete-config");
    size_t cursor = 0;
    changes->count = 0;
    props_init(&changes->file);
    while ((pairs = options_next(run->options, "add-config", &cursor)))
        if (config_changes_add_pairs(run, changes, pairs))
            return 1;
    if (options_has(run->options, "add-config-file") && config_changes_add_file(run, changes))
        return 1;
    while (names && *names) {
        size_t len = strcspn(names, ",");
        if (len > 0 && config_changes_add(run, changes, CONFIG_CHANGE_DELETE,
                                          wire_str_of(names, len), WIRE_STR_NULL))
            return 1;
        names += len + (names[len] == ',');
    }
    if (changes->count > 0)
        return 0;
    return tool_misuse(run, "--alter needs --add-config, --add-config-file or --delete-config");
}

void config_changes_close(struct config_changes *changes)
{
    props_close(&changes->file);
}
