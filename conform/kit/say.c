/* SPDX-License-Identifier: MIT */
/* Text for standard output, without a library. */
#include "kit.h"

static char text[1 << 14];
static unsigned int used;

/* Without an output there is nothing left to do. */
void say_all(void)
{
	unsigned int done = 0;

	while (done < used) {
		long n = CALL3(NR_write, 1, text + done, used - done);

		if (n <= 0)
			CALL1(NR_exit_group, 3);
		done += (unsigned int)n;
	}
	used = 0;
}

void say_letter(char letter)
{
	if (used == sizeof(text))
		say_all();
	text[used++] = letter;
}

void say(const char *from)
{
	while (*from)
		say_letter(*from++);
}

void say_number(long number)
{
	unsigned long rest = number < 0 ? -(unsigned long)number : (unsigned long)number;
	char digits[20];
	unsigned int n = 0;

	if (number < 0)
		say_letter('-');
	do {
		digits[n++] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	while (n)
		say_letter(digits[--n]);
}
