/* SPDX-License-Identifier: MIT */
/*
 * Facts about a process and the machine, from /proc.
 *
 * Numbers of processes are those of this process's pid namespace, which /proc has to share
 * (proc_is_ours()). Everything read here of a task that stands still is exact; of one that runs it was
 * true a moment ago. A task that has ended answers as if nothing could be read.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "machine.h"
#include "mmap_min_addr.h"

uint64_t now_ns(void)
{
	return kernel->now_ns();
}

/*
 * One read(2): files of /proc and /sys that are asked so fit into one. A text in any case, "" where nothing
 * was read.
 */
void read_file(const char *path, char *buf, size_t size)
{
	int fd = kernel->open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : kernel->read(fd, buf, size - 1);

	if (fd >= 0)
		kernel->close(fd);
	buf[n > 0 ? n : 0] = '\0';
}

/* A name that fills the buffer has lost its newline: then a character of it is cut instead. */
bool read_task_name(pid_t tid, char name[TASK_NAME_MAX])
{
	char path[64], now[TASK_NAME_MAX];
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)tid);
	read_file(path, now, sizeof(now));
	n = strlen(now);
	/* The kernel ends it with a newline; one within is the program's own. */
	if (n <= 1)
		return false;
	now[n - 1] = '\0';
	if (strcmp(name, now) == 0)
		return false;
	memcpy(name, now, sizeof(now));
	return true;
}

/* Decimal. @otherwise: Linux's default, for containers that hide the file. */
uint64_t read_number(const char *path, uint64_t otherwise)
{
	char text[64];

	read_file(path, text, sizeof(text));
	return *text ? strtoull(text, NULL, 10) : otherwise;
}

/* Through the view: the two names are what the room calls it. */
bool read_memory(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	return kernel->read_memory(tid, addr, buf, size);
}

bool write_memory(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	return kernel->write_memory(tid, addr, buf, size);
}

/*
 * @field with the newline before it and the colon behind: a task may call itself "CapEff:", but no
 * newline is left in Name.
 *
 * Groups has up to 65,536 numbers, and stands before VmSize, Threads, CapEff and what follows: of each part
 * that is read as much is kept as may be the beginning of the field, or has no end yet.
 */
bool status_field(pid_t tid, const char *field, char *value, size_t size)
{
	char path[64], text[4096] = "";
	size_t kept = 0, len = strlen(field);
	const char *line = NULL;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	fd = kernel->open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = kernel->read(fd, text + kept, sizeof(text) - 1 - kept)) > 0) {
		size_t all = kept + (size_t)n;

		text[all] = '\0';
		line = strstr(text, field);
		if (line && strchr(line + len, '\n'))
			break;
		kept = line ? all - (size_t)(line - text) : all < len ? all : len;
		memmove(text, text + all - kept, kept + 1);
	}
	if (fd >= 0)
		kernel->close(fd);
	line = strstr(text, field);
	if (line)
		snprintf(value, size, "%.*s", (int)strcspn(line + len, "\n"), line + len);
	return line;
}

uint64_t status_number(pid_t tid, const char *field, int base, uint64_t otherwise)
{
	char value[64];

	return status_field(tid, field, value, sizeof(value)) ? strtoull(value, NULL, base) : otherwise;
}

pid_t process_of_thread(pid_t tid)
{
	return (pid_t)status_number(tid, "\nTgid:", 10, (uint64_t)tid);
}

/* Without /proc the question cannot be asked: that the task is there has to do. */
bool is_traced_here(const struct live *l, pid_t tid)
{
	if (l->no_proc)
		return kernel->kill(tid, 0) == 0;
	return (pid_t)status_number(tid, "\nTracerPid:", 10, 0) == l->self;
}

/*
 * A /proc of another pid namespace numbers processes otherwise, and everything read there would be of
 * somebody else.
 */
bool proc_is_ours(void)
{
	char text[32] = "";

	return kernel->readlink("/proc/self", text, sizeof(text) - 1) > 0 &&
	       strtol(text, NULL, 10) == getpid();
}

/*
 * By its program: the kernel decides by the same byte at exec (ELFCLASS32). False also where it cannot be
 * read: then nothing can be recorded anyway.
 */
bool process_is_narrow(pid_t tid)
{
	char path[64];
	unsigned char ident[EI_NIDENT];
	bool narrow;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)tid);
	fd = kernel->open(path, O_RDONLY | O_CLOEXEC);
	narrow =
		fd >= 0 && kernel->read(fd, ident, sizeof(ident)) > EI_CLASS && ident[EI_CLASS] == ELFCLASS32;
	if (fd >= 0)
		kernel->close(fd);
	return narrow;
}

/* include/uapi/linux/pidfd.h. */
#define PIDFD_SELF_THREAD  (-10000)
#define PIDFD_SELF_PROCESS (-20000)

/* -1: it is no pidfd. The number is that of the pid namespace of this process's /proc. */
pid_t process_of_pidfd(pid_t tid, int fd)
{
	char path[64], text[512];
	const char *line;

	if (fd == PIDFD_SELF_THREAD || fd == PIDFD_SELF_PROCESS)
		return tid;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tid, fd);
	read_file(path, text, sizeof(text));
	line = strstr(text, "\nPid:");
	return line ? (pid_t)strtol(line + 5, NULL, 10) : -1;
}

/*
 * What anyone may read, as of a process that has become another user: prlimit(2) may be refused there.
 * @name with the newline before it; the columns behind it are soft, hard and unit.
 */
static uint64_t limit_of_text(pid_t tid, const char *name, bool hard)
{
	char path[64], text[4096], soft_text[32], hard_text[32];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)tid);
	read_file(path, text, sizeof(text));
	line = strstr(text, name);
	if (!line || sscanf(line + strlen(name), "%31s %31s", soft_text, hard_text) != 2)
		return UINT64_MAX;
	if (strcmp(hard ? hard_text : soft_text, "unlimited") == 0)
		return UINT64_MAX;
	return strtoull(hard ? hard_text : soft_text, NULL, 10);
}

/*
 * What the kernel itself asks of: in a user namespace of their own, processes have none there, whatever
 * they have in it.
 *
 * capable() asks in the initial user namespace, as RLIMIT_MEMLOCK and overcommit do; the link names a
 * task's own.
 */
static uint64_t capabilities(pid_t tid)
{
	static const char initial[] = "user:[4026531837]"; /* PROC_USER_INIT_INO */
	char path[64], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)tid);
	n = kernel->readlink(path, link, sizeof(link) - 1);
	if (n > 0) {
		link[n] = '\0';
		if (strcmp(link, initial) != 0)
			return 0;
	}
	return status_number(tid, "\nCapEff:", 16, 0);
}

/* Of the soft limits, but for DATA_HARD. UINT64_MAX is RLIM_INFINITY. */
uint64_t process_limit(pid_t tid, enum trace_limit limit)
{
	static const int resources[TRACE_LIMIT_COUNT] = { [TRACE_LIMIT_AS] = RLIMIT_AS,
		[TRACE_LIMIT_DATA] = RLIMIT_DATA,
		[TRACE_LIMIT_STACK] = RLIMIT_STACK,
		[TRACE_LIMIT_MEMLOCK] = RLIMIT_MEMLOCK,
		[TRACE_LIMIT_DATA_HARD] = RLIMIT_DATA };
	static const char *const names[TRACE_LIMIT_COUNT] = { [TRACE_LIMIT_AS] = "\nMax address space",
		[TRACE_LIMIT_DATA] = "\nMax data size",
		[TRACE_LIMIT_STACK] = "\nMax stack size",
		[TRACE_LIMIT_MEMLOCK] = "\nMax locked memory",
		[TRACE_LIMIT_DATA_HARD] = "\nMax data size" };
	char path[64], text[64];
	struct rlimit rl;

	if (limit == TRACE_LIMIT_CAPABILITIES)
		return capabilities(tid);
	if (limit == TRACE_LIMIT_PERSONALITY) {
		snprintf(path, sizeof(path), "/proc/%d/personality", (int)tid);
		read_file(path, text, sizeof(text));
		return strtoull(text, NULL, 16);
	}
	/* Another user's may not be asked for in numbers. */
	if (kernel->get_limit(tid, resources[limit], &rl))
		return limit_of_text(tid, names[limit], limit == TRACE_LIMIT_DATA_HARD);
	return limit == TRACE_LIMIT_DATA_HARD ? rl.rlim_max : rl.rlim_cur;
}

/*
 * The fields of /proc/PID/stat that describe the address space; proc(5) counts from 1.
 *
 * Who may not trace the process is told 0 or 1 of these (PTRACE_MODE_READ); a tracer may. Fields that are
 * not there stay 0.
 */
static void read_stat(pid_t tid, struct trace_space *s)
{
	char path[64], text[2048], *p, *save = NULL;
	uint64_t *const fields[] = { [26] = &s->start_code,
		[27] = &s->end_code,
		[28] = &s->start_stack,
		[45] = &s->start_data,
		[46] = &s->end_data,
		[47] = &s->start_brk,
		[48] = &s->arg_start,
		[49] = &s->arg_end,
		[50] = &s->env_start,
		[51] = &s->env_end };

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	read_file(path, text, sizeof(text));
	/*
	 * The second field is the task's name, which may have brackets and blanks: the last bracket ends
	 * it.
	 */
	p = strrchr(text, ')');
	if (!p)
		return;
	p = strtok_r(p + 1, " ", &save);
	for (int i = 3; p && i < 52; i++, p = strtok_r(NULL, " ", &save))
		if (i >= 26 && i <= 51 && (i <= 28 || i >= 45))
			*fields[i] = strtoull(p, NULL, 10);
	/* stat does not have the break; of a program that was just begun it is there. */
	s->brk = s->start_brk;
}

/*
 * Of a 32-bit program its pairs are of 32-bit numbers. 0: there is no such entry. The file is the vector
 * as exec has put it on the stack, AT_NULL at its end, of which type 0 is asked for by nobody.
 */
static uint64_t auxiliary(pid_t tid, bool narrow, uint64_t type)
{
	char path[64];
	union {
		Elf64_auxv_t wide[64];
		Elf32_auxv_t narrow[128];
	} av;
	ssize_t n, size = narrow ? sizeof(av.narrow[0]) : sizeof(av.wide[0]);
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)tid);
	fd = kernel->open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : kernel->read(fd, &av, sizeof(av));
	if (fd >= 0)
		kernel->close(fd);
	for (ssize_t i = 0; i < n / size; i++)
		if ((narrow ? av.narrow[i].a_type : av.wide[i].a_type) == type)
			return narrow ? av.narrow[i].a_un.a_val : av.wide[i].a_un.a_val;
	return 0;
}

/* Where [vdso] and what it reads end, or where searches go upwards begin; 0: there is none. */
static uint64_t vdso_bounds(const struct trace_area *areas, uint32_t nr, bool topdown)
{
	uint64_t start = 0, end = 0;

	for (uint32_t i = 0; i < nr; i++) {
		if (strcmp(areas[i].name, "[vdso]") != 0 && strncmp(areas[i].name, "[vvar", 5) != 0)
			continue;
		start = start ? start : areas[i].start;
		end = areas[i].end;
	}
	return topdown ? end : start;
}

/*
 * The first thing that Linux places in a new address space is the interpreter, or a static
 * position-independent program: where it ends, or where searches go upwards begins, is mmap_base. 0:
 * nothing was placed. The vdso of a 32-bit program, and what it reads, are placed in the same way, right
 * behind; so is that of any program of some machines.
 *
 * The interpreter's areas are those of one inode from AT_BASE on, with the anonymous one right behind
 * them; of a program without one AT_PHDR names the program itself.
 */
static uint64_t find_mmap_base(
	pid_t tid, bool narrow, const struct trace_area *areas, uint32_t nr, bool topdown)
{
	uint64_t at = auxiliary(tid, narrow, AT_BASE), start = 0, end = 0, ino = 0;
	/* Below an unlimited stack it is a sixth of all addresses, less a number drawn, which is at most an eighth of them. */
	uint64_t least = machine_task_size(false, narrow, 0) / 24;

	if (!at && machine_places_vdso(narrow))
		return vdso_bounds(areas, nr, topdown);
	if (!at)
		at = auxiliary(tid, narrow, AT_PHDR);
	if (at < least)
		return 0;
	if (topdown && !auxiliary(tid, narrow, AT_BASE) && at < machine_task_size(false, narrow, 0) / 8 * 7)
		return 0;
	for (uint32_t i = 0; i < nr; i++) {
		const struct trace_area *a = &areas[i];

		if (!ino && a->start <= at && at < a->end) {
			ino = a->ino;
			start = a->start;
		}
		if (ino && (a->ino == ino || (a->start == end && !a->ino && !*a->name)))
			end = a->end;
	}
	return topdown ? end : start;
}

/*
 * Do searches of a program that begins now go down from the stack? mmap_is_legacy() of
 * arch/x86/mm/mmap.c.
 */
static bool searches_topdown(uint64_t personality)
{
	return !(personality & ADDR_COMPAT_LAYOUT) && !read_number("/proc/sys/vm/legacy_va_layout", 0);
}

/* l->areas is the map that was read behind the exec, before any instruction of the program. */
void process_space(struct live *l, pid_t tid, struct trace_space *s)
{
	bool narrow = process_is_narrow(tid);
	uint64_t personality;

	for (int i = 0; i < TRACE_LIMIT_COUNT; i++)
		s->limits[i] = process_limit(tid, (enum trace_limit)i);
	personality = s->limits[TRACE_LIMIT_PERSONALITY];
	read_stat(tid, s);
	s->topdown = searches_topdown(personality);
	s->mmap_base = find_mmap_base(tid, narrow, l->areas, l->nr_areas, s->topdown);
	/* Nothing is placed above the stack but the vdso of x32, as that of 64-bit programs. */
	if (s->start_stack && s->mmap_base > s->start_stack)
		s->mmap_base = 0;
	s->task_size = machine_task_size(l->features.wide_addresses, narrow, personality);
	/* Another personality than it began with. */
	if (l->nr_areas && l->areas[l->nr_areas - 1].end > s->task_size)
		s->task_size = machine_task_size(l->features.wide_addresses, narrow, 0);
}

/* --- the machine -------------------------------------------------------------------------------------------- */

/* The setting is the word in brackets. 0: never, or a kernel without. */
static uint32_t thp_enabled(void)
{
	char text[64];

	read_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text));
	return strstr(text, "[always]") ? 2 : strstr(text, "[madvise]") ? 1 : 0;
}

/*
 * As a shell would need it to run the same again. NULL: no memory. Four bytes for one is the longest
 * form, of a quote within quotes.
 */
static char *quoted_command(char *const *argv)
{
	size_t size = 1, n = 0;
	char *s;

	for (int i = 0; argv[i]; i++)
		size += 4 * strlen(argv[i]) + 3;
	s = calloc(1, size);
	for (int i = 0; s && argv[i]; i++) {
		bool plain =
			*argv[i] &&
			!argv[i][strspn(argv[i],
				"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:,@%")];

		if (i)
			s[n++] = ' ';
		if (!plain)
			s[n++] = '\'';
		for (const char *c = argv[i]; *c; c++)
			n += (size_t)snprintf(s + n, size - n, *c == '\'' ? "'\\''" : "%c", *c);
		if (!plain)
			s[n++] = '\'';
	}
	return s;
}

/* What was typed, near enough: the program's own command line is its own business. */
static char *attached_command(pid_t pid)
{
	char *s = NULL;

	return asprintf(&s, "vmaple attach %d", (int)pid) < 0 ? NULL : s;
}

/*
 * Once, at the start; strings belong to @l. 0 or -ENOMEM. Defaults are Linux's own, for containers that
 * hide /proc/sys.
 */
int machine_header(struct live *l)
{
	struct trace_header *h = &l->header;
	struct utsname un;
	struct sysinfo si;
	char cpu[8192];

	read_file("/proc/cpuinfo", cpu, sizeof(cpu));
	uname(&un);
	sysinfo(&si);
	l->strings[0] = strdup(un.release);
	l->strings[1] = strdup(un.machine);
	l->strings[2] = l->options.argv ? quoted_command(l->options.argv) : attached_command(l->options.pid);
	if (!l->strings[0] || !l->strings[1] || !l->strings[2])
		return -ENOMEM;
	h->version = TRACE_FORMAT_VERSION;
	h->page_size = (uint32_t)kernel->page_size();
	h->start_time = (uint64_t)time(NULL);
	h->max_map_count = read_number("/proc/sys/vm/max_map_count", 65530);
	h->dac_mmap_min_addr = read_number("/proc/sys/vm/mmap_min_addr", 65536);
	h->mmap_min_addr = mmap_min_addr_here(h->dac_mmap_min_addr);
	h->overcommit_memory = (uint32_t)read_number("/proc/sys/vm/overcommit_memory", 0);
	h->overcommit_ratio = (uint32_t)read_number("/proc/sys/vm/overcommit_ratio", 50);
	h->total_ram = (uint64_t)si.totalram * si.mem_unit;
	h->total_swap = (uint64_t)si.totalswap * si.mem_unit;
	/* Pages; a boot parameter may change it, and nothing shows it. */
	h->stack_guard_gap = 256;
	l->max_map_count = h->max_map_count;
	l->overcommit_memory = h->overcommit_memory;
	h->thp_enabled = thp_enabled();
	machine_features(cpu, &l->features);
	h->pkeys = l->features.pkeys;
	h->branch_targets = l->features.branch_targets;
	h->memory_tags = l->features.memory_tags;
	h->kernel = l->strings[0];
	h->machine = l->strings[1];
	h->command = l->strings[2];
	return 0;
}
