/* SPDX-License-Identifier: MIT */
/*
 * vmaple lab: the indexes of areas side by side, as tables and in JSON.
 *
 * Each item is run many times. Once on all indexes at once, which compares results and areas after every
 * call and is not timed; then `repeat` times on each alone, timed, in two builds of the same code (with the
 * index verified as it changes, and without), of which each kind of call keeps its fastest; once on a build
 * that counts cache lines and nodes, which is slower by what it counts and is never timed.
 *
 * A run that fails is the answer: two indexes differ (then what they differ in is the sentence), memory
 * ran out, or the recording is damaged. The first of them ends the command, for times beside a wrong
 * result mean nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <lab.h>
#include <vmaple/mm_types.h>

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

/*
 * @only NULL: on all indexes at once, compared. @verify is enum mm_verify. False: run->err and run->error
 * say why; everything of the run has been freed (lab_end(), lab_replay()).
 */
static bool run_item(
	struct lab_run *run, const struct item *it, const struct lab_index *only, unsigned int verify)
{
	struct lab_setup setup;

	if (!it->workload) {
		lab_replay(run, only, verify, it->name);
		return !run->failed;
	}
	setup = it->workload->setup;
	setup.verify = verify;
	if (lab_begin(run, only, &setup)) {
		run->err = -ENOMEM;
		snprintf(run->error, sizeof(run->error), "out of memory");
		return false;
	}
	/* A workload stops by itself when the run has failed: it asks before each of its steps. */
	it->workload->run(run, it->n);
	lab_end(run);
	return !run->failed;
}

/*
 * One index on one item: timed, timed with the index verified as it changes, and counted. counted is all
 * 0 where the library was built without the counting copies: counted.indexes[0] tells. verified differs
 * from timed in time alone: its results and shape are the same.
 */
struct measured {
	struct lab_run timed, verified, counted;
	struct lab_run *failed;
};

/*
 * The fastest of the runs until now, kind by kind: what disturbs a run only ever makes it slower. @return
 * whether it is one that failed, which is *best then, with its error.
 */
static bool run_again(struct lab_run *best, const struct item *it, const struct lab_index *index,
	unsigned int verify, bool first)
{
	struct lab_run run;
	bool good = run_item(&run, it, index, verify);

	if (first || !good)
		*best = run;
	for (int k = 0; k < LAB_KINDS; k++)
		if (run.cost[k].ns < best->cost[k].ns)
			best->cost[k] = run.cost[k];
	return !good;
}

/* Once more; what is counted repeats, so once is enough. */
static bool measure(struct measured *m, const struct item *it, int index, bool first)
{
	const struct lab_index *counted = lab_counted_indexes[index];

	m->failed = NULL;
	if (run_again(&m->timed, it, lab_indexes[index], MM_VERIFY_NEVER, first))
		m->failed = &m->timed;
	else if (run_again(&m->verified, it, lab_indexes[index], MM_VERIFY_SOMETIMES, first))
		m->failed = &m->verified;
	else if (first && counted && !run_item(&m->counted, it, counted, MM_VERIFY_NEVER))
		m->failed = &m->counted;
	return !m->failed;
}

/* Of nothing it is 0: a kind without calls, a build that counts nothing. */
static double ratio(double value, double by)
{
	return by > 0 ? value / by : 0;
}

static double ns_per_call(const struct lab_run *run, int kind)
{
	return ratio((double)run->cost[kind].ns, (double)run->cost[kind].calls);
}

/*
 * By those that were counted, which are fewer than there are where counting is sampled. touch.h counts
 * the lines of every LAB_EACHth call.
 */
static double lines_per_call(const struct lab_run *run, int kind)
{
	return ratio((double)run->cost[kind].lines, (double)run->cost[kind].counted);
}

/* Weighted as the workload mixes its calls. */
static double ns_of_all(const struct lab_run *run)
{
	uint64_t ns = 0, calls = 0;

	for (int k = 0; k < LAB_KINDS; k++) {
		ns += run->cost[k].ns;
		calls += run->cost[k].calls;
	}
	return ratio((double)ns, (double)calls);
}

/* --- tables -------------------------------------------------------------------------------------------------- */

static void print_names(const char *format)
{
	for (int i = 0; i < LAB_INDEXES; i++)
		printf(format, lab_indexes[i]->name);
}

/*
 * Kinds that the item never called have no line. Numbers of calls are the first index's: all got the same
 * calls.
 */
static void print_kinds(const struct measured *m)
{
	const struct lab_run *first = &m[0].timed;

	printf("  %-12s %9s %s%s\n", "", "", "  ------- ns per call -------",
		m[0].counted.indexes[0] ? "   cache lines per call" : "");
	printf("  %-12s %9s", "", "calls");
	print_names(" %9s");
	if (m[0].counted.indexes[0])
		print_names(" %9s");
	putchar('\n');
	for (int k = 0; k < LAB_KINDS; k++) {
		if (!first->cost[k].calls)
			continue;
		printf("  %-12s %9" PRIu64, lab_kind_name(k), first->cost[k].calls);
		for (int i = 0; i < LAB_INDEXES; i++)
			printf(" %9.0f", ns_per_call(&m[i].timed, k));
		for (int i = 0; i < LAB_INDEXES && m[i].counted.indexes[0]; i++)
			printf(" %9.1f", lines_per_call(&m[i].counted, k));
		putchar('\n');
	}
}

/* A row of one figure an index. */
#define PRINT_ROW(what, format, value)                \
	do {                                          \
		printf("  %-22s", (what));            \
		for (int i = 0; i < LAB_INDEXES; i++) \
			printf(" " format, (value));  \
		putchar('\n');                        \
	} while (0)

/*
 * The path of a recording is quoted, as it may have been chosen by others; names of workloads are ours.
 */
static void print_item(const struct item *it, const struct measured *m, bool checked)
{
	if (it->workload)
		printf("%s, n = %lu: %s\n", it->name, it->n, it->workload->summary);
	else
		print_quoted(stdout, it->name, strlen(it->name));
	if (!it->workload)
		putchar('\n');
	print_kinds(m);
	PRINT_ROW("any call", "%9.0f", ns_of_all(&m[i].timed));
	PRINT_ROW("any call, verified", "%9.0f", ns_of_all(&m[i].verified));
	if (m[0].counted.lookups)
		PRINT_ROW("nodes per find_vma", "%9.1f",
			ratio((double)m[i].counted.nodes, (double)m[i].counted.lookups));
	PRINT_ROW("nodes deep", "%9u", m[i].timed.shape.depth);
	PRINT_ROW("bytes per area", "%9.1f",
		ratio((double)m[i].timed.shape.bytes, (double)m[i].timed.shape.areas));
	printf("  %lu areas at most; %s\n\n", m[0].timed.shape.areas,
		checked ? "the indexes agreed after every call" : "not compared");
}

/* --- JSON ---------------------------------------------------------------------------------------------------- */

/* depth, bytes and areas are of the moment when the first index was largest. */
static json_t *index_json(const struct measured *m)
{
	const struct lab_run *run = &m->timed;
	json_t *kinds = json_object(), *o;

	for (int k = 0; k < LAB_KINDS; k++) {
		if (!run->cost[k].calls)
			continue;
		o = json_pack("{s:I, s:f}", "calls", (json_int_t)run->cost[k].calls, "ns_per_call",
			ns_per_call(run, k));
		if (m->counted.indexes[0])
			json_put(o, "lines_per_call", json_real(lines_per_call(&m->counted, k)));
		json_put(kinds, lab_kind_name(k), o);
	}
	o = json_pack("{s:I, s:I, s:i, s:f, s:f, s:o}", "areas", (json_int_t)run->shape.areas, "bytes",
		(json_int_t)run->shape.bytes, "depth", (int)run->shape.depth, "ns_per_call", ns_of_all(run),
		"ns_per_call_verified", ns_of_all(&m->verified), "calls", kinds);
	if (m->counted.lookups)
		json_put(o, "nodes_per_find_vma",
			json_real(ratio((double)m->counted.nodes, (double)m->counted.lookups)));
	return o;
}

/* flush: the next item may take minutes, and stdout may be a pipe. */
static void report(struct lab_options *l, const struct item *it, const struct measured *m)
{
	json_t *indexes;

	if (!l->json) {
		print_item(it, m, l->check);
		fflush(stdout);
		return;
	}
	indexes = json_object();
	for (int i = 0; i < LAB_INDEXES; i++)
		json_put(indexes, lab_indexes[i]->name, index_json(&m[i]));
	json_push(l->results, json_pack("{s:o, s:I, s:b, s:o}", "workload", json_text(it->name), "n",
				      (json_int_t)it->n, "agreed", l->check, "indexes", indexes));
}

/*
 * Of -errno other than -ENOMEM is the reader's, of a recording that is damaged; 0 is a disagreement. The
 * sentence of a damaged recording has its path already.
 */
static int failed(const struct item *it, const struct lab_run *run)
{
	if (run->err && run->err != -ENOMEM) {
		complain("lab", "%s", run->error);
		return STATUS_DAMAGED;
	}
	complain("lab", "%s: %s", it->name, run->error);
	return run->err ? STATUS_FAILED : STATUS_DIFFERENCES;
}

/*
 * Memory that is short for one index is a failure of the item: a table with a hole would be read as a
 * result.
 */
static int do_item(struct lab_options *l, const struct item *it)
{
	/* Too large for a stack; each item writes all of it in its first round. */
	static struct measured measured[LAB_INDEXES];
	struct lab_run all;

	if (l->check && !run_item(&all, it, NULL, MM_VERIFY_NEVER))
		return failed(it, &all);
	/* In turn: what else runs on the machine disturbs all alike. */
	for (uint64_t round = 0; round < l->repeat; round++)
		for (int i = 0; i < LAB_INDEXES; i++)
			if (!measure(&measured[i], it, i, round == 0))
				return failed(it, measured[i].failed);
	report(l, it, measured);
	return 0;
}

/* A workload that is not among them is a wrong word on the command line; one that failed is not. */
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

/* Recordings take the place of workloads; --areas means nothing for them. */
int lab_compare_indexes(struct lab_options *l)
{
	int status = 0;

	if (!l->nr_files)
		return do_workloads(l);
	for (int i = 0; i < l->nr_files && !status; i++)
		status = do_item(l, &(struct item){ .name = l->files[i] });
	return status;
}
