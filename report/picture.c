/* SPDX-License-Identifier: MIT */
/* What pictures share: colours, text, legend. */
#include "picture.h"

#include <string.h>

#include "../cli/cli.h"
#include "../lab/markup.h"

/* By kind. Told apart on white and on the page's dark, also by who sees no red, no green or no blue: tests/report/pages.py. */
const char *const report_kind_colors[REPORT_KINDS] = { "#4c78a8", "#fa8b1c", "#c40000", "#7fbe9b", "#b0e4ac",
	"#8b8a73", "#51008d", "#cb8de7", "#ffcb13", "#783f64" };

void picture_text(FILE *out, const char *text)
{
	json_t *string = json_text(text);

	put_markup(out, string ? json_string_value(string) : "?");
	json_decref(string);
}

void picture_begin(FILE *out, int width, int height, const char *title)
{
	char shown[96];

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
		"font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"12\" "
		"fill=\"#1b1f24\">\n<title>",
		width, height, width, height);
	picture_text(out, title);
	fprintf(out,
		"</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<text x=\"16\" y=\"24\" "
		"font-size=\"14\" font-weight=\"600\">",
		width, height);
	snprintf(shown, sizeof(shown), "%.80s%s", title, strlen(title) > 80 ? "..." : "");
	picture_text(out, shown);
	fputs("</text>\n", out);
}

void picture_legend(FILE *out, int x, int y, unsigned int kinds)
{
	for (int i = 0; i < REPORT_KINDS; i++) {
		if (!(kinds >> i & 1))
			continue;
		fprintf(out,
			"<rect x=\"%d\" y=\"%d\" width=\"11\" height=\"11\" fill=\"%s\"/>"
			"<text x=\"%d\" y=\"%d\">%s</text>\n",
			x, y - 10, report_kind_colors[i], x + 16, y, report_kind_names[i]);
		x += 30 + 7 * (int)strlen(report_kind_names[i]);
	}
}
