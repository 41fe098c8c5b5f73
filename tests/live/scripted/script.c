/* SPDX-License-Identifier: MIT */
/*
 * The language of scripts: scripted.h.  One line, one thing that happens:
 *
 *   100 exec [101]             a new program; what was thread 101 takes the number
 *   100 mmap A 2p rw anon = A  a call, and its return; without "= A" its entry alone
 *   100 = A                    the return of a call that has begun
 *   100 clones 101             the call has made a thread; forks, vforks: a process
 *   101 born [clone|fork 100]  its first stop; with the rest: before its parent's
 *   100 exit 0                 its last stop; "killed 9" from wherever it stands, "gone 9" without any stop
 *   100 signal 10 [A] / stop 19 / continued
 *                              with the rest: of an access there
 *   100 is-refused [0]         its call has not been made, and returns ENOSYS, or this
 *   100 argument 7             this has to be its call's first argument; nobody's; was-given 10, a signal
 *   100 write A                a page becomes written; zero, swap, guard, huge; grow: the stack, by a page
 *   100 area A A+2 rw [uffd]   there is one that no call made; noarea A A+2
 *   100 file 3 7 PATH [...]    a descriptor of the file that comes 7th; shmem, huge, zero, device, pipe, sealed, readable
 *   100 memory A 1 2 3         numbers of 64 bits; "bytes" of 8; "text" a name
 *   100 abi i386 / mark 5      of the calls that follow
 *   100 inside 34              it is stopped in this call
 *   wait 600                   so many milliseconds nothing is to be reported
 *   fail open 24 [after 3]     this member, with this errno; works open
 *   text /proc/x ...           what the file has, or -ERRNO
 *   puppet-result 5            of calls that are made in place of a task's own
 *   descriptors 40 / leave / launch-error N / sink-error N / raise SIGNAL / killed TASK
 *   before ...                 as soon as the recorder is there
 *
 * A+2 is two pages from A; S is the stack's lower end, H the heap's; 2p two pages; words and numbers are joined by |.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "call_table.h"
#include "scripted.h"
#include "uapi.h"

enum { MAX_WORDS = 16 };

struct line {
	char text[256];
	char *word[MAX_WORDS];
	int nr;
};

/* --- values ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint64_t value;
} words[] = { { "none", 0 }, { "r", PROT_READ }, { "rw", PROT_READ | PROT_WRITE },
	{ "rx", PROT_READ | PROT_EXEC }, { "anon", MAP_PRIVATE | MAP_ANONYMOUS }, { "shared", MAP_SHARED },
	{ "private", MAP_PRIVATE }, { "anonymous", MAP_ANONYMOUS }, { "fixed", MAP_FIXED },
	{ "grows", MAP_GROWSDOWN }, { "hugetlb", MAP_HUGETLB }, { "populate", MAP_POPULATE },
	{ "maymove", MREMAP_MAYMOVE }, { "to", MREMAP_FIXED }, { "dontunmap", MREMAP_DONTUNMAP },
	{ "thread", CLONE_VM | CLONE_THREAD | CLONE_SIGHAND }, { "vm", CLONE_VM },
	{ "untraced", CLONE_UNTRACED }, { "dontneed", MADV_DONTNEED }, { "stack", RLIMIT_STACK },
	{ "data", RLIMIT_DATA }, { "set-vma", PR_SET_VMA }, { "set-mm", PR_SET_MM },
	{ "start-brk", PR_SET_MM_START_BRK }, { "mm-brk", PR_SET_MM_BRK }, { "mm-map", PR_SET_MM_MAP },
	{ "no-new-privs", PR_SET_NO_NEW_PRIVS }, { "strict", PR_SET_SECCOMP }, { "exited", 6 << 8 } };

static uint64_t one_value(const char *word)
{
	static const struct {
		char letter;
		uint64_t at;
	} bases[] = { { 'A', SCR_A }, { 'H', SCR_HEAP }, { 'S', SCR_STACK }, { 'T', SCR_TOP } };
	char *end;
	uint64_t n;

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		if (*word == bases[i].letter)
			return bases[i].at + (uint64_t)strtoll(word + 1, NULL, 10) * SCR_PAGE;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i].name) == 0)
			return words[i].value;
	n = *word == '-' ? (uint64_t)strtoll(word, &end, 0) : strtoull(word, &end, 0);
	if (*end == 'p' && !end[1])
		return n * SCR_PAGE;
	if (*end)
		scr_complain("what is \"%s\"?", word);
	return n;
}

static uint64_t value(const struct line *l, int i)
{
	char text[64], *save = NULL;
	uint64_t n = 0;

	if (i >= l->nr)
		return 0;
	snprintf(text, sizeof(text), "%s", l->word[i]);
	for (char *w = strtok_r(text, "|", &save); w; w = strtok_r(NULL, "|", &save))
		n |= one_value(w);
	return n;
}

static bool says(const struct line *l, int i, const char *word)
{
	return i < l->nr && strcmp(l->word[i], word) == 0;
}

/* --- calls ------------------------------------------------------------------------------------------------------ */

static bool must_run(const struct scr_task *t)
{
	if (t->stop == RUNS && !t->listens)
		return true;
	scr_complain("task %d stands still", (int)t->tid);
	return false;
}

static void return_from(struct scr_task *t, int64_t result, bool is_refused)
{
	if (!must_run(t))
		return;
	if (t->refused && !is_refused)
		scr_complain("the call of %d was refused", (int)t->tid);
	if (!is_refused)
		space_after_call(t, result);
	t->refused = false;
	t->regs.rax = (uint64_t)result;
	t->in_call = false;
	if (!t->by_syscall)
		return;
	t->stop = AT_EXIT;
	scr_report(t->tid, (SIGTRAP | 0x80) << 8 | 0x7f);
}

/* A call, and its result in the line after it, so to speak. */
static struct {
	bool is;
	pid_t tid;
	int64_t result;
} returning;

static void call(const struct line *l, struct scr_task *t)
{
	const struct call_row *row = NULL;
	int at = 2;

	for (size_t i = 0; i < nr_call_rows && !row; i++)
		if (strcmp(call_rows[i].name, l->word[1]) == 0 && call_rows[i].numbers[t->abi] != NOT_THERE)
			row = &call_rows[i];
	if (!row && !says(l, 1, "getpid")) {
		scr_complain("what is \"%s\"?", l->word[1]);
		return;
	}
	if (!must_run(t))
		return;
	t->nr = row ? (uint64_t)row->numbers[t->abi] : 39;
	t->kind = row ? row->nr : 39;
	memset(t->args, 0, sizeof(t->args));
	for (; at < l->nr && !says(l, at, "="); at++)
		t->args[at - 2] = value(l, at);
	if (at < l->nr) {
		returning.is = true;
		returning.tid = t->tid;
		returning.result = (int64_t)value(l, at + 1);
	}
	/* Where no filter is and calls are not asked for, nobody sees it. */
	if (t->filtered || t->by_syscall)
		scr_enter(t);
}

/* --- tasks ------------------------------------------------------------------------------------------------------ */

static struct scr_task *make_child(const struct scr_task *parent, pid_t tid, const char *how)
{
	bool thread = *how == 'c';
	struct scr_space *mm = *how == 'f' ? space_copy(parent->mm) : parent->mm;
	struct scr_task *t = scr_task(tid);

	if (!t)
		t = scr_add(tid, thread ? parent->tgid : tid, mm);
	t->traced = true;
	t->filtered = parent->filtered;
	t->mark = parent->mark;
	return t;
}

static void made(const struct line *l, struct scr_task *t, int event)
{
	pid_t tid = (pid_t)value(l, 2);

	if (!must_run(t))
		return;
	if (!scr_task(tid))
		make_child(t, tid, l->word[1]);
	scr_event(t, event, (unsigned long)tid);
}

static void born(const struct line *l, pid_t tid)
{
	struct scr_task *parent = scr_task((pid_t)value(l, 3)), *t = scr_task(tid);

	if (parent)
		t = make_child(parent, tid, l->word[2]);
	if (!t) {
		scr_complain("whose child is %d?", (int)tid);
		return;
	}
	t->stop = AT_EVENT;
	t->event = PTRACE_EVENT_STOP;
	scr_report(tid, PTRACE_EVENT_STOP << 16 | SIGTRAP << 8 | 0x7f);
}

static void begin_program(const struct line *l, struct scr_task *t)
{
	pid_t former = l->nr > 2 ? (pid_t)value(l, 2) : t->tid;
	struct scr_task *thread = scr_task(former);

	if (former != t->tid && thread) {
		pid_t tid = t->tid;

		*t = *thread;
		thread->tid = 0;
		t->tid = tid;
	}
	if (!must_run(t))
		return;
	t->in_call = false;
	t->mm = space_new();
	space_of_program(t->mm);
	scr_event(t, PTRACE_EVENT_EXEC, (unsigned long)former);
}

static void stop_by(struct scr_task *t, int sig, bool group)
{
	if (!group && !must_run(t))
		return;
	t->listens = false;
	t->stop = group ? AT_EVENT : AT_SIGNAL;
	t->event = PTRACE_EVENT_STOP;
	scr_report(t->tid, (group ? PTRACE_EVENT_STOP << 16 : 0) | sig << 8 | 0x7f);
}

static void given(const struct line *l, struct scr_task *t)
{
	t->signal = (int)value(l, 2);
	t->fault_at = l->nr > 3 ? value(l, 3) : 0;
	stop_by(t, t->signal, false);
}

/* From wherever it stands; its call has returned so much, if it has. */
static void killed(const struct line *l, struct scr_task *t)
{
	if (l->nr > 3)
		t->regs.rax = value(l, 3);
	scr_killed(t, (int)value(l, 2));
}

static bool of_task(const struct line *l, struct scr_task *t)
{
	if (says(l, 1, "="))
		return_from(t, (int64_t)value(l, 2), false);
	else if (says(l, 1, "exec"))
		begin_program(l, t);
	else if (says(l, 1, "clones"))
		made(l, t, PTRACE_EVENT_CLONE);
	else if (says(l, 1, "forks"))
		made(l, t, PTRACE_EVENT_FORK);
	else if (says(l, 1, "vforks"))
		made(l, t, PTRACE_EVENT_VFORK);
	else if (says(l, 1, "exit") && must_run(t))
		scr_event(t, PTRACE_EVENT_EXIT, value(l, 2) << 8);
	else if (says(l, 1, "killed"))
		killed(l, t);
	else if (says(l, 1, "gone"))
		scr_report(t->tid, (int)value(l, 2)), t->tid = 0;
	else if (says(l, 1, "signal"))
		given(l, t);
	else if (says(l, 1, "stop"))
		stop_by(t, (int)value(l, 2), true);
	else if (says(l, 1, "continued"))
		stop_by(t, SIGTRAP, true);
	else
		return says(l, 1, "exit");
	return true;
}

/* --- what is there ---------------------------------------------------------------------------------------------- */

static void add_area(const struct line *l, struct scr_space *mm)
{
	space_put(mm, (struct scr_area){ .start = value(l, 2),
			      .end = value(l, 3),
			      .prot = (uint32_t)value(l, 4),
			      .served = says(l, 5, "uffd"),
			      .shared = says(l, 5, "segment"),
			      .ino = says(l, 5, "segment") ? 5 : 0 });
}

static void add_file(const struct line *l, struct scr_task *t)
{
	static const struct {
		const char *name;
		mode_t type;
		int64_t fs;
	} kinds[] = { { "shmem", S_IFREG, TMPFS_MAGIC }, { "huge", S_IFREG, HUGETLBFS_MAGIC },
		{ "zero", S_IFCHR, TMPFS_MAGIC }, { "device", S_IFCHR, TMPFS_MAGIC },
		{ "secret", S_IFREG, SECRETMEM_MAGIC }, { "pipe", S_IFIFO, PIPEFS_MAGIC } };
	struct scr_file *f = scr_file(t->tgid, (int)value(l, 2));

	for (int i = 0; !f; i++)
		if (!scr.files[i].tgid)
			f = &scr.files[i];
	*f = (struct scr_file){ .tgid = t->tgid,
		.fd = (int)value(l, 2),
		.id = (int)value(l, 3),
		.ino = 100 + value(l, 3) / 10,
		.mode = S_IFREG | 0600,
		.type = EXT4_SUPER_MAGIC };
	snprintf(f->path, sizeof(f->path), "%s", l->word[4]);
	for (int i = 5; i < l->nr; i++) {
		if (says(l, i, "sealed"))
			f->sealed = 1;
		if (says(l, i, "readable"))
			f->mode = S_IFREG | 0400;
		if (says(l, i, "writable"))
			f->mode = S_IFREG | 0200;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if (says(l, i, kinds[k].name)) {
				f->mode = kinds[k].type | (f->mode & 0700);
				f->type = kinds[k].fs;
				f->rdev_major = 1;
				f->rdev_minor = *l->word[i] == 'z' ? 5 : 9;
			}
	}
}

static void add_memory(const struct line *l)
{
	int width = says(l, 1, "bytes") ? 1 : says(l, 1, "words") ? 4 : 8, i = 0;

	while (scr.chunks[i].size && scr.chunks[i].at != value(l, 2))
		i++;
	scr.chunks[i].at = value(l, 2);
	scr.chunks[i].size = 0;
	if (says(l, 1, "text")) {
		scr.chunks[i].size = (size_t)sprintf((char *)scr.chunks[i].bytes, "%s", l->word[3]) + 1;
		return;
	}
	for (int k = 3; k < l->nr; k++, scr.chunks[i].size += (size_t)width) {
		uint64_t n = value(l, k);

		memcpy(scr.chunks[i].bytes + scr.chunks[i].size, &n, (size_t)width);
	}
}

static void grow(struct scr_space *mm, uint64_t at)
{
	struct scr_area *area = space_find(mm, at ? at : SCR_STACK);

	if (!area)
		return;
	area->start -= SCR_PAGE;
	space_touch(mm, area->start, WRITTEN);
}

/* What has to be so by now. */
static bool of_checks(const struct line *l, struct scr_task *t)
{
	if (says(l, 1, "is-refused")) {
		if (!t->refused || t->regs.rax != (l->nr > 2 ? value(l, 2) : (uint64_t)-ENOSYS))
			scr_complain("the call of %d was not refused so", (int)t->tid);
		return_from(t, (int64_t)t->regs.rax, true);
	} else if (says(l, 1, "argument")) {
		if (t->regs.rdi != value(l, 2))
			scr_complain("the argument of %d is %#llx", (int)t->tid, t->regs.rdi);
	} else if (says(l, 1, "nobody's")) {
		if (t->traced)
			scr_complain("%d is traced", (int)t->tid);
	} else if (says(l, 1, "was-given")) {
		if (scr.last_signal != (int)value(l, 2))
			scr_complain("%d was given %d", (int)t->tid, scr.last_signal);
	} else {
		return false;
	}
	return true;
}

static bool of_facts(const struct line *l, struct scr_task *t)
{
	static const char *const pages[] = {
		[WRITTEN] = "write", [ZERO] = "zero", [SWAPPED] = "swap", [GUARD] = "guard", [HUGE] = "huge"
	};

	for (int i = 0; i <= HUGE; i++)
		if (pages[i] && says(l, 1, pages[i])) {
			space_touch(t->mm, value(l, 2), i);
			return true;
		}
	if (says(l, 1, "grow"))
		grow(t->mm, value(l, 2));
	else if (says(l, 1, "named") && space_find(t->mm, value(l, 2)))
		snprintf(space_find(t->mm, value(l, 2))->name, 64, "%s", l->word[3]);
	else if (says(l, 1, "area"))
		add_area(l, t->mm);
	else if (says(l, 1, "noarea"))
		space_cut(t->mm, value(l, 2), value(l, 3));
	else if (says(l, 1, "file"))
		add_file(l, t);
	else if (says(l, 1, "shut") && scr_file(t->tgid, (int)value(l, 2)))
		scr_file(t->tgid, (int)value(l, 2))->tgid = 0;
	else if (says(l, 1, "memory") || says(l, 1, "bytes") || says(l, 1, "words") || says(l, 1, "text"))
		add_memory(l);
	else if (says(l, 1, "abi"))
		t->abi = says(l, 2, "i386") ? TRACE_ABI_I386 : says(l, 2, "x32") ? TRACE_ABI_X32 : 0;
	else if (says(l, 1, "inside"))
		t->regs.orig_rax = value(l, 2), t->regs.rax = (uint64_t)-512;
	else if (says(l, 1, "mark"))
		t->mark = (uint32_t)value(l, 2);
	else
		return of_checks(l, t);
	return true;
}

/* --- the rest --------------------------------------------------------------------------------------------------- */

static void fail_member(const struct line *l)
{
	int i = 0;

	while (*scr.failing[i].member && strcmp(scr.failing[i].member, l->word[1]) != 0)
		i++;
	snprintf(scr.failing[i].member, sizeof(scr.failing[i].member), "%s", l->word[1]);
	scr.failing[i].error = (int)value(l, 2);
	scr.failing[i].after = says(l, 3, "after") ? (long)value(l, 4) : 0;
}

static void give_text(const struct line *l)
{
	int i = 0;
	size_t n = 0;

	while (*scr.texts[i].path && strcmp(scr.texts[i].path, l->word[1]) != 0)
		i++;
	snprintf(scr.texts[i].path, sizeof(scr.texts[i].path), "%s", l->word[1]);
	*scr.texts[i].text = '\0';
	for (int k = 2; k < l->nr; k++)
		n += (size_t)snprintf(scr.texts[i].text + n, sizeof(scr.texts[i].text) - n, "%s%s",
			k > 2 ? " " : "", l->word[k]);
	for (char *newline; (newline = strstr(scr.texts[i].text, "\\n")) != NULL;) {
		*newline = '\n';
		memmove(newline + 1, newline + 2, strlen(newline + 1));
	}
}

static bool of_machine(const struct line *l)
{
	if (says(l, 0, "fail"))
		fail_member(l);
	else if (says(l, 0, "works")) {
		for (int i = 0; i < MAX_FAILING; i++)
			if (says(l, 1, scr.failing[i].member))
				*scr.failing[i].member = '\0';
	} else if (says(l, 0, "text"))
		give_text(l);
	else if (says(l, 0, "descriptors"))
		scr.max_open = (int)value(l, 1);
	else if (says(l, 0, "leave"))
		scr.leave = true;
	else if (says(l, 0, "sink-error"))
		scr.sink_error = (int)value(l, 1);
	else if (says(l, 0, "raise"))
		raise((int)value(l, 1));
	else if (says(l, 0, "launch-error"))
		scr.launch_error = (int)(int64_t)value(l, 1);
	else if (says(l, 0, "puppet-result"))
		scr.puppet_result = (long)(int64_t)value(l, 1);
	else if (says(l, 0, "killed")) {
		if (scr.killed != (pid_t)value(l, 1))
			scr_complain("%d was sent a signal", (int)scr.killed);
	} else
		return false;
	return true;
}

static bool take_line(struct line *l)
{
	size_t n = strcspn(scr.at, "\n");
	char *save = NULL;

	l->nr = 0;
	if (!*scr.at)
		return false;
	snprintf(l->text, sizeof(l->text), "%.*s", (int)n, scr.at);
	scr.at += n + (scr.at[n] == '\n');
	scr.line++;
	for (char *w = strtok_r(l->text, " \t", &save); w && l->nr < MAX_WORDS;
		w = strtok_r(NULL, " \t", &save))
		l->word[l->nr++] = w;
	return true;
}

bool scr_step(void)
{
	struct scr_task *t;
	struct line l;

	if (scr.now < scr.wait_until)
		return false;
	if (returning.is) {
		returning.is = false;
		t = scr_task(returning.tid);
		if (t)
			return_from(t, returning.result, false);
		return true;
	}
	if (!take_line(&l))
		return false;
	if (!l.nr || of_machine(&l))
		return true;
	if (says(&l, 0, "wait")) {
		scr.wait_until = scr.now + value(&l, 1) * 1000000;
		return false;
	}
	t = scr_task((pid_t)value(&l, 0));
	if (says(&l, 1, "born"))
		born(&l, (pid_t)value(&l, 0));
	else if (says(&l, 1, "is-thread-of") && (t = scr_task((pid_t)value(&l, 2))) != NULL)
		scr_add((pid_t)value(&l, 0), t->tgid, t->mm);
	else if (!t)
		scr_complain("there is no task %s", l.word[0]);
	else if (!of_task(&l, t) && !of_facts(&l, t))
		call(&l, t);
	return true;
}
