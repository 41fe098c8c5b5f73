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

/* "rw-p" */
static bool is_access(const char *p)
{
	return (p[0] == 'r' || p[0] == '-') && (p[1] == 'w' || p[1] == '-') && (p[2] == 'x' || p[2] == '-') &&
	       (p[3] == 'p' || p[3] == 's');
}

bool maps_line_parse(char *line, struct trace_area *a)
{
	uint64_t major, minor;
	char *p = line, *perms;

	if (!number(&p, 16, '-', &a->start) || !number(&p, 16, ' ', &a->end))
		return false;
	perms = p;
	p = strchr(p, ' ');
	if (!p || p - perms != 4 || !is_access(perms))
		return false;
	p++;
	if (!number(&p, 16, ' ', &a->offset) || !number(&p, 16, ':', &major) || !number(&p, 16, ' ', &minor))
		return false;
	a->ino = strtoull(p, &p, 10);
	a->dev = major << 32 | minor;
	a->prot = (perms[0] == 'r' ? PROT_READ : 0) | (perms[1] == 'w' ? PROT_WRITE : 0) |
		  (perms[2] == 'x' ? PROT_EXEC : 0);
	a->shared = perms[3] == 's';
	a->name = p + strspn(p, " ");
	return true;
}
