/* SPDX-License-Identifier: MIT */
/* Separate debug information: separate.c. */
#ifndef SYMBOLS_SEPARATE_H
#define SYMBOLS_SEPARATE_H

#include <elfutils/libdwfl.h>

/* As dwfl_standard_find_debuginfo(), but what is no regular file is not opened. */
int symbols_find_debuginfo(Dwfl_Module *module, void **user, const char *name, GElf_Addr base,
	const char *file, const char *link, GElf_Word crc, char **found);

#endif /* SYMBOLS_SEPARATE_H */
