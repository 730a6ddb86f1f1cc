/*
 * natsload: a raw load driver for publish and subscribe, with little CPU use of its own: one connection publishes blocks that were encoded
 * once, others subscribe and only count bytes. It speaks NATS, and with -r Redis.
 *
 *   gcc -O2 -Wall -Wextra -pthread natsload.c -o natsload
 *
 * Prints deliveries/s; with -l it sends one request at a time instead, and prints how long the answers take. Flags: see usage().
 */
#include "load.h"
#include <getopt.h>
#include <poll.h>
#include <sys/resource.h>

enum { BLOCK_MESSAGES = 256, HEAD_BYTES_MAX = 512, READ_BYTES = 1 << 20, SUBSCRIBERS_MAX = 1000 };

/* A NATS server asks whether a client is there while messages come. */
enum { SLACK_BYTES = 64 };

struct options {
  int port, body_bytes, subscribers, deadline_seconds;
  long messages;
  const char *subject;
  bool redis, requests, json;
};

static struct options options = {
  .port = 4222,
  .messages = 1000000,
  .body_bytes = 128,
  .subscribers = 1,
  .subject = "load",
  .deadline_seconds = 60,
};

static const char usage_text[] =
  "natsload [flags]\n"
  "  -p PORT         broker on 127.0.0.1 (4222)\n"
  "  -t SUBJECT      (load)\n"
  "  -n MESSAGES     (1000000); with -l requests\n"
  "  -s BYTES        body (128)\n"
  "  -S SUBSCRIBERS  each hears all (1)\n"
  "  -r              Redis instead of NATS: PUBLISH and SUBSCRIBE\n"
  "  -l              one request at a time and its answer: latency\n"
  "  -T SECONDS      give up after (60), exit status 3\n"
  "  -j              the result as one line of JSON\n";

static atomic_long delivered_bytes;
static double ended;

static void print_progress(FILE *to)
{
  fprintf(to, "port %d, subject %s: %ld bytes delivered", options.port, options.subject, atomic_load(&delivered_bytes));
}

/* ---- the two protocols: what is sent, and how long what comes is ---------------------------------------------- */

/* One publish of the body in `body`; returns its bytes. `reply` may be NULL. */
static size_t encode_publish(char *to, const char *subject, const char *reply, const char *body)
{
  size_t at;
  if (options.redis) {
    at = sprintf(to, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%d\r\n", strlen(subject), subject, options.body_bytes);
  } else {
    at = sprintf(to, "PUB %s %s%s%d\r\n", subject, reply ? reply : "", reply ? " " : "", options.body_bytes);
  }
  memcpy(to + at, body, options.body_bytes);
  at += options.body_bytes;
  memcpy(to + at, "\r\n", 2);
  return at + 2;
}

/* Bytes of one delivery of it. */
static size_t delivery_bytes(const char *subject, const char *reply)
{
  char head[HEAD_BYTES_MAX];
  int bytes;
  if (options.redis) {
    bytes = snprintf(head, sizeof head, "*3\r\n$7\r\nmessage\r\n$%zu\r\n%s\r\n$%d\r\n", strlen(subject), subject,
                     options.body_bytes);
  } else {
    bytes = snprintf(head, sizeof head, "MSG %s 1 %s%s%d\r\n", subject, reply ? reply : "", reply ? " " : "",
                     options.body_bytes);
  }
  return bytes + options.body_bytes + 2;
}

/* Reads up to and with `end`, which nothing may follow. */
static void read_until(int fd, const char *end)
{
  char text[4096];
  size_t got = 0, length = strlen(end);
  while (got < length || memcmp(text + got - length, end, length)) {
    if (got == sizeof text) fail("the broker says too much: %.60s", text);
    got += read_some(fd, text + got, sizeof text - got);
  }
}

static int connect_publisher(void)
{
  int fd = connect_loopback(options.port);
  if (options.redis) return fd;
  const char hello[] = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n";
  write_all(fd, hello, sizeof hello - 1);
  read_until(fd, "PONG\r\n");
  return fd;
}

/* A connection that hears the subject: the broker has said so. */
static int connect_subscriber(const char *subject)
{
  char text[HEAD_BYTES_MAX];
  int fd = connect_publisher();
  if (options.redis) {
    int bytes = sprintf(text, "*2\r\n$9\r\nSUBSCRIBE\r\n$%zu\r\n%s\r\n", strlen(subject), subject);
    write_all(fd, text, bytes);
    read_until(fd, ":1\r\n");
  } else {
    int bytes = sprintf(text, "SUB %s 1\r\nPING\r\n", subject);
    write_all(fd, text, bytes);
    read_until(fd, "PONG\r\n");
  }
  return fd;
}

/* ---- throughput ----------------------------------------------------------------------------------------------- */

struct subscribers {
  struct pollfd sockets[SUBSCRIBERS_MAX];
  size_t left[SUBSCRIBERS_MAX];
};

/* Counts bytes until every subscriber has all of its messages. */
static void *subscribers_run(void *argument)
{
  struct subscribers *all = argument;
  char *bytes = allocate(READ_BYTES);
  for (int open = options.subscribers; open > 0;) {
    if (poll(all->sockets, options.subscribers, -1) < 0) fail_errno("poll");
    for (int i = 0; i < options.subscribers; i++) {
      if (!all->sockets[i].revents) continue;
      size_t got = read_some(all->sockets[i].fd, bytes, READ_BYTES);
      if (got > all->left[i] + SLACK_BYTES) fail("more came than was published");
      all->left[i] -= got < all->left[i] ? got : all->left[i];
      atomic_fetch_add(&delivered_bytes, got);
      if (all->left[i]) continue;
      all->sockets[i].fd = -1;
      open--;
    }
  }
  ended = now_seconds();
  return NULL;
}

/* Answers to the publisher are thrown away: who lets them lie is not read from. */
static void *drain_run(void *argument)
{
  int fd = *(int *)argument;
  char bytes[65536];
  while (read(fd, bytes, sizeof bytes) > 0) continue;
  return NULL;
}

static double measure_throughput(void)
{
  struct subscribers *all = allocate(sizeof *all);
  for (int i = 0; i < options.subscribers; i++) {
    all->sockets[i].fd = connect_subscriber(options.subject);
    all->sockets[i].events = POLLIN;
    all->left[i] = delivery_bytes(options.subject, NULL) * options.messages;
  }
  int fd = connect_publisher();
  pthread_t subscribers, drain;
  start_thread(&subscribers, subscribers_run, all);
  start_thread(&drain, drain_run, &fd);
  char *body = allocate(options.body_bytes + 1);
  memset(body, 'x', options.body_bytes);
  char *block = allocate((size_t)(options.body_bytes + HEAD_BYTES_MAX) * BLOCK_MESSAGES);
  size_t bytes = 0;
  for (int i = 0; i < BLOCK_MESSAGES; i++) bytes += encode_publish(block + bytes, options.subject, NULL, body);
  double started = now_seconds();
  for (long sent = 0; sent < options.messages;) {
    long count = options.messages - sent < BLOCK_MESSAGES ? options.messages - sent : BLOCK_MESSAGES;
    write_all(fd, block, bytes / BLOCK_MESSAGES * count);
    sent += count;
  }
  pthread_join(subscribers, NULL);
  return ended - started;
}

/* ---- latency -------------------------------------------------------------------------------------------------- */

static char answer_subject[HEAD_BYTES_MAX / 2];

static void *responder_run(void *argument)
{
  int heard = *(int *)argument;
  int fd = options.redis ? connect_publisher() : heard;
  size_t bytes = delivery_bytes(options.subject, options.redis ? NULL : answer_subject);
  char *request = allocate(bytes), *answer = allocate(options.body_bytes + HEAD_BYTES_MAX);
  char *body = allocate(options.body_bytes + 1);
  size_t answer_bytes = encode_publish(answer, answer_subject, NULL, body);
  for (;;) {
    read_all(heard, request, bytes);
    write_all(fd, answer, answer_bytes);
    if (options.redis) read_until(fd, "\r\n");
  }
  return NULL;
}

/* Sorted, in seconds. */
static double *measure_latency(void)
{
  snprintf(answer_subject, sizeof answer_subject, "%s-answer", options.subject);
  int responder = connect_subscriber(options.subject), answers = connect_subscriber(answer_subject);
  int fd = options.redis ? connect_publisher() : answers;
  pthread_t thread;
  start_thread(&thread, responder_run, &responder);
  size_t bytes = delivery_bytes(answer_subject, NULL);
  char *request = allocate(options.body_bytes + HEAD_BYTES_MAX), *answer = allocate(bytes);
  char *body = allocate(options.body_bytes + 1);
  size_t request_bytes = encode_publish(request, options.subject, answer_subject, body);
  double *latencies = allocate(sizeof *latencies * options.messages);
  for (long i = 0; i < options.messages; i++) {
    double sent = now_seconds();
    write_all(fd, request, request_bytes);
    if (options.redis) read_until(fd, "\r\n");
    read_all(answers, answer, bytes);
    latencies[i] = now_seconds() - sent;
    atomic_fetch_add(&delivered_bytes, bytes);
  }
  sort_latencies(latencies, options.messages);
  return latencies;
}

/* ---- what is printed ------------------------------------------------------------------------------------------ */

static double driver_cpu_seconds(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void print_throughput(double seconds)
{
  double deliveries = (double)options.messages * options.subscribers;
  if (options.json) {
    printf("{\"messages\":%.0f,\"bodyBytes\":%d,\"subscribers\":%d,\"consumedPerSecond\":%.0f,\"driverCpuSeconds\":%.2f}\n",
           deliveries, options.body_bytes, options.subscribers, deliveries / seconds, driver_cpu_seconds());
  } else {
    printf("%.0f msg/s\n", deliveries / seconds);
  }
}

static void print_latency(const double *latencies)
{
  double p50 = percentile_ms(latencies, options.messages, 50), p99 = percentile_ms(latencies, options.messages, 99);
  if (options.json) {
    printf("{\"messages\":%ld,\"bodyBytes\":%d,\"p50Ms\":%.4f,\"p99Ms\":%.4f,\"driverCpuSeconds\":%.2f}\n", options.messages,
           options.body_bytes, p50, p99, driver_cpu_seconds());
  } else {
    printf("answer p50 %.4f p99 %.4f ms\n", p50, p99);
  }
}

__attribute__((noreturn)) static void usage(const char *why)
{
  if (why) fprintf(stderr, "%s\n", why);
  fputs(usage_text, stderr);
  exit(EXIT_USAGE);
}

static void read_flags(int count, char **words)
{
  for (int flag; (flag = getopt(count, words, "p:t:n:s:S:rlT:j")) != -1;) {
    switch (flag) {
    case 'p': options.port = flag_number(flag, optarg, 1, 65535); break;
    case 't': options.subject = optarg; break;
    case 'n': options.messages = flag_number(flag, optarg, 1, 1000000000); break;
    case 's': options.body_bytes = flag_number(flag, optarg, 0, 1 << 20); break;
    case 'S': options.subscribers = flag_number(flag, optarg, 1, SUBSCRIBERS_MAX); break;
    case 'r': options.redis = true; break;
    case 'l': options.requests = true; break;
    case 'T': options.deadline_seconds = flag_number(flag, optarg, 1, 86400); break;
    case 'j': options.json = true; break;
    default: usage(NULL);
    }
  }
  if (optind < count) usage("there are no words beside the flags");
  if (strlen(options.subject) > 100) usage("-t wants at most 100 letters");
}

int main(int count, char **words)
{
  read_flags(count, words);
  static struct deadline deadline = {.progress = print_progress};
  deadline.seconds = options.deadline_seconds;
  deadline_start(&deadline);
  if (options.requests) print_latency(measure_latency());
  else print_throughput(measure_throughput());
  return 0;
}
