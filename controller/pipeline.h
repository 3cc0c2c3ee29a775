/* From jobs to committed records, in order.
 *
 * A job is something that the active controller has to decide: a command of a broker, or its own
 * idea (fence a broker). Jobs are decided one after another against the `decided` image, which has
 * the records of all earlier decisions; those of one origin that wait together become one entry. A
 * job is finished when its entry, and all before it, have been committed and applied here. */
#ifndef CONTROLLER_PIPELINE_H
#define CONTROLLER_PIPELINE_H

#include "base/list.h"
#include "controller/consensus.h"
#include "controller/decision.h"

struct pipeline;
struct job;

struct job_class {
    /* Decides; may emit nothing. What it puts into `reply` lives until `finish` returns. */
    void (*decide)(struct job *job, struct decision *decision, Meta__Frame *reply);
    /* The end, exactly once: `err` 0 = done, entry `index` is the last that matters to it;
     * ERR_NOT_CONTROLLER = certainly nothing happened; ERR_TIMED_OUT = nobody knows. Frees the job.
     * Must not submit jobs. `reply` is NULL when it was not decided. */
    void (*finish)(struct job *job, int err, int64_t index, Meta__Frame *reply);
    bool first; /* its record's index matters: it must be the first of its entry */
};

/* Embedded in what the submitter needs. */
struct job {
    struct list link;
    const struct job_class *class;
    const char *principal; /* "" = the controller itself; valid as long as the job */
    const char *client_id;
    int32_t via_broker;
    Meta__Frame reply;
};

/* `image` is the committed one, as the controller applies it. `*consensus` must be set when the
 * pipeline is started. */
struct pipeline *pipeline_new(struct env *env, struct logger *logger, struct consensus **consensus,
                              const struct image *image, const struct decision_rules *rules);
void pipeline_free(struct pipeline *pipeline);

/* This node became the active controller, with all of the committed state applied; or ceased to be:
 * then every job is finished with an error. */
void pipeline_start(struct pipeline *pipeline);
void pipeline_stop(struct pipeline *pipeline);

/* Only while started. It is decided after this returns, at the end of this turn of the loop unless
 * too much is under way. */
void pipeline_submit(struct pipeline *pipeline, struct job *job);
/* The image with all decisions; NULL while stopped. */
const struct image *pipeline_image(const struct pipeline *pipeline);

#endif
