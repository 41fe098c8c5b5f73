/* SPDX-License-Identifier: MIT */
/*
 * Programs that a tracer could disturb.  Each case looks at what happens to itself, and fails where it is not what happens
 * without a tracer.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "cases.h"

#define expect(what)                                                       \
	do {                                                               \
		if (!(what)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #what); \
			exit(1);                                           \
		}                                                          \
	} while (0)

static void map_a_little(void)
{
	char *p = place(3);

	expect(mprotect(p, PAGE, RW) == 0);
	p[0] = 1;
	expect(munmap(p + PAGE, PAGE) == 0);
}

static void ends_well(pid_t pid)
{
	int status = -1;

	expect(waitpid(pid, &status, __WALL) == pid);
	expect(status == 0);
}

static int readable(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 10000) == 1;
}

/* --- ends ----------------------------------------------------------------------------------------------------- */

/* What goes wrong does so in one round of some: all of them in the long suite. */
static int rounds(int all)
{
	return getenv("VMAPLE_LONG") ? all : all / 4;
}

/* What has ended can be waited for. */
static void ended_is_waited_for(void)
{
	for (int i = 0; i < rounds(200); i++) {
		pid_t pid = fork();
		int status, fd;

		if (!pid)
			_exit(7);
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
		need(fd >= 0, "pidfd_open");
		expect(readable(fd));
		expect(waitpid(pid, &status, WNOHANG) == pid);
		expect(WEXITSTATUS(status) == 7);
		close(fd);
	}
}

static void ended_clone3_is_waited_for(uint64_t flags)
{
	for (int i = 0; i < rounds(80); i++) {
		int fd = -1;
		struct clone_args a = {
			.flags = CLONE_PIDFD | flags, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD
		};
		pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));

		need(pid >= 0, "clone3");
		if (!pid) {
			map_a_little();
			_exit(0);
		}
		expect(readable(fd));
		expect(waitpid(pid, NULL, WNOHANG) == pid);
		close(fd);
	}
}

static void ended_with_pidfd(void)
{
	ended_clone3_is_waited_for(0);
}

static void ended_as_vfork(void)
{
	ended_clone3_is_waited_for(CLONE_VFORK);
}

static void vfork_and_end(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	ends_well(pid);
}

static void vfork_shares_and_ends(void)
{
	for (int i = 0; i < rounds(100); i++)
		vfork_and_end();
}

static void *exec_true(void *unused)
{
	(void)unused;
	usleep(20000);
	execl("/bin/true", "true", (char *)NULL);
	exit(1);
}

/* The first thread has ended before another one execs and takes its number. */
static void exec_after_first_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exec_true, NULL);
	pthread_exit(NULL);
}

static void exec_beside_first_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exec_true, NULL);
	for (;;)
		map_a_little();
}

/* --- killed in a call ------------------------------------------------------------------------------------------ */

static void populate_for_ever(void)
{
	for (;;) {
		char *p = mmap(NULL, 256ul << 20, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		munmap(p, 256ul << 20);
	}
}

static void map_for_ever(void)
{
	for (;;)
		mmap(NULL, PAGE, PROT_READ, PRIVATE, -1, 0);
}

static void protect_for_ever(void)
{
	char *p = place(64);

	for (int i = 0;; i++)
		mprotect(p + i % 64 * PAGE, PAGE, i & 64 ? PROT_READ : PROT_NONE);
}

static void heap_for_ever(void)
{
	for (;;) {
		(void)!sbrk(1 << 16);
		(void)!sbrk(-(1 << 15));
	}
}

static void fork_for_ever(void)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void *nothing(void *unused)
{
	return unused;
}

static void thread_for_ever(void)
{
	for (;;) {
		pthread_t thread;

		pthread_create(&thread, NULL, nothing, NULL);
		pthread_join(thread, NULL);
	}
}

static void kill_in(void (*work)(void), int times, int after_us)
{
	for (int i = 0; i < times; i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			work();
		usleep((useconds_t)(after_us + i * 137));
		kill(pid, SIGKILL);
		expect(waitpid(pid, &status, 0) == pid);
		expect(WTERMSIG(status) == SIGKILL);
	}
}

static void killed_in_populate(void)
{
	kill_in(populate_for_ever, 5, 20000);
}

static void killed_in_mmap(void)
{
	kill_in(map_for_ever, 20, 5000);
}

static void killed_in_mprotect(void)
{
	kill_in(protect_for_ever, 20, 5000);
}

static void killed_in_brk(void)
{
	kill_in(heap_for_ever, 20, 5000);
}

static void killed_in_fork(void)
{
	kill_in(fork_for_ever, 20, 5000);
}

static void killed_in_clone(void)
{
	kill_in(thread_for_ever, 20, 5000);
}

static void *map_in_thread(void *unused)
{
	(void)unused;
	map_for_ever();
	return NULL;
}

static void exits_beside_calls(void)
{
	for (int i = 0; i < rounds(40); i++) {
		pid_t pid = fork();

		if (!pid) {
			pthread_t thread;

			pthread_create(&thread, NULL, map_in_thread, NULL);
			usleep((useconds_t)(4000 + i * 137));
			_exit(0);
		}
		ends_well(pid);
	}
}

/* --- tasks that are not to be traced --------------------------------------------------------------------------- */

static void child_maps(long pid)
{
	need(pid >= 0, "clone");
	if (!pid) {
		map_a_little();
		_exit(0);
	}
	ends_well((pid_t)pid);
}

static void untraced_by_clone(void)
{
	child_maps(syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0));
}

static void untraced_by_clone3(void)
{
	static const struct clone_args constant = { .flags = CLONE_UNTRACED, .exit_signal = SIGCHLD };

	child_maps(syscall(SYS_clone3, &constant, sizeof(constant)));
}

/* The call keeps its registers, in the parent and in the child, whether it succeeds or not. */
static void untraced_keeps_registers(void)
{
	struct clone_args a = { .flags = CLONE_UNTRACED, .exit_signal = SIGCHLD };
	struct clone_args *first = &a;
	long pid;

	__asm__ volatile("syscall"
			 : "=a"(pid), "+D"(first)
			 : "0"(SYS_clone3), "S"(sizeof(a))
			 : "rcx", "r11", "memory");
	expect(first == &a && a.flags == CLONE_UNTRACED);
	child_maps(pid);
	a.exit_signal = 1000;
	__asm__ volatile("syscall"
			 : "=a"(pid), "+D"(first)
			 : "0"(SYS_clone3), "S"(sizeof(a))
			 : "rcx", "r11", "memory");
	expect(pid == -EINVAL && first == &a);
}

static void no_32_bit_calls(int sig)
{
	(void)sig;
	fputs("this kernel has no 32-bit calls\n", stderr);
	_exit(77);
}

/* A call of i386's table. */
static long int80(long nr, long a, long b, const void *c)
{
	static bool tried; /* afterwards it may not be allowed to ask for the signal */
	long result;

	if (!tried)
		signal(SIGSEGV, no_32_bit_calls);
	tried = true;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "0"(nr), "b"(a), "c"(b), "d"(c), "S"(0), "D"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

#define I386_EXIT    1
#define I386_GETPID  20
#define I386_PTRACE  26
#define I386_CLONE   120
#define I386_PRCTL   172
#define I386_SECCOMP 354

static void untraced_by_int80(void)
{
	child_maps(int80(I386_CLONE, CLONE_UNTRACED | SIGCHLD, 0, NULL));
}

/* Memory that its calls can name. */
static void *low_memory(size_t size)
{
	void *p = mmap(NULL, size, RW, PRIVATE | MAP_32BIT, -1, 0);

	need(p != MAP_FAILED, "mmap");
	return p;
}

/* A child whose stack is there: a recorder that makes calls in its place can do so through the same table. */
static pid_t child_on_low_stack(int (*work)(void *))
{
	const size_t size = 1 << 16;
	pid_t pid = clone(work, (char *)low_memory(size) + size, SIGCHLD, NULL);

	need(pid >= 0, "clone");
	return pid;
}

/* --- stops ----------------------------------------------------------------------------------------------------- */

static void stopped_by_child(void)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		usleep(50000);
		kill(parent, SIGSTOP);
		usleep(50000);
		map_a_little();
		kill(parent, SIGCONT);
		_exit(0);
	}
	ends_well(pid);
	map_a_little();
}

static void stopped_child_is_waited_for(void)
{
	int status, seen[2];
	pid_t pid;

	expect(pipe(seen) == 0);
	pid = fork();
	if (!pid) {
		raise(SIGSTOP);
		map_a_little();
		/* It does not end before its parent has seen that it goes on. */
		expect(read(seen[0], &status, 1) == 1);
		_exit(0);
	}
	expect(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	expect(kill(pid, SIGCONT) == 0);
	expect(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	expect(write(seen[1], "", 1) == 1);
	ends_well(pid);
}

static void *stop_all(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++) {
		map_a_little();
		kill(getpid(), SIGTSTP);
	}
	return NULL;
}

/* All threads of a process stop, and go on, while they make calls. */
static void stopped_threads(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		pthread_t thread[2];

		setpgid(0, 0);
		signal(SIGTSTP, SIG_DFL);
		for (int i = 0; i < 2; i++)
			pthread_create(&thread[i], NULL, stop_all, NULL);
		for (int i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		_exit(0);
	}
	while (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status))
		kill(pid, SIGCONT);
	/* An orphaned group is not stopped by SIGTSTP: both ends are good. */
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- filters of its own ---------------------------------------------------------------------------------------- */

static long put_by_prctl(const struct sock_fprog *prog)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, prog);
}

/* The program where calls of i386's table look for it. */
static const void *low_fprog(const struct sock_fprog *prog)
{
	struct {
		unsigned short len;
		uint32_t filter;
		struct sock_filter code[];
	} *low = low_memory(PAGE);

	low->len = prog->len;
	low->filter = (uint32_t)(uintptr_t)low->code;
	memcpy(low->code, prog->filter, prog->len * sizeof(*prog->filter));
	return low;
}

static long put_by_int80(const struct sock_fprog *prog)
{
	return int80(I386_PRCTL, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, low_fprog(prog));
}

/* Without a tracer, what it would be asked about is not there. */
static void asks_nobody(long (*put)(const struct sock_fprog *), unsigned int mark)
{
	struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_munmap, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | mark),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { .len = 5, .filter = code };
	char *p = place(1);

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	need(put(&prog) == 0, "seccomp");
	expect(syscall(SYS_getppid) == -1 && errno == ENOSYS);
	expect(munmap(p, PAGE) == -1 && errno == ENOSYS);
	expect(mprotect(p, PAGE, RW) == 0);
	p[0] = 1;
}

static void own_filter_asks_nobody(void)
{
	asks_nobody(put_by_prctl, 7);
}

/* Not even with the recorder's own mark: in a child, whose filter it is, too. */
static void asks_as_the_recorder_does(long (*put)(const struct sock_fprog *))
{
	pid_t pid;

	asks_nobody(put, 0x6d70);
	pid = fork();
	if (!pid)
		_exit(syscall(SYS_getppid) == -1 && errno == ENOSYS ? 0 : 1);
	ends_well(pid);
}

static void own_filter_asks_as_the_recorder_does(void)
{
	asks_as_the_recorder_does(put_by_prctl);
}

static void own_filter_by_int80(void)
{
	asks_as_the_recorder_does(put_by_int80);
}

/* The status of a child that does this in strict mode: it can do nothing but read, write, exit and sigreturn. */
static int status_in_strict_mode(long (*begin)(void), void (*work)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		long err = begin();

		if (err == 0 && work)
			work();
		syscall(SYS_exit, err ? errno : 7);
	}
	expect(waitpid(pid, &status, 0) == pid);
	return status;
}

static long strict_by_prctl(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
}

static long strict_by_seccomp(void)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
}

static long strict_with_flags(void)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL);
}

static long strict_as_another_user(void)
{
	need(setresuid(65534, 65534, 65534) == 0, "setresuid");
	return strict_by_prctl();
}

static void ask_for_number(void)
{
	syscall(SYS_getpid);
}

static void map_in_strict_mode(void)
{
	syscall(SYS_munmap, 0x10000, PAGE);
}

static void read_time_stamp(void)
{
	__builtin_ia32_rdtsc();
}

static void write_in_strict_mode(void)
{
	if (syscall(SYS_write, 1, "", 0) != 0)
		syscall(SYS_exit, 1);
}

static void strict_mode(void)
{
	expect(status_in_strict_mode(strict_by_prctl, write_in_strict_mode) == 7 << 8);
	expect(status_in_strict_mode(strict_by_seccomp, NULL) == 7 << 8);
	expect(status_in_strict_mode(strict_with_flags, NULL) == EINVAL << 8);
	expect(status_in_strict_mode(strict_by_prctl, ask_for_number) == SIGKILL);
	expect(status_in_strict_mode(strict_by_seccomp, map_in_strict_mode) == SIGKILL);
	/* Whether strict mode takes it away is the kernel's to say, before anybody traces: counts.py compares. */
	printf("%x\n", status_in_strict_mode(strict_by_prctl, read_time_stamp));
}

static int strict_by_int80(void *unused)
{
	(void)unused;
	int80(I386_EXIT, int80(I386_PRCTL, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, NULL) ? 1 : 7, 0, NULL);
	return 2;
}

static int strict_by_int80_and_more(void *unused)
{
	(void)unused;
	if (int80(I386_SECCOMP, SECCOMP_SET_MODE_STRICT, 0, NULL) == 0)
		int80(I386_GETPID, 0, 0, NULL);
	return 2;
}

static void strict_mode_by_int80(void)
{
	int status = -1;

	expect(waitpid(child_on_low_stack(strict_by_int80), &status, 0) > 0 && status == 7 << 8);
	expect(waitpid(child_on_low_stack(strict_by_int80_and_more), &status, 0) > 0 && status == SIGKILL);
}

static void strict_mode_of_another_user(void)
{
	if (getuid()) {
		fputs("only root becomes another user\n", stderr);
		exit(77);
	}
	expect(status_in_strict_mode(strict_as_another_user, NULL) == 7 << 8);
	expect(status_in_strict_mode(strict_as_another_user, ask_for_number) == SIGKILL);
}

static void *thread_in_strict_mode(void *result)
{
	if (strict_by_prctl() == 0)
		*(int *)result = 1;
	ask_for_number();
	*(int *)result = 2;
	return NULL;
}

/* The thread alone is ended by what it may not do. */
static void strict_thread(void)
{
	pthread_t thread;
	volatile int result = 0;

	pthread_create(&thread, NULL, thread_in_strict_mode, (void *)(uintptr_t)&result);
	usleep(300000);
	expect(result == 1);
	map_a_little();
}

static long seccomp_by_int80(unsigned long flags, const struct sock_fprog *prog)
{
	return int80(I386_SECCOMP, SECCOMP_SET_MODE_FILTER, (long)flags, low_fprog(prog));
}

static long seccomp_by_itself(unsigned long flags, const struct sock_fprog *prog)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);
}

static long (*put_filter)(unsigned long, const struct sock_fprog *) = seccomp_by_itself;

/* A filter that answers @action where @nr is called. */
static int filter_for(unsigned int arch, int nr, unsigned int action, unsigned long flags)
{
	struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { .len = 6, .filter = code };

	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	return (int)put_filter(flags, &prog);
}

static void strict_mode_beside_a_filter(void)
{
	need(filter_for(AUDIT_ARCH_X86_64, SYS_getppid, SECCOMP_RET_ERRNO | 99, 0) == 0, "seccomp");
	expect(status_in_strict_mode(strict_by_prctl, NULL) == EINVAL << 8);
}

/* Lets @times calls of the child continue. */
static void supervise(pid_t pid, int fd, int times)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int listener = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	need(listener >= 0, "pidfd_getfd");
	for (int i = 0; i < times; i++) {
		struct seccomp_notif question;
		struct seccomp_notif_resp answer = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

		memset(&question, 0, sizeof(question));
		expect(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) == 0);
		answer.id = question.id;
		expect(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0);
	}
}

/* A child whose calls of this number, through the table of @arch, a supervisor lets continue. */
static void supervised(unsigned int arch, int nr, int times)
{
	int to[2];
	pid_t pid;
	int fd;

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, to) == 0, "socketpair");
	pid = fork();
	if (!pid) {
		fd = filter_for(arch, nr, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
		need(fd >= 0, "seccomp");
		need(write(to[1], &fd, sizeof(fd)) == sizeof(fd), "write");
		for (int i = 0; i < 4; i++)
			map_a_little();
		for (int i = 0; i < 4; i++)
			syscall(SYS_getppid);
		/* Its descriptor is taken while it lives. */
		need(read(to[1], &fd, 1) == 1, "read");
		_exit(0);
	}
	need(read(to[0], &fd, sizeof(fd)) == sizeof(fd), "read");
	supervise(pid, fd, times);
	need(write(to[0], "", 1) == 1, "write");
	ends_well(pid);
}

static void supervised_mapping(void)
{
	supervised(AUDIT_ARCH_X86_64, SYS_munmap, 4);
}

static void supervised_by_int80(void)
{
	put_filter = seccomp_by_int80;
	supervised_mapping();
}

/* It could call munmap through the table of i386, and that would be seen by the supervisor only. */
static void supervised_through_another_table(void)
{
	supervised(AUDIT_ARCH_I386, 91, 0);
}

/* What is asked about is no call of the map: all of it is recorded. */
static void supervised_elsewhere(void)
{
	supervised(AUDIT_ARCH_X86_64, SYS_getppid, 4);
}

/* --- other tracers --------------------------------------------------------------------------------------------- */

/* What a tracer finds, and that the traced one's calls go on: its lowest free descriptor says that none is left open. */
static void is_traced_to_its_end(pid_t pid, int lowest)
{
	int status;

	expect(ptrace(PTRACE_CONT, pid, 0, 0) == 0);
	expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	expect(WEXITSTATUS(status) == lowest);
}

static int lowest_descriptor(void)
{
	int fd = dup(1);

	close(fd);
	return fd;
}

static void traced_by_parent(void)
{
	int status, lowest = lowest_descriptor();
	pid_t pid = fork();

	if (!pid) {
		expect(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
		raise(SIGSTOP);
		map_a_little();
		_exit(dup(1));
	}
	expect(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	is_traced_to_its_end(pid, lowest);
	map_a_little();
}

static int asks_for_a_tracer_by_int80(void *unused)
{
	(void)unused;
	expect(int80(I386_PTRACE, PTRACE_TRACEME, 0, NULL) == 0);
	raise(SIGSTOP);
	map_a_little();
	_exit(dup(1));
}

static void traced_by_int80(void)
{
	int status, lowest = lowest_descriptor();
	pid_t pid = child_on_low_stack(asks_for_a_tracer_by_int80);

	expect(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	is_traced_to_its_end(pid, lowest);
	map_a_little();
}

static volatile sig_atomic_t interruptions;

/* The next comes in 20 microseconds, and later with each 32: a stop at each may take longer than that, and nothing else would run. */
static void interrupts_again(int sig)
{
	struct itimerval next = { { 0, 0 }, { 0, 20 + 20 * (interruptions++ / 32) } };
	int error = errno;

	(void)sig;
	setitimer(ITIMER_REAL, &next, NULL);
	errno = error;
}

/* Signals whose handler restarts nothing: the call is done, or it is not. */
static void asks_for_a_tracer_beside_signals(void)
{
	struct sigaction action = { .sa_handler = interrupts_again };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	sigaction(SIGALRM, &action, NULL);
	raise(SIGALRM);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		_exit(errno);
	setitimer(ITIMER_REAL, &never, NULL);
	_exit(0);
}

static void traced_beside_signals(void)
{
	int status;

	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();

		if (!pid)
			asks_for_a_tracer_beside_signals();
		while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
			ptrace(PTRACE_CONT, pid, 0, 0);
		expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	map_a_little();
}

/* Is the page as mprotect was asked to make it? */
static bool is_writable(char *page)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	bool can = read(fd, page, 1) == 1;

	close(fd);
	return can;
}

/*
 * With another tracer its calls are done, or EINTR and not done: that only where the handler restarts nothing, and never of a
 * call that would say it alone.
 */
static void calls_beside_signals(int flags)
{
	struct sigaction action = { .sa_handler = interrupts_again, .sa_flags = flags };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	char *page = mmap(NULL, PAGE, RW, PRIVATE, -1, 0);

	expect(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
	sigaction(SIGALRM, &action, NULL);
	raise(SIGALRM);
	for (int i = 0; i < 400; i++) {
		bool was = is_writable(page), done = mprotect(page, PAGE, i % 2 ? RW : PROT_READ) == 0;

		expect(done || (errno == EINTR && !(flags & SA_RESTART)));
		expect(is_writable(page) == (done ? i % 2 != 0 : was));
	}
	setitimer(ITIMER_REAL, &never, NULL);
	_exit(0);
}

static void let_go_beside_signals(void)
{
	for (int i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			calls_beside_signals(i ? SA_RESTART : 0);
		while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
			ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(status));
		expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	map_a_little();
}

static void seized_by_parent(void)
{
	int status, lowest = lowest_descriptor();
	pid_t pid = fork();

	if (!pid) {
		raise(SIGSTOP);
		map_a_little();
		_exit(dup(1));
	}
	expect(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	expect(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
	expect(kill(pid, SIGCONT) == 0);
	expect(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	while (!(WSTOPSIG(status) == SIGCONT && status >> 16 == 0)) {
		expect(ptrace(PTRACE_CONT, pid, 0, 0) == 0);
		expect(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	}
	is_traced_to_its_end(pid, lowest);
	map_a_little();
}

static const struct test_case all[] = {
	{ "ended-is-waited-for", ended_is_waited_for, "" },
	{ "ended-with-pidfd", ended_with_pidfd, "" },
	{ "ended-as-vfork", ended_as_vfork, "" },
	{ "vfork-shares-and-ends", vfork_shares_and_ends, "" },
	{ "exec-after-first-thread", exec_after_first_thread, "" },
	{ "exec-beside-first-thread", exec_beside_first_thread, "" },
	{ "killed-in-populate", killed_in_populate, "" },
	{ "killed-in-mmap", killed_in_mmap, "" },
	{ "killed-in-mprotect", killed_in_mprotect, "" },
	{ "killed-in-brk", killed_in_brk, "" },
	{ "killed-in-fork", killed_in_fork, "" },
	{ "killed-in-clone", killed_in_clone, "lost=0-2" },
	/* Killed between two looks at it, while others live: rare, and said. */
	{ "exits-beside-calls", exits_beside_calls, "lost=0-2" },
	{ "untraced-by-clone", untraced_by_clone, "" },
	{ "untraced-by-clone3", untraced_by_clone3, "" },
	{ "untraced-keeps-registers", untraced_keeps_registers, "" },
	{ "untraced-by-int80", untraced_by_int80, "" },
	{ "stopped-by-child", stopped_by_child, "" },
	{ "stopped-child-is-waited-for", stopped_child_is_waited_for, "" },
	{ "stopped-threads", stopped_threads, "" },
	{ "traced-by-parent", traced_by_parent, "lost=1" },
	{ "traced-by-int80", traced_by_int80, "lost=1" },
	{ "traced-beside-signals", traced_beside_signals, "lost=40" },
	{ "let-go-beside-signals", let_go_beside_signals, "lost=2" },
	{ "seized-by-parent", seized_by_parent, "lost=1" },
	{ "own-filter-asks-nobody", own_filter_asks_nobody, "" },
	{ "own-filter-asks-as-the-recorder-does", own_filter_asks_as_the_recorder_does, "" },
	{ "own-filter-by-int80", own_filter_by_int80, "" },
	{ "strict-mode", strict_mode, "" },
	{ "strict-mode-by-int80", strict_mode_by_int80, "" },
	{ "strict-mode-of-another-user", strict_mode_of_another_user, "" },
	{ "strict-mode-beside-a-filter", strict_mode_beside_a_filter, "" },
	{ "strict-thread", strict_thread, "" },
	{ "supervised-mapping", supervised_mapping, "lost=1" },
	{ "supervised-by-int80", supervised_by_int80, "lost=1" },
	{ "supervised-through-another-table", supervised_through_another_table, "lost=1" },
	{ "supervised-elsewhere", supervised_elsewhere, "" },
};

CASES_MAIN(all)
