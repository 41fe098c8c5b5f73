/* SPDX-License-Identifier: MIT */
/*
 * The engine's side of the kernel's VMA scenarios: see scene.h.
 *
 * What the scenarios have and calls cannot make is given by what an embedder has:
 * - Areas are anonymous.  A range that is mapped with flags that no mmap asks for is of a file whose mappings have
 *   them (vm_file.vm_flags), and the others are of the same file.
 * - The scenarios' mmap has no VM_MAYEXEC and no VM_ACCOUNT; the engine's has, so all areas have both here.
 * - A change of flags is one that madvise makes: the area has VM_RAND_READ besides, and MADV_NORMAL takes it away.
 * - A close operation belongs to a file.  Where all areas have one, the file has it.  Where some have, which no calls bring
 *   about, an embedder's may_merge() keeps those that have it from vanishing.
 * - A copy is what mremap makes before the source goes: the map is written down at the moment when it is made.
 */
#include <stdio.h>
#include <string.h>

#include <vmaple/linux_abi.h>
#include <vmaple/mm.h>
#include <vmaple/mm_operations.h>
#include <vmaple/port.h>
#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "scene.h"

#define ALWAYS   (VM_MAYEXEC | VM_ACCOUNT)
#define BY_CALLS (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE)

static struct {
	struct scene *scene;
	struct mm_system sys;
	struct mm_struct mm;
	struct vm_file file;
	struct rmap_ops rmap;
	struct scene_area before[SCENE_AREAS]; /* what areas have for vm_private_data */
	unsigned int seq_before[SCENE_AREAS];
	const struct anon_vma *anon[SCENE_AREAS]; /* the engine's, of those before the call */
	bool anonymous;                           /* else all are of one file */
	bool mixed;                               /* some areas have a close operation */
	bool working, written_down, starved;
} play;

static const struct scene_area *area_of(const struct vm_area_struct *vma)
{
	return vma ? vma->vm_private_data : NULL;
}

/* --- what the engine tells ----------------------------------------------------------------------------------- */

static int tell_clone(struct vm_area_struct *dst, const struct vm_area_struct *src)
{
	int err = anon_vma_rmap.clone(dst, src);

	if (!err && src->anon_vma && play.working && area_of(dst) && area_of(src)) {
		play.scene->cloned(area_of(dst)->self, area_of(src)->self);
		play.starved = play.scene->no_memory;
	}
	return err;
}

static void tell_unlink(struct vm_area_struct *vma)
{
	if (vma->anon_vma && play.working && area_of(vma))
		play.scene->unlinked(area_of(vma)->self);
	anon_vma_rmap.unlink(vma);
}

static int forget(struct vm_area_struct *copy, struct vm_area_struct *vma)
{
	copy->vm_private_data = NULL;
	return 0;
}

static int forget_copied(struct vm_area_struct *copy, const struct vm_area_struct *vma)
{
	copy->vm_private_data = NULL;
	return 0;
}

/* Of two that would be one the upper vanishes; a range that changes does, if it is all of its area. */
static bool may_merge(const struct vm_area_struct *area, const struct vm_area_struct *other)
{
	const struct scene *s = play.scene;
	const struct vm_area_struct *gone = other;

	if (!play.mixed || !other)
		return true;
	if (s->kind == SCENE_CHANGE && other->vm_start <= s->start && s->end <= other->vm_end &&
		(s->start != other->vm_start || s->end != other->vm_end))
		return true;
	return !area_of(gone) || !area_of(gone)->closes;
}

static void note_copy(
	struct vm_area_struct *vma, struct vm_area_struct *from, unsigned long start, unsigned long end);

/* --- before -------------------------------------------------------------------------------------------------- */

static void set_up(struct scene *s)
{
	static struct mm_operations ops = {
		.split = forget, .duplicate = forget_copied, .may_merge = may_merge, .adjust = note_copy
	};
	unsigned int closing = 0;

	for (unsigned int i = 0; i < s->nr; i++)
		closing += s->area[i].closes;
	memset(&play, 0, sizeof(play));
	play.scene = s;
	memcpy(play.before, s->area, s->nr * sizeof(s->area[0]));
	play.mixed = closing && closing < s->nr;
	play.anonymous =
		!(closing && closing == s->nr) && !(s->kind == SCENE_NEW && s->flags & ~(vm_flags_t)BY_CALLS);
	play.rmap = anon_vma_rmap;
	play.rmap.clone = tell_clone;
	play.rmap.unlink = tell_unlink;
	mm_system_init(&play.sys, &play.rmap);
	play.sys.mmap_min_addr = play.sys.dac_mmap_min_addr = 0;
	mm_init(&play.mm, &play.sys);
#ifndef MM_INDEX_LINKED
	mm_set_rcu(&play.mm);
#endif
	play.mm.ops = &ops;
	play.file = (struct vm_file){ .refs = 1,
		.readable = true,
		.writable = true,
		.has_close = closing && closing == s->nr,
		.vm_flags = s->flags & ~(vm_flags_t)BY_CALLS,
		.name = "" };
}

static const struct vm_area_struct *same_anon(const struct scene *s, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (s->area[i].anon == s->area[nr].anon)
			return vma_lookup(&play.mm, s->area[i].start);
	return NULL;
}

static bool insert_areas(struct scene *s)
{
	for (unsigned int i = 0; i < s->nr; i++) {
		struct scene_area *a = &s->area[i];
		struct area_spec spec = { .start = a->start,
			.end = a->end,
			.pgoff = a->pgoff,
			.has_pgoff = true,
			.vm_flags = a->flags | ALWAYS,
			.file = play.anonymous ? NULL : &play.file,
			.touched = a->anon,
			.anon_like = a->anon ? same_anon(s, i) : NULL,
			.inherited = a->inherited };
		struct vm_area_struct *vma;

		/* What is to change is different before. */
		if (s->kind == SCENE_CHANGE && a->start <= s->start && s->end <= a->end)
			spec.vm_flags = s->flags | ALWAYS | VM_RAND_READ;
		if (mm_insert_area(&play.mm, &spec))
			return false;
		vma = vma_lookup(&play.mm, a->start);
		vma->vm_private_data = &play.before[i];
		play.anon[i] = vma->anon_vma;
		play.seq_before[i] = vma->vm_lock_seq;
	}
	return true;
}

/* --- after --------------------------------------------------------------------------------------------------- */

/* The scenario's name of the engine's anon_vma. */
static const void *anon_name(const struct anon_vma *anon)
{
	for (unsigned int i = 0; anon && i < SCENE_AREAS; i++)
		if (play.anon[i] == anon)
			return play.before[i].anon;
	return anon;
}

static void write_down(struct scene *s)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &play.mm, 0);

	s->nr = 0;
	for_each_vma (vmi, vma) {
		const struct scene_area *was = area_of(vma);

		s->area[s->nr++] = (struct scene_area){ .self = was ? was->self : NULL,
			.start = vma->vm_start,
			.end = vma->vm_end,
			.pgoff = vma->vm_pgoff,
			.flags = vma->vm_flags & ~(vm_flags_t)(ALWAYS | VM_RAND_READ),
			.anon = anon_name(vma->anon_vma),
			.written = !was || vma->vm_lock_seq != play.seq_before[was - play.before] };
	}
}

/* The copy is made and has joined something; its source is still there. */
static void note_copy(
	struct vm_area_struct *vma, struct vm_area_struct *from, unsigned long start, unsigned long end)
{
	if (play.scene->kind != SCENE_COPY || play.written_down)
		return;
	write_down(play.scene);
	play.written_down = true;
}

/* The copy has joined nothing, and its source is gone since. */
static void add_source(struct scene *s)
{
	for (unsigned int i = 0; i < SCENE_AREAS; i++)
		if (play.before[i].self && play.before[i].start == s->from)
			s->area[s->nr++] = play.before[i];
}

/* --- the call ------------------------------------------------------------------------------------------------ */

static unsigned long map_range(const struct scene *s)
{
	struct mmap_request req = { .addr = s->start,
		.len = s->end - s->start,
		.prot = s->flags & (VM_READ | VM_WRITE),
		.flags = VMAPLE_MAP_PRIVATE | VMAPLE_MAP_FIXED | (play.anonymous ? VMAPLE_MAP_ANONYMOUS : 0),
		.offset = s->pgoff << 12,
		.file = play.anonymous ? NULL : &play.file };

	return mm_mmap(&play.mm, &req);
}

static unsigned long remap(
	unsigned long addr, unsigned long old_len, unsigned long new_len, unsigned long new_addr)
{
	struct mremap_request req = { .addr = addr, .old_len = old_len, .new_len = new_len };

	if (new_addr != addr) {
		req.flags = VMAPLE_MREMAP_MAYMOVE | VMAPLE_MREMAP_FIXED;
		req.new_addr = new_addr;
	}
	return mm_mremap(&play.mm, &req);
}

static long call(const struct scene *s)
{
	unsigned long len = s->end - s->start;
	struct vm_area_struct *vma;

	switch (s->kind) {
	case SCENE_NEW:
		return (long)map_range(s);
	case SCENE_CHANGE:
		return mm_madvise(&play.mm, s->start, len, VMAPLE_MADV_NORMAL);
	case SCENE_SHRINK:
		return mm_munmap(&play.mm, s->start, len);
	case SCENE_EXTEND:
		vma = vma_lookup(&play.mm, s->start - 1);
		return (long)remap(
			vma->vm_start, s->start - vma->vm_start, s->end - vma->vm_start, vma->vm_start);
	case SCENE_COPY:
		return (long)remap(s->from, len, len, s->start);
	}
	return -1;
}

static const struct vmaple_port *host;

static void *alloc_unless_starved(void *ctx, size_t size, size_t align, gfp_t gfp)
{
	return play.starved ? NULL : host->alloc(ctx, size, align, gfp);
}

static void use_starving_port(void)
{
	static struct vmaple_port plain, starving;

	if (host)
		return;
	plain = *vmaple_get_port();
	host = &plain;
	starving = plain;
	starving.alloc = alloc_unless_starved;
	vmaple_set_port(&starving);
}

bool scene_play(struct scene *s)
{
	const char *reason = "an area cannot be inserted";
	bool good;

	use_starving_port();
	set_up(s);
	good = insert_areas(s);
	if (good) {
		play.working = true;
		s->result = call(s);
		play.working = play.starved = false;
		good = mm_validate(&play.mm, &reason);
		if (!play.written_down)
			write_down(s);
		if (s->kind == SCENE_COPY && !play.written_down)
			add_source(s);
	}
	if (!good)
		printf("# the engine: %s\n", reason);
	mm_exit(&play.mm);
	return good;
}
