/* SPDX-License-Identifier: MIT */
/*
 * The host's own map against what the areas need: run by run of host pages that need the same.
 */
#include "internal.h"
#include "text.h"

/* What a run of host pages is to be. */
struct need {
	struct span span;
	vm_flags_t rights;
	const struct vm_area_struct *direct; /* mapped directly: as this; NULL: rights alone count */
};

/* The next run from @addr on, which begins with a host page. */
static struct need need_at(struct guest_mm *guest, unsigned long addr)
{
	unsigned long page = host_page_size(guest);
	struct vm_area_struct *vma = find_vma(&guest->mm, addr);
	struct need need = { .span = { addr, addr + page } };
	struct span rest;

	if (!vma || host_page_of(guest, vma->vm_start) > addr) {
		need.span.end = vma ? host_page_of(guest, vma->vm_start) : guest->mm.task_size;
		return need;
	}
	/* The rest of an area, in whole pages; or one page that several share, or that may be a copy beside others that are not. */
	rest = (struct span){ addr, host_page_of(guest, vma->vm_end) };
	if (vma->vm_start <= addr && !span_is_empty(rest) && !copies_in(guest, rest))
		need.span = rest;
	need.rights = page_rights(guest, addr, NULL, NULL);
	if (page_is_direct(guest, addr))
		need.direct = vma;
	return need;
}

/* The rights as the host writes them: who may write may read; code may be data. */
static bool rights_agree(vm_flags_t need, vm_flags_t has)
{
	bool reads = need & VM_ACCESS_FLAGS;

	return (bool)(has & VM_READ) == reads && (bool)(has & VM_WRITE) == (bool)(need & VM_WRITE) &&
	       !((has & VM_EXEC) && !(need & VM_EXEC));
}

static const char *difference_of(
	const struct guest_mm *guest, const struct need *need, const struct maps_line *line)
{
	const struct vm_area_struct *vma = need->direct;
	uint64_t offset;

	if (!rights_agree(need->rights, line ? rights_of(line->vm_flags) : 0))
		return "has other rights";
	if (!vma || !line)
		return NULL;
	if ((vma->vm_flags ^ line->vm_flags) & VM_MAYSHARE)
		return vma->vm_flags & VM_MAYSHARE ? "is not shared" : "is shared";
	if (!vma->vm_file->ino)
		return NULL;
	if (vma->vm_file->ino != line->ino || vma->vm_file->dev != line->dev)
		return "is of another file";
	offset = bytes_of(guest, vma->vm_pgoff) + (need->span.start - vma->vm_start);
	return offset == line->offset + (host_address(guest, need->span.start) - line->start)
		       ? NULL
		       : "is of another offset";
}

/* A run against the lines that it meets; *text stays at the last of them. */
struct lines {
	const char *next;
	struct maps_line line;
	char name[256];
	int state; /* 1: line is one */
};

static void lines_reach(struct lines *lines, uintptr_t addr)
{
	while (lines->state > 0 && lines->line.end <= addr)
		lines->state = next_maps_line(&lines->next, &lines->line, lines->name, sizeof(lines->name));
}

static bool compare_run(
	struct guest_mm *guest, struct lines *lines, struct need need, char *text, size_t size)
{
	while (!span_is_empty(need.span)) {
		uintptr_t addr = host_address(guest, need.span.start),
			  end = host_address(guest, need.span.end);
		const struct maps_line *line;
		const char *what;

		lines_reach(lines, addr);
		line = lines->state > 0 && lines->line.start <= addr ? &lines->line : NULL;
		what = difference_of(guest, &need, line);
		if (what) {
			text_format(text, size,
				"the host page at guest address %lx (host %lx) %s: the guest needs %c%c%c",
				need.span.start, (unsigned long)addr, what, need.rights & VM_READ ? 'r' : '-',
				need.rights & VM_WRITE ? 'w' : '-', need.rights & VM_EXEC ? 'x' : '-');
			return false;
		}
		if (line)
			end = min(end, line->end);
		else if (lines->state > 0)
			end = min(end, lines->line.start);
		need.span.start = end - guest->setup.base;
	}
	return true;
}

static bool is_reserved_at(struct guest_mm *guest, unsigned long addr, unsigned long *end)
{
	struct vm_area_struct *vma = vma_lookup(&guest->mm, addr);

	if (!vma || !area_is_reserved(guest, vma))
		return false;
	*end = vma->vm_end;
	return true;
}

bool guest_mm_verify_host(struct guest_mm *guest, const char *maps, char *difference, size_t size)
{
	struct lines lines = { .next = maps };
	unsigned long addr = 0;

	lines.state = next_maps_line(&lines.next, &lines.line, lines.name, sizeof(lines.name));
	while (addr < guest->mm.task_size && lines.state >= 0) {
		struct need need;

		if (is_reserved_at(guest, addr, &addr))
			continue;
		need = need_at(guest, addr);
		if (!compare_run(guest, &lines, need, difference, size))
			return false;
		addr = need.span.end;
	}
	if (lines.state < 0)
		text_format(difference, size, "the text is no /proc/PID/maps: a line of it cannot be read");
	return lines.state >= 0;
}
