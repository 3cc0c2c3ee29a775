/* Bugs on purpose: proof that the simulation catches what it is there for.
 *
 * A row here is a rule that the code keeps; where the code keeps it stands MUTATION(row), which is
 * always false in the product and costs nothing. `make mutants` builds with -DMUTANTS, switches on
 * one row after the other (mutation_now), and runs seeds until a rule of tests/sim is broken.
 *
 * Where another rule would hide the harm, the row breaks that one too: what a clean stop left is
 * compared with what is there, so the three MARK_ rows leave that out; a batch from beyond the end
 * is refused, so GAP_ACCEPTED also takes it. A mark that is only written too early, after the last
 * append, does no harm at all: everything was flushed before it was acknowledged. */
#ifndef BASE_MUTATION_H
#define BASE_MUTATION_H

#define MUTATION_TABLE(ROW)                                                                        \
    ROW(MARK_UNCHECKED, "a log directory is marked clean whatever its logs are")                   \
    ROW(MARK_UNOPENED, "a start that did not open all logs marks the directory clean")             \
    ROW(MARK_KEPT, "a start leaves the mark of the last clean stop in place")                      \
    ROW(STRAY_ON_A_GUESS, "a directory is removed before it is known whether it is needed")        \
    ROW(EXPIRY_BY_WALL_CLOCK, "a wall clock that is set ahead makes records expire")               \
    ROW(CLOSED_IN_USE, "a file is closed while it is being sent or flushed")                       \
    ROW(LOST_IS_EMPTY, "a replica whose folder is gone is taken for a new one")                    \
    ROW(FAILED_SYNC_TRUSTED, "recovery does not write again what a failed sync may have left")     \
    ROW(TORN_END_TRUSTED, "recovery does not check what a power cut may have torn")                \
    ROW(FLUSH_ERROR_IGNORED, "a flush that failed counts as done")                                 \
    ROW(FLUSH_LAST_ONLY, "a flush syncs only the last segment")                                    \
    ROW(EPOCHS_NOT_REBUILT, "the epoch history is not compared with the log after a crash")        \
    ROW(PRODUCERS_FORGOTTEN, "recovery does not read the producers' sequences")                    \
    ROW(FOLLOWER_COUNTS_UNFLUSHED, "a follower reports what is not on its disk")                   \
    ROW(LEADER_COUNTS_UNFLUSHED, "the leader counts what is not on its own disk")                  \
    ROW(WATERMARK_BY_OLD_SET, "the high watermark leaves out members that are being added")        \
    ROW(WAITS_ANSWERED_BY_EPOCH, "a new leader epoch acknowledges what still waits")               \
    ROW(GAP_ACCEPTED, "a follower takes an answer that was meant for another offset or epoch")     \
    ROW(CUT_TO_WATERMARK, "a follower cuts to its high watermark and not where the epochs part")   \
    ROW(DIVERGENCE_UNCHECKED, "a leader does not compare the epoch of a follower's end")           \
    ROW(IDLE_WITHOUT_ROOM, "a partition that found no room in an answer is not looked at again")   \
    ROW(CONSUMER_IDLE_WITHOUT_ROOM, "the same in the sessions of consumers only")                  \
    ROW(LAG_BY_WALL_CLOCK, "a follower's lag is measured by the wall clock")                       \
    ROW(IDLE_MEMBER_DROPPED, "an idle member that isn't named in fetches is out of sync")          \
    ROW(ISR_CHANGE_UNCHECKED, "a change of an in-sync set is taken under any epoch")               \
    ROW(MOVE_KEEPS_EPOCH, "a replica that was moved away may come again under the same epoch")     \
    ROW(LEADER_FROM_OUTSIDE, "a partition may be led from outside its in-sync set")                \
    ROW(CLOSED_LOG_LEADS, "a replica whose log is not open is made leader")                        \
    ROW(EMPTIED_LEADS, "a broker that lost a directory stays in the in-sync sets")                 \
    ROW(OLDER_DISK_TRUSTED, "an older copy of a log directory counts as the newest one")           \
    ROW(OLDER_DISK_PROVES, "a replica on an older copy of its directory counts as whole")          \
    ROW(WATERMARK_NOT_HELD, "the high watermark moves while the in-sync set is too small")         \
    ROW(CRASHED_ELIGIBLE, "a broker that comes back from a crash stays an eligible replica")       \
    ROW(DELETE_BY_NAME, "a repeated DeleteTopics deletes what has the name by then")               \
    ROW(ANSWERS_OF_A_START, "a broker that knows no cluster yet says what is not there")           \
    ROW(VOTE_UNSYNCED, "a vote is given before it is on the disk")                                 \
    ROW(RAFT_UNSYNCED, "the controller's records count before they are on the disk")               \
    ROW(TXN_UNVERIFIED, "a batch joins a transaction that its partition was never added to")       \
    ROW(TXN_OVERTAKEN, "an addition that a marker overtook is not asked for again")                \
    ROW(TXN_LATE_END, "an end that comes late ends whatever transaction is open")                  \
    ROW(TXN_STALE_REFUSALS, "a coordinator that was succeeded refuses what it can't know of")      \
    ROW(TXN_ABORTED_FORGOTTEN, "recovery does not look for transactions that were aborted")

enum mutation {
    MUTATION_NONE,
#define MUTATION_ROW(name, text) MUTATION_##name,
    MUTATION_TABLE(MUTATION_ROW)
#undef MUTATION_ROW
        MUTATION_COUNT
};

#ifdef MUTANTS
extern enum mutation mutation_now;
#define MUTATION(name) (mutation_now == MUTATION_##name)
#else
#define MUTATION(name) 0
#endif

#endif
