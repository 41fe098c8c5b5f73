/* SPDX-License-Identifier: MIT */
/*
 * A program of our own under the source over BPF: it begins when all is ready, and its end is waited for whatever becomes of
 * the recording.
 *
 * SIGTERM and SIGHUP that are sent to this process ask the program to end: they are withheld from this one and passed on.
 * Not those of the terminal, of which the program has its own, as of those that somebody sends to the whole process group: the
 * kernel tells when each of the two was sent one.
 *
 * Order: program_look() before anything is loaded, program_start() when programs are loaded and
 * attached, program_go() when the loop begins, program_attend() each round, program_wait() and
 * program_gone() at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "minmax.h"
#include "source.h"
#include "source.skel.h" /* after the records that it has */

#define TOGETHER_NS 20000000 /* one that both are sent within so long is one that was sent to both */
#define WAIT_NS     20000000 /* between two looks at a program that is not recorded any more */

int program_look(const char *name, char *error, size_t size)
{
	int err = launch_refusal(name);

	if (err)
		snprintf(error, size, "%s: cannot be started: %s", name, strerror(-err));
	return err;
}

/*
 * In the child. It waits for a byte: an end of the pipe without one is its parent's death or refusal.
 * 125, 126 and 127 are as env(1) has them.
 */
static void become_program(char *const *argv, int go_fd)
{
	char byte;

	if (read(go_fd, &byte, 1) != 1)
		_exit(125);
	close(go_fd);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "vmaple: %s: cannot be started: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/*
 * The child is put into the programs' table as of space 0, so that its exec is seen; nothing that it
 * does before is told. The parent keeps the writing end alone.
 */
int program_start(struct live_bpf *s)
{
	uint32_t none = 0, tid;
	int go[2];

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	s->child = fork();
	if (s->child == 0) {
		close(go[1]);
		become_program(s->options.argv, go[0]);
	}
	close(go[0]);
	s->go_fd = go[1];
	if (s->child < 0)
		return -errno;
	tid = (uint32_t)s->child;
	s->skel->bss->program = tid;
	s->skel->bss->recorder = (uint32_t)getpid();
	return bpf_map_update_elem(bpf_map__fd(s->skel->maps.tasks), &tid, &none, BPF_ANY) ? -errno : 0;
}

/* --- while it runs -------------------------------------------------------------------------------------------- */

static const int passed[] = { [PASSED_TERM] = SIGTERM, [PASSED_HUP] = SIGHUP };

static void set_of_passed(sigset_t *set)
{
	sigemptyset(set);
	for (int i = 0; i < PASSED_SIGNALS; i++)
		sigaddset(set, passed[i]);
}

/*
 * From here on SIGTERM and SIGHUP wait in this thread until take_asked() takes them. The child was made
 * before, and has its own mask.
 */
void program_go(struct live_bpf *s)
{
	sigset_t set;

	if (s->go_fd < 0)
		return;
	set_of_passed(&set);
	pthread_sigmask(SIG_BLOCK, &set, &s->mask_before);
	(void)!write(s->go_fd, "", 1);
	close(s->go_fd);
	s->go_fd = -1;
}

/* To the program, as a shell would; or to those that it has left behind. */
static void pass_on(const struct live_bpf *s, int sig)
{
	if (!s->child_ended) {
		kill(s->child, sig);
		return;
	}
	for (const struct followed *f = s->spaces; f; f = f->next)
		if (!f->finished)
			kill((pid_t)f->pid, sig);
}

/*
 * si_code above 0 is the kernel's own: of the terminal, for a group that the program is in as well. A
 * signal that was sent more than once counts once: pending ones are a set.
 */
static void take_asked(struct live_bpf *s)
{
	static const struct timespec at_once = { .tv_sec = 0 };
	siginfo_t info;
	sigset_t set;

	set_of_passed(&set);
	while (sigtimedwait(&set, &info, &at_once) > 0)
		for (int i = 0; i < PASSED_SIGNALS; i++)
			s->asked[i] |= info.si_code <= 0 && passed[i] == info.si_signo;
}

/*
 * A signal is passed on when TOGETHER_NS have gone by without the program having been sent its own:
 * both times are the kernel's, of the same clock.
 */
void program_attend(struct live_bpf *s)
{
	if (s->child <= 0)
		return;
	if (!s->child_ended && waitpid(s->child, &s->child_status, WNOHANG) == s->child)
		s->child_ended = true;
	take_asked(s);
	for (int i = 0; i < PASSED_SIGNALS; i++) {
		uint64_t here = s->skel->bss->recorder_asked[i], there = s->skel->bss->program_asked[i];

		if (!s->asked[i] || now_ns() - here < TOGETHER_NS)
			continue;
		s->asked[i] = false;
		/* Both were sent one at the same time: the program has had its own. */
		if (max(here, there) - min(here, there) >= TOGETHER_NS)
			pass_on(s, passed[i]);
	}
}

/* Also after an error: the program was started for its own sake. */
void program_wait(struct live_bpf *s)
{
	static const struct timespec a_while = { .tv_nsec = WAIT_NS };

	for (program_attend(s); s->child > 0 && !s->child_ended; program_attend(s))
		nanosleep(&a_while, NULL);
}

/* Only where program_go() has changed the mask. */
void program_gone(struct live_bpf *s)
{
	if (s->child > 0 && s->go_fd < 0)
		pthread_sigmask(SIG_SETMASK, &s->mask_before, NULL);
}
