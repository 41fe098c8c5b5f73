/* SPDX-License-Identifier: MIT */
/* `gap-lowest`: the lowest free run of 1 to 16 pages in the whole space. */
#include "gap.h"

void question_gap_lowest(void)
{
	gap_compare("gap-lowest", 0, false);
}
