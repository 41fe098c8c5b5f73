/* SPDX-License-Identifier: MIT */
/*
 * A shadow that is proved: a window of this very process is mapped and changed by the kernel and by the engine, and
 * after each call the window of /proc/self/maps has to be what the shadow says, line by line.  docs/tutorial.md goes
 * through it; its snippets are these.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <vmaple/mm.h>
#include <vmaple/mm_plan.h>
#include <vmaple/rmap.h>

#define PAGE   4096UL
#define WINDOW 256UL /* pages, and as many stay free on either side */
#define CALLS  2000

static struct mm_system sys;
static struct mm_struct shadow;
static unsigned long base;
static char text[1 << 18];

static unsigned long at(unsigned long page)
{
	return base + page * PAGE;
}

/* snippet: begin */
static void begin_shadow(void)
{
	struct utsname kernel;

	mm_system_init(&sys, &anon_vma_rmap);
	if (uname(&kernel) == 0 && kernel_profile_for(kernel.release))
		sys.kernel = kernel_profile_for(kernel.release);
	mm_init(&shadow, &sys);
}
/* snippet: end */

/* snippet: call */
static int map(unsigned long page, unsigned long pages, unsigned long prot)
{
	struct mmap_request req = { .addr = at(page),
		.len = pages * PAGE,
		.prot = prot,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };
	unsigned long should = mm_mmap(&shadow, &req);
	void *is = mmap((void *)req.addr, req.len, (int)prot, (int)req.flags, -1, 0);

	return (unsigned long)is == should ? 0 : -EINVAL;
}
/* snippet: end */

/* A result as the engine says it. */
static int result_of(int res)
{
	return res ? -errno : 0;
}

static int unmap(unsigned long page, unsigned long pages)
{
	int should = mm_munmap(&shadow, at(page), pages * PAGE);

	return result_of(munmap((void *)at(page), pages * PAGE)) == should ? 0 : -EINVAL;
}

static int protect(unsigned long page, unsigned long pages, unsigned long prot)
{
	/* Over a hole it fails, and what lies before the hole has changed. */
	int should = mm_mprotect(&shadow, at(page), pages * PAGE, prot, -1);

	return result_of(mprotect((void *)at(page), pages * PAGE, (int)prot)) == should ? 0 : -EINVAL;
}

/* snippet: plan */
/* Ask first: would the move overwrite anything? Then it is dropped. */
static int move(unsigned long page, unsigned long pages, unsigned long to)
{
	struct mremap_request req = { .addr = at(page),
		.old_len = pages * PAGE,
		.new_len = pages * PAGE,
		.flags = MREMAP_MAYMOVE | MREMAP_FIXED,
		.new_addr = at(to) };
	static struct mm_plan plan;
	bool overwrites = find_vma_intersection(&shadow, at(to), at(to + pages)) != NULL;
	unsigned long res = 0;
	void *is;

	if (mm_plan_begin(&plan, &shadow) || mm_plan_mremap(&plan, &req))
		return -ENOMEM;
	if (!overwrites)
		res = mm_plan_commit(&plan);
	mm_plan_drop(&plan);
	if (overwrites)
		return 0;
	is = mremap((void *)req.addr, req.old_len, req.new_len, (int)req.flags, (void *)req.new_addr);
	return (is == MAP_FAILED ? (unsigned long)-errno : (unsigned long)is) == res ? 0 : -EINVAL;
}
/* snippet: end */

static int read_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY);
	ssize_t got = 1;
	size_t size = 0;

	if (fd < 0)
		return -errno;
	while (got > 0 && size < sizeof(text) - 1) {
		got = read(fd, text + size, sizeof(text) - 1 - size);
		size += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	text[size] = 0;
	return 0;
}

/* snippet: verify */
/* Is what the kernel shows of the window what the shadow has? */
static bool is_proved(void)
{
	struct vm_area_struct *vma;
	struct maps_line line;
	const char *next = text;
	VMA_ITERATOR(vmi, &shadow, base);

	if (read_maps())
		return false;
	while (*next && (next = maps_line_read(next, &line)) != NULL) {
		if (line.end <= base || line.start >= at(WINDOW))
			continue;
		vma = vma_next(&vmi);
		if (!vma || vma->vm_start != line.start || vma->vm_end != line.end ||
			(vma->vm_flags & VM_ACCESS_FLAGS) != (line.vm_flags & VM_ACCESS_FLAGS))
			return false;
	}
	return next && !vma_next(&vmi);
}
/* snippet: end */

static unsigned long pick(unsigned long below)
{
	static unsigned long long state = 3;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned long)(state >> 33) % below;
}

static int some_call(void)
{
	static const unsigned long prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	unsigned long page = pick(WINDOW - 16), pages = 1 + pick(12), prot = prots[pick(3)];

	switch (pick(5)) {
	case 0:
	case 1:
		return map(page, pages, prot);
	case 2:
		return unmap(page, pages);
	case 3:
		return protect(page, pages, prot);
	default:
		return move(page, pages, pick(WINDOW - 16));
	}
}

int main(void)
{
	size_t len = 3 * WINDOW * PAGE;
	char *room = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (sysconf(_SC_PAGESIZE) != (long)PAGE || room == MAP_FAILED || munmap(room, len))
		return 77;
	base = (unsigned long)room + WINDOW * PAGE;
	begin_shadow();
	for (int i = 0; i < CALLS; i++) {
		int err = some_call();

		if (err || !is_proved()) {
			dprintf(1, "call %d: the kernel has something else\n", i);
			return 1;
		}
	}
	dprintf(1, "%d calls, %d areas now: the kernel's, line by line\n", CALLS, shadow.map_count);
	mm_exit(&shadow);
	return 0;
}
