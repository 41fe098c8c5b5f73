/* SPDX-License-Identifier: MIT */
/*
 * fork and copy on write: a number in each kind of memory, written by the parent before the fork and by the child after
 * it. Only what is shared is seen by the other.
 */
#include "program.h"

static volatile int data = 1;
static volatile int bss[2 * PAGE / sizeof(int)];
static volatile int *heap, *private, *shared;

static void read_all(const char *who)
{
	say("copies: ");
	say(who);
	say(" reads data ");
	say_number(data);
	say(" bss ");
	say_number(bss[PAGE / sizeof(int)]);
	say(" heap ");
	say_number(*heap);
	say(" private ");
	say_number(*private);
	say(" shared ");
	say_number(*shared);
	say("\n");
}

static void write_all(int add)
{
	data = add + 1;
	bss[PAGE / sizeof(int)] = add + 2;
	*heap = add + 3;
	*private = add + 4;
	*shared = add + 5;
}

int main(void)
{
	unsigned long end = brk(0);
	int status;

	if (brk(end + 3 * PAGE) != end + 3 * PAGE)
		return 1;
	heap = (int *)(end + 2 * PAGE);
	private = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	shared = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	read_all("parent");
	write_all(0);
	if (fork() == 0) {
		read_all("child");
		write_all(10);
		yield();
		read_all("child");
		exit(7);
	}
	yield();
	read_all("parent");
	write_all(20);
	status = wait();
	say("copies: child has ended with ");
	say_number(status);
	say("\n");
	read_all("parent");
	show_maps();
	return 0;
}
