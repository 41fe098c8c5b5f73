/* SPDX-License-Identifier: MIT */
/* Address spaces of a scripted kernel: scripted.h. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>

#include "scripted.h"
#include "system_calls.h"

static uint64_t page_up(uint64_t n)
{
	return (n + SCR_PAGE - 1) & ~(SCR_PAGE - 1);
}

static void remove_at(struct scr_space *mm, int i)
{
	memmove(&mm->areas[i], &mm->areas[i + 1], sizeof(mm->areas[0]) * (size_t)(--mm->nr_areas - i));
}

static void insert_at(struct scr_space *mm, int i, struct scr_area a)
{
	if (mm->nr_areas == MAX_AREAS) {
		scr_complain("too many areas");
		return;
	}
	memmove(&mm->areas[i + 1], &mm->areas[i], sizeof(mm->areas[0]) * (size_t)(mm->nr_areas++ - i));
	mm->areas[i] = a;
}

static void split(struct scr_space *mm, uint64_t at)
{
	for (int i = 0; i < mm->nr_areas; i++) {
		struct scr_area high = mm->areas[i];

		if (high.start >= at || high.end <= at)
			continue;
		high.offset += high.ino ? at - high.start : 0;
		high.start = mm->areas[i].end = at;
		insert_at(mm, i + 1, high);
		return;
	}
}

static bool are_alike(const struct scr_area *a, const struct scr_area *b)
{
	return a->end == b->start && a->prot == b->prot && a->shared == b->shared && a->ino == b->ino &&
	       a->file == b->file && a->grows == b->grows && a->served == b->served &&
	       strcmp(a->name, b->name) == 0 && (!a->ino || a->offset + (a->end - a->start) == b->offset);
}

static void join(struct scr_space *mm)
{
	for (int i = 0; i + 1 < mm->nr_areas;) {
		if (!are_alike(&mm->areas[i], &mm->areas[i + 1])) {
			i++;
			continue;
		}
		mm->areas[i].end = mm->areas[i + 1].end;
		remove_at(mm, i + 1);
	}
}

static void forget_pages(struct scr_space *mm, uint64_t lo, uint64_t hi)
{
	for (int i = 0; i < mm->nr_pages;) {
		if (mm->pages[i].at >= lo && mm->pages[i].at < hi)
			mm->pages[i] = mm->pages[--mm->nr_pages];
		else
			i++;
	}
}

void space_cut(struct scr_space *mm, uint64_t lo, uint64_t hi)
{
	split(mm, lo);
	split(mm, hi);
	for (int i = 0; i < mm->nr_areas;) {
		if (mm->areas[i].start >= lo && mm->areas[i].end <= hi)
			remove_at(mm, i);
		else
			i++;
	}
	forget_pages(mm, lo, hi);
}

static void put(struct scr_space *mm, struct scr_area area)
{
	int i = 0;

	while (i < mm->nr_areas && mm->areas[i].start < area.start)
		i++;
	insert_at(mm, i, area);
}

void space_put(struct scr_space *mm, struct scr_area area)
{
	space_cut(mm, area.start, area.end);
	put(mm, area);
	join(mm);
}

struct scr_area *space_find(struct scr_space *mm, uint64_t addr)
{
	for (int i = 0; i < mm->nr_areas; i++)
		if (mm->areas[i].end > addr)
			return &mm->areas[i];
	return NULL;
}

void space_touch(struct scr_space *mm, uint64_t addr, int what)
{
	forget_pages(mm, addr, addr + SCR_PAGE);
	if (mm->nr_pages < MAX_PAGES)
		mm->pages[mm->nr_pages++] = (struct scr_page){ addr, what };
	else
		scr_complain("too many pages");
}

struct scr_space *space_new(void)
{
	struct scr_space *mm = &scr.spaces[scr.nr_spaces < MAX_SPACES ? scr.nr_spaces++ : 0];

	*mm = (struct scr_space){ .brk = SCR_HEAP };
	return mm;
}

struct scr_space *space_copy(const struct scr_space *mm)
{
	struct scr_space *copy = space_new();

	*copy = *mm;
	return copy;
}

void space_of_program(struct scr_space *mm)
{
	*mm = (struct scr_space){ .brk = SCR_HEAP };
	put(mm, (struct scr_area){ .start = 0x555555554000,
			.end = 0x555555556000,
			.ino = 11,
			.prot = PROT_READ | PROT_EXEC,
			.name = "/bin/scripted" });
	put(mm, (struct scr_area){ .start = SCR_STACK,
			.end = SCR_TOP,
			.prot = PROT_READ | PROT_WRITE,
			.grows = true,
			.name = "[stack]" });
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

static void after_mmap(struct scr_task *t, uint64_t at)
{
	const uint64_t *a = t->args;
	const struct scr_file *f = a[3] & MAP_ANONYMOUS ? NULL : scr_file(t->tgid, (int)a[4]);
	struct scr_area area = { .start = at,
		.end = at + page_up(a[1]),
		.prot = (uint32_t)a[2] & 7,
		.shared = (a[3] & MAP_TYPE) != MAP_PRIVATE,
		.grows = a[3] & MAP_GROWSDOWN };

	if (f) {
		area.ino = f->ino;
		area.file = f->id;
		area.offset = a[5];
		memcpy(area.name, f->path, sizeof(area.name));
	} else if (area.shared) {
		area.page_size = a[3] & MAP_HUGETLB ? 2u << 20 : 0;
		area.ino = 1000 + at / SCR_PAGE % 1000;
		strcpy(area.name, "/dev/zero (deleted)");
	}
	space_put(t->mm, area);
}

static void after_mprotect(struct scr_space *mm, uint64_t lo, uint64_t hi, uint32_t prot)
{
	split(mm, lo);
	split(mm, hi);
	for (int i = 0; i < mm->nr_areas; i++)
		if (mm->areas[i].start >= lo && mm->areas[i].end <= hi)
			mm->areas[i].prot = prot;
	join(mm);
}

static void after_brk(struct scr_space *mm, uint64_t to)
{
	uint64_t old = page_up(mm->brk), new = page_up(to);

	if (new > old)
		space_put(mm,
			(struct scr_area){
				.start = old, .end = new, .prot = PROT_READ | PROT_WRITE, .name = "[heap]" });
	else
		space_cut(mm, new, old);
	mm->brk = to;
}

static void after_mremap(struct scr_space *mm, const uint64_t *a, uint64_t to)
{
	uint64_t old = a[0], old_len = page_up(a[1]), new_len = page_up(a[2]);
	struct scr_area *found = space_find(mm, old), moved;
	struct scr_page pages[MAX_PAGES];
	int n = 0;

	if (!found)
		return;
	moved = *found;
	moved.offset += moved.ino ? old - moved.start : 0;
	moved.start = to;
	moved.end = to + new_len;
	for (int i = 0; i < mm->nr_pages; i++)
		if (mm->pages[i].at >= old && mm->pages[i].at < old + old_len)
			pages[n++] = mm->pages[i];
	if (!(a[3] & MREMAP_DONTUNMAP))
		space_cut(mm, old, old + old_len);
	forget_pages(mm, old, old + old_len);
	space_put(mm, moved);
	while (n-- > 0)
		if (pages[n].at - old < new_len)
			space_touch(mm, pages[n].at - old + to, pages[n].what);
}

void space_after_call(struct scr_task *t, int64_t result)
{
	const uint64_t *a = t->args;

	if (result < 0 && result >= -4095)
		return;
	switch (t->kind) {
	case NR_mmap:
		after_mmap(t, (uint64_t)result);
		break;
	case NR_shmat:
		if (t->abi)
			break;
		space_put(t->mm, (struct scr_area){ .start = (uint64_t)result,
					 .end = (uint64_t)result + 2 * SCR_PAGE,
					 .prot = a[2] & SHM_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE,
					 .shared = true,
					 .ino = a[0],
					 .name = "/SYSV00000000 (deleted)" });
		break;
	case NR_munmap:
		space_cut(t->mm, a[0], a[0] + page_up(a[1]));
		break;
	case NR_mprotect:
		after_mprotect(t->mm, a[0], a[0] + page_up(a[1]), (uint32_t)a[2]);
		break;
	case NR_brk:
		if (a[0])
			after_brk(t->mm, (uint64_t)result);
		break;
	case NR_prctl:
		if (a[0] == PR_SET_MM && a[1] == PR_SET_MM_BRK)
			t->mm->brk = a[2];
		break;
	case NR_mremap:
		after_mremap(t->mm, a, (uint64_t)result);
		break;
	default:
		break;
	}
}
