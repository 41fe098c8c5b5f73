/* SPDX-License-Identifier: MIT */
/*
 * Paging and every reverse map against a model: an array of pages for each process, which knows what was last written
 * where and nothing of areas, page tables, frames or swap.
 *
 * Random processes map, unmap, protect, lock, move, discard, guard and remap ranges, truncate files, fork and exit,
 * write and read, on a machine with far less memory than they use, so that pages are swapped all the time.  Every read is compared with
 * the model; every few steps paging_validate() compares what the reverse map finds with brute force over all page
 * tables.  Allocations fail now and then: what was written must still be there.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <vmaple/paging.h>
#include <vmaple/rcu.h>

#include "failing_port.h"
#include "random.h"

#ifndef MADV_GUARD_INSTALL /* glibc before 2.41 */
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

#define PAGE       4096UL
#define BASE       (0x7e0000000000UL - 40 * PAGE) /* the window reaches over two leaves */
#define PAGES      192UL
#define PROCESSES  6
#define FILES      3
#define FILE_PAGES 96UL
#define FRAMES     160
#define SWAP       2048

#ifdef VMAPLE_CHECKS
#define VALIDATE_EVERY 1
#else
#define VALIDATE_EVERY 16
#endif

struct model_page {
	bool mapped, shared, own, locked, guard;
	unsigned char prot;
	int file; /* -1: anonymous */
	unsigned long pgoff;
	uint64_t stamp; /* if own: what was written */
};

struct process {
	bool alive;
	struct mm_struct mm;
	struct model_page pages[PAGES];
};

struct world {
	struct mm_system sys;
	struct paging *paging;
	struct process p[PROCESSES];
	struct vm_file *files[FILES];
	uint64_t file_stamp[FILES][FILE_PAGES];
	unsigned long file_pages[FILES]; /* what it has now */
	struct random r;
	uint64_t written; /* the last stamp */
	bool failing;     /* an allocation of this step may fail */
	unsigned long no_memory, steps;
	char last[200];
};

static unsigned long at(unsigned long page)
{
	return BASE + page * PAGE;
}

static void check(struct world *w, bool ok, const char *what)
{
	if (ok)
		return;
	print_error("%s, step %lu, %s: %s\n", w->sys.rmap->name, w->steps, w->last, what);
	fail();
}

static void validate(struct world *w)
{
	const char *reason = NULL;

	fail_after(-1);
	if (!paging_validate(w->paging, &reason))
		check(w, false, reason);
}

/* What a read must give. */
static uint64_t expected(const struct world *w, const struct model_page *mp)
{
	if (mp->own)
		return mp->stamp;
	return mp->file < 0 ? 0 : w->file_stamp[mp->file][mp->pgoff];
}

/* A call that did not succeed may have done part: what is mapped is taken over, contents are not. */
static void resync(struct process *p)
{
	for (unsigned long i = 0; i < PAGES; i++) {
		const struct vm_area_struct *vma = vma_lookup(&p->mm, at(i));
		struct model_page *mp = &p->pages[i];

		if (!vma) {
			mp->mapped = false;
			continue;
		}
		mp->prot = (unsigned char)(vma->vm_flags & 7);
		mp->locked = vma->vm_flags & VM_LOCKED;
	}
}

static void finish(struct world *w, struct process *p, int err)
{
	fail_after(-1);
	if (!err)
		return;
	if (err == -ENOMEM && !w->failing)
		w->no_memory++;
	resync(p);
}

struct range {
	unsigned long from, len;
};

static struct range random_range(struct world *w)
{
	unsigned long len = 1 + random_below(&w->r, random_below(&w->r, 4) ? 12 : 64);

	return (struct range){ random_below(&w->r, PAGES - len + 1), len };
}

static bool all_mapped(const struct process *p, struct range r)
{
	for (unsigned long i = r.from; i < r.from + r.len; i++)
		if (!p->pages[i].mapped)
			return false;
	return true;
}

static void say(struct world *w, struct process *p, const char *what, struct range r)
{
	snprintf(w->last, sizeof(w->last), "process %d: %s of %lu pages from %lu", (int)(p - w->p), what,
		r.len, r.from);
}

static void step_map(struct world *w, struct process *p, struct range r)
{
	static const unsigned char prots[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE };
	int file = (int)random_below(&w->r, FILES + 2) - 2;
	struct mmap_request req = { .addr = at(r.from), .prot = prots[random_below(&w->r, 4)] };
	bool shared = file >= 0 && random_below(&w->r, 2);
	unsigned long pgoff = 0, res;

	file = file < 0 ? -1 : file;
	if (file >= 0) {
		r.len = r.len > FILE_PAGES / 2 ? FILE_PAGES / 2 : r.len;
		pgoff = random_below(&w->r, FILE_PAGES - r.len);
	}
	say(w, p, shared ? "shared map" : "private map", r);
	req.len = r.len * PAGE;
	req.flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) | (file < 0 ? MAP_ANONYMOUS : 0);
	req.file = file < 0 ? NULL : w->files[file];
	req.offset = pgoff * PAGE;
	res = mm_mmap(&p->mm, &req);
	finish(w, p, IS_ERR_VALUE(res) ? (int)(long)res : 0);
	if (IS_ERR_VALUE(res))
		return;
	for (unsigned long i = 0; i < r.len; i++)
		p->pages[r.from + i] = (struct model_page){ .mapped = true,
			.shared = shared,
			.prot = (unsigned char)req.prot,
			.file = file,
			.pgoff = pgoff + i };
}

static void step_unmap(struct world *w, struct process *p, struct range r)
{
	int err;

	say(w, p, "munmap", r);
	err = mm_munmap(&p->mm, at(r.from), r.len * PAGE);
	finish(w, p, err);
	for (unsigned long i = 0; i < r.len && !err; i++)
		p->pages[r.from + i].mapped = false;
}

static void step_protect(struct world *w, struct process *p, struct range r)
{
	static const unsigned char prots[] = { PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE };
	unsigned char prot = prots[random_below(&w->r, 3)];

	say(w, p, "mprotect", r);
	(void)!mm_mprotect(&p->mm, at(r.from), r.len * PAGE, prot, -1);
	finish(w, p, 1);
}

static void step_lock(struct world *w, struct process *p, struct range r)
{
	r.len = r.len > 4 ? 4 : r.len;
	say(w, p, "mlock", r);
	(void)!mm_mlock(&p->mm, at(r.from), r.len * PAGE, 0);
	finish(w, p, 1);
}

static void step_unlock(struct world *w, struct process *p)
{
	say(w, p, "munlock", (struct range){ 0, PAGES });
	for (unsigned long i = 0; i < PAGES; i++)
		if (p->pages[i].mapped && p->pages[i].locked)
			(void)!mm_munlock(&p->mm, at(i), PAGE);
	finish(w, p, 1);
}

static void step_discard(struct world *w, struct process *p, struct range r)
{
	int err;

	if (!all_mapped(p, r))
		return;
	for (unsigned long i = r.from; i < r.from + r.len; i++)
		if (p->pages[i].locked)
			return;
	say(w, p, "MADV_DONTNEED", r);
	err = mm_madvise(&p->mm, at(r.from), r.len * PAGE, MADV_DONTNEED);
	finish(w, p, err);
	for (unsigned long i = r.from; i < r.from + r.len && !err; i++)
		if (!p->pages[i].shared)
			p->pages[i].own = false;
}

/* What is mapped of it, up to the first hole; where nothing is, the next that is. */
static struct range mapped_part(const struct process *p, struct range r)
{
	struct range part = { r.from, 0 };

	while (part.from < PAGES && !p->pages[part.from].mapped)
		part.from++;
	while (part.len < r.len && part.from + part.len < PAGES && p->pages[part.from + part.len].mapped)
		part.len++;
	return part;
}

static void step_move(struct world *w, struct process *p, struct range any)
{
	const struct range r = mapped_part(p, any);
	struct mremap_request req = { .addr = at(r.from),
		.old_len = r.len * PAGE,
		.new_len = r.len * PAGE,
		.flags = MREMAP_MAYMOVE | MREMAP_FIXED };
	unsigned long to = random_below(&w->r, PAGES - r.len + 1), res;
	bool keep = random_below(&w->r, 8) == 0;

	if (!r.len || (to < r.from + r.len && r.from < to + r.len))
		return;
	/* Of several areas some may have moved when the next one cannot: with this flag none could tell which. */
	keep = keep && vma_lookup(&p->mm, at(r.from))->vm_end >= at(r.from + r.len);
	say(w, p, keep ? "mremap with DONTUNMAP" : "mremap", r);
	req.flags |= keep ? 4 /* MREMAP_DONTUNMAP */ : 0;
	req.new_addr = at(to);
	res = mm_mremap(&p->mm, &req);
	for (unsigned long i = 0; i < r.len; i++) {
		struct model_page *from = &p->pages[r.from + i], *dest = &p->pages[to + i];
		const struct vm_area_struct *vma;

		/* Several areas move one after the other: some of them may have. */
		if (IS_ERR_VALUE(res) && (keep || vma_lookup(&p->mm, at(r.from + i))))
			continue;
		*dest = *from;
		/* Kept, or for want of memory to cut it: then it has lost its pages, and what a window had moved. */
		if (!from->shared)
			from->own = false;
		from->guard = false;
		vma = vma_lookup(&p->mm, at(r.from + i));
		from->mapped = vma != NULL;
		if (vma && vma->vm_file)
			from->pgoff = vma->vm_pgoff + (at(r.from + i) - vma->vm_start) / PAGE;
	}
	finish(w, p, IS_ERR_VALUE(res) ? (int)(long)res : 1);
}

/* Of anonymous memory: in a mapping of a file, fork inherits guards only where something was written. */
static void step_guard(struct world *w, struct process *p, struct range r)
{
	const struct vm_area_struct *vma = vma_lookup(&p->mm, at(r.from));
	bool install = random_below(&w->r, 2);
	int err;

	if (!vma || vma->vm_file || vma->vm_end < at(r.from + r.len) || (vma->vm_flags & VM_LOCKED))
		return;
	say(w, p, install ? "MADV_GUARD_INSTALL" : "MADV_GUARD_REMOVE", r);
	err = mm_madvise(&p->mm, at(r.from), r.len * PAGE, install ? MADV_GUARD_INSTALL : MADV_GUARD_REMOVE);
	check(w, !err || (err == -ENOMEM && install && w->failing), "a guard is refused");
	finish(w, p, err);
	for (unsigned long i = r.from; i < r.from + r.len && !err; i++) {
		p->pages[i].own = p->pages[i].own && !install;
		p->pages[i].guard = install;
	}
}

/* Pages of a file anywhere in a shared mapping of it. */
static void step_remap(struct world *w, struct process *p, struct range r)
{
	const struct model_page *first = &p->pages[r.from];
	unsigned long pgoff, len = 1 + random_below(&w->r, 3);
	int err;

	if (!first->mapped || !first->shared || r.from + len > PAGES)
		return;
	r.len = len;
	say(w, p, "remap_file_pages", r);
	pgoff = random_below(&w->r, FILE_PAGES - len);
	err = paging_remap_file_pages(&p->mm, at(r.from), len * PAGE, pgoff, random_below(&w->r, 2));
	finish(w, p, err);
	for (unsigned long i = 0; i < len && !err; i++)
		p->pages[r.from + i].pgoff = pgoff + i;
}

static struct process *unused_process(struct world *w)
{
	for (int i = 0; i < PROCESSES; i++)
		if (!w->p[i].alive)
			return &w->p[i];
	return NULL;
}

static void step_fork(struct world *w, struct process *p)
{
	struct process *child = unused_process(w);
	int err;

	if (!child)
		return;
	say(w, p, "fork", (struct range){ 0, 0 });
	err = mm_fork(&child->mm, &p->mm);
	fail_after(-1);
	if (err) {
		mm_exit(&child->mm);
		check(w, err == -ENOMEM && w->failing, "fork fails");
		return;
	}
	child->alive = true;
	memcpy(child->pages, p->pages, sizeof(p->pages));
	for (unsigned long i = 0; i < PAGES; i++)
		child->pages[i].locked = false;
}

static void begin(struct world *w, struct process *p)
{
	mm_init(&p->mm, &w->sys);
	assert_int_equal(paging_attach(&p->mm), 0);
	memset(p->pages, 0, sizeof(p->pages));
	p->alive = true;
}

static void step_exit(struct world *w, struct process *p)
{
	say(w, p, "exit", (struct range){ 0, 0 });
	fail_after(-1);
	mm_exit(&p->mm);
	p->alive = false;
	for (int i = 0; i < PROCESSES; i++)
		if (w->p[i].alive)
			return;
	begin(w, p);
}

/* Is there something to be had? A private copy is there, whatever the file has. */
static bool there(const struct world *w, const struct model_page *mp)
{
	return mp->mapped && !mp->guard &&
	       (mp->file < 0 || (mp->own && !mp->shared) || mp->pgoff < w->file_pages[mp->file]);
}

static void read_page(struct world *w, struct process *p, unsigned long i)
{
	const struct model_page *mp = &p->pages[i];
	uint64_t stamp = 0;
	int err = paging_read(&p->mm, at(i), &stamp);

	if (err == -ENOMEM) {
		w->no_memory += !w->failing;
		return;
	}
	check(w, err == (there(w, mp) && mp->prot ? 0 : -EFAULT),
		"a read is allowed, or not, against the model");
	check(w, err || stamp == expected(w, mp), "a read gives other than what was written");
}

static void write_page(struct world *w, struct process *p, unsigned long i)
{
	struct model_page *mp = &p->pages[i];
	int err = paging_write(&p->mm, at(i), ++w->written);

	if (err == -ENOMEM) {
		w->no_memory += !w->failing;
		return;
	}
	check(w, err == (there(w, mp) && (mp->prot & PROT_WRITE) ? 0 : -EFAULT),
		"a write is allowed, or not, against the model");
	if (err)
		return;
	if (mp->shared) {
		w->file_stamp[mp->file][mp->pgoff] = w->written;
		return;
	}
	mp->own = true;
	mp->stamp = w->written;
}

static void step_touch(struct world *w, struct process *p, struct range r)
{
	bool write = random_below(&w->r, 2);

	say(w, p, write ? "writes" : "reads", r);
	for (unsigned long i = r.from; i < r.from + r.len; i++) {
		if (write)
			write_page(w, p, i);
		else
			read_page(w, p, i);
	}
	fail_after(-1);
}

static struct process *some_process(struct world *w)
{
	for (;;) {
		struct process *p = &w->p[random_below(&w->r, PROCESSES)];

		if (p->alive)
			return p;
	}
}

static void map_or_move(struct world *w, struct process *p, struct range r)
{
	switch (random_below(&w->r, 15)) {
	case 14:
		step_guard(w, p, r);
		return;
	case 0:
	case 1:
	case 2:
		step_map(w, p, r);
		return;
	case 3:
		step_unmap(w, p, r);
		return;
	case 4:
	case 5:
	case 6:
		step_protect(w, p, r);
		return;
	case 7:
		step_lock(w, p, r);
		return;
	case 8:
		step_unlock(w, p);
		return;
	case 9:
		step_discard(w, p, r);
		return;
	case 10:
		step_remap(w, p, r);
		return;
	default:
		step_move(w, p, r);
	}
}

/* What one process has of the @f th file behind page @end. */
static void forget_pages(struct world *w, struct process *p, int f, unsigned long end)
{
	for (unsigned long i = 0; i < PAGES; i++)
		if (p->pages[i].file == f && p->pages[i].pgoff >= end)
			p->pages[i].own = false;
}

/* ftruncate(): shorter, or longer again. */
static void step_truncate(struct world *w)
{
	int f = (int)random_below(&w->r, FILES);
	unsigned long end = 1 + random_below(&w->r, FILE_PAGES);

	fail_after(-1);
	end = random_below(&w->r, 3) ? FILE_PAGES : end;
	snprintf(w->last, sizeof(w->last), "truncate file %d to %lu pages", f, end);
	check(w, paging_truncate(&w->sys, w->files[f], end * PAGE) == 0, "truncation fails");
	for (int i = 0; i < PROCESSES; i++)
		forget_pages(w, &w->p[i], f, end);
	for (unsigned long i = end; i < w->file_pages[f]; i++)
		w->file_stamp[f][i] = 0;
	w->file_pages[f] = end;
}

static void step(struct world *w)
{
	struct process *p = some_process(w);
	struct range r = random_range(w);

	w->steps++;
	w->failing = random_below(&w->r, 8) == 0;
	fail_after(w->failing ? 1 + (long)random_below(&w->r, 12) : -1);
	switch (random_below(&w->r, 25)) {
	case 0:
		step_fork(w, p);
		break;
	case 24:
		step_truncate(w);
		break;
	case 1:
		if (random_below(&w->r, 2))
			step_exit(w, p);
		break;
	case 2:
		fail_after(-1);
		snprintf(w->last, sizeof(w->last), "reclaim");
		paging_reclaim(w->paging, random_below(&w->r, FRAMES));
		break;
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
		map_or_move(w, p, r);
		break;
	default:
		step_touch(w, p, r);
	}
	fail_after(-1);
}

static void make_files(struct world *w)
{
	for (int f = 0; f < FILES; f++) {
		struct vm_file *file = calloc(1, sizeof(*file));

		assert_non_null(file);
		*file = (struct vm_file){ .refs = 1,
			.kind = f == 0 ? VM_FILE_SHMEM : VM_FILE_REGULAR,
			.readable = true,
			.writable = true,
			.size = FILE_PAGES * PAGE,
			.ino = 100 + (unsigned int)f,
			.name = "file" };
		w->files[f] = file;
		w->file_pages[f] = FILE_PAGES;
		for (unsigned long i = 0; i < FILE_PAGES; i++)
			w->file_stamp[f][i] = paging_file_stamp(file, i);
	}
}

static void read_everything(struct world *w)
{
	snprintf(w->last, sizeof(w->last), "reading all at the end");
	w->failing = false;
	for (int i = 0; i < PROCESSES; i++)
		for (unsigned long page = 0; w->p[i].alive && page < PAGES; page++)
			read_page(w, &w->p[i], page);
	for (int f = 0; f < FILES; f++)
		for (unsigned long i = 0; i < FILE_PAGES; i++)
			check(w, paging_file_read(w->files[f], i) == w->file_stamp[f][i],
				"a file holds other than what was written");
}

static void end(struct world *w)
{
	read_everything(w);
	validate(w);
	for (int i = 0; i < PROCESSES; i++)
		if (w->p[i].alive)
			mm_exit(&w->p[i].mm);
	for (int f = 0; f < FILES; f++) {
		check(w, w->files[f]->refs == 1, "a file is referred to after everything has ended");
		vm_file_put(w->files[f]);
		free(w->files[f]);
	}
	validate(w);
}

/* @verify: of enum mm_verify; 0: as the build has it. @swap_fd -1: swap is memory. */
static void run(const struct rmap_ops *ops, unsigned int verify, int swap_fd, uint64_t steps, uint64_t seed)
{
	const struct paging_options options = { .frames = FRAMES, .swap_pages = SWAP, .swap_fd = swap_fd };
	struct world *w = calloc(1, sizeof(*w));
	struct paging_stats stats;
	long blocks = live_blocks;

	assert_non_null(w);
	w->r.state = seed;
	mm_system_init(&w->sys, ops);
	if (verify)
		w->sys.verify = verify;
	assert_int_equal(paging_new(&w->paging, &w->sys, &options), 0);
	make_files(w);
	begin(w, &w->p[0]);
	for (uint64_t i = 0; i < steps; i++) {
		step(w);
		if (i % VALIDATE_EVERY == 0)
			validate(w);
	}
	end(w);
	stats = paging_statistics(w->paging);
	printf("# %s: %lu swapped out, %lu in, %lu written back, %lu copied, %lu PTEs moved (%lu copied), "
	       "%lu swept, "
	       "%lu merges; out of memory %lu times\n",
		ops->name, stats.swapped_out, stats.swapped_in, stats.written_back, stats.copies, stats.moved,
		stats.move_copies, stats.swept, w->p[0].mm.counters.merges, w->no_memory);
	/* The machine has to have been under pressure, and to have coped with it. */
	check(w, steps < 4000 || (stats.swapped_in > steps / 100 && stats.moved > steps / 100),
		"the steps did not do their work");
	check(w, w->no_memory < steps / 50, "the machine ran out of memory too often");
	check(w, stats.free_frames == FRAMES - 1 || stats.free_swap < SWAP, "frames are lost");
	paging_free(w->paging);
	free(w);
	vmaple_rcu_barrier();
	assert_in_range(live_blocks - blocks, 0, 600);
}

static uint64_t seed;

static void test_each_design_finds_what_maps_a_page_and_loses_nothing(void **state)
{
	for (int i = 0; rmap_designs[i]; i++)
		run(rmap_designs[i], 0, -1, test_operations(8000), seed);
}

/* A shorter run in which the library compares everything itself, after each call and each access. */
static void test_the_library_verifies_itself_after_each_step(void **state)
{
	for (int i = 0; rmap_designs[i]; i++)
		run(rmap_designs[i], MM_VERIFY_PAGES, -1, test_operations(8000) / 40, seed + 1);
}

static void test_swap_to_a_file(void **state)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	run(&anon_vma_rmap, 0, fileno(file), 4000, seed);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_design_finds_what_maps_a_page_and_loses_nothing),
		cmocka_unit_test(test_the_library_verifies_itself_after_each_step),
		cmocka_unit_test(test_swap_to_a_file),
	};

	failing_port_install();
	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
