/* SPDX-License-Identifier: MIT */
/*
 * Cost against the number of areas.
 *
 * n areas of a page fill the address space below mmap_base with holes of a page between them; at the lower end is the
 * one hole of 16 pages, and below that all is taken.  Neighbours differ, so that nothing merges:
 *
 *     |XXXXXXX|-- 16 pages --|r|-|w|-|r|-|w|-| ... |-|w| mmap_base
 *
 * Each operation is timed in batches as long as the clock needs: in many passes over all operations and indexes in
 * turn, of which the fastest counts, so that what else runs on the machine for a second or two spoils no point. And
 * each is made a few times on the index that counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lab.h"
#include "svg.h"
#include "touch.h"

#define PAGE    4096UL
#define BASE    (1UL << 36)
#define ANON    (MAP_PRIVATE | MAP_ANONYMOUS)
#define NUMBERS 4096    /* random numbers made beforehand */
#define BATCH   1000000 /* ns */
#define PASSES  40
#define FEWEST  5          /* of slow operations, that have taken: */
#define ENOUGH  1000000000 /* ns */
#define COUNTED 24         /* operations whose lines are counted */

static const struct lab_setup setup = { .mmap_base = BASE, .max_map_count = 8000000 };

/* One index, filled. */
struct field {
	const struct lab_index *index;
	struct mm_struct *mm;
	unsigned long n, low;
	uint64_t numbers[NUMBERS];
	size_t at;
	/* Of each operation: how many make a batch, the fastest one, and all of them. */
	size_t times[SWEEP_OPS];
	double best[SWEEP_OPS], spent[SWEEP_OPS];
};

const char *lab_sweep_name(enum lab_sweep_op op)
{
	static const char *const names[SWEEP_OPS] = { "find_vma", "search, other size", "search, same size",
		"mmap and munmap" };

	return names[op];
}

static unsigned long do_call(const struct field *f, struct lab_call call)
{
	return (unsigned long)f->index->call(f->mm, &call);
}

static unsigned long map(const struct field *f, unsigned long addr, unsigned long len, unsigned long prot)
{
	return do_call(f, (struct lab_call){ .kind = LAB_MMAP,
				  .a = { addr, len, prot, ANON | MAP_FIXED | MAP_NORESERVE } });
}

static unsigned long search(const struct field *f, unsigned long len)
{
	return do_call(f, (struct lab_call){ .kind = LAB_SEARCH, .a = { 0, len, 0 } });
}

/* The sum of the results. */
static unsigned long one(struct field *f, enum lab_sweep_op op)
{
	unsigned long addr = f->low + f->numbers[f->at++ % NUMBERS] % (2 * f->n) * PAGE;

	switch (op) {
	case SWEEP_FIND:
		return do_call(f, (struct lab_call){ .kind = LAB_FIND, .a = { addr } });
	case SWEEP_WRONG:
		return search(f, PAGE) + search(f, 16 * PAGE);
	case SWEEP_RIGHT:
		return search(f, 16 * PAGE);
	default:
		addr |= PAGE; /* a hole: f->low is even, in pages */
		return map(f, addr, PAGE, PROT_NONE) +
		       do_call(f, (struct lab_call){ .kind = LAB_MUNMAP, .a = { addr, PAGE } });
	}
}

static int fill(struct field *f, const struct lab_index *index, unsigned long n)
{
	struct lab_run random = { .random = n };

	*f = (struct field){ .index = index, .n = n, .low = BASE - 2 * n * PAGE };
	for (size_t i = 0; i < NUMBERS; i++)
		f->numbers[i] = lab_random(&random, ~0UL);
	f->mm = index->mm_new(&setup);
	if (!f->mm || map(f, 65536, f->low - 16 * PAGE - 65536, PROT_NONE) != 65536)
		return -ENOMEM;
	for (unsigned long i = 0; i < n; i++) {
		unsigned long addr = f->low + 2 * i * PAGE;

		if (map(f, addr, PAGE, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ) != addr)
			return -ENOMEM;
	}
	return 0;
}

static double batch(struct field *f, enum lab_sweep_op op, size_t times)
{
	uint64_t before = lab_now_ns();

	for (size_t i = 0; i < times; i++)
		(void)one(f, op);
	return (double)lab_since(before);
}

/* The fastest of some batches: one alone may be long because something else ran. */
static double least_batch(struct field *f, enum lab_sweep_op op)
{
	double best = batch(f, op, f->times[op]), ns;

	for (int i = 1; i < FEWEST; i++) {
		ns = batch(f, op, f->times[op]);
		best = ns < best ? ns : best;
	}
	return best;
}

/* How many operations make a batch? */
static void find_times(struct field *f, enum lab_sweep_op op)
{
	f->times[op] = 1;
	while ((f->best[op] = least_batch(f, op)) < BATCH && f->times[op] < 1000000)
		f->times[op] *= 2;
}

static void time_op(struct field *f, enum lab_sweep_op op)
{
	double ns;

	(void)batch(f, op, f->times[op]); /* the caches are full of the other indexes */
	ns = batch(f, op, f->times[op]);
	f->best[op] = ns < f->best[op] ? ns : f->best[op];
	f->spent[op] += ns;
}

static void time_all(struct lab_sweep *s, struct field *fields)
{
	for (int pass = -1; pass < PASSES; pass++) {
		for (int k = 0; k < LAB_INDEXES * SWEEP_OPS; k++) {
			struct field *f = &fields[k % LAB_INDEXES];
			enum lab_sweep_op op = (enum lab_sweep_op)(k / LAB_INDEXES);

			if (pass < 0)
				find_times(f, op);
			else if (pass < FEWEST || f->spent[op] < ENOUGH)
				time_op(f, op);
		}
	}
	for (int i = 0; i < LAB_INDEXES; i++)
		for (int op = 0; op < SWEEP_OPS; op++)
			s->index[i].ns[op] = fields[i].best[op] / (double)fields[i].times[op];
}

static double count_op(struct field *f, enum lab_sweep_op op)
{
	double lines = 0;

	(void)one(f, op);
	for (int i = 0; i < COUNTED; i++) {
		touch_begin();
		(void)one(f, op);
		lines += (double)touch_end();
	}
	return lines / COUNTED;
}

static double nodes_of_lookup(struct field *f)
{
	double nodes = 0;

	for (int i = 0; i < NUMBERS; i++) {
		nodes += f->index->nodes(f->mm, f->low + f->numbers[f->at % NUMBERS] % (2 * f->n) * PAGE);
		(void)one(f, SWEEP_FIND);
	}
	return nodes / NUMBERS;
}

/* What each operation gives, the same numbers on each index. */
static unsigned long results(struct field *f)
{
	unsigned long sum = 0;

	f->at = 0;
	for (int op = 0; op < SWEEP_OPS; op++)
		for (int i = 0; i < 4; i++)
			sum = sum * 31 + one(f, (enum lab_sweep_op)op);
	return sum;
}

static void empty(struct field *f)
{
	if (f->mm)
		f->index->mm_free(f->mm);
}

/* All indexes at once: they have to agree before they are timed. */
static int measure(struct lab_sweep *s)
{
	static struct field fields[LAB_INDEXES];
	unsigned long sums[LAB_INDEXES];
	int err = 0;

	memset(fields, 0, sizeof(fields));
	for (int i = 0; i < LAB_INDEXES && !err; i++) {
		err = fill(&fields[i], lab_indexes[i], s->n);
		if (err)
			break;
		sums[i] = results(&fields[i]);
		s->index[i].shape = fields[i].index->shape(fields[i].mm);
		s->index[i].nodes = nodes_of_lookup(&fields[i]);
		if (sums[i] != sums[0])
			err = -EIO;
	}
	if (!err)
		time_all(s, fields);
	for (int i = 0; i < LAB_INDEXES; i++)
		empty(&fields[i]);
	return err;
}

static int count(struct lab_sweep *s, int i)
{
	struct field f;
	int err = 0;

	if (!lab_counted_indexes[i])
		return 0;
	err = fill(&f, lab_counted_indexes[i], s->n);
	for (int op = 0; op < SWEEP_OPS && !err; op++)
		s->index[i].lines[op] = count_op(&f, (enum lab_sweep_op)op);
	empty(&f);
	return err;
}

int lab_sweep(struct lab_sweep *sweep)
{
	int err = measure(sweep);

	for (int i = 0; i < LAB_INDEXES && !err; i++)
		err = count(sweep, i);
	return err;
}

/* --- the picture --------------------------------------------------------------------------------------------- */

#define SIZES  16
#define CHARTS 6

/* What a chart shows: a time or a number of lines, of one operation. */
static const struct {
	const char *title;
	enum lab_sweep_op op;
	bool lines;
} shown[CHARTS] = {
	{ "find_vma() of a random address", SWEEP_FIND, false },
	{ "mmap() and munmap() in a random hole", SWEEP_UPDATE, false },
	{ "Search, the last one was for another length", SWEEP_WRONG, false },
	{ "Search, the last one was for the same", SWEEP_RIGHT, false },
	{ "find_vma(): cache lines", SWEEP_FIND, true },
	{ "mmap() and munmap(): cache lines", SWEEP_UPDATE, true },
};

int lab_sweep_picture(FILE *out, const struct lab_sweep *sweeps, size_t nr, const char *note)
{
	static struct chart_point points[CHARTS][LAB_INDEXES][SIZES];
	static struct chart_series series[CHARTS][LAB_INDEXES];
	struct chart charts[CHARTS];
	size_t nr_charts = lab_counted_indexes[0] ? CHARTS : CHARTS - 2;

	for (size_t c = 0; c < nr_charts; c++) {
		for (int i = 0; i < LAB_INDEXES; i++) {
			for (size_t k = 0; k < nr && k < SIZES; k++) {
				double y = shown[c].lines ? sweeps[k].index[i].lines[shown[c].op]
							  : sweeps[k].index[i].ns[shown[c].op];

				points[c][i][k] = (struct chart_point){ (double)sweeps[k].n, y };
			}
			series[c][i] = (struct chart_series){ lab_indexes[i]->name, points[c][i],
				nr < SIZES ? nr : SIZES };
		}
		charts[c] = (struct chart){ .title = shown[c].title,
			.x = { "areas", chart_number, true },
			.y = { shown[c].lines ? "cache lines touched" : "time", NULL, !shown[c].lines },
			.series = series[c],
			.nr = LAB_INDEXES };
		charts[c].y.format = shown[c].lines ? chart_number : chart_ns;
	}
	return svg_write(
		out, &(struct figure){ "Cost against the number of areas", note, charts, nr_charts, 2 });
}
