/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own pages in a program: [vdso], and what it reads, [vvar] and its kin.  Exec brings them side by side, and
 * arch_prctl(ARCH_MAP_VDSO_64) brings them once more when all of them are gone: as they were, at another place.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"
#include "minmax.h"
#include "uapi.h"

static bool is_name(const char *name)
{
	return strcmp(name, "[vdso]") == 0 || strncmp(name, "[vvar", 5) == 0;
}

/*
 * Only of a map that exec brought. A reference to the file is kept, which is the same one when it is mapped
 * again.
 */
void vdso_note(struct space *s, const struct area_spec *area)
{
	struct vdso *v = &s->vdso;

	if (!area->file || !is_name(area->file->name) || v->nr == VDSO_AREAS)
		return;
	v->area[v->nr] = *area;
	vm_file_get(area->file);
	v->nr++;
}

void vdso_copy(struct space *child, const struct space *parent)
{
	child->vdso = parent->vdso;
	for (unsigned int i = 0; i < child->vdso.nr; i++)
		vm_file_get(child->vdso.area[i].file);
}

void vdso_forget(struct space *s)
{
	while (s->vdso.nr)
		vm_file_put(s->vdso.area[--s->vdso.nr].file);
}

/*
 * vdso_mapping and vvar_mapping anywhere: map_vdso_once() of x86 refuses with -EEXIST, wherever they were
 * moved to.
 */
static bool is_mapped(struct space *s)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &s->mm, 0);

	for_each_vma (vmi, vma)
		if (vma->vm_file && vma->vm_file->kind == VM_FILE_SPECIAL && is_name(vma->vm_file->name))
			return true;
	return false;
}

static unsigned long length(const struct area_spec *area)
{
	return area->end - area->start;
}

/* All of them, in their order. @return what the call returns: the length of the code. */
static int64_t map_at(struct space *s, unsigned long addr)
{
	int64_t code = 0;

	for (unsigned int i = 0; i < s->vdso.nr; i++) {
		struct area_spec area = s->vdso.area[i];
		int err;

		area.end = addr + length(&area);
		area.start = addr;
		addr = area.end;
		err = mm_insert_area(&s->mm, &area);
		if (err)
			return err;
		if (area.vm_flags & VM_EXEC)
			code = (int64_t)length(&area);
	}
	return code;
}

struct prediction vdso_map(struct space *s, const struct trace_call *c)
{
	struct prediction p = { .made = true, .compared = true };
	unsigned long len = 0, addr;

	/* Another table's, or a kernel that cannot, or a space whose beginning was not seen. */
	if (c->args[0] != ARCH_MAP_VDSO_64 || c->result == -EINVAL || !s->vdso.nr) {
		s->take_over |= c->result >= 0;
		return (struct prediction){ 0 };
	}
	if (is_mapped(s)) {
		p.result = -EEXIST;
		return p;
	}
	for (unsigned int i = 0; i < s->vdso.nr; i++)
		len += length(&s->vdso.area[i]);
	addr = mm_get_unmapped_area(&s->mm, NULL, c->args[1], len, 0, 0);
	p.result = IS_ERR_VALUE(addr) ? (int64_t)addr : map_at(s, addr);
	return p;
}
