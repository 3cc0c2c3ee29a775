/* The list of types as an array, for those that go through it. */
#include "tools/agent/types.h"

const struct part_type *const agent_types[] = {
#define TYPES_ROW(row)   &row.part,
#define TYPES_PLAIN(row) &row,
    AGENT_SOURCE_TYPES(TYPES_ROW) AGENT_CHANNEL_TYPES(TYPES_ROW) AGENT_SINK_TYPES(TYPES_ROW)
        AGENT_INTERCEPTOR_TYPES(TYPES_ROW) AGENT_SELECTOR_TYPES(TYPES_PLAIN)
            AGENT_PROCESSOR_TYPES(TYPES_PLAIN)
#undef TYPES_ROW
#undef TYPES_PLAIN
};
const size_t agent_types_count = ARRAY_LEN(agent_types);
