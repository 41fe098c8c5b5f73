/* SPDX-License-Identifier: MIT */
/*
 * The text of /proc/PID/maps: read line by line, and taken over.
 */
#include "internal.h"

int next_maps_line(const char **text, struct maps_line *line, char *name, size_t size)
{
	const char *next = **text ? maps_line_read(*text, line) : NULL;
	size_t length;

	if (!**text)
		return 0;
	if (!next || line->start >= line->end)
		return -EINVAL;
	length = strcspn(line->name, "\n");
	length = min(length, size - 1);
	memcpy(name, line->name, length);
	name[length] = 0;
	line->name = name;
	*text = next;
	return 1;
}

static int adopt_part(struct guest_mm *guest, const struct maps_line *line, struct vm_file *file)
{
	unsigned int shift = guest->mm.sys->page_shift;
	struct area_spec spec = { .start = line->start,
		.end = line->end,
		.pgoff = (file ? line->offset : line->start) >> shift,
		.has_pgoff = true,
		.vm_flags = line->vm_flags | VM_MAY_FLAGS,
		.file = file };

	if ((line->start | line->end | (file ? line->offset : 0)) & ((1UL << shift) - 1))
		return -EINVAL;
	/* Anonymous memory may have been written. */
	spec.touched = !file && (line->vm_flags & VM_WRITE);
	return mm_insert_area(&guest->mm, &spec);
}

/* Between the reserved ranges. */
static int adopt_line(struct guest_mm *guest, struct maps_line line, struct vm_file *file)
{
	unsigned long end = line.end;
	struct vm_area_struct *vma;
	int err = 0;

	while (!err && line.start < end) {
		vma = find_vma_intersection(&guest->mm, line.start, end);
		if (vma && !area_is_reserved(guest, vma))
			return -EEXIST;
		line.end = vma ? max(vma->vm_start, line.start) : end;
		if (line.start < line.end)
			err = adopt_part(guest, &line, file);
		line.offset += (vma ? vma->vm_end : end) - line.start;
		line.start = vma ? vma->vm_end : end;
	}
	return err;
}

/* In the guest's addresses; false when it lies outside, or is no memory of the guest's. */
static bool clip(const struct guest_mm *guest, struct maps_line *line)
{
	uintptr_t base = guest->setup.base;
	unsigned long size = guest->mm.task_size;

	if (!rights_of(line->vm_flags) || line->end <= base || line->start - base >= size)
		return false;
	if (line->start < base) {
		line->offset += base - line->start;
		line->start = base;
	}
	line->start -= base;
	line->end = min(line->end - base, size);
	return true;
}

int guest_mm_adopt(struct guest_mm *guest, const char *maps,
	struct vm_file *(*file)(void *ctx, const struct maps_line *line), void *ctx)
{
	struct maps_line line;
	char name[256];
	int err;

	while ((err = next_maps_line(&maps, &line, name, sizeof(name))) > 0) {
		struct vm_file *of;

		if (!clip(guest, &line))
			continue;
		of = line.ino && file ? file(ctx, &line) : NULL;
		err = adopt_line(guest, line, of);
		vm_file_put(of);
		if (err)
			return err;
	}
	return err;
}
