/* SPDX-License-Identifier: MIT */
/*
 * The engine's areas out of a running process's.
 *
 * Open files become vm_files, which the map owns; areas with equal anon_vmas share one, in the order of addresses: the first
 * has one made for it, the others are made like it.
 *
 * For whatever wants to try calls on the map of a live process without touching that: the areas, made
 * by mm_insert_area() one after the other, in order of addresses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Called when the last area that has it is gone; its name is the live_map's, which has to live longer. */
static void free_file(struct vm_file *file)
{
	free(file);
}

/* The kernel's own pages, [vdso] and so on, have no file, but their mappings have operations. */
static bool is_special(const struct live_area *a)
{
	return !a->file && a->name[0] == '[' && !a->anon_name && strcmp(a->name, "[heap]") != 0 &&
	       strncmp(a->name, "[stack", 6) != 0;
}

/*
 * The file of @a by its number; special areas are of number 0. A reference of its own. NULL: out of
 * memory. Whether the file can be written or read is not known, so that both are permitted.
 */
static struct vm_file *file_of(struct maple_tree *files, const struct live_area *a)
{
	struct vm_file *file = mtree_load(files, a->file + 1ul);

	if (file)
		return vm_file_get(file);
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	*file = (struct vm_file){ .refs = 1,
		.kind = a->file ? VM_FILE_REGULAR : VM_FILE_SPECIAL,
		.readable = true,
		.writable = true,
		.has_close = a->has_close,
		.dev = a->dev,
		.ino = a->ino,
		.name = a->file ? a->name : "",
		.release = free_file };
	if (mtree_store(files, a->file + 1ul, file, GFP_KERNEL)) {
		free(file);
		return NULL;
	}
	return vm_file_get(file);
}

struct build {
	struct maple_tree files;     /* by number + 1; a reference each */
	struct maple_tree anon_vmas; /* the first area of each, by number */
	struct mm_struct *mm;
};

/* The engine compares policies and contexts, and looks into none. */
static const void *number_as_pointer(uint32_t n)
{
	return n ? xa_mk_value(n) : NULL;
}

/* vm_private_data leads back from the engine's area to the live one. */
static int build_area(struct build *b, struct live_area *a)
{
	struct area_spec spec = { .start = a->start,
		.end = a->end,
		.pgoff = a->pgoff,
		.has_pgoff = true,
		.vm_flags = a->vm_flags,
		.touched = a->anon_vma != 0,
		.inherited = a->inherited,
		.anon_name = a->anon_name,
		.policy = number_as_pointer(a->policy),
		.uffd_ctx = number_as_pointer(a->uffd) };
	struct vm_area_struct *vma;
	int err;

	if (a->anon_vma)
		spec.anon_like = mtree_load(&b->anon_vmas, a->anon_vma);
	if (a->file || is_special(a)) {
		spec.file = file_of(&b->files, a);
		if (!spec.file)
			return -ENOMEM;
	}
	err = mm_insert_area(b->mm, &spec);
	vm_file_put(spec.file);
	if (err)
		return err;
	vma = find_vma(b->mm, a->start);
	vma->vm_private_data = a;
	if (!a->anon_vma || spec.anon_like)
		return 0;
	return mtree_store(&b->anon_vmas, a->anon_vma, vma, GFP_KERNEL);
}

/*
 * 0, or -errno of the engine: @mm then has the areas up to that one. The files' own references are put
 * at the end: areas keep them.
 */
int live_map_build(const struct live_map *map, struct mm_struct *mm)
{
	struct build b = { .mm = mm };
	struct vm_file *file;
	unsigned long at = 0;
	int err = 0;

	mt_init_flags(&b.files, 0);
	mt_init_flags(&b.anon_vmas, 0);
	mm->start_brk = map->start_brk;
	mm->brk = map->brk;
	mm->start_stack = map->start_stack;
	for (uint32_t i = 0; i < map->nr && !err; i++)
		err = build_area(&b, &map->areas[i]);
	mt_for_each (&b.files, file, at, ULONG_MAX)
		vm_file_put(file);
	mtree_destroy(&b.files);
	mtree_destroy(&b.anon_vmas);
	return err;
}
