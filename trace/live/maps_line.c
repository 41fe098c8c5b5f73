/* SPDX-License-Identifier: MIT */
/* Lines of /proc/PID/maps, as all of its readers need them. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "maps_line.h"

/* The number at *p, which @after follows; *p is moved behind that. False: there is none. */
static bool number(char **p, int base, char after, uint64_t *n)
{
	char *end;

	*n = strtoull(*p, &end, base);
	if (end == *p || *end != after)
		return false;
	*p = end + 1;
	return true;
}

bool maps_line_parse(char *line, struct trace_area *a)
{
	uint64_t major, minor;
	char *p = line, *perms;

	if (!number(&p, 16, '-', &a->start) || !number(&p, 16, ' ', &a->end))
		return false;
	perms = p;
	p = strchr(p, ' ');
	if (!p || p - perms != 4 || !number(&p, 16, ' ', &a->offset) || !number(&p, 16, ':', &major) ||
		!number(&p, 16, ' ', &minor))
		return false;
	a->ino = strtoull(p, &p, 10);
	a->dev = major << 32 | minor;
	a->prot = (perms[0] == 'r' ? PROT_READ : 0) | (perms[1] == 'w' ? PROT_WRITE : 0) |
		  (perms[2] == 'x' ? PROT_EXEC : 0);
	a->shared = perms[3] == 's';
	a->name = p + strspn(p, " ");
	return true;
}
