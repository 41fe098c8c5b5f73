/* SPDX-License-Identifier: MIT */
/* The part of a page that its script reads. */
#ifndef REPORT_PAGE_DATA_H
#define REPORT_PAGE_DATA_H

#include "page.h"

struct page_data {
	char *columns; /* numbers, packed (pack.h) */
	size_t columns_len;
	char *meta;      /* JSON; what is '<' in it is still to be escaped */
	uint64_t untold; /* names and places for which there was no room */
};

/* 0 or -ENOMEM. */
int page_data_make(struct page_data *d, const struct report_page *p) __must_check;
void page_data_free(struct page_data *d);

#endif /* REPORT_PAGE_DATA_H */
