/* SPDX-License-Identifier: MIT */
/*
 * How many bits addresses have on the arm64 machine that this runs on: kernels are built for 36 to 52.
 */
#ifndef BASE_ARM64_HOST_H
#define BASE_ARM64_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "arm64_addresses.h"

/* Of those that nobody asks for more: the stack lies near the end. */
static inline unsigned int arm64_window_bits_here(void)
{
	return 64 - (unsigned int)__builtin_clzll((uintptr_t)__builtin_frame_address(0));
}

/* Who asks for what lies beyond is given it. */
static inline bool arm64_is_wide_here(void)
{
	void *beyond = (void *)(uintptr_t)(1ull << (ARM64_WIDE_BITS - 1));
	void *page = mmap(beyond, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return false;
	munmap(page, 1);
	return (uintptr_t)page >= 1ull << ARM64_WINDOW_BITS_MAX;
}

#endif /* BASE_ARM64_HOST_H */
