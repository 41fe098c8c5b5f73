/* SPDX-License-Identifier: MIT */
/*
 * Cursors, between where they are (cursor.c, with the theory) and how iteration begins and ends (iterate.c).
 */
#ifndef MAPLE_CURSOR_H
#define MAPLE_CURSOR_H

#include "leaf.h"

/* The leaf where the cursor is, or was, or NULL. */
static inline const struct mt_leaf *mas_leaf(const struct ma_state *mas)
{
	return (const struct mt_leaf *)((uintptr_t)mas->node & ~(uintptr_t)63);
}

/*
 * To the range before or after [index, last], or from the last area of a leaf to the first entry of the next one: the
 * caller knows that there is one. @return its entry.
 */
void *mas_step_forward(struct ma_state *mas);
void *mas_step_back(struct ma_state *mas);
/* From the last area of a leaf to the next one's first, if that has an entry at or below @max; else NULL, unmoved. */
void *mas_step_to_next_leaf(struct ma_state *mas, unsigned long max);

/*
 * Where the cursor is on an entry and knows where that lies, @entry, not NULL, takes its place, and *old (unless NULL)
 * is what it was. The tree keeps its shape: no cursor is stale after it, this one neither. False: nothing is known.
 */
bool mas_replace(struct ma_state *mas, void *entry, void **old);

#endif /* MAPLE_CURSOR_H */
