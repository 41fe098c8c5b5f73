/* SPDX-License-Identifier: MIT */
/* Areas by the program of map.bpf.c: load it, run it, number what it has read. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "internal.h"
#include "record.h"
#include "map.skel.h" /* after the records that it has */
#include "permitted.h"

#define SPARE      1024 /* areas that may be added between counting and reading */
#define BUSY_TRIES 2000
#define BUSY_NS    500000

/* The program, with room for so many areas; NULL: the sentence says why. */
static struct map_program *load(uint32_t room, char *error, size_t size)
{
	struct map_program *skel = map_program__open();
	int err = skel ? 0 : -errno;

	if (skel)
		err = bpf_map__set_max_entries(skel->maps.areas, room);
	if (!err)
		err = map_program__load(skel);
	if (!err)
		return skel;
	map_program__destroy(skel);
	bpf_refused(err, error, size);
	return NULL;
}

static int run(struct map_program *skel, pid_t pid)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err;

	skel->bss->request.pid = (__u32)pid;
	for (int i = 0; i < BUSY_TRIES; i++) {
		err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.read_map), &opts);
		if (err || skel->bss->request.status != STATUS_BUSY)
			return err;
		nanosleep(&(struct timespec){ .tv_nsec = BUSY_NS }, NULL);
	}
	return 0;
}

/* What /proc shows of it is major << 32 | minor; the kernel's own number has 20 bits of minor. */
static uint64_t device(uint32_t dev)
{
	return (uint64_t)(dev >> 20) << 32 | (dev & 0xfffff);
}

struct numbering {
	struct numbers files, anon_vmas, uffds, policies;
};

static int take_area(struct reading *r, const struct named_bpf_area *from, struct numbering *n)
{
	const struct bpf_area *b = &from->area;
	struct live_area *a = reading_add(r);

	if (!a)
		return -ENOMEM;
	a->start = b->start;
	a->end = b->end;
	a->vm_flags = b->vm_flags;
	a->pgoff = b->pgoff;
	a->dev = device(b->dev);
	a->ino = b->ino;
	a->file = number_of(&n->files, b->file);
	a->anon_root = number_of(&n->anon_vmas, b->anon_root);
	a->anon_vma = number_of(&n->anon_vmas, b->anon_vma);
	a->uffd = number_of(&n->uffds, b->uffd);
	a->policy = number_of(&n->policies, b->policy);
	a->inherited = b->flags & AREA_INHERITED;
	a->has_close = b->flags & AREA_HAS_CLOSE;
	if (b->flags & AREA_NAMED)
		a->anon_name = reading_name(r, from->name);
	return 0;
}

static int take_areas(struct reading *r, const struct map_request *q, const struct named_bpf_area *areas)
{
	struct numbering n;
	int err = 0;

	numbers_init(&n.files);
	numbers_init(&n.anon_vmas);
	numbers_init(&n.uffds);
	numbers_init(&n.policies);
	for (uint32_t i = 0; i < q->count && !err; i++)
		err = take_area(r, &areas[i], &n);
	numbers_destroy(&n.files);
	numbers_destroy(&n.anon_vmas);
	numbers_destroy(&n.uffds);
	numbers_destroy(&n.policies);
	r->map.source = LIVE_MAP_BPF;
	r->map.held_ns = q->held_ns;
	r->map.start_brk = q->start_brk;
	r->map.brk = q->brk;
	r->map.start_stack = q->start_stack;
	return err;
}

static int take_answer(struct reading *r, struct map_program *skel, char *error, size_t size)
{
	const struct map_request *q = &skel->bss->request;
	size_t bytes = (size_t)q->count * sizeof(struct named_bpf_area);
	struct named_bpf_area *areas;
	int err;

	if (q->status != STATUS_READ)
		return map_status_error(q->status, r->map.pid, error, size);
	areas = mmap(NULL, bytes, PROT_READ, MAP_SHARED, bpf_map__fd(skel->maps.areas), 0);
	if (areas == MAP_FAILED) {
		snprintf(error, size, "the areas that BPF has read cannot be mapped: %s", strerror(errno));
		return -errno;
	}
	err = take_areas(r, q, areas);
	munmap(areas, bytes);
	if (err)
		snprintf(error, size, "out of memory");
	return err;
}

int map_read_bpf(struct reading *r, char *error, size_t size)
{
	struct map_program *skel;
	uint32_t room = proc_count_areas(r->map.pid) + SPARE;
	int err;

	err = bpf_permitted(error, size);
	if (err)
		return err;
	skel = load(room, error, size);
	if (!skel)
		return -EPERM;
	err = run(skel, r->map.pid);
	/* The second time with room for what it has grown to. */
	if (!err && skel->bss->request.status == STATUS_TOO_LARGE) {
		room = skel->bss->request.count * 2;
		map_program__destroy(skel);
		skel = load(room, error, size);
		if (!skel)
			return -EPERM;
		err = run(skel, r->map.pid);
	}
	if (err)
		bpf_refused(err, error, size);
	else
		err = take_answer(r, skel, error, size);
	map_program__destroy(skel);
	if (!err)
		map_name_areas(r);
	return err;
}
