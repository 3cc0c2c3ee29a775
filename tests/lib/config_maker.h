/* A node's settings, made in a test. What is refused aborts, with the sentence on stderr. */
#ifndef TESTS_LIB_CONFIG_MAKER_H
#define TESTS_LIB_CONFIG_MAKER_H

#include "base/props.h"
#include "config/config.h"

/* From the text of a settings file; the caller's to config_free. */
struct config *config_make(const char *text);
/* From settings one by one; closes them. */
struct config *config_make_from(struct props *props);

#endif
