/* SPDX-License-Identifier: MIT */
/**
 * @file mm_index.h
 * Which structure holds the areas of an address space: one per build, chosen where the compiler sees it.
 *
 *   (default)             the maple tree: Linux since 6.1
 *   -DMM_INDEX_AUGMENTED  a red-black tree that knows its gaps, and a list: Linux 3.8 to 6.0
 *   -DMM_INDEX_CLASSIC    a red-black tree, a list, and a cache for the search of free areas: Linux 2.6 to 3.7
 *
 * libvmaple has the one that it was configured with (meson -Dindex=...; its pkg-config file passes the define on).
 * The lab has the others, too: the same sources, compiled again, each with a name of its own before every symbol, so
 * that one program can hold all three.
 */
#ifndef VMAPLE_MM_INDEX_H
#define VMAPLE_MM_INDEX_H

#include <vmaple/maple_tree.h>
#include <vmaple/types.h>

#if defined(MM_INDEX_AUGMENTED) || defined(MM_INDEX_CLASSIC)
#define MM_INDEX_LINKED 1
#include <vmaple/rbtree.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifdef MM_INDEX_CLASSIC
/**
 * What a search for a free area has learned: between base and free_area_cache no hole is longer than
 * cached_hole_size.
 */
struct free_area_cache {
	/** Where searches begin: mmap_base, or mmap_legacy_base; 0: nothing learned yet. */
	unsigned long base;
	unsigned long free_area_cache;
	unsigned long cached_hole_size;
	bool topdown; /**< they go downwards from it */
};
#endif

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_MM_INDEX_H */
