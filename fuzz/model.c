/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a model of tests/model (FUZZ_MODEL), with the input in place of its random numbers.
 *
 * The first byte says in which of its ways the model runs (NR_MODELS); what follows is what it asks for, until the input
 * ends.  What the model asserts is all that can fail: cmocka then ends the process.
 */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const uint8_t *random_input, *random_input_end;

#define main model_main
int model_main(void);
#include FUZZ_MODEL
#undef main

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	random_input = data + 1;
	random_input_end = data + size;
	run_model(data[0] % NR_MODELS, 0, UINT64_MAX);
	return 0;
}
