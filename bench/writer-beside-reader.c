/* SPDX-License-Identifier: MIT */
/* `writer-beside-reader`: a write, while another thread reads flat out. */
#include "beside.h"

void question_writer_beside_reader(void)
{
	beside_compare("writer-beside-reader", "", FLAT_OUT, true);
}
