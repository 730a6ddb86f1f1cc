/*
 * pubsub.h: what natsload and redisload share. One connection publishes blocks that were encoded once; others subscribe and compare what comes
 * with what has to come next, so that nothing is parsed and yet a message that is lost, doubled, out of order or another's fails the run.
 *
 * The first octets of each body are its number. Each message goes to the next of the names, over and over. A driver includes this file, and
 * says of its protocol what is declared under "the protocol".
 */
#ifndef PUBSUB_H
#define PUBSUB_H

#include "load.h"
#include <getopt.h>
#include <poll.h>
#include <sys/resource.h>

enum {
  BLOCK_MESSAGES = 256,
  NAMES_MAX = 100000,
  NAME_BYTES_MAX = 160,
  HEAD_BYTES_MAX = 512,
  READ_BYTES = 1 << 20,
  ANSWERS_BYTES = 65536,
  SUBSCRIBERS_MAX = 1000,
  CONNECTIONS_MAX = 60000,
  NUMBER_BYTES = sizeof(uint64_t),
};

struct options {
  int port, body_bytes, subscribers, connections, deadline_seconds;
  long messages, names, in_flight, subscriptions;
  const char *subject;
  bool requests, json;
};

static struct options options = {
  .body_bytes = 128,
  .subscribers = 1,
  .connections = 0,
  .deadline_seconds = 60,
  .messages = 1000000,
  .names = 1,
  .in_flight = 4096,
  .subject = "load",
};

#define COMMON_FLAGS "p:t:n:s:S:k:lc:m:T:j"
#define COMMON_USAGE                                                                    \
  "  -n MESSAGES     (1000000); with -l requests\n"                                     \
  "  -s BYTES        body (128)\n"                                                      \
  "  -S SUBSCRIBERS  each hears all (1)\n"                                              \
  "  -k NAMES        so many names SUBJECT.N.x in turn, which are heard by wildcard\n"  \
  "  -l              one request at a time and its answer: latency\n"                   \
  "  -c CONNECTIONS  publish nothing: subscribe, say so, and stay until SIGTERM\n"      \
  "  -m COUNT        with -c: subscriptions of all of them, SUBJECT.000000.x and on\n"  \
  "                  (one a connection)\n"                                              \
  "  -T SECONDS      give up after (60), exit status 3\n"                               \
  "  -j              the result as one line of JSON\n"

struct publisher {
  int fd;
  long sent, answered;
  size_t rest;
  char answers[ANSWERS_BYTES];
};

/* ---- the protocol: what a driver has to say of it ------------------------------------------------------------- */

/* A connection that may publish and subscribe. */
static int connect_client(void);
/* One that may publish while `heard` listens: the same where the protocol allows it. */
static int connect_sender(int heard);
/* Subscribes to one pattern; the broker has said so. */
static void subscribe_to(int fd, const char *pattern);
/* Subscribes to held_name() of [from, to); likewise. */
static void subscribe_held(int fd, long from, long to);
/* What hears all names: subscribers may differ. */
static void wildcard_of(char *to, int subscriber);
/* What a publish begins with, and what one delivery of it does, up to the body; both end with CRLF. `reply` and `wildcard` may be NULL. */
static size_t encode_publish_head(char *to, const char *name, const char *reply);
static size_t encode_delivery_head(char *to, const char *name, const char *reply, const char *wildcard);
/* Of what stands where a delivery was due: the octets of something else that is whole; 0 if there is nothing else. Fails at an error. */
static size_t other_bytes(const char *bytes, size_t count);
/* Reads what publishes are answered by until no more than so many are unanswered. */
static void await_answers(struct publisher *publisher, long in_flight_max);

/* ---- names and bodies ----------------------------------------------------------------------------------------- */

static atomic_long delivered;

static void print_progress(FILE *to)
{
  fprintf(to, "port %d, subject %s: %ld of %ld", options.port, options.subject, atomic_load(&delivered),
          options.connections ? options.subscriptions : options.messages * options.subscribers);
}

static void name_of(char *to, long index)
{
  if (options.names > 1) snprintf(to, NAME_BYTES_MAX, "%s.%ld.x", options.subject, index);
  else snprintf(to, NAME_BYTES_MAX, "%s", options.subject);
}

static int held_name(char *to, long index)
{
  return snprintf(to, NAME_BYTES_MAX, "%s.%06ld.x", options.subject, index);
}

static inline void number_body(char *body, uint64_t number)
{
  if (options.body_bytes >= NUMBER_BYTES) memcpy(body, &number, NUMBER_BYTES);
}

static inline bool has_number(const char *body, uint64_t number)
{
  return options.body_bytes < NUMBER_BYTES || !memcmp(body, &number, NUMBER_BYTES);
}

/* ---- publishing ----------------------------------------------------------------------------------------------- */

/* Messages side by side: all names in their order, over and over. */
struct block {
  char *bytes;
  long messages;
  size_t *bodies, *ends;
};

static struct block encode_block(long least, const char *name, const char *reply)
{
  long rounds = (least + options.names - 1) / options.names;
  struct block block = {.messages = rounds * options.names};
  block.bytes = allocate(block.messages * (size_t)(HEAD_BYTES_MAX + options.body_bytes));
  block.bodies = allocate(block.messages * sizeof *block.bodies);
  block.ends = allocate(block.messages * sizeof *block.ends);
  char own[NAME_BYTES_MAX];
  size_t at = 0;
  for (long i = 0; i < block.messages; i++) {
    name_of(own, i % options.names);
    at += encode_publish_head(block.bytes + at, name ? name : own, reply);
    block.bodies[i] = at;
    memset(block.bytes + at, 'x', options.body_bytes);
    at += options.body_bytes;
    memcpy(block.bytes + at, "\r\n", 2);
    block.ends[i] = at += 2;
  }
  return block;
}

/* The next `count` messages, which stand in the block side by side. */
static void publish(struct publisher *publisher, struct block *block, long count)
{
  long first = publisher->sent % block->messages;
  for (long i = 0; i < count; i++) number_body(block->bytes + block->bodies[first + i], publisher->sent + i);
  size_t start = first ? block->ends[first - 1] : 0;
  write_all(publisher->fd, block->bytes + start, block->ends[first + count - 1] - start);
  publisher->sent += count;
}

static long least_of(long a, long b)
{
  return a < b ? a : b;
}

static void publish_all(struct publisher *publisher, struct block *block)
{
  long piece = least_of(BLOCK_MESSAGES, options.in_flight);
  while (publisher->sent < options.messages) {
    long left = least_of(options.messages - publisher->sent, block->messages - publisher->sent % block->messages);
    publish(publisher, block, least_of(piece, left));
    await_answers(publisher, options.in_flight - piece);
  }
  await_answers(publisher, 0);
}

/* ---- hearing -------------------------------------------------------------------------------------------------- */

/* What a delivery has to begin with. */
struct head {
  const char *text;
  size_t bytes;
};

struct subscriber {
  const struct head *heads; /* By name. */
  long names, seen;
  size_t rest_bytes;
  char *rest; /* The beginning of the next delivery. */
};

static struct head delivery_head(const char *name, const char *reply, const char *wildcard)
{
  char text[HEAD_BYTES_MAX];
  size_t bytes = encode_delivery_head(text, name, reply, wildcard);
  char *kept = allocate(bytes);
  memcpy(kept, text, bytes);
  return (struct head){.text = kept, .bytes = bytes};
}

static struct subscriber new_subscriber(const struct head *heads, long names)
{
  return (struct subscriber){.heads = heads, .names = names, .rest = allocate(HEAD_BYTES_MAX + options.body_bytes + 2)};
}

/* Counts what has come whole, as it has to be; returns how many octets that was. */
static size_t take_deliveries(struct subscriber *own, const char *bytes, size_t count)
{
  size_t at = 0;
  long name = own->seen % own->names;
  while (at < count) {
    const struct head *head = &own->heads[name];
    size_t whole = head->bytes + options.body_bytes + 2;
    const char *delivery = bytes + at;
    if (count - at >= whole && !memcmp(delivery, head->text, head->bytes)) {
      if (!has_number(delivery + head->bytes, own->seen)) fail("message %ld is not what came in its place", own->seen);
      if (++own->seen > options.messages) fail("more came than was published");
      if (++name == own->names) name = 0;
      at += whole;
      continue;
    }
    size_t other = other_bytes(delivery, count - at);
    if (!other && count - at >= whole)
      fail("instead of message %ld ('%.*s') came '%.60s'", own->seen, (int)head->bytes - 2, head->text, delivery);
    if (!other) break;
    at += other;
  }
  return at;
}

/* One read. `bytes` has room for READ_BYTES behind a rest and one octet more. */
static void hear(struct subscriber *own, int fd, char *bytes)
{
  memcpy(bytes, own->rest, own->rest_bytes);
  size_t count = own->rest_bytes + read_some(fd, bytes + own->rest_bytes, READ_BYTES);
  bytes[count] = 0;
  long before = own->seen;
  size_t taken = take_deliveries(own, bytes, count);
  own->rest_bytes = count - taken;
  memcpy(own->rest, bytes + taken, own->rest_bytes);
  atomic_fetch_add(&delivered, own->seen - before);
}

static char *hearing_room(void)
{
  return allocate(HEAD_BYTES_MAX + options.body_bytes + 2 + READ_BYTES + 1);
}

/* ---- throughput ----------------------------------------------------------------------------------------------- */

struct subscribers {
  struct pollfd sockets[SUBSCRIBERS_MAX];
  struct subscriber each[SUBSCRIBERS_MAX];
};

static double ended;

/* Hears until every subscriber has all of its messages. */
static void *subscribers_run(void *argument)
{
  struct subscribers *all = argument;
  char *bytes = hearing_room();
  for (int open = options.subscribers; open > 0;) {
    if (poll(all->sockets, options.subscribers, -1) < 0) fail_errno("poll");
    for (int i = 0; i < options.subscribers; i++) {
      if (!all->sockets[i].revents) continue;
      hear(&all->each[i], all->sockets[i].fd, bytes);
      if (all->each[i].seen < options.messages) continue;
      all->sockets[i].fd = -1;
      open--;
    }
  }
  ended = now_seconds();
  return NULL;
}

static struct subscribers *connect_subscribers(void)
{
  struct subscribers *all = allocate(sizeof *all);
  char pattern[NAME_BYTES_MAX], name[NAME_BYTES_MAX];
  for (int i = 0; i < options.subscribers; i++) {
    struct head *heads = allocate(options.names * sizeof *heads);
    name_of(pattern, 0);
    if (options.names > 1) wildcard_of(pattern, i);
    for (long n = 0; n < options.names; n++) {
      name_of(name, n);
      heads[n] = delivery_head(name, NULL, options.names > 1 ? pattern : NULL);
    }
    all->each[i] = new_subscriber(heads, options.names);
    all->sockets[i] = (struct pollfd){.fd = connect_client(), .events = POLLIN};
    subscribe_to(all->sockets[i].fd, pattern);
  }
  return all;
}

static double measure_throughput(void)
{
  struct subscribers *all = connect_subscribers();
  struct publisher *publisher = allocate(sizeof *publisher);
  publisher->fd = connect_client();
  struct block block = encode_block(BLOCK_MESSAGES, NULL, NULL);
  pthread_t thread;
  start_thread(&thread, subscribers_run, all);
  double started = now_seconds();
  publish_all(publisher, &block);
  pthread_join(thread, NULL);
  return ended - started;
}

/* ---- latency -------------------------------------------------------------------------------------------------- */

/* One side of the ping-pong: hears one name, and publishes to the other. */
struct side {
  int heard;
  struct head head;
  struct subscriber subscriber;
  struct publisher publisher;
  struct block block;
  char *bytes;
};

/* `asked` may be NULL: where the answer to what is published is to go. `replies`: what it hears says so. */
static struct side *new_side(const char *hears, const char *replies, const char *publishes, const char *asked)
{
  struct side *side = allocate(sizeof *side);
  side->heard = connect_client();
  subscribe_to(side->heard, hears);
  side->head = delivery_head(hears, replies, NULL);
  side->subscriber = new_subscriber(&side->head, 1);
  side->publisher.fd = connect_sender(side->heard);
  side->block = encode_block(1, publishes, asked);
  side->bytes = hearing_room();
  return side;
}

static void side_publish(struct side *side)
{
  publish(&side->publisher, &side->block, 1);
  if (side->publisher.fd != side->heard) await_answers(&side->publisher, 0);
}

static void side_hear(struct side *side)
{
  for (long before = side->subscriber.seen; side->subscriber.seen == before;) {
    hear(&side->subscriber, side->heard, side->bytes);
  }
}

static void *responder_run(void *argument)
{
  struct side *side = argument;
  for (long i = 0; i < options.messages; i++) {
    side_hear(side);
    side_publish(side);
  }
  return NULL;
}

/* Sorted, in seconds. */
static double *measure_latency(void)
{
  char answers[NAME_BYTES_MAX];
  snprintf(answers, sizeof answers, "%s-answer", options.subject);
  struct side *responder = new_side(options.subject, answers, answers, NULL);
  struct side *requester = new_side(answers, NULL, options.subject, answers);
  pthread_t thread;
  start_thread(&thread, responder_run, responder);
  double *latencies = allocate(sizeof *latencies * options.messages);
  for (long i = 0; i < options.messages; i++) {
    double sent = now_seconds();
    side_publish(requester);
    side_hear(requester);
    latencies[i] = now_seconds() - sent;
  }
  sort_latencies(latencies, options.messages);
  return latencies;
}

/* ---- subscriptions that are only held --------------------------------------------------------------------------- */

static void want_files(rlim_t wanted)
{
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return;
  if (limit.rlim_max < wanted)
    fail("%lu open files are wanted, %lu are allowed (ulimit -n)", (unsigned long)wanted, (unsigned long)limit.rlim_max);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit)) fail_errno("setrlimit");
}

__attribute__((noreturn)) static void hold(void)
{
  want_files(options.connections + 16);
  double started = now_seconds();
  for (int i = 0; i < options.connections; i++) {
    long from = options.subscriptions * i / options.connections, to = options.subscriptions * (i + 1) / options.connections;
    subscribe_held(connect_client(), from, to);
    atomic_store(&delivered, to);
  }
  printf("{\"connections\":%d,\"subscriptions\":%ld,\"subscribedPerSecond\":%.0f}\n", options.connections, options.subscriptions,
         options.subscriptions / (now_seconds() - started));
  fflush(stdout);
  for (;;) pause();
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
    printf("{\"messages\":%.0f,\"bodyBytes\":%d,\"subscribers\":%d,\"names\":%ld,\"consumedPerSecond\":%.0f,"
           "\"driverCpuSeconds\":%.2f}\n",
           deliveries, options.body_bytes, options.subscribers, options.names, deliveries / seconds, driver_cpu_seconds());
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

/* ---- flags ---------------------------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void usage(const char *usage_text, const char *why)
{
  if (why) fprintf(stderr, "%s\n", why);
  fputs(usage_text, stderr);
  exit(EXIT_USAGE);
}

static void read_flags(int count, char **words, const char *flags, const char *usage_text)
{
  for (int flag; (flag = getopt(count, words, flags)) != -1;) {
    switch (flag) {
    case 'p': options.port = flag_number(flag, optarg, 1, 65535); break;
    case 't': options.subject = optarg; break;
    case 'n': options.messages = flag_number(flag, optarg, 1, 1000000000); break;
    case 's': options.body_bytes = flag_number(flag, optarg, 0, 1 << 20); break;
    case 'S': options.subscribers = flag_number(flag, optarg, 1, SUBSCRIBERS_MAX); break;
    case 'k': options.names = flag_number(flag, optarg, 1, NAMES_MAX); break;
    case 'w': options.in_flight = flag_number(flag, optarg, 1, 1000000); break;
    case 'l': options.requests = true; break;
    case 'c': options.connections = flag_number(flag, optarg, 1, CONNECTIONS_MAX); break;
    case 'm': options.subscriptions = flag_number(flag, optarg, 1, 100000000); break;
    case 'T': options.deadline_seconds = flag_number(flag, optarg, 1, 86400); break;
    case 'j': options.json = true; break;
    default: usage(usage_text, NULL);
    }
  }
  if (optind < count) usage(usage_text, "there are no words beside the flags");
  if (strlen(options.subject) > 100) usage(usage_text, "-t wants at most 100 letters");
  if (options.requests && options.names > 1) usage(usage_text, "-l wants no -k");
  if (!options.subscriptions) options.subscriptions = options.connections;
}

static int run_driver(int count, char **words, const char *flags, const char *usage_text)
{
  read_flags(count, words, flags, usage_text);
  static struct deadline deadline = {.progress = print_progress};
  deadline.seconds = options.deadline_seconds;
  deadline_start(&deadline);
  if (options.connections) hold();
  if (options.requests) print_latency(measure_latency());
  else print_throughput(measure_throughput());
  return 0;
}

#endif
