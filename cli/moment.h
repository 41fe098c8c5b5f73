/* SPDX-License-Identifier: MIT */
/* A moment of a recording, with the ledger up to it: what the questions about boundaries begin with. */
#ifndef MOMENT_H
#define MOMENT_H

#include "made_by.h"

enum moment_kind {
	MOMENT_END,  /* before the process ended */
	MOMENT_PEAK, /* when it had the most areas */
	MOMENT_STEP
};

/*
 * A question's moment: the first part is set by who asks, before moment_reach(); the second is valid from
 * there to moment_leave(), also after an error, as far as it was reached.
 */
struct moment {
	const char *command, *path;
	enum moment_kind kind;
	/* STEP: the caller's; PEAK: where it was found. */
	uint64_t step;
	uint64_t pid; /* 0: END, STEP: the first; PEAK: of the address space with the most areas */
	/* After each event of the second reading, with the mirror as the event has left it; may be NULL. */
	void (*watch)(void *ctx, struct moment *m, const struct trace_event *e);
	void *ctx;

	/* What has been reached. */
	struct trace_reader *reader;
	/* The ledger up to the moment, its mirror in it. */
	struct explain *x;
	/* x's; NULL: the process had no address space then, or it was not reached. */
	struct mm_struct *mm;
	struct symbols *symbols; /* that have followed the recording */
	int damaged;             /* STATUS_DAMAGED: behind the peak the recording is, and that was said */
	uint32_t mm_id, first_pid, mm_pid;
	struct {
		uint64_t step, time_ns;
	} last; /* the event carried out last */
};

/* "end", "peak" or a step; false: none of them. */
bool moment_parse(struct moment *m, const char *text);
/*
 * Read up to the moment. 0, or an exit status, with a sentence printed: 1 the process has no address space
 * then; of a damaged recording what could be read is there all the same (m->mm not NULL). Once for a
 * moment; moment_leave() is wanted in any case.
 */
int moment_reach(struct moment *m);
/* Where its address space's stacks are looked up. */
struct code moment_code(const struct moment *m);
void moment_leave(struct moment *m);

#endif /* MOMENT_H */
