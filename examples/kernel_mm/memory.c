/* SPDX-License-Identifier: MIT */
/*
 * Memory: frames for programs and page tables, a heap for the engine.
 *
 * A frame counts the page tables that have it (2 and more: copy on write), and is free at 0. The heap gives blocks of
 * powers of two, which are aligned to their size, and keeps what comes back in a list for each size.
 */
#include <vmaple/port.h>

#include "kernel.h"

#define MEMORY (64UL << 20) /* what the machine has */
#define HEAP   (8UL << 20)
#define ORDERS 20

struct block {
	struct block *next;
};

extern char kernel_end[];

static uint16_t owners[MEMORY / PAGE];
static struct block *free_frames;
static unsigned long nr_used;

static char heap[HEAP] __attribute__((aligned(1 << 16)));
static size_t heap_used;
static struct block *free_blocks[ORDERS];

static bool is_counted(unsigned long frame)
{
	return frame >= frame_of(kernel_end);
}

unsigned long frame_take(void)
{
	struct block *block = free_frames;

	if (!block)
		return 0;
	free_frames = block->next;
	memset(block, 0, PAGE);
	owners[frame_of(block) / PAGE] = 1;
	nr_used++;
	return frame_of(block);
}

void frame_get(unsigned long frame)
{
	if (is_counted(frame))
		owners[frame / PAGE]++;
}

void frame_put(unsigned long frame)
{
	struct block *block = memory_at(frame);

	if (!is_counted(frame) || --owners[frame / PAGE])
		return;
	block->next = free_frames;
	free_frames = block;
	nr_used--;
}

bool frame_is_shared(unsigned long frame)
{
	return !is_counted(frame) || owners[frame / PAGE] > 1;
}

unsigned long frames_used(void)
{
	return nr_used;
}

static unsigned int order_of(size_t size)
{
	unsigned int order = 4;

	while (1UL << order < size)
		order++;
	return order;
}

static void *heap_alloc(void *ctx, size_t size, size_t align, gfp_t gfp)
{
	unsigned int order = order_of(size > align ? size : align);
	struct block *block;
	size_t at;

	(void)ctx;
	(void)gfp;
	if (order >= ORDERS)
		return NULL;
	block = free_blocks[order];
	if (block) {
		free_blocks[order] = block->next;
		return block;
	}
	at = (heap_used + (1UL << order) - 1) & -(1UL << order);
	if (at + (1UL << order) > HEAP)
		return NULL;
	heap_used = at + (1UL << order);
	return heap + at;
}

/* Objects aligned to more than they are long came from the list of their alignment: the engine has none. */
static void heap_free(void *ctx, void *mem, size_t size)
{
	struct block *block = mem;
	unsigned int order = order_of(size);

	(void)ctx;
	block->next = free_blocks[order];
	free_blocks[order] = block;
}

static void log_line(void *ctx, const char *line)
{
	(void)ctx;
	say("kernel: %s\n", line);
}

static _Noreturn void panic(void *ctx, const char *line)
{
	log_line(ctx, line);
	power_off(1);
}

void memory_init(void)
{
	const struct vmaple_port port = {
		.alloc = heap_alloc, .free = heap_free, .log = log_line, .panic = panic
	};

	for (unsigned long frame = MEMORY - PAGE; frame >= frame_of(kernel_end); frame -= PAGE) {
		owners[frame / PAGE] = 1;
		nr_used++;
		frame_put(frame);
	}
	vmaple_set_port(&port);
}
