/* SPDX-License-Identifier: MIT */
/*
 * The words that the kernel's VMA scenarios are written in, each with the meaning that it has on the engine: see scene.h.
 *
 * An mm_struct is a sorted list of areas, which the scenarios fill, change by hand and look at.  An operation hands the list
 * to the engine and takes over what it says, if the scenarios' function would have changed anything at all.
 */
#ifndef VMA_WORDS_H
#define VMA_WORDS_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "flags.h"
#include "scene.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE_SHIFT    12
#define ERR_PTR(err)  ((void *)(long)(err))
typedef unsigned long pgoff_t;

struct list_head {
	struct list_head *next, *prev;
};
static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head->prev = head;
}
static inline void list_add(struct list_head *entry, struct list_head *head)
{
	entry->next = head->next;
	entry->prev = head;
	head->next->prev = entry;
	head->next = entry;
}

struct anon_vma {
	bool was_cloned, was_unlinked;
};
struct anon_vma_chain {
	struct anon_vma *anon_vma;
	struct list_head same_vma;
};
struct vm_area_struct;
struct vm_operations_struct {
	void (*close)(struct vm_area_struct *vma);
};
struct mm_struct {
	int mm_mt; /* destroyed by name */
	int map_count;
	struct vm_area_struct *area[SCENE_AREAS];
};
struct vm_area_struct {
	unsigned long vm_start, vm_end;
	pgoff_t vm_pgoff, anon_pgoff;
	vma_flags_t flags;
	struct mm_struct *vm_mm;
	const struct vm_operations_struct *vm_ops; /* NULL: anonymous */
	struct anon_vma *anon_vma;
	struct list_head anon_vma_chain;
	unsigned int vm_lock_seq; /* UINT_MAX: not written to since */
};
struct vm_area_desc {
	vma_flags_t vma_flags;
};
struct task_struct {
	struct mm_struct *mm;
};
extern struct task_struct *const current;

enum vma_merge_state { VMA_MERGE_START, VMA_MERGE_ERROR_NOMEM, VMA_MERGE_NOMERGE, VMA_MERGE_SUCCESS };

struct vma_iterator {
	struct mm_struct *mm;
	unsigned long addr; /* where it stands, or will begin */
	unsigned long behind;
	bool begun;
};
#define VMA_ITERATOR(name, mm_, addr_) struct vma_iterator name = { .mm = (mm_), .addr = (addr_) }

struct vma_merge_struct {
	struct mm_struct *mm;
	struct vma_iterator *vmi;
	struct vm_area_struct *prev, *middle, *next, *target;
	unsigned long start, end;
	pgoff_t pgoff, anon_pgoff;
	vma_flags_t vma_flags;
	struct anon_vma *anon_vma;
	enum vma_merge_state state;
	bool just_expand, __remove_middle, __remove_next, __adjust_middle_start, __adjust_next_start;
};
#define VMG_STATE(name, mm_, vmi_, start_, end_, flags_, pgoff_, anon_pgoff_) \
	struct vma_merge_struct name = { .mm = (mm_),                         \
		.vmi = (vmi_),                                                \
		.start = (start_),                                            \
		.end = (end_),                                                \
		.vma_flags = (flags_),                                        \
		.pgoff = (pgoff_),                                            \
		.anon_pgoff = (anon_pgoff_) }

extern struct anon_vma dummy_anon_vma;
extern bool fail_prealloc;
extern unsigned int operations; /* that the engine has carried out */

/* --- the list ------------------------------------------------------------------------------------------------ */

struct vm_area_struct *alloc_vma(
	struct mm_struct *mm, unsigned long start, unsigned long end, pgoff_t pgoff, vma_flags_t flags);
int attach_vma(struct mm_struct *mm, struct vm_area_struct *vma);
struct vm_area_struct *alloc_and_link_vma(
	struct mm_struct *mm, unsigned long start, unsigned long end, pgoff_t pgoff, vma_flags_t flags);
void detach_free_vma(struct vm_area_struct *vma);
bool is_attached(const struct vm_area_struct *vma);
void empty_mm(struct mm_struct *mm);
int cleanup_mm(struct mm_struct *mm, struct vma_iterator *vmi);
#define mtree_destroy(mt)        empty_mm((struct mm_struct *)(mt)) /* the first member of its mm */
#define vma_assert_attached(vma) ASSERT_TRUE_OR_DIE(is_attached(vma))
#define ASSERT_TRUE_OR_DIE(x)    ((x) ? (void)0 : (void)(printf("# %s is FALSE\n", #x), abort()))

struct vm_area_struct *vma_next(struct vma_iterator *vmi);
struct vm_area_struct *vma_prev(struct vma_iterator *vmi);
struct vm_area_struct *vma_iter_load(struct vma_iterator *vmi);
void vma_iter_clear(struct vma_iterator *vmi);
static inline void vma_iter_set(struct vma_iterator *vmi, unsigned long addr)
{
	*vmi = (struct vma_iterator){ .mm = vmi->mm, .addr = addr };
}
static inline unsigned long vma_iter_addr(const struct vma_iterator *vmi)
{
	return vmi->addr;
}
#define vma_iter_next_range(vmi) ((void)vma_next(vmi))
#define for_each_vma(vmi, vma)   while (((vma) = vma_next(&(vmi))) != NULL)

/* --- areas --------------------------------------------------------------------------------------------------- */

#define vma_start_pgoff(vma)      ((vma)->vm_pgoff)
#define vma_start_anon_pgoff(vma) ((vma)->anon_pgoff)
static inline void vma_set_anonymous(struct vm_area_struct *vma)
{
	vma->vm_ops = NULL;
}
static inline void dummy_close(struct vm_area_struct *vma)
{
}
static inline bool vma_write_started(struct vm_area_struct *vma)
{
	bool written = vma->vm_lock_seq != UINT_MAX;

	vma->vm_lock_seq = UINT_MAX;
	return written;
}
static inline void reset_dummy_anon_vma(void)
{
	dummy_anon_vma = (struct anon_vma){ 0 };
}
static inline void __vma_set_dummy_anon_vma(
	struct vm_area_struct *vma, struct anon_vma_chain *avc, struct anon_vma *anon_vma)
{
	vma->anon_vma = avc->anon_vma = anon_vma;
	INIT_LIST_HEAD(&vma->anon_vma_chain);
	list_add(&avc->same_vma, &vma->anon_vma_chain);
}
static inline void vma_set_dummy_anon_vma(struct vm_area_struct *vma, struct anon_vma_chain *avc)
{
	__vma_set_dummy_anon_vma(vma, avc, &dummy_anon_vma);
}

/* --- operations ---------------------------------------------------------------------------------------------- */

/* The library has functions of these names, of its own. */
#define vma_merge_new_range scenario_merge_new_range
#define vma_modify_flags    scenario_modify_flags

struct vm_area_struct *vma_merge_new_range(struct vma_merge_struct *vmg);
struct vm_area_struct *merge_existing(struct vma_merge_struct *vmg);
int vma_expand(struct vma_merge_struct *vmg);
int vma_shrink(struct vma_iterator *vmi, struct vm_area_struct *vma, unsigned long end);
struct vm_area_struct *vma_merge_extend(
	struct vma_iterator *vmi, struct vm_area_struct *vma, unsigned long delta);
struct vm_area_struct *vma_modify_flags(struct vma_iterator *vmi, struct vm_area_struct *prev,
	struct vm_area_struct *vma, unsigned long start, unsigned long end, vma_flags_t *flags);
struct vm_area_struct *copy_vma(struct vm_area_struct **vmap, unsigned long addr, unsigned long len,
	pgoff_t pgoff, pgoff_t anon_pgoff, bool *need_rmap_locks, bool keep_source);
unsigned long __mmap_region(
	void *file, unsigned long addr, unsigned long len, vma_flags_t flags, pgoff_t pgoff, void *unused);

/* --- assertions: a test that fails says where, and returns --------------------------------------------------- */

#define ASSERT_TRUE(x)                                                                   \
	do {                                                                             \
		if (!(x)) {                                                              \
			printf("# %s() line %d: %s is FALSE\n", __func__, __LINE__, #x); \
			return false;                                                    \
		}                                                                        \
	} while (0)
#define ASSERT_FALSE(x)                     ASSERT_TRUE(!(x))
#define ASSERT_EQ(a, b)                     ASSERT_TRUE((a) == (b))
#define ASSERT_NE(a, b)                     ASSERT_TRUE((a) != (b))
#define ASSERT_FLAGS_SAME_MASK(f, mask)     ASSERT_TRUE(vma_flags_same_mask(f, mask))
#define ASSERT_FLAGS_NOT_SAME_MASK(f, mask) ASSERT_FALSE(vma_flags_same_mask(f, mask))
#define ASSERT_FLAGS_SAME(f, ...)           ASSERT_TRUE(vma_flags_same(f, __VA_ARGS__))
#define ASSERT_FLAGS_NOT_SAME(f, ...)       ASSERT_FALSE(vma_flags_same(f, __VA_ARGS__))
#define ASSERT_FLAGS_EMPTY(f)               ASSERT_TRUE(vma_flags_empty(f))
#define ASSERT_FLAGS_NONEMPTY(f)            ASSERT_FALSE(vma_flags_empty(f))

#define TEST(name)                                                               \
	do {                                                                     \
		bool good = test_##name();                                       \
		(*num_tests)++;                                                  \
		*num_fail += !good;                                              \
		printf("%sok %d - " #name "\n", good ? "" : "not ", *num_tests); \
	} while (0)

#endif /* VMA_WORDS_H */
