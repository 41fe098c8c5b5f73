/* SPDX-License-Identifier: MIT */
/*
 * The memory of a 32-bit guest in an emulator: Linux's answers, the host's real pages, and data on each area.
 *
 * The guest has 4 GiB in a window of the emulator's own address space.  Its mapping calls are answered by the engine as
 * Linux answers a 32-bit program; between deciding and committing, host() does the same to the window, and may refuse.
 * Each area carries the translated code that was made from it, which is thrown away when the area may have changed.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <vmaple/mm.h>
#include <vmaple/mm_operations.h>
#include <vmaple/rmap.h>

#define GUEST_SIZE 0xffffe000UL /* what Linux gives a 32-bit program on x86-64 */
#define PAGE       4096UL

static char *window;
static int refuse; /* the host's next answer, for show */

/* What is known of an area's code. */
struct translation {
	unsigned int blocks;
};

static int new_translation(struct vm_area_struct *vma)
{
	vma->vm_private_data = calloc(1, sizeof(struct translation));
	return vma->vm_private_data ? 0 : -ENOMEM;
}

static int cut_translation(struct vm_area_struct *part, struct vm_area_struct *vma)
{
	((struct translation *)vma->vm_private_data)->blocks = 0;
	return new_translation(part);
}

static int copy_translation(struct vm_area_struct *copy, const struct vm_area_struct *vma)
{
	(void)vma;
	return new_translation(copy);
}

static void drop_translation(struct vm_area_struct *vma)
{
	free(vma->vm_private_data);
}

/* The guest's code is data to the host. */
static int host_prot(vm_flags_t flags)
{
	return (flags & (VM_READ | VM_EXEC) ? PROT_READ : 0) | (flags & VM_WRITE ? PROT_WRITE : 0);
}

static int map_window(const struct mm_change *c, int prot)
{
	void *p = mmap(window + c->start, c->end - c->start, prot,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? -errno : 0;
}

static int move_window(const struct mm_change *c)
{
	struct mm_change source = { .start = c->from, .end = c->from_end };

	if (mremap(window + c->from, c->from_end - c->from, c->end - c->start, MREMAP_MAYMOVE | MREMAP_FIXED,
		    window + c->start) == MAP_FAILED)
		return -errno;
	/* The host's hole is the guest's; nothing else of this process may get into it. */
	return map_window(&source, c->keeps_source ? host_prot(c->flags) : PROT_NONE);
}

static int host(struct mm_struct *mm, const struct mm_change *c)
{
	(void)mm;
	if (refuse)
		return refuse;
	switch (c->kind) {
	case MM_CHANGE_MAP:
		return map_window(c, host_prot(c->flags));
	case MM_CHANGE_UNMAP:
		return map_window(c, PROT_NONE);
	case MM_CHANGE_FLAGS:
		return mprotect(window + c->start, c->end - c->start, host_prot(c->flags)) ? -errno : 0;
	case MM_CHANGE_MOVE:
		return move_window(c);
	case MM_CHANGE_ADVISE:
		return madvise(window + c->start, c->end - c->start, c->advice) ? -errno : 0;
	}
	return -EINVAL;
}

static const struct mm_operations operations = {
	.open = new_translation,
	.split = cut_translation,
	.duplicate = copy_translation,
	.close = drop_translation,
	.host = host,
};

static void show(struct mm_struct *mm, const char *when)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	printf("%s:\n", when);
	for_each_vma (vmi, vma) {
		const struct translation *t = vma->vm_private_data;

		printf("  %08lx-%08lx %c%c%c, %u blocks\n", vma->vm_start, vma->vm_end,
			vma->vm_flags & VM_READ ? 'r' : '-', vma->vm_flags & VM_WRITE ? 'w' : '-',
			vma->vm_flags & VM_EXEC ? 'x' : '-', t->blocks);
	}
}

#define expect(what)                                            \
	do {                                                    \
		if (!(what)) {                                  \
			fprintf(stderr, "not so: %s\n", #what); \
			exit(1);                                \
		}                                               \
	} while (0)

int main(void)
{
	struct mm_system sys;
	struct mm_struct mm;
	struct mmap_request code = { .len = 4 * PAGE,
		.prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS };
	struct mremap_request move = { .old_len = PAGE, .new_len = 2 * PAGE, .flags = MREMAP_MAYMOVE };
	struct translation *t;
	unsigned long at;

	window = mmap(NULL, 1UL << 32, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	expect(window != MAP_FAILED);
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	expect(mm_set_task_size(&mm, GUEST_SIZE) == 0);
	mm.ops = &operations;

	at = mm_mmap(&mm, &code);
	expect(!IS_ERR_VALUE(at) && at + code.len <= GUEST_SIZE);
	strcpy(window + at, "the guest's own bytes");
	t = vma_lookup(&mm, at)->vm_private_data;
	t->blocks = 7;
	show(&mm, "mapped, and seven blocks translated");

	expect(mm_mprotect(&mm, at + PAGE, PAGE, PROT_READ, -1) == 0);
	show(&mm, "the second page was cut out");

	move.addr = at;
	move.addr = mm_mremap(&mm, &move);
	expect(!IS_ERR_VALUE(move.addr) && strcmp(window + move.addr, "the guest's own bytes") == 0);
	show(&mm, "the first one has moved, with its bytes");

	refuse = -EACCES;
	expect(mm_munmap(&mm, move.addr, PAGE) == -EACCES);
	refuse = 0;
	expect(strcmp(window + move.addr, "the guest's own bytes") == 0);
	show(&mm, "the host has refused to unmap a page: it was cut, and is still there");

	code.addr = GUEST_SIZE;
	code.flags |= MAP_FIXED;
	expect(mm_mmap(&mm, &code) == (unsigned long)-ENOMEM);
	mm_exit(&mm);
	munmap(window, 1UL << 32);
	return 0;
}
