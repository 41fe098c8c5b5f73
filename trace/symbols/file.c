/* SPDX-License-Identifier: MIT */
/*
 * One file of code, by libdw.
 *
 * The file at the recorded path is read where its build-id is the recorded one.  Where it is not, or there is no file, one with
 * that build-id is looked for in /usr/lib/debug/.build-id and by debuginfod, if that is configured.
 *
 * libdw's handles (Dwfl) are one for each file, not one for each address space: a file is asked by its
 * own addresses, so that all processes that have mapped it share what was read.
 *
 * Failure. libdw says by dwfl_errno() what went wrong, and only in words that it was memory; the DWARF
 * reader ends the process where it has none, unless it is given another way out (leave_libdw()). What
 * is missing is a note, never an error.
 */
#include "regular_file.h"
#include "separate.h"
#include "symbols_internal.h"

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <gelf.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Owned by its known_module. no_lines: some structure of libdw's may be half made; functions, which
 * come from the ELF symbol table, are still found.
 */
struct symbol_file {
	Dwfl *dwfl;
	Dwfl_Module *module;
	Elf *elf;
	GElf_Addr bias; /* libdw's addresses less the file's own */
	bool no_lines;  /* libdw has been left in the middle of them */
};

/* Where a file is looked for by its build-id: a place of libdw's own, that no other file's needs. */
#define PLACE     0x10000u
#define PLACE_END (1ull << 46)

static char *debuginfo_path; /* NULL: libdw's default */

static const Dwfl_Callbacks callbacks = { .find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = symbols_find_debuginfo,
	.section_address = dwfl_offline_section_address,
	.debuginfo_path = &debuginfo_path };

const char *symbols_missing(void)
{
	return NULL;
}

static void hex(const uint8_t *id, uint32_t len, char text[2 * TRACE_BUILD_ID_MAX + 1])
{
	text[0] = '\0';
	for (uint32_t i = 0; i < len; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", id[i]);
}

/* They say why in words only. */
static void note_error(struct symbols *s, const char *why)
{
	s->lacked_memory |= why && strstr(why, "memory");
}

/* What went wrong last in libdw; NULL: nothing. */
static const char *last_error(struct symbols *s)
{
	int error = dwfl_errno();
	const char *why = error ? dwfl_errmsg(error) : NULL;

	note_error(s, why);
	return why;
}

/*
 * Is it the file that was recorded? Where the recording has no build-id it is believed; where it has
 * one, a file without is another. dwelf_elf_gnu_build_id() wants the note NT_GNU_BUILD_ID; what was
 * made with --build-id=none has none.
 */
static bool is_recorded(struct symbols *s, const struct known_module *m, int fd)
{
	char recorded[2 * TRACE_BUILD_ID_MAX + 1], here[2 * TRACE_BUILD_ID_MAX + 1] = "none";
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	const void *id = NULL;
	bool is_elf = elf && elf_kind(elf) == ELF_K_ELF;
	ssize_t len = is_elf ? dwelf_elf_gnu_build_id(elf, &id) : -1;
	bool same;

	if (!elf)
		note_error(s, elf_errmsg(-1));
	/* Without memory for headers and notes libdw passes over them, and says nothing. Asked again it may find them. */
	if (is_elf && len <= 0 && m->build_id_len && dwelf_elf_gnu_build_id(elf, &id) > 0)
		s->lacked_memory = true;
	same = !m->build_id_len ||
	       (id && len == (ssize_t)m->build_id_len && memcmp(id, m->build_id, (size_t)len) == 0);

	if (!same) {
		hex(m->build_id, m->build_id_len, recorded);
		if (len > 0 && len <= TRACE_BUILD_ID_MAX)
			hex(id, (uint32_t)len, here);
		symbols_add_note(s,
			"%s is not the file that was recorded: its build-id is %s, recorded was %s", m->path,
			here, recorded);
	}
	elf_end(elf);
	return same;
}

/*
 * -1: there is none that was recorded. open_regular(): no pipe, device or folder, which could have the
 * reader wait for ever.
 */
static int open_recorded(struct symbols *s, const struct known_module *m)
{
	struct stat st;
	int fd = open_regular(open_path, m->path, 0, &st);

	if (fd < 0) {
		symbols_add_note(s, "%s cannot be opened: %s", m->path,
			errno ? strerror(errno) : "It is no regular file");
		return -1;
	}
	if (is_recorded(s, m, fd))
		return fd;
	close(fd);
	return -1;
}

/*
 * The one module of @dwfl. dwfl_report_offline() takes @fd over when it succeeds. Without the recorded
 * file a module is made out of its build-id alone, from which find_elf (dwfl_build_id_find_elf()) looks
 * for the file. NULL: neither.
 */
static Dwfl_Module *report(struct symbols *s, const struct known_module *m, Dwfl *dwfl)
{
	int fd = open_recorded(s, m);
	Dwfl_Module *module;

	dwfl_report_begin(dwfl);
	if (fd >= 0) {
		module = dwfl_report_offline(dwfl, m->path, m->path, fd);
		if (!module) {
			const char *why = last_error(s);

			symbols_add_note(s, "%s cannot be read: %s", m->path, why ? why : "nobody says why");
			close(fd);
		}
	} else {
		module = m->build_id_len ? dwfl_report_module(dwfl, m->path, PLACE, PLACE_END) : NULL;
		if (module && dwfl_module_report_build_id(module, m->build_id, m->build_id_len, 0))
			module = NULL;
	}
	dwfl_report_end(dwfl, NULL, NULL);
	return module;
}

/* dwfl_errno() is asked once before, which takes away what another file's error has left there. */
struct symbol_file *symbol_file_open(struct symbols *s, const struct known_module *m)
{
	struct symbol_file *f = calloc(1, sizeof(*f));

	symbols_note_memory(s, f);
	if (!f)
		return NULL;
	elf_version(EV_CURRENT);
	(void)dwfl_errno();
	f->dwfl = dwfl_begin(&callbacks);
	f->module = f->dwfl ? report(s, m, f->dwfl) : NULL;
	f->elf = f->module ? dwfl_module_getelf(f->module, &f->bias) : NULL;
	if (!f->elf) {
		(void)last_error(s);
		symbol_file_close(f);
		return NULL;
	}
	return f;
}

/* NULL is permitted. The file that libdw has opened is closed with it. */
void symbol_file_close(struct symbol_file *f)
{
	if (!f)
		return;
	if (f->dwfl)
		dwfl_end(f->dwfl);
	free(f);
}

/* By the segment whose bytes in the file these are: what is only in memory (.bss) has no offset. */
bool symbol_file_vaddr(struct symbol_file *f, uint64_t offset, uint64_t *vaddr)
{
	size_t n;
	GElf_Phdr p;

	if (elf_getphdrnum(f->elf, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(f->elf, (int)i, &p) || p.p_type != PT_LOAD || offset < p.p_offset ||
			offset - p.p_offset >= p.p_filesz)
			continue;
		*vaddr = offset - p.p_offset + p.p_vaddr;
		return true;
	}
	return false;
}

/* Where libdw's own way out without memory, which ends the process, leads to instead. */
static _Thread_local jmp_buf without_memory;

__attribute__((noreturn)) static void leave_libdw(void)
{
	longjmp(without_memory, 1);
}

/*
 * NULL: not known, or no memory. setjmp(3) behind the handler's installation; it is called again for
 * each line, since the buffer is of this call's frame. What libdw holds then is lost to it, and given
 * back with the module.
 */
static Dwfl_Line *line_of(struct symbol_file *f, GElf_Addr addr)
{
	Dwarf_Addr bias;
	Dwarf *dwarf = dwfl_module_getdwarf(f->module, &bias);

	if (!dwarf || f->no_lines)
		return NULL;
	dwarf_new_oom_handler(dwarf, leave_libdw);
	if (setjmp(without_memory)) {
		f->no_lines = true;
		return NULL;
	}
	return dwfl_module_getsrc(f->module, addr);
}

/* Valid as long as @f: names and paths are libdw's. A line without a function is given, and false. */
bool symbol_file_find(struct symbols *s, struct symbol_file *f, uint64_t vaddr, struct symbol *symbol)
{
	GElf_Addr addr = vaddr + f->bias;
	GElf_Off offset = 0;
	GElf_Sym sym;
	const char *name;
	Dwfl_Line *line;

	(void)dwfl_errno();
	name = dwfl_module_addrinfo(f->module, addr, &offset, &sym, NULL, NULL, NULL);
	if (!name)
		(void)last_error(s);
	line = line_of(f, addr);
	if (line)
		symbol->file = dwfl_lineinfo(line, NULL, &symbol->line, NULL, NULL, NULL);
	if (!name)
		return false;
	symbol->function = name;
	symbol->offset = offset;
	return true;
}
