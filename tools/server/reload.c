/* Happy path: the file is read and checked as at a start, what differs is sorted into what counts
 * now and what needs a restart, and one line says both. Failure mode: an error in the file, which
 * is said, and all stays. What was read is kept to the end of the process, since its texts may be
 * in use anywhere; where nothing changes nothing is kept. */
#include "tools/server/reload.h"

#include "base/err.h"
#include "base/mem.h"
#include "broker/cluster/live_settings.h"

void reload_init(struct reload *reload, struct env *env, struct logger *logger,
                 const struct config *started, const char *const *overrides, int override_count)
{
    ASSERT(started != NULL);
    *reload = (struct reload){.env = env,
                              .logger = logger,
                              .running = started,
                              .overrides = overrides,
                              .override_count = override_count};
}

void reload_close(struct reload *reload)
{
    for (int i = 0; i < reload->earlier_count; i++)
        config_free(reload->earlier[i]);
    mem_free(reload->earlier);
    *reload = (struct reload){0};
}

static bool reload_is_live(enum config_id id)
{
    return live_settings_is_live(id) || (config_row(id)->flags & CONFIG_AT_CONTROLLER);
}

static bool reload_take(struct reload *reload, struct config *fresh)
{
    struct buf taken, kept;
    buf_init(&taken);
    buf_init(&kept);
    config_take_live(fresh, reload->running, reload_is_live, &taken, &kept);
    bool changed = taken.len > 0;
    if (changed)
        logger_info(reload->logger,
                    "SIGHUP: the settings were read again, and these changed:%s%s%s",
                    buf_text(&taken), kept.len ? "; needs a restart:" : "", buf_text(&kept));
    else if (kept.len)
        logger_warn(reload->logger,
                    "SIGHUP: the settings were read again; what changed needs a restart:%s",
                    buf_text(&kept));
    else
        logger_info(reload->logger, "SIGHUP: the settings were read again, and are the same");
    buf_close(&taken);
    buf_close(&kept);
    return changed;
}

bool reload_read(struct reload *reload)
{
    struct config *fresh = NULL;
    struct buf problem, notes;
    buf_init(&problem);
    buf_init(&notes);
    bool changed = false;
    int err = config_load(reload->env, config_file(reload->running), reload->overrides,
                          reload->override_count, &problem, &notes, &fresh);
    if (err)
        logger_error(reload->logger, "SIGHUP: the settings stay as they are: %s",
                     problem.len ? buf_text(&problem) : err_text(err));
    else
        changed = reload_take(reload, fresh);
    if (changed) {
        reload->earlier = mem_realloc(reload->earlier, (size_t)(reload->earlier_count + 1) *
                                                           sizeof(*reload->earlier));
        reload->earlier[reload->earlier_count++] = fresh;
        reload->running = fresh;
    } else if (fresh) {
        config_free(fresh);
    }
    buf_close(&problem);
    buf_close(&notes);
    return changed;
}
