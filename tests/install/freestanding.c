/* SPDX-License-Identifier: MIT */
/*
 * A program without a C library: trees, an address space, its reverse map and its pages, with memory from an array.
 *
 * All that it has of the machine are two system calls, to write a line and to end.  Prints TAP.
 */
#include <vmaple/interval_tree.h>
#include <vmaple/linux_abi.h>
#include <vmaple/maple_tree.h>
#include <vmaple/paging.h>
#include <vmaple/port.h>
#include <vmaple/interval_map.h>
#include <vmaple/prio_tree.h>
#include <vmaple/range_map.h>

#define PAGE 4096UL
#define AT   (1024 * PAGE)

static long system_call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static void say(const char *text)
{
	long length = 0;

	while (text[length])
		length++;
	system_call(1, 1, (long)text, length);
}

static _Noreturn void end(int status)
{
	for (;;)
		system_call(231, status, 0, 0);
}

/* --- the port -------------------------------------------------------------------------------------------------- */

static char memory[16 << 20];
static size_t used;
static long blocks; /* handed out and not given back */

static void *take(void *ctx, size_t size, size_t align, gfp_t gfp)
{
	size_t at = (used + align - 1) & ~(align - 1);

	(void)ctx;
	(void)gfp;
	if (at > sizeof(memory) || size > sizeof(memory) - at)
		return NULL;
	used = at + size;
	blocks++;
	return memory + at;
}

static void give(void *ctx, void *mem, size_t size)
{
	(void)ctx;
	(void)size;
	blocks -= (char *)mem >= memory && (char *)mem < memory + sizeof(memory);
}

static void say_line(void *ctx, const char *line)
{
	(void)ctx;
	say("# ");
	say(line);
	say("\n");
}

static _Noreturn void panic(void *ctx, const char *line)
{
	say_line(ctx, line);
	end(3);
}

/* --- tests ----------------------------------------------------------------------------------------------------- */

static const char *wrong;
#define expect(condition)                              \
	do {                                           \
		if (!(condition) && !wrong)            \
			wrong = "not so: " #condition; \
	} while (0)

static void trees(void)
{
	static int entry[2];
	struct maple_tree mt = MTREE_INIT(mt, MT_FLAGS_ALLOC_RANGE);
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct interval_tree_node node = { .start = 5, .last = 9 };
	struct prio_tree_root prio;
	struct prio_tree_node p = { .start = 5, .last = 9 };
	struct prio_tree_iter iter;
	const char *reason = NULL;
	unsigned long at = 0;

	for (unsigned long i = 0; i < 2000; i++)
		expect(mtree_store_range(&mt, 10 * i, 10 * i + 4, &entry[i & 1], GFP_KERNEL) == 0);
	expect(mtree_load(&mt, 10004) == &entry[0] && mtree_load(&mt, 10011) == &entry[1] &&
		!mtree_load(&mt, 10005));
	expect(mtree_alloc_range(&mt, &at, entry, 6, 0, 30000, GFP_KERNEL) == 0 && at == 19995);
	expect(mt_check(&mt, &reason));
	mtree_destroy(&mt);
	interval_tree_insert(&node, &root);
	expect(interval_tree_iter_first(&root, 9, 100) == &node && !interval_tree_iter_first(&root, 10, 100));
	prio_tree_root_init(&prio);
	prio_tree_insert(&prio, &p);
	prio_tree_iter_init(&iter, &prio, 0, 5);
	expect(prio_tree_next(&iter) == &p && !prio_tree_next(&iter));
}

static void interval_maps(void)
{
	struct interval_map map = { .root = NULL };
	struct interval_map_iter iter;

	for (unsigned long i = 0; i < 100; i++)
		expect(interval_map_insert(&map, i, i + 10, NULL) == 0);
	expect(interval_map_erase(&map, 45, 55, NULL) == 0);
	interval_map_iter_init(&iter, &map, 50, 50);
	for (unsigned long i = 40; i <= 50; i++)
		expect(i == 45 || (interval_map_next(&iter) && iter.start == i));
	expect(!interval_map_next(&iter));
	interval_map_clear(&map);
}

static void range_maps(void)
{
	static int value;
	struct range_map map;
	struct range_map_range range;
	struct range_map_room room = { .size = 4, .align = 4, .min = 0, .max = 99 };
	uint64_t at = 0;

	range_map_init(&map, NULL, NULL);
	expect(range_map_set(&map, 0, 9, &value, 1) == 0 && range_map_erase(&map, 2, 2) == 0);
	expect(range_map_find(&map, 5, &range) && range.first == 3 && range.last == 9 &&
		range.value == &value);
	expect(range_map_lowest(&map, &room, &at) == 0 && at == 12);
	range_map_destroy(&map);
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void areas(struct mm_struct *mm)
{
	struct mmap_request req = { .addr = AT,
		.len = 4 * PAGE,
		.prot = VMAPLE_PROT_READ | VMAPLE_PROT_WRITE,
		.flags = VMAPLE_MAP_PRIVATE | VMAPLE_MAP_ANONYMOUS | VMAPLE_MAP_FIXED };
	struct mremap_request move = {
		.addr = AT, .old_len = PAGE, .new_len = 2 * PAGE, .flags = VMAPLE_MREMAP_MAYMOVE
	};
	unsigned long moved;
	char line[128];

	expect(mm_mmap(mm, &req) == AT && mm->map_count == 1);
	expect(mm_mprotect(mm, AT + PAGE, PAGE, VMAPLE_PROT_READ, -1) == 0 && mm->map_count == 3);
	expect(mm_mprotect(mm, AT + PAGE, PAGE, VMAPLE_PROT_READ | VMAPLE_PROT_WRITE, -1) == 0 &&
		mm->map_count == 1);
	expect(mm_munmap(mm, AT + 3 * PAGE, PAGE) == 0 && vma_lookup(mm, AT)->vm_end == AT + 3 * PAGE);
	moved = mm_mremap(mm, &move);
	expect(!IS_ERR_VALUE(moved) && vma_lookup(mm, moved)->vm_end == moved + 2 * PAGE &&
		!vma_lookup(mm, AT));
	expect(mm_madvise(mm, AT, PAGE, -1) == -VMAPLE_EINVAL);
	expect(mm_set_anon_name(mm, AT + PAGE, 2 * PAGE, "heap of mine") == 0);
	expect(vma_format(vma_lookup(mm, AT + PAGE), line, sizeof(line)) == 73 + 20);
	expect(same(line, "00401000-00403000 rw-p 00000000 00:00 0                                  "
			  "[anon:heap of mine]\n"));
}

static void pages(struct mm_struct *mm)
{
	struct mm_struct child;
	uint64_t stamp = 0;
	const char *reason = NULL;

	expect(paging_write(mm, AT + PAGE, 41) == 0);
	expect(mm_fork(&child, mm) == 0);
	expect(paging_walk(mm, AT + PAGE, NULL, NULL) == 2);
	expect(paging_write(&child, AT + PAGE, 42) == 0);
	expect(paging_read(mm, AT + PAGE, &stamp) == 0 && stamp == 41);
	expect(paging_read(&child, AT + PAGE, &stamp) == 0 && stamp == 42);
	expect(paging_read(mm, AT - PAGE, &stamp) == -VMAPLE_EFAULT);
	expect(mm_validate(mm, &reason) && mm_validate(&child, &reason));
	mm_exit(&child);
}

static void spaces(void)
{
	struct mm_system sys;
	struct mm_struct mm;
	struct paging *paging = NULL;
	struct paging_options options = { .frames = 64, .swap_pages = 64, .swap_fd = 0 };
	const char *reason = NULL;

	mm_system_init(&sys, &anon_vma_rmap);
	expect(paging_new(&paging, &sys, &options) == -VMAPLE_EINVAL); /* no files here */
	options.swap_fd = -1;
	expect(paging_new(&paging, &sys, &options) == 0);
	mm_init(&mm, &sys);
	expect(paging_attach(&mm) == 0);
	areas(&mm);
	pages(&mm);
	expect(paging_reclaim(paging, 60) > 0 && paging_validate(paging, &reason));
	mm_exit(&mm);
	paging_free(paging);
}

static void run(const char *name, void (*test)(void))
{
	wrong = NULL;
	test();
	say(wrong ? "not ok - " : "ok - ");
	say(name);
	say("\n");
	if (!wrong)
		return;
	say_line(NULL, wrong);
	end(1);
}

int main(void);
int main(void)
{
	const struct vmaple_port port = { .alloc = take, .free = give, .log = say_line, .panic = panic };

	vmaple_set_port(&port);
	say("1..4\n");
	run("trees", trees);
	run("interval maps", interval_maps);
	run("range maps", range_maps);
	run("an address space, its reverse map and its pages", spaces);
	end(0);
}

/* The stack as the kernel leaves it is a multiple of 16 bytes. */
__asm__(".globl _start\n_start: xor %ebp, %ebp\n\tcall main\n\thlt\n");
