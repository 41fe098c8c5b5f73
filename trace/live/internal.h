/* SPDX-License-Identifier: MIT */
/*
 * What the files of the live source share: tasks, address spaces, and how they are driven. What the kernel is asked, and what
 * is emitted of the answers, is in evidence.h, which every file has through this one.
 *
 *   live.c     start, end, the loop over stops
 *   alarm.c    the next report of a task, waited for, but not for ever
 *   signals.c  what of this process is changed
 *   launch.c   the child until its exec
 *   attach.c   a process that is running: how it comes to be traced, and how it is left
 *   filter.c   the seccomp filter: which calls stop
 *   tasks.c    tasks and address spaces by number; who waits for whom
 *   stops.c    what each kind of ptrace stop means
 *   births.c   new tasks
 *   ends.c     the end of a task
 *   jobs.c     tasks that a signal has stopped
 *   letgo.c    tasks that want another tracer
 *   notices.c  what the program does otherwise because it is recorded
 *   sandbox.c  filters of the program's own
 *   puppet.c   calls in place of a task's own
 *   privileges.c  programs that would have gained some
 *   calls.c    a call becomes events
 *   deferred.c calls whose end is not waited for
 *   certain.c  calls that can only succeed
 *   files.c    which file a mapping is of
 *   identity.c which open file a descriptor is
 *   mounts.c   what a file system does with mappings of its files
 *   emit.c     events on their way to the sink
 *   ranges.c   which addresses a call is about
 *   writes.c   first writes: which areas were written since the last call
 *   growth.c   stacks that grow
 *   limits.c   what tasks act under
 *   stacks/    call stacks
 *   names.c    what tasks are called
 *   served.c   areas that a userfaultfd serves
 *   makers.c   who has made a userfaultfd
 *   remember.c sets of addresses
 *   observe.c  the kernel's map
 *   pages.c    the kernel's pages
 *   kernel_view.h  what is asked of the kernel, and where
 *   kernel_linux.c  this machine's
 *   machine.h  what is the machine's, not the kernel's
 *   proc.c     facts about a process and the machine
 *
 * Order.  On one address space, one recorded call is in the kernel at a time: its task holds the mm from the stop at
 * entry to the stop at exit, others wait, stopped, in a queue.  Where there are no others, the stop at exit may be saved.  A fork holds it until the child's copy exists.  So the
 * order of events is the order in which the kernel carried them out; only first writes of other threads during a call
 * remain, and are marked ambiguous.
 *
 * Owners.  A task owns its vector; an mm belongs to the tasks that point to it (TK3) and owns its
 * descriptors and trees; struct live owns everything else, and one thread uses all of it.  Pointers to
 * tasks do not outlast a call that may end one (on_stop(), resume() of another may not, task_remove()
 * does).
 *
 * Fields of a task are written at its stops, while it stands still; what a field says of a task that runs
 * is what was true at its last stop.
 */
#ifndef LIVE_INTERNAL_H
#define LIVE_INTERNAL_H

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <vmaple/live.h>
#include <vmaple/maple_tree.h>

#include "kernel_view.h"
#include "machine.h"

/* Nobody must run on with a filter that is not answered; who was attached to has none. */
#define OPTIONS_OF_ATTACHED                                                                       \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
		PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT)
#define OPTIONS_OF_STARTED (OPTIONS_OF_ATTACHED | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)
#define CALL_DATA_MAX      128
#define TASK_NAME_MAX      64 /* of a thread of the kernel; programs have 16 */
#define MARKS_MAX          127
#define MOUNT_CACHE        8
#define SEEN_AREAS         8

#define NR_TAKEN_SIGNALS  7 /* signals.c */
#define NR_PASSED_SIGNALS 2
#define FILTER_MAX        704         /* instructions */
#define RED_ZONE          128         /* what lies below the stack pointer may be in use, so far */
#define FILTER_MARK       0x6d70      /* in the answers of our filter */
#define OWN_MARKS         1024        /* numbers of calls, without the bit of their table */
#define FILTER_LET_GO     0x766d6170u /* in PTRACE_TRACEME's fourth argument: not asked about */

/* struct sock_fprog as calls of 32 bits, and of x32, have it. */
struct narrow_fprog {
	uint16_t len;
	uint32_t filter;
};

static inline uint64_t page_start(uint64_t addr)
{
	return addr & -kernel->page_size();
}

static inline uint64_t page_align(uint64_t addr)
{
	return page_start(addr + kernel->page_size() - 1);
}

/* Of as many pages as a page of page-table entries maps. */
static inline uint64_t huge_page_size(void)
{
	return kernel->page_size() / sizeof(uint64_t) * kernel->page_size();
}

/*
 * What decides how a file may be mapped. known false: it could not be asked, and is asked again at the
 * next mapping.
 */
struct file_kind {
	bool known;
	uint32_t kind; /* enum trace_file_kind */
	bool noexec;
	uint64_t map_align;
};

/*
 * What an open file is told by; see identity.c. dev as major << 32 | minor, as maps shows it; open_flags
 * is the access mode alone.
 */
struct file_key {
	uint64_t dev, ino;
	uint32_t open_flags, rank;
};

/* An open file that was mapped. */
struct known_file {
	struct file_key key; /* first: trees point here */
	uint32_t id;
	struct file_kind is;
	struct known_file *next; /* of all */
};

/*
 * A mounted file system that was asked about; its number is never used again. A ring of MOUNT_CACHE in
 * struct live; asked: map_align is an answer.
 */
struct known_mount {
	uint64_t id; /* 0: not known, this is about all of its type */
	int64_t type, block_size;
	bool noexec, asked;
	uint64_t map_align; /* of large mappings of its regular files */
};

/* One address space.  id is 0 for none, constant, and never used again. */
struct live_mm {
	uint32_t id;
	unsigned int users;         /* tasks in it that have not begun to exit */
	bool is_copy;               /* it began by a fork */
	bool has_userfaultfd;       /* it has made one: others may ask about it at any time */
	bool was_shared;            /* it has had more than one user */
	bool seen_last;             /* attach.c: the last look at it was taken */
	bool future_lock_unknown;   /* what mlockall has asked for of areas to come */
	bool growth_lost;           /* some of growing could not be remembered, */
	bool special_lost;          /* or of special */
	bool ran_code;              /* a stack went through code without a file */
	uint64_t changes;           /* observe.c: grows whenever its areas may have changed */
	unsigned int refs;          /* tasks that point here, by mm or by about */
	int maps_fd, pagemap_fd;    /* its /proc/PID/maps and pagemap; -1: none */
	struct task *busy;          /* whose call is in the kernel */
	struct task *queue, **tail; /* who waits for it, stopped */
	struct live *live;
	struct live_mm *next_awaited, **awaited; /* tasks.c, TK4; NULL: nobody waits */
	uint64_t calls, start_brk, brk;
	uint64_t most_areas;                /* sysctls.c: it has no more */
	uint64_t uncounted_calls;           /* since they were counted */
	uint64_t limits[TRACE_LIMIT_COUNT]; /* limits.c: as they were told last */
	struct maple_tree settled, fresh;   /* writes.c, 3 and 4 */
	struct maple_tree growing;          /* growth.c */
	struct maple_tree special;          /* certain.c, 3 */
	struct maple_tree served, holders;  /* served.c */
	struct maple_tree mapped;           /* identity.c, 4: numbers of the files of areas */
	struct code_map *code;              /* stacks/modules.c */
};

/* [start, end), whole pages. */
struct range {
	uint64_t start, end;
};

/*
 * What has to be at @at when a call has succeeded: a part of such an area (but for its bounds), or nothing.
 * Valid while the task is deferred.
 */
struct expected {
	struct range at;
	bool mapped;
	struct trace_area area; /* its offset is that of @at's start */
};

struct task {
	/* As this process's pid namespace has them.  tgid is a guess (tid) until the task was announced. */
	pid_t tid, tgid;
	struct live_mm *mm; /* NULL: before the first exec, or not recorded */
	bool waiting;       /* stopped at birth until its parent's event says what it is */
	/* Stops at the exit of the call, and holds the mm that it is about; one that makes a userfaultfd is about none. */
	bool in_call;
	struct live_mm *about; /* its call is about another's map (served.c, 3); NULL: it is not */
	bool exiting;          /* its end has been told */
	bool queued;
	bool deferred; /* its call's end has not been told, nor waited for */
	struct expected expected;
	struct task *next; /* in the queue */
	/*
	 * The last call that stopped: from note_call() at its entry on.  Its data points to data[] or
	 * vector below, and is valid until the next one.
	 */
	struct trace_call call;
	/*
	 * Of the table that it came through, with its bit: what registers_call() says as long as the task
	 * is in it.
	 */
	int64_t number;                     /* of the call, as it came in */
	uint64_t limits[TRACE_LIMIT_COUNT]; /* limits.c: what it acts under */
	uint64_t result_at;                 /* where its result is put; 0: it is returned */
	uint64_t known_ns;   /* stops.c: when it was known last where it stands; 0: before this stop */
	uint64_t resumed_ns; /* when the call was let through; of one that waits: when it was seen first */
	uint64_t clone_flags;
	bool stopped; /* by a signal; jobs.c */
	bool held;    /* attach.c: stands where it stopped last, and is to go on with held_signal */
	int held_signal;
	uint64_t stopped_ns; /* since when */
	bool has_ended;      /* is at its exit stop */
	bool unstopped;      /* attach.c: may be in a call since before it was attached to */
	bool strict;         /* sandbox.c, SB1 */
	uint64_t own_marks[MACHINE_TABLES][OWN_MARKS / 64]; /* SB4: calls, by table and number */
	bool takes_its_own; /* puppet.c: it was put back before its call, which is now to be made as it is */
	bool unseen;        /* SB2: nor are its children recorded */
	bool no_privileges; /* it has itself asked for no_new_privs, or is the child of who has */
	bool argument_changed; /* births.c, BI1: the first one, which was this */
	uint64_t argument;
	uint32_t argument_abi; /* of the call whose it was */
	uint8_t data[CALL_DATA_MAX];
	uint8_t *vector;          /* more than that: of process_madvise */
	int open_flags;           /* access mode of the file that mmap names; -1: no file */
	uint32_t rank;            /* and its rank */
	char name[TASK_NAME_MAX]; /* names.c: as it was told last; "": it was not */
	uint32_t looked;          /* how often */
	uint64_t named_ns;        /* when it was looked at last */
};

/*
 * Areas as they were asked for last: observe.c. Of one address space at a time: that of the task at whose
 * stop questions were asked last.
 */
struct seen_areas {
	uint32_t mm;
	uint64_t changes;
	unsigned int nr, next;
	struct {
		uint64_t look; /* of which it was asked */
		uint64_t from; /* asked about any address from here on, the kernel names this area */
		struct trace_area area;
	} at[SEEN_AREAS];
};

/* A signal by which a process is asked to end: when it was noticed that one had come (0: none is to be passed on). */
struct passed_signal {
	uint64_t found;
	uint64_t before; /* when it had not come yet */
	uint64_t had;    /* when the program was given one */
};

/* One recording.  Made by live_start(), used by the thread that has made it, until live_free(). */
struct live {
	struct live_options options;
	struct trace_header header;
	char *strings[3]; /* of the header */
	struct machine_features features;
	struct rlimit file_limit; /* of this process, before it was raised */
	bool file_limit_raised;
	uint64_t max_map_count, overcommit_memory; /* sysctls.c: as they were told last */
	struct trace_sink *sink;
	int sink_error;
	/* steps: events that were made; delivered below follows it, behind what waits in the queue. */
	uint64_t steps, start_ns;
	uint64_t delivered;       /* the last step that the sink took */
	struct maple_tree tasks;  /* by tid */
	struct maple_tree makers; /* makers.c: numbers of address spaces, by the inode of a userfaultfd */
	unsigned long nr_tasks;
	struct live_mm *awaited;
	struct task *strays; /* for whose number there was no memory */
	uint32_t next_mm, next_file;
	int marks[MARKS_MAX]; /* identity.c, 2: descriptors, in the order of their files */
	unsigned int nr_marks, last_rank;
	pid_t self;
	bool mask_changed; /* signals.c: what was before */
	sigset_t mask_before;
	struct sigaction actions_before[NR_TAKEN_SIGNALS], sigchld_before;
	sigset_t run_mask_before;
	uint64_t signals_asked; /* signals.c: when it was looked last whether one had come */
	struct passed_signal passed[NR_PASSED_SIGNALS];
	uint64_t ticked_ns;   /* the last tick */
	unsigned int noticed; /* notices.c: kinds that were said */
	void *known_files;    /* tsearch(3) */
	struct known_file *all_known;
	unsigned long nr_known, sweep_at;
	struct known_mount mounts[MOUNT_CACHE];
	unsigned int next_mount;
	pid_t root; /* the program that was started; 0: attached */
	int root_status;
	bool holding;               /* attach.c: who stops stays where it is */
	bool looks_first, given_up; /* attach.c, AT5 */
	/* Pipes to and from the child (launch.c); -1: closed, or attached. */
	int go_fd, report_fd;
	bool text_only;             /* this kernel has no PROCMAP_QUERY */
	bool no_proc, no_proc_told; /* proc.c */
	bool no_new_privs;          /* privileges.c */
	uint64_t privileges_lost;
	char privileged[256]; /* the first program */
	struct seen_areas seen;
	uint64_t looks;           /* stops and ticks: what was asked for since the last one is of now */
	struct trace_area *areas; /* of the observation being made */
	uint32_t nr_areas, areas_allocated;
	char *names;
	size_t names_len, names_allocated;
	struct pending *pending; /* emit.c */
	struct stacks *stacks;   /* NULL: call stacks are not wanted */
	/* What is mapped at an address; @name has AREA_NAME_MAX bytes for its name.  NULL: the kernel is asked. */
	bool (*code_at)(struct live *l, struct task *t, uint64_t addr, char *name, struct trace_area *area);
	char error[512];
};

uint64_t now_ns(void);

/*
 * emit.c: send one event; type and body are set, what it points to is copied where needed.  It may reach the sink as late
 * as emit_flush().  Errors of the sink stop the recording, not the program.
 */
void emit(struct live *l, const struct task *t, struct trace_event *e);
void emit_lost(struct live *l, const struct task *t, uint64_t count, const char *what);
void emit_flush(struct live *l);
/* Half of the queue waits. */
bool emit_is_due(const struct live *l);

/* sysctls.c: tell what has changed in the machine, if the call that has ended depends on it. */
void sysctls_follow(struct live *l, struct task *t, int64_t result);
/* As they were told last, they may decide about the call that is about to be made. */
bool sysctls_may_forbid(const struct live *l, const struct task *t);

/*
 * launch.c: 0, or what execvp(3) will end with, as far as names and rights tell (-ENOENT, -EACCES): so that nothing has been
 * written by then.
 */
int launch_refusal(const char *name);
/* Fork the child, which waits for launch_go() and installs the filter.  0 or -errno. */
int launch_program(char *const *argv, struct launched *program);
int launch(struct live *l);
void launch_go(struct live *l);
/* A recorder needs many descriptors; the process that it is in gets its limit back at the end. */
void raise_file_limit(struct live *l);
void put_back_file_limit(struct live *l);
/* Why exec failed: errno, 0 when it did not. */
int launch_exec_error(struct live *l);

/* signals.c */
void signals_block(struct live *l);
void signals_unblock(struct live *l);
void signals_take(struct live *l);
void signals_give_back(struct live *l);
/* Signals that came to this process and are the program's. */
void signals_pass_on(struct live *l);
/* The task is about to be given a signal. */
void signals_note_delivery(struct live *l, const struct task *t, int sig);

/* alarm.c: waits end every so often, by SIGCHLD, which is blocked. @before: what it did. */
void alarm_begin(uint64_t every_ns, struct sigaction *before);
void alarm_end(const struct sigaction *before);
/* kernel_view.h's. */
pid_t wait_awhile(int *status);

/* filter.c: install it in the calling process, for good. 0 or -errno. */
int filter_install(void);
/* Would it stop the call? For tasks that do not have it. */
bool filter_stops(const struct trace_call *c);
/* Its program, with another answer to what it stops. How long it is. */
struct sock_filter;
unsigned short filter_build(struct sock_filter *code, uint32_t stop);
/* The number, with its table's bit, of a call of the map through it that it may stop, from @nr on. False: there is none. */
struct machine_table;
bool filter_has(const struct machine_table *m, uint32_t *nr);

/* tasks.c */
struct task *task_find(struct live *l, pid_t tid);
struct task *task_add(struct live *l, pid_t tid);
void task_remove(struct live *l, struct task *t);
void task_rename(struct live *l, struct task *t, pid_t tid);
/* A task whose address space was told and is that of @t, too; or NULL. */
struct task *task_sharing_mm(struct live *l, const struct task *t);
struct live_mm *mm_new(struct live *l);
void task_enter_mm(struct task *t, struct live_mm *mm);
/* The task does not take part in its mm any more; the mm goes with its last task. */
void task_leave_mm(struct task *t);
/* Its call is about the map of another one; until it has ended (mm_release()). */
void task_ask_about(struct task *t, struct live_mm *mm);
/* Of those that are in it still, one by whom it is told what becomes of it; NULL: it is gone.  O(tasks). */
struct task *task_in(struct live *l, uint32_t mm);
/* The call of @t is in the kernel, and about this map. */
bool is_in_call_about(const struct task *t, const struct live_mm *mm);
/* Take the mm that its call is about, or wait in its queue. True: taken. */
bool mm_acquire(struct task *t);
/* Give it back; the task that may go next, or NULL. */
struct task *mm_release(struct task *t);
/* A task whose turn it is because the holder of its mm has been blocked for long; or NULL.  @from: first live->awaited. */
struct task *mm_take_from_blocked(struct live_mm **from, uint64_t now);

/* stops.c: one report of waitpid(). */
void on_stop(struct live *l, pid_t tid, int status);
/* Some time has passed. */
void on_tick(struct live *l);
/* Let it run: to the end of its call if it is in one. A task that has been killed is not there any more: fine. */
void resume(struct live *l, struct task *t, int sig);
unsigned long event_message(const struct task *t);
/* It stands at this event still: it has not been killed since that was reported. */
bool is_at_event(const struct task *t, int event);
/* The call is not made, and ends with ENOSYS. */
void refuse_call(struct task *t);
/* Its call has ended: who waits for the mm goes on. */
void release(struct live *l, struct task *t);

/* attach.c */
bool is_attached(const struct live *l);
/* 0; or -errno, and one sentence in @error. */
int attach_seize(struct live *l, char *error, size_t size);
/* All that it has are stopped at once, told, and let go on. -errno: it has ended, or cannot be stopped; -EINTR: AT5. */
int attach_begin(struct live *l);
/* It is time to leave. */
bool attach_is_over(const struct live *l);
/* During the first look: it is told to end, so what takes long does not go on. */
bool attach_is_given_up(struct live *l);
/* A last look at every map, then the tasks are nobody's again. */
void attach_leave(struct live *l);

/* births.c */
bool makes_task(uint32_t nr);
uint64_t flags_of_new_task(const struct task *t);
/* At the entry of a call that makes a task: it is to be traced. */
void insist_on_tracing(struct task *t);
/* Tell that @child runs in the address space of @parent. */
void emit_task(struct live *l, struct task *parent, struct task *child, bool thread);
/* The call has been made: its argument is the program's again. */
void restore_argument(struct task *t);
void on_new_task(struct live *l, struct task *parent, int event);
/* @parent was killed in the call, which has made @result. */
void announce_child_of_killed(struct live *l, struct task *parent, int64_t result);
/* A task that nobody has announced yet waits for its parent's event; but not for ever. */
void on_unknown(struct live *l, pid_t tid, int status);
void let_unannounced_go(struct live *l);

/* ends.c */
/* An address space may be about to go with its last task: all of it is looked at. */
void observe_before_end(struct live *l, struct task *t);
void emit_exit(struct live *l, struct task *t, int status, bool exec);
/* A task that ends while it holds its mm, or waits for it, lets the others go on. */
void leave_calls(struct live *l, struct task *t);
/* What became of its call is not known: told of the map that it is about. */
void emit_lost_call(struct live *l, struct task *t, const char *what);
void on_exiting(struct live *l, struct task *t);
void on_gone(struct live *l, struct task *t, int status);
/* Nothing more is told of the address space of @t, whose tasks run on. */
void end_recording_of(struct live *l, struct task *t);

/* letgo.c: at the entry of PTRACE_TRACEME. False: it cannot be, and goes on as it is. */
bool let_go_to_parent(struct live *l, struct task *t);
/* The task is about to be attached to by another one. */
void let_go_to(struct live *l, pid_t tid);

/* notices.c: said once for each kind. */
enum notice {
	NOTICE_LET_GO,
	NOTICE_NOT_ATTACHED,
	NOTICE_NOT_TRACED,
	NOTICE_NOT_STRICT,
	NOTICE_STOPPED,
	NOTICE_SET_USER_ID,
};
void notice(struct live *l, enum notice what, pid_t tid);
/* Some time has passed: somebody may wait for what a recorded task does not show. */
void notice_stopped_tasks(struct live *l);

/* sandbox.c: at the entry of a call that makes a filter, or promises to gain no privileges.  The task goes on. */
bool is_about_filters(const struct trace_call *c);
void on_filter(struct live *l, struct task *t);
/* At the entry of a call that strict mode forbids. */
bool is_forbidden(const struct task *t, uint32_t mark);
void end_strictly(struct live *l, struct task *t);
/* A call that was stopped with our mark, which a filter of the program's own has, too: that one asks nobody. */
bool asks_by_itself(const struct task *t, uint32_t arch, uint64_t nr);

/* privileges.c: after an exec. */
void note_privileges(struct live *l, const struct task *t);

/* jobs.c */
void on_event_stop(struct live *l, struct task *t, int sig);

/* calls.c */
void call_begin(struct live *l, struct task *t);
void call_end(struct live *l, struct task *t, int64_t result);
/* A new address space, by exec or because it was @attached to: SPACE and its first MAP. */
void space_begin(struct live *l, struct task *t, bool attached);

/* limits.c */
/* Of the first task of a new address space; of a task that another one has made; of one that was there already. */
void limits_begin(struct task *t, const uint64_t limits[TRACE_LIMIT_COUNT]);
void limits_inherit(struct task *child, const struct task *parent);
void limits_read(struct task *t);
/* What comes next is the task's doing. */
void limits_emit(struct live *l, struct task *t);
/* At the end of a call. False: it is not about limits. */
bool limits_follow_call(struct live *l, struct task *t);

/* deferred.c */
/* At the entry of a call that holds the mm: need its end not be waited for? */
bool defer_end(struct live *l, struct task *t);
/* The task has stopped again: tell how the call ended. */
void settle_deferred(struct live *l, struct task *t);
/* The task has ended in its call: tell it if it was carried out. */
void settle_if_there(struct live *l, struct task *t);
/* Some time has passed: tell of those that have ended, wherever their tasks are. */
void settle_what_is_there(struct live *l);

/* certain.c */
/* An address space begins, with l->areas; a child's. */
void certain_begin(const struct live *l, struct live_mm *mm);
void certain_copy(const struct live_mm *from, struct live_mm *to);
/* After a call, whatever its result is. */
void certain_follow_call(struct task *t);
/* The call, which is about @at, has no error to return. */
bool certain_to_succeed(struct live *l, const struct task *t, const struct range *at);

#include "evidence.h"

#endif /* LIVE_INTERNAL_H */
