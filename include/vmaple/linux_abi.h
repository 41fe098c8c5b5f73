/* SPDX-License-Identifier: MIT */
/**
 * @file linux_abi.h
 * The numbers of Linux's interface to x86-64's programs, as the calls of <vmaple/mm.h> take and answer them.
 *
 * They belong to the guest, and a host's headers may have others or none under the same names: these are the same on
 * every host, under names of their own, so that <sys/mman.h> and <errno.h> can be included beside them in any order.
 * On Linux on x86-64 each equals the one of those headers that has its name without VMAPLE_.
 */
#ifndef VMAPLE_LINUX_ABI_H
#define VMAPLE_LINUX_ABI_H

/** @name Rights: mmap(2), mprotect(2)
 * PROT_SEM means nothing, PROT_BTI and PROT_MTE something on arm64 only
 * @{ */
#define VMAPLE_PROT_NONE      0x0
#define VMAPLE_PROT_READ      0x1
#define VMAPLE_PROT_WRITE     0x2
#define VMAPLE_PROT_EXEC      0x4
#define VMAPLE_PROT_SEM       0x8
#define VMAPLE_PROT_BTI       0x10
#define VMAPLE_PROT_MTE       0x20
#define VMAPLE_PROT_GROWSDOWN 0x01000000
#define VMAPLE_PROT_GROWSUP   0x02000000
/** @} */

/** @name Kinds and flags of a mapping: mmap(2)
 * @{ */
#define VMAPLE_MAP_SHARED          0x01
#define VMAPLE_MAP_PRIVATE         0x02
#define VMAPLE_MAP_SHARED_VALIDATE 0x03
#define VMAPLE_MAP_DROPPABLE       0x08
#define VMAPLE_MAP_TYPE            0x0f
#define VMAPLE_MAP_FIXED           0x10
#define VMAPLE_MAP_ANONYMOUS       0x20
#define VMAPLE_MAP_32BIT           0x40
#define VMAPLE_MAP_ABOVE4G         0x80
#define VMAPLE_MAP_GROWSDOWN       0x0100
#define VMAPLE_MAP_DENYWRITE       0x0800
#define VMAPLE_MAP_EXECUTABLE      0x1000
#define VMAPLE_MAP_LOCKED          0x2000
#define VMAPLE_MAP_NORESERVE       0x4000
#define VMAPLE_MAP_POPULATE        0x8000
#define VMAPLE_MAP_NONBLOCK        0x10000
#define VMAPLE_MAP_STACK           0x20000
#define VMAPLE_MAP_HUGETLB         0x40000
#define VMAPLE_MAP_SYNC            0x80000
#define VMAPLE_MAP_FIXED_NOREPLACE 0x100000
#define VMAPLE_MAP_UNINITIALIZED   0x4000000
/** @} */

/** @name Moving: mremap(2)
 * @{ */
#define VMAPLE_MREMAP_MAYMOVE   1
#define VMAPLE_MREMAP_FIXED     2
#define VMAPLE_MREMAP_DONTUNMAP 4
/** @} */

/** @name Advice: madvise(2)
 * @{ */
#define VMAPLE_MADV_NORMAL          0
#define VMAPLE_MADV_RANDOM          1
#define VMAPLE_MADV_SEQUENTIAL      2
#define VMAPLE_MADV_WILLNEED        3
#define VMAPLE_MADV_DONTNEED        4
#define VMAPLE_MADV_FREE            8
#define VMAPLE_MADV_REMOVE          9
#define VMAPLE_MADV_DONTFORK        10
#define VMAPLE_MADV_DOFORK          11
#define VMAPLE_MADV_MERGEABLE       12
#define VMAPLE_MADV_UNMERGEABLE     13
#define VMAPLE_MADV_HUGEPAGE        14
#define VMAPLE_MADV_NOHUGEPAGE      15
#define VMAPLE_MADV_DONTDUMP        16
#define VMAPLE_MADV_DODUMP          17
#define VMAPLE_MADV_WIPEONFORK      18
#define VMAPLE_MADV_KEEPONFORK      19
#define VMAPLE_MADV_COLD            20
#define VMAPLE_MADV_PAGEOUT         21
#define VMAPLE_MADV_POPULATE_READ   22
#define VMAPLE_MADV_POPULATE_WRITE  23
#define VMAPLE_MADV_DONTNEED_LOCKED 24
#define VMAPLE_MADV_COLLAPSE        25
#define VMAPLE_MADV_GUARD_INSTALL   102
#define VMAPLE_MADV_GUARD_REMOVE    103
/** @} */

/** @name Locking: mlockall(2), mlock2(2)
 * @{ */
#define VMAPLE_MCL_CURRENT   1
#define VMAPLE_MCL_FUTURE    2
#define VMAPLE_MCL_ONFAULT   4
#define VMAPLE_MLOCK_ONFAULT 0x01
/** @} */

/** @name Errors
 * What calls answer, negated
 * @{ */
#define VMAPLE_EPERM      1
#define VMAPLE_EIO        5
#define VMAPLE_ENOENT     2
#define VMAPLE_EBADF      9
#define VMAPLE_EAGAIN     11
#define VMAPLE_ENOMEM     12
#define VMAPLE_EACCES     13
#define VMAPLE_EFAULT     14
#define VMAPLE_EBUSY      16
#define VMAPLE_EEXIST     17
#define VMAPLE_EINVAL     22
#define VMAPLE_ENOSPC     28
#define VMAPLE_ENOSYS     38
#define VMAPLE_EBADMSG    74
#define VMAPLE_EOVERFLOW  75
#define VMAPLE_EOPNOTSUPP 95
/** @} */

#endif /* VMAPLE_LINUX_ABI_H */
