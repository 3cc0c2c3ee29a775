/* Rules of topic names. They become directory names, so the set of characters is small. */
#include "broker/handlers/topic_name.h"

#include <ctype.h>

#include "base/err.h"

int topic_name_check(struct wire_str name)
{
    if (name.len <= 0 || name.len > TOPIC_NAME_MAX || wire_str_is(name, ".") ||
        wire_str_is(name, ".."))
        return ERR_INVALID_TOPIC_EXCEPTION;
    for (int32_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c >= 0x80 || (!isalnum(c) && c != '.' && c != '_' && c != '-'))
            return ERR_INVALID_TOPIC_EXCEPTION;
    }
    return 0;
}

bool topic_name_is_internal(struct wire_str name)
{
    return wire_str_is(name, "__consumer_offsets") || wire_str_is(name, "__transaction_state") ||
           wire_str_is(name, "__share_group_state");
}
