/* SPDX-License-Identifier: MIT */
/* Programs that a tracer could disturb (as_alone.h): seccomp filters of their own, strict mode, supervisors. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "as_alone.h"

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

static const struct test_case all[] = {
	{ "own-filter-asks-nobody", own_filter_asks_nobody, "" },
	{ "own-filter-asks-as-the-recorder-does", own_filter_asks_as_the_recorder_does, "" },
	{ "own-filter-by-int80", own_filter_by_int80, "" },
	{ "strict-mode", strict_mode, "" },
	{ "strict-mode-by-int80", strict_mode_by_int80, "" },
	{ "strict-mode-of-another-user", strict_mode_of_another_user, "" },
	{ "strict-mode-beside-a-filter", strict_mode_beside_a_filter, "" },
	{ "strict-thread", strict_thread, "" },
	{ "supervised-mapping", supervised_mapping, "lost=1 bpf:lost=0" },
	{ "supervised-by-int80", supervised_by_int80, "lost=1 bpf:lost=0" },
	{ "supervised-through-another-table", supervised_through_another_table, "lost=1 bpf:lost=0" },
	{ "supervised-elsewhere", supervised_elsewhere, "" },
};

CASES_MAIN(all)
