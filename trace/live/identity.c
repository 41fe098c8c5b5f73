/* SPDX-License-Identifier: MIT */
/*
 * Which open file a descriptor is.
 *
 * 1. Meaning.  Two mappings can become one area only if they are of one `struct file`; the kernel shows device and inode,
 *    which many open files share.  A number for each open file is what a recording has.
 *
 * 2. How.  kcmp(2) puts open files in an order: that of their addresses, scrambled in the same way until the next boot.  The
 *    recorder opens some files of its own, the marks, and looks between which two of them a descriptor lies: its
 *    rank.  An open file that is mapped stays where it is, whatever becomes of its descriptors, so one with the same inode, the
 *    same access and the same rank is the same file, through whichever descriptor, thread or process it comes (dup, fork, a
 *    socket); another rank is another file.  Two open files of one inode can have one rank, by chance of one to the number
 *    of marks: where areas touch, the map tells them apart (files.c).
 *
 * 3. Without kcmp (a container may forbid it) the number of the descriptor takes the place of the rank.
 *
 * 4. Memory.  Only files that are mapped need an identity.  mm->mapped says which those are; what it does not have is
 *    swept out when there are twice as many as after the last time: O(log n) for each mapping, and no bound.
 */
#include <fcntl.h>
#include <linux/kcmp.h>
#include <search.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "internal.h"
#include "uapi.h"

#define SWEEP_AT_FIRST 1024
/* Ranks are below this, descriptors that stand for them are not. */
#define NO_RANK 0x10000u

/*
 * -1, 0, 1: the first lies before, at, behind the second; 2: they cannot be compared. kcmp(2): 0 equal, 1
 * less, 2 greater (kcmp_ptr()); errors and what is not ordered are 2 here.
 */
static int compare_files(pid_t pid1, int fd1, pid_t pid2, int fd2)
{
	static const int order[] = { 0, -1, 1, 2 };
	int answer = kernel->kcmp(pid1, pid2, KCMP_FILE, (unsigned long)fd1, (unsigned long)fd2);

	return answer < 0 || answer > 3 ? 2 : order[answer];
}

/* --- marks -------------------------------------------------------------------------------------------------- */

/* For qsort(3), of marks that can be compared. */
static int by_address(const void *a, const void *b)
{
	pid_t self = getpid();

	return compare_files(self, *(const int *)a, self, *(const int *)b);
}

/* Marks that cannot be compared stay as they are: the first question finds out (descriptor_rank()). */
void identity_open(struct live *l)
{
	struct rlimit rl = { 0, 0 };

	l->self = getpid();
	getrlimit(RLIMIT_NOFILE, &rl);
	/* An eighth of the descriptors: address spaces need two each. */
	while (l->nr_marks < MARKS_MAX && l->nr_marks < rl.rlim_cur / 8) {
		/*
		 * Any file that is always there; each open makes a struct file of its own, somewhere in the
		 * kernel's slab of these.
		 */
		int fd = kernel->open("/", O_PATH | O_CLOEXEC);

		if (fd < 0)
			break;
		l->marks[l->nr_marks++] = fd;
	}
	if (l->nr_marks > 1 && by_address(&l->marks[0], &l->marks[1]) != 2)
		qsort(l->marks, l->nr_marks, sizeof(l->marks[0]), by_address);
}

/*
 * The rank of an open file lies in [low, high]: one comparison more. False: they cannot be compared. The
 * rank is how many marks lie below the file.
 */
static bool narrow(
	const struct live *l, pid_t tid, int fd, unsigned int mark, unsigned int *low, unsigned int *high)
{
	int order = compare_files(l->self, l->marks[mark], tid, fd);

	if (order < 0)
		*low = mark + 1;
	else
		*high = mark;
	return order != 2;
}

/* At most log2 of the marks and two calls of kcmp(2); two for the file that was asked about last. */
uint32_t descriptor_rank(struct live *l, pid_t tid, int fd)
{
	unsigned int low = 0, high = l->nr_marks, guess = l->last_rank;
	bool comparable = high > 0;

	/* Mostly it is the file that was asked about last. */
	if (comparable && guess > 0)
		comparable = narrow(l, tid, fd, guess - 1, &low, &high);
	if (comparable && guess < high)
		comparable = narrow(l, tid, fd, guess, &low, &high);
	while (comparable && low < high)
		comparable = narrow(l, tid, fd, (low + high) / 2, &low, &high);
	if (!comparable)
		return NO_RANK + (uint32_t)fd;
	l->last_rank = low;
	return low;
}

/* --- known files -------------------------------------------------------------------------------------------- */

/* Inode first: the one that differs most often. A total order, by all four members. */
static int compare_keys(const void *a, const void *b)
{
	const struct file_key *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->open_flags > y->open_flags) - (x->open_flags < y->open_flags);
}

/* O(log n). */
struct known_file *identity_find(const struct live *l, const struct file_key *key)
{
	struct known_file **found = tfind(key, &l->known_files, compare_keys);

	return found ? *found : NULL;
}

/* The numbers of all files that are mapped now. False: no memory, and the set is not complete. */
static bool mark_mapped(struct live *l, struct maple_tree *mapped)
{
	struct task *t;
	unsigned long tid = 0;

	mt_for_each (&l->tasks, t, tid, ULONG_MAX) {
		unsigned long at = 0;
		void *id;

		if (!t->mm)
			continue;
		mt_for_each (&t->mm->mapped, id, at, ULONG_MAX)
			if (mtree_store(mapped, xa_to_value(id), id, GFP_KERNEL))
				return false;
	}
	return true;
}

/*
 * Without memory for the set of mapped files nothing is swept; sweep_at grows all the same, or each
 * mapping would try again.
 *
 * O(areas that are of files, in all address spaces). A file that is known and not mapped may be closed,
 * and its address used again: so it must not be recognised.
 */
static void sweep(struct live *l)
{
	struct maple_tree mapped = MTREE_INIT(mapped, 0);
	bool marked = mark_mapped(l, &mapped);
	struct known_file **link = &l->all_known, *k;

	while (marked && (k = *link) != NULL) {
		if (mtree_load(&mapped, k->id)) {
			link = &k->next;
			continue;
		}
		*link = k->next;
		tdelete(&k->key, &l->known_files, compare_keys);
		free(k);
		l->nr_known--;
	}
	mtree_destroy(&mapped);
	l->sweep_at = 2 * l->nr_known + SWEEP_AT_FIRST;
}

/* Its number is 0 until the caller gives it one; is.known is false. */
struct known_file *identity_add(struct live *l, const struct file_key *key)
{
	struct known_file *k, **node;

	if (l->nr_known >= l->sweep_at)
		sweep(l);
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->key = *key;
	node = tsearch(&k->key, &l->known_files, compare_keys);
	if (!node) {
		free(k);
		return NULL;
	}
	k->next = l->all_known;
	l->all_known = k;
	l->nr_known++;
	return k;
}

/* Also of one that was never opened: there are no marks then. */
void identity_close(struct live *l)
{
	struct known_file *k;

	while ((k = l->all_known) != NULL) {
		l->all_known = k->next;
		tdelete(&k->key, &l->known_files, compare_keys);
		free(k);
	}
	while (l->nr_marks)
		kernel->close(l->marks[--l->nr_marks]);
}

/* --- which areas are of which file -------------------------------------------------------------------------- */

/* Without memory the range is of no known file, rather than of the wrong one. */
static void store_id(struct maple_tree *mapped, uint64_t start, uint64_t end, uint32_t id)
{
	if (end > start && mtree_store_range(mapped, start, end - 1, xa_mk_value(id), GFP_KERNEL))
		forget(mapped, start, end);
}

uint32_t mapped_file_at(const struct live_mm *mm, uint64_t addr)
{
	void *id = mtree_load((struct maple_tree *)&mm->mapped, addr);

	return id ? (uint32_t)xa_to_value(id) : 0;
}

void mapped_file_copy(const struct live_mm *from, struct live_mm *to)
{
	/* For want of memory the child's areas are of files that nobody knows. */
	if (mtree_dup((struct maple_tree *)&from->mapped, &to->mapped, GFP_KERNEL))
		mt_init_flags(&to->mapped, 0);
}

/* The file at @addr, or the next one above, and its range; 0: there is none. */
static uint32_t next_mapped(struct maple_tree *mapped, uint64_t addr, struct range *run)
{
	MA_STATE(mas, mapped, addr, addr);
	void *id;

	mas_lock(&mas);
	id = mas_find(&mas, ULONG_MAX);
	mas_unlock(&mas);
	*run = (struct range){ mas.index, mas.last + 1 };
	return id ? (uint32_t)xa_to_value(id) : 0;
}

/*
 * What moves keeps its file; what becomes longer does so at its end.
 *
 * By way of a second tree, for the two ranges may overlap nowhere but lie in any order, and storing would
 * meet what is still to be read.
 */
static void follow_move(
	struct live_mm *mm, const struct trace_call *c, const struct range *old, struct range to)
{
	struct maple_tree moved = MTREE_INIT(moved, 0);
	struct range run;
	uint32_t id;

	for (uint64_t at = old->start; (id = next_mapped(&mm->mapped, at, &run)) && run.start < old->end;
		at = run.end) {
		uint64_t start = run.start > old->start ? run.start - old->start : 0,
			 end = run.end < old->end ? run.end - old->start : to.end - to.start;

		if (start < end && end <= to.end - to.start)
			store_id(&moved, to.start + start, to.start + end, id);
	}
	if (!(c->args[3] & MREMAP_DONTUNMAP))
		forget(&mm->mapped, old->start, old->end);
	forget(&mm->mapped, to.start, to.end);
	for (uint64_t at = 0; (id = next_mapped(&moved, at, &run)) != 0; at = run.end)
		store_id(&mm->mapped, run.start, run.end, id);
	mtree_destroy(&moved);
}

/* A placed range without a file takes away what was there: anonymous memory over a file. */
void mapped_file_follow_call(struct task *t, int64_t result)
{
	struct live_mm *mm = t->mm;
	struct range r[2], placed;
	unsigned int n = named_ranges(t, r);
	bool has_placed = placed_range(&t->call, result, &placed);

	if (t->call.nr == NR_mremap) {
		if (has_placed && n)
			follow_move(mm, &t->call, &r[0], placed);
	} else if (has_placed) {
		forget(&mm->mapped, placed.start, placed.end);
		if (t->call.file)
			store_id(&mm->mapped, placed.start, placed.end, t->call.file);
	} else if (t->call.nr == NR_munmap && n) {
		forget(&mm->mapped, r[0].start, r[0].end);
	}
}
