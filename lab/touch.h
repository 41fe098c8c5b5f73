/* SPDX-License-Identifier: MIT */
/*
 * Cache lines that a call touches.
 *
 * The engine, its index and its trees are compiled a second time with a call at every access to memory: the hooks that
 * a compiler puts there for ThreadSanitizer, which are ours here.  So the lines are those that the code asks for, and
 * no estimate: read or written, each counted once a call.  Lines of the stack are left out, as are the pools that areas
 * and nodes come from, and accesses by gather instructions.
 */
#ifndef LAB_TOUCH_H
#define LAB_TOUCH_H

#include <stddef.h>
#include <stdint.h>

/* Something of @size bytes is read or written at @addr. */
void touch(uintptr_t addr, size_t size);
/* Begin to count, in this thread. */
void touch_begin(void);
/* End, @return how many lines were touched; -1: out of memory. */
long touch_end(void);

#endif /* LAB_TOUCH_H */
