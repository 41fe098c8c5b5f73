/* SPDX-License-Identifier: MIT */
/* Said of a variable of the library where it is declared, so that it is reached without a table: where objects are ELF or Mach-O. */
#ifndef BASE_HIDDEN_H
#define BASE_HIDDEN_H

#ifdef _WIN32
#define HIDDEN
#else
#define HIDDEN __attribute__((visibility("hidden")))
#endif

#endif /* BASE_HIDDEN_H */
