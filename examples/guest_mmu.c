/* SPDX-License-Identifier: MIT */
/*
 * Guest pages of 4 KiB on a host that is said to have pages of 16 KiB: one host page with three things in it.
 *
 * A program that was built for pages of 4 KiB maps a page of its file, a page of memory beside it, and protects a third.
 * On a host with larger pages these share one; <vmaple/guest_mm.h> makes a copy of what cannot be mapped, gives the page
 * the union of the rights, and goes on telling the guest what Linux would.
 */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmaple/guest_mm.h>
#include <vmaple/rmap.h>

#define PAGE   4096UL
#define WINDOW (1UL << 30)

static struct mm_system sys;
static struct guest_mm guest;
static struct guest_file file = {
	.file = { .refs = 1, .readable = true, .writable = true, .name = "/lib/guest.so" }
};

#define expect(what)                                            \
	do {                                                    \
		if (!(what)) {                                  \
			fprintf(stderr, "not so: %s\n", #what); \
			exit(1);                                \
		}                                               \
	} while (0)

static char *at(unsigned long addr)
{
	return (char *)(guest.setup.base + addr);
}

static void show(unsigned long addr, const char *when)
{
	static const char *const kinds[] = { "nothing of the guest's", "mapped directly", "a copy" };
	struct guest_page page;
	char maps[1024];

	guest_mm_look(&guest, addr, &page);
	guest_mm_maps(&guest, maps, sizeof(maps));
	printf("%s:\n%s  host page %lx: %s, %c%c%c%s\n", when, maps, page.start, kinds[page.kind],
		page.rights & VM_READ ? 'r' : '-', page.rights & VM_WRITE ? 'w' : '-',
		page.rights & VM_EXEC ? 'x' : '-', page.exact ? "" : ", which some of it may not");
}

/* Does this process have what the guest needs? Its own map tells. */
static void verify(void)
{
	static char maps[1 << 16];
	char difference[256];
	int fd = open("/proc/self/maps", O_RDONLY);
	size_t length = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	maps[length] = 0;
	if (!guest_mm_verify_host(&guest, maps, difference, sizeof(difference))) {
		fprintf(stderr, "%s\n", difference);
		exit(1);
	}
}

static unsigned long map(unsigned long addr, unsigned long prot, struct vm_file *from, unsigned long offset)
{
	struct mmap_request req = { .addr = addr,
		.len = PAGE,
		.prot = prot,
		.flags = MAP_FIXED | MAP_PRIVATE | (from ? 0 : MAP_ANONYMOUS),
		.file = from,
		.offset = offset };

	return mm_mmap(&guest.mm, &req);
}

int main(void)
{
	struct guest_setup setup = {
		.sys = &sys, .host = &guest_host_linux, .size = WINDOW, .host_page_shift = 14
	};
	char *window = mmap(
		NULL, WINDOW + (1UL << 14), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	expect(window != MAP_FAILED);
	setup.base = ((unsigned long)window + (1UL << 14) - 1) & ~((1UL << 14) - 1);
	file.fd = memfd_create("guest.so", 0);
	expect(file.fd >= 0 && pwrite(file.fd, "the second page", 16, PAGE) == 16);
	mm_system_init(&sys, &anon_vma_rmap);
	expect(guest_mm_init(&guest, &setup) == 0);

	expect(map(0x101000, PROT_READ, &file.file, PAGE) == 0x101000);
	show(0x100000, "a page of a file");
	expect(map(0x102000, PROT_READ | PROT_WRITE, NULL, 0) == 0x102000);
	strcpy(at(0x102000), "the guest's own");
	show(0x100000, "and a page of memory");
	expect(strcmp(at(0x101000), "the second page") == 0);
	verify();

	/* What the hardware lets through, the emulator has to ask about. */
	expect(!guest_mm_allows(&guest, 0x101000, PAGE, VM_WRITE));
	expect(guest_mm_allows(&guest, 0x102000, PAGE, VM_WRITE));

	expect(mm_munmap(&guest.mm, 0x101000, PAGE) == 0);
	expect(mm_mprotect(&guest.mm, 0x102000, PAGE, PROT_READ, -1) == 0);
	show(0x100000, "the file is gone, the memory may only be read");
	expect(strcmp(at(0x102000), "the guest's own") == 0);
	verify();

	guest_mm_exit(&guest);
	close(file.fd);
	munmap(window, WINDOW + (1UL << 14));
	return 0;
}
