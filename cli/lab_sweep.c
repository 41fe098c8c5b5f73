/* SPDX-License-Identifier: MIT */
/*
 * vmaple lab --picture: what each index costs as areas become more.
 *
 * Address spaces of 100, 300, 1,000 ... areas, on which lab_sweep() times single operations, on each
 * index. Sizes go up; what is measured is kept in one static array until it is printed.
 */
#include <errno.h>
#include <string.h>

#include <lab.h>

#include "lab_options.h"

/* 100, 300, 1,000 ... : two a decade, of which sixteen end at 3,000,000,000. LARGEST without --areas. */
#define SIZES   16
#define LARGEST 1000000UL

static void print_values(const struct lab_sweep *s, int op, bool lines)
{
	for (int i = 0; i < LAB_INDEXES; i++)
		printf(lines ? " %10.1f" : " %10.0f", lines ? s->index[i].lines[op] : s->index[i].ns[op]);
}

/* One operation: sizes down, indexes across; cache lines beside it where they were counted. */
static void print_table(const struct lab_sweep *sweeps, size_t nr, int op)
{
	bool counted = lab_counted_indexes[0] != NULL;

	printf("%s: ns%s\n  %9s", lab_sweep_name(op), counted ? ", cache lines" : "", "areas");
	for (int i = 0; i < (counted ? 2 : 1) * LAB_INDEXES; i++)
		printf(" %10s", lab_indexes[i % LAB_INDEXES]->name);
	putchar('\n');
	for (size_t k = 0; k < nr; k++) {
		printf("  %9lu", sweeps[k].n);
		print_values(&sweeps[k], op, false);
		if (counted)
			print_values(&sweeps[k], op, true);
		putchar('\n');
	}
	putchar('\n');
}

/* What does not depend on the machine: the same on every one of them. */
static void print_shapes(const struct lab_sweep *sweeps, size_t nr)
{
	printf("nodes per find_vma, nodes deep, bytes per area\n  %9s", "areas");
	for (int i = 0; i < LAB_INDEXES; i++)
		printf("  %-20s", lab_indexes[i]->name);
	putchar('\n');
	for (size_t k = 0; k < nr; k++) {
		printf("  %9lu", sweeps[k].n);
		for (int i = 0; i < LAB_INDEXES; i++)
			printf("  %5.1f %5u %8.1f", sweeps[k].index[i].nodes, sweeps[k].index[i].shape.depth,
				(double)sweeps[k].index[i].shape.bytes /
					(double)sweeps[k].index[i].shape.areas);
		putchar('\n');
	}
}

static json_t *sweep_json(const struct lab_sweep *s)
{
	json_t *indexes = json_object(), *ops, *index;

	for (int i = 0; i < LAB_INDEXES; i++) {
		ops = json_object();
		for (int op = 0; op < SWEEP_OPS; op++)
			json_put(ops, lab_sweep_name(op),
				json_pack("{s:f, s:f}", "ns", s->index[i].ns[op], "lines",
					s->index[i].lines[op]));
		index = json_pack("{s:f, s:i, s:I, s:o}", "nodes_per_find_vma", s->index[i].nodes, "depth",
			(int)s->index[i].shape.depth, "bytes", (json_int_t)s->index[i].shape.bytes,
			"operations", ops);
		json_put(indexes, lab_indexes[i]->name, index);
	}
	return json_pack("{s:I, s:o}", "areas", (json_int_t)s->n, "indexes", indexes);
}

/*
 * All sizes up to @largest. 0, or -errno of the last one begun, -EIO where the indexes differ.
 *
 * *@nr is what was begun, so that the last one is the one that failed.
 */
static int measure(struct lab_sweep *sweeps, size_t *nr, unsigned long largest)
{
	struct progress progress;
	unsigned long n = 100;
	int err = 0;

	progress_begin(&progress);
	for (*nr = 0; n <= largest && *nr < SIZES && !err; n = *nr & 1 ? n * 3 : n / 3 * 10) {
		progress_show(&progress, "areas", n, largest, *nr);
		sweeps[*nr] = (struct lab_sweep){ .n = n };
		err = lab_sweep(&sweeps[(*nr)++]);
	}
	progress_end(&progress);
	return err;
}

/* Of the picture's file: all other failures name the number of areas. */
static int failed(struct lab_options *l, int err)
{
	complain("lab", "%s: %s", l->picture, strerror(-err));
	return STATUS_FAILED;
}

/* Either all into the array or all as tables; a picture is drawn in any case. */
static void print(struct lab_options *l, const struct lab_sweep *sweeps, size_t nr)
{
	for (size_t k = 0; k < nr && l->json; k++)
		json_push(l->results, sweep_json(&sweeps[k]));
	for (int op = 0; op < SWEEP_OPS && !l->json; op++)
		print_table(sweeps, nr, op);
	if (!l->json)
		print_shapes(sweeps, nr);
}

/*
 * A failed measurement leaves an empty file: it was opened to find out that it can be written. fclose()
 * may have the first error of a full disk.
 */
int lab_draw_indexes(struct lab_options *l)
{
	static const char note[] =
		"vmaple lab --picture: areas of one page, holes of one page and one of 16; "
		"the fastest of 40 passes.";
	static struct lab_sweep sweeps[SIZES];
	/* First: measuring takes minutes, and a name that cannot be written is to be said before. */
	FILE *out = fopen(l->picture, "w");
	size_t nr;
	int err;

	if (!out)
		return failed(l, -errno);
	err = measure(sweeps, &nr, l->areas ? l->areas : LARGEST);
	if (err) {
		complain("lab", "%lu areas: %s", sweeps[nr - 1].n,
			err == -EIO ? "the indexes differ" : strerror(-err));
		fclose(out);
		return err == -EIO ? STATUS_DIFFERENCES : STATUS_FAILED;
	}
	print(l, sweeps, nr);
	err = lab_sweep_picture(out, sweeps, nr, note);
	if (fclose(out) && !err)
		err = -EIO;
	return err ? failed(l, err) : 0;
}
