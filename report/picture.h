/* SPDX-License-Identifier: MIT */
/*
 * Pictures for other pages, as SVG: an address space at one moment, and over its life.  They need no script and no font, and
 * their size is bounded whatever the input: what is small is drawn together, and counted in words.
 */
#ifndef REPORT_PICTURE_H
#define REPORT_PICTURE_H

#include <stdio.h>

#include "collect.h"

/* "#4c78a8": the same in every picture and on the page. */
extern const char *const report_kind_colors[REPORT_KINDS];

/* Text as XML; what is not UTF-8 as in docs/json.md, control characters as blanks. */
void picture_text(FILE *out, const char *text);
/* Squares with the names of kinds, those of the set. */
void picture_legend(FILE *out, int x, int y, unsigned int kinds);
/* The frame of a picture; then its parts; then "</svg>". */
void picture_begin(FILE *out, int width, int height, const char *title);

/* Errors are the file's; -ENOMEM otherwise. */
int picture_map(FILE *out, struct mm_struct *mm, const char *title);
int picture_life(FILE *out, const struct report *life, uint64_t max_map_count, const char *title);

#endif /* REPORT_PICTURE_H */
