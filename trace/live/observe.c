/* SPDX-License-Identifier: MIT */
/*
 * The kernel's map: parts of it by the PROCMAP_QUERY ioctl (Linux 6.11), the whole as text.
 *
 * The descriptor of /proc/PID/maps is kept open with its address space: it stays valid whatever becomes of the task
 * through which it was opened.
 *
 * One area is asked for several times at one stop and at the next: where it was written, what the call will do to it,
 * what it has done.  Where an address space has one user, only that user's calls move bounds of areas, and faults those of
 * stacks; so until the next call is let through the last answers are good (mm->changes).  A look that a comparison is made
 * of is always of the stop at which it is told.
 *
 * What kind of answer is good when:
 *
 *      is_seen()          since the last call that was let through        writes, growth at a call
 *      is_seen_since()    of this stop or tick                            stacks, comparisons
 *      query()            of now                                          names, windows not seen
 *
 * l->areas and l->names are one scratch for all: each look that fills them (text, smaps, windows) ends
 * what the one before has left there, and pointers into them.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmaple/mm.h>

#include "internal.h"
#include "maps_line.h"
#include "uapi.h"

/* -1: the task has ended, or no descriptor is left. */
static int open_proc(pid_t tid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, file);
	return kernel->open(path, O_RDONLY | O_CLOEXEC);
}

/* Either may be -1, which callers of mm_new() ask for. */
void observe_open(struct live_mm *mm, pid_t tid)
{
	mm->maps_fd = open_proc(tid, "maps");
	mm->pagemap_fd = open_proc(tid, "pagemap");
}

void observe_close(struct live_mm *mm)
{
	if (mm->maps_fd >= 0)
		kernel->close(mm->maps_fd);
	if (mm->pagemap_fd >= 0)
		kernel->close(mm->pagemap_fd);
}

/* --- the list of areas that is being made ------------------------------------------------------------------- */

/* One more at the end of l->areas; pointers into it are of the past then. NULL: no memory. */
static struct trace_area *add_area(struct live *l)
{
	if (l->nr_areas == l->areas_allocated) {
		uint32_t want = l->areas_allocated ? 2 * l->areas_allocated : 256;
		struct trace_area *grown = realloc(l->areas, want * sizeof(*grown));

		if (!grown)
			return NULL;
		l->areas = grown;
		l->areas_allocated = want;
	}
	l->areas[l->nr_areas] = (struct trace_area){ .name = "" };
	return &l->areas[l->nr_areas++];
}

/* What l->areas has. The sink has it before this returns where it has names, else the queue keeps a copy. */
static void emit_map(struct live *l, struct task *t, struct trace_map map)
{
	struct trace_event e = { .type = TRACE_EVENT_MAP, .map = map };

	e.map.count = l->nr_areas;
	e.map.areas = l->areas;
	emit(l, t, &e);
}

/* --- queries ------------------------------------------------------------------------------------------------ */

/* The name is a matter of the query. */
static void area_of_query(const struct procmap_query *q, struct trace_area *a)
{
	*a = (struct trace_area){ .start = q->vma_start,
		.end = q->vma_end,
		.offset = q->vma_offset,
		.dev = (uint64_t)q->dev_major << 32 | q->dev_minor,
		.ino = q->inode,
		.name = "" };
	/* The first three bits are read, write, exec, as in PROT_*. */
	a->prot = q->vma_flags & (PROT_READ | PROT_WRITE | PROT_EXEC);
	a->shared = q->vma_flags & PROCMAP_QUERY_VMA_SHARED;
	if (!trace_area_has_file(a))
		a->offset = 0;
}

/*
 * One ioctl. 0; -ENOENT: no area there, or above; -ENOTTY: a kernel before 6.11; -ESRCH: the address space
 * is gone.
 */
static int query(int fd, uint64_t addr, uint64_t flags, char *name, size_t name_size, struct procmap_query *q)
{
	*q = (struct procmap_query){ .size = sizeof(*q),
		.query_flags = flags,
		.query_addr = addr,
		.vma_name_addr = (uint64_t)(uintptr_t)name,
		.vma_name_size = (uint32_t)name_size };
	return kernel->ioctl(fd, PROCMAP_QUERY, q) ? -errno : 0;
}

/* Text for kernels without the ioctl. */
static bool read_text(struct live *l, const struct live_mm *mm);

/* From now on it is known that this kernel has no such ioctl. O(areas) for each question. */
static bool next_area_of_text(
	struct live *l, const struct live_mm *mm, uint64_t addr, struct trace_area *area)
{
	l->text_only = true;
	read_text(l, mm);
	for (uint32_t i = 0; i < l->nr_areas; i++) {
		if (l->areas[i].end > addr) {
			*area = l->areas[i];
			return true;
		}
	}
	return false;
}

/*
 * Cheap, and wanted wherever a task of the address space runs on in a call: to call it once too often
 * costs a query.
 */
void observe_changed(struct live_mm *mm)
{
	mm->changes++;
}

/*
 * Was it asked since the last change? With more users than one nothing is kept: a fault of another thread
 * may grow a stack.
 */
static bool is_seen_since(
	const struct live *l, const struct live_mm *mm, uint64_t look, uint64_t addr, struct trace_area *area)
{
	const struct seen_areas *s = &l->seen;

	if (mm->users != 1 || s->mm != mm->id || s->changes != mm->changes)
		return false;
	for (unsigned int i = 0; i < s->nr; i++) {
		if (s->at[i].look >= look && s->at[i].from <= addr && addr < s->at[i].area.end) {
			*area = s->at[i].area;
			return true;
		}
	}
	return false;
}

static bool is_seen(const struct live *l, const struct live_mm *mm, uint64_t addr, struct trace_area *area)
{
	return is_seen_since(l, mm, 0, addr, area);
}

/*
 * A ring of SEEN_AREAS. The answer stands for all addresses from the question to the area's end: the hole
 * before it was seen as well.
 */
static void keep_seen(struct live *l, const struct live_mm *mm, uint64_t addr, const struct trace_area *area)
{
	struct seen_areas *s = &l->seen;

	if (s->mm != mm->id || s->changes != mm->changes) {
		s->mm = mm->id;
		s->changes = mm->changes;
		s->nr = s->next = 0;
	}
	s->at[s->next].look = l->looks;
	s->at[s->next].from = addr < area->start ? addr : area->start;
	s->at[s->next].area = *area;
	s->next = (s->next + 1) % SEEN_AREAS;
	if (s->nr < SEEN_AREAS)
		s->nr++;
}

/* False: no area ends above @addr, or it cannot be asked. area->name is "". */
bool observe_next(struct live *l, const struct live_mm *mm, uint64_t addr, struct trace_area *area)
{
	return is_seen(l, mm, addr, area) || observe_next_now(l, mm, addr, area);
}

/* A stop (l->looks) is the unit: between two stops a task with others may have faulted. */
bool observe_next_now(struct live *l, const struct live_mm *mm, uint64_t addr, struct trace_area *area)
{
	struct procmap_query q;
	int err;

	if (is_seen_since(l, mm, l->looks, addr, area))
		return true;
	err = query(mm->maps_fd, addr, PROCMAP_QUERY_COVERING_OR_NEXT_VMA, NULL, 0, &q);
	if (err == -ENOTTY && next_area_of_text(l, mm, addr, area)) {
		area->name = "";
		return true;
	}
	if (err)
		return false;
	area_of_query(&q, area);
	keep_seen(l, mm, addr, area);
	return true;
}

/*
 * Done while something else has to be waited for anyway: resume() and its KNOWN_NS want what follows to
 * be short.
 */
void observe_look_ahead(struct live *l, const struct live_mm *mm, uint64_t addr)
{
	struct trace_area area;

	if (mm->users == 1 && !l->text_only)
		(void)observe_next_now(l, mm, addr, &area);
}

bool observe_area(struct live *l, const struct live_mm *mm, uint64_t addr, struct trace_area *area)
{
	return observe_next(l, mm, addr, area) && area->start <= addr;
}

/*
 * The name is a copy in the caller's buffer, for l->names goes with the next look. Not through the ring:
 * names are not kept there.
 */
bool observe_named_area(struct live *l, struct task *t, uint64_t addr, char name[AREA_NAME_MAX],
	struct trace_area *area, uint64_t *page_size)
{
	struct procmap_query q;
	int err = query(t->mm->maps_fd, addr, 0, name, AREA_NAME_MAX, &q);

	/* The kernel's text has its NUL; where there is no name it writes nothing. */
	name[q.vma_name_size && !err ? AREA_NAME_MAX - 1 : 0] = '\0';
	if (err == -ENOTTY && next_area_of_text(l, t->mm, addr, area) && area->start <= addr) {
		snprintf(name, AREA_NAME_MAX, "%s", area->name);
		*page_size = 0;
	} else if (err) {
		return false;
	} else {
		area_of_query(&q, area);
		*page_size = q.vma_page_size;
	}
	area->name = name;
	return true;
}

/* Text has the whole map; a MAP event has what touches its window, and nothing else. */
static void keep_window(struct live *l, uint64_t lo, uint64_t hi)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < l->nr_areas; i++)
		if (l->areas[i].end > lo && l->areas[i].start < hi)
			l->areas[kept++] = l->areas[i];
	l->nr_areas = kept;
}

/*
 * Every area that touches [lo, hi), by queries, into l->areas. False: no memory, or no such ioctl. Areas
 * are asked for one after the other: with other threads waiting at their calls (TK2) nothing but a stack's
 * growth can come between.
 */
static bool query_window(struct live *l, const struct live_mm *mm, uint64_t lo, uint64_t hi)
{
	struct trace_area found;
	struct procmap_query q;
	int err = 0;

	l->nr_areas = 0;
	while (lo < hi) {
		struct trace_area *a;

		if (!is_seen(l, mm, lo, &found)) {
			err = query(mm->maps_fd, lo, PROCMAP_QUERY_COVERING_OR_NEXT_VMA, NULL, 0, &q);
			if (err)
				break;
			area_of_query(&q, &found);
			keep_seen(l, mm, lo, &found);
		}
		if (found.start >= hi)
			return true;
		a = add_area(l);
		if (!a)
			return false;
		*a = found;
		lo = found.end;
	}
	return err == 0 || err == -ENOENT;
}

static void emit_unseen(struct live *l, const struct task *t)
{
	emit_lost(l, t, 0, "out of memory: the map was not looked at");
}

/*
 * Calls of other threads wait meanwhile, but their stacks may grow: what was read is told after the growth that it
 * may show, and read again if there was some.
 */
#define MAX_TRIES 16

/*
 * Told as lost where it could not be read. @lo, @hi need not be whole pages: areas that touch [lo, hi)
 * are meant.
 */
void observe(struct live *l, struct task *t, uint64_t lo, uint64_t hi)
{
	bool seen;
	int tries = 0;

	do
		seen = query_window(l, t->mm, lo, hi) || read_text(l, t->mm);
	/* A stack that grows all the time does not hold this up for ever. */
	while (t->mm->users > 1 && growth_emit(l, t, true) && ++tries < MAX_TRIES);
	if (!seen) {
		emit_unseen(l, t);
		return;
	}
	keep_window(l, lo, hi);
	emit_map(l, t, (struct trace_map){ .reason = TRACE_MAP_CHECK, .lo = lo, .hi = hi });
}

/* --- text --------------------------------------------------------------------------------------------------- */

/*
 * All of a file of /proc into l->names.
 *
 * False also where AT5 broke it off. A map that changes between two read(2)s may show an area twice or
 * not at all, so who needs one moment keeps the tasks stopped.
 */
static bool read_all(struct live *l, int fd)
{
	ssize_t n;

	l->names_len = 0;
	if (fd < 0 || !kernel->rewind(fd))
		return false;
	do {
		if (l->names_len + 65536 > l->names_allocated) {
			char *grown = realloc(l->names, l->names_allocated + (1u << 18));

			if (!grown)
				return false;
			l->names = grown;
			l->names_allocated += 1u << 18;
		}
		n = kernel->read(fd, l->names + l->names_len, l->names_allocated - l->names_len - 1);
		if (n > 0)
			l->names_len += (size_t)n;
		/* A large map takes its time, and AT5 does not wait for it. */
	} while ((n > 0 || (n < 0 && errno == EINTR)) && !attach_is_given_up(l));
	l->names[l->names_len] = '\0';
	return n == 0;
}

/* The amount that a line of smaps gives for @field; 0 when it is another line. In kB, as smaps has it. */
static uint64_t amount(const char *line, const char *field)
{
	size_t len = strlen(field);

	return strncmp(line, field, len) == 0 ? strtoull(line + len, NULL, 10) : 0;
}

/*
 * Lines of maps or smaps into l->areas. False: no memory, and nothing is there. l->names is cut into
 * lines in place, and areas point into it.
 */
static bool parse_text(struct live *l)
{
	struct trace_area *area = NULL;
	char *save = NULL;

	l->nr_areas = 0;
	for (char *line = strtok_r(l->names, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct trace_area a = { .name = "" };

		if (maps_line_parse(line, &a)) {
			/* The gate page is the kernel's, and in no process's map. */
			bool gate = strcmp(a.name, "[vsyscall]") == 0;

			area = gate ? NULL : add_area(l);
			if (area) {
				*area = a;
			} else if (!gate) {
				l->nr_areas = 0;
				return false;
			}
			/* A page of its own, or one that was swapped out: it was written. */
		} else if (area && (amount(line, "Anonymous:") || amount(line, "Swap:"))) {
			area->touched = true;
		} else if (area && strncmp(line, "VmFlags:", 8) == 0) {
			area->vm_flags = vm_flags_parse(line + 8);
		}
	}
	return true;
}

/*
 * A read of /proc/PID/maps holds the mmap lock for reading while it fills a page, and takes it anew for
 * the next.
 */
static bool read_text(struct live *l, const struct live_mm *mm)
{
	l->nr_areas = 0;
	return read_all(l, mm->maps_fd) && parse_text(l);
}

/* O(areas); pointers into l->areas are of the past. */
uint64_t observe_count(struct live *l, const struct live_mm *mm)
{
	return read_text(l, mm) ? l->nr_areas : 0;
}

/*
 * Calls of other tasks that went on beside a blocked one (stops.c) are in the kernel now, or that one is; or one that had
 * begun before the task was attached to.
 */
static bool is_beside_calls(struct live *l, const struct task *t)
{
	const struct task *other;
	unsigned long tid = 0;

	if (t->mm->users == 1)
		return false;
	mt_for_each (&l->tasks, other, tid, ULONG_MAX)
		if (other != t &&
			(is_in_call_about(other, t->mm) || (other->mm == t->mm && other->unstopped)))
			return true;
	return false;
}

void observe_all(struct live *l, struct task *t)
{
	bool seen;
	int tries = 0;

	do
		seen = read_text(l, t->mm);
	while (t->mm->users > 1 && growth_emit(l, t, true) && ++tries < MAX_TRIES);
	if (!seen)
		emit_unseen(l, t);
	else if (l->nr_areas)
		emit_map(l, t,
			(struct trace_map){ .reason = TRACE_MAP_CHECK,
				.hi = UINT64_MAX,
				.has_names = true,
				.beside = is_beside_calls(l, t) });
}

/*
 * Walks all page tables of the process: only where nothing else tells flags. l->nr_areas is 0 where it
 * could not be read. Opened through the task, not kept: it is asked seldom.
 */
void observe_smaps(struct live *l, struct task *t)
{
	int fd = open_proc(t->tid, "smaps");

	l->nr_areas = 0;
	if (read_all(l, fd))
		parse_text(l);
	if (fd >= 0)
		kernel->close(fd);
}

/* smaps has it below the line of its area, which is why `here` is carried along. */
uint64_t observe_page_size(struct live *l, struct task *t, uint64_t addr)
{
	int fd = open_proc(t->tid, "smaps");
	uint64_t kib = 0;
	bool here = false;
	char *save = NULL;

	l->nr_areas = 0;
	if (read_all(l, fd)) {
		for (char *line = strtok_r(l->names, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			struct trace_area a = { .name = "" };

			if (maps_line_parse(line, &a))
				here = a.start <= addr && addr < a.end;
			else if (here && !kib)
				kib = amount(line, "KernelPageSize:");
		}
	}
	if (fd >= 0)
		kernel->close(fd);
	return kib << 10;
}

/* has_vm_flags: smaps has told them, and nothing later does. */
void emit_begin_map(struct live *l, struct task *t)
{
	emit_map(l, t,
		(struct trace_map){ .reason = TRACE_MAP_BEGIN,
			.hi = UINT64_MAX,
			.has_vm_flags = true,
			.has_names = true });
}

/* O(areas). */
uint64_t observed_vm_flags(const struct live *l, uint64_t start)
{
	for (uint32_t i = 0; i < l->nr_areas; i++)
		if (l->areas[i].start == start)
			return l->areas[i].vm_flags;
	return 0;
}
