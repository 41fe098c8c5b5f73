/* SPDX-License-Identifier: MIT */
/*
 * A WebAssembly runtime: each instance has its memory, its globals that are only read, and a guard behind them.
 *
 *   wasm_instances [INSTANCES]
 *
 * Three areas an instance: it ends at a third of max_map_count.
 */
#include "case.h"

#define MEMORY (64UL << 10)
#define GUARD  (64UL << 10)

static culprit long instantiate(void)
{
	char *space = sys_mmap(NULL, MEMORY + PAGE + GUARD, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0);
	long result;

	if (failed(space))
		return (long)space;
	result = sys_mprotect(space, MEMORY, READ_WRITE);
	if (result)
		return result;
	*(volatile char *)space = 1;
	return sys_mprotect(space + MEMORY, PAGE, PROT_READ);
}

int main(int argc, char **argv)
{
	unsigned long n = number(argc, argv, 1, 30000), i;
	long result = 0;

	for (i = 0; i < n && !result; i++)
		result = instantiate();
	if (result)
		printf("instance %lu: %s\n", i, strerror((int)-result));
	return result ? 2 : 0;
}
