/* SPDX-License-Identifier: MIT */
/*
 * What the processes of rmap_model.c do: each step makes a call, and does to the model what the call says.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "rmap_world.h"

#ifndef MADV_GUARD_INSTALL /* glibc before 2.41 */
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

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
	fail_next(-1);
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
	fail_next(-1);
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

static void step_exit(struct world *w, struct process *p)
{
	say(w, p, "exit", (struct range){ 0, 0 });
	fail_next(-1);
	mm_exit(&p->mm);
	p->alive = false;
	for (int i = 0; i < PROCESSES; i++)
		if (w->p[i].alive)
			return;
	begin_process(w, p);
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
	fail_next(-1);
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

	fail_next(-1);
	end = random_below(&w->r, 3) ? FILE_PAGES : end;
	snprintf(w->last, sizeof(w->last), "truncate file %d to %lu pages", f, end);
	check(w, paging_truncate(&w->sys, w->files[f], end * PAGE) == 0, "truncation fails");
	for (int i = 0; i < PROCESSES; i++)
		forget_pages(w, &w->p[i], f, end);
	for (unsigned long i = end; i < w->file_pages[f]; i++)
		w->file_stamp[f][i] = 0;
	w->file_pages[f] = end;
}

void step(struct world *w)
{
	struct process *p = some_process(w);
	struct range r = random_range(w);

	w->steps++;
	w->failing = random_below(&w->r, 8) == 0;
	fail_next(w->failing ? 1 + (long)random_below(&w->r, 12) : -1);
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
		fail_next(-1);
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
	fail_next(-1);
}
