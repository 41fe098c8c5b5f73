/* SPDX-License-Identifier: MIT */
/*
 * Where a new area lies, when others map and unmap at the same time without a lock of the whole map: docs/scaling.md.
 *
 * 1. Pages are free or not. One caller asks for the lowest free page: it looks from below, page by page, takes what it has
 *    found under the lock of that page alone, and looks again if somebody else was first. Another frees a page and then a
 *    higher one; another asks as the first does.
 * 2. Linux answers as if each call had been made at one moment. So who is given a page that was freed second has to know of
 *    the one that was freed before: a lower page that has been free ever since that one was free is nobody's answer but his.
 * 3. What makes it so is a number that every call which frees something raises before it ends: who finds that it has changed since he began
 *    looks again. That number is one line that all callers read and every munmap writes.
 *
 * Breaks, each of which must be found: NO_NUMBER, LATE_NUMBER, NO_LOCK.
 */
#define PAGES 4

bool busy[PAGES];
byte number = 0;
byte taken[PAGES]; /* by how many */

proctype mapper(byte me)
{
	byte page, before;
	bool mine = false;

	do
	:: mine -> break
	:: else ->
		before = number;
		page = 0;
		do
		:: page < PAGES && busy[page] -> page++
		:: else -> break
		od;
		if
		:: page == PAGES -> break /* no room */
		:: else ->
#ifdef NO_LOCK
			!busy[page];
			busy[page] = true;
			taken[page]++;
			mine = true
#else
			atomic {
				if
				:: busy[page]
#ifndef NO_NUMBER
				:: !busy[page] && number != before
#endif
#ifdef NO_NUMBER
				:: !busy[page] ->
#else
				:: !busy[page] && number == before ->
#endif
					busy[page] = true;
					taken[page]++;
					mine = true;
					/* page 2 is free only after page 0 was: whoever takes it has left 0 to another */
					assert(page != 2 || taken[0] > 0)
				fi
			}
#endif
		fi
	od;
	assert(taken[0] <= 1 && taken[2] <= 1)
}

/* munmap of page 0, and then of page 2. */
proctype unmapper()
{
	busy[0] = false;
#ifndef LATE_NUMBER
	number++;
#endif
	busy[2] = false;
	number++
}

init
{
	atomic {
		busy[0] = true;
		busy[1] = true;
		busy[2] = true;
		busy[3] = true;
		run mapper(0);
		run mapper(1);
		run unmapper()
	}
}
