/* SPDX-License-Identifier: MIT */
/*
 * The source over BPF: start, the loop, the end.
 *
 * Attach.  The programs are attached, the process' address space is put on their list, and then its map is read, under its
 * lock: sections with a number up to that one are in the map, later ones come as records.  What was lost is made good in
 * the same way.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <vmaple/live_bpf.h>
#include <vmaple/live_map.h>

#include "minmax.h"
#include "permitted.h"
#include "source.h"
#include "source.skel.h" /* after the records that it has */
#include "uapi.h"

#define MAP_ROOM     131072
#define POLL_MS      10
#define IDLE_POLL_MS 100 /* at most, where nothing comes */
#define DRAIN_ROUNDS 100
#define READ_AT_ONCE 65536 /* records, before it is looked whether this is the end */

/* The calls that are told: those of the one table at which the other source stops, and that become a record. */
static void want_calls(uint8_t *wanted)
{
#define WANT(name, nr, i386, x32, newer, stop, ...) \
	if ((stop) != STOP_NEVER && NR_##name >= 0) \
		wanted[NR_##name] = 1;
	SYSTEM_CALLS(WANT)
#undef WANT
	/* These have records of their own, or are about the other source alone. */
	wanted[NR_execve] = wanted[NR_execveat] = wanted[NR_ptrace] = wanted[NR_seccomp] = 0;
}

/* The reader looks now and then, and is woken when much waits.  Edges count: there is something to read nearly all the time. */
static int watch_ring(struct live_bpf *s)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	s->wake_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->wake_fd < 0 || epoll_ctl(s->wake_fd, EPOLL_CTL_ADD, bpf_map__fd(s->skel->maps.records), &e))
		return -errno;
	return 0;
}

/* True: there may be more. */
static bool read_records(struct live_bpf *s, int timeout_ms)
{
	const void *record = NULL;
	struct epoll_event e;
	size_t size;

	if (timeout_ms)
		epoll_wait(s->wake_fd, &e, 1, timeout_ms);
	for (int i = 0; i < READ_AT_ONCE && (record = ring_next(&s->ring, &size)) != NULL; i++) {
		on_record(s, record, size);
		ring_make_room(&s->ring);
		s->records++;
	}
	s->skel->bss->woken = 0;
	return record;
}

/* With the types that they name of this kernel. NULL and errno. */
static struct source_program *open_programs(struct live_bpf *s)
{
	char path[64];
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = path);
	int handler = places_register(&s->places), err;
	struct source_program *skel = NULL;

	s->types_fd = memfd_create("kernel types", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->types_fd);
	if (handler >= 0 && s->types_fd >= 0)
		skel = source_program__open_opts(&options);
	err = skel ? find_places(bpf_object__btf(skel->obj), s->types_fd, &s->places) : -errno;
	if (skel && err) {
		source_program__destroy(skel);
		skel = NULL;
	}
	errno = -err;
	return skel;
}

static int load(struct live_bpf *s, char *error, size_t size)
{
	int err = bpf_permitted(error, size);

	if (err)
		return err;
	s->skel = open_programs(s);
	if (!s->skel) {
		bpf_refused(-errno, error, size);
		return -EPERM;
	}
	want_calls(s->skel->rodata->wanted);
	s->skel->bss->last_space = 1;
	err = source_program__load(s->skel);
	if (err) {
		bpf_refused(err, error, size);
		return err;
	}
	err = ring_open(
		&s->ring, bpf_map__fd(s->skel->maps.records), bpf_map__max_entries(s->skel->maps.records));
	if (!err)
		err = watch_ring(s);
	if (!err)
		err = source_program__attach(s->skel);
	if (err)
		bpf_refused(err, error, size);
	return err;
}

/* The map of process @pid now, and up to which section it has them. */
static int snapshot(struct live_bpf *s, struct followed *f, struct area_list *l, struct map_request *answer)
{
	const struct named_bpf_area *areas;
	const struct map_request *q;
	char error[256];
	size_t bytes;
	int err;

	/* It takes time to load, and a program of our own may never need it. */
	if (!s->reader)
		s->reader = map_reader_open(MAP_ROOM, error, sizeof(error));
	if (!s->reader)
		return -EPERM;
	err = map_reader_read(s->reader, (pid_t)f->pid, &q);
	*answer = *q;
	if (err || q->status != STATUS_READ)
		return err ? err : -ESRCH;
	areas = map_reader_areas(s->reader, &bytes);
	if (!areas)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->count && !err; i++)
		err = area_list_add(l, &areas[i].area) ? 0 : -ENOMEM;
	munmap((void *)areas, bytes);
	return err;
}

/* --- attach ------------------------------------------------------------------------------------------------- */

static void follow_tasks(struct live_bpf *s, struct followed *f)
{
	char path[64];
	DIR *dir;
	struct dirent *d;
	int tasks = bpf_map__fd(s->skel->maps.tasks), nr = 0;

	snprintf(path, sizeof(path), "/proc/%u/task", f->pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir)) != NULL) {
		uint32_t tid = (uint32_t)atoi(d->d_name);

		if (!tid)
			continue;
		bpf_map_update_elem(tasks, &tid, &f->id, BPF_ANY);
		nr++;
	}
	if (dir)
		closedir(dir);
	f->users = nr ? (uint32_t)nr : 1;
}

/* Its threads but the first. */
static void emit_threads(struct live_bpf *s, const struct followed *f)
{
	int tasks = bpf_map__fd(s->skel->maps.tasks);
	uint32_t tid, *at = NULL;

	while (bpf_map_get_next_key(tasks, at, &tid) == 0) {
		struct trace_event e = { .type = TRACE_EVENT_TASK, .task = { f->pid, true } };

		if (tid != f->pid)
			emit_event(s, &e, f->pid, tid, f->mm, now_ns());
		at = &tid;
	}
}

static void emit_attached(
	struct live_bpf *s, struct followed *f, const struct map_request *q, struct area_list *l)
{
	struct trace_event e = { .type = TRACE_EVENT_SPACE };
	char path[64], exe[4096];
	ssize_t n;

	process_space(&s->machine, (pid_t)f->pid, &e.space);
	snprintf(path, sizeof(path), "/proc/%u/exe", f->pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	e.space.path = exe;
	e.space.attached = true;
	e.space.start_brk = q->start_brk;
	e.space.brk = q->brk;
	e.space.start_stack = q->start_stack;
	e.space.mmap_base = q->mmap_base;
	e.space.task_size = q->task_size;
	memcpy(f->limits, e.space.limits, sizeof(f->limits));
	f->mm = ++s->next_mm;
	emit_event(s, &e, f->pid, f->pid, f->mm, now_ns());
	emit_first_map(s, f, l);
	note_written(f, l, &everywhere, &everywhere);
	f->known = true;
}

/* Areas of a process that was there before have files that no record has told of. */
static void learn_files(struct live_bpf *s, struct area_list *l, const struct live_map *named)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < l->nr; i++) {
		struct bpf_area *a = &l->areas[i];
		struct file_record r = {
			.file = a->file, .ino = a->ino, .dev = a->dev, .mode = 0100000, .f_mode = 1
		};

		while (named && at < named->nr && named->areas[at].start < a->start)
			at++;
		if (!a->file)
			continue;
		if (a->vm_flags & VM_MAYWRITE && a->vm_flags & VM_MAYSHARE)
			r.f_mode = 3;
		origin_learn(s, &r, true);
		origin_number(s, a);
		if (named && at < named->nr && named->areas[at].start == a->start && origin_of(s, a))
			snprintf(origin_of(s, a)->path, sizeof(origin_of(s, a)->path), "%s",
				named->areas[at].name);
	}
}

/* The first one that is followed. */
static int follow_space(struct live_bpf *s, const struct followed *f, uint64_t mm)
{
	struct space_row row = { { mm } };
	struct space space = { .mm = mm, .id = f->id };
	uint32_t at = space_row_of(mm), way = at * SPACE_WAYS;

	if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.spaces), &way, &space, BPF_ANY) ||
		bpf_map_update_elem(bpf_map__fd(s->skel->maps.rows), &at, &row, BPF_ANY))
		return -errno;
	return 0;
}

static void emit_attachment(struct live_bpf *s, struct followed *f, const struct live_map *named)
{
	struct area_list l = { 0 };
	struct map_request q;

	s->err = snapshot(s, f, &l, &q);
	if (!s->err) {
		f->snapshot = q.sequence;
		f->sequence = q.sequence - 1;
		/* What comes meanwhile waits in memory: the ring is not to run over while files are looked up. */
		read_records(s, 0);
		learn_files(s, &l, named);
		emit_attached(s, f, &q, &l);
		emit_threads(s, f);
	}
	free(l.areas);
}

/* What takes time, names and the reader's loading, comes before it is followed. */
static int attach(struct live_bpf *s)
{
	struct followed *f = followed_add(s, 1, (uint32_t)s->options.pid);
	struct area_list l = { 0 };
	struct map_request q;
	struct live_map *named = NULL;
	char error[256];
	int err = f ? snapshot(s, f, &l, &q) : -ENOMEM;

	free(l.areas);
	if (!err && live_map_read(&named, s->options.pid, 0, error, sizeof(error)))
		named = NULL;
	if (!err)
		err = follow_space(s, f, q.mm);
	if (!err) {
		follow_tasks(s, f);
		emit_attachment(s, f, named);
		err = s->err;
	}
	if (named)
		live_map_free(named);
	return err;
}

/* --- a program of our own ----------------------------------------------------------------------------------- */

static void become_program(char *const *argv, int go_fd)
{
	char byte;

	if (read(go_fd, &byte, 1) != 1)
		_exit(125);
	close(go_fd);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "vmaple: %s: cannot be started: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int start_program(struct live_bpf *s)
{
	uint32_t none = 0, tid;
	int go[2];

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	s->child = fork();
	if (s->child == 0) {
		close(go[1]);
		become_program(s->options.argv, go[0]);
	}
	close(go[0]);
	s->go_fd = go[1];
	if (s->child < 0)
		return -errno;
	tid = (uint32_t)s->child;
	return bpf_map_update_elem(bpf_map__fd(s->skel->maps.tasks), &tid, &none, BPF_ANY) ? -errno : 0;
}

static void reap(struct live_bpf *s)
{
	if (s->child > 0 && !s->child_ended && waitpid(s->child, &s->child_status, WNOHANG) == s->child)
		s->child_ended = true;
}

static void number_files(struct live_bpf *s, struct area_list *l)
{
	for (uint32_t i = 0; i < l->nr; i++)
		origin_number(s, &l->areas[i]);
}

/* --- the loop ----------------------------------------------------------------------------------------------- */

/* Something was not seen: go on from the map as it is now. */
static void make_good(struct live_bpf *s, uint64_t lost)
{
	bool known = false;

	for (struct followed *f = s->spaces; f; f = f->next)
		known |= f->known;
	/* Whose they were went with them. */
	if (known)
		emit_lost_records(
			s, NULL, lost, "records of BPF: the buffer was full, or a section was missed");
	for (struct followed *f = s->spaces; f; f = f->next) {
		struct area_list l = { 0 };
		struct map_request q;

		followed_pass_over(f);
		if (snapshot(s, f, &l, &q)) {
			if (!followed_ends(f))
				emit_gone(s, f);
		} else if (f->known) {
			f->snapshot = q.sequence;
			f->sequence = q.sequence - 1;
			number_files(s, &l);
			emit_map(s, f, &l, TRACE_MAP_RESYNC, 0, UINT64_MAX);
			note_written(f, &l, &everywhere, &everywhere);
		}
		free(l.areas);
	}
}

static bool take_records(struct live_bpf *s, int timeout_ms)
{
	bool more = read_records(s, timeout_ms);
	uint64_t lost;

	/* A record that found no room is missed here, too: as a section without its areas, or one whose number is left out. */
	lost = max(s->skel->bss->lost, s->lost);
	if (lost) {
		s->skel->bss->lost = 0;
		s->lost = 0;
		make_good(s, lost);
	}
	flush_items(s);
	return more;
}

static bool is_over(struct live_bpf *s, uint64_t begin)
{
	if (s->err || (s->options.stop && s->options.stop(s->options.ctx)))
		return true;
	if (s->options.seconds > 0 && (double)(now_ns() - begin) > s->options.seconds * 1e9)
		return true;
	reap(s);
	return !s->spaces && (s->child <= 0 || s->child_ended);
}

/* What is still there is compared as a whole, with everything before that moment told. */
static void compare_at_end(struct live_bpf *s)
{
	for (struct followed *f = s->spaces; f; f = f->next) {
		struct area_list l = { 0 };
		struct map_request q;

		if (f->known && !f->finished && snapshot(s, f, &l, &q) == 0) {
			for (int i = 0; i < DRAIN_ROUNDS && f->sequence + 1 < q.sequence; i++)
				read_records(s, POLL_MS);
			read_records(s, 0);
			f->snapshot = q.sequence;
			flush_items(s);
			number_files(s, &l);
			if (!f->head && f->sequence <= q.sequence) {
				emit_map(s, f, &l, TRACE_MAP_CHECK, 0, UINT64_MAX);
				note_written(f, &l, &everywhere, &nowhere);
				emit_anon(s, f, &l);
			}
		}
		free(l.areas);
	}
}

int live_bpf_run(struct live_bpf *s, struct trace_sink *sink, int *status)
{
	uint64_t begin = now_ns();

	s->sink = sink;
	s->start_ns = begin;
	s->err = s->options.pid ? attach(s) : 0;
	if (!s->err && s->go_fd >= 0) {
		(void)!write(s->go_fd, "", 1);
		close(s->go_fd);
		s->go_fd = -1;
	}
	for (int poll_ms = POLL_MS; !is_over(s, begin);) {
		uint64_t before = s->records;

		if (take_records(s, poll_ms))
			poll_ms = 0;
		else if (s->records != before)
			poll_ms = POLL_MS;
		else
			poll_ms = poll_ms ? min(2 * poll_ms, IDLE_POLL_MS) : POLL_MS;
	}
	if (!s->err)
		take_records(s, 0);
	if (!s->err)
		compare_at_end(s);
	*status = s->child_status;
	return s->err;
}

/* --- start and end ------------------------------------------------------------------------------------------ */

static int describe_machine(struct live_bpf *s)
{
	int err;

	s->machine.options.argv = s->options.pid ? NULL : s->options.argv;
	s->machine.options.pid = s->options.pid;
	err = machine_header(&s->machine);
	s->header = s->machine.header;
	s->header.fault_source = TRACE_FAULTS_EACH;
	s->header.no_zero_page = reads_get_pages();
	return err;
}

int live_bpf_start(struct live_bpf **source, const struct live_bpf_options *options, char *error, size_t size)
{
	struct live_bpf *s = calloc(1, sizeof(*s));
	struct map_request q = { 0 };
	struct followed probe = { .pid = (uint32_t)options->pid };
	struct area_list l = { 0 };
	int err;

	if (!s) {
		snprintf(error, size, "out of memory");
		return -ENOMEM;
	}
	s->options = *options;
	s->go_fd = s->wake_fd = s->types_fd = -1;
	mt_init_flags(&s->origins, 0);
	mt_init_flags(&s->pointers, 0);
	err = describe_machine(s);
	if (err)
		snprintf(error, size, "cannot describe the machine: %s", strerror(-err));
	if (!err)
		err = load(s, error, size);
	if (!err && options->argv) {
		err = start_program(s);
		if (err)
			snprintf(error, size, "cannot start a process: %s", strerror(-err));
	} else if (!err && snapshot(s, &probe, &l, &q)) {
		err = map_status_error(q.status, options->pid, error, size);
	}
	free(l.areas);
	if (err)
		live_bpf_free(s);
	else
		*source = s;
	return err;
}

const struct trace_header *live_bpf_header(const struct live_bpf *s)
{
	return &s->header;
}

void live_bpf_free(struct live_bpf *s)
{
	if (s->go_fd >= 0)
		close(s->go_fd);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	if (s->types_fd >= 0)
		close(s->types_fd);
	source_program__destroy(s->skel);
	ring_close(&s->ring);
	if (s->reader)
		map_reader_close(s->reader);
	while (s->spaces)
		followed_free(s, s->spaces);
	items_free(s);
	free(s->areas);
	free(s->anon_areas);
	origins_free(s);
	names_free(s);
	for (int i = 0; i < 3; i++)
		free(s->machine.strings[i]);
	free(s);
}
