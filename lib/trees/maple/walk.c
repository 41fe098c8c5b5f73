/* SPDX-License-Identifier: MIT */
/*
 * Walking down, in every form that the CPU may have.
 *
 * The search in a node counts the pivots below the index (node.h, 1).  The scalar form is a branchless sum
 * that any compiler can do something with; the AVX2 form compares four pivots an instruction.  Which one runs
 * is decided once, for the whole walk, so that the choice costs one indirect call per operation.
 */
#include "node.h"

#define SEARCH_TARGET
#define SEARCH(name) scalar_##name

/*
 * Halve five times: 31 pivots need exactly five comparisons, and each is a conditional move.
 */
static inline unsigned int scalar_offset(const struct mt_node *node, unsigned long index)
{
	const unsigned long *p = node->pivot;

	p += (p[15] < index) ? 16 : 0;
	p += (p[7] < index) ? 8 : 0;
	p += (p[3] < index) ? 4 : 0;
	p += (p[1] < index) ? 2 : 0;
	p += (p[0] < index) ? 1 : 0;
	return (unsigned int)(p - node->pivot);
}

#include "search.h"
#undef SEARCH
#undef SEARCH_TARGET

#ifdef __x86_64__
#include <immintrin.h>

#define SEARCH_TARGET __attribute__((target("avx2,popcnt")))
#define SEARCH(name)  avx2_##name

/*
 * Three pivots decide which eight are looked at, eight compares at once give the rest:
 *
 *      offset      0 ..... 7  8 ..... 15  16 .... 22  23 .... 30
 *      looked at           7          15          22
 *      group       [0 .... 7] [8 .... 15] [16 ... 23]
 *                                                [23 .... 30]
 *
 * All 31 in vectors would need no first step, but 64-bit compares have one port on most CPUs and would wait for it.
 * The compare is signed, so both sides have their top bit flipped.  A lane that is below the index is four bytes of
 * ones after packing.
 */
SEARCH_TARGET static inline unsigned int avx2_offset(const struct mt_node *node, unsigned long index)
{
	const __m256i flip = _mm256_set1_epi64x((long long)(1UL << 63));
	const __m256i key = _mm256_xor_si256(_mm256_set1_epi64x((long long)index), flip);
	const unsigned long *p = node->pivot;
	unsigned int group = 8U * (p[7] < index) + 8U * (p[15] < index) + 7U * (p[22] < index);
	__m256i low = _mm256_loadu_si256((const __m256i *)&p[group]);
	__m256i high = _mm256_loadu_si256((const __m256i *)&p[group + 4]);

	low = _mm256_cmpgt_epi64(key, _mm256_xor_si256(low, flip));
	high = _mm256_cmpgt_epi64(key, _mm256_xor_si256(high, flip));
	low = _mm256_packs_epi32(low, high);
	return group + (unsigned int)__builtin_popcount((unsigned int)_mm256_movemask_epi8(low)) / 4;
}

#include "search.h"
#undef SEARCH
#undef SEARCH_TARGET
#endif

void *(*mt_walk_load)(const void *root, unsigned long index) = scalar_load;
void (*mt_walk_position)(const void *root, unsigned long index, struct mt_position *pos) = scalar_position;
void (*mt_path_to)(const void *root, unsigned long index, struct mt_path *path) = scalar_path;

bool mt_search_select(enum mt_search_kind kind)
{
#ifdef __x86_64__
	if (kind == MT_SEARCH_AVX2) {
		if (!__builtin_cpu_supports("avx2"))
			return false;
		mt_walk_load = avx2_load;
		mt_walk_position = avx2_position;
		mt_path_to = avx2_path;
		return true;
	}
#endif
	if (kind != MT_SEARCH_SCALAR)
		return false;
	mt_walk_load = scalar_load;
	mt_walk_position = scalar_position;
	mt_path_to = scalar_path;
	return true;
}

__attribute__((constructor)) static void select_best_search(void)
{
	if (!mt_search_select(MT_SEARCH_AVX2))
		(void)mt_search_select(MT_SEARCH_SCALAR);
}
