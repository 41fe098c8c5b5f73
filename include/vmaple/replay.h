/* SPDX-License-Identifier: MIT */
/**
 * @file replay.h
 * The mirror: address spaces driven by a recording's calls, compared with what was seen of the kernel's.
 *
 * Feed it every event of a source, in order.  It carries out calls, faults, forks and exits on the engine, compares
 * the results, and compares its areas with each observation.
 *
 * A disagreement is reported once and counted by what it is, see enum replay_verdict.  The mirror then takes the observed
 * areas, so that one disagreement does not become many; what still follows from it (another disagreement about the same
 * areas, a call of the same kind with the same pair of results) is counted as a *consequence*, and not reported.
 *
 * One thread at a time inside a replay; several replays need nothing of each other.
 */
#ifndef VMAPLE_REPLAY_H
#define VMAPLE_REPLAY_H

#include <vmaple/mm.h>
#include <vmaple/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a disagreement is. */
enum replay_verdict {
	REPLAY_DIFFERENCE, /**< the engine was wrong */
	REPLAY_UNCERTAIN, /**< the recording cannot say what it depends on: mostly, whether a page had been written */
	REPLAY_FOREIGN, /**< a driver decided about a mapping of its own file */
	REPLAY_OUTSIDE  /**< the map changed where no recorded event was */
};

/** A disagreement. All pointers live during the callback. */
struct replay_difference {
	uint64_t step;      /**< of the event that showed it */
	uint64_t call_step; /**< of the last call in that address space */
	uint32_t pid, mm;
	enum replay_verdict verdict;
	const char *what;     /**< one sentence */
	const char *call;     /**< the last call in that address space, as text; "" if there was none */
	const char *expected; /**< what the mirror has: lines in the form of /proc/PID/maps, or a result */
	const char *found;    /**< what the kernel has */
};

/** Kinds of calls, for counting. */
enum replay_call_kind {
	REPLAY_MMAP,
	REPLAY_MUNMAP,
	REPLAY_MPROTECT,
	REPLAY_MREMAP,
	REPLAY_BRK,
	REPLAY_MADVISE,
	REPLAY_MLOCK,
	REPLAY_OTHER,
	REPLAY_CALL_KINDS
};
/** "mmap", "munmap", ... */
VMAPLE_API const char *replay_call_kind_name(enum replay_call_kind kind);

/** What has been seen so far. */
struct replay_stats {
	uint64_t events;
	uint64_t processes, threads; /**< address spaces' processes; tasks of all of them */
	uint64_t calls, calls_by_kind[REPLAY_CALL_KINDS], failed_calls;
	uint64_t faults, first_writes; /**< recorded; and those that gave an area its anon_vma */
	uint64_t checks, differences, uncertain, foreign, outside;
	uint64_t anon_checks;  /**< looks at which areas share an anon_vma */
	uint64_t consequences; /**< of those four: disagreements that follow from one that was reported */
	uint64_t lost;         /**< LOST events */
	uint64_t vmas_peak;    /**< largest map_count of any address space */
	uint64_t vmas_final;   /**< of the first process when it ended, or now */
	uint64_t splits, merges;
	uint64_t new_areas, new_merged; /**< ranges mapped; those of them that merged at once */
	struct mm_gap gaps[3]; /**< the largest free ranges of the first process, when it ended or now */
	int nr_gaps;
	uint64_t lost_events;  /**< of those LOST events that say how many were lost: so many */
	uint64_t lost_unknown; /**< those that do not */
};

struct replay_options {
	bool unchecked; /**< do not compare */
	/** Called for every disagreement; may be NULL. */
	void (*difference)(void *ctx, const struct replay_difference *difference);
	/** Called for every LOST event; may be NULL. */
	void (*lost)(void *ctx, const struct trace_event *e);
	void *ctx;
	/** May be NULL. The machine is set up, and has no address space: give it another reverse map, or pages. */
	void (*machine)(void *ctx, struct mm_system *sys);
	/** May be NULL. An address space begins that is nobody's copy, and has no area yet. */
	void (*space)(void *ctx, struct mm_struct *mm);
	/** Copy an address space at its fork, not when one of the two changes: for who measures. */
	bool fork_at_once;
};

struct replay;
/** Begin. @p header says what the machine was like. @return NULL when memory runs out. */
VMAPLE_API struct replay *replay_new(const struct trace_header *header, const struct replay_options *options);
/** The sink that mirrors; owned by the replay. Its event() fails with -ENOMEM only. */
VMAPLE_API struct trace_sink *replay_sink(struct replay *replay);
/** What has been seen until now. O(areas of the first process), for its gaps. */
VMAPLE_API void replay_statistics(struct replay *replay, struct replay_stats *stats);
/**
 * The address space of process @p pid now (0: the first process), to look at.
 * @return NULL when there is none; then errno is 0, or ENOMEM where it is there and memory has run out.
 */
VMAPLE_API struct mm_struct *replay_find(struct replay *replay, uint32_t pid);
/** The address space with this number in the recording now, or NULL. */
VMAPLE_API struct mm_struct *replay_space(struct replay *replay, uint32_t mm);
/** Its number in the recording. @p mm is one of this replay's. */
VMAPLE_API uint32_t replay_space_number(struct replay *replay, const struct mm_struct *mm);
/** Its address spaces end with it. */
VMAPLE_API void replay_free(struct replay *replay);

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_REPLAY_H */
