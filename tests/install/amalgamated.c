/* SPDX-License-Identifier: MIT */
/* The amalgamated sources with a prefix, beside a program's own things of the names that they have without. */
#include <stdio.h>

#include "interval_tree.h"
#include "maple_tree.h"
#include "range_map.h"
#include "rbtree.h"

typedef int u64;
struct rb_node {
	int mine;
};
struct list_head {
	int mine;
};
#define min(a, b) ((a) < (b) ? (a) : (b))
int rb_first(void);
int mas_find(void);
int find_vma(void);

int rb_first(void)
{
	return 1;
}
int mas_find(void)
{
	return 2;
}
int find_vma(void)
{
	return 4;
}

static int tree_is_right(void)
{
	struct vm_maple_tree mt;
	static int entry;
	int right;

	vm_mt_init(&mt);
	right = vm_mtree_store_range(&mt, 10, 20, &entry, VM_GFP_KERNEL) == 0 &&
		vm_mtree_load(&mt, 15) == &entry && !vm_mtree_load(&mt, 9) && !vm_mtree_load(&mt, 21);
	vm_mtree_destroy(&mt);
	return right;
}

static int intervals_are_right(void)
{
	struct vm_rb_root_cached root = VM_RB_ROOT_CACHED;
	struct vm_interval_tree_node node = { .start = 5, .last = 7 };

	vm_interval_tree_insert(&node, &root);
	return vm_interval_tree_iter_first(&root, 7, 9) == &node && !vm_interval_tree_iter_first(&root, 8, 9);
}

int main(void)
{
	struct rb_node own = { 8 };
	struct list_head list = { 16 };
	u64 sum = rb_first() + mas_find() + find_vma() + own.mine + min(list.mine, 99);

	if (sum == 31 && tree_is_right() && intervals_are_right())
		return 0;
	puts("FAILED: wrong answers");
	return 1;
}
