/* What was refused on a connection: nothing behind it passes until it comes again. */
#include "../../tap.h"

#include "broker/replica/refused.h"

static struct refused_batch batch_of(int64_t producer, int32_t partition, int32_t sequence)
{
    return (struct refused_batch){
        .topic = 1, .partition = partition, .sequence = sequence, .producer_id = producer};
}

static void behind_is_told(void)
{
    struct refused refused = {0};
    struct refused_batch first = batch_of(7, 0, 0), second = batch_of(7, 0, 1);
    CHECK(!refused_is_behind(&refused, &second));
    refused_note(&refused, &second);
    refused_note(&refused, &first);
    CHECK_INT(refused.count, 1);
    CHECK(refused_is_behind(&refused, &second));
    CHECK(!refused_is_behind(&refused, &first));
    refused_taken(&refused, &first);
    CHECK(!refused_is_behind(&refused, &second));
    refused_close(&refused);
}

static void others_are_free(void)
{
    struct refused refused = {0};
    struct refused_batch first = batch_of(7, 0, 0);
    struct refused_batch other_partition = batch_of(7, 1, 1), other_producer = batch_of(8, 0, 1);
    struct refused_batch other_epoch = batch_of(7, 0, 1), other_topic = batch_of(7, 0, 1);
    other_epoch.producer_epoch = 1;
    other_topic.topic = 2;
    refused_note(&refused, &first);
    CHECK(!refused_is_behind(&refused, &other_partition));
    CHECK(!refused_is_behind(&refused, &other_producer));
    CHECK(!refused_is_behind(&refused, &other_epoch));
    CHECK(!refused_is_behind(&refused, &other_topic));
    refused_close(&refused);
}

static void the_list_is_bounded(void)
{
    struct refused refused = {0};
    for (int32_t i = 0; i < 3 * REFUSED_MAX; i++) {
        struct refused_batch first = batch_of(7, i, 0);
        refused_note(&refused, &first);
    }
    CHECK_INT(refused.count, REFUSED_MAX);
    struct refused_batch oldest = batch_of(7, 0, 1), newest = batch_of(7, 3 * REFUSED_MAX - 1, 1);
    CHECK(!refused_is_behind(&refused, &oldest));
    CHECK(refused_is_behind(&refused, &newest));
    refused_close(&refused);
}

TAP_MAIN(TAP_TEST(behind_is_told), TAP_TEST(others_are_free), TAP_TEST(the_list_is_bounded))
