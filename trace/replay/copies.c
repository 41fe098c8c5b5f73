/* SPDX-License-Identifier: MIT */
/*
 * Copies of address spaces that are not made before they are needed.
 *
 * 1. Meaning.  A fork gives the child what its parent has at that moment.  As long as neither changes, the parent's areas
 *    are the child's as well: the child is only listed with it, in the order of the forks.
 * 2. Invariants
 *    CP1  a space with a source has no area of its own, and no copies: a fork of it makes it whole first.
 *    CP2  a space that others are copies of has not changed since the first of them was listed.
 * 3. Why it is exact.  A copy that is made later is made from the same areas.  What forks leave in the parent, the number
 *    of children of its anon_vmas, is asked only where the parent has given up areas: then all copies have been made.
 * 4. Failure.  Making a copy allocates: whoever is about to change a space asks first, and can still leave it as it is.
 */
#include <errno.h>

#include "alloc.h"
#include "internal.h"
#include "list.h"

/*
 * The fork is carried out now. s leaves the list first: mm_fork() changes nothing of the parent that others
 * of the list could see (CP2).
 */
static int make_whole(struct space *s)
{
	struct mm_struct *parent = &s->source->mm;
	unsigned long failures = port_failures();

	list_del(&s->among_copies);
	s->source = NULL;
	/* Refused for a limit, a fork that was carried out is the recording's fault: a check will name what is missing. */
	if (mm_fork(&s->mm, parent))
		mm_init(&s->mm, parent->sys);
	s->mm.owner = s;
	s->mm.counters.peak_areas = (unsigned long)s->mm.map_count;
	return failures == port_failures() ? 0 : -ENOMEM;
}

void copies_init(struct space *s)
{
	list_init(&s->copies);
}

/*
 * @child has an mm without areas. A parent that is itself a copy is made whole first (CP1), so that chains
 * are one link long.
 */
int copies_add(struct space *child, struct space *parent, bool at_once)
{
	int err = copies_make_own(parent);

	if (err)
		return err;
	child->source = parent;
	list_add_tail(&child->among_copies, &parent->copies);
	/* Where there are pages, a fork write-protects them. */
	return at_once || parent->mm.pgd ? make_whole(child) : 0;
}

int copies_make_own(struct space *s)
{
	return s->source ? make_whole(s) : 0;
}

int copies_before_change(struct space *s)
{
	int err = copies_make_own(s);

	while (!err && !list_empty(&s->copies))
		err = make_whole(list_entry(s->copies.next, struct space, among_copies));
	return err;
}

void copies_forget(struct space *s)
{
	/* Where all ends, nobody will ask for them. */
	while (!list_empty(&s->copies))
		copies_forget(list_entry(s->copies.next, struct space, among_copies));
	if (s->source)
		list_del(&s->among_copies);
	s->source = NULL;
}
