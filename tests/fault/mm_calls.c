/* SPDX-License-Identifier: MIT */
/* How the calls of mm_calls.h are chosen and made. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

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

static long map(struct world *w, const struct call *c, unsigned long flags, struct vm_file *file)
{
	struct mmap_request req = { .addr = flags & MAP_FIXED ? at(c->from) : 0,
		.len = c->len * PAGE,
		.prot = c->prot,
		.flags = flags | (file ? 0 : MAP_ANONYMOUS),
		.offset = c->kind == MMAP_FILE ? c->from * PAGE : 0,
		.file = file };
	unsigned long res = mm_mmap(&w->mm, &req);

	return IS_ERR_VALUE(res) ? (long)res : 0;
}

static long remap(struct world *w, const struct call *c, unsigned long new_len, unsigned long flags)
{
	struct mremap_request req = { .addr = at(c->from),
		.old_len = c->kind == VIEW ? 0 : c->len * PAGE,
		.new_len = new_len * PAGE,
		.flags = flags,
		.new_addr = at(c->to) };
	unsigned long res = mm_mremap(&w->mm, &req);

	return IS_ERR_VALUE(res) ? (long)res : 0;
}

static long insert(struct world *w, const struct call *c)
{
	return mm_insert_area(&w->mm, &(struct area_spec){ .start = at(c->from),
					      .end = at(c->from + c->len),
					      .vm_flags = VM_READ | VM_WRITE | VM_MAY_FLAGS | VM_ACCOUNT,
					      .touched = c->len & 1,
					      .anon_name = c->len & 2 ? "inserted" : NULL });
}

static long fork_and_exit(struct world *w)
{
	static struct mm_struct child;
	const char *reason;
	int err = mm_fork(&child, &w->mm);

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
	struct vm_area_struct *vma = find_vma(&w->mm, addr);
	bool lost = vma && !(vma->vm_flags & VM_ACCOUNT);
	unsigned long total_vm = w->mm.total_vm;
	int err = mm_fault(&w->mm, addr, MM_FAULT_WRITE);

	if (lost)
		w->lost += w->mm.total_vm - total_vm;
	return err;
}

static long break_to(struct world *w, const struct call *c)
{
	unsigned long brk = at(HEAP + c->len) + c->to, res;

	w->mm.def_flags = c->kind == BRK_LOCKED ? VM_LOCKED : 0;
	res = mm_brk(&w->mm, brk);
	w->mm.def_flags = 0;
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
		return mm_mlock(&w->mm, at(c->from), c->len * PAGE, c->to & 1 ? MLOCK_ONFAULT : 0);
	case MUNLOCK:
		return mm_munlock(&w->mm, at(c->from), c->len * PAGE);
	case MLOCKALL:
		return mm_mlockall(&w->mm, c->to & 1 ? MCL_CURRENT : MCL_CURRENT | MCL_ONFAULT);
	default:
		return mm_munlockall(&w->mm);
	}
}

long make(struct world *w, const struct call *c)
{
	static const char policy, context;
	struct mm_struct *mm = &w->mm;
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
