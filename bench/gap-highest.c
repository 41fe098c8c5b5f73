/* SPDX-License-Identifier: MIT */
/* `gap-highest`: the highest free run of 1 to 16 pages in the whole space. */
#include "gap.h"

void question_gap_highest(void)
{
	gap_compare("gap-highest", 0, true);
}
