/* The simulated world: its clock, its queue of events, its nodes, and the parts of env.h that are
 * neither network (sim_net.c) nor disk (sim_disk.c).
 *
 * Happy path of a step: the first of the event queue and of the timers is taken, the clock is set
 * to its time, its target's callback runs, and what that does (a write, a timer, a post) becomes
 * later events. An env that is paused or waits for its disk has its events moved to when it goes
 * on.
 *
 * Failure modes: none of its own. Misuse by a driver (a fault inside a step) is an assertion. */
#include "sim_private.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    POST_DELAY_MAX_US = 20,
    WORK_DELAY_MAX_US = 100,
    WORK_SLOW_PER_MILLE = 10, /* the pool is busy */
    WORK_SLOW_MAX_US = 5000,
    WALL_ERROR_MAX_MS = 500,
    HEAL_DELAY_MAX_US = 400 * 1000, /* TCP's retransmission comes at some time after the heal */
};
/* The place in the heap of a timer whose process is gone: what it waited for never comes, and for
 * who looks while its memory is taken back it still waits. */
#define TIMER_DEAD    SIZE_MAX
#define WALL_START_MS 1700000000000

static const char *const kind_names[SIM_KINDS] = {
    [SIM_TIMER] = "timer",    [SIM_POST] = "post",     [SIM_WORK_RUN] = "work",
    [SIM_WORK_DONE] = "done", [SIM_SYN] = "syn",       [SIM_ACCEPT] = "accept",
    [SIM_ANSWER] = "answer",  [SIM_ARRIVE] = "data",   [SIM_FIN] = "fin",
    [SIM_RESET] = "reset",    [SIM_READABLE] = "read", [SIM_WRITABLE] = "room"};

/* ---- chance ---- */

/* splitmix64 by Vigna (public domain description). */
uint64_t sim_draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

int64_t sim_between(struct sim *sim, int64_t low, int64_t high)
{
    ASSERT(low <= high);
    return low + (int64_t)(sim_draw(&sim->rng) % ((uint64_t)(high - low) + 1));
}

uint64_t sim_random(struct sim *sim)
{
    return sim_draw(&sim->driver_rng);
}

void sim_mix(struct sim *sim, uint64_t value)
{
    uint64_t state = sim->hash ^ value;
    sim->hash = sim_draw(&state);
}

/* ---- the queue ---- */

static bool sim_event_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->seq < b->seq;
}

static void sim_push_at(struct sim *sim, int64_t due_us, const struct sim_event *event)
{
    if (sim->count == sim->cap) {
        sim->cap = sim->cap ? sim->cap * 2 : 64;
        sim->heap = mem_realloc(sim->heap, sim->cap * sizeof(*sim->heap));
    }
    struct sim_event added = *event;
    added.due_us = due_us;
    added.seq = sim->seq++;
    size_t i = sim->count++;
    while (i > 0 && sim_event_before(&added, &sim->heap[(i - 1) / 2])) {
        sim->heap[i] = sim->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    sim->heap[i] = added;
}

void sim_push(struct sim *sim, int64_t delay_us, const struct sim_event *event)
{
    sim_push_at(sim, sim->now_us + (delay_us > 0 ? delay_us : 1), event);
}

static struct sim_event sim_pop(struct sim *sim)
{
    struct sim_event first = sim->heap[0];
    struct sim_event last = sim->heap[--sim->count];
    size_t i = 0;
    for (;;) {
        size_t child = i * 2 + 1;
        if (child >= sim->count)
            break;
        if (child + 1 < sim->count && sim_event_before(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!sim_event_before(&sim->heap[child], &last))
            break;
        sim->heap[i] = sim->heap[child];
        i = child;
    }
    sim->heap[i] = last;
    return first;
}

bool sim_hold(struct sim_node *from, struct sim_node *to, const struct sim_event *event)
{
    struct sim *sim = from->sim;
    if (!sim->cut[from->index][to->index])
        return false;
    if (sim->held_count == sim->held_cap) {
        sim->held_cap = sim->held_cap ? sim->held_cap * 2 : 64;
        sim->held = mem_realloc(sim->held, sim->held_cap * sizeof(*sim->held));
    }
    sim->held[sim->held_count++] = (struct sim_held){from->index, to->index, *event};
    return true;
}

bool sim_defer(struct env *env, const struct sim_event *event)
{
    struct sim *sim = env->node->sim;
    if (env->resume_us <= sim->now_us)
        return false;
    sim_push_at(sim, env->resume_us, event);
    return true;
}

/* ---- steps ---- */

void sim_note(struct sim *sim, enum sim_kind kind, const struct sim_node *node)
{
    sim->steps++;
    sim->last = node;
    if (node->fail_memory)
        (void)mem_fail_at(node->fail_memory);
    sim_mix(sim, (uint64_t)sim->now_us);
    sim_mix(sim, (uint64_t)kind << 8 | node->index);
    if (!sim->trace)
        return;
    char line[128];
    snprintf(line, sizeof(line), "%lld %s %s", (long long)sim->now_us, node->name,
             kind_names[kind]);
    sim->trace(sim->trace_data, line);
}

struct sim_job {
    struct list link; /* in env->jobs */
    struct env_work *work;
    bool ran;
};

static void sim_run_job(struct sim *sim, struct sim_job *job)
{
    sim->in_worker = true;
    sim->worker_us = 0;
    job->work->run(job->work);
    job->ran = true;
    sim->in_worker = false;
}

static void sim_end_job(struct sim_job *job)
{
    struct env_work *work = job->work;
    list_remove(&job->link);
    mem_free(job);
    work->impl = NULL;
    work->done(work);
}

/* A job runs on a worker, which a wait of the loop for its disk doesn't hold up, but a pause does;
 * the difference isn't worth a second clock. */
static void sim_run_env_event(struct sim *sim, const struct sim_event *event)
{
    struct env *env = event->env;
    if (env->dead || sim_defer(env, event))
        return;
    sim_note(sim, event->kind, env->node);
    if (event->kind == SIM_POST) {
        event->fn(event->data);
    } else if (event->kind == SIM_WORK_RUN) {
        sim_run_job(sim, event->work->impl);
        struct sim_event done = {.kind = SIM_WORK_DONE, .env = env, .work = event->work};
        sim_push(sim, sim->worker_us + sim_between(sim, 1, POST_DELAY_MAX_US), &done);
    } else {
        sim_end_job(event->work->impl);
    }
}

static void sim_run_timer(struct sim *sim)
{
    struct env_timer *timer = timers_pop(&sim->timers, sim->now_us, UINT64_MAX);
    ASSERT(timer != NULL);
    struct env *env = timer->env;
    if (env->resume_us > sim->now_us) {
        timer->due_us = env->resume_us;
        timers_add(&sim->timers, timer);
        return;
    }
    sim_note(sim, SIM_TIMER, env->node);
    timer->fn(timer->data);
}

bool sim_step(struct sim *sim)
{
    ASSERT(!sim->stepping);
    int64_t event_us = sim->count ? sim->heap[0].due_us : INT64_MAX;
    int64_t timer_us = timers_next_us(&sim->timers);
    if (event_us == INT64_MAX && timer_us == INT64_MAX)
        return false;
    sim->stepping = true;
    sim->last = NULL;
    if (event_us <= timer_us) {
        struct sim_event event = sim_pop(sim);
        sim->now_us = event.due_us;
        if (event.kind <= SIM_WORK_DONE)
            sim_run_env_event(sim, &event);
        else
            sim_net_run(&event);
    } else {
        sim->now_us = timer_us;
        sim_run_timer(sim);
    }
    sim->stepping = false;
    if (sim->last && sim->last->fail_memory && mem_fail_at(0))
        sim->nodes[sim->last->index]->fail_memory = 0; /* it has happened */
    for (size_t i = 0; sim->crash_due && i < sim->node_count; i++)
        if (sim->nodes[i]->frozen)
            sim_node_kill_power(sim->nodes[i]);
    sim->crash_due = false;
    return true;
}

static int64_t sim_next_us(const struct sim *sim)
{
    int64_t event_us = sim->count ? sim->heap[0].due_us : INT64_MAX;
    int64_t timer_us = timers_next_us(&sim->timers);
    return event_us < timer_us ? event_us : timer_us;
}

bool sim_run_until(struct sim *sim, bool (*reached)(void *data), void *data, int64_t deadline_us)
{
    while (!reached(data)) {
        if (sim_next_us(sim) > deadline_us)
            return false;
        (void)sim_step(sim);
    }
    return true;
}

void sim_run_for(struct sim *sim, int64_t duration_us)
{
    int64_t end_us = sim->now_us + duration_us;
    while (sim_next_us(sim) <= end_us)
        (void)sim_step(sim);
    sim->now_us = end_us;
}

/* ---- the world ---- */

struct sim *sim_new(uint64_t seed)
{
    struct sim *sim = mem_alloc(sizeof(*sim));
    sim->rng = seed;
    sim->driver_rng = sim_draw(&sim->rng);
    timers_init(&sim->timers);
    sim_set_latency(sim, 50, 500, 5, 10000);
    return sim;
}

static void sim_free_env(struct env *env)
{
    struct list *link;
    sim_net_free(env);
    sim_disk_free(env);
    while ((link = list_pop(&env->jobs)))
        mem_free(LIST_ENTRY(link, struct sim_job, link));
    mem_free(env);
}

static void sim_drop_event(const struct sim_event *event)
{
    if (event->kind > SIM_WORK_DONE)
        sim_net_drop(event);
}

void sim_free(struct sim *sim)
{
    for (size_t i = 0; i < sim->node_count; i++)
        sim_node_kill(sim->nodes[i]);
    for (size_t i = 0; i < sim->count; i++)
        sim_drop_event(&sim->heap[i]);
    for (size_t i = 0; i < sim->held_count; i++)
        sim_drop_event(&sim->held[i].event);
    for (size_t i = 0; i < sim->node_count; i++) {
        struct sim_node *node = sim->nodes[i];
        struct list *link;
        while ((link = list_pop(&node->envs)))
            sim_free_env(LIST_ENTRY(link, struct env, link));
        map_close(&node->listeners);
        sim_disk_close(node);
        mem_free(node);
    }
    timers_close(&sim->timers);
    mem_free(sim->heap);
    mem_free(sim->held);
    mem_free(sim);
}

int64_t sim_now_us(const struct sim *sim)
{
    return sim->now_us;
}

uint64_t sim_steps(const struct sim *sim)
{
    return sim->steps;
}

struct sim_node *sim_last_node(const struct sim *sim)
{
    return sim->last ? sim->nodes[sim->last->index] : NULL;
}

uint64_t sim_trace_hash(const struct sim *sim)
{
    return sim->hash;
}

void sim_set_trace(struct sim *sim, void (*fn)(void *data, const char *line), void *data)
{
    sim->trace = fn;
    sim->trace_data = data;
}

void sim_set_latency(struct sim *sim, int64_t min_us, int64_t max_us, int spike_per_mille,
                     int64_t spike_us)
{
    ASSERT(0 < min_us && min_us <= max_us);
    sim->latency_min_us = min_us;
    sim->latency_max_us = max_us;
    sim->spike_per_mille = spike_per_mille;
    sim->spike_us = spike_us;
}

/* ---- cuts ---- */

void sim_cut(struct sim *sim, struct sim_node *from, struct sim_node *to, bool both_ways)
{
    ASSERT(from != to);
    sim->cut[from->index][to->index] = true;
    if (both_ways)
        sim->cut[to->index][from->index] = true;
}

static void sim_release_held(struct sim *sim)
{
    size_t kept = 0;
    for (size_t i = 0; i < sim->held_count; i++) {
        struct sim_held *held = &sim->held[i];
        if (sim->cut[held->from][held->to])
            sim->held[kept++] = *held;
        else
            sim_push(sim, sim_between(sim, 1, HEAL_DELAY_MAX_US), &held->event);
    }
    sim->held_count = kept;
}

void sim_heal(struct sim *sim, struct sim_node *a, struct sim_node *b)
{
    sim->cut[a->index][b->index] = sim->cut[b->index][a->index] = false;
    sim_release_held(sim);
}

void sim_heal_all(struct sim *sim)
{
    memset(sim->cut, 0, sizeof(sim->cut));
    sim_release_held(sim);
}

void sim_isolate(struct sim *sim, struct sim_node *node)
{
    for (size_t i = 0; i < sim->node_count; i++)
        if (sim->nodes[i] != node)
            sim_cut(sim, node, sim->nodes[i], true);
}

/* ---- nodes ---- */

struct sim_node *sim_node_new(struct sim *sim, const char *name)
{
    ASSERT(sim->node_count < SIM_NODES_MAX);
    struct sim_node *node = mem_alloc(sizeof(*node));
    node->sim = sim;
    node->index = sim->node_count;
    sim->nodes[sim->node_count++] = node;
    snprintf(node->name, sizeof(node->name), "%s", name);
    snprintf(node->address, sizeof(node->address), "10.0.0.%u", (unsigned)node->index + 1);
    list_init(&node->envs);
    map_init(&node->listeners);
    node->wall_offset_ms = sim_between(sim, -WALL_ERROR_MAX_MS, WALL_ERROR_MAX_MS);
    sim_disk_init(node);
    sim_node_restart(node);
    return node;
}

const char *sim_node_name(const struct sim_node *node)
{
    return node->name;
}

const char *sim_node_address(const struct sim_node *node)
{
    return node->address;
}

void sim_node_restart(struct sim_node *node)
{
    ASSERT(sim_node_is_down(node));
    node->clock_zero_us = sim_between(node->sim, 0, 1000000000);
    node->next_port = (uint16_t)sim_between(node->sim, 32768, 60000);
}

void sim_node_set_wall_offset(struct sim_node *node, int64_t offset_ms)
{
    node->wall_offset_ms = offset_ms;
}

bool sim_node_is_down(const struct sim_node *node)
{
    return node->living == 0;
}

void sim_node_pause(struct sim_node *node, int64_t duration_us)
{
    int64_t until_us = node->sim->now_us + duration_us;
    LIST_EACH(link, &node->envs) {
        struct env *env = LIST_ENTRY(link, struct env, link);
        if (env->resume_us < until_us)
            env->resume_us = until_us;
    }
}

struct env *sim_env_new(struct sim_node *node)
{
    struct env *env = mem_alloc(sizeof(*env));
    env->node = node;
    env->rng = sim_draw(&node->sim->rng);
    list_init(&env->streams);
    list_init(&env->listeners);
    list_init(&env->connects);
    list_init(&env->files);
    list_init(&env->jobs);
    list_push(&node->envs, &env->link);
    node->living++;
    return env;
}

bool sim_env_stopped(const struct env *env)
{
    return env->stopped;
}

void sim_env_reap(struct env *env)
{
    ASSERT(env->dead);
    while (!list_empty(&env->jobs)) {
        struct sim_job *job = LIST_ENTRY(env->jobs.next, struct sim_job, link);
        if (!job->ran)
            sim_run_job(env->node->sim, job);
        sim_end_job(job);
    }
}

static void sim_stop_timers(struct env *env)
{
    struct timers *timers = &env->node->sim->timers;
    for (size_t i = timers->count; i-- > 0;)
        if (i < timers->count && timers->heap[i]->env == env) {
            struct env_timer *timer = timers->heap[i];
            timers_remove(timers, timer);
            timer->heap_pos = TIMER_DEAD;
            i = timers->count; /* the heap has moved: look again */
        }
}

static void sim_env_kill(struct env *env)
{
    if (env->dead)
        return;
    env->dead = true;
    env->node->living--;
    sim_stop_timers(env);
    sim_net_kill(env);
    sim_disk_kill(env);
}

void sim_node_kill(struct sim_node *node)
{
    ASSERT(!node->sim->stepping);
    LIST_EACH(link, &node->envs)
        sim_env_kill(LIST_ENTRY(link, struct env, link));
    node->frozen = false;
}

void sim_node_kill_power(struct sim_node *node)
{
    sim_node_kill(node);
    sim_disk_lose(node);
}

void sim_node_fail_memory(struct sim_node *node, uint64_t k)
{
    node->fail_memory = k;
}

/* ---- env.h: loop and threads ---- */

int env_new(struct env **env)
{
    (void)env;
    return ERR_UNSUPPORTED; /* an env needs a node: sim_env_new */
}

void env_run(struct env *env)
{
    (void)env;
    ASSERT(!"the driver steps the simulation"); /* nobody else may */
}

void env_stop(struct env *env)
{
    env->stopped = true;
}

void env_free(struct env *env)
{
    sim_env_kill(env); /* the memory goes with the world, since events may still name it */
}

void env_post(struct env *env, void (*fn)(void *data), void *data)
{
    if (env->dead)
        return;
    struct sim *sim = env->node->sim;
    int64_t due_us = sim->now_us + sim_between(sim, 1, POST_DELAY_MAX_US);
    if (due_us < env->post_us)
        due_us = env->post_us;
    env->post_us = due_us;
    sim_push(sim, due_us - sim->now_us,
             &(struct sim_event){.kind = SIM_POST, .env = env, .fn = fn, .data = data});
}

static void sim_nothing(void *data)
{
    (void)data;
}

void env_post_drop(struct env *env, void (*fn)(void *data), void *data)
{
    struct sim *sim = env->node->sim;
    ASSERT(fn);
    for (size_t i = 0; i < sim->count; i++) {
        struct sim_event *event = &sim->heap[i];
        if (event->kind == SIM_POST && event->env == env && event->fn == fn && event->data == data)
            event->fn = sim_nothing;
    }
}

int env_on_signal(struct env *env, int signum, void (*fn)(void *data, int signum), void *data)
{
    (void)env;
    (void)signum;
    (void)fn;
    (void)data;
    return 0;
}

int env_thread_start(struct env_thread **thread, void (*fn)(void *data), void *data)
{
    (void)thread;
    (void)fn;
    (void)data;
    ASSERT(!"a simulation has one thread");
    return ERR_UNSUPPORTED;
}

void env_thread_join(struct env_thread *thread)
{
    (void)thread;
    ASSERT(!"a simulation has one thread");
}

void env_work_submit(struct env *env, struct env_work *work, void (*run)(struct env_work *),
                     void (*done)(struct env_work *))
{
    struct sim *sim = env->node->sim;
    struct sim_job *job = mem_alloc(sizeof(*job));
    job->work = work;
    *work = (struct env_work){.run = run, .done = done, .env = env, .impl = job};
    list_push(&env->jobs, &job->link);
    if (env->dead)
        return; /* for sim_env_reap */
    int64_t delay_us = sim_between(sim, 1, WORK_DELAY_MAX_US);
    if (sim_chance(sim, WORK_SLOW_PER_MILLE))
        delay_us += sim_between(sim, 0, WORK_SLOW_MAX_US);
    sim_push(sim, delay_us, &(struct sim_event){.kind = SIM_WORK_RUN, .env = env, .work = work});
}

/* There is no lack of workers here. */
void env_work_submit_heavy(struct env *env, struct env_work *work, void (*run)(struct env_work *),
                           void (*done)(struct env_work *))
{
    env_work_submit(env, work, run, done);
}

/* ---- env.h: clock, randomness, timers ---- */

int64_t env_now_us(struct env *env)
{
    return env->node->sim->now_us + env->node->clock_zero_us;
}

/* No time passes in a callback. */
int64_t env_turn_ms(struct env *env)
{
    (void)env;
    return 0;
}

bool env_turn_take(struct env *env)
{
    (void)env;
    return true;
}

int64_t env_wall_ms(struct env *env)
{
    return WALL_START_MS + env->node->sim->now_us / 1000 + env->node->wall_offset_ms;
}

uint64_t env_random(struct env *env)
{
    return sim_draw(&env->rng);
}

void env_random_bytes(struct env *env, void *out, size_t len)
{
    uint8_t *at = out;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)sim_draw(&env->rng);
}

void env_timer_init(struct env *env, struct env_timer *timer, void (*fn)(void *data), void *data)
{
    *timer = (struct env_timer){.fn = fn, .data = data, .env = env};
}

void env_timer_start_us(struct env_timer *timer, int64_t delay_us)
{
    env_timer_stop(timer);
    if (timer->env->dead) {
        timer->heap_pos = TIMER_DEAD;
        return;
    }
    struct sim *sim = timer->env->node->sim;
    if (delay_us < 1)
        delay_us = 1; /* time moves on even when a timer restarts itself for ever */
    timer->due_us = delay_us > INT64_MAX - 1 - sim->now_us ? INT64_MAX - 1 : sim->now_us + delay_us;
    timers_add(&sim->timers, timer);
}

/* Others may come first here: nobody may rely on it that they don't. */
void env_timer_start_soon(struct env_timer *timer)
{
    env_timer_start_us(timer, 0);
}

void env_timer_stop(struct env_timer *timer)
{
    if (timer->heap_pos == TIMER_DEAD)
        timer->heap_pos = 0;
    else if (timer->heap_pos)
        timers_remove(&timer->env->node->sim->timers, timer);
}
