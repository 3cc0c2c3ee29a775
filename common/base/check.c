/* Assertions: the one place where a broken rule of our own ends the process. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "millrace: assertion failed: %s at %s:%d; this is a bug, please report it\n",
            condition, file, line);
    abort();
}
