/* SPDX-License-Identifier: MIT */
/*
 * `reader-beside-writer`: a load alone, beside a thread that writes 100,000 times a second, and beside one flat out;
 * and how much of its speed alone, measured just before, is left.
 */
#include "beside.h"

void question_reader_beside_writer(void)
{
	beside_compare("reader-beside-writer", "alone", NOT_AT_ALL, false);
	beside_compare("reader-beside-writer", "100,000 writes a second", PACED, false);
	beside_compare("reader-beside-writer", "writes flat out", FLAT_OUT, false);
}
