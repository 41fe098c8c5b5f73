/* SPDX-License-Identifier: MIT */
/*
 * Minidumps, as breakpad, crashpad and Windows write them: one snapshot.
 *
 * The best that a dump has is taken: the text of /proc/PID/maps (stream 0x47670009, of Linux), else the memory info list (16), which
 * has every region with its protection, else the memory lists (5 and 9), which tell only which bytes were saved.  Little-endian;
 * nothing that the file says is believed before it was compared with the file's size.
 *
 * Layout, as the Windows SDK's minidumpapiset.h and breakpad's minidump_format.h have it: a header, at
 * its `directory` an array of streams (what, how long, where), each somewhere in the file.
 *
 *     header.directory -> stream { 0x47670009, size, at } -> "7f0000000000-7f0000002000 r-xp ..."
 *                         stream { 16, size, at }         -> | header's size, entry's size, how many | regions |
 *                         stream { 5, size, at }          -> | how many | where, size, at | ...
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define SIGNATURE      0x504d444du /* "MDMP" */
#define STREAM_LIST    5
#define STREAM_LIST64  9
#define STREAM_INFO    16
#define STREAM_MAPS    0x47670009u
#define MAX_STREAMS    4096u
#define MAX_LIST       ((uint64_t)256 << 20)
#define STATE_FREE     0x10000u
#define STATE_RESERVED 0x2000u

struct dump_header {
	uint32_t signature, version, nr_streams, directory, checksum, time;
	uint64_t flags;
};
struct dump_stream {
	uint32_t type, size, at;
};
/* MINIDUMP_MEMORY_INFO. base and size are bytes; protect is PAGE_ of Windows. */
struct dump_region {
	uint64_t base, allocation_base;
	uint32_t allocation_protect, pad1;
	uint64_t size;
	uint32_t state, protect, type, pad2;
};
_Static_assert(sizeof(struct dump_header) == 32, "as documented");
_Static_assert(sizeof(struct dump_region) == 48, "as documented");

/* best.type 0: none was found yet. */
struct dump {
	struct trace_import *im;
	const char *path;
	int fd;
	uint64_t size;
	struct snapshot snapshot;
	struct dump_stream best;
};

static int damaged(const struct dump *d, const char *what)
{
	return import_failed(d->im, -EBADMSG, "%s is no minidump that can be read: %s", d->path, what);
}

/* All of it or nothing. */
static bool read_at(const struct dump *d, void *to, uint64_t len, uint64_t at)
{
	return at <= d->size && len <= d->size - at && pread(d->fd, to, len, (off_t)at) == (ssize_t)len;
}

/* 0: of no use here */
static int worth(uint32_t type)
{
	switch (type) {
	case STREAM_MAPS:
		return 4;
	case STREAM_INFO:
		return 3;
	case STREAM_LIST64:
		return 2;
	case STREAM_LIST:
		return 1;
	default:
		return 0;
	}
}

/* The first of the best kind counts. 0 or an error that was said. */
static int find_stream(struct dump *d)
{
	struct dump_header h;
	struct stat st;

	if (fstat(d->fd, &st))
		return damaged(d, strerror(errno));
	d->size = (uint64_t)st.st_size;
	if (!read_at(d, &h, sizeof(h), 0) || h.signature != SIGNATURE)
		return damaged(d, "it does not begin as one");
	for (uint32_t i = 0; i < h.nr_streams && i < MAX_STREAMS; i++) {
		struct dump_stream s;

		if (!read_at(d, &s, sizeof(s), (uint64_t)h.directory + (uint64_t)i * sizeof(s)))
			return damaged(d, "its directory lies behind its end");
		if (worth(s.type) > worth(d->best.type))
			d->best = s;
	}
	return worth(d->best.type) ? 0 : damaged(d, "it has neither maps nor a list of memory");
}

/*
 * To whole pages, outwards: saved memory begins and ends anywhere. What lies in an area before begins
 * behind that one; nothing is left of what is within it, nor of what is above all that a program has.
 */
static int add(struct dump *d, uint64_t start, uint64_t end, uint32_t prot)
{
	const uint64_t in_page = d->im->header.page_size - 1;
	struct trace_area a = {
		.start = start & ~in_page, .end = (end + in_page) & ~in_page, .prot = prot, .name = ""
	};
	const struct snapshot *s = &d->snapshot;

	if (s->count && a.start < s->areas[s->count - 1].end)
		a.start = s->areas[s->count - 1].end;
	if (end < start || a.start >= a.end || a.end > IMPORT_TASK_SIZE)
		return 0;
	return snapshot_add(&d->snapshot, &a, "") ? 0 : import_failed(d->im, -ENOMEM, "out of memory");
}

/* PAGE_READWRITE and its kin */
static uint32_t protection(uint32_t protect)
{
	uint32_t prot = 0;

	if (protect & (0x02 | 0x04 | 0x08 | 0x20 | 0x40 | 0x80))
		prot |= PROT_READ;
	if (protect & (0x04 | 0x08 | 0x40 | 0x80))
		prot |= PROT_WRITE;
	if (protect & (0x10 | 0x20 | 0x40 | 0x80))
		prot |= PROT_EXEC;
	return prot;
}

/*
 * The header and an entry say how long they are: newer ones may be longer than what is read here.
 * Reserved regions are areas without access.
 */
static int info_list(struct dump *d, const char *at, size_t len)
{
	uint32_t header, entry;
	uint64_t n;
	int err = 0;

	if (len < 16)
		return damaged(d, "its memory info list is too short");
	memcpy(&header, at, 4);
	memcpy(&entry, at + 4, 4);
	memcpy(&n, at + 8, 8);
	if (header < 16 || header > len || entry < sizeof(struct dump_region) || n > (len - header) / entry)
		return damaged(d, "its memory info list is too short");
	for (uint64_t i = 0; i < n && !err; i++) {
		struct dump_region r;

		memcpy(&r, at + header + i * entry, sizeof(r));
		/* What is free is told as well, so that regions have no gaps. */
		if (r.state & STATE_FREE)
			continue;
		err = add(d, r.base, r.base + r.size, r.state & STATE_RESERVED ? 0 : protection(r.protect));
	}
	return err;
}

/*
 * Entries of both lists have 16 bytes: where, then how long and where in the file, or only how long
 * (64-bit list, whose bytes lie one behind the other). No order is promised: see add().
 */
static int memory_list(struct dump *d, const char *at, size_t len, bool wide)
{
	const size_t header = wide ? 16 : 4;
	uint64_t n = 0;
	int err = 0;

	if (len < header)
		return damaged(d, "its memory list is too short");
	memcpy(&n, at, wide ? 8 : 4);
	if (n > (len - header) / 16)
		return damaged(d, "its memory list is too short");
	/* Only what a crash handler took for worth saving is there, most often the stacks. */
	import_doubt(d->im, DOUBT_SAVED_MEMORY);
	for (uint64_t i = 0; i < n && !err; i++) {
		uint64_t start, size = 0;

		memcpy(&start, at + header + i * 16, 8);
		memcpy(&size, at + header + i * 16 + 8, wide ? 8 : 4);
		err = add(d, start, start + size, PROT_READ | PROT_WRITE);
	}
	return err;
}

/* Cut in place. Lines that are none count as skipped. */
static int maps_text(struct dump *d, char *at)
{
	int err = 0;

	for (char *end; at && *at && !err; at = end) {
		end = strchr(at, '\n');
		if (end)
			*end++ = '\0';
		if (!snapshot_line(&d->snapshot, at, &err))
			d->im->skipped++;
	}
	return err;
}

/*
 * With a NUL behind it, for the text of maps; the numbers of other lists are copied out, since nothing
 * aligns them.
 */
static int read_stream(struct dump *d)
{
	char *text;
	int err;

	/* The stream is held in memory as a whole; 256 MiB are five million regions. */
	if (d->best.size > MAX_LIST)
		return damaged(d, "its list of memory is longer than 256 MiB");
	text = malloc((size_t)d->best.size + 1);
	if (!text)
		return import_failed(d->im, -ENOMEM, "out of memory");
	text[d->best.size] = '\0';
	if (!read_at(d, text, d->best.size, d->best.at))
		err = damaged(d, "its list of memory lies behind its end");
	else if (d->best.type == STREAM_MAPS)
		err = maps_text(d, text);
	else if (d->best.type == STREAM_INFO)
		err = info_list(d, text, d->best.size);
	else
		err = memory_list(d, text, d->best.size, d->best.type == STREAM_LIST64);
	free(text);
	return err;
}

/* By its first four bytes; the byte order of a big-endian machine would turn them round. */
bool is_minidump(const char *path)
{
	uint32_t signature = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is = fd >= 0 && read(fd, &signature, sizeof(signature)) == sizeof(signature) &&
		  signature == SIGNATURE;

	if (fd >= 0)
		close(fd);
	return is;
}

int import_minidump(struct trace_import *im)
{
	struct dump d = { .im = im, .path = im->paths[0] };
	int err;

	d.fd = open(d.path, O_RDONLY | O_CLOEXEC);
	if (d.fd < 0)
		return import_failed(im, -errno, "cannot read %s: %s", d.path, strerror(errno));
	err = find_stream(&d);
	if (!err)
		err = read_stream(&d);
	if (!err)
		err = import_one_snapshot(im, &d.snapshot);
	snapshot_free(&d.snapshot);
	close(d.fd);
	return err;
}
