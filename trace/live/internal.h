/* SPDX-License-Identifier: MIT */
/*
 * What the files of the live source share.
 *
 *   live.c     start, end, the loop over stops
 *   launch.c   the child until its exec; the seccomp filter
 *   tasks.c    tasks and address spaces by number; who waits for whom
 *   stops.c    what each kind of ptrace stop means
 *   calls.c    a call becomes events
 *   faults.c   page faults from perf
 *   observe.c  the kernel's map
 *   proc.c     facts about a process and the machine
 *
 * Order.  On one address space, one recorded call is in the kernel at a time: its task holds the mm from the stop at
 * entry to the stop at exit, others wait, stopped, in a queue.  A fork holds it until the child's copy exists.  So the
 * order of events is the order in which the kernel carried them out; only faults of other threads during a call
 * remain, and are marked ambiguous.
 */
#ifndef LIVE_INTERNAL_H
#define LIVE_INTERNAL_H

#include <stdio.h>
#include <sys/types.h>

#include <vmaple/live.h>
#include <vmaple/maple_tree.h>

#define CALL_DATA_MAX 128
#define FILE_CACHE    16

/* A file that an address space mapped not long ago, to tell whether a descriptor is still the same one. */
struct known_file {
	uint32_t id;
	int fd;
	uint32_t open_flags;
	uint64_t dev, ino;
};

struct live_mm {
	uint32_t id;
	unsigned int users;         /* tasks in it that have not begun to exit */
	unsigned int refs;          /* tasks that point here */
	int maps_fd, pagemap_fd;    /* its /proc/PID/maps and pagemap; -1: none */
	struct task *busy;          /* whose call is in the kernel */
	struct task *queue, **tail; /* who waits for it, stopped */
	unsigned int waiting;       /* how many */
	uint64_t calls, brk, stack_low;
	bool reads_matter; /* huge pages or growing areas were asked for */
	struct known_file files[FILE_CACHE];
	unsigned int next_file;
};

struct task {
	pid_t tid, tgid;
	struct live_mm *mm; /* NULL: before the first exec, or not recorded */
	bool waiting;       /* stopped at birth until its parent's event says what it is */
	bool in_call;       /* holds its mm; stops at the exit of the call */
	bool exiting;       /* its end has been told */
	bool queued;
	struct task *next; /* in the queue */
	struct trace_call call;
	uint64_t resumed_ns; /* when the call was let through */
	uint64_t clone_flags;
	uint8_t data[CALL_DATA_MAX];
	int open_flags; /* of the file that mmap names; -1: no file */
};

struct live {
	struct live_options options;
	struct trace_header header;
	char *strings[3];    /* of the header */
	bool wide_addresses; /* 57 bits */
	struct trace_sink *sink;
	int sink_error;
	uint64_t steps, start_ns;
	struct maple_tree tasks; /* by tid */
	unsigned long nr_tasks;
	uint32_t next_mm, next_file;
	pid_t root;
	int root_status;
	int go_fd, report_fd;
	struct faults *faults;
	struct trace_area *areas; /* of the observation being made */
	uint32_t nr_areas, areas_allocated;
	char *names;
	size_t names_len, names_allocated;
	char error[512];
};

uint64_t now_ns(void);
/* Send one event; type and body are set. Errors of the sink stop the recording, not the program. */
void emit(struct live *l, const struct task *t, struct trace_event *e);
/* As emit(), of a moment that is known exactly. */
void emit_at(struct live *l, const struct task *t, struct trace_event *e, uint64_t time_ns);
void emit_lost(struct live *l, const struct task *t, uint64_t count, const char *what);

/* launch.c: fork the child and install the filter in it; it waits for live_go(). 0 or -errno. */
int launch(struct live *l);
void launch_go(struct live *l);
/* Why exec failed: errno, 0 when it did not. */
int launch_exec_error(struct live *l);

/* tasks.c */
struct task *task_find(struct live *l, pid_t tid);
struct task *task_add(struct live *l, pid_t tid);
void task_remove(struct live *l, struct task *t);
void task_rename(struct live *l, struct task *t, pid_t tid);
struct live_mm *mm_new(struct live *l);
void task_enter_mm(struct task *t, struct live_mm *mm);
/* The task does not take part in its mm any more; the mm goes with its last task. */
void task_leave_mm(struct task *t);
/* Take the mm for a call, or wait in its queue. True: taken. */
bool mm_acquire(struct task *t);
/* Give it back; the task that may go next, or NULL. */
struct task *mm_release(struct task *t);
/* A task whose turn it is because the holder of its mm has been blocked for long; or NULL. */
struct task *mm_take_from_blocked(struct live *l, uint64_t now);

/* stops.c: one report of waitpid(). */
void on_stop(struct live *l, pid_t tid, int status);
/* Some time has passed. */
void on_tick(struct live *l);

/* calls.c */
void call_begin(struct live *l, struct task *t);
void call_end(struct live *l, struct task *t, int64_t result);
/* A new address space by exec: SPACE and its first MAP. */
void space_begin(struct live *l, struct task *t);

/* faults.c */
struct faults *faults_open(pid_t pid, uint32_t *source);
/* Send what has happened until now to @stopped (NULL: nobody is) and its mm, and what is old. True: there was something. */
bool faults_drain(struct live *l, const struct task *stopped);
void faults_close(struct faults *f);

/* observe.c */
/* Send a MAP event with what the kernel has in [lo, hi). */
void observe(struct live *l, struct task *t, uint64_t lo, uint64_t hi);
/* The whole map, with names. */
void observe_all(struct live *l, struct task *t);
/* The whole map, with names and flags, into l->areas: dear, it is the text of smaps. */
void observe_smaps(struct live *l, struct task *t);
/* VmFlags of the area of l->areas that begins at @start; 0 when it is not there. */
uint64_t observed_vm_flags(const struct live *l, uint64_t start);
/* Send l->areas, from observe_smaps(), as the map that an address space begins with. */
void emit_begin_map(struct live *l, struct task *t);
#define AREA_NAME_MAX 4200
/* The area that contains @addr; what l->areas had may be gone. */
bool observe_area(struct live *l, struct task *t, uint64_t addr, struct trace_area *area);
/* And its name, in the caller's buffer, with the size of its pages. */
bool observe_named_area(struct live *l, struct task *t, uint64_t addr, char name[AREA_NAME_MAX],
	struct trace_area *area, uint64_t *page_size);
/* Open the files of /proc that show @mm, through one of its tasks. */
void observe_open(struct live_mm *mm, pid_t tid);
void observe_close(struct live_mm *mm);

enum page_state { PAGE_ABSENT, PAGE_NOT_WRITTEN, PAGE_WRITTEN, PAGE_UNKNOWN };
/* Does @addr have an anonymous page of its own? */
enum page_state observe_page(const struct live_mm *mm, uint64_t addr);

/* proc.c */
int machine_header(struct live *l);
/* The facts of an address space whose map has been read into l->areas. */
void process_space(struct live *l, pid_t tid, struct trace_space *s);
uint64_t process_limit(pid_t tid, enum trace_limit limit);
pid_t process_of_thread(pid_t tid);
bool process_is_x86_64(pid_t tid);
bool read_memory(pid_t tid, uint64_t addr, void *buf, size_t size);

#endif /* LIVE_INTERNAL_H */
