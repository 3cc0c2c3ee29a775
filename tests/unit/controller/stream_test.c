/* What the metadata stream keeps of entries: all that a follower lacks, and no more than a little
 * of what everybody has. */
#include "../tap.h"

#include "controller/stream.h"

enum { ENTRY = 64 * 1024, ENTRIES = 4 * STREAM_BYTES_KEPT / ENTRY };

static const char entry[ENTRY];

/* The index after the last one pushed. */
static int64_t push_many(struct stream *stream, int64_t index)
{
    for (int i = 0; i < ENTRIES; i++)
        stream_push(stream, index++, 1, entry, sizeof(entry));
    return index;
}

static void what_all_have_goes(void)
{
    struct env *env;
    struct image *image = image_new();
    struct stream_follower follower = {0};
    CHECK_INT(env_new(&env), 0);
    struct stream *stream = stream_new(env, image);
    int64_t next = push_many(stream, 1);
    CHECK_INT(stream_kept(stream), STREAM_BYTES_KEPT);
    /* It is never sent anything here, since nobody runs the loop. */
    stream_follow(stream, &follower, NULL, next);
    next = push_many(stream, next);
    CHECK_INT(stream_kept(stream), STREAM_BYTES_KEPT + ENTRIES * ENTRY);
    for (int i = 0; i < STREAM_BYTES_MAX / STREAM_BYTES_KEPT; i++)
        next = push_many(stream, next);
    CHECK_INT(stream_kept(stream), STREAM_BYTES_MAX);
    stream_leave(&follower);
    stream_push(stream, next, 1, entry, sizeof(entry));
    CHECK_INT(stream_kept(stream), STREAM_BYTES_KEPT);
    CHECK_INT(stream_applied(stream), next);
    stream_free(stream);
    image_free(image);
    env_free(env);
}

TAP_MAIN(TAP_TEST(what_all_have_goes))
