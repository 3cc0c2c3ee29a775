/* Matching expressions on the pool: see the header.
 *
 * The names are copied into a catalogue once for each change, shared by all that is matched against
 * it. A job compiles the expression if need be and matches the next names; its end on the loop
 * notes how far it came. Failure modes: an expression that does not compile, or is too slow for
 * some name, is REFUSED: who waits hears it, and one that was loaded matches nothing from then on,
 * which is logged once. */
#include "broker/group/matcher.h"

#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/state.h"
#include "broker/group/group_manager.h"
#include "broker/group/topic_pattern.h"

struct catalogue {
    int32_t refs;
    uint64_t version; /* of the topics that it lists */
    size_t count;
    const char **names; /* into `text` */
    char *text;
};

struct expression {
    struct list link; /* in the matcher's queue while it has work to do */
    struct matcher *matcher;
    char *text;
    int32_t refs;
    enum expression_state state;
    bool queued;
    struct list waits;
    /* what it matches */
    struct catalogue *names;
    uint8_t *bits;
    size_t count;
    /* the look that is under way; the job's while one runs */
    struct topic_pattern *pattern;
    struct catalogue *next_names;
    uint8_t *next_bits;
    size_t next_count;
    size_t at;
    int err;
};

struct matcher {
    struct matcher_deps deps;
    struct map expressions; /* text -> struct expression */
    struct list queue;
    struct expression *running;
    struct catalogue *names; /* the newest */
    uint64_t version;
    size_t waiters;
    int64_t refreshed_ms;
    bool freed; /* lives on until its job is back */
    struct env_work work;
    struct env_timer refresh_timer;
    struct env_timer settle_timer;
    struct list settled; /* waits that are to be told */
};

static void expression_move(struct expression *expression, enum expression_state to)
{
    static const struct state_row states[] = {
        [EXPRESSION_WORKING] = {"working",
                                STATE_BIT(EXPRESSION_READY) | STATE_BIT(EXPRESSION_REFUSED)},
        /* It is matched again when topics come and go. */
        [EXPRESSION_READY] = {"ready", STATE_BIT(EXPRESSION_READY) | STATE_BIT(EXPRESSION_REFUSED)},
        [EXPRESSION_REFUSED] = {"refused", 0},
    };
    STATE_MOVE_TOLD(states, expression->state, to, expression->matcher->deps.logger, LOGGER_TRACE,
                    "topic expression %.100s", expression->text);
}

/* ---- the catalogue ---- */

static void catalogue_release(struct catalogue *catalogue)
{
    ASSERT(!catalogue || catalogue->refs > 0);
    if (!catalogue || --catalogue->refs > 0)
        return;
    mem_free(catalogue->names);
    mem_free(catalogue->text);
    mem_free(catalogue);
}

/* Internal topics are read by name only. */
static bool catalogue_lists(const struct image_topic *topic)
{
    return strcmp(topic->name, GROUP_OFFSETS_TOPIC) != 0 &&
           strcmp(topic->name, "__transaction_state") != 0;
}

static struct catalogue *catalogue_new(const struct image *image, uint64_t version)
{
    struct catalogue *catalogue = mem_alloc(sizeof(*catalogue));
    const struct image_topic *topic;
    size_t bytes = 1;
    size_t at = 0;
    size_t cursor = 0;
    while ((topic = image_next_topic(image, &cursor)))
        bytes += strlen(topic->name) + 1;
    catalogue->refs = 1;
    catalogue->version = version;
    catalogue->text = mem_alloc(bytes);
    catalogue->names = mem_alloc((image_topic_count(image) + 1) * sizeof(*catalogue->names));
    cursor = 0;
    while ((topic = image_next_topic(image, &cursor))) {
        size_t size = strlen(topic->name) + 1;
        if (!catalogue_lists(topic))
            continue;
        memcpy(catalogue->text + at, topic->name, size);
        catalogue->names[catalogue->count++] = catalogue->text + at;
        at += size;
    }
    return catalogue;
}

/* ---- waiting ---- */

static void matcher_tell(void *data)
{
    struct matcher *matcher = data;
    struct list now;
    struct list *step;
    list_init(&now);
    list_splice(&now, &matcher->settled);
    while ((step = list_pop(&now))) {
        struct expression_wait *wait = LIST_ENTRY(step, struct expression_wait, link);
        ASSERT(matcher->waiters > 0);
        matcher->waiters--;
        wait->settled(wait, matcher->freed);
    }
}

static void expression_settle(struct expression *expression)
{
    struct matcher *matcher = expression->matcher;
    if (list_empty(&expression->waits))
        return;
    list_splice(&matcher->settled, &expression->waits);
    env_timer_start(&matcher->settle_timer, 0);
}

void expression_wait(struct expression *expression, struct expression_wait *wait)
{
    struct matcher *matcher = expression->matcher;
    matcher->waiters++;
    list_push(&expression->waits, &wait->link);
    if (expression->state != EXPRESSION_WORKING)
        expression_settle(expression);
}

/* ---- work ---- */

static void matcher_pump(struct matcher *matcher);

static void expression_drop_look(struct expression *expression)
{
    if (expression->pattern)
        topic_pattern_free(expression->pattern);
    catalogue_release(expression->next_names);
    mem_free(expression->next_bits);
    expression->pattern = NULL;
    expression->next_names = NULL;
    expression->next_bits = NULL;
}

static void expression_enqueue(struct expression *expression)
{
    if (expression->queued || expression->state == EXPRESSION_REFUSED)
        return;
    expression->queued = true;
    list_push(&expression->matcher->queue, &expression->link);
}

static void expression_begin_look(struct expression *expression)
{
    struct matcher *matcher = expression->matcher;
    ASSERT(!expression->next_names);
    ASSERT(!expression->next_bits);
    if (!matcher->names)
        matcher->names = catalogue_new(matcher->deps.image(matcher->deps.data), matcher->version);
    expression->next_names = matcher->names;
    expression->next_names->refs++;
    expression->next_bits = mem_alloc(matcher->names->count / 8 + 1);
    expression->next_count = 0;
    expression->at = 0;
    expression->err = 0;
}

/* On the pool. */
static void expression_run(struct env_work *work)
{
    struct expression *expression = CONTAINER_OF(work, struct matcher, work)->running;
    const struct catalogue *names = expression->next_names;
    if (!expression->pattern)
        expression->err = topic_pattern_new(wire_str_from(expression->text), &expression->pattern);
    for (int n = 0; n < MATCHER_SLICE && !expression->err && expression->at < names->count; n++) {
        int found = topic_pattern_matches(expression->pattern, names->names[expression->at]);
        if (found < 0) {
            expression->err = found;
        } else if (found) {
            expression->next_bits[expression->at / 8] |= (uint8_t)(1u << expression->at % 8);
            expression->next_count++;
        }
        expression->at++;
    }
}

static void expression_refuse(struct expression *expression)
{
    struct matcher *matcher = expression->matcher;
    bool loaded = list_empty(&expression->waits);
    expression_drop_look(expression);
    catalogue_release(expression->names);
    mem_free(expression->bits);
    expression->names = NULL;
    expression->bits = NULL;
    expression->count = 0;
    expression_move(expression, EXPRESSION_REFUSED);
    if (loaded)
        logger_warn(matcher->deps.logger,
                    "the topic expression %.100s is not valid or takes too long to match: "
                    "it matches no topic; its consumers need another one",
                    expression->text);
    expression_settle(expression);
    matcher->deps.changed(matcher->deps.data);
}

/* Both matched the same topics, if also of the same catalogue. */
static bool expression_is_same(const struct expression *expression)
{
    size_t old = 0;
    size_t at = 0;
    if (!expression->names || expression->count != expression->next_count)
        return false;
    for (size_t i = 0; i < expression->next_names->count; i++) {
        if (!(expression->next_bits[i / 8] >> i % 8 & 1))
            continue;
        const char *name = expression_next(expression, &old);
        if (!name || strcmp(name, expression->next_names->names[i]) != 0)
            return false;
        at++;
    }
    return at == expression->count;
}

static void expression_take(struct expression *expression)
{
    struct matcher *matcher = expression->matcher;
    ASSERT(expression->next_names != NULL);
    ASSERT(expression->next_bits != NULL);
    ASSERT(expression->at == expression->next_names->count);
    ASSERT(expression->next_count <= expression->at);
    bool first = expression->state == EXPRESSION_WORKING;
    bool same = !first && expression_is_same(expression);
    catalogue_release(expression->names);
    mem_free(expression->bits);
    expression->names = expression->next_names;
    expression->bits = expression->next_bits;
    expression->count = expression->next_count;
    expression->next_names = NULL;
    expression->next_bits = NULL;
    expression_drop_look(expression);
    expression_move(expression, EXPRESSION_READY);
    expression_settle(expression);
    if (!same)
        matcher->deps.changed(matcher->deps.data);
    if (expression->names != matcher->names)
        expression_enqueue(expression);
}

static void expression_free(struct expression *expression)
{
    ASSERT(list_empty(&expression->waits));
    expression_drop_look(expression);
    catalogue_release(expression->names);
    mem_free(expression->bits);
    mem_free(expression->text);
    mem_free(expression);
}

static void matcher_close(struct matcher *matcher)
{
    catalogue_release(matcher->names);
    map_close(&matcher->expressions);
    mem_free(matcher);
}

static void expression_done(struct env_work *work)
{
    struct matcher *matcher = CONTAINER_OF(work, struct matcher, work);
    struct expression *expression = matcher->running;
    matcher->running = NULL;
    if (expression->refs == 0) {
        expression_free(expression);
    } else if (expression->err) {
        expression_refuse(expression);
    } else if (expression->at < expression->next_names->count) {
        expression_enqueue(expression); /* behind the others */
    } else {
        expression_take(expression);
    }
    if (matcher->freed)
        matcher_close(matcher);
    else
        matcher_pump(matcher);
}

static void matcher_pump(struct matcher *matcher)
{
    struct list *step = matcher->running || matcher->freed ? NULL : list_pop(&matcher->queue);
    if (!step)
        return;
    struct expression *expression = LIST_ENTRY(step, struct expression, link);
    expression->queued = false;
    matcher->running = expression;
    if (!expression->next_names)
        expression_begin_look(expression);
    env_work_submit_heavy(matcher->deps.env, &matcher->work, expression_run, expression_done);
}

/* ---- topics ---- */

static void matcher_refresh(void *data)
{
    struct matcher *matcher = data;
    struct expression *expression;
    size_t cursor = 0;
    matcher->refreshed_ms = env_now_ms(matcher->deps.env);
    if (matcher->expressions.count == 0)
        return;
    if (!matcher->names)
        matcher->names = catalogue_new(matcher->deps.image(matcher->deps.data), matcher->version);
    while ((expression = map_next(&matcher->expressions, &cursor, NULL, NULL)))
        if (expression != matcher->running)
            expression_enqueue(expression); /* a look that runs is followed by another one */
    matcher_pump(matcher);
}

void matcher_topics_changed(struct matcher *matcher)
{
    int64_t since_ms = env_now_ms(matcher->deps.env) - matcher->refreshed_ms;
    matcher->version++;
    catalogue_release(matcher->names);
    matcher->names = NULL;
    if (!env_timer_running(&matcher->refresh_timer))
        env_timer_start(&matcher->refresh_timer,
                        since_ms < MATCHER_REFRESH_MS ? MATCHER_REFRESH_MS - since_ms : 0);
}

/* ---- expressions ---- */

bool matcher_has_room(const struct matcher *matcher, struct wire_str text)
{
    return matcher->waiters < MATCHER_WAITERS_MAX &&
           (matcher->expressions.count < MATCHER_EXPRESSIONS_MAX ||
            map_get(&matcher->expressions, text.data, (size_t)text.len));
}

struct expression *matcher_use(struct matcher *matcher, struct wire_str text)
{
    struct expression *expression = map_get(&matcher->expressions, text.data, (size_t)text.len);
    if (!expression) {
        expression = mem_alloc(sizeof(*expression));
        expression->matcher = matcher;
        expression->text = wire_str_dup(text);
        list_init(&expression->waits);
        map_put(&matcher->expressions, text.data, (size_t)text.len, expression);
        expression_enqueue(expression);
        matcher_pump(matcher);
    }
    expression->refs++;
    return expression;
}

void matcher_release(struct expression *expression)
{
    struct matcher *matcher = expression->matcher;
    ASSERT(expression->refs > 0);
    if (--expression->refs > 0)
        return;
    map_del(&matcher->expressions, expression->text, strlen(expression->text));
    if (expression->queued)
        list_remove(&expression->link);
    expression->queued = false;
    if (expression != matcher->running)
        expression_free(expression);
}

enum expression_state expression_state(const struct expression *expression)
{
    return expression->state;
}

size_t expression_count(const struct expression *expression)
{
    return expression->count;
}

const char *expression_next(const struct expression *expression, size_t *cursor)
{
    size_t count = expression->names ? expression->names->count : 0;
    for (size_t i = *cursor; i < count; i++) {
        if (expression->bits[i / 8] >> i % 8 & 1) {
            *cursor = i + 1;
            return expression->names->names[i];
        }
    }
    *cursor = count;
    return NULL;
}

/* ---- life ---- */

struct matcher *matcher_new(const struct matcher_deps *deps)
{
    struct matcher *matcher = mem_alloc(sizeof(*matcher));
    matcher->deps = *deps;
    map_init(&matcher->expressions);
    list_init(&matcher->queue);
    list_init(&matcher->settled);
    matcher->refreshed_ms = env_now_ms(deps->env) - MATCHER_REFRESH_MS;
    env_timer_init(deps->env, &matcher->refresh_timer, matcher_refresh, matcher);
    env_timer_init(deps->env, &matcher->settle_timer, matcher_tell, matcher);
    return matcher;
}

void matcher_free(struct matcher *matcher)
{
    struct expression *expression;
    size_t cursor = 0;
    matcher->freed = true;
    env_timer_stop(&matcher->refresh_timer);
    env_timer_stop(&matcher->settle_timer);
    while ((expression = map_next(&matcher->expressions, &cursor, NULL, NULL)))
        list_splice(&matcher->settled, &expression->waits);
    matcher_tell(matcher); /* they release what they hold */
    ASSERT(matcher->expressions.count == 0);
    if (!matcher->running)
        matcher_close(matcher);
}
