/* SPDX-License-Identifier: MIT */
/*
 * Records as they lie in the ring, one after the other.
 *
 * 1. A record stays where it is until the next one is asked for: nothing is copied, and the ring learns what it has back
 *    in pieces of RELEASE_BYTES.
 * 2. Where records come faster than they become events the ring would run over.  When more waits in it than SPILL_BYTES, all
 *    that is there is put aside, into up to PIECES_MAX pieces of memory that are used again; what was put aside is told first.
 *
 * The layout is the kernel's: a page with the reader's position, one with the writer's, and the data twice in a row, so that
 * none ends in the middle.  Before a record are its length, with two flags, and four bytes that are the kernel's own.
 *
 * Positions are bytes that were ever written, and never go round: the place in the data is position & (size
 * - 1). released <= at <= written,
 * and told <= at: between the two lies what was put aside.
 *
 * The flags. BUSY: reserved and not submitted yet, so that nothing behind it can be told before it.
 * DISCARD: given up, to be passed over. Records are rounded up to 8 bytes, with what stands before them.
 *
 * One reader. Nothing here is locked; the kernel's side is kept apart by the two positions, each
 * written by one side alone: a release store here, an acquire load there, and the other way round.
 *
 *     nothing is put aside    released <= told == at <= written    from released on: read, not given back yet
 *     something is            told < released == at <= written     from told on: in pieces, given back already
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "ring.h"

#define RELEASE_BYTES (64u << 10)
#define SPILL_BYTES   (3u << 20)
#define PIECE_BYTES   (1u << 20)
#define PIECES_MAX    256
#define LOOK_EACH     64 /* records */

/* [at, size) of bytes are records that were not told yet, with their heads, as they lay in the ring. */
struct piece {
	struct piece *next;
	size_t size, at;
	uint8_t bytes[PIECE_BYTES];
};

/*
 * The reader's page is mapped for writing, the others for reading only, as the kernel demands; libbpf's
 * own reader is not used, because it calls back for each record and gives it back when that returns.
 */
int ring_open(struct ring *r, int fd, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *mine = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *theirs;

	if (mine == MAP_FAILED)
		return -errno;
	theirs = mmap(NULL, page + 2 * bytes, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (theirs == MAP_FAILED) {
		int err = -errno;

		munmap(mine, page);
		return err;
	}
	*r = (struct ring){ .released = mine,
		.written = theirs,
		.data = (const uint8_t *)theirs + page,
		.size = bytes,
		.page = page };
	r->last = &r->first;
	r->at = r->told = *r->released;
	return 0;
}

static void pieces_free(struct piece *p)
{
	while (p) {
		struct piece *next = p->next;

		free(p);
		p = next;
	}
}

void ring_close(struct ring *r)
{
	if (!r->data)
		return;
	munmap(r->released, r->page);
	munmap((void *)r->written, r->page + 2 * r->size);
	pieces_free(r->first);
	pieces_free(r->spare);
}

uint64_t ring_written(const struct ring *r)
{
	return __atomic_load_n(r->written, __ATOMIC_ACQUIRE);
}

uint64_t ring_told(const struct ring *r)
{
	return r->told;
}

/* All before the next record. Pairs with the kernel's acquire: it does not write there before this was read. */
void ring_release(struct ring *r)
{
	__atomic_store_n(r->released, r->at, __ATOMIC_RELEASE);
}

/* Its length with the flags; pairs with the kernel's release when it is submitted. @at is a multiple of 8. */
static uint32_t head_at(const struct ring *r, uint64_t at)
{
	return __atomic_load_n((const uint32_t *)(r->data + (at & (r->size - 1))), __ATOMIC_ACQUIRE);
}

/* In the ring: with its head, rounded up. */
static size_t whole_size(uint32_t head)
{
	return ((head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT)) + BPF_RINGBUF_HDR_SZ + 7) & ~7ul;
}

/*
 * Records from the next one on that are whole, as many as a piece has room for. They may reach beyond
 * the end of the data, which lies twice in a row in memory.
 */
static size_t whole_bytes(const struct ring *r)
{
	uint64_t end = ring_written(r), at = r->at;

	while (at < end) {
		uint32_t head = head_at(r, at);

		if (head & BPF_RINGBUF_BUSY_BIT || at + whole_size(head) - r->at > PIECE_BYTES)
			break;
		at += whole_size(head);
	}
	return at - r->at;
}

/* NULL: PIECES_MAX are in use, 256 MiB, or there is no memory. */
static struct piece *piece_new(struct ring *r)
{
	struct piece *p = r->spare;

	if (p)
		r->spare = p->next;
	else if (r->pieces < PIECES_MAX && (p = malloc(sizeof(*p))) != NULL)
		r->pieces++;
	return p;
}

/* False: nothing was whole, or there is no memory: then it stays in the ring, which may run over, and that is told. */
static bool put_aside(struct ring *r)
{
	size_t size = whole_bytes(r);
	struct piece *p = size ? piece_new(r) : NULL;

	if (!p)
		return false;
	p->next = NULL;
	p->size = size;
	p->at = 0;
	memcpy(p->bytes, r->data + (r->at & (r->size - 1)), size);
	*r->last = p;
	r->last = &p->next;
	r->at += size;
	ring_release(r);
	return true;
}

/* Each LOOK_EACH calls it looks; @r->released is this process's own, and needs no order. */
void ring_make_room(struct ring *r)
{
	if (++r->looks % LOOK_EACH || ring_written(r) - *r->released <= SPILL_BYTES)
		return;
	while (put_aside(r))
		;
}

/*
 * The next record that was put aside. A piece whose records have all been told goes to the spare ones:
 * the last record of it is not read any more when the next is asked for.
 */
static const uint8_t *next_aside(struct ring *r)
{
	while (r->first && r->first->at == r->first->size) {
		struct piece *p = r->first;

		r->first = p->next;
		if (!r->first)
			r->last = &r->first;
		p->next = r->spare;
		r->spare = p;
	}
	return r->first ? r->first->bytes + r->first->at : NULL;
}

/*
 * released moves when there is nothing more or when RELEASE_BYTES have been read: a store to a line
 * that the kernel reads with each reservation is not made for each record.
 */
const void *ring_next(struct ring *r, size_t *size)
{
	for (;;) {
		const uint8_t *record = next_aside(r);
		uint32_t head;

		if (!record && (r->at == ring_written(r) || r->at - *r->released >= RELEASE_BYTES))
			ring_release(r);
		if (!record && r->at == ring_written(r))
			return NULL;
		head = record ? *(const uint32_t *)record : head_at(r, r->at);
		/* It is being written: what lies behind it may be whole, and has to wait for the order. */
		if (head & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		if (record)
			r->first->at += whole_size(head);
		else
			record = r->data + (r->at & (r->size - 1)), r->at += whole_size(head);
		r->told += whole_size(head);
		*size = head & ~BPF_RINGBUF_DISCARD_BIT;
		if (!(head & BPF_RINGBUF_DISCARD_BIT))
			return record + BPF_RINGBUF_HDR_SZ;
	}
}
