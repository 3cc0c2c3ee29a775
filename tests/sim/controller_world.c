/* The simulated quorum; see controller_world.h. */
#include "controller_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "base/mem.h"
#include "meta/channel.h"
#include "meta/features.h"

enum {
    CONTROL_PORT = 19092,
    BROKER_PORT = 9092,
    REDIAL_MS = 20,
    HEARTBEAT_MS = 50,
    PACED_HEARTBEAT_MS = 150,
    COMMAND_LIMIT_US = 3 * 1000 * 1000
};

/* ---- the fake broker ---- */

static void fake_dial(void *data);

static void fake_send(struct fake_link *to, Meta__Frame *frame)
{
    if (to->link)
        link_send(to->link, frame);
}

static void fake_register(struct fake_link *to)
{
    struct fake *fake = to->fake;
    Meta__Register body = META__REGISTER__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    Meta__Endpoint endpoint = META__ENDPOINT__INIT, *endpoints[] = {&endpoint};
    endpoint.listener = "PLAINTEXT";
    endpoint.host = (char *)(uintptr_t)fake->world->voters[fake->id].host;
    endpoint.port = BROKER_PORT;
    body.broker_id = fake->id;
    body.incarnation = (ProtobufCBinaryData){16, fake->incarnation.bytes};
    body.n_endpoints = 1;
    body.endpoints = endpoints;
    body.applied_index = fake->applied;
    body.applied_term = fake->applied_term;
    body.features_step = FEATURES_STEP;
    frame.body_case = META__FRAME__BODY_REGISTER;
    frame.register_ = &body;
    fake_send(to, &frame);
}

static void fake_follow(struct fake_link *to)
{
    Meta__Follow body = META__FOLLOW__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.from_index = to->fake->applied + 1;
    frame.body_case = META__FRAME__BODY_FOLLOW;
    frame.follow = &body;
    fake_send(to, &frame);
}

static struct fake_link *fake_active(struct fake *fake)
{
    for (int i = 0; i < fake->world->count; i++)
        if (fake->links[i].link && fake->links[i].active && fake->links[i].registered)
            return &fake->links[i];
    return NULL;
}

static void fake_create(struct fake *fake);

/* Keeps a command under way; one that is not answered in time has an unknown outcome. */
static void fake_keep_asking(struct fake *fake)
{
    int64_t waited_us = sim_now_us(fake->world->sim) - fake->command_since_us;
    if (fake->command_waiting && waited_us > COMMAND_LIMIT_US)
        fake->command_waiting = 0;
    int paced = fake->world->paced;
    if (fake->world->asking && !fake->command_waiting &&
        (paced == 0 || sim_random(fake->world->sim) % (uint64_t)paced == 0))
        fake_create(fake);
}

static void fake_beat(void *data)
{
    struct fake *fake = data;
    env_timer_start(&fake->heartbeat, fake->world->paced ? PACED_HEARTBEAT_MS : HEARTBEAT_MS);
    for (int i = 0; i < fake->world->count; i++)
        if (fake->links[i].active && !fake->links[i].registered)
            fake_register(&fake->links[i]); /* refused while its earlier process seemed alive */
    struct fake_link *to = fake_active(fake);
    if (!to || fake->silent)
        return;
    fake_keep_asking(fake);
    Meta__Heartbeat body = META__HEARTBEAT__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    body.broker_epoch = fake->epoch;
    body.applied_index = fake->applied;
    body.want_shutdown = fake->want_shutdown;
    frame.body_case = META__FRAME__BODY_HEARTBEAT;
    frame.heartbeat = &body;
    fake_send(to, &frame);
}

/* ---- commands ---- */

static bool fake_ask(struct fake *fake, Meta__Command *command)
{
    struct fake_link *to = fake_active(fake);
    if (!to)
        return false;
    Meta__Frame frame = META__FRAME__INIT;
    command->id = ++fake->command_next;
    frame.body_case = META__FRAME__BODY_COMMAND;
    frame.command = command;
    fake->command_waiting = command->id;
    fake->command_since_us = sim_now_us(fake->world->sim);
    fake_send(to, &frame);
    return true;
}

static void fake_create(struct fake *fake)
{
    Meta__CreateTopics body = META__CREATE_TOPICS__INIT;
    Meta__CreateTopics__Topic topic = META__CREATE_TOPICS__TOPIC__INIT, *topics[] = {&topic};
    Meta__Command command = META__COMMAND__INIT;
    if (fake->world->made >= WORLD_ACKED_MAX)
        return;
    snprintf(fake->topic, sizeof(fake->topic), "t%d", fake->world->made++);
    topic.name = fake->topic;
    topic.partitions = fake->world->paced ? 1 : 2;
    topic.replication_factor = 1;
    body.n_topics = 1;
    body.topics = topics;
    command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
    command.create_topics = &body;
    fake_ask(fake, &command);
}

static void fake_answered(struct fake *fake, Meta__Frame *frame)
{
    Meta__CommandReply *reply = frame->command_reply;
    struct world *world = fake->world;
    if (reply->id != fake->command_waiting)
        return;
    fake->command_waiting = 0;
    if (fake->reply)
        meta__command_reply__free_unpacked(fake->reply, NULL);
    fake->reply = reply;
    frame->body_case = META__FRAME__BODY__NOT_SET; /* the reply is kept */
    if (world->asking && fake->topic[0] && !reply->error && reply->n_topics == 1 &&
        !reply->topics[0]->error)
        memcpy(world->acked[world->acked_count++], fake->topic, sizeof(fake->topic));
    fake->topic[0] = 0;
    if (world->asking && world->paced == 0)
        fake_create(fake);
}

/* ---- what arrives ---- */

static void fake_apply(struct fake *fake, const Meta__IndexedEntry *indexed)
{
    int64_t index = indexed->index;
    const Meta__Entry *entry = indexed->entry;
    struct world *world = fake->world;
    size_t size = meta__entry__get_packed_size(entry);
    uint8_t *bytes = mem_alloc(size);
    meta__entry__pack(entry, bytes);
    uint64_t hash = (uint64_t)crc32c(0, bytes, size) + 1;
    mem_free(bytes);
    if (index < WORLD_INDEX_MAX) {
        if (world->verbose && world->hashes[index] && world->hashes[index] != hash)
            fprintf(stderr, "# %.3f broker %d, index %lld\n", (double)sim_now_us(world->sim) / 1e6,
                    fake->id, (long long)index);
        if (world->hashes[index] && world->hashes[index] != hash)
            world->broken = "two brokers saw different entries under one index";
        world->hashes[index] = hash;
    }
    if (index <= fake->applied)
        return; /* a deposed controller's stream goes on for a while beside the new one's */
    if (image_apply_entry(fake->image, entry))
        world->broken = "an entry of the stream could not be applied";
    fake->applied = index;
    fake->applied_term = indexed->term;
}

static void fake_snapshot(struct fake *fake, const Meta__Snapshot *snapshot)
{
    if (snapshot->index < fake->applied)
        return;
    image_clear(fake->image);
    if (image_apply_entry(fake->image, snapshot->content))
        fake->world->broken = "a snapshot could not be applied";
    fake->applied = snapshot->index;
    fake->applied_term = snapshot->term;
}

static void fake_welcomed(struct fake_link *from, const Meta__Welcome *welcome)
{
    bool was = from->active;
    from->active = welcome->active;
    struct fake *fake = from->fake;
    if (welcome->error && !fake->cluster_id && !fake->learned[0])
        snprintf(fake->learned, sizeof(fake->learned), "%s", welcome->cluster_id);
    else if (welcome->error)
        fake->welcome_error = welcome->error;
    if (!welcome->active)
        from->registered = false;
    else if (!was)
        fake_register(from);
}

static void fake_registered(struct fake_link *from, const Meta__Registered *registered)
{
    struct fake *fake = from->fake;
    fake->register_error = registered->error;
    if (registered->error)
        return;
    fake->epoch = registered->broker_epoch;
    from->registered = true;
    fake_follow(from);
    fake_beat(fake);
}

static void fake_frame(void *owner, struct link *link, Meta__Frame *frame)
{
    struct fake_link *from = owner;
    struct fake *fake = from->fake;
    (void)link;
    switch (frame->body_case) {
    case META__FRAME__BODY_WELCOME:
        fake_welcomed(from, frame->welcome);
        break;
    case META__FRAME__BODY_REGISTERED:
        fake_registered(from, frame->registered);
        break;
    case META__FRAME__BODY_HEARTBEAT_REPLY:
        fake->fenced = frame->heartbeat_reply->fenced;
        fake->may_shutdown = frame->heartbeat_reply->may_shutdown;
        if (frame->heartbeat_reply->error && from->active)
            fake_register(from);
        break;
    case META__FRAME__BODY_ENTRIES:
        for (size_t i = 0; i < frame->entries->n_entries; i++)
            fake_apply(fake, frame->entries->entries[i]);
        break;
    case META__FRAME__BODY_SNAPSHOT:
        fake_snapshot(fake, frame->snapshot);
        break;
    case META__FRAME__BODY_COMMAND_REPLY:
        fake_answered(fake, frame);
        break;
    default:
        break;
    }
    meta__frame__free_unpacked(frame, NULL);
}

static void fake_broken(void *owner, struct link *link, int err)
{
    struct fake_link *from = owner;
    (void)err;
    from->link = NULL;
    from->active = from->registered = false;
    link_close(link);
    env_timer_start(&from->redial, 0);
}

static const struct link_handlers fake_handlers = {.frame = fake_frame, .broken = fake_broken};

static void fake_dialled(void *data, int status, struct env_stream *stream)
{
    struct fake_link *to = data;
    to->dial = NULL;
    if (status) {
        env_timer_start(&to->redial, REDIAL_MS);
        return;
    }
    to->link = link_new(to->fake->env, stream, CHANNEL_FRAME_MAX, &fake_handlers, to);
    Meta__Hello hello = META__HELLO__INIT;
    Meta__Frame frame = META__FRAME__INIT;
    hello.role = META__HELLO__ROLE__BROKER;
    hello.node_id = to->fake->id;
    hello.cluster_id =
        to->fake->cluster_id ? (char *)(uintptr_t)to->fake->cluster_id : to->fake->learned;
    hello.incarnation = (ProtobufCBinaryData){16, to->fake->incarnation.bytes};
    frame.body_case = META__FRAME__BODY_HELLO;
    frame.hello = &hello;
    link_send(to->link, &frame);
}

static void fake_dial(void *data)
{
    struct fake_link *to = data;
    const struct controller_voter *voter = &to->fake->world->voters[to->voter];
    if (to->link || to->dial)
        return;
    if (env_connect(to->fake->env, voter->host, voter->port, 300, fake_dialled, to, &to->dial))
        env_timer_start(&to->redial, REDIAL_MS);
}

static void fake_accepted(void *data, struct env_stream *stream)
{
    (void)data;
    env_stream_close(stream);
}

struct fake *fake_new(struct world *world, int id, struct env *env)
{
    struct fake *fake = mem_alloc(sizeof(*fake));
    fake->world = world;
    fake->id = id;
    fake->env = env;
    fake->fenced = true;
    fake->image = image_new();
    env_random_bytes(env, fake->incarnation.bytes, 16);
    env_timer_init(env, &fake->heartbeat, fake_beat, fake);
    env_timer_start(&fake->heartbeat, HEARTBEAT_MS);
    int err = env_listen(env, NULL, BROKER_PORT, fake_accepted, NULL, &fake->listener);
    ASSERT(err == 0);
    for (int i = 0; i < world->count; i++) {
        fake->links[i].fake = fake;
        fake->links[i].voter = i;
        env_timer_init(env, &fake->links[i].redial, fake_dial, &fake->links[i]);
        env_timer_start(&fake->links[i].redial, 0);
    }
    return fake;
}

void fake_free(struct fake *fake)
{
    env_timer_stop(&fake->heartbeat);
    for (int i = 0; i < fake->world->count; i++) {
        env_timer_stop(&fake->links[i].redial);
        if (fake->links[i].dial)
            env_connect_cancel(fake->links[i].dial);
        if (fake->links[i].link)
            link_close(fake->links[i].link);
    }
    env_listener_close(fake->listener);
    if (fake->reply)
        meta__command_reply__free_unpacked(fake->reply, NULL);
    image_free(fake->image);
    mem_free(fake);
}

/* ---- members ---- */

static void member_failed(void *data, const char *sentence)
{
    struct member *member = data;
    (void)sentence;
    member->failed = true;
}

static void member_log(void *data, const char *line, int len)
{
    struct member *member = data;
    if (member->world->verbose)
        fprintf(stderr, "# %.3f %s: %.*s", (double)sim_now_us(member->world->sim) / 1e6,
                sim_node_name(member->node), len, line);
}

/* What controller.quorum.bootstrap.servers of node i says. */
static int world_list(struct world *world, int i, struct controller_voter *servers, int *own)
{
    int count = 0;
    for (int j = 0; j < (world->listed ? world->count : 1); j++)
        if (j == i || j == (i + 1) % world->count || !world->differ || sim_random(world->sim) % 2)
            servers[count++] = world->voters[j];
    for (int j = count - 1; j > 0; j--) {
        int k = (int)(sim_random(world->sim) % (uint64_t)(j + 1));
        struct controller_voter kept = servers[j];
        servers[j] = servers[k];
        servers[k] = kept;
    }
    for (int j = 0; j < count; j++)
        if (servers[j].id == world->voters[i].id && !world->unaware)
            *own = j;
    return count;
}

void world_start(struct world *world, int i)
{
    struct member *member = &world->members[i];
    struct buf problem;
    buf_init(&problem);
    if (sim_node_is_down(member->node))
        sim_node_restart(member->node);
    member->env = sim_env_new(member->node);
    struct controller_voter servers[WORLD_NODES];
    int own = -1, server_count = world_list(world, i, servers, &own);
    struct controller_config config = {
        .changes = world->growing,
        .joins = world->joins,
        .servers = servers,
        .server_count = server_count,
        .own_server = own,
        .servers_supposed = world->supposed,
        .node_id = i,
        .dir = "/data/controller",
        .listen_port = world->voters[i].port,
        .directory_id = world->directories[i],
        .voters = world->growing ? &world->voters[i] : world->voters,
        .voter_count = world->growing ? 1 : world->count,
        .cluster_id = "",
        .heartbeat_ms = 50,
        .election_timeout_ms = 300,
        .broker_session_timeout_ms = 2000,
        .default_partitions = 1,
        .default_replication_factor = 1,
        .min_insync_replicas = 1,
        .leader_rebalance_check_ms = 300000,
        .snapshot_entries = world->snapshot_entries,
        .fail_stop = member_failed,
        .fail_data = member,
    };
    logger_init(&member->logger, sim_node_name(member->node), NULL, NULL);
    member->logger.sink = member_log;
    member->logger.sink_data = member;
    int err = controller_new(member->env, &member->logger, &config, &problem, &member->controller);
    if (err)
        printf("# %s\n", buf_text(&problem));
    buf_close(&problem);
    member->failed = false;
    member->up = err == 0;
    if (err) {
        world->broken = "a controller did not start";
        return;
    }
    member->fake = fake_new(world, i, member->env);
}

void world_kill(struct world *world, int i, bool power)
{
    struct member *member = &world->members[i];
    if (!member->up)
        return;
    if (power)
        sim_node_kill_power(member->node);
    else
        sim_node_kill(member->node);
    sim_env_reap(member->env);
    fake_free(member->fake);
    controller_free(member->controller);
    member->up = false;
}

void world_init_growing(struct world *world, uint64_t seed, int count)
{
    static const char *const names[] = {"node0", "node1", "node2", "node3", "node4"};
    ASSERT(count <= WORLD_NODES);
    memset(world, 0, sizeof(*world));
    world->sim = sim_new(seed);
    world->verbose = getenv("MILLRACE_VERBOSE") != NULL;
    world->count = count;
    world->snapshot_entries = 50;
    world->growing = true;
    for (int i = 0; i < count; i++) {
        world->voters[i] = (struct controller_voter){i, names[i], CONTROL_PORT};
        world->members[i].world = world;
        world->members[i].node = sim_node_new(world->sim, names[i]);
        memset(world->directories[i].bytes, i + 1, sizeof(world->directories[i].bytes));
    }
}

void world_init(struct world *world, uint64_t seed, int count)
{
    world_init_growing(world, seed, count);
    world->growing = false;
    for (int i = 0; i < count; i++)
        world_start(world, i);
}

void world_close(struct world *world)
{
    for (int i = 0; i < world->count; i++)
        world_kill(world, i, false);
    sim_free(world->sim);
}

/* ---- conditions ---- */

int world_active(const struct world *world)
{
    for (int i = 0; i < world->count; i++)
        if (world->members[i].up && !world->members[i].failed &&
            controller_is_active(world->members[i].controller))
            return i;
    return -1;
}

bool world_is_member(const struct world *world, int i, bool votes)
{
    int active = world_active(world);
    struct consensus_voter voter;
    for (int j = 0; active >= 0; j++) {
        if (!consensus_voter(world->members[active].controller->consensus, j, &voter))
            return false;
        if (voter.id == i)
            return voter.votes || !votes;
    }
    return false;
}

const struct image *world_image(const struct world *world)
{
    int active = world_active(world);
    return active < 0 ? NULL : world->members[active].controller->image;
}

static bool settled(void *data)
{
    struct world *world = data;
    const struct image *image = world_image(world);
    if (world->broken)
        return true;
    if (!image)
        return false;
    for (int i = 0; i < world->count; i++) {
        const struct image_broker *broker = image_broker(image, i);
        if (world->members[i].up && !world->members[i].failed && (!broker || broker->fenced))
            return false;
        if (world->members[i].up &&
            (!fake_active(world->members[i].fake) || world->members[i].fake->fenced))
            return false;
    }
    return true;
}

bool world_settle(struct world *world, int64_t limit_us)
{
    bool reached = sim_run_until(world->sim, settled, world, sim_now_us(world->sim) + limit_us);
    return reached && !world->broken;
}

/* Cheap, and false nearly as often as the images differ. */
static bool same_indexes(const struct world *world)
{
    int64_t applied = -1;
    for (int i = 0; i < world->count; i++) {
        const struct member *member = &world->members[i];
        if (!member->up)
            continue;
        if (applied >= 0 && member->fake->applied != applied)
            return false;
        applied = member->fake->applied;
    }
    return true;
}

static bool same_images(const struct world *world)
{
    struct buf first;
    bool have = false, same = true;
    buf_init(&first);
    for (int i = 0; i < world->count; i++) {
        if (!world->members[i].up)
            continue;
        const struct image *images[] = {world->members[i].controller->image,
                                        world->members[i].fake->image};
        /* A controller that is in no quorum hears nothing. */
        for (size_t j = !world_is_member(world, i, false); j < 2; j++) {
            struct buf bytes;
            buf_init(&bytes);
            int err = image_pack(images[j], have ? &bytes : &first);
            ASSERT(err == 0);
            if (have)
                same &= bytes.len == first.len &&
                        (first.len == 0 || memcmp(bytes.data, first.data, first.len) == 0);
            have = true;
            buf_close(&bytes);
        }
    }
    buf_close(&first);
    return same;
}

static bool agreed(void *data)
{
    struct world *world = data;
    if (world->broken)
        return true;
    if (!settled(world) || !same_indexes(world) || !same_images(world))
        return false;
    for (int i = 0; i < world->acked_count; i++)
        if (!image_topic_by_name(world_image(world), world->acked[i], strlen(world->acked[i])))
            world->broken = "an acknowledged topic is lost";
    return true;
}

bool world_agrees(struct world *world, int64_t limit_us)
{
    int64_t deadline_us = sim_now_us(world->sim) + limit_us;
    while (sim_now_us(world->sim) < deadline_us && !agreed(world))
        sim_run_for(world->sim, 20 * 1000);
    return !world->broken && agreed(world);
}

bool world_send(struct world *world, int i, Meta__Command *command)
{
    struct fake_link *to = fake_active(world->members[i].fake);
    Meta__Frame frame = META__FRAME__INIT;
    if (!to)
        return false;
    command->id = ++to->fake->command_next;
    frame.body_case = META__FRAME__BODY_COMMAND;
    frame.command = command;
    fake_send(to, &frame);
    return true;
}

void world_burst(struct world *world)
{
    for (int i = 0; i < world->count; i++)
        if (world->members[i].up && !world->members[i].fake->command_waiting)
            fake_create(world->members[i].fake);
}

static bool answered(void *data)
{
    struct fake *fake = data;
    return fake->command_waiting == 0;
}

const Meta__CommandReply *world_ask(struct world *world, int i, Meta__Command *command)
{
    struct fake *fake = world->members[i].fake;
    if (!fake_ask(fake, command))
        return NULL;
    if (!sim_run_until(world->sim, answered, fake, sim_now_us(world->sim) + COMMAND_LIMIT_US))
        return NULL;
    return fake->reply;
}
