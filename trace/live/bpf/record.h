/* SPDX-License-Identifier: MIT */
/*
 * What the programs in the kernel and their readers say to each other.  Pointers of the kernel are in it as numbers that
 * only tell equal from different: whoever reads them numbers them anew before anyone sees them.
 *
 * Everything here is read by clang for BPF and by the compiler of the machine: widths are explicit, members
 * aligned by themselves, nothing is a pointer.  Records lie in the ring aligned to 8 bytes, and are read in
 * place.
 *
 * Types. clang's view of the kernel's side and gcc's of the reader's are the same file: a change of any
 * struct here needs no version, because both are built into one program.
 *
 * Order. A record is in the ring from its reservation on, so that records of one address space that are
 * made under its mmap lock lie there in the lock's order. Of different spaces nothing is promised, nor
 * of calls, whose records are made without a lock.
 */
#ifndef LIVE_BPF_RECORD_H
#define LIVE_BPF_RECORD_H

#include <linux/types.h>

#define AREA_NAME_BYTES 80 /* ANON_VMA_NAME_MAX_LEN */

/* bpf_area.flags. */
enum {
	AREA_HAS_CLOSE = 1,
	AREA_INHERITED = 2, /* its chain has more links than its own anon_vma's */
	AREA_NAMED = 4,
	AREA_SEALED = 8 /* its file is sealed against writing: memory of an open file alone can be */
};

/*
 * One area as the kernel has it: vm_start to vm_pgoff as they are, the rest by number. pgoff is in
 * pages, dev the kernel's own encoding (shown_device() of map_reader.h). file, anon_vma, anon_root and
 * uffd are addresses in the kernel, valid as names of things only while an area holds them; policy is
 * made of the policy's contents (policy_number()). anon_vma 0: never written; anon_root is 0 then, too.
 * ino and dev are 0 without a file.
 */
struct bpf_area {
	__u64 start, end, vm_flags, pgoff;
	__u64 file, ino;
	__u64 anon_vma, anon_root;
	__u64 uffd, policy;
	__u32 dev, flags;
};

/*
 * What is known of an open file without its path. mode is the inode's, with the type (S_IFMT); rdev
 * counts for devices; f_mode has FMODE_READ and FMODE_WRITE in its two low bits, as the kernel counts
 * them, not as open(2) does.
 */
struct bpf_file {
	__u64 magic, block_size; /* of its file system */
	__u32 mode, rdev, f_mode;
	__u16 noexec, places; /* its file system is mounted noexec; it places mappings itself */
	char name[48];        /* the last part of its path */
};

/* With what is known of its file, if it has one, or else its name. */
struct named_bpf_area {
	struct bpf_area area;
	union {
		char name[AREA_NAME_BYTES]; /* anonymous name; "" when there is none */
		struct bpf_file file;
	};
};

#define NARROW_SIZE (1ull << 32) /* of an address space: those of 32-bit programs are smaller */

enum map_status {
	STATUS_NOT_RUN,
	STATUS_READ,
	STATUS_NO_TASK,   /* there is no such task */
	STATUS_NO_SPACE,  /* it has no address space: a kernel thread, or it has ended */
	STATUS_32BIT,     /* it is not followed: its calls are of another table */
	STATUS_BUSY,      /* somebody changes the map now */
	STATUS_TOO_LARGE, /* more areas than there is room for */
};

/*
 * What is asked, and the answer but for the areas. pid and waiting are written by the reader before the
 * program is run, all else by the program. The reader looks at the answer when the run has ended; while
 * it waits for the lock the other program answers (lock_taken() of map.bpf.c), in the reader's own
 * task.
 */
struct map_request {
	__u32 pid, waiting;  /* waiting: the task that takes the lock for it; 0: none does */
	__u32 status, count; /* enum map_status */
	__u64 held_ns;       /* between the first area and the last: the lock was held so long at least */
	__u64 sequence;      /* mm_lock_seq: even outside of a write section; 0 where the kernel has none */
	__u64 mm;
	__u64 map_count, task_size, mmap_base, start_brk, brk, start_stack, def_flags;
};

/*
 * One process, as tasks.bpf.c writes it into its file: records of a fixed size, without a head. command
 * is the first thread's name, cut as comm is.
 */
struct task_count {
	__u32 pid, count;
	__u64 total_pages;
	__u64 changes; /* write sections of its mmap lock until now */
	__u64 born_ns; /* since the machine began */
	char command[16];
};

/* --- what happens to an address space, in the order of its mmap lock ----------------------------------------- */

enum record_type {
	RECORD_AREAS = 1, /* of the record that follows, where it has not room for all */
	RECORD_WRITTEN,   /* an area with an anon_vma, as it was before the section changes it */
	RECORD_FILE,
	RECORD_SECTION, /* a write section has ended; it has the areas of its window */
	RECORD_LOOK,    /* a call that has changed nothing yet looks at the map */
	RECORD_CALL,
	RECORD_FORK,
	RECORD_EXEC, /* the areas of the new address space came before it */
	RECORD_EXIT,
	RECORD_UNDER, /* what the task of the section that follows acts under, where that is not what it was */
	RECORD_NUMBER, /* somebody has written a number of the machine's */
	RECORD_CLOSED, /* an area whose userfaultfd has been closed, as it was before the section takes it back */
	RECORD_FINAL /* nobody uses the address space any more; it has all of its areas */
};

/*
 * sequence is 0 for records that belong to no section (RECORD_FILE, RECORD_CALL, the lives of tasks).
 * tid and pid are those of the task that the program ran in, which for a section is the holder of the
 * lock.
 */
struct record_head {
	__u32 type, space; /* enum record_type; number of the address space */
	__u32 tid, pid;
	__u64 time_ns;  /* 0: of the call that it belongs to */
	__u64 sequence; /* mm_lock_seq: odd within a section */
};

/* RECORD_WRITTEN and RECORD_CLOSED. */
struct area_record {
	struct record_head head;
	struct bpf_area area;
};

#define FILE_PATH_BYTES 256
#define FILE_PART_BYTES 64

/*
 * An open file, before the first area that has it. path_size is 0 where the path has more than
 * FILE_PARTS_MAX parts, or a part or all of it is longer than there is room for. Parts of the mount
 * point are not in it: origin.c asks the file system whether what it makes of them is the same inode.
 */
struct file_record {
	struct record_head head;
	__u64 file, ino;
	__u32 dev, path_size;
	struct bpf_file is;
	char path
		[FILE_PATH_BYTES]; /* its parts, the last one first, each with a NUL, within its file system */
};

/*
 * As many areas follow as its size has room for. RECORD_SECTION, RECORD_FINAL. wrote_lo to wrote_hi is
 * what the tree of areas was written in, lo to hi that and what the call names, with a byte more on
 * both sides, so that the neighbours are told as well. @areas and @written are what the reader holds
 * its own count against: less of them, and records were lost.
 */
struct section_record {
	struct record_head head;
	__u64 lo, hi;             /* every area that touches it was told; empty: none was */
	__u64 wrote_lo, wrote_hi; /* addresses whose area became another one; empty: none */
	__u32 nr;                 /* of the call that it is in; ~0: of none that was seen to begin */
	__u32 areas;              /* how many were told, here and before */
	__u32 written;            /* how many were told of what was written before it */
	__u32 pad;
};

#define RECORD_ROOM 16 /* areas of one record */

/* RECORD_AREAS has the same form: of its section only the head counts. */
struct section_areas {
	struct section_record section;
	struct bpf_area areas[RECORD_ROOM];
};

/*
 * An address space that is followed, as the programs know it. Written by whoever holds its mmap lock
 * for writing; mm and id by space_add(), before a row names it. One slot of the programs' map. It is
 * not locked: whoever writes holds the mmap lock of this mm for writing, and acted, which a reader of
 * the map may write (call_looks()), is a hint that costs a record at most where two meet. The slot is
 * used again when the space has gone; id is never given twice.
 */
struct space {
	__u64 mm;
	__u32 id, tid;            /* tid: whose section it is */
	__u64 wrote_lo, wrote_hi; /* of the section */
	__u64 lo, hi;             /* what its call names, and what touches that */
	__u32 written;            /* areas that were told as written before it */
	__u32 nr;                 /* of its call; ~0: of none that is told */
	__u32 unserved;           /* no area has a userfaultfd, until another call registers one */
	__u32 acted; /* the task that was last to have a section or a look, until its call returns */
	__u64 under; /* a mark of what its tasks acted under in the section before */
};

#define LOSS_SLOTS 4096 /* where losses are counted, by the numbers of address spaces */

/* Where it is looked up: a line of the cache. */
#define SPACE_ROWS  2048
#define SPACE_WAYS  8
#define SPACE_TAKEN 1 /* in place of an mm: by one that is being made */

/* 0: this way is free. A reader that meets SPACE_TAKEN takes it for another mm, which it is. */
struct space_row {
	__u64 mm[SPACE_WAYS];
};

/* The top 11 bits of the product (Fibonacci hashing), for SPACE_ROWS of them. */
static inline __u32 space_row_of(__u64 mm)
{
	return (__u32)(mm * 0x9e3779b97f4a7c15ull >> 53);
}

#define RECORD_DATA_BYTES 128 /* struct prctl_mm_map, 8 pairs of process_madvise, limits */

/*
 * RECORD_CALL, sent with CALL_BYTES and data_len bytes, so that a call without data costs no more than
 * its head. args are as in the registers at the call's end, which for x86-64 is as they were at its
 * entry. ip is behind the system call's instruction, sp the user's.
 */
struct call_record {
	struct record_head head;
	__u64 args[6];
	__s64 result;
	__u64 ip, sp;
	__u32 nr, data_len;
	__u8 data[RECORD_DATA_BYTES]; /* of a record, no more of them than it has */
};

/* Data of a mapping that was refused: its open file, and enum AREA_SEALED if that is so of what it would have been. */
struct refused_file {
	__u64 file;
	__u32 flags, pad;
};

#define RANGES_MOST 1024 /* that Linux takes: UIO_MAXIOV */

/* process_madvise of more ranges than a record of a call has room for; of a record, no more of them than there are. */
struct ranges_record {
	struct call_record call;
	__u8 more[RANGES_MOST * 16 - RECORD_DATA_BYTES];
};

#define CALL_BYTES __builtin_offsetof(struct call_record, data)

#define STACK_PAGES 4 /* of the stack: the one that its pointer is in, and what comes above it */
#define STACK_BYTES (STACK_PAGES * 4096)

/* What is kept over calls, and memory above the stack pointer: who has called whom is found out of these later. */
struct stack_copy {
	__u64 bx, bp, r12, r13, r14, r15;
	__u32 size, pad; /* how much could be read */
	__u8 bytes[STACK_BYTES];
};

/* Where call stacks are wanted. Told by its size from other calls (take_stack()). */
struct deep_call_record {
	struct call_record call;
	struct stack_copy stack;
};

#define RECORD_LIMITS 7 /* of enum trace_limit, in its order */

/* RECORD_UNDER. */
struct limits_record {
	struct record_head head;
	__u64 limits[RECORD_LIMITS];
};

enum machine_number { NUMBER_MAX_MAP_COUNT, NUMBER_OVERCOMMIT_MEMORY, MACHINE_NUMBERS };

/* Signals that are passed on to the program. */
enum signal_to_pass { PASSED_TERM, PASSED_HUP, PASSED_SIGNALS };

/*
 * RECORD_NUMBER, of space 0: it comes before the write is carried out, and where the kernel refuses it,
 * the reader has to see that by itself (machine_note()).
 */
struct number_record {
	struct record_head head;
	__u32 which;   /* enum machine_number */
	char text[20]; /* as it was written; "" where it is too long */
};

/*
 * RECORD_EXEC. head.space is the new one; old_space is 0 where the task was not in a followed one
 * before, as vmaple's own child. old_tid is the number that the task had until it took the first
 * thread's over. areas: how many came before it in records of RECORD_AREAS.
 */
struct exec_record {
	struct record_head head;
	__u64 mm;
	__u32 old_space, old_tid;
	__u32 areas, narrow; /* narrow: a 32-bit program, which is not followed */
	__u64 limits[RECORD_LIMITS];
	__u64 start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	__u64 arg_start, arg_end, env_start, env_end;
	__u64 mmap_base, task_size;
	char path[128];
};

/* RECORD_FORK, made in the parent, before the child can run; head.space is the parent's. */
struct fork_record {
	struct record_head head;
	__u64 child_mm;
	__u32 child_tid, child_pid, child_space; /* child_space: the parent's own for a thread or vfork */
	__u32 child_apart;                       /* in a user namespace that is not the first one */
};

/* RECORD_EXIT. status as wait(2) gives it. */
struct exit_record {
	struct record_head head;
	__s32 status, pad;
};

#endif
