/* SPDX-License-Identifier: MIT */
/* What the files of vmaple lab share: its options, and where each comparison begins. */
#ifndef CLI_LAB_OPTIONS_H
#define CLI_LAB_OPTIONS_H

#include "cli.h"

/*
 * As the command line says; results is made by cmd_lab() and filled by the four comparisons. Words are
 * argv's. Nothing is changed by the comparisons but results.
 */
struct lab_options {
	const char *workload; /* only this one; NULL: all */
	uint64_t areas;       /* 0: each workload's own size; with a picture: at most so many */
	uint64_t repeat;
	bool check, json;
	const char *rmap;    /* compare reverse maps instead of indexes: "all", or names; NULL: do not */
	uint64_t swap_pages; /* with rmap: what the machine has */
	/* Made, or emptied, before the measuring of indexes begins and behind that of reverse maps. */
	const char *picture; /* draw cost against the number of areas, into this file; or NULL */
	char **files;        /* recordings instead of workloads */
	int nr_files;
	json_t *results; /* with json: what was measured, for the end */
};

/* The indexes of areas on workloads or recordings. An exit status. */
int lab_compare_indexes(struct lab_options *l);
/* What they cost as areas become more, to l->areas: a picture, and tables. An exit status. */
int lab_draw_indexes(struct lab_options *l);
void lab_list_indexes_workloads(void);
/* Reverse maps on processes with pages, the walk's cost as areas become more; their workloads and names. */
int lab_compare_rmaps(struct lab_options *l);
int lab_draw_rmaps(struct lab_options *l);
void lab_list_rmap_workloads(void);

#endif /* CLI_LAB_OPTIONS_H */
