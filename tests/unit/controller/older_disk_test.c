/* Log directories that name the broker epoch under which they last served: which of them count as
 * lost, and what has to be proven then. */
#include "fixture.h"

enum { DISK = 1, OTHER_DISK = 2 };

/* The broker registers as a new process, with one directory. */
static void come_back(int32_t id, int64_t index, uint8_t disk, int64_t epoch)
{
    static uint8_t incarnation = 10;
    decision.index = index;
    disk_of_next = disk;
    epoch_of_next = epoch;
    add_broker_as(id, ++incarnation, "");
    disk_of_next = 0;
    epoch_of_next = FIXTURE_NO_EPOCH;
}

static void serve(int32_t id, int64_t index, uint8_t disk, int64_t epoch)
{
    come_back(id, index, disk, epoch);
    brokers_unfence(&decision, id, NULL, 0);
}

/* The one member of t-0 is the broker 0, last unfenced under epoch 20. */
static void begin_alone(void)
{
    begin();
    serve(0, 10, DISK, BROKERS_DIR_NEW);
    serve(1, 11, OTHER_DISK, BROKERS_DIR_NEW);
    create("t", 1, 2);
    int32_t last = 0;
    set_isr("t", &last, 1, last);
    brokers_fence(&decision, 1);
    serve(0, 20, DISK, 10);
    CHECK_INT(part("t", 0)->leader, 0);
    CHECK_INT(image_broker(image, 0)->served_epoch, 20);
    brokers_fence(&decision, 0);
}

static void the_newest_disk_leads(void)
{
    begin_alone();
    serve(0, 30, DISK, 20);
    CHECK(!part("t", 0)->emptied);
    CHECK_INT(part("t", 0)->leader, 0);
    finish();
}

/* The same directory, as it was when the broker served under an earlier epoch. */
static void an_older_copy_leads_nothing(void)
{
    static const int64_t epochs[] = {10, 19, 0, BROKERS_DIR_NEW};
    for (size_t i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
        begin_alone();
        serve(0, 30, DISK, epochs[i]);
        CHECK(part("t", 0)->emptied);
        CHECK_INT(part("t", 0)->emptied_epoch, 20);
        CHECK_INT(part("t", 0)->leader, -1);
        serve(0, 40, DISK, 30); /* it is no newer for having served since */
        CHECK_INT(part("t", 0)->emptied_epoch, 20);
        CHECK_INT(part("t", 0)->leader, -1);
        serve(0, 50, DISK, 20); /* the right one; the broker itself looks whether it is */
        CHECK_INT(part("t", 0)->emptied_epoch, 20);
        say_whole(0, false);
        CHECK_INT(part("t", 0)->leader, 0);
        CHECK_INT(part("t", 0)->emptied_epoch, 0);
        finish();
    }
}

static void where_others_remain_it_leaves(void)
{
    begin_alone();
    const int32_t both[] = {0, 1};
    set_isr("t", both, 2, -1);
    come_back(0, 30, DISK, 10);
    CHECK_INT(part("t", 0)->isr.count, 1);
    CHECK_INT(part("t", 0)->isr.ids[0], 1);
    CHECK(!part("t", 0)->emptied);
    finish();
}

/* kill -9 before the epoch was written, after that, and before the broker was unfenced. */
static void a_crash_on_the_way_makes_no_disk_older(void)
{
    begin_alone();
    come_back(0, 30, DISK, 20);
    come_back(0, 40, DISK, 20); /* 30 was never written */
    come_back(0, 50, DISK, 40); /* 40 was, and never unfenced */
    CHECK_INT(image_broker(image, 0)->served_epoch, 20);
    serve(0, 60, DISK, 50);
    CHECK(!part("t", 0)->emptied);
    CHECK_INT(part("t", 0)->leader, 0);
    CHECK_INT(image_broker(image, 0)->served_epoch, 60);
    finish();
}

/* A new one, while the broker has others; and once more, when it died before it noted anything. */
static void a_directory_that_is_added_is_not_older(void)
{
    begin_alone();
    extra_disk_of_next = 9;
    come_back(0, 30, DISK, 20);
    serve(0, 40, DISK, 20);
    CHECK(!part("t", 0)->emptied);
    CHECK_INT(part("t", 0)->leader, 0);
    extra_disk_of_next = 0;
    finish();
}

/* The disk failed when the broker noted its epoch: it served without it. What the disk has is no
 * older for that, whoever else served meanwhile. */
static void a_directory_that_was_not_served_is_not_older(void)
{
    const int64_t noted = 20;
    begin_alone();
    for (int64_t index = 30; index < 50; index += 10) {
        come_back(0, index, DISK, 20);
        CHECK(!part("t", 0)->emptied);
        brokers_unfence(&decision, 0, &noted, 1);
        CHECK_INT(image_broker(image, 0)->served_epoch, index);
        CHECK_INT(image_broker(image, 0)->log_dir_epochs[0], 20);
    }
    come_back(0, 50, DISK, 19); /* but a copy from before is */
    CHECK(part("t", 0)->emptied);
    finish();
}

/* It is taken out then. What was on it is where it was, and needs prove no later epoch; what was on
 * the other one has to. */
static void a_directory_that_was_not_served_is_taken_out(void)
{
    const int64_t noted[] = {20, 30};
    for (int offline = 0; offline < 2; offline++) {
        begin_alone();
        extra_disk_of_next = 9;
        come_back(0, 30, DISK, 20);
        extra_disk_of_next = 0;
        brokers_unfence(&decision, 0, noted, 2);
        report(0, "t", offline, 0);
        come_back(0, 40, 9, 30);
        CHECK(part("t", 0)->emptied);
        CHECK_INT(part("t", 0)->emptied_epoch, offline ? 20 : 30);
        finish();
    }
}

/* What older versions left is trusted until the broker has served once with this one. */
static void what_names_no_epoch_is_trusted_once(void)
{
    begin();
    serve(0, 10, DISK, FIXTURE_NO_EPOCH); /* an older version */
    create("t", 1, 1);
    CHECK_INT(image_broker(image, 0)->served_epoch, 0);
    serve(0, 20, DISK, 0);
    CHECK_INT(part("t", 0)->leader, 0);
    CHECK_INT(image_broker(image, 0)->served_epoch, 20);
    serve(0, 30, DISK, FIXTURE_NO_EPOCH); /* and back to it */
    CHECK_INT(part("t", 0)->leader, 0);
    CHECK_INT(image_broker(image, 0)->served_epoch, 0);
    serve(0, 40, DISK, 20);
    CHECK_INT(part("t", 0)->leader, 0);
    brokers_fence(&decision, 0);
    serve(0, 50, DISK, 0);
    CHECK_INT(part("t", 0)->leader, -1);
    finish();
}

/* It looks at no epoch, and would say of an older disk that all is there. */
static void an_older_version_proves_nothing(void)
{
    begin_alone();
    come_back(0, 30, DISK, 10);
    serve(0, 40, DISK, FIXTURE_NO_EPOCH);
    say_whole(0, false);
    CHECK(part("t", 0)->emptied);
    CHECK_INT(part("t", 0)->leader, -1);
    serve(0, 50, DISK, 20);
    say_whole(0, false);
    CHECK_INT(part("t", 0)->leader, 0);
    finish();
}

static void who_was_unregistered_has_to_prove_it(void)
{
    begin_alone();
    Meta__UnregisterBroker body = META__UNREGISTER_BROKER__INIT;
    Meta__CommandReply reply = META__COMMAND_REPLY__INIT;
    brokers_unregister(&decision, &body, &reply);
    CHECK(part("t", 0)->emptied);
    CHECK_INT(part("t", 0)->emptied_epoch, 20);
    serve(0, 30, DISK, 10);
    CHECK_INT(part("t", 0)->emptied_epoch, 20);
    CHECK_INT(part("t", 0)->leader, -1);
    CHECK_INT(elect(true, "t", 0), 0); /* a person has decided */
    CHECK_INT(part("t", 0)->emptied_epoch, 0);
    finish();
}

TAP_MAIN(TAP_TEST(the_newest_disk_leads), TAP_TEST(an_older_copy_leads_nothing),
         TAP_TEST(where_others_remain_it_leaves), TAP_TEST(a_crash_on_the_way_makes_no_disk_older),
         TAP_TEST(a_directory_that_is_added_is_not_older),
         TAP_TEST(a_directory_that_was_not_served_is_not_older),
         TAP_TEST(a_directory_that_was_not_served_is_taken_out),
         TAP_TEST(what_names_no_epoch_is_trusted_once), TAP_TEST(an_older_version_proves_nothing),
         TAP_TEST(who_was_unregistered_has_to_prove_it))
