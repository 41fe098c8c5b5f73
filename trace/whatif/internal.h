/* SPDX-License-Identifier: MIT */
/*
 * What the files of the room share.
 *
 *   whatif.c  the sink: which events are changed, and what the changed mirror says of them
 *   calls.c   a call as it would have been
 *   late.c    first writes put off
 *
 * One event goes through in this order: writes that are due (late.c), the event itself changed or put
 * off, then the mirror. A struct whatif is used by one thread; both readings are of the same file.
 */
#ifndef WHATIF_INTERNAL_H
#define WHATIF_INTERNAL_H

#include <vmaple/whatif.h>

/* A first write that waits. */
struct held_write {
	uint64_t release; /* comes after this step */
	struct trace_event event;
};

/* One first write of the recording, made in the first reading and only read in the second. */
struct late_write {
	size_t mapping; /* number plus one; 0: of none that a call made, so that it comes where it was */
	/* After all moves of the first reading, also those that come behind its own step. */
	uint64_t addr;  /* that it has when it comes */
	uint64_t limit; /* it comes behind this step at the latest: a fork is next */
	uint64_t end;   /* at this step its memory was gone */
};

/*
 * First writes by number, in the order of the recording. All 0 where nothing is put off (touch_late is
 * false); late_end() is good then, too.
 */
struct late {
	uint64_t page_size;
	struct maple_tree waiting; /* by number of the address space: struct late_space */
	/*
	 * 0: none changed it. By number, less one. Mappings are numbered in the order of their mmaps and
	 * never forgotten: 8 bytes each.
	 */
	uint64_t *mappings; /* step of the last change of access in each */
	size_t nr_mappings, mapping_room;
	struct late_write *writes;
	size_t count, room;
	/*
	 * Both readings have to be of the same events in the same order: a write is known by its number
	 * alone.
	 */
	size_t next;             /* in the second reading: number of the write that comes next */
	struct held_write *heap; /* the one to come first is at [0] */
	size_t held, heap_room;
};

/* sink first: a pointer to it is one to this. late is used with changes.touch_late alone. */
struct whatif {
	struct trace_sink sink;
	struct whatif_changes changes;
	struct replay *replay;
	struct whatif_outcome outcome;
	struct late late;
};

/* calls.c: change *@e, a call. False: it is left out. */
bool whatif_call(struct whatif *w, struct trace_event *e);

/* late.c */
void late_begin(struct late *l, uint64_t page_size);
/* Also where late_prepare() was never called. */
void late_end(struct late *l);
/* The first reading. 0 or -ENOMEM; after that the second reading must not be begun. */
int late_prepare(struct late *l, const struct trace_event *e);
/*
 * The second: is this first write put off? 0 no, 1 yes, -ENOMEM. 1 also of a write that will never come:
 * its memory is gone by then. For each FAULT in order, whichever it is.
 */
int late_hold(struct late *l, const struct trace_event *e);
/* A write that comes before @step into *@e. */
bool late_release(struct late *l, uint64_t step, struct trace_event *e);

#endif /* WHATIF_INTERNAL_H */
