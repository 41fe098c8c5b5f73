/* SPDX-License-Identifier: MIT */
/*
 * Evidence: what the files of the live source ask the kernel about a task that stands still, and what they emit of it.
 *
 * A question is about now: the answer holds until the task, or another of its address space, runs on.  What cannot be had (no
 * /proc, no memory, a task that has been killed) is a value that says so, never an error that ends the recording; where the
 * mirror would go wrong without it, something is emitted as lost.
 */
#ifndef LIVE_EVIDENCE_H
#define LIVE_EVIDENCE_H

/* identity.c */
void identity_open(struct live *l);
void identity_close(struct live *l);
uint32_t descriptor_rank(struct live *l, pid_t tid, int fd);
/* NULL: not known, or no memory. */
struct known_file *identity_find(const struct live *l, const struct file_key *key);
struct known_file *identity_add(struct live *l, const struct file_key *key);
/* The number of the file that is mapped there; 0: none that is known. */
uint32_t mapped_file_at(const struct live_mm *mm, uint64_t addr);
/* After a call, and for a child. */
void mapped_file_follow_call(struct task *t, int64_t result);
void mapped_file_copy(const struct live_mm *from, struct live_mm *to);

/* mounts.c: what is decided by the file system, of the file behind a descriptor. */
void settle_kind(struct live *l, struct file_kind *f, pid_t tid, int fd);
/* What shared mappings of a descriptor are made without, because it is sealed. */
uint64_t flags_off_by_seals(pid_t tid, int fd);
void path_of_descriptor(char path[64], pid_t tid, int fd);

/* files.c */
/* What a driver has added to the flags of its mapping, and what it has taken away, by those that the area has. */
void file_by_driver(struct trace_file *f, uint64_t vm_flags);
int descriptor_access(pid_t tid, int fd);
/* The descriptor that mmap names is of a file whose mappings are plain, and that was mapped through it before. */
bool file_is_known(const struct live *l, const struct task *t, int fd, uint64_t *dev, uint64_t *ino);
/* Send the file of the mapping that the call has made; the call's own event names it. */
void file_emit(struct live *l, struct task *t, int64_t result);

/* future_lock.c: whether areas to come are locked, where the call that has returned shows it. */
void future_lock_before_call(struct live *l, struct task *t, int64_t result);

/* ranges.c */
/* The ranges that the call names and may change. How many. */
unsigned int named_ranges(const struct task *t, struct range r[2]);
/* The range that the call has made. False: none. */
bool placed_range(const struct trace_call *c, int64_t result, struct range *r);
/* Also what places an area and does not say where. */
bool is_about_whole_map(const struct trace_call *c);
/* What a call that is about limits can change; it is told as that, and not as a call. */
enum limit_change { LIMIT_NONE, LIMIT_NAMED /* by its arguments */, LIMIT_PERSONALITY, LIMIT_CAPABILITIES };
enum limit_change limit_changed_by(uint32_t nr);

/* writes.c: send what the call that is about to be made depends on, and what it may take away. */
void writes_before_call(struct live *l, struct task *t);
/* Send what the call that has been made depended on; it has not been sent yet itself. */
void writes_after_call(struct live *l, struct task *t, int64_t result);
/* Send all first writes until now. */
void writes_emit_all(struct live *l, struct task *t, bool ambiguous);
/* Those of other threads beside a fork, whose child has not run: before it is told what the child has, behind it the rest. */
void writes_before_fork(struct live *l, struct task *t, const struct live_mm *child);
void writes_after_fork(struct live *l, struct task *t);

/* The task has been given SIGBUS: by a write, perhaps, that has left no page. */
void writes_refused(struct live *l, struct task *t);
/* What any change of these ranges depends on. */
void writes_before_change(struct live *l, struct task *t, const struct range *r, unsigned int n);
/* First writes in and beside a range, as of now. */
void writes_in_range(struct live *l, struct task *t, const struct range *r, bool ambiguous);
/* Those of the areas that meet at @addr. */
void writes_meeting_at(struct live *l, struct task *t, uint64_t addr, bool ambiguous);

/* served.c */
/* Send what became of areas whose userfaultfd has been closed. */
void served_emit(struct live *l, struct task *t);
void served_follow_call(struct live *l, struct task *t, int64_t result);
/* Whose map the call is about that begins is noted in @t->about.  False: one that is gone, so that it does nothing. */
bool served_find_whose(struct live *l, struct task *t);
/* At its entry, if it is about another's: what it depends on there. */
void served_begin_elsewhere(struct live *l, const struct task *t);
/* The call is about the map of another one, whom that is told of. */
bool served_elsewhere(struct live *l, struct task *t, int64_t result);
/* The call fills a page of one: what that does has been sent, and it is not one to be waited for. */
bool served_fills(struct live *l, struct task *t);
/* It may get pages by a userfaultfd, whether it may be written or not. */
bool served_fills_at(const struct live_mm *mm, const struct trace_area *a);
/* What was found in the area are markers of pages that were never written. */
bool served_is_untouched(struct live *l, struct task *t, const struct trace_area *a);

/* makers.c */
/* The inode of a descriptor that is a userfaultfd; 0: it is none. */
unsigned long userfaultfd_inode(pid_t tgid, int fd);
bool makes_userfaultfd(const struct trace_call *c);
/* At the end of a call.  False: it is not one that makes a userfaultfd. */
bool maker_follow_call(struct live *l, const struct task *t, int64_t result);
/* The number of the address space that it serves; 0: not known. */
uint32_t maker_of(const struct live *l, unsigned long inode);

/* growth.c: send that a stack has grown. True: one has. */
bool growth_emit(struct live *l, struct task *t, bool ambiguous);
/* What growth_emit() will ask for at this stop, as far as it is one stack. */
void growth_look_ahead(struct live *l, const struct live_mm *mm);
/* The task has been given SIGSEGV: below a stack, perhaps, that may not grow. */
void growth_refused(struct live *l, struct task *t);
/* [start, end) of the address space grows. */
void growth_begin(struct live_mm *mm, uint64_t start, uint64_t end);
/* A child's areas grow as its parent's do. */
void growth_copy(struct live *l, const struct live_mm *from, struct live_mm *to);
/* After a call: where areas that grow are now. */
void growth_follow_call(struct live *l, struct task *t, int64_t result);

/* stacks/: call stacks; all of it does nothing where they are not wanted. */
/* NULL, or why this build has none. */
const char *stacks_missing(void);
bool stacks_open(struct live *l);
void stacks_close(struct live *l);
/* At the entry of a call: tell the stack that it is made from, if it is a new one. Its number, or 0. */
uint32_t stacks_of_call(struct live *l, struct task *t);
/* The same of a call that has ended: from its registers then, and a copy of the stack from their pointer's word on. */
struct registers;
uint32_t stacks_of_copy(
	struct live *l, struct task *t, const struct registers *regs, const void *stack, size_t size);
/* Code may have changed there. */
void stacks_forget(struct live_mm *mm, uint64_t start, uint64_t end);
/* After a call: where code may have changed. */
void stacks_follow_call(struct task *t, int64_t result);
/* A child has its parent's code. */
void stacks_copy(const struct live_mm *from, struct live_mm *to);
/* Before the address space ends: the names of code that has no file. */
void stacks_before_end(struct live *l, struct task *t);
/* The address space ends. */
void stacks_leave(struct live_mm *mm);

/* names.c: tell what the task is called, if that has changed. */
void name_before_call(struct live *l, struct task *t);
void name_before_end(struct live *l, struct task *t);

/* remember.c: without memory (false) a range is not remembered, or all are forgotten. */
bool remember(struct maple_tree *set, uint64_t start, uint64_t end);
bool forget(struct maple_tree *set, uint64_t start, uint64_t end);
/* The range that @addr is in, or the next one above. */
bool next_remembered(const struct maple_tree *set, uint64_t addr, struct range *run);

/* observe.c */
/* Send a MAP event with what the kernel has in [lo, hi). */
void observe(struct live *l, struct task *t, uint64_t lo, uint64_t hi);
/* How many areas there are; what l->areas had is gone. 0: that cannot be read. */
uint64_t observe_count(struct live *l, const struct live_mm *mm);
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
bool observe_area(struct live *l, const struct live_mm *mm, uint64_t addr, struct trace_area *area);
/* That, or the next one above. */
bool observe_next(struct live *l, const struct live_mm *mm, uint64_t addr, struct trace_area *area);
/* Likewise, where a fault may have changed it since the last stop. */
bool observe_next_now(struct live *l, const struct live_mm *mm, uint64_t addr, struct trace_area *area);
/* What will be asked for next at this stop. */
void observe_look_ahead(struct live *l, const struct live_mm *mm, uint64_t addr);
/* What was asked for is of the past: a call has been, or will be, carried out. */
void observe_changed(struct live_mm *mm);
/* And its name, in the caller's buffer, with the size of its pages; 0: to be had by observe_page_size(). */
bool observe_named_area(struct live *l, struct task *t, uint64_t addr, char name[AREA_NAME_MAX],
	struct trace_area *area, uint64_t *page_size);
/* The size of its pages, where PROCMAP_QUERY does not tell it: dear. What l->areas had is gone. 0: not known. */
uint64_t observe_page_size(struct live *l, struct task *t, uint64_t addr);
/* Open the files of /proc that show @mm, through one of its tasks. */
void observe_open(struct live_mm *mm, pid_t tid);
void observe_close(struct live_mm *mm);

/* pages.c */
/* The first page in [lo, hi) that was written; @known: false when it may have been. False: there is none. */
bool find_written(const struct live_mm *mm, uint64_t lo, uint64_t hi, uint64_t *addr, bool *known);
/* A written page that is there, not swapped out or marked. */
bool find_present(const struct live_mm *mm, uint64_t lo, uint64_t hi, uint64_t *addr);
/* How much it can find here. */
enum trace_fault_source find_written_source(void);
/* Is memory that is only read given pages of its own here?  Then a read is found as a write is, and prepares as one. */
bool reads_get_pages(void);

/* proc.c */
int machine_header(struct live *l);
/* The facts of an address space whose map has been read into l->areas. */
void process_space(struct live *l, pid_t tid, struct trace_space *s);
/* The process behind a descriptor of pidfd_open(2), or behind one of the numbers that stand for the caller; -1: none. */
pid_t process_of_pidfd(pid_t tid, int fd);
/* In a file that holds one; @otherwise when it cannot be read. */
uint64_t read_number(const char *path, uint64_t otherwise);
/* Text of a small file; "" when it cannot be read. */
void read_file(const char *path, char *buf, size_t size);
/* What the task is called; true: it is called something, and otherwise than @name, which is it now. */
bool read_task_name(pid_t tid, char name[TASK_NAME_MAX]);
uint64_t process_limit(pid_t tid, enum trace_limit limit);
pid_t process_of_thread(pid_t tid);
/* Its program is of 32 bits. */
bool process_is_narrow(pid_t tid);
bool read_memory(pid_t tid, uint64_t addr, void *buf, size_t size);
bool write_memory(pid_t tid, uint64_t addr, void *buf, size_t size);
/* What stands behind @field in /proc/PID/status, to the end of its line, cut to @size; false: there is none. */
bool status_field(pid_t tid, const char *field, char *value, size_t size);
/* A number of /proc/PID/status; @otherwise when there is none. */
uint64_t status_number(pid_t tid, const char *field, int base, uint64_t otherwise);
/* A task of this number is there, and traced by this process. */
bool is_traced_here(const struct live *l, pid_t tid);
/* /proc is there, and its numbers are those that this process knows. */
bool proc_is_ours(void);

#endif /* LIVE_EVIDENCE_H */
