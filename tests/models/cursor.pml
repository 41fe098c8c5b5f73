/* SPDX-License-Identifier: MIT */
/*
 * A reader that remembers its leaf beside the writer of a maple tree: docs/maple-tree.md (7), MB2.
 *
 * 1. The tree is a root that holds the number of the write that made it. The writer counts a write in ma_gen, and then
 *    publishes. A reader takes the count and then the root, and goes on from there while the count stays the same.
 * 2. To hold: what was finished before the reader took the count is in what it remembers; and while the count is the
 *    same, no write beyond it is in the tree. So a position lags by the write that was under way, and by no other.
 * 3. Memory is weaker than x86's: each store lies in a buffer of its own until `memory` carries it out, in any order, but
 *    where a release waits for those before it. A load without acquire may come after the next one.
 *
 * Breaks, each of which must be found: NO_ACQUIRE, NO_RELEASE, COUNTED_AFTER.
 */
#define WRITES 3
#define LOOKS  3

byte gen = 0, gen_next, root = 0, root_next;
bool gen_pending = false, root_pending = false;

proctype memory()
{
end:
	do
	:: atomic { gen_pending -> gen = gen_next; gen_pending = false }
	:: atomic { root_pending -> root = root_next; root_pending = false }
	od
}

/* Each waits for its own variable's last store: a CPU keeps those in order. */
inline count(write)
{
	!gen_pending;
	gen_next = write;
	gen_pending = true
}

inline publish(write)
{
#ifndef NO_RELEASE
	!gen_pending;
#endif
	!root_pending;
	root_next = write;
	root_pending = true
}

proctype writer()
{
	byte write = 0;

	do
	:: write < WRITES ->
		write++;
#ifdef COUNTED_AFTER
		publish(write);
		!root_pending;
		count(write)
#else
		count(write);
		publish(write)
#endif
	:: else -> break
	od
}

proctype reader()
{
	byte finished, counted, leaf, looks = 0;

	do
	:: looks < LOOKS ->
		looks++;
#ifdef NO_ACQUIRE
		if
		:: leaf = root; atomic { counted = gen; finished = root }
		:: atomic { counted = gen; finished = root }; leaf = root
		fi;
#else
		atomic { counted = gen; finished = root };
		leaf = root;
#endif
		assert(leaf >= finished);
		/* Any time later, in the same section. */
		atomic {
			if
			:: gen == counted -> assert(root <= counted)
			:: else -> skip
			fi
		}
	:: else -> break
	od
}

init
{
	atomic {
		run memory();
		run reader();
		run writer()
	}
}
