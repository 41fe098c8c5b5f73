/* SPDX-License-Identifier: MIT */
/*
 * Recordings as text, one event a line:
 *
 *   header faults all|some|none            before the first event; so is
 *   header kernel RELEASE
 *   header machine aarch64
 *   header NAME N                          another number of the header, as header_numbers[] names it
 *   begin [part|attached [brk N] [anon ...]]
 *                                          the address space and its first map; areas follow; part: it was not seen;
 *                                          with where its heap ends, and which areas have an anon_vma, as below
 *   file ID KIND MAJOR:MINOR INODE PATH [WORD N]...
 *                                          KIND as in enum trace_file_kind, opened for reading and writing; a word is
 *                                          off (flags that it takes away) or close (1: the area tells when it goes)
 *   module START-END PATH [BUILDID]        a file's code, at addresses in hexadecimal digits, as its build-id is
 *   call NAME A B C D E F = RESULT [at ADDRESS] [file ID] [data HEX]
 *   write ADDRESS [ambiguous|unknown]      unknown: whether it was one
 *   grow ADDRESS ambiguous                 a fault of which is not known what it was
 *   closed START END                       a userfaultfd, over that
 *   limit NUMBER VALUE                     NUMBER as in enum trace_limit
 *   lost [count] [nobody|process] WORDS    something; an event of it; of nobody who is known, or of the process alone
 *   fork PID MM                            process PID, with the address space MM, is forked; the first are 100 and 1
 *   thread TID                             a thread is made; and one that is a process, of the same address space:
 *   vfork PID
 *   exit [last]
 *   process PID MM                         what follows is of that process
 *   anon START:NUMBER:ROOT ...             which areas have an anon_vma, and which
 *   jump NANOSECONDS                       the clock jumps, back where it is negative
 *   map [START-END [unnamed]]              an observation of the whole map, or of a part; areas follow
 *   resync [START-END [unnamed]]           likewise, and the mirror believes it
 *   7f0000000000-7f0000001000 rw-p 00000000 08:01 77 NAME      an area, in the form of /proc/PID/maps
 *
 * Steps count the events from 1; `begin` is two of them, three with `anon`.  Whatever else a line says is an error.
 */
#ifndef TESTS_TEXT_RECORDING_H
#define TESTS_TEXT_RECORDING_H

#include "recording.h"

#define AREAS_MAX 16

struct text_recording {
	/* The header is complete: where events go.  NULL: nowhere. */
	struct trace_sink *(*open)(void *ctx, const struct trace_header *header);
	void *ctx;
	struct trace_header header;
	char kernel[32];
	struct recording rec;
	struct trace_event map; /* type 0: none is pending */
	struct trace_area areas[AREAS_MAX];
	char names[AREAS_MAX][64];
};

/* 0, or -1: the line is not understood, or the sink did not take the event. */
int text_recording_line(struct text_recording *t, const char *line);
/* Behind the last line. */
int text_recording_end(struct text_recording *t);

#endif
