/* SPDX-License-Identifier: MIT */
/*
 * Calls that change areas of one map at the same time, each under a lock of a range of it: docs/scaling.md.
 *
 * 1. A map of pages 0 to 5 is cut into areas: begins[p], and the last page and the right of the area that begins at p. At
 *    first it is one. A call gives one page another right: it cuts the page out of its area and joins it with whichever
 *    neighbour has the same right, several stores one after the other.
 * 2. What one call after the other leaves behind, in whichever order, is asserted at the end: areas that hold every page
 *    once, and no two neighbours with the same right.
 * 3. The lock of a call covers every area that it may change: from the begin of the one that holds the page before to the
 *    end of the one that holds the page behind. Which those are is only known once they have been looked for, so they are
 *    looked for again when the lock is held.
 *
 * Breaks, each of which must be found: OWN_PAGE, OWN_AREA, NO_RECHECK.
 */
#define PAGES   6
#define CALLERS 3

bool begins[PAGES];
byte last[PAGES], right[PAGES];
bool held[CALLERS];
byte from[CALLERS], to[CALLERS];
byte done = 0;

#define APART(a, i) (!held[i] || to[i] < from[a] || to[a] < from[i])

/* Where the area that holds @page begins. */
inline begin_of(page, found)
{
	found = page;
	do
	:: !begins[found] && found > 0 -> found--
	:: else -> break
	od
}

/* The range that a call for @page has to itself. */
inline look()
{
#ifdef OWN_PAGE
	low = page;
	high = page;
#else
#ifdef OWN_AREA
	begin_of(page, low);
	high = last[low];
#else
	begin_of(page - 1, low);
	begin_of(page + 1, high);
	high = last[high];
#endif
#endif
}

inline lock()
{
	do
	:: look();
	   from[me] = low;
	   to[me] = high;
	   atomic { (me == 0 || APART(me, 0)) && (me == 1 || APART(me, 1)) && (me == 2 || APART(me, 2)) -> held[me] = true };
#ifdef NO_RECHECK
	   break
#else
	   look();
	   if
	   :: low == from[me] && high == to[me] -> break
	   :: else -> held[me] = false
	   fi
#endif
	od
}

inline change()
{
	begin_of(page, area);
	end = last[area];
	old = right[area];
	if
	:: old == new
	:: else ->
		right[page] = new;
		last[page] = page;
		begins[page] = true;
		if
		:: end > page ->
			last[page + 1] = end;
			right[page + 1] = old;
			begins[page + 1] = true
		:: else
		fi;
		if
		:: area < page -> last[area] = page - 1
		:: else
		fi;
		area = page;
		begin_of(page - 1, before);
		if
		:: right[before] == new ->
			last[before] = page;
			begins[page] = false;
			area = before
		:: else
		fi;
		if
		:: begins[page + 1] && right[page + 1] == new ->
			last[area] = last[page + 1];
			begins[page + 1] = false
		:: else
		fi
	fi
}

proctype caller(byte me; byte page; byte first; byte second)
{
	byte low, high, area, before, end, old, new, calls = 0;

	do
	:: calls < 2 ->
		new = (calls == 0 -> first : second);
		calls++;
		if
		:: new -> lock(); change(); held[me] = false
		:: else
		fi
	:: else -> break
	od;
	atomic { area = 0; before = 0; low = 0; high = 0; end = 0; old = 0; new = 0; done++ }
}

init
{
	byte p, end;

	atomic {
		begins[0] = true;
		last[0] = PAGES - 1;
		right[0] = 1;
		run caller(0, 1, 2, 3);
		run caller(1, 2, 2, 3);
		run caller(2, 3, 2, 0)
	}
	done == CALLERS;
	atomic {
		p = 0;
		do
		:: p < PAGES ->
			assert(begins[p]); /* where one ends, the next begins */
			assert(right[p] == (p == 1 || p == 2 -> 3 : (p == 3 -> 2 : 1)));
			end = last[p];
			do
			:: p < end -> p++; assert(!begins[p])
			:: else -> break
			od;
			p++;
			assert(p == PAGES || right[p] != right[p - 1] || !begins[p - 1])
		:: else -> break
		od
	}
}
