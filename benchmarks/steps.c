/* Runs a program step by step: how often each address is executed between its two breakpoints
   (int3). steps PROGRAM [ARGUMENT ...] prints "address count" for each, addresses in hexadecimal. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Addresses met and their counts; open addressing. */
enum { SLOTS = 1 << 16 };
static struct { uint64_t address, count; } met[SLOTS];

static void count(uint64_t address) {
  uint64_t slot = address * 0x9E3779B97F4A7C15u >> 48;
  while (met[slot].count && met[slot].address != address) slot = (slot + 1) % SLOTS;
  met[slot].address = address;
  met[slot].count++;
}

/* Lets the program go on; whether it stopped at a trap again. */
static int go(enum __ptrace_request how, pid_t program, struct user_regs_struct *registers) {
  int status;
  if (ptrace(how, program, 0, 0) < 0 || waitpid(program, &status, 0) < 0) return 0;
  return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP &&
         ptrace(PTRACE_GETREGS, program, 0, registers) >= 0;
}

int main(int arguments, char **argument) {
  struct user_regs_struct registers;
  pid_t program = arguments > 1 ? fork() : -1;
  if (program < 0) return 2;
  if (!program) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execv(argument[1], argument + 1);
    return 2;
  }
  waitpid(program, NULL, 0); /* stopped by exec */
  if (!go(PTRACE_CONT, program, &registers)) return 3;
  for (;;) {
    uint64_t at = registers.rip;
    if ((ptrace(PTRACE_PEEKTEXT, program, at, 0) & 0xff) == 0xcc) break;
    if (!go(PTRACE_SINGLESTEP, program, &registers)) return 4;
    count(at);
  }
  kill(program, SIGKILL);
  for (int i = 0; i < SLOTS; i++)
    if (met[i].count)
      printf("%llx %llu\n", (unsigned long long)met[i].address, (unsigned long long)met[i].count);
  return 0;
}
