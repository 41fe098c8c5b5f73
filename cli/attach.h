/* SPDX-License-Identifier: MIT */
/* Following processes, by BPF where it is permitted: what attach, run and record have in common. */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "census.h"

struct bpf_run {
	const char *command;
	pid_t pid;          /* attach to it; or */
	char *const *argv;  /* start this; or */
	const char *cgroup; /* all of it, and of those below; or */
	bool machine;       /* all of the machine's */
	const char *output;
	FILE *json_out; /* NULL: stdout, behind what the program wrote there */
	double seconds; /* 0: until the processes end */
	bool mirror, json, sync, stacks;
	struct budget budget; /* all 0: none */
	bool or_else; /* where BPF is not permitted: attach by ptrace, or return -EPERM without a word */
};

/* The source that --via names; both: BPF, or else ptrace. False: there is none of that name. */
bool parse_source(const char *name, bool *by_bpf, bool *by_ptrace);
/* Of a program that could not be started, from the -errno of its source. */
int status_of_start(int err);
/* 0, STATUS_DIFFERENCES, STATUS_OVER_BUDGET, or STATUS_FAILED after one sentence; *@wait_status: of a program that was started. */
int bpf_run(const struct bpf_run *r, int *wait_status);

#endif /* CLI_ATTACH_H */
