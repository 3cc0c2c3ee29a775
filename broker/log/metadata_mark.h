/* How far this broker had come in the cluster's metadata, from one process to the next. With that a
 * controller that was restored from an older copy is known for what it is. In every log directory
 * there is a file .metadata-index, "index term". */
#ifndef BROKER_LOG_METADATA_MARK_H
#define BROKER_LOG_METADATA_MARK_H

struct log_dir;
struct log_manager;

#define METADATA_MARK_FILE ".metadata-index"

/* Takes what the directory's file says when it is newer than what is known. A file that is missing
 * or can't be read says nothing. Blocks. */
void metadata_mark_load(struct log_dir *dir);
/* Writes what is known where it is not yet, in the background. */
void metadata_mark_write(struct log_manager *manager);
/* The same, for the timer of the manager. */
void metadata_mark_due(void *data);

#endif
