/* SPDX-License-Identifier: MIT */
/*
 * Is it true why two areas are two?  What keeps two neighbours apart is undone, on the engine to know with which call, and on the
 * kernel to see what comes of it.
 *
 * 1. A sequence of random calls is carried out on an engine.  Then each boundary is taken up, from low to high: explain_reasons()
 *    says why the two are two, and step by step one reason after the other is undone by a call (mprotect to equal access,
 *    MADV_DOFORK, munlock, ...), which becomes part of the sequence.
 * 2. Each step is a claim.  Is there no other reason, the two are one behind it; is there another one, they are two.  If nothing
 *    is in the way, and no call has looked at both, one that changes the upper one and one that changes it back join them.
 * 3. The sequence is carried out by the kernel in a child of its own and compared with the engine after each call, as every
 *    sequence is; then what was claimed is looked up in what the kernel has shown.
 * 4. What is undone is the upper area's, for of an area between two with which it may join, but not with both, Linux takes
 *    the lower one.  A step that has to change the lower area claims nothing where that may join what lies below.
 * 5. What an area is (its file and offset, shared or private, a stack, pages that were written, moved or inherited) no call
 *    changes: the upper area is mapped anew as the lower one is; and where that cannot help, as the lower one's pages are a
 *    parent's, too, or were moved, both.
 * 6. A step that the kernel refuses (limits, seals, rights) is counted as such.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmaple/explain.h>

#include "maker.h"
#include "uapi.h"

enum claim { CLAIM_ONE, CLAIM_TWO, CLAIM_NONE };

/* Calls [first, last] of a sequence, and what they make of the boundary at @at. */
struct step {
	unsigned int first, last;
	unsigned long at;
	uint32_t reasons; /* before it */
	uint32_t undone;
	enum claim claim;
	bool forked; /* in a fork's child, whose written pages are its parent's, too */
};
#define MAX_STEPS 512U

/* Neighbours. */
struct pair {
	const struct vm_area_struct *left, *right;
	uint32_t reasons;
};

/* Calls that undo something. */
struct undoing {
	uint32_t undone;
	uint32_t arises; /* what they may make differ */
	bool lower;      /* they change the lower area */
	unsigned int nr;
	struct call call[2];
};

static struct sequence sequence;
static struct engine predicted;
static int64_t results[MAX_CALLS];
static struct step steps[MAX_STEPS];
static unsigned int nr_steps;
static struct difference found;

static struct {
	unsigned long checked, sequences, wrong, refused, otherwise;
	unsigned long one[EXPLAIN_REASONS], two[EXPLAIN_REASONS], nothing; /* claims that were true */
	unsigned long forked;                                              /* of these: in a fork's child */
} tally;

/* --- what undoes a reason ------------------------------------------------------------------------------------ */

static void add_call(struct undoing *u, enum call_kind kind, const struct vm_area_struct *vma,
	unsigned long a, unsigned long b)
{
	u->call[u->nr++] = (struct call){ kind, { vma->vm_start, vma->vm_end - vma->vm_start, a, b } };
}

static unsigned long prot_of(const struct vm_area_struct *vma)
{
	return (unsigned long)((vma->vm_flags & VM_READ ? PROT_READ : 0) |
			       (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
			       (vma->vm_flags & VM_EXEC ? PROT_EXEC : 0));
}

static bool is_anonymous(const struct vm_area_struct *vma)
{
	return !vma->vm_file || vma->vm_file->kind == VM_FILE_ZERO;
}

/* Is its memory charged after an mprotect? What may be written is; what never was, and may not be any more, no longer is. */
static bool charged_after(const struct vm_area_struct *vma, unsigned long prot)
{
	vm_flags_t never = VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE;

	if (vma->vm_flags & VM_ACCOUNT)
		return prot & PROT_WRITE || !background.kernel->uncharges_untouched || !is_anonymous(vma) ||
		       vma->anon_vma;
	return prot & PROT_WRITE && !(vma->vm_flags & never);
}

static bool is_charged(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_ACCOUNT;
}

static bool undo_access(const struct pair *p, struct undoing *u)
{
	unsigned long prot = prot_of(p->left);

	/* Memory that is only executed gets a key of the kernel's own. */
	if (background.pkeys && (prot == PROT_EXEC || prot_of(p->right) == PROT_EXEC))
		return false;
	u->undone = p->reasons & (EXPLAIN_PROT | EXPLAIN_PKEY);
	if (charged_after(p->right, prot) == is_charged(p->left))
		u->undone |= p->reasons & EXPLAIN_CHARGED;
	else
		u->arises = EXPLAIN_CHARGED;
	if (p->reasons & EXPLAIN_PKEY)
		add_call(u, CALL_PKEY, p->right, prot, (p->left->vm_flags & VM_PKEY_MASK) >> VM_PKEY_SHIFT);
	else
		add_call(u, CALL_MPROTECT, p->right, prot, 0);
	return true;
}

/* By an mprotect and one that takes it back: charged memory that was never written becomes free, other memory charged. */
static bool toggle_charge(const struct vm_area_struct *vma, struct undoing *u)
{
	unsigned long prot = prot_of(vma), other = is_charged(vma) ? prot ^ PROT_READ : prot | PROT_WRITE;
	bool charged = charged_after(vma, other);

	if (prot & PROT_WRITE || charged == is_charged(vma))
		return false;
	/* What it is taken back to must not take that back. */
	if (charged && background.kernel->uncharges_untouched && is_anonymous(vma) && !vma->anon_vma)
		return false;
	add_call(u, CALL_MPROTECT, vma, other, 0);
	add_call(u, CALL_MPROTECT, vma, prot, 0);
	return true;
}

static bool undo_charged(const struct pair *p, struct undoing *u)
{
	if (background.pkeys && (prot_of(p->left) | prot_of(p->right)) & PROT_EXEC)
		return false;
	u->undone = EXPLAIN_CHARGED;
	if (toggle_charge(p->right, u))
		return true;
	u->lower = true;
	return toggle_charge(p->left, u);
}

/* The upper area is advised as the lower one is: @with if that has @flag, else @without. */
static bool advise(const struct pair *p, struct undoing *u, uint32_t reason, vm_flags_t flag,
	unsigned long with, unsigned long without)
{
	u->undone = reason;
	add_call(u, CALL_MADVISE, p->right, p->left->vm_flags & flag ? with : without, 0);
	return true;
}

static bool undo_dontfork(const struct pair *p, struct undoing *u)
{
	return advise(p, u, EXPLAIN_DONTFORK, VM_DONTCOPY, MADV_DONTFORK, MADV_DOFORK);
}

static bool undo_wipeonfork(const struct pair *p, struct undoing *u)
{
	return advise(p, u, EXPLAIN_WIPEONFORK, VM_WIPEONFORK, MADV_WIPEONFORK, MADV_KEEPONFORK);
}

static bool undo_dontdump(const struct pair *p, struct undoing *u)
{
	return advise(p, u, EXPLAIN_DONTDUMP, VM_DONTDUMP, MADV_DONTDUMP, MADV_DODUMP);
}

static bool undo_mergeable(const struct pair *p, struct undoing *u)
{
	return advise(p, u, EXPLAIN_MERGEABLE, VM_MERGEABLE, MADV_MERGEABLE, MADV_UNMERGEABLE);
}

static bool undo_readahead(const struct pair *p, struct undoing *u)
{
	return advise(p, u, EXPLAIN_READAHEAD, VM_SEQ_READ, MADV_SEQUENTIAL,
		p->left->vm_flags & VM_RAND_READ ? MADV_RANDOM : MADV_NORMAL);
}

/* No advice takes this one back: both get it. */
static bool undo_hugepage(const struct pair *p, struct undoing *u)
{
	vm_flags_t left = p->left->vm_flags & (VM_HUGEPAGE | VM_NOHUGEPAGE);

	if (left)
		return advise(p, u, EXPLAIN_HUGEPAGE, VM_HUGEPAGE, MADV_HUGEPAGE, MADV_NOHUGEPAGE);
	u->undone = EXPLAIN_HUGEPAGE;
	u->lower = true;
	add_call(u, CALL_MADVISE, p->left, p->right->vm_flags & VM_HUGEPAGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE,
		0);
	return true;
}

static bool undo_locked(const struct pair *p, struct undoing *u)
{
	u->lower = p->left->vm_flags & VM_LOCKED_MASK;
	/* Both are locked, and not in the same way: the upper one comes next. */
	u->undone = u->lower && p->right->vm_flags & VM_LOCKED_MASK ? 0 : EXPLAIN_LOCKED;
	add_call(u, CALL_MUNLOCK, u->lower ? p->left : p->right, 0, 0);
	return true;
}

static bool undo_policy(const struct pair *p, struct undoing *u)
{
	/* What a policy was made of cannot be asked: there is the way to none. */
	u->lower = p->left->policy != NULL;
	u->undone = u->lower && p->right->policy ? 0 : EXPLAIN_POLICY;
	add_call(u, CALL_MBIND, u->lower ? p->left : p->right, 0, 0);
	return true;
}

static bool undo_name(const struct pair *p, struct undoing *u)
{
	unsigned long number = 0;

	while (p->left->anon_name && strcmp(p->left->anon_name->name, name_of_number(number + 1)) != 0)
		number++;
	u->undone = EXPLAIN_NAME;
	u->lower = p->right->vm_file;
	/* Only anonymous memory has one. */
	if (u->lower)
		add_call(u, CALL_NAME, p->left, 0, 0);
	else
		add_call(u, CALL_NAME, p->right, p->left->anon_name ? number + 1 : 0, 0);
	return true;
}

static bool undo_uffd(const struct pair *p, struct undoing *u)
{
	u->lower = p->left->uffd_ctx != NULL;
	u->undone = u->lower && p->right->uffd_ctx ? 0 : EXPLAIN_UFFD;
	add_call(u, CALL_UFFD, u->lower ? p->left : p->right, 0, 0);
	return true;
}

/* What a mapping that begins today has; all else came by a later call, or the kernel gave it. */
#define FRESH_FLAGS \
	(VM_ACCESS_FLAGS | VM_SHARED | VM_MAYSHARE | VM_MAY_FLAGS | VM_NORESERVE | VM_ACCOUNT | VM_STICKY)
#define LATER_FLAGS                                                                                 \
	(VM_DONTCOPY | VM_WIPEONFORK | VM_DONTDUMP | VM_LOCKED_MASK | VM_HUGEPAGE | VM_NOHUGEPAGE | \
		VM_MERGEABLE | VM_SEQ_READ | VM_RAND_READ | VM_GROWSDOWN | VM_UFFD_FLAGS)
#define WHAT_IT_IS                                                                                    \
	(EXPLAIN_SHARED | EXPLAIN_FILE | EXPLAIN_OPENED_TWICE | EXPLAIN_OFFSET | EXPLAIN_MOVED |      \
		EXPLAIN_WRITTEN | EXPLAIN_INHERITED | EXPLAIN_STACK | EXPLAIN_RESERVE | EXPLAIN_MAY | \
		EXPLAIN_OTHER_FLAGS | EXPLAIN_SPECIAL | EXPLAIN_CLOSE)

/* The file's number in calls; FILE_INDICES: it cannot be mapped again. */
static unsigned int file_of(const struct vm_area_struct *vma)
{
	unsigned int i;

	if (!vma->vm_file)
		return vma->vm_flags & VM_MAYSHARE ? FILE_INDICES : FILE_NONE;
	for (i = FILE_RW; i < FILE_INDICES; i++)
		if (i != FILE_SECRET && vma->vm_file == &predicted.file[i])
			break;
	return i;
}

static bool can_be_mapped_anew(const struct pair *p)
{
	vm_flags_t both = p->left->vm_flags | p->right->vm_flags;

	if (p->left->vm_flags & ~(FRESH_FLAGS | LATER_FLAGS) || both & VM_SEALED)
		return false;
	if (p->right->vm_file && p->right->vm_file->kind == VM_FILE_SPECIAL)
		return false;
	/* Memory that is only executed gets a key of the kernel's own. */
	if (background.pkeys && prot_of(p->left) == PROT_EXEC)
		return false;
	return file_of(p->left) != FILE_INDICES;
}

/* The place of @vma, as the lower area would go on there. */
static void map_as_lower(struct undoing *u, const struct pair *p, const struct vm_area_struct *vma)
{
	const struct vm_area_struct *like = p->left;
	unsigned int file = file_of(like);
	unsigned long flags = MAP_FIXED | (like->vm_flags & VM_MAYSHARE ? MAP_SHARED : MAP_PRIVATE) |
			      (file ? 0 : MAP_ANONYMOUS) |
			      (like->vm_flags & VM_NORESERVE ? MAP_NORESERVE : 0);
	unsigned long offset = file ? like->vm_pgoff * PAGE + (vma->vm_start - like->vm_start) : 0;

	u->call[u->nr++] = (struct call){ CALL_MMAP,
		{ vma->vm_start, vma->vm_end - vma->vm_start, prot_of(like), flags, file, offset } };
}

/* Does the lower area differ from a mapping that is made as it was, in something that calls undo? */
static bool has_more_than_a_new_one(const struct vm_area_struct *left)
{
	vm_flags_t fresh = left->vm_mm->def_flags & VM_LOCKED_MASK;
	bool charged = (left->vm_flags & (VM_WRITE | VM_MAYSHARE | VM_NORESERVE)) == VM_WRITE;

	return ((left->vm_flags ^ fresh) & LATER_FLAGS) || left->policy || left->uffd_ctx ||
	       left->anon_name || charged != is_charged(left);
}

static bool undo_what_it_is(const struct pair *p, struct undoing *u)
{
	const struct vm_area_struct *left = p->left;
	bool anonymous = !left->vm_file, both;

	if (!can_be_mapped_anew(p))
		return false;
	both = left->vm_flags & VM_GROWSDOWN || (left->anon_vma && predicted.depth) ||
	       (anonymous && left->vm_pgoff != left->vm_start / PAGE);
	if (both)
		map_as_lower(u, p, left);
	map_as_lower(u, p, p->right);
	u->undone = p->reasons;
	if (!both && has_more_than_a_new_one(left)) {
		u->undone &= WHAT_IT_IS;
		u->arises = EXPLAIN_OTHER_FLAGS;
	}
	return true;
}

static bool undo_sealed(const struct pair *p, struct undoing *u)
{
	u->lower = !(p->left->vm_flags & VM_SEALED);
	u->undone = EXPLAIN_SEALED;
	add_call(u, CALL_MSEAL, u->lower ? p->left : p->right, 0, 0);
	return true;
}

/* Any call that changes the upper area, and one that changes it back. */
static bool undo_nothing(const struct pair *p, struct undoing *u)
{
	bool is = p->right->vm_flags & VM_DONTCOPY;

	u->undone = EXPLAIN_NOTHING;
	add_call(u, CALL_MADVISE, p->right, is ? MADV_DOFORK : MADV_DONTFORK, 0);
	add_call(u, CALL_MADVISE, p->right, is ? MADV_DONTFORK : MADV_DOFORK, 0);
	return true;
}

/* In this order: a seal cannot be taken back, and what is sealed cannot be changed. */
static const struct {
	uint32_t reason;
	bool (*undo)(const struct pair *p, struct undoing *u);
} undos[] = {
	{ EXPLAIN_NOTHING, undo_nothing },
	{ EXPLAIN_UFFD, undo_uffd },
	{ EXPLAIN_LOCKED, undo_locked },
	{ EXPLAIN_POLICY, undo_policy },
	{ EXPLAIN_NAME, undo_name },
	{ EXPLAIN_PROT | EXPLAIN_PKEY, undo_access },
	{ EXPLAIN_CHARGED, undo_charged },
	{ EXPLAIN_DONTFORK, undo_dontfork },
	{ EXPLAIN_WIPEONFORK, undo_wipeonfork },
	{ EXPLAIN_DONTDUMP, undo_dontdump },
	{ EXPLAIN_MERGEABLE, undo_mergeable },
	{ EXPLAIN_READAHEAD, undo_readahead },
	{ EXPLAIN_HUGEPAGE, undo_hugepage },
	{ WHAT_IT_IS, undo_what_it_is },
	{ EXPLAIN_SEALED, undo_sealed },
};
#define UNDOS (sizeof(undos) / sizeof(undos[0]))

/* --- planning ------------------------------------------------------------------------------------------------- */

/* What would make the prediction depend on more than calls: guard regions, execution that reading implies, refusals for ever. */
static void leave_out(struct sequence *s)
{
	for (unsigned int i = 0; i < s->nr; i++) {
		struct call *c = &s->call[i];
		bool guard = c->kind == CALL_MADVISE && (c->arg[2] == 102 || c->arg[2] == 103);

		if (guard || c->kind == CALL_PERSONA || c->kind == CALL_MDWE || c->kind == CALL_MEMORY_MERGE)
			*c = (struct call){ CALL_MADVISE, { WINDOW, PAGE, MADV_NORMAL } };
	}
}

static void carry_out(struct sequence *s, const struct call *c)
{
	s->call[s->nr] = *c;
	results[s->nr++] = engine_call(&predicted, c);
}

static bool is_pair(const struct vm_area_struct *left, const struct vm_area_struct *right)
{
	return left && left->vm_end == right->vm_start && left->vm_start >= WATCH_LO &&
	       right->vm_end <= WATCH_HI;
}

/* The lowest boundary above @at. */
static bool next_pair(unsigned long at, struct pair *p)
{
	struct mm_struct *mm = engine_mm(&predicted);
	struct vm_area_struct *left = NULL, *right;

	for (right = find_vma(mm, at); right && right->vm_start < WATCH_HI;
		right = find_vma(mm, right->vm_end)) {
		if (right->vm_start <= at)
			continue;
		left = vma_lookup(mm, right->vm_start - 1);
		if (!is_pair(left, right))
			continue;
		*p = (struct pair){ left, right, explain_reasons(left, right) };
		return true;
	}
	return false;
}

static bool pair_at(unsigned long at, struct pair *p)
{
	return next_pair(at - 1, p) && p->right->vm_start == at;
}

/* May the lower area join what lies below it? Then it is not known which of the two it will join. */
static bool has_neighbour_below(const struct pair *p)
{
	const struct vm_area_struct *below = vma_lookup(engine_mm(&predicted), p->left->vm_start - 1);

	return below && below->vm_end == p->left->vm_start;
}

/*
 * A change and one that takes it back: between them the upper area may have been one with what lies above it, and have got pages
 * from there that cannot be one with the lower area's.
 */
static bool may_join_above_meanwhile(const struct pair *p, const struct undoing *u)
{
	const struct vm_area_struct *right = p->right,
				    *above = vma_lookup(engine_mm(&predicted), right->vm_end);

	return u->nr == 2 && u->call[0].arg[0] == right->vm_start && above && above->anon_vma &&
	       !right->anon_vma;
}

static bool choose(const struct pair *p, uint32_t tried, struct undoing *u)
{
	for (size_t i = 0; i < UNDOS; i++) {
		*u = (struct undoing){ .nr = 0 };
		if (p->reasons & undos[i].reason & ~tried && undos[i].undo(p, u))
			return true;
	}
	return false;
}

/* One reason less, and what is claimed of it. The reasons that were taken up; 0: nothing can be undone. */
static uint32_t take_step(struct sequence *s, const struct pair *p, uint32_t tried)
{
	struct step *step = &steps[nr_steps];
	struct undoing u;

	if (nr_steps == MAX_STEPS || s->nr + 2 > MAX_CALLS || !choose(p, tried, &u))
		return 0;
	*step = (struct step){ .first = s->nr,
		.at = p->right->vm_start,
		.reasons = p->reasons,
		.undone = u.undone,
		.forked = predicted.depth != 0 };
	if ((p->reasons & ~u.undone) | u.arises)
		step->claim = CLAIM_TWO;
	else if ((u.lower && has_neighbour_below(p)) || may_join_above_meanwhile(p, &u))
		step->claim = CLAIM_NONE;
	else
		step->claim = CLAIM_ONE;
	for (unsigned int i = 0; i < u.nr; i++)
		carry_out(s, &u.call[i]);
	step->last = s->nr - 1;
	nr_steps++;
	return u.undone ? u.undone : p->reasons & (EXPLAIN_LOCKED | EXPLAIN_POLICY | EXPLAIN_UFFD);
}

/* Every reason that can be undone, one by one; each kind at most twice. */
static void take_up(struct sequence *s, unsigned long at)
{
	uint32_t once = 0, twice = 0, kind;
	struct pair p;

	while (pair_at(at, &p) && (kind = take_step(s, &p, twice)) != 0) {
		twice |= once & kind;
		once |= kind;
	}
}

static void plan(struct sequence *s)
{
	unsigned int nr = s->nr;
	struct pair p;

	nr_steps = 0;
	s->nr = 0;
	engine_begin(&predicted);
	for (unsigned int i = 0; i < nr; i++) {
		struct call c = s->call[i];

		carry_out(s, &c);
	}
	for (unsigned long at = WATCH_LO; next_pair(at, &p);) {
		at = p.right->vm_start;
		take_up(s, at);
	}
	engine_end(&predicted);
}

/* --- what the kernel has shown -------------------------------------------------------------------------------- */

static bool begins_at(const struct seen *s, unsigned long at)
{
	for (uint32_t i = 0; i < s->nr; i++)
		if (s->area[i].start == at)
			return true;
	return false;
}

static void count_true(const struct step *step)
{
	unsigned long *counts = step->claim == CLAIM_ONE ? tally.one : tally.two;

	tally.forked += step->forked;
	if (step->reasons == EXPLAIN_NOTHING) {
		tally.nothing++;
		return;
	}
	for (int i = 0; i < EXPLAIN_REASONS; i++)
		counts[i] +=
			(step->claim == CLAIM_ONE ? step->undone : step->reasons & ~step->undone) >> i & 1;
}

static void report(const struct sequence *s, const struct step *step, bool is_two)
{
	char names[256], path[128], line[512], comment[384];

	tally.wrong++;
	explain_reason_names(step->reasons, names, sizeof(names));
	snprintf(path, sizeof(path), "/tmp/kernel-oracle-undo-%d.%lu.case", (int)getpid(), tally.wrong);
	snprintf(comment, sizeof(comment), "%s undone at page %ld: %s", names,
		(long)(step->at - WINDOW) >> 12,
		is_two ? "still two" : "one, though there are other reasons");
	printf("# WRONG: %s; kept in %s\n", comment, sequence_save(s, path, comment) ? path : "no file");
	for (unsigned int i = 0; i <= step->last; i++) {
		call_print(&s->call[i], line);
		printf("%s%s\n", i >= step->first ? "# undone by: " : "", line);
	}
}

/* @seen: after each call; @last: after the step. */
static void judge(const struct sequence *s, const struct step *step, const struct seen *const *seen)
{
	bool is_two = begins_at(seen[step->last], step->at);

	for (unsigned int i = step->first; i <= step->last; i++)
		if (IS_ERR_VALUE(seen[i]->result)) {
			tally.refused++;
			return;
		}
	if (step->claim == CLAIM_NONE)
		return;
	if (is_two == (step->claim == CLAIM_TWO))
		count_true(step);
	else
		report(s, step, is_two);
}

static void judge_all(const struct sequence *s, const struct record *r)
{
	static const struct seen *seen[MAX_CALLS];
	const uint8_t *at = r->data;

	for (unsigned int i = 0; i < r->done; i++) {
		seen[i] = (const struct seen *)at;
		at += sizeof(*seen[i]) + seen[i]->nr * sizeof(seen[i]->area[0]);
		/* What was planned for was another map. */
		if (seen[i]->result != results[i]) {
			tally.otherwise++;
			return;
		}
	}
	for (unsigned int i = 0; i < nr_steps && steps[i].last < r->done; i++)
		judge(s, &steps[i], seen);
}

/* --- the run ------------------------------------------------------------------------------------------------- */

static void print_counts(const char *what, const unsigned long *counts, unsigned long *sum)
{
	const char *between = "";

	*sum = 0;
	for (int i = 0; i < EXPLAIN_REASONS; i++)
		*sum += counts[i];
	printf("# %s: %lu (", what, *sum);
	for (int i = 0; i < EXPLAIN_REASONS; i++) {
		if (!counts[i])
			continue;
		printf("%s%s %lu", between, explain_reason_key((enum explain_reason)(1 << i)), counts[i]);
		between = ", ";
	}
	printf(")\n");
}

/* False: it differs, or a child died. */
static bool run_one(void)
{
	if (!check_sequence(&sequence, DEEP_NEVER, &found)) {
		printf("# differs in: %s, call %u\n%s", found.what, found.call, found.text);
		return false;
	}
	judge_all(&sequence, checker);
	tally.checked += checker->done;
	tally.sequences++;
	return true;
}

int undo_run(unsigned long calls, unsigned long seed, unsigned int length, const char *mix)
{
	struct random r = { seed };
	unsigned long one, two;
	bool well = true;

	while (well && tally.checked < calls && tally.wrong < 10) {
		if (!generate(&sequence, &r, length, mix))
			return 2;
		leave_out(&sequence);
		plan(&sequence);
		well = run_one();
	}
	print_counts("undone, and one", tally.one, &one);
	print_counts("two for what was not undone", tally.two, &two);
	printf("# nothing in the way, and one when looked at: %lu\n", tally.nothing);
	printf("# steps in a fork's child: %lu\n", tally.forked);
	printf("# %lu calls in %lu sequences, seed %lu: %lu claims, %lu wrong; %lu steps refused, %lu "
	       "sequences "
	       "otherwise; Linux %s, profile %s\n",
		tally.checked, tally.sequences, seed, one + two + tally.nothing + tally.wrong, tally.wrong,
		tally.refused, tally.otherwise, background.release, background.kernel->name);
	return well && !tally.wrong && one && tally.nothing ? 0 : 1;
}
