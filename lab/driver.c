/* SPDX-License-Identifier: MIT */
/*
 * One index behind struct lab_index.  Compiled once for each index, with its headers; see lab/meson.build.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/mm.h>
#include <vmaple/replay.h>
#include <vmaple/rmap.h>

#include "lab.h"

/* An address space and the machine that it has for itself. */
struct space {
	struct mm_struct mm;
	struct mm_system sys;
};

static struct mm_struct *new_mm(const struct lab_setup *setup)
{
	struct space *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	mm_system_init(&s->sys, &anon_vma_rmap);
	s->sys.verify = setup->verify;
	if (setup->max_map_count)
		s->sys.max_map_count = setup->max_map_count;
	mm_init(&s->mm, &s->sys);
	if (setup->mmap_base)
		*(setup->bottomup ? &s->mm.mmap_legacy_base : &s->mm.mmap_base) = setup->mmap_base;
	s->mm.topdown = !setup->bottomup;
	s->mm.start_brk = s->mm.brk = setup->brk;
	s->mm.owner = s;
	return &s->mm;
}

static void free_mm(struct mm_struct *mm)
{
	struct space *s = mm->owner;

	mm_exit(mm);
	free(s);
}

static long find(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	return vma ? (long)vma->vm_start : -1;
}

static long map(struct mm_struct *mm, const struct lab_call *c)
{
	const struct mmap_request req = { .addr = c->a[0],
		.len = c->a[1],
		.prot = c->a[2],
		.flags = c->a[3],
		.offset = c->a[4],
		.file = c->file };

	return (long)mm_mmap(mm, &req);
}

static long remap(struct mm_struct *mm, const struct lab_call *c)
{
	const struct mremap_request req = { c->a[0], c->a[1], c->a[2], c->a[3], c->a[4] };

	return (long)mm_mremap(mm, &req);
}

static long call(struct mm_struct *mm, const struct lab_call *c)
{
	switch (c->kind) {
	case LAB_MMAP:
		return map(mm, c);
	case LAB_MUNMAP:
		return mm_munmap(mm, c->a[0], c->a[1]);
	case LAB_MPROTECT:
		return mm_mprotect(mm, c->a[0], c->a[1], c->a[2], -1);
	case LAB_MREMAP:
		return remap(mm, c);
	case LAB_BRK:
		return (long)mm_brk(mm, c->a[0]);
	case LAB_MADVISE:
		return mm_madvise(mm, c->a[0], c->a[1], (int)c->a[2]);
	case LAB_MLOCK:
		return c->a[2] ? mm_mlock(mm, c->a[0], c->a[1], 0) : mm_munlock(mm, c->a[0], c->a[1]);
	case LAB_FAULT:
		return mm_fault(mm, c->a[0], (unsigned int)c->a[1]);
	case LAB_FIND:
		return find(mm, c->a[0]);
	case LAB_SEARCH:
		return (long)mm_get_unmapped_area(mm, NULL, c->a[0], c->a[1], 0, c->a[2]);
	default:
		return -ENOSYS;
	}
}

static bool area(struct mm_struct *mm, unsigned long addr, struct lab_area *a)
{
	const struct vm_area_struct *vma = find_vma(mm, addr);

	if (!vma)
		return false;
	*a = (struct lab_area){ .start = vma->vm_start,
		.end = vma->vm_end,
		.pgoff = vma->vm_pgoff,
		.flags = vma->vm_flags,
		.file = vma->vm_file && vma->vm_file->name ? vma->vm_file->name : "",
		.name = vma->anon_name ? vma->anon_name->name : "",
		.anon_vma = vma->anon_vma != NULL };
	return true;
}

static struct lab_counters counters(const struct mm_struct *mm)
{
	return (struct lab_counters){ (unsigned long)mm->map_count, mm->total_vm, mm->locked_vm,
		mm->sys->committed };
}

#ifdef MM_INDEX_LINKED
/* As find_vma() goes: what was found last, or down the tree. */
static unsigned int nodes(struct mm_struct *mm, unsigned long addr)
{
	const struct vm_area_struct *vma = mm->mmap_cache;
	const struct rb_node *node = mm->mm_rb.rb_node;
	unsigned int nr = vma != NULL;

	if (vma && vma->vm_start <= addr && addr < vma->vm_end)
		return nr;
	for (; node; nr++) {
		vma = rb_entry(node, const struct vm_area_struct, vm_rb);
		if (vma->vm_start <= addr && addr < vma->vm_end)
			return nr + 1;
		node = vma->vm_end > addr ? node->rb_left : node->rb_right;
	}
	return nr;
}

static unsigned int depth_of(
	const struct rb_node *node) // NOLINT(misc-no-recursion): as deep as a balanced tree
{
	unsigned int left, right;

	if (!node)
		return 0;
	left = depth_of(node->rb_left);
	right = depth_of(node->rb_right);
	return 1 + (left > right ? left : right);
}

static struct lab_shape shape(struct mm_struct *mm)
{
	unsigned long areas = (unsigned long)mm->map_count;

	return (struct lab_shape){ areas, areas * sizeof(struct vm_area_struct),
		depth_of(mm->mm_rb.rb_node) };
}
#else
/* All leaves are equally deep. */
static unsigned int nodes(struct mm_struct *mm, unsigned long addr)
{
	(void)addr;
	return mt_height(&mm->mm_mt);
}

static struct lab_shape shape(struct mm_struct *mm)
{
	unsigned long areas = (unsigned long)mm->map_count;
	struct mt_stats stats;

	mt_statistics(&mm->mm_mt, &stats);
	return (struct lab_shape){ areas, areas * sizeof(struct vm_area_struct) + stats.bytes, stats.height };
}
#endif

static void set_verify(void *ctx, struct mm_system *sys)
{
	sys->verify = *(unsigned int *)ctx;
}

static struct replay *begin_replay(const struct trace_header *header, unsigned int verify)
{
	const struct replay_options options = {
		.unchecked = true, .fork_at_once = true, .machine = set_verify, .ctx = &verify
	};

	return replay_new(header, &options);
}

static int replay_one(struct replay *replay, const struct trace_event *event)
{
	struct trace_sink *sink = replay_sink(replay);

	return sink->event(sink, event);
}

#ifdef LAB_TOUCHED
#define LAB_INDEX(name) touched_##name##_lab_index
#define LAB_COUNTED     true
#else
#define LAB_INDEX(name) name##_lab_index
#define LAB_COUNTED     false
#endif

#if defined(MM_INDEX_AUGMENTED)
const struct lab_index LAB_INDEX(augmented) = { "augmented", "list, rbtree with rb_subtree_gap (Linux 3.8)",
#elif defined(MM_INDEX_CLASSIC)
const struct lab_index LAB_INDEX(classic) = { "classic", "list, rbtree, free_area_cache (Linux 2.6)",
#else
const struct lab_index LAB_INDEX(maple) = { "maple", "maple tree (Linux 6.1)",
#endif
	new_mm, free_mm, call, area, counters, shape, nodes, mm_validate, begin_replay, replay_one,
	replay_find, replay_free, LAB_COUNTED };
