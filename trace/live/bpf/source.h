/* SPDX-License-Identifier: MIT */
/*
 * What the files of the source share.
 *
 *   source.c       start, end, the loop
 *   load.c         the programs are loaded
 *   places.c       what the programs name of the kernel
 *   adopt.c        processes as they are when they are attached to
 *   ring.c         records as they lie in the ring
 *   queue.c        records become items, in the order of the mmap lock, and wait for what they lack
 *   emit.c         items become events: lives of tasks
 *   emit_call.c    calls
 *   limits.c       what tasks act under
 *   machine.c      numbers of the machine
 *   emit_map.c     areas
 *   emit_writes.c  first writes
 *   origin.c       which file an area is of
 *   callers.c      from where calls were made
 *
 * Order.  A section's record is made before its call has returned, and other threads' sections come in between: an item
 * waits at the head of its address space's queue until the result is there, and a child's space until its fork was told.
 * What lacks nothing is told at once, while its record is warm.
 *
 * Who owns what.  struct live_bpf owns all of it, and one thread uses it.  A followed address space owns
 * its items, lists and sets; items that were told go back to s->spare with the room of their lists, so that
 * telling allocates nothing in the long run.  Errors go into s->err, which ends the loop: nothing is told
 * once it is set.
 *
 * Numbers.  The kernel's pointers (f->key, bpf_area.file, anon_vma ...) only tell equal from different, and
 * only for as long as what they point to lives: files get numbers of ours when their record comes
 * (origin_number()), address spaces by id, which the programs count up.
 */
#ifndef LIVE_BPF_SOURCE_H
#define LIVE_BPF_SOURCE_H

#include <vmaple/live_bpf.h>

#include "../internal.h"
#include "map_reader.h"
#include "place_numbers.h"
#include "ring.h"

#define NO_CALL  (~0u)
#define MAP_ROOM 131072 /* areas of one process */

#define ORIGINS_KEPT 16384 /* of those that no area can have any more */

/*
 * An open file that was told of. Owned by s->origins, by id. path is "/..." where it is whole, else
 * what maps shows of a file without one, or the last part of it until origin_name() finds more.
 */
struct origin {
	uint32_t id;
	struct trace_file file; /* its path is path */
	char path[256];
};

/*
 * Areas, ascending by address where it is not said otherwise; its memory stays when nr becomes 0. Those
 * of items move from list to list by exchange (take_list()): no area is copied on its way from a record
 * to its event.
 */
struct area_list {
	struct bpf_area *areas;
	uint32_t nr, allocated;
};

enum item_kind { ITEM_SECTION, ITEM_CALL, ITEM_UNDER, ITEM_TASK, ITEM_EXIT, ITEM_EXEC, ITEM_FINAL };

/*
 * Something that waits in the queue of its address space: one call, or one thing that is no call's.
 * Which members count depends on the kind. before, after and closed are areas of records
 * (RECORD_WRITTEN, those of the section, RECORD_CLOSED), file numbers already put in place of pointers
 * (origin_number()), but for closed, whose files nobody asks for. status and exec count for ITEM_EXIT
 * and ITEM_EXEC; fork for ITEM_TASK and for a section that is a fork's.
 */
struct item {
	enum item_kind kind;
	struct item *next;
	bool ready;     /* nothing is missing */
	bool drop;      /* nothing is to be told */
	bool unordered; /* a call: trace_call.unordered */
	uint32_t tid, pid;
	uint64_t time_ns;
	uint64_t numbers[MACHINE_NUMBERS]; /* of the machine, when it came */
	struct section_record section;
	struct area_list before, after; /* written ones when it began; all in its window when it ended */
	struct area_list closed;        /* those that it takes back from a userfaultfd */
	struct call_record call;        /* of ITEM_UNDER: its data */
	bool has_call;
	struct refused_file file; /* of a mapping that was refused: its number; 0: none that is known */
	uint8_t *ranges;          /* data of the call that it has no room for; NULL: it has */
	struct stack_copy *stack; /* of the call; NULL: not told */
	struct fork_record fork;  /* child_tid 0: none */
	int32_t status;
	struct exec_record *exec;
};

/*
 * An address space that is followed: from followed_add() until its areas are gone, its users too, and
 * nothing of it waits (flush_items()). users counts tasks that are known, by fork records and what
 * /proc listed: 0 is its end once finished is true as well. snapshot and sequence are of the map that
 * was read last: records up to it are passed over. tail and open point to where a pointer to the next
 * item is kept, so that an empty queue needs no case of its own; whoever takes an item out has to set
 * them back (flush()).
 */
struct followed {
	uint32_t id, pid;
	uint64_t
		key; /* the kernel's pointer to it, which the kernel gives to another when this one has ended */
	uint32_t mm; /* its number in the recording, in the order in which they begin there; 0: not begun */
	uint32_t users;
	bool known;    /* its beginning was told */
	bool is_child; /* of a fork that was seen */
	bool is_late;  /* its parent's mirror is no longer what it is a copy of: its own map is read */
	bool finished; /* its areas are gone */
	bool ended;    /* that was told: nothing of it is told any more */
	bool held_exit;
	bool passed_over; /* records of it were lost */
	uint64_t lost;    /* how many that are known of by those that came */
	struct item exit; /* held: the last task's */
	/*
	 * mm_lock_seq as records of its sections have it: each is two more than the one before, or some are
	 * missing.
	 */
	uint64_t sequence;       /* of its last section; 0: none yet */
	uint64_t snapshot;       /* sections before this one are in the map that was read */
	struct area_list gather; /* areas of the record that comes next */
	struct area_list before,
		closed; /* written ones, and those that are taken back, of the section that is under way */
	struct area_list last_map; /* when it was to end: its areas behind the sections below last_sequence */
	uint64_t last_sequence;
	bool has_last_map;
	uint32_t *tids, nr_tids; /* tasks that it had when it was attached to, until its beginning is told */
	uint64_t gather_of, before_of, closed_of; /* which section these are of */
	struct item *head, **tail;
	struct item **open;        /* the first that is not ready is here or behind */
	struct maple_tree written; /* addresses whose area is known to have an anon_vma */
	struct range noted, row;   /* in noted, row is written and nothing else */
	struct maple_tree settled; /* tasks that have returned from a call since the map was read */
	uint64_t limits[TRACE_LIMIT_COUNT], common[TRACE_LIMIT_COUNT]; /* limits.c */
	struct own_limits *own;                                        /* of tasks that others are beside */
	struct callers *callers;                                       /* NULL: call stacks are not wanted */
	struct followed *next;
};

struct source_program;
struct bpf_link;

/*
 * skel is libbpf's, with the programs' variables mapped at skel->bss: these change while they are read.
 * by_id and spaces have the same members. header is what the recording begins with; its strings are
 * machine's. start_ns and all times of records are of CLOCK_MONOTONIC; events have them from start_ns
 * on.
 */
struct live_bpf {
	/*
	 * The other source's struct, without tasks of its own: what it has of stacks/ and of the machine is
	 * used here.
	 */
	struct live machine;         /* for its header, and call stacks */
	struct trace_sink of_stacks; /* what these have to tell */
	struct live_bpf_options options;
	struct trace_header header;
	struct source_program *skel;
	struct place_numbers places;
	int types_fd;           /* of the kernel's, those that the programs name */
	struct space_row *rows; /* the programs' own, SPACE_ROWS of them */
	struct ring ring;
	int wake_fd; /* when there is much in the ring */
	struct map_reader *reader;
	struct trace_sink *sink;
	struct followed *spaces;
	struct maple_tree by_id;             /* they, too */
	struct followed *found;              /* the one that was looked for last; may be NULL */
	struct maple_tree origins, pointers; /* by number; the number by the kernel's pointer */
	void *named_tasks;                   /* names.c: a tree of tsearch(3) */
	uint32_t next_file, next_mm;
	uint32_t gone[ORIGINS_KEPT],
		nr_gone;    /* numbers of files whose memory others have now, the last ones */
	uint64_t looked_ns; /* for processes that have appeared */
	bool looked_first;  /* all that was there then is followed */
	pid_t child;
	int go_fd;
	bool child_ended;
	bool idle; /* no record came while it was waited for one */
	int child_status;
	bool asked[PASSED_SIGNALS]; /* they came, and it is not settled yet whether the program has its own */
	struct bpf_link *signal_link; /* tells that also of a program that is not recorded any more */
	sigset_t mask_before;         /* of this thread, before there was a program to pass signals to */
	uint64_t start_ns, last_ns, steps;
	bool has_lost;                  /* one of the spaces has */
	uint32_t seen_lost[LOSS_SLOTS]; /* of what the programs have counted */
	uint64_t seen_left_out;         /* of the runs that the kernel has left out */
	uint64_t records;               /* that came */
	uint64_t numbers[MACHINE_NUMBERS], told_numbers[MACHINE_NUMBERS]; /* of the machine */
	int root_fd;                                                      /* of its cgroups */
	struct item *spare;                                               /* items that were told */
	struct trace_area *areas; /* of a map that is told, and which share an anon_vma */
	struct trace_anon_area *anon_areas;
	uint32_t areas_allocated;
	int err;
};

/* program.c */
/* -errno and a sentence: it cannot be started. */
int program_look(const char *name, char *error, size_t size);
/* Its process is there, followed, and waits. */
int program_start(struct live_bpf *s);
void program_go(struct live_bpf *s);
/* Has it ended? What asks this process to end is passed on to it. */
void program_attend(struct live_bpf *s);
/* Until it has ended, whether it is recorded or not. */
void program_wait(struct live_bpf *s);
/* Signals are this process's own again. */
void program_gone(struct live_bpf *s);

/* load.c */
/* 0; -errno and a sentence. What was made until then is freed by live_bpf_free(). */
int load(struct live_bpf *s, char *error, size_t size);

/* source.c */
/* Many processes are followed. */
bool is_scope(const struct live_bpf *s);
/*
 * Take in what is in the ring, and tell what lacks nothing. True: there may be more. @timeout_ms: so long
 * it is waited for a wakeup before, 0: not at all.
 */
bool read_records(struct live_bpf *s, int timeout_ms);
/* The map of its process now, and up to which section it has them. */
int snapshot(struct live_bpf *s, struct followed *f, struct area_list *l, struct map_request *answer);

/* How many records of it were lost, and of who shares its place among the programs' counters. */
uint64_t lost_of(const struct live_bpf *s, const struct followed *f);
/* These were made good. */
void lost_was_seen(struct live_bpf *s, struct followed *f);

/* What it did was lost: its mirror goes on from its map as it is now. */
void resync(struct live_bpf *s, struct followed *f);

/* Its slot among the programs' spaces: the way in its row. SPACE_WAYS: it has ended. */
uint32_t way_of(struct live_bpf *s, const struct followed *f);

/* adopt.c */
/* Follow a process that was there before, if nobody does: from its map as it is now.  0, or -errno: it cannot be followed; -EINTR: it is told to end. */
int adopt(struct live_bpf *s, pid_t pid);
/* Those that are due: children that began too early for their parents' mirrors, and what has appeared in the scope. */
void adopt_late(struct live_bpf *s);

/* queue.c */
void on_record(struct live_bpf *s, const void *data, size_t size);
struct followed *followed_find(struct live_bpf *s, uint32_t id);
struct followed *followed_add(struct live_bpf *s, uint32_t id, uint32_t pid);
void followed_drop_items(struct live_bpf *s, struct followed *f);
/* After a loss: of what waits only the lives of tasks are told. */
void followed_pass_over(struct followed *f);
/* Its end is among what waits. */
bool followed_ends(const struct followed *f);
void followed_free(struct live_bpf *s, struct followed *f);
/* Tell what can be told, of all address spaces. */
void flush_items(struct live_bpf *s);
bool area_list_add(struct area_list *l, const struct bpf_area *a);
void items_free(struct live_bpf *s);

/* emit.c */
void emit_item(struct live_bpf *s, struct followed *f, struct item *it);
void emit_event(
	struct live_bpf *s, struct trace_event *e, uint32_t pid, uint32_t tid, uint32_t mm, uint64_t time_ns);
/* Its end was not seen.  What still waits of it tells of others: who becomes another program, and who was forked. */
void emit_gone(struct live_bpf *s, struct followed *f);
void emit_lost_records(struct live_bpf *s, struct followed *f, uint64_t count, const char *what);
extern const struct range everywhere, nowhere;

/* emit_call.c */
/* What the lock was held for: a call, or nobody's. */
void emit_section(struct live_bpf *s, struct followed *f, struct item *it);
/* What came with its call; NULL: nothing. */
const void *call_data(const struct item *it);
/* What its task acts under from now on. */
void note_limits(struct live_bpf *s, struct followed *f, const struct item *it);
/* A call that changed no area. */
void emit_call_item(struct live_bpf *s, struct followed *f, struct item *it);

/* limits.c */
/* All of it acts under these, and that is told. */
void followed_limits_set(struct followed *f, const uint64_t *limits);
/* The task acts under these now. */
void followed_limits_change(
	struct live_bpf *s, struct followed *f, const struct item *it, const uint64_t *limits);
/* It has made another task of @f. */
void followed_limits_inherit(struct live_bpf *s, struct followed *f, const struct item *it);
/* It has forked @child. */
void followed_limits_copy(struct followed *child, const struct followed *f, const struct item *it);
/* What comes next is the task's doing. */
void followed_limits_emit(struct live_bpf *s, struct followed *f, const struct item *it);
/* It has ended, or has become another program. */
void followed_limits_end(struct followed *f, uint32_t pid, uint32_t tid);
void followed_limits_free(struct followed *f);

/* machine.c */
/* Before the programs are loaded. */
void machine_prepare(struct live_bpf *s);
/* They are. */
void machine_begin(struct live_bpf *s);
void machine_note(struct live_bpf *s, const struct number_record *r);
/* It was done while these were the machine's numbers. */
void machine_emit(struct live_bpf *s, const struct followed *f, const struct item *it);

/* emit_map.c */
/* The address space as it is; @reason: enum trace_map_reason. */
void emit_map(struct live_bpf *s, struct followed *f, const struct area_list *l, uint32_t reason, uint64_t lo,
	uint64_t hi);
/* Which of the areas share an anon_vma: of those of which the mirror knows that they have one. */
void emit_anon(struct live_bpf *s, struct followed *f, const struct area_list *l);
/* Of a process that was there before: its map, and before it which areas share an anon_vma. */
void emit_first_map(struct live_bpf *s, struct followed *f, const struct area_list *l);
/* As an event has it; @begin: by its whole path, if that can be found. */
void area_as_told(
	struct live_bpf *s, struct followed *f, const struct bpf_area *a, bool begin, struct trace_area *t);

/* emit_writes.c */
/* It is written, and not all of it was known to be. */
bool newly_written(const struct followed *f, const struct bpf_area *a);
/* Those areas of @l. */
void emit_first_writes(
	struct live_bpf *s, struct followed *f, const struct item *it, const struct area_list *l);
/*
 * What has come meanwhile beside guard pages was there before them.  Their own areas get theirs by the call: they are only
 * noted.
 */
void emit_written_meanwhile(struct live_bpf *s, struct followed *f, struct item *it);
/*
 * After areas @l were seen: what of them the mirror knows to be written, because it was told or follows from that, as where
 * a call has moved areas to; and what can be executed.  An anon_vma that the mirror cannot know of yet is taken out of @l; its
 * row is told another time.
 */
void note_areas(struct live_bpf *s, struct followed *f, struct area_list *l, const struct range *seen,
	const struct range *placed);

/* callers.c: call stacks; all of it does nothing where they are not wanted. */
int callers_open(struct live_bpf *s, char *error, size_t size);
void callers_close(struct live_bpf *s);
/* Of a space that begins. False: no memory. */
bool callers_add(struct live_bpf *s, struct followed *f);
void callers_free(struct followed *f);
/* A child has its parent's code. */
void callers_copy(struct live_bpf *s, const struct followed *from, struct followed *to);
/* These areas, and no others, touch @seen. */
void callers_note(
	struct live_bpf *s, struct followed *f, const struct area_list *l, const struct range *seen);
/* Tell the stack of the item's call, if it is a new one. Its number, or 0. */
uint32_t callers_of(struct live_bpf *s, struct followed *f, const struct item *it);
/* Before nobody can ask any more: the names of code that has no file. */
void callers_before_end(struct live_bpf *s, struct followed *f);

/* source.c: it is told to end. */
bool is_told_to_end(const struct live_bpf *s);

/* names.c */
/* What the task of @it is called, where that is not known or may have changed. */
void emit_name(struct live_bpf *s, const struct followed *f, const struct item *it);
/* It has ended, or is another program now. */
void name_forget(struct live_bpf *s, uint32_t tid);
void names_free(struct live_bpf *s);

/* origin.c */
void origin_learn(struct live_bpf *s, const struct file_record *r);
/* Put the number of the file in place of the kernel's pointer, which may be another file's when the area is told of. */
void origin_number(struct live_bpf *s, struct bpf_area *a);
/* NULL: none, or it was never told. */
struct origin *origin_of(struct live_bpf *s, const struct bpf_area *a);
void origin_name(struct origin *o, pid_t pid, const struct bpf_area *a);
void origins_free(struct live_bpf *s);

#endif /* LIVE_BPF_SOURCE_H */
