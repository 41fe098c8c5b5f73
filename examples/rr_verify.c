/* SPDX-License-Identifier: MIT */
/*
 * A tracer's shadow, proved: a child is stopped at each of its system calls, the call is made on a shadow of its
 * address space, and then /proc/PID/maps has to be what the shadow says, line by line and letter by letter.  So do
 * record-and-replay debuggers, which have to know the map of the program at every moment.
 *
 * The kernel says where a new mapping lies, as it does for any tracer; what else a call changes (what it cuts, joins,
 * overwrites, moves, and what it leaves behind when it fails) is the shadow's own answer.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include <vmaple/live_map.h>
#include <vmaple/mm.h>
#include <vmaple/rmap.h>

#define PAGE   4096UL
#define WINDOW 96UL /* pages in which the child's calls meet */
#define CALLS  1500
#define NAME   "rr_verify"

static struct mm_system sys;
static struct mm_struct shadow;
/* The one file that the child maps, a memfd. */
static struct vm_file file = {
	.refs = 1, .kind = VM_FILE_SHMEM, .readable = true, .writable = true, .size = WINDOW * PAGE
};
static int file_fd;

/* --- the child -------------------------------------------------------------------------------------------------- */

static unsigned long pick(unsigned long below)
{
	static unsigned long long state = 7;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned long)(state >> 33) % below;
}

static void some_call(char *window)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	static const int advices[] = { MADV_DONTFORK, MADV_DOFORK, MADV_NOHUGEPAGE, MADV_POPULATE_WRITE };
	char *at = window + pick(WINDOW - 16) * PAGE, *to = window + pick(WINDOW - 16) * PAGE;
	unsigned long len = (1 + pick(12)) * PAGE;
	int prot = prots[pick(3)];

	switch (pick(9)) {
	case 0:
	case 1:
		(void)!mmap(at, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 2:
		(void)!mmap(at, len, prot, (pick(2) ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED, file_fd,
			(off_t)(pick(8) * PAGE));
		break;
	case 3:
		(void)!mmap(at, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		break;
	case 4:
		munmap(at, len);
		break;
	case 5:
		mprotect(at, len, prot);
		break;
	case 6:
		(void)!mremap(at, len, (1 + pick(12)) * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		break;
	case 7:
		(void)!sbrk((intptr_t)((1 + pick(4)) * PAGE));
		break;
	default:
		madvise(at, len, advices[pick(4)]);
	}
}

static _Noreturn void be_child(void)
{
	/* Free on both sides, so that nothing of the program's joins what is made here. */
	char *room = mmap(NULL, 3 * WINDOW * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED || munmap(room, 3 * WINDOW * PAGE) || ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(2);
	raise(SIGSTOP);
	for (int i = 0; i < CALLS; i++)
		some_call(room + WINDOW * PAGE);
	_exit(0);
}

/* --- the shadow ------------------------------------------------------------------------------------------------- */

/* mmap's place is the kernel's, if it has found one. */
static unsigned long make_mmap(const unsigned long long args[6], long result)
{
	struct mmap_request req = { .addr = args[0],
		.len = args[1],
		.prot = args[2],
		.flags = args[3],
		.offset = args[5],
		.file = args[3] & MAP_ANONYMOUS ? NULL : &file };

	if (!IS_ERR_VALUE(result) && !(req.flags & MAP_FIXED_NOREPLACE)) {
		req.addr = (unsigned long)result;
		req.flags |= MAP_FIXED;
	}
	return mm_mmap(&shadow, &req);
}

static unsigned long make_mremap(const unsigned long long args[6])
{
	struct mremap_request req = { args[0], args[1], args[2], args[3], args[4] };

	return mm_mremap(&shadow, &req);
}

/* The call on the shadow. @return its result; 0 with *known false: it is none that changes maps. */
static unsigned long make_call(
	unsigned long long nr, const unsigned long long args[6], long result, bool *known)
{
	*known = true;
	switch (nr) {
	case SYS_mmap:
		return make_mmap(args, result);
	case SYS_munmap:
		return (unsigned long)(long)mm_munmap(&shadow, args[0], args[1]);
	case SYS_mprotect:
		return (unsigned long)(long)mm_mprotect(&shadow, args[0], args[1], args[2], -1);
	case SYS_mremap:
		return make_mremap(args);
	case SYS_brk:
		return mm_brk(&shadow, args[0]);
	case SYS_madvise:
		return (unsigned long)(long)mm_madvise(&shadow, args[0], args[1], (int)args[2]);
	default:
		*known = false;
		return 0;
	}
}

/* --- the proof -------------------------------------------------------------------------------------------------- */

static char text[1 << 18];

static bool read_maps(pid_t pid)
{
	char path[32];
	size_t size = 0;
	ssize_t got = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY);
	while (fd >= 0 && got > 0 && size < sizeof(text) - 1) {
		got = read(fd, text + size, sizeof(text) - 1 - size);
		size += got > 0 ? (size_t)got : 0;
	}
	text[size] = 0;
	return fd >= 0 && close(fd) == 0 && got == 0;
}

static bool differs(const char *should, const char *is, size_t length)
{
	dprintf(1, "shadow: %skernel: %.*s", should, (int)length, is);
	return false;
}

/* Of the kernel's own pages, [vdso] and so on, the engine has no names. */
static bool is_same(const struct vm_area_struct *vma, char *should, const char *is, size_t length)
{
	size_t compared = strlen(should);

	if (vma->vm_file && vma->vm_file->kind == VM_FILE_SPECIAL)
		should[compared = strcspn(should, "\n ") + strlen(" rwxp 00000000 00:00 0")] = 0;
	else if (compared != length)
		return false;
	return memcmp(should, is, compared) == 0;
}

/* Areas of the kernel's own half, such as [vsyscall], are nobody's. */
static bool is_proved(pid_t pid)
{
	struct vm_area_struct *vma;
	char line[512];
	const char *is = text;
	VMA_ITERATOR(vmi, &shadow, 0);

	if (!read_maps(pid))
		return false;
	for_each_vma (vmi, vma) {
		size_t length = strcspn(is, "\n") + 1;

		if (vma_format(vma, line, sizeof(line)) >= (int)sizeof(line))
			return false;
		if (!is_same(vma, line, is, length))
			return differs(line, is, length);
		is += length;
	}
	return strtoul(is, NULL, 16) == 0 || strtoul(is, NULL, 16) >= shadow.task_size;
}

/* --- the tracer ------------------------------------------------------------------------------------------------- */

static unsigned long proved, failed_calls;

/* True: the shadow has the same result and the same map. */
static bool call_is_right(pid_t pid, const struct ptrace_syscall_info *entry, long result)
{
	bool known;
	unsigned long nr = entry->entry.nr;
	unsigned long should = make_call(nr, (const unsigned long long *)entry->entry.args, result, &known);

	if (!known)
		return true;
	if (should != (unsigned long)result)
		dprintf(1, "call %lu (number %lu): the kernel says %ld, the shadow %ld\n", proved, nr, result,
			(long)should);
	else if (is_proved(pid)) {
		proved++;
		failed_calls += IS_ERR_VALUE(result);
		return true;
	} else
		dprintf(1, "call %lu (number %lu, result %lx): another map\n", proved, nr, should);
	return false;
}

static bool trace(pid_t pid)
{
	struct ptrace_syscall_info info, entry = { 0 };
	int status;

	if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL))
		return false;
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) || waitpid(pid, &status, 0) != pid)
			return false;
		if (!WIFSTOPPED(status))
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
			ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
			return false;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			entry = info;
		else if (!call_is_right(pid, &entry, (long)info.exit.rval))
			return false;
	}
}

/* Of the break /proc says where it began, and where it is says the area behind, if there is one. */
static bool find_break(pid_t pid)
{
	struct vm_area_struct *vma;
	char path[32], line[1024] = "", *at;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "r");
	at = stat && fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;
	for (int field = 2; at && field < 47; field++)
		at = strchr(at + 1, ' ');
	if (stat)
		fclose(stat);
	if (!at)
		return false;
	shadow.start_brk = shadow.brk = strtoul(at, NULL, 10);
	vma = vma_lookup(&shadow, shadow.brk);
	if (vma)
		shadow.brk = vma->vm_end;
	return shadow.brk != 0;
}

static bool begin_shadow(pid_t pid, struct live_map **map)
{
	struct utsname kernel;
	char error[256];
	int err;

	mm_system_init(&sys, &anon_vma_rmap);
	if (uname(&kernel) == 0 && kernel_profile_for(kernel.release))
		sys.kernel = kernel_profile_for(kernel.release);
	mm_init(&shadow, &sys);
	err = live_map_read(map, pid, LIVE_MAP_NO_BPF, error, sizeof(error));
	if (err)
		dprintf(1, "%s\n", error);
	return !err && live_map_build(*map, &shadow) == 0 && find_break(pid);
}

/* What the tracer has to know of the file are its name and its numbers. */
static bool begin_file(void)
{
	struct stat is;

	file_fd = memfd_create(NAME, 0);
	if (file_fd < 0 || ftruncate(file_fd, (off_t)(WINDOW * PAGE)) || fstat(file_fd, &is))
		return false;
	file.dev = (uint64_t)major(is.st_dev) << 32 | minor(is.st_dev);
	file.ino = is.st_ino;
	file.name = "/memfd:" NAME " (deleted)";
	return true;
}

int main(void)
{
	struct live_map *map = NULL;
	int status;
	pid_t pid;
	bool right;

	if (sysconf(_SC_PAGESIZE) != (long)PAGE || !begin_file())
		return 77;
	pid = fork();
	if (pid == 0)
		be_child();
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
		dprintf(1, "no child can be traced here: skipped\n");
		return 77;
	}
	right = begin_shadow(pid, &map) && is_proved(pid) && trace(pid);
	if (!right)
		kill(pid, SIGKILL);
	dprintf(1,
		"%lu calls, %lu of them errors, %d areas at the end: each map the kernel's, letter by "
		"letter\n",
		proved, failed_calls, shadow.map_count);
	mm_exit(&shadow);
	live_map_free(map);
	return !right || proved < CALLS / 2 || failed_calls < 20;
}
