/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Areas that a userfaultfd serves.
 *
 * 1. Whose.  It serves the address space of who made it, whoever asks by a descriptor that was inherited or sent.
 * 2. Closed.  When its last descriptor goes the kernel takes its areas back, in a section of whoever has closed it, by a call
 *    that is told of nowhere, and joins them with what is beside them.  It is marked by then as released.
 * 3. What it costs.  Looking for released contexts is a walk over all areas, in each section that is no
 *    call's; s->unserved leaves it out until somebody registers one again. A child of fork can have
 *    areas that are served (UFFD_FEATURE_EVENT_FORK): a new slot begins with unserved 0.
 */
#ifndef LIVE_BPF_SERVED_H
#define LIVE_BPF_SERVED_H

#include "calls.bpf.h"

/*
 * The address space that a call is about: its task's own, but for a userfaultfd.  0: it has none. The
 * descriptor's file is found in the task's own table, as the call itself does. The name of the file is
 * that of its anonymous inode, which nothing else has.
 */
__noinline u64 mm_of_call(const struct call *c)
{
	const struct fdtable *table;
	const struct file *file;
	char name[16] = { 0 };
	u64 at;

	if (!c || c->nr != NR_ioctl)
		return current_mm();
	table = current_task()->files->fdt;
	if (c->args[0] >= table->max_fds)
		return current_mm();
	at = word_at((u64)table->fd + c->args[0] * 8);
	if (!at)
		return current_mm();
	file = POINTER(file, at);
	bpf_probe_read_kernel_str(name, sizeof(name), file->f_path.dentry->d_name.name);
	if (!bpf_core_field_exists(struct userfaultfd_ctx, mm) ||
		bpf_strncmp(name, sizeof(name), "[userfaultfd]"))
		return current_mm();
	at = word_at(at + bpf_core_field_offset(struct file, private_data));
	return word_at(at + bpf_core_field_offset(struct userfaultfd_ctx, mm));
}

/* The context's address; 0: none, or a kernel without userfaultfd. */
static __always_inline u64 served_by(u64 vma)
{
	if (!bpf_core_field_exists(struct vm_area_struct, vm_userfaultfd_ctx.ctx))
		return 0;
	return word_at(vma + bpf_core_field_offset(struct vm_area_struct, vm_userfaultfd_ctx.ctx));
}

/*
 * userfaultfd_release() sets it before it takes the areas back; a bool is a byte, read by a helper
 * because the context came as a number.
 */
static __always_inline bool is_released(u64 ctx)
{
	u8 released = 0;

	if (!bpf_core_field_exists(struct userfaultfd_ctx, released))
		return false;
	bpf_probe_read_kernel(&released, sizeof(released),
		(void *)(ctx + bpf_core_field_offset(struct userfaultfd_ctx, released)));
	return released;
}

/*
 * A walk over all areas. closed: around those that are taken back, with a byte more on both sides.
 * served: one at least has a context.
 */
struct closing {
	u64 mm, next, sequence;
	struct range closed;
	u32 space, served;
	struct walk walk;
};

/* The section's own record says how they became; that they were there is told here. */
static __always_inline void emit_closed_area(struct closing *c, u64 vma)
{
	struct area_record *r;

	widen(&c->closed, area_by(vma)->vm_start - 1, area_by(vma)->vm_end + 1);
	r = reserve(sizeof(*r), c->space);
	if (!r)
		return;
	head_fill(&r->head, RECORD_CLOSED, c->space, c->sequence);
	area_read(&r->area, area_by(vma));
	submit(r);
}

/* The next area or hole. 1: there is none. */
__noinline int closing_step(struct closing *c)
{
	u64 vma, ctx;

	if (!c)
		return 1;
	vma = walk_to(c->mm, c->next, &c->walk);
	c->next = c->walk.last + 1;
	ctx = vma ? served_by(vma) : 0;
	c->served |= ctx != 0;
	if (ctx && is_released(ctx))
		emit_closed_area(c, vma);
	return !c->next;
}

static long closing_one(u32 i, struct closing *c)
{
	return closing_step(c) ? 1 : 0;
}

/*
 * A section that may be such a one begins: tell of the areas that it takes back, which are its window
 * then. 1: there were some.
 */
__noinline int emit_closed(struct space *s)
{
	struct closing c = { 0 };

	if (!s || s->unserved)
		return 0;
	c.mm = s->mm;
	c.space = s->id;
	c.sequence = sequence_of(mm_by(s->mm), s->tid);
	bpf_loop(WHOLE_MAX, closing_one, &c, 0);
	s->unserved = !c.served;
	if (c.closed.lo >= c.closed.hi)
		return 0;
	s->lo = c.closed.lo;
	s->hi = c.closed.hi;
	return 1;
}

#endif
