/* SPDX-License-Identifier: MIT */
/* Damage to what the reverse map and paging know is found, and named by its rule. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <string.h>
#include <sys/mman.h>

/* Private to its room: damage is done by hand. */
#include "internal.h"
#undef count
#include "../rmap/anon_vma.h"
#include "panic.h"

#define PAGE 4096UL
#define BASE 0x7e0000000000UL

static struct mm_system sys;
static struct mm_struct mm, child;
static struct paging *paging;

/* Two areas of one anon_vma, written, shared with a child. */
static int begin(void **state)
{
	const struct paging_options options = { .frames = 64, .swap_pages = 64, .swap_fd = -1 };
	const struct mmap_request req = { .addr = BASE,
		.len = 8 * PAGE,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };

	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	assert_int_equal(paging_new(&paging, &sys, &options), 0);
	assert_int_equal(paging_attach(&mm), 0);
	assert_true(mm_mmap(&mm, &req) == BASE);
	for (unsigned long i = 0; i < 8; i++)
		assert_int_equal(paging_write(&mm, BASE + i * PAGE, i), 0);
	assert_int_equal(mm_mprotect(&mm, BASE, 4 * PAGE, PROT_READ, -1), 0);
	assert_int_equal(mm_fork(&child, &mm), 0);
	return 0;
}

static int end(void **state)
{
	mm_exit(&child);
	mm_exit(&mm);
	paging_free(paging);
	return 0;
}

static void assert_valid(void)
{
	const char *reason = "";

	if (!paging_validate(paging, &reason))
		fail_msg("%s", reason);
}

static void assert_found(const char *rule)
{
	const char *reason = "";

	assert_false(paging_validate(paging, &reason));
	if (!strstr(reason, rule))
		fail_msg("found \"%s\", not %s", reason, rule);
}

static pte_t *pte_at(unsigned long addr)
{
	return leaf_pte(leaf_find(mm.pgd, addr), addr);
}

static struct page *page_at(unsigned long addr)
{
	return pte_page(paging, *pte_at(addr));
}

static void test_an_area_that_changed_behind_its_tree_is_found(void **state)
{
	struct vm_area_struct *vma = vma_lookup(&mm, BASE);

	assert_valid();
	vma->vm_pgoff++;
	assert_found("AV4");
	vma->vm_pgoff--;
	assert_valid();
}

static void test_an_anon_vma_that_lost_count_of_its_children_is_found(void **state)
{
	struct anon_vma *av = vma_lookup(&mm, BASE)->anon_vma;

	assert_int_equal(av->num_children, 3); /* itself, and one for each area of the child */
	av->num_children--;
	assert_found("AV7");
	av->num_children += 2;
	assert_found("AV7");
	av->num_children--;
	assert_valid();
}

static void test_chains_that_are_damaged_are_found(void **state)
{
	struct vm_area_struct *vma = vma_lookup(&mm, BASE), *other = vma_lookup(&mm, BASE + 4 * PAGE);
	struct vm_area_struct *inherits = vma_lookup(&child, BASE);
	struct anon_vma_chain *avc = avc_of(vma->anon_vma_chain.next);
	struct anon_vma *av = vma->anon_vma, *root = av->root;
	struct list_link chain = vma->anon_vma_chain;

	assert_ptr_not_equal(inherits->anon_vma, av);
	vma->anon_vma = inherits->anon_vma;
	av->num_active_vmas--;
	assert_found("AV1");
	av->num_active_vmas++;
	vma->anon_vma = NULL;
	assert_found("AV1");
	vma->anon_vma = av;
	avc_of(inherits->anon_vma_chain.next)->moved++;
	assert_found("AV8");
	avc_of(inherits->anon_vma_chain.next)->moved--;
	av->areas++;
	assert_found("AV2");
	av->areas--;
	av->num_active_vmas--;
	assert_found("AV2");
	av->num_active_vmas++;
	avc->vma = other;
	assert_found("AV5");
	avc->vma = vma;
	avc->last++;
	assert_found("AV4");
	avc->last--;
	inherits->anon_vma->root = inherits->anon_vma;
	assert_found("AV6");
	inherits->anon_vma->root = root;
	avc->subtree_last++;
	assert_found("subtree");
	avc->subtree_last--;
	avc_tree_remove(avc, &av->tree);
	assert_found("AV5");
	avc_tree_insert(avc, &av->tree);
	assert_valid();
	assert_memory_equal(&chain, &vma->anon_vma_chain, sizeof(chain));
}

static void test_a_file_that_lost_count_of_its_areas_is_found(void **state)
{
	static struct vm_file file = { .refs = 1, .readable = true, .writable = true, .size = 8 * PAGE };
	const struct mmap_request req = { .addr = BASE + 16 * PAGE,
		.len = 8 * PAGE,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_SHARED | MAP_FIXED,
		.file = &file };
	struct vm_area_struct *vma;

	assert_true(mm_mmap(&mm, &req) == req.addr);
	vma = vma_lookup(&mm, req.addr);
	assert_valid();
	file.mapping->nr_areas++;
	assert_found("IM3");
	file.mapping->nr_areas--;
	vma->vm_pgoff++;
	assert_found("IM2");
	vma->vm_pgoff--;
	assert_valid();
	assert_int_equal(mm_munmap(&mm, req.addr, req.len), 0);
	vm_file_put(&file);
}

static void test_a_wrong_mapcount_is_found(void **state)
{
	page_at(BASE)->_mapcount++;
	assert_found("PG1");
	page_at(BASE)->_mapcount--;
	page_at(BASE)->_refcount++;
	assert_found("PG4");
	page_at(BASE)->_refcount--;
	assert_valid();
}

static void test_a_place_that_no_walk_finds_is_found(void **state)
{
	page_at(BASE)->index += 100;
	assert_found("PG2");
	page_at(BASE)->index -= 100;
	assert_valid();
}

static void test_a_pte_that_allows_too_much_is_found(void **state)
{
	*pte_at(BASE) |= PTE_WRITE;
	assert_found("PG7");
	*pte_at(BASE) &= ~PTE_WRITE;
	assert_valid();
}

static void test_a_slot_that_is_miscounted_is_found(void **state)
{
	paging_reclaim(paging, 64);
	assert_true(paging_statistics(paging).swapped_out > 0);
	assert_valid();
	for (unsigned long i = 0; i < paging->swap.nr; i++) {
		if (!paging->swap.refs[i])
			continue;
		paging->swap.refs[i]++;
		assert_found("PG5");
		paging->swap.refs[i]--;
		assert_valid();
		return;
	}
	fail_msg("no slot is in use");
}

static void test_a_list_that_lost_count_is_found(void **state)
{
	paging->nr_inactive++;
	assert_found("PG6");
	paging->nr_inactive--;
	assert_valid();
}

static struct {
	void (*damage)(void), (*change)(void);
} harm;

static void damage_and_change(void)
{
	harm.damage();
	harm.change();
}

static void assert_panic(unsigned int verify, void (*damage)(void), void (*change)(void), const char *rule)
{
	unsigned int as_it_was = sys.verify;
	const char *said;

	harm.damage = damage;
	harm.change = change;
	sys.verify = verify;
	said = panic_of(damage_and_change);
	sys.verify = as_it_was;
	if (rule ? !strstr(said, rule) : said[0])
		fail_msg("verify %u: \"%s\", not %s", verify, said, rule ? rule : "nothing");
}

/* What the reverse map knows, and what paging does. */
static void damage_area(void)
{
	vma_lookup(&mm, BASE)->vm_pgoff++;
}

static void damage_page(void)
{
	page_at(BASE)->_mapcount++;
}

static void change_elsewhere(void)
{
	assert_int_equal(mm_munmap(&mm, BASE + 7 * PAGE, PAGE), 0);
}

/* No change of the index. */
static void advise_elsewhere(void)
{
	assert_int_equal(mm_madvise(&mm, BASE + 7 * PAGE, PAGE, MADV_DONTNEED), 0);
}

static void read_elsewhere(void)
{
	uint64_t stamp;

	assert_int_equal(paging_read(&mm, BASE + 7 * PAGE, &stamp), 0);
}

static void reclaim_none(void)
{
	(void)paging_reclaim(paging, 0);
}

static void test_damage_is_found_when_the_next_call_is_over(void **state)
{
	static void (*const changes[])(
		void) = { change_elsewhere, advise_elsewhere, read_elsewhere, reclaim_none };

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		bool call = i < 2;

		assert_panic(MM_VERIFY_NEVER, damage_area, changes[i], NULL);
		assert_panic(MM_VERIFY_ALWAYS, damage_area, changes[i], call ? "AV4" : NULL);
		assert_panic(MM_VERIFY_ALWAYS, damage_page, changes[i], NULL);
		assert_panic(MM_VERIFY_PAGES, damage_area, changes[i], "AV4");
		assert_panic(MM_VERIFY_PAGES, damage_page, changes[i], "PG1");
	}
}

/* As often as there are areas. */
static void change_often(void)
{
	for (unsigned long i = 4; i < 8; i++)
		assert_int_equal(mm_mprotect(&mm, BASE + i * PAGE, PAGE, PROT_NONE, -1), 0);
}

static void test_damage_is_found_sometime(void **state)
{
	mm.unverified = 1;
	assert_panic(MM_VERIFY_SOMETIMES, damage_area, change_elsewhere, NULL);
	assert_panic(MM_VERIFY_SOMETIMES, damage_area, change_often, "AV4");
}

#define DAMAGE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAMAGE(test_an_area_that_changed_behind_its_tree_is_found),
		DAMAGE(test_an_anon_vma_that_lost_count_of_its_children_is_found),
		DAMAGE(test_chains_that_are_damaged_are_found),
		DAMAGE(test_a_file_that_lost_count_of_its_areas_is_found),
		DAMAGE(test_a_wrong_mapcount_is_found),
		DAMAGE(test_a_place_that_no_walk_finds_is_found),
		DAMAGE(test_a_pte_that_allows_too_much_is_found),
		DAMAGE(test_a_slot_that_is_miscounted_is_found),
		DAMAGE(test_a_list_that_lost_count_is_found),
		DAMAGE(test_damage_is_found_when_the_next_call_is_over),
		DAMAGE(test_damage_is_found_sometime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
