/* SPDX-License-Identifier: MIT */
/*
 * What run, record and attach have in common: the events of a live source go into a recording, a mirror, or both; in the end
 * it is told what was found.
 */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include <stdio.h>

#include <vmaple/live.h>
#include <vmaple/live_bpf.h>

#include "census.h"

/*
 * One of the two live sources, started: exactly one of both is not NULL from a good start to source_free().
 */
struct live_source {
	struct live *by_ptrace;
	struct live_bpf *by_bpf;
};

/* The source that --via names; both: BPF, or else ptrace. False: there is none of that name. */
bool parse_source(const char *name, bool *by_bpf, bool *by_ptrace);
/* Of a program that could not be started, from the -errno of its source. */
int status_of_start(int err);
void source_free(struct live_source *source);

/* What to do with the events; the caller's, constant while it is followed. */
struct following {
	const char *command;
	const char *output; /* NULL: no recording */
	bool sync;
	/* Compare as it goes; without it there is no summary, and differences are nobody's. */
	bool mirror;
	bool program; /* it is ours: its end is waited for, and it has a status */
	bool json;
	/* With json; not closed. */
	FILE *json_out;
	struct budget budget; /* all 0: none */
};

/* Valid when follow() has returned 0. Without a mirror: no differences, and within. */
struct followed {
	int wait_status; /* the program's */
	uint64_t differences;
	bool within; /* the budget */
};

/* Until the end. 0, or the status to end with: what is in the way was said. */
int follow(const struct following *f, const struct live_source *source, struct followed *found);

#endif /* CLI_FOLLOW_H */
