/* SPDX-License-Identifier: MIT */
/* See rmap_world.h. */
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

#include <vmaple/rcu.h>

#include "failing_port.h"
#include "rmap_world.h"

static long blocks_before;

void fail_next(long n)
{
	fail_after(n);
}

void check(struct world *w, bool ok, const char *what)
{
	if (ok)
		return;
	print_error("%s, step %lu, %s: %s\n", w->sys.rmap->name, w->steps, w->last, what);
	fail();
}

void validate(struct world *w)
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

void begin_process(struct world *w, struct process *p)
{
	mm_init(&p->mm, &w->sys);
	assert_int_equal(paging_attach(&p->mm), 0);
	memset(p->pages, 0, sizeof(p->pages));
	p->alive = true;
}

/* Is there something to be had? A private copy is there, whatever the file has. */
static bool there(const struct world *w, const struct model_page *mp)
{
	return mp->mapped && !mp->guard &&
	       (mp->file < 0 || (mp->own && !mp->shared) || mp->pgoff < w->file_pages[mp->file]);
}

void read_page(struct world *w, struct process *p, unsigned long i)
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

void write_page(struct world *w, struct process *p, unsigned long i)
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

static void end_processes(struct world *w)
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

struct world *world_new(const struct rmap_ops *ops, unsigned int verify, int swap_fd, uint64_t seed)
{
	const struct paging_options options = { .frames = FRAMES, .swap_pages = SWAP, .swap_fd = swap_fd };
	static bool installed;
	struct world *w;

	if (!installed)
		failing_port_install();
	installed = true;
	blocks_before = live_blocks;
	w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->r.state = seed;
	mm_system_init(&w->sys, ops);
	if (verify)
		w->sys.verify = verify;
	assert_int_equal(paging_new(&w->paging, &w->sys, &options), 0);
	make_files(w);
	begin_process(w, &w->p[0]);
	return w;
}

/* The machine has to have been under pressure, and to have coped with it. */
static void check_pressure(struct world *w)
{
	struct paging_stats stats = paging_statistics(w->paging);

	printf("# %s: %lu swapped out, %lu in, %lu written back, %lu copied, %lu PTEs moved (%lu copied), "
	       "%lu swept, %lu merges; out of memory %lu times\n",
		w->sys.rmap->name, stats.swapped_out, stats.swapped_in, stats.written_back, stats.copies,
		stats.moved, stats.move_copies, stats.swept, w->p[0].mm.counters.merges, w->no_memory);
	check(w, w->steps < 4000 || (stats.swapped_in > w->steps / 100 && stats.moved > w->steps / 100),
		"the steps did not do their work");
	check(w, w->no_memory < w->steps / 50, "the machine ran out of memory too often");
	check(w, stats.free_frames == FRAMES - 1 || stats.free_swap < SWAP, "frames are lost");
}

void world_end(struct world *w)
{
	end_processes(w);
	check_pressure(w);
	paging_free(w->paging);
	free(w);
	vmaple_rcu_barrier();
	assert_in_range(live_blocks - blocks_before, 0, 600);
}
