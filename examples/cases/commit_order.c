/* SPDX-License-Identifier: MIT */
/*
 * Memory that is reserved at once, and committed in pieces that are written as soon as they are there.
 *
 *   commit_order ascending|random|even [PIECES]
 *
 * In ascending order one area is left; in random order, or with the even pieces first, many that look alike.
 */
#include "case.h"

#define PIECE (4UL << 20)

static culprit void commit(char *piece)
{
	if (sys_mprotect(piece, PIECE, READ_WRITE))
		exit(1);
	*(volatile char *)piece = 1;
}

static void shuffle(unsigned int *order, unsigned int n)
{
	uint64_t random = 88172645463325252ULL;

	for (unsigned int i = n - 1; i; i--) {
		unsigned int k, t = order[i];

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		k = (unsigned int)(random % (i + 1));
		order[i] = order[k];
		order[k] = t;
	}
}

int main(int argc, char **argv)
{
	unsigned int n = (unsigned int)number(argc, argv, 2, 256), *order = malloc(n * sizeof(*order));
	const char *how = argc > 1 ? argv[1] : "random";
	char *base = sys_mmap(NULL, n * PIECE, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (failed(base) || !order)
		return 1;
	for (unsigned int i = 0; i < n; i++)
		order[i] = strcmp(how, "even") == 0 ? (2 * i < n ? 2 * i : 2 * (i - n / 2) + 1) : i;
	if (strcmp(how, "random") == 0)
		shuffle(order, n);
	for (unsigned int i = 0; i < n; i++)
		commit(base + order[i] * PIECE);
	return 0;
}
