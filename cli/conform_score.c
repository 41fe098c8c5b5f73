/* SPDX-License-Identifier: MIT */
/*
 * vmaple conform: a verdict for people, and as JSON.
 *
 * For people: what the machine is and could not do, a table of areas with a score each, then of each area
 * the first difference with all calls that lead to it. Everything that the answers said themselves
 * (names, results, maps) is quoted, for it comes from a stranger's system. Nothing here decides: the
 * verdict is conform_judge()'s.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "conforming.h"

/* 0 of an area without checks, which is never shown: per_cent_text() has "-", and JSON no member. */
static double per_cent(const struct conform_score *s)
{
	return s->checks ? 100.0 * (double)s->right / (double)s->checks : 0.0;
}

/* "-" where nothing was checked. */
static const char *per_cent_text(const struct conform_score *s, char *buf, size_t size)
{
	/* 100 % is said of what is all right only. */
	double shown = per_cent(s);

	if (s->right < s->checks && shown > 99.9)
		shown = 99.9;
	snprintf(buf, size, s->checks ? "%.1f%%" : "-", shown);
	return buf;
}

/*
 * A result for people: the kit says -errno. "-12" as "-ENOMEM", by this machine's names: the kit prints
 * Linux's numbers, which are the same on all three of its machines. What is no such number stays as it
 * is.
 */
static const char *result_text(const char *text, char *buf, size_t size)
{
	char *end;
	long number = strtol(text, &end, 10);
	const char *name = number < 0 && !*end ? strerrorname_np((int)-number) : NULL;

	if (!name)
		return text;
	snprintf(buf, size, "-%s", name);
	return buf;
}

/*
 * With the calls that lead to it, so that it can be repeated by hand. The calls up to and with the one
 * after which it was seen; what comes behind is no part of the cause.
 */
static void print_difference(const struct conform_set *set, const struct conform_difference *d)
{
	const struct conform_sequence *sequence = &set->sequence[d->sequence];
	bool result = strcmp(d->what, "result") == 0;
	char text[256], expected[32], seen[32];
	const char *was = result ? result_text(d->seen, seen, sizeof(seen)) : d->seen;

	printf("\n%s: sequence %u, %s\n", conform_area_name(d->area), d->sequence, sequence->name);
	for (unsigned int i = 0; i <= d->call; i++)
		printf("  %s\n", conform_call_text(&set->call[sequence->first + i], text, sizeof(text)));
	printf("    %-8s expected  %s\n    %-8s seen      ", d->what,
		result ? result_text(d->expected, expected, sizeof(expected)) : d->expected, "");
	print_quoted(stdout, was, strlen(was));
	putchar('\n');
}

/*
 * How much differs in an area, by the call after which it does. Names are taken from an example: the text
 * of a call up to its bracket. A call that was made by the sequence and not the one that is wrong may
 * stand here: what is seen after it is what is known.
 */
static void print_calls(const struct conform_verdict_of *of, enum conform_area area)
{
	const struct conform_verdict *verdict = of->verdict;
	unsigned int count[CONFORM_OPS] = { 0 }, sum = 0;
	const char *name[CONFORM_OPS] = { NULL };
	char text[CONFORM_OPS][256];

	for (unsigned int i = 0; i < verdict->nr_differences; i++) {
		const struct conform_difference *d = &verdict->difference[i];
		const struct conform_call *c = &of->set->call[of->set->sequence[d->sequence].first + d->call];

		if (d->area != area)
			continue;
		name[c->op] = conform_call_text(c, text[c->op], sizeof(text[c->op]));
		count[c->op]++;
		sum++;
	}
	printf("  %u differ:", sum);
	for (int op = 0; op < CONFORM_OPS; op++)
		if (count[op])
			printf(" %.*s %u", (int)strcspn(name[op], "("), name[op], count[op]);
	printf("\n");
}

/*
 * What the kit could not find out is said, because it makes some checks weaker (without msync() it does
 * not know what is mapped) and some sequences impossible (without fork).
 */
static void print_machine(const struct conform_run *run, const struct kernel_profile *profile)
{
	char line[256];

	snprintf(line, sizeof(line), "%s %s, %s, pages of %lu bytes; judged as Linux %s", run->system,
		run->release, run->machine, run->page, profile->name);
	print_quoted_line(stdout, line);
	putchar('\n');
	if (strcmp(run->searches, "window") != 0)
		printf("searches for free room do not begin at the top, below what is mapped already, as "
		       "Linux's do\n");
	if (strcmp(run->memlock, "limited") != 0)
		printf("RLIMIT_MEMLOCK could not be set\n");
	if (strcmp(run->pages, "msync") != 0)
		printf("msync does not tell what is mapped\n");
	if (!run->maps)
		printf("there is no /proc/self/maps\n");
	if (!run->fork)
		printf("there is no fork\n");
	if (!run->zero_page)
		printf("memory that was only read has pages of its own: it is judged as if written\n");
}

/*
 * Scores are of checks, the last line of sequences: one of these has several checks in more than one
 * area.
 */
static void print_scores(const struct conform_verdict *verdict)
{
	char text[16];

	printf("\n%-10s %7s %7s %7s\n", "area", "checks", "right", "score");
	for (int i = 0; i < CONFORM_AREAS; i++) {
		const struct conform_score *s = &verdict->score[i];

		printf("%-10s %7lu %7lu %7s  %s\n", conform_area_name((enum conform_area)i), s->checks,
			s->right, per_cent_text(s, text, sizeof(text)),
			conform_area_meaning((enum conform_area)i));
	}
	printf("\n%u of %u sequences are right in all", verdict->right, verdict->ran);
	if (verdict->skipped)
		printf("; %u were left out", verdict->skipped);
	if (verdict->died)
		printf("; in %u the process died", verdict->died);
	if (verdict->not_run)
		printf("; %u were not run", verdict->not_run);
	printf("\n");
}

/*
 * Without @all the first of each area, and how many there are by call. d->area's `first` is an index into
 * all differences, so they come in the order of the sequences.
 */
void conform_print(const struct conform_verdict_of *of, bool all)
{
	const struct conform_verdict *verdict = of->verdict;

	print_machine(of->run, of->profile);
	print_scores(verdict);
	if (!verdict->nr_differences)
		return;
	printf("\n%s.  The window begins at %#lx, the heap at %#lx; each letter is a page.\n",
		all ? "All that differs" : "The first of each area that differs", CONFORM_WINDOW_SHOWN,
		CONFORM_HEAP_SHOWN);
	for (unsigned int i = 0; i < verdict->nr_differences; i++) {
		const struct conform_difference *d = &verdict->difference[i];

		bool first = verdict->score[d->area].first == i;

		if (all || first)
			print_difference(of->set, d);
		if (first)
			print_calls(of, d->area);
	}
}

/* What was expected is ours; what was seen is the stranger's, and goes through json_text(). */
static json_t *difference_json(const struct conform_set *set, const struct conform_difference *d)
{
	const struct conform_sequence *sequence = &set->sequence[d->sequence];
	json_t *calls = json_array();
	char text[256];

	for (unsigned int i = 0; i <= d->call; i++)
		json_push(calls,
			json_string(conform_call_text(&set->call[sequence->first + i], text, sizeof(text))));
	return json_pack("{s:s, s:i, s:s, s:o, s:s, s:s, s:o}", "area", conform_area_name(d->area),
		"sequence", (int)d->sequence, "name", sequence->name, "calls", calls, "what", d->what,
		"expected", d->expected, "seen", json_text(d->seen));
}

/*
 * Areas are members by name, not an array: who wants one of them asks for it by its name. percent is left
 * out where nothing was checked.
 */
static json_t *scores_json(const struct conform_verdict *verdict)
{
	json_t *scores = json_object();

	for (int i = 0; i < CONFORM_AREAS; i++) {
		const struct conform_score *s = &verdict->score[i];
		json_t *score = json_pack(
			"{s:I, s:I}", "checks", (json_int_t)s->checks, "right", (json_int_t)s->right);

		if (s->checks)
			json_put(score, "percent", json_real(per_cent(s)));
		json_put(scores, conform_area_name((enum conform_area)i), score);
	}
	return scores;
}

static json_t *differences_json(const struct conform_verdict_of *of, bool all)
{
	const struct conform_verdict *verdict = of->verdict;
	json_t *differences = json_array();

	for (unsigned int i = 0; i < verdict->nr_differences; i++)
		if (all || verdict->score[verdict->difference[i].area].first == i)
			json_push(differences, difference_json(of->set, &verdict->difference[i]));
	return differences;
}

/* complete: whether the answers had their end; without it the numbers are of a part. */
int conform_print_json(const struct conform_verdict_of *of, bool all)
{
	const struct conform_verdict *verdict = of->verdict;
	const struct conform_run *run = of->run;
	json_t *said = json_pack("{s:o, s:o, s:o, s:I, s:s}", "system", json_text(run->system), "release",
		json_text(run->release), "machine", json_text(run->machine), "page", (json_int_t)run->page,
		"kernel", of->profile->name);

	json_put(said, "sequences",
		json_pack("{s:i, s:i, s:i, s:i, s:i}", "ran", (int)verdict->ran, "right", (int)verdict->right,
			"skipped", (int)verdict->skipped, "died", (int)verdict->died, "not_run",
			(int)verdict->not_run));
	json_put(said, "complete", json_boolean(run->done));
	json_put(said, "areas", scores_json(verdict));
	json_put(said, "differences", differences_json(of, all));
	return print_json(said);
}
