/* SPDX-License-Identifier: MIT */
/*
 * What a census has found, as the end of a summary; and a budget, held against it.
 *
 * Everything here reads a census that has ended and changes nothing. Numbers of a moment (MOST_...) and
 * the exact peak are never mixed in one sentence: of the peak it is said when it was, of the rest which
 * process.
 *
 * Words go to the stream that is given or, of a budget, to stderr: what `run` prints on stdout is the
 * program's.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/forecast.h>

#include "census_internal.h"
#include "text.h"
#include "watch.h"

/* Of each number that is too large: more of them is what `vmaple why --top` is for. */
#define CULPRITS_SHOWN 3

/* The number behind @name, if @text begins with it; @text goes on behind that. */
static bool take_number(const char **text, const char *name, bool *has, double *number)
{
	size_t n = strlen(name);

	if (*has || strncmp(*text, name, n) != 0 || (*text)[n] != '=')
		return false;
	*text += n + 1;
	*has = parse_decimal(text, number);
	return *has;
}

/* All false: --budget was not given. */
bool has_budget(const struct budget *b)
{
	return b->has_areas || b->has_growth || b->has_unneeded;
}

/*
 * @b is set in any case, and of no use after false. "areas=5k" is refused by what has to stand behind a
 * number: a comma or the end. areas and unneeded are cut to whole ones.
 */
bool parse_budget(const char *text, struct budget *b)
{
	double number;

	*b = (struct budget){ .areas = 0 };
	for (;;) {
		if (take_number(&text, "areas", &b->has_areas, &number)) {
			b->areas = (uint64_t)number;
		} else if (take_number(&text, "unneeded", &b->has_unneeded, &number)) {
			b->unneeded = (uint64_t)number;
		} else if (take_number(&text, "growth", &b->has_growth, &number)) {
			b->growth = number;
			text += strncmp(text, "/s", 2) == 0 ? 2 : 0;
		} else {
			return false;
		}
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
}

/*
 * How much a culprit has of what there is too much of. 0: it has nothing to do with this kind, and
 * culprit_at() passes it over. What is born in the second half of the time (young) stands for growth.
 */
static double weight_of(const struct culprit *c, int kind)
{
	return kind == MOST_GROWTH     ? (double)c->group.young
	       : kind == MOST_NEEDLESS ? (double)(c->group.needless ? c->group.areas : 0)
				       : (double)c->group.areas;
}

/*
 * The culprit that has the most behind the @nr that have more, by asking again for the one before:
 * O(culprits * nr), and nr is below CULPRITS_SHOWN. Of equal ones the first in memory comes first. NULL:
 * none has any.
 */
static const struct culprit *culprit_at(const struct found *f, int kind, unsigned int nr)
{
	const struct culprit *best = NULL, *before = nr ? culprit_at(f, kind, nr - 1) : NULL;

	if (nr && !before)
		return NULL;
	for (size_t i = 0; i < f->culprits.count; i++) {
		const struct culprit *c = &f->culprits.list[i];
		double weight = weight_of(c, kind), limit = before ? weight_of(before, kind) : 0;
		bool later = !before || weight < limit || (!(weight > limit) && c > before);

		if (weight > 0 && later && (!best || weight > weight_of(best, kind)))
			best = c;
	}
	return best;
}

/*
 * To the limit, at the growth that the space with the most areas had when it ended; below 0: it does not
 * get there.
 */
static double seconds_left(const struct census *c)
{
	const struct found *f = &c->found[MOST_AREAS];

	return forecast_seconds((double)f->last_areas, f->last_growth, (double)c->max_map_count);
}

/*
 * Without a culprit that has a name @buf stays as it is, which is "": a share without a cause helps
 * nobody.
 */
static void say_waste(const struct census *c, char *buf, size_t size)
{
	const struct found *f = &c->found[MOST_NEEDLESS];
	const struct culprit *worst = culprit_at(f, MOST_NEEDLESS, 0);
	char areas[32], number[32], names[256];

	if (worst)
		snprintf(buf, size,
			"%.0f%% of the %s areas of process %u need not be, %s of them for \"%s\", by %s",
			100.0 * (double)f->table.needless / (double)f->table.areas,
			number_text(f->table.areas, areas, sizeof(areas)), f->pid,
			number_text(worst->group.areas, number, sizeof(number)),
			explain_reason_names(worst->group.main_reasons, names, sizeof(names)),
			worst->made_by);
}

/*
 * Of a process that has ended it is said as what would have come: a short run of a server shows a leak
 * that its end hid.
 */
static void say_limit(const struct census *c, char *buf, size_t size)
{
	const struct found *f = &c->found[MOST_AREAS];
	char limit[32], left[64];

	snprintf(buf, size, "growing by %.1f areas a second, process %u %s to max_map_count (%s) in %s%s",
		f->last_growth, f->pid, f->ended ? "would have come" : "comes",
		number_text(c->max_map_count, limit, sizeof(limit)),
		duration_text(seconds_left(c), left, sizeof(left)), f->ended ? ", had it not ended" : "");
}

/*
 * The two halves are joined by a semicolon and wrapped as one, behind the fourteen columns that the
 * summary's other lines have.
 */
void census_print(const struct census *c, FILE *out)
{
	bool grows = c->found[MOST_AREAS].last_growth > 0;
	char waste[1024] = "", limit[256] = "", line[1300];

	if (is_wasteful(&c->found[MOST_NEEDLESS]))
		say_waste(c, waste, sizeof(waste));
	if (grows)
		say_limit(c, limit, sizeof(limit));
	if (!*waste && !*limit)
		return;
	snprintf(line, sizeof(line), "%s%s%s", waste, *waste && *limit ? "; " : "", limit);
	fputs("  in short    ", out);
	print_wrapped_behind(out, 14, line);
}

/* Never NULL where memory does not run out: an empty array says that nobody is to blame. */
static json_t *culprits_json(const struct found *f, int kind)
{
	json_t *a = json_array();
	const struct culprit *c;

	for (unsigned int i = 0; i < CULPRITS_SHOWN && (c = culprit_at(f, kind, i)) != NULL; i++)
		json_push(a, json_pack("{s:o, s:o, s:I, s:b, s:f}", "made_by", json_text(c->made_by),
				     "reasons", reasons_json(c->group.main_reasons), "areas",
				     (json_int_t)c->group.areas, "needless", (int)c->group.needless,
				     "growth_per_second", explain_growth(&f->table, &c->group)));
	return a;
}

/*
 * What is over the budget: bits of 1 << MOST_... The areas are the exact peak; what is needless or grows
 * is known of moments only, so a budget of these can be exceeded unseen by what the census leaves between
 * two tables. A budget that was not given is never exceeded (its has_ is false), and one of 0 is exceeded
 * by the first.
 */
static unsigned int over(const struct census *c, const struct budget *b)
{
	return (b->has_areas && c->peak > b->areas ? 1U << MOST_AREAS : 0) |
	       (b->has_unneeded && c->found[MOST_NEEDLESS].table.needless > b->unneeded ? 1U << MOST_NEEDLESS
											: 0) |
	       (b->has_growth && c->found[MOST_GROWTH].growth > b->growth ? 1U << MOST_GROWTH : 0);
}

/*
 * Names are those of --budget; empty: within it. pid is that of the moment, which of the areas may be
 * another than the peak's process.
 */
static json_t *over_json(const struct census *c, const struct budget *b)
{
	static const char *const names[] = { "areas", "unneeded", "growth" };
	unsigned int which = over(c, b);
	json_t *a = json_array();

	for (int i = 0; i < FOUND_KINDS; i++)
		if (which >> i & 1)
			json_push(
				a, json_pack("{s:s, s:i, s:o}", "what", names[i], "pid", (int)c->found[i].pid,
					   "culprits", culprits_json(&c->found[i], i)));
	return a;
}

/* seconds_to_limit is null where the limit is not reached at that growth: 0 would be now. */
void census_json(const struct census *c, const struct budget *budget, json_t *o)
{
	const struct found *f = &c->found[MOST_NEEDLESS];
	double left = seconds_left(c);

	json_put(o, "needless", json_integer((json_int_t)f->table.needless));
	json_put(o, "needless_of", json_integer((json_int_t)f->table.areas));
	json_put(o, "needless_culprits", culprits_json(f, MOST_NEEDLESS));
	json_put(o, "growth_per_second", json_real(c->found[MOST_AREAS].last_growth));
	json_put(o, "seconds_to_limit", left >= 0 ? json_real(left) : json_null());
	if (has_budget(budget))
		json_put(o, "over_budget", over_json(c, budget));
}

/*
 * On stderr, largest first, behind the sentence of say_over(); without names (settle() was not asked for
 * this one) nothing.
 */
static void print_culprits(const struct found *f, int kind)
{
	const struct culprit *c;
	char names[256], number[32], line[1024];

	for (unsigned int i = 0; i < CULPRITS_SHOWN && (c = culprit_at(f, kind, i)) != NULL; i++) {
		snprintf(line, sizeof(line), "%s, by %s",
			explain_reason_names(c->group.main_reasons, names, sizeof(names)), c->made_by);
		if (kind == MOST_GROWTH)
			fprintf(stderr, "  %8.1f/s  ", explain_growth(&f->table, &c->group));
		else
			fprintf(stderr, "  %10s  ", number_text(c->group.areas, number, sizeof(number)));
		print_wrapped_behind(stderr, 14, line);
	}
}

/*
 * @f: all kinds, of which @kind is meant. Not by complain(): the table below belongs to the sentence, and
 * that wraps for a terminal alone.
 */
static void say_over(const char *command, const struct found *f, int kind, const char *text)
{
	char lead[64];

	snprintf(lead, sizeof(lead), "vmaple %s: ", command);
	fputs(lead, stderr);
	print_wrapped_behind(stderr, strlen(lead), text);
	print_culprits(&f[kind], kind);
}

/*
 * In the order areas, growth, unneeded, as the help has them. Every number that is too large is said, not
 * only the first: who sets three budgets wants to know all of what to change.
 */
bool census_within(const struct census *c, const struct budget *b, const char *command)
{
	const struct found *f = c->found;
	unsigned int which = over(c, b);
	char text[256], is[32], may[32], step[32];

	if (which & 1U << MOST_AREAS) {
		snprintf(text, sizeof(text), "over budget: %s areas of process %u at step %s, at most %s",
			number_text(c->peak, is, sizeof(is)), c->peak_pid,
			number_text(c->peak_step, step, sizeof(step)),
			number_text(b->areas, may, sizeof(may)));
		say_over(command, f, MOST_AREAS, text);
	}
	if (which & 1U << MOST_GROWTH) {
		snprintf(text, sizeof(text),
			"over budget: process %u grows by %.1f areas a second, at most %.1f",
			f[MOST_GROWTH].pid, f[MOST_GROWTH].growth, b->growth);
		say_over(command, f, MOST_GROWTH, text);
	}
	if (which & 1U << MOST_NEEDLESS) {
		snprintf(text, sizeof(text),
			"over budget: %s areas of process %u at step %s need not be, at most %s",
			number_text(f[MOST_NEEDLESS].table.needless, is, sizeof(is)), f[MOST_NEEDLESS].pid,
			number_text(f[MOST_NEEDLESS].step, step, sizeof(step)),
			number_text(b->unneeded, may, sizeof(may)));
		say_over(command, f, MOST_NEEDLESS, text);
	}
	return !which;
}
