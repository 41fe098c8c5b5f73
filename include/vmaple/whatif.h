/* SPDX-License-Identifier: MIT */
/**
 * @file whatif.h
 * A recording with one thing changed: how many areas would there have been?
 *
 * A sink in front of a replay (<vmaple/replay.h>).  It changes events as a change asks for, and keeps addresses as they
 * were recorded, so that what is answered is what the same program would have had.  Where a call would have ended
 * otherwise than it did, the program would have gone on in a way that no recording knows: that is counted, and the first
 * such call kept.
 *
 * Changes that need to know what comes later read the recording twice: each event first goes to whatif_prepare().
 */
#ifndef VMAPLE_WHATIF_H
#define VMAPLE_WHATIF_H

#include <vmaple/replay.h>
#include <vmaple/rmap.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WHATIF_CALLS 8

/** A call that is left out. */
struct whatif_call {
	uint32_t nr;
	int advice; /**< of madvise; -1: any */
};

/** What is changed. All 0: nothing. */
struct whatif_changes {
	const struct kernel_profile *kernel; /**< another kernel; NULL: the recording's */
	const struct rmap_ops *rmap;         /**< another reverse map; NULL: today's */
	bool guards_install;                 /**< guard pages by MADV_GUARD_INSTALL instead of PROT_NONE */
	bool touch_late; /**< memory is first written after the last call that changes its access */
	bool names_off;  /**< no PR_SET_VMA_ANON_NAME */
	uint64_t
		commit; /**< mprotect and madvise of anonymous memory rounded to it, bytes; 0: as they were */
	uint64_t max_map_count; /**< 0: the recording's */
	unsigned int nr_without;
	struct whatif_call without[WHATIF_CALLS];
};

/** What came of it. */
struct whatif_outcome {
	uint64_t changed; /**< events that were changed, left out or put off */
	uint64_t
		otherwise; /**< calls that would have ended otherwise: what follows the first is not certain */
	uint64_t first_step; /**< of the first of these */
	uint32_t first_pid;
	char first_call[256];    /**< as text, with its recorded result */
	char first_expected[64]; /**< how it would have ended */
	uint64_t unseen; /**< maps that the mirror went on from because what led to them was not recorded */
};

struct whatif;
/** @return NULL: out of memory. */
VMAPLE_API struct whatif *whatif_new(const struct trace_header *header, const struct whatif_changes *changes);
/** Does it have to see the whole recording before? */
VMAPLE_API bool whatif_needs_preparation(const struct whatif *whatif);
/** The first reading. 0 or -ENOMEM. */
VMAPLE_API int whatif_prepare(struct whatif *whatif, const struct trace_event *event) __must_check;
/** The second, or only one. Its event() fails with -ENOMEM only. */
VMAPLE_API struct trace_sink *whatif_sink(struct whatif *whatif);
/** The changed mirror. */
VMAPLE_API struct replay *whatif_replay(struct whatif *whatif);
VMAPLE_API const struct whatif_outcome *whatif_outcome(const struct whatif *whatif);
VMAPLE_API void whatif_free(struct whatif *whatif);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_WHATIF_H */
