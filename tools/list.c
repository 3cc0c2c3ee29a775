/* The list of tools, for those that go through it: main.c, the completion, the manual pages. */
#include "tools/tools.h"

const struct tool *const tools_all[] = {
#define LIST_ROW(row) &row,
    TOOLS_LIST(LIST_ROW)
#undef LIST_ROW
};
const size_t tools_count = ARRAY_LEN(tools_all);
