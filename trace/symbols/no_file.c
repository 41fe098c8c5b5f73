/* SPDX-License-Identifier: MIT */
/*
 * Files of code, in a build without libdw: of none anything is known.
 *
 * All find nothing, so that names come of the recording's own functions and perf-PID.map alone.
 */
#include "symbols_internal.h"

const char *symbols_missing(void)
{
	return "this vmaple was built without libdw (elfutils): functions have no names";
}

struct symbol_file *symbol_file_open(struct symbols *s, const struct known_module *m)
{
	return NULL;
}

void symbol_file_close(struct symbol_file *f)
{
}

bool symbol_file_vaddr(struct symbol_file *f, uint64_t offset, uint64_t *vaddr)
{
	return false;
}

bool symbol_file_find(struct symbols *s, struct symbol_file *f, uint64_t vaddr, struct symbol *symbol)
{
	return false;
}
