/* SPDX-License-Identifier: MIT */
/*
 * A kernel that does what a script says, in place of the machine's (trace/live/kernel_view.h).
 *
 *   space.c    address spaces: areas, and which pages were written
 *   tasks.c    tasks that stop and go on
 *   ptrace.c   what a tracer asks of them, and waits for
 *   view.c     their memory, limits and open files, and the view as a whole
 *   proc.c     the files of /proc, made from the two
 *   script.c   the language (script.h): lines that let tasks do something
 *   facts.c    lines that say what is there
 *   words.c    words and numbers of lines
 *   fields.c   what each field of an event says
 *   run.c      one script, recorded by the code of trace/live, then replayed
 *
 *    SC1  Nothing happens but what the next line says, and it happens when the recorder waits.
 *    SC2  A line that lets a task stop which stands still is an error of the test: so a script also says who has to wait.
 *    SC3  A call changes the map when it returns, as its arguments and its result say; a task that was let go on without
 *         a stop at the end of its call (PTRACE_CONT) has none there.
 *    SC4  Nothing of the machine shows, and no memory is allocated: all is in one struct.
 */
#ifndef TESTS_SCRIPTED_H
#define TESTS_SCRIPTED_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include <vmaple/live.h>
#include <vmaple/replay.h>

#include "kernel_view.h"

#define SCR_PAGE    4096ull
#define SCR_A       0x7f0000000000ull /* where scripts map */
#define SCR_HEAP    0x555555558000ull /* start_brk */
#define SCR_STACK   0x7ffffffde000ull
#define SCR_TOP     0x7ffffffff000ull
#define SCR_TEXT    0x555555554100ull /* where calls are made */
#define FILTER_MARK 0x6d70            /* in the answers of the recorder's filter */
#define X32_BIT     0x40000000u

#define SYSCALL_STOP (SIGTRAP | 0x80)

enum { MAX_TASKS = 16, MAX_SPACES = 16, MAX_AREAS = 64, MAX_PAGES = 1024, MAX_FILES = 24, MAX_CHUNKS = 12 };
enum { MAX_OPEN = 300, MAX_REPORTS = 32, MAX_FAILING = 8, MAX_TEXTS = 8, FIRST_FD = 1 << 20 };

/* What a page is. */
enum { WRITTEN = 1, ZERO = 2, SWAPPED = 4, GUARD = 8, HUGE = 16 };

struct scr_area {
	uint64_t start, end, offset, ino, page_size;
	int file; /* open files are told apart, and so are their areas */
	uint32_t prot;
	bool shared, grows, served;
	char name[64];
};

struct scr_page {
	uint64_t at;
	int what;
};

struct scr_space {
	int nr_areas, nr_pages;
	uint64_t brk;
	struct scr_area areas[MAX_AREAS];
	struct scr_page pages[MAX_PAGES];
};

enum scr_stop { RUNS, AT_ENTRY, AT_EXIT, AT_EVENT, AT_SIGNAL, AT_GROUP };

struct scr_task {
	pid_t tid, tgid;
	struct scr_space *mm;
	bool traced, filtered, by_syscall, in_call, listens, refused, ended;
	enum scr_stop stop;
	int event, abi;
	uint32_t mark;
	unsigned long message;
	int signal;
	uint64_t fault_at;    /* where the signal is about; 0: nowhere */
	uint64_t nr, args[6]; /* as it comes in */
	uint32_t kind;        /* the call of this machine that it is */
	struct user_regs_struct regs;
	struct user_regs_struct puppet; /* as it was at the entry that the script made */
};

/* What a descriptor of a process is of. */
struct scr_file {
	pid_t tgid;
	int fd, id, sealed;
	uint64_t ino;
	mode_t mode;
	int64_t type; /* of its file system */
	uint32_t rdev_major, rdev_minor;
	char path[64];
};

/* A file that the recorder has open. */
struct scr_open {
	enum { SHUT, TEXT, MAPS, SMAPS, PAGEMAP, OWN_PAGEMAP, MARK } what;
	struct scr_space *mm;
	size_t pos, len;
	char text[512];
};

struct scr_failing {
	char member[24];
	int error;
	long after; /* calls that still succeed */
};

struct scripted {
	const char *at; /* what of the script is left */
	int line;
	char error[256]; /* of the script, or of the recorder's, as the script sees it */
	bool lenient;    /* memory runs out: the recorder may not do what the script waits for */
	uint64_t now, wait_until;
	bool leave;
	long leave_after; /* it was asked so often */
	int sink_error;
	int launch_error, refused_byte;
	struct scr_task tasks[MAX_TASKS];
	int nr_spaces;
	struct scr_space spaces[MAX_SPACES];
	struct scr_file files[MAX_FILES];
	struct scr_open open[MAX_OPEN];
	int max_open;
	struct {
		uint64_t at;
		size_t size;
		unsigned char bytes[6144];
	} chunks[MAX_CHUNKS];
	struct {
		pid_t tid;
		int status;
	} reports[MAX_REPORTS];
	int nr_reports;
	struct scr_failing failing[MAX_FAILING];
	struct {
		char path[64], text[256];
	} texts[MAX_TEXTS];
	long puppet_result;
	int kills, last_signal;
	pid_t killed;
};

extern struct scripted scr;

/* space.c */
void space_cut(struct scr_space *mm, uint64_t lo, uint64_t hi);
void space_put(struct scr_space *mm, struct scr_area area);
struct scr_area *space_find(struct scr_space *mm, uint64_t addr);
void space_touch(struct scr_space *mm, uint64_t addr, int what);
struct scr_space *space_new(void);
struct scr_space *space_copy(const struct scr_space *mm);
/* The program that every script begins with: its text, and a stack that grows. */
void space_of_program(struct scr_space *mm);
/* A call has returned. */
void space_after_call(struct scr_task *t, int64_t result);

/* tasks.c */
struct scr_task *scr_task(pid_t tid);
struct scr_task *scr_add(pid_t tid, pid_t tgid, struct scr_space *mm);
void scr_report(pid_t tid, int status);
void scr_event(struct scr_task *t, int event, unsigned long message);
void scr_enter(struct scr_task *t);
void scr_killed(struct scr_task *t, int status);
/* It leaves its last stop. */
void scr_end(struct scr_task *t);
/* -1, with that errno. */
int scr_no_such_task(void);
bool scr_is_failing(const char *member);

/* ptrace.c: these members of the view. */
long scripted_ptrace(long request, pid_t tid, void *addr, void *data);
pid_t scripted_waitpid(pid_t tid, int *status, int options);
pid_t scripted_wait_awhile(int *status);
int scripted_waitid(pid_t tid, siginfo_t *info, int options);

/* view.c: the view of all this. */
void scr_install(struct kernel_view *view);

/* proc.c: these members of the view. */
extern const struct kernel_view scripted_files;
struct scr_file *scr_file(pid_t tgid, int fd);
pid_t scr_tgid(pid_t tid);

/* script.c: the next line.  False: there is none, or it says that nothing is to be reported for a while. */
bool scr_step(void);
void scr_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* run.c */
struct scenario {
	const char *name, *script;
	const char *events; /* as words of run.c */
	struct {
		int differences, uncertain, lost, foreign, outside;
	} counts;
	const char *
		says; /* part of what was told as lost, noticed, or is the recorder's error; behind a !: what must not be */
	int mode;
};
enum { EVERY, AT_END = 1, ATTACHED = 2, NTH = 4, REFUSED = 8, FIELDS = 16 };

struct outcome {
	char events[4096], said[2048];
	struct replay_stats stats;
	int err, status;
	int traced; /* tasks, when the recorder had ended */
};
/* @recorder, unless NULL, is told when the recorder begins, and when it has ended. */
/* An address or a length as scripts write it. */
const char *scr_place(int64_t n, char text[32]);
void scr_fields(char *to, size_t size, const struct trace_event *e);
void scenario_run(const struct scenario *s, struct outcome *o, void (*recorder)(bool on));

#endif /* TESTS_SCRIPTED_H */
