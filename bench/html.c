/* SPDX-License-Identifier: MIT */
/*
 * The page: see html.h.
 *
 * Results of one kind of work at several n are a plot, drawn twice: two buttons above all plots choose which scale is
 * shown. Below it are the figures, with the interval of each median.
 */
#include "html.h"

#include <stdlib.h>
#include <string.h>

struct html {
	FILE *file;
	struct result *results;
	size_t nr, room;
};

static const char style[] =
	"body{font:15px/1.45 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 "
	"1rem;color:#1c2230}\n"
	"h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2.2rem 0 .4rem}\n"
	"table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
	"td,th{padding:.15rem .7rem;text-align:right;border-bottom:1px solid #e3e6ec}\n"
	"td:first-child,th:first-child{text-align:left}\n"
	".linear,.logarithmic{display:none}\n"
	"#linear:checked~main .linear,#logarithmic:checked~main .logarithmic{display:block}\n"
	"svg{width:100%;height:auto}text{font:13px system-ui,sans-serif;fill:#434b5c}\n"
	".slower{color:#b3261e}.note{color:#6b7280}label{margin-right:1rem}\n";

void html_text(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", file);
		else if (*text == '&')
			fputs("&amp;", file);
		else
			fputc(*text, file);
	}
}

struct html *html_begin(const char *file, const char *machine)
{
	struct html *html = calloc(1, sizeof(*html));

	if (!html)
		return NULL;
	html->file = fopen(file, "we");
	if (!html->file) {
		free(html);
		return NULL;
	}
	fprintf(html->file,
		"<!doctype html>\n<html lang=\"en\"><meta "
		"charset=\"utf-8\"><title>vmaple-bench</title>\n<style>\n%s</style>\n"
		"<h1>vmaple-bench</h1>\n<p>",
		style);
	html_text(html->file, machine);
	fprintf(html->file,
		".</p>\n<p>Nanoseconds an operation, the minimum of %d rounds; bars and "
		"intervals are where the median lies in 98 of 100 cases. A ratio above 1: vmaple is "
		"faster.</p>\n"
		"<input type=\"radio\" name=\"scale\" id=\"logarithmic\" checked>"
		"<label for=\"logarithmic\">logarithmic scales</label>\n"
		"<input type=\"radio\" name=\"scale\" id=\"linear\"><label for=\"linear\">linear "
		"scales</label>\n<main>\n",
		BENCH_ROUNDS);
	return html;
}

int html_add(struct html *html, const struct result *result)
{
	if (html->nr == html->room) {
		size_t room = 2 * html->room + 16;
		struct result *results = realloc(html->results, room * sizeof(*results));

		if (!results)
			return -1;
		html->results = results;
		html->room = room;
	}
	html->results[html->nr++] = *result;
	return 0;
}

static bool same_work(const struct result *a, const struct result *b)
{
	return strcmp(a->question, b->question) == 0 && strcmp(a->which, b->which) == 0;
}

static void write_line(FILE *file, const struct result_line *line)
{
	fprintf(file, "<tr><td>");
	html_text(file, line->name);
	fprintf(file, "<td>");
	if (line->bytes > 0)
		fprintf(file, "%.1f bytes<td><td>", line->bytes);
	else
		fprintf(file, "%.2f<td>%.2f &ndash; %.2f<td>%.2f &ndash; %.2f", line->ns.min, line->ns.low,
			line->ns.high, line->ratio.low, line->ratio.high);
	fprintf(file, "<td%s>%.2f\n", line->ratio.min < 1 ? " class=\"slower\"" : "", line->ratio.min);
}

static void write_table(FILE *file, const struct result *result)
{
	fprintf(file, "<details><summary>n = %zu", result->n);
	if (!result_counts(result)) {
		fprintf(file, ": its %u threads had no cores of their own</summary></details>\n",
			result->threads);
		return;
	}
	if (result->disturbed)
		fprintf(file, " <span class=\"note\">(%u of %d rounds were disturbed)</span>",
			result->disturbed, BENCH_ROUNDS);
	fprintf(file, "</summary>\n<table><tr><th><th>ns, min<th>median between<th>ratio between<th>ratio\n");
	for (size_t i = 0; i < result->nr; i++)
		write_line(file, &result->lines[i]);
	fprintf(file, "</table></details>\n");
}

/* @nr results of one kind of work; those without figures have no place in the plot. */
static void write_work(FILE *file, const struct result *results, size_t nr, struct result *plotted)
{
	size_t nr_plotted = 0;

	fprintf(file, "<h2>%s%s", results->question, results->which[0] ? ", " : "");
	html_text(file, results->which);
	fprintf(file, "</h2>\n");
	for (size_t i = 0; i < nr; i++)
		if (result_counts(&results[i]))
			plotted[nr_plotted++] = results[i];
	for (int logarithmic = 0; logarithmic < 2 && nr_plotted > 1; logarithmic++) {
		fprintf(file, "<div class=\"%s\">", logarithmic ? "logarithmic" : "linear");
		plot_write(file, plotted, nr_plotted, logarithmic);
		fprintf(file, "</div>\n");
	}
	for (size_t i = 0; i < nr; i++)
		write_table(file, &results[i]);
}

static int compare_n(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	return (x->n > y->n) - (x->n < y->n);
}

/* Results come by n and then by kind of work: take those of a kind together. */
int html_end(struct html *html)
{
	struct result *work = calloc(2 * html->nr + 1, sizeof(*work));
	bool *written = calloc(html->nr + 1, sizeof(*written));
	int bad = !work || !written;

	for (size_t i = 0; i < html->nr && !bad; i++) {
		size_t nr = 0;

		for (size_t j = i; j < html->nr && !written[i]; j++)
			if (same_work(&html->results[i], &html->results[j]))
				work[nr++] = html->results[j];
		for (size_t j = i; j < html->nr && nr; j++)
			written[j] |= same_work(&html->results[i], &html->results[j]);
		if (!nr)
			continue;
		qsort(work, nr, sizeof(*work), compare_n);
		write_work(html->file, work, nr, work + html->nr);
	}
	fprintf(html->file, "</main></html>\n");
	bad |= ferror(html->file);
	bad |= fclose(html->file);
	free(work);
	free(written);
	free(html->results);
	free(html);
	return bad ? -1 : 0;
}
