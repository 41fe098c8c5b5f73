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

struct moment {
	const char *command, *path;
	enum moment_kind kind;
	uint64_t step;
	uint64_t pid; /* 0: END, STEP: the first; PEAK: of the address space with the most areas */
	/* After each event; may be NULL. */
	void (*watch)(void *ctx, struct moment *m, const struct trace_event *e);
	void *ctx;

	/* What has been reached. */
	struct trace_reader *reader;
	struct explain *x;
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
/* 0, or an exit status, with a sentence printed; of a damaged recording what could be read is there (m->mm). */
int moment_reach(struct moment *m);
/* Where its address space's stacks are looked up. */
struct code moment_code(const struct moment *m);
void moment_leave(struct moment *m);

#endif /* MOMENT_H */
