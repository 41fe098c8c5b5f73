/* SPDX-License-Identifier: MIT */
/**
 * @file trace.h
 * Recordings: the life of the memory maps of a program and its children, as a sequence of events.
 *
 * A recording is a file (`.vmt`, docs/format.md) or a stream of the same events from a running program.
 * Sources (the tracer, importers, files) produce events; sinks (the writer, the mirror) consume them.  One
 * event says one thing that happened, in the order in which the kernel carried it out:
 *
 *  - what was *done*: a mapping call with its result, a first write, a fork, an exec, an exit;
 *  - what was *seen*: an observation of the kernel's own map, of all of it or of a part.
 *
 * The engine is driven by the first kind alone and is compared with the second; nothing seen is ever used to
 * repair what was computed without being counted (see <vmaple/replay.h>).
 *
 * An address space has a number of its own, `mm`, from the first event that names it to its exit; tasks that
 * share it (threads, a vfork child before its exec) carry the same number.  Numbers are never reused within
 * a recording.  All addresses and lengths are bytes.
 */
#ifndef VMAPLE_TRACE_H
#define VMAPLE_TRACE_H

#include <vmaple/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an event says; the member of struct trace_event that belongs to it is in brackets. */
enum trace_event_type {
	TRACE_EVENT_FILE = 1,    /**< an open file that later calls name [file] */
	TRACE_EVENT_SPACE = 2,   /**< an address space begins: first program, attach, or exec [space] */
	TRACE_EVENT_MAP = 3,     /**< the kernel's map was read [map] */
	TRACE_EVENT_CALL = 4,    /**< a call returned [call] */
	TRACE_EVENT_FAULT = 5,   /**< a page fault that may have changed the map [fault] */
	TRACE_EVENT_FORK = 6,    /**< a child with a copy of this address space [fork] */
	TRACE_EVENT_TASK = 7,    /**< a task that shares this address space: thread, vfork, CLONE_VM [task] */
	TRACE_EVENT_EXIT = 8,    /**< a task ended [exit] */
	TRACE_EVENT_LIMIT = 9,   /**< a limit or a capability of a task changed [limit] */
	TRACE_EVENT_LOST = 10,   /**< something was not recorded; what follows may be uncertain [lost] */
	TRACE_EVENT_MODULE = 11, /**< code of a file that stacks go through [module]; since version 2 */
	TRACE_EVENT_STACK = 12,  /**< a call stack that later calls name [stack]; since version 2 */
	TRACE_EVENT_CHANGE = 13, /**< the map changed, by no call of it [change]; since version 2 */
	TRACE_EVENT_ANON = 14,   /**< which areas share an anon_vma [anon]; since version 2 */
	TRACE_EVENT_NAME = 15,   /**< what a task is called [name]; since version 4 */
	TRACE_EVENT_CODE = 16    /**< a function that was compiled at run time [code]; since version 4 */
};

/** What an open file is, as far as mapping it is concerned. */
enum trace_file_kind {
	TRACE_FILE_REGULAR, /**< a file of a file system */
	TRACE_FILE_SHMEM,   /**< shared anonymous memory, memfd, SysV segment: no file system behind it */
	TRACE_FILE_HUGETLB, /**< a huge page file */
	TRACE_FILE_ZERO,    /**< /dev/zero: private mappings are anonymous, shared ones are shmem */
	TRACE_FILE_SPECIAL, /**< no file: the kernel's own pages, such as [vdso] */
	TRACE_FILE_DEVICE,  /**< another device or an anonymous inode; vm_flags were observed */
	TRACE_FILE_SECRET,  /**< memory of memfd_secret(2) */
};

/**
 * An open file description, as the next call maps it; said before each call that maps one.
 *
 * Two numbers are equal when the kernel holds the same `struct file`: only then can two mappings merge.
 */
struct trace_file {
	uint32_t id;   /**< from 1; 0 is no file */
	uint32_t kind; /**< enum trace_file_kind */
	uint64_t dev;  /**< major << 32 | minor, of what /proc/PID/maps shows */
	uint64_t ino;
	uint32_t open_flags; /**< O_RDONLY, O_WRONLY, O_RDWR of open(2) */
	bool anonymous;      /**< shared memory that a call made, not a file that it was given */
	bool noexec;         /**< on a file system mounted noexec */
	bool has_close;      /**< its mappings have a close operation */
	uint64_t vm_flags;   /**< what mapping it adds (VM_IO, VM_PFNMAP, VM_DONTEXPAND ...), kernel values */
	uint64_t
		vm_flags_off; /**< what its shared mappings are made without (VM_MAYWRITE of a sealed memfd) */
	uint64_t map_align;   /**< alignment that the file system asks for, bytes; 0 for none */
	const char *path;     /**< as /proc/PID/maps shows it, with its escapes undone; never NULL */
};

/** One line of /proc/PID/maps. */
struct trace_area {
	uint64_t start, end; /**< [start, end) */
	uint64_t offset;     /**< into the file, bytes; for anonymous areas what maps shows: 0 */
	uint64_t dev, ino;
	uint32_t prot;     /**< PROT_READ | PROT_WRITE | PROT_EXEC as shown */
	bool shared;       /**< 's' rather than 'p' */
	uint64_t vm_flags; /**< from VmFlags of smaps, kernel values; 0 when not read */
	bool touched;      /**< it holds anonymous pages; with vm_flags */
	const char *name;  /**< path, "[heap]", "[anon:...]", "" ; never NULL */
};

/** Is it of a file?  The first System V segment of an IPC namespace has inode 0; no device is 0. */
static inline bool trace_area_has_file(const struct trace_area *a)
{
	return a->ino || a->dev;
}

/** Why the kernel's map was read. */
enum trace_map_reason {
	/**
	 * The address space starts from this map (exec, attach): it is the mirror's input.  Where its window is not the
	 * whole space, there are areas that nobody saw: placements are then taken from the results, and a call that succeeds
	 * where nothing is known shows that something was there.
	 */
	TRACE_MAP_BEGIN,
	TRACE_MAP_CHECK, /**< to be compared with the mirror */
	TRACE_MAP_RESYNC /**< what led to it was not seen: the mirror goes on from this map */
};

/** What was seen of the kernel's map: every area that touches [lo, hi), whole, and nothing else. */
struct trace_map {
	uint32_t reason;   /**< enum trace_map_reason */
	uint64_t lo, hi;   /**< the window; 0 and UINT64_MAX for the whole map */
	bool has_vm_flags; /**< vm_flags and touched of the areas are known */
	bool has_names;    /**< name of the areas is known */
	bool beside; /**< calls whose order was lost are in the kernel still: what they do can come later; since version 6 */
	uint32_t count;
	const struct trace_area *areas; /**< ascending */
};

/** What limits calls on an address space; one value each. @see TRACE_EVENT_LIMIT */
enum trace_limit {
	TRACE_LIMIT_AS,           /**< RLIMIT_AS, bytes */
	TRACE_LIMIT_DATA,         /**< RLIMIT_DATA, bytes */
	TRACE_LIMIT_STACK,        /**< RLIMIT_STACK, bytes */
	TRACE_LIMIT_MEMLOCK,      /**< RLIMIT_MEMLOCK, bytes */
	TRACE_LIMIT_PERSONALITY,  /**< as personality(2) gives it */
	TRACE_LIMIT_CAPABILITIES, /**< effective set, bit per capability */
	TRACE_LIMIT_DATA_HARD,    /**< the hard limit of RLIMIT_DATA, bytes; since version 2 */
	TRACE_LIMIT_COUNT,        /**< so many are a process's own */
	/** Of the machine: vm.max_map_count, vm.overcommit_memory; since version 2. */
	TRACE_LIMIT_MAX_MAP_COUNT = 16,
	TRACE_LIMIT_OVERCOMMIT_MEMORY,
	/** What mlockall has asked for of areas to come: 0, or MCL_FUTURE and perhaps MCL_ONFAULT; since version 6. */
	TRACE_LIMIT_FUTURE_LOCK
};

/** The birth of an address space by exec or attach. A MAP event with TRACE_MAP_BEGIN follows. */
struct trace_space {
	bool attached; /**< not from exec: areas may have a history that was not seen */
	uint64_t limits[TRACE_LIMIT_COUNT];
	uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	uint64_t mmap_base; /**< highest address that top-down search may use, or lowest; 0 when not known */
	bool topdown;       /**< placements go downwards from mmap_base, not upwards */
	uint64_t task_size; /**< end of user addresses: 2^47 - 4096, 4 GiB for 32-bit programs */
	const char *path;   /**< of the program; never NULL */
};

/** The table of calls that a call came through, with arguments of its width. */
enum trace_abi {
	TRACE_ABI_X86_64,
	TRACE_ABI_I386, /**< int 0x80 and sysenter, of 32-bit programs and 64-bit ones */
	TRACE_ABI_X32,
	TRACE_ABI_GENERIC, /**< aarch64, riscv64 and all newer machines */
	TRACE_ABIS
};

/** Is it a table of 32-bit calls?  It decides where mappings go. */
static inline bool trace_abi_is_32bit(uint32_t abi)
{
	return abi == TRACE_ABI_I386 || abi == TRACE_ABI_X32;
}

/** The error of a call of which is known that it failed, and not why. */
#define TRACE_ERROR_UNSEEN 4095

/** A system call that has returned. */
struct trace_call {
	uint32_t
		nr; /**< x86-64 number, also for calls that came in through other tables: those have its arguments, too */
	uint64_t args[6];
	int64_t result;    /**< -errno or -TRACE_ERROR_UNSEEN in case of failure */
	uint32_t file;     /**< number of the file that is mapped; 0 for none */
	uint64_t ip, sp;   /**< from where it was made */
	const void *data;  /**< what an argument points to (a name, iovecs, a node mask); may be NULL */
	uint32_t data_len; /**< bytes */
	uint32_t stack; /**< number of the call stack that it was made from; 0: not known; since version 2 */
	uint32_t abi;   /**< enum trace_abi; since version 3 */
	/** It changed no area, and when it was carried out among other threads' calls is not known; since version 6. */
	bool unordered;
};

/** Whole pages, in bytes: [start, end). */
struct trace_range {
	uint64_t start, end;
};
/** Where the heap begins, and where it ends before a call. */
struct trace_heap {
	uint64_t start_brk, brk;
};
/**
 * The ranges that @p call names and may change, in whole pages of @p page_size bytes: none, one or two; of mremap the old one
 * first. A range whose end would wrap ends with the last page. Of more pairs than two in process_madvise it is one, from the
 * lowest to the highest. Calls that are about all of a map, and those whose place the kernel chooses, name none; brk neither,
 * where @p heap is NULL. O(1), or O(pairs). No locks.
 */
VMAPLE_API unsigned int trace_named_pages(const struct trace_call *call, const struct trace_heap *heap,
	uint64_t page_size, struct trace_range named[2]);
/** The range that @p call has made, wherever the kernel has put it; of shmat its first page. False: it made none. */
VMAPLE_API bool trace_placed_pages(
	const struct trace_call *call, uint64_t page_size, struct trace_range *placed);
/** As trace_named_pages(), of pages of 4 KiB. */
VMAPLE_API unsigned int trace_named_ranges(
	const struct trace_call *call, const struct trace_heap *heap, struct trace_range named[2]);
/** As trace_placed_pages(), of pages of 4 KiB. */
VMAPLE_API bool trace_placed_range(const struct trace_call *call, struct trace_range *placed);
/** A call as strace(1) would write it, without its result. @return @p buf. */
VMAPLE_API const char *trace_call_text(const struct trace_call *call, char *buf, size_t size);
/** The name of an x86-64 system call that recordings contain, or NULL. */
VMAPLE_API const char *trace_call_name(uint32_t nr);
/** "ENOMEM" for 12; also of results that tracers alone see, as "ERESTARTSYS". NULL: none has this number. Constant. */
VMAPLE_API const char *trace_error_name(int error);

/** The longest build-id. */
#define TRACE_BUILD_ID_MAX 64

/**
 * A file whose code is mapped somewhere; said before the first stack that goes through it there.  It takes the place of what
 * was known about its addresses before.  A child has its parent's.
 */
struct trace_module {
	uint64_t start, end;  /**< addresses of its code, [start, end) */
	uint64_t offset;      /**< of start in the file, bytes */
	uint64_t bias;        /**< an address minus this is one as the ELF file has it; valid with has_bias */
	bool has_bias;        /**< false: it is no ELF file, or could not be read */
	const void *build_id; /**< may be NULL */
	uint32_t build_id_len; /**< bytes; 0: it has none */
	const char *path;      /**< as /proc/PID/maps shows it; never NULL */
};

/** Where a stack ends. */
enum trace_stack_end {
	TRACE_STACK_WHOLE, /**< where its thread began */
	TRACE_STACK_DEEP,  /**< there are more frames than TRACE_STACK_FRAMES */
	TRACE_STACK_LOST   /**< what called the last frame could not be found */
};

/** Frames of a stack at most. */
#define TRACE_STACK_FRAMES 256

/**
 * A call stack, the innermost frame first.  Each address lies just behind the instruction that it stands for, the system call
 * or a call: to look it up, take one less.  Equal stacks have one number; what the addresses mean is decided by the address
 * space of the call that names it, at that moment.
 */
struct trace_stack {
	uint32_t id;    /**< from 1, one more than that of the stack before */
	uint32_t end;   /**< enum trace_stack_end */
	uint32_t count; /**< of frames, from 1 to TRACE_STACK_FRAMES */
	const uint64_t *frames;
};

/** A page fault. */
struct trace_fault {
	uint64_t addr;
	bool write;       /**< the access was a write; also true where that is not known */
	bool write_known; /**< false when the source cannot tell reads from writes */
	bool kernel; /**< the kernel's own access, as of read(2) into a buffer, where the source can tell */
	bool ambiguous; /**< a call of another thread ran at the same time: order not known */
	/** It took an anon_vma of its own, whatever lies beside it: areas that are written at once do; since version 6. */
	bool apart;
};

/** A child process with a copy. The event's own pid and mm are the parent's. */
struct trace_fork {
	uint32_t child_pid, child_mm;
};

/** A task that begins to share an address space. The event's own pid and tid are the new task's. */
struct trace_task {
	uint32_t parent_tid;
	bool thread; /**< CLONE_THREAD; otherwise vfork or CLONE_VM alone */
};

/** The end of a task. */
struct trace_exit {
	int32_t status; /**< as waitpid(2) gives it */
	bool last;      /**< the address space ends with it */
	bool exec;      /**< the task lives on, in the new address space of an exec */
};

/** A change of one limit for the tasks of one process, or of one of the whole machine. */
struct trace_limit_change {
	uint32_t limit; /**< enum trace_limit */
	uint64_t value;
};

/** What changed a map without a call that is recorded. */
enum trace_change_kind {
	TRACE_CHANGE_UFFD_CLOSED /**< the last descriptor of a userfaultfd went, which served these areas */
};

/** A change of [start, end), whole pages. */
struct trace_change {
	uint32_t what; /**< enum trace_change_kind */
	uint64_t start, end;
};

/** An area that has an anon_vma. */
struct trace_anon_area {
	uint64_t start;    /**< where it begins */
	uint32_t anon_vma; /**< equal in areas of this event that share one; from 1 */
	uint32_t
		root; /**< that of its root, which is one of these numbers where the root is among them; from 1 */
};

/**
 * The anon_vmas of areas, as the kernel had them at the moment of the MAP event before, and of its window.  An area that is
 * not named has none, or one that came from a write that has not been told.  Numbers mean nothing beyond the event.
 */
struct trace_anon {
	uint32_t count;
	const struct trace_anon_area *areas; /**< ascending */
};

/** What the task of the event is called, as /proc/PID/comm had it: told before its first call, and when it is seen to change. */
struct trace_name {
	const char *name; /**< never NULL */
};

/**
 * A function without a file that stacks have gone through, as /tmp/perf-PID.map named it when the address space ended: so it
 * comes behind them.  What is told last is true.
 */
struct trace_code {
	uint64_t start, end; /**< [start, end) */
	const char *name;    /**< never NULL */
};

/** Something that the source could not see. */
struct trace_lost {
	/**
	 * Events of the address space (0: of all) that are missing, or whose order is: so many at least.  0: none of what it
	 * tells, but how much else there was is not known (a task that is not recorded, a look that was not taken).
	 */
	uint64_t count;
	const char *what; /**< one phrase for a person: "page faults: buffer full"; never NULL */
};

/** One event. Pointers inside belong to the source and live until its next event. */
struct trace_event {
	uint32_t type;     /**< enum trace_event_type */
	uint64_t step;     /**< from 1, consecutive in a recording */
	uint64_t time_ns;  /**< since the recording began */
	uint32_t pid, tid; /**< who: process and task, in the recorder's pid namespace */
	uint32_t mm;       /**< whose address space; 0 for FILE events */
	union {
		struct trace_file file;
		struct trace_space space;
		struct trace_map map;
		struct trace_call call;
		struct trace_fault fault;
		struct trace_fork fork;
		struct trace_task task;
		struct trace_exit exit;
		struct trace_limit_change limit;
		struct trace_lost lost;
		struct trace_change change;
		struct trace_anon anon;
		struct trace_name name;
		struct trace_code code;
		struct trace_module module;
		struct trace_stack stack;
	};
};

/** Which page faults a recording has. */
enum trace_fault_source {
	TRACE_FAULTS_ALL,  /**< all that a call can depend on */
	TRACE_FAULTS_SOME, /**< some can be missing, as of the kernel's own writes */
	TRACE_FAULTS_NONE, /**< none */
	/**
	 * All, and those of pages that a call populates (mlock, MAP_POPULATE, MADV_POPULATE_WRITE) by themselves: others can
	 * change the map before them.  Since version 2.
	 */
	TRACE_FAULTS_EACH
};

/** Pages of a recording's machine, in bytes: no smaller and no larger ones. */
#define TRACE_PAGE_SIZE_MIN 4096u
#define TRACE_PAGE_SIZE_MAX 65536u

/** What is true of a whole recording. */
struct trace_header {
	uint32_t version;      /**< of the format: TRACE_FORMAT_VERSION */
	uint32_t fault_source; /**< enum trace_fault_source */
	uint32_t page_size;    /**< bytes: TRACE_PAGE_SIZE_MIN to _MAX, a power of two */
	uint64_t start_time;   /**< seconds since 1970 */
	uint64_t max_map_count;
	uint64_t mmap_min_addr;
	uint32_t overcommit_memory, overcommit_ratio; /**< vm.overcommit_* */
	uint64_t total_ram, total_swap;               /**< bytes; for overcommit */
	uint32_t stack_guard_gap;                     /**< pages */
	uint32_t thp_enabled;                         /**< 0 never, 1 madvise, 2 always */
	bool pkeys;                                   /**< the CPU has protection keys */
	bool no_zero_page; /**< memory that is only read has pages of its own; since version 2 */
	/** PROT_BTI means something; memory may be tagged (MTE): arm64; since version 5 */
	bool branch_targets, memory_tags;
	uint64_t dac_mmap_min_addr; /**< vm.mmap_min_addr, where mmap_min_addr is more; since version 2 */
	const char *kernel;         /**< uname -r; never NULL */
	const char *machine;        /**< uname -m; never NULL */
	const char *command;        /**< command line, quoted for a shell; never NULL */
};

#define TRACE_FORMAT_VERSION 6

/**
 * Where events go. One sink can be put before another.
 *
 * @return 0, or -errno to make the source stop; the sink says why in its own error text.
 */
struct trace_sink {
	int (*event)(struct trace_sink *sink, const struct trace_event *event);
	/**
	 * May be NULL. A source that waits calls it ten times a second, at @p time_ns since the recording began: what a sink
	 * holds back for the next event is to go on after a while without one.
	 */
	int (*tick)(struct trace_sink *sink, uint64_t time_ns);
};

/** @name Recordings as files
 * The format is described in docs/format.md.
 * @{ */

struct trace_writer;
/**
 * Begin a recording. The file is made, or emptied, and only its owner may read it.
 * @return 0 and the writer, or -errno.
 */
VMAPLE_API int trace_writer_open(
	struct trace_writer **writer, const char *path, const struct trace_header *header) __must_check;
/** The sink that writes: owned by the writer. */
VMAPLE_API struct trace_sink *trace_writer_sink(struct trace_writer *writer);
/** At its close the recording is to be on the disk, and survives what befalls the machine: fsync(2). */
VMAPLE_API void trace_writer_sync(struct trace_writer *writer);
/** How many events are in the file by now, and will be read whatever becomes of the writer. */
VMAPLE_API uint64_t trace_writer_events(const struct trace_writer *writer);
/** Write what is pending and the end mark, close, free. @return 0 or -errno: the recording ends before its end. */
VMAPLE_API int trace_writer_close(struct trace_writer *writer);

struct trace_reader;
/**
 * Open a recording.
 * @return 0 and the reader, or -errno and one sentence in @p error.
 */
VMAPLE_API int trace_reader_open(
	struct trace_reader **reader, const char *path, char *error, size_t error_size) __must_check;
/** What was true of the machine and the recording; lives as long as the reader. */
VMAPLE_API const struct trace_header *trace_reader_header(const struct trace_reader *reader);
/**
 * The next event; its pointers live until the next call.
 * @return 1; 0 at the end; -errno where the file is damaged: trace_reader_error() says where.  Everything before that
 * was delivered.
 */
VMAPLE_API int trace_reader_next(struct trace_reader *reader, struct trace_event *event) __must_check;
/** One sentence about what stopped trace_reader_next(). */
VMAPLE_API const char *trace_reader_error(const struct trace_reader *reader);
/** Bytes read so far, and of the whole file: for progress. */
VMAPLE_API void trace_reader_progress(const struct trace_reader *reader, uint64_t *done, uint64_t *total);
/** Close the file, free. Events that it delivered are gone with it. */
VMAPLE_API void trace_reader_close(struct trace_reader *reader);
/** @} */

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_TRACE_H */
