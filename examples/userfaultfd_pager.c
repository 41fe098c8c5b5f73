/* SPDX-License-Identifier: MIT */
/*
 * A region larger than the memory that it may use, paged to a file by our paging room.
 *
 * The room decides: which pages of the region are in memory, which one has to go for another (its lists, its reclaim),
 * and where the contents of a page lie.  This program is its hands: userfaultfd(2) tells of a touch, which becomes a
 * paging_write() of the engine; what the engine then has no longer in memory is written out and taken away here, too.
 *
 *      worker touches a page ─▶ userfaultfd ─▶ pager: paging_read(): has it been anywhere?  which number?
 *                                                     paging_write(): the page is in memory, others may have gone
 *                                                     those: write-protect, pwrite(), MADV_DONTNEED
 *                                                     pread() of the number's place in the file, UFFDIO_COPY
 *
 * A page of the engine holds one number, its stamp: here the place of the page in the file, given at the first touch.
 * So the engine's own page tables and swap are all that knows where contents are.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmaple/linux_abi.h>
#include <vmaple/paging.h>

#define PAGE    4096UL
#define PAGES   512UL
#define FRAMES  33UL /* of the engine: one of them is its page of zeros */
#define WORDS   4UL  /* of each page that the worker writes and reads */
#define TOUCHES 5000

static struct {
	int uffd, file, stop[2];
	char *region;
	struct mm_system sys;
	struct mm_struct mm;
	struct paging *paging;
	unsigned long resident[FRAMES], nr_resident,
		most_resident; /* pages of the region that are in memory */
	uint64_t places;       /* in the file, that were given */
	unsigned long faults, evictions;
} pager;

static _Noreturn void fail(const char *what)
{
	dprintf(1, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned long page_address(unsigned long page)
{
	return (unsigned long)pager.region + page * PAGE;
}

static void protect(unsigned long page, bool protected)
{
	struct uffdio_writeprotect wp = { .range = { page_address(page), PAGE },
		.mode = protected ? UFFDIO_WRITEPROTECT_MODE_WP : 0 };

	if (ioctl(pager.uffd, UFFDIO_WRITEPROTECT, &wp))
		fail("UFFDIO_WRITEPROTECT");
}

/* Nobody can write to it between the copy and its end: a write waits, and then finds the page missing. */
static void write_out(unsigned long page, uint64_t place)
{
	struct uffdio_range range = { page_address(page), PAGE };
	void *mem = (void *)page_address(page);

	protect(page, true);
	if (pwrite(pager.file, mem, PAGE, (off_t)(place * PAGE)) != (ssize_t)PAGE)
		fail("pwrite");
	if (madvise(mem, PAGE, MADV_DONTNEED) || ioctl(pager.uffd, UFFDIO_WAKE, &range))
		fail("madvise");
	pager.evictions++;
}

/* The engine has it in memory if a page table leads to it. */
static bool engine_has(unsigned long page)
{
	return paging_walk(&pager.mm, page_address(page), NULL, NULL) > 0;
}

/* Where its contents are, or are to be; the engine brings it to memory, and takes others away. */
static uint64_t bring(unsigned long page)
{
	unsigned long addr = page_address(page);
	uint64_t place;

	if (paging_read(&pager.mm, addr, &place))
		fail("paging_read");
	if (place == 0) {
		place = ++pager.places;
		if (paging_write(&pager.mm, addr, place))
			fail("paging_write");
	}
	return place;
}

static uint64_t places_of[PAGES]; /* to check the engine by: it must never give another */

/* What the engine has taken away since the last fault goes here, too. */
static void follow(void)
{
	unsigned long kept = 0;

	for (unsigned long i = 0; i < pager.nr_resident; i++) {
		unsigned long page = pager.resident[i];

		if (engine_has(page))
			pager.resident[kept++] = page;
		else
			write_out(page, places_of[page]);
	}
	pager.nr_resident = kept;
}

static void copy_in(unsigned long page, uint64_t place)
{
	static char buffer[PAGE];
	struct uffdio_copy copy = { .dst = page_address(page), .src = (unsigned long)buffer, .len = PAGE };
	ssize_t got = pread(pager.file, buffer, PAGE, (off_t)(place * PAGE));

	if (got < 0)
		fail("pread");
	memset(buffer + got, 0, PAGE - (size_t)got); /* behind the end: it was never written out */
	if (ioctl(pager.uffd, UFFDIO_COPY, &copy))
		fail("UFFDIO_COPY");
	pager.resident[pager.nr_resident++] = page;
	if (pager.nr_resident > pager.most_resident)
		pager.most_resident = pager.nr_resident;
}

static void serve(const struct uffd_msg *msg)
{
	unsigned long page = (msg->arg.pagefault.address - (unsigned long)pager.region) / PAGE;
	struct uffdio_range range = { page_address(page), PAGE };
	uint64_t place;

	if (msg->event != UFFD_EVENT_PAGEFAULT)
		return;
	/* A write that met the protection: the page is out by now, the write begins anew. */
	if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
		if (ioctl(pager.uffd, UFFDIO_WAKE, &range))
			fail("UFFDIO_WAKE");
		return;
	}
	pager.faults++;
	place = bring(page);
	if (places_of[page] && places_of[page] != place) {
		dprintf(1, "page %lu was at %lu of the file, not at %lu\n", page,
			(unsigned long)places_of[page], (unsigned long)place);
		exit(1);
	}
	places_of[page] = place;
	follow();
	copy_in(page, place);
}

static void *run_pager(void *arg)
{
	struct pollfd fds[2] = { { .fd = pager.uffd, .events = POLLIN },
		{ .fd = pager.stop[0], .events = POLLIN } };
	struct uffd_msg msg;

	while (poll(fds, 2, -1) >= 0 && !fds[1].revents)
		if (read(pager.uffd, &msg, sizeof(msg)) == sizeof(msg))
			serve(&msg);
	return arg;
}

/* --- the engine's side ------------------------------------------------------------------------------------------ */

static void begin_engine(void)
{
	const struct paging_options options = {
		.frames = FRAMES, .swap_pages = PAGES, .swap_fd = fileno(tmpfile())
	};
	struct mmap_request req = { .addr = (unsigned long)pager.region,
		.len = PAGES * PAGE,
		.prot = VMAPLE_PROT_READ | VMAPLE_PROT_WRITE,
		.flags = VMAPLE_MAP_PRIVATE | VMAPLE_MAP_ANONYMOUS | VMAPLE_MAP_FIXED };

	mm_system_init(&pager.sys, &anon_vma_rmap);
	mm_init(&pager.mm, &pager.sys);
	if (paging_new(&pager.paging, &pager.sys, &options) || paging_attach(&pager.mm) ||
		mm_mmap(&pager.mm, &req) != req.addr)
		fail("the engine");
}

/* --- userfaultfd ------------------------------------------------------------------------------------------------ */

/* False: it is not permitted, or cannot protect memory. */
static bool begin_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP };

	pager.uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (pager.uffd < 0 || ioctl(pager.uffd, UFFDIO_API, &api))
		return false;
	pager.region = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pager.region == MAP_FAILED || madvise(pager.region, PAGES * PAGE, MADV_NOHUGEPAGE))
		fail("mmap");
	reg.range = (struct uffdio_range){ (unsigned long)pager.region, PAGES * PAGE };
	return ioctl(pager.uffd, UFFDIO_REGISTER, &reg) == 0;
}

/* --- the worker -------------------------------------------------------------------------------------------------- */

static unsigned long pick(unsigned long below)
{
	static uint64_t state = 5;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned long)(state >> 33) % below;
}

/* Half of the touches are of few pages, as programs' are. */
static unsigned long pick_page(void)
{
	return pick(2) ? pick(PAGES) : pick(24);
}

static bool work(void)
{
	static uint64_t expected[PAGES][WORDS];

	for (unsigned int i = 0; i < TOUCHES; i++) {
		unsigned long page = i < PAGES ? i : pick_page(), word = pick(WORDS);
		volatile uint64_t *at =
			(volatile uint64_t *)(page_address(page) + word * (PAGE / WORDS) + 8 * (page % 64));

		if (*at != expected[page][word]) {
			dprintf(1, "touch %u: page %lu has something else\n", i, page);
			return false;
		}
		if (pick(3) == 0)
			*at = expected[page][word] = (uint64_t)i << 20 | page;
	}
	return true;
}

/* Of the region, as the kernel counts. */
static unsigned long pages_in_memory(void)
{
	static unsigned char in[PAGES];
	unsigned long nr = 0;

	if (mincore(pager.region, PAGES * PAGE, in))
		fail("mincore");
	for (unsigned long i = 0; i < PAGES; i++)
		nr += in[i] & 1;
	return nr;
}

int main(void)
{
	const char *reason = NULL;
	FILE *file = tmpfile();
	pthread_t thread;
	bool right;

	if (sysconf(_SC_PAGESIZE) != (long)PAGE || !file || !begin_userfaultfd()) {
		dprintf(1, "no userfaultfd with write protection, or pages of another size: skipped\n");
		return 77;
	}
	pager.file = fileno(file);
	begin_engine();
	if (pipe(pager.stop) || pthread_create(&thread, NULL, run_pager, NULL))
		fail("a thread");
	right = work();
	if (write(pager.stop[1], "", 1) != 1 || pthread_join(thread, NULL))
		fail("the thread's end");
	dprintf(1, "%lu pages in %lu at most: %lu faults, %lu written out\n", PAGES, pager.most_resident,
		pager.faults, pager.evictions);
	if (!paging_validate(pager.paging, &reason)) {
		dprintf(1, "%s\n", reason);
		right = false;
	}
	right = right && pages_in_memory() == pager.nr_resident && pager.most_resident < FRAMES &&
		pager.places == PAGES && pager.evictions > PAGES;
	mm_exit(&pager.mm);
	paging_free(pager.paging);
	return !right;
}
