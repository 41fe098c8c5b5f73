/* SPDX-License-Identifier: MIT */
/*
 * Mixes of random calls: each weights a family of calls and its rare paths.
 *
 * How they are weighed. COMMON is in each, so that there is something to cut and to merge, and that areas
 * have an anon_vma. min_pages and max_pages are small where areas have to meet again (merge), larger where
 * a call is about what is far (stack: as many as a limit and the guard gap of 256 pages need) or about huge
 * pages (some hundred of 4 KiB; generate() scales them). Calls that take long or end the variety (mlockall,
 * fork, seals, limits) weigh 1 to 3: once a sealed area or a limit of 0 is there, all that follows tends to
 * be refused.
 *
 * The place of a mix in the table is drawn, so that a new one anywhere makes other sequences of every old
 * seed.
 */
#include <string.h>

#include "maker.h"

#define COMMON [CALL_MMAP] = 28, [CALL_MUNMAP] = 10, [CALL_MPROTECT] = 22, [CALL_WRITE] = 16

static const struct mix mixes[] = {
	{ "merge", { COMMON }, .files = 3, .shared = 2, .odd = 1, .min_pages = 6, .max_pages = 40 },
	{ "files", { COMMON, [CALL_MREMAP] = 8, [CALL_MADVISE] = 6, [CALL_SHMAT] = 4, [CALL_SHMDT] = 2 },
		.files = 70, .shared = 30, .odd = 2, .placed = 2, .exec = 10, .min_pages = 8,
		.max_pages = 48 },
	{ "remap", { COMMON, [CALL_MREMAP] = 40, [CALL_MLOCK] = 2, [CALL_MADVISE] = 3 }, .files = 15,
		.shared = 15, .odd = 3, .placed = 2, .grows = 2, .locked = 3, .min_pages = 8,
		.max_pages = 64 },
	{ "moved", { COMMON, [CALL_MREMAP] = 50, [CALL_FORK] = 1, [CALL_EXIT] = 1 }, .files = 85, .shared = 3,
		.odd = 1, .min_pages = 8, .max_pages = 24 },
	{ "advice",
		{ COMMON, [CALL_MADVISE] = 50, [CALL_MEMORY_MERGE] = 1, [CALL_PROCESS_MADVISE] = 6,
			[CALL_MLOCK] = 3, [CALL_MUNLOCK] = 2, [CALL_MSEAL] = 1, [CALL_FORK] = 1,
			[CALL_EXIT] = 1 },
		.files = 15, .shared = 15, .odd = 3, .grows = 2, .min_pages = 8, .max_pages = 48 },
	{ "lock",
		{ COMMON, [CALL_MLOCK] = 14, [CALL_MUNLOCK] = 10, [CALL_MLOCKALL] = 1, [CALL_MUNLOCKALL] = 1,
			[CALL_MREMAP] = 12, [CALL_LIMIT] = 2, [CALL_BRK] = 3 },
		.files = 10, .shared = 10, .odd = 2, .placed = 1, .grows = 3, .locked = 10, .min_pages = 8,
		.max_pages = 64, .limits = true, .heap = true },
	{ "limits",
		{ COMMON, [CALL_MREMAP] = 12, [CALL_MLOCK] = 4, [CALL_MUNLOCK] = 3, [CALL_LIMIT] = 6,
			[CALL_BRK] = 8, [CALL_MADVISE] = 3 },
		.files = 10, .shared = 10, .odd = 2, .placed = 2, .grows = 6, .locked = 4, .min_pages = 8,
		.max_pages = 64, .limits = true, .heap = true },
	{ "fork",
		{ COMMON, [CALL_FORK] = 3, [CALL_MEMORY_MERGE] = 1, [CALL_EXIT] = 3, [CALL_SPAWN] = 2,
			[CALL_REAP] = 1, [CALL_MADVISE] = 8, [CALL_MREMAP] = 8, [CALL_MLOCK] = 2 },
		.files = 8, .shared = 5, .odd = 1, .grows = 1, .min_pages = 6, .max_pages = 32 },
	{ "generations", { COMMON, [CALL_FORK] = 5, [CALL_EXIT] = 2, [CALL_MADVISE] = 6, [CALL_MREMAP] = 6 },
		.files = 6, .shared = 3, .odd = 1, .min_pages = 6, .max_pages = 24 },
	{ "seal", { COMMON, [CALL_MSEAL] = 4, [CALL_MREMAP] = 10, [CALL_MADVISE] = 14 }, .files = 20,
		.shared = 10, .odd = 2, .grows = 2, .min_pages = 16, .max_pages = 96 },
	{ "heap",
		{ COMMON, [CALL_BRK] = 35, [CALL_MEMORY_MERGE] = 1, [CALL_MLOCK] = 2, [CALL_LIMIT] = 1,
			[CALL_SET_MM] = 1 },
		.odd = 1, .grows = 3, .min_pages = 8, .max_pages = 40, .heap = true },
	{ "stack", { COMMON, [CALL_LIMIT] = 1, [CALL_MREMAP] = 6, [CALL_MADVISE] = 3 }, .odd = 2, .grows = 45,
		.locked = 3, .min_pages = 300, .max_pages = 900, .limits = true },
	{ "place", { COMMON, [CALL_MREMAP] = 12 }, .files = 25, .shared = 10, .odd = 5, .placed = 50,
		.grows = 3, .min_pages = 16, .max_pages = 96 },
	{ "keys",
		{ COMMON, [CALL_PKEY] = 12, [CALL_PKEY_ALLOC] = 3, [CALL_PKEY_FREE] = 1, [CALL_READ] = 8,
			[CALL_PERSONA] = 1, [CALL_MADVISE] = 6, [CALL_MLOCK] = 4, [CALL_MDWE] = 1,
			[CALL_MREMAP] = 4, [CALL_FORK] = 1, [CALL_EXIT] = 1 },
		.files = 20, .shared = 10, .odd = 3, .exec = 60, .locked = 5, .min_pages = 8,
		.max_pages = 48 },
	{ "room",
		{ COMMON, [CALL_MREMAP] = 14, [CALL_MADVISE] = 10, [CALL_MLOCK] = 4, [CALL_MUNLOCK] = 3,
			[CALL_BRK] = 4, [CALL_MSEAL] = 1 },
		.files = 10, .shared = 8, .odd = 1, .grows = 2, .min_pages = 12, .max_pages = 64,
		.heap = true, .room = true },
	{ "uffd",
		{ COMMON, [CALL_UFFD] = 24, [CALL_UFFD_CLOSE] = 1, [CALL_MREMAP] = 12, [CALL_MADVISE] = 8,
			[CALL_SHMAT] = 2, [CALL_BRK] = 4, [CALL_MSEAL] = 1, [CALL_FORK] = 1,
			[CALL_EXIT] = 1 },
		.files = 20, .shared = 20, .odd = 2, .grows = 2, .min_pages = 8, .max_pages = 48,
		.heap = true, .unserved = true },
	{ "nonlinear",
		{ COMMON, [CALL_REMAP_FILE_PAGES] = 30, [CALL_MREMAP] = 6, [CALL_MLOCK] = 4,
			[CALL_MUNLOCK] = 3, [CALL_SHMAT] = 4, [CALL_SHMDT] = 2, [CALL_MSEAL] = 1,
			[CALL_LIMIT] = 1 },
		.files = 60, .shared = 60, .odd = 2, .exec = 10, .locked = 5, .min_pages = 8, .max_pages = 48,
		.limits = true },
	{ "policy",
		{ COMMON, [CALL_MBIND] = 30, [CALL_MREMAP] = 10, [CALL_MADVISE] = 5, [CALL_FORK] = 1,
			[CALL_EXIT] = 1 },
		.files = 15, .shared = 15, .odd = 2, .min_pages = 8, .max_pages = 48 },
	{ "names",
		{ COMMON, [CALL_NAME] = 30, [CALL_MREMAP] = 10, [CALL_MADVISE] = 5, [CALL_BRK] = 4,
			[CALL_MSEAL] = 1, [CALL_FORK] = 1, [CALL_EXIT] = 1 },
		.files = 15, .shared = 15, .odd = 2, .min_pages = 8, .max_pages = 48, .heap = true },
	{ "huge", { COMMON, [CALL_MADVISE] = 30, [CALL_MREMAP] = 10, [CALL_MLOCK] = 6, [CALL_MUNLOCK] = 6 },
		.files = 8, .shared = 8, .locked = 3, .grows = 1, .min_pages = 600, .max_pages = 1000,
		.huge = true },
	{ "hugetlb", { COMMON, [CALL_MREMAP] = 20, [CALL_MSEAL] = 1, [CALL_FORK] = 1, [CALL_EXIT] = 1 },
		.files = 5, .shared = 20, .odd = 2, .placed = 8, .exec = 5, .min_pages = 900,
		.max_pages = 1000, .hugetlb = 40 },
	{ "kernels",
		{ COMMON, [CALL_KERNELS] = 8, [CALL_MREMAP] = 24, [CALL_MADVISE] = 16, [CALL_MLOCK] = 4,
			[CALL_MUNLOCK] = 2, [CALL_MSEAL] = 1, [CALL_MBIND] = 2, [CALL_UFFD] = 2,
			[CALL_FORK] = 1, [CALL_EXIT] = 1 },
		.files = 5, .shared = 5, .odd = 2, .min_pages = 8, .max_pages = 32, .unserved = true },
	{ "all",
		{ COMMON, [CALL_PKEY] = 1, [CALL_MREMAP] = 14, [CALL_MADVISE] = 14, [CALL_MLOCK] = 4,
			[CALL_MUNLOCK] = 3, [CALL_MLOCKALL] = 1, [CALL_MUNLOCKALL] = 1, [CALL_MSEAL] = 1,
			[CALL_BRK] = 4, [CALL_SHMAT] = 2, [CALL_SHMDT] = 1, [CALL_MBIND] = 1, [CALL_FORK] = 1,
			[CALL_EXIT] = 1, [CALL_SPAWN] = 1, [CALL_REAP] = 1, [CALL_LIMIT] = 2,
			[CALL_PERSONA] = 1, [CALL_MEMORY_MERGE] = 1 },
		.files = 20, .shared = 12, .odd = 3, .placed = 3, .exec = 8, .grows = 5, .locked = 4,
		.min_pages = 12, .max_pages = 96, .limits = true, .heap = true },
};
#define MIXES (sizeof(mixes) / sizeof(mixes[0]))

const struct mix *find_mix(struct random *r, const char *name)
{
	if (!name)
		return &mixes[random_below(r, 4 * MIXES) % MIXES];
	for (size_t i = 0; i < MIXES; i++)
		if (strcmp(mixes[i].name, name) == 0)
			return &mixes[i];
	return NULL;
}

void list_mixes(FILE *f)
{
	for (size_t i = 0; i < MIXES; i++)
		fprintf(f, " %s", mixes[i].name);
}
