/* SPDX-License-Identifier: MIT */
/*
 * The kernel oracle: the same calls on the kernel and on the engine, compared after each one.
 *
 * 1. Meaning.  A sequence is data: an array of call records whose text form (calls.c) is a case file.  It is carried
 *    out twice.  World K (world_kernel.c) is a child of this process, fresh for every sequence, that makes the system
 *    calls and writes down what it saw (observe.c): the result, then every area in the window.  World E
 *    (world_engine.c) makes the engine's calls and compares with what was written down (compare.c).
 *
 * 2. Equal beginnings.  The child is forked, so its map is this process's.  That map is read once (background.c)
 *    and each engine begins with the same areas, so that limits, counters and placement agree to the page.  It must
 *    not change afterwards: what the engine allocates comes from an arena that children do not have (arena.c).
 *
 * 3. The window.  Random calls fall on a few pages of their own at WINDOW; what lies within MARGIN of it is compared
 *    too, because stacks grow out of it.
 *
 * 4. A difference is shrunk by leaving calls out, as long as what is left still differs (shrink.c).
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <vmaple/mm.h>

#include "arm64_addresses.h"

/*
 * How far mremap has come with huge pages, Linux keeps in an int.  With pages of 16 KiB it passes 64 GiB at once where no
 * page table is, which from a multiple of 4 GiB on is none at all, and the call fails: the window does not begin at one.
 */
#ifdef __aarch64__
#define MM_MACHINE_HERE MM_MACHINE_ARM64
#define WINDOW          0x6f0040000000UL
#else
#define MM_MACHINE_HERE MM_MACHINE_X86_64
#define WINDOW          0x6f0000000000UL
#endif
/* Bytes; and of a huge page. */
#define PAGE         (1UL << background.page_shift)
#define HUGE_PAGE    (PAGE / sizeof(uint64_t) * PAGE)
#define MARGIN       (1024 * PAGE)
#define MAX_PAGES    (2 * HUGE_PAGE / PAGE)
#define MAX_CALLS    4096U
#define MAX_SEGMENTS 512U
#define MAX_DEPTH    8U               /* of forks */
#define FILLER       0x500000000000UL /* areas that only fill the map */
#define WATCH_LO     (WINDOW - MARGIN)
#define WATCH_HI     (WINDOW + MAX_PAGES * PAGE + MARGIN)

/* --- calls.c: call records and their text form -------------------------------------------------------------- */

enum call_kind {
	CALL_MMAP,     /* addr len prot flags file offset */
	CALL_MUNMAP,   /* addr len */
	CALL_MPROTECT, /* addr len prot */
	CALL_PKEY,     /* addr len prot key: pkey_mprotect */
	CALL_PKEY_ALLOC,
	CALL_PKEY_FREE, /* key */
	CALL_MREMAP,    /* addr old_len new_len flags new_addr */
	CALL_MADVISE,   /* addr len advice */
	CALL_MLOCK,     /* addr len flags */
	CALL_MUNLOCK,   /* addr len */
	CALL_MLOCKALL,  /* flags */
	CALL_MUNLOCKALL,
	CALL_MSEAL,            /* addr len */
	CALL_BRK,              /* addr */
	CALL_BREAK_AT,         /* addr: the heap is empty and begins there */
	CALL_WRITE,            /* addr: one byte is written */
	CALL_READ,             /* addr: one byte is read */
	CALL_SHMAT,            /* addr flags */
	CALL_SHMDT,            /* addr */
	CALL_MBIND,            /* addr len mode: 0 default, 1 preferred, 2 bind, 4 local; node 0 */
	CALL_UFFD,             /* addr len mode: 0 unregister, 1 missing, 2 write-protected */
	CALL_UFFD_CLOSE,       /* what it serves is served no more */
	CALL_PROCESS_MADVISE,  /* addr len advice addr len: of this process */
	CALL_SET_MM,           /* number addr: PR_SET_MM of the heap's 0 beginning, 1 end */
	CALL_REMAP_FILE_PAGES, /* addr len prot pgoff flags */
	CALL_MDWE,             /* PR_SET_MDWE: 1 or 3 */
	CALL_MEMORY_MERGE,     /* PR_SET_MEMORY_MERGE: 1 on, 0 off */
	CALL_NAME,             /* addr len name: PR_SET_VMA_ANON_NAME of a number; 0 takes it away */
	CALL_FORK,             /* the child goes on, until it exits */
	CALL_EXIT,
	CALL_SPAWN,      /* a child is forked and waits */
	CALL_REAP,       /* what was spawned ends */
	CALL_LIMIT,      /* which pages: as and data beyond what is mapped at the beginning */
	CALL_DROP_LOCK,  /* CAP_IPC_LOCK goes */
	CALL_DROP_RAWIO, /* CAP_SYS_RAWIO does */
	CALL_PERSONA,    /* 1: READ_IMPLIES_EXEC */
	CALL_KERNELS, /* number addr: one of [vvar] and [vdso] is moved there, from where exec has put it */
	CALL_ROOM,    /* areas: the map is filled until so many are left of max_map_count */
	CALL_KINDS
};

struct call {
	enum call_kind kind;
	unsigned long arg[6];
};

/*
 * Where CALL_WRITE or CALL_READ falls: a program of arm64 may keep something else in the upper bits. World
 * K uses the address as it is; what goes to the engine, or is looked up in its map, passes here, for the
 * engine's faults come without a tag.
 */
static inline unsigned long place_of_touch(const struct call *c)
{
	return MM_MACHINE_HERE == MM_MACHINE_ARM64 ? arm64_plain_address(c->arg[0]) : c->arg[0];
}

/*
 * The files are opened once, by background_open(), and inherited by every child: a case file names one by
 * its word (calls.c), so the order may change. An index also stands for the engine's struct vm_file in
 * engine.file[], and for what observe.c makes of device and inode.
 */
enum file_index {
	FILE_NONE,
	FILE_RW,
	FILE_RO,
	FILE_WO,
	FILE_MEMFD,
	FILE_ZERO,
	FILE_NOEXEC,
	FILE_SEALED,
	FILE_SECRET,
	FILE_INDICES
};
/*
 * What CALL_LIMIT sets; pages are counted beyond what is mapped at the beginning for the first two and the
 * last, absolutely for the others.
 */
enum limit_index {
	LIMIT_AS,
	LIMIT_DATA,
	LIMIT_STACK,
	LIMIT_MEMLOCK,
	LIMIT_NO_DATA /* soft: 0; hard: pages */
};
#define NO_LIMIT (~0UL)

/*
 * Without pointers: copied by assignment, in world K across fork, and compared by nothing. About 230 KiB,
 * so each is static somewhere: the stack, once grown, would be another one in the map that has been read.
 */
struct sequence {
	unsigned int nr;
	struct call call[MAX_CALLS];
};

/* "mmap" */
const char *call_name(enum call_kind kind);
/* One line without its newline; @buf holds 256. */
void call_print(const struct call *c, char *buf);
/* Of anonymous memory; NULL for 0. */
const char *name_of_number(unsigned long number);
/* False: not a call. Comments and empty lines are the caller's. */
bool call_parse(const char *line, struct call *c);
/* Both print what is wrong and return false. */
bool sequence_load(struct sequence *s, const char *path);
bool sequence_save(const struct sequence *s, const char *path, const char *comment);

/* --- arena.c ------------------------------------------------------------------------------------------------- */

/* From now on the engine's memory is from a place that children do not inherit. */
void arena_install(void);

/* --- background.c: what both worlds begin with --------------------------------------------------------------- */

#define KERNELS_AREAS 4U

/*
 * Written by background_open() and background_read() before the first sequence, constant from then on:
 * world K reads its forked copy, world E the original, and nothing else of the machine is asked by either.
 */
struct background {
	unsigned int page_shift;
	unsigned int nr;
	struct area_spec area[256];
	unsigned long total_vm, data_vm;
	int max_map_count;
	/*
	 * Bytes, but for ram_pages: RAM and swap, more than which no single mapping may have under
	 * overcommit_memory 0 (__vm_enough_memory()). mmap_min_addr is what the kernel enforces,
	 * dac_mmap_min_addr the sysctl; a security module may make the first one greater.
	 */
	unsigned long mmap_min_addr, dac_mmap_min_addr, memlock, stack, ram_pages;
	bool pkeys;
	bool no_zero_page;   /* what is read has a page of its own */
	bool branch_targets; /* arm64: PROT_BTI means something */
	bool memory_tags;    /* arm64: memory may be tagged */
	unsigned long space; /* a page behind the last that a program may have, if it asks for it */
	/* The sysctl's own numbers for overcommit; thp_enabled: 0 never, 1 madvise, 2 always. */
	unsigned int thp_enabled, overcommit;
	bool uffd;    /* there are userfaultfds */
	bool names;   /* anonymous memory can be named */
	bool noexec;  /* FILE_NOEXEC is on a file system without execution */
	bool secret;  /* FILE_SECRET is of memfd_secret(2) */
	bool on_disk; /* the scratch files are on a disk's file system, not in memory */
	const struct kernel_profile *kernel;
	char release[65];
	int fd[FILE_INDICES];
	dev_t dev[FILE_INDICES];
	ino_t ino[FILE_INDICES];
	/*
	 * By index; FILE_WO has none of its own, for it cannot be mapped: it is the file system's, as
	 * FILE_RW's is.
	 */
	unsigned long max_bytes[FILE_INDICES];
	unsigned long kernels[KERNELS_AREAS], kernels_len[KERNELS_AREAS]; /* [vvar], [vdso]: bytes */
	unsigned int nr_kernels;
	int segment; /* System V shared memory of SEGMENT_PAGES */
};
#define SEGMENT_PAGES 4UL
#define FILE_PAGES    4096UL
extern struct background background;

/*
 * First of all: how large pages are; then start anew without address space randomisation and with a known stack limit. Does
 * not return when it had to.
 */
void background_reexec(char **argv);
/* Open the files, then read the map. False: a sentence was printed. */
bool background_open(void);
bool background_read(void);

/* --- observe.c: what the kernel says of the calling process's map -------------------------------------------- */

/*
 * An area as both worlds know it. Fixed widths and no pointers: it is written in one process and read in
 * another, and observe() lays them one behind the other.
 */
struct seen_area {
	uint64_t start, end, offset;
	uint32_t prot;     /* VM_READ, VM_WRITE, VM_EXEC; VM_SHARED for what may be shared */
	uint32_t file;     /* enum file_index, or OTHER_FILE */
	uint64_t vm_flags; /* deep observations only */
	uint64_t
		anon_vma; /* of those that have the sharing: a number that only tells equal from different; 0: none */
};
#define OTHER_FILE 15

/* What was seen after one call: a header, then nr areas. */
struct seen {
	int64_t result;
	uint32_t nr;
	uint32_t deep;    /* areas have their vm_flags, and the counters are set */
	uint64_t sharing; /* areas have their anon_vma */
	uint64_t total_vm, data_vm, locked_vm;
	struct seen_area area[];
};

/* What a child wrote down: observations one after the other, for the first `done` calls. */
struct record {
	/*
	 * Written by whichever process of the sequence goes on, one at a time: the one that has forked it
	 * waits until it has left, and then reads next anew.
	 */
	volatile uint32_t done;  /* observations */
	volatile uint32_t next;  /* call at which the forking process goes on */
	volatile uint32_t ended; /* the sequence ended well, in whichever process */
	uint64_t start_total_vm;
	int status; /* with which it ended, for kernel_wait() */
	size_t used;
	_Alignas(16) uint8_t data[];
};
#define RECORD_SIZE (8UL << 20)

/* First, and again in the child of a fork: it is the caller's map from now on. */
void observe_own_map(void);
/* Write down what there is after a call; @deep: with the areas' flags and the counters of status. */
void observe(struct record *r, int64_t result, bool deep);
/* Pages, and areas as max_map_count counts them, of the whole map. */
uint64_t observed_size(void);
int observed_areas(void);

/* --- sharing.c: who shares an anon_vma, by BPF --------------------------------------------------------------- */

/* From now on it is observed after each call. False: it cannot be, and a sentence says why. */
bool sharing_open(void);
/* Of the areas that were seen. */
void sharing_observe(struct seen *s);

/* --- world_kernel.c ------------------------------------------------------------------------------------------ */

/*
 * When a look is deep, which costs the texts of smaps and status instead of one ioctl an area: random runs
 * look deeply behind the last call; replays and shrinking do after each, so that the first call that went
 * wrong is named.
 */
enum depth { DEEP_NEVER, DEEP_AT_END, DEEP_ALWAYS };

/*
 * Shared with the children that are forked later. Exits with 2 where there is no memory: it is asked for at
 * the start only.
 */
struct record *record_new(void);
/*
 * Fork a child that carries @s out and fills @r, whose content is lost; it goes on beside the caller. -1: a
 * sentence was printed, and kernel_wait() will return false.
 */
pid_t kernel_start(const struct sequence *s, struct record *r, enum depth depth);
/*
 * Wait for the child and give its status to @r. False: it, or a process that it forked, died of something
 * else than its calls; r->done observations are whole even then.
 */
bool kernel_wait(pid_t pid, struct record *r);

/* --- world_engine.c ------------------------------------------------------------------------------------------ */

/*
 * One address space of the parent, and what grows and shrinks on it during one sequence. compare.c has one
 * for judging and undo.c one for planning; each keeps its parent from one engine_begin() to the next.
 */
struct engine {
	struct mm_system sys;
	bool ready;
	struct mm_struct parent;        /* this process, of which each sequence's is a fork */
	struct mm_struct mm[MAX_DEPTH]; /* the current one is mm[depth] */
	struct mm_struct spawned[8];
	unsigned int depth, nr_spawned;
	unsigned int first_own[MAX_DEPTH]; /* of the spawned ones, by depth */
	bool break_set, guards;            /* the heap has a place; guard pages were installed */
	struct vm_file file[FILE_INDICES];
	struct vm_file segment[MAX_SEGMENTS]; /* and huge page files */
	unsigned int nr_segments;
};

/*
 * A sequence begins: mm[0] is forked from the parent, every file is new, and max_map_count is the machine's
 * again. The first call of all reads background into the parent. Pairs with engine_end(), which leaves the
 * parent.
 */
void engine_begin(struct engine *e);
void engine_end(struct engine *e);
/*
 * What the system call would return: a number or an address, or -errno. Places in the window and beyond are
 * taken as they are.
 */
int64_t engine_call(struct engine *e, const struct call *c);
static inline struct mm_struct *engine_mm(struct engine *e)
{
	return &e->mm[e->depth];
}

/* --- compare.c ----------------------------------------------------------------------------------------------- */

/*
 * Written by compare() and check_sequence(), which set what in each case; call and text are valid only
 * beside a what that is not NULL. what is a string constant, or one of mm_validate()'s: never to be freed.
 */
struct difference {
	unsigned int call; /* index of the call after which the worlds differ */
	const char *what;  /* NULL: no difference */
	char text[16384];  /* both worlds, for people */
};

/* Carry @s out on the engine and compare with @r. */
bool compare(const struct sequence *s, const struct record *r, struct difference *d);
/* What check_sequence() has written into. */
extern struct record *checker;
/* Of areas that share an anon_vma, in both worlds; sequences that were compared up to what only the kernel knows. */
extern unsigned long pairs_compared, left_alone;
/* Both worlds, from the beginning. True: equal. */
bool check_sequence(const struct sequence *s, enum depth depth, struct difference *d);

/* --- coverage.c: what has been asked ------------------------------------------------------------------------- */

/* Before a call is made on @e; and what it answered. */
void coverage_before(struct engine *e, const struct call *c);
void coverage_after(struct engine *e, const struct call *c, int64_t result);
/* Each call with its results, each situation that is counted. */
void coverage_print(FILE *f);

/* --- shrink.c, generate.c ------------------------------------------------------------------------------------ */

/* Make @s as short as it can be while it differs; *d becomes the difference of what is left. */
void shrink(struct sequence *s, struct difference *d);

struct random;
/* A sequence of @nr calls. @mix NULL: one by chance. False: no such mix. */
bool generate(struct sequence *s, struct random *r, unsigned int nr, const char *mix);
void list_mixes(FILE *f);

/* --- undo.c -------------------------------------------------------------------------------------------------- */

/*
 * Random sequences, in which what keeps areas apart is undone. The exit status: 0 everything was as explained, 1 something was
 * not, 2 no such mix, 77 not with this index.
 */
int undo_run(unsigned long calls, unsigned long seed, unsigned int length, const char *mix);

#endif /* ORACLE_H */
