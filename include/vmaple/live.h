/* SPDX-License-Identifier: MIT */
/**
 * @file live.h
 * The live source: a program is started, or a running process attached to, and everything that happens to its address spaces becomes events.
 *
 * The program, its threads and its children are traced with ptrace(2) under a seccomp filter, so that only mapping
 * calls stop them; calls on one address space are let through one at a time, so that their order is known.  First
 * writes are found by looking at pages at these stops.  If the tracer dies, the program is killed.
 *
 * A process that was attached to has no filter: every call of it stops, twice, and calls that block are interrupted once,
 * when it is attached to (EINTR where the kernel does not begin them again).  It goes on as it was when it is left, and if the
 * tracer dies.  Whose process it is, the kernel asks (ptrace(2): its user, or CAP_SYS_PTRACE).
 *
 * One live source per process at a time, in one thread: it waits for any child.  Of this process it changes, and puts back:
 *  - from live_start() to live_free(), SIGCHLD is blocked in the calling thread, which all calls are made from.  Threads
 *    made meanwhile inherit that; others should block it, too, or the end of a child can interrupt a call of theirs;
 *  - from live_start() to live_free(), the soft limit of open files is the hard one;
 *  - during live_run(), SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE and SIGXFSZ are ignored.  SIGCHLD has a
 *    handler that does nothing, and a timer that sends it to the calling thread, which it reaches where that waits;
 *  - during live_run(), SIGTERM and SIGHUP are blocked in the calling thread.  One that comes is the program's: it is sent to
 *    it, unless it has had its own (sent to the whole process group), and the run ends when the program does.
 * Of a process that was attached to, SIGINT, SIGQUIT, SIGTERM and SIGHUP are as the caller has set them.
 * The program gets none of it.  Where the shell of a terminal waits for this process, it stops when the program has stopped.
 */
#ifndef VMAPLE_LIVE_H
#define VMAPLE_LIVE_H

#include <sys/types.h>

#include <vmaple/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How often the kernel's map is read. */
enum live_check {
	/**
	 * After each call, where it can have changed something; all of it at the end.  After one that has no error to return,
	 * of a program of one thread, that may be when the program stops next: the map is the same then.
	 */
	LIVE_CHECK_EVERY,
	LIVE_CHECK_NTH, /**< all of it after each Nth call, and at the end */
	/**
	 * All of it when an address space ends.  Then, and between the Nth calls of the above, a program of one thread is
	 * let go on from the entry of a call where the map will tell how the call ended: one stop less.  Of such a call that
	 * fails the error is not seen (TRACE_ERROR_UNSEEN).
	 */
	LIVE_CHECK_END
};

struct live_options {
	char *const *argv; /**< the command, found as execvp(3) finds it; or NULL, and */
	pid_t pid;         /**< attach to this process, its threads and its children to come */
	double seconds;    /**< attached: leave after so long; 0: when the processes have ended */
	/** Attached: asked between events, and during the first look: leave now? NULL: no. */
	bool (*stop)(void *ctx);
	enum live_check check;
	uint64_t nth; /**< for LIVE_CHECK_NTH */
	bool stacks;  /**< tell the call stack of each mapping call */
	/**
	 * The program behaves otherwise than alone, because it is recorded: one sentence, which is valid during the call.  Called
	 * from live_run(), once for each kind.  NULL: nobody wants to know.
	 */
	void (*notice)(void *ctx, const char *sentence);
	void *ctx; /**< for notice and stop */
};

struct live;
/**
 * Prepare: the child process exists and waits, or the process is traced and runs on; the fault source is chosen.
 * @return 0, or -errno and one sentence in @p error.
 */
VMAPLE_API int live_start(
	struct live **live, const struct live_options *options, char *error, size_t error_size) __must_check;
/** What is true of the recording to be made. */
VMAPLE_API const struct trace_header *live_header(const struct live *live);
/**
 * Let the program run, until it and all its children have ended, or it is time to leave.  Events go to @p sink; if that fails, the program
 * runs on unrecorded.
 * @return 0 and the program's wait status, or -errno and one sentence in live_error(); -EINTR and none: it was told to leave
 * before the first look was done, of which the sink has a part at most. 127 or 126 in the exit status
 * with live_error() set: the program could not be started.
 */
VMAPLE_API int live_run(struct live *live, struct trace_sink *sink, int *status);
/** After live_run(): the program was started, so that there is something in the recording. */
VMAPLE_API bool live_began(const struct live *live);
/**
 * After live_run(): how many programs were begun without the privileges that their set-user-ID or set-group-ID bit, or
 * their file capabilities, would have given them, because tracing without privilege takes no_new_privs.
 * @p program is the first of them, or "".
 */
VMAPLE_API uint64_t live_privileges_lost(const struct live *live, const char **program);
/** One sentence, or "". */
VMAPLE_API const char *live_error(const struct live *live);
/** After live_run(), or instead of it: then the program never begins. */
VMAPLE_API void live_free(struct live *live);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_LIVE_H */
