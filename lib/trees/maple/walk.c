/* SPDX-License-Identifier: MIT */
/*
 * Walking down, for every instruction set that the CPU may have (isa.h).
 *
 * Which one runs is decided once, for the whole walk, so that the choice costs one indirect call per operation.
 */
#include "isa.h"

#define SEARCH_TARGET
#define SEARCH(name) scalar_##name
#include "search.h"
#undef SEARCH
#ifdef MT_SSE2
#define SEARCH(name) sse2_##name
#include "search.h"
#undef SEARCH
#endif
#ifdef MT_VECTORS
#undef SEARCH_TARGET
#define SEARCH_TARGET AVX2_TARGET
#define SEARCH(name)  avx2_##name
#include "search.h"
#undef SEARCH
#undef SEARCH_TARGET
#endif
#ifdef MT_AVX512
#define SEARCH_TARGET AVX512_TARGET
#define SEARCH(name)  avx512_##name
#include "search.h"
#undef SEARCH
#endif
#ifdef MT_NEON
#define SEARCH(name) neon_##name
#include "search.h"
#undef SEARCH
#endif

void *(*mt_walk_load)(const void *root, unsigned long index) = scalar_load;
void (*mt_walk_load_many)(
	const void *root, const unsigned long *index, void **entry, unsigned int nr) = scalar_load_many;
void (*mt_walk_position)(const void *root, unsigned long index, struct mt_position *pos) = scalar_position;
void *(*mt_walk_look)(const void *root, unsigned long index, unsigned long max) = scalar_look;
void *(*mt_walk_around)(const void *root, unsigned long index, void **before, void **after) = scalar_around;
unsigned int (*mt_area_at)(const struct mt_leaf *leaf, unsigned long index) = scalar_area;
void (*mt_path_to)(const void *root, unsigned long index, struct mt_path *path) = scalar_path;
bool (*mt_find_gap)(const void *root, struct mt_gap_search *search, struct mt_path *path) = scalar_find_gap;
unsigned long (*mt_leaf_gap)(
	const struct mt_leaf *leaf, unsigned long min, unsigned long max) = scalar_leaf_gap;
unsigned long (*mt_inner_gap)(const struct mt_inner *node, unsigned long but) = scalar_inner_gap;

#define CHOOSE(isa)                                  \
	do {                                         \
		mt_walk_load = isa##_load;           \
		mt_walk_load_many = isa##_load_many; \
		mt_walk_position = isa##_position;   \
		mt_walk_look = isa##_look;           \
		mt_walk_around = isa##_around;       \
		mt_area_at = isa##_area;             \
		mt_path_to = isa##_path;             \
		mt_find_gap = isa##_find_gap;        \
		mt_leaf_gap = isa##_leaf_gap;        \
		mt_inner_gap = isa##_inner_gap;      \
	} while (0)

bool mt_search_select(enum mt_search_kind kind)
{
	switch (kind) {
	case MT_SEARCH_SCALAR:
		CHOOSE(scalar);
		return true;
#ifdef MT_SSE2
	case MT_SEARCH_SSE2:
		CHOOSE(sse2);
		return true;
#endif
#ifdef MT_VECTORS
	case MT_SEARCH_AVX2:
		if (!__builtin_cpu_supports("avx2"))
			return false;
		CHOOSE(avx2);
		return true;
#endif
#ifdef MT_AVX512
	case MT_SEARCH_AVX512:
		if (!__builtin_cpu_supports(
			    "avx512vbmi2")) /* those before it slow down when they meet such vectors */
			return false;
		CHOOSE(avx512);
		return true;
#endif
#ifdef MT_NEON
	case MT_SEARCH_NEON:
		CHOOSE(neon);
		return true;
#endif
	default:
		return false;
	}
}

__attribute__((constructor)) static void select_best_search(void)
{
	enum mt_search_kind kind = MT_SEARCH_NEON;

	while (!mt_search_select(kind))
		kind--;
}
