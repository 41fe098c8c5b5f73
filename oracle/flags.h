/* SPDX-License-Identifier: MIT */
/* VmFlags of smaps: two letters for each bit of vm_flags. */
#ifndef ORACLE_FLAGS_H
#define ORACLE_FLAGS_H

#include <stddef.h>
#include <stdint.h>

static const struct {
	char letters[3];
	uint64_t bit;
} vm_flag_names[] = { { "rd", 0x1 }, { "wr", 0x2 }, { "ex", 0x4 }, { "sh", 0x8 }, { "mr", 0x10 },
	{ "mw", 0x20 }, { "me", 0x40 }, { "ms", 0x80 }, { "gd", 0x100 }, { "um", 0x200 }, { "pf", 0x400 },
	{ "uw", 0x1000 }, { "lo", 0x2000 }, { "io", 0x4000 }, { "sr", 0x8000 }, { "rr", 0x10000 },
	{ "dc", 0x20000 }, { "de", 0x40000 }, { "lf", 0x80000 }, { "ac", 0x100000 }, { "nr", 0x200000 },
	{ "ht", 0x400000 }, { "sf", 0x800000 }, { "wf", 0x2000000 }, { "dd", 0x4000000 },
	{ "mm", 0x10000000 }, { "hg", 0x20000000 }, { "nh", 0x40000000 }, { "mg", 0x80000000 },
	{ "ss", 1ull << 37 }, { "ui", 1ull << 38 }, { "dp", 1ull << 40 }, { "sl", 1ull << 42 } };

#define VM_FLAG_NAMES (sizeof(vm_flag_names) / sizeof(vm_flag_names[0]))

/* The bits of " rd wr mr\n". */
static inline uint64_t parse_vm_flags(const char *text)
{
	uint64_t flags = 0;

	for (; text[0] == ' ' && text[1] && text[1] != '\n' && text[2]; text += 3)
		for (size_t i = 0; i < VM_FLAG_NAMES; i++)
			if (text[1] == vm_flag_names[i].letters[0] && text[2] == vm_flag_names[i].letters[1])
				flags |= vm_flag_names[i].bit;
	return flags;
}

#endif /* ORACLE_FLAGS_H */
