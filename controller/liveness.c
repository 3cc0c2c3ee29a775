/* Watching brokers.
 *
 * Happy path: heartbeats come, nothing happens. Failure modes: a connection breaks, then the
 * broker is probed, at once and again, until it connects, is refused, or its session times out. A
 * process that hangs keeps its connections and breaks nothing: only its silence tells. */
#include "controller/liveness.h"

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"

enum {
    CHECK_MS = 50,       /* how late the end of a session may be noticed */
    FIRST_MS = 300,      /* a broker has so long to speak to a new controller */
    PROBE_MS = 20,       /* between probes: a dying process may take a connection for a moment */
    PROBE_SLOW_MS = 200, /* after PROBES_FAST of them */
    PROBES_FAST = 20,
    PROBES_ALONE = 15, /* refused so often, it is fenced although nobody could take over */
    PROBE_TIMEOUT_MS = 300
};

struct contact {
    struct liveness *liveness;
    int32_t id;
    int64_t heard_ms;
    bool heard; /* touched since the start */
    bool connected;
    bool gone; /* refused since it was last heard of */
    int probes;
    struct env_connect *dial;
    struct env_timer probe;
};

struct liveness {
    struct env *env;
    struct logger *logger;
    int64_t session_timeout_ms;
    void (*fence)(void *data, int32_t id, int64_t epoch, const char *reason);
    void *data;
    const struct image *image; /* NULL while stopped */
    struct map contacts;
    int heard_count;
    struct env_timer check;
    int64_t check_due_ms;
};

static void probe(void *data);
static void check_all(void *data);

struct liveness *
liveness_new(struct env *env, struct logger *logger, int64_t session_timeout_ms,
             void (*fence)(void *data, int32_t id, int64_t epoch, const char *reason), void *data)
{
    struct liveness *liveness = mem_alloc(sizeof(*liveness));
    liveness->env = env;
    liveness->logger = logger;
    liveness->session_timeout_ms = session_timeout_ms;
    liveness->fence = fence;
    liveness->data = data;
    map_init(&liveness->contacts);
    env_timer_init(env, &liveness->check, check_all, liveness);
    return liveness;
}

/* What holds between two events. */
static void liveness_check(const struct liveness *liveness)
{
    ASSERT(liveness->heard_count >= 0);
    ASSERT((size_t)liveness->heard_count <= liveness->contacts.count);
    ASSERT(liveness->image || liveness->contacts.count == 0);
}

static void contact_check(const struct contact *contact)
{
    ASSERT(!contact->connected || !contact->gone);
    ASSERT(contact->probes >= 0);
    ASSERT(!contact->dial || contact->probes > 0);
}

static struct contact *find(const struct liveness *liveness, int32_t id)
{
    return map_get_u64(&liveness->contacts, (uint64_t)id);
}

static struct contact *contact_of(struct liveness *liveness, int32_t id)
{
    struct contact *contact = find(liveness, id);
    if (contact)
        return contact;
    contact = mem_alloc(sizeof(*contact));
    contact->liveness = liveness;
    contact->id = id;
    contact->heard_ms = env_now_ms(liveness->env);
    env_timer_init(liveness->env, &contact->probe, probe, contact);
    const void *former = map_put_u64(&liveness->contacts, (uint64_t)id, contact);
    ASSERT(former == NULL);
    return contact;
}

static void probe_stop(struct contact *contact)
{
    env_timer_stop(&contact->probe);
    if (contact->dial)
        env_connect_cancel(contact->dial);
    contact->dial = NULL;
    contact->probes = 0;
}

static const struct image_broker *watched(const struct contact *contact)
{
    const struct image *image = contact->liveness->image;
    const struct image_broker *broker = image ? image_broker(image, contact->id) : NULL;
    return broker && !broker->fenced ? broker : NULL;
}

static void fence_gone(struct contact *contact, const struct image_broker *broker)
{
    contact->liveness->fence(contact->liveness->data, contact->id, broker->epoch,
                             "its process is gone: its listener refuses connections");
}

/* The first broker is heard: those that were found gone before are fenced now. */
static void fence_all_gone(struct liveness *liveness)
{
    size_t cursor = 0;
    struct contact *contact;
    while ((contact = map_next(&liveness->contacts, &cursor, NULL, NULL))) {
        const struct image_broker *broker = watched(contact);
        if (broker && contact->gone)
            fence_gone(contact, broker);
    }
}

static void on_probed(void *data, int status, struct env_stream *stream)
{
    struct contact *contact = data;
    struct liveness *liveness = contact->liveness;
    contact->dial = NULL;
    if (stream)
        env_stream_close(stream);
    const struct image_broker *broker = watched(contact);
    if (contact->connected || !broker)
        return;
    contact->gone = status == ERR_REFUSED;
    env_timer_start(&contact->probe, contact->probes < PROBES_FAST ? PROBE_MS : PROBE_SLOW_MS);
    if (contact->gone && (liveness->heard_count > 0 || contact->probes >= PROBES_ALONE))
        fence_gone(contact, broker);
}

static void probe(void *data)
{
    struct contact *contact = data;
    const struct image_broker *broker = watched(contact);
    if (contact->connected || contact->dial || !broker || broker->endpoint_count == 0)
        return;
    contact->probes++;
    int err =
        env_connect(contact->liveness->env, broker->endpoints[0].host, broker->endpoints[0].port,
                    PROBE_TIMEOUT_MS, on_probed, contact, &contact->dial);
    if (err) {
        contact->dial = NULL;
        env_timer_start(&contact->probe, PROBE_SLOW_MS);
    }
}

static void check_arm(struct liveness *liveness)
{
    liveness->check_due_ms = env_now_ms(liveness->env) + CHECK_MS;
    env_timer_start(&liveness->check, CHECK_MS);
}

/* While this loop itself stood still (a busy machine, SIGSTOP) heartbeats lay in the sockets: that
 * time is nobody's silence. */
static void check_all(void *data)
{
    struct liveness *liveness = data;
    int64_t now_ms = env_now_ms(liveness->env);
    int64_t late_ms = now_ms - liveness->check_due_ms;
    size_t cursor = 0;
    struct contact *contact;
    while ((contact = map_next(&liveness->contacts, &cursor, NULL, NULL))) {
        if (late_ms > CHECK_MS)
            contact->heard_ms += late_ms;
        if (contact->heard_ms > now_ms)
            contact->heard_ms = now_ms;
        const struct image_broker *broker = watched(contact);
        if (broker && now_ms - contact->heard_ms > liveness->session_timeout_ms)
            liveness->fence(liveness->data, contact->id, broker->epoch,
                            "its session timed out: no heartbeat came");
    }
    check_arm(liveness);
}

/* Its process was last heard of then, though not on a connection of its broker. Who is there has
 * spoken to us long before FIRST_MS are over. */
static void set_heard(struct liveness *liveness, int32_t id, int64_t heard_ms)
{
    struct contact *contact = find(liveness, id);
    int64_t earliest_ms = env_now_ms(liveness->env) - liveness->session_timeout_ms + FIRST_MS;
    if (contact && heard_ms < contact->heard_ms)
        contact->heard_ms = heard_ms > earliest_ms ? heard_ms : earliest_ms;
}

void liveness_start(struct liveness *liveness, const struct image *image, int32_t former_id,
                    int64_t former_heard_ms)
{
    liveness->image = image;
    size_t cursor = 0;
    const struct image_broker *broker;
    while ((broker = image_next_broker(image, &cursor))) {
        if (broker->fenced)
            continue;
        struct contact *contact = contact_of(liveness, broker->id);
        env_timer_start(&contact->probe, 0);
    }
    if (FIRST_MS < liveness->session_timeout_ms)
        set_heard(liveness, former_id, former_heard_ms);
    check_arm(liveness);
    liveness_check(liveness);
}

void liveness_stop(struct liveness *liveness)
{
    env_timer_stop(&liveness->check);
    liveness->image = NULL;
    size_t cursor = 0;
    struct contact *contact;
    while ((contact = map_next(&liveness->contacts, &cursor, NULL, NULL))) {
        probe_stop(contact);
        mem_free(contact);
    }
    map_close(&liveness->contacts);
    map_init(&liveness->contacts);
    liveness->heard_count = 0;
    liveness_check(liveness);
}

void liveness_free(struct liveness *liveness)
{
    if (!liveness)
        return;
    liveness_stop(liveness);
    map_close(&liveness->contacts);
    mem_free(liveness);
}

void liveness_touch(struct liveness *liveness, int32_t id)
{
    if (!liveness->image)
        return;
    struct contact *contact = contact_of(liveness, id);
    contact->heard_ms = env_now_ms(liveness->env);
    contact->connected = true;
    contact->gone = false;
    if (contact->probes)
        probe_stop(contact);
    if (contact->heard)
        return;
    contact->heard = true;
    liveness->heard_count++;
    liveness_check(liveness);
    contact_check(contact);
    if (liveness->heard_count == 1)
        fence_all_gone(liveness);
}

bool liveness_heard(const struct liveness *liveness, int32_t id)
{
    const struct contact *contact = find(liveness, id);
    return contact && contact->heard;
}

void liveness_lost(struct liveness *liveness, int32_t id)
{
    struct contact *contact = find(liveness, id);
    if (!contact || !liveness->image)
        return;
    contact->connected = false;
    env_timer_start(&contact->probe, 0);
}

bool liveness_recent(const struct liveness *liveness, int32_t id)
{
    const struct contact *contact = find(liveness, id);
    return contact && !contact->gone &&
           env_now_ms(liveness->env) - contact->heard_ms <= liveness->session_timeout_ms;
}

bool liveness_connected(const struct liveness *liveness, int32_t id)
{
    const struct contact *contact = find(liveness, id);
    return contact && contact->connected;
}
