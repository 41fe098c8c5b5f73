/* SPDX-License-Identifier: MIT */
/*
 * What the importers share.
 *
 *   import.c        the interface; which form a file has; doubts
 *   lines.c         a file, line by line
 *   emit.c          events, one step after the other
 *   words.c         the names of flags, advices, errors and calls as numbers
 *   strace_line.c   one line of strace(1), taken apart
 *   perf.c          lines of perf trace, and which tool of perf's a line is of, as lines of strace
 *   perf_script.c   ... of perf script
 *   ftrace.c        ... of the kernel's own trace
 *   columns.c       lines of any tool, by a format, as lines of strace
 *   strace_call.c   the arguments and the result of a call
 *   strace.h        lines of strace in order: tasks, calls that are interrupted, files of -ff merged by time
 *   calls.c         a logged call as events: which call is handled how, tasks and limits
 *   mapping.c       ... that changes a map
 *   placed.c        which ranges of a space are mapped, by which line: orders that cannot be
 *   tasks.c         tasks, the address spaces that they share, the beginning of a space
 *   descriptors.c   which open file a descriptor is
 *   snapshot.c      lines of /proc/PID/maps and smaps
 *   between.c       ... what must have happened between two
 *   page_size.c     how large pages are, as far as a file tells
 *   core.c          ELF cores
 *   minidump.c      minidumps
 *   criu.c          images of CRIU
 *   refused.c       what is none of these, and what to do
 *
 * Two ways. Snapshots (maps, cores, minidumps, images) become one SPACE and one MAP event each, without
 * tasks: snapshot.c emits them for all but cores. Logs become calls: every line of whatever tool is first a
 * struct strace_line (strace_line.c, or rewritten by perf.c, perf_script.c, ftrace.c, columns.c into
 * the text that strace would have written), and goes one way from there on (strace.c).
 *
 * Three kinds of failure. What one line says and cannot be is a doubt, counted with the first place
 * where it was, and the line is left out (0 is returned). What makes the whole of no use is
 * import_failed(), a sentence and an errno that ends the import. What the sink returns is passed
 * through as it is.
 *
 * Nobody here writes to a file or keeps a line: struct lines gives text that may be cut in place, and
 * whatever is kept is copied.
 */
#ifndef IMPORT_INTERNAL_H
#define IMPORT_INTERNAL_H

#include <stdio.h>
#include <vmaple/import.h>
#include <vmaple/maple_tree.h>

#include "check.h"
#include "constants.h"

/* The end of what a program of any machine can have: 2^56, as with five levels of page tables; whole pages of any size. */
#define IMPORT_TASK_SIZE ((1ull << 56) - TRACE_PAGE_SIZE_MAX)
/* Of an address that is of no whole page, whatever its size; of that of the recording emit.c judges. */
#define IMPORT_IN_PAGE (TRACE_PAGE_SIZE_MIN - 1ull)

/*
 * Kinds of doubt, one for each phrase in import.c. The numbers are of this program alone, in no order;
 * a new one needs its phrase in doubt_text[], which says what was assumed and which option would tell
 * better.
 */
enum doubt {
	DOUBT_START_MAP,
	DOUBT_FIRST_WRITES,
	DOUBT_ORDER,
	DOUBT_ORDER_DERIVED,
	DOUBT_BACKWARD,
	DOUBT_IMPOSSIBLE,
	DOUBT_SAME_TIME,
	DOUBT_FILE_UNKNOWN,
	DOUBT_SAME_FILE,
	DOUBT_TASK_UNKNOWN,
	DOUBT_CLONE_FLAGS,
	DOUBT_NO_TASK,
	DOUBT_NOT_READ,
	DOUBT_LOST,
	DOUBT_MMAP_EVENTS,
	DOUBT_SOME_WRITES,
	DOUBT_FAULT_WRITE,
	DOUBT_FAULT_PLACE,
	DOUBT_COLUMN,
	DOUBT_SAVED_MEMORY,
	DOUBT_HEAP_BEGIN,
	DOUBT_RESULT_UNKNOWN,
	DOUBT_BAD_LINE,
	DOUBT_LONG_LINE,
	DOUBT_NO_TIME,
	DOUBT_KERNEL,
	DOUBT_SEGMENT_SIZE,
	DOUBT_NAME,
	DOUBT_BETWEEN_SNAPSHOTS,
	DOUBT_SHARING,
	DOUBT_NO_SEGMENT,
	DOUBT_FLAGS,
	DOUBT_SENSELESS,
	DOUBT_FILE_NAME,
	DOUBT_PAGE_SIZE,
	DOUBT_KINDS
};

/* A file that is being read. Lines are cut in place and end with a NUL; they live until the next one is asked for. */
struct lines {
	const char *path;
	size_t index; /* of the import's files */
	int fd;
	char *buf;
	size_t size, begin, end; /* what is read and not given yet */
	uint64_t number;         /* of the line given last, from 1 */
	uint64_t done, total;    /* bytes read; of the file, 0 where not known */
	/*
	 * at_end: read(2) has said so; lines may be left in the buffer. too_long: the rest of it is skipped
	 * when the next one is asked for.
	 */
	bool at_end, too_long; /* the line given last was cut */
	int error;
};

/* buffer: bytes to begin with. 0 or -errno. */
int lines_open(struct lines *l, const char *path, size_t buffer);
/* The next line without its newline and carriage return; NULL at the end and on errors (l->error, negative). */
char *lines_next(struct lines *l, size_t *len);
void lines_close(struct lines *l);

/* How often something was, and the place of the first. place is "FILE:LINE", cut where it is longer. */
struct counted {
	uint64_t count;
	char place[256];
};

/*
 * Owned by who has opened it; paths and the strings of options are borrowed for as long as it lives.
 * told and told_inferred are what is given out, filled when asked. error: the sentence of
 * import_failed(), "" before.
 */
struct trace_import {
	const char *const *paths;
	size_t nr_paths;
	struct trace_import_options options;
	enum trace_import_form form;
	struct trace_header header;
	struct trace_sink *sink;
	struct check check; /* of what is emitted */
	/* time_ns also before it is emitted: what import_time() said last, for the events that follow. */
	uint64_t step, time_ns; /* of the event emitted last */
	uint64_t events, skipped;
	bool page_size_guessed;
	uint32_t nr_spaces; /* that there were, told of or not */
	/*
	 * Numbers of spaces are given when they are told of (number_space()), since they have to ascend in
	 * the recording; those of files when they are opened, told of or not.
	 */
	uint32_t last_mm, last_file; /* numbers given last */
	struct counted doubts[DOUBT_KINDS], inferred[TRACE_INFERRED_KINDS];
	struct trace_import_doubt told[DOUBT_KINDS], told_inferred[TRACE_INFERRED_KINDS];
	void (*on_inferred)(void *ctx, const struct trace_inferred *what);
	void *inferred_ctx;
	/*
	 * Set by who reads, and dangling after its lines_close() unless that sets it back: every doubt that
	 * is counted takes its line from here.
	 */
	const struct lines *reading; /* for places; NULL: nothing */
	uint64_t progress_line;
	char error[512];
};

void import_count(struct counted *c, const char *path, uint64_t line);
/* Counted, with the line that is being read. */
void import_doubt(struct trace_import *im, enum doubt kind);
/* ... and the one that it contradicts. */
void import_doubt_pair(struct trace_import *im, enum doubt kind, size_t file, uint64_t line);
/* Says why the import ends; the errno, for the caller to return. */
__attribute__((format(printf, 3, 4))) int import_failed(
	struct trace_import *im, int err, const char *fmt, ...);
/* Tells the caller how far it is, each 4096 lines. */
void import_progress(struct trace_import *im, const struct lines *l);

/* The events that follow are of this time, in nanoseconds, where that is not before the last one. */
void import_time(struct trace_import *im, uint64_t ns);
/* emit.c: 0 or -errno of the sink */
int import_emit(
	struct trace_import *im, const struct trace_event *body, uint32_t pid, uint32_t tid, uint32_t mm);

/* words.c */
extern const struct constant clone_constants[], mlock_constants[], shadow_stack_constants[], mcl_constants[],
	open_constants[], fcntl_constants[], memfd_constants[], shm_constants[], prctl_constants[],
	limit_constants[];
/* Which of a recording's limits setrlimit(2)'s number means. False: none. */
bool limit_of(uint64_t resource, uint32_t *limit);
/* "A|B|0x40", "0x3" with its words in a comment behind, "3", "-1", "2<<SHIFT", "8192*1024". False: something in it is not known. */
bool word_value(const char *text, size_t len, const struct constant *words, uint64_t *value);
/* ENOMEM as 12; 0: no such error */
int word_errno(const char *text, size_t len);
int word_signal(const char *text, size_t len);

/* strace_line.c */
#define STRACE_ARGS 8

/* A piece of a line, not ended by a NUL; valid as long as the line. */
struct text {
	char *at;
	size_t len;
};

enum strace_kind {
	STRACE_OTHER,      /* of the program, or of nobody */
	STRACE_CALL,       /* whole, or the end of one that was joined */
	STRACE_UNFINISHED, /* its beginning */
	STRACE_RESUMED,    /* its end: rest is what follows "resumed>" */
	STRACE_CONTINUED,  /* its end, behind a line that another's word has cut: rest */
	STRACE_EXITED,     /* +++ exited with N +++ : status */
	STRACE_SUPERSEDED, /* +++ superseded by execve in pid N +++ : other */
	STRACE_BEGINS, /* +++ begins with N areas +++, of an exported recording: they follow, all of them */
	STRACE_CHILD,  /* a task made by a clone whose end in its parent may not be logged yet */
	STRACE_FORKED, /* the kernel's word of a new task: other, a thread where threads is not 0 */
	STRACE_EXEC,   /* the kernel's word, or ltrace's, that an exec was carried out */
	STRACE_MAPPED, /* the kernel's word of an area: mapped */
	STRACE_FAULT,  /* the kernel's word of a page fault: fault */
	STRACE_LOST,   /* the tool's word that it lost events */
	STRACE_IGNORED /* strace's own: signals, stacks; "Process N attached": other, threads */
};

/* An area as perf tells of it. path lies in the line. */
struct mapped {
	uint64_t start, len, offset; /* bytes */
	uint32_t prot;
	bool shared;
	char *path;
};

/* A page fault as perf tells of it. */
struct page_fault {
	uint64_t addr; /* 0: not known */
	bool write, write_known, kernel;
};

/*
 * What of it counts depends on the kind; pointers are into the line's text, or into struct foreign's.
 * relative: time_ns is the time since the line before (strace -r). time_ns else: since 1970, since
 * midnight or since the tool began, as the tool has it: strace_sources.c makes one of them. ip: of
 * strace -i; 0 without.
 */
struct strace_line {
	enum strace_kind kind;
	bool has_tid, has_time, relative;
	bool system;         /* of ltrace: a system call, not one of a library */
	uint32_t tid, other; /* other also for a child that is told of inside an unfinished call */
	uint32_t threads;    /* of other, that strace was attached to; else 1 */
	uint64_t time_ns;
	uint64_t ip;
	char *name; /* of the call; not ended by a NUL */
	size_t name_len;
	char *args; /* behind the opening parenthesis, to the end of the line */
	char *rest;
	struct mapped mapped;
	struct page_fault fault;
	int status;
};

bool is_call(const struct strace_line *line, const char *name);
/* clone, clone3, fork, vfork: they return twice, in the new task, too. */
bool name_makes_task(const char *name, size_t len);
char *skip_spaces(char *at);

/* Takes a line apart; *prefix is how many bytes before it are another's (journald), as found in the lines before. */
void strace_line(char *text, size_t *prefix, struct strace_line *line);

/*
 * perf.c: a line of another tool, rewritten. The text is valid until the next line. len bytes of text,
 * and a NUL. What does not fit leaves a call
 * that cannot be read, which is a doubt.
 */
struct foreign {
	size_t len;
	char text[8192];
};
/* Adds text to what is being written; what does not fit is left out. */
void foreign_put(struct foreign *f, const char *text, size_t len);
/* columns.c: the formats of the options; to be freed with free(). 0 or -errno, said with import_failed(). */
struct columns;
int columns_new(struct trace_import *im, struct columns **columns);
/* False: it fits none of the formats. */
bool columns_line(struct trace_import *im, const struct columns *c, char *text, struct foreign *f,
	struct strace_line *line);
/* False: it is none. The line itself is not changed. */
bool perf_line(char *text, struct foreign *f, struct strace_line *line);
/* perf_script.c: the same. */
bool perf_script_line(char *text, struct foreign *f, struct strace_line *line);
/* "addr: 0x00000000, len: 0x00002000": the values are in the call's order. */
void perf_put_values(struct foreign *f, char *at);
/* ftrace.c: the same. */
bool ftrace_line(char *text, struct foreign *f, struct strace_line *line);
/* The end of an argument: its comma or the parenthesis that closes the call; NULL: neither comes. */
char *perf_argument_end(char *at);
/* Among its first lines is one of a page fault. */
bool perf_has_faults(const char *path);

/*
 * Of one call's text, whose arguments it points into. result as strace prints it, unsigned for an
 * address. injected: strace's fault injection (-e inject).
 */
struct strace_call {
	struct text args[STRACE_ARGS];
	int nr_args;
	bool has_result; /* false: "?" */
	bool injected;   /* it was not made: the result is strace's */
	/* Valid only with has_result. */
	int64_t result;          /* -errno where it failed */
	struct text result_path; /* of "3</path>"; len 0: none */
};
/* Behind "addr=", as -N names arguments; else at. */
char *behind_name(char *at);
/* Arguments and result; text begins behind the opening parenthesis. False: it is not a whole call. */
bool strace_call(char *text, struct strace_call *call);

/* descriptors.c */
/* Beyond it a number is nonsense, and no reason to allocate. */
#define MAX_DESCRIPTOR (1 << 20)
/*
 * Of one open(2): two areas can merge only if their files have the same id. A name that comes later is
 * another struct with the same id, because the path is part of the allocation.
 */
struct open_file {
	/*
	 * refs: descriptors of all tables that have it, and whoever made it until it is put or set. The
	 * importer runs in one thread: no count is atomic.
	 */
	uint32_t refs, id;
	uint32_t kind; /* enum trace_file_kind */
	uint32_t open_flags;
	bool known; /* its name is */
	bool told;  /* that it is not known has been counted */
	char path[];
};
/* file NULL: nothing is known to be open there. */
struct descriptor {
	struct open_file *file;
	bool cloexec;
};
/* refs: tasks (CLONE_FILES). The table grows as numbers come, and has room for size of them. */
struct descriptors {
	uint32_t refs;
	struct descriptor *table;
	int size;
};
/* Its kind is what its path says. */
struct open_file *open_file_new(struct trace_import *im, const char *path, size_t len, uint32_t flags);
void open_file_put(struct open_file *file);
struct descriptors *descriptors_new(void);
struct descriptors *descriptors_copy(const struct descriptors *from);
void descriptors_put(struct descriptors *d);
/* Takes over the reference. False: no memory. */
bool descriptors_set(struct descriptors *d, int fd, struct open_file *file, bool cloexec);
/* first to last, both inclusive */
void descriptors_close(struct descriptors *d, unsigned int first, unsigned int last);
void descriptors_exec(struct descriptors *d);
void descriptors_rename(struct descriptors *d, struct open_file *from, struct open_file *to);
/* This open file, under another name in all descriptors that it has here. NULL: no memory. */
struct open_file *descriptors_name(
	struct descriptors *d, struct open_file *file, const char *path, size_t len);
/* A file of this name has another one now, and stays the same open file. False: no memory. */
bool descriptors_renamed(struct descriptors *d, const char *from, const char *to, size_t len);
struct open_file *descriptors_find(const struct descriptors *d, int fd);

/* page_size.c: bytes; 0: the import's file does not tell.  *guessed: by where areas lie. */
uint32_t told_page_size(const struct trace_import *im, bool *guessed);
/* One that recordings can have; else 0. */
uint32_t valid_page_size(uint64_t bytes);
/* core.c, criu.c: the same, of the vector that exec has given the program. */
uint32_t core_page_size(const char *path);
uint32_t criu_page_size(const char *path);

/* tasks.c */
struct handler;
/* Lives as long as a task is in it; the recording ends it by the EXIT event of the last one. */
struct import_space {
	/* refs: tasks. mm: 0 until `told`. pid: of the process that it was made for. */
	uint32_t refs, mm, pid;
	uint32_t page_size;
	uint32_t pending;     /* calls of its tasks that may change it, begun and not ended */
	uint64_t start_stack; /* 0: not known */
	bool told;            /* its SPACE event was emitted */
	bool heap_known;
	bool first;               /* of the import: --start-maps is its map */
	bool whole;               /* what it begins with is among its calls */
	struct maple_tree placed; /* see placed.c */
	char *path;
};
struct import_task {
	struct import_task *next;
	/*
	 * As the log has them, and unique among the tasks that are here: a number that is given again first
	 * ends the task that had it (import_task_clone()).
	 */
	uint32_t tid, pid;
	uint32_t vforked_by; /* waits for this one's exec or end; 0: nobody */
	/*
	 * Told of by its parent's clone alone. A wait for it ends it, for no line of its own end will come
	 * from a log that does not follow children.
	 */
	bool silent;      /* none of its lines was seen yet */
	bool execed;      /* its exec was carried out before its end was logged */
	uint64_t time_ns; /* of its last call, as logged */
	bool ended;       /* it called exit, or was waited for: its number may be given again */
	struct import_space *space;
	struct descriptors *files;
	/*
	 * A call whose end was not logged yet: its arguments so far; NULL: none. Owned; joined with the end
	 * when that is logged.
	 */
	char *pending;
	const struct handler *pending_handler; /* NULL: one that changes nothing */
	bool pending_done;                     /* carried out before its end was logged */
};
/*
 * A System V segment. Kept to the end of the import, also behind its removal: its id may be attached
 * still. name as maps shows it.
 */
struct segment {
	int64_t id;
	uint64_t size;
	uint32_t file;
	char name[24];
};
/* By tid % 256, in chains. live: how many there are. */
struct import_tasks {
	struct import_task *hash[256];
	uint32_t live;
	bool apart; /* each in a file of its own: that nothing was logged of one so far means nothing */
	struct segment *segments;
	size_t nr_segments;
};
struct import_task *import_task_find(const struct import_tasks *tasks, uint32_t tid);
/* Of all of them, files of this name have another. False: no memory. */
bool import_tasks_rename(struct import_tasks *tasks, const char *from, const char *to, size_t len);
/* A task without a known beginning, in a space of its own. NULL: no memory. */
struct import_task *import_task_new(struct trace_import *im, struct import_tasks *tasks, uint32_t tid);
/* As clone with these flags. 0 or -errno. */
int import_task_clone(struct trace_import *im, struct import_tasks *tasks, struct import_task *parent,
	uint32_t tid, uint64_t flags);
/* The task is in a new space afterwards; path as the call was given it, not ended by a NUL. */
int import_task_exec(struct trace_import *im, struct import_tasks *tasks, struct import_task *task,
	const char *path, size_t len);
/* @status as wait(2) gives it. @task is freed. */
int import_task_exit(
	struct trace_import *im, struct import_tasks *tasks, struct import_task *task, int status);
/* It called exit; group: all of its process. Their ends may be logged, or not (-qq). */
void import_task_ending(struct import_tasks *tasks, struct import_task *task, bool group);
/* The task whose exec this was is the process's now: it goes on under the first thread's number. */
int import_task_supersede(struct trace_import *im, struct import_tasks *tasks, uint32_t leader, uint32_t by);
void import_tasks_free(struct import_tasks *tasks);
/* The space's own events, before the first that is about it. */
int import_space_begin(struct trace_import *im, struct import_task *task, uint64_t brk);

/* placed.c */
/* A call was carried out: what is mapped now. 0 or -errno. */
int placed_call(struct trace_import *im, struct import_space *s, const struct trace_call *c);
/* False: a call with this result would map what is mapped, or change what is not. */
bool placed_fits(struct import_space *s, const struct trace_call *c);
int placed_fork(struct trace_import *im, struct import_space *from, struct import_space *to);

/* The task of lines that name none: pid 1 is not traced. */
#define NAMELESS 1

/* calls.c: a call of a task, whole. 0 or -errno. ip: of the instruction, 0 where the log does not have it. */
struct logged {
	struct trace_import *im;
	struct import_tasks *tasks;
	struct import_task *task;
	const struct strace_call *call;
	uint64_t ip;
};
/*
 * A handler returns 0 where the line was dealt with or can say nothing, else an error that ends the
 * import.
 */
struct handler {
	const char *name;
	int (*handle)(const struct logged *l, const struct handler *h);
	uint32_t nr; /* x86-64's number of a mapping call; else 0 */
};
/* NULL: a call that changes nothing here. O(log calls): the table is searched by halves. */
const struct handler *handler_of(const char *name, size_t len);
/* Argument i as a number; false, and a doubt: it is none. */
bool import_argument(const struct logged *l, int i, const struct constant *words, uint64_t *value);
/* A string argument without its quotes and escapes, in place; NULL: it is none. */
char *string_argument(const struct logged *l, int i, size_t *len);
/* A string of which -s has left a part out. */
bool is_cut(const struct text *t);
/* "3</path>": the number, and the path where -y gave it. False: none. */
bool descriptor_argument(const struct logged *l, int i, int *fd, struct text *path);
/*
 * CLONE_ flags of a call by its name and the text of its arguments; for want of them a doubt, and a
 * thread's.
 */
uint64_t clone_flags(struct trace_import *im, const char *name, const char *args);

/* mapping.c: one function for each shape of arguments */
/* The call as it is written, without files; false: it cannot be read, or has no result.  Counts nothing. */
bool import_read_call(const struct strace_call *call, const struct handler *h, struct trace_call *c);
int on_range_call(const struct logged *l, const struct handler *h);
int on_mmap(const struct logged *l, const struct handler *h);
/* An area that the kernel told of by itself: a mapping at its place. */
int import_mapped(struct trace_import *im, struct import_task *t, const struct mapped *m);
/* A FAULT event; without an address a doubt. */
int import_fault(struct trace_import *im, struct import_task *t, const struct page_fault *f);
int on_brk(const struct logged *l, const struct handler *h);
int on_prctl(const struct logged *l, const struct handler *h);
int on_shmget(const struct logged *l, const struct handler *h);
int on_shmat(const struct logged *l, const struct handler *h);

/*
 * snapshot.c: areas of one moment. Areas ascend without overlaps. Both arrays are owned and used again
 * (snapshot_clear()). has_vm_flags: all areas have vm_flags.
 */
struct snapshot {
	struct trace_area *areas;
	uint32_t count, allocated;
	bool has_vm_flags;
	bool flags_derived; /* of an area at least they are what its letters say */
	char *names;
	size_t names_len, names_size;
};
/* One line of maps. False: it is none. *err is set for want of memory alone, together with true. */
bool snapshot_line(struct snapshot *s, char *text, int *err);
/* Behind those that are there; the name is copied. False: no memory. */
bool snapshot_add(struct snapshot *s, const struct trace_area *area, const char *name);
/* All of a recording: the areas that the space begins with. 0 or -errno. */
int import_one_snapshot(struct trace_import *im, struct snapshot *s);
void snapshot_clear(struct snapshot *s);
void snapshot_free(struct snapshot *s);
/*
 * The event's areas, once. While areas are added their names are offsets into `names`, which moves as it
 * grows; this makes pointers of them. Valid until the snapshot is cleared.
 */
struct trace_map snapshot_map(struct snapshot *s, uint32_t reason);
/* What the areas' names say of a space: heap and stack. */
void snapshot_space(const struct snapshot *s, struct trace_space *space);
/* The file of --start-maps, maps or smaps: 0 or -errno, said with import_failed(). */
int read_start_maps(struct trace_import *im, struct snapshot *s);

/* between.c */
/* path, line: where the second begins. Counts; each piece is told to im->on_inferred, by ascending ends. */
void infer_between(struct trace_import *im, const struct trace_map *before, const struct trace_map *now,
	const char *path, uint64_t line);
const char *inferred_phrase(enum trace_inferred_kind kind);

/* The forms. 0 or -errno. */
int import_strace(struct trace_import *im);
int import_snapshots(struct trace_import *im);
int import_core(struct trace_import *im);
int import_minidump(struct trace_import *im);
int import_criu(struct trace_import *im);
/* What they begin with. */
bool is_minidump(const char *path);
bool is_criu_image(const char *path);

#endif /* IMPORT_INTERNAL_H */
