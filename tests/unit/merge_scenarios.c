/* SPDX-License-Identifier: MIT */
/*
 * merge-scenarios.txt, line by line, on the engine; with the kernel's own answer beside it where pages can be had.
 *
 * A line is carried out twice: by mm_*() calls, and by the same system calls inside a reserved window of this
 * process, read back from /proc/self/maps.  Both must give what the line says.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <vmaple/mm.h>
#include <vmaple/rmap.h>

#define PAGE   4096UL
#define WINDOW 0x7e0000000000UL
#define PAGES  256UL

struct scenario {
	char name[64], before[256], call[128], after[256];
};

/* Both worlds answer the same questions. */
struct world {
	void (*map)(unsigned long from, unsigned long to, int prot);
	void (*touch)(unsigned long page);
	long (*mprotect)(unsigned long from, unsigned long to, int prot);
	long (*munmap)(unsigned long from, unsigned long to);
	long (*mremap)(unsigned long from, unsigned long pages, unsigned long new_pages, long to);
	void (*show)(char *buf, size_t size);
	void (*clear)(void);
};

static struct mm_system sys;
static struct mm_struct mm;

static unsigned long at(unsigned long page)
{
	return WINDOW + page * PAGE;
}

static int prot_of(const char *s)
{
	return (strchr(s, 'r') ? PROT_READ : 0) | (strchr(s, 'w') ? PROT_WRITE : 0);
}

static void append(char *buf, size_t size, unsigned long from, unsigned long to, int prot)
{
	size_t n = strlen(buf);

	snprintf(buf + n, size - n, "%s%lu-%lu:%s%s", n ? " " : "", from, to, prot & PROT_READ ? "r" : "",
		prot & PROT_WRITE ? "w" : "");
}

static void engine_map(unsigned long from, unsigned long to, int prot)
{
	struct mmap_request req = { .addr = at(from),
		.len = (to - from) * PAGE,
		.prot = (unsigned long)prot,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE };

	assert_int_equal(mm_mmap(&mm, &req), at(from));
}

static void engine_touch(unsigned long page)
{
	assert_int_equal(mm_fault(&mm, at(page), MM_FAULT_WRITE), 0);
}

static long engine_mprotect(unsigned long from, unsigned long to, int prot)
{
	return mm_mprotect(&mm, at(from), (to - from) * PAGE, (unsigned long)prot, -1);
}

static long engine_munmap(unsigned long from, unsigned long to)
{
	return mm_munmap(&mm, at(from), (to - from) * PAGE);
}

static long engine_mremap(unsigned long from, unsigned long pages, unsigned long new_pages, long to)
{
	struct mremap_request req = {
		.addr = at(from), .old_len = pages * PAGE, .new_len = new_pages * PAGE
	};

	if (to >= 0) {
		req.flags = MREMAP_MAYMOVE | MREMAP_FIXED;
		req.new_addr = at((unsigned long)to);
	}
	return IS_ERR_VALUE(mm_mremap(&mm, &req)) ? -1 : 0;
}

static void engine_show(char *buf, size_t size)
{
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, &mm, 0);
	const char *reason;

	if (!mm_validate(&mm, &reason))
		fail_msg("%s", reason);
	buf[0] = '\0';
	for_each_vma (vmi, vma)
		append(buf, size, (vma->vm_start - WINDOW) / PAGE, (vma->vm_end - WINDOW) / PAGE,
			(vma->vm_flags & VM_READ ? PROT_READ : 0) |
				(vma->vm_flags & VM_WRITE ? PROT_WRITE : 0));
}

static void engine_clear(void)
{
	mm_exit(&mm);
	mm_init(&mm, &sys);
}

static void kernel_map(unsigned long from, unsigned long to, int prot)
{
	void *want = (void *)(uintptr_t)at(from);

	assert_ptr_equal(mmap(want, (to - from) * PAGE, prot,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
		want);
}

static void kernel_touch(unsigned long page)
{
	volatile char *p = (volatile char *)(uintptr_t)at(page);

	*p = 1;
}

static long kernel_mprotect(unsigned long from, unsigned long to, int prot)
{
	return mprotect((void *)(uintptr_t)at(from), (to - from) * PAGE, prot);
}

static long kernel_munmap(unsigned long from, unsigned long to)
{
	return munmap((void *)(uintptr_t)at(from), (to - from) * PAGE);
}

static long kernel_mremap(unsigned long from, unsigned long pages, unsigned long new_pages, long to)
{
	void *p;

	if (to >= 0)
		p = mremap((void *)(uintptr_t)at(from), pages * PAGE, new_pages * PAGE,
			MREMAP_MAYMOVE | MREMAP_FIXED, (void *)(uintptr_t)at((unsigned long)to));
	else
		p = mremap((void *)(uintptr_t)at(from), pages * PAGE, new_pages * PAGE, 0);
	return p == MAP_FAILED ? -1 : 0;
}

static void kernel_show(char *buf, size_t size)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512], perms[8];
	unsigned long start, end;

	assert_non_null(f);
	buf[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) == 3 && start >= WINDOW &&
			end <= at(PAGES))
			append(buf, size, (start - WINDOW) / PAGE, (end - WINDOW) / PAGE, prot_of(perms));
	}
	fclose(f);
}

static void kernel_clear(void)
{
	assert_int_equal(munmap((void *)(uintptr_t)WINDOW, PAGES * PAGE), 0);
}

static const struct world engine = { engine_map, engine_touch, engine_mprotect, engine_munmap, engine_mremap,
	engine_show, engine_clear };
static const struct world linux_kernel = { kernel_map, kernel_touch, kernel_mprotect, kernel_munmap,
	kernel_mremap, kernel_show, kernel_clear };

/* An area that is written while it cannot be is made writable for the moment of the write. */
static void set_up(const struct world *w, const char *before)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", before);
	for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
		unsigned long from, to;
		char prot[8];
		bool touched = strchr(t, '!');

		assert_int_equal(sscanf(t, "%lu-%lu:%7[rw]", &from, &to, prot), 3);
		w->map(from, to, touched ? PROT_READ | PROT_WRITE : prot_of(prot));
		if (touched) {
			w->touch(from);
			assert_int_equal(w->mprotect(from, to, prot_of(prot)), 0);
		}
	}
}

static void call(const struct world *w, const char *text)
{
	unsigned long a, b, c;
	long to;
	char prot[8];

	if (sscanf(text, "mmap %lu %lu %7s", &a, &b, prot) == 3)
		w->map(a, b, prot_of(prot));
	else if (sscanf(text, "mprotect %lu %lu %7s", &a, &b, prot) == 3)
		assert_int_equal(w->mprotect(a, b, prot_of(prot)), 0);
	else if (sscanf(text, "munmap %lu %lu", &a, &b) == 2)
		assert_int_equal(w->munmap(a, b), 0);
	else if (sscanf(text, "mremap %lu %lu %lu to %ld", &a, &b, &c, &to) == 4)
		assert_int_equal(w->mremap(a, b - a, c, to), 0);
	else if (sscanf(text, "mremap %lu %lu %lu inplace", &a, &b, &c) == 3)
		assert_int_equal(w->mremap(a, b - a, c - a, -1), 0);
	else
		fail_msg("unknown call: %s", text);
}

static void run_in(const struct world *w, const struct scenario *s)
{
	char got[512];

	w->clear();
	set_up(w, s->before);
	call(w, s->call);
	w->show(got, sizeof(got));
	assert_string_equal(got, s->after);
	w->clear();
}

static void test_scenario(void **state)
{
	run_in(&engine, *state);
}

static void test_scenario_on_this_kernel(void **state)
{
	run_in(&linux_kernel, *state);
}

static size_t load(const char *path, struct scenario *list, size_t max)
{
	FILE *f = fopen(path, "r");
	char line[1024];
	size_t n = 0;

	if (!f) {
		perror(path);
		exit(1);
	}
	while (n < max && fgets(line, sizeof(line), f)) {
		struct scenario *s = &list[n];

		if (line[0] != '#' && sscanf(line, "%63s | %255[^|] | %127[^|] | %255[^\n]", s->name,
					      s->before, s->call, s->after) == 4) {
			s->before[strlen(s->before) - 1] = '\0';
			n++;
		}
	}
	fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	static struct scenario list[64];
	static struct CMUnitTest tests[128];
	static char names[128][80];
	size_t n = load(argc > 1 ? argv[1] : "merge-scenarios.txt", list, 64), k = 0;

	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	for (size_t i = 0; i < n; i++) {
		snprintf(names[k], sizeof(names[k]), "engine: %.60s", list[i].name);
		tests[k] = (struct CMUnitTest){ names[k], test_scenario, NULL, NULL, &list[i] };
		k++;
		if (UINTPTR_MAX < WINDOW)
			continue; /* no place of this process */
		snprintf(names[k], sizeof(names[k]), "kernel: %.60s", list[i].name);
		tests[k] =
			(struct CMUnitTest){ names[k], test_scenario_on_this_kernel, NULL, NULL, &list[i] };
		k++;
	}
	if (n < 33) {
		fprintf(stderr, "only %zu scenarios could be read\n", n);
		return 1;
	}
	return _cmocka_run_group_tests("merge scenarios", tests, k, NULL, NULL);
}
