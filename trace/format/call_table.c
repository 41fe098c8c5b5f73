/* SPDX-License-Identifier: MIT */
/*
 * The table of calls (system_calls.h), and calls of all its tables as recordings have them: by x86-64's number, with its
 * arguments.
 *
 * Who asks: sources, with a number as a task brought it in (call_decode()); the reader of a recording and
 * who shows it, with x86-64's number (call_of()). A search through some fifty rows costs less than the
 * stop that led to it.
 */
#include "call_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE         4096u /* the unit of mmap2's offset, whatever pages are */

/* Of ipc(2). include/uapi/linux/ipc.h. */
#define IPC_SHMAT 21
#define IPC_SHMDT 22

#define ROW(name, nr, i386, x32, generic, stop, ...) \
	{ #name, nr, { nr, i386, x32, generic }, stop, { __VA_ARGS__ } },
#define DOOR(name, is, i386, stop) \
	{ #name, NR_##is, { NOT_THERE, i386, NOT_THERE, NOT_THERE }, stop, { CALL_NO_MORE } },
/*
 * Rows of calls first, then doors: a search by x86-64's number meets the call, for doors have none
 * (NOT_THERE).
 */
const struct call_row call_rows[] = { SYSTEM_CALLS(ROW) CALL_DOORS(DOOR) };
const size_t nr_call_rows = COUNT(call_rows);

#define DOOR_NUMBER(name, is, i386, stop) I386_##name = i386,
enum { CALL_DOORS(DOOR_NUMBER) };

/* Numbers above INT_MAX would be NOT_THERE as an int, and match a row that the table has not. */
const struct call_row *call_of_number(enum trace_abi abi, uint32_t number)
{
	for (size_t i = 0; i < nr_call_rows; i++)
		if (call_rows[i].numbers[abi] == (int)number && number <= INT32_MAX)
			return &call_rows[i];
	return NULL;
}

const struct call_row *call_of(uint32_t nr)
{
	return call_of_number(TRACE_ABI_X86_64, nr);
}

/* --- i386's other forms ---------------------------------------------------------------------------------------- */

/*
 * i386's first mmap, number 90. One argument, which points to all of them; the offset is in bytes, and
 * not in pages as mmap2's. False: the pointer is bad, and so it is for the kernel (EFAULT). MAP_ flags
 * are the same in both.
 */
static bool decode_old_mmap(struct trace_call *c, const struct call_memory *memory)
{
	uint32_t args[6];

	if (!memory->read(memory->ctx, c->args[0], args, sizeof(args)))
		return false;
	for (size_t i = 0; i < COUNT(args); i++)
		c->args[i] = args[i];
	return true;
}

/*
 * Which call ipc(2) makes; 0: none of a map.  The upper half of its first argument is a version, which the kernel looks at
 * for SHMAT alone: it refuses version 1.
 */
static uint32_t ipc_call(uint32_t arg)
{
	const uint32_t which = arg & 0xffff, version = arg >> 16;

	return which == IPC_SHMDT || (which == IPC_SHMAT && version != 1) ? which : 0;
}

/*
 * ipc(which, first, second, third, pointer). False: semaphores, messages, or what the kernel refuses: no
 * map changes.
 */
static bool decode_ipc(struct trace_call *c)
{
	const uint64_t first = c->args[1], second = c->args[2], pointer = c->args[4];
	const uint32_t which = ipc_call((uint32_t)c->args[0]);

	if (!which)
		return false;
	c->nr = which == IPC_SHMAT ? NR_shmat : NR_shmdt;
	for (size_t i = 0; i < COUNT(c->args); i++)
		c->args[i] = 0;
	if (which == IPC_SHMAT) {
		c->args[0] = first;
		c->args[1] = pointer;
		c->args[2] = second;
	} else {
		c->args[0] = pointer;
	}
	return true;
}

/* The number is i386's own, for the three doors have the same nr as what they lead to. */
static bool decode_i386(struct trace_call *c, uint32_t number, const struct call_memory *memory)
{
	for (size_t i = 0; i < COUNT(c->args); i++)
		/*
		 * A 64-bit program may make an i386 call by int 0x80: the kernel looks at the lower halves
		 * alone.
		 */
		c->args[i] = (uint32_t)c->args[i];
	switch (number) {
	case I386_old_mmap:
		return decode_old_mmap(c, memory);
	case I386_mmap2:
		c->args[5] *= PAGE;
		return true;
	case I386_ipc:
		return decode_ipc(c);
	default:
		return true;
	}
}

/* The first test is the only one for most calls: those that no map depends on are in no row. */
bool call_decode(struct trace_call *c, enum trace_abi abi, uint32_t number, const uint64_t args[6],
	const struct call_memory *memory)
{
	const struct call_row *row = call_of_number(abi, number);

	if (!row)
		return false;
	c->nr = row->nr;
	c->abi = abi;
	for (size_t i = 0; i < COUNT(c->args); i++)
		c->args[i] = args[i];
	return abi != TRACE_ABI_I386 || decode_i386(c, number, memory);
}

/* Asked at the entry, for the arguments may be gone at the exit. */
uint64_t call_result_at(enum trace_abi abi, uint32_t number, const uint64_t args[6])
{
	bool is_put = abi == TRACE_ABI_I386 && number == I386_ipc && ipc_call((uint32_t)args[0]) == IPC_SHMAT;

	return is_put ? (uint32_t)args[3] : 0;
}
