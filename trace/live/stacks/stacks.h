/* SPDX-License-Identifier: MIT */
/*
 * Call stacks at the stops.  What the files share.
 *
 *   stacks.c   the stack of a call gets its number; equal ones are told once
 *   modules.c  which code is mapped where, in each address space
 *   code.c     files of code: build-id, load bias, and the rules of their .eh_frame, read by libdw once for each address
 *   unwind.c   from one frame to its caller
 *   jit.c      what code without a file is called
 *   values.c   the few rules that are DWARF expressions
 *
 * 1. A stack is walked at the stop of its call, in the registers and a copy of the stack's memory.  To ask libdw at each
 *    frame would take a hundred microseconds a call; its answer for an address in a file never changes, so that it is asked
 *    once, and the answer is kept as a small rule: where the caller's frame begins, and where the registers are that it kept.
 * 2. Code without .eh_frame is passed by frame pointers.
 * 3. Failure.  What cannot be read or walked ends the stack as lost; without memory a call has no stack.  Nothing here stops
 *    the recording.
 */
#ifndef LIVE_STACKS_STACKS_H
#define LIVE_STACKS_STACKS_H

#include <elfutils/libdw.h>
#include <sys/stat.h>

#include "internal.h"
#include "machine.h"

/*
 * Numbers of registers by x86-64's psABI, as .eh_frame has them; registers_for_dwarf() puts them in
 * that order.
 */
enum { DWARF_RBX = 3, DWARF_RBP = 6, DWARF_RSP = 7, DWARF_R12 = 12, DWARF_RIP = 16 };

/* What a frame does to a register of its caller's. */
enum kept_how { KEPT_SAME, KEPT_UNDEFINED, KEPT_AT };

#define KEPT_REGISTERS 7
/* Those that a function keeps for its caller, and where it returns to. */
extern const uint8_t kept_registers[KEPT_REGISTERS];

/*
 * How to leave a frame at one address of a file. how and at are by kept_registers. at counts with
 * KEPT_AT alone. With @frame only that, known and signal count.
 */
struct unwind_rule {
	uint64_t vaddr;
	bool used;   /* this slot of the table is */
	bool known;  /* .eh_frame says something about it */
	bool signal; /* the caller was interrupted there */
	uint8_t cfa_register;
	int32_t cfa_offset; /* the frame begins at register + offset */
	uint8_t how[KEPT_REGISTERS];
	int32_t at[KEPT_REGISTERS]; /* from where the frame begins */
	Dwarf_Frame *frame;         /* set: it takes expressions, ask this instead */
};

/*
 * A file of code. dev to changed are its key, by fstat(2) at opening; 0 for [vdso], but for size. fd is
 * kept open because libelf reads what it needs when it needs it; -1 with an image.
 */
struct code_file {
	struct code_file *next;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
	unsigned int refs; /* modules */
	int fd;
	void *image; /* for [vdso]: its bytes */
	Elf *elf;    /* NULL: it is none */
	Dwarf_CFI *cfi;
	uint32_t build_id_len;
	uint8_t build_id[TRACE_BUILD_ID_MAX];
	struct unwind_rule *rules; /* a hash table by address */
	size_t nr_rules, rules_size;
};

/* An area of code. bias: less this, an address of it is one of the file's own, with has_bias alone. */
struct code_module {
	uint64_t start, end, offset, bias;
	bool has_bias;
	struct code_file *file; /* NULL: memory without a file, or one that cannot be read */
};

/* Of an address space, ascending. of: for whoever has the address space alone at hand (stacks_leave()). */
struct code_map {
	struct stacks *of;
	size_t nr, allocated;
	struct code_module modules[];
};

/* frames are owned; end is enum trace_stack_end. */
struct told_stack {
	uint64_t hash;
	uint32_t id; /* 0: this slot is free */
	uint32_t end, count;
	uint64_t *frames;
};

/* told_size is a power of two, or 0. */
struct stacks {
	struct code_file *files;
	unsigned int nr_files;
	struct told_stack *told; /* a hash table */
	size_t told_size;
	uint32_t nr_told;
};

/*
 * A walk in progress. reg and known are of the frame that the walk is in. copied bytes of copy are
 * memory from copied_from on. It lies on the stack of who walks, large as it is: no allocation a call.
 */
struct unwind {
	struct live *live;
	struct task *task;
	uint64_t reg[DWARF_REGISTERS];
	uint32_t known; /* bit for each register */
	uint64_t copied_from;
	size_t copied;
	bool only_copy; /* it is of a moment that is over: what is not in it cannot be read */
	uint8_t copy[65536];
};

/* code.c: the file of an area, opened or found; NULL: none that can be read. */
struct code_file *code_file_get(struct live *l, struct task *t, const struct trace_area *area);
void code_file_put(struct stacks *s, struct code_file *file);
void code_files_free(struct stacks *s);
/* An address of the mapping at @start of @offset, less this, is one of the file's own. False: it is in no segment. */
bool code_file_bias(const struct code_file *file, uint64_t start, uint64_t offset, uint64_t *bias);
/* NULL: no memory. */
const struct unwind_rule *code_file_rule(struct code_file *file, uint64_t vaddr);

/* modules.c: what is mapped at an address; told if it has not been.  NULL: nothing that can be executed. */
const struct code_module *code_module_at(struct live *l, struct task *t, uint64_t addr);

/* unwind.c: false: there is no caller; @end says why. */
bool unwind_step(struct unwind *u, enum trace_stack_end *end);
bool unwind_read(struct unwind *u, uint64_t addr, uint64_t *value);

/* values.c: the frame's beginning, and a register of its caller's. False: cannot be computed. */
bool value_of_cfa(struct unwind *u, Dwarf_Frame *frame, uint64_t *cfa);
/* @how is KEPT_AT where @value was found. */
bool value_of_register(
	struct unwind *u, Dwarf_Frame *frame, int reg, uint64_t cfa, enum kept_how *how, uint64_t *value);

#endif /* LIVE_STACKS_STACKS_H */
