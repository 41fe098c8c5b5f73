/* SPDX-License-Identifier: MIT */
/*
 * vmaple diff A B: two recordings, of two builds of a program or on two kernels: which areas, reasons and places in the
 * program are new, gone, grown.
 *
 * Places are compared by what they are called, without offsets in functions and versions of libraries, which each build has
 * its own of; a place without a name is its file and offset.
 *
 * Order: parse(); each side is read to its moment on its own (A first, B only when A is there); rows are
 * made twice of the same culprits, by place and by reason alone; then they are printed. Both sides stay
 * open until the end, for addresses, names and events belong to their ledgers. Memory is that of two
 * ledgers.
 *
 * Nothing is compared by address: two runs have none in common (ASLR, mmap_base).
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "culprits.h"
#include "moment.h"
#include "text.h"

static const char help[] =
	"usage: vmaple diff [--at STEP|peak|end] [--top=N] [--json] A B\n"
	"\n"
	"What is different between two recordings, of two builds of a program or on two\n"
	"kernels: areas, the reasons why they are apart, and the places in the program\n"
	"that made them, new, gone, grown or less.  Places are told apart by function and\n"
	"file, not by their offsets, which each build has its own of.\n"
	"\n"
	"  --at STEP   both after this step; `peak`: each when it had the most areas\n"
	"              (default); `end`: each before its first process ended\n"
	"  --top=N     show N places, 10 by default\n"
	"  --json      all of it as one line of JSON\n"
	"\n"
	"exit status: 0; 2 usage; 3 a recording is damaged or ends early (what could be\n"
	"read is compared); 125 vmaple itself failed\n";

/* Of each of the two tables, unless --top says otherwise. */
#define PLACES_SHOWN 10

/*
 * One side: a recording at its moment. The table's examples are events of the moment's ledger, so the
 * moment is left last.
 */
struct side {
	struct moment moment;
	struct explain_table table;
	struct culprits culprits;
};

/*
 * Boundaries with the same main reasons and the same maker, or with the same main reasons alone (made_by
 * NULL). [0] is A, [1] is B.
 */
struct row {
	uint32_t main_reasons;
	char *made_by;
	uint64_t areas[2], bytes[2];
	double growth[2];
	uint64_t example[2]; /* where such an area begins; 0: none */
};

/*
 * top: rows of each table that are printed as text; JSON has all. Both lists are made by make_rows() and
 * freed by free_rows(), also half made.
 */
struct comparison {
	struct side side[2];
	uint64_t top;
	bool json;
	struct row *places, *reasons;
	size_t nr_places, nr_reasons;
};

static int parse_option(struct comparison *d, int opt, char **argv)
{
	switch (opt) {
	case 'a':
		if (!moment_parse(&d->side[0].moment, optarg))
			return usage_error("diff", "--at takes a step, peak or end, not", optarg);
		return 0;
	case 't':
		if (!parse_number(optarg, &d->top) || !d->top)
			return usage_error("diff", "--top takes a number, not", optarg);
		return 0;
	case 'j':
		d->json = true;
		return 0;
	case 'h':
		fputs(help, stdout);
		return -1;
	case ':':
		return usage_error("diff", "an argument is missing after", argv[optind - 1]);
	default:
		return usage_error("diff", "unknown option", argv[optind - 1]);
	}
}

/*
 * --at is of both sides, so it is parsed into the first and copied when all options are known. The sides
 * differ in their path only.
 */
static int parse(struct comparison *d, int argc, char **argv)
{
	static const struct option options[] = { { "at", required_argument, NULL, 'a' },
		{ "top", required_argument, NULL, 't' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int opt, err;

	opterr = 0;
	d->top = PLACES_SHOWN;
	d->side[0].moment.kind = MOMENT_PEAK;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		err = parse_option(d, opt, argv);
		if (err)
			return err;
	}
	if (argc - optind != 2)
		return argc - optind > 2 ? usage_error("diff", "two recordings only, not", argv[optind + 2])
					 : usage_error("diff", "two recordings are wanted", NULL);
	/* --at is of both. */
	d->side[1].moment = d->side[0].moment;
	for (int i = 0; i < 2; i++) {
		d->side[i].moment.command = "diff";
		d->side[i].moment.path = argv[optind + i];
	}
	return 0;
}

/* 0 or an exit status; what could be read of a damaged recording is there all the same. */
static int reach(struct side *s)
{
	int status = moment_reach(&s->moment);
	struct code code = moment_code(&s->moment);

	/* Nothing to make a table of; what is wrong has been said. */
	if (!s->moment.mm || status == STATUS_FAILED)
		return status;
	if (explain_table(s->moment.x, s->moment.mm, &s->table) ||
		culprits_of(&s->table, &code, &s->culprits) || names_lacked_memory(code.symbols))
		return out_of_memory("diff", 0);
	return status;
}

/* The rows of one list have all a maker, or none of them. */
static int by_key(const void *a, const void *b)
{
	const struct row *r = a, *s = b;

	if (r->main_reasons != s->main_reasons)
		return r->main_reasons < s->main_reasons ? -1 : 1;
	return r->made_by && s->made_by ? strcmp(r->made_by, s->made_by) : 0;
}

/*
 * Areas that B has more; negative: fewer. The subtraction is unsigned and the cast brings the sign back:
 * numbers of areas are far below 2^63.
 */
static int64_t change_of(const struct row *r)
{
	return (int64_t)(r->areas[1] - r->areas[0]);
}

/* The larger change first, whichever way it goes. */
static int by_change(const void *a, const void *b)
{
	const struct row *r = a, *s = b;
	int64_t c = change_of(r), d = change_of(s);
	int64_t larger = (d < 0 ? -d : d) - (c < 0 ? -c : c);

	return larger ? (larger > 0) - (larger < 0) : by_key(a, b);
}

/*
 * Equal neighbours into one.
 *
 * In place; the number that is left. An address of each side is kept as the example, the first that came.
 * What is joined gives its text back.
 */
static size_t join_rows(struct row *rows, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct row *last = kept ? &rows[kept - 1] : NULL;

		if (!last || by_key(last, &rows[i]) != 0) {
			rows[kept++] = rows[i];
			continue;
		}
		for (int k = 0; k < 2; k++) {
			last->areas[k] += rows[i].areas[k];
			last->bytes[k] += rows[i].bytes[k];
			last->growth[k] += rows[i].growth[k];
			last->example[k] = last->example[k] ? last->example[k] : rows[i].example[k];
		}
		/* The row that is kept has the same text. */
		free(rows[i].made_by);
	}
	return kept;
}

/*
 * Rows of both sides, largest change first, for free_rows(). A culprit of each side is a row with one
 * column; sorting by key puts those that are the same thing beside each other, joining makes one of them.
 * False: out of memory; what is there has to be freed all the same.
 */
static bool make_rows(const struct comparison *d, bool places, struct row **rows, size_t *count)
{
	size_t n = 0;

	*count = 0;
	*rows = calloc(d->side[0].culprits.count + d->side[1].culprits.count + 1, sizeof(**rows));
	for (int k = 0; *rows && k < 2; k++) {
		for (size_t i = 0; i < d->side[k].culprits.count; i++) {
			const struct culprit *c = &d->side[k].culprits.list[i];
			struct row *r = &(*rows)[n];

			r->main_reasons = c->group.main_reasons;
			r->areas[k] = c->group.areas;
			r->bytes[k] = c->group.bytes;
			r->growth[k] = explain_growth(&d->side[k].table, &c->group);
			r->example[k] = c->group.start;
			r->made_by = places ? strdup(c->made_by) : NULL;
			*count = ++n;
			if (places && !r->made_by)
				return false;
			if (places)
				/* Before sorting: two builds call one place differently until then. */
				made_by_any_build(r->made_by);
		}
	}
	if (!*rows)
		return false;
	qsort(*rows, n, sizeof(**rows), by_key);
	*count = join_rows(*rows, n);
	qsort(*rows, *count, sizeof(**rows), by_change);
	return true;
}

/* NULL is nothing. */
static void free_rows(struct row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		free(rows[i].made_by);
	free(rows);
}

/* What has become of it from A to B. */
static const char *state_of(const struct row *r)
{
	return r->areas[0] == r->areas[1]  ? "same"
	       : !r->areas[0]              ? "new"
	       : !r->areas[1]              ? "gone"
	       : r->areas[0] < r->areas[1] ? "grown"
					   : "less";
}

/* One sentence for each side, wrapped behind its letter, so that paths of any length fit a terminal. */
static void print_side(char letter, const struct side *s)
{
	const struct moment *m = &s->moment;
	char line[1024], lead[8], number[32], step[32], size[32], needless[32];

	snprintf(line, sizeof(line), "%s: process %u at step %s, %.3f s%s: %s areas, %s; %s need not be",
		m->path, m->mm_pid, number_text(m->last.step, step, sizeof(step)),
		(double)m->last.time_ns / 1e9, m->kind == MOMENT_PEAK ? ", its peak" : "",
		number_text(s->table.areas, number, sizeof(number)),
		size_text(s->table.bytes, size, sizeof(size)),
		number_text(s->table.needless, needless, sizeof(needless)));
	snprintf(lead, sizeof(lead), "%c  ", letter);
	print_wrapped(lead, line);
}

/*
 * Three columns and no newline: what follows is the caller's. number_text() has no sign, so it is put in
 * front.
 */
static void print_numbers(const struct row *r)
{
	char a[32], b[32], n[32], change[33];
	int64_t c = change_of(r);

	snprintf(change, sizeof(change), "%s%s",
		c > 0   ? "+"
		: c < 0 ? "-"
			: "",
		number_text((uint64_t)(c < 0 ? -c : c), n, sizeof(n)));
	printf("  %9s %9s %9s  ", number_text(r->areas[0], a, sizeof(a)),
		number_text(r->areas[1], b, sizeof(b)), change);
}

/* One line of numbers, the words wrapped behind them. */
static void print_row(const struct row *r)
{
	char names[256], text[800];

	print_numbers(r);
	explain_reason_names(r->main_reasons, names, sizeof(names));
	if (r->made_by)
		snprintf(text, sizeof(text), "%s: %s, by %s", state_of(r), names, r->made_by);
	else
		snprintf(text, sizeof(text), "%s: %s", state_of(r), names);
	print_wrapped_behind(stdout, 33, text);
}

/*
 * What is the same in both is not printed: the table is about what changed, and its title goes with it
 * where nothing did. The unchanged rows stand behind all others (by_change()), so @limit cuts changed
 * ones alone.
 */
static void print_rows(const struct row *rows, size_t count, uint64_t limit, const char *title)
{
	uint64_t shown = 0, changed = 0;

	for (size_t i = 0; i < count; i++)
		changed += change_of(&rows[i]) != 0;
	if (!changed)
		return;
	printf("\n  %9s %9s %9s  %s\n", "A", "B", "change", title);
	for (size_t i = 0; i < count && shown < limit; i++, shown++)
		if (change_of(&rows[i]))
			print_row(&rows[i]);
	/* Those that are the same are not among them. */
	if (changed > limit)
		printf("... and %" PRIu64 " more\n", changed - limit);
}

/* Of places, which are finer than reasons: where no place has changed no reason has. */
static bool any_change(const struct comparison *d)
{
	for (size_t i = 0; i < d->nr_places; i++)
		if (change_of(&d->places[i]))
			return true;
	return false;
}

/* One group that has a stack is enough: a recording was made with --stacks or without. */
static bool has_stacks(const struct side *s)
{
	for (size_t i = 0; i < s->table.count; i++)
		if (s->table.groups[i].stack)
			return true;
	return false;
}

/*
 * Always 0: what is printed may still be in the buffer, and main.c finds out whether all of it arrived.
 */
static int print_comparison(const struct comparison *d)
{
	const struct explain_table *a = &d->side[0].table, *b = &d->side[1].table;
	const struct row all = { .areas = { a->areas, b->areas } };
	const struct row needless = { .areas = { a->needless, b->needless } };

	print_side('A', &d->side[0]);
	print_side('B', &d->side[1]);
	printf("\n  %9s %9s %9s\n", "A", "B", "change");
	print_numbers(&all);
	printf("areas\n");
	print_numbers(&needless);
	printf("need not be\n");
	if (!any_change(d))
		printf("\nEach reason and each place has as many areas in both.\n");
	/* Places are then of different kinds, and most rows would be new or gone. */
	if (has_stacks(&d->side[0]) != has_stacks(&d->side[1]))
		print_wrapped("", "Only one of the two has call stacks: where it blames a function, the "
				  "other blames the "
				  "one that made the system call.");
	print_rows(d->reasons, d->nr_reasons, d->top, "reason");
	print_rows(d->places, d->nr_places, d->top, "reason and place");
	return 0;
}

/* growth_per_second is the sum over all groups; seconds by the recording's clock. */
static json_t *side_json(const struct side *s)
{
	const struct explain_table *t = &s->table;
	double growth = 0;

	for (size_t i = 0; i < t->count; i++)
		growth += explain_growth(t, &t->groups[i]);
	return json_pack("{s:o, s:i, s:I, s:f, s:I, s:I, s:I, s:f}", "recording", json_text(s->moment.path),
		"pid", (int)s->moment.mm_pid, "step", (json_int_t)s->moment.last.step, "seconds",
		(double)s->moment.last.time_ns / 1e9, "areas", (json_int_t)t->areas, "bytes",
		(json_int_t)t->bytes, "needless", (json_int_t)t->needless, "growth_per_second", growth);
}

/* null where that side has no such area. An address of 0 is one like any other. */
static json_t *example_json(const struct row *r, int k)
{
	return r->areas[k] ? json_integer((json_int_t)r->example[k]) : json_null();
}

/*
 * All rows, also those that are the same in both, in the order of the table: who reads it can leave out
 * what it does not want.
 */
static json_t *rows_json(const struct row *rows, size_t count)
{
	json_t *a = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		json_t *o = json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o}", "reasons",
			reasons_json(r->main_reasons), "state", state_of(r), "a", (json_int_t)r->areas[0],
			"b", (json_int_t)r->areas[1], "change", (json_int_t)change_of(r), "bytes_a",
			(json_int_t)r->bytes[0], "bytes_b", (json_int_t)r->bytes[1], "growth_a", r->growth[0],
			"growth_b", r->growth[1], "example_a", example_json(r, 0), "example_b",
			example_json(r, 1));

		if (o && r->made_by)
			json_put(o, "made_by", json_text(r->made_by));
		json_push(a, o);
	}
	return a;
}

static int print_comparison_json(const struct comparison *d)
{
	return print_json(json_pack("{s:o, s:o, s:o, s:o}", "a", side_json(&d->side[0]), "b",
		side_json(&d->side[1]), "reasons", rows_json(d->reasons, d->nr_reasons), "places",
		rows_json(d->places, d->nr_places)));
}

/*
 * A damaged recording is compared as far as it could be read, and the worse status returned; a side without
 * an address space ends it.
 */
static int compare(struct comparison *d)
{
	int status = reach(&d->side[0]), second, shown;

	/* Without A there is nothing to compare B with: it is not even read. */
	if (!d->side[0].moment.mm || status == STATUS_FAILED)
		return status;
	second = reach(&d->side[1]);
	if (!d->side[1].moment.mm || second == STATUS_FAILED)
		return second;
	if (!make_rows(d, true, &d->places, &d->nr_places) ||
		!make_rows(d, false, &d->reasons, &d->nr_reasons))
		return out_of_memory("diff", 0);
	shown = d->json ? print_comparison_json(d) : print_comparison(d);
	return status ? status : second ? second : shown;
}

/*
 * Everything is freed here, whatever was reached: all of it is zero until it is made. The moment last:
 * examples and sites of culprits and table are its ledger's.
 */
int cmd_diff(int argc, char **argv)
{
	struct comparison d = { .json = false };
	int status = parse(&d, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	status = compare(&d);
	free_rows(d.places, d.nr_places);
	free_rows(d.reasons, d.nr_reasons);
	for (int i = 0; i < 2; i++) {
		culprits_free(&d.side[i].culprits);
		explain_table_free(&d.side[i].table);
		moment_leave(&d.side[i].moment);
	}
	return status;
}
