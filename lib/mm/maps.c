/* SPDX-License-Identifier: MIT */
/*
 * Areas as /proc/PID/maps shows them.
 */
#include <stdio.h>

#include "internal.h"

static const char *composed_name(const struct vm_area_struct *vma, const char *kind, char *buf, size_t size)
{
	snprintf(buf, size, "[%s:%s]", kind, vma->anon_name->name);
	return buf;
}

static bool is_heap(const struct vm_area_struct *vma)
{
	return vma->vm_start < vma->vm_mm->brk && vma->vm_end > vma->vm_mm->start_brk;
}

static bool is_stack(const struct vm_area_struct *vma)
{
	return vma->vm_start <= vma->vm_mm->start_stack && vma->vm_end >= vma->vm_mm->start_stack;
}

const char *vma_name(const struct vm_area_struct *vma, char *buf, size_t size)
{
	if (vma->vm_file) {
		if (vma->anon_name)
			return composed_name(vma, "anon_shmem", buf, size);
		return vma->vm_file->name ? vma->vm_file->name : "";
	}
	if (is_heap(vma))
		return "[heap]";
	if (is_stack(vma))
		return "[stack]";
	return vma->anon_name ? composed_name(vma, "anon", buf, size) : "";
}

int vma_format(const struct vm_area_struct *vma, char *buf, size_t size)
{
	const struct vm_file *file = vma->vm_file;
	bool real = file && file->kind != VM_FILE_SPECIAL;
	unsigned long offset = real ? vma->vm_pgoff << vma->vm_mm->sys->page_shift : 0;
	unsigned long dev = real ? file->dev : 0, ino = real ? file->ino : 0;
	char name[128];
	const char *shown = vma_name(vma, name, sizeof(name));
	char head[96];

	snprintf(head, sizeof(head), "%08lx-%08lx %c%c%c%c %08lx %02lx:%02lx %lu", vma->vm_start, vma->vm_end,
		vma->vm_flags & VM_READ ? 'r' : '-', vma->vm_flags & VM_WRITE ? 'w' : '-',
		vma->vm_flags & VM_EXEC ? 'x' : '-', vma->vm_flags & VM_MAYSHARE ? 's' : 'p', offset,
		dev >> 32, dev & 0xffffffff, ino);
	if (!*shown)
		return snprintf(buf, size, "%s \n", head);
	return snprintf(buf, size, "%-72s %s\n", head, shown);
}
