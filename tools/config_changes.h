/* What kafka-configs --alter is to change: --add-config, --add-config-file, --delete-config. */
#ifndef TOOLS_CONFIG_CHANGES_H
#define TOOLS_CONFIG_CHANGES_H

#include "kafka/messages/incremental_alter_configs.h"
#include "tools/tool.h"

enum { CONFIG_CHANGES_ROWS = 1000 };
/* The operations of IncrementalAlterConfigs. */
enum { CONFIG_CHANGE_SET = 0, CONFIG_CHANGE_DELETE = 1 };

struct config_changes {
    struct incremental_alter_configs_request_alterable_config rows[CONFIG_CHANGES_ROWS];
    int count;
    struct props file; /* of --add-config-file */
};

/* 0, or 1 with the message printed; to be closed in either case. */
int config_changes_read(const struct tool_run *run, struct config_changes *changes);
void config_changes_close(struct config_changes *changes);

#endif
