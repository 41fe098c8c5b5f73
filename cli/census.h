/* SPDX-License-Identifier: MIT */
/*
 * The areas of a program while it runs: the most, those that need not be, growth, and who is to blame.
 *
 * A sink with a ledger behind it.  Of each address space the table of boundaries is taken whenever it has some 2 % more areas
 * than when it was taken last, and before it ends, so that taking them costs a few microseconds for each new area; the largest
 * number of areas is exact, what is told of boundaries is of such a moment.  Growth is told from noise (<vmaple/forecast.h>) by
 * looking ten times a second, as the recording's clock has it; a program that runs for less than a second has none.
 *
 * Who calls in which order: census_new() with the header; census_sink() gets every event; then
 * census_end(); then census_print(), census_json() and census_within(), in any order and as often as
 * wanted, for none of them changes anything; census_free(). One thread.
 */
#ifndef CLI_CENSUS_H
#define CLI_CENSUS_H

#include <jansson.h>

#include "culprits.h"

/* What a program may have at most. A number counts where its has_ is set; 0 is a budget, too. */
struct budget {
	bool has_areas, has_growth, has_unneeded;
	uint64_t areas, unneeded;
	double growth; /* areas a second */
};
/* "areas=N,growth=N/s,unneeded=N", each at most once, at least one of them. */
bool has_budget(const struct budget *budget);
bool parse_budget(const char *text, struct budget *budget);

struct census;
/*
 * @all_names: also of culprits that census_print() does not name; finding names reads files of programs.  NULL: out of memory.
 */
struct census *census_new(
	const struct trace_header *header, const struct replay_options *options, bool all_names);
void census_free(struct census *c);
/* Its event() fails with -ENOMEM only. It belongs to the census. */
struct trace_sink *census_sink(struct census *c);
/* The mirror that the census keeps, for its statistics; it belongs to the census. */
struct replay *census_replay(struct census *c);
/*
 * After the last event, once: what still lives is looked at, too. 0 or -ENOMEM; then what is printed has
 * gaps. Before it nothing below may be asked.
 */
int census_end(struct census *c) __must_check;

/*
 * The end of a summary: what is worth knowing, if anything is. One paragraph, "in short", or nothing at
 * all: what is neither wasteful nor growing needs no words.
 */
void census_print(const struct census *c, FILE *out);
/*
 * The same as members of a summary. @summary gets them in any case, so that who reads it finds the same
 * keys; over_budget only with a budget.
 */
void census_json(const struct census *c, const struct budget *budget, json_t *summary);
/* Is the program within its budget? If not, it is said, with three culprits for each number that is too large. */
bool census_within(const struct census *c, const struct budget *budget, const char *command);

#endif /* CLI_CENSUS_H */
