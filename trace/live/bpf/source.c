/* SPDX-License-Identifier: MIT */
/*
 * The source over BPF: start, the loop, the end.
 *
 * What was lost is made good by reading maps anew.
 *
 * Order of a run: live_bpf_start() loads and attaches all programs while nothing is followed, and has
 * the program's process wait; live_bpf_run() adopts what is there (pid), lets the program go, and takes
 * records in until is_over(); compare_at_end() reads the last maps, lets go, tells what is left and
 * compares; live_bpf_free() gives everything back, also after a start that failed half-way.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <vmaple/live_bpf.h>

#include "minmax.h"
#include "permitted.h"
#include "source.h"
#include "source.skel.h" /* after the records that it has */

#define POLL_MS       10
#define IDLE_POLL_MS  100 /* at most, where nothing comes */
#define DRAIN_ROUNDS  100
#define READER_BEFORE 10    /* of nice(2) */
#define READ_AT_ONCE  65536 /* records, before it is looked whether this is the end */

/*
 * Those that come while it reads are not waited for: there may always be more. What came before the
 * call is read, or READ_AT_ONCE of it. A record is valid until the next one is asked for, so that
 * on_record() copies what it keeps.
 */
bool read_records(struct live_bpf *s, int timeout_ms)
{
	const void *record = NULL;
	struct epoll_event e;
	uint64_t end;
	size_t size;

	if (timeout_ms)
		epoll_wait(s->wake_fd, &e, 1, timeout_ms);
	end = ring_written(&s->ring);
	for (int i = 0; i < READ_AT_ONCE && ring_told(&s->ring) < end; i++) {
		record = ring_next(&s->ring, &size);
		if (!record)
			break;
		on_record(s, record, size);
		ring_make_room(&s->ring);
		s->records++;
	}
	ring_release(&s->ring);
	/* Behind the reading: a program that finds it 0 wakes again. */
	s->skel->bss->woken = 0;
	return record && ring_told(&s->ring) < ring_written(&s->ring);
}

bool is_told_to_end(const struct live_bpf *s)
{
	return s->options.stop && s->options.stop(s->options.ctx);
}

bool is_scope(const struct live_bpf *s)
{
	return s->options.machine || s->options.cgroup;
}

/*
 * The address alone is not enough: the kernel gives it to another address space when this one has gone.
 * The id tells.
 */
uint32_t way_of(struct live_bpf *s, const struct followed *f)
{
	uint32_t row = space_row_of(f->key), way = 0;
	const __u64 *ways = s->rows[row].mm;
	struct space space;

	for (; way < SPACE_WAYS; way++) {
		uint32_t at = row * SPACE_WAYS + way;

		if (__atomic_load_n(&ways[way], __ATOMIC_ACQUIRE) == f->key &&
			!bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.spaces), &at, &space) &&
			space.id == f->id)
			break;
	}
	return way;
}

/*
 * @q is of the space that is followed, and not of a later one of that process, which may be at the same
 * place. A probe has no key, and takes what it gets.
 */
static bool is_of(struct live_bpf *s, const struct followed *f, const struct map_request *q)
{
	return !f->key || (f->key == q->mm && way_of(s, f) < SPACE_WAYS);
}

/*
 * The files of areas are learned of as if records of them had come, so that what is told by number has
 * one.
 */
static int take_areas(
	struct live_bpf *s, struct area_list *l, const struct named_bpf_area *areas, uint32_t nr)
{
	for (uint32_t i = 0; i < nr && !s->err; i++) {
		const struct bpf_area *a = &areas[i].area;
		const struct file_record file = {
			.file = a->file, .ino = a->ino, .dev = a->dev, .is = areas[i].file
		};

		if (a->file)
			origin_learn(s, &file);
		if (!area_list_add(l, a))
			return -ENOMEM;
	}
	return s->err;
}

/*
 * 0: @l has its areas in ascending order, with the kernel's pointers still in them, and @answer how
 * they were read. -ESRCH where it is another space by now, -EPERM where the reader cannot be loaded;
 * *answer is set only if it could be.
 */
int snapshot(struct live_bpf *s, struct followed *f, struct area_list *l, struct map_request *answer)
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
	if (q->status == STATUS_READ && q->task_size && q->task_size < NARROW_SIZE)
		answer->status = STATUS_32BIT;
	if (err || answer->status != STATUS_READ || !is_of(s, f, q))
		return err ? err : -ESRCH;
	areas = map_reader_areas(s->reader, &bytes);
	if (!areas)
		return -ENOMEM;
	err = take_areas(s, l, areas, q->count);
	munmap((void *)areas, bytes);
	return err;
}

/*
 * When it is told, not when it is read: in between records may have told of other files at the same
 * addresses.
 */
static void number_files(struct live_bpf *s, struct area_list *l)
{
	for (uint32_t i = 0; i < l->nr; i++)
		origin_number(s, &l->areas[i]);
}

/* --- the loop ----------------------------------------------------------------------------------------------- */

/*
 * Sections up to the one that the map has are passed over when they come (on_section()): f->snapshot.
 * Where its map cannot be read it is gone, unless its end waits among the items: that tells of it in
 * its turn.
 */
void resync(struct live_bpf *s, struct followed *f)
{
	struct area_list l = { 0 };
	struct map_request q;

	if (snapshot(s, f, &l, &q)) {
		if (!followed_ends(f))
			emit_gone(s, f);
	} else if (f->known) {
		f->snapshot = q.sequence;
		f->sequence = q.sequence - 1;
		number_files(s, &l);
		emit_map(s, f, &l, TRACE_MAP_RESYNC, 0, UINT64_MAX);
		note_areas(s, f, &l, &everywhere, &everywhere);
	}
	free(l.areas);
}

/*
 * The greater of both counts: what the reader has found missing, and what the programs could not put
 * into the ring. Spaces whose ids are LOSS_SLOTS apart share a counter: then one is read anew without
 * need.
 */
uint64_t lost_of(const struct live_bpf *s, const struct followed *f)
{
	uint32_t slot = f->id & (LOSS_SLOTS - 1);

	/* A record that found no room is missed here, too: as a section without its areas, or one whose number is left out. */
	return max(f->lost, (uint64_t)(s->skel->bss->losses[slot] - s->seen_lost[slot]));
}

/* Called behind a reading of the map that has all of it. */
void lost_was_seen(struct live_bpf *s, struct followed *f)
{
	uint32_t slot = f->id & (LOSS_SLOTS - 1);

	f->lost = 0;
	/* Another at the same place has to see it, too. */
	for (const struct followed *other = s->spaces; other; other = other->next)
		if (other != f && (other->id & (LOSS_SLOTS - 1)) == slot)
			return;
	s->seen_lost[slot] = s->skel->bss->losses[slot];
}

/*
 * How often the kernel has left out a program of ours: since Linux 7.0 a task can be preempted in one,
 * and until it goes on, none of the others on its processor runs that program. recursion_misses of
 * struct bpf_prog_info, since 5.12: 0 on kernels that do not count them.
 */
static uint64_t programs_left_out(const struct live_bpf *s)
{
	struct bpf_program *program;
	uint64_t times = 0;

	bpf_object__for_each_program(program, s->skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0)
			times += info.recursion_misses;
	}
	return times;
}

/* Why records are missing is guessed from what has changed since the last loss. */
static void emit_losses(struct live_bpf *s, struct followed *f, uint64_t lost)
{
	uint64_t left_out = programs_left_out(s);
	char what[160] = "records of BPF: the buffer was full, or a section was missed";

	if (left_out > s->seen_left_out)
		snprintf(what, sizeof(what),
			"records of BPF: the kernel left out %" PRIu64
			" runs of a program in which another task was preempted",
			left_out - s->seen_left_out);
	s->seen_left_out = left_out;
	emit_lost_records(s, f, lost, what);
}

/*
 * Something of it was not seen: it is told as lost, what waits is dropped but for lives of tasks, and it
 * goes on from the map as it is now. A child that was not told yet is adopted instead (AD3).
 */
static void make_good(struct live_bpf *s, struct followed *f, uint64_t lost)
{
	if (f->known)
		emit_losses(s, f, lost);
	followed_pass_over(f);
	f->is_late = f->is_child && !f->known;
	f->has_last_map = false;
	if (!f->is_late)
		resync(s, f);
}

/*
 * Who has lost some goes on with the map of now.  What is counted of one that nobody knows yet waits
 * for it. The counters are copied first: what is counted while maps are read is seen in the next round.
 * f->lost set back before make_good() lets flush() go on.
 */
static void take_lost(struct live_bpf *s)
{
	uint32_t counted[LOSS_SLOTS];

	if (!s->has_lost && !s->skel->bss->any_lost)
		return;
	s->has_lost = false;
	memcpy(counted, s->skel->bss->losses, sizeof(counted));
	for (struct followed *f = s->spaces; f; f = f->next) {
		uint64_t lost = lost_of(s, f);

		f->lost = 0;
		if (lost)
			make_good(s, f, lost);
	}
	for (const struct followed *f = s->spaces; f; f = f->next)
		s->seen_lost[f->id & (LOSS_SLOTS - 1)] = counted[f->id & (LOSS_SLOTS - 1)];
}

/*
 * One round, in this order: what was lost is made good before what is late is adopted, and both before
 * anything else is told.
 */
static bool take_records(struct live_bpf *s, int timeout_ms)
{
	bool more = read_records(s, timeout_ms);

	take_lost(s);
	adopt_late(s);
	flush_items(s);
	return more;
}

/*
 * Nothing came, and nobody is there: that they ended was lost. kill(2) with 0 asks only whether there
 * is such a process. Not idle: what is in the ring may tell of the end.
 */
static bool are_gone(const struct live_bpf *s)
{
	for (const struct followed *f = s->spaces; f; f = f->next)
		if (!kill((pid_t)f->pid, 0) || errno != ESRCH)
			return false;
	return s->idle;
}

/*
 * A cgroup is over when nobody of it is left and its folder is gone; the machine never is. Without a
 * scope it is over when the program has ended and all that it has left behind.
 */
static bool is_over(struct live_bpf *s)
{
	if (s->err || is_told_to_end(s))
		return true;
	if (s->options.seconds > 0 && (double)(now_ns() - s->start_ns) > s->options.seconds * 1e9)
		return true;
	program_attend(s);
	if (s->options.cgroup)
		return !s->spaces && access(s->options.cgroup, F_OK);
	return !s->options.machine && (s->child <= 0 || s->child_ended) && (!s->spaces || are_gone(s));
}

/*
 * Nothing more is told of anything from one moment on: the hooks go one by one, and a call without its
 * sections would be taken for one that changed nothing.  First those that follow more, and who ends:
 * one that was in a call would be taken for killed in it. The link of signal_sent is kept
 * (s->signal_link): signals are passed on until the program has ended.
 */
static void let_go(struct live_bpf *s)
{
	bpf_link__destroy(s->skel->links.task_forked);
	bpf_link__destroy(s->skel->links.task_execs);
	bpf_link__destroy(s->skel->links.task_exits);
	s->skel->links.task_forked = s->skel->links.task_execs = s->skel->links.task_exits = NULL;
	/* The end of following, in user space's own hands: the rows are mapped here. */
	for (uint32_t at = 0; at < SPACE_ROWS; at++)
		for (uint32_t way = 0; way < SPACE_WAYS; way++)
			__atomic_store_n(&s->rows[at].mm[way], 0, __ATOMIC_RELAXED);
	s->signal_link = s->skel->links.signal_sent;
	s->skel->links.signal_sent = NULL;
	source_program__detach(s->skel);
}

/*
 * The map of one that is still there, beside the mirror of the same moment: all before it was told, and
 * nothing behind it. Not compared where something waits still (a task that is in a call), or where
 * sections have come that the map does not have: then the map and the mirror are not of one moment.
 * last_sequence is even, outside of a section, and the last section's record has the odd one below.
 */
static void compare_last_map(struct live_bpf *s, struct followed *f)
{
	struct area_list *l = &f->last_map;

	if (f->head || f->finished || (f->sequence && f->sequence + 1 != f->last_sequence))
		return;
	number_files(s, l);
	emit_map(s, f, l, TRACE_MAP_CHECK, 0, UINT64_MAX);
	note_areas(s, f, l, &everywhere, &nowhere);
	emit_anon(s, f, l);
}

/*
 * The last map of each is read while it is followed; what comes until let_go() is told, and then the map is
 * compared if its section was the last.
 */
static void compare_at_end(struct live_bpf *s)
{
	struct map_request q = { 0 };
	bool more = true;

	for (struct followed *f = s->spaces; f; f = f->next) {
		f->has_last_map = f->known && !f->finished && !snapshot(s, f, &f->last_map, &q);
		f->last_sequence = q.sequence;
	}
	let_go(s);
	while (more && !s->err) {
		more = read_records(s, 0);
		take_lost(s);
		flush_items(s);
	}
	for (struct followed *f = s->spaces; f; f = f->next) {
		if (f->has_last_map)
			compare_last_map(s, f);
		if (f->known && !f->ended)
			callers_before_end(s, f);
	}
}

/*
 * The buffer runs over where its reader has to wait long for a CPU.  What the priority was. By the
 * process's nice value, READER_BEFORE lower; without CAP_SYS_NICE it stays, and is set back to itself.
 */
static int go_first(void)
{
	int was = getpriority(PRIO_PROCESS, 0);

	(void)setpriority(PRIO_PROCESS, 0, was - READER_BEFORE); /* where it may */
	return was;
}

/*
 * 0, or the first error of the sink or for want of memory; -EINTR when it was told to end before all
 * that was there of a scope had been looked at. *status is that of the program, as wait(2) gives it.
 * The events' last one has been given to the sink when this returns.
 */
int live_bpf_run(struct live_bpf *s, struct trace_sink *sink, int *status)
{
	int priority = go_first();

	s->sink = sink;
	s->start_ns = now_ns();
	s->err = s->options.pid ? adopt(s, s->options.pid) : 0;
	if (!s->err)
		program_go(s);
	/*
	 * Where records come it is asked again at once; where none come twice as long is waited each time:
	 * a recorder of a quiet machine takes next to no processor time.
	 */
	for (int poll_ms = POLL_MS; !is_over(s);) {
		uint64_t before = s->records;

		bool more = take_records(s, poll_ms);

		s->idle = !more && s->records == before;
		if (more)
			poll_ms = 0;
		else if (s->records != before)
			poll_ms = POLL_MS;
		else
			poll_ms = poll_ms ? min(2 * poll_ms, IDLE_POLL_MS) : POLL_MS;
		if (!s->err && sink->tick)
			s->err = sink->tick(sink, now_ns() - s->start_ns);
	}
	if (!s->err && is_scope(s) && !s->looked_first)
		s->err = -EINTR;
	if (!s->err)
		compare_at_end(s);
	else
		let_go(s);
	(void)setpriority(PRIO_PROCESS, 0, priority);
	program_wait(s);
	program_gone(s);
	*status = s->child_status;
	return s->err;
}

/* --- start and end ------------------------------------------------------------------------------------------ */

/* strings[2] is the command line that machine_header() has made of no program. */
static int name_scope(struct live_bpf *s)
{
	char **command = &s->machine.strings[2];

	free(*command);
	if (asprintf(command, "vmaple attach %s%s", s->options.machine ? "--all" : "--cgroup ",
		    s->options.machine ? "" : s->options.cgroup) < 0)
		*command = NULL;
	s->machine.header.command = *command;
	return *command ? 0 : -ENOMEM;
}

static int describe_machine(struct live_bpf *s)
{
	int err;

	s->machine.options.argv = s->options.argv;
	s->machine.options.pid = s->options.pid;
	err = machine_header(&s->machine);
	if (!err && is_scope(s))
		err = name_scope(s);
	s->header = s->machine.header;
	s->header.fault_source = TRACE_FAULTS_EACH;
	s->header.no_zero_page = reads_get_pages();
	return err;
}

/* A cgroup of version 2, or of 1: both have cgroup.procs, one number of a process a line. */
static int look_at_scope(const struct live_bpf *s, char *error, size_t size)
{
	char path[4096];

	if (!s->options.cgroup)
		return 0;
	snprintf(path, sizeof(path), "%s/cgroup.procs", s->options.cgroup);
	if (access(path, R_OK) == 0)
		return 0;
	snprintf(error, size, "%s is not a cgroup that can be read: it has no cgroup.procs",
		s->options.cgroup);
	return -ESRCH;
}

/*
 * In this order: what can be refused without BPF first, loading (which takes longest) before a process
 * is made. The probe of a process to attach to is read once for its error alone: what is wrong with it
 * (32-bit, a kernel thread, gone) is said before anything is recorded.
 */
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
	s->go_fd = s->wake_fd = s->types_fd = s->root_fd = -1;
	mt_init_flags(&s->by_id, 0);
	mt_init_flags(&s->origins, 0);
	mt_init_flags(&s->pointers, 0);
	err = describe_machine(s);
	if (err)
		snprintf(error, size, "cannot describe the machine: %s", strerror(-err));
	if (!err && s->options.stacks)
		err = callers_open(s, error, size);
	if (!err && options->argv)
		err = program_look(options->argv[0], error, size);
	if (!err)
		err = load(s, error, size);
	if (!err && options->argv) {
		err = program_start(s);
		if (err)
			snprintf(error, size, "cannot start a process: %s", strerror(-err));
	} else if (!err && is_scope(s)) {
		err = look_at_scope(s, error, size);
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

/*
 * In any state: what was not made is -1 or NULL. Programs go before the ring, and spaces before the
 * numbers that their lists have.
 */
void live_bpf_free(struct live_bpf *s)
{
	if (s->go_fd >= 0)
		close(s->go_fd);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	if (s->types_fd >= 0)
		close(s->types_fd);
	if (s->root_fd >= 0)
		close(s->root_fd);
	if (s->rows)
		munmap(s->rows, SPACE_ROWS * sizeof(*s->rows));
	bpf_link__destroy(s->signal_link);
	source_program__destroy(s->skel);
	ring_close(&s->ring);
	if (s->reader)
		map_reader_close(s->reader);
	while (s->spaces)
		followed_free(s, s->spaces);
	callers_close(s);
	mtree_destroy(&s->by_id);
	items_free(s);
	free(s->areas);
	free(s->anon_areas);
	origins_free(s);
	names_free(s);
	for (int i = 0; i < 3; i++)
		free(s->machine.strings[i]);
	free(s);
}
