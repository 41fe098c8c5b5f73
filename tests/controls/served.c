/* SPDX-License-Identifier: MIT */
/*
 * A program that is begun once and run often, whatever its beginning takes under valgrind: loaded before it (LD_PRELOAD), this reads
 * lines of stdin in place of its main(), each the words of a command with tabs between them. main() runs each in a child of its own,
 * as if nothing had been before; its status follows in a line of stdout behind what it wrote itself. SERVED has the program's path:
 * whatever else is begun with the same environment is left alone.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 40

typedef int main_function(int argc, char **argv, char **environment);
typedef int start_function(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
	void (*ld_fini)(void), void *stack_end);

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
	void (*ld_fini)(void), void *stack_end);

static main_function *main_of_program;

/* A line, without stdio, which is the program's. */
static bool read_line(char *line, size_t size)
{
	for (size_t at = 0; at < size && read(STDIN_FILENO, line + at, 1) == 1; at++)
		if (line[at] == '\n') {
			line[at] = '\0';
			return true;
		}
	return false;
}

static int serve(int argc, char **argv, char **environment)
{
	char line[4096], told[32], *words[WORDS + 1] = { argv[0] };
	int nr = 1, status;

	while (read_line(line, sizeof(line))) {
		if (fork() == 0) {
			for (char *word = strtok(line, "\t"); word && nr < WORDS; word = strtok(NULL, "\t"))
				words[nr++] = word;
			return main_of_program(nr, words, environment);
		}
		if (wait(&status) == -1)
			return EXIT_FAILURE;
		status = snprintf(told, sizeof(told), "\nserved: %d\n", status);
		if (write(STDOUT_FILENO, told, (size_t)status) != status)
			return EXIT_FAILURE;
	}
	return 0;
}

__attribute__((visibility("default"))) int __libc_start_main(main_function *main, int argc, char **argv,
	void (*init)(void), void (*fini)(void), void (*ld_fini)(void), void *stack_end)
{
	start_function *start = (start_function *)dlsym(RTLD_NEXT, "__libc_start_main");

	const char *served = getenv("SERVED");

	main_of_program = main;
	return start(served && strcmp(argv[0], served) == 0 ? serve : main, argc, argv, init, fini, ld_fini,
		stack_end);
}
