/* SPDX-License-Identifier: MIT */
/**
 * @file types.h
 * Words that every part of vmaple shares: index types, error pointers, allocation flags.
 *
 * The names are the Linux kernel's.  Errors are negative errno values; a call that returns an address
 * or a pointer carries the error in the last page of the address space, as the kernel does.
 */
#ifndef VMAPLE_TYPES_H
#define VMAPLE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Put before a declaration that libvmaple exports. Everything else stays hidden. */
#ifdef _WIN32
#define VMAPLE_API
#else
#define VMAPLE_API __attribute__((visibility("default")))
#endif
/** On a function whose result must not be ignored. */
#define __must_check __attribute__((warn_unused_result))

/** Around what C has, and every C++ compiler, but no C++ standard: unnamed structs, arrays without a length. */
#define VMAPLE_C_ONLY_BEGIN _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wpedantic\"")
#define VMAPLE_C_ONLY_END   _Pragma("GCC diagnostic pop")

/** Allocation flags. Only GFP_NOWAIT means something here: the allocator must not block. */
typedef unsigned int gfp_t;
#define GFP_KERNEL ((gfp_t)0)
#define GFP_NOWAIT ((gfp_t)1)

/** An offset into a file or a private address line, in pages. */
typedef unsigned long pgoff_t;

/** Largest errno that an address or a pointer can carry. */
#define MAX_ERRNO 4095UL

/** True when @p x, an address returned by a call, is an error (-errno) and no address. */
#define IS_ERR_VALUE(x) ((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)

static inline void *ERR_PTR(long error)
{
	return (void *)(intptr_t)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)(intptr_t)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return (uintptr_t)ptr >= (uintptr_t)-MAX_ERRNO;
}

/** Two-way links through structures; the head is a link itself. */
struct list_link {
	struct list_link *next, *prev;
};

#ifdef __cplusplus
}
#endif
#endif /* VMAPLE_TYPES_H */
