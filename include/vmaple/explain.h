/* SPDX-License-Identifier: MIT */
/**
 * @file explain.h
 * The boundary ledger: why an address space has as many areas as it has.
 *
 * An address space of n areas has n boundaries: the lower end of each.  A boundary has a *birth*, the event that put
 * it there, and *reasons* why it is there still.  The reasons come from vma_merge_blockers(), on which the calls act;
 * what vm_flags differ in is told apart.  The ledger is kept while a recording is mirrored: it is a replay
 * (<vmaple/replay.h>) whose areas know their own history.
 *
 *     struct explain *x = explain_new(trace_reader_header(reader), &options);
 *     while (trace_reader_next(reader, &event) > 0)
 *             explain_sink(x)->event(explain_sink(x), &event);
 *     for_each_vma (vmi, vma) {                          // VMA_ITERATOR(vmi, replay_find(explain_replay(x), 0), 0)
 *             explain_boundary(vma, &b);                 // b.left, b.reasons, b.birth
 *             life = explain_life(vma);                  // life->made, life->written, ...
 *     }
 *
 * Memory: O(live areas + code places that calls came from).  One thread at a time inside a ledger.
 */
#ifndef VMAPLE_EXPLAIN_H
#define VMAPLE_EXPLAIN_H

#include <vmaple/replay.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A place in a program from which calls came. Equal places are equal pointers; they live as long as the ledger. */
struct explain_site {
	const char *module; /**< path of the file that is mapped there; "" when none is */
	uint64_t offset;    /**< in the file, bytes; without one the address */
};

/** Something that happened to areas: a call, a first write, a fork, a map that was read. */
struct explain_event {
	uint32_t type;  /**< enum trace_event_type: CALL, FAULT, FORK, MAP or SPACE */
	uint32_t stack; /**< number of its call stack in the recording; 0: it has none */
	uint64_t step, time_ns;
	uint32_t pid, tid, mm;
	uint32_t other_pid;              /**< FORK: the child's */
	uint64_t addr;                   /**< FAULT: what was written */
	struct trace_call call;          /**< CALL: without data */
	const struct explain_site *site; /**< CALL: where it came from; NULL: not known */
};

/** What the ledger knows of an area. What never happened is NULL; a part that was cut off has its own copy. */
struct explain_life {
	const struct explain_event *made;       /**< mapped; of areas that have joined: the earliest */
	const struct explain_event *low, *high; /**< put its lower end, its upper end where it is */
	const struct explain_event *low_changed,
		*high_changed;                 /**< gave these ends the properties they have */
	const struct explain_event *grown;     /**< joined or grew, last */
	const struct explain_event *prot;      /**< changed what access it allows, last */
	const struct explain_event *flags;     /**< changed any other flag, last */
	const struct explain_event *written;   /**< first write: it got its anon_vma */
	const struct explain_event *inherited; /**< fork that gave it to this process after it was written */
	const struct explain_event *moved;     /**< mremap that brought it here, last */
	const struct explain_event *named, *policy, *uffd;
};
/**
 * Of an area in an address space of a ledger. Valid until the next event.  Where memory has run out nothing is known of it:
 * the next event fails, and explain_incomplete().
 */
VMAPLE_API const struct explain_life *explain_life(const struct vm_area_struct *vma);

/** A reason why two neighbours are two; a set of them is their sum. */
enum explain_reason {
	EXPLAIN_GAP = 1 << 0,          /**< not adjacent */
	EXPLAIN_PROT = 1 << 1,         /**< access differs: read, write, execute */
	EXPLAIN_SHARED = 1 << 2,       /**< one is shared, one private */
	EXPLAIN_FILE = 1 << 3,         /**< different files, or one has none */
	EXPLAIN_OPENED_TWICE = 1 << 4, /**< the same file by two open(2) */
	EXPLAIN_OFFSET = 1 << 5,       /**< the same file, at offsets that do not adjoin */
	EXPLAIN_MOVED = 1 << 6,        /**< memory that mremap moved after it was written */
	EXPLAIN_WRITTEN = 1 << 7,      /**< each was first written on its own: two anon_vmas */
	EXPLAIN_INHERITED = 1 << 8,    /**< written pages of one or both are shared with a parent by fork */
	EXPLAIN_DONTFORK = 1 << 9,
	EXPLAIN_WIPEONFORK = 1 << 10,
	EXPLAIN_DONTDUMP = 1 << 11,
	EXPLAIN_LOCKED = 1 << 12,
	EXPLAIN_HUGEPAGE = 1 << 13,
	EXPLAIN_MERGEABLE = 1 << 14,
	EXPLAIN_READAHEAD = 1 << 15, /**< MADV_SEQUENTIAL, MADV_RANDOM */
	EXPLAIN_PKEY = 1 << 16,
	EXPLAIN_SEALED = 1 << 17,
	EXPLAIN_STACK = 1 << 18,   /**< one grows down */
	EXPLAIN_RESERVE = 1 << 19, /**< MAP_NORESERVE */
	EXPLAIN_CHARGED = 1 << 20, /**< one was writable once and is charged since */
	EXPLAIN_MAY = 1 << 21,     /**< what access mprotect may give */
	EXPLAIN_OTHER_FLAGS = 1 << 22,
	EXPLAIN_UFFD = 1 << 23,
	EXPLAIN_POLICY = 1 << 24,
	EXPLAIN_NAME = 1 << 25,
	EXPLAIN_SPECIAL = 1 << 26,
	EXPLAIN_CLOSE = 1 << 27,
	EXPLAIN_EMBEDDER = 1 << 28, /**< mm_operations.may_merge */
	EXPLAIN_NOTHING = 1 << 29   /**< they may join, and no call has looked at them since */
};
#define EXPLAIN_REASONS 30

/** The lower end of an area. */
struct explain_boundary {
	const struct vm_area_struct *left, *right; /**< left NULL: nothing lies below */
	uint32_t reasons;                          /**< all of enum explain_reason that hold; never 0 */
	uint32_t main_reasons;                     /**< without those that follow from another one; never 0 */
	bool needless;                             /**< they differ in nothing that the program asked for */
	const struct explain_event *birth;         /**< put it there; NULL: before the ledger began */
};
/** The boundary at the lower end of @p right. O(log n). */
VMAPLE_API void explain_boundary(const struct vm_area_struct *right, struct explain_boundary *b);
/** Every reason why two neighbours of any address space are two; without a ledger, too. @return never 0. */
VMAPLE_API uint32_t explain_reasons(const struct vm_area_struct *left, const struct vm_area_struct *right);
/** Without those that follow from another one: charged memory from writable, an offset from another file. */
VMAPLE_API uint32_t explain_main_reasons(uint32_t reasons);
/** Two or three words for a table: "access differs". */
VMAPLE_API const char *explain_reason_name(enum explain_reason reason);
/** An identifier for programs: "prot". */
VMAPLE_API const char *explain_reason_key(enum explain_reason reason);
/** Names of a set, joined by " + ". @return @p buf. */
VMAPLE_API const char *explain_reason_names(uint32_t reasons, char *buf, size_t size);
/** One or two sentences for a person: what differs, since which two events. @return @p buf. */
VMAPLE_API const char *explain_reason_text(
	const struct explain_boundary *b, enum explain_reason reason, char *buf, size_t size);
/** The smallest change that would have let them join, as far as this reason goes. @return @p buf. */
VMAPLE_API const char *explain_cure_text(
	const struct explain_boundary *b, enum explain_reason reason, char *buf, size_t size);
/** "step 12: mprotect(0x7f0000000000, 4096, PROT_READ)". @return @p buf. */
VMAPLE_API const char *explain_event_text(const struct explain_event *event, char *buf, size_t size);

struct explain;
/**
 * Begin. @p options are those of a replay, and mean what they mean there.
 * @return NULL when memory runs out.
 */
VMAPLE_API struct explain *explain_new(
	const struct trace_header *header, const struct replay_options *options);
/** Give it every event, in order. Its event() fails with -ENOMEM only. */
VMAPLE_API struct trace_sink *explain_sink(struct explain *x);
/** The form in which the ledger notes an event: of what was carried out last, while that event lives. */
VMAPLE_API void explain_event_of(
	struct explain *x, const struct trace_event *trace, struct explain_event *event);
/** May the event carried out last have changed what is at @p addr of @p mm?  False: it has not. */
VMAPLE_API bool explain_changed(const struct explain *x, const struct mm_struct *mm, unsigned long addr);
/** Something could not be noted, or shown, for want of memory: what has been told is not all. */
VMAPLE_API bool explain_incomplete(const struct explain *x);
/** The mirror: its statistics, its address spaces. */
VMAPLE_API struct replay *explain_replay(struct explain *x);
VMAPLE_API void explain_free(struct explain *x);

/** @name All boundaries of a moment, counted
 * @{ */
/** Boundaries with the same main reasons and the same birth site. */
struct explain_group {
	uint32_t main_reasons;
	bool needless;
	uint32_t birth_type; /**< enum trace_event_type of what put them there; 0: before the ledger began */
	uint32_t call_nr;    /**< CALL: of these calls; ~0: no call */
	uint32_t stack;      /**< of these calls, if they have one */
	const struct explain_site *site;
	uint64_t areas;             /**< boundaries: areas that begin there */
	uint64_t bytes;             /**< of these areas */
	uint64_t young;             /**< born in the second half of the time */
	uint64_t left_start, start; /**< an example: the two areas' starts; left_start ~0: nothing below */
	const struct explain_event *example; /**< its birth; NULL: none */
};
struct explain_table {
	uint64_t areas, bytes, needless; /**< of the whole address space */
	uint64_t begin_ns, now_ns;       /**< the time that it covers */
	struct explain_group *groups;    /**< most areas first */
	size_t count;
};
/** @p mm is of ledger @p x. 0 or -ENOMEM. The table lives until explain_table_free(), its examples until the next event. */
VMAPLE_API int explain_table(
	struct explain *x, struct mm_struct *mm, struct explain_table *table) __must_check;
VMAPLE_API void explain_table_free(struct explain_table *table);
/** Areas a second that a group has grown by in the second half of the time. */
VMAPLE_API double explain_growth(const struct explain_table *table, const struct explain_group *group);
/** @} */

/** @name Numbers over time
 * At most EXPLAIN_SAMPLES of them, whatever the length: when they are full, every other one goes.
 * @{ */
#define EXPLAIN_SAMPLES 1024
struct explain_sample {
	uint64_t step, time_ns, areas; /**< areas: the most since the sample before */
};
struct explain_series {
	uint32_t mm; /**< whose; 0: of whichever address space is larger than all before */
	uint32_t count, stride, skipped;
	struct explain_sample sample[EXPLAIN_SAMPLES];
	struct explain_sample peak; /**< first reached at */
	uint32_t peak_mm, peak_pid;
};
VMAPLE_API void explain_series_begin(struct explain_series *s, uint32_t mm);
/** After each event. */
VMAPLE_API void explain_series_event(
	struct explain_series *s, struct replay *replay, const struct trace_event *event);
/** @} */

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_EXPLAIN_H */
