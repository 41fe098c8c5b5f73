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
 * The compare is signed, so both sides have their top bit flipped. Each lane that is below the index is -1;
 * the sums of eight compares, four wide, are added up at the end. The 32nd lane is the count, masked away.
 */
SEARCH_TARGET static inline unsigned int avx2_offset(const struct mt_node *node, unsigned long index)
{
	const __m256i flip = _mm256_set1_epi64x((long long)(1UL << 63));
	const __m256i key = _mm256_xor_si256(_mm256_set1_epi64x((long long)index), flip);
	unsigned int below = 0;

	for (int i = 0; i < 32; i += 16) {
		__m256i m[4];

		for (int j = 0; j < 4; j++) {
			__m256i p = _mm256_load_si256((const __m256i *)&node->pivot[i + 4 * j]);

			m[j] = _mm256_cmpgt_epi64(key, _mm256_xor_si256(p, flip));
		}
		__m256i low = _mm256_packs_epi32(m[0], m[1]);
		__m256i high = _mm256_packs_epi32(m[2], m[3]);
		__m256i all = _mm256_packs_epi16(low, high);

		below |= ((unsigned int)_mm256_movemask_epi8(all) & 0x55555555) << (i / 16);
	}
	/* lane 31 is nr: it came from the last quadword of the second half */
	return (unsigned int)__builtin_popcount(below & ~(1U << 31));
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
