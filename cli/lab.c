/* SPDX-License-Identifier: MIT */
/* vmaple lab: the same calls on every index of areas, side by side. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <lab.h>

#include "cli.h"

static const char help[] =
	"usage: vmaple lab [OPTION]... [FILE.vmt]...\n"
	"\n"
	"Make the same calls on every index of areas (maple tree, augmented rbtree, list and rbtree with\n"
	"free_area_cache) and print what each call costs.  First side by side, comparing results and areas "
	"after\n"
	"every call; then on each index by itself, timed.\n"
	"\n"
	"  FILE.vmt         recordings to replay instead of workloads\n"
	"  --workload NAME  only this workload; `--list` names them\n"
	"  --areas N        as large as this; default: each workload's own size\n"
	"  --repeat N       time it N times and take the fastest (default 3)\n"
	"  --no-check       only time\n"
	"  --verify         also time it with the index verified as it changes\n"
	"  --json           the results in JSON\n"
	"  --list           the workloads, and what they do\n"
	"\n"
	"exit status: 0; 1 the indexes disagree; 3 a recording is damaged\n";

struct lab {
	const char *workload;
	uint64_t areas, repeat;
	bool check, verify, json;
	char **files;
	int nr_files;
	json_t *results;
};

/* One workload, or a recording. */
struct item {
	const struct lab_workload *workload;
	const char *path;
	unsigned long n;
};

static void list(void)
{
	for (int i = 0; i < lab_nr_workloads; i++)
		printf("%-10s %s; normally %lu\n", lab_workloads[i].name, lab_workloads[i].summary,
			lab_workloads[i].n);
}

static int take_number(uint64_t *number, const char *text)
{
	if (parse_number(text, number) && *number > 0)
		return 0;
	return usage_error("lab", "a number above 0 is wanted, not", text);
}

static int take_option(struct lab *l, int opt, char **argv)
{
	switch (opt) {
	case 'w':
		l->workload = optarg;
		return 0;
	case 'a':
		return take_number(&l->areas, optarg);
	case 'r':
		return take_number(&l->repeat, optarg);
	case 'n':
		l->check = false;
		return 0;
	case 'v':
		l->verify = true;
		return 0;
	case 'j':
		l->json = true;
		return 0;
	case 'l':
		list();
		return -1;
	case 'h':
		fputs(help, stdout);
		return -1;
	case ':':
		return usage_error("lab", "an argument is missing after", argv[optind - 1]);
	default:
		return usage_error("lab", "unknown option", argv[optind - 1]);
	}
}

static int parse(struct lab *l, int argc, char **argv)
{
	static const struct option options[] = { { "workload", required_argument, NULL, 'w' },
		{ "areas", required_argument, NULL, 'a' }, { "repeat", required_argument, NULL, 'r' },
		{ "no-check", no_argument, NULL, 'n' }, { "verify", no_argument, NULL, 'v' },
		{ "json", no_argument, NULL, 'j' }, { "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int opt, err;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		err = take_option(l, opt, argv);
		if (err)
			return err;
	}
	l->files = argv + optind;
	l->nr_files = argc - optind;
	return 0;
}

static bool run_item(
	struct lab_run *run, const struct item *it, const struct lab_index *only, unsigned int verify)
{
	struct lab_setup setup;

	if (it->path) {
		lab_replay(run, only, it->path);
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
	if (it->path)
		printf("%s\n", it->path);
	else
		printf("%s, n = %lu: %s\n", it->workload->name, it->n, it->workload->summary);
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

static void report(struct lab *l, const struct item *it, const struct lab_run *runs, bool verify)
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
	o = json_pack("{s:s, s:I, s:b, s:b, s:o}", "workload", it->path ? it->path : it->workload->name, "n",
		(json_int_t)it->n, "agreed", l->check, "verify", verify, "indexes", indexes);
	json_array_append_new(l->results, o);
}

static int failed(const struct item *it, const struct lab_run *run)
{
	complain("lab", "%s: %s", it->path ? it->path : it->workload->name, run->error);
	return it->path && !run->calls ? STATUS_DAMAGED : STATUS_DIFFERENCES;
}

static int do_item(struct lab *l, const struct item *it)
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

static int do_workloads(struct lab *l)
{
	int status = 0, done = 0;

	for (int i = 0; i < lab_nr_workloads && !status; i++) {
		struct item it = { .workload = &lab_workloads[i] };

		it.n = l->areas ? l->areas : lab_workloads[i].n;
		if (l->workload && strcmp(l->workload, lab_workloads[i].name) != 0)
			continue;
		status = do_item(l, &it);
		done++;
	}
	return done ? status : usage_error("lab", "there is no workload", l->workload);
}

int cmd_lab(int argc, char **argv)
{
	struct lab l = { .repeat = 3, .check = true };
	int status = parse(&l, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	if (l.json)
		l.results = json_array();
	if (!l.nr_files)
		status = do_workloads(&l);
	for (int i = 0; i < l.nr_files && !status; i++)
		status = do_item(&l, &(struct item){ .path = l.files[i] });
	if (l.json)
		print_json(l.results);
	return status;
}
