/* The file .metadata-index of each log directory.
 *
 * Happy path: it is written a second after news, and at a clean stop, and read at a start. Failure
 * modes: it may be that far behind, or until there is room, and an older copy of the metadata that
 * is as new as that is not noticed; it is never ahead, since only what is committed is applied
 * here. */
#include "broker/log/metadata_mark.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "broker/log/file_job.h"
#include "broker/log/log_manager.h"
#include "broker/log/log_manager_private.h"

enum {
    METADATA_MARK_MAX = 64, /* bytes of such a file */
    METADATA_MARK_MS = 1000 /* news of that long are written together */
};

static char *mark_path(const struct log_dir *dir)
{
    return mem_printf("%s/" METADATA_MARK_FILE, dir->path);
}

void metadata_mark_load(struct log_dir *dir)
{
    if (!dir->manager->cluster_id[0])
        return; /* another cluster is founded, and counts from the start */
    char *path = mark_path(dir), *text = NULL;
    size_t len;
    int64_t index, term;
    int rc = env_file_load(dir->manager->env, path, METADATA_MARK_MAX, &text, &len);
    if (rc == 0 && sscanf(text, "%" SCNd64 " %" SCNd64, &index, &term) == 2) {
        dir->metadata_index = index;
        log_manager_saw_metadata(dir->manager, index, term);
    } else if (rc != ERR_NOT_FOUND) {
        logger_warn(dir->manager->logger, "%s is not used: %s", path,
                    err_text(rc < 0 ? rc : ERR_CORRUPT));
    }
    mem_free(text);
    mem_free(path);
}

static void mark_written(struct file_job *job)
{
    ASSERT(job->dir->metadata_writing);
    ASSERT(job->offset <= job->manager->metadata_index);
    job->dir->metadata_writing = false;
    if (job->err == 0)
        job->dir->metadata_index = job->offset;
}

void metadata_mark_write(struct log_manager *manager)
{
    for (int i = 0; i < manager->config.dir_count; i++) {
        struct log_dir *dir = &manager->dirs[i];
        struct buf text;
        if (dir->failed || dir->metadata_writing || dir->metadata_index >= manager->metadata_index)
            continue;
        buf_init(&text);
        buf_printf(&text, "%" PRId64 " %" PRId64 "\n", manager->metadata_index,
                   manager->metadata_term);
        dir->metadata_writing = true;
        file_job_start(dir, NULL, mark_path(dir), &text, manager->metadata_index, mark_written);
    }
}

void log_manager_saw_metadata(struct log_manager *manager, int64_t index, int64_t term)
{
    if (index <= manager->metadata_index)
        return;
    manager->metadata_index = index;
    manager->metadata_term = term;
    if (!manager->shutting_down && !env_timer_running(&manager->mark_timer))
        env_timer_start(&manager->mark_timer, METADATA_MARK_MS);
}

void metadata_mark_due(void *data)
{
    metadata_mark_write(data);
}

void log_manager_metadata_seen(const struct log_manager *manager, int64_t *index, int64_t *term)
{
    *index = manager->metadata_index;
    *term = manager->metadata_term;
}
