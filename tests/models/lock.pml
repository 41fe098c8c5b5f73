/* SPDX-License-Identifier: MIT */
/*
 * The spin lock of a maple tree and of the depot: docs/maple-tree.md (7), MB5, MB3 and MB4.
 *
 * 1. MB5. Two writers change two words under the lock, each of which is one more than the other writer left.
 * 2. MB3, MB4. A reader looks at a node inside a section. The reclaimer waits for the end of the section, and puts the
 *    node into the depot under a lock; a thread takes it out under the lock, and writes over it.
 * 3. Memory is weaker than x86's: a store lies in a buffer until `memory` carries it out, in any order, but where a release
 *    waits for those before it. A load or store that no acquire or release keeps in its place may change it with the
 *    next one.
 *
 * Breaks, each of which must be found: NO_RELEASE, NO_ACQUIRE, SECTION_ENDS_EARLY, NO_PERIOD, NO_DEPOT_RELEASE.
 */
#define ROUNDS 2

bool locked = false, unlocking = false;
byte word[2], word_next[2];
bool word_pending[2];

bool inside = true, in_depot = false, rubbish = false, depot_locked = false;

proctype memory()
{
end:
	do
	:: atomic { word_pending[0] -> word[0] = word_next[0]; word_pending[0] = false }
	:: atomic { word_pending[1] -> word[1] = word_next[1]; word_pending[1] = false }
	:: atomic { unlocking -> locked = false; unlocking = false }
	od
}

inline store(i, value)
{
	!word_pending[i];
	word_next[i] = value;
	word_pending[i] = true
}

inline take_lock()
{
	atomic { !locked -> locked = true }
}

inline release_lock()
{
#ifndef NO_RELEASE
	!word_pending[0] && !word_pending[1];
#endif
	unlocking = true
}

proctype writer()
{
	byte first, second, rounds = 0;

	do
	:: rounds < ROUNDS ->
		rounds++;
#ifdef NO_ACQUIRE
		if
		:: first = word[0]; take_lock(); second = word[1]
		:: take_lock(); first = word[0]; second = word[1]
		fi;
#else
		take_lock();
		first = word[0];
		second = word[1];
#endif
		assert(first == second); /* all of what the one before did */
		store(0, first + 1);
		store(1, second + 1);
		release_lock()
	:: else -> break
	od
}

proctype reader()
{
	bool seen;

#ifdef SECTION_ENDS_EARLY
	if
	:: inside = false; seen = rubbish
	:: seen = rubbish; inside = false
	fi;
#else
	seen = rubbish;
	inside = false;
#endif
	assert(!seen)
}

inline put_into_depot()
{
	atomic { !depot_locked -> depot_locked = true };
	in_depot = true;
	depot_locked = false
}

inline wait_for_readers()
{
#ifndef NO_PERIOD
	!inside
#else
	skip
#endif
}

proctype reclaimer()
{
#ifdef NO_DEPOT_RELEASE
	if
	:: put_into_depot(); wait_for_readers()
	:: wait_for_readers(); put_into_depot()
	fi
#else
	wait_for_readers();
	put_into_depot()
#endif
}

proctype thread()
{
	bool got = false;

	do
	:: got -> break
	:: else ->
		atomic { !depot_locked -> depot_locked = true };
		got = in_depot;
		in_depot = false;
		depot_locked = false
	od;
	rubbish = true
}

init
{
	atomic {
		run memory();
		run writer();
		run writer();
		run reader();
		run reclaimer();
		run thread()
	}
}
