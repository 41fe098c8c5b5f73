/* SPDX-License-Identifier: MIT */
/*
 * World K: a forked child makes the calls and writes down what it sees (observe.c).
 *
 * From its first call on the child allocates nothing and uses no stdio: its map is the one that is observed.  A fork
 * inside the sequence is a fork of the child; which process goes on is what the calls say, and the record, shared by
 * all of them, tells the forking process where the other one stopped.
 *
 * Signals. SIGSEGV and SIGBUS of a touch are answers; the handler leaves by siglongjmp(), which does not
 * restore the mask, so it must not be masked (SA_NODEFER). What else kills the child, SIGPROF of the timer
 * among it, is seen in its wait status and is a finding.
 *
 * Life. Every process that is forked asks for SIGKILL when its parent ends (PR_SET_PDEATHSIG, which fork()
 * clears): an oracle that is interrupted leaves nobody behind. The spawned ones also watch getppid(), for a
 * parent may be gone before they have asked.
 *
 * Forks. The process that forks waits in waitpid() with its map as the fork left it; the child makes the
 * calls behind, up to its CALL_EXIT, whose number it leaves in record->next. The engine goes the same way
 * with mm[depth].
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oracle.h"
#include "uapi.h"

/* The process that carries calls out; a fork has its own copy. */
static struct {
	struct record *record;
	bool break_set;
	bool crowded; /* the whole map is too long to be read */
	unsigned int depth, nr_spawned, first_own;
	int uffd; /* 0: none yet */
	pid_t spawned[8];
} self;

/*
 * What the thread may do with each protection key.  A handler begins with none but key 0; who leaves it by a jump keeps
 * that, and would be refused at the next touch of what has a key.
 */
#ifdef __x86_64__
static unsigned int read_rights(void)
{
	unsigned int rights = 0, unused;

	if (background.pkeys)
		__asm__ volatile("rdpkru" : "=a"(rights), "=d"(unused) : "c"(0));
	return rights;
}

static void write_rights(unsigned int rights)
{
	if (background.pkeys)
		__asm__ volatile("wrpkru" : : "a"(rights), "c"(0), "d"(0) : "memory");
}
#else
static unsigned int read_rights(void)
{
	return 0;
}

static void write_rights(unsigned int rights)
{
}
#endif

static sigjmp_buf after_fault;
static unsigned int rights_before;

static void on_fault(int sig)
{
	write_rights(rights_before);
	siglongjmp(after_fault, sig);
}

/* --- calls --------------------------------------------------------------------------------------------------- */

/*
 * One byte, 1 when it is written: nobody looks at contents. sigsetjmp() without the mask makes no system call.
 */
static int64_t touch(unsigned long addr, bool write)
{
	volatile char *p = (volatile char *)addr;
	int sig = sigsetjmp(after_fault, 0);

	/* A SIGBUS is a page that the area was given and the file does not have. */
	if (sig)
		return sig == SIGBUS ? 0 : -EFAULT;
	rights_before = read_rights();
	if (write)
		*p = 1;
	else
		(void)*p;
	return 0;
}

/*
 * PR_SET_MM_MAP sets all fields at once, which each must be a valid address and in order
 * (validate_prctl_map_addr()); without a change of exe_fd (-1) it takes no privilege. The heap becomes
 * empty, beginning at @addr.
 */
static int64_t set_break(unsigned long addr)
{
	struct prctl_mm_map map = { .start_code = WINDOW,
		.end_code = WINDOW + PAGE,
		.start_data = WINDOW,
		.end_data = WINDOW,
		.start_brk = addr,
		.brk = addr,
		.start_stack = WINDOW,
		.arg_start = WINDOW,
		.arg_end = WINDOW,
		.env_start = WINDOW,
		.env_end = WINDOW,
		.exe_fd = (uint32_t)-1 };

	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0))
		return -errno;
	self.break_set = true;
	return 0;
}

/*
 * LIMIT_NO_DATA lowers the hard limit, which never rises again; for the others only the soft one moves, so
 * that what has been limited can be let go.
 */
static int64_t set_limit(unsigned long which, unsigned long pages)
{
	static const int resource[] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK, RLIMIT_DATA };
	struct rlimit limit;

	if (which > LIMIT_NO_DATA || getrlimit(resource[which], &limit))
		return -EINVAL;
	limit.rlim_cur = pages == NO_LIMIT ? limit.rlim_max : pages * PAGE;
	if (pages != NO_LIMIT && which == LIMIT_AS)
		limit.rlim_cur += background.total_vm * PAGE;
	if (pages != NO_LIMIT && resource[which] == RLIMIT_DATA)
		limit.rlim_cur += background.data_vm * PAGE;
	if (which == LIMIT_NO_DATA) {
		limit.rlim_max = limit.rlim_cur;
		limit.rlim_cur = 0;
	}
	return setrlimit(resource[which], &limit) ? -errno : 0;
}

/*
 * Of the effective set only. data[0] has capabilities 0 to 31, of which both that are dropped are (14 and
 * 17).
 */
static int64_t drop_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].effective &= ~(1u << capability);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/*
 * One mapping without access, then every second page readable: fill areas for fill pages. Nothing is
 * faulted in and nothing charged.
 */
static int64_t leave_room(unsigned long areas)
{
	long fill = background.max_map_count - observed_areas() - (long)areas;

	self.crowded = true;
	if (fill < 1 || mmap((void *)FILLER, (size_t)fill * PAGE, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
				0) == MAP_FAILED)
		return -EINVAL;
	for (long i = 1; i < fill; i += 2)
		if (mprotect((void *)(FILLER + (unsigned long)i * PAGE), PAGE, PROT_READ))
			return -errno;
	return 0;
}

static int64_t spawn(void)
{
	pid_t parent = getpid(), pid;

	if (self.nr_spawned == 8)
		return 0;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/*
		 * pause() returns for any signal; SIGKILL of reap() or of the parent's end is what it waits
		 * for.
		 */
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	self.spawned[self.nr_spawned++] = pid;
	return 0;
}

static void reap(void)
{
	while (self.nr_spawned > self.first_own) {
		kill(self.spawned[--self.nr_spawned], SIGKILL);
		waitpid(self.spawned[self.nr_spawned], NULL, 0);
	}
}

/*
 * Node 0, for the policies that want one; the others refuse a mask that is not empty (mpol_new()). 8 is how
 * many bits of it are read, one more than are used (get_nodes() takes maxnode - 1).
 */
static long bind_memory(const unsigned long *a)
{
	unsigned long node = 1;
	bool wants = a[2] == 1 || a[2] == 2;

	return syscall(SYS_mbind, a[0], a[1], a[2], wants ? &node : NULL, wants ? 8L : 0L, 0L);
}

/* Faults that it would have to serve are SIGBUS: there is nobody to serve them. */
static int open_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	return fd >= 0 && ioctl(fd, UFFDIO_API, &api) ? -1 : fd;
}

/* One descriptor a process, opened at the first use; -1 where there is none, and then EBADF. */
static long register_userfaultfd(const unsigned long *a)
{
	struct uffdio_register request = { .range = { a[0], a[1] }, .mode = a[2] };

	if (!self.uffd)
		self.uffd = open_userfaultfd();
	return a[2] ? ioctl(self.uffd, UFFDIO_REGISTER, &request)
		    : ioctl(self.uffd, UFFDIO_UNREGISTER, &request.range);
}

static long close_userfaultfd(void)
{
	int fd = self.uffd;

	self.uffd = 0;
	return fd > 0 ? close(fd) : 0;
}

static long advise_process(const unsigned long *a)
{
	struct iovec ranges[2] = { { (void *)a[0], a[1] }, { (void *)a[3], a[4] } };
	int fd = (int)syscall(SYS_pidfd_open, (long)getpid(), 0L), err;
	long result;

	if (fd < 0)
		return -1;
	result = syscall(SYS_process_madvise, (long)fd, ranges, 2L, a[2], 0L);
	err = errno;
	close(fd);
	/* close() must not hide what process_madvise() has said. */
	errno = err;
	return result;
}

/* Those of which the arguments are numbers or names of the background's. */
static long other_call(const struct call *c)
{
	const unsigned long *a = c->arg;

	switch (c->kind) {
	case CALL_BRK:
		return self.break_set ? syscall(SYS_brk, a[0]) : 0;
	case CALL_MBIND:
		return bind_memory(a);
	case CALL_UFFD:
		return register_userfaultfd(a);
	case CALL_UFFD_CLOSE:
		return close_userfaultfd();
	case CALL_PROCESS_MADVISE:
		return advise_process(a);
	case CALL_SET_MM:
		return self.break_set
			       ? prctl(PR_SET_MM, a[0] ? PR_SET_MM_BRK : PR_SET_MM_START_BRK, a[1], 0L, 0L)
			       : 0;
	case CALL_MDWE:
		return prctl(PR_SET_MDWE, a[0], 0L, 0L, 0L);
	case CALL_MEMORY_MERGE:
		return prctl(PR_SET_MEMORY_MERGE, a[0], 0L, 0L, 0L);
	case CALL_NAME:
		return prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, a[0], a[1], name_of_number(a[2]));
	case CALL_KERNELS:
		if (a[0] >= background.nr_kernels)
			return 0;
		return syscall(SYS_mremap, background.kernels[a[0]], background.kernels_len[a[0]],
			background.kernels_len[a[0]], MREMAP_MAYMOVE | MREMAP_FIXED, a[1]);
	case CALL_SHMAT:
		return syscall(SYS_shmat, (long)background.segment, a[0], a[1]);
	default:
		errno = ENOSYS;
		return -1;
	}
}

static long system_call(const struct call *c)
{
	const unsigned long *a = c->arg;

	switch (c->kind) {
	case CALL_MMAP:
		return syscall(SYS_mmap, a[0], a[1], a[2], a[3],
			a[4] && a[4] < FILE_INDICES ? (long)background.fd[a[4]] : -1L, a[5]);
	case CALL_MUNMAP:
		return syscall(SYS_munmap, a[0], a[1]);
	case CALL_MPROTECT:
		return syscall(SYS_mprotect, a[0], a[1], a[2]);
	case CALL_PKEY:
		return syscall(SYS_pkey_mprotect, a[0], a[1], a[2], a[3]);
	case CALL_PKEY_ALLOC:
		return syscall(SYS_pkey_alloc, 0L, 0L);
	case CALL_PKEY_FREE:
		return syscall(SYS_pkey_free, a[0]);
	case CALL_MREMAP:
		return syscall(SYS_mremap, a[0], a[1], a[2], a[3], a[4]);
	case CALL_MADVISE:
		return syscall(SYS_madvise, a[0], a[1], a[2]);
	case CALL_MLOCK:
		return syscall(SYS_mlock2, a[0], a[1], a[2]);
	case CALL_MUNLOCK:
		return syscall(SYS_munlock, a[0], a[1]);
	case CALL_MLOCKALL:
		return syscall(SYS_mlockall, a[0]);
	case CALL_MUNLOCKALL:
		return syscall(SYS_munlockall);
	case CALL_MSEAL:
		return syscall(SYS_mseal, a[0], a[1], 0L);
	case CALL_REMAP_FILE_PAGES:
		return syscall(SYS_remap_file_pages, a[0], a[1], a[2], a[3], a[4]);
	case CALL_SHMDT:
		return syscall(SYS_shmdt, a[0]);
	default:
		return other_call(c);
	}
}

static int64_t make_call(const struct call *c)
{
	long result;

	switch (c->kind) {
	case CALL_BREAK_AT:
		return set_break(c->arg[0]);
	case CALL_WRITE:
	case CALL_READ:
		return touch(c->arg[0], c->kind == CALL_WRITE);
	case CALL_SPAWN:
		return spawn();
	case CALL_REAP:
		reap();
		return 0;
	case CALL_LIMIT:
		return set_limit(c->arg[0], c->arg[1]);
	case CALL_DROP_LOCK:
		return drop_capability(CAP_IPC_LOCK);
	case CALL_DROP_RAWIO:
		return drop_capability(CAP_SYS_RAWIO);
	case CALL_PERSONA:
		return personality(ADDR_NO_RANDOMIZE | (c->arg[0] ? READ_IMPLIES_EXEC : 0)) < 0 ? -errno : 0;
	case CALL_ROOM:
		return leave_room(c->arg[0]);
	default:
		result = system_call(c);
		return result == -1 ? -errno : result;
	}
}

/* --- the sequence -------------------------------------------------------------------------------------------- */

/* A call that takes that long was not meant: by the processor's time, for a machine may be slow. fork() clears it. */
static void limit_time(void)
{
	const struct itimerval most = { .it_value.tv_sec = 60 };

	setitimer(ITIMER_PROF, &most, NULL);
}

/* The descriptor of the userfaultfd is inherited and stays open; it is the parent's, and is forgotten. */
static void become_child(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	limit_time();
	observe_own_map();
	self.uffd = 0; /* the other one speaks of its parent's map */
	self.depth++;
	self.first_own = self.nr_spawned;
}

/* The process ends and tells the one that forked it where to go on. */
static void leave(unsigned int next)
{
	reap();
	self.record->next = next;
	_exit(0);
}

/* True: this process goes on with the call after *i. The other one comes back when the first has left. */
static bool fork_here(unsigned int *i, int64_t *result)
{
	int status;
	pid_t pid;

	*result = 0;
	if (self.depth == MAX_DEPTH - 1)
		return true;
	pid = fork();
	if (pid < 0)
		*result = -errno;
	if (pid == 0)
		become_child();
	if (pid <= 0)
		return true;
	/* What killed the child is this process's end too: the parent of all has to see it. */
	if (waitpid(pid, &status, 0) < 0 || status)
		_exit(1);
	/*
	 * With the CALL_EXIT itself, which the process that comes back observes: its map is what is
	 * compared behind it.
	 */
	*i = self.record->next;
	return false;
}

/*
 * 64 KiB: more than the largest look, of some hundred areas. A crowded map has its areas outside the
 * window.
 */
static bool has_space(const struct record *r)
{
	return r->used + (1 << 16) < RECORD_SIZE - sizeof(*r);
}

static void carry_out(const struct sequence *s, enum depth depth)
{
	struct record *r = self.record;
	unsigned int i = 0;

	while (i < s->nr && has_space(r)) {
		const struct call *c = &s->call[i];
		int64_t result = 0;
		bool mine = true;

		if (c->kind == CALL_EXIT && self.depth > 0)
			leave(i);
		if (c->kind == CALL_FORK)
			mine = fork_here(&i, &result);
		else if (c->kind != CALL_EXIT)
			result = make_call(c);
		/*
		 * The child went to the end of the sequence: there is nothing left for the one that forked
		 * it.
		 */
		if (!mine && (i >= s->nr || r->ended))
			break;
		observe(r, result,
			!self.crowded && (depth == DEEP_ALWAYS || (depth == DEEP_AT_END && i + 1 == s->nr)));
		i++;
	}
	r->ended = 1;
	/* next is past the end, so that each of those that wait ends in its turn. */
	leave(s->nr);
}

static void start_child(const struct sequence *s, struct record *r, enum depth depth)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	limit_time();
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	self.record = r;
	observe_own_map();
	r->start_total_vm = observed_size();
	carry_out(s, depth);
}

struct record *record_new(void)
{
	struct record *r = mmap(NULL, RECORD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (r == MAP_FAILED) {
		perror("kernel-oracle: memory for the record");
		exit(2);
	}
	return r;
}

pid_t kernel_start(const struct sequence *s, struct record *r, enum depth depth)
{
	pid_t pid;

	/* The observations of the last sequence stay behind it: r->used says what is valid. */
	*r = (struct record){ 0 };
	pid = fork();
	if (pid == 0)
		start_child(s, r, depth);
	if (pid < 0)
		perror("kernel-oracle: fork");
	return pid;
}

bool kernel_wait(pid_t pid, struct record *r)
{
	return pid > 0 && waitpid(pid, &r->status, 0) == pid && r->status == 0 && r->ended;
}
