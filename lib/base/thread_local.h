/* SPDX-License-Identifier: MIT */
/*
 * Variables of each thread. Freestanding there are none: one thread is in the library at a time, whichever it is.
 */
#ifndef BASE_THREAD_LOCAL_H
#define BASE_THREAD_LOCAL_H

#if __STDC_HOSTED__
#define THREAD_LOCAL __thread
/* Read without a call: also in a signal handler it never allocates. */
#define THREAD_LOCAL_STATIC __attribute__((tls_model("initial-exec")))
#else
#define THREAD_LOCAL
#define THREAD_LOCAL_STATIC
#endif

#endif /* BASE_THREAD_LOCAL_H */
