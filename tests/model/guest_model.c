/* SPDX-License-Identifier: MIT */
/*
 * A guest's memory on host pages of another size, against a flat model of its bytes.
 *
 * The host is this process: a window of its address space, in which mmap() and its kin are only ever asked for multiples
 * of the pages that the host is said to have (checked here). The model knows the bytes of each guest page, and nothing of
 * host pages. After each call every byte that can be read is compared, and the host's own /proc/self/maps with what the
 * areas need.  Each call is first made with its first call of the host failing, then its second, and so on: then all
 * bytes are as before.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>
#include <vmaple/guest_mm.h>
#include <vmaple/rmap.h>

#include "random.h"

#define WINDOW     (1UL << 30)
#define ARENA      (1UL << 20) /* where most calls are, so that they meet */
#define ARENA_SIZE (1UL << 20)
#define FILE_PAGES 64UL
#define NR_FILES   3 /* 0: mapped private only, so that what a private page shows is known; others: shared */

/* What a guest page holds: its own bytes, or a page of a shared file. */
struct content {
	unsigned char *own;
	int file;
	unsigned long file_page;
};

static struct world {
	struct mm_system sys;
	struct guest_mm guest;
	struct guest_file files[NR_FILES];
	unsigned char *file_bytes[NR_FILES];
	unsigned char *reserved, *window; /* which begins at a huge page of the other */
	struct content *pages;
	unsigned long page, host_page;
	long fail;         /* calls of the host until one fails; 0: none does */
	bool failed, veto; /* in this call */
	unsigned long calls, failures, vetoes, bytes, mappers;
} w;

static unsigned long page_of(unsigned long addr)
{
	return addr / w.page;
}

static struct random rng;

static unsigned long below(unsigned long n)
{
	return random_below(&rng, n);
}

/* --- the host ------------------------------------------------------------------------------------------------ */

static int check(uintptr_t addr, size_t len)
{
	assert_true(len && !((addr | len) & (w.host_page - 1)));
	assert_true(addr >= (uintptr_t)w.window && addr + len <= (uintptr_t)w.window + WINDOW);
	if (!w.fail || --w.fail)
		return 0;
	w.failed = true;
	return -EIO;
}

static int host_map(void *ctx, const struct guest_host_map *map)
{
	int err = check(map->addr, map->len);

	assert_false(map->offset & (w.host_page - 1));
	return err ? err : guest_host_linux.map(ctx, map);
}

static int host_unmap(void *ctx, uintptr_t addr, size_t len)
{
	int err = check(addr, len);

	return err ? err : guest_host_linux.unmap(ctx, addr, len);
}

static int host_protect(void *ctx, uintptr_t addr, size_t len, vm_flags_t rights)
{
	int err = check(addr, len);

	return err ? err : guest_host_linux.protect(ctx, addr, len, rights);
}

static int host_move(void *ctx, uintptr_t from, uintptr_t to, size_t len)
{
	int err = check(from, len);

	assert_false(to & (w.host_page - 1));
	return err ? err : guest_host_linux.move(ctx, from, to, len);
}

static const struct guest_host host = {
	.map = host_map, .unmap = host_unmap, .protect = host_protect, .move = host_move
};
static struct guest_host host_with_read;

static int refuse_copies(struct guest_mm *guest, unsigned long addr)
{
	(void)guest;
	(void)addr;
	w.veto = true;
	return -EXDEV;
}

/* --- the model ----------------------------------------------------------------------------------------------- */

static void forget(unsigned long first, unsigned long last)
{
	for (unsigned long i = first; i < last; i++) {
		free(w.pages[i].own);
		w.pages[i] = (struct content){ 0 };
	}
}

/* What the page of @vma at @addr holds when nobody has written it yet. */
static void renew(const struct vm_area_struct *vma, unsigned long addr)
{
	struct content *c = &w.pages[page_of(addr)];
	const struct guest_file *file = (const struct guest_file *)vma->vm_file;
	unsigned long at = vma->vm_pgoff + page_of(addr - vma->vm_start);

	forget(page_of(addr), page_of(addr) + 1);
	if (file && (vma->vm_flags & VM_MAYSHARE)) {
		*c = (struct content){ .file = (int)(file - w.files), .file_page = at };
		return;
	}
	c->own = calloc(1, w.page);
	assert_non_null(c->own);
	if (!file)
		return;
	c->file_page = at; /* behind its end there is nothing to see */
	if (at < FILE_PAGES)
		memcpy(c->own, w.file_bytes[file - w.files] + at * w.page, w.page);
}

static void renew_range(unsigned long start, unsigned long end)
{
	for (; start < end; start += w.page) {
		struct vm_area_struct *vma = vma_lookup(&w.guest.mm, start);

		if (vma) /* holes of several areas that MREMAP_DONTUNMAP left */
			renew(vma, start);
	}
}

/* What is mapped no more is forgotten: calls that fail may have unmapped, too. */
static void forget_unmapped(unsigned long start, unsigned long end)
{
	for (; start < end; start += w.page)
		if (!vma_lookup(&w.guest.mm, start))
			forget(page_of(start), page_of(start) + 1);
}

static unsigned char *model_bytes(const struct content *c)
{
	return c->own ? c->own : w.file_bytes[c->file] + c->file_page * w.page;
}

/* --- comparing ----------------------------------------------------------------------------------------------- */

static void compare_host(const char *what)
{
	static char maps[1 << 20];
	char difference[256] = "";
	int fd = open("/proc/self/maps", O_RDONLY);
	size_t length = 0;
	ssize_t got;

	assert_true(fd >= 0);
	while ((got = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	maps[length] = 0;
	if (!guest_mm_verify_host(&w.guest, maps, difference, sizeof(difference)))
		fail_msg("after %s: %s", what, difference);
}

static void compare_bytes(const char *what)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &w.guest.mm, 0);

	for_each_vma (vmi, vma)
		for (unsigned long addr = vma->vm_start; addr < vma->vm_end; addr += w.page) {
			const struct content *c = &w.pages[page_of(addr)];
			struct guest_page page;

			guest_mm_look(&w.guest, addr, &page);
			assert_int_equal(page.start % w.host_page, 0);
			if (!page.rights)
				continue;
			if (c->file_page >= FILE_PAGES)
				continue;
			if (memcmp(w.window + addr, model_bytes(c), w.page))
				fail_msg("after %s: the bytes of guest page %lx are not what the guest wrote",
					what, addr);
			w.bytes += w.page;
		}
}

struct mappers {
	unsigned long nr;
	uintptr_t sum;
};

static void count_mapper(void *ctx, struct vm_area_struct *vma)
{
	struct mappers *mappers = ctx;

	mappers->nr++;
	mappers->sum += (uintptr_t)vma ^ vma->vm_start;
}

/* Who maps each file, and a file that nobody has: as a look at all areas has it. */
static void compare_files(const char *what)
{
	for (unsigned int i = 0; i <= NR_FILES; i++) {
		const struct vm_file nobodys = { .ino = 1 },
				     *file = i < NR_FILES ? &w.files[i].file : &nobodys;
		struct mappers found = { 0 }, scanned = { 0 };
		struct vm_area_struct *vma;
		VMA_ITERATOR(vmi, &w.guest.mm, 0);

		for_each_vma (vmi, vma)
			if (vma->vm_file && vma->vm_file->dev == file->dev && vma->vm_file->ino == file->ino)
				count_mapper(&scanned, vma);
		guest_mm_file_areas(&w.guest, file->dev, file->ino, count_mapper, &found);
		if (found.nr != scanned.nr || found.sum != scanned.sum)
			fail_msg("after %s: %lu areas of file %u are found, and %lu are there", what,
				found.nr, i, scanned.nr);
		w.mappers += found.nr;
	}
}

static void compare(const char *what)
{
	const char *reason;

	if (!guest_mm_validate(&w.guest, &reason))
		fail_msg("after %s: %s", what, reason);
	compare_files(what);
	compare_bytes(what);
	compare_host(what);
}

/* --- calls --------------------------------------------------------------------------------------------------- */

static unsigned long some_addr(void)
{
	return ARENA + below(page_of(ARENA_SIZE)) * w.page;
}

static unsigned long some_len(void)
{
	return (1 + below(below(3) ? 4 * w.host_page / w.page + 2 : 2)) * w.page;
}

static unsigned long some_prot(void)
{
	static const unsigned long prots[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE, PROT_READ | PROT_EXEC };

	return prots[below(5)];
}

struct call {
	enum { MMAP, MUNMAP, MPROTECT, MREMAP, BRK, MADVISE, NR_CALLS } kind;
	struct mmap_request mmap;
	struct mremap_request mremap;
	unsigned long addr, len, prot, brk;
};

static const char *const names[] = { "mmap", "munmap", "mprotect", "mremap", "brk", "madvise" };

static struct mmap_request some_mmap(void)
{
	struct mmap_request req = { .addr = some_addr(), .len = some_len(), .prot = some_prot() };

	req.flags = below(4) ? MAP_FIXED : 0;
	switch (below(4)) {
	case 0: /* a private file; mostly congruent to the host's pages, sometimes not */
	case 1: {
		int file = below(2) ? 0 : 1 + (int)below(NR_FILES - 1);

		req.flags |= file ? MAP_SHARED : MAP_PRIVATE;
		req.file = &w.files[file].file;
		req.offset = below(FILE_PAGES / 2) * w.page;
		if (below(3))
			req.offset = (req.addr & (w.host_page - 1)) + below(2) * w.host_page;
		if (req.offset + req.len > FILE_PAGES * w.page)
			req.len = FILE_PAGES * w.page - req.offset;
		break;
	}
	default:
		req.flags |= MAP_PRIVATE | MAP_ANONYMOUS;
	}
	return req;
}

static struct mremap_request some_mremap(void)
{
	static const unsigned long flags[] = { 0, MREMAP_MAYMOVE, MREMAP_MAYMOVE,
		MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED,
		MREMAP_MAYMOVE | MREMAP_DONTUNMAP, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP };
	struct mremap_request req = { .addr = some_addr(), .old_len = some_len(), .flags = flags[below(7)] };

	req.new_len = req.flags & MREMAP_DONTUNMAP || below(2) ? req.old_len : some_len();
	req.new_addr = below(2) ? some_addr() : req.addr + req.old_len + below(4) * w.page;
	return req;
}

static struct call some_call(void)
{
	struct call call = {
		.kind = below(NR_CALLS), .addr = some_addr(), .len = some_len(), .prot = some_prot()
	};

	call.mmap = some_mmap();
	call.mremap = some_mremap();
	call.brk = w.guest.mm.start_brk + below(64) * w.page;
	return call;
}

static unsigned long do_call(const struct call *c)
{
	struct mm_struct *mm = &w.guest.mm;

	switch (c->kind) {
	case MMAP:
		return mm_mmap(mm, &c->mmap);
	case MUNMAP:
		return (unsigned long)mm_munmap(mm, c->addr, c->len);
	case MPROTECT:
		return (unsigned long)mm_mprotect(mm, c->addr, c->len, c->prot, -1);
	case MREMAP:
		return mm_mremap(mm, &c->mremap);
	case BRK:
		return mm_brk(mm, c->brk);
	default:
		return (unsigned long)mm_madvise(mm, c->addr, c->len, MADV_DONTNEED);
	}
}

/* What mremap has done to bytes: the old ones, as far as they go, and new ones. */
static void model_mremap(const struct mremap_request *req, unsigned long to)
{
	unsigned long kept = req->old_len < req->new_len ? req->old_len : req->new_len;
	unsigned long nr = page_of(kept), from = page_of(req->addr);

	/* Over a hole of the old place, what lies at the new one stays. */
	for (unsigned long i = 0; to != req->addr && i < nr; i++) {
		struct content moved = w.pages[from + i];

		w.pages[from + i] = (struct content){ 0 };
		if (!moved.own && !moved.file)
			continue;
		forget(page_of(to) + i, page_of(to) + i + 1);
		w.pages[page_of(to) + i] = moved;
	}
	renew_range(to + kept, to + req->new_len);
	if (to != req->addr && (req->flags & MREMAP_DONTUNMAP))
		renew_range(req->addr, req->addr + req->old_len);
}

/* MADV_DONTNEED goes from area to area, over holes, until one refuses. */
static void model_discard(unsigned long start, unsigned long end)
{
	for (; start < end; start += w.page) {
		struct vm_area_struct *vma = vma_lookup(&w.guest.mm, start);

		if (vma && !(vma->vm_flags & VM_MAYSHARE))
			renew(vma, start);
	}
}

static void model_call(const struct call *c, unsigned long result, unsigned long old_brk)
{
	switch (c->kind) {
	case MMAP:
		renew_range(result, result + c->mmap.len);
		break;
	case MREMAP:
		model_mremap(&c->mremap, result);
		break;
	case BRK:
		if (result > old_brk)
			renew_range(old_brk, result);
		break;
	case MADVISE:
		model_discard(c->addr, c->addr + c->len);
		break;
	default:
		break;
	}
}

/* What of the arguments any page may depend on. */
static void forget_unmapped_by(const struct call *c)
{
	forget_unmapped(ARENA, ARENA + ARENA_SIZE + (1UL << 20));
	if (c->kind == MREMAP)
		forget_unmapped(c->mremap.addr, c->mremap.addr + c->mremap.old_len);
	forget_unmapped(w.guest.mm.start_brk, w.guest.mm.start_brk + 64 * w.page);
}

/* @return whether the host was made to fail: then the call is to be made again. */
static bool make_call(const struct call *c, long fail)
{
	unsigned long old_brk = w.guest.mm.brk, result;
	bool done;

	w.fail = fail;
	w.failed = w.veto = false;
	result = do_call(c);
	w.fail = 0;
	w.calls++;
	done = !IS_ERR_VALUE(result) && (c->kind != BRK || result == c->brk);
	if (done)
		model_call(c, result, old_brk);
	else if (c->kind == MADVISE && result == (unsigned long)-ENOMEM)
		model_discard(c->addr, c->addr + c->len);
	if (w.veto || w.failed) {
		w.vetoes += w.veto;
		w.failures += w.failed;
	}
	forget_unmapped_by(c);
	return w.failed;
}

/* A few bytes in each page of a part of the arena that the guest may write. */
static void write_something(void)
{
	unsigned long addr = some_addr();
	unsigned char value = (unsigned char)(1 + below(255));

	for (int i = 0; i < 48; i++, addr += w.page) {
		struct content *c = &w.pages[page_of(addr)];
		unsigned long at = addr + below(w.page - 16);

		if (!guest_mm_allows(&w.guest, addr, w.page, VM_WRITE) || c->file_page >= FILE_PAGES)
			continue;
		memset(w.window + at, value, 16);
		memset(model_bytes(c) + (at - addr), value, 16);
	}
}

/* --- worlds -------------------------------------------------------------------------------------------------- */

static void make_files(void)
{
	for (int i = 0; i < NR_FILES; i++) {
		size_t size = FILE_PAGES * w.page;
		struct stat is;

		w.files[i] = (struct guest_file){ .file = { .refs = 1,
							  .readable = true,
							  .writable = true,
							  .size = size,
							  .name = "/guest file" },
			.fd = memfd_create("guest file", 0) };
		w.file_bytes[i] = malloc(size);
		assert_true(w.files[i].fd >= 0 && w.file_bytes[i] && fstat(w.files[i].fd, &is) == 0);
		w.files[i].file.dev = (uint64_t)major(is.st_dev) << 32 | minor(is.st_dev);
		w.files[i].file.ino = is.st_ino;
		for (size_t k = 0; k < size; k++)
			w.file_bytes[i][k] = (unsigned char)(k / w.page * 7 + k % 251 + (size_t)i * 13);
		assert_int_equal(pwrite(w.files[i].fd, w.file_bytes[i], size, 0), size);
	}
}

static void begin(unsigned int guest_shift, unsigned int host_shift)
{
	struct guest_setup setup = { .sys = &w.sys,
		.host = &host_with_read,
		.size = WINDOW,
		.host_page_shift = host_shift,
		.incoherent = refuse_copies };
	uintptr_t place;

	memset(&w, 0, sizeof(w));
	host_with_read = host;
	host_with_read.read = guest_host_linux.read;
	host_with_read.load = guest_host_linux.load;
	w.page = 1UL << guest_shift;
	w.host_page = 1UL << host_shift;
	w.reserved = mmap(
		NULL, WINDOW + (1UL << 21), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(w.reserved, MAP_FAILED);
	place = ((uintptr_t)w.reserved + (1UL << 21) - 1) & ~((1UL << 21) - 1);
	w.window = (unsigned char *)place;
	setup.base = place;
	w.pages = calloc(page_of(WINDOW), sizeof(*w.pages));
	assert_non_null(w.pages);
	mm_system_init(&w.sys, &anon_vma_rmap);
	assert_int_equal(mm_system_set_page_shift(&w.sys, guest_shift), 0);
	w.sys.max_map_count = 2000;
	assert_int_equal(guest_mm_init(&w.guest, &setup), 0);
	w.guest.mm.start_brk = w.guest.mm.brk = 64UL << 20;
	make_files();
}

static void end(void)
{
	guest_mm_exit(&w.guest);
	forget(0, page_of(WINDOW));
	free(w.pages);
	for (int i = 0; i < NR_FILES; i++) {
		assert_int_equal(w.files[i].file.refs, 1);
		close(w.files[i].fd);
		free(w.file_bytes[i]);
	}
	munmap(w.reserved, WINDOW + (1UL << 21));
}

/* Linux carries these out area by area, and what was done before a failure stays: the model knows no such halves. */
static void keep_to_one_area(struct call *c)
{
	unsigned long *start = c->kind == MREMAP ? &c->mremap.addr : &c->addr;
	unsigned long *len = c->kind == MREMAP ? &c->mremap.old_len : &c->len;
	struct vm_area_struct *vma = find_vma(&w.guest.mm, *start);
	bool same = c->mremap.new_len == c->mremap.old_len;

	if ((c->kind != MREMAP && c->kind != MADVISE) || !vma || vma->vm_end >= *start + *len)
		return;
	if (vma->vm_start > *start)
		*start = vma->vm_start;
	*len = vma->vm_end - *start;
	if (same)
		c->mremap.new_len = c->mremap.old_len;
}

/* Every call of the host fails once. */
static void step(void)
{
	struct call call = some_call();
	unsigned long lost = w.guest.counters.lost;
	long fail = below(4) ? 0 : 1;

	if (fail || w.host_page > w.page)
		keep_to_one_area(&call);
	while (make_call(&call, fail) && fail++ < 40) {
		if (w.guest.counters.lost != lost)
			return;
		compare(names[call.kind]);
	}
	compare(names[call.kind]);
	write_something();
}

/* Pages of the guest and of the host. */
static const struct shifts {
	unsigned int guest, host;
} worlds[] = { { 12, 14 }, { 12, 16 }, { 14, 12 }, { 12, 12 } };
#define NR_MODELS (sizeof(worlds) / sizeof(worlds[0]))

/* One world, which ends by itself. */
static void run_world(size_t which, uint64_t steps)
{
	begin(worlds[which].guest, worlds[which].host);
	while (w.calls < steps && random_lasts() && !w.guest.counters.lost)
		step();
	end();
}

#ifdef RANDOM_IS_INPUT /* fuzz/model.c */
static void run_model(size_t which, uint64_t seed, uint64_t steps)
{
	rng.state = seed;
	run_world(which, steps);
}
#endif

static void run_pages(size_t which)
{
	const unsigned int guest_shift = worlds[which].guest, host_shift = worlds[which].host;
	unsigned long steps = test_operations(2000), runs = 0, calls = 0, failures = 0, vetoes = 0,
		      conversions = 0, bytes = 0, mappers = 0;

	while (calls < steps) {
		run_world(which, 400);
		calls += w.calls;
		failures += w.failures;
		vetoes += w.vetoes;
		conversions += w.guest.counters.conversions;
		bytes += w.bytes;
		mappers += w.mappers;
		runs++;
	}
	print_message("# guest pages of %u KiB on %u: %lu calls in %lu worlds, %lu failures, %lu refusals, "
		      "%lu conversions\n",
		1U << (guest_shift - 10), 1U << (host_shift - 10), calls, runs, failures, vetoes,
		conversions);
	assert_true(failures && bytes && mappers);
	if (host_shift > guest_shift)
		assert_true(vetoes && conversions);
	else
		assert_int_equal(conversions, 0);
}

static void test_4k_guest_on_16k_host(void **state)
{
	(void)state;
	run_pages(0);
}

static void test_4k_guest_on_64k_host(void **state)
{
	(void)state;
	run_pages(1);
}

static void test_16k_guest_on_4k_host(void **state)
{
	(void)state;
	run_pages(2);
}

static void test_4k_guest_on_4k_host(void **state)
{
	(void)state;
	run_pages(3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_4k_guest_on_16k_host),
		cmocka_unit_test(test_4k_guest_on_64k_host),
		cmocka_unit_test(test_16k_guest_on_4k_host),
		cmocka_unit_test(test_4k_guest_on_4k_host),
	};

	rng.state = random_seed();
	return cmocka_run_group_tests_name("guest_model", tests, NULL, NULL);
}
