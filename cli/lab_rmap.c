/* SPDX-License-Identifier: MIT */
/*
 * vmaple lab --rmap: the same processes on every reverse map, side by side.
 *
 * As lab_index.c, with two differences: nothing is compared, for a reverse map has no result that an
 * address space would show (that walks find the right pages is the tests' business); and one run has
 * times and all other numbers, so that no second build counts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <lab.h>
#include <rmap_lab.h>
#include <svg.h>

#include "lab_options.h"

/* More than there are; choose_designs() cuts silently, so a ninth design wants a larger number. */
#define MOST_DESIGNS 8

/* One workload, or a recording. */
struct item {
	const char *name;                     /* of a recording, its path */
	const struct rmap_workload *workload; /* NULL: a recording */
	unsigned long n;
};

/* Those that are compared, in the order of the tables. ops are static tables of the library. */
struct designs {
	const struct rmap_ops *ops[MOST_DESIGNS];
	int nr;
};

void lab_list_rmap_workloads(void)
{
	for (int i = 0; i < rmap_nr_workloads; i++)
		printf("%-11s %s; normally %lu %s\n", rmap_workloads[i].name, rmap_workloads[i].summary,
			rmap_workloads[i].n, rmap_workloads[i].what_n_is);
	for (int i = 0; rmap_designs[i]; i++)
		printf("%-11s (design) %s\n", rmap_designs[i]->name, rmap_designs[i]->summary);
}

/*
 * "all", or names with commas between. 0, or STATUS_USAGE said. Given twice a design is compared with
 * itself, which shows how much of a difference is noise. Names that are longer than the copy in all are
 * cut, and the last is then one that there is not.
 */
static int choose_designs(struct designs *d, const char *names)
{
	char copy[200], *rest = copy, *name;

	d->nr = 0;
	if (strcmp(names, "all") == 0) {
		for (int i = 0; rmap_designs[i] && d->nr < MOST_DESIGNS; i++)
			d->ops[d->nr++] = rmap_designs[i];
		return 0;
	}
	snprintf(copy, sizeof(copy), "%s", names);
	while ((name = strsep(&rest, ",")) != NULL && d->nr < MOST_DESIGNS) {
		d->ops[d->nr] = rmap_design(name);
		if (!d->ops[d->nr++])
			return usage_error("lab", "there is no reverse map", name);
	}
	return 0;
}

/*
 * False: run->error says why. Everything of the run has been freed; numbers are what it noted
 * (rmap_note()).
 */
static bool run_once(struct rmap_run *run, const struct item *it, const struct rmap_ops *ops, uint64_t swap)
{
	return it->workload ? rmap_run_workload(run, ops, it->workload, it->n, (unsigned long)swap)
			    : rmap_run_recording(run, ops, it->name, (unsigned long)swap);
}

/* The fastest of the runs until now, kind by kind; all else repeats. False: *best is the run that failed. */
static bool run_again(struct rmap_run *best, const struct item *it, const struct rmap_ops *ops,
	const struct lab_options *l, bool first)
{
	struct rmap_run run;
	bool good = run_once(&run, it, ops, l->swap_pages);

	if (first || !good)
		*best = run;
	/* Only what was timed: the other numbers depend on the calls alone. */
	for (int k = 0; k < RMAP_KINDS; k++)
		if (run.ns[k] < best->ns[k])
			best->ns[k] = run.ns[k];
	return good;
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

/* What is shown besides times, each a row and a member of JSON; a ratio by 0 is shown as 0. */
struct measure {
	const char *name, *json;
	double (*of)(const struct rmap_run *run);
};

/* Of the time in reclaim alone, which is kept apart from faults (rmap_keep_some_free()). */
static double pages_per_second(const struct rmap_run *r)
{
	return ratio((double)r->stats.reclaimed * 1e9, (double)r->ns[RMAP_RECLAIM]);
}
/* How many areas a walk looks at for each page table entry that it finds: 1 is the best there can be. */
static double areas_per_unmapped(const struct rmap_run *r)
{
	return ratio((double)r->stats.areas, (double)r->stats.unmapped);
}
/* What the design had allocated (rmap_bytes()) when the workload said that it was at its largest. */
static double bytes(const struct rmap_run *r)
{
	return (double)r->bytes;
}
static double bytes_per_page(const struct rmap_run *r)
{
	return ratio((double)r->bytes, (double)r->pages);
}
static double bytes_per_area(const struct rmap_run *r)
{
	return ratio((double)r->bytes, (double)r->areas);
}
static double bytes_per_process(const struct rmap_run *r)
{
	return ratio((double)r->bytes, (double)r->alive);
}
static double areas(const struct rmap_run *r)
{
	return (double)r->areas;
}
/*
 * Areas that joined; and below, those that could not for the sake of the reverse map: anon_vma's price,
 * which the others may not have.
 */
static double merges(const struct rmap_run *r)
{
	return (double)r->merges;
}
/* Areas that would have joined but for the reverse map. */
static double refused(const struct rmap_run *r)
{
	return (double)r->refused;
}
static double reclaimed(const struct rmap_run *r)
{
	return (double)r->stats.reclaimed;
}
static double move_copies(const struct rmap_run *r)
{
	return (double)r->stats.move_copies;
}

/* In the order in which they are printed. */
static const struct measure measures[] = {
	{ "pages reclaimed", "reclaimed", reclaimed },
	{ "reclaimed a second", "reclaimed_per_second", pages_per_second },
	{ "areas per PTE unmapped", "areas_per_unmapped", areas_per_unmapped },
	{ "bytes", "bytes", bytes },
	{ "bytes per page", "bytes_per_page", bytes_per_page },
	{ "bytes per area", "bytes_per_area", bytes_per_area },
	{ "bytes per process", "bytes_per_process", bytes_per_process },
	{ "areas", "areas", areas },
	{ "merges", "merges", merges },
	{ "merges refused", "refused", refused },
	{ "copied by mremap", "move_copies", move_copies },
};
#define MEASURES ((int)(sizeof(measures) / sizeof(measures[0])))

/* One column a design; what is below 100 has a decimal, for a ratio near 1 is the one to be seen. */
static void print_item(const struct item *it, const struct rmap_run *runs, int nr)
{
	/* Without a workload it is a path of the command line. */
	print_quoted(stdout, it->name, strlen(it->name));
	if (it->workload)
		printf(", %lu %s: %s", it->n, it->workload->what_n_is, it->workload->summary);
	putchar('\n');
	printf("  %-12s %9s", "ns per call", "calls");
	for (int i = 0; i < nr; i++)
		printf(" %11s", runs[i].ops->name);
	putchar('\n');
	/*
	 * Kinds of calls that the item did not make have no line; the first design's count is that of
	 * all.
	 */
	for (int k = 0; k < RMAP_KINDS; k++) {
		if (!runs[0].calls[k])
			continue;
		printf("  %-12s %9" PRIu64, rmap_kind_name(k), runs[0].calls[k]);
		for (int i = 0; i < nr; i++)
			printf(" %11.0f", ratio((double)runs[i].ns[k], (double)runs[i].calls[k]));
		putchar('\n');
	}
	for (int m = 0; m < MEASURES; m++) {
		printf("  %-22s", measures[m].name);
		for (int i = 0; i < nr; i++) {
			double value = measures[m].of(&runs[i]);

			printf(" %11.*f", value > 0 && value < 100 ? 1 : 0, value);
		}
		putchar('\n');
	}
	putchar('\n');
	fflush(stdout);
}

/* Kinds that occurred, and every measure under its own name. */
static json_t *run_json(const struct rmap_run *run)
{
	json_t *kinds = json_object(), *o = json_object();

	for (int k = 0; k < RMAP_KINDS; k++)
		if (run->calls[k])
			json_put(kinds, rmap_kind_name(k),
				json_pack("{s:I, s:f}", "calls", (json_int_t)run->calls[k], "ns_per_call",
					ratio((double)run->ns[k], (double)run->calls[k])));
	json_put(o, "calls", kinds);
	for (int m = 0; m < MEASURES; m++)
		json_put(o, measures[m].json, json_real(measures[m].of(run)));
	return o;
}

static void add_json(struct lab_options *l, const struct item *it, const struct rmap_run *runs, int nr)
{
	json_t *all = json_object();

	for (int i = 0; i < nr; i++)
		json_put(all, runs[i].ops->name, run_json(&runs[i]));
	json_push(l->results, json_pack("{s:o, s:I, s:o}", "workload", json_text(it->name), "n",
				      (json_int_t)it->n, "designs", all));
}

/* The runs lie in one static array: one item is done at a time. */
static int do_item(struct lab_options *l, const struct designs *d, const struct item *it)
{
	static struct rmap_run runs[MOST_DESIGNS];

	/* In turn: what else runs on the machine disturbs all alike. */
	for (uint64_t k = 0; k < l->repeat * (uint64_t)d->nr; k++) {
		/* One round is one run of each. */
		int i = (int)(k % (uint64_t)d->nr);

		if (run_again(&runs[i], it, d->ops[i], l, k < (uint64_t)d->nr))
			continue;
		/*
		 * A workload fails for memory alone; a recording may be damaged, which the sentence says
		 * with its path.
		 */
		if (it->workload || runs[i].err == -ENOMEM) {
			complain("lab", "%s: %s", it->name, runs[i].error);
			return STATUS_FAILED;
		}
		complain("lab", "%s", runs[i].error);
		return STATUS_DAMAGED;
	}
	if (l->json)
		add_json(l, it, runs, d->nr);
	else
		print_item(it, runs, d->nr);
	return 0;
}

/*
 * An unknown workload is only noticed when none was done. choose_designs() first: a wrong name must not
 * cost a run.
 */
int lab_compare_rmaps(struct lab_options *l)
{
	struct designs d;
	int status = choose_designs(&d, l->rmap), done = 0;

	/* Recordings take the place of workloads, as in lab_index.c. */
	for (int i = 0; i < l->nr_files && !status; i++, done++)
		status = do_item(l, &d, &(struct item){ .name = l->files[i] });
	for (int i = 0; i < rmap_nr_workloads && !status && !l->nr_files; i++) {
		struct item it = { .name = rmap_workloads[i].name,
			.workload = &rmap_workloads[i],
			.n = l->areas ? l->areas : rmap_workloads[i].n };

		if (l->workload && strcmp(l->workload, it.name) != 0)
			continue;
		status = do_item(l, &d, &it);
		done++;
	}
	/* --workload named none of them. */
	return done || status ? status : usage_error("lab", "there is no workload", l->workload);
}

/* --- a picture ------------------------------------------------------------------------------------------------ */

/* 100 to 3e9 by two points a decade; the loop ends there whatever --areas says. */
#define MOST_POINTS 16

/* By design, then by size; nr sizes were measured. */
struct sweep {
	struct chart_point ns[MOST_DESIGNS][MOST_POINTS], looked[MOST_DESIGNS][MOST_POINTS];
	size_t nr;
};

/*
 * 0, or STATUS_FAILED said. Sizes are the outer loop: what disturbs the machine for a minute disturbs one
 * size of all designs.
 */
static int measure_sweep(struct sweep *s, const struct designs *d, unsigned long most)
{
	for (unsigned long n = 100; n <= most && s->nr < MOST_POINTS; s->nr++) {
		for (int i = 0; i < d->nr; i++) {
			double ns = 0, looked = 0;

			if (!rmap_walk_cost(d->ops[i], n, &ns, &looked)) {
				complain("lab", "out of memory");
				return STATUS_FAILED;
			}
			s->ns[i][s->nr] = (struct chart_point){ (double)n, ns };
			s->looked[i][s->nr] = (struct chart_point){ (double)n, looked };
		}
		/* 100, 300, 1,000, 3,000 ... */
		n = s->nr % 2 ? n / 3 * 10 : n * 3;
	}
	return 0;
}

/*
 * Both axes logarithmic: a design that looks at all areas is then a line of slope 1, and one that does
 * not is flat.
 */
static int draw_sweep(const struct sweep *s, const struct designs *d, const char *path)
{
	struct chart_series ns[MOST_DESIGNS], looked[MOST_DESIGNS];
	const struct chart charts[] = {
		{ "One walk", { "areas on one anon_vma", chart_number, true }, { "time", chart_ns, true }, ns,
			(size_t)d->nr },
		{ "Areas it looks at", { "areas on one anon_vma", chart_number, true },
			{ "areas", chart_number, true }, looked, (size_t)d->nr },
	};
	const struct figure figure = { "Who maps this page? One area, touched, then cut by mprotect",
		"vmaple lab --rmap all --picture; the fastest of 5 to 100 rounds of 200 walks over random "
		"pages",
		charts, 2, 2 };
	int err;

	for (int i = 0; i < d->nr; i++) {
		ns[i] = (struct chart_series){ d->ops[i]->name, s->ns[i], s->nr };
		looked[i] = (struct chart_series){ d->ops[i]->name, s->looked[i], s->nr };
	}
	err = svg_save(path, &figure);
	if (err)
		complain("lab", "%s cannot be written: %s", path, strerror(-err));
	return err ? STATUS_FAILED : 0;
}

/* Only times: how many areas were looked at is in the picture and in JSON. */
static void print_sweep(const struct sweep *s, const struct designs *d)
{
	printf("ns for one walk over a page, by areas on its anon_vma\n  %-12s", "areas");
	for (int i = 0; i < d->nr; i++)
		printf(" %11s", d->ops[i]->name);
	putchar('\n');
	for (size_t p = 0; p < s->nr; p++) {
		printf("  %-12.0f", s->ns[0][p].x);
		for (int i = 0; i < d->nr; i++)
			printf(" %11.0f", s->ns[i][p].y);
		putchar('\n');
	}
}

/*
 * The file last: what was measured has been printed, or is in l->results, should it fail to be written.
 */
int lab_draw_rmaps(struct lab_options *l)
{
	static struct sweep s;
	struct designs d;
	int status = choose_designs(&d, l->rmap);

	if (!status)
		status = measure_sweep(&s, &d, l->areas ? l->areas : 100000);
	if (status)
		return status;
	if (!l->json)
		print_sweep(&s, &d);
	for (size_t p = 0; l->json && p < s.nr; p++)
		for (int i = 0; i < d.nr; i++)
			json_push(l->results,
				json_pack("{s:s, s:f, s:f, s:f}", "design", d.ops[i]->name, "areas",
					s.ns[i][p].x, "ns", s.ns[i][p].y, "looked", s.looked[i][p].y));
	return draw_sweep(&s, &d, l->picture);
}
