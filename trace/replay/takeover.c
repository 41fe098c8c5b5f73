/* SPDX-License-Identifier: MIT */
/*
 * Observed areas become the mirror's: all of them when an address space begins, those that disagreed after a check.  These
 * keep the hidden properties (flags, touched) that the mirror believed in at each place.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc.h"
#include "internal.h"
#include "minmax.h"

/* What the mirror believed at one place. */
struct belief {
	struct area_spec spec;
	char name[96];
};

static uint32_t file_kind(const struct trace_area *a)
{
	if (!a->ino && a->name[0] == '[')
		return TRACE_FILE_SPECIAL;
	if (strncmp(a->name, "/memfd:", 7) == 0 || strncmp(a->name, "/SYSV", 5) == 0 ||
		strncmp(a->name, "/dev/zero", 9) == 0)
		return TRACE_FILE_SHMEM;
	return TRACE_FILE_REGULAR;
}

/* Areas without a file: the heap, the stack and whatever has no name or an anonymous one. */
static bool area_is_anonymous(const struct trace_area *a)
{
	return !a->ino && (a->name[0] != '[' || strcmp(a->name, "[heap]") == 0 ||
				  strncmp(a->name, "[stack", 6) == 0 || strncmp(a->name, "[anon:", 6) == 0);
}

/* The file of an area that no call brought: the same one as that of an area seen before, if it may be. */
static struct vm_file *file_of_area(struct replay *r, struct space *s, const struct trace_area *a)
{
	struct trace_file t = { .kind = file_kind(a), .dev = a->dev, .ino = a->ino, .path = a->name };
	struct vm_file *file = NULL;

	if (a->ino && (inodes_find(s, a->dev, a->ino, &file) || file))
		return file;
	if (a->shared && (a->prot & PROT_WRITE))
		t.open_flags = 2;
	return replay_file(r, &t);
}

vm_flags_t flags_of_area(const struct trace_area *a)
{
	vm_flags_t flags = (a->prot & PROT_READ ? VM_READ : 0) | (a->prot & PROT_WRITE ? VM_WRITE : 0) |
			   (a->prot & PROT_EXEC ? VM_EXEC : 0) | VM_MAY_FLAGS;

	if (a->shared)
		return flags | VM_SHARED | VM_MAYSHARE;
	return a->prot & PROT_WRITE ? flags | VM_ACCOUNT : flags;
}

static int insert_area(
	struct replay *r, struct space *s, const struct trace_area *a, vm_flags_t flags, bool touched, bool begins)
{
	struct area_spec spec = { .start = a->start,
		.end = a->end,
		.pgoff = a->offset >> 12,
		.vm_flags = flags,
		.touched = touched };
	char name[96];
	int err;

	if (!area_is_anonymous(a)) {
		spec.file = file_of_area(r, s, a);
		if (!spec.file)
			return -ENOMEM;
	} else if (strncmp(a->name, "[anon:", 6) == 0) {
		snprintf(name, sizeof(name), "%.*s", (int)strlen(a->name) - 7, a->name + 6);
		spec.anon_name = name;
	}
	err = mm_insert_area(&s->mm, &spec);
	if (spec.file && !err)
		inodes_note(s, spec.file);
	if (!err && begins)
		vdso_note(s, &spec);
	vm_file_put(spec.file);
	return err;
}

int begin_map(struct replay *r, struct space *s, const struct trace_map *map)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct trace_area *a = &map->areas[i];
		int err = insert_area(r, s, a, a->vm_flags & ~VM_SOFTDIRTY, a->touched, true);

		/* An area that cannot be there is the recording's fault, and a later check names it. */
		if (err == -ENOMEM && r->failures != port_failures())
			return err;
	}
	return 0;
}

static void believe(struct space *s, const struct trace_area *a, struct belief *b)
{
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, a->start, a->end);

	*b = (struct belief){ .spec = { .start = a->start, .end = a->end, .pgoff = a->offset >> 12 } };
	if (!vma) {
		b->spec.vm_flags = flags_of_area(a);
		return;
	}
	b->spec.vm_flags = (vma->vm_flags & ~(VM_ACCESS_FLAGS | VM_SHARED | VM_MAYSHARE)) |
			   (flags_of_area(a) & (VM_ACCESS_FLAGS | VM_SHARED | VM_MAYSHARE));
	if (has_file(vma) && vma->vm_file->ino == a->ino)
		b->spec.file = vm_file_get(vma->vm_file);
	for (; vma && !b->spec.touched; vma = find_vma_intersection(&s->mm, vma->vm_end, a->end))
		b->spec.touched = vma->anon_vma != NULL;
}

/* Everything of the mirror's in the window, and where observed areas lie, makes way. */
static void clear_place(struct space *s, const struct trace_map *map)
{
	uint64_t start = map->lo & ~4095UL, end = min(map->hi, s->mm.task_size - 1);
	struct vm_area_struct *vma;

	if (map->count) {
		start = min(start, map->areas[0].start);
		end = max(end, map->areas[map->count - 1].end);
	}
	if (start >= end)
		return;
	for (vma = find_vma_intersection(&s->mm, start, end); vma;
		vma = find_vma_intersection(&s->mm, vma->vm_end, end))
		vma->vm_flags &= ~VM_SEALED;
	/* For want of memory something stays, and the insertions find it. */
	(void)!mm_munmap(&s->mm, start, end - start);
}

static bool agrees(struct space *s, const struct trace_area *a, const struct trace_map *map)
{
	const struct vm_area_struct *vma = vma_lookup(&s->mm, a->start);

	return vma && vma->vm_start == a->start && vma->vm_end == a->end &&
	       same_properties(vma, a, a->start, map);
}

/* The part of an observation from the first to the last disagreement: what agrees keeps its anon_vmas. */
static struct trace_map disagreement(struct space *s, const struct trace_map *whole)
{
	struct trace_map map = *whole;

	while (map.count && !find_vma_intersection(&s->mm, map.lo, map.areas[0].start) &&
		agrees(s, &map.areas[0], &map)) {
		map.lo = map.areas[0].end;
		map.areas++;
		map.count--;
	}
	while (map.count) {
		const struct trace_area *last = &map.areas[map.count - 1];

		if (find_vma_intersection(&s->mm, last->end, map.hi) || !agrees(s, last, &map))
			break;
		map.hi = last->start;
		map.count--;
	}
	return map;
}

int take_over(struct replay *r, struct space *s, const struct trace_map *whole)
{
	const struct trace_map part = disagreement(s, whole), *map = &part;
	struct belief *beliefs = calloc(map->count + 1, sizeof(*beliefs));

	if (!beliefs || copies_before_change(s)) {
		free(beliefs);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < map->count; i++)
		believe(s, &map->areas[i], &beliefs[i]);
	clear_place(s, map);
	for (uint32_t i = 0; i < map->count; i++) {
		const struct area_spec *spec = &beliefs[i].spec;

		/* What fails for want of memory is noticed at the end of the event. */
		if (spec->file)
			(void)!mm_insert_area(&s->mm, spec);
		else
			(void)!insert_area(r, s, &map->areas[i], spec->vm_flags, spec->touched, false);
		vm_file_put(spec->file);
	}
	free(beliefs);
	return 0;
}
