/* SPDX-License-Identifier: MIT */
/*
 * Page faults, from perf: one ring buffer per CPU, inherited by every child and thread.
 *
 * 1. Sources, best first.  The trace points exceptions:page_fault_user and page_fault_kernel give address and error
 *    code, and so tell writes from reads.  The software event gives the address only; without privilege, of user-mode
 *    faults only.
 *
 * 2. Order.  Records carry CLOCK_MONOTONIC times, as events do.  They are read at every stop, sorted, and sent
 *    before the event that the stop is about.  A fault of one thread while another's call was in the kernel can have
 *    been carried out before or after it: it is marked.
 *
 * 3. Volume.  Reads change nothing but a stack that grows, and, where huge pages may be mapped, what they prepare;
 *    others are dropped here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define RING_PAGES  1024u /* a power of two; 50,000 records */
#define MAX_RINGS   1024
#define ERROR_WRITE 2u

struct ring {
	int fd;
	struct perf_event_mmap_page *meta; /* followed by the data */
	bool kernel;                       /* the trace point of kernel-mode faults */
};

struct record {
	uint64_t time, addr;
	uint32_t tid;
	bool write, kernel;
};

struct faults {
	struct ring rings[MAX_RINGS];
	int nr_rings;
	uint32_t source;
	size_t addr_offset, code_offset; /* in the raw record of the trace points */
	struct record *records;
	size_t nr_records, records_allocated;
	uint64_t lost;
};

static int perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group)
{
	return (int)syscall(SYS_perf_event_open, attr, pid, cpu, group, PERF_FLAG_FD_CLOEXEC);
}

/* --- the trace points --------------------------------------------------------------------------------------- */

/* A mount of tracefs that nobody else sees; -1: not permitted. */
static int open_tracefs(void)
{
	int fs = fsopen("tracefs", FSOPEN_CLOEXEC), mnt;

	if (fs < 0)
		return open("/sys/kernel/tracing", O_PATH | O_CLOEXEC);
	mnt = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ? -1 : fsmount(fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	return mnt;
}

static bool read_at(int dir, const char *path, char *buf, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* "field:unsigned long address;	offset:8;" */
static bool field_offset(const char *format, const char *field, size_t *offset)
{
	const char *p = strstr(format, field);

	p = p ? strstr(p, "offset:") : NULL;
	if (!p)
		return false;
	*offset = strtoul(p + 7, NULL, 10);
	return true;
}

static long trace_point(struct faults *f, int dir, const char *name)
{
	char path[128], text[4096];

	snprintf(path, sizeof(path), "events/exceptions/%s/format", name);
	if (!read_at(dir, path, text, sizeof(text)) || !field_offset(text, " address;", &f->addr_offset) ||
		!field_offset(text, " error_code;", &f->code_offset))
		return -1;
	snprintf(path, sizeof(path), "events/exceptions/%s/id", name);
	return read_at(dir, path, text, sizeof(text)) ? strtol(text, NULL, 10) : -1;
}

/* --- opening ------------------------------------------------------------------------------------------------ */

static bool add_ring(struct faults *f, struct perf_event_attr *attr, pid_t pid, int cpu, bool kernel)
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
	r->kernel = kernel;
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

static struct perf_event_attr common_attr(void)
{
	return (struct perf_event_attr){ .size = sizeof(struct perf_event_attr),
		.sample_period = 1,
		.inherit = 1,
		.watermark = 1,
		.wakeup_watermark = RING_PAGES * 4096 / 4,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME };
}

/* The same event on every CPU. */
static bool open_everywhere(struct faults *f, struct perf_event_attr *attr, pid_t pid, bool kernel)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (int cpu = 0; cpu < cpus; cpu++) {
		if (!add_ring(f, attr, pid, cpu, kernel)) {
			close_rings(f);
			return false;
		}
	}
	return true;
}

static bool open_trace_points(struct faults *f, pid_t pid)
{
	struct perf_event_attr attr = common_attr();
	int dir = open_tracefs();
	long user, kernel;

	if (dir < 0)
		return false;
	user = trace_point(f, dir, "page_fault_user");
	kernel = trace_point(f, dir, "page_fault_kernel");
	close(dir);
	if (user < 0 || kernel < 0)
		return false;
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.sample_type |= PERF_SAMPLE_RAW;
	attr.config = (uint64_t)user;
	if (!open_everywhere(f, &attr, pid, false))
		return false;
	attr.config = (uint64_t)kernel;
	return open_everywhere(f, &attr, pid, true);
}

static bool open_software(struct faults *f, pid_t pid, bool user_only)
{
	struct perf_event_attr attr = common_attr();

	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_PAGE_FAULTS;
	attr.sample_type |= PERF_SAMPLE_ADDR;
	attr.exclude_kernel = user_only;
	return open_everywhere(f, &attr, pid, false);
}

struct faults *faults_open(pid_t pid, uint32_t *source)
{
	struct faults *f = calloc(1, sizeof(*f));

	if (f && open_trace_points(f, pid))
		f->source = TRACE_FAULTS_TRACEPOINT;
	else if (f && open_software(f, pid, false))
		f->source = TRACE_FAULTS_SOFTWARE;
	else if (f && open_software(f, pid, true))
		f->source = TRACE_FAULTS_USER_ONLY;
	else if (f)
		f->source = TRACE_FAULTS_NONE;
	*source = f ? f->source : TRACE_FAULTS_NONE;
	return f;
}

int faults_poll_fds(const struct faults *f, int *fds, int max)
{
	int n = 0;

	while (f && n < f->nr_rings && n < max) {
		fds[n] = f->rings[n].fd;
		n++;
	}
	return n;
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

static void take_sample(struct faults *f, const struct ring *ring, const char *p, size_t size)
{
	struct record *r;
	const char *raw = p + 8 + 16 + 4;
	bool tp = f->source == TRACE_FAULTS_TRACEPOINT;

	if (size < 8 + 24 || (tp && size < 8 + 16 + 4 + f->code_offset + 8))
		return;
	r = add_record(f);
	if (!r)
		return;
	memcpy(&r->tid, p + 12, 4);
	r->time = u64_at(p + 16);
	r->addr = tp ? u64_at(raw + f->addr_offset) : u64_at(p + 24);
	r->write = !tp || (u64_at(raw + f->code_offset) & ERROR_WRITE);
	r->kernel = ring->kernel;
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
				take_sample(f, r, buf, h.size);
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

/* Can it have changed the map? */
static bool matters(const struct live_mm *mm, const struct record *r)
{
	return r->write || mm->huge_reads || r->addr >= mm->stack_low;
}

static bool beside_a_call(const struct task *t, const struct record *r)
{
	const struct task *busy = t->mm->busy;

	return busy && busy != t && r->time >= busy->resumed_ns;
}

static void send(struct live *l, const struct record *r)
{
	struct task *t = task_find(l, (pid_t)r->tid);
	struct trace_event e = { .type = TRACE_EVENT_FAULT };

	if (!t || !t->mm || !matters(t->mm, r))
		return;
	e.fault.addr = r->addr;
	e.fault.write = r->write;
	e.fault.write_known = l->faults->source == TRACE_FAULTS_TRACEPOINT;
	e.fault.kernel = r->kernel;
	e.fault.ambiguous = beside_a_call(t, r);
	emit_at(l, t, &e, r->time);
}

bool faults_drain(struct live *l)
{
	struct faults *f = l->faults;
	uint64_t steps;

	for (int i = 0; f && i < f->nr_rings; i++)
		read_ring(f, &f->rings[i]);
	if (!f || (!f->nr_records && !f->lost))
		return false;
	steps = l->steps;
	qsort(f->records, f->nr_records, sizeof(*f->records), by_time);
	for (size_t i = 0; i < f->nr_records; i++)
		send(l, &f->records[i]);
	f->nr_records = 0;
	if (f->lost) {
		uint64_t lost = f->lost;

		f->lost = 0;
		emit_lost(l, NULL, lost, "page faults: the buffer was full");
	}
	return l->steps != steps;
}
