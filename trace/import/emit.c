/* SPDX-License-Identifier: MIT */
/* Events of an import: steps count from 1, time never goes backward. Lines of other tools, rewritten. */
#include <string.h>

#include "internal.h"

int import_emit(
	struct trace_import *im, const struct trace_event *body, uint32_t pid, uint32_t tid, uint32_t mm)
{
	struct trace_event e = *body;

	e.step = ++im->step;
	e.time_ns = im->time_ns;
	e.pid = pid;
	e.tid = tid;
	e.mm = mm;
	im->events++;
	return im->sink->event(im->sink, &e);
}

/* What is being written; what does not fit is cut, and then no call that can be read. */
void foreign_put(struct foreign *f, const char *text, size_t len)
{
	if (len < sizeof(f->text) - f->len) {
		memcpy(f->text + f->len, text, len);
		f->len += len;
	}
	f->text[f->len] = '\0';
}
