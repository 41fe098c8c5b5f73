/* SPDX-License-Identifier: MIT */
/*
 * vmaple top: every process by its share of vm.max_map_count, with the time it has left.
 *
 * One thread draws and asks; the process that is looked at closely is followed by another (top_live.c). The
 * loop waits for a key no longer than until the next look is due, so that a machine with nothing to show
 * takes no processor time.
 *
 * States of the loop, in the order in which a key is offered to them (on_key()): a filter is being typed;
 * help is shown; one process is looked at (t.process.pid); the list. What is shown follows from the same
 * fields in draw(), so no screen has to be left in a tidy way.
 *
 * curses owns the terminal from start_terminal() to endwin(): in between nothing is printed, and what
 * goes wrong ends the loop with -errno.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "top.h"

static const char help_text[] =
	"usage: vmaple top [--no-color] [PID]\n"
	"\n"
	"Show every process by its share of vm.max_map_count, with its growth and the\n"
	"time until it reaches the limit; or one process as it goes: its calls a second,\n"
	"who makes its areas, and the reasons why they are apart.  `h` lists the keys.\n"
	"No colour under NO_COLOR.\n"
	"\n"
	"exit status: 0; 125 vmaple failed\n";

static const char *const keys[] = { "h, ?            this help", "q               quit",
	"UP DOWN PGUP PGDN HOME END   move", "ENTER           look closer at a process; ESC goes back",
	"< >             sort by the column to the left or to the right",
	"A G T C M P N   sort by areas, growth, time left, changes, memory mapped, PID, name",
	"r               turn the order round",
	"/               filter by command or PID: type, ENTER; ESC ends it",
	"SPACE           pause: nothing is looked at until the next",
	"TAB             of one process: who makes its areas, or the areas",
	"A G M N         there: sort by areas or address, growth, size, name",
	"f               there: keep what was seen as a recording, and begin anew",
	"+ -             look more often or less often", "",
	"LIMIT      share of vm.max_map_count: at 100% mmap fails with ENOMEM",
	"GROWTH/s   areas a second; - where what was seen may be noise",
	"TO LIMIT   time until the limit at that growth",
	"CHANGES/s  how often the map is locked for a change" };

/* Without colours everything is as plain as the rest; bold and reverse are not asked for here. */
attr_t top_attr(const struct top *t, int pair)
{
	return t->colour && pair != TOP_PLAIN ? (attr_t)COLOR_PAIR(pair) : A_NORMAL;
}

/*
 * From a tenth of the limit on a process is worth a colour. 0.5 and 0.8: half is worth a look, and beyond
 * four fifths a burst may end it.
 */
int top_share_pair(double share)
{
	return share >= 0.8 ? TOP_BAD : share >= 0.5 ? TOP_WARN : share >= 0.1 ? TOP_GOOD : TOP_PLAIN;
}

/* A line that is longer than the terminal is cut; what lies below its last line is not seen. */
static void draw_help(void)
{
	mvprintw(0, 0, "vmaple top: keys and columns");
	for (int i = 0; i < (int)(sizeof(keys) / sizeof(keys[0])); i++)
		mvprintw(i + 2, 0, "  %.*s", COLS > 2 ? COLS - 2 : 0, keys[i]);
	mvprintw(LINES - 1, 0, "any key goes back");
}

/*
 * Everything, each time: curses sends what has changed. Smaller than 60 by 10 nothing is laid out: the
 * drawing functions count on lines being there.
 */
static void draw(struct top *t)
{
	erase();
	/* Both follow the window: curses sets them anew at KEY_RESIZE. */
	if (LINES < 10 || COLS < 60)
		mvprintw(0, 0, "vmaple top needs 60 columns and 10 lines");
	else if (t->help)
		draw_help();
	else if (t->process.pid)
		top_draw_process(t);
	else
		top_draw_list(t);
	refresh();
}

static volatile sig_atomic_t ended;

static void on_end(int sig)
{
	(void)sig;
	ended = 1;
}

/* No SA_RESTART: getch() has to return. What was ignored by who began it stays so. */
static void end_at(int sig)
{
	struct sigaction old, action = { .sa_handler = on_end };

	if (!sigaction(sig, NULL, &old) && old.sa_handler != SIG_IGN)
		(void)!sigaction(sig, &action, NULL);
}

/*
 * NO_COLOR that is set to anything but "" turns colours off (no-color.org). cbreak() leaves Ctrl-C to the
 * kernel. curses' own handlers of SIGINT and SIGTERM, which would end the process at once and leave what it
 * was recording behind, give way to on_end().
 */
static void start_terminal(struct top *t)
{
	const char *no_color = getenv("NO_COLOR");

	setlocale(LC_ALL, "");
	initscr();
	end_at(SIGINT);
	end_at(SIGTERM);
	end_at(SIGHUP);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	/*
	 * ESC is also the first byte of the arrows' keys: curses waits so long (ms) for the rest, a second
	 * by default.
	 */
	set_escdelay(25);
	t->colour = !t->no_colour && !(no_color && *no_color) && has_colors();
	if (!t->colour)
		return;
	start_color();
	/* -1 below is then the terminal's own background. */
	use_default_colors();
	init_pair(TOP_TITLE, COLOR_CYAN, -1);
	init_pair(TOP_GOOD, COLOR_GREEN, -1);
	init_pair(TOP_WARN, COLOR_YELLOW, -1);
	init_pair(TOP_BAD, COLOR_RED, -1);
}

/*
 * Typing a filter. Of the process that is looked at, else of the list. ENTER keeps it, ESC drops it;
 * bytes beyond ASCII are not typed, though commands may have them.
 */
static void type_filter(struct top *t, int key)
{
	char *filter = t->process.pid ? t->process.filter : t->filter;
	size_t len = strlen(filter);

	if (key == '\n' || key == KEY_ENTER) {
		t->typing = false;
	} else if (key == 27) {
		t->typing = false;
		filter[0] = '\0';
	} else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && len) {
		filter[len - 1] = '\0';
	} else if (key >= ' ' && key < 127 && len + 1 < TOP_FILTER) {
		filter[len] = (char)key;
		filter[len + 1] = '\0';
	}
}

/*
 * Lines to move by; 0: not such a key. A page is what the list shows less a line or two; HOME and END are
 * clamped by move_by(), as any number is.
 */
static int movement(int key)
{
	switch (key) {
	case KEY_UP:
	case 'k':
		return -1;
	case KEY_DOWN:
	case 'j':
		return 1;
	case KEY_PPAGE:
		return -(LINES - 6);
	case KEY_NPAGE:
		return LINES - 6;
	case KEY_HOME:
		return -1000000;
	case KEY_END:
		return 1000000;
	default:
		return 0;
	}
}

/* Of a process the list is moved, clamped where it is drawn; of all processes the selection. */
static void move_by(struct top *t, int lines)
{
	if (t->process.pid) {
		t->process.first += lines;
		return;
	}
	t->selected += lines;
	if (t->selected >= (int)t->nr)
		t->selected = (int)t->nr - 1;
	if (t->selected < 0)
		t->selected = 0;
	t->selected_pid = t->nr ? t->order[t->selected]->task.pid : 0;
}

/* A new column begins in its natural order. */
static void sort_by(struct top *t, enum top_column by)
{
	t->by = by;
	t->reverse = false;
}

/* The columns as they stand from left to right, round the end. */
static void sort_beside(struct top *t, int step)
{
	static const enum top_column order[] = { BY_PID, BY_AREAS, BY_GROWTH, BY_TIME, BY_CHANGES, BY_SIZE,
		BY_COMMAND };

	for (int i = 0; i < TOP_COLUMNS; i++) {
		if (order[i] == t->by) {
			sort_by(t, order[(i + step + TOP_COLUMNS) % TOP_COLUMNS]);
			return;
		}
	}
}

/* ESC drops a filter that was kept. ENTER opens what is selected; the list stays as it is behind it. */
static void list_key(struct top *t, int key)
{
	static const char letters[] = "AGTCMPN"; /* in the order of enum top_column */
	const char *letter = key > 0 && key < 127 ? strchr(letters, key) : NULL;

	if (letter)
		sort_by(t, (enum top_column)(letter - letters));
	else if (key == '<' || key == '>')
		sort_beside(t, key == '<' ? -1 : 1);
	else if (key == 'r')
		t->reverse = !t->reverse;
	else if (key == '/')
		t->typing = true;
	else if (key == 27)
		t->filter[0] = '\0';
	else if ((key == '\n' || key == KEY_ENTER) && t->selected_pid)
		t->process.pid = t->selected_pid;
}

/* From 250 ms to 64 s, by powers of two. */
static void change_pace(struct top *t, int key)
{
	if (key == '+' && t->interval_ms > 250)
		t->interval_ms /= 2;
	else if (key == '-' && t->interval_ms < 60000)
		t->interval_ms *= 2;
}

/*
 * False: quit. In each state some keys have another meaning, so the order is the rule: a `q` that is
 * typed into a filter quits nothing, and behind help any key only goes back.
 */
static bool on_key(struct top *t, int key)
{
	/* Nobody's key: the window has another size, and is drawn anew. */
	if (key == KEY_RESIZE)
		return true;
	if (t->typing) {
		type_filter(t, key);
		return true;
	}
	if (t->help) {
		t->help = false;
		return true;
	}
	if (key == 'q')
		return false;
	if (key == 'h' || key == '?')
		t->help = true;
	else if (key == ' ')
		t->paused = !t->paused;
	else if (key == '+' || key == '-')
		change_pace(t, key);
	else if (movement(key))
		move_by(t, movement(key));
	else if (!t->process.pid)
		list_key(t, key);
	else if (top_process_key(t, key))
		t->process.first = 0;
	else if (key == 27 || key == KEY_BACKSPACE || key == 127)
		top_leave_process(t);
	return true;
}

/* Order counts: top_arrange() makes t.order anew, whose pointers the look has ended. */
static int look(struct top *t)
{
	int err = watch_look(&t->watch);

	return err ? err : top_arrange(t);
}

/*
 * Until q, a signal or an error. A key moves what is shown at once, but does not bring the next look forward.
 *
 * While paused nothing is read, and keys are still answered; a key arranges anew because it may have
 * changed filter or order. getch() answers ERR when the time is over, and KEY_RESIZE when the window has
 * changed.
 */
static int loop(struct top *t)
{
	uint64_t next = 0, now;
	int err = 0, key = ERR;

	while (!err && !ended && (key == ERR || on_key(t, key))) {
		now = clock_ns();
		if (now >= next && !t->paused) {
			err = look(t);
			next = now + t->interval_ms * 1000000;
		} else if (key != ERR) {
			err = top_arrange(t);
		}
		/* The order may be of pointers into a list that the look has freed. */
		if (err)
			break;
		if (t->process.pid && !t->paused) {
			top_read_process(t, (double)now / 1e9);
			top_look_at_seen(t, (double)now / 1e9);
		}
		draw(t);
		now = clock_ns();
		/* Milliseconds, rounded up: rounded down the loop would spin through the last one. */
		timeout(next > now && !t->paused ? (int)((next - now) / 1000000) + 1 : (int)t->interval_ms);
		key = getch();
	}
	return err;
}

/* A PID opens that process at once; whether it is there is seen at the first look. */
static int parse(struct top *t, int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' },
		{ "no-color", no_argument, NULL, 'c' }, { NULL, 0, NULL, 0 } };
	uint64_t pid;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help_text, stdout);
			return -1;
		}
		if (opt != 'c')
			return usage_error("top", "unknown option", argv[optind - 1]);
		t->no_colour = true;
	}
	if (optind == argc)
		return 0;
	if (optind + 1 < argc || !parse_pid(argv[optind], &pid))
		return usage_error("top", "one PID is wanted, not", argv[argc - 1]);
	t->process.pid = (pid_t)pid;
	return 0;
}

/*
 * A failed look ends it. Everything that the loop has made is freed here; a thread that follows a process
 * is ended by top_leave_process() behind endwin(), for it takes a while.
 */
int cmd_top(int argc, char **argv)
{
	struct top t = { .by = BY_AREAS, .interval_ms = 1000 };
	int status = parse(&t, argc, argv), err;

	if (status)
		return status < 0 ? 0 : status;
	/* initscr() would end the process with a message of its own. */
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		complain("top", "a terminal is needed; `vmaple metrics` is for programs");
		return STATUS_FAILED;
	}
	err = watch_open(&t.watch);
	if (!err) {
		start_terminal(&t);
		err = loop(&t);
		/* Before anything is said: stderr is the same terminal. */
		endwin();
		top_leave_process(&t);
		free(t.order);
		watch_close(&t.watch);
	}
	if (err)
		complain("top", "%s", strerror(-err));
	return err ? STATUS_FAILED : 0;
}
