/* Questions to a voter's address.
 *
 * Happy path: dial, ask about all who wait, hand on the one that is genuine, close the others.
 *
 * Failure modes: no answer within ANSWER_MS, or a dial that fails, closes all who wait for it; the
 * real one dials again. There is one question at a time and PAUSE_MS between two, so however many
 * liars come, the voter is asked no more often; who comes meanwhile is in the next question. Of
 * more than WAITING_MAX the newest is closed. */
#include "controller/raft_ask.h"

#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/plural.h"
#include "meta/channel.h"

enum {
    DIAL_MS = 300,
    ANSWER_MS = 1000,
    PAUSE_MS = 20,
    WAITING_MAX = 64,
    TELL_MS = 10000 /* between two lines of the log, which say how many they were */
};

/* Somebody said Hello. */
struct claim {
    struct list link;
    struct raft_ask *ask;
    struct link *line;
    struct uuid incarnation;
};

struct raft_ask {
    struct env *env;
    struct logger *logger;
    struct controller_voter voter; /* with its own copy of the host */
    const struct raft_ask_handlers *handlers;
    void *data;
    struct list waiting; /* claims for the next question, oldest first */
    struct list asked;   /* claims that the question is about */
    int count;           /* of both */
    struct env_connect *dial;
    struct link *question;  /* the timer ends it */
    struct env_timer timer; /* without a question: the pause before the next one */
    bool pausing;
    int refused; /* since the last line about that */
    int64_t told_ms;
};

static void claim_free(struct claim *claim)
{
    ASSERT(claim->ask->count > 0);
    list_remove(&claim->link);
    claim->ask->count--;
    mem_free(claim);
}

static void claim_close(struct claim *claim)
{
    struct link *line = claim->line;
    ASSERT(line != NULL);
    claim_free(claim);
    link_close(line);
}

/* The link is paused. */
static void claim_frame(void *owner, struct link *line, Meta__Frame *frame)
{
    (void)owner, (void)line;
    meta__frame__free_unpacked(frame, NULL);
}

static void claim_broken(void *owner, struct link *line, int err)
{
    (void)line, (void)err;
    claim_close(owner);
}

static const struct link_handlers claim_handlers = {.frame = claim_frame, .broken = claim_broken};

static void close_claims(struct list *claims)
{
    while (!list_empty(claims))
        claim_close(LIST_ENTRY(claims->next, struct claim, link));
}

static void tell_refused(struct raft_ask *ask, int count, const struct link *last, const char *why)
{
    int64_t now_ms = env_now_ms(ask->env);
    ASSERT(count > 0);
    ASSERT(last != NULL);
    ask->refused += count;
    if (now_ms - ask->told_ms < TELL_MS)
        return;
    logger_warn(ask->logger,
                "refused %d connection%s in the name of voter %d, the last one from %s: "
                "the process at %s:%u %s",
                ask->refused, plural(ask->refused, "", "s"), ask->voter.id, link_peer(last),
                ask->voter.host, ask->voter.port, why);
    ask->refused = 0;
    ask->told_ms = now_ms;
}

static void refuse_asked(struct raft_ask *ask, const char *why)
{
    int count = 0;
    const struct claim *last = NULL;
    LIST_EACH(step, &ask->asked) {
        last = LIST_ENTRY(step, struct claim, link);
        count++;
    }
    if (last)
        tell_refused(ask, count, last->line, why);
    close_claims(&ask->asked);
    ASSERT(list_empty(&ask->asked));
}

static void ask_end(struct raft_ask *ask, const char *why)
{
    ASSERT(ask->dial == NULL);
    ASSERT(!ask->pausing);
    if (ask->question)
        link_close(ask->question);
    ask->question = NULL;
    refuse_asked(ask, why);
    ask->pausing = true;
    env_timer_start(&ask->timer, PAUSE_MS);
}

/* The newest claim with the incarnation that is the voter's own. */
static struct claim *find_genuine(struct raft_ask *ask, const Meta__Identity *identity)
{
    struct claim *found = NULL;
    struct uuid own;
    if (identity->incarnation.len != sizeof(own.bytes))
        return NULL;
    memcpy(own.bytes, identity->incarnation.data, sizeof(own.bytes));
    LIST_EACH(step, &ask->asked) {
        struct claim *claim = LIST_ENTRY(step, struct claim, link);
        if (uuid_equal(&claim->incarnation, &own))
            found = claim;
    }
    return found;
}

static void question_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    struct raft_ask *ask = owner;
    ASSERT(ask->question == link);
    (void)link;
    if (frame->body_case != META__FRAME__BODY_IDENTITY) {
        ask_end(ask, "answers something else than was asked");
        meta__frame__free_unpacked(frame, NULL);
        return;
    }
    struct claim *genuine = find_genuine(ask, frame->identity);
    struct link *line = genuine ? genuine->line : NULL;
    struct uuid incarnation = genuine ? genuine->incarnation : (struct uuid){{0}};
    meta__frame__free_unpacked(frame, NULL);
    if (genuine)
        claim_free(genuine);
    ask_end(ask, "is another one");
    if (!line)
        return;
    link_pause(line, false);
    ask->handlers->genuine(ask->data, line, &incarnation);
}

static void question_broken(void *owner, struct link *link, int err)
{
    ASSERT(((struct raft_ask *)owner)->question == link);
    (void)link, (void)err;
    ask_end(owner, "did not answer whether they are its own");
}

static const struct link_handlers question_handlers = {.frame = question_frame,
                                                       .broken = question_broken};

static void send_question(struct raft_ask *ask)
{
    Meta__Identify identify = META__IDENTIFY__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    ASSERT(ask->question != NULL);
    ASSERT(list_empty(&ask->asked));
    ProtobufCBinaryData incarnations[WAITING_MAX];
    list_splice(&ask->asked, &ask->waiting);
    LIST_EACH(step, &ask->asked) {
        struct claim *claim = LIST_ENTRY(step, struct claim, link);
        incarnations[identify.n_incarnations++] =
            (ProtobufCBinaryData){sizeof(claim->incarnation.bytes), claim->incarnation.bytes};
    }
    ASSERT(identify.n_incarnations <= WAITING_MAX);
    identify.incarnations = incarnations;
    frame.body_case = META__FRAME__BODY_IDENTIFY;
    frame.identify = &identify;
    link_send(ask->question, &frame);
    env_timer_start(&ask->timer, ANSWER_MS);
}

static void on_dialled(void *data, int status, struct env_stream *stream)
{
    struct raft_ask *ask = data;
    ASSERT(ask->question == NULL);
    ASSERT(!ask->pausing);
    ASSERT((status == 0) == (stream != NULL));
    ask->dial = NULL;
    if (status) {
        list_splice(&ask->asked, &ask->waiting);
        ask_end(ask, status == ERR_REFUSED ? "is gone" : "can't be asked");
        if (status == ERR_REFUSED)
            ask->handlers->gone(ask->data);
        return;
    }
    ask->question = link_new(ask->env, stream, CHANNEL_HELLO_MAX, &question_handlers, ask);
    send_question(ask);
}

static void dial(struct raft_ask *ask)
{
    ASSERT(ask->dial == NULL);
    ASSERT(ask->question == NULL);
    ASSERT(!ask->pausing);
    int err = env_connect(ask->env, ask->voter.host, ask->voter.port, DIAL_MS, on_dialled, ask,
                          &ask->dial);
    if (!err)
        return;
    ask->dial = NULL;
    list_splice(&ask->asked, &ask->waiting);
    ask_end(ask, "can't be asked");
}

static void on_timer(void *data)
{
    struct raft_ask *ask = data;
    ASSERT(ask->dial == NULL);
    ASSERT(ask->pausing == (ask->question == NULL));
    ask->pausing = false;
    if (ask->question)
        ask_end(ask, "did not answer in time whether they are its own");
    else if (!list_empty(&ask->waiting))
        dial(ask);
}

/* ---- from outside ---- */

struct raft_ask *raft_ask_new(struct env *env, struct logger *logger,
                              const struct controller_voter *voter,
                              const struct raft_ask_handlers *handlers, void *data)
{
    struct raft_ask *ask = mem_alloc(sizeof(*ask));
    ASSERT(handlers->genuine != NULL);
    ASSERT(handlers->gone != NULL);
    ASSERT(voter->host != NULL);
    ask->env = env;
    ask->logger = logger;
    ask->voter = *voter;
    ask->voter.host = mem_strdup(voter->host);
    ask->handlers = handlers;
    ask->data = data;
    ask->told_ms = env_now_ms(env) - TELL_MS;
    list_init(&ask->waiting);
    list_init(&ask->asked);
    env_timer_init(env, &ask->timer, on_timer, ask);
    return ask;
}

void raft_ask_about(struct raft_ask *ask, struct link *link, const struct uuid *incarnation)
{
    ASSERT(ask->count >= 0);
    ASSERT(ask->count <= WAITING_MAX);
    if (ask->count == WAITING_MAX) {
        tell_refused(ask, 1, link, "is asked about too many others");
        link_close(link);
        return;
    }
    struct claim *claim = mem_alloc(sizeof(*claim));
    claim->ask = ask;
    claim->line = link;
    claim->incarnation = *incarnation;
    list_push(&ask->waiting, &claim->link);
    ask->count++;
    ASSERT(ask->count <= WAITING_MAX);
    link_set_owner(link, CHANNEL_HELLO_MAX, &claim_handlers, claim);
    link_pause(link, true);
    if (!ask->dial && !ask->question && !ask->pausing)
        dial(ask);
}

void raft_ask_stop(struct raft_ask *ask)
{
    if (ask->dial)
        env_connect_cancel(ask->dial);
    ask->dial = NULL;
    if (ask->question)
        link_close(ask->question);
    ask->question = NULL;
    env_timer_stop(&ask->timer);
    ask->pausing = false;
    close_claims(&ask->waiting);
    close_claims(&ask->asked);
    ASSERT(ask->count == 0);
}

void raft_ask_free(struct raft_ask *ask)
{
    if (!ask)
        return;
    raft_ask_stop(ask);
    mem_free((char *)(uintptr_t)ask->voter.host);
    mem_free(ask);
}
