/* SPDX-License-Identifier: MIT */
/*
 * Areas by the program of map.bpf.c: load it, run it, number what it has read.
 *
 * One struct map_reader is one loaded object. read_once() loads one for one reading; the source keeps
 * its own for the length of a recording (source.c). Nothing here is for several threads: request and
 * areas of an object are one.
 */
#include <errno.h>
#include <fcntl.h>
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
#include "map_reader.h"
#include "permitted.h"

#define SPARE      1024 /* areas that may be added between counting and reading */
#define BUSY_TRIES 2000
#define BUSY_ROW   20 /* tries for the lock, before it is waited for */
#define BUSY_NS    500000

/*
 * The skeleton itself, under a name that hides it from who has no libbpf. @room is a bound of the map
 * of areas, which cannot be changed once it is loaded: 168 bytes an area.
 */
struct map_reader *map_reader_open(uint32_t room, char *error, size_t size)
{
	struct map_program *skel = map_program__open();
	int err = skel ? 0 : -errno;

	if (skel)
		err = bpf_map__set_max_entries(skel->maps.areas, room);
	if (!err)
		err = map_program__load(skel);
	if (!err)
		return (struct map_reader *)skel;
	map_program__destroy(skel);
	bpf_refused(err, error, size);
	return NULL;
}

void map_reader_close(struct map_reader *reader)
{
	map_program__destroy((struct map_program *)reader);
}

/*
 * As everybody waits for it: a command line is memory of its process, read under the lock. Reading it
 * takes the lock by access_remote_vm(), in this thread, whose number the program waits for. That the
 * file is empty, or cannot be read, leaves STATUS_BUSY.
 */
static void wait_for_lock(struct map_program *skel, pid_t pid)
{
	struct map_request *q = &skel->bss->request;
	struct bpf_link *link = bpf_program__attach(skel->progs.lock_taken);
	char path[64], byte;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = link ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		__atomic_store_n(&q->waiting, (__u32)gettid(), __ATOMIC_RELEASE);
		(void)!read(fd, &byte, 1);
		__atomic_store_n(&q->waiting, 0, __ATOMIC_RELEASE);
		close(fd);
	}
	bpf_link__destroy(link);
}

/*
 * A row of tries, then it waits for the lock as others do, then a pause, and so on up to BUSY_TRIES;
 * STATUS_BUSY is left in the answer if it was never free. 0 with any status; an error only where the
 * program cannot be run. The answer is overwritten by the next call.
 */
int map_reader_read(struct map_reader *reader, pid_t pid, const struct map_request **answer)
{
	struct map_program *skel = (struct map_program *)reader;
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err;

	*answer = &skel->bss->request;
	skel->bss->request.pid = (__u32)pid;
	for (int i = 0; i < BUSY_TRIES; i++) {
		err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.read_map), &opts);
		if (!err && skel->bss->request.status == STATUS_BUSY && i % BUSY_ROW == BUSY_ROW - 1)
			wait_for_lock(skel, pid);
		if (err || skel->bss->request.status != STATUS_BUSY)
			return err;
		if (i % BUSY_ROW == BUSY_ROW - 1)
			nanosleep(&(struct timespec){ .tv_nsec = BUSY_NS }, NULL);
	}
	return 0;
}

/*
 * A mapping of its own, of whole pages, to be given back with munmap(2) of *@bytes. Of no area at all
 * it fails.
 */
const struct named_bpf_area *map_reader_areas(struct map_reader *reader, size_t *bytes)
{
	struct map_program *skel = (struct map_program *)reader;
	void *areas;

	*bytes = (size_t)skel->bss->request.count * sizeof(struct named_bpf_area);
	areas = mmap(NULL, *bytes, PROT_READ, MAP_SHARED, bpf_map__fd(skel->maps.areas), 0);
	return areas == MAP_FAILED ? NULL : areas;
}

/* A copy by system call. */
bool map_reader_area(struct map_reader *reader, uint32_t index, struct named_bpf_area *area)
{
	struct map_program *skel = (struct map_program *)reader;

	return !bpf_map_lookup_elem(bpf_map__fd(skel->maps.areas), &index, area);
}

/* Of one reading: numbers of two readings have nothing to do with each other. */
struct numbering {
	struct numbers files, anon_vmas, uffds, policies;
};

/* Names and paths come later, from /proc (map_name_areas()). */
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
	a->dev = shown_device(b->dev);
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

static int take_answer(
	struct reading *r, struct map_reader *reader, const struct map_request *q, char *error, size_t size)
{
	const struct named_bpf_area *areas;
	size_t bytes;
	int err;

	if (q->status != STATUS_READ)
		return map_status_error(q->status, r->map.pid, error, size);
	areas = map_reader_areas(reader, &bytes);
	if (!areas) {
		snprintf(error, size, "the areas that BPF has read cannot be mapped: %s", strerror(errno));
		return -errno;
	}
	err = take_areas(r, q, areas);
	munmap((void *)areas, bytes);
	if (err)
		snprintf(error, size, "out of memory");
	return err;
}

/* Once; *@room: what it would have taken, if it was not enough. */
static int read_once(struct reading *r, uint32_t *room, char *error, size_t size)
{
	struct map_reader *reader = map_reader_open(*room, error, size);
	const struct map_request *q;
	int err;

	if (!reader)
		return -EPERM;
	err = map_reader_read(reader, r->map.pid, &q);
	if (err)
		bpf_refused(err, error, size);
	else
		err = take_answer(r, reader, q, error, size);
	*room = q->status == STATUS_TOO_LARGE ? q->count * 2 : 0;
	map_reader_close(reader);
	return err;
}

/*
 * Room is asked for by a count of lines of maps, which may be old when the map is read: once more with
 * twice what there was.
 */
int map_read_bpf(struct reading *r, char *error, size_t size)
{
	uint32_t room = proc_count_areas(r->map.pid) + SPARE;
	int err = bpf_permitted(error, size);

	if (err)
		return err;
	err = read_once(r, &room, error, size);
	if (err && room)
		err = read_once(r, &room, error, size);
	if (!err) {
		*error = '\0';
		map_name_areas(r);
	}
	return err;
}
