/* SPDX-License-Identifier: MIT */
/* What census.c finds and census_words.c says. */
#ifndef CLI_CENSUS_INTERNAL_H
#define CLI_CENSUS_INTERNAL_H

#include "census.h"

/*
 * A moment of one address space: all its boundaries, and who made them. Written by take() and settle() of
 * census.c, read by census_words.c behind census_end(). Its table's groups are a copy of its own, without
 * examples: the ledger's events go on changing.
 */
struct found {
	uint32_t mm, pid; /* mm 0: nothing was found */
	uint64_t step;
	/* Of this moment. Sites and names in it are the ledger's and live as long as that. */
	struct explain_table table;
	/* list NULL: settle() has not been asked, or found nobody worth a name. */
	struct culprits culprits;
	/* Areas a second at the end of the space; the moment was taken when it ended. */
	double growth;      /* of MOST_GROWTH */
	double last_growth; /* when it ended: areas a second, 0 where it may be noise */
	uint64_t last_areas;
	bool ended; /* before the recording did */
};

/* The few areas that every program has, and that need not be, are nothing to know. */
#define LEAST_WASTE 10

/* Is more than a tenth of it not needed? */
static inline bool is_wasteful(const struct found *f)
{
	return f->table.needless * 10 > f->table.areas && f->table.needless >= LEAST_WASTE;
}

/* Moments that are kept, each of whichever address space has the most of it: found[kind]. */
enum { MOST_AREAS, MOST_NEEDLESS, MOST_GROWTH, FOUND_KINDS };

struct space;
/* One list of living spaces, the latest first; everything about the ended ones is in found[]. */
struct census {
	struct trace_sink sink;
	/*
	 * x and symbols are the census's own; each event goes to both, in the order that on_event() says.
	 */
	struct explain *x;
	struct symbols *symbols;
	bool all_names; /* of all culprits, not only those that the summary's end will name */
	struct space *spaces;
	/*
	 * By the recording's clock, not by that of who reads it: a budget of growth is the same for a
	 * recording that is looked at again.
	 */
	double seconds; /* of the last event */
	uint64_t step;
	/*
	 * Of all address spaces, exact: found[MOST_AREAS] may be of a moment with up to 2 % and 16 areas
	 * fewer.
	 */
	uint64_t peak, peak_step, max_map_count;
	uint32_t peak_pid;
	struct found found[FOUND_KINDS];
};

#endif /* CLI_CENSUS_INTERNAL_H */
