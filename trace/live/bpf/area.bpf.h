/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * An area of the kernel's as a record.
 *
 * What an area holds (file, anon_vma, policy, context) is read under the mmap lock of its mm, and
 * cannot go meanwhile although its counts are not raised.
 */
#ifndef LIVE_BPF_AREA_H
#define LIVE_BPF_AREA_H

#include "kernel.h"

/*
 * Equal policies, equal numbers; never 0. They keep areas apart that differ in nothing else
 * (mpol_equal() in the kernel's merge).
 */
static __always_inline u64 policy_number(const struct vm_area_struct *vma)
{
	const struct mempolicy *p;
	u64 n;

	if (!bpf_core_field_exists(vma->vm_policy))
		return 0;
	p = vma->vm_policy;
	if (!p)
		return 0;
	n = (u64)p->mode | (u64)p->flags << 16 | 1ull << 63;
	/* Since 5.17. */
	if (bpf_core_field_exists(p->home_node))
		n ^= (u64)(u32)p->home_node << 32;
	/* Nodes beyond the first 64 are not told apart. */
	return n ^ p->nodes.bits[0] * 0x9e3779b97f4a7c15ull;
}

/*
 * Against writing: F_SEAL_WRITE or F_SEAL_FUTURE_WRITE of memfd_create(2) makes a shared mapping lose
 * VM_MAYWRITE. The seals stand beside the inode in the file system's own struct, of which only the
 * offsets are known here: the place is found by arithmetic and read by a helper, because a number made
 * by subtraction is no pointer to the verifier. What cannot be read is 0, not sealed.
 */
static __always_inline bool is_sealed(const struct file *file)
{
	const struct inode *inode = file->f_inode;
	unsigned long magic = inode->i_sb->s_magic;
	u64 at = 0;
	u32 seals = 0;

	if (magic == TMPFS_MAGIC && bpf_core_type_exists(struct shmem_inode_info))
		at = (u64)inode - bpf_core_field_offset(struct shmem_inode_info, vfs_inode) +
		     bpf_core_field_offset(struct shmem_inode_info, seals);
	else if (magic == HUGETLBFS_MAGIC && bpf_core_type_exists(struct hugetlbfs_inode_info))
		at = (u64)inode - bpf_core_field_offset(struct hugetlbfs_inode_info, vfs_inode) +
		     bpf_core_field_offset(struct hugetlbfs_inode_info, seals);
	if (at)
		bpf_probe_read_kernel(&seals, sizeof(seals), (void *)at);
	return seals & WRITE_SEALS;
}

/*
 * A chain of one link has the same neighbour on both sides of its head (list_is_singular()). Each
 * ancestor that has written adds a link (anon_vma_clone()), and the own one of a child another
 * (anon_vma_fork()).
 */
static __always_inline u32 area_flags(const struct vm_area_struct *vma)
{
	u32 flags = 0;

	if (vma->vm_ops && vma->vm_ops->close)
		flags |= AREA_HAS_CLOSE;
	if (vma->anon_vma && vma->anon_vma_chain.next != vma->anon_vma_chain.prev)
		flags |= AREA_INHERITED;
	if (vma->vm_file && is_sealed(vma->vm_file))
		flags |= AREA_SEALED;
	return flags;
}

/*
 * @vma: as the verifier knows it, so that its members can be read. Every field is written, so that @a
 * need not be cleared: of what was there before in a buffer that is used again nothing gets into a
 * record.
 */
static __always_inline void area_read(struct bpf_area *a, const struct vm_area_struct *vma)
{
	struct file *file = vma->vm_file;
	struct anon_vma *av = vma->anon_vma;

	a->start = vma->vm_start;
	a->end = vma->vm_end;
	a->vm_flags = vma->vm_flags;
	a->pgoff = vma->vm_pgoff;
	a->file = (u64)file;
	a->ino = file ? file->f_inode->i_ino : 0;
	a->dev = file ? file->f_inode->i_sb->s_dev : 0;
	a->anon_vma = (u64)av;
	a->anon_root = av ? (u64)av->root : 0;
	a->uffd = bpf_core_field_exists(vma->vm_userfaultfd_ctx.ctx) ? (u64)vma->vm_userfaultfd_ctx.ctx : 0;
	a->policy = policy_number(vma);
	a->flags = area_flags(vma);
}

/*
 * The name is the last part of the path, cut at 47 bytes; of memory without a path it is what it was
 * made with ("memfd:NAME", "SYSV00000000", "dev/zero").
 */
static __always_inline void file_read(struct bpf_file *to, const struct file *file)
{
	to->magic = file->f_inode->i_sb->s_magic;
	to->block_size = file->f_inode->i_sb->s_blocksize;
	to->mode = file->f_inode->i_mode;
	to->rdev = file->f_inode->i_rdev;
	to->f_mode = file->f_mode;
	to->noexec = !!(file->f_path.mnt->mnt_flags & MNT_NOEXEC);
	to->places = !!file->f_op->get_unmapped_area;
	to->name[0] = 0;
	bpf_probe_read_kernel_str(to->name, sizeof(to->name), file->f_path.dentry->d_name.name);
}

#endif
