/* SPDX-License-Identifier: MIT */
/*
 * For LD_PRELOAD: the allocation whose number is in FAIL_NTH fails, once.  When the program ends, how many there were is
 * written into the file that FAIL_COUNT names.  Those of libdw and libbpf are not counted: they do not survive some of their own
 * that fail (dwfl_module_getsrc() of 0.188 and bpf_object__load() of 1.1.2 follow a NULL).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's own, under the names by which an interposer reaches them. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *mem, size_t size);
void *__libc_memalign(size_t align, size_t size);

static unsigned long allocations, nth;
static bool ready;

static bool is_theirs(const void *caller)
{
	Dl_info info;
	bool yes;

	ready = false;
	yes = dladdr(caller, &info) && info.dli_fname &&
	      (strstr(info.dli_fname, "/libdw") || strstr(info.dli_fname, "/libbpf"));
	ready = true;
	return yes;
}

static bool refuse(const void *caller)
{
	if (!ready || is_theirs(caller) || __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED) != nth)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *mem, size_t size)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_realloc(mem, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_memalign(align, size);
}

/* Whose it is tells its caller, as of the others. */
char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = refuse(__builtin_return_address(0)) ? NULL : __libc_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

int posix_memalign(void **mem, size_t align, size_t size)
{
	*mem = refuse(__builtin_return_address(0)) ? NULL : __libc_memalign(align, size);
	return *mem ? 0 : ENOMEM;
}

/* What libraries allocate before main() begins is theirs. */
__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAIL_NTH");

	nth = text ? strtoul(text, NULL, 10) : 0;
	/* Nor are those of programs that this one begins. */
	unsetenv("LD_PRELOAD");
	ready = true;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FAIL_COUNT");
	char text[32];
	int fd, n = snprintf(text, sizeof(text), "%lu\n", allocations);

	ready = false;
	fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
	if (fd >= 0 && write(fd, text, (size_t)n) != n)
		_exit(99);
}
