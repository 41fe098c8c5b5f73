/* SPDX-License-Identifier: MIT */
/*
 * Events of an import: steps count from 1, time never goes backward, and each passes the check that the reader of a recording
 * makes (check.h), so that what is emitted can be read again.  A line that says what no kernel says is none.  Lines of other
 * tools, rewritten.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

void import_time(struct trace_import *im, uint64_t ns)
{
	if (ns > INT64_MAX)
		import_doubt(im, DOUBT_SENSELESS);
	else if (ns > im->time_ns)
		im->time_ns = ns;
}

/*
 * The areas' order, bounds and page size, which check_event() leaves to whoever reads them one by one.
 * NULL: in order.
 */
static const char *check_areas(const struct trace_import *im, const struct trace_event *e)
{
	const struct trace_area *a = e->map.areas;
	const char *wrong = NULL;

	for (uint32_t i = 0; e->type == TRACE_EVENT_MAP && i < e->map.count && !wrong; i++)
		wrong = check_area(&a[i], i ? &a[i - 1] : NULL, im->header.page_size);
	return wrong;
}

/*
 * An event that no kernel could have caused is left out and counted as a doubt, and 0 is returned: one
 * senseless line does not end an import. Steps stay without gaps, as the reader asks.
 */
int import_emit(
	struct trace_import *im, const struct trace_event *body, uint32_t pid, uint32_t tid, uint32_t mm)
{
	struct trace_event e = *body;

	/* The body's own are of nobody: callers set only its type and what belongs to the type. */
	e.step = im->step + 1;
	e.time_ns = im->time_ns;
	e.pid = pid;
	e.tid = tid;
	e.mm = mm;
	if (check_areas(im, &e) || check_event(&im->check, &e)) {
		if (im->check.no_memory)
			return -ENOMEM;
		import_doubt(im, DOUBT_SENSELESS);
		return 0;
	}
	im->step++;
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
