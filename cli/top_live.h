/* SPDX-License-Identifier: MIT */
/*
 * One process followed by BPF while it is shown: a thread of its own mirrors what happens and keeps a recording.
 *
 * The recording is FILE.partial in the working directory until it is frozen, which gives it its name and begins anew; where
 * no file can be made there is none.  It has at most TOP_RECORDING_BYTES, then it begins anew as well.
 */
#ifndef CLI_TOP_LIVE_H
#define CLI_TOP_LIVE_H

#include <sys/types.h>

#include <vmaple/replay.h>

#include "culprits.h"

#define TOP_RECORDING_BYTES (256ull << 20)

/*
 * What has been seen since it began, at one look. Without a pointer into the ledger, so that it outlives
 * what it was taken from; culprits are its own. culprits_free() ends it.
 */
struct top_numbers {
	double asked, seconds; /* of the clock: before it, and behind it */
	struct replay_stats stats;
	struct culprits culprits;
	uint64_t areas, needless; /* of the process itself */
};

struct top_live;
/* Begin to follow @pid, which can fail later: then top_live_error() says why. NULL: out of memory. */
struct top_live *top_live_start(pid_t pid);
/* "" while all is well; one sentence. */
const char *top_live_error(struct top_live *l);
/* Take a look. 0; -EAGAIN: nothing has been seen yet; or -ENOMEM. Its culprits are the caller's to free. */
int top_live_look(struct top_live *l, struct top_numbers *n);
/* Give the recording its name, written to @name, and begin anew. 0 or -errno. */
int top_live_freeze(struct top_live *l, char *name, size_t size);
void top_live_stop(struct top_live *l);

#endif /* CLI_TOP_LIVE_H */
