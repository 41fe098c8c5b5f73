/* SPDX-License-Identifier: MIT */
/* Programs: from a file to an address space, and from there to its end. */
#include <elf.h>

#include "kernel.h"

#define PROCESSES   8
#define STACK_PAGES 2UL

static struct process processes[PROCESSES];
static int last_pid;
struct process *current;

bool copy_to_program(struct mm_struct *mm, unsigned long addr, const void *from, size_t length)
{
	for (const char *byte = from; length--; byte++, addr++) {
		char *page = page_at(mm, addr, ACCESS_WRITE);

		if (!page)
			return false;
		page[addr % PAGE] = *byte;
	}
	return true;
}

static struct process *new_process(struct process *parent)
{
	for (struct process *p = processes; p < processes + PROCESSES; p++) {
		if (p->pid)
			continue;
		*p = (struct process){ .pid = ++last_pid, .parent = parent };
		return p;
	}
	return NULL;
}

static int map(struct mm_struct *mm, unsigned long start, unsigned long end, unsigned long prot,
	struct boot_file *file, unsigned long offset)
{
	struct mmap_request req = { .addr = start,
		.len = end - start,
		.prot = prot,
		.flags = VMAPLE_MAP_PRIVATE | VMAPLE_MAP_FIXED | (file ? 0 : VMAPLE_MAP_ANONYMOUS),
		.offset = offset,
		.file = file ? &file->file : NULL };
	unsigned long at = start < end ? mm_mmap(mm, &req) : start;

	return at == start ? 0 : -VMAPLE_ENOMEM;
}

/* A segment: pages of the file, then zeros up to a page's end, then pages of zeros. */
static int map_segment(struct mm_struct *mm, struct boot_file *file, const Elf64_Phdr *segment)
{
	unsigned long start = segment->p_vaddr & -PAGE, bytes_end = segment->p_vaddr + segment->p_filesz;
	unsigned long end = (segment->p_vaddr + segment->p_memsz + PAGE - 1) & -PAGE;
	unsigned long file_end = segment->p_filesz ? (bytes_end + PAGE - 1) & -PAGE : start;
	unsigned long prot = (segment->p_flags & PF_R ? VMAPLE_PROT_READ : 0UL) |
			     (segment->p_flags & PF_W ? VMAPLE_PROT_WRITE : 0UL) |
			     (segment->p_flags & PF_X ? VMAPLE_PROT_EXEC : 0UL);
	int err = map(mm, start, file_end, prot, file, segment->p_offset & -PAGE);

	if (!err)
		err = map(mm, file_end, end, prot, NULL, 0);
	if (!err && segment->p_memsz > segment->p_filesz && bytes_end % PAGE) {
		char *page = page_at(mm, bytes_end, ACCESS_WRITE);

		if (!page)
			return -VMAPLE_ENOMEM;
		memset(page + bytes_end % PAGE, 0, PAGE - bytes_end % PAGE);
	}
	if (end > mm->brk)
		mm->start_brk = mm->brk = end;
	return err;
}

static int make_stack(struct mm_struct *mm)
{
	const struct area_spec spec = { .start = mm->task_size - (STACK_PAGES + 1) * PAGE,
		.end = mm->task_size - PAGE,
		.vm_flags = VM_READ | VM_WRITE | VM_MAY_FLAGS | VM_GROWSDOWN | VM_ACCOUNT };

	mm->start_stack = spec.end - 8;
	mm->limits.stack = 8UL << 20;
	return mm_insert_area(mm, &spec);
}

static int load(struct mm_struct *mm, struct boot_file *file)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)file->bytes;
	const Elf64_Phdr *segments = (const Elf64_Phdr *)(file->bytes + header->e_phoff);
	int err = tables_attach(mm);

	for (int i = 0; !err && i < header->e_phnum; i++)
		if (segments[i].p_type == PT_LOAD)
			err = map_segment(mm, file, &segments[i]);
	return err ? err : make_stack(mm);
}

int process_start(struct mm_system *sys, struct boot_file *file)
{
	struct process *process = new_process(NULL);
	int err;

	if (!process)
		return -VMAPLE_EAGAIN;
	mm_init(&process->mm, sys);
	err = load(&process->mm, file);
	process->regs = (struct frame){ .rip = ((const Elf64_Ehdr *)file->bytes)->e_entry,
		.cs = USER_CODE,
		.ss = USER_DATA,
		.flags = 2,
		.rsp = process->mm.start_stack + 8 };
	return err;
}

/* The whole of it: the engine copies the areas, and has tables.c share their frames. */
long process_fork(const struct frame *frame)
{
	struct process *child = new_process(current);
	int err;

	if (!child)
		return -VMAPLE_EAGAIN;
	err = mm_fork(&child->mm, &current->mm);
	if (err) {
		mm_exit(&child->mm);
		child->pid = 0;
		return err;
	}
	child->regs = *frame;
	child->regs.rax = 0;
	return child->pid;
}

/* What wait4() has waited for: @child's place is free again. */
static long reap(struct process *parent, struct process *child, unsigned long status_at)
{
	int pid = child->pid;

	child->pid = 0;
	if (status_at && !copy_to_program(&parent->mm, status_at, &child->status, sizeof(child->status)))
		return -VMAPLE_EFAULT;
	return pid;
}

/* Of any child; with none that has ended the caller waits, and gets its result from process_exit(). */
long process_wait(unsigned long status_at)
{
	long result = -ECHILD;

	for (struct process *p = processes; p < processes + PROCESSES; p++) {
		if (!p->pid || p->parent != current)
			continue;
		if (p->state == ENDED)
			return reap(current, p, status_at);
		current->state = WAITING;
		current->status_at = status_at;
		result = 0;
	}
	return result;
}

void process_exit(int status)
{
	struct process *parent = current->parent;

	current->state = ENDED;
	current->status = status;
	mm_exit(&current->mm);
	for (struct process *p = processes; p < processes + PROCESSES; p++)
		if (p->pid && p->parent == current) {
			p->parent = NULL;
			p->pid = p->state == ENDED ? 0 : p->pid;
		}
	if (!parent)
		current->pid = 0;
	else if (parent->state == WAITING) {
		parent->regs.rax = (uint64_t)reap(parent, current, parent->status_at);
		parent->state = READY;
	}
	current = NULL;
}

void process_next(void)
{
	static unsigned int turn;

	for (unsigned int i = 1; i <= PROCESSES; i++) {
		struct process *p = &processes[(turn + i) % PROCESSES];

		if (!p->pid || p->state != READY)
			continue;
		turn += i;
		current = p;
		return;
	}
	say("kernel: all programs have ended, %d frames are in use\n", (int)frames_used());
	power_off(0);
}
