/* SPDX-License-Identifier: MIT */
/*
 * Readers beside the writer of a maple tree, down to the reuse of a node: docs/threads.md, docs/maple-tree.md (7).
 *
 * 1. The tree is a root that points to a leaf. A leaf has the two halves of what was stored last, which belong
 *    together, and an entry that is always there. The writer fills a free leaf, publishes it, waits for a grace
 *    period, and frees the old one, which then holds rubbish.
 * 2. The grace period is that of strangers (lib/base/rcu.c): two counters and a hint.
 * 3. Memory is weaker than x86's: the store that publishes, and a reader's count of itself, each lie in a buffer until
 *    `memory` carries them out or their owner waits for it, which is what a full fence is.
 *
 * Breaks, each of which must be found: NO_PERIOD, NO_RELEASE, IN_PLACE, NO_READER_FENCE, NO_WRITER_FENCE, ONE_COUNTER.
 */
#define READERS 2
#define LEAVES  3
#define LOOKS   2
#define WRITES  3

byte root = 0, root_next;
bool root_pending = false;
byte low[LEAVES], high[LEAVES];
bool stable[LEAVES], used[LEAVES];

byte inside[2];
byte hint = 0;
byte counter_of[READERS];
bool enters[READERS]; /* its count is still in the buffer */

proctype memory()
{
end:
	do
	:: atomic { root_pending -> root = root_next; root_pending = false }
	:: atomic { enters[0] -> inside[counter_of[0]]++; enters[0] = false }
	:: atomic { enters[1] -> inside[counter_of[1]]++; enters[1] = false }
	od
}

proctype reader(byte me)
{
	byte leaf, l, h, looks = 0;
	bool s;

	do
	:: looks < LOOKS ->
		looks++;
		counter_of[me] = hint;
		enters[me] = true;
#ifndef NO_READER_FENCE
		!enters[me];
#endif
		leaf = root;
		l = low[leaf];
		h = high[leaf];
		s = stable[leaf];
		assert(l == h); /* never torn, never rubbish */
		assert(s);      /* what is always there is always found */
		!enters[me];
		inside[counter_of[me]]--
	:: else -> break
	od
}

inline fill(leaf)
{
	low[leaf] = version;
	high[leaf] = version;
	stable[leaf] = true
}

inline publish(leaf)
{
	!root_pending; /* stores reach memory in their order */
	root_next = leaf;
	root_pending = true
}

inline wait_for_strangers()
{
#ifndef NO_WRITER_FENCE
	!root_pending;
#endif
#ifndef NO_PERIOD
	hint = 1;
	inside[0] == 0;
#ifndef ONE_COUNTER
	hint = 0;
	inside[1] == 0
#endif
#endif
}

proctype writer()
{
	byte old = 0, new, version = 1, writes = 0;

	do
	:: writes < WRITES ->
		writes++;
		version++;
#ifdef IN_PLACE
		low[old] = version;
		high[old] = version;
#else
		if
		:: !used[0] -> new = 0
		:: !used[1] -> new = 1
		:: !used[2] -> new = 2
		fi;
		used[new] = true;
#ifdef NO_RELEASE
		publish(new);
		fill(new);
#else
		fill(new);
		publish(new);
#endif
		wait_for_strangers();
		!root_pending;
		low[old] = 100;
		high[old] = 200;
		stable[old] = false;
		used[old] = false;
		old = new
#endif
	:: else -> break
	od
}

init
{
	atomic {
		low[0] = 1;
		high[0] = 1;
		stable[0] = true;
		used[0] = true;
		run memory();
		run reader(0);
		run reader(1);
		run writer()
	}
}
