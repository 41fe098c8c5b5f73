/* SPDX-License-Identifier: MIT */
/*
 * What the forms of a dump share: a line that is put together piece by piece, and then handed out.
 */
#ifndef MAPLE_DUMP_H
#define MAPLE_DUMP_H

#include "leaf.h"

#define LINE_MAX_BYTES \
	9000 /* a leaf as one Graphviz record: 30 areas and 31 holes, two bounds and an entry each */

struct dump {
	enum mt_dump_format format;
	void (*line)(void *ctx, const char *line);
	void *ctx;
	unsigned int depth; /* of the node that is written */
	unsigned int nodes; /* drawn so far: their names */
	bool gaps;
	unsigned int used;
	char text[LINE_MAX_BYTES];
};

/* Add to the line; what does not fit is cut. */
void dump_put(struct dump *d, const char *text);
void dump_put_in_base(struct dump *d, unsigned long value, unsigned int base);
void dump_put_range(struct dump *d, unsigned long first, unsigned long last);
void dump_put_entry(struct dump *d, const void *entry);
/* Hand the line out. */
void dump_end_line(struct dump *d);

/* A range of a leaf: its bounds, entry and number. */
typedef void dump_range_fn(
	struct dump *d, unsigned int i, unsigned long first, unsigned long last, const void *entry);
/* The ranges of a leaf, holes too, in order. @return how many. */
unsigned int dump_leaf_ranges(struct dump *d, const struct mt_leaf *leaf, unsigned long min,
	unsigned long max, dump_range_fn *each);

#endif /* MAPLE_DUMP_H */
