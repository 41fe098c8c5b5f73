/* SPDX-License-Identifier: MIT */
/* What the files of vmaple lab share: its options, and where each comparison begins. */
#ifndef CLI_LAB_OPTIONS_H
#define CLI_LAB_OPTIONS_H

#include "cli.h"

struct lab_options {
	const char *workload; /* only this one; NULL: all */
	uint64_t areas;       /* 0: each workload's own size */
	uint64_t repeat;
	bool check, verify, json;
	char **files; /* recordings instead of workloads */
	int nr_files;
	json_t *results; /* with json: what was measured, for the end */
};

/* The indexes of areas on workloads or recordings. An exit status. */
int lab_compare_indexes(struct lab_options *l);
void lab_list_indexes_workloads(void);

#endif /* CLI_LAB_OPTIONS_H */
