/* SPDX-License-Identifier: MIT */
/*
 * A guest's memory: what a host page has, what is reserved, what is shown, adopted and verified. The host is one that
 * keeps notes and has no memory, but for a page that edges are copied in; bytes are the model's business
 * (tests/model/guest_model.c).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <vmaple/guest_mm.h>
#include <vmaple/rmap.h>

#include "failing_port.h"

#define PAGE 0x1000UL
#define HOST 0x4000UL
#define RW   (PROT_READ | PROT_WRITE)
#define SIZE (1UL << 30)

static struct mm_system sys;
static struct guest_mm guest;
static unsigned char *window;
static unsigned long undone;
static int refusal;

static int embedder_says(struct mm_struct *mm, const struct mm_change *change)
{
	(void)mm;
	(void)change;
	return refusal;
}

static void count_undone(struct mm_struct *mm, const struct mm_change *change)
{
	(void)mm;
	(void)change;
	undone++;
}

static const struct mm_operations embedder = { .host = embedder_says };
static struct guest_host host;

static void begin_host(void)
{
	window = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(window, MAP_FAILED);
	host = guest_host_linux;
	refusal = 0;
	undone = 0;
	mm_system_init(&sys, &anon_vma_rmap);
}

static struct guest_setup setup_of(void)
{
	struct guest_setup setup = { .sys = &sys,
		.host = &host,
		.base = ((uintptr_t)window + HOST - 1) & -HOST,
		.size = SIZE / 2,
		.host_page_shift = 14,
		.ops = &embedder,
		.undo = count_undone };

	return setup;
}

static int begin(void **state)
{
	struct guest_setup setup;

	(void)state;
	begin_host();
	setup = setup_of();
	return guest_mm_init(&guest, &setup);
}

static int end(void **state)
{
	(void)state;
	guest_mm_exit(&guest);
	return munmap(window, SIZE);
}

static unsigned long map_at(unsigned long addr, unsigned long len, unsigned long prot)
{
	struct mmap_request req = {
		.addr = addr, .len = len, .prot = prot, .flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS
	};

	return mm_mmap(&guest.mm, &req);
}

static void test_setups_that_cannot_be(void **state)
{
	struct guest_setup setup;
	struct guest_mm other;

	(void)state;
	begin_host();
	setup = setup_of();
	setup.host_page_shift = 11;
	assert_int_equal(guest_mm_init(&other, &setup), -EINVAL);
	setup.host_page_shift = 22;
	assert_int_equal(guest_mm_init(&other, &setup), -EINVAL);
	setup = setup_of();
	setup.base += PAGE;
	assert_int_equal(guest_mm_init(&other, &setup), -EINVAL);
	setup = setup_of();
	setup.size = SIZE / 2 + 1;
	assert_int_equal(guest_mm_init(&other, &setup), -EINVAL);
	setup = setup_of();
	setup.host = NULL;
	assert_int_equal(guest_mm_init(&other, &setup), -EINVAL);
	munmap(window, SIZE);
}

static void test_rights_of_a_shared_host_page_are_the_union(void **state)
{
	struct guest_page page;

	(void)state;
	assert_int_equal(map_at(0x100000, PAGE, PROT_READ), 0x100000);
	assert_int_equal(map_at(0x102000, PAGE, RW), 0x102000);
	guest_mm_look(&guest, 0x103fff, &page);
	assert_int_equal(page.start, 0x100000);
	assert_int_equal(page.end, 0x104000);
	assert_int_equal(page.rights, VM_READ | VM_WRITE);
	assert_int_equal(page.areas, 2);
	assert_false(page.exact);
	assert_int_equal(page.kind, GUEST_PAGE_COPY);
	/* What the hardware lets through is not what the guest may do. */
	assert_true(guest_mm_allows(&guest, 0x102000, PAGE, VM_WRITE));
	assert_false(guest_mm_allows(&guest, 0x100000, PAGE, VM_WRITE));
	assert_true(guest_mm_allows(&guest, 0x100000, PAGE, VM_READ));
	assert_false(guest_mm_allows(&guest, 0x100000, 2 * PAGE, VM_READ));
	guest_mm_look(&guest, 0x104000, &page);
	assert_int_equal(page.kind, GUEST_PAGE_NONE);
	assert_int_equal(page.areas, 0);
}

static void test_a_whole_host_page_of_one_area_is_exact(void **state)
{
	struct guest_page page;

	(void)state;
	assert_int_equal(map_at(0x100000, HOST, RW), 0x100000);
	guest_mm_look(&guest, 0x101000, &page);
	assert_true(page.exact);
	assert_int_equal(page.areas, 1);
	/* Three quarters of one are not. */
	assert_int_equal(mm_munmap(&guest.mm, 0x103000, PAGE), 0);
	guest_mm_look(&guest, 0x101000, &page);
	assert_false(page.exact);
}

static void test_nobody_gets_what_is_reserved(void **state)
{
	struct mmap_request anywhere = {
		.len = SIZE / 2 - 0x400000, .prot = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS
	};
	char text[256] = "untouched";

	(void)state;
	assert_int_equal(guest_mm_reserve(&guest, 0x200000, 0x203000), -EINVAL);
	assert_int_equal(guest_mm_reserve(&guest, 0x200000, 0x240000), 0);
	assert_int_equal(guest_mm_reserve(&guest, 0x23c000, 0x244000), -EEXIST);
	assert_int_equal(map_at(0x200000, PAGE, RW), -EPERM);
	assert_int_equal(mm_munmap(&guest.mm, 0x100000, 0x200000), -EPERM);
	assert_int_equal(mm_mprotect(&guest.mm, 0x210000, PAGE, RW, -1), -EPERM);
	assert_false(guest_mm_allows(&guest, 0x200000, PAGE, 0));
	/* So long a range would have to go over it. */
	assert_true(IS_ERR_VALUE(mm_mmap(&guest.mm, &anywhere)));
	assert_int_equal(guest_mm_maps(&guest, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void test_maps_are_those_of_the_guest(void **state)
{
	static const char all[] =
		"00100000-00101000 r--p 00000000 00:00 0 \n00102000-00103000 rw-p 00000000 00:00 0 \n";
	char text[256];

	(void)state;
	map_at(0x100000, PAGE, PROT_READ);
	map_at(0x102000, PAGE, RW);
	assert_int_equal(guest_mm_maps(&guest, text, sizeof(text)), strlen(all));
	assert_string_equal(text, all);
	/* No room for the second line: the first one, whole. */
	assert_int_equal(guest_mm_maps(&guest, text, strlen(all)), strlen(all));
	assert_int_equal(strlen(text), strlen(all) / 2);
	assert_int_equal(guest_mm_maps(&guest, NULL, 0), strlen(all));
}

static void test_an_embedder_refuses_and_hears_of_what_failed(void **state)
{
	(void)state;
	refusal = -EACCES;
	assert_int_equal(map_at(0x100000, PAGE, RW), -EACCES);
	assert_int_equal(undone, 0);
	assert_int_equal(guest.mm.map_count, 0);
	refusal = 0;
	/* The host has no such memory: a mapping of more than the address space of this process has. */
	guest.setup.base = 1UL << 47;
	assert_true(IS_ERR_VALUE(map_at(0x100000, HOST, RW)));
	assert_int_equal(undone, 1);
	guest.setup.base = setup_of().base;
}

static void visit(void *ctx, struct vm_area_struct *vma)
{
	*(unsigned long *)ctx += 1UL << (vma->vm_start >> 20);
}

static void test_areas_of_a_file(void **state)
{
	struct guest_file file = {
		.file = { .refs = 1, .readable = true, .writable = true, .dev = 5, .ino = 7, .name = "f" },
		.fd = memfd_create("f", 0)
	};
	struct mmap_request req = {
		.len = HOST, .prot = PROT_READ, .flags = MAP_FIXED | MAP_SHARED, .file = &file.file
	};
	unsigned long seen = 0;

	(void)state;
	assert_true(file.fd >= 0);
	for (req.addr = 0x100000; req.addr <= 0x300000; req.addr += 0x200000)
		assert_int_equal(mm_mmap(&guest.mm, &req), req.addr);
	map_at(0x200000, PAGE, RW);
	guest_mm_file_areas(&guest, 5, 7, visit, &seen);
	assert_int_equal(seen, 1 << 1 | 1 << 3);
	guest_mm_file_areas(&guest, 5, 8, visit, &seen);
	assert_int_equal(seen, 1 << 1 | 1 << 3);
	assert_int_equal(mm_munmap(&guest.mm, 0x100000, 0x300000), 0);
	assert_int_equal(file.file.refs, 1);
	close(file.fd);
}

/* Both places of a move have a part of the same host page. */
static void test_a_shared_file_moves_by_a_few_guest_pages(void **state)
{
	struct guest_file file = { .file = { .refs = 1,
					   .readable = true,
					   .writable = true,
					   .size = 2 * HOST,
					   .dev = 5,
					   .ino = 7,
					   .name = "f" },
		.fd = memfd_create("f", 0) };
	struct mmap_request req = { .addr = 0x103000,
		.len = 4 * PAGE,
		.prot = RW,
		.flags = MAP_FIXED | MAP_SHARED,
		.file = &file.file };
	struct mremap_request move = { .addr = 0x103000,
		.old_len = 4 * PAGE,
		.new_len = 4 * PAGE,
		.new_addr = 0x107000,
		.flags = MREMAP_MAYMOVE | MREMAP_FIXED };

	(void)state;
	assert_int_equal(ftruncate(file.fd, 2 * HOST), 0);
	assert_int_equal(pwrite(file.fd, "first", 6, 3 * PAGE), 6);
	assert_int_equal(pwrite(file.fd, "last", 5, 6 * PAGE), 5);
	req.offset = 3 * PAGE;
	assert_int_equal(mm_mmap(&guest.mm, &req), 0x103000);
	assert_int_equal(mm_mremap(&guest.mm, &move), 0x107000);
	assert_true(guest_mm_allows(&guest, 0x107000, 4 * PAGE, VM_READ));
	assert_string_equal((char *)guest.setup.base + 0x107000, "first");
	assert_string_equal((char *)guest.setup.base + 0x10a000, "last");
	assert_int_equal(mm_munmap(&guest.mm, 0x107000, 4 * PAGE), 0);
	close(file.fd);
}

/* A line of maps for guest addresses, as the host would show it. */
static void put_line(char *text, size_t size, unsigned long start, unsigned long end, const char *rest)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length, "%lx-%lx %s\n", guest.setup.base + start,
		guest.setup.base + end, rest);
}

static void test_verify_names_the_first_page_that_differs(void **state)
{
	char text[512] = "", why[200] = "";

	(void)state;
	map_at(0x100000, PAGE, PROT_READ);
	map_at(0x105000, 4 * PAGE, RW);
	put_line(text, sizeof(text), 0x100000, 0x104000, "r--p 00000000 00:00 0");
	put_line(text, sizeof(text), 0x104000, 0x10c000, "rw-p 00000000 00:00 0 ");
	assert_true(guest_mm_verify_host(&guest, text, why, sizeof(why)));

	text[0] = 0;
	put_line(text, sizeof(text), 0x100000, 0x104000, "r--p 00000000 00:00 0");
	put_line(text, sizeof(text), 0x104000, 0x108000, "rw-p 00000000 00:00 0 ");
	assert_false(guest_mm_verify_host(&guest, text, why, sizeof(why)));
	assert_non_null(strstr(why, "guest address 108000"));
	assert_non_null(strstr(why, "has other rights"));

	put_line(text, sizeof(text), 0x108000, 0x10c000, "rw-p 00000000 00:00 0 ");
	put_line(text, sizeof(text), 0x120000, 0x124000, "r--p 00000000 00:00 0 ");
	assert_false(guest_mm_verify_host(&guest, text, why, sizeof(why)));
	assert_non_null(strstr(why, "guest address 120000"));

	assert_false(guest_mm_verify_host(&guest, "no map\n", why, sizeof(why)));
	assert_non_null(strstr(why, "cannot be read"));
}

static struct vm_file adopted_file = { .refs = 1, .readable = true, .name = "/lib/x" };

static struct vm_file *file_of(void *ctx, const struct maps_line *line)
{
	*(unsigned long *)ctx = line->ino;
	assert_string_equal(line->name, "/lib/x y");
	return vm_file_get(&adopted_file);
}

static void test_what_the_host_has_is_adopted(void **state)
{
	static const char want[] =
		"00100000-00104000 r-xp 00002000 00:00 0                                  /lib/x\n"
		"00200000-00204000 rw-p 00000000 00:00 0 \n"
		"00208000-0020c000 rw-p 00000000 00:00 0 \n";
	char text[512] = "", shown[512];
	unsigned long ino = 0;

	(void)state;
	assert_int_equal(guest_mm_reserve(&guest, 0x204000, 0x208000), 0);
	put_line(text, sizeof(text), 0x100000, 0x104000, "r-xp 00002000 fe:01 1234     /lib/x y");
	put_line(text, sizeof(text), 0x104000, 0x110000, "---p 00000000 00:00 0 ");
	put_line(text, sizeof(text), 0x200000, 0x20c000, "rw-p 00000000 00:00 0 ");
	assert_int_equal(guest_mm_adopt(&guest, text, file_of, &ino), 0);
	assert_int_equal(ino, 1234);
	guest_mm_maps(&guest, shown, sizeof(shown));
	assert_string_equal(shown, want);
	assert_int_equal(guest_mm_adopt(&guest, text, file_of, &ino), -EEXIST);
	assert_int_equal(guest_mm_adopt(&guest, "1000-2000 rwxq 0 0:0 0\n", NULL, NULL), -EINVAL);
	assert_int_equal(guest_mm_adopt(&guest, "2000-1000 rwxp 0 0:0 0\n", NULL, NULL), -EINVAL);
	assert_int_equal(guest_mm_adopt(&guest, "1000-2000 rwxp 0 0:0\n", NULL, NULL), -EINVAL);
	assert_int_equal(mm_munmap(&guest.mm, 0x100000, HOST), 0);
	assert_int_equal(adopted_file.refs, 1);
}

/* Every allocation of a life with two changes of a shared host page fails once. */
static void test_memory_that_is_refused(void **state)
{
	struct guest_file file = { .file = { .refs = 1, .readable = true, .name = "f" },
		.fd = memfd_create("f", 0) };
	struct mmap_request req = { .addr = 0x101000,
		.len = PAGE,
		.prot = RW,
		.flags = MAP_FIXED | MAP_PRIVATE,
		.file = &file.file };
	bool failed = true;
	int refused = 0;

	(void)state;
	for (long n = 1; failed; n++) {
		struct guest_setup setup;
		long before;

		begin_host();
		setup = setup_of();
		empty_caches();
		before = live_bytes;
		fail_after(n);
		if (!guest_mm_init(&guest, &setup)) {
			(void)map_at(0x100000, PAGE, RW);
			(void)mm_mmap(&guest.mm, &req);
			guest_mm_exit(&guest);
		}
		failed = failing_hit;
		refused += failed;
		failing_left = -1;
		empty_caches();
		assert_int_equal(live_bytes, before);
		assert_int_equal(file.file.refs, 1);
		munmap(window, SIZE);
	}
	assert_true(refused >= 3);
	close(file.fd);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setups_that_cannot_be),
		WITH(test_rights_of_a_shared_host_page_are_the_union),
		WITH(test_a_whole_host_page_of_one_area_is_exact),
		WITH(test_nobody_gets_what_is_reserved),
		WITH(test_maps_are_those_of_the_guest),
		WITH(test_an_embedder_refuses_and_hears_of_what_failed),
		WITH(test_areas_of_a_file),
		WITH(test_a_shared_file_moves_by_a_few_guest_pages),
		WITH(test_verify_names_the_first_page_that_differs),
		WITH(test_what_the_host_has_is_adopted),
		cmocka_unit_test(test_memory_that_is_refused),
	};

	failing_port_install();
	return cmocka_run_group_tests_name("guest_mm", tests, NULL, NULL);
}
