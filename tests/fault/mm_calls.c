/* SPDX-License-Identifier: MIT */
/* How the calls of mm_calls.h are chosen and made. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <vmaple/rmap.h>
#include <vmaple/vma_lock.h>

#include "mm_calls.h"

/* What is done to everything is done seldom, and sealed what will not be needed soon. */
static enum kind some_kind(struct random *r)
{
	enum kind kind = (enum kind)random_below(r, KINDS);
	bool rare = kind == MLOCKALL || kind == MUNLOCKALL || kind == MSEAL;

	return rare && random_below(r, 3) ? MMAP : kind;
}

struct call random_call(struct random *r)
{
	static const unsigned char prots[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE };
	static const unsigned char advices[] = { 0, 1, 2, 4, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
		21, 22, 23, 24, 102, 103 };
	struct call c = { .kind = some_kind(r),
		.from = random_below(r, PAGES - 16),
		.len = 1 + random_below(r, 12),
		.to = random_below(r, PAGES - 16),
		.prot = prots[random_below(r, 4)],
		.advice = advices[random_below(r, sizeof(advices))] };

	if (c.kind == SHMAT || c.kind == SHMDT)
		c.from &= ~15UL;
	c.new_len = c.kind == SHRINK ? 1 + random_below(r, c.len) : c.len + 1 + random_below(r, 4);
	return c;
}

static struct mm_struct *on(struct world *w)
{
	return w->on ? w->on : &w->mm;
}

static long map(struct world *w, const struct call *c, unsigned long flags, struct vm_file *file)
{
	struct mmap_request req = { .addr = flags & MAP_FIXED ? at(c->from) : 0,
		.len = c->len * PAGE,
		.prot = c->prot,
		.flags = flags | (file ? 0 : MAP_ANONYMOUS),
		.offset = c->kind == MMAP_FILE ? c->from * PAGE : 0,
		.file = file };
	unsigned long res = mm_mmap(on(w), &req);

	return IS_ERR_VALUE(res) ? (long)res : 0;
}

static long remap(struct world *w, const struct call *c, unsigned long new_len, unsigned long flags)
{
	struct mremap_request req = { .addr = at(c->from),
		.old_len = c->kind == VIEW ? 0 : c->len * PAGE,
		.new_len = new_len * PAGE,
		.flags = flags,
		.new_addr = at(c->to) };
	unsigned long res = mm_mremap(on(w), &req);

	return IS_ERR_VALUE(res) ? (long)res : 0;
}

static long insert(struct world *w, const struct call *c)
{
	return mm_insert_area(on(w), &(struct area_spec){ .start = at(c->from),
					     .end = at(c->from + c->len),
					     .vm_flags = VM_READ | VM_WRITE | VM_MAY_FLAGS | VM_ACCOUNT,
					     .touched = c->len & 1,
					     .anon_name = c->len & 2 ? "inserted" : NULL });
}

static long fork_and_exit(struct world *w)
{
	static struct mm_struct child;
	const char *reason;
	int err = mm_fork(&child, on(w));

	if (!mm_validate(&child, &reason))
		fail_msg("child: %s", reason);
	mm_exit(&child);
	return err;
}

/*
 * What a stack grows by is charged, and given back with the area if that is accounted: one that can
 * only be read is not.
 */
long touch(struct world *w, unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(on(w), addr);
	bool lost = vma && !(vma->vm_flags & VM_ACCOUNT);
	unsigned long total_vm = on(w)->total_vm;
	int err = mm_fault(on(w), addr, MM_FAULT_WRITE);

	if (lost)
		w->lost += on(w)->total_vm - total_vm;
	return err;
}

static long break_to(struct world *w, const struct call *c)
{
	unsigned long brk = at(HEAP + c->len) + c->to, res;

	on(w)->def_flags = c->kind == BRK_LOCKED ? VM_LOCKED : 0;
	res = mm_brk(on(w), brk);
	on(w)->def_flags = 0;
	return res == brk ? 0 : -ENOMEM;
}

static long make_mapping(struct world *w, const struct call *c)
{
	switch (c->kind) {
	case MMAP:
		return map(w, c, MAP_PRIVATE | MAP_FIXED, NULL);
	case MMAP_FILE:
		return map(w, c, MAP_PRIVATE | MAP_FIXED, &w->file[0]);
	case MMAP_SHARED:
		return map(w, c, MAP_SHARED | MAP_FIXED, NULL);
	case MMAP_LOCKED:
		return map(w, c, MAP_PRIVATE | MAP_FIXED | MAP_LOCKED, NULL);
	case MMAP_STACK:
		return map(w, c, MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, NULL);
	case PLACED:
		return map(w, c, MAP_PRIVATE, NULL);
	case SHMAT:
		return map(w, c, MAP_SHARED | MAP_FIXED, &w->file[1]);
	case MOVE:
		return remap(w, c, c->len, MREMAP_MAYMOVE | MREMAP_FIXED);
	case MOVE_LONGER:
		return remap(w, c, c->new_len, MREMAP_MAYMOVE | MREMAP_FIXED);
	case LEAVE:
		return remap(w, c, c->len, MREMAP_MAYMOVE | DONTUNMAP | (c->new_len & 1 ? MREMAP_FIXED : 0));
	case VIEW:
		return remap(w, c, c->new_len, MREMAP_MAYMOVE | MREMAP_FIXED);
	case GROW:
		return remap(w, c, c->new_len, c->to & 1 ? MREMAP_MAYMOVE : 0);
	default: /* SHRINK */
		return remap(w, c, c->new_len, 0);
	}
}

static long make_lock(struct world *w, const struct call *c)
{
	switch (c->kind) {
	case MLOCK:
		return mm_mlock(on(w), at(c->from), c->len * PAGE, c->to & 1 ? MLOCK_ONFAULT : 0);
	case MUNLOCK:
		return mm_munlock(on(w), at(c->from), c->len * PAGE);
	case MLOCKALL:
		return mm_mlockall(on(w), c->to & 1 ? MCL_CURRENT : MCL_CURRENT | MCL_ONFAULT);
	default:
		return mm_munlockall(on(w));
	}
}

long make(struct world *w, const struct call *c)
{
	static const char policy, context;
	struct mm_struct *mm = on(w);
	unsigned long addr = at(c->from), len = c->len * PAGE;

	switch (c->kind) {
	case INSERT:
		return insert(w, c);
	case MUNMAP:
		return mm_munmap(mm, addr, len);
	case MPROTECT:
		return mm_mprotect(mm, addr, len, c->prot, -1);
	case PKEY:
		return mm_mprotect(mm, addr, len, c->prot, (int)(c->to & 1));
	case MADVISE:
		return mm_madvise(mm, addr, len, c->advice);
	case MLOCK:
	case MUNLOCK:
	case MLOCKALL:
	case MUNLOCKALL:
		return make_lock(w, c);
	case MSEAL:
		return mm_mseal(mm, addr, len, 0);
	case NAME:
		return mm_set_anon_name(mm, addr, len, c->prot ? "name" : NULL);
	case MBIND:
		return mm_mbind(mm, addr, len, c->prot ? &policy : NULL);
	case REGISTER:
		return mm_userfaultfd(mm, addr, len, &context, VM_UFFD_WP);
	case UNREGISTER:
		return mm_userfaultfd(mm, addr, len, NULL, 0);
	case SHMDT:
		return mm_shmdt(mm, addr);
	case REMAP_PAGES:
		return mm_remap_file_pages(mm, addr, len, 0, c->to, 0);
	case BRK:
	case BRK_LOCKED:
		return break_to(w, c);
	case TOUCH:
		return touch(w, addr);
	case FORK:
		return fork_and_exit(w);
	default:
		return make_mapping(w, c);
	}
}

void world_begin(struct world *w, const struct rmap_ops *design, bool readers)
{
	w->on = NULL;
	mm_system_init(&w->sys, design);
	/* Whatever CPU this runs on: keys 0 and 1 are there. */
	w->sys.pkeys = true;
	mm_init(&w->mm, &w->sys);
	assert_int_equal(mm_pkey_alloc(&w->mm), 1);
#ifndef MM_INDEX_LINKED
	if (readers)
		mm_set_rcu(&w->mm);
#endif
	w->lost = 0;
	w->mm.start_brk = w->mm.brk = at(HEAP);
	w->mm.start_data = w->mm.end_data = BASE;
	for (int i = 0; i < FILES; i++)
		w->file[i] = (struct vm_file){ .refs = 1,
			.kind = i ? VM_FILE_SHMEM : VM_FILE_REGULAR,
			.has_close = i,
			.readable = true,
			.writable = true,
			.name = "file" };
}
