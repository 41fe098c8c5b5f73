/* SPDX-License-Identifier: MIT */
/* The table of calls, looked up, and calls as they come in: call_table.c. */
#ifndef TRACE_CALL_TABLE_H
#define TRACE_CALL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmaple/trace.h>

#include "system_calls.h"

/* A row of the table. */
struct call_row {
	const char *name;
	/*
	 * x86-64's number, by which recordings name all calls, whatever machine they come from. A door
	 * (ipc, old mmap, mmap2) has that of the call behind it.
	 */
	uint32_t nr; /* of the call that it is */
	/* NOT_THERE, which is negative: the table has no such call. */
	int numbers[TRACE_ABIS];
	/*
	 * Which of the stops the recorder wants (filter.c of the live source); of no use to who only
	 * reads.
	 */
	enum call_stop stop;
	enum call_argument args[6];
};

extern const struct call_row call_rows[];
extern const size_t nr_call_rows;

/* The first row with this number in a table, or the one of a call; NULL: there is none. O(rows). */
const struct call_row *call_of_number(enum trace_abi abi, uint32_t number);
const struct call_row *call_of(uint32_t nr);

/* Memory of who makes the call. False: it cannot be read. */
struct call_memory {
	/* All of it or nothing. The address is the caller's as the table has it: 32 bits for i386. */
	bool (*read)(void *ctx, uint64_t addr, void *buf, size_t size);
	void *ctx;
};

/*
 * A call that comes in, as recordings have it: number and arguments.  False: it is not in the table, or its arguments cannot
 * be read, and then no map changes by it.  The rest of @c stays as it is.
 */
bool call_decode(struct trace_call *c, enum trace_abi abi, uint32_t number, const uint64_t args[6],
	const struct call_memory *memory);

/*
 * Where the result of a call is put instead of being returned; 0: it is returned. ipc(SHMAT) returns 0 and
 * puts the address, four bytes, where its third argument points.
 */
uint64_t call_result_at(enum trace_abi abi, uint32_t number, const uint64_t args[6]);

#endif /* TRACE_CALL_TABLE_H */
