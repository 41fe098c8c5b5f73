/* SPDX-License-Identifier: MIT */
/*
 * What the files of the replay share.
 *
 *   replay.c    events in order
 *   spaces.c    address spaces and processes by number
 *   files.c     files by number
 *   call.c      a recorded call on the engine
 *   mapping.c   those that map
 *   settings.c  those that set what is said of memory
 *   fault.c     faults, and what they leave in doubt
 *   check.c     the mirror beside an observation
 *   report.c    disagreements as text
 *   causes.c    what a disagreement comes from
 *   drivers.c   files whose mappings a driver decides about
 *   takeover.c  the mirror made from an observation
 *   partial.c   address spaces of which not all areas were seen
 *   copies.c    what a fork copies, made when one of the two changes
 *   inodes.c    the file of an observed area
 *   vdso.c      the kernel's own areas
 *
 * One replay is used by one thread at a time. Errors are 0 or -errno, and -ENOMEM is the only one that ends
 * a replay: everything else that a recording says is either carried out or told. Whether memory ran out
 * inside the engine, whose -ENOMEM mostly is the kernel's for a limit, is asked of the port behind each
 * event (on_event()).
 *
 * Whoever is about to change a space's areas calls copies_before_change(), whoever looks at them
 * copies_make_own(); replay.c does so for all events, so that the functions below may look and change
 * freely.
 */
#ifndef REPLAY_INTERNAL_H
#define REPLAY_INTERNAL_H

#include <vmaple/replay.h>
#include <vmaple/rmap.h>

#define CALL_TEXT 512

/* The kernel's own pages, as exec has brought them; references to their files are held. */
#define VDSO_AREAS 4
struct vdso {
	unsigned int nr;
	struct area_spec area[VDSO_AREAS];
};

/* One address space. */
struct space {
	struct mm_struct mm;
	/* The recording's number, never 0; constant. */
	uint32_t id;
	/* Of sharing[]. */
	uint32_t nr_sharing;
	/*
	 * begun, base_exact, drawn, attached and logged are set by the events that begin the space, and
	 * inherited by forks. The doubts (doubt, order, waited, lost, guards, ring) are only ever set, but for
	 * lost, which a look at all of the map clears, and doubt, which sharing that was told clears.
	 */
	bool begun;      /* it has its areas */
	bool base_exact; /* mmap_base is known, not learned from placements */
	bool drawn;      /* MAP_32BIT is searched from where a number drawn says: it may be randomised */
	bool ring;       /* an io_uring is mapped: the kernel may advise areas for it at any time */
	bool guards;     /* pages may be guards: no area shows where */
	bool doubt;      /* first writes may have been missed: cuts can be uncertain */
	bool order;      /* likewise, because which of two came first is not known */
	uint8_t waited;  /* areas where a write may have waited for a userfaultfd, for nothing: 0, 1, more */
	bool lost;       /* events were lost, and not all of the map has been seen at rest since */
	bool attached;   /* its program had been running before */
	bool partial;    /* it began with areas that were not seen */
	bool logged;     /* its calls are of a log: mmap_base is not known, nor how files are aligned */
	bool brk_in_pages; /* where its heap ends is known in whole pages: it was attached to */
	bool populating;   /* a call is made whose first writes are told as faults, TRACE_FAULTS_EACH */
	bool apart;        /* a first write that takes no neighbour's anon_vma */
	bool take_over;    /* something was done that is not modelled: the next observation is the truth */
	bool anon_differs; /* which areas share an anon_vma is not as expected; told once */
	bool inodes_known;
	/*
	 * Which areas of the map that it begins with share an anon_vma, where that was told: from
	 * note_sharing() to begin_map(), NULL before and after. Sorted by start.
	 */
	struct trace_anon_area *sharing;
	uint64_t told_losses; /* how many that are about all of them it knows of */
	/*
	 * Areas first written beside the call that comes next, as one range around all; none: 0, 0.
	 * fault_settle_call() decides what they mean, and forgets them.
	 */
	uint64_t beside_start, beside_end;
	/* Stacks that grew while another thread's call was in the kernel: before it, or after?  None: 0, 0. */
	uint64_t grown_start, grown_end;
	/* Where the last stack that grew since the last call met the area below it; 0: none did. */
	uint64_t grown_to;
	/* A call that failed may have cut what lies from here on: the next observation tells. */
	uint64_t cut_from;
	struct address_set *touched, *caused; /* causes.c */
	struct trace_call call;               /* the last; without data */
	uint64_t call_step;
	struct space *source;                  /* its areas are those of this one still; see copies.c */
	struct list_link copies, among_copies; /* those whose source it is, by fork; its place among them */
	void *inodes;                          /* of tsearch(3); see inodes.c */
	unsigned long nr_inodes;
	struct vdso vdso;
};

/*
 * A result that was not the one expected: 0 stands for every success, for addresses differ each time and
 * errors do not.
 */
struct repeated {
	uint32_t nr;
	int64_t expected, found;
};
/* What is beyond is told each time: it is a bound of memory, and of the search. */
#define REPEATED_MAX 64

struct replay {
	struct trace_sink sink;
	struct replay_options options;
	struct trace_header header;
	struct mm_system sys;
	/* Is sys.rmap from replay_first_writes() on, with the prepare of the one that was there. */
	struct rmap_ops populating; /* the reverse map of first writes as they are told: fault.c */
	/* By number: struct space, struct vm_file; by pid: the number of its space. */
	struct maple_tree spaces, files, processes;
	struct maple_tree
		refusing;      /* by pid: PR_SET_MDWE was asked for before its exec, which does not end it */
	uint64_t losses;       /* LOST events that are about all spaces */
	uint64_t counted_loss; /* the last of them that said how many were lost */
	struct space *found;   /* the one found last; NULL: none, or it has ended */
	struct vm_file *pending; /* what the next call maps, and a reference to it */
	uint32_t pending_id;
	bool drivers; /* there have been files of drivers */
	uint32_t first_pid;
	unsigned long failures; /* allocations that had failed before this event */
	struct replay_stats stats;
	struct repeated repeated[REPEATED_MAX];
	unsigned int nr_repeated;
};

/* spaces.c */
/*
 * Of its number. NULL: it has not begun, or has ended. Losses that are about all spaces are noted in each
 * when it is looked for next: a look is O(log n), but for the one found last, O(1).
 */
struct space *find_space(struct replay *r, uint32_t id);
void space_note_loss(struct space *s, bool counted);
void space_set_limit(struct space *s, uint32_t limit, uint64_t value);
void space_free(struct space *s);
/* 0: there is none. */
uint32_t space_of_process(struct replay *r, uint32_t pid);
/* What a space has counted, and what it was at its end. */
void stats_add(struct replay_stats *stats, const struct mm_counters *counters);
void stats_note_final(struct replay_stats *stats, struct space *s);
/* 0, -ENOMEM, or -EINVAL: no space is so large. */
int space_event(struct replay *r, const struct trace_event *e) __must_check;
int fork_event(struct replay *r, const struct trace_event *e) __must_check;
int task_event(struct replay *r, const struct trace_event *e) __must_check;
int exit_event(struct replay *r, const struct trace_event *e) __must_check;

/* files.c */
/* A file by what the source says of it; a reference for the caller. NULL: out of memory. */
struct vm_file *replay_file(struct replay *r, const struct trace_file *file);
/* Whose it is; also of NULL. NULL: no driver's. */
const char *driver_of(const struct vm_file *file);
/* It was told of, and not only seen. */
bool was_told(const struct vm_file *file);
/* An area of it was seen, shared or private: by a private one nobody knows whether it was opened for writing. */
void file_is_seen(struct vm_file *file, bool shared);
bool may_be_written(const struct vm_file *file);
/* The file that was only @seen is the one that is @told of, and has its number from now on. 0 or -ENOMEM. */
int file_is_told(struct vm_file *seen, struct vm_file *told) __must_check;

/*
 * The answer of the engine to a recorded call. compared implies made; result is what the system call would
 * have returned, valid if compared.
 */
struct prediction {
	bool made;     /* false: the kernel refused for reasons that are not the map's; nothing was done */
	bool compared; /* false: the result depends on more than the map */
	int64_t result;
};
/* Carries it out on the engine's map, also where it failed in the kernel. call->data is not kept. */
struct prediction replay_call(struct replay *r, struct space *s, const struct trace_call *call);
enum replay_call_kind replay_kind_of(uint32_t nr);
static inline bool succeeded(const struct trace_call *c)
{
	return !IS_ERR_VALUE(c->result);
}

/* mapping.c */
struct prediction call_mmap(struct replay *r, struct space *s, const struct trace_call *call);
struct prediction call_mremap(struct space *s, const struct trace_call *call);
/* One that a signal has interrupted: what it has done by then. */
struct prediction interrupted_mremap(struct space *s, const struct trace_call *call);
struct prediction call_shmat(struct replay *r, struct space *s, const struct trace_call *call);

/* settings.c */
struct prediction call_prctl(struct space *s, const struct trace_call *call);
struct prediction call_mbind(struct space *s, const struct trace_call *call);
struct prediction call_home_node(struct space *s, const struct trace_call *call);

/* fault.c */
/* The reverse map, but that calls do not write what they populate. */
void replay_first_writes(struct replay *r);
/*
 * May it fault pages in behind its work on the map, as MAP_POPULATE, MAP_LOCKED and mlock do
 * (mm_populate())? By its kind alone.
 */
bool call_populates(const struct trace_call *c);
void replay_fault(struct replay *r, struct space *s, const struct trace_event *event);
/* A first write beside a call is a doubt only where the call may have joined or cut that area. */
void fault_settle_call(struct space *s, const struct trace_call *call);
/* Likewise beside what has changed by itself. */
void fault_settle_change(struct space *s, const struct trace_change *change);

/* copies.c */
void copies_init(struct space *s);
/* A fork. 0 or -ENOMEM. */
int copies_add(struct space *child, struct space *parent, bool at_once) __must_check;
/*
 * Before its areas are looked at. 0 or -ENOMEM. O(1) for one that has its own, else O(areas of its parent).
 */
int copies_make_own(struct space *s) __must_check;
/* Before they change. 0 or -ENOMEM. */
int copies_before_change(struct space *s) __must_check;
/* It ends, and its areas have never been needed. */
void copies_forget(struct space *s);

/* inodes.c */
/*
 * A file that an area of that inode maps, in *@file with a reference for the caller; NULL: none does.
 * @writable: opened for writing. 0 or -ENOMEM.
 */
int inodes_find(
	struct space *s, uint64_t dev, uint64_t ino, bool writable, struct vm_file **file) __must_check;
/* An area of it has been made. */
void inodes_note(struct space *s, struct vm_file *file);
void inodes_forget(struct space *s);

/* partial.c */
/*
 * Before a call of a partial space: areas that its success shows to be there are put there, what cannot have been is
 * told.  True: it failed, and whether for reasons that were seen is not known; nothing is done.
 */
bool partial_call(struct replay *r, struct space *s, const struct trace_event *event);

/* vdso.c */
/* Keep in mind what exec has brought, if it is one of the kernel's own areas. */
void vdso_note(struct space *s, const struct area_spec *area);
void vdso_copy(struct space *child, const struct space *parent);
void vdso_forget(struct space *s);
/* arch_prctl() that maps them. */
struct prediction vdso_map(struct space *s, const struct trace_call *call);

/* report.c */
void report_map(struct replay *r, struct space *s, const struct trace_event *event,
	enum replay_verdict verdict, const char *what, const struct trace_map *part);
void report_result(struct replay *r, struct space *s, const struct trace_event *event,
	enum replay_verdict verdict, const char *what, int64_t predicted);
/* A difference; the event is about anon_vmas. */
void report_anon(struct replay *r, struct space *s, const struct trace_event *event, const char *what,
	const char *expected, const char *found);
/* Told as uncertain; the event is a call. */
void report_doubt(struct replay *r, struct space *s, const struct trace_event *event, const char *what,
	const char *expected, const char *found);

/* causes.c */
void causes_end(struct space *s);
void causes_fork(struct space *child, const struct space *parent);
/* Something was done there, or may have been. */
void causes_touch(struct space *s, uint64_t start, uint64_t end);
void causes_of_call(struct space *s, const struct trace_call *call);
/* The mirror is as the kernel's map there now. */
void causes_compared(struct space *s, uint64_t lo, uint64_t hi);
/* No recorded event was about it since it was last found equal. */
bool cause_is_outside(struct space *s, uint64_t start, uint64_t end);
/* A disagreement was told of there before; and tell that one is. */
bool cause_is_known(struct space *s, uint64_t start, uint64_t end);
void cause_note(struct space *s, uint64_t start, uint64_t end, enum replay_verdict verdict);
bool cause_of_call_is_known(struct space *s, const struct trace_call *call);
void cause_note_call(struct space *s, const struct trace_call *call, enum replay_verdict verdict);
/* Calls of this kind have differed in this way before. */
bool cause_repeats(struct replay *r, uint32_t nr, int64_t expected, int64_t found);

/* drivers.c: NULL where the file is none's. */
const char *driver_of_file(uint32_t kind, const char *path);
/* Who may have given a mapping of the file this result. */
const char *driver_that_refuses(const struct vm_file *file, int64_t result);
/* The pool of huge pages, if it may have refused a call whose file nobody knows. */
const char *pool_that_refuses(const struct trace_call *call);
/* What it does, to stand behind its name. */
const char *driver_habit(const char *name);
/* What an area that a driver made itself, and that shows as @path, has of flags that no map shows. */
uint64_t flags_of_driver(const char *path);

/* check.c */
/* 0 or -ENOMEM. */
int check_anon(struct replay *r, struct space *s, const struct trace_event *e);
/* What the map that the space begins with shares is kept for it. 0 or -ENOMEM. */
int note_sharing(struct space *s, const struct trace_anon *anon);
/* Its share in that: how area @start begins; @at: where the look goes on. */
void share_as_told(struct space *s, uint64_t start, uint32_t *at, struct area_spec *spec);
void forget_sharing(struct space *s);
int check_map(struct replay *r, struct space *s, const struct trace_event *event) __must_check;
/* Behind a call that may have cut areas before it failed (cut_from): cuts of the observation become the mirror's. */
int cut_as_seen(struct space *s, const struct trace_map *map) __must_check;
/* Without a word: what led to it was not seen. 0 or -ENOMEM. */
int take_over_map(struct replay *r, struct space *s, const struct trace_map *map) __must_check;
/* The driver about whose file or area the call is, as the map was before it; NULL: none. */
const char *driver_of_call(struct replay *r, struct space *s, const struct trace_call *call);
void check_result(struct replay *r, struct space *s, const struct trace_event *event,
	const struct prediction *prediction, const char *driver);
/* Has it a file as maps shows one? */
bool has_file(const struct vm_area_struct *vma);
/* Everything but the bounds, at an address that both contain. */
bool same_properties(const struct vm_area_struct *vma, const struct trace_area *a, uint64_t addr,
	const struct trace_map *map);

/* takeover.c */
/* Areas that exec or attach brought. 0 or -ENOMEM. */
int begin_map(struct replay *r, struct space *s, const struct trace_map *map);
/* After a disagreement: what was observed is what is there. 0 or -ENOMEM. */
int take_over(struct replay *r, struct space *s, const struct trace_map *map) __must_check;

#endif /* REPLAY_INTERNAL_H */
