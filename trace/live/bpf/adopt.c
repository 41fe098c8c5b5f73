/* SPDX-License-Identifier: MIT */
/*
 * Processes that were there before: each begins with its map as it is when it is attached to.
 *
 *    AD1  An address space is put on the list of those that are followed, and then its map is read, under its lock: sections
 *         up to that one are in the map, later ones come as records.  Of calls that are under way then, those that had a
 *         section or a look before it are in the map as well; so are calls whose records lie before such a section's.
 *    AD2  Until then records wait.  Where some were lost meanwhile the map is read again, from which on nothing is.
 *    AD3  A child that began before its parent's map was read is no copy of the parent's mirror: it is adopted, too.
 *    AD4  In the midst of exec there is a map, but no program in it yet: it is waited for.  What was read just before its end
 *         is told; the program that it becomes has a number of its own, as have all that exec and fork make.
 *    AD5  Of a cgroup or the machine who has appeared is looked for by number; children of those that are followed come by
 *         themselves.  This process is left out: each of its records would make more.
 *
 * Who calls. live_bpf_run() adopts the process that was asked for; adopt_late() what is due, once a
 * round, from the loop of source.c. An adoption reads the ring by itself (read_what_waits()), so that
 * it is never called from within on_record().
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <vmaple/live_map.h>

#include "source.h"
#include "source.skel.h" /* after the records that it has */
#include "uapi.h"

#define TRIES     10
#define TRY_NS    1000000
#define LOOK_NS   250000000ull
#define DEPTH_MAX 32 /* of cgroups */

/* --- its tasks ---------------------------------------------------------------------------------------------- */

/*
 * The programs know the task from here on, and tell of threads that it makes by fork records;
 * was_listed() drops those that are in both. BPF_ANY: a task that the table has already, of another
 * space that was given up, is this one's now. False: no memory here, or no room in the table.
 */
static bool note_task(struct live_bpf *s, struct followed *f, uint32_t tid)
{
	uint32_t *grown = realloc(f->tids, (f->nr_tids + 1ul) * sizeof(*grown));

	if (!grown)
		return false;
	f->tids = grown;
	f->tids[f->nr_tids++] = tid;
	return !bpf_map_update_elem(bpf_map__fd(s->skel->maps.tasks), &tid, &f->id, BPF_ANY);
}

/*
 * One pass over /proc/PID/task. A thread that is made meanwhile by one that is in the table comes as a
 * fork record.
 */
static bool follow_tasks(struct live_bpf *s, struct followed *f)
{
	char path[64];
	struct dirent *d;
	bool whole = true;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", f->pid);
	dir = opendir(path);
	while (dir && whole && (d = readdir(dir)) != NULL) {
		uint32_t tid = (uint32_t)atoi(d->d_name);

		whole = !tid || note_task(s, f, tid);
	}
	if (dir)
		closedir(dir);
	f->users = f->nr_tids ? f->nr_tids : 1;
	return whole;
}

/* Its threads but the first. */
static void emit_threads(struct live_bpf *s, const struct followed *f)
{
	for (uint32_t i = 0; i < f->nr_tids; i++) {
		struct trace_event e = { .type = TRACE_EVENT_TASK, .task = { f->pid, true } };

		if (f->tids[i] != f->pid)
			emit_event(s, &e, f->pid, f->tids[i], f->mm, now_ns());
	}
}

/* --- its beginning ------------------------------------------------------------------------------------------- */

/*
 * mlockall(MCL_FUTURE) before it was attached to: its bits are in the mm's def_flags, of which /proc
 * shows nothing.
 */
static void emit_future_lock(struct live_bpf *s, const struct followed *f, uint64_t def_flags)
{
	struct trace_event e = { .type = TRACE_EVENT_LIMIT, .limit = { .limit = TRACE_LIMIT_FUTURE_LOCK } };

	e.limit.value =
		(def_flags & VM_LOCKED ? MCL_FUTURE : 0) | (def_flags & VM_LOCKONFAULT ? MCL_ONFAULT : 0);
	if (e.limit.value)
		emit_event(s, &e, f->pid, f->pid, f->mm, now_ns());
}

/*
 * Space, lock, sharing, map, tasks, in this order: a reader of the recording knows the space before its
 * areas and these before its threads.
 */
static void emit_adopted(
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
	followed_limits_set(f, e.space.limits);
	f->mm = ++s->next_mm;
	emit_event(s, &e, f->pid, f->pid, f->mm, now_ns());
	emit_future_lock(s, f, q->def_flags);
	emit_first_map(s, f, l);
	note_areas(s, f, l, &everywhere, &everywhere);
	emit_threads(s, f);
	f->known = true;
}

/*
 * @named: the map by names, of just before; NULL: it could not be read. Both lists ascend. A file takes
 * the name of the area that lay at the same address then, if inode and device are the same.
 */
static void name_files(struct live_bpf *s, struct area_list *l, const struct live_map *named)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < l->nr; i++) {
		struct bpf_area *a = &l->areas[i];
		struct origin *o;

		while (named && at < named->nr && named->areas[at].start < a->start)
			at++;
		origin_number(s, a);
		o = origin_of(s, a);
		if (o && o->path[0] != '/' && named && at < named->nr && named->areas[at].start == a->start &&
			named->areas[at].ino == a->ino && named->areas[at].dev == shown_device(a->dev))
			snprintf(o->path, sizeof(o->path), "%s", named->areas[at].name);
	}
}

/* All records that were there when it was called. */
static void read_what_waits(struct live_bpf *s)
{
	uint64_t end = ring_written(&s->ring);

	while (read_records(s, 0) && ring_told(&s->ring) < end)
		;
}

/*
 * exec has made it, and setup_new_exec() (mmap_base, then task_size) or setup_arg_pages() (start_stack)
 * is still to come. What load_elf_binary() maps behind these can be missing all the same: AD4.
 */
static bool is_half_made(const struct map_request *q)
{
	return !q->task_size || q->mmap_base > q->task_size || !q->start_stack;
}

/* Children that were made until now. */
static void begin_late(struct live_bpf *s)
{
	for (struct followed *f = s->spaces; f; f = f->next)
		f->is_late |= f->is_child && !f->known;
}

/*
 * The map, with the records around it: what waited is read and dropped, the map is read, and what has
 * come meanwhile is read again, of which sections up to the map's are passed over. If some was lost in
 * between, once more. 0 or -errno. TRIES of it: with an error that is no -EAGAIN it is over at once;
 * where records are lost each time, the last map is taken as it is, and the losses are told by the next
 * round.
 */
static int first_map(struct live_bpf *s, struct followed *f, struct area_list *l, struct map_request *q)
{
	int err = 0;

	for (int i = 0; i < TRIES; i++) {
		read_what_waits(s);
		begin_late(s);
		followed_pass_over(f);
		f->passed_over = false;
		f->snapshot = f->sequence = 0;
		lost_was_seen(s, f);
		l->nr = 0;
		err = snapshot(s, f, l, q);
		f->snapshot = q->sequence;
		f->sequence = q->sequence - 1;
		read_what_waits(s);
		if (!err && is_half_made(q)) {
			err = -EAGAIN;
			nanosleep(&(struct timespec){ .tv_nsec = TRY_NS }, NULL);
		} else if (err || !lost_of(s, f)) {
			break;
		}
	}
	return err;
}

/* @named: names as they were, if they could be read. */
static int begin(struct live_bpf *s, struct followed *f, const struct live_map *named)
{
	struct area_list l = { 0 };
	struct map_request q;
	int err = first_map(s, f, &l, &q);

	if (!err) {
		name_files(s, &l, named);
		emit_adopted(s, f, &q, &l);
		err = s->err;
	}
	if (!err) {
		/* From here on tasks come and go by their records. */
		free(f->tids);
		f->tids = NULL;
		f->nr_tids = 0;
	}
	free(l.areas);
	return err;
}

/*
 * As space_add() of the programs, with which it may race for a slot: the same compare-and-swap decides. The
 * slot is filled before the row names it. 0; -EEXIST: it is followed; -ENOSPC: its row is full.
 */
static int follow(struct live_bpf *s, uint64_t mm, uint32_t *id)
{
	uint32_t row = space_row_of(mm);
	__u64 *ways = s->rows[row].mm;
	struct space space = { .mm = mm };

	for (uint32_t way = 0; way < SPACE_WAYS; way++)
		if (__atomic_load_n(&ways[way], __ATOMIC_ACQUIRE) == mm)
			return -EEXIST;
	for (uint32_t way = 0; way < SPACE_WAYS; way++) {
		__u64 none = 0;
		uint32_t at = row * SPACE_WAYS + way;

		if (!__atomic_compare_exchange_n(
			    &ways[way], &none, SPACE_TAKEN, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		space.id = *id = __atomic_add_fetch(&s->skel->bss->last_space, 1, __ATOMIC_RELAXED);
		if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.spaces), &at, &space, BPF_ANY))
			return -errno;
		__atomic_store_n(&ways[way], mm, __ATOMIC_RELEASE);
		return 0;
	}
	return -ENOSPC;
}

/*
 * The address space of a process, as a number. The map is read for its number alone, and for whether it
 * can be read at all: -ESRCH, -EOPNOTSUPP and the like come from here.
 */
static int find_space(struct live_bpf *s, pid_t pid, uint64_t *mm)
{
	struct followed probe = { .pid = (uint32_t)pid };
	struct area_list l = { 0 };
	struct map_request q;
	int err = snapshot(s, &probe, &l, &q);

	free(l.areas);
	*mm = q.mm;
	return err;
}

/* The kernel may have given its mm to another process, which has taken the slot over then. */
static void leave_slot(struct live_bpf *s, const struct followed *f)
{
	uint32_t way = way_of(s, f);
	__u64 mm = f->key;

	if (way < SPACE_WAYS)
		__atomic_compare_exchange_n(&s->rows[space_row_of(mm)].mm[way], &mm, 0, false,
			__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Its tasks can be found again, as another space's. */
static void forget_tasks(struct live_bpf *s, const struct followed *f)
{
	int fd = bpf_map__fd(s->skel->maps.tasks);
	uint32_t id;

	for (uint32_t i = 0; i < f->nr_tids; i++)
		if (!bpf_map_lookup_elem(fd, &f->tids[i], &id) && id == f->id)
			bpf_map_delete_elem(fd, &f->tids[i]);
}

/*
 * It has ended, is another program now, or cannot be read: who has come of it is looked at by itself.
 * Its records are still in the ring, and find nobody to be of any more (on_record()).
 */
static void give_up(struct live_bpf *s, struct followed *f)
{
	struct followed *other;

	if (f->key)
		leave_slot(s, f);
	forget_tasks(s, f);
	for (const struct item *it = f->head; it; it = it->next) {
		other = it->kind == ITEM_EXEC ? followed_find(s, it->exec->head.space)
			: it->fork.child_tid  ? followed_find(s, it->fork.child_space)
					      : NULL;
		if (other && other != f && !other->known)
			other->is_late = true;
	}
	followed_drop_items(s, f);
	f->users = 0;
	f->finished = true;
}

/* -EEXIST where it is followed already, which is no error to who looks through a scope. */
int adopt(struct live_bpf *s, pid_t pid)
{
	struct live_map *named = NULL;
	struct followed *f = NULL;
	char error[256];
	uint32_t id = 0;
	uint64_t mm;
	int err = find_space(s, pid, &mm);

	/* What takes time comes before it is followed. */
	if (!err && live_map_read(&named, pid, LIVE_MAP_NAMES, error, sizeof(error)))
		named = NULL;
	if (!err)
		err = is_told_to_end(s) ? -EINTR : follow(s, mm, &id);
	if (!err) {
		f = followed_add(s, id, (uint32_t)pid);
		if (f)
			f->key = mm;
		err = f && follow_tasks(s, f) ? begin(s, f, named) : -ENOMEM;
	}
	if (err && f)
		give_up(s, f);
	if (named)
		live_map_free(named);
	return err;
}

/* --- scopes ------------------------------------------------------------------------------------------------- */

/* False: it is no use to look on. -ENOMEM alone is an error: who cannot be adopted is left out. */
static bool look_at(struct live_bpf *s, pid_t pid)
{
	uint32_t space;

	if (is_told_to_end(s))
		return false;
	/* Its first thread is in the table: it is followed already. */
	if (pid == getpid() || !bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.tasks), &pid, &space))
		return true;
	if (adopt(s, pid) == -ENOMEM)
		s->err = -ENOMEM;
	return !s->err;
}

static bool look_at_machine(struct live_bpf *s)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	bool on = true;

	while (dir && on && (d = readdir(dir)) != NULL)
		if (isdigit((unsigned char)d->d_name[0]))
			on = look_at(s, atoi(d->d_name));
	if (dir)
		closedir(dir);
	return on;
}

/* A read(2) of cgroup.procs is no picture of one moment; who is missed is found in the next round. */
static bool look_at_members(struct live_bpf *s, const char *cgroup)
{
	char path[4200];
	bool on = true;
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	f = fopen(path, "re");
	while (f && on && fscanf(f, "%d", &pid) == 1)
		on = look_at(s, pid);
	if (f)
		fclose(f);
	return on;
}

/* Its members, then those of the cgroups below, DEPTH_MAX deep. */
static bool look_at_cgroup(struct live_bpf *s, const char *cgroup, int depth)
{
	DIR *dir = depth < DEPTH_MAX ? opendir(cgroup) : NULL;
	struct dirent *d;
	bool on = look_at_members(s, cgroup);
	char path[4096];

	while (dir && on && (d = readdir(dir)) != NULL) {
		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", cgroup, d->d_name) < sizeof(path))
			on = look_at_cgroup(s, path, depth + 1);
	}
	if (dir)
		closedir(dir);
	return on;
}

/* A task that ended between being listed and being followed is waited for in vain. */
static void end_the_gone(struct live_bpf *s)
{
	for (struct followed *f = s->spaces; f; f = f->next)
		if (f->finished && f->users && !f->head && kill((pid_t)f->pid, 0) && errno == ESRCH)
			emit_gone(s, f);
}

/* Children before the scope's look, since those are found by number there as well. Every LOOK_NS at most. */
void adopt_late(struct live_bpf *s)
{
	uint64_t now = now_ns();

	for (struct followed *f = s->spaces; f && !s->err; f = f->next) {
		if (!f->is_late)
			continue;
		f->is_late = false;
		if (begin(s, f, NULL))
			give_up(s, f);
	}
	if (now - s->looked_ns < LOOK_NS)
		return;
	s->looked_ns = now;
	end_the_gone(s);
	if (s->options.machine)
		s->looked_first |= look_at_machine(s);
	else if (s->options.cgroup)
		s->looked_first |= look_at_cgroup(s, s->options.cgroup, 0);
}
