/* SPDX-License-Identifier: MIT */
/*
 * vmaple metrics: the number of areas of every process for Prometheus, as a file or over HTTP.
 *
 * Two threads at most: this one looks and makes the text, libmicrohttpd's answers with a copy of the last
 * one. Between them is struct page alone, under its lock; a scrape never waits for a look, and never sees
 * half of one. A look that fails ends the command: what watches it shall see that it is gone rather than
 * old numbers.
 *
 * Order: signals are blocked before libmicrohttpd makes its thread, so that they come to this one; the
 * first look is made before the port is opened, so that no scrape finds an empty page; at the end the
 * daemon is stopped, which waits for its thread, before the page that it answers with is freed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "cli.h"
#include "metrics.h"
#include "output.h"

/* The defaults that it names are those of cmd_metrics(). */
static const char help[] = "usage: vmaple metrics --textfile FILE [options]\n"
			   "       vmaple metrics --listen ADDRESS:PORT [options]\n"
			   "\n"
			   "Tell how many areas each process has, how fast that grows, and when it will\n"
			   "reach vm.max_map_count, as OpenMetrics: in a file for node_exporter's textfile\n"
			   "collector, or to Prometheus itself at /metrics.\n"
			   "\n"
			   "  --textfile FILE   replace FILE by a new one at every look\n"
			   "  --listen A:PORT   serve HTTP there; 127.0.0.1:9464 for example, or [::1]:9464\n"
			   "  --interval S      seconds between looks (15)\n"
			   "  --threshold N     leave out processes with fewer areas (1000)\n"
			   "  --processes N     at most so many of them, those with most areas first (100)\n"
			   "  --once            one look, and end; growth is not known then\n"
			   "\n"
			   "exit status: 0 after SIGTERM or SIGINT; 125 vmaple failed\n";

/* 0 is a number here: no threshold, no processes. */
static int parse_count(uint64_t *to)
{
	return parse_number(optarg, to) ? 0 : usage_error("metrics", "a number is wanted, not", optarg);
}

/*
 * "ADDRESS:PORT", "[ADDRESS]:PORT", numbers only: no name is looked up, so that what is served where
 * never depends on a resolver. False: neither.
 *
 * The last colon parts address and port, for an IPv6 address has colons of its own; those want brackets,
 * as in a URL.
 */
static bool parse_address(const char *text, struct sockaddr_storage *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	const char *colon = strrchr(text, ':');
	char host[64];
	uint64_t port;

	if (!colon || colon == text || !parse_up_to(colon + 1, 65535, &port))
		return false;
	/* An address that is longer than any is cut, and then none. */
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		/* The storage is as large as both. */
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		return true;
	}
	if (host[0] != '[' || host[strlen(host) - 1] != ']')
		return false;
	host[strlen(host) - 1] = '\0';
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1;
}

/* 0; -1: the help was printed; or STATUS_USAGE. */
static int parse_option(struct metrics_options *o, int opt, char **argv)
{
	switch (opt) {
	case 't':
		o->textfile = optarg;
		return 0;
	case 'l':
		o->listen = optarg;
		if (parse_address(optarg, &o->address))
			return 0;
		return usage_error("metrics", "--listen takes ADDRESS:PORT, not", optarg);
	case 'i':
		if (parse_up_to(optarg, INT32_MAX, &o->interval))
			return 0;
		return usage_error("metrics", "--interval takes a number of seconds above 0, not", optarg);
	case 'm':
		return parse_count(&o->threshold);
	case 'p':
		return parse_count(&o->processes);
	case 'o':
		o->once = true;
		return 0;
	case 'h':
		fputs(help, stdout);
		return -1;
	case ':':
		return usage_error("metrics", "an argument is missing after", argv[optind - 1]);
	default:
		return usage_error("metrics", "unknown option", argv[optind - 1]);
	}
}

/*
 * 0; -1: the help was printed; or STATUS_USAGE. --textfile and --listen exclude each other: each has its
 * own way to say that a look failed.
 */
static int parse(struct metrics_options *o, int argc, char **argv)
{
	static const struct option options[] = { { "textfile", required_argument, NULL, 't' },
		{ "listen", required_argument, NULL, 'l' }, { "interval", required_argument, NULL, 'i' },
		{ "threshold", required_argument, NULL, 'm' }, { "processes", required_argument, NULL, 'p' },
		{ "once", no_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	int opt, err;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		err = parse_option(o, opt, argv);
		if (err)
			return err;
	}
	if (optind != argc)
		return usage_error("metrics", "no argument is wanted, but", argv[optind]);
	if (!o->textfile == !o->listen)
		return usage_error("metrics", "one of --textfile and --listen is wanted", NULL);
	return 0;
}

/* --- a file ------------------------------------------------------------------------------------------------- */

/*
 * A reader sees the old file or the new one, never a part. 0 or -errno; the sentence has been said.
 * node_exporter reads at any moment, hence the rename (output.h).
 */
static int replace_file(const struct watch *w, const struct metrics_options *o)
{
	struct output file;

	if (output_open(&file, "metrics", o->textfile))
		return -EIO;
	return output_close(&file, metrics_write(file.file, w, o)) ? -EIO : 0;
}

/* --- HTTP --------------------------------------------------------------------------------------------------- */

/*
 * The text of the last look and its length, under the lock: written by the looking thread, copied by the
 * serving one. text is malloc()'s, by open_memstream(3), and never NULL while the daemon runs.
 */
struct page {
	pthread_mutex_t lock;
	char *text;
	size_t len;
};

/* Made without the lock, exchanged under it. 0 or -errno; the old text stays then. */
static int renew_page(struct page *page, const struct watch *w, const struct metrics_options *o)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	/* open_memstream(3): ENOMEM. */
	int err = f ? metrics_write(f, w, o) : -errno;

	if (f && (fclose(f) || !text) && !err)
		err = -ENOMEM;
	if (err) {
		free(text);
		return err;
	}
	pthread_mutex_lock(&page->lock);
	free(page->text);
	page->text = text;
	/* text and len change together, under the lock. */
	page->len = len;
	pthread_mutex_unlock(&page->lock);
	return 0;
}

/*
 * On libmicrohttpd's thread. The body of a request is not read: only GET and HEAD are answered with 200,
 * and neither has one.
 *
 * MHD_RESPMEM_MUST_COPY: the copy is made inside of MHD_create_response_from_buffer(), still under the
 * lock; the next look may free the text as soon as that is released. HEAD gets no body from libmicrohttpd
 * itself. MHD_NO closes the connection.
 */
static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *data_size, void **request)
{
	static char missing[] = "The metrics are at /metrics.\n";
	struct page *page = ctx;
	bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	bool found = get && strcmp(url, "/metrics") == 0;
	struct MHD_Response *response;
	enum MHD_Result result;

	pthread_mutex_lock(&page->lock);
	response =
		found ? MHD_create_response_from_buffer(page->len, page->text, MHD_RESPMEM_MUST_COPY)
		      : MHD_create_response_from_buffer(sizeof(missing) - 1, missing, MHD_RESPMEM_PERSISTENT);
	pthread_mutex_unlock(&page->lock);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type",
		found ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain");
	result = MHD_queue_response(connection, found ? 200 : get ? 404 : 405, response);
	MHD_destroy_response(response);
	return result;
}

/*
 * At most 32 connections of 10 seconds each: Prometheus makes one now and then, and nobody else shall
 * hold the process's descriptors. NULL after one sentence.
 *
 * The port number of the call (0) does not count: MHD_OPTION_SOCK_ADDR has address and port.
 */
static struct MHD_Daemon *serve(struct page *page, const struct metrics_options *o)
{
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | (o->address.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0), 0,
		NULL, NULL, answer, page, MHD_OPTION_SOCK_ADDR, &o->address, MHD_OPTION_CONNECTION_LIMIT, 32u,
		MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_END);

	if (!daemon)
		complain("metrics", "%s: cannot be served: %s", o->listen, strerror(errno));
	return daemon;
}

/* --- the loop ----------------------------------------------------------------------------------------------- */

/* By the handler, which runs while ppoll() waits and at no other time. */
static volatile sig_atomic_t ended;

static void end(int sig)
{
	ended = 1;
}

/* 0 or -errno, when it has been said. An error ends the command: see above. */
static int look(struct watch *w, struct page *page, const struct metrics_options *o)
{
	int err = watch_look(w);

	if (err)
		complain("metrics", "the processes cannot be listed: %s", strerror(-err));
	else
		err = o->textfile ? replace_file(w, o) : renew_page(page, w, o);
	return err;
}

/*
 * SIGTERM and SIGINT are blocked, and not so by @before. Time is counted from look to look, so a look
 * that takes long makes the next one later, and none are made up for.
 */
static int loop(struct watch *w, const struct metrics_options *o, const sigset_t *before)
{
	const struct timespec interval = { .tv_sec = (time_t)o->interval };
	struct page page = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct MHD_Daemon *daemon = NULL;
	/* Before the daemon: the first scrape finds a page. */
	int err = look(w, &page, o);

	if (!err && o->listen) {
		daemon = serve(&page, o);
		err = daemon ? 0 : -EINVAL;
	}
	while (!err && !o->once && !ended) {
		/* A signal that ends it comes here alone: from the question to the wait there is no gap. */
		ppoll(NULL, 0, &interval, before);
		if (!ended)
			err = look(w, &page, o);
	}
	if (daemon)
		MHD_stop_daemon(daemon);
	free(page.text);
	return err ? STATUS_FAILED : 0;
}

/* 0 after a signal. Without BPF it is said once, and all goes on by /proc. */
int cmd_metrics(int argc, char **argv)
{
	struct metrics_options o = { .threshold = 1000, .interval = 15, .processes = 100 };
	struct watch w;
	sigset_t ends, before;
	int status = parse(&o, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	if (watch_open(&w)) {
		complain("metrics", "out of memory");
		return STATUS_FAILED;
	}
	if (*live_tasks_reason(w.tasks))
		complain("metrics", "counting the lines of /proc/PID/maps: %s", live_tasks_reason(w.tasks));
	/* libmicrohttpd's thread has them blocked, too. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, &before);
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = end }, NULL);
	sigaction(SIGINT, &(struct sigaction){ .sa_handler = end }, NULL);
	status = loop(&w, &o, &before);
	watch_close(&w);
	return status;
}
