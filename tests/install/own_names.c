/* SPDX-License-Identifier: MIT */
/*
 * The engine, from one header and one source or installed, plain or with a prefix, in C or in C++20: areas, their reverse
 * map, pages and a fork; where there is a prefix, beside a program's own things of the kernel's names.
 */
#ifdef PREFIXED
#define N(name) vm_##name
typedef int u64;
struct rb_node {
	int mine;
};
struct list_head {
	int mine;
};
struct mm_struct {
	int mine;
};
#define min(a, b)          ((a) < (b) ? (a) : (b))
#define MAX_ERRNO          -1
#define GFP_KERNEL         "mine"
#define for_each_vma(a, b) if ((a) == (b))
#endif

#include "vmaple.h"

#include <stdio.h>
#include <string.h>

#ifdef PREFIXED
#ifdef __cplusplus
extern "C" {
#endif
int find_vma(void), mas_find(void), rb_first(void), __rb_erase_color(void);
int find_vma(void)
{
	return 1;
}
int mas_find(void)
{
	return 2;
}
int rb_first(void)
{
	return 4;
}
int __rb_erase_color(void)
{
	return 8;
}
#ifdef __cplusplus
}
#endif
#else
#define N(name) name
#endif

#define AT 0x10000UL

static bool areas_are_right(struct N(mm_struct) * mm)
{
	struct N(mmap_request) req;

	memset(&req, 0, sizeof(req));
	req.addr = AT;
	req.len = 0x4000;
	req.prot = VMAPLE_PROT_READ | VMAPLE_PROT_WRITE;
	req.flags = VMAPLE_MAP_PRIVATE | VMAPLE_MAP_ANONYMOUS | VMAPLE_MAP_FIXED;
	return N(mm_mmap)(mm, &req) == AT &&
	       N(mm_mprotect)(mm, AT + 0x1000, 0x1000, VMAPLE_PROT_READ, -1) == 0 && mm->map_count == 3 &&
	       N(find_vma)(mm, AT + 0x1000)->vm_end == AT + 0x2000 &&
	       N(mm_munmap)(mm, AT + 0x3000, 0x1000) == 0 && !N(vma_lookup)(mm, AT + 0x3000);
}

static bool pages_are_right(struct N(mm_struct) * mm)
{
	struct N(mm_struct) child;
	uint64_t parents = 0, childs = 0;
	const char *reason = NULL;
	bool right = N(paging_write)(mm, AT, 41) == 0 && N(mm_fork)(&child, mm) == 0;

	if (!right)
		return false;
	right = N(paging_walk)(mm, AT, NULL, NULL) == 2 && N(paging_write)(&child, AT, 42) == 0 &&
		N(paging_read)(mm, AT, &parents) == 0 && N(paging_read)(&child, AT, &childs) == 0 &&
		parents == 41 && childs == 42 && N(mm_validate)(mm, &reason) &&
		N(mm_validate)(&child, &reason);
	N(mm_exit)(&child);
	return right;
}

int main(void)
{
	struct N(mm_system) sys;
	struct N(mm_struct) mm;
	struct N(paging) *paging = NULL;
	struct N(paging_options) options;
	bool right;

	memset(&options, 0, sizeof(options));
	options.frames = 64;
	options.swap_fd = -1;
	N(mm_system_init)(&sys, &N(anon_vma_rmap));
	if (N(paging_new)(&paging, &sys, &options) != 0)
		return 1;
	N(mm_init)(&mm, &sys);
	right = N(paging_attach)(&mm) == 0 && areas_are_right(&mm) && pages_are_right(&mm);
#ifdef PREFIXED
	struct rb_node node = { 16 };
	struct list_head list = { 32 };
	struct mm_struct own = { 64 };
	u64 sum = find_vma() + mas_find() + rb_first() + __rb_erase_color() + node.mine + min(list.mine, 99) +
		  own.mine;

	right = right && sum == 127;
#endif
	N(mm_exit)(&mm);
	N(paging_free)(paging);
	if (!right)
		puts("FAILED: wrong answers");
	return right ? 0 : 1;
}
