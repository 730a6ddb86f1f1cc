/*
 * amqpprobe: what a bystander notices while a broker works. Every 5 ms it publishes one message to a queue of its own
 * over one connection and waits for it on another; the time between is a round trip. Runs until SIGTERM or SIGINT, or
 * for -t seconds.
 *
 *   gcc -O2 -Wall -Wextra -pthread amqpprobe.c -o amqpprobe
 *
 * Flags: see usage_text. A probe that is still unanswered after ANSWER_SECONDS_MAX ends the run and counts with that time.
 */
#include "amqp.h"
#include <getopt.h>
#include <math.h>
#include <poll.h>

enum { PAUSE_MICROSECONDS = 5000, ANSWER_SECONDS_MAX = 10, ROOM_FIRST = 4096 };

struct options {
  int port, body_bytes, seconds, deadline_seconds;
  const char *queue;
  bool durable, json;
};

static struct options options = {.port = 5672, .body_bytes = 128, .queue = "bystander", .deadline_seconds = 600};

static const char usage_text[] =
  "amqpprobe [flags]\n"
  "  -p PORT     broker on 127.0.0.1 (5672)\n"
  "  -s BYTES    body (128)\n"
  "  -Q NAME     queue (bystander)\n"
  "  -d          durable queue, persistent messages\n"
  "  -t SECONDS  how long (until SIGTERM or SIGINT)\n"
  "  -T SECONDS  give up after (600), exit status 3\n"
  "  -j          the result as one line of JSON\n";

struct result {
  double *seconds;
  long count, room;
  bool unanswered; /* The last one. */
};

static struct result result;
static atomic_bool stopped;

static void on_signal(int signal_number)
{
  (void)signal_number;
  atomic_store(&stopped, true);
}

/* The pause ends at once (a sleep is never restarted); a probe that waits for its answer waits on. */
static void stop_on_signals(void)
{
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
}

static void print_progress(FILE *to)
{
  fprintf(to, "port %d, queue %s: %ld probes answered", options.port, options.queue, result.count);
}

/* True when `fd` has something to read before `end`. */
static bool readable_before(int fd, double end)
{
  for (;;) {
    double left = end - now_seconds();
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    int ready = poll(&poller, 1, left > 0 ? (int)(left * 1000) + 1 : 0);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) fail_errno("poll");
  }
}

struct delivery {
  long body_bytes;
  bool whole;
};

static void on_frame(int type, const uint8_t *payload, uint32_t size, void *context)
{
  struct delivery *delivery = context;
  if (type == FRAME_METHOD) check_not_closed(payload);
  if (type == FRAME_BODY) delivery->body_bytes += size;
  if (delivery->body_bytes >= options.body_bytes) delivery->whole = true;
}

/* One message there and back; false if it did not come in time. */
static bool probe_once(int publish_fd, int consume_fd, const struct message_block *block, struct frame_buffer *buffer)
{
  double end = now_seconds() + ANSWER_SECONDS_MAX;
  struct delivery delivery = {0};
  write_all(publish_fd, block->bytes, block->message_bytes);
  while (!delivery.whole) {
    if (!readable_before(consume_fd, end)) return false;
    buffer->have += read_some(consume_fd, buffer->bytes + buffer->have, buffer->room - buffer->have);
    scan_frames(buffer, on_frame, &delivery);
  }
  return true;
}

static void keep(double seconds)
{
  if (result.count == result.room) {
    result.room = result.room ? result.room * 2 : ROOM_FIRST;
    result.seconds = realloc(result.seconds, result.room * sizeof(double));
    if (!result.seconds) fail("out of memory");
  }
  result.seconds[result.count++] = seconds;
}

static void run(void)
{
  int publish_fd = amqp_connect(options.port), consume_fd = amqp_connect(options.port);
  declare_queue(publish_fd, options.queue, options.durable ? DECLARE_DURABLE : 0);
  start_consumer(consume_fd, options.queue, 0, false);
  struct message_block block = message_block_new(options.queue, options.body_bytes, options.durable);
  struct frame_buffer buffer = frame_buffer_new(1 << 20);
  double end = options.seconds ? now_seconds() + options.seconds : INFINITY;
  while (!atomic_load(&stopped) && now_seconds() < end && !result.unanswered) {
    double sent = now_seconds();
    result.unanswered = !probe_once(publish_fd, consume_fd, &block, &buffer);
    keep(now_seconds() - sent);
    usleep(PAUSE_MICROSECONDS);
  }
}

static void print_result(void)
{
  sort_latencies(result.seconds, result.count);
  double p50 = percentile_ms(result.seconds, result.count, 50);
  double p99 = percentile_ms(result.seconds, result.count, 99);
  double most = result.count ? result.seconds[result.count - 1] * 1e3 : 0;
  if (options.json) {
    printf("{\"probes\":%ld,\"p50Ms\":%.2f,\"p99Ms\":%.2f,\"maxMs\":%.2f,\"unanswered\":%d}\n", result.count, p50, p99,
           most, result.unanswered);
    return;
  }
  printf("probe p50 %.2f p99 %.2f max %.2f ms of %ld%s\n", p50, p99, most, result.count,
         result.unanswered ? " (the last unanswered)" : "");
}

__attribute__((noreturn)) static void usage(const char *why)
{
  if (why) fprintf(stderr, "%s\n", why);
  fputs(usage_text, stderr);
  exit(EXIT_USAGE);
}

static void parse_flags(int count, char **words)
{
  for (int flag; (flag = getopt(count, words, "p:s:Q:dt:T:jh")) != -1;) {
    switch (flag) {
      case 'p': options.port = flag_number(flag, optarg, 1, 65535); break;
      case 's': options.body_bytes = flag_number(flag, optarg, 1, 1 << 16); break;
      case 'Q': options.queue = optarg; break;
      case 'd': options.durable = true; break;
      case 't': options.seconds = flag_number(flag, optarg, 1, 86400); break;
      case 'T': options.deadline_seconds = flag_number(flag, optarg, 1, 86400); break;
      case 'j': options.json = true; break;
      default: usage(NULL);
    }
  }
  if (optind < count) usage("a word that is no flag");
  if (strlen(options.queue) > 100) usage("-Q: at most 100 bytes");
}

int main(int count, char **words)
{
  parse_flags(count, words);
  static struct deadline deadline = {.progress = print_progress};
  deadline.seconds = options.deadline_seconds;
  deadline_start(&deadline);
  stop_on_signals();
  run();
  print_result();
  fflush(stdout);
  _exit(0);
}
