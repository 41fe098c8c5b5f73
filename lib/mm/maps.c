/* SPDX-License-Identifier: MIT */
/*
 * Areas as /proc/PID/maps shows them, flags as smaps does.
 */

#include "internal.h"
#include "bytes.h"
#include "text.h"

static const char *composed_name(const struct vm_area_struct *vma, const char *kind, char *buf, size_t size)
{
	text_format(buf, size, "[%s:%s]", kind, vma->anon_name->name);
	return size ? buf : "";
}

static bool is_heap(const struct vm_area_struct *vma)
{
	const struct mm_struct *mm = vma->vm_mm;
	unsigned long meets = mm->sys->kernel->heap_overlaps ? 0 : 1;

	return vma->vm_start < mm->brk + meets && vma->vm_end + meets > mm->start_brk;
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

int maps_line_format(const struct maps_line *l, char *buf, size_t size)
{
	char head[128];

	text_format(head, sizeof(head), "%08lx-%08lx %c%c%c%c %08lx %02lx:%02lx %lu", l->start, l->end,
		l->vm_flags & VM_READ ? 'r' : '-', l->vm_flags & VM_WRITE ? 'w' : '-',
		l->vm_flags & VM_EXEC ? 'x' : '-', l->vm_flags & VM_MAYSHARE ? 's' : 'p', l->offset,
		l->dev >> 32, l->dev & 0xffffffff, l->ino);
	return *l->name ? text_format(buf, size, "%-72s %s\n", head, l->name)
			: text_format(buf, size, "%s \n", head);
}

/* The digits at *@text, which goes behind them. */
static bool read_digits(const char **text, unsigned int base, unsigned long *n)
{
	const char *at = *text, *begin = at;
	unsigned int digit;

	for (*n = 0;; at++) {
		digit = *at >= '0' && *at <= '9'   ? (unsigned int)(*at - '0')
			: *at >= 'a' && *at <= 'f' ? (unsigned int)(*at - 'a') + 10
						   : base;
		if (digit >= base || *n > (~0UL - digit) / base)
			break;
		*n = *n * base + digit;
	}
	*text = at;
	return at > begin;
}

/* And behind @after, which follows them. */
static bool read_number(const char **text, unsigned int base, char after, unsigned long *n)
{
	return read_digits(text, base, n) && *(*text)++ == after;
}

/* "rw-p " */
static bool read_access(const char **text, vm_flags_t *flags)
{
	static const char set[] = "rwxs", clear[] = "---p";
	static const vm_flags_t bits[] = { VM_READ, VM_WRITE, VM_EXEC, VM_SHARED | VM_MAYSHARE };

	*flags = 0;
	for (int i = 0; i < 4; i++, (*text)++) {
		if (**text != set[i] && **text != clear[i])
			return false;
		*flags |= **text == set[i] ? bits[i] : 0;
	}
	return *(*text)++ == ' ';
}

const char *maps_line_read(const char *text, struct maps_line *line)
{
	unsigned long major, minor;

	if (!read_number(&text, 16, '-', &line->start) || !read_number(&text, 16, ' ', &line->end) ||
		!read_access(&text, &line->vm_flags) || !read_number(&text, 16, ' ', &line->offset) ||
		!read_number(&text, 16, ':', &major) || !read_number(&text, 16, ' ', &minor) ||
		!read_digits(&text, 10, &line->ino) || (*text && *text != ' ' && *text != '\n'))
		return NULL;
	line->dev = major << 32 | minor;
	line->name = text + strspn(text, " ");
	text = line->name + strcspn(line->name, "\n");
	return *text ? text + 1 : text;
}

int vma_format(const struct vm_area_struct *vma, char *buf, size_t size)
{
	const struct vm_file *file = vma->vm_file;
	bool real = file && file->kind != VM_FILE_SPECIAL;
	char name[128];
	struct maps_line line = { .start = vma->vm_start,
		.end = vma->vm_end,
		.vm_flags = vma->vm_flags,
		.offset = real ? vma->vm_pgoff << vma->vm_mm->sys->page_shift : 0,
		.dev = real ? file->dev : 0,
		.ino = real ? file->ino : 0,
		.name = vma_name(vma, name, sizeof(name)) };

	return maps_line_format(&line, buf, size);
}

/* The two letters of VmFlags and the bits they stand for. */
static const struct {
	char letters[3];
	vm_flags_t bit;
} flag_names[] = { { "rd", VM_READ }, { "wr", VM_WRITE }, { "ex", VM_EXEC }, { "sh", VM_SHARED },
	{ "mr", VM_MAYREAD }, { "mw", VM_MAYWRITE }, { "me", VM_MAYEXEC }, { "ms", VM_MAYSHARE },
	{ "gd", VM_GROWSDOWN }, { "pf", VM_PFNMAP }, { "gu", VM_MAYBE_GUARD }, { "lo", VM_LOCKED },
	{ "io", VM_IO }, { "sr", VM_SEQ_READ }, { "rr", VM_RAND_READ }, { "dc", VM_DONTCOPY },
	{ "de", VM_DONTEXPAND }, { "lf", VM_LOCKONFAULT }, { "ac", VM_ACCOUNT }, { "nr", VM_NORESERVE },
	{ "ht", VM_HUGETLB }, { "sf", VM_SYNC }, { "ar", VM_ARCH_1 }, { "wf", VM_WIPEONFORK },
	{ "dd", VM_DONTDUMP }, { "sd", VM_SOFTDIRTY }, { "mm", VM_MIXEDMAP }, { "hg", VM_HUGEPAGE },
	{ "nh", VM_NOHUGEPAGE }, { "mg", VM_MERGEABLE }, { "um", VM_UFFD_MISSING }, { "uw", VM_UFFD_WP },
	{ "ui", VM_UFFD_MINOR }, { "ss", VM_SHADOW_STACK }, { "dp", VM_DROPPABLE }, { "sl", VM_SEALED },
	{ "bt", VM_ARM64_BTI }, { "mt", VM_MTE } };

#define NR_FLAG_NAMES (sizeof(flag_names) / sizeof(flag_names[0]))

vm_flags_t vm_flags_parse(const char *text)
{
	vm_flags_t flags = 0;

	while (*(text += strspn(text, " "))) {
		for (size_t i = 0; i < NR_FLAG_NAMES; i++)
			if (strncmp(text, flag_names[i].letters, 2) == 0)
				flags |= flag_names[i].bit;
		text += strcspn(text, " ");
	}
	return flags;
}

const char *vm_flags_format(vm_flags_t flags, char *buf, size_t size)
{
	size_t n = 0;

	if (size)
		buf[0] = '\0';
	for (size_t i = 0; i < NR_FLAG_NAMES && n + 4 <= size; i++)
		if (flags & flag_names[i].bit)
			n += (size_t)text_format(
				buf + n, size - n, "%s%s", n ? " " : "", flag_names[i].letters);
	return buf;
}
