/* SPDX-License-Identifier: MIT */
/* The reader's side of the ring that the programs in the kernel write to; how it works is in ring.c. */
#ifndef LIVE_BPF_RING_H
#define LIVE_BPF_RING_H

#include <stddef.h>
#include <stdint.h>

struct piece;

/*
 * released and written are the two pages of positions, written by this process and by the kernel. page:
 * of memory, in bytes.
 */
struct ring {
	uint64_t *released;      /* where the reader is, as the kernel knows it */
	const uint64_t *written; /* where the writers are */
	const uint8_t *data;     /* NULL: not open */
	size_t size, page;
	uint64_t at;                 /* the next record that was not put aside */
	uint64_t told;               /* the next one that is asked for */
	struct piece *first, **last; /* what was */
	struct piece *spare;
	uint32_t pieces, looks;
};

/* @bytes: of its data. 0 or -errno. */
int ring_open(struct ring *r, int fd, size_t bytes);
void ring_close(struct ring *r);
/* The next record, until the one after it is asked for; NULL: none is whole yet. */
const void *ring_next(struct ring *r, size_t *size);
/* Positions, in bytes that were ever written: of the next record, and behind the last one that was begun. */
uint64_t ring_told(const struct ring *r);
uint64_t ring_written(const struct ring *r);
/* All that was told is the writers' again, the last record too: nobody reads it any more. */
void ring_release(struct ring *r);
/* Called now and then where telling takes long: what waits in the ring is put aside where it may run over. */
void ring_make_room(struct ring *r);

#endif
