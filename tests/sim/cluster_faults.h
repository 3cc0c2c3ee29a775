/* What can happen to a simulated cluster by chance: a table with a row for each kind of fault.
 *
 * No fault destroys more than one copy of anything at a time: before the next one the in-sync sets
 * are full again. So nothing acknowledged may ever be lost. */
#ifndef SIM_CLUSTER_FAULTS_H
#define SIM_CLUSTER_FAULTS_H

#include "cluster.h"

struct cluster_faults;

/* `names`: the kinds that may happen, with commas between; NULL = those that are on by default,
 * "all" = every one. An unknown name: NULL is returned. */
struct cluster_faults *cluster_faults_new(struct cluster *cluster, const char *names);
void cluster_faults_free(struct cluster_faults *faults);
/* One fault, drawn by weight from those that can happen now. False when a rule is broken. */
bool cluster_fault(struct cluster_faults *faults);
/* How many have happened. */
int cluster_faults_count(const struct cluster_faults *faults);
/* Prints the table. */
void cluster_faults_list(void);

#endif
