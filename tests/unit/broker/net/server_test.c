/* The listeners and all connections: limits, idle ones, those that are let go. */
#include "held.h"

static void the_limit_of_connections_holds(void)
{
    struct fixture f;
    struct client clients[4];
    held_open(&f, "max.connections=2\n");
    for (int i = 0; i < 2; i++) {
        client_open(&f, &clients[i]);
        client_ask(&clients[i], i, 10);
        UNTIL(f.env, held_count == i + 1);
    }
    client_open(&f, &clients[2]); /* the newest is closed */
    UNTIL(f.env, clients[2].closed);
    CHECK(!clients[0].closed && !clients[1].closed);
    client_close(&clients[0]);
    UNTIL(f.env, !request_is_heard(held[0])); /* and makes room */
    client_open(&f, &clients[3]);
    client_ask(&clients[3], 3, 10);
    UNTIL(f.env, held_count == 3);
    for (int i = 1; i < 4; i++)
        client_close(&clients[i]);
    held_close(&f);
}

/* Two clients use up the limit; brokers 2 and 3 are in the cluster. */
static void full_open(struct fixture *f, struct client clients[2], const char *settings)
{
    held_open(f, settings);
    f->others[0] = 2;
    f->others[1] = 3;
    for (int i = 0; i < 2; i++) {
        client_open(f, &clients[i]);
        client_ask(&clients[i], i, 10);
        UNTIL(f->env, held_count == i + 1);
    }
}

static void full_close(struct fixture *f, struct client clients[2])
{
    CHECK(!clients[0].closed && !clients[1].closed);
    client_close(&clients[0]);
    client_close(&clients[1]);
    held_close(f);
}

/* Only the fetch of another broker gets in above the limit. */
static void clients_do_not_keep_brokers_out(void)
{
    static const int32_t no_others[] = {-1, 1, 9};
    struct fixture f;
    struct client clients[2], silent, asks, fetches, follower;
    full_open(&f, clients, "max.connections=2\n");
    client_open(&f, &silent);
    client_open(&f, &asks);
    client_ask(&asks, 5, 10);
    UNTIL(f.env, asks.closed);
    CHECK_INT(held_count, 2);
    for (size_t i = 0; i < ARRAY_LEN(no_others); i++) {
        client_open(&f, &fetches);
        client_fetch(&fetches, no_others[i]);
        UNTIL(f.env, fetches.closed);
        client_close(&fetches);
    }
    client_open(&f, &follower);
    client_fetch(&follower, 2);
    UNTIL(f.env, held_count == 6);
    UNTIL(f.env, silent.closed); /* after its time */
    CHECK(!follower.closed && request_is_heard(held[5]));
    UNTIL(f.env, fixture_says(&f, "connections: max.connections"));
    client_close(&silent);
    client_close(&asks);
    client_close(&follower);
    full_close(&f, clients);
}

/* However many dial and say nothing: the oldest of them makes room. */
static void silent_connections_do_not_keep_brokers_out(void)
{
    enum { DIALLED = 40 };
    struct fixture f;
    struct client clients[2], silent[DIALLED], follower;
    full_open(&f, clients, "max.connections=2\n");
    for (int i = 0; i < DIALLED; i++)
        client_open(&f, &silent[i]);
    client_open(&f, &follower);
    client_fetch(&follower, 3);
    UNTIL(f.env, held_count == 3 || follower.closed);
    CHECK(!follower.closed);
    int closed = 0;
    for (int i = 0; i < DIALLED; i++)
        closed += silent[i].closed;
    CHECK(closed >= DIALLED - 16);
    client_close(&follower);
    for (int i = 0; i < DIALLED; i++)
        client_close(&silent[i]);
    full_close(&f, clients);
}

/* What a broker left behind does not add up, and takes no client's place. */
static void a_broker_has_two_connections(void)
{
    struct fixture f;
    struct client clients[2], follower[3], other, late;
    full_open(&f, clients, "max.connections=3\n");
    client_open(&f, &other); /* as long as there is room */
    client_fetch(&other, 3);
    UNTIL(f.env, held_count == 3);
    for (int i = 0; i < 3; i++) {
        client_open(&f, &follower[i]);
        client_fetch(&follower[i], 2);
        UNTIL(f.env, held_count == 4 + i);
    }
    UNTIL(f.env, follower[0].closed);
    CHECK(!follower[1].closed && !follower[2].closed && !other.closed);
    client_open(&f, &late);
    client_ask(&late, 1, 10);
    UNTIL(f.env, held_count == 7);
    for (int i = 0; i < 3; i++)
        client_close(&follower[i]);
    client_close(&other);
    client_close(&late);
    full_close(&f, clients);
}

/* A host's limit is one of clients, too. */
static void a_hosts_limit_keeps_no_broker_out(void)
{
    struct fixture f;
    struct client clients[2], client, follower;
    full_open(&f, clients, "max.connections.per.ip=2\n");
    client_open(&f, &client);
    client_ask(&client, 1, 10);
    UNTIL(f.env, client.closed);
    client_open(&f, &follower);
    client_fetch(&follower, 2);
    UNTIL(f.env, held_count == 3 || follower.closed);
    CHECK(!follower.closed);
    client_close(&client);
    client_close(&follower);
    full_close(&f, clients);
}

static void a_changed_limit_counts_at_once(void)
{
    struct fixture f;
    struct client clients[4];
    held_open(&f, "");
    client_open(&f, &clients[0]);
    client_ask(&clients[0], 0, 10);
    UNTIL(f.env, held_count == 1);
    server_set_connections(f.server, INT32_MAX, 1, INT32_MAX);
    client_open(&f, &clients[1]);
    UNTIL(f.env, clients[1].closed);
    server_set_connections(f.server, INT32_MAX, 2, INT32_MAX);
    client_open(&f, &clients[2]);
    client_ask(&clients[2], 2, 10);
    UNTIL(f.env, held_count == 2);
    server_set_connections(f.server, 1, 2, INT32_MAX);
    client_open(&f, &clients[3]);
    UNTIL(f.env, clients[3].closed);
    CHECK(!clients[0].closed && !clients[2].closed); /* who is there stays */
    UNTIL(f.env, fixture_says(&f, "refused 2 connections: max.connections"));
    for (int i = 0; i < 4; i++)
        client_close(&clients[i]);
    held_close(&f);
}

/* Nobody who waits for an answer is idle. */
static void idle_connections_are_closed(void)
{
    struct fixture f;
    struct client idle, waiting;
    held_open(&f, "connections.max.idle.ms=1\n");
    client_open(&f, &waiting);
    client_ask(&waiting, 1, 10);
    client_open(&f, &idle);
    UNTIL(f.env, held_count == 1);
    UNTIL(f.env, idle.closed);
    CHECK(!waiting.closed);
    CHECK(request_is_heard(held[0]));
    held_answer(0, 10);
    UNTIL(f.env, waiting.count == 1);
    UNTIL(f.env, waiting.closed); /* now it is */
    client_close(&idle);
    client_close(&waiting);
    held_close(&f);
}

/* Who was told that leaders have moved is closed, once it has its answers; nobody else is. */
static void who_was_told_is_let_go(void)
{
    struct fixture f;
    struct client told, owed, untold;
    held_open(&f, "");
    client_open(&f, &told);
    client_ask(&told, 1, 10);
    UNTIL(f.env, held_count == 1);
    client_open(&f, &owed);
    client_ask(&owed, 2, 10);
    client_ask(&owed, 3, 10);
    UNTIL(f.env, held_count == 3);
    client_open(&f, &untold);
    client_ask(&untold, 4, 10);
    UNTIL(f.env, held_count == 4);
    request_note_moved(held[3]); /* a broker that serves has nothing to say */
    held_answer(3, 10);
    server_leave(f.server);
    request_note_moved(held[0]);
    held_answer(0, 10);
    server_let_go(f.server);
    UNTIL(f.env, told.closed);
    CHECK_INT(told.count, 1);
    request_note_moved(held[1]); /* after the server let go */
    held_answer(1, 10);
    UNTIL(f.env, owed.count == 1);
    int64_t looked_ms = env_now_ms(f.env) + 30; /* it looks every 5 ms whether it can go */
    UNTIL(f.env, env_now_ms(f.env) > looked_ms);
    CHECK(!owed.closed);
    held_answer(2, 10);
    UNTIL(f.env, owed.closed);
    CHECK_INT(owed.count, 2);
    CHECK(!untold.closed);
    client_close(&told);
    client_close(&owed);
    client_close(&untold);
    held_close(&f);
}

static void connection_refused(void *data, int status, struct env_stream *stream)
{
    CHECK(stream == NULL);
    *(int *)data = status;
}

static void a_server_that_stops_accepting_serves_on(void)
{
    struct fixture f;
    struct client client;
    struct env_connect *connect;
    int status = 0;
    held_open(&f, "");
    client_open(&f, &client);
    client_ask(&client, 1, 10);
    UNTIL(f.env, held_count == 1);
    uint16_t port = server_port(f.server, 0);
    server_stop_accepting(f.server);
    CHECK_INT(
        env_connect(f.env, "127.0.0.1", port, UNTIL_MS, connection_refused, &status, &connect), 0);
    UNTIL(f.env, status);
    CHECK_INT(status, ERR_REFUSED);
    held_answer(0, 10);
    UNTIL(f.env, client.count == 1);
    server_close(f.server);
    UNTIL(f.env, client.closed);
    client_close(&client);
    held_close(&f);
}

static void a_port_in_use_is_named(void)
{
    struct fixture f, g;
    char settings[64];
    held_open(&f, "");
    fixture_init(&g, &held_table, "");
    config_free(g.config);
    snprintf(settings, sizeof(settings), "broker.id=2\nlisteners=PLAINTEXT://127.0.0.1:%u\n",
             server_port(f.server, 0));
    g.config = config_make(settings);
    g.deps.listeners = config_listeners(g.config, &g.deps.listener_count);
    CHECK_INT(server_new(&g.deps, &g.problem, &g.server), ERR_ADDRESS_IN_USE);
    g.server = NULL;
    CHECK(strstr(buf_text(&g.problem), "listeners: port ") != NULL);
    CHECK(strstr(buf_text(&g.problem), "is in use by ") != NULL);
    fixture_close(&g);
    held_close(&f);
}

static void descriptors_are_shared_out(void)
{
    struct server_files files = server_share_files(1 << 20);
    CHECK_INT(files.open_segments, 2048);
    CHECK_INT(files.connections, (1 << 20) - 96 - 256 - 3 * 2048);
    files = server_share_files(1024);
    CHECK_INT(files.open_segments, (1024 - 96 - 64) / 9);
    CHECK_INT(files.connections, 1024 - 96 - 64 - 3 * 96);
    files = server_share_files(10); /* less than there are: the least of each */
    CHECK_INT(files.open_segments, 4);
    CHECK_INT(files.connections, 16);
}

static void an_address_has_a_limit_of_its_own(void)
{
    struct fixture f;
    struct client first, second;
    held_open(&f, "");
    server_set_host_limits(f.server, "10.0.0.1:7, 127.0.0.1:1");
    client_open(&f, &first);
    client_ask(&first, 1, 10);
    UNTIL(f.env, held_count == 1);
    client_open(&f, &second);
    UNTIL(f.env, second.closed);
    client_close(&second);
    server_set_host_limits(f.server, "");
    client_open(&f, &second);
    client_ask(&second, 2, 10);
    UNTIL(f.env, held_count == 2);
    client_close(&first);
    client_close(&second);
    held_close(&f);
}

/* What comes at once above the rate waits, and is accepted later. */
static void new_connections_are_paced(void)
{
    enum { COUNT = 6 };
    struct fixture f;
    struct client clients[COUNT];
    held_open(&f, "max.connection.creation.rate=4\n");
    int64_t began_us = env_now_us(f.env);
    for (int i = 0; i < COUNT; i++) {
        client_open(&f, &clients[i]);
        client_ask(&clients[i], i, 10);
    }
    UNTIL(f.env, held_count == COUNT);
    CHECK(env_now_us(f.env) - began_us >= 1000000); /* the sixth needs more than a second */
    for (int i = 0; i < COUNT; i++)
        client_close(&clients[i]);
    held_close(&f);
}

TAP_MAIN(TAP_TEST(an_address_has_a_limit_of_its_own), TAP_TEST(new_connections_are_paced),
         TAP_TEST(the_limit_of_connections_holds), TAP_TEST(clients_do_not_keep_brokers_out),
         TAP_TEST(silent_connections_do_not_keep_brokers_out),
         TAP_TEST(a_broker_has_two_connections), TAP_TEST(a_hosts_limit_keeps_no_broker_out),
         TAP_TEST(a_changed_limit_counts_at_once), TAP_TEST(idle_connections_are_closed),
         TAP_TEST(who_was_told_is_let_go), TAP_TEST(a_server_that_stops_accepting_serves_on),
         TAP_TEST(a_port_in_use_is_named), TAP_TEST(descriptors_are_shared_out))
