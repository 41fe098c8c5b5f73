/* SPDX-License-Identifier: MIT */
/*
 * A program that maps memory from known call chains, and says which.
 *
 * It is compiled without frame pointers.  Each case maps a length that no other maps, and prints it in hexadecimal with the
 * functions that have to be on the stack, the innermost first, behind the system call's own: "..." stands for any others.
 *
 * usage: known_stacks [again]    again: what it is started with by itself, after execve
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096ul
#ifdef __clang__
#define KNOWN static __attribute__((noinline))
#else
#define KNOWN static __attribute__((noinline, noipa))
#endif

static unsigned long next_length = 1000;
static volatile int sink;

/* Something behind the call, so that it is not made as a jump. */
#define AFTER() (sink++)

KNOWN void leaf(void)
{
	char *p = mmap(NULL, next_length * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	munmap(p, next_length * PAGE);
	AFTER();
}

static void say(const char *functions)
{
	next_length++;
	printf("%lx %s\n", next_length * PAGE, functions);
	fflush(stdout);
}

KNOWN void middle(int depth)
{
	volatile char frame[1000];

	frame[depth & 511] = 1;
	sink += frame[0];
	if (depth)
		middle(depth - 1);
	else
		leaf();
	AFTER();
}

KNOWN void outer(int depth)
{
	middle(depth);
	AFTER();
}

/* More memory than is copied at once, in a frame whose size is known only when it runs. */
KNOWN void large_frame(size_t size)
{
	char *frame = __builtin_alloca(size);

	memset(frame, 1, size);
	outer(1);
	AFTER();
}

static void handler(int sig)
{
	leaf();
	AFTER();
}

/* Interrupted at its first instruction: the one before belongs to another function. */
void interrupted(void);
__asm__(".text\n.globl before_it\n.type before_it, @function\nbefore_it:\n.cfi_startproc\nnop\n.cfi_endproc\n"
	".size before_it, .-before_it\n"
	".globl interrupted\n.type interrupted, "
	"@function\ninterrupted:\n.cfi_startproc\nud2\nret\n.cfi_endproc\n"
	".size interrupted, .-interrupted\n");

static void skip_handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	leaf();
	c->uc_mcontext.gregs[REG_RIP] += 2;
}

KNOWN void interrupts(void)
{
	interrupted();
	AFTER();
}

KNOWN void signals(void)
{
	static char stack[65536];
	struct sigaction action = { .sa_handler = handler }, skip = { .sa_sigaction = skip_handler };
	const stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };

	say("leaf handler ... raise signals main");
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	say("leaf handler ... raise signals main");
	action.sa_flags = SA_ONSTACK;
	sigaltstack(&other, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	say("leaf skip_handler ... interrupted interrupts signals main");
	skip.sa_flags = SA_SIGINFO;
	sigaction(SIGILL, &skip, NULL);
	interrupts();
	AFTER();
}

static __attribute__((noinline)) void *thread(void *arg)
{
	outer(3);
	AFTER();
	return NULL;
}

KNOWN void threads(void)
{
	pthread_t t;

	say("leaf middle middle middle middle outer thread start_thread");
	if (pthread_create(&t, NULL, thread, NULL))
		exit(1);
	pthread_join(t, NULL);
}

KNOWN void children(char *self)
{
	char *again[] = { self, "again", NULL };
	pid_t pid;

	say("leaf middle outer children main");
	pid = vfork();
	if (!pid) {
		outer(0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	say("leaf middle outer children main");
	pid = fork();
	if (!pid) {
		outer(0);
		execv(self, again);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	AFTER();
}

/* Code that was written a moment ago, which keeps the frame pointer and calls what it is given, and its name. */
KNOWN void written_code(void)
{
	static const uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
	uint8_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];
	FILE *f;

	memcpy(p, code, sizeof(code));
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	f = fopen(path, "we");
	if (!f)
		exit(1);
	fprintf(f, "%lx 1 wrong\n%lx %zx written function\n", (unsigned long)p, (unsigned long)p,
		sizeof(code));
	fclose(f);
	say("leaf written function");
	((void (*)(void (*)(void)))(uintptr_t)p)(leaf);
	AFTER();
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		next_length = 2000;
		say("leaf middle middle outer main");
		outer(1);
		return 0;
	}
	say("leaf middle outer main");
	outer(0);
	say("leaf middle middle middle middle middle middle outer main");
	outer(5);
	say("leaf middle middle outer large_frame main");
	large_frame(100000);
	say("leaf middle middle middle");
	outer(400);
	signals();
	threads();
	children(argv[0]);
	written_code();
	return 0;
}
