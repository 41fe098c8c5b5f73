/* SPDX-License-Identifier: MIT */
/* The comparisons of the page: see page.h. */
#include "page.h"

#include <string.h>

static const struct {
	const char *question, *which;
	size_t n;
} rows[] = {
	{ "lookup", "uniform", 1000 },
	{ "lookup", "uniform", 100000 },
	{ "lookup", "local", 1000 },
	{ "lookup", "sweep", 1000 },
	{ "lookup-dependent", "", 1000 },
	{ "lookup-batch", "", 1000 },
	{ "lookup-batch", "", 100000 },
	{ "mix-rcu", "", 1000 },
	{ "mix-rcu", "", 100000 },
	{ "overwrite", "", 1000 },
	{ "gap-lowest", "", 100000 },
	{ "gap-highest", "", 100000 },
	{ "gap-window", "lowest", 100000 },
	{ "gap-window", "highest", 100000 },
	{ "iterate", "", 1000 },
	{ "iterate", "", 100000 },
	{ "build", "", 100000 },
	{ "duplicate", "", 100000 },
	{ "memory", "random order", 100000 },
	{ "memory", "ascending order", 100000 },
	{ "reader-beside-writer", "100,000 writes a second", 1000 },
	{ "reader-beside-writer", "writes flat out", 1000 },
	{ "writer-beside-reader", "", 1000 },
	{ "mmap-pair", "", 1000 },
	{ "mprotect-pair", "", 1000 },
	{ "brk-pair", "", 1000 },
	{ "fork-exit", "", 1000 },
	{ "threads-mmap", "", 1000 },
	{ "interval-stab", "10 hits", 100000 },
	{ "interval-update", "", 100000 },
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

bool page_has(const char *question, const char *which, size_t n)
{
	for (size_t i = 0; i < NR_ROWS; i++)
		if (strcmp(rows[i].question, question) == 0 && strcmp(rows[i].which, which) == 0 &&
			rows[i].n == n)
			return true;
	return false;
}

size_t page_sizes(const char *question, size_t *sizes, size_t most)
{
	size_t nr = 0;

	for (size_t i = 0; i < NR_ROWS && nr + 1 < most; i++)
		if (strcmp(rows[i].question, question) == 0 && (!nr || sizes[nr - 1] < rows[i].n))
			sizes[nr++] = rows[i].n;
	sizes[nr] = 0;
	return nr;
}
