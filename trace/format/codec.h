/* SPDX-License-Identifier: MIT */
/*
 * How headers and events become bytes, and bytes events: one description of each, for both directions.
 *
 * Integers are LEB128 varints, booleans one byte, strings a length that counts the final NUL and the bytes with it.
 * Times and steps are differences from the event before.  Nothing is aligned.
 *
 * Reading trusts nothing: every length is checked against what is left, every string must end with NUL, and the first
 * error makes the rest a no-op, so that a caller checks once, at the end.
 */
#ifndef TRACE_CODEC_H
#define TRACE_CODEC_H

#include <vmaple/trace.h>

/* Zeroed but for `writing`. One direction for its whole life, one thread. */
struct codec {
	bool writing, failed;
	bool no_memory;    /* it failed for want of memory */
	const char *wrong; /* reading: it failed because of this */
	uint32_t version;  /* of the recording, when its header is done; its pages, too */
	uint32_t page_size;
	/* malloc()'s in both directions; reading, the reader grows it. */
	uint8_t *buf;
	/*
	 * Invariant: pos <= end. Reading, [pos, end) has not been read; writing, [0, pos) is the block so
	 * far.
	 */
	size_t pos, end; /* reading: bytes of the block; writing: allocated */
	/* Grow and never shrink: as many as the largest event had. */
	struct trace_area *areas; /* reading: of the last MAP event */
	uint32_t areas_allocated;
	/* As areas. */
	struct trace_anon_area *anons; /* reading: of the last ANON event */
	uint32_t anons_allocated;
	uint64_t frames[TRACE_STACK_FRAMES]; /* reading: of the last STACK event */
	uint64_t last_step, last_time;       /* of the event before */
};

/* Reading sets c->version and c->page_size from it; c->failed tells. */
void codec_header(struct codec *c, struct trace_header *header);
/* Writing: append @event. Reading: fill it; false at the end of the block or when damaged (failed is set). */
bool codec_event(struct codec *c, struct trace_event *event);
/* A new block begins: differences begin at 0 again. */
void codec_begin_block(struct codec *c);
void codec_free(struct codec *c);

/* The file's frame. BLOCK_RAW_MAX: the writer makes no larger block, and the reader takes none. */
#define TRACE_MAGIC     "vmaple\x1a\n"
#define TRACE_MAGIC_LEN 8
#define BLOCK_MAGIC     0x4b4c4256u /* "VBLK" */
#define BLOCK_RAW_MAX   (64u << 20)
/* A block of a few bytes cannot ask for much memory: what it may decompress to, and so much more for each byte. */
#define BLOCK_RAW_FREE (1u << 20)
#define BLOCK_RATIO    256u

/* BLOCK_END has no bytes; that it is there tells a whole file from one that was cut between two blocks. */
enum { BLOCK_HEADER = 1, BLOCK_EVENTS = 2, BLOCK_END = 3 };

/* Before each block's compressed bytes; little endian. */
struct block_head {
	uint32_t magic;
	uint32_t kind;
	uint32_t size;     /* compressed bytes that follow */
	uint32_t raw_size; /* bytes after decompression */
	/* Summed with the rest, so that a block that is missing, doubled or in another's place is noticed. */
	uint64_t number; /* of this block, from 0 */
	uint64_t sum;    /* XXH64 of the fields above and the compressed bytes */
};
_Static_assert(sizeof(struct block_head) == 32, "as docs/format.md says");

/* As it is in the file, which is little endian. */
uint64_t block_sum(const struct block_head *head, const void *data);

#endif /* TRACE_CODEC_H */
