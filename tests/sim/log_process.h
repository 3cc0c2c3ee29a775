/* One log on a simulated disk (tests/lib/log_world.h), with the process around it: started, killed,
 * buried, started again. */
#ifndef SIM_LOG_PROCESS_H
#define SIM_LOG_PROCESS_H

#include "base/err.h"
#include "base/mem.h"
#include "kafka/batch.h"
#include "sim.h"
#include "tests/lib/batch_maker.h"
#include "tests/lib/log_world.h"

struct log_process {
    struct log_world world;
    struct sim *sim;
    struct sim_node *node;
    uint64_t seed;
};

/* on_open(data) is called on the loop when the log is there. */
void log_process_init(struct log_process *process, uint64_t seed, void (*on_open)(void *data),
                      void *data);
void log_process_close(struct log_process *process);
/* Starts the process, and waits until the log is open, the start has failed (world.err), or the
 * node is down. Prints and ends the test when it takes a minute. */
void log_process_boot(struct log_process *process);
/* Deletes the log that is open and makes it anew, for another topic id; waits as above. */
void log_process_remake(struct log_process *process);
/* After a kill: frees what the process left, and makes the node ready. */
void log_process_bury(struct log_process *process);
/* A clean shutdown, then a kill. */
void log_process_shut_down(struct log_process *process);

#endif
