/* Files and directories of a simulated disk, each of them twice: as it is (live) and as a loss of
 * power would leave it (durable). Private to sim_disk.c and sim_disk_hand.c. */
#ifndef SIM_SIM_OBJECT_H
#define SIM_SIM_OBJECT_H

#include "sim_private.h"

/* A range of a file that was written, or (truncated) a length it was set to. */
struct sim_dirty {
    uint64_t offset;
    uint64_t len;
    bool truncated; /* to `offset` */
};

/* A file or a directory; names, handles and remembered changes hold references. */
struct sim_object {
    int refs;
    bool is_dir;
    bool locked;
    union {
        struct {
            struct buf live, durable;
            struct sim_dirty *dirty;
            size_t dirty_count, dirty_cap;
            uint64_t chill; /* of the node, when it was last looked at */
            uint8_t *cold;  /* a flag for each piece that is not in memory; NULL: all are */
            size_t cold_count;
        };
        struct { /* name -> struct sim_object */
            struct map names, durable_names;
        };
    };
};

/* One change of directories: a name goes, a name comes, or both at once. */
struct sim_change {
    struct list link;             /* in node->changes */
    struct sim_object *from, *to; /* directories; NULL = not in this change */
    char *from_name, *to_name;
    struct sim_object *object; /* what `to_name` names */
};

/* Follows `path` to the directory of its last part, which is copied to `name` ("" for the root). */
int disk_walk(struct sim_node *node, const char *path, struct sim_object **dir,
              char name[256]) MUST_CHECK;
int disk_find(struct sim_node *node, const char *path, struct sim_object **object) MUST_CHECK;

struct sim_object *object_new(bool is_dir);
void object_unref(struct sim_object *object);
/* Sets a length, with zeros where it grows; never fails. */
void object_resize(struct buf *bytes, uint64_t len);
/* Remembers that a range was written, or that the length was set to `offset`. */
void object_note_dirty(struct sim_object *object, uint64_t offset, uint64_t len, bool truncated);
/* Makes the content durable. */
void object_sync(struct sim_object *object);
/* That failed: the pages count as clean without having been written, and are lost with the power
 * unless they are written again. Lengths are the file system's own, and still to be made durable.
 */
void object_sync_failed(struct sim_object *object);
/* Power loss, for the object and what is below it; returns the bytes of files that remain. */
uint64_t object_lose(struct sim *sim, struct sim_object *object);

/* Changes directories on the live side and remembers it: `from_name` goes from `from` (unless
 * NULL), and `to` (unless NULL) gets `object` as `to_name`. */
void change_make(struct sim_node *node, struct sim_object *from, const char *from_name,
                 struct sim_object *to, const char *to_name, struct sim_object *object);
/* Makes a remembered change durable and forgets it. */
void change_apply(struct sim_change *change);
void change_free(struct sim_change *change);
/* Power loss: some of the remembered changes become durable. */
void changes_lose(struct sim_node *node);
/* A name on both sides: `object` (NULL = nothing) in place of what it named. */
void names_set(struct sim_object *dir, const char *name, struct sim_object *object);

#endif
