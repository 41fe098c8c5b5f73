/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel's own types as far as the programs here read them.  Where each member lies is found when a program is loaded
 * (CO-RE), by its name: neither the order here nor what is left out matters.
 *
 * A member that the running kernel lacks becomes an instruction that the verifier refuses where it can
 * be reached. So what not every kernel has is asked for first (bpf_core_field_exists(),
 * bpf_core_type_exists()): libbpf makes constants of these, and the branch that is not taken is never
 * looked at. A struct whose name ends in ___ and a word is the same one of other kernels, where a
 * member has another type: libbpf cuts that off before it searches. places.c copies of the kernel's
 * types those that are declared here.
 */
#ifndef LIVE_BPF_KERNEL_H
#define LIVE_BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "record.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef _Bool bool;
#define true 1
#define false 0

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next, *prev;
};

/*
 * s_dev is in the kernel's own encoding, 12 bits of major above 20 of minor (MKDEV()); shown_device()
 * makes what /proc shows of it.
 */
struct super_block {
	u32 s_dev;
	unsigned long s_magic, s_blocksize;
};

struct inode {
	unsigned short i_mode;
	u32 i_rdev;
	struct super_block *i_sb;
	unsigned long i_ino;
};

/* What memory of an open file has around its inode. */
struct shmem_inode_info {
	unsigned int seals;
	struct inode vfs_inode;
};

struct hugetlbfs_inode_info {
	struct inode vfs_inode;
	unsigned int seals;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	int mnt_flags;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

/*
 * Only whether there is one is asked: file systems that put mappings on borders of huge pages, as ext4
 * and XFS do, have it, and so have drivers.
 */
struct file_operations {
	void (*get_unmapped_area)(void);
};

/*
 * f_inode is set at open and stays, so that it is read without a lock. private_data of a userfaultfd's
 * descriptor is its context.
 */
struct file {
	unsigned int f_mode;
	const struct file_operations *f_op;
	void *private_data;
	struct inode *f_inode;
	struct path f_path;
};

/* The root of a fork's tree of them; its own address where no parent had one. */
struct anon_vma {
	struct anon_vma *root;
};

/*
 * Behind a count of users; the kernel's array has no length of its own, and a name has its NUL within
 * ANON_VMA_NAME_MAX_LEN.
 */
struct anon_vma_name {
	char name[AREA_NAME_BYTES];
};

/* Of the set of nodes the first word alone, which is all there is up to 64 nodes. */
struct mempolicy {
	unsigned short mode, flags;
	struct {
		unsigned long bits[1];
	} nodes;
	int home_node;
};

/*
 * Areas with a close operation are never taken away by a merge (can_merge_remove_vma()), so that the
 * engine has to know it; which one it is does not matter.
 */
struct vm_operations_struct {
	void (*close)(void);
};

struct userfaultfd_ctx {
	bool released; /* its last descriptor is gone, and its areas are being taken back */
	struct mm_struct *mm;
};

struct mm_struct;

/*
 * vm_flags lies in a union without a name since 6.3, which CO-RE looks through. anon_name and vm_policy
 * are there only with CONFIG_ANON_VMA_NAME and CONFIG_NUMA, the context of a userfaultfd only with
 * CONFIG_USERFAULTFD: area.bpf.h asks for each.
 */
struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_flags, vm_pgoff;
	struct mm_struct *vm_mm;
	struct list_head anon_vma_chain;
	struct anon_vma *anon_vma;
	struct anon_vma_name *anon_name;
	struct file *vm_file;
	const struct vm_operations_struct *vm_ops;
	struct mempolicy *vm_policy;
	struct {
		struct userfaultfd_ctx *ctx;
	} vm_userfaultfd_ctx;
};

/* ma_root is an encoded pointer: see areas.bpf.h. */
struct maple_tree {
	void *ma_root;
};

/*
 * A leaf's node, or an inner one without gaps: 16 slots on 64-bit machines. The parent's pointer comes
 * before the pivots and is not read.
 */
struct maple_range_64 {
	unsigned long pivot[15];
	void *slot[16];
};

/* An inner node that has the largest gap of each slot as well, as all of an mm's are. */
struct maple_arange_64 {
	unsigned long pivot[9];
	void *slot[10];
};

/* As ma_write gets it: index and last are what is being stored to, both inclusive. */
struct ma_state {
	struct maple_tree *tree;
	unsigned long index, last;
};

/* Bytes of the mapping; gaps and alignment have members of their own. */
struct vm_unmapped_area_info {
	unsigned long length;
};

/*
 * Its members lie in a struct without a name, for the sake of layouts that are shuffled. mm_users is 0
 * from mmput() of the last task on, so that in exit_mmap() the write lock is seen with a count of 0.
 */
struct mm_struct {
	struct {
		int counter;
	} mm_users;
	struct maple_tree mm_mt;
	unsigned long start_code, end_code, start_data, end_data, arg_start, arg_end, env_start, env_end;
	int map_count;
	struct {
		unsigned int sequence;
	} mm_lock_seq;
	unsigned long def_flags, total_vm, task_size, mmap_base, start_brk, brk, start_stack;
};

/* Before 6.14: it is raised where the lock is let go. */
struct mm_struct___counted {
	int mm_lock_seq;
};

/* Before 6.13 the hooks of the lock are given a path behind the mm. */
struct trace_event_raw_mmap_lock_acquire_returned {
	u64 memcg_id;
};

/* status has TS_COMPAT while a system call by int 0x80 or of a 32-bit program is carried out. */
struct thread_info {
	u32 status;
};

struct rlimit {
	u64 rlim_cur, rlim_max;
};

/*
 * By the numbers of RLIMIT_, 16 of them. Read without the lock of the group leader that prlimit(2)
 * takes: a value is one word, and either is true for a moment.
 */
struct signal_struct {
	struct rlimit rlim[16];
};

/*
 * The caller is the one whose table it is, inside a call: no other task can free the table under it,
 * since it is freed behind a grace period of RCU, and a program runs within a read section.
 */
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

/* NULL in the first one alone. */
struct user_namespace {
	struct user_namespace *parent;
};

struct cred {
	struct {
		u64 val;
	} cap_effective;
	struct user_namespace *user_ns;
};

/* As it was given to execve(2), or /dev/fd/N for execveat(2) of a descriptor. */
struct linux_binprm {
	const char *filename;
};

/*
 * x86-64's. orig_ax is the number of the call, or -1 where an interrupt or a fault has entered the
 * kernel; ax, the result, comes with the hook and is not read.
 */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r10, r9, r8, dx, si, di, orig_ax, ip, sp;
};

/*
 * pid is the task's number, tgid the process's, as the kernel names them; both of the first pid
 * namespace, which is why permitted.c asks to be in that.
 */
struct task_struct {
	struct thread_info thread_info;
	int exit_code;
	unsigned int personality;
	const struct cred *cred;
	struct signal_struct *signal;
	struct files_struct *files;
	struct mm_struct *mm;
	int pid, tgid;
	unsigned int flags;
	u64 start_boottime;
	char comm[16];
};

#pragma clang attribute pop

/*
 * The number of write sections, twice; odd in one: that has to be said where the kernel counts their
 * ends alone (6.4 to 6.13, but for later 6.12.y). 0: it counts none. Read where the lock is held or not
 * at all (map.bpf.c reads it under the lock for reading, when no write section is under way): it does
 * not change meanwhile. @inside: is it in a write section now?
 */
static __always_inline u64 sequence_of(const struct mm_struct *mm, bool inside)
{
	const struct mm_struct___counted *counted = (const void *)mm;

	if (bpf_core_field_exists(mm->mm_lock_seq.sequence))
		return mm->mm_lock_seq.sequence;
	if (bpf_core_field_exists(counted->mm_lock_seq))
		return 2ull * (u32)counted->mm_lock_seq + inside;
	return 0;
}

/*
 * Arguments of a hook, by instructions that the compiler cannot join: each kernel has to load the one that it has from where it
 * has it, and a hook that may read more than it is given is refused.
 */
#define ARGUMENT(ctx, n)                                                                     \
	({                                                                                   \
		u64 value;                                                                   \
		asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(value) : "r"(ctx), "i"((n)*8)); \
		value;                                                                       \
	})

/*
 * A constant when the program is loaded. By the event's own record, since a hook's arguments have no
 * names: memcg_id took the place of the path (6.13).
 */
static __always_inline bool lock_has_path(void)
{
	const struct trace_event_raw_mmap_lock_acquire_returned *told = 0;

	return !bpf_core_field_exists(told->memcg_id);
}

/*
 * The arguments of mmap_lock_acquire_returned behind the mm: [path,] write, success. Reading one that
 * this kernel does not have would be beyond what the program may read of its context, for which loading
 * fails.
 */
#define LOCK_TAKEN(ctx, write, success)               \
	do {                                          \
		if (lock_has_path()) {                \
			(write) = ARGUMENT(ctx, 2);   \
			(success) = ARGUMENT(ctx, 3); \
		} else {                              \
			(write) = ARGUMENT(ctx, 1);   \
			(success) = ARGUMENT(ctx, 2); \
		}                                     \
	} while (0)

#define TMPFS_MAGIC     0x01021994
#define HUGETLBFS_MAGIC 0x958458f6
#define WRITE_SEALS     0x18 /* F_SEAL_WRITE, F_SEAL_FUTURE_WRITE */

#define FMODE_ACCESS 0x03
#define MNT_NOEXEC   0x04
#define PF_EXITING   0x00000004
#define PF_KTHREAD   0x00200000
#define TS_COMPAT    2

#endif
