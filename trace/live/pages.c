/* SPDX-License-Identifier: MIT */
/*
 * Has a page of a range been written?  Asked of the kernel by PAGEMAP_SCAN (Linux 6.7), before that of pagemap's words.
 *
 * Written is an anonymous page that is neither the zero page nor a guard.  One scan skips what is not mapped and stops at
 * the first such page, so that it costs little where nothing was touched, and where much was.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "uapi.h"

#define WORDS 512
/* As far as words are read: in a longer range a write can be missed, and the header says so. */
#define WORDS_REACH (1ull << 30)

/*
 * The first page of [lo, hi) that has @all and none of @none, and is there or swapped out. PAGEMAP_SCAN
 * wants a page whose categories, with those of category_inverted turned, have all of category_mask: so what
 * is not wanted is inverted. 1: found, *@addr; 0: there is none; -errno: -ENOTTY before 6.7, -EINVAL for a
 * category that is not known.
 */
static int scan(int fd, uint64_t lo, uint64_t hi, uint64_t all, uint64_t none, uint64_t *addr)
{
	struct page_region found = { .start = 0 };
	struct pm_scan_arg arg = { .size = sizeof(arg),
		.start = lo,
		.end = hi,
		.vec = (uint64_t)(uintptr_t)&found,
		.vec_len = 1,
		.max_pages = 1,
		.category_inverted = none,
		.category_mask = all | none,
		.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.return_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED };
	int n = kernel->ioctl(fd, PAGEMAP_SCAN, &arg);

	*addr = found.start;
	return n < 0 ? -errno : n > 0;
}

/* 1, 0 or -errno as scan(). Up to three scans where nothing was written. */
static int scan_written(int fd, uint64_t lo, uint64_t hi, uint64_t *addr)
{
	const uint64_t unwritten = PAGE_IS_FILE | PAGE_IS_PFNZERO;
	int found = scan(fd, lo, hi, 0, unwritten | PAGE_IS_GUARD, addr);

	/* Guards are told apart since Linux 6.15. */
	if (found == -EINVAL)
		found = scan(fd, lo, hi, 0, unwritten, addr);
	/* The huge zero page is mapped as a page that may be written soon: its area is prepared. */
	if (found == 0 && hi - lo >= huge_page_size())
		found = scan(fd, lo, hi, PAGE_IS_HUGE, PAGE_IS_FILE, addr);
	return found;
}

/*
 * A word of pagemap: 63 present, 62 swapped, 61 of a file or shared memory, 56 mapped by one process alone.
 * The zero page looks in these words like one that is shared after a fork: that one is then not known to be
 * written.
 */
static bool word_may_be_written(uint64_t word, bool *known)
{
	if (!(word >> 62) || (word >> 61 & 1))
		return false;
	*known = (word >> 56 & 1) || (word >> 62 & 1);
	return true;
}

/*
 * A page that surely was written, or else the first that may have been. pagemap has 8 bytes for each page
 * of all addresses, also where nothing is mapped, so this takes time by the range's length.
 *
 * Up to Linux 6.6. *@known false: it may have been written, or be shared with a parent since a fork.
 */
static bool read_written(int fd, uint64_t lo, uint64_t hi, uint64_t *addr, bool *known)
{
	uint64_t words[WORDS], first_doubtful = 0, page = kernel->page_size();

	if (hi - lo > WORDS_REACH)
		hi = lo + WORDS_REACH;
	for (; lo < hi; lo += WORDS * page) {
		uint64_t want = (hi - lo) / page < WORDS ? (hi - lo) / page : WORDS;
		ssize_t n = kernel->pread(
			fd, words, want * sizeof(words[0]), (off_t)(lo / page * sizeof(words[0])));

		for (ssize_t i = 0; i < n / (ssize_t)sizeof(words[0]); i++) {
			if (!word_may_be_written(words[i], known))
				continue;
			*addr = lo + (uint64_t)i * page;
			if (*known)
				return true;
			if (!first_doubtful)
				first_doubtful = *addr;
		}
	}
	*addr = first_doubtful;
	*known = false;
	return first_doubtful != 0;
}

/* False also where it cannot be asked; the header's fault_source says so once. */
bool find_written(const struct live_mm *mm, uint64_t lo, uint64_t hi, uint64_t *addr, bool *known)
{
	int found;

	if (lo >= hi)
		return false;
	found = scan_written(mm->pagemap_fd, lo, hi, addr);
	if (found == -ENOTTY)
		return read_written(mm->pagemap_fd, lo, hi, addr, known);
	*known = true;
	return found > 0;
}

/*
 * Does a read of fresh memory bring a page of its own (mm_forbids_zeropage(), or a kernel without the
 * shared page)? Tried on this process.
 */
bool reads_get_pages(void)
{
	const struct live_mm self = { .pagemap_fd =
					      kernel->open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) };
	const uint64_t size = kernel->page_size();
	const char *page = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t addr = (uintptr_t)page;
	bool known, found = false;

	if (page != MAP_FAILED) {
		(void)*(const volatile char *)page;
		found = find_written(&self, addr, addr + size, &addr, &known) && known;
		munmap((void *)page, size);
	}
	if (self.pagemap_fd >= 0)
		kernel->close(self.pagemap_fd);
	return found;
}

/* False as well where it cannot be asked. */
bool find_present(const struct live_mm *mm, uint64_t lo, uint64_t hi, uint64_t *addr)
{
	return scan(mm->pagemap_fd, lo, hi, PAGE_IS_PRESENT, PAGE_IS_FILE | PAGE_IS_PFNZERO, addr) > 0;
}

/*
 * SOME: words of pagemap are readable. Without privilege they are, but for the numbers of pages, which
 * nobody asks for here (Linux 4.2).
 */
enum trace_fault_source find_written_source(void)
{
	int fd = kernel->open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), found;
	/* The stack's page, which this function has just written. */
	uint64_t here = page_start((uintptr_t)&fd), addr;

	if (fd < 0)
		return TRACE_FAULTS_NONE;
	found = scan_written(fd, here, here + kernel->page_size(), &addr);
	kernel->close(fd);
	return found == 1 ? TRACE_FAULTS_ALL : found == -ENOTTY ? TRACE_FAULTS_SOME : TRACE_FAULTS_NONE;
}
