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
 * 4. A step that has to change the lower area claims nothing where that may join what lies below: see undo_calls.c.
 * 5. A step that the kernel refuses (limits, seals, rights) is counted as such.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "undo.h"

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

/* Each of these is of the sequence at hand, and is written over by the next. */
static struct sequence sequence;
static struct engine predicted;
/* What the engine answered while it was planned for, by call. */
static int64_t results[MAX_CALLS];
static struct step steps[MAX_STEPS];
static unsigned int nr_steps;
static struct difference found;

/*
 * Over the whole run. checked: calls; refused: steps whose calls the kernel refused; otherwise: sequences
 * that were given up, as a call answered not as it was planned for.
 */
static struct {
	unsigned long checked, sequences, wrong, refused, otherwise;
	unsigned long one[EXPLAIN_REASONS], two[EXPLAIN_REASONS], nothing; /* claims that were true */
	unsigned long forked;                                              /* of these: in a fork's child */
} tally;

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

/*
 * Append to the sequence, and make the call on the engine at once: the next step is chosen from the map
 * that it leaves.
 */
static void carry_out(struct sequence *s, const struct call *c)
{
	s->call[s->nr] = *c;
	results[s->nr++] = engine_call(&predicted, c);
}

/*
 * Both in the window as a whole: the kernel's side sees no area beyond it, and a call that changes one of
 * this process's own would break the observer.
 */
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
		*p = (struct pair){ left, right, explain_reasons(left, right), &predicted };
		return true;
	}
	return false;
}

/* False: there is no boundary at @at any more, the two have become one. */
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

/* One reason less, and what is claimed of it. The reasons that were taken up; 0: nothing can be undone. */
static uint32_t take_step(struct sequence *s, const struct pair *p, uint32_t tried)
{
	struct step *step = &steps[nr_steps];
	struct undoing u;

	if (nr_steps == MAX_STEPS || s->nr + 2 > MAX_CALLS || !undo_choose(p, tried, &u))
		return 0;
	*step = (struct step){ .first = s->nr,
		.at = p->right->vm_start,
		.reasons = p->reasons,
		.undone = u.undone,
		.forked = predicted.depth != 0 };
	if ((p->reasons & ~u.undone) | u.arises)
		step->claim = CLAIM_TWO;
	/* It is carried out even so: it may lead to steps that claim something. */
	else if ((u.lower && has_neighbour_below(p)) || may_join_above_meanwhile(p, &u))
		step->claim = CLAIM_NONE;
	else
		step->claim = CLAIM_ONE;
	for (unsigned int i = 0; i < u.nr; i++)
		carry_out(s, &u.call[i]);
	/* What it is judged by is the map behind its last call, not behind one of several. */
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

/*
 * Carry @s out on an engine of its own, then go through the boundaries upwards and append the steps. The
 * areas are looked up again after each step, for every pointer may be gone. It ends, as @at grows and
 * take_up() is finite.
 */
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

/*
 * Is there a boundary at @at? Asked only of places that were one: a hole below it would be the engine's
 * mistake and was found by compare().
 */
static bool begins_at(const struct seen *s, unsigned long at)
{
	for (uint32_t i = 0; i < s->nr; i++)
		if (s->area[i].start == at)
			return true;
	return false;
}

/*
 * One claim proves as many reasons as it names: of those that were one, each that was undone, of those that
 * stayed two, each that was left.
 */
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

/* The case file has the whole sequence; what is printed ends with the step. */
static void report(const struct sequence *s, const struct step *step, bool is_two)
{
	char names[256], path[128], line[512], comment[384];

	tally.wrong++;
	explain_reason_names(step->reasons, names, sizeof(names));
	snprintf(path, sizeof(path), "/tmp/kernel-oracle-undo-%d.%lu.case", (int)getpid(), tally.wrong);
	snprintf(comment, sizeof(comment), "%s undone at page %ld: %s", names,
		(long)(step->at - WINDOW) >> background.page_shift,
		is_two ? "still two" : "one, though there are other reasons");
	printf("# WRONG: %s; kept in %s\n", comment, sequence_save(s, path, comment) ? path : "no file");
	for (unsigned int i = 0; i <= step->last; i++) {
		call_print(&s->call[i], line);
		printf("%s%s\n", i >= step->first ? "# undone by: " : "", line);
	}
}

/*
 * @seen: after each call. A step of which one call was refused has undone nothing, whatever was planned:
 * limits, rights and seals are no part of the reasons.
 */
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
	/* A record that was full before the end judges the steps that it has. */
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
		char path[128];

		snprintf(path, sizeof(path), "/tmp/kernel-oracle-undo-%d.case", (int)getpid());
		printf("# differs in: %s, call %u; kept in %s\n%s", found.what, found.call,
			sequence_save(&sequence, path, found.what) ? path : "no file", found.text);
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

	/* Rare is that nothing is in the way: a short run goes on until it has seen it. */
	while (well && tally.wrong < 10 &&
		(tally.checked < calls || (!tally.nothing && tally.checked < 10 * calls))) {
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
	/* A run that has claimed nothing is a failure: it would be green for ever. */
	return well && !tally.wrong && one && tally.nothing ? 0 : 1;
}
