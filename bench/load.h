/*
 * load.h: what the load drivers share: the clock, errors, loopback sockets, big-endian fields, percentiles, and the
 * deadline after which a driver gives up. Header only, so that each driver stays one `gcc` call.
 *
 * A driver prints its result on stdout and everything else on stderr. Exit status: 0 measured, 1 the run failed,
 * 2 wrong flags, 3 the deadline passed.
 */
#ifndef LOAD_H
#define LOAD_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DEADLINE = 3 };

static inline double now_seconds(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

/* ---- errors ------------------------------------------------------------------------------------------------- */

__attribute__((noreturn, format(printf, 1, 2))) static inline void fail(const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(EXIT_FAILED);
}

__attribute__((noreturn)) static inline void fail_errno(const char *what)
{
  fail("%s: %s", what, strerror(errno));
}

static inline void *allocate(size_t bytes)
{
  void *memory = calloc(1, bytes);
  if (!memory) fail("out of memory (%zu bytes)", bytes);
  return memory;
}

/* A flag's number, within bounds; anything else ends the driver. */
static inline long flag_number(int flag, const char *text, long least, long most)
{
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno || end == text || *end || value < least || value > most) {
    fprintf(stderr, "-%c wants a number from %ld to %ld, got '%s'\n", flag, least, most, text);
    exit(EXIT_USAGE);
  }
  return value;
}

/* ---- the deadline ------------------------------------------------------------------------------------------- */

/* Set by the driver: says how far it came. */
struct deadline {
  int seconds;
  void (*progress)(FILE *to);
};

static inline void *deadline_thread(void *argument)
{
  const struct deadline *deadline = argument;
  double end = now_seconds() + deadline->seconds;
  for (double left; (left = end - now_seconds()) > 0;) {
    struct timespec pause = {.tv_sec = (time_t)left, .tv_nsec = (long)((left - (time_t)left) * 1e9)};
    nanosleep(&pause, NULL);
  }
  fprintf(stderr, "gave up after %d s: ", deadline->seconds);
  deadline->progress(stderr);
  fputc('\n', stderr);
  _exit(EXIT_DEADLINE);
}

/* Whatever the other threads wait for, the process ends by then. `deadline` must live as long as the process. */
static inline void deadline_start(struct deadline *deadline)
{
  pthread_t thread;
  if (pthread_create(&thread, NULL, deadline_thread, deadline)) fail("cannot start the deadline's thread");
  pthread_detach(thread);
}

/* ---- sockets ------------------------------------------------------------------------------------------------ */

static inline int connect_loopback(int port)
{
  /* A broken connection is an error with a message, not a silent death. */
  signal(SIGPIPE, SIG_IGN);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) fail_errno("socket");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect to port %d: %s", port, strerror(errno));
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static inline void write_all(int fd, const void *bytes, size_t count)
{
  const char *p = bytes;
  while (count) {
    ssize_t written = write(fd, p, count);
    if (written <= 0) fail_errno("write");
    p += written;
    count -= written;
  }
}

/* One read, at least one byte. */
static inline size_t read_some(int fd, void *bytes, size_t room)
{
  ssize_t got = read(fd, bytes, room);
  if (got < 0) fail_errno("read");
  if (got == 0) fail("the broker closed the connection");
  return got;
}

static inline void read_all(int fd, void *bytes, size_t count)
{
  char *p = bytes;
  while (count) {
    size_t got = read_some(fd, p, count);
    p += got;
    count -= got;
  }
}

static inline void start_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
  if (pthread_create(thread, NULL, run, argument)) fail("cannot start a thread");
}

/* ---- big-endian fields: put* return where the next field goes ------------------------------------------------ */

static inline uint8_t *put8(uint8_t *p, uint8_t v)
{
  p[0] = v;
  return p + 1;
}

static inline uint8_t *put16(uint8_t *p, uint16_t v)
{
  p[0] = v >> 8;
  p[1] = v;
  return p + 2;
}

static inline uint8_t *put32(uint8_t *p, uint32_t v)
{
  return put16(put16(p, v >> 16), v);
}

static inline uint8_t *put64(uint8_t *p, uint64_t v)
{
  return put32(put32(p, v >> 32), v);
}

static inline uint8_t *put_bytes(uint8_t *p, const void *bytes, size_t count)
{
  memcpy(p, bytes, count);
  return p + count;
}

static inline int get16(const uint8_t *p)
{
  return (int16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t get64(const uint8_t *p)
{
  return (uint64_t)get32(p) << 32 | get32(p + 4);
}

/* ---- latencies ---------------------------------------------------------------------------------------------- */

static inline int compare_doubles(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static inline void sort_latencies(double *seconds, long count)
{
  qsort(seconds, count, sizeof *seconds, compare_doubles);
}

/* Of sorted latencies, in milliseconds. */
static inline double percentile_ms(const double *seconds, long count, int percent)
{
  return count ? seconds[count * percent / 100] * 1e3 : 0;
}

#endif
