/* SPDX-License-Identifier: MIT */
/*
 * The parts of the toy kernel and what they ask of each other.
 *
 *      machine.c     the processor, the serial line, the end
 *      memory.c      frames of memory, counted, and the heap that the engine lives on
 *      tables.c      page tables, kept as the engine's calls say: struct mm_page_ops
 *      fault.c       a page for an address, if the engine allows it; copies on write
 *      process.c     programs: exec, fork, exit, wait, who runs next
 *      calls.c       system calls; kernel(), where all begins
 *
 * One processor, no interrupts: what is in the kernel runs to its end, and whatever it changes in page tables counts
 * from the next return to a program, which loads them anew.
 */
#ifndef KERNEL_MM_H
#define KERNEL_MM_H

#include <vmaple/linux_abi.h>
#include <vmaple/mm.h>

#define PAGE   4096UL
#define ECHILD 10

/* --- machine.c --- */
/* Registers of a program that is in the kernel, in the order in which start.S saves them. */
struct frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error; /* 0 to 31: exceptions; SYSTEM_CALL */
	uint64_t rip, cs, flags, rsp, ss;
};
#define PAGE_FAULT  14
#define SYSTEM_CALL 256
#define USER_CODE   0x23
#define USER_DATA   0x1b

void machine_init(void);
/* Formats: %s, %d, %lx. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
void say_bytes(const char *text, size_t length);
_Noreturn void power_off(int status);
unsigned long fault_address(void);
/* @tables is a physical address. */
void use_tables(unsigned long tables);
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);

/* --- memory.c --- */
#define KERNEL_BASE 0xffffffff80000000UL
/* A frame is a physical address; memory is addressed at KERNEL_BASE. */
static inline void *memory_at(unsigned long frame)
{
	return (void *)(KERNEL_BASE + frame);
}
static inline unsigned long frame_of(const void *mem)
{
	return (unsigned long)mem - KERNEL_BASE;
}
void memory_init(void);
/* A frame of zeros that is the caller's; 0: none is left. */
unsigned long frame_take(void);
/* One more that has it, one less. Frames of the kernel's own image belong to all, and are not counted. */
void frame_get(unsigned long frame);
void frame_put(unsigned long frame);
bool frame_is_shared(unsigned long frame);
unsigned long frames_used(void);

/* --- tables.c --- */
typedef uint64_t pte_t;
#define PTE_PRESENT 1UL
#define PTE_WRITE   2UL
#define PTE_USER    4UL
#define PTE_NX      (1UL << 63)
#define PTE_FRAME   0x000ffffffffff000UL
extern const struct mm_page_ops hardware_tables;
int tables_attach(struct mm_struct *mm);
/* The entry of @addr, with the tables that lead to it; NULL: no memory. */
pte_t *pte_make(struct mm_struct *mm, unsigned long addr);
/* What the entries of an area allow, but for writing: that is given at the first write. */
pte_t pte_rights(const struct vm_area_struct *vma);

/* --- fault.c --- */
enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };
/* The program's page at @addr, for this access: memory, or NULL where the program may not. */
void *page_at(struct mm_struct *mm, unsigned long addr, enum access access);
/* Give an address of the area its page, before it is touched. */
int page_map(struct vm_area_struct *vma, unsigned long addr);
/* What the file holds, at a multiple of the page size: its vm_file is the first member. */
struct boot_file {
	struct vm_file file;
	const char *bytes;
};

/* --- process.c --- */
struct process {
	int pid; /* 0: a free place */
	enum { READY, WAITING, ENDED } state;
	struct process *parent;
	struct frame regs;   /* while it does not run */
	struct mm_struct mm; /* its owner is the process */
	unsigned long status_at;
	int status; /* as wait4(2) tells it */
};
extern struct process *current;
int process_start(struct mm_system *sys, struct boot_file *file);
long process_fork(const struct frame *frame);
long process_wait(unsigned long status_at);
void process_exit(int status);
/* Another one that can run is current; the machine ends when there is none. */
void process_next(void);
bool copy_to_program(struct mm_struct *mm, unsigned long addr, const void *from, size_t length);

#endif /* KERNEL_MM_H */
