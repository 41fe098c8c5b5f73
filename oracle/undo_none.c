/* SPDX-License-Identifier: MIT */
/* Reasons are told by the ledger, which is made for one index of areas only. */
#include "oracle.h"

int undo_run(unsigned long calls, unsigned long seed, unsigned int length, const char *mix)
{
	fprintf(stderr, "kernel-oracle: --undo is there with the index that the library has\n");
	return 77;
}
