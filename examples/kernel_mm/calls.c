/* SPDX-License-Identifier: MIT */
/*
 * What programs ask for: Linux's numbers, Linux's arguments, and, where it is about memory, the engine's answers.
 */
#include <vmaple/rmap.h>

#include "kernel.h"

#define SIGILL  4
#define SIGSEGV 11
enum {
	CALL_WRITE = 1,
	CALL_MMAP = 9,
	CALL_MPROTECT = 10,
	CALL_MUNMAP = 11,
	CALL_BRK = 12,
	CALL_YIELD = 24,
	CALL_GETPID = 39,
	CALL_FORK = 57,
	CALL_EXIT = 60,
	CALL_WAIT4 = 61,
	CALL_SHOW_MAPS = 1000
};

/* Byte by byte, as each may lie in another page. */
static long call_write(unsigned long addr, unsigned long length)
{
	for (unsigned long i = 0; i < length; i++) {
		const char *page = page_at(&current->mm, addr + i, ACCESS_READ);

		if (!page)
			return i ? (long)i : -VMAPLE_EFAULT;
		say_bytes(page + (addr + i) % PAGE, 1);
	}
	return (long)length;
}

/* Memory that is shared has all its pages from the start: a fork's child then gets the same ones with the tables. */
static int populate(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	int err = 0;

	for (; !err && start < end; start += PAGE)
		err = page_map(vma, start);
	return err;
}

static long call_mmap(const struct frame *f)
{
	struct mmap_request req = {
		.addr = f->rdi, .len = f->rsi, .prot = f->rdx, .flags = f->r10, .offset = f->r9
	};
	unsigned long addr;

	if (!(req.flags & VMAPLE_MAP_ANONYMOUS))
		return -VMAPLE_EBADF; /* there are no open files */
	addr = mm_mmap(&current->mm, &req);
	if (IS_ERR_VALUE(addr) || !(req.flags & VMAPLE_MAP_SHARED))
		return (long)addr;
	if (!populate(vma_lookup(&current->mm, addr), addr, addr + ((req.len + PAGE - 1) & -PAGE)))
		return (long)addr;
	(void)mm_munmap(&current->mm, addr, req.len);
	return -VMAPLE_ENOMEM;
}

static long show_maps(void)
{
	struct vm_area_struct *vma;
	char line[160];
	VMA_ITERATOR(vmi, &current->mm, 0);

	for_each_vma (vmi, vma)
		if (vma_format(vma, line, sizeof(line)) < (int)sizeof(line))
			say("%s", line);
	return 0;
}

static long call(const struct frame *f)
{
	switch (f->rax) {
	case CALL_WRITE:
		return call_write(f->rsi, f->rdx);
	case CALL_MMAP:
		return call_mmap(f);
	case CALL_MPROTECT:
		return mm_mprotect(&current->mm, f->rdi, f->rsi, f->rdx, -1);
	case CALL_MUNMAP:
		return mm_munmap(&current->mm, f->rdi, f->rsi);
	case CALL_BRK:
		return (long)mm_brk(&current->mm, f->rdi);
	case CALL_YIELD:
		return 0;
	case CALL_GETPID:
		return current->pid;
	case CALL_FORK:
		return process_fork(f);
	case CALL_WAIT4:
		return process_wait(f->rsi);
	case CALL_SHOW_MAPS:
		return show_maps();
	default:
		return -VMAPLE_ENOSYS;
	}
}

static void system_call(struct process *caller)
{
	struct frame *f = &caller->regs;

	if (f->rax == CALL_EXIT)
		process_exit((int)(f->rdi & 0xff) << 8);
	else
		f->rax = (uint64_t)call(f);
}

/* Who touches what it may not, or does what no program may, is killed. */
static void exception(const struct frame *f)
{
	enum access access = f->error & 16 ? ACCESS_EXEC : f->error & 2 ? ACCESS_WRITE : ACCESS_READ;
	static const char *const names[] = { "read", "written", "executed" };
	unsigned long addr = fault_address();

	if (f->vector != PAGE_FAULT) {
		say("kernel: %d is killed: exception %d at %lx\n", current->pid, (int)f->vector, f->rip);
		process_exit(SIGILL);
	} else if (!page_at(&current->mm, addr, access)) {
		say("kernel: %d is killed: %lx cannot be %s\n", current->pid, addr, names[access]);
		process_exit(SIGSEGV);
	}
}

/* Each way in: from then on @frame is the one of whoever runs next. */
void trap(struct frame *frame);
void trap(struct frame *frame)
{
	bool is_call = frame->vector == SYSTEM_CALL, yields = is_call && frame->rax == CALL_YIELD;

	if (!(frame->cs & 3)) {
		say("kernel: exception %d at %lx, address %lx\n", (int)frame->vector, frame->rip,
			fault_address());
		power_off(1);
	}
	current->regs = *frame;
	if (is_call)
		system_call(current);
	else
		exception(frame);
	if (!current || current->state != READY || yields)
		process_next();
	*frame = current->regs;
	use_tables(frame_of(current->mm.pgd));
}

extern char program_copies[], program_copies_end[], program_bounds[], program_bounds_end[];
_Noreturn void enter_user(const struct frame *frame);

static struct boot_file boot_file(const char *name, const char *bytes, const char *end)
{
	return (struct boot_file){ .bytes = bytes,
		.file = { .refs = 1, .readable = true, .size = (unsigned long)(end - bytes), .name = name } };
}

void kernel(void);
void kernel(void)
{
	static struct mm_system sys;
	static struct boot_file files[2];

	machine_init();
	memory_init();
	mm_system_init(&sys, &anon_vma_rmap);
	sys.pages = &hardware_tables;
	sys.thp_enabled = 0; /* pages of 4 KiB alone */
	sys.verify = MM_VERIFY_ALWAYS;
	say("kernel: %d frames are in use\n", (int)frames_used());
	files[0] = boot_file("/bin/copies", program_copies, program_copies_end);
	files[1] = boot_file("/bin/bounds", program_bounds, program_bounds_end);
	for (int i = 0; i < 2; i++)
		if (process_start(&sys, &files[i])) {
			say("kernel: %s cannot be started\n", files[i].file.name);
			power_off(1);
		}
	process_next();
	use_tables(frame_of(current->mm.pgd));
	enter_user(&current->regs);
}
