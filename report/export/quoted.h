/* SPDX-License-Identifier: MIT */
/* Values as JSON and as CSV. */
#ifndef REPORT_EXPORT_QUOTED_H
#define REPORT_EXPORT_QUOTED_H

#include "export.h"

/* @text is UTF-8. */
void put_json_string(FILE *out, const char *text);
void put_json_value(FILE *out, const struct export_value *v);
/* Onto a @terminal what is not seen is written as \ooo. */
void put_csv(FILE *out, const char *text, bool terminal);

#endif /* REPORT_EXPORT_QUOTED_H */
