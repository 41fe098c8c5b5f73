/* SPDX-License-Identifier: MIT */
/*
 * Files of code: build-id, load bias, and the rules of their .eh_frame.
 *
 * Files are found by what fstat(2) says of them, so that one that is mapped by a hundred processes is opened once, and one that
 * was written anew is another.  They are read, never mapped: a file that is cut short meanwhile is an error of read(2).
 *
 * 1. Owners.  Every struct code_file is in stacks.files and owned by it; refs counts the modules that
 *    point to it, of all address spaces. One without any stays open until there are more than
 *    FILES_MAX, for the next process is likely to map it again.
 * 2. Rules.  A hash table of each file by address, half full at most. At RULES_MAX it is emptied and
 *    begins anew: a file has that many addresses of calls only if somebody makes them up.
 * 3. Hostile files.  libelf and libdw get whatever the program has mapped. Nothing of it is trusted
 *    further than an unwind rule, and a wrong one ends in memory that cannot be read or a frame that is
 *    not above the last one.
 */
#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regular_file.h"
#include "stacks.h"

#define FILES_MAX 256
#define RULES_MAX 65536
#define IMAGE_MAX (1u << 20)

const uint8_t kept_registers[KEPT_REGISTERS] = { DWARF_RBX, DWARF_RBP, DWARF_R12, 13, 14, 15, DWARF_RIP };

/* --- rules -------------------------------------------------------------------------------------------------- */

/*
 * The frame begins at a register and an offset. libdw gives "register + offset" as one DW_OP_bregx with
 * two numbers (dwarf_frame_cfa(3)). False: an expression.
 */
static bool plain_cfa(Dwarf_Frame *frame, struct unwind_rule *r)
{
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_frame_cfa(frame, &ops, &n) || n != 1 || ops[0].atom != DW_OP_bregx ||
		ops[0].number >= DWARF_REGISTERS)
		return false;
	r->cfa_register = (uint8_t)ops[0].number;
	r->cfa_offset = (int32_t)ops[0].number2;
	return true;
}

/*
 * The register is kept at an offset from the frame's beginning, or not touched, or lost. libdw says it
 * by two results: no operation and no array is "same value", none and an array "undefined"; one or two
 * beginning with the frame's address are "kept there". A return address of which nothing is said is no
 * plain rule: value_of_register() takes it for the outermost frame's.
 */
static bool plain_register(Dwarf_Frame *frame, struct unwind_rule *r, int i)
{
	Dwarf_Op memory[3], *ops;
	size_t n;

	if (dwarf_frame_register(frame, kept_registers[i], memory, &ops, &n))
		return false;
	if (!n) {
		r->how[i] = ops ? KEPT_UNDEFINED : KEPT_SAME;
		return kept_registers[i] != DWARF_RIP || ops;
	}
	if (ops[0].atom != DW_OP_call_frame_cfa || n > 2 || (n == 2 && ops[1].atom != DW_OP_plus_uconst))
		return false;
	r->how[i] = KEPT_AT;
	r->at[i] = n == 2 ? (int32_t)ops[1].number : 0;
	return true;
}

/*
 * r->known false: nothing is said about the address. The frame is of libdw's malloc(3): freed here
 * where the rule is plain, kept with the rule where it is not. Signal frames are kept as well, whatever
 * they look like, because their registers are all in memory, rsp too.
 */
static void ask_rule(struct code_file *f, struct unwind_rule *r)
{
	Dwarf_Frame *frame;
	bool plain;

	if (!f->cfi || dwarf_cfi_addrframe(f->cfi, r->vaddr, &frame))
		return;
	r->known = true;
	plain = dwarf_frame_info(frame, NULL, NULL, &r->signal) >= 0 && !r->signal && plain_cfa(frame, r);
	for (int i = 0; plain && i < KEPT_REGISTERS; i++)
		plain = plain_register(frame, r, i);
	if (plain)
		free(frame);
	else
		r->frame = frame;
}

/* What code_file_rule() has given is dead from here on. */
static void free_rules(struct code_file *f)
{
	for (size_t i = 0; i < f->rules_size; i++)
		free(f->rules[i].frame);
	free(f->rules);
	f->rules = NULL;
	f->rules_size = f->nr_rules = 0;
}

/* That of @vaddr, or a free one: the table has one, for it is at most half full. @size: a power of two. */
static struct unwind_rule *slot(struct unwind_rule *rules, size_t size, uint64_t vaddr)
{
	size_t i = (size_t)(vaddr * 0x9e3779b97f4a7c15ull >> 32) & (size - 1);

	while (rules[i].used && rules[i].vaddr != vaddr)
		i = (i + 1) & (size - 1);
	return &rules[i];
}

/* Room for one rule more. False: no memory, and the table is as it was, or empty. */
static bool grow_rules(struct code_file *f)
{
	size_t size = f->rules_size ? 2 * f->rules_size : 64;
	struct unwind_rule *grown;

	if (f->nr_rules * 2 < f->rules_size)
		return true;
	if (f->nr_rules >= RULES_MAX) {
		free_rules(f);
		size = 64;
	}
	grown = calloc(size, sizeof(*grown));
	if (!grown)
		return false;
	for (size_t i = 0; i < f->rules_size; i++)
		if (f->rules[i].used)
			*slot(grown, size, f->rules[i].vaddr) = f->rules[i];
	free(f->rules);
	f->rules = grown;
	f->rules_size = size;
	return true;
}

/* Valid until the next one of the file is asked for: the table may move then. */
const struct unwind_rule *code_file_rule(struct code_file *f, uint64_t vaddr)
{
	struct unwind_rule *r;

	if (!grow_rules(f))
		return NULL;
	r = slot(f->rules, f->rules_size, vaddr);
	if (r->used)
		return r;
	r->used = true;
	r->vaddr = vaddr;
	f->nr_rules++;
	ask_rule(f, r);
	return r;
}

/* --- files -------------------------------------------------------------------------------------------------- */

/*
 * By the segment of code that has the offset: linkers give each segment its own difference of address
 * and offset, so that the bias of another one would be wrong.
 */
bool code_file_bias(const struct code_file *f, uint64_t start, uint64_t offset, uint64_t *bias)
{
	size_t n;
	GElf_Phdr p;

	if (!f->elf || elf_getphdrnum(f->elf, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(f->elf, (int)i, &p) || p.p_type != PT_LOAD || !(p.p_flags & PF_X))
			continue;
		/* The segment's first and last pages are mapped whole. */
		if (offset < (p.p_offset & ~4095ull) || offset >= p.p_offset + p.p_filesz)
			continue;
		*bias = start - (offset - p.p_offset + p.p_vaddr);
		return true;
	}
	return false;
}

/* In this order: what libdw and libelf have made of the file before the file. */
static void free_file(struct code_file *f)
{
	free_rules(f);
	if (f->cfi)
		dwarf_cfi_end(f->cfi);
	elf_end(f->elf);
	if (f->fd >= 0)
		kernel->close(f->fd);
	free(f->image);
	free(f);
}

/* elf NULL afterwards: it is none. A file without .eh_frame has cfi NULL, and is passed by frame pointers. */
static void read_elf(struct code_file *f)
{
	const void *id;
	ssize_t len;

	if (f->elf && elf_kind(f->elf) != ELF_K_ELF) {
		elf_end(f->elf);
		f->elf = NULL;
	}
	if (!f->elf)
		return;
	len = dwelf_elf_gnu_build_id(f->elf, &id);
	if (len > 0 && len <= TRACE_BUILD_ID_MAX) {
		memcpy(f->build_id, id, (size_t)len);
		f->build_id_len = (uint32_t)len;
	}
	f->cfi = dwarf_getcfi_elf(f->elf);
}

/* Those that no address space has any more make room. */
static void drop_unused(struct stacks *s)
{
	struct code_file **at = &s->files;

	while (*at) {
		struct code_file *f = *at;

		if (f->refs) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		free_file(f);
		s->nr_files--;
	}
}

/* Takes @fd over with success alone; -1: it has none. */
static struct code_file *add_file(struct stacks *s, int fd, const struct stat *st)
{
	struct code_file *f;

	if (s->nr_files >= FILES_MAX)
		drop_unused(s);
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->fd = fd;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->size = st->st_size;
	f->changed = st->st_ctim;
	f->next = s->files;
	s->files = f;
	s->nr_files++;
	return f;
}

/* O(files). Change time as well as size: a file that was written in place is another one. */
static struct code_file *find_file(struct stacks *s, const struct stat *st)
{
	for (struct code_file *f = s->files; f; f = f->next)
		if (f->ino == st->st_ino && f->dev == st->st_dev && f->size == st->st_size &&
			f->changed.tv_sec == st->st_ctim.tv_sec && f->changed.tv_nsec == st->st_ctim.tv_nsec)
			return f;
	return NULL;
}

/*
 * The file itself, whatever its path names now; where that is not permitted, by its path as the task
 * sees it. map_files is followed with CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN alone. -1: none of the
 * three ways leads to a regular file of the area's inode.
 */
static int open_mapped(pid_t tid, const struct trace_area *area, struct stat *st)
{
	char path[AREA_NAME_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", (int)tid,
		(unsigned long long)area->start, (unsigned long long)area->end);
	fd = open_regular(kernel->open, path, 0, st);
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/root%s", (int)tid, area->name);
		fd = open_regular(kernel->open, path, 0, st);
	}
	/* Where the task has gone meanwhile. */
	if (fd < 0)
		fd = open_regular(kernel->open, area->name, 0, st);
	if (fd < 0)
		return -1;
	if (st->st_ino == area->ino)
		return fd;
	kernel->close(fd);
	return -1;
}

/*
 * The kernel's own library: there is one, the same for all, which is no file. Found by its size, with
 * numbers of 0 for all else, which no file has. Its bytes are copied from the first task that is met,
 * and kept, for libelf reads in them.
 */
static struct code_file *vdso_get(struct stacks *s, struct task *t, const struct trace_area *area)
{
	struct stat st = { .st_size = (off_t)(area->end - area->start) };
	struct code_file *f = find_file(s, &st);
	size_t size = (size_t)st.st_size;

	if (f || size > IMAGE_MAX)
		return f;
	f = add_file(s, -1, &st);
	if (!f)
		return NULL;
	f->image = malloc(size);
	if (f->image && read_memory(t->tid, area->start, f->image, size))
		f->elf = elf_memory(f->image, size);
	read_elf(f);
	return f;
}

/*
 * With a reference that code_file_put() takes back. An ELF file that cannot be read as one has elf NULL
 * and is given all the same: it is known then, and not opened again.
 */
struct code_file *code_file_get(struct live *l, struct task *t, const struct trace_area *area)
{
	struct stacks *s = l->stacks;
	struct code_file *f;
	struct stat st;
	int fd;

	if (strcmp(area->name, "[vdso]") == 0) {
		f = vdso_get(s, t, area);
	} else {
		fd = *area->name == '/' ? open_mapped(t->tid, area, &st) : -1;
		if (fd < 0)
			return NULL;
		f = find_file(s, &st);
		if (f) {
			kernel->close(fd);
		} else {
			f = add_file(s, fd, &st);
			if (!f) {
				kernel->close(fd);
				return NULL;
			}
			f->elf = elf_begin(fd, ELF_C_READ, NULL);
			read_elf(f);
		}
	}
	if (f)
		f->refs++;
	return f;
}

/* @f may be NULL. */
void code_file_put(struct stacks *s, struct code_file *f)
{
	if (f && !--f->refs && s->nr_files > FILES_MAX)
		drop_unused(s);
}

void code_files_free(struct stacks *s)
{
	while (s->files) {
		struct code_file *f = s->files;

		s->files = f->next;
		free_file(f);
	}
}
