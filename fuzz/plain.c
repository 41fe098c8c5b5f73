/* SPDX-License-Identifier: MIT */
/*
 * Inputs for a fuzz target where there is no libFuzzer: files, or random bytes.
 *
 * usage: PROGRAM FILE...            try each of them, such as those that a fuzzer has kept
 *        PROGRAM --random N SEED    try N random ones; the seed of one that fails is printed before it is tried
 *        PROGRAM --mutate N SEED FILE...    try N that the target's own mutator makes of these; likewise
 */
/* Its own numbers are no input. */
#undef RANDOM_IS_INPUT

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

#define INPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Of targets that have them. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);
__attribute__((weak)) size_t LLVMFuzzerCustomMutator(
	uint8_t *data, size_t size, size_t max, unsigned int seed);

static uint8_t input[INPUT_MAX];

static int try_file(const char *name)
{
	FILE *file = fopen(name, "rb");
	size_t size;

	if (!file) {
		perror(name);
		return 1;
	}
	size = fread(input, 1, sizeof(input), file);
	fclose(file);
	fprintf(stderr, "%s\n", name);
	return LLVMFuzzerTestOneInput(input, size);
}

static int try_random(unsigned long count, uint64_t seed)
{
	for (; count; count--, seed++) {
		struct random r = { seed };
		size_t size = 16 + random_below(&r, 2000);

		for (size_t i = 0; i < size; i++)
			input[i] = (uint8_t)random_u64(&r);
		fprintf(stderr, "\r--random 1 %llu ", (unsigned long long)seed);
		if (LLVMFuzzerTestOneInput(input, size))
			return 1;
	}
	fprintf(stderr, "\n");
	return 0;
}

static size_t read_file(const char *name)
{
	FILE *file = fopen(name, "rb");
	size_t size = file ? fread(input, 1, sizeof(input), file) : 0;

	if (file)
		fclose(file);
	return size;
}

static int try_mutated(unsigned long count, uint64_t seed, char **files, int nr)
{
	for (; count; count--, seed++) {
		struct random r = { seed };
		size_t size = read_file(files[random_below(&r, (uint64_t)nr)]);

		for (uint64_t n = 1 + random_below(&r, 12); size && n; n--)
			size = LLVMFuzzerCustomMutator(
				input, size, sizeof(input), (unsigned int)random_u64(&r));
		fprintf(stderr, "--mutate 1 %llu\n", (unsigned long long)seed);
		if (!size || LLVMFuzzerTestOneInput(input, size))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	if (argc > 4 && strcmp(argv[1], "--mutate") == 0 && LLVMFuzzerCustomMutator)
		return try_mutated(strtoul(argv[2], NULL, 0), strtoull(argv[3], NULL, 0), argv + 4, argc - 4);
	if (argc == 4 && strcmp(argv[1], "--random") == 0)
		return try_random(strtoul(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: %s FILE... | --random N SEED\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		if (try_file(argv[i]))
			return 1;
	return 0;
}
