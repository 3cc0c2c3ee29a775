/* Rules of topic names, as a broker checks them before it asks the controller. */
#ifndef BROKER_HANDLERS_TOPIC_NAME_H
#define BROKER_HANDLERS_TOPIC_NAME_H

#include <stdbool.h>

#include "base/check.h"
#include "wire/str.h"

enum { TOPIC_NAME_MAX = 249 }; /* with "-" and a partition number it still fits a file name */

/* 0, or ERR_INVALID_TOPIC_EXCEPTION: empty, too long, "." or "..", or a character other than
 * letters, digits, '.', '_' and '-'. */
int topic_name_check(struct wire_str name) MUST_CHECK;
/* Topics that brokers keep for themselves. */
bool topic_name_is_internal(struct wire_str name);

#endif
