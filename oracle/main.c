/* SPDX-License-Identifier: MIT */
/*
 * kernel-oracle: does the engine answer as this kernel does?
 *
 *   kernel-oracle [--calls N] [--seed S] [--profile NAME] [--mix NAME] [--length N] [--save FILE] [--keep-going N]
 *                 [--coverage]: what was asked, by call and by situation
 *                 [--anon-vmas]: compare which areas share an anon_vma, too (by BPF)
 *   kernel-oracle [--calls N] [--seed S] [--profile NAME] [--mix NAME] [--length N] --undo
 *   kernel-oracle [--profile NAME] --replay FILE...
 *
 * Exit status: 0 no difference, 1 a difference, 2 cannot run, 77 not possible here.
 *
 * The order of main() matters.  background_reexec() comes before anything is mapped, for exec drops it.  settle()
 * makes all memory that will be needed, and reads the map last.  From there on nothing may change the map for good:
 * printf() goes through a static buffer, and what is opened (a case file) is closed before the next sequence.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../tests/common/random.h"
#include "oracle.h"

/*
 * keep_going: so many differences are reported and passed; calls: how many are compared at least, the last
 * sequence is finished.
 */
static struct options {
	unsigned long calls, seed;
	unsigned int length, keep_going;
	const char *profile, *mix, *save;
	bool replay, undo, coverage, anon_vmas;
} options = { .calls = 100000 };

/* Two by turns: the kernel's child works on one while the engine compares the other. */
static struct sequence sequences[2], smallest;
static struct difference difference;
static struct record *record[2];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void print_difference(const struct sequence *s, const struct difference *d)
{
	char line[512];

	for (unsigned int i = 0; i < s->nr; i++) {
		call_print(&s->call[i], line);
		printf("%s\n", line);
		if (i == d->call)
			printf("# differs in: %s\n%s", d->what, d->text);
	}
	fflush(stdout);
}

/*
 * Shrink and keep a sequence that differs. @seed: of which it was generated, with the mix; @nr: the how
 * manieth difference, a part of the file's name; @status: with which the child has ended.
 */
static void report(const struct sequence *s, uint64_t seed, unsigned long nr, int status)
{
	char path[256], comment[128];

	if (status)
		printf("# the child has died, wait status %#x\n", (unsigned int)status);

	smallest = *s;
	shrink(&smallest, &difference);
	if (!difference.what)
		difference.what = "the child died, and not when it was tried again";
	snprintf(comment, sizeof(comment), "seed %llu: %s", (unsigned long long)seed, difference.what);
	if (options.save)
		snprintf(path, sizeof(path), options.keep_going ? "%s.%lu" : "%s", options.save, nr);
	else
		snprintf(path, sizeof(path), "kernel-oracle-%d.%lu.case", (int)getpid(), nr);
	printf("# difference %lu, %u calls, kept in %s\n", nr, smallest.nr,
		sequence_save(&smallest, path, comment) ? path : "no file");
	print_difference(&smallest, &difference);
}

/* While the engine compares one sequence, the kernel carries out the next. */
static int random_run(void)
{
	struct random r = { options.seed };
	uint64_t seed[2] = { r.state, 0 };
	unsigned long checked = 0, found = 0, nr = 0, died = 0;
	double begin = now(), spent;
	pid_t pid;

	if (!generate(&sequences[0], &r, options.length, options.mix)) {
		fprintf(stderr, "kernel-oracle: no such mix; there are:");
		list_mixes(stderr);
		fprintf(stderr, "\n");
		return 2;
	}
	pid = kernel_start(&sequences[0], record[0], DEEP_AT_END);
	for (; checked < options.calls && found <= options.keep_going; nr++) {
		unsigned int this = nr & 1, other = !this;
		bool well = kernel_wait(pid, record[this]);

		/*
		 * The generator's whole state: a report names the one from which this sequence alone can be
		 * made again, not the run's.
		 */
		seed[other] = r.state;
		(void)generate(&sequences[other], &r, options.length, options.mix);
		pid = kernel_start(&sequences[other], record[other], DEEP_AT_END);
		checked += record[this]->done;
		if (!well)
			died++;
		if (!well || !compare(&sequences[this], record[this], &difference))
			report(&sequences[this], seed[this], ++found, record[this]->status);
	}
	/*
	 * The one that was started ahead is not compared; it must have ended before the exit, which would
	 * kill it in the middle (PR_SET_PDEATHSIG).
	 */
	(void)kernel_wait(pid, record[nr & 1]);
	spent = now() - begin;
	printf("# %lu calls checked in %lu sequences, seed %lu, %.0f calls per second, %lu differences: "
	       "Linux %s, "
	       "profile %s\n",
		checked, nr, options.seed, (double)checked / spent, found, background.release,
		background.kernel->name);
	if (options.anon_vmas)
		printf("# %lu times two areas shared an anon_vma, in both worlds; %lu sequences were "
		       "compared up to a "
		       "read of which only the kernel knows what it brings\n",
			pairs_compared, left_alone);
	if (options.coverage)
		coverage_print(stdout);
	return found || died ? 1 : 0;
}

/* Case files, as TAP. 0: all equal, 1: some differ, 2: one cannot be read, and the plan stays unfulfilled. */
static int replay(char **paths, int nr)
{
	int failed = 0;

	printf("1..%d\n", nr);
	for (int i = 0; i < nr; i++) {
		const char *name = strrchr(paths[i], '/') ? strrchr(paths[i], '/') + 1 : paths[i];

		if (!sequence_load(&sequences[0], paths[i]))
			return 2;
		if (check_sequence(&sequences[0], DEEP_ALWAYS, &difference)) {
			printf("ok %d %s\n", i + 1, name);
			continue;
		}
		failed = 1;
		printf("not ok %d %s\n", i + 1, name);
		print_difference(&sequences[0], &difference);
	}
	return failed;
}

static void list_profiles(FILE *f)
{
	const struct kernel_profile *p;

	for (unsigned int i = 0; (p = kernel_profile_at(i)) != NULL; i++)
		fprintf(f, "  %-8s %s%s\n", p->name, p->asked ? "asked: Linux " : "its kernel was not asked",
			p->asked ? p->asked : "");
}

/* The kernel to be: the one that is named, else the one that runs. */
static void choose_profile(void)
{
	struct utsname name;

	uname(&name);
	snprintf(background.release, sizeof(background.release), "%s", name.release);
	background.kernel = kernel_profile_for(options.profile ? options.profile : name.release);
	if (options.profile &&
		(!background.kernel || strcmp(background.kernel->name, options.profile) != 0)) {
		fprintf(stderr, "kernel-oracle: no such profile; there are:\n");
		list_profiles(stderr);
		exit(2);
	}
}

static void usage(void)
{
	fprintf(stderr,
		"usage: kernel-oracle [--calls N] [--seed S] [--profile NAME] [--mix NAME] [--length N] "
		"[--save FILE] [--keep-going N] [--coverage] [--anon-vmas]\n       kernel-oracle [--calls N] "
		"[--seed S] "
		"[--profile "
		"NAME] "
		"[--mix NAME] [--length N] --undo\n       kernel-oracle [--profile NAME] [--anon-vmas] "
		"--replay "
		"FILE...\nmixes:");
	list_mixes(stderr);
	fprintf(stderr, "\nprofiles:\n");
	list_profiles(stderr);
	exit(2);
}

static unsigned long number_of(const char *text)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno)
		usage();
	return number;
}

static void parse_options(int argc, char **argv)
{
	static const struct option known[] = { { "calls", 1, NULL, 'c' }, { "seed", 1, NULL, 's' },
		{ "profile", 1, NULL, 'p' }, { "mix", 1, NULL, 'm' }, { "length", 1, NULL, 'l' },
		{ "save", 1, NULL, 'o' }, { "keep-going", 1, NULL, 'k' }, { "replay", 0, NULL, 'r' },
		{ "undo", 0, NULL, 'u' }, { "coverage", 0, NULL, 'g' }, { "anon-vmas", 0, NULL, 'a' },
		{ 0 } };
	int c;

	/*
	 * Spread by Knuth's multiplicative hash: seeds of runs that began a second apart would give
	 * generators a state that differs in low bits only.
	 */
	options.seed = (unsigned long)time(NULL) * 2654435761u;
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'c':
			options.calls = number_of(optarg);
			break;
		case 's':
			options.seed = number_of(optarg);
			break;
		case 'p':
			options.profile = optarg;
			break;
		case 'm':
			options.mix = optarg;
			break;
		case 'l':
			options.length = (unsigned int)number_of(optarg);
			break;
		case 'o':
			options.save = optarg;
			break;
		case 'k':
			options.keep_going = (unsigned int)number_of(optarg);
			break;
		case 'r':
			options.replay = true;
			break;
		case 'u':
			options.undo = true;
			break;
		case 'g':
			options.coverage = true;
			break;
		case 'a':
			options.anon_vmas = true;
			break;
		default:
			usage();
		}
	}
	if (!options.length)
		options.length = options.undo ? 40 : 300;
	if (options.length < 4 || options.length > MAX_CALLS || options.replay != (optind < argc))
		usage();
}

/*
 * As far as this process will ever need: [stack] is an area of the map that is read, and its growth later
 * would make it another one than the engine's.
 */
__attribute__((noinline)) static void grow_stack(void)
{
	volatile char stack[256 << 10];

	for (size_t i = 0; i < sizeof(stack); i += PAGE)
		stack[i] = 0;
}

/* Make all that this process will ever need, so that its map stays as it is read. */
static void settle(void)
{
	static char out[1 << 16];

	grow_stack();
	/* stdio would allocate its buffer at the first printf(). */
	setvbuf(stdout, out, _IOFBF, sizeof(out));
	/*
	 * Before arena_install() and background_read(): what loading a program of BPF maps and allocates
	 * has to be in the map that is read.
	 */
	if (options.anon_vmas && !sharing_open())
		exit(77);
	arena_install();
	record[0] = record_new();
	record[1] = record_new();
	checker = record_new();
	if (!background_open() || !background_read())
		exit(77);
	/*
	 * The control: a sequence of no calls. If even that differs, the machine adds something to a
	 * child's map that the engine does not know, and every later difference would be that one.
	 */
	sequences[0].nr = 0;
	if (!check_sequence(&sequences[0], DEEP_AT_END, &difference) ||
		checker->start_total_vm != background.total_vm) {
		fprintf(stderr, "kernel-oracle: a child does not begin with the map that was read\n%s",
			difference.text);
		exit(77);
	}
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	choose_profile();
	background_reexec(argv);
	settle();
	if (options.undo)
		return undo_run(options.calls, options.seed, options.length, options.mix);
	return options.replay ? replay(argv + optind, argc - optind) : random_run();
}
