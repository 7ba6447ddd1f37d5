#include "threads.h"

#if defined(_WIN32)
#include <windows.h>
typedef HANDLE vs_thread;
#else
#include <pthread.h>
#include <signal.h>
typedef pthread_t vs_thread;
#endif

struct task {
  void (*run)(void *);
  void *argument;
};

#if defined(_WIN32)
static DWORD WINAPI start(void *argument) {
  struct task *task = argument;
  task->run(task->argument);
  return 0;
}
static int create(vs_thread *thread, struct task *task) {
  *thread = CreateThread(NULL, 0, start, task, 0, NULL);
  return *thread != NULL;
}
static void join(vs_thread thread) {
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
}
#else
static void *start(void *argument) {
  struct task *task = argument;
  task->run(task->argument);
  return NULL;
}
static int create(vs_thread *thread, struct task *task) {
  /* Signals are the application's, on the threads that it knows. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(thread, NULL, start, task);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return !failed;
}
static void join(vs_thread thread) { pthread_join(thread, NULL); }
#endif

void vs_run_on_threads(void (*run)(void *), void *argument, int threads) {
  struct task task = {run, argument};
  vs_thread others[VS_MAX_THREADS];
  int started = 0;
  while (started < threads - 1 && started < VS_MAX_THREADS && create(&others[started], &task))
    started++;
  run(argument);
  while (started) join(others[--started]);
}
