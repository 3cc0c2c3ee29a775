/* States: a table of names and allowed moves, and the one way from a state into another.
 *
 * Who has states lists them in an enum that begins with 0, with a row for each in a table, and has
 * one function `x_move` that uses a macro of these; nothing else assigns the state (`make tidy`
 * checks that). Memory from mem_alloc is in the first state. A move that has no bit in the table
 * is a bug of ours and ends the process, as a failed ASSERT does; one that a peer or a disk can
 * cause twice has the bit of its own state.
 *
 *     static const struct state_row door_states[] = {
 *         [DOOR_CLOSED] = {"closed", STATE_BIT(DOOR_OPEN)},
 *         [DOOR_OPEN] = {"open", STATE_BIT(DOOR_CLOSED)},
 *     };
 *
 *     static void door_move(struct door *door, enum door_state to)
 *     {
 *         STATE_MOVE_TOLD(door_states, door->state, to, door->logger, LOGGER_DEBUG, "door %d",
 *                         door->number);
 *         door_check(door);
 *     } */
#ifndef BASE_STATE_H
#define BASE_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/logger.h"

enum { STATE_MAX = 32 }; /* states of a table: the bits of a row */

struct state_row {
    const char *name; /* for the log */
    unsigned next;    /* STATE_BIT of each state that may follow */
};

#define STATE_BIT(state) (1u << (state))

static inline bool state_may_move(const struct state_row *row, unsigned to)
{
    return (row->next & STATE_BIT(to)) != 0;
}

/* Ends the process with both names, as a failed ASSERT does. */
_Noreturn void state_move_failed(const struct state_row *from, const struct state_row *to,
                                 const char *file, int line);

static inline void state_check_move(const struct state_row *rows, size_t count, unsigned from,
                                    unsigned to, const char *file, int line)
{
    ASSERT(count <= STATE_MAX);
    ASSERT(from < count);
    ASSERT(to < count);
    if (__builtin_expect(!state_may_move(&rows[from], to), 0))
        state_move_failed(&rows[from], &rows[to], file, line);
}

/* The inside of x_move where no logger is at hand, or a line for each would be too many. `state` is
 * the member that is moved; it is named twice. */
#define STATE_MOVE(rows, state, to)                                                                \
    do {                                                                                           \
        state_check_move(rows, ARRAY_LEN(rows), state, to, __FILE__, __LINE__);                    \
        (state) = (to);                                                                            \
    } while (0)

/* The same with a line "<what>: <from> -> <to>"; `what` is a format, what follows its arguments. */
#define STATE_MOVE_TOLD(rows, state, to, logger, level, what, ...)                                 \
    do {                                                                                           \
        state_check_move(rows, ARRAY_LEN(rows), state, to, __FILE__, __LINE__);                    \
        LOGGER_AT(logger, level, what ": %s -> %s", ##__VA_ARGS__, (rows)[state].name,             \
                  (rows)[to].name);                                                                \
        (state) = (to);                                                                            \
    } while (0)

#endif
