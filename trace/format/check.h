/* SPDX-License-Identifier: MIT */
/*
 * What a recording may say: the one place where its values are judged.
 *
 * A checksum shows that bytes are what somebody wrote; it does not show that they make sense.  Everything that the reader
 * delivers has passed through here, so that who replays or shows it need not ask again.
 *
 *  CK1  an address space begins (SPACE, FORK) with a number above all before it, and events name only spaces that have
 *      begun and not ended; behind a LOST event they may name one whose beginning nobody saw.
 *  CK2  areas ascend, do not overlap, are whole pages, have a length, touch the window of their map and lie in the space.
 *  CK3  what a call, a file or a limit says is something that the kernel could have said.
 *  CK4  stacks are numbered without gaps, and a call names one that has been told.
 */
#ifndef TRACE_CHECK_H
#define TRACE_CHECK_H

#include <vmaple/trace.h>

/* The reader's, zeroed but for page_size. One for a reading: it remembers what has lived. */
struct check {
	uint64_t page_size; /* of the recording: before the first event */
	void *spaces;       /* of tsearch(3): those that live */
	/*
	 * Numbers are never used again, so one number tells apart the spaces that ended from those that
	 * have not begun.
	 */
	uint32_t last_mm;    /* the highest number so far */
	uint32_t last_file;  /* number of the last FILE event */
	uint32_t last_stack; /* and of the last STACK event */
	/* Never false again: from then on a number that is not known is no fault of the file. */
	bool lost; /* an event was lost: a space may be there that nobody announced */
	/* The sentence is then not to be shown: the reader looks at this first. */
	bool no_memory;     /* it was not the event that is wrong */
	char sentence[160]; /* what is wrong, without a full stop */
};

/* NULL, or what is wrong with it. */
const char *check_header(const struct trace_header *header);
/* NULL, or what is wrong with an area behind @before (NULL: the first), whatever space it is in. */
const char *check_area(const struct trace_area *area, const struct trace_area *before, uint64_t page_size);
/* NULL, or what is wrong: a sentence that lives in @check. Areas have passed check_area(). */
const char *check_event(struct check *check, const struct trace_event *event);
void check_free(struct check *check);

#endif /* TRACE_CHECK_H */
