/* SPDX-License-Identifier: MIT */
/* Scripts for the recorder, with what it has to make of them: scripted.h has the parts, script.h the language. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenarios.h"
#include "scripted.h"

#define MAX_SCENARIOS 300

static const struct scenario *const tables[] = { scenarios_of_calls, scenarios_of_certain_calls,
	scenarios_of_tasks, scenarios_of_files, scenarios_of_evidence, scenarios_of_filters,
	scenarios_of_attached, scenarios_of_served, scenarios_of_fields };

static void assert_text(const char *what, const char *found, const char *expected)
{
	if (strcmp(found, expected) != 0)
		fail_msg("%s\n  are   %s\n  not   %s", what, found, expected);
}

static void assert_said(const struct scenario *s, const struct outcome *o)
{
	if (s->says && *s->says == '!' && strstr(o->said, s->says + 1))
		fail_msg("it says \"%s\"", o->said);
	if (s->says && *s->says != '!' && !strstr(o->said, s->says))
		fail_msg("it says \"%s\", not \"%s\"", o->said, s->says);
}

static void test_scenario(void **state)
{
	const struct scenario *s = *state;
	static struct outcome o;
	char counts[128], expected[128];

	scenario_run(s, &o, NULL);
	if (*scr.error)
		fail_msg("%s (events%s)\n%s", scr.error, o.events, o.said);
	assert_text("the events", *o.events ? o.events + 1 : "", s->events);
	assert_said(s, &o);
	if (s->mode & REFUSED) {
		assert_true(o.err < 0);
		return;
	}
	assert_int_equal(o.err, 0);
	snprintf(counts, sizeof(counts), "%d %d %d %d %d", (int)o.stats.differences, (int)o.stats.uncertain,
		(int)o.stats.lost, (int)o.stats.foreign, (int)o.stats.outside);
	snprintf(expected, sizeof(expected), "%d %d %d %d %d", s->counts.differences, s->counts.uncertain,
		s->counts.lost, s->counts.foreign, s->counts.outside);
	if (strcmp(counts, expected) != 0)
		print_message("# %s", o.said);
	assert_text("differences, uncertain, lost, foreign, outside", counts, expected);
}

#define TOLD_TO_END                     \
	"before 101 is-thread-of 100\n" \
	"before 100 area A A+2 rw\n"    \
	"before 100 write A\n"          \
	"before 100 area A+4 A+6 rw\n"  \
	"before leave after %d\n"       \
	"wait 9000\n"

static void run_told_to_end(int after, struct outcome *o)
{
	char script[512];
	struct scenario s = { "told to end", script, "", NONE, NULL, ATTACHED };

	snprintf(script, sizeof(script), TOLD_TO_END, after);
	scenario_run(&s, o, NULL);
	if (*scr.error)
		fail_msg("%d: %s (events%s)\n%s", after, scr.error, o->events, o->said);
	if (o->traced)
		fail_msg("%d: %d tasks are traced still", after, o->traced);
}

/* Asked for the Nth time, whatever it is about: what was told is the beginning of what would have been. */
static void test_told_to_end_at_any_moment_of_the_first_look(void **state)
{
	static struct outcome whole, o;
	int n = 0;

	run_told_to_end(150, &whole);
	assert_int_equal(whole.err, 0);
	for (run_told_to_end(n, &o); o.err; run_told_to_end(++n, &o)) {
		assert_int_equal(o.err, -EINTR);
		if (strncmp(whole.events, o.events, strlen(o.events)) != 0)
			fail_msg("%d: the events are%s, not%s", n, o.events, whole.events);
	}
	/* Stops, reads of /proc, areas: it is asked at each. */
	assert_in_range(n, 8, 99);
}

/* As waitpid(2) has it: of the program itself, not of its threads and children, whoever ends last. */
static void test_the_status_is_the_programs_own(void **state)
{
	static const struct {
		const char *script;
		int status;
	} ends[] = {
		{ BEGIN "100 exit 3\n", 3 << 8 },
		{ BEGIN "100 killed 9\n", 9 },
		{ BEGIN "100 gone 15\n", 15 },
		{ BEGIN "100 clone thread\n100 clones 101\n101 born\n100 = 101\n101 exit 5\n100 exit 3\n",
			3 << 8 },
		{ BEGIN "100 clone 0\n100 forks 101\n101 born\n100 = 101\n101 exit 5\n100 exit 3\n", 3 << 8 },
		{ BEGIN "100 clone 0\n100 forks 101\n101 born\n100 = 101\n100 exit 3\n101 exit 5\n", 3 << 8 },
		{ BEGIN "100 clone 0\n100 forks 101\n101 born\n100 = 101\n100 gone 6\n101 gone 5\n", 6 },
	};
	static struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct scenario s = { "status", ends[i].script, "", NONE, NULL, EVERY };

		scenario_run(&s, &o, NULL);
		if (*scr.error)
			fail_msg("%s\n%s", ends[i].script, scr.error);
		assert_int_equal(o.err, 0);
		assert_int_equal(o.status, ends[i].status);
	}
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[MAX_SCENARIOS];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct scenario *s = tables[i]; s->name && n < MAX_SCENARIOS - 2; s++)
			if (argc < 2 || strcmp(argv[1], s->name) == 0)
				tests[n++] = (struct CMUnitTest){ .name = s->name,
					.test_func = test_scenario,
					.initial_state = (void *)s };
	if (argc < 2) {
		tests[n++] = (struct CMUnitTest){
			.name = "told to end at any moment of the first look",
			.test_func = test_told_to_end_at_any_moment_of_the_first_look,
		};
		tests[n++] = (struct CMUnitTest){
			.name = "the status is the program's own",
			.test_func = test_the_status_is_the_programs_own,
		};
	}
	return _cmocka_run_group_tests("scripted kernel", tests, n, NULL, NULL);
}
