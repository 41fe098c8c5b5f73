/* SPDX-License-Identifier: MIT */
/*
 * Arguments out of the range that their header documents: each public function that takes a number answers with the
 * documented error, and nothing has changed.
 *
 * One table for each room, a row for each way of being out of range. What is just inside stands beside it, so that a
 * range that has become too narrow is found as well.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <vmaple/cache.h>
#include <vmaple/guest_mm.h>
#include <vmaple/interval_tree.h>
#include <vmaple/linux_abi.h>
#include <vmaple/maple_tree.h>
#include <vmaple/paging.h>
#include <vmaple/prio_tree.h>
#include <vmaple/range_map.h>
#include <vmaple/vma_lock.h>

#define PAGE 4096UL
#define AT   (64 * PAGE)

struct answer {
	const char *call;
	long is, wanted;
};

#define IS(wanted, call)                      \
	{                                     \
#call, (long)(call), (wanted) \
	}
#define INVAL(call) IS(-EINVAL, call)

#define judge(answers) judge_all(answers, sizeof(answers) / sizeof((answers)[0]))

static void judge_all(const struct answer *answers, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (answers[i].is != answers[i].wanted)
			fail_msg("%s: %ld, not %ld", answers[i].call, answers[i].is, answers[i].wanted);
}

static struct mm_system sys;
static struct mm_struct mm;
static struct vm_file file = { .refs = 1, .readable = true, .writable = true, .name = "/f" };

/* Four pages of private memory, and a page of a file, shared, behind them. */
static int begin(void **state)
{
	struct mmap_request req = { .addr = AT,
		.len = 4 * PAGE,
		.prot = VMAPLE_PROT_READ | VMAPLE_PROT_WRITE,
		.flags = VMAPLE_MAP_PRIVATE | VMAPLE_MAP_ANONYMOUS | VMAPLE_MAP_FIXED };
	struct mmap_request shared = { .addr = AT + 4 * PAGE,
		.len = PAGE,
		.prot = VMAPLE_PROT_READ | VMAPLE_PROT_WRITE,
		.flags = VMAPLE_MAP_SHARED | VMAPLE_MAP_FIXED,
		.file = &file };

	(void)state;
	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	return mm_mmap(&mm, &req) != AT || mm_mmap(&mm, &shared) != AT + 4 * PAGE;
}

static int end(void **state)
{
	const char *reason = "";
	bool valid = mm_validate(&mm, &reason), whole = mm.map_count == 2;

	(void)state;
	mm_exit(&mm);
	return !valid || !whole;
}

static void test_of_machines_and_spaces(void **state)
{
	struct mm_system other;
	struct mm_struct empty;

	(void)state;
	mm_system_init(&other, &anon_vma_rmap);
	{
		struct answer answers[] = {
			INVAL(mm_system_set_page_shift(&other, 0)),
			INVAL(mm_system_set_page_shift(&other, 10)),
			INVAL(mm_system_set_page_shift(&other, 11)),
			INVAL(mm_system_set_page_shift(&other, 17)),
			INVAL(mm_system_set_page_shift(&other, 64)),
			INVAL(mm_system_set_page_shift(&other, ~0U)),
		};

		judge(answers);
		assert_int_equal(other.page_shift, 12);
		assert_int_equal(other.stack_guard_gap, 256 * PAGE);
	}
	for (unsigned int shift = 12; shift <= 16; shift++)
		assert_int_equal(mm_system_set_page_shift(&other, shift), 0);
	assert_int_equal(mm_system_set_page_shift(&other, 12), 0);
	mm_init(&empty, &other);
	{
		unsigned long before = empty.task_size, base = empty.mmap_base, sixth = before / 6 / PAGE;
		struct answer answers[] = {
			INVAL(mm_set_task_size(&empty, 0)),
			INVAL(mm_set_task_size(&empty, 1)),
			INVAL(mm_set_task_size(&empty, PAGE + 1)),
			INVAL(mm_set_task_size(&empty, -PAGE + 1)),
			INVAL(mm_set_task_size(&empty, ~0UL)),
			INVAL(mm_set_task_size(&mm, 1UL << 31)), /* it has areas */
			INVAL(mm_set_mmap_base(&empty, 0, false, sixth + 1)),
			INVAL(mm_set_mmap_base(&empty, 0, true, ~0UL)),
			INVAL(mm_set_mmap_base(&empty, ~0UL, true, ~0UL >> 12)),
		};

		judge(answers);
		assert_int_equal(empty.task_size, before);
		assert_int_equal(empty.mmap_base, base);
		assert_int_equal(mm_set_mmap_base(&empty, ~0UL, true, sixth), 0);
	}
	{
		struct answer answers[] = {
			IS(0, mm_set_task_size(&empty, -PAGE)),
			IS(0, mm_set_task_size(&empty, PAGE)),
			INVAL(mm_setup_stack(&empty, PAGE, EXSTACK_DEFAULT)), /* there is none */
			IS(0, mm_begin_stack(&empty)),
			INVAL(mm_setup_stack(&empty, 2 * PAGE, EXSTACK_DEFAULT)),
			INVAL(mm_setup_stack(&empty, PAGE, (enum exec_stack)3)),
			INVAL(mm_setup_stack(&empty, PAGE, (enum exec_stack) - 1)),
		};

		judge(answers);
	}
	mm_exit(&empty);
}

static void test_of_areas(void **state)
{
	struct area_spec crossed = { .start = 2 * PAGE, .end = PAGE }, none = { .start = PAGE, .end = PAGE };
	struct area_spec odd = { .start = PAGE + 1, .end = 2 * PAGE },
			 part = { .start = PAGE, .end = 2 * PAGE - 1 };
	struct area_spec beyond = { .start = mm.task_size, .end = mm.task_size + PAGE };
	struct area_spec over = { .start = mm.task_size - PAGE, .end = mm.task_size + PAGE };
	struct area_spec there = { .start = AT, .end = AT + PAGE };
	struct answer answers[] = {
		INVAL(mm_insert_area(&mm, &crossed)),
		INVAL(mm_insert_area(&mm, &none)),
		INVAL(mm_insert_area(&mm, &odd)),
		INVAL(mm_insert_area(&mm, &part)),
		INVAL(mm_insert_area(&mm, &beyond)),
		INVAL(mm_insert_area(&mm, &over)),
		IS(-EEXIST, mm_insert_area(&mm, &there)),
		IS(0, mm_largest_gaps(&mm, NULL, 0)),
		IS(0, mm_largest_gaps(&mm, NULL, -1)),
		INVAL(mm_fault(&mm, AT, MM_FAULT_FLAGS + 1)),
		INVAL(mm_fault(&mm, AT, ~0U)),
		INVAL(mm_fault(&mm, 0, 8)),
		IS(-EFAULT, mm_fault(&mm, 0, MM_FAULT_WRITE)),
		IS(-EFAULT, mm_fault(&mm, 0, MM_FAULT_FILL)),
		IS(-EFAULT, mm_fault(&mm, ~0UL, MM_FAULT_FLAGS)),
		IS(false, kernel_profile_at(~0U) != NULL),
		IS(false, kernel_profile_for("") != NULL),
		IS(false, kernel_profile_for("x.y") != NULL),
		IS(false, rmap_design("no such design") != NULL),
	};

	(void)state;
	judge(answers);
}

static unsigned long mmap_of(unsigned long len, unsigned long prot, unsigned long flags, unsigned long offset)
{
	struct mmap_request req = { .len = len, .prot = prot, .flags = flags, .offset = offset };

	return mm_mmap(&mm, &req);
}

static unsigned long mremap_of(unsigned long old_len, unsigned long new_len, unsigned long flags)
{
	struct mremap_request req = {
		.addr = AT, .old_len = old_len, .new_len = new_len, .flags = flags, .new_addr = 1
	};

	return mm_mremap(&mm, &req);
}

/* As the system calls answer on Linux. */
static void test_of_mapping_calls(void **state)
{
	struct answer answers[] = {
		INVAL(mmap_of(0, 0, VMAPLE_MAP_PRIVATE | VMAPLE_MAP_ANONYMOUS, 0)),
		INVAL(mmap_of(PAGE, 0, VMAPLE_MAP_ANONYMOUS, 0)),
		INVAL(mmap_of(PAGE, 0, 0xf | VMAPLE_MAP_ANONYMOUS, 0)),
		INVAL(mmap_of(PAGE, 0, VMAPLE_MAP_PRIVATE | VMAPLE_MAP_ANONYMOUS, 1)),
		IS(-ENOMEM, mmap_of(~0UL, 0, VMAPLE_MAP_PRIVATE | VMAPLE_MAP_ANONYMOUS, 0)),
		INVAL(mm_munmap(&mm, AT + 1, PAGE)),
		INVAL(mm_munmap(&mm, AT, 0)),
		INVAL(mm_munmap(&mm, AT, ~0UL)),
		INVAL(mm_munmap(&mm, mm.task_size, PAGE)),
		INVAL(mm_mprotect(&mm, AT + 1, PAGE, 0, -1)),
		INVAL(mm_mprotect(&mm, AT, PAGE, 0x40, -1)),
		INVAL(mm_mprotect(&mm, AT, PAGE, VMAPLE_PROT_GROWSDOWN | VMAPLE_PROT_GROWSUP, -1)),
		INVAL(mm_mprotect(&mm, AT, PAGE, 0, -2)),
		INVAL(mm_mprotect(&mm, AT, PAGE, 0, 16)),
		INVAL(mm_mprotect(&mm, AT, PAGE, 0, 1 << 20)),
		IS(-ENOMEM, mm_mprotect(&mm, AT, ~0UL, 0, -1)),
		INVAL(mm_pkey_free(&mm, -1)),
		INVAL(mm_pkey_free(&mm, 1)),
		INVAL(mm_pkey_free(&mm, 1 << 20)),
		INVAL(mremap_of(PAGE, PAGE, 8)),
		INVAL(mremap_of(PAGE, PAGE, VMAPLE_MREMAP_FIXED)),
		INVAL(mremap_of(PAGE, PAGE, VMAPLE_MREMAP_FIXED | VMAPLE_MREMAP_MAYMOVE)), /* new_addr */
		INVAL(mremap_of(PAGE, PAGE, VMAPLE_MREMAP_DONTUNMAP)),
		INVAL(mremap_of(PAGE, 0, 0)),
		INVAL(mm_madvise(&mm, AT, PAGE, -1)),
		INVAL(mm_madvise(&mm, AT, PAGE, 5)),
		INVAL(mm_madvise(&mm, AT, PAGE, 1 << 20)),
		INVAL(mm_madvise(&mm, AT + 1, PAGE, VMAPLE_MADV_NORMAL)),
		INVAL(mm_madvise(&mm, AT, ~0UL, VMAPLE_MADV_NORMAL)),
		INVAL(mm_mlock(&mm, AT, PAGE, 2)),
		INVAL(mm_mlock(&mm, AT, PAGE, -1)),
		INVAL(mm_mlock(&mm, AT, ~0UL - PAGE, 0)),
		INVAL(mm_mlockall(&mm, 0)),
		INVAL(mm_mlockall(&mm, VMAPLE_MCL_ONFAULT)),
		INVAL(mm_mlockall(&mm, 8)),
		INVAL(mm_mlockall(&mm, -1)),
		INVAL(mm_mseal(&mm, AT, PAGE, 1)),
		INVAL(mm_mseal(&mm, AT + 1, PAGE, 0)),
		INVAL(mm_mseal(&mm, AT, ~0UL, 0)),
		INVAL(mm_shmdt(&mm, AT + 1)),
	};

	(void)state;
	judge(answers);
}

/* Likewise. */
static void test_of_calls_about_what_areas_have(void **state)
{
	char longest[81] = "eighty bytes, each of which prints; there may be seventy-nine, and no more than ";
	struct answer answers[] = {
		INVAL(mm_set_anon_name(&mm, AT, PAGE, longest)),
		INVAL(mm_set_anon_name(&mm, AT, PAGE, "a\nline")),
		INVAL(mm_set_anon_name(&mm, AT, PAGE, "\x7f")),
		INVAL(mm_set_anon_name(&mm, AT, PAGE, "[heap]")),
		INVAL(mm_set_anon_name(&mm, AT, PAGE, "back\\slash")),
		INVAL(mm_set_anon_name(&mm, AT + 1, PAGE, "name")),
		INVAL(mm_mbind(&mm, AT + 1, PAGE, NULL)),
		INVAL(mm_userfaultfd(&mm, AT, PAGE, &mm, 0)),
		INVAL(mm_userfaultfd(&mm, AT, PAGE, &mm, VM_UFFD_WP | VM_WRITE)),
		INVAL(mm_userfaultfd(&mm, AT, PAGE, NULL, VM_READ)),
		INVAL(mm_userfaultfd(&mm, AT, 0, &mm, VM_UFFD_WP)),
		INVAL(mm_userfaultfd(&mm, AT, ~0UL & ~(PAGE - 1), &mm, VM_UFFD_WP)),
		INVAL(mm_remap_file_pages(&mm, AT + 4 * PAGE, PAGE, VMAPLE_PROT_READ, 0, 0)),
		INVAL(mm_remap_file_pages(&mm, AT + 4 * PAGE, 0, 0, 0, 0)),
		INVAL(mm_remap_file_pages(&mm, AT + 4 * PAGE, ~0UL, 0, 0, 0)),
		INVAL(mm_remap_file_pages(&mm, AT + 4 * PAGE, PAGE, 0, ~0UL, 0)),
	};

	(void)state;
	judge(answers);
	longest[79] = '\0';
	assert_int_equal(mm_set_anon_name(&mm, AT, 4 * PAGE, longest), 0);
	assert_string_equal(mm.map_count ? vma_lookup(&mm, AT)->anon_name->name : "", longest);
}

static void test_of_text(void **state)
{
	char text[8] = "untold";
	struct maps_line line = { .start = AT, .end = AT + PAGE, .name = "" };

	(void)state;
	assert_ptr_equal(vm_flags_format(~0ULL, text, 0), text);
	assert_string_equal(text, "untold");
	assert_true(maps_line_format(&line, text, 0) > 40);
	assert_string_equal(text, "untold");
	assert_string_equal(vm_flags_format(VM_READ | VM_WRITE, text, 4), "rd");
	assert_non_null(maps_line_read("7f0000001000-7f0000003000 rw-s 00004000 08:11 12 /a b\n", &line));
	assert_int_equal(line.start, 0x7f0000001000);
	assert_int_equal(line.end, 0x7f0000003000);
	assert_int_equal(line.offset, 0x4000);
	assert_int_equal(line.dev, (uint64_t)8 << 32 | 0x11);
	assert_int_equal(line.ino, 12);
	assert_null(maps_line_read("7f0000001000 7f0000003000 rw-s 00004000 08:11 12", &line));
	assert_null(maps_line_read("7f0000001000-7f0000003000-rw-s 00004000 08:11 12", &line));
	assert_null(maps_line_read("7f0000001000-7f0000003000 rw 00004000 08:11 12", &line));
	assert_null(maps_line_read("7f0000001000-7f0000003000 rw-s 00004000 0811 12", &line));
	assert_null(maps_line_read("no line", &line));
	assert_null(maps_line_read("", &line));
	assert_int_equal(vm_flags_parse("?? !"), 0);
}

static void test_of_paging(void **state)
{
	struct paging *paging = NULL;
	struct mm_system other;
	struct mm_struct wide, empty;
	struct paging_options least = { .frames = PAGING_MIN_FRAMES, .swap_fd = -1 };
	struct paging_options few = { .frames = PAGING_MIN_FRAMES - 1, .swap_fd = -1 };
	struct paging_options many = { .frames = PAGING_MAX_FRAMES + 1UL, .swap_fd = -1 };
	struct paging_options too_many = { .frames = ~0UL, .swap_fd = -1 };
	struct paging_options swap = { .frames = 64, .swap_pages = PAGING_MAX_FRAMES + 1UL, .swap_fd = -1 };
	struct paging_options fd = { .frames = 64, .swap_pages = 1, .swap_fd = -2 };

	(void)state;
	mm_system_init(&other, &anon_vma_rmap);
	mm_init(&wide, &other);
	mm_init(&empty, &other);
	{
		struct answer answers[] = {
			INVAL(paging_new(&paging, &other, &few)),
			INVAL(paging_new(&paging, &other, &many)),
			INVAL(paging_new(&paging, &other, &too_many)),
			INVAL(paging_new(&paging, &other, &swap)),
			INVAL(paging_new(&paging, &other, &fd)),
			INVAL(paging_attach(&empty)), /* to no machine */
			INVAL(paging_truncate(&other, &file, PAGE)),
			INVAL(paging_remap_file_pages(&mm, AT + 4 * PAGE, PAGE, 0, true)),
			IS(0, paging_new(&paging, &other, &least)),
			IS(0, mm_set_task_size(&wide, ~0UL >> 32 ? 1UL << (sizeof(long) * 6) : PAGE)),
			IS(0, paging_attach(&wide)),
			INVAL(paging_attach(&wide)), /* again */
			INVAL(paging_truncate(&other, &file, 0)),
			IS(0, paging_reclaim(paging, 0)),
			IS(-EFAULT, paging_write(&wide, ~0UL, 1)),
			IS(-1, paging_walk(&wide, ~0UL, NULL, NULL)),
		};

		judge(answers);
	}
	if (~0UL >> 32) {
		assert_int_equal(mm_set_task_size(&empty, (1UL << (sizeof(long) * 6)) + PAGE), 0);
		assert_int_equal(paging_attach(&empty), -EINVAL);
	}
	mm_exit(&empty);
	mm_exit(&wide);
	paging_free(paging);
}

static int guest_of(unsigned int page_shift, unsigned int host_shift, uintptr_t base, unsigned long size)
{
	struct mm_system machine;
	struct guest_mm guest;
	struct guest_setup setup = { .sys = &machine,
		.host = &guest_host_linux,
		.base = base,
		.size = size,
		.host_page_shift = host_shift };
	int err;

	mm_system_init(&machine, &anon_vma_rmap);
	machine.page_shift = page_shift;
	err = guest_mm_init(&guest, &setup);
	if (!err)
		guest_mm_exit(&guest);
	return err;
}

static void test_of_guests(void **state)
{
	const bool narrow = sizeof(void *) < sizeof(unsigned long); /* the host's addresses */
	struct answer answers[] = {
		INVAL(guest_of(10, 12, 0, 0)),
		INVAL(guest_of(17, 12, 0, 0)),
		INVAL(guest_of(64, 12, 0, 0)),
		INVAL(guest_of(12, 11, 0, 0)),
		INVAL(guest_of(12, 22, 0, 0)),
		INVAL(guest_of(12, ~0U, 0, 0)),
		INVAL(guest_of(12, 14, PAGE, 1UL << 30)),
		INVAL(guest_of(12, 12, 0, PAGE + 1)),
		INVAL(guest_of(12, 12, 0, ~0UL)),
		INVAL(guest_of(12, 12, UINTPTR_MAX & ~(uintptr_t)(PAGE - 1), 2 * PAGE)),
		IS(0, guest_of(12, 12, 0, PAGE)),
		IS(0, guest_of(12, 12, 0, UINTPTR_MAX & ~(uintptr_t)(PAGE - 1))),
		IS(narrow ? -EINVAL : 0, guest_of(12, 12, 0, -PAGE)),
		IS(narrow ? -EINVAL : 0, guest_of(12, 12, 0, 0)),
		IS(0, guest_of(16, 21, 0, 1UL << 30)),
	};

	(void)state;
	judge(answers);
}

static void test_of_range_maps(void **state)
{
	static int value;
	struct range_map map, copy;
	uint64_t at = 7;
	struct range_map_room none = { .max = 9 }, crossed = { .size = 1, .min = 9, .max = 8 };
	struct range_map_room odd = { .size = 1, .align = 3, .max = ~0ULL };
	struct range_map_room whole = { .size = ~0ULL, .align = 1ULL << 63, .max = ~0ULL };

	(void)state;
	range_map_init(&map, NULL, NULL);
	range_map_init(&copy, NULL, NULL);
	assert_int_equal(range_map_set(&map, 10, 19, &value, 0), 0);
	{
		struct answer answers[] = {
			INVAL(range_map_set(&map, 2, 1, &value, 0)),
			INVAL(range_map_set(&map, ~0ULL, 0, &value, 0)),
			INVAL(range_map_set_empty(&map, 2, 1, &value, 0)),
			INVAL(range_map_erase(&map, 12, 11)),
			INVAL(range_map_update(&map, 12, 11, 1, 0)),
			INVAL(range_map_isolate(&map, 12, 11)),
			IS(-ENOENT, range_map_split(&map, 0)),
			IS(-ENOENT, range_map_split(&map, ~0ULL)),
			IS(false, range_map_covered(&map, 12, 11, 0, NULL)),
			INVAL(range_map_lowest(&map, &none, &at)),
			INVAL(range_map_highest(&map, &none, &at)),
			INVAL(range_map_nearest(&map, &none, 0, &at)),
			INVAL(range_map_lowest(&map, &crossed, &at)),
			INVAL(range_map_highest(&map, &crossed, &at)),
			INVAL(range_map_nearest(&map, &crossed, ~0ULL, &at)),
			INVAL(range_map_lowest(&map, &odd, &at)),
			INVAL(range_map_highest(&map, &odd, &at)),
			INVAL(range_map_nearest(&map, &odd, 0, &at)),
			IS(-ENOSPC, range_map_lowest(&map, &whole, &at)),
			IS(-ENOSPC, range_map_highest(&map, &whole, &at)),
			IS(-ENOSPC, range_map_nearest(&map, &whole, ~0ULL, &at)),
			IS(7, at),
			IS(0, range_map_copy(&copy, &map)),
			INVAL(range_map_copy(&copy, &map)),
			IS(1, range_map_count(&map).ranges),
			IS(10, range_map_count(&map).covered),
		};

		judge(answers);
	}
	range_map_destroy(&copy);
	range_map_destroy(&map);
}

static void test_of_maple_trees(void **state)
{
	static int entry;
	void *const reserved = (void *)2;
	unsigned long at = 7, next = 0;
	struct vmaple_cache_stats stats;
	DEFINE_MTREE(plain);
	struct maple_tree gaps = MTREE_INIT(gaps, MT_FLAGS_ALLOC_RANGE);

	(void)state;
	assert_int_equal(mtree_store_range(&gaps, 10, 19, &entry, GFP_KERNEL), 0);
	{
		MA_STATE(mas, &gaps, 0, 0);
		struct answer answers[] = {
			INVAL(mtree_store_range(&plain, 2, 1, &entry, GFP_KERNEL)),
			INVAL(mtree_store_range(&plain, ~0UL, 0, &entry, GFP_KERNEL)),
			INVAL(mtree_store(&plain, 1, reserved, GFP_KERNEL)),
			INVAL(mtree_insert_range(&plain, 2, 1, &entry, GFP_KERNEL)),
			INVAL(mtree_insert(&plain, 1, reserved, GFP_KERNEL)),
			INVAL(mtree_alloc_range(&plain, &at, &entry, 1, 0, 9, GFP_KERNEL)),
			INVAL(mtree_alloc_range(&gaps, &at, &entry, 0, 0, 9, GFP_KERNEL)),
			INVAL(mtree_alloc_range(&gaps, &at, &entry, 1, 9, 8, GFP_KERNEL)),
			INVAL(mtree_alloc_rrange(&gaps, &at, &entry, 0, 0, 9, GFP_KERNEL)),
			INVAL(mtree_alloc_rrange(&gaps, &at, &entry, 1, 9, 8, GFP_KERNEL)),
			INVAL(mtree_alloc_cyclic(&plain, &at, &entry, 0, 9, &next, GFP_KERNEL)),
			INVAL(mas_empty_area(&mas, 0, 9, 0)),
			INVAL(mas_empty_area(&mas, 9, 8, 1)),
			INVAL(mas_empty_area_rev(&mas, 0, 9, 0)),
			INVAL(mas_empty_area_rev(&mas, 9, 8, 1)),
			INVAL(mtree_dup(&gaps, &plain, GFP_KERNEL)), /* other flags */
			IS(7, at),
			IS(false, mt_search_select((enum mt_search_kind)99)),
			IS(false, mt_search_select((enum mt_search_kind) - 1)),
			IS(false, vmaple_cache_stats(VMAPLE_CACHE_KINDS, &stats)),
			IS(false, vmaple_cache_stats(~0U, &stats)),
		};

		judge(answers);
	}
	assert_true(mtree_empty(&plain));
	mtree_destroy(&gaps);
}

/* These can say nothing, being the kernel's interface: they are whole afterwards, and validation tells. */
static void test_of_intervals_that_end_before_they_begin(void **state)
{
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct prio_tree_root prio;
	struct interval_tree_node intervals[8] = { 0 };
	struct prio_tree_node nodes[8] = { 0 };
	const char *reason = NULL;

	(void)state;
	prio_tree_root_init(&prio);
	for (unsigned long i = 0; i < 8; i++) {
		intervals[i].start = nodes[i].start = i & 1 ? i : ~0UL - i;
		intervals[i].last = nodes[i].last = i;
		interval_tree_insert(&intervals[i], &root);
		prio_tree_insert(&prio, &nodes[i]);
	}
	assert_false(interval_tree_validate(&root, &reason));
	assert_int_equal(strncmp(reason, "IT1", 3), 0);
	assert_false(prio_tree_validate(&prio, &reason));
	for (unsigned long i = 0; i < 8; i++) {
		interval_tree_remove(&intervals[i], &root);
		prio_tree_remove(&prio, &nodes[i]);
	}
	assert_null(root.rb_leftmost);
	assert_true(prio_tree_empty(&prio));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_of_machines_and_spaces, begin, end),
		cmocka_unit_test_setup_teardown(test_of_areas, begin, end),
		cmocka_unit_test_setup_teardown(test_of_mapping_calls, begin, end),
		cmocka_unit_test_setup_teardown(test_of_calls_about_what_areas_have, begin, end),
		cmocka_unit_test(test_of_text),
		cmocka_unit_test_setup_teardown(test_of_paging, begin, end),
		cmocka_unit_test(test_of_guests),
		cmocka_unit_test(test_of_range_maps),
		cmocka_unit_test(test_of_maple_trees),
		cmocka_unit_test(test_of_intervals_that_end_before_they_begin),
	};

	return cmocka_run_group_tests_name("arguments out of range", tests, NULL, NULL);
}
