/* Starts processes and says what they took, with as little of its own as can be: scripts/benchmarks/timing.py compiles it.
 *
 *   timer once COMMAND...      "WALL_NS USER_US SYSTEM_US MAXRSS_KIB STATUS SIGNAL"
 *   timer loop N J COMMAND...  starts N processes from J threads, each after its last has ended: the same line
 *
 * The standard streams of what it starts are /dev/null. A process that was started from a large one has at least that one's
 * memory as its greatest; hence this is not Python.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static posix_spawn_file_actions_t quiet;
static char **command;
static atomic_long left;
static atomic_int worst;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long micros(struct timeval time) { return time.tv_sec * 1000000LL + time.tv_usec; }

static pid_t start(void) {
  pid_t child;
  int error = posix_spawnp(&child, command[0], &quiet, NULL, command, environ);
  if (error != 0) {
    fprintf(stderr, "timer: %s: %s\n", command[0], strerror(error));
    exit(2);
  }
  return child;
}

static void *starts(void *unused) {
  while (atomic_fetch_sub(&left, 1) > 0) {
    int status;
    waitpid(start(), &status, 0);
    if (status != 0) atomic_store(&worst, status);
  }
  return unused;
}

int main(int argc, char **argv) {
  int loop = argc > 4 && strcmp(argv[1], "loop") == 0;
  if (!loop && (argc < 3 || strcmp(argv[1], "once") != 0)) return 2;
  command = argv + (loop ? 4 : 2);
  posix_spawn_file_actions_init(&quiet);
  for (int stream = 0; stream < 3; stream++)
    posix_spawn_file_actions_addopen(&quiet, stream, "/dev/null", O_RDWR, 0);

  struct rusage used;
  int status = 0;
  long long began = now(), ended;
  if (loop) {
    int threads = atoi(argv[3]);
    pthread_t thread[threads];
    left = atol(argv[2]);
    for (int at = 0; at < threads; at++) pthread_create(&thread[at], NULL, starts, NULL);
    for (int at = 0; at < threads; at++) pthread_join(thread[at], NULL);
    ended = now();
    status = worst;
    getrusage(RUSAGE_CHILDREN, &used);
  } else {
    wait4(start(), &status, 0, &used);
    ended = now();
  }
  printf("%lld %lld %lld %ld %d %d\n", ended - began, micros(used.ru_utime), micros(used.ru_stime), used.ru_maxrss,
         WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  return 0;
}
