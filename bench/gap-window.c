/* SPDX-License-Identifier: MIT */
/* `gap-window`: a free run of 1 to 16 pages inside a window of 4,096 pages, some 100 areas, at a random place. */
#include "gap.h"

void question_gap_window(void)
{
	gap_compare("gap-window", 4096 * BENCH_PAGE, false);
	gap_compare("gap-window", 4096 * BENCH_PAGE, true);
}
