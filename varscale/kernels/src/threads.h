/* Threads that live for one call: nothing is kept that a fork could break. */
#ifndef VARSCALE_THREADS_H
#define VARSCALE_THREADS_H

/* Threads of one call, at most; native.py's MAX_THREADS. */
enum { VS_MAX_THREADS = 256 };

/* Calls run(argument) on this thread and on `threads` - 1 others, and returns when all are done.
   Where a thread cannot be started, the others do its work. */
void vs_run_on_threads(void (*run)(void *), void *argument, int threads);

#endif
