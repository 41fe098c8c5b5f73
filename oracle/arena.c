/* SPDX-License-Identifier: MIT */
/*
 * The engine's memory: one reservation that forked children do not have, with a free list per size.
 *
 * The host's allocator would change the map that both worlds have to begin with.
 *
 * 1. What is allocated after background_read() must not change the parent's map, or a child would begin with
 *    another one than the engine was given.  One mapping is made before; it has MADV_DONTFORK, so that children
 *    lack it, and background_read() leaves out what says so (VM_DONTCOPY).
 * 2. Blocks go back to the list of their size and are never joined or returned: sizes are those of nodes, areas
 *    and slabs, few and recurring.
 * 3. One thread.  A child has the pointers and not the memory: world K calls nothing of the engine.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <vmaple/port.h>

#include "oracle.h"

#define ARENA_SIZE (64UL << 20)
#define UNIT       16UL
/* Blocks up to 32 KiB, exclusively; more than that fails as if memory had run out. */
#define CLASSES 2048UL

static struct {
	uint8_t *begin;
	size_t used;
	void *freed[CLASSES]; /* by size in units; each begins with the next */
} arena;

/*
 * Every block is aligned to its size rounded up to a power of two, at most 256: so what comes from the list
 * of freed ones mostly suits whoever asks for that size again.
 */
static size_t natural_alignment(size_t size)
{
	size_t align = UNIT;

	while (align < size && align < 256)
		align *= 2;
	return align;
}

/*
 * The port's alloc. @align is a power of two. NULL: no room; the calls under test then fail with -ENOMEM,
 * which the kernel's do not, so that an arena that is too small is seen as a difference. A freed block
 * whose alignment does not do stays at the head of its list, and new room is taken: nothing is searched.
 */
static void *arena_alloc(void *ctx, size_t size, size_t align, gfp_t gfp)
{
	size_t units = (size + UNIT - 1) / UNIT;
	void *mem;

	if (units >= CLASSES)
		return NULL;
	mem = arena.freed[units];
	if (mem && ((uintptr_t)mem & (align - 1)) == 0) {
		memcpy(&arena.freed[units], mem, sizeof(void *));
		return mem;
	}
	if (align < natural_alignment(size))
		align = natural_alignment(size);
	arena.used = (arena.used + align - 1) & ~(align - 1);
	if (arena.used + units * UNIT > ARENA_SIZE)
		return NULL;
	mem = arena.begin + arena.used;
	arena.used += units * UNIT;
	return mem;
}

/* The port's free. @size is what was asked for, as the port promises: it alone finds the list. */
static void arena_free(void *ctx, void *mem, size_t size)
{
	size_t units = (size + UNIT - 1) / UNIT;

	memcpy(mem, &arena.freed[units], sizeof(void *));
	arena.freed[units] = mem;
}

void arena_install(void)
{
	struct vmaple_port port = *vmaple_get_port();

	arena.begin = mmap(
		NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena.begin == MAP_FAILED || madvise(arena.begin, ARENA_SIZE, MADV_DONTFORK)) {
		perror("kernel-oracle: memory for the engine");
		exit(2);
	}
	/*
	 * Before the first mm_system_init(): what the host's allocator had given would be freed into these
	 * lists.
	 */
	port.alloc = arena_alloc;
	port.free = arena_free;
	vmaple_set_port(&port);
}
