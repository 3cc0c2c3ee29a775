/* Which configuration of the quorum holds, whatever the library's core thinks (defect 11). */
#include "../tap.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/raft_codec.h"
#include "controller/raft_servers.h"

enum { LOG_SIZE = 8 };

/* A log of five entries behind a snapshot at 10, in a ring that wraps around. */
struct fixture {
    struct raft raft;
    struct raft_entry ring[LOG_SIZE];
    struct raft_servers servers;
};

static void fill(struct raft_configuration *configuration, int count)
{
    raft_configuration_init(configuration);
    for (int i = 0; i < count; i++) {
        struct raft_member member = {.id = i, .host = "h", .port = 1};
        char *address = raft_servers_address(&member);
        CHECK_INT(raft_configuration_add(configuration, (raft_id)i + 1, address, RAFT_VOTER), 0);
        mem_free(address);
    }
}

/* Entry `index` is a configuration of so many servers; 0 = none. */
static void put(struct fixture *f, raft_index index, int count)
{
    struct raft_entry *entry = &f->ring[(f->raft.log.front + (index - 11)) % LOG_SIZE];
    entry->type = RAFT_BARRIER;
    if (count == 0)
        return;
    struct raft_configuration configuration;
    fill(&configuration, count);
    entry->type = RAFT_CHANGE;
    CHECK_INT(raft_codec_encode_configuration(&configuration, &entry->buf), 0);
    raft_configuration_close(&configuration);
}

static void begin(struct fixture *f)
{
    struct raft_configuration base;
    memset(f, 0, sizeof(*f));
    f->raft.log = (struct raft_log){
        .entries = f->ring, .size = LOG_SIZE, .front = 5, .back = 2, .offset = 10};
    f->raft.commit_index = f->raft.last_applied = 12;
    raft_servers_init(&f->servers);
    fill(&base, 1);
    CHECK_INT(raft_servers_set_base(&f->servers, &base, 7), 0);
    raft_configuration_close(&base);
    for (raft_index i = 11; i <= 15; i++)
        put(f, i, i == 12 ? 2 : i == 14 ? 3 : 0);
    fill(&f->raft.configuration, 3);
    f->raft.configuration_index = 12;
    f->raft.configuration_uncommitted_index = 14;
}

static void finish(struct fixture *f)
{
    for (int i = 0; i < LOG_SIZE; i++)
        raft_free(f->ring[i].buf.base);
    raft_configuration_close(&f->raft.configuration);
    raft_servers_close(&f->servers);
}

static void check_at(const struct fixture *f, raft_index index, int count, raft_index where)
{
    struct raft_configuration configuration;
    raft_index found;
    CHECK_INT(raft_servers_at(&f->servers, &f->raft, index, &configuration, &found), 0);
    CHECK_INT((int)configuration.n, count);
    CHECK_INT((int)found, (int)where);
    raft_configuration_close(&configuration);
}

static void the_newest_one_up_to_an_index_holds_there(void)
{
    struct fixture f;
    begin(&f);
    check_at(&f, 11, 1, 7);
    check_at(&f, 12, 2, 12);
    check_at(&f, 13, 2, 12);
    check_at(&f, 15, 3, 14);
    finish(&f);
}

static void one_that_is_cut_off_holds_no_longer(void)
{
    struct fixture f;
    begin(&f);
    raft_index pending = raft_servers_before(&f.servers, &f.raft);
    CHECK_INT((int)f.raft.configuration_uncommitted_index, 0); /* the core rolls back nothing */
    f.servers.cut = true;
    f.raft.log.back = (f.raft.log.front + 3) % LOG_SIZE; /* from 14 on */
    CHECK_INT(raft_servers_after(&f.servers, &f.raft, pending), 0);
    CHECK_INT((int)f.raft.configuration.n, 2);
    CHECK_INT((int)f.raft.configuration_index, 12);
    CHECK_INT((int)f.raft.configuration_uncommitted_index, 0);
    /* Nor does the one before, where that is only in the snapshot. */
    f.raft.commit_index = f.raft.last_applied = 11;
    f.raft.log.back = (f.raft.log.front + 1) % LOG_SIZE;
    CHECK_INT(raft_servers_after(&f.servers, &f.raft, 12), 0);
    CHECK_INT((int)f.raft.configuration.n, 1);
    CHECK_INT((int)f.raft.configuration_index, 7);
    finish(&f);
}

static void one_that_waits_stays_until_it_is_committed(void)
{
    struct fixture f;
    begin(&f);
    raft_index pending = raft_servers_before(&f.servers, &f.raft);
    CHECK_INT(raft_servers_after(&f.servers, &f.raft, pending), 0);
    CHECK_INT((int)f.raft.configuration_uncommitted_index, 14);
    pending = raft_servers_before(&f.servers, &f.raft);
    f.raft.commit_index = f.raft.last_applied = 14;
    CHECK_INT(raft_servers_after(&f.servers, &f.raft, pending), 0);
    CHECK_INT((int)f.raft.configuration_uncommitted_index, 0);
    finish(&f);
}

static void an_address_is_read_as_it_was_written(void)
{
    struct raft_member member = {.id = 3, .host = "fe80::1", .port = 19092}, read;
    for (int with_directory = 0; with_directory < 2; with_directory++) {
        memset(&member.directory_id, with_directory ? 0xab : 0, sizeof(member.directory_id));
        char *address = raft_servers_address(&member);
        CHECK(raft_servers_parse(address, &read));
        CHECK_INT(read.id, 3);
        CHECK_STR(read.host, "fe80::1");
        CHECK_INT(read.port, 19092);
        CHECK(uuid_equal(&read.directory_id, &member.directory_id));
        mem_free(read.host);
        mem_free(address);
    }
    CHECK(!raft_servers_parse("1", &read));
    CHECK(!raft_servers_parse("1@host", &read));
    CHECK(!raft_servers_parse("1@host:1/x", &read));
}

static void a_sole_voter_is_told_by_what_is_stored(void)
{
    struct raft_configuration one, two;
    struct raft_buffer conf_one, conf_two;
    fill(&one, 1);
    fill(&two, 2);
    CHECK_INT(raft_codec_encode_configuration(&one, &conf_one), 0);
    CHECK_INT(raft_codec_encode_configuration(&two, &conf_two), 0);
    struct raft_store_entry entry = {1, RAFT_CHANGE, conf_two.base, conf_two.len};
    struct raft_store_state state = {.has_snapshot = true};
    state.snapshot.conf = conf_one.base;
    state.snapshot.conf_len = conf_one.len;
    CHECK(raft_servers_stored_alone(&state, 1));
    CHECK(!raft_servers_stored_alone(&state, 2));
    state.entries = &entry;
    state.count = 1;
    CHECK(!raft_servers_stored_alone(&state, 1));
    CHECK(!raft_servers_stored_alone(&(struct raft_store_state){0}, 1));
    raft_free(conf_one.base);
    raft_free(conf_two.base);
    raft_configuration_close(&one);
    raft_configuration_close(&two);
}

/* A voter may say anything. */
static void an_id_that_no_node_has_is_refused(void)
{
    const raft_id ids[] = {(raft_id)INT32_MAX + 1, (raft_id)INT32_MAX + 2, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct raft_configuration configuration, read;
        struct raft_buffer bytes;
        raft_configuration_init(&configuration);
        CHECK_INT(raft_configuration_add(&configuration, ids[i], "1@h:1", RAFT_VOTER), 0);
        CHECK_INT(raft_codec_encode_configuration(&configuration, &bytes), 0);
        CHECK_INT(raft_codec_configuration(bytes.base, bytes.len, &read), i ? ERR_MALFORMED : 0);
        raft_configuration_close(&configuration);
        raft_configuration_close(&read);
        raft_free(bytes.base);
    }
}

TAP_MAIN(TAP_TEST(the_newest_one_up_to_an_index_holds_there),
         TAP_TEST(one_that_is_cut_off_holds_no_longer),
         TAP_TEST(one_that_waits_stays_until_it_is_committed),
         TAP_TEST(an_address_is_read_as_it_was_written),
         TAP_TEST(a_sole_voter_is_told_by_what_is_stored),
         TAP_TEST(an_id_that_no_node_has_is_refused))
