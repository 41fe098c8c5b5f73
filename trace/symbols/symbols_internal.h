/* SPDX-License-Identifier: MIT */
/*
 * Addresses as text.  What the files share.
 *
 *   symbols.c   the public interface: what is found is kept by file, text
 *   follow.c    a recording's modules by address space, and its stacks
 *   file.c      one file of code, by libdw
 *   separate.c  what libdw may open of its debug information
 *   no_file.c   the same without libdw: nothing is known
 *   demangle.c  C++ names as they stand in sources
 *   tasks.c     what tasks are called
 *   perf_map.c  code without a file: of the recording, or /tmp/perf-PID.map
 *
 * Nothing here trusts a file: what libdw refuses, or what is not the recorded file, is a note and an address without a name.
 */
#ifndef SYMBOLS_INTERNAL_H
#define SYMBOLS_INTERNAL_H

#include <stdio.h>

#include <vmaple/symbols.h>

struct symbol_file;

/*
 * What is known of a file; one for each path and build-id. Owned by symbols.modules, for good: lists of
 * code point to it without counting.
 */
struct known_module {
	char *path;
	uint32_t build_id_len;
	uint8_t build_id[TRACE_BUILD_ID_MAX];
	struct symbol_file *file; /* NULL: it cannot be read */
};

struct perf_map;

/*
 * Where code is, in an address space: ascending, and what is told last is true. [start, end) in bytes;
 * offset in the file of start. module NULL: no memory for it, so that nothing is known there.
 */
struct code_at {
	uint64_t start, end, offset, bias;
	bool has_bias;
	struct known_module *module;
};

/* at: nr of them, room for allocated. */
struct code_list {
	unsigned long users; /* address spaces: a child has its parent's until one of them changes it */
	size_t nr, allocated;
	struct code_at at[];
};

/* code NULL: nothing was told yet. */
struct space_code {
	uint32_t mm; /* first: the tree's nodes point here */
	struct code_list *code;
};

/*
 * plain_names, modules and the others of tsearch(3) are roots, NULL when empty. notes: NOTES_MAX,
 * nr_notes of them. lacked_memory stays set: some name may be missing for want of memory.
 */
struct symbols {
	void *modules;   /* of tsearch(3), by what a file is told by */
	char *recording; /* that perf_map.c has not read yet; NULL: none */
	struct perf_map *perf_maps;
	void *named_tasks; /* tasks.c: a tree of tsearch(3) */
	void *plain_names; /* demangle.c: another */
	char *(*demangle)(const char *name, char *buf, size_t *size, int *status);
	bool demangler_sought;
	void *spaces;               /* likewise, struct space_code by number */
	struct trace_stack *stacks; /* by number - 1 */
	uint32_t nr_stacks, stacks_allocated;
	char **notes;
	unsigned int nr_notes;
	bool lacked_memory;
};

/* symbols.c; a note that cannot be kept is lost. NULL: no memory. */
__attribute__((format(printf, 2, 3))) void symbols_add_note(struct symbols *s, const char *fmt, ...);
struct known_module *symbols_module(struct symbols *s, const struct trace_module *m);
bool symbols_look_up(
	struct symbols *s, const struct code_at *at, uint32_t pid, uint64_t addr, struct symbol *symbol);

/* Without memory no name is found: that is told from one that is not there. */
static inline void symbols_note_memory(struct symbols *s, bool allocated)
{
	s->lacked_memory |= !allocated;
}

/* follow.c */
void symbols_follow_free(struct symbols *s);

/* file.c: NULL: it cannot be read, or is another one; a note says so. */
struct symbol_file *symbol_file_open(struct symbols *s, const struct known_module *m);
void symbol_file_close(struct symbol_file *f);
/* The address of a byte of the file in its own terms. False: it is in no segment. */
bool symbol_file_vaddr(struct symbol_file *f, uint64_t offset, uint64_t *vaddr);
/* The function and the line there; false: no function is known. */
bool symbol_file_find(struct symbols *s, struct symbol_file *f, uint64_t vaddr, struct symbol *symbol);

/* demangle.c: @name itself where it is none of C++, or cannot be read. */
const char *plain_name(struct symbols *s, const char *name);
void plain_names_free(struct symbols *s);

/* tasks.c: -1: no memory */
int task_name_add(struct symbols *s, const struct trace_event *e);
void task_names_free(struct symbols *s);

/* perf_map.c */
bool perf_map_find(struct symbols *s, uint32_t pid, uint64_t addr, struct symbol *symbol);
void perf_maps_free(struct symbols *s);

#endif /* SYMBOLS_INTERNAL_H */
