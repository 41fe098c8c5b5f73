/* SPDX-License-Identifier: MIT */
/*
 * The arguments and the result of a logged call.
 *
 *     NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE, 3</a, b>, 0) = 0x7f0000000000 <0.000012>
 *
 * Commas and parentheses inside strings, structures, comments and the paths of -y belong to an argument; the names that -N puts
 * before it do not.
 *
 * Nothing is copied or changed: arguments are pieces of the line. A call has at most STRACE_ARGS; what
 * follows is passed over.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * Behind the string that begins at the quote; NULL: it does not end. strace cuts a long string as
 * "abc"..., whose dots are part of the argument.
 */
static char *skip_string(char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : NULL;
}

/*
 * Behind the path that begins at the '<': it ends at a '>' with the end of an argument or result behind
 * it. Paths may have any character: a '>' inside one is passed over unless what follows looks like an
 * end.
 */
static char *skip_path(char *at)
{
	for (; *at; at++)
		if (*at == '>' && (at[1] == ',' || at[1] == ')' || at[1] == ' ' || at[1] == '\0' ||
					  at[1] == ']' || at[1] == '}' || at[1] == '('))
			return at + 1;
	return NULL;
}

/*
 * Behind one argument: at its comma or the closing parenthesis; NULL: neither comes. A ')' at depth 0
 * ends the call.
 */
static char *skip_argument(char *at)
{
	int depth = 0;

	while (*at) {
		switch (*at) {
		case '"':
			at = skip_string(at);
			if (!at)
				return NULL;
			continue;
		case '<':
			/* A shift is none, nor is the time of -T. */
			if (at[1] == '<') {
				at += 2;
				continue;
			}
			at = skip_path(at);
			if (!at)
				return NULL;
			continue;
		case '/':
			if (at[1] == '*') {
				at = strstr(at, "*/");
				if (!at)
					return NULL;
			}
			break;
		case '(':
		case '[':
		case '{':
			depth++;
			break;
		case ')':
		case ']':
		case '}':
			if (!depth--)
				return *at == ')' ? at : NULL;
			break;
		case ',':
			if (!depth)
				return at;
			break;
		default:
			break;
		}
		at++;
	}
	return NULL;
}

char *behind_name(char *at)
{
	char *name = skip_spaces(at), *end = name + strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789");

	return *end == '=' && end > name && islower((unsigned char)*name) ? end + 1 : at;
}

/* Behind the parenthesis that closes the call; NULL: it is cut. */
static char *split_arguments(char *at, struct strace_call *call)
{
	for (;;) {
		char *end;

		at = skip_spaces(at);
		/* clone's flags are looked for by their name, which is always there. */
		if (call->nr_args || strncmp(at, "flags=", 6) != 0)
			at = behind_name(at);
		end = skip_argument(at);
		if (!end)
			return NULL;
		if (call->nr_args < STRACE_ARGS && (end > at || *end == ','))
			call->args[call->nr_args++] = (struct text){ at, (size_t)(end - at) };
		if (*end == ')')
			return end + 1;
		at = end + 1;
	}
}

/*
 * "-1 ENOMEM (Cannot allocate memory)", "-1 (errno 12)". -1 without a name stays -1: EPERM's number,
 * which is what some tools print.
 */
static void failure(char *at, struct strace_call *call)
{
	int e;

	while (*at == ' ')
		at++;
	e = strncmp(at, "(errno ", 7) == 0 ? atoi(at + 7) : word_errno(at, strcspn(at, " <"));
	if (e > 0)
		call->result = -e;
}

/* Without the numbers that -yy puts behind a device: "/dev/zero<char 1:5>" */
static size_t path_length(char *begin, char *end)
{
	char *device = begin;

	while (device < end && strncmp(device, "<char ", 6) != 0 && strncmp(device, "<block ", 7) != 0)
		device++;
	return (size_t)(device - begin);
}

/*
 * "= 3", "= 0x7f0000000000", "= -1 ENOENT (No such file or directory)", "= ?", "= 3</path>", "= 3" with
 * a comment "4071 in strace's PID NS". False: no number, and no '?'.
 */
static bool result(char *at, struct strace_call *call)
{
	char *end;

	while (*at == ' ')
		at++;
	if (*at == '?')
		return true;
	if (!isdigit((unsigned char)*at) && *at != '-')
		return false;
	call->has_result = true;
	call->result = *at == '-' ? strtoll(at, &end, 0) : (int64_t)strtoull(at, &end, 0);
	call->injected = strstr(end, "(INJECTED)");
	/* A task, as its parent sees it, and then as strace does. */
	if (strncmp(end, " /* ", 4) == 0 && strstr(end, " in strace's PID NS */"))
		call->result = strtoll(end + 4, &end, 10);
	if (*end == '<') {
		char *behind = skip_path(end);

		if (behind)
			call->result_path = (struct text){ end + 1, path_length(end + 1, behind - 1) };
	} else if (call->result == -1) {
		failure(end, call);
	}
	return true;
}

/* *call is cleared first. What stands between ')' and '=' are blanks, for strace aligns. */
bool strace_call(char *text, struct strace_call *call)
{
	char *at;

	memset(call, 0, sizeof(*call));
	at = split_arguments(text, call);
	if (!at)
		return false;
	while (*at == ' ')
		at++;
	return *at == '=' && result(at + 1, call);
}
