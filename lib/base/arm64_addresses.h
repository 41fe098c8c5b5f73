/* SPDX-License-Identifier: MIT */
/*
 * Addresses of arm64's programs, which may keep something else in the upper eight bits.
 */
#ifndef BASE_ARM64_ADDRESSES_H
#define BASE_ARM64_ADDRESSES_H

#include <stdint.h>

#define ARM64_WIDE_BITS 52

/* Unless more is asked for, of kernels that have more; others have no window in what is theirs, which is 48 bits at most. */
#define ARM64_WINDOW_BITS_MAX 48
static inline unsigned int arm64_window_bits(unsigned int page_shift)
{
	return page_shift == 14 ? 47 : ARM64_WINDOW_BITS_MAX;
}

/* As calls take it that are about what is mapped.  The kernel's own addresses, whose bit 55 is set, stay what they are. */
static inline uint64_t arm64_plain_address(uint64_t addr)
{
	return addr & (uint64_t)((int64_t)(addr << 8) >> 8);
}

#endif /* BASE_ARM64_ADDRESSES_H */
