/* States: a move that the table has, with its line, and one that it has not. */
#include "base/state.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

enum door_state { DOOR_CLOSED, DOOR_OPEN, DOOR_GONE };

struct door {
    enum door_state state;
    struct logger logger;
    char line[128];
};

static const struct state_row door_states[] = {
    [DOOR_CLOSED] = {"closed", STATE_BIT(DOOR_OPEN) | STATE_BIT(DOOR_GONE)},
    [DOOR_OPEN] = {"open", STATE_BIT(DOOR_CLOSED) | STATE_BIT(DOOR_OPEN)},
    [DOOR_GONE] = {"gone", 0},
};

static void state_door_move(struct door *door, enum door_state to)
{
    STATE_MOVE_TOLD(door_states, door->state, to, &door->logger, LOGGER_DEBUG, "door %d", 7);
}

static void state_sink(void *data, const char *line, int len)
{
    struct door *door = data;
    snprintf(door->line, sizeof(door->line), "%.*s", len, line);
}

static void state_door_init(struct door *door, enum logger_level level)
{
    *door = (struct door){0};
    logger_init(&door->logger, "test", NULL, NULL);
    door->logger.level = level;
    door->logger.sink = state_sink;
    door->logger.sink_data = door;
}

static void state_moves_by_its_table(void)
{
    struct door door;
    state_door_init(&door, LOGGER_DEBUG);
    state_door_move(&door, DOOR_OPEN);
    CHECK_INT(door.state, DOOR_OPEN);
    CHECK(strstr(door.line, "door 7: closed -> open"));
    state_door_move(&door, DOOR_OPEN); /* this one may be said twice */
    state_door_move(&door, DOOR_CLOSED);
    CHECK_INT(door.state, DOOR_CLOSED);
}

static void state_without_a_level_moves_in_silence(void)
{
    struct door door;
    state_door_init(&door, LOGGER_INFO);
    state_door_move(&door, DOOR_OPEN);
    STATE_MOVE(door_states, door.state, DOOR_CLOSED);
    CHECK_INT(door.state, DOOR_CLOSED);
    CHECK_STR(door.line, "");
}

/* What the process says that makes this move. */
static void state_dying_words(enum door_state to, char *words, size_t size)
{
    int pipes[2];
    CHECK_INT(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        struct door door;
        state_door_init(&door, LOGGER_INFO);
        dup2(pipes[1], STDERR_FILENO);
        state_door_move(&door, DOOR_GONE);
        state_door_move(&door, to);
        _exit(0);
    }
    close(pipes[1]);
    ssize_t got = read(pipes[0], words, size - 1);
    words[got > 0 ? got : 0] = '\0';
    close(pipes[0]);
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_INT(WTERMSIG(status), SIGABRT);
}

static void state_refuses_other_moves(void)
{
    char words[256];
    state_dying_words(DOOR_OPEN, words, sizeof(words));
    CHECK(strstr(words, "no move from state gone to open"));
    state_dying_words(DOOR_GONE, words, sizeof(words));
    CHECK(strstr(words, "no move from state gone to gone"));
}

TAP_MAIN(TAP_TEST(state_moves_by_its_table), TAP_TEST(state_without_a_level_moves_in_silence),
         TAP_TEST(state_refuses_other_moves))
