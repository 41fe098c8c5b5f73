/* SPDX-License-Identifier: MIT */
/* Text for a terminal of 80 columns. */
#ifndef TEXT_H
#define TEXT_H

#include <vmaple/explain.h>

#include "cli.h"

#define TEXT_WIDTH 80

/* Wrapped at spaces; the first line after @first, the others after as many blanks as @first has columns. */
void print_wrapped(const char *first, const char *text);
/* The same where @column characters of the first line have been printed. */
void print_wrapped_behind(FILE *out, size_t column, const char *text);
/* Memory ran out for the names in some: they are texts without them. */
bool site_text_lacked_memory(void);
/* "python3.11+0x1234", "0x7f00..." for code that no file has. @return @buf. */
const char *site_text(const struct explain_site *site, char *buf, size_t size);
/* "60,123" */
const char *number_text(uint64_t n, char *buf, size_t size);
/* "21:13:54", the time of day of an event; "" where the recording does not know when it began. @return @p buf. */
const char *clock_text(const struct trace_header *header, uint64_t time_ns, char *buf, size_t size);
/* An event as an object, null for NULL. */
json_t *event_json(const struct explain_event *e);
json_t *site_json(const struct explain_site *site);
/* The keys of a set of reasons. */
json_t *reasons_json(uint32_t reasons);

#endif /* TEXT_H */
