/* SPDX-License-Identifier: MIT */
/* vmaple lab: the indexes of areas side by side, as tables and in JSON. */
#include <inttypes.h>
#include <string.h>

#include <lab.h>

#include "lab_options.h"

/* One workload, or a recording: then workload is NULL and its name its path. */
struct item {
	const char *name;
	const struct lab_workload *workload;
	unsigned long n;
};

void lab_list_indexes_workloads(void)
{
	for (int i = 0; i < lab_nr_workloads; i++)
		printf("%-10s %s; normally %lu\n", lab_workloads[i].name, lab_workloads[i].summary,
			lab_workloads[i].n);
}

static bool run_item(
	struct lab_run *run, const struct item *it, const struct lab_index *only, unsigned int verify)
{
	struct lab_setup setup;

	if (!it->workload) {
		lab_replay(run, only, it->name);
		return !run->failed;
	}
	setup = it->workload->setup;
	setup.verify = verify;
	if (lab_begin(run, only, &setup)) {
		snprintf(run->error, sizeof(run->error), "out of memory");
		return false;
	}
	it->workload->run(run, it->n);
	lab_end(run);
	return !run->failed;
}

/* The fastest of several runs, kind by kind. */
static bool time_item(struct lab_run *best, const struct item *it, const struct lab_index *index,
	uint64_t repeat, unsigned int verify)
{
	for (uint64_t i = 0; i < repeat; i++) {
		struct lab_run run;

		if (!run_item(&run, it, index, verify)) {
			*best = run;
			return false;
		}
		if (i == 0)
			*best = run;
		for (int k = 0; k < LAB_KINDS; k++)
			if (run.cost[k].ns < best->cost[k].ns)
				best->cost[k] = run.cost[k];
	}
	return true;
}

static double per_call(const struct lab_cost *cost)
{
	return cost->calls ? (double)cost->ns / (double)cost->calls : 0;
}

static void print_row(const char *what, const struct lab_run *runs, int kind)
{
	printf("  %-12s %9" PRIu64, what, runs[0].cost[kind].calls);
	for (int i = 0; i < LAB_INDEXES; i++)
		printf(" %11.0f", per_call(&runs[i].cost[kind]));
	putchar('\n');
}

static void print_item(const struct item *it, const struct lab_run *runs, bool checked)
{
	if (it->workload)
		printf("%s, n = %lu: %s\n", it->name, it->n, it->workload->summary);
	else
		printf("%s\n", it->name);
	printf("  %-12s %9s", "ns per call", "calls");
	for (int i = 0; i < LAB_INDEXES; i++)
		printf(" %11s", lab_indexes[i]->name);
	putchar('\n');
	for (int k = 0; k < LAB_KINDS; k++)
		if (runs[0].cost[k].calls)
			print_row(lab_kind_name(k), runs, k);
	printf("  %-22s", "bytes per area");
	for (int i = 0; i < LAB_INDEXES; i++)
		printf(" %11.1f",
			runs[i].shape.areas ? (double)runs[i].shape.bytes / (double)runs[i].shape.areas : 0);
	printf("\n  %-22s", "nodes deep");
	for (int i = 0; i < LAB_INDEXES; i++)
		printf(" %11u", runs[i].shape.depth);
	printf("\n  %lu areas at most; %s\n\n", runs[0].shape.areas,
		checked ? "the indexes agreed after every call" : "not compared");
}

static json_t *index_json(const struct lab_run *run)
{
	json_t *kinds = json_object(), *o;

	for (int k = 0; k < LAB_KINDS; k++)
		if (run->cost[k].calls)
			json_object_set_new(kinds, lab_kind_name(k),
				json_pack("{s:I, s:f}", "calls", (json_int_t)run->cost[k].calls,
					"ns_per_call", per_call(&run->cost[k])));
	o = json_pack("{s:I, s:I, s:i, s:o}", "areas", (json_int_t)run->shape.areas, "bytes",
		(json_int_t)run->shape.bytes, "depth", (int)run->shape.depth, "calls", kinds);
	return o;
}

static void report(struct lab_options *l, const struct item *it, const struct lab_run *runs, bool verify)
{
	json_t *o, *indexes;

	if (!l->json) {
		if (verify)
			printf("verified as it changes: ");
		print_item(it, runs, l->check);
		fflush(stdout);
		return;
	}
	indexes = json_object();
	for (int i = 0; i < LAB_INDEXES; i++)
		json_object_set_new(indexes, lab_indexes[i]->name, index_json(&runs[i]));
	o = json_pack("{s:s, s:I, s:b, s:b, s:o}", "workload", it->name, "n", (json_int_t)it->n, "agreed",
		l->check, "verify", verify, "indexes", indexes);
	json_array_append_new(l->results, o);
}

static int failed(const struct item *it, const struct lab_run *run)
{
	complain("lab", "%s: %s", it->name, run->error);
	return !it->workload && !run->calls ? STATUS_DAMAGED : STATUS_DIFFERENCES;
}

static int do_item(struct lab_options *l, const struct item *it)
{
	static struct lab_run runs[LAB_INDEXES];
	struct lab_run all;

	if (l->check && !run_item(&all, it, NULL, 0))
		return failed(it, &all);
	for (int verify = 0; verify <= l->verify; verify++) {
		for (int i = 0; i < LAB_INDEXES; i++)
			if (!time_item(&runs[i], it, lab_indexes[i], l->repeat, (unsigned int)verify))
				return failed(it, &runs[i]);
		report(l, it, runs, verify);
	}
	return 0;
}

static int do_workloads(struct lab_options *l)
{
	int status = 0, done = 0;

	for (int i = 0; i < lab_nr_workloads && !status; i++) {
		struct item it = { lab_workloads[i].name, &lab_workloads[i], lab_workloads[i].n };

		if (l->areas)
			it.n = l->areas;
		if (l->workload && strcmp(l->workload, lab_workloads[i].name) != 0)
			continue;
		status = do_item(l, &it);
		done++;
	}
	return done ? status : usage_error("lab", "there is no workload", l->workload);
}

int lab_compare_indexes(struct lab_options *l)
{
	int status = 0;

	if (!l->nr_files)
		return do_workloads(l);
	for (int i = 0; i < l->nr_files && !status; i++)
		status = do_item(l, &(struct item){ .name = l->files[i] });
	return status;
}
