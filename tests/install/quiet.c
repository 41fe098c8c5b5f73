/* SPDX-License-Identifier: MIT */
/*
 * What the engine has done before a program calls it: it has allocated nothing, begun no thread and handles no signal; nor
 * has it asked for a variable of the environment by the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/mm.h>
#include <vmaple/rmap.h>

void *__real_malloc(size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
char *__real_getenv(const char *name);
void *__wrap_malloc(size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__wrap_getenv(const char *name);

static unsigned long allocated, asked;

void *__wrap_malloc(size_t size)
{
	allocated++;
	return __real_malloc(size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	allocated++;
	return __real_aligned_alloc(align, size);
}

char *__wrap_getenv(const char *name)
{
	asked++;
	return __real_getenv(name);
}

/* Are there these lines in what the kernel says of the process? */
static int says(const char *threads, const char *handled)
{
	char text[4096];
	FILE *file = fopen("/proc/self/status", "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	if (file)
		fclose(file);
	return strstr(text, threads) && strstr(text, handled);
}

int main(void)
{
	unsigned long before = allocated;
	int quiet = says("\nThreads:\t1\n", "\nSigCgt:\t0000000000000000\n");
	struct mm_system sys;
	struct mm_struct mm;
	struct mmap_request req = { .len = 4096, .prot = 3, .flags = 0x22 };

	mm_system_init(&sys, &anon_vma_rmap);
	mm_init(&mm, &sys);
	if (IS_ERR_VALUE(mm_mmap(&mm, &req)))
		return 2;
	mm_exit(&mm);
	if (before || asked || !quiet || !allocated)
		printf("%lu allocations before main(), %lu variables asked for, %s, %lu allocations\n",
			before, asked, quiet ? "quiet" : "a thread or a handler", allocated);
	return before || asked || !quiet || !allocated;
}
