/* SPDX-License-Identifier: MIT */
/*
 * What is done to one node at a time, for every instruction set that the CPU may have: scalar_, sse2_, avx2_, avx512_, neon_
 *
 *    inner      how many pivots of an inner node are below an index
 *    narrow     how many ends of a narrow leaf are below a key
 *    wide       how many ends of a wide leaf are below an index
 *    holes      a bit for each hole between two areas of a narrow leaf, none of them erased, that is long enough
 *    wide_holes the same of a wide leaf
 *
 * A search counts what is below the index (node.h, 1; leaf.h, 2).  Scalar code halves; SSE2, which every
 * x86-64 has, treats the bounds of a narrow leaf four an instruction; AVX2 eight, and the pivots of inner
 * nodes four; AVX-512 all pivots, or ends, of a node in four. NEON, which every arm64 has, treats two pivots or four ends
 * an instruction, after scalar steps that leave eight pivots or 16 ends.
 */
#ifndef MAPLE_ISA_H
#define MAPLE_ISA_H

#include "leaf.h"

/*
 * Halve five times: 31 pivots need exactly five comparisons, and each is a conditional move.
 */
static inline unsigned int scalar_inner(const struct mt_inner *node, unsigned long index)
{
	const unsigned long *p = node->pivot;

	p += (p[15] < index) ? 16 : 0;
	p += (p[7] < index) ? 8 : 0;
	p += (p[3] < index) ? 4 : 0;
	p += (p[1] < index) ? 2 : 0;
	p += (p[0] < index) ? 1 : 0;
	return (unsigned int)(p - node->pivot);
}

/* The same for 30: after the first step 15 are left on either side. */
static inline unsigned int scalar_wide(const struct mt_leaf *leaf, unsigned long index)
{
	const unsigned long *p = leaf->wide.end;

	p += (p[14] < index) ? 15 : 0;
	p += (p[7] < index) ? 8 : 0;
	p += (p[3] < index) ? 4 : 0;
	p += (p[1] < index) ? 2 : 0;
	p += (p[0] < index) ? 1 : 0;
	return (unsigned int)(p - leaf->wide.end);
}

static inline unsigned int scalar_narrow(const struct mt_leaf *leaf, int key)
{
	const int *p = leaf->narrow.end;

	p += (p[14] < key) ? 15 : 0;
	p += (p[7] < key) ? 8 : 0;
	p += (p[3] < key) ? 4 : 0;
	p += (p[1] < key) ? 2 : 0;
	p += (p[0] < key) ? 1 : 0;
	return (unsigned int)(p - leaf->narrow.end);
}

/* @units is the length of the hole. Hole i lies before area i. */
static inline unsigned int scalar_holes(const struct mt_leaf *leaf, int units)
{
	unsigned int mask = 0;

	for (unsigned int i = 1; i < leaf->nr; i++)
		mask |= (unsigned int)(leaf->narrow.start[i] - leaf->narrow.end[i - 1] > units) << i;
	return mask;
}

/* @size is the length of the hole. */
static __attribute__((noinline)) unsigned int scalar_wide_holes(
	const struct mt_leaf *leaf, unsigned long size)
{
	const unsigned long *start = leaf_wide(leaf)->start, *end = leaf->wide.end;
	unsigned int mask = 0;

	for (unsigned int i = 1; i < leaf->nr; i++)
		mask |= (unsigned int)(start[i] - end[i - 1] > size) << i;
	return mask;
}

/*
 * Without a C library the compiler's header of vectors does not compile, and nobody would choose a form. On Windows gcc
 * puts vectors on a stack that is aligned for those of SSE2 only.
 */
#if defined(__x86_64__) && __STDC_HOSTED__ && !defined(_WIN32) && !defined(VMAPLE_SMALL)
#define MT_VECTORS 1
#ifndef __OPTIMIZE_SIZE__ /* small code has two forms less */
#define MT_SSE2   1
#define MT_AVX512 1
#endif
#include <immintrin.h>

#define sse2_inner      scalar_inner
#define sse2_wide       scalar_wide
#define sse2_wide_holes scalar_wide_holes

/* 16 of the 32 words that the base and the ends are: a bit for each that is below the key. */
static inline unsigned int sse2_below(const __m128i *word, __m128i key)
{
	__m128i a = _mm_packs_epi32(_mm_cmpgt_epi32(key, word[0]), _mm_cmpgt_epi32(key, word[1]));
	__m128i b = _mm_packs_epi32(_mm_cmpgt_epi32(key, word[2]), _mm_cmpgt_epi32(key, word[3]));

	return (unsigned int)_mm_movemask_epi8(_mm_packs_epi16(a, b));
}

/* Two words are the base, and the ends below the key come first: count them by the first that is not. */
static inline unsigned int sse2_narrow(const struct mt_leaf *leaf, int key)
{
	const __m128i *word = (const __m128i *)leaf;
	__m128i keys = _mm_set1_epi32(key);
	unsigned long below = sse2_below(word, keys) | sse2_below(word + 4, keys) << 16 | 3;

	return (unsigned int)__builtin_ctzl(~below) - 2;
}

/* Bounds that the leaf does not have are read too, and their bits dropped. */
static inline unsigned int sse2_holes(const struct mt_leaf *leaf, int units)
{
	const __m128i length = _mm_set1_epi32(units);
	unsigned int mask = 0;

	UNROLL
	for (unsigned int i = 0; i < 8; i++) {
		__m128i end = _mm_loadu_si128((const __m128i *)((const char *)leaf + 8) + i);
		__m128i start = _mm_loadu_si128((const __m128i *)((const char *)leaf + 132) + i);
		__m128i longer = _mm_cmpgt_epi32(_mm_sub_epi32(start, end), length);

		mask |= (unsigned int)_mm_movemask_ps(_mm_castsi128_ps(longer)) << (4 * i);
	}
	return mask << 1 & ((1U << leaf->nr) - 1);
}

#define AVX2_TARGET __attribute__((target("avx2,popcnt")))

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
AVX2_TARGET static inline unsigned int avx2_inner(const struct mt_inner *node, unsigned long index)
{
	const __m256i flip = _mm256_set1_epi64x((long long)(1UL << 63));
	const __m256i key = _mm256_xor_si256(_mm256_set1_epi64x((long long)index), flip);
	const unsigned long *p = node->pivot;
	unsigned int group =
		8U * (p[7] < index) + 8U * (p[15] < index) + (7U & -(unsigned int)(p[22] < index));
	__m256i low = _mm256_loadu_si256((const __m256i *)&p[group]);
	__m256i high = _mm256_loadu_si256((const __m256i *)&p[group + 4]);

	low = _mm256_cmpgt_epi64(key, _mm256_xor_si256(low, flip));
	high = _mm256_cmpgt_epi64(key, _mm256_xor_si256(high, flip));
	low = _mm256_packs_epi32(low, high);
	return group + (unsigned int)__builtin_popcount((unsigned int)_mm256_movemask_epi8(low)) / 4;
}

#define avx2_wide scalar_wide

/*
 * The base and the 30 ends are 32 words of two cache lines: four compares. Packing shuffles lanes of 128 bits, so the
 * ends below the key are counted wherever they come out; the base stays in front.
 */
AVX2_TARGET static inline unsigned int avx2_narrow(const struct mt_leaf *leaf, int key)
{
	const __m256i *word = (const __m256i *)leaf;
	const __m256i keys = _mm256_set1_epi32(key);
	__m256i a = _mm256_packs_epi32(_mm256_cmpgt_epi32(keys, word[0]), _mm256_cmpgt_epi32(keys, word[1]));
	__m256i b = _mm256_packs_epi32(_mm256_cmpgt_epi32(keys, word[2]), _mm256_cmpgt_epi32(keys, word[3]));
	unsigned int below = (unsigned int)_mm256_movemask_epi8(_mm256_packs_epi16(a, b));

	return (unsigned int)__builtin_popcount(below & ~3U);
}

AVX2_TARGET static inline unsigned int avx2_holes(const struct mt_leaf *leaf, int units)
{
	const __m256i length = _mm256_set1_epi32(units);
	unsigned int mask = 0;

	UNROLL
	for (unsigned int i = 0; i < 4; i++) {
		__m256i end = _mm256_loadu_si256((const __m256i *)((const char *)leaf + 8) + i);
		__m256i start = _mm256_loadu_si256((const __m256i *)((const char *)leaf + 132) + i);
		__m256i longer = _mm256_cmpgt_epi32(_mm256_sub_epi32(start, end), length);

		mask |= (unsigned int)_mm256_movemask_ps(_mm256_castsi256_ps(longer)) << (8 * i);
	}
	return mask << 1 & ((1U << leaf->nr) - 1);
}

#ifdef __OPTIMIZE_SIZE__
#define avx2_wide_holes scalar_wide_holes
#else
/*
 * The base and the ends are 32 words, so that the end of the area before stands in the lane of a start. Signed compares
 * of numbers without a sign, as in avx2_inner().
 */
AVX2_TARGET static inline unsigned int avx2_wide_holes(const struct mt_leaf *leaf, unsigned long size)
{
	const __m256i flip = _mm256_set1_epi64x((long long)(1UL << 63));
	const __m256i length = _mm256_xor_si256(_mm256_set1_epi64x((long long)size), flip);
	unsigned int mask = 0;

	UNROLL
	for (unsigned int i = 0; i < 8; i++) {
		__m256i end = ((const __m256i *)leaf)[i],
			start = ((const __m256i *)leaf_wide(leaf)->start)[i];
		__m256i hole = _mm256_xor_si256(_mm256_sub_epi64(start, end), flip);

		mask |= (unsigned int)_mm256_movemask_pd(
				_mm256_castsi256_pd(_mm256_cmpgt_epi64(hole, length)))
			<< (4 * i);
	}
	return mask & ((1U << leaf->nr) - 1) & ~1U;
}
#endif

/*
 * Compares that set a bit for each lane, of numbers without a sign: all pivots, or ends, at once. What else lies in the
 * cache lines of the pivots or ends is compared in vain.
 */
#define AVX512_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,popcnt")))

/*
 * Masks of eight bits are packed by two where they are, and moved by two: lookups that do not wait for each other take a tenth
 * less time than with four moves, those that do a twentieth more. Packed by four, the one is no faster and the other slower.
 */
AVX512_TARGET static inline unsigned int avx512_below(const void *words, unsigned long index)
{
	const __m512i key = _mm512_set1_epi64((long long)index);
	const __m512i *word = words;
	unsigned int low =
		_mm512_kunpackb(_mm512_cmplt_epu64_mask(word[1], key), _mm512_cmplt_epu64_mask(word[0], key));
	unsigned int high =
		_mm512_kunpackb(_mm512_cmplt_epu64_mask(word[3], key), _mm512_cmplt_epu64_mask(word[2], key));

	return low | high << 16;
}

AVX512_TARGET static inline unsigned int avx512_inner(const struct mt_inner *node, unsigned long index)
{
	return (unsigned int)__builtin_popcount(avx512_below(node->pivot, index) & ~0U >> 1);
}

AVX512_TARGET static inline unsigned int avx512_wide(const struct mt_leaf *leaf, unsigned long index)
{
	return (unsigned int)__builtin_popcount(avx512_below(leaf, index) & ~0U >> 1 & ~1U);
}

AVX512_TARGET static inline unsigned int avx512_narrow(const struct mt_leaf *leaf, int key)
{
	const __m512i keys = _mm512_set1_epi32(key);
	const __m512i *word = (const __m512i *)leaf;
	unsigned int low = _mm512_cmplt_epi32_mask(word[0], keys),
		     high = _mm512_cmplt_epi32_mask(word[1], keys);

	return (unsigned int)__builtin_popcount((low | high << 16) & ~3U);
}

AVX512_TARGET static inline unsigned int avx512_holes(const struct mt_leaf *leaf, int units)
{
	const __m512i length = _mm512_set1_epi32(units);
	unsigned int mask = 0;

	UNROLL
	for (unsigned int i = 0; i < 2; i++) {
		__m512i end = _mm512_loadu_si512((const char *)leaf + 8 + 64ul * i);
		__m512i start = _mm512_loadu_si512((const char *)leaf + 132 + 64ul * i);

		mask |= (unsigned int)_mm512_cmpgt_epi32_mask(_mm512_sub_epi32(start, end), length)
			<< (16 * i);
	}
	return mask << 1 & ((1U << leaf->nr) - 1);
}

AVX512_TARGET static inline unsigned int avx512_wide_holes(const struct mt_leaf *leaf, unsigned long size)
{
	const __m512i length = _mm512_set1_epi64((long long)size);
	unsigned int mask = 0;

	UNROLL
	for (unsigned int i = 0; i < 4; i++) {
		__m512i end = ((const __m512i *)leaf)[i],
			start = ((const __m512i *)leaf_wide(leaf)->start)[i];

		mask |= (unsigned int)_mm512_cmpgt_epu64_mask(_mm512_sub_epi64(start, end), length)
			<< (8 * i);
	}
	return mask & ((1U << leaf->nr) - 1) & ~1U;
}
#endif

#if defined(__aarch64__) && __STDC_HOSTED__ && !defined(VMAPLE_SMALL)
#define MT_NEON 1
#include <arm_neon.h>

/* Of eight numbers at @p, how many are below the index: a lane that is, is -1. */
static inline unsigned int neon_below(const unsigned long *p, uint64x2_t index)
{
	const uint64_t *word = (const uint64_t *)p;
	uint64x2_t low = vaddq_u64(vcltq_u64(vld1q_u64(word), index), vcltq_u64(vld1q_u64(word + 2), index));
	uint64x2_t high =
		vaddq_u64(vcltq_u64(vld1q_u64(word + 4), index), vcltq_u64(vld1q_u64(word + 6), index));

	return -(unsigned int)vaddvq_u64(vaddq_u64(low, high));
}

/* Three pivots decide which eight are compared, as in avx2_inner(). */
static inline unsigned int neon_inner(const struct mt_inner *node, unsigned long index)
{
	const unsigned long *p = node->pivot;
	unsigned int group =
		8U * (p[7] < index) + 8U * (p[15] < index) + (7U & -(unsigned int)(p[22] < index));

	return group + neon_below(p + group, vdupq_n_u64(index));
}

/* Ends 0 to 7, 7 to 14, 15 to 22 or 22 to 29. */
static inline unsigned int neon_wide(const struct mt_leaf *leaf, unsigned long index)
{
	const unsigned long *p = leaf->wide.end;
	unsigned int group = 15U & -(unsigned int)(p[14] < index);

	group += 7U & -(unsigned int)(p[group + 7] < index);
	return group + neon_below(p + group, vdupq_n_u64(index));
}

/* Ends 0 to 15 or 14 to 29. */
static inline unsigned int neon_narrow(const struct mt_leaf *leaf, int key)
{
	const int32x4_t keys = vdupq_n_s32(key);
	unsigned int group = 14U & -(unsigned int)(leaf->narrow.end[14] < key);
	const int32_t *p = leaf->narrow.end + group;
	uint32x4_t low = vaddq_u32(vcltq_s32(vld1q_s32(p), keys), vcltq_s32(vld1q_s32(p + 4), keys));
	uint32x4_t high = vaddq_u32(vcltq_s32(vld1q_s32(p + 8), keys), vcltq_s32(vld1q_s32(p + 12), keys));

	return group - vaddvq_u32(vaddq_u32(low, high));
}

/* A lane has the bit of its hole. Bounds that the leaf does not have are read too, and their bits dropped. */
static inline unsigned int neon_holes(const struct mt_leaf *leaf, int units)
{
	static const uint32_t lanes[4] = { 1, 2, 4, 8 };
	const int32_t *end = (const int32_t *)((const char *)leaf + offsetof(struct mt_leaf, narrow.end));
	const int32_t *next =
		(const int32_t *)((const char *)leaf + offsetof(struct mt_leaf, narrow.start)) + 1;
	const int32x4_t length = vdupq_n_s32(units);
	uint32x4_t bit = vld1q_u32(lanes), mask = vdupq_n_u32(0);

	UNROLL
	for (unsigned int i = 0; i < 32; i += 4) {
		int32x4_t hole = vsubq_s32(vld1q_s32(next + i), vld1q_s32(end + i));

		mask = vorrq_u32(mask, vandq_u32(vcgtq_s32(hole, length), bit));
		bit = vshlq_n_u32(bit, 4);
	}
	return vaddvq_u32(mask) << 1 & ((1U << leaf->nr) - 1);
}

/* The base and the ends are 32 words, so that the end of the area before stands in the lane of a start. */
static inline unsigned int neon_wide_holes(const struct mt_leaf *leaf, unsigned long size)
{
	static const uint64_t lanes[2] = { 1, 2 };
	const uint64_t *end = (const uint64_t *)leaf, *start = (const uint64_t *)leaf_wide(leaf)->start;
	const uint64x2_t length = vdupq_n_u64(size);
	uint64x2_t bit = vld1q_u64(lanes), mask = vdupq_n_u64(0);

	UNROLL
	for (unsigned int i = 0; i < 32; i += 2) {
		uint64x2_t hole = vsubq_u64(vld1q_u64(start + i), vld1q_u64(end + i));

		mask = vorrq_u64(mask, vandq_u64(vcgtq_u64(hole, length), bit));
		bit = vshlq_n_u64(bit, 2);
	}
	return (unsigned int)vaddvq_u64(mask) & ((1U << leaf->nr) - 1) & ~1U;
}
#endif

#endif /* MAPLE_ISA_H */
