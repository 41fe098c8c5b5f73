/* SPDX-License-Identifier: MIT */
/* Our maple tree in the place of the kernel's, with the debug build's checks. */
#ifndef SHIM_MAPLE_TREE_H
#define SHIM_MAPLE_TREE_H

#include <linux/module.h>
#include <linux/rwsem.h>
#include <vmaple/maple_tree.h>

#define CONFIG_DEBUG_MAPLE_TREE

static atomic_t maple_tree_tests_run, maple_tree_tests_passed;

#define MT_BUG_ON(mt, x)                                                  \
	do {                                                              \
		maple_tree_tests_run.counter++;                           \
		if (x)                                                    \
			printf("BUG at %s:%d (1)\n", __func__, __LINE__); \
		else                                                      \
			maple_tree_tests_passed.counter++;                \
	} while (0)
#define MAS_BUG_ON(mas, x) MT_BUG_ON((mas)->tree, x)

#define mt_dump(mt, format) ((void)(mt))
#define mas_dump(mas)       ((void)(mas))
#define mas_wr_dump(mas)    ((void)(mas))
#define mt_cache_shrink()   ((void)0)

#endif /* SHIM_MAPLE_TREE_H */
