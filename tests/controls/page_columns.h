/* SPDX-License-Identifier: MIT */
/*
 * The data of a page of vmaple report, in words: a line for each column of numbers of each address space, and for each list of
 * words.
 *
 *   @0 process 100 PROGRAM, most 5, from 1000 to 8000, peak 7000, left out 0, since 1000
 *   @0 rects start: 400000 7f0000000000        addresses are hexadecimal, other numbers decimal; - is a word that is not told
 *   @0 rects reasons: gap prot+file            by the keys that the page has for them
 *   names: ["/bin/prog",""]                    lists as compact JSON
 */
#ifndef TESTS_PAGE_COLUMNS_H
#define TESTS_PAGE_COLUMNS_H

#include <stdbool.h>
#include <stdio.h>

/* Whether @page is such a page; its data, in words, goes to @out.  A damaged one ends with a line that begins with "damaged". */
bool page_columns_tell(const char *page, FILE *out);

#endif
