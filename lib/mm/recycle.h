/* SPDX-License-Identifier: MIT */
/* Areas' memory, by way of the thread's one free area. */
#ifndef MM_RECYCLE_H
#define MM_RECYCLE_H

void *recycle_alloc(void);
/* No reader sees it. */
void recycle_free(void *vma);

#endif /* MM_RECYCLE_H */
