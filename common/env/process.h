/* Child processes whose output is read, for programs that run commands of a user. A part of the
 * seam of env.h, with its rules; the simulation has no processes. */
#ifndef ENV_PROCESS_H
#define ENV_PROCESS_H

#include "env/env.h"

struct env_process;

/* Runs the program argv[0], found by $PATH, with these arguments (a NULL behind the last), nothing
 * on its stdin, in a session of its own. *out and *err are pipes from its stdout and stderr,
 * streams that are the caller's: only to be read. `ended` comes when it has ended, with its exit
 * status, or the signal that ended it as a negative number; what it has written may still be in the
 * pipes. ERR_NOT_FOUND, ERR_ACCESS, ERR_TOO_MANY_FILES, ERR_NO_MEMORY. */
int env_process_start(struct env *env, const char *const *argv, struct env_stream **out,
                      struct env_stream **err, void (*ended)(void *data, int status), void *data,
                      struct env_process **process) MUST_CHECK;
/* Sends a signal to it and to what it has started, if it still runs. */
void env_process_kill(struct env_process *process, int signum);
/* Forgets it; `ended` does not come any more. One that runs is not ended by that. */
void env_process_close(struct env_process *process);

#endif
