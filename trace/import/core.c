/* SPDX-License-Identifier: MIT */
/*
 * ELF cores of x86-64 Linux: the address space as it was when the program died, one area for each PT_LOAD.
 *
 * Files and offsets are those of the note NT_FILE, which also has areas without a segment: gdb leaves out what it could read
 * from the file.  Whether an area was shared is not in a core, but for memory that cannot be otherwise.  Nothing that the
 * file says is believed before it was compared with the file's size.
 *
 * 1. Order.  The header, all segments, then the notes: PT_LOADs become areas in the order of their
 *    addresses, as the kernel writes them (elf_core_dump()), and the note names them. Areas of the note
 *    alone come behind, and are sorted in.
 * 2. What is not there: sizes of the heap and where the stack begins (snapshots derive that of names,
 *    which a core has of files alone), limits, device numbers. Inode numbers are made up by name, so
 *    that areas of one file can be told from those of another.
 * 3. Sizes.  Every count is held against the size of the file before anything is allocated for it.
 *
 *     | Ehdr | PT_NOTE PT_LOAD PT_LOAD ... | notes: NT_PRSTATUS, NT_AUXV, NT_FILE ... | memory |
 *
 *     NT_FILE   count, page size | start end offset | start end offset | ... | name NUL name NUL ...
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmaple/mm.h>

#include "internal.h"

/* Registers of each thread, and NT_FILE, which core_file_note_size_limit bounds (4 MiB by default). */
#define MAX_NOTES ((uint64_t)64 << 20)
/* segments: how many of the areas are of PT_LOADs. Names point into notes. */
struct core {
	struct trace_import *im;
	const char *path;
	int fd;
	uint64_t size;
	Elf64_Ehdr header;
	char *notes; /* ends with a NUL of our own */
	size_t notes_len;
	struct trace_area *areas;
	uint32_t count, segments; /* those of segments come first until they are sorted */
};

/* All of it or nothing; the sum of both is never made, so that it cannot overflow. */
static bool read_at(const struct core *c, void *to, uint64_t len, uint64_t offset)
{
	return offset <= c->size && len <= c->size - offset &&
	       pread(c->fd, to, len, (off_t)offset) == (ssize_t)len;
}

/* The sentence, and -EBADMSG for the caller to return. */
static int damaged(struct core *c, const char *what)
{
	return import_failed(c->im, -EBADMSG, "%s is no core that can be read: %s", c->path, what);
}

/*
 * 0 as well for what is none: [vsyscall] (the gate's segment, above all that a program has) and those
 * of no length. -EBADMSG where they overlap or are out of order.
 */
static int add_load(struct core *c, const Elf64_Phdr *p)
{
	struct trace_area *a = &c->areas[c->count];

	if (p->p_vaddr >= IMPORT_TASK_SIZE || !p->p_memsz)
		return 0;
	if ((p->p_vaddr | p->p_memsz) & IMPORT_IN_PAGE || p->p_memsz > IMPORT_TASK_SIZE - p->p_vaddr ||
		(c->count && p->p_vaddr < a[-1].end))
		return damaged(c, "its segments overlap or are not of whole pages");
	*a = (struct trace_area){ .start = p->p_vaddr, .end = p->p_vaddr + p->p_memsz, .name = "" };
	a->prot = (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
		  (p->p_flags & PF_X ? PROT_EXEC : 0);
	a->vm_flags = vm_flags_of_letters(a->prot, false);
	c->count++;
	return 0;
}

/* The first PT_NOTE alone; a core has one. */
static int read_notes(struct core *c, const Elf64_Phdr *p)
{
	if (c->notes || p->p_filesz > MAX_NOTES)
		return 0;
	c->notes = malloc(p->p_filesz + 1);
	if (!c->notes)
		return import_failed(c->im, -ENOMEM, "out of memory");
	if (!read_at(c, c->notes, p->p_filesz, p->p_offset))
		return damaged(c, "its notes lie behind its end");
	c->notes[p->p_filesz] = '\0';
	c->notes_len = p->p_filesz;
	return 0;
}

/*
 * More than 65,534 segments: their number is in the first section. e_phnum is PN_XNUM then, and the
 * number is in sh_info of the first section's header. 0 where there is none.
 */
static uint32_t nr_segments(const struct core *c)
{
	Elf64_Shdr first;

	if (c->header.e_phnum != PN_XNUM)
		return c->header.e_phnum;
	return read_at(c, &first, sizeof(first), c->header.e_shoff) ? first.sh_info : 0;
}

/* 0 or an error that was said. */
static int read_segments(struct core *c)
{
	uint32_t n = nr_segments(c);
	int err = 0;

	if (c->header.e_phentsize != sizeof(Elf64_Phdr) || n > c->size / sizeof(Elf64_Phdr))
		return damaged(c, "its segments lie behind its end");
	c->areas = calloc((size_t)n + 1, sizeof(*c->areas));
	if (!c->areas)
		return import_failed(c->im, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n && !err; i++) {
		Elf64_Phdr p;

		if (!read_at(c, &p, sizeof(p), c->header.e_phoff + (uint64_t)i * sizeof(p)))
			return damaged(c, "its segments lie behind its end");
		if (p.p_type == PT_LOAD)
			err = add_load(c, &p);
		else if (p.p_type == PT_NOTE)
			err = read_notes(c, &p);
	}
	c->segments = c->count;
	return err;
}

/* The first segment that ends above addr; none: their number. */
static uint32_t segment_above(const struct core *c, uint64_t addr)
{
	uint32_t lo = 0, hi = c->segments;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->areas[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* NULL: of no segment. */
static struct trace_area *area_at(struct core *c, uint64_t addr)
{
	uint32_t i = segment_above(c, addr);

	return i < c->segments && c->areas[i].start <= addr ? &c->areas[i] : NULL;
}

/*
 * One of the note alone; NULL: it cannot be. Room was made by more_areas(). Read-only, as code is that
 * gdb leaves out of `generate-core-file`.
 */
static struct trace_area *add_without_segment(struct core *c, uint64_t start, uint64_t end)
{
	struct trace_area *a = &c->areas[c->count];
	uint32_t next = segment_above(c, start);

	if ((start | end) & IMPORT_IN_PAGE || start >= end || end > IMPORT_TASK_SIZE ||
		(next < c->segments && c->areas[next].start < end))
		return NULL;
	*a = (struct trace_area){ .start = start, .end = end, .prot = PROT_READ };
	a->vm_flags = vm_flags_of_letters(a->prot, false);
	c->count++;
	return a;
}

/*
 * The number tells files apart; a core does not have theirs. A System V segment and shared anonymous
 * memory are nothing but shared; of files it is not told.
 */
static void set_file(struct trace_area *a, const char *name, uint64_t offset, uint64_t number)
{
	a->name = name;
	a->offset = offset;
	a->ino = number;
	if (strcmp(name, "/dev/zero (deleted)") == 0 || strncmp(name, "/SYSV", 5) == 0) {
		a->shared = true;
		a->vm_flags = vm_flags_of_letters(a->prot, true);
	}
}

static int by_start(const void *a, const void *b)
{
	const struct trace_area *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* In order, and without those of the note that lie over others. */
static void sort_areas(struct core *c)
{
	uint32_t kept = 0;

	if (c->count > c->segments)
		qsort(c->areas, c->count, sizeof(*c->areas), by_start);
	for (uint32_t i = 0; i < c->count; i++)
		if (!kept || c->areas[i].start >= c->areas[kept - 1].end)
			c->areas[kept++] = c->areas[i];
	for (uint32_t i = c->segments; i < kept; i++)
		import_doubt(c->im, DOUBT_NO_SEGMENT);
	c->count = kept;
}

/* For @more, and one. False: no memory, and the areas are as they were. Pointers to them are dead. */
static bool more_areas(struct core *c, uint64_t more)
{
	struct trace_area *areas = realloc(c->areas, (c->count + more + 1) * sizeof(*areas));

	c->areas = areas ? areas : c->areas;
	return areas;
}

/*
 * NT_FILE: count, page size, count times start, end, offset in pages; then as many names. Offsets count
 * in words[1] bytes, the page size of the machine. A name goes to the area that begins where its entry
 * does: with a dump filter (coredump_filter) some have no segment.
 */
static int name_areas(struct core *c, const char *note, size_t len)
{
	const char *end = note + len, *name;
	uint64_t words[3];

	if (len < 16)
		return damaged(c, "its note of mapped files is too short");
	memcpy(words, note, 16);
	/* Divided rather than multiplied: words[0] is any number. */
	if (words[0] > (len - 16) / 24)
		return damaged(c, "its note of mapped files is too short");
	if (!more_areas(c, words[0]))
		return import_failed(c->im, -ENOMEM, "out of memory");
	name = note + 16 + words[0] * 24;
	for (uint64_t i = 0, n = words[0], page = words[1]; i < n; i++) {
		struct trace_area *a;

		if (name >= end || !memchr(name, '\0', (size_t)(end - name)))
			return damaged(c, "its note of mapped files is too short");
		memcpy(words, note + 16 + i * 24, 24);
		a = area_at(c, words[0]);
		if (!a)
			a = add_without_segment(c, words[0], words[1]);
		/*
		 * The kernel writes an entry for each area, at its start: one within a segment names nothing.
		 */
		if (a && a->start == words[0])
			set_file(a, name, words[2] * page & ~IMPORT_IN_PAGE, i + 1);
		name += strlen(name) + 1;
	}
	return 0;
}

/*
 * The same name is the same file: its number is that of its first area. Neighbours alone are compared:
 * a file's areas lie side by side.
 */
static void number_files(struct core *c)
{
	for (uint32_t i = 1; i < c->count; i++)
		if (c->areas[i].ino && strcmp(c->areas[i].name, c->areas[i - 1].name) == 0)
			c->areas[i].ino = c->areas[i - 1].ino;
}

/* data lies in core.notes. */
struct note {
	uint32_t type;
	const char *data;
	size_t len;
};

/*
 * The note at *@at, which goes behind it. Name and contents are rounded up to 4 bytes each, as Linux
 * has them in 64-bit cores, too. False: none follows, or it ends beyond the notes.
 */
static bool next_note(const struct core *c, size_t *at, struct note *note)
{
	size_t name, data;
	Elf64_Nhdr h;

	if (!c->notes || c->notes_len - *at < sizeof(h))
		return false;
	memcpy(&h, c->notes + *at, sizeof(h));
	*at += sizeof(h);
	name = ((size_t)h.n_namesz + 3) & ~(size_t)3;
	data = ((size_t)h.n_descsz + 3) & ~(size_t)3;
	if (name > c->notes_len - *at || data > c->notes_len - *at - name)
		return false;
	*note = (struct note){ h.n_type, c->notes + *at + name, h.n_descsz };
	*at += name + data;
	return true;
}

/* Areas are sorted also where the note was damaged, since they are emitted in no case then. */
static int walk_notes(struct core *c)
{
	struct note note;
	size_t at = 0;
	int err = 0;

	while (!err && next_note(c, &at, &note))
		/* Once: a second note would find areas that are in no order. */
		if (note.type == NT_FILE && c->count == c->segments)
			err = name_areas(c, note.data, note.len);
	sort_areas(c);
	number_files(c);
	return err;
}

/* One SPACE, one MAP, of process 1: a core's own number is of no use to anybody. */
static int emit_core(struct core *c)
{
	struct trace_event e = { .type = TRACE_EVENT_SPACE,
		.space = {
			.attached = true, .topdown = true, .task_size = IMPORT_TASK_SIZE, .path = c->path } };
	int err;

	for (int i = 0; i <= TRACE_LIMIT_MEMLOCK; i++)
		e.space.limits[i] = UINT64_MAX;
	err = import_emit(c->im, &e, 1, 1, 1);
	e = (struct trace_event){ .type = TRACE_EVENT_MAP,
		.map = { .reason = TRACE_MAP_BEGIN,
			.hi = UINT64_MAX,
			.has_vm_flags = true,
			.has_names = true,
			.count = c->count,
			.areas = c->areas } };
	import_doubt(c->im, DOUBT_SHARING);
	return err ? err : import_emit(c->im, &e, 1, 1, 1);
}

/*
 * EI_CLASS and EI_DATA are asked before anything else is believed; e_machine is not, as arm64's cores
 * have the same form.
 */
static int read_header(struct core *c)
{
	const Elf64_Ehdr *h = &c->header;
	struct stat st;

	if (fstat(c->fd, &st))
		return damaged(c, strerror(errno));
	c->size = (uint64_t)st.st_size;
	if (!read_at(c, &c->header, sizeof(c->header), 0) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return damaged(c, "it is no ELF file");
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_type != ET_CORE)
		return damaged(c, "it is not the core of a little-endian 64-bit program");
	return 0;
}

/* What was opened or allocated is given back by close_core() in any case. */
static int open_core(struct core *c)
{
	int err;

	c->fd = open(c->path, O_RDONLY | O_CLOEXEC);
	if (c->fd < 0)
		return import_failed(c->im, -errno, "cannot read %s: %s", c->path, strerror(errno));
	err = read_header(c);
	return err ? err : read_segments(c);
}

/* Of what was opened in part, too: fd -1, or pointers that are NULL. */
static void close_core(struct core *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->notes);
	free(c->areas);
}

/* NT_AUXV: pairs of words, what and its value.  What is wrong with the file is said when it is imported. */
uint32_t core_page_size(const char *path)
{
	struct trace_import scratch = { .paths = &path };
	struct core c = { .im = &scratch, .path = path };
	uint64_t size = 0;
	struct note note;
	size_t at = 0;

	if (!open_core(&c))
		while (next_note(&c, &at, &note))
			for (uint64_t pair[2]; note.type == NT_AUXV && note.len >= sizeof(pair);
				note.data += sizeof(pair), note.len -= sizeof(pair)) {
				memcpy(pair, note.data, sizeof(pair));
				size = pair[0] == AT_PAGESZ ? pair[1] : size;
			}
	close_core(&c);
	return valid_page_size(size);
}

int import_core(struct trace_import *im)
{
	struct core c = { .im = im, .path = im->paths[0] };
	int err = open_core(&c);

	if (!err)
		err = walk_notes(&c);
	if (!err)
		err = emit_core(&c);
	close_core(&c);
	return err;
}
