/* SPDX-License-Identifier: MIT */
/*
 * Page faults, from perf: one ring buffer per CPU.
 *
 * 1. Source.  The software event page-faults gives the address of every fault, those that end in SIGSEGV included;
 *    without privilege, of the program's user-mode faults only.  With it, of every process, and what is not ours is
 *    dropped here.  The trace points of the same name also tell reads from writes, but take 20 ms to switch on and 70
 *    to switch off.
 *
 * 2. Writes.  What a fault has done is asked of the page itself: an anonymous page that is not the zero page was
 *    written.  A call that could take the page away is stopped before it begins, and faults are read then; so the
 *    answer is that of the moment, except beside another thread's call.
 *
 * 3. Order.  Records carry CLOCK_MONOTONIC times, as events do.  They are read at every stop, sorted, and sent
 *    before the event that the stop is about.  A fault of one thread while another's call was in the kernel can have
 *    been carried out before or after it: it is marked.
 *
 * 4. Volume.  Reads change nothing but a stack that grows, and, where huge pages may be mapped, what they prepare;
 *    in address spaces with neither, those outside the stack's region are dropped here.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define RING_PAGES  256u /* a power of two; 26,000 records, four ticks at 300,000 faults a second */
#define MAX_RINGS   1024
#define ERROR_WRITE 2u

struct ring {
	int fd;
	struct perf_event_mmap_page *meta; /* followed by the data */
};

struct record {
	uint64_t time, addr;
	uint32_t tid;
	bool kernel;
};

struct faults {
	struct ring rings[MAX_RINGS];
	int nr_rings;
	struct record *records;
	size_t nr_records, records_allocated;
	uint64_t lost;
};

static int perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group)
{
	return (int)syscall(SYS_perf_event_open, attr, pid, cpu, group, PERF_FLAG_FD_CLOEXEC);
}

/* --- opening ------------------------------------------------------------------------------------------------ */

static bool add_ring(struct faults *f, struct perf_event_attr *attr, pid_t pid, int cpu)
{
	struct ring *r = &f->rings[f->nr_rings];
	size_t size = (size_t)(RING_PAGES + 1) * 4096;

	if (f->nr_rings == MAX_RINGS)
		return false;
	r->fd = perf_event_open(attr, pid, cpu, -1);
	if (r->fd < 0)
		return false;
	r->meta = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->meta == MAP_FAILED) {
		close(r->fd);
		return false;
	}
	f->nr_rings++;
	return true;
}

static void close_rings(struct faults *f)
{
	while (f->nr_rings) {
		struct ring *r = &f->rings[--f->nr_rings];

		munmap(r->meta, (size_t)(RING_PAGES + 1) * 4096);
		close(r->fd);
	}
}

/*
 * The same event on every CPU, of every process (@pid -1) or of the program and its children.  Of every process, where
 * that is permitted: an event that is tied to tasks takes 14 ms to open, and time at each fork and exit.
 */
static bool open_everywhere(struct faults *f, pid_t pid, bool user_only)
{
	struct perf_event_attr attr = { .size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.sample_period = 1,
		.inherit = pid > 0,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR,
		.exclude_kernel = user_only };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (int cpu = 0; cpu < cpus; cpu++) {
		if (!add_ring(f, &attr, pid, cpu)) {
			close_rings(f);
			return false;
		}
	}
	return true;
}

struct faults *faults_open(pid_t pid, uint32_t *source)
{
	struct faults *f = calloc(1, sizeof(*f));

	*source = TRACE_FAULTS_NONE;
	if (f && (open_everywhere(f, -1, false) || open_everywhere(f, pid, false)))
		*source = TRACE_FAULTS_ALL;
	else if (f && open_everywhere(f, pid, true))
		*source = TRACE_FAULTS_USER_ONLY;
	return f;
}

void faults_close(struct faults *f)
{
	if (!f)
		return;
	close_rings(f);
	free(f->records);
	free(f);
}

/* --- reading ------------------------------------------------------------------------------------------------ */

static void copy_out(const struct ring *r, uint64_t at, void *to, size_t size)
{
	const char *data = (const char *)r->meta + 4096;
	size_t ring = (size_t)RING_PAGES * 4096, from = at % ring, first = ring - from;

	if (first > size)
		first = size;
	memcpy(to, data + from, first);
	memcpy((char *)to + first, data, size - first);
}

static struct record *add_record(struct faults *f)
{
	if (f->nr_records == f->records_allocated) {
		size_t want = f->records_allocated ? 2 * f->records_allocated : 1024;
		struct record *grown = realloc(f->records, want * sizeof(*grown));

		if (!grown) {
			f->lost++;
			return NULL;
		}
		f->records = grown;
		f->records_allocated = want;
	}
	return &f->records[f->nr_records++];
}

static uint64_t u64_at(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void take_sample(struct faults *f, const char *p, size_t size)
{
	struct perf_event_header h;
	struct record *r;

	if (size < 8 + 24)
		return;
	r = add_record(f);
	if (!r)
		return;
	memcpy(&h, p, sizeof(h));
	memcpy(&r->tid, p + 12, 4);
	r->time = u64_at(p + 16);
	r->addr = u64_at(p + 24);
	r->kernel = (h.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
}

static void read_ring(struct faults *f, struct ring *r)
{
	/* Pairs with the kernel's release of data_head: records up to it are whole. */
	uint64_t head = __atomic_load_n(&r->meta->data_head, __ATOMIC_ACQUIRE), tail = r->meta->data_tail;
	char buf[512];

	while (tail < head) {
		struct perf_event_header h;

		copy_out(r, tail, &h, sizeof(h));
		if (h.size < sizeof(h))
			break;
		if (h.size <= sizeof(buf)) {
			copy_out(r, tail, buf, h.size);
			if (h.type == PERF_RECORD_SAMPLE)
				take_sample(f, buf, h.size);
			else if (h.type == PERF_RECORD_LOST)
				f->lost += u64_at(buf + 16);
		}
		tail += h.size;
	}
	/* Pairs with the kernel's load: the space may be written again only after we have read it. */
	__atomic_store_n(&r->meta->data_tail, tail, __ATOMIC_RELEASE);
}

static int by_time(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	return x->time < y->time ? -1 : x->time > y->time;
}

/* Reads that matter: see 4. */
static bool read_matters(const struct live_mm *mm, uint64_t addr)
{
	return mm->reads_matter || addr >= mm->stack_low;
}

static bool beside_a_call(const struct task *t, const struct record *r)
{
	const struct task *busy = t->mm->busy;

	return busy && busy != t && r->time >= busy->resumed_ns;
}

#define FAULT_TIME_NS 1000000 /* what a fault can take until its page is there */
#define SETTLE_TRIES  32

/* The page of a fault; one of another thread may still be under way: it is given a moment. */
static enum page_state settled_page(const struct live_mm *mm, const struct record *r)
{
	enum page_state page = observe_page(mm, r->addr);

	if (page != PAGE_ABSENT || mm->users == 1 || now_ns() - r->time > FAULT_TIME_NS)
		return page;
	for (int i = 0; i < SETTLE_TRIES && page == PAGE_ABSENT; i++)
		page = observe_page(mm, r->addr);
	return page == PAGE_ABSENT ? PAGE_UNKNOWN : page;
}

/* Can the call that is in the kernel take the page away? */
static bool in_call_range(const struct trace_call *c, uint64_t addr)
{
	uint64_t page = addr & ~4095ull;

	if (page - c->args[0] < c->args[1] || page - c->args[0] > -4096ull)
		return true;
	return c->nr == SYS_mremap && page - c->args[4] < c->args[2];
}

static void send(struct live *l, const struct record *r)
{
	struct task *t = task_find(l, (pid_t)r->tid);
	struct trace_event e = { .type = TRACE_EVENT_FAULT };
	enum page_state page;

	if (!t || !t->mm)
		return;
	e.fault.ambiguous = beside_a_call(t, r);
	page = settled_page(t->mm, r);
	if (page == PAGE_ABSENT && e.fault.ambiguous && in_call_range(&t->mm->busy->call, r->addr))
		page = PAGE_UNKNOWN;
	e.fault.write = page == PAGE_WRITTEN || page == PAGE_UNKNOWN;
	if (!e.fault.write && !read_matters(t->mm, r->addr))
		return;
	e.fault.addr = r->addr;
	e.fault.write_known = page != PAGE_UNKNOWN;
	e.fault.kernel = r->kernel;
	emit_at(l, t, &e, r->time);
}

/*
 * Is the fault over?  Those of the stopped task are.  Those of its mm are sent with them, as the call that stops may
 * depend on them.  Others wait until they are old enough, or until their own task stops.
 */
static bool is_ripe(struct live *l, const struct record *r, const struct task *stopped, uint64_t now)
{
	const struct task *t;

	if (now - r->time > FAULT_TIME_NS || !l->nr_tasks)
		return true;
	t = stopped ? task_find(l, (pid_t)r->tid) : NULL;
	return t && (t == stopped || t->mm == stopped->mm);
}

static void send_ripe(struct live *l, const struct task *stopped)
{
	struct faults *f = l->faults;
	uint64_t now = now_ns();
	size_t kept = 0;

	qsort(f->records, f->nr_records, sizeof(*f->records), by_time);
	for (size_t i = 0; i < f->nr_records; i++) {
		if (is_ripe(l, &f->records[i], stopped, now))
			send(l, &f->records[i]);
		else
			f->records[kept++] = f->records[i];
	}
	f->nr_records = kept;
}

bool faults_drain(struct live *l, const struct task *stopped)
{
	struct faults *f = l->faults;
	uint64_t steps = l->steps;

	for (int i = 0; f && i < f->nr_rings; i++)
		read_ring(f, &f->rings[i]);
	if (!f)
		return false;
	if (f->nr_records)
		send_ripe(l, stopped);
	if (f->lost) {
		uint64_t lost = f->lost;

		f->lost = 0;
		emit_lost(l, NULL, lost, "page faults: the buffer was full");
	}
	return l->steps != steps;
}
