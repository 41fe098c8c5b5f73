/* SPDX-License-Identifier: MIT */
/* Lines of /proc/PID/maps, as all of its readers need them. */
#include <string.h>

#include <vmaple/mm.h>

#include "maps_line.h"

/* a->vm_flags and a->touched stay as they are: smaps has them in other lines. */
bool maps_line_parse(const char *line, struct trace_area *a)
{
	struct maps_line l;

	/* Who pastes a map may have indented it. */
	if (!maps_line_read(line + strspn(line, " \t"), &l))
		return false;
	a->start = l.start;
	a->end = l.end;
	a->offset = l.offset;
	a->dev = l.dev;
	a->ino = l.ino;
	/* The letters are PROT_READ, PROT_WRITE and PROT_EXEC. */
	a->prot = l.vm_flags & VM_ACCESS_FLAGS;
	a->shared = l.vm_flags & VM_MAYSHARE;
	a->name = l.name;
	return true;
}
