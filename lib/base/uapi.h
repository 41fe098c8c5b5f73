/* SPDX-License-Identifier: MIT */
/*
 * What the kernel's interface to x86-64's programs has, and the headers of Debian 12 (Linux 6.1, glibc 2.36), or of a
 * host of another architecture, do not have.
 *
 * Numbers and layouts only, each under its own name and only where it is missing.
 */
#ifndef BASE_UAPI_H
#define BASE_UAPI_H

#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <vmaple/linux_abi.h>

#include "system_calls.h"

#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#ifndef ARCH_MAP_VDSO_64
#define ARCH_MAP_VDSO_X32 0x2001
#define ARCH_MAP_VDSO_32  0x2002
#define ARCH_MAP_VDSO_64  0x2003
#endif
#ifndef ARCH_SHSTK_ENABLE
#define ARCH_SHSTK_ENABLE  0x5001
#define ARCH_SHSTK_DISABLE 0x5002
#endif

#ifndef MAP_32BIT /* x86's alone: missing where the host is another */
#define MAP_32BIT VMAPLE_MAP_32BIT
#endif
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE VMAPLE_MAP_DROPPABLE
#endif
#ifndef MAP_ABOVE4G
#define MAP_ABOVE4G VMAPLE_MAP_ABOVE4G
#endif
#ifndef MAP_UNINITIALIZED
#define MAP_UNINITIALIZED VMAPLE_MAP_UNINITIALIZED
#endif
#ifndef PROT_SEM
#define PROT_SEM VMAPLE_PROT_SEM
#endif
#ifndef PROT_BTI /* arm64's alone */
#define PROT_BTI VMAPLE_PROT_BTI
#endif
#ifndef PROT_MTE
#define PROT_MTE VMAPLE_PROT_MTE
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP VMAPLE_MREMAP_DONTUNMAP
#endif

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  VMAPLE_MADV_POPULATE_READ
#define MADV_POPULATE_WRITE VMAPLE_MADV_POPULATE_WRITE
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED VMAPLE_MADV_DONTNEED_LOCKED
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE VMAPLE_MADV_COLLAPSE
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL VMAPLE_MADV_GUARD_INSTALL
#define MADV_GUARD_REMOVE  VMAPLE_MADV_GUARD_REMOVE
#endif

#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#define PR_MDWE_NO_INHERIT       2
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#endif
#ifndef PR_SET_SHADOW_STACK_STATUS
#define PR_SET_SHADOW_STACK_STATUS 75
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#ifndef USERFAULTFD_IOC_NEW /* Linux 6.1: on a descriptor of /dev/userfaultfd */
#define USERFAULTFD_IOC_NEW _IO(0xaa, 0x00)
#endif
#ifndef UFFDIO_MOVE /* Linux 6.8; its argument begins with three numbers: to, from, length */
#define UFFDIO_MOVE _IOC(_IOC_READ | _IOC_WRITE, UFFDIO, 0x05, 40)
#endif

#ifndef STATX_MNT_ID_UNIQUE /* Linux 6.8 */
#define STATX_MNT_ID_UNIQUE 0x4000
#endif

#ifndef PROCMAP_QUERY /* Linux 6.11: on a descriptor of /proc/PID/maps */
struct procmap_query {
	uint64_t size, query_flags, query_addr;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)
/* vma_flags has PROT_READ, PROT_WRITE and PROT_EXEC as they are. */
enum { PROCMAP_QUERY_VMA_SHARED = 8, PROCMAP_QUERY_COVERING_OR_NEXT_VMA = 16 };
#endif

#ifndef PAGEMAP_SCAN /* Linux 6.7: on a descriptor of /proc/PID/pagemap */
struct page_region {
	uint64_t start, end, categories;
};
struct pm_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
enum {
	PAGE_IS_FILE = 4,
	PAGE_IS_PRESENT = 8,
	PAGE_IS_SWAPPED = 16,
	PAGE_IS_PFNZERO = 32,
	PAGE_IS_HUGE = 64,
	PAGE_IS_GUARD = 256 /* Linux 6.15 */
};
#endif

#endif /* BASE_UAPI_H */
