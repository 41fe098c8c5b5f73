/* SPDX-License-Identifier: MIT */
/*
 * Buffers that are kept from children by MADV_DONTFORK while a device works on them, and never given back to them.
 *
 *   dontfork [BUFFERS]
 *
 * Each buffer cuts two more areas, up to ENOMEM at max_map_count.
 */
#include "case.h"

static culprit long register_buffer(char *buffer)
{
	return sys_madvise(buffer, PAGE, MADV_DONTFORK);
}

int main(int argc, char **argv)
{
	unsigned long n = number(argc, argv, 1, 40000), i;
	char *heap = sys_mmap(NULL, 2 * n * PAGE, READ_WRITE, ANONYMOUS, -1, 0);
	long result = 0;

	if (failed(heap))
		return 1;
	for (i = 0; i < n && !result; i++)
		result = register_buffer(heap + 2 * i * PAGE);
	if (result)
		printf("buffer %lu: %s\n", i, strerror((int)-result));
	return result ? 2 : 0;
}
