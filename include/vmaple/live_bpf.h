/* SPDX-License-Identifier: MIT */
/**
 * @file live_bpf.h
 * The other live source: BPF tells what happens to address spaces, and nobody is stopped.
 *
 * It follows a process that is already running, or all of a cgroup or of the machine, from their maps of that moment, or a
 * program that it starts, with all threads and children.  Calls are told in the order in which the kernel held the mmap lock, with the areas around the
 * change as they were when the lock was let go.  What was lost is told, and the map is read anew (TRACE_MAP_RESYNC).
 *
 * It takes CAP_BPF and CAP_PERFMON (or root), BTF, and Linux 6.4 or newer, whose mm_lock_seq proves that nothing was
 * missed.  It sees every process: whose it is, is the caller's business to ask.
 */
#ifndef VMAPLE_LIVE_BPF_H
#define VMAPLE_LIVE_BPF_H

#include <sys/types.h>

#include <vmaple/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

struct live_bpf_options {
	pid_t pid;         /**< attach to this process; or */
	char *const *argv; /**< start this command; or */
	/** Follow every process of this cgroup (a folder of cgroup v2) and those below it, now and to come; or */
	const char *cgroup;
	bool machine;   /**< every process but this one, now and to come */
	bool stacks;    /**< tell the call stack of each mapping call */
	double seconds; /**< end after so long; 0: when the processes have ended */
	/** Asked while it prepares, during the first look, and between events: end now? NULL: no. */
	bool (*stop)(void *ctx);
	void *ctx;
};

struct live_bpf;
/** Load and prepare. @return 0, or -errno and one sentence in @p error; -EINTR: it was told to end. */
VMAPLE_API int live_bpf_start(struct live_bpf **source, const struct live_bpf_options *options, char *error,
	size_t error_size) __must_check;
/** What is true of the recording to be made. */
VMAPLE_API const struct trace_header *live_bpf_header(const struct live_bpf *source);
/**
 * Follow until the end; the processes go on unharmed.  Events go to @p sink; if that fails, a command that was started runs
 * on unrecorded, and its end is waited for.  SIGTERM and SIGHUP sent to this process meanwhile are passed on to that command:
 * they are blocked in the calling thread until it has ended.
 * @return 0 or -errno, and the wait status of a command that was started; -EINTR: it was told to end before the first
 * look was done, of which the sink has a part at most.
 */
VMAPLE_API int live_bpf_run(struct live_bpf *source, struct trace_sink *sink, int *status);
VMAPLE_API void live_bpf_free(struct live_bpf *source);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_LIVE_BPF_H */
