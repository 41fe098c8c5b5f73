/* SPDX-License-Identifier: MIT */
/*
 * The kernel's scenarios of tools/testing/vma, unchanged: merge.c, mmap.c and vma.c, which are found by the include path.
 * As a TAP; what fails says where, in lines before.
 */
#include "words.h"

#include "merge.c"
#include "mmap.c"
#include "vma.c"

int main(void)
{
	int run = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	run_merge_tests(&run, &failed);
	run_mmap_tests(&run, &failed);
	run_vma_tests(&run, &failed);
	printf("# %u operations\n1..%d\n", operations, run);
	return failed ? 1 : 0;
}
