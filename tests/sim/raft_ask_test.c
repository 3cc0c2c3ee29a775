/* Who says Hello in a voter's name is believed when the process at the voter's address says so. */
#include "../unit/tap.h"

#include <string.h>

#include "base/check.h"
#include "controller/consensus.h"
#include "meta/channel.h"
#include "raft_puppets.h"

enum { LIARS = 20, STEP_MS = 10 };

static struct puppet liars[LIARS];
static int lies;

/* The library itself forgets a few bytes when it is closed while a snapshot is being installed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft.so\n";
}

/* ---- liars: a host that says Hello as voter 1, each time with another incarnation ---- */

static void begin_lies(void)
{
    struct sim_node *node = sim_node_new(sim, "liar");
    struct env *env = sim_env_new(node);
    lies = 0;
    for (int i = 0; i < LIARS; i++) {
        memset(&liars[i], 0, sizeof(liars[i]));
        liars[i].id = puppets[0].id;
        liars[i].node = node;
        liars[i].env = env;
    }
}

static void lie(int count)
{
    for (int i = 0; i < count; i++) {
        struct puppet *liar = &liars[i];
        if (liar->out || liar->dial)
            continue;
        lies++;
        memset(liar->incarnation.bytes, 0xee, sizeof(liar->incarnation.bytes));
        memcpy(liar->incarnation.bytes, &lies, sizeof(lies));
        puppet_dial(liar);
    }
}

static int lines_of_liars(void)
{
    int count = 0;
    for (int i = 0; i < LIARS; i++)
        count += liars[i].out != NULL;
    return count;
}

static void end_lies(void)
{
    for (int i = 0; i < LIARS; i++) {
        puppet_forget(&liars[i]);
        if (liars[i].dial)
            env_connect_cancel(liars[i].dial);
        if (liars[i].out)
            link_close(liars[i].out);
    }
}

/* ---- voter 1 leads ---- */

/* An entry, so that it is seen in node 0 that it was heard. */
static void lead_for(int ms, int count_of_liars)
{
    for (int at = 0; at < ms; at += STEP_MS) {
        uint64_t last = (uint64_t)consensus_next_index(controller->consensus) - 1;
        if (puppets[0].out)
            say_append(&puppets[0], 3, last, last == 1 ? 1 : 3, 3, 1, last);
        lie(count_of_liars);
        sim_run_for(sim, STEP_MS * MS);
    }
}

static int elections_asked_for(void)
{
    return puppet_saw(&puppets[0], META__FRAME__BODY_REQUEST_VOTE) +
           puppet_saw(&puppets[1], META__FRAME__BODY_REQUEST_VOTE);
}

static bool asks_for_election(void *data)
{
    (void)data;
    return elections_asked_for() > 0;
}

/* Voter 1's machine went away and is back: its old connections stand on node 0's side, and the
 * process that listens is another one. */
static void restart_behind_open_lines(void)
{
    puppets[0].incarnation.bytes[0] ^= 0x55;
    puppets[0].in = puppets[0].out = NULL; /* closed when node 0 ends them */
    puppet_forget(&puppets[0]);
    puppet_forget(&puppets[1]);
    puppet_dial(&puppets[0]);
}

/* What node 0 says about its peers goes here. */
static int lines;

static void count_line(void *data, const char *line, int len)
{
    (void)data, (void)line, (void)len;
    lines++;
}

static void begin_lines(void)
{
    struct logger *peer_logger = &controller->peer_lines.logger;
    lines = 0;
    peer_logger->level = LOGGER_WARN;
    peer_logger->sink = count_line;
}

/* ---- the tests ---- */

static void a_liar_changes_nothing(void)
{
    begin();
    begin_lies();
    lead_for(100, 0);
    const struct link *in = puppets[0].in, *out = puppets[0].out;
    int64_t next = consensus_next_index(controller->consensus);
    int asked = puppets[0].asked;
    begin_lines();
    lead_for(1000, LIARS);
    CHECK_INT(lines, 1);
    CHECK(lies > 10 * LIARS);
    CHECK_INT(elections_asked_for(), 0);
    CHECK(puppets[0].in == in && puppets[0].out == out);
    CHECK_INT(consensus_next_index(controller->consensus), next + 100);
    CHECK_INT(consensus_term(controller->consensus), 3);
    CHECK(puppets[0].asked - asked <= 1000 / 20 + 1); /* however many there are */
    lead_for(100, 0);
    CHECK_INT(lines_of_liars(), 0);
    end_lies();
    finish();
}

static void a_voter_restarts_behind_open_lines(void)
{
    begin();
    begin_lies();
    lead_for(100, 0);
    int64_t next = consensus_next_index(controller->consensus);
    restart_behind_open_lines();
    /* It led: node 0 asks for an election at once, and not after the timeout of 300 ms or more. */
    CHECK(sim_run_until(sim, asks_for_election, NULL, sim_now_us(sim) + 100 * MS));
    lead_for(100, 0);
    CHECK(puppets[0].in && puppets[0].out);
    CHECK_INT(consensus_next_index(controller->consensus), next + 10);
    end_lies();
    finish();
}

static void a_voter_gets_in_among_liars(void)
{
    begin();
    begin_lies();
    lead_for(100, 0);
    lead_for(100, LIARS);
    restart_behind_open_lines();
    for (int at = 0; at < 100; at += STEP_MS) {
        lie(LIARS);
        sim_run_for(sim, STEP_MS * MS);
    }
    CHECK(puppets[0].in && puppets[0].out);
    int64_t next = consensus_next_index(controller->consensus);
    lead_for(100, LIARS);
    CHECK_INT(consensus_next_index(controller->consensus), next + 10);
    end_lies();
    finish();
}

/* Nothing listens at the voter's address, though the old connections stand. */
static void a_gone_process_is_noticed(void)
{
    begin();
    begin_lies();
    lead_for(100, 0);
    env_listener_close(puppets[0].listener);
    puppets[0].listener = NULL;
    puppet_forget(&puppets[1]);
    lie(1);
    CHECK(sim_run_until(sim, asks_for_election, NULL, sim_now_us(sim) + 100 * MS));
    end_lies();
    finish();
}

static void no_answer_changes_nothing(void)
{
    begin();
    begin_lies();
    lead_for(100, 0);
    const struct link *in = puppets[0].in, *out = puppets[0].out;
    puppets[0].mute = true;
    lead_for(20, LIARS);
    CHECK(lines_of_liars() > 0);
    lead_for(2500, 0);
    CHECK_INT(lines_of_liars(), 0);
    CHECK_INT(elections_asked_for(), 0);
    CHECK(puppets[0].in == in && puppets[0].out == out);
    end_lies();
    finish();
}

TAP_MAIN(TAP_TEST(a_liar_changes_nothing), TAP_TEST(a_voter_restarts_behind_open_lines),
         TAP_TEST(a_voter_gets_in_among_liars), TAP_TEST(a_gone_process_is_noticed),
         TAP_TEST(no_answer_changes_nothing))
