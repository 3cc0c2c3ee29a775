/* kafka-groups: the groups of all kinds.
 *
 * Happy path: every broker lists the groups that it coordinates; the filters choose among them.
 * Failure modes: a broker that does not answer, one line on stdout and status 1. */
#include <string.h>

#include "base/err.h"
#include "tools/group_client.h"
#include "tools/report.h"
#include "tools/tools.h"

enum { GROUPS_TIMEOUT_MS = 30000, GROUPS_WIDTH = 20 };

static const struct option_row groups_options[] = {
    OPTION("list", NULL, "List the groups."),
    TOOL_CONNECT_OPTIONS,
    OPTION("group-type", "classic|consumer|share|streams", "Only groups of this type."),
    OPTION("protocol", "P", "Only groups of this protocol."),
    OPTION("consumer", NULL, "Only groups of consumers, of both protocols."),
    OPTION("share", NULL, "Only share groups."),
    OPTION("streams", NULL, "Only streams groups."),
    REPORT_OPTION,
    TOOL_LAST_OPTIONS,
};

static const struct {
    const char *wire, *shown;
} groups_types[] = {
    {"classic", "Classic"},
    {"consumer", "Consumer"},
    {"share", "Share"},
    {"streams", "Streams"},
};

static const char *groups_type(const struct group_listed *group)
{
    for (size_t i = 0; group->type && i < ARRAY_LEN(groups_types); i++)
        if (strcmp(groups_types[i].wire, group->type) == 0)
            return groups_types[i].shown;
    return NULL;
}

static bool groups_is(const struct group_listed *group, const char *type)
{
    return group->type && strcasecmp(group->type, type) == 0;
}

static bool groups_is_consumer(const struct group_listed *group)
{
    const char *protocol = group->protocol ? group->protocol : "";
    return groups_is(group, "consumer") || strcmp(protocol, "consumer") == 0 || protocol[0] == '\0';
}

static bool groups_wants(const struct options *options, const struct group_listed *group)
{
    const char *type = options_get(options, "group-type");
    const char *protocol = options_get(options, "protocol");
    if (type && !groups_is(group, type))
        return false;
    if (protocol && strcmp(protocol, group->protocol ? group->protocol : "") != 0)
        return false;
    if (options_has(options, "consumer"))
        return groups_is_consumer(group);
    if (options_has(options, "share"))
        return groups_is(group, "share");
    return !options_has(options, "streams") || groups_is(group, "streams");
}

/* The columns have one width, that of the widest of all cells. */
static int groups_width(const struct options *options, const struct group_list *list)
{
    size_t width = GROUPS_WIDTH;
    for (size_t i = 0; i < list->count; i++) {
        const struct group_listed *group = &list->items[i];
        if (groups_wants(options, group) && strlen(group->id) > width)
            width = strlen(group->id);
        if (groups_wants(options, group) && group->protocol && strlen(group->protocol) > width)
            width = strlen(group->protocol);
    }
    return (int)width;
}

static void groups_print(const struct tool_run *run, const struct group_list *list)
{
    int width = groups_width(run->options, list);
    const struct report_column columns[] = {{"group", "GROUP", width, NULL},
                                            {"type", "TYPE", width, NULL},
                                            {"protocol", "PROTOCOL", width, ""},
                                            REPORT_END};
    struct report *report = report_new("groups");
    report_columns(report, columns);
    report_style(report, TABLE_PADDED);
    for (size_t i = 0; i < list->count; i++) {
        const struct group_listed *group = &list->items[i];
        if (!groups_wants(run->options, group))
            continue;
        report_text(report, group->id);
        report_text(report, groups_type(group));
        report_text(report, group->protocol);
    }
    report_print(report, report_format(run), stdout);
    report_free(report);
}

static int groups_check(struct tool_run *run)
{
    const char *type = options_get(run->options, "group-type");
    int filters = options_has(run->options, "consumer") + options_has(run->options, "share") +
                  options_has(run->options, "streams");
    bool known = !type;
    if (!options_has(run->options, "list"))
        return tool_misuse(run, "give --list");
    if (filters + (type || options_has(run->options, "protocol")) > 1)
        return tool_misuse(run, "give --consumer, --share or --streams alone, without --group-type "
                                "and --protocol");
    for (size_t i = 0; type && i < ARRAY_LEN(groups_types); i++)
        known |= strcasecmp(groups_types[i].wire, type) == 0;
    return known
               ? 0
               : tool_misuse(run, "--group-type %s: write classic, consumer, share, streams", type);
}

static int groups_run(struct tool_run *run)
{
    struct group_client client;
    struct group_list list;
    if (groups_check(run) || tool_connect(run))
        return 1;
    group_client_init(&client, run, GROUPS_TIMEOUT_MS);
    int err = group_client_list(&client, NULL, NULL, &list);
    if (err)
        fprintf(report_format(run) == REPORT_KAFKA ? stdout : stderr, "Error: %s\n",
                client_problem(run->client));
    else
        groups_print(run, &list);
    group_list_free(&list);
    group_client_close(&client);
    return err ? 1 : 0;
}

const struct tool tool_groups = {
    .name = "groups",
    .link = "kafka-groups",
    .synopsis = "--bootstrap-server HOST:PORT --list [--group-type TYPE] [--protocol P]",
    .summary = "List the groups of all kinds.",
    .options = groups_options,
    .run = groups_run,
};
