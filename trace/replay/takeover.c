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

/*
 * What the mirror believed at one place: what no observation shows. A reference to its file is held, until
 * insert_belief() is behind it.
 */
struct belief {
	struct area_spec spec;
	const void *policy, *uffd_ctx;
	char name[96]; /* of anonymous memory */
};

/*
 * By the names that the kernel gives: "/memfd:" of memfd_create(2), "/SYSV" of shmget(2), "/dev/zero" of
 * shared anonymous memory (shmem_zero_setup()).
 */
static uint32_t file_kind(const struct trace_area *a)
{
	if (!trace_area_has_file(a) && a->name[0] == '[')
		return TRACE_FILE_SPECIAL;
	if (strncmp(a->name, "/memfd:", 7) == 0 || strncmp(a->name, "/SYSV", 5) == 0 ||
		strncmp(a->name, "/dev/zero", 9) == 0)
		return TRACE_FILE_SHMEM;
	if (driver_of_file(TRACE_FILE_REGULAR, a->name))
		return TRACE_FILE_DEVICE;
	return TRACE_FILE_REGULAR;
}

/* Areas without a file: the heap, the stack and whatever has no name or an anonymous one. */
static bool area_is_anonymous(const struct trace_area *a)
{
	return !trace_area_has_file(a) &&
	       (a->name[0] != '[' || strcmp(a->name, "[heap]") == 0 || strncmp(a->name, "[stack", 6) == 0 ||
		       strncmp(a->name, "[anon:", 6) == 0);
}

/* Through this shared mapping of it. */
static bool file_is_writable(const struct trace_area *a)
{
	return a->prot & PROT_WRITE || a->vm_flags & VM_MAYWRITE;
}

/*
 * Shared writing needs a file that was opened for it, which the only one seen so far, through private
 * areas, can have been: then it is, with a reference. NULL: it is not.
 */
static struct vm_file *seen_through_private(struct space *s, const struct trace_area *a)
{
	struct vm_file *file = NULL;

	if (inodes_find(s, a->dev, a->ino, false, &file) || !file || !may_be_written(file)) {
		vm_file_put(file);
		return NULL;
	}
	file->writable = true;
	inodes_note(s, file);
	return file;
}

/*
 * The file of an area that no call brought, with a reference: the same one as that of an area seen before,
 * if it may be, for then they may join, as the kernel's would. NULL: no memory.
 */
static struct vm_file *file_of_area(struct replay *r, struct space *s, const struct trace_area *a)
{
	struct trace_file t = { .kind = file_kind(a), .dev = a->dev, .ino = a->ino, .path = a->name };
	struct vm_file *file = NULL;
	bool writable = a->shared && file_is_writable(a);

	if (trace_area_has_file(a) && (inodes_find(s, a->dev, a->ino, writable, &file) || file)) {
		if (file && a->shared)
			file_is_seen(file, true);
		return file;
	}
	/* A private area may be of either. */
	if (trace_area_has_file(a) && !a->shared && (inodes_find(s, a->dev, a->ino, true, &file) || file))
		return file;
	if (trace_area_has_file(a) && writable && (file = seen_through_private(s, a)) != NULL)
		return file;
	t.open_flags = writable ? 2 : 0;
	t.has_close = strncmp(a->name, "/SYSV", 5) == 0;
	file = replay_file(r, &t);
	if (file)
		file_is_seen(file, a->shared);
	return file;
}

/* @file: that of an area with one, where it is known; @sharing: exec brings it, and where its share in the map is looked up. */
static int insert_area(struct replay *r, struct space *s, const struct trace_area *a, struct vm_file *file,
	vm_flags_t flags, bool touched, uint32_t *sharing)
{
	struct area_spec spec = { .start = a->start,
		.end = a->end,
		.pgoff = a->offset >> s->mm.sys->page_shift,
		.has_pgoff = area_is_anonymous(a) && a->offset,
		.vm_flags = flags,
		.touched = touched };
	bool begins = sharing != NULL;
	char name[96];
	int err;

	if (!area_is_anonymous(a)) {
		spec.file = file ? vm_file_get(file) : file_of_area(r, s, a);
		if (!spec.file)
			return -ENOMEM;
		if (spec.file->kind == VM_FILE_SPECIAL)
			spec.file->size = a->end - a->start;
	} else if (strncmp(a->name, "[anon:", 6) == 0) {
		snprintf(name, sizeof(name), "%.*s", (int)strlen(a->name) - 7, a->name + 6);
		spec.anon_name = name;
	}
	if (begins)
		share_as_told(s, a->start, sharing, &spec);
	err = mm_insert_area(&s->mm, &spec);
	if (spec.file && !err)
		inodes_note(s, spec.file);
	if (!err && begins)
		vdso_note(s, &spec);
	vm_file_put(spec.file);
	return err;
}

/*
 * Nobody asks for it of a program's own code, so all of the memory was: a process keeps PR_SET_MEMORY_MERGE over exec.  What
 * has run before may have asked for it of any other file.
 */
static bool tells_memory_merge(const struct space *s, const struct trace_area *a)
{
	if (s->attached && (s->mm.start_code < a->start || s->mm.start_code >= a->end))
		return false;
	return trace_area_has_file(a) && (a->prot & PROT_EXEC) && (a->vm_flags & VM_MERGEABLE);
}

/*
 * On arm64 what exec and brk make may be tagged (VM_MTE_ALLOWED, from VM_DATA_DEFAULT_FLAGS), which shows
 * nowhere, and keeps it apart from what mmap makes on processors without tags. Where the program had been
 * running before, what is not of these by its place is mmap's.
 */
static vm_flags_t hidden_flags(const struct space *s, const struct trace_area *a)
{
	const struct mm_system *sys = s->mm.sys;
	bool made_by_exec = !s->attached || a->start < s->mm.brk || (a->vm_flags & VM_GROWSDOWN);

	if (sys->machine != MM_MACHINE_ARM64 || !area_is_anonymous(a))
		return 0;
	return made_by_exec || sys->memory_tags ? VM_MTE_ALLOWED : 0;
}

int begin_map(struct replay *r, struct space *s, const struct trace_map *map)
{
	uint32_t sharing = 0;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct trace_area *a = &map->areas[i];
		vm_flags_t flags = (a->vm_flags & ~VM_SOFTDIRTY) | hidden_flags(s, a);
		int err = insert_area(r, s, a, NULL, flags, a->touched, &sharing);

		s->mm.merge_any |= tells_memory_merge(s, a);
		/* An area that cannot be there is the recording's fault, and a later check names it. */
		if (err == -ENOMEM && r->failures != port_failures())
			return err;
		if (err)
			causes_touch(s, a->start, a->end);
	}
	if (s->sharing)
		s->doubt = false;
	forget_sharing(s);
	return 0;
}

/* The area of the mirror's that says most about an observed one: where it begins, or the first that it meets. */
static struct vm_area_struct *believed_area(struct space *s, const struct trace_area *a)
{
	struct vm_area_struct *vma = find_vma_intersection(&s->mm, a->start, a->end), *other = vma;

	while (other && trace_area_has_file(a) && (!has_file(other) || other->vm_file->ino != a->ino))
		other = find_vma_intersection(&s->mm, other->vm_end, a->end);
	return other ? other : vma;
}

/* Is it of the same file, as far as was seen?  The kernel's own pages and anonymous memory have none that shows. */
static bool may_be_of_file(const struct vm_area_struct *vma, const struct trace_area *a)
{
	if (!vma->vm_file)
		return false;
	return has_file(vma) ? vma->vm_file->ino == a->ino : !trace_area_has_file(a);
}

/*
 * Fills *b; no memory is asked for. Without an area of the mirror's there: flags as a fresh mapping has
 * them.
 */
static void believe(struct space *s, const struct trace_area *a, struct belief *b)
{
	struct vm_area_struct *vma = believed_area(s, a);

	*b = (struct belief){
		.spec = { .start = a->start, .end = a->end, .pgoff = a->offset >> s->mm.sys->page_shift }
	};
	if (!vma) {
		b->spec.vm_flags = vm_flags_of_letters(a->prot, a->shared) | flags_of_driver(a->name);
		return;
	}
	b->spec.vm_flags =
		(vma->vm_flags & ~(VM_ACCESS_FLAGS | VM_SHARED | VM_MAYSHARE)) |
		(vm_flags_of_letters(a->prot, a->shared) & (VM_ACCESS_FLAGS | VM_SHARED | VM_MAYSHARE));
	if (may_be_of_file(vma, a))
		b->spec.file = vm_file_get(vma->vm_file);
	if (vma->anon_name)
		snprintf(b->name, sizeof(b->name), "%s", vma->anon_name->name);
	b->policy = vma->policy;
	b->uffd_ctx = vma->uffd_ctx;
	for (vma = find_vma_intersection(&s->mm, a->start, a->end); vma && !b->spec.touched;
		vma = find_vma_intersection(&s->mm, vma->vm_end, a->end))
		b->spec.touched = vma->anon_vma != NULL;
}

/*
 * Everything of the mirror's in the window, and where observed areas lie, makes way. Seals would refuse
 * that.
 */
static void clear_place(struct space *s, const struct trace_map *map)
{
	uint64_t start = map->lo & ~(mm_page_size(&s->mm) - 1), end = min(map->hi, s->mm.task_size - 1);
	const unsigned long calls_end = s->mm.compat_task_size;
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
	/* For want of memory something stays, and the insertions find it.  No personality keeps this from what is high. */
	s->mm.compat_task_size = s->mm.task_size;
	(void)!mm_munmap(&s->mm, start, end - start);
	s->mm.compat_task_size = calls_end;
}

static void insert_belief(
	struct replay *r, struct space *s, const struct trace_map *map, uint32_t i, struct belief *b)
{
	const struct trace_area *a = &map->areas[i];
	struct vm_area_struct *vma;

	/* What fails for want of memory is noticed at the end of the event.  A name that was seen is truer than one that is remembered. */
	if (map->has_names || (!b->spec.file && !b->name[0]))
		(void)!insert_area(r, s, a, b->spec.file, b->spec.vm_flags, b->spec.touched, NULL);
	else
		(void)!mm_insert_area(&s->mm, &b->spec);
	vma = vma_lookup(&s->mm, a->start);
	if (!vma)
		return;
	vma->policy = b->policy;
	vma->uffd_ctx = b->uffd_ctx;
}

/*
 * Gathers what is believed of every observed area first, for clearing the place ends the areas that it is
 * believed of.
 */
int take_over(struct replay *r, struct space *s, const struct trace_map *map)
{
	struct belief *beliefs = calloc(map->count + 1, sizeof(*beliefs));

	if (!beliefs || copies_before_change(s)) {
		free(beliefs);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < map->count; i++) {
		believe(s, &map->areas[i], &beliefs[i]);
		beliefs[i].spec.anon_name = beliefs[i].name[0] ? beliefs[i].name : NULL;
	}
	clear_place(s, map);
	for (uint32_t i = 0; i < map->count; i++) {
		insert_belief(r, s, map, i, &beliefs[i]);
		vm_file_put(beliefs[i].spec.file);
	}
	free(beliefs);
	return 0;
}
