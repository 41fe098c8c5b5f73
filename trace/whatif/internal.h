/* SPDX-License-Identifier: MIT */
/*
 * What the files of the room share.
 *
 *   whatif.c  the sink: which events are changed, and what the changed mirror says of them
 *   calls.c   a call as it would have been
 *   late.c    first writes put off
 */
#ifndef WHATIF_INTERNAL_H
#define WHATIF_INTERNAL_H

#include <vmaple/whatif.h>

/* A first write that waits. */
struct held_write {
	uint64_t release; /* comes after this step */
	struct trace_event event;
};

struct late_write {
	size_t mapping; /* number plus one; 0: of none that a call made, so that it comes where it was */
	/* After all moves of the first reading, also those that come behind its own step. */
	uint64_t addr;  /* that it has when it comes */
	uint64_t limit; /* it comes behind this step at the latest: a fork is next */
	uint64_t end;   /* at this step its memory was gone */
};

/* First writes by number, in the order of the recording. */
struct late {
	uint64_t page_size;
	struct maple_tree waiting; /* by number of the address space: struct late_space */
	/* 0: none changed it. */
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
void late_end(struct late *l);
/* The first reading. */
int late_prepare(struct late *l, const struct trace_event *e);
/* The second: is this first write put off? 0 no, 1 yes, -ENOMEM. */
int late_hold(struct late *l, const struct trace_event *e);
/* A write that comes before @step into *@e. */
bool late_release(struct late *l, uint64_t step, struct trace_event *e);

#endif /* WHATIF_INTERNAL_H */
