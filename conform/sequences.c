/* SPDX-License-Identifier: MIT */
/* Writes the sequences as the kit has them: for the build, which makes the kit for this machine. */
#include "conform.h"

int main(void)
{
	struct conform_set *set = conform_set_new();

	if (!set)
		return 1;
	conform_set_source(set, stdout);
	conform_set_free(set);
	return fclose(stdout) ? 1 : 0;
}
