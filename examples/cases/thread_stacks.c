/* SPDX-License-Identifier: MIT */
/*
 * Thread stacks, each with a guard page.
 *
 *   thread_stacks mprotect|install [STACKS]
 *
 * A guard page by mprotect is an area, and keeps two stacks apart; one by MADV_GUARD_INSTALL (Linux 6.13) is none.
 */
#include "case.h"

#define STACK (256UL << 10)
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static culprit long protect_guard(char *stack)
{
	return sys_mprotect(stack, PAGE, PROT_NONE);
}

static culprit long install_guard(char *stack)
{
	return sys_madvise(stack, PAGE, MADV_GUARD_INSTALL);
}

static culprit char *map_stack(void)
{
	return sys_mmap(NULL, STACK, READ_WRITE, ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
}

int main(int argc, char **argv)
{
	unsigned long n = number(argc, argv, 2, 300);
	int install = argc > 1 && strcmp(argv[1], "install") == 0;

	for (unsigned long i = 0; i < n; i++) {
		char *stack = map_stack();
		long result;

		if (failed(stack))
			return 1;
		result = install ? install_guard(stack) : protect_guard(stack);
		if (result)
			return result == -EINVAL ? 77 : 1;
		*(volatile char *)(stack + STACK - PAGE) = 1;
	}
	return 0;
}
