/* States: how a move that no table allows ends the process. */
#include "base/state.h"

#include <stdio.h>

_Noreturn void state_move_failed(const struct state_row *from, const struct state_row *to,
                                 const char *file, int line)
{
    char text[160];
    snprintf(text, sizeof(text), "no move from state %s to %s", from->name, to->name);
    check_failed(text, file, line);
}
