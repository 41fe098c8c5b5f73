/* SPDX-License-Identifier: MIT */
/*
 * The least address that the kernel which runs here gives away.
 *
 * It is the larger of vm.mmap_min_addr and of a number that the kernel was built with (CONFIG_LSM_MMAP_MIN_ADDR),
 * which can be read nowhere.  But a hint below it is rounded up to it: so the kernel is asked with a mapping.
 */
#ifndef BASE_MMAP_MIN_ADDR_H
#define BASE_MMAP_MIN_ADDR_H

#include <sys/mman.h>
#include <unistd.h>

/* Bytes; @read, what vm.mmap_min_addr is, where the answer is no rounded hint. */
static inline unsigned long mmap_min_addr_here(unsigned long read)
{
	const unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
	void *at = mmap((void *)page, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return read;
	munmap(at, page);
	/* Something else is there, or a hint counts for nothing. */
	if ((unsigned long)at > 1UL << 20)
		return read;
	return (unsigned long)at > read ? (unsigned long)at : read;
}

#endif /* BASE_MMAP_MIN_ADDR_H */
