/* SPDX-License-Identifier: MIT */
/*
 * The summary that ends `run` and `verify`, for a person and as JSON.
 *
 * Both forms are of the same statistics; JSON has more of them, and zeros, while the text leaves out the
 * lines that say nothing. Neither counts anything itself. docs/json.md has the keys.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <vmaple/kernel_profile.h>

#include "cli.h"
#include "text.h"

/* Of nothing it is 0, and is shown so. */
static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0.0;
}

/*
 * A line of the summary, or as many as it takes. Behind a name of twelve columns. A text that is longer
 * than the buffer is cut.
 */
__attribute__((format(printf, 3, 4))) static void print_row(FILE *out, const char *name, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(out, "  %-12s", name);
	print_wrapped_behind(out, 14, text);
}

/* Kinds that did not occur are left out. */
static void print_calls(FILE *out, const struct replay_stats *s)
{
	char kinds[1024] = "";
	size_t n = 0;

	/* n may pass the size where the text was cut: then it ends. */
	for (int i = 0; i < REPLAY_CALL_KINDS && n < sizeof(kinds); i++)
		if (s->calls_by_kind[i])
			n += (size_t)snprintf(kinds + n, sizeof(kinds) - n, "%s%s %" PRIu64, n ? ", " : "",
				replay_call_kind_name((enum replay_call_kind)i), s->calls_by_kind[i]);
	print_row(out, "calls", "%" PRIu64 " (%s), %" PRIu64 " of them failed", s->calls, kinds,
		s->failed_calls);
}

/* The largest free ranges of the first process, when it ended. */
static void print_gaps(FILE *out, const struct replay_stats *s)
{
	char size[32];

	for (int i = 0; i < s->nr_gaps; i++)
		fprintf(out, "  %-11s %012lx-%012lx  %s\n", i ? "" : "free areas", s->gaps[i].start,
			s->gaps[i].end, size_text(s->gaps[i].end - s->gaps[i].start, size, sizeof(size)));
}

/*
 * The first line of the command, as far as it fits. Arguments may hold newlines (`sh -c`); only their
 * first line stands here.
 */
static void print_command(FILE *out, const char *command)
{
	size_t len = strcspn(command, "\n"), shown = len < 68 ? len : 68;

	fputs("\nvmaple: ", out);
	print_quoted(out, command, shown);
	fputs(command[shown] ? "...\n" : "\n", out);
}

/*
 * Where the recording's kernel is none that is known: as which it was replayed. Nothing at all of a
 * release that is known, or that is none: an import has no kernel's name.
 */
static void print_kernel(FILE *out, const char *release)
{
	const struct kernel_profile *as = kernel_profile_for(release);

	if (!as || known_kernel(release))
		return;
	fputs("  kernel      ", out);
	print_quoted(out, release, strlen(release));
	fprintf(out, " is %s: replayed as %s\n",
		as == kernel_profile_default ? "newer than all that are known" : "none that is known",
		as->name);
}

/* What has a count is counted in events; of the rest only how often it happened is known. */
static void print_lost(FILE *out, const struct replay_stats *s)
{
	if (!s->lost)
		return;
	fprintf(out, "  lost        %" PRIu64 " times something was not recorded: ", s->lost);
	if (s->lost_events)
		fprintf(out, "%" PRIu64 " event%s", s->lost_events, s->lost_events == 1 ? "" : "s");
	/* Both may be there: some losses have a count, some have not. */
	if (s->lost_unknown)
		fprintf(out, "%show much is not known %" PRIu64 " time%s", s->lost_events ? ", " : "",
			s->lost_unknown, s->lost_unknown == 1 ? "" : "s");
	fputc('\n', out);
}

/*
 * @wall_seconds below 0: nobody measured it. A line stands for each thing that somebody should look into;
 * a clean run has none of them.
 */
void print_summary(FILE *out, const struct replay_stats *s, const struct trace_header *h, double wall_seconds)
{
	print_command(out, h->command);
	print_kernel(out, h->kernel);
	fprintf(out, "  processes   %" PRIu64 ", %" PRIu64 " threads in all\n", s->processes, s->threads);
	print_calls(out, s);
	print_row(out, "faults", "%" PRIu64 " seen, %" PRIu64 " of them the first write in an area; %s",
		s->faults, s->first_writes, fault_source_text(h->fault_source));
	fprintf(out, "  checks      %" PRIu64 ", differences: %" PRIu64 ", uncertain: %" PRIu64 "\n",
		s->checks, s->differences, s->uncertain);
	/* Only a source that sees anon_vmas (BPF) has such looks. */
	if (s->anon_checks)
		fprintf(out, "  anon_vmas   %" PRIu64 " looks at which areas share one\n", s->anon_checks);
	/* One wrong area makes many comparisons fail; they are counted apart from the first. */
	if (s->consequences)
		fprintf(out, "  following   %" PRIu64 " more disagreements that follow from those\n",
			s->consequences);
	if (s->foreign)
		fprintf(out, "  foreign     %" PRIu64 " times a driver decided about a mapping of its own\n",
			s->foreign);
	if (s->outside)
		fprintf(out, "  outside     %" PRIu64 " times the map was changed by no recorded call\n",
			s->outside);
	print_lost(out, s);
	print_row(out, "VMAs",
		"peak %" PRIu64 ", final %" PRIu64 ", max_map_count %" PRIu64 " (%.1f%% at the peak)",
		s->vmas_peak, s->vmas_final, h->max_map_count, 100 * share(s->vmas_peak, h->max_map_count));
	print_row(out, "splits",
		"%" PRIu64 ", merges %" PRIu64 "; of %" PRIu64 " new areas %.0f%% merged at once", s->splits,
		s->merges, s->new_areas, 100 * share(s->new_merged, s->new_areas));
	print_gaps(out, s);
	if (wall_seconds >= 0)
		fprintf(out, "  time        %.3f s\n", wall_seconds);
}

/*
 * If json_pack() runs out of memory it releases what it was given: nothing leaks, and NULL is told to
 * print_json(), which says so.
 */
json_t *summary_json(const struct replay_stats *s, const struct trace_header *h, double wall_seconds)
{
	json_t *kinds = json_object();
	json_t *gaps = json_array();
	const struct kernel_profile *as = kernel_profile_for(h->kernel);
	json_t *o;

	for (int i = 0; i < REPLAY_CALL_KINDS; i++)
		json_put(kinds, replay_call_kind_name((enum replay_call_kind)i),
			json_integer((json_int_t)s->calls_by_kind[i]));
	for (int i = 0; i < s->nr_gaps; i++)
		json_push(gaps, json_integer((json_int_t)(s->gaps[i].end - s->gaps[i].start)));
	o = json_pack("{s:o, s:o, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		      "s:I, s:I, s:I, "
		      "s:I, s:f, s:o, s:s}",
		"command", json_text(h->command), "kernel", json_text(h->kernel), "processes",
		(json_int_t)s->processes, "threads", (json_int_t)s->threads, "calls", (json_int_t)s->calls,
		"calls_by_kind", kinds, "failed_calls", (json_int_t)s->failed_calls, "faults",
		(json_int_t)s->faults, "first_writes", (json_int_t)s->first_writes, "checks",
		(json_int_t)s->checks, "differences", (json_int_t)s->differences, "uncertain",
		(json_int_t)s->uncertain, "foreign", (json_int_t)s->foreign, "outside",
		(json_int_t)s->outside, "consequences", (json_int_t)s->consequences, "lost",
		(json_int_t)s->lost, "vmas_peak", (json_int_t)s->vmas_peak, "vmas_final",
		(json_int_t)s->vmas_final, "max_map_count", (json_int_t)h->max_map_count, "splits",
		(json_int_t)s->splits, "merges", (json_int_t)s->merges, "merged_share",
		share(s->new_merged, s->new_areas), "free_areas", gaps, "fault_source",
		fault_source_text(h->fault_source));
	if (o) {
		json_put(o, "lost_events", json_integer((json_int_t)s->lost_events));
		json_put(o, "lost_unknown", json_integer((json_int_t)s->lost_unknown));
	}
	if (o)
		json_put(o, "anon_vma_checks", json_integer((json_int_t)s->anon_checks));
	if (o)
		json_put(o, "replayed_as", json_text((as ? as : kernel_profile_default)->name));
	if (o && wall_seconds >= 0)
		json_put(o, "wall_seconds", json_real(wall_seconds));
	return o;
}
