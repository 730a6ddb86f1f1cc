/*
 * amqpload: a raw AMQP 0-9-1 load driver with hardly any CPU use of its own: messages are encoded once and written in
 * blocks, and what comes back is only counted (with -N: its order is checked too).
 *
 *   gcc -O2 -Wall -Wextra -pthread amqpload.c -o amqpload
 *
 * Flags: see usage(). Three ways to run it:
 *   one pair   a publisher and a consumer, a thread each (the default)
 *   -x PAIRS   many pairs, each its own queue and two connections, all served by one thread (epoll)
 *   -P         a prober: queue.declare round trips, beside `-x PAIRS` that never pause
 */
#include "amqp.h"
#include "confirms.h"
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>

struct options {
  int port, body_bytes, prefetch, confirms_in_flight, pairs, probe_seconds, deadline_seconds;
  long messages;
  const char *queue;
  bool durable, confirm, manual_ack, numbered, publish, consume, probe, json;
};

static struct options options = {
  .port = 5672,
  .messages = 200000,
  .body_bytes = 128,
  .queue = "bench",
  .confirms_in_flight = 2000,
  .publish = true,
  .consume = true,
  .probe_seconds = 5,
  .deadline_seconds = 120,
};

static const char usage_text[] =
  "amqpload [flags]\n"
  "  -p PORT     broker on 127.0.0.1 (5672)\n"
  "  -n COUNT    messages, for each pair (200000)\n"
  "  -s BYTES    body (128)\n"
  "  -Q NAME     queue (bench); with -x: NAME-0, NAME-1, ...\n"
  "  -m MODE     pub, cons or both (both)\n"
  "  -a          manual acks, in multiples of half the prefetch\n"
  "  -q COUNT    prefetch (no limit)\n"
  "  -d          durable queue, persistent messages\n"
  "  -c          publisher confirms\n"
  "  -i COUNT    with -c: messages in flight (2000); 1: one at a time\n"
  "  -N          number the bodies (their first 8 bytes), and check that all come, each once, in order\n"
  "  -x PAIRS    this many pairs at once (no -a -q -c -d -m -N)\n"
  "  -P          probe queue.declare beside -x pairs that publish without end (0 pairs: an idle broker)\n"
  "  -t SECONDS  with -P: how long (5)\n"
  "  -T SECONDS  give up after (120), exit status 3\n"
  "  -j          the result as one line of JSON\n";

/* How far the run came; the deadline's thread reads them. */
static atomic_long published, consumed, probed;
static struct confirms confirms;

static double publish_started, publish_ended, consume_ended;

static inline void progress_set(atomic_long *counter, long value)
{
  atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline long progress_get(atomic_long *counter)
{
  return atomic_load_explicit(counter, memory_order_relaxed);
}

static void print_progress(FILE *to)
{
  fprintf(to, "port %d, queue %s: %ld published, ", options.port, options.queue, progress_get(&published));
  if (options.confirm) fprintf(to, "%ld confirmed, ", confirms_count(&confirms));
  if (options.probe) fprintf(to, "%ld probes answered, ", progress_get(&probed));
  fprintf(to, "%ld consumed; wanted %ld", progress_get(&consumed),
          options.messages * (options.pairs ? options.pairs : 1));
}

/* ---- one pair ------------------------------------------------------------------------------------------------- */

static sem_t consumer_ready;

static void on_confirm(int type, const uint8_t *payload, uint32_t size, void *now)
{
  (void)size;
  if (type != FRAME_METHOD) return;
  check_not_closed(payload);
  if (get32(payload) != BASIC_ACK) fail("a confirm was expected, not method %08x", get32(payload));
  confirms_take(&confirms, get64(payload + 4), payload[12] & 1, *(double *)now);
}

static void *read_confirms(void *argument)
{
  int fd = *(int *)argument;
  struct frame_buffer buffer = frame_buffer_new(1 << 16);
  while (confirms_count(&confirms) < options.messages) {
    buffer.have += read_some(fd, buffer.bytes + buffer.have, buffer.room - buffer.have);
    double now = now_seconds();
    scan_frames(&buffer, on_confirm, &now);
    sem_post(&confirms.arrived);
  }
  return NULL;
}

static void publish_all(int fd, struct message_block *block)
{
  for (long sent = 0; sent < options.messages;) {
    long count = block->messages;
    if (sent + count > options.messages) count = options.messages - sent;
    if (options.confirm) {
      if (count > options.confirms_in_flight) count = options.confirms_in_flight;
      confirms_await_room(&confirms, sent, count);
      confirms_sent(&confirms, sent, count);
    }
    if (options.numbered) message_block_number(block, sent);
    write_all(fd, block->bytes, count * block->message_bytes);
    sent += count;
    progress_set(&published, sent);
  }
}

/* The publisher's time ends when the broker has processed everything: its last confirm, or the answer to a declare. */
static void *run_publisher(void *argument)
{
  (void)argument;
  int fd = amqp_connect(options.port);
  pthread_t confirm_reader;
  if (options.confirm) {
    static const uint8_t no_wait[] = {0};
    send_method(fd, 1, CONFIRM_SELECT, no_wait, sizeof no_wait);
    expect_method(fd, CONFIRM_SELECT_OK);
    confirms_init(&confirms, options.messages, options.confirms_in_flight);
    start_thread(&confirm_reader, read_confirms, &fd);
  }
  struct message_block block = message_block_new(options.queue, options.body_bytes, options.durable);
  publish_started = now_seconds();
  publish_all(fd, &block);
  if (options.confirm) {
    confirms_await_all(&confirms);
  } else {
    declare_queue(fd, options.queue, DECLARE_PASSIVE);
  }
  publish_ended = now_seconds();
  if (options.confirm) pthread_join(confirm_reader, NULL);
  return NULL;
}

/* A content header is one delivery. */
static void on_delivery(int type, const uint8_t *payload, uint32_t size, void *count)
{
  (void)size;
  if (type == FRAME_HEADER) ++*(long *)count;
  else if (type == FRAME_METHOD) check_not_closed(payload);
}

/* With -N: the first body frame of each delivery holds its number, which is how many came before it. */
struct numbered_deliveries {
  long count;
  bool body_follows;
};

static void on_numbered_delivery(int type, const uint8_t *payload, uint32_t size, void *context)
{
  struct numbered_deliveries *deliveries = context;
  if (type == FRAME_METHOD) check_not_closed(payload);
  if (type == FRAME_HEADER) {
    if (get64(payload + 4) != (uint64_t)options.body_bytes) {
      fail("a body of %lu bytes, %d were sent", (unsigned long)get64(payload + 4), options.body_bytes);
    }
    deliveries->body_follows = true;
  }
  if (type != FRAME_BODY || !deliveries->body_follows) return;
  deliveries->body_follows = false;
  uint64_t number = size >= 8 ? get64(payload) : UINT64_MAX;
  if (number != (uint64_t)deliveries->count) {
    fail("message %lu came where %ld was to come", (unsigned long)number, deliveries->count);
  }
  deliveries->count++;
}

/* After the last one: nothing more came, and nothing waits. */
static void check_nothing_left(int fd, const struct frame_buffer *buffer, long got)
{
  if (got > options.messages || buffer->have) fail("more came than the %ld that were published", options.messages);
  uint32_t left = declare_queue(fd, options.queue, DECLARE_PASSIVE);
  if (left) fail("%u messages are left after all %ld came", left, options.messages);
}

static void *run_consumer(void *argument)
{
  (void)argument;
  int fd = amqp_connect(options.port);
  start_consumer(fd, options.queue, options.prefetch, options.manual_ack);
  sem_post(&consumer_ready);
  struct frame_buffer buffer = frame_buffer_new(1 << 20);
  int ack_every = options.prefetch ? options.prefetch / 2 : 100;
  struct numbered_deliveries numbered = {0};
  long got = 0, acked = 0;
  while (got < options.messages) {
    buffer.have += read_some(fd, buffer.bytes + buffer.have, buffer.room - buffer.have);
    if (options.numbered) {
      scan_frames(&buffer, on_numbered_delivery, &numbered);
      got = numbered.count;
    } else {
      scan_frames(&buffer, on_delivery, &got);
    }
    progress_set(&consumed, got);
    if (options.manual_ack && got - acked >= ack_every) {
      ack_multiple(fd, got);
      acked = got;
    }
  }
  consume_ended = now_seconds();
  if (options.manual_ack && acked < got) {
    ack_multiple(fd, got);
    declare_queue(fd, options.queue, DECLARE_PASSIVE); /* Its answer says that the ack was read. */
  }
  if (options.numbered) check_nothing_left(fd, &buffer, got);
  return NULL;
}

static void run_one_pair(void)
{
  int control = amqp_connect(options.port);
  declare_queue(control, options.queue, options.durable ? DECLARE_DURABLE : 0);
  pthread_t publisher, consumer;
  sem_init(&consumer_ready, 0, 0);
  publish_started = now_seconds();
  if (options.consume) {
    start_thread(&consumer, run_consumer, NULL);
    sem_wait(&consumer_ready);
  }
  if (options.publish) {
    start_thread(&publisher, run_publisher, NULL);
    pthread_join(publisher, NULL);
  }
  if (options.consume) pthread_join(consumer, NULL);
  static const uint8_t close_arguments[] = {0, 200, 0, 0, 0, 0, 0};
  send_method(control, 0, CONNECTION_CLOSE, close_arguments, sizeof close_arguments);
}

/* ---- many pairs ----------------------------------------------------------------------------------------------- */

struct pair {
  int publish_fd, consume_fd;
  struct message_block block;
  struct frame_buffer buffer;
  size_t block_offset;  /* Where the next write begins in the block. */
  long messages_left;   /* Not yet wholly written. */
  long received;
};

/* One read or write a turn and connection is at most this much, so that no pair starves the others. */
enum { PAIR_BYTES_PER_TURN = 1 << 16, PAIR_BUFFER_BYTES = FRAME_BYTES_MAX + PAIR_BYTES_PER_TURN };

static atomic_bool pairs_stop;

static void set_nonblocking(int fd)
{
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)) fail_errno("fcntl");
}

static void pair_open(struct pair *pair, int index, int poller)
{
  char queue[200];
  snprintf(queue, sizeof queue, "%s-%d", options.queue, index);
  pair->publish_fd = amqp_connect(options.port);
  pair->consume_fd = amqp_connect(options.port);
  /* Endless pairs leave a backlog; auto-delete takes it away with the consumer. */
  declare_queue(pair->publish_fd, queue, options.probe ? DECLARE_AUTO_DELETE : 0);
  start_consumer(pair->consume_fd, queue, 0, false);
  pair->block = message_block_new(queue, options.body_bytes, false);
  pair->buffer = frame_buffer_new(PAIR_BUFFER_BYTES);
  pair->messages_left = options.messages;
  set_nonblocking(pair->publish_fd);
  set_nonblocking(pair->consume_fd);
  struct epoll_event writable = {.events = EPOLLOUT, .data.u64 = (uint64_t)index << 1};
  struct epoll_event readable = {.events = EPOLLIN, .data.u64 = (uint64_t)index << 1 | 1};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, pair->publish_fd, &writable)) fail_errno("epoll_ctl");
  if (epoll_ctl(poller, EPOLL_CTL_ADD, pair->consume_fd, &readable)) fail_errno("epoll_ctl");
}

/* Writes on from where the last write stopped. Returns false once everything is written. */
static bool pair_publish(struct pair *pair)
{
  size_t budget = PAIR_BYTES_PER_TURN;
  size_t message_bytes = pair->block.message_bytes;
  while (budget && (options.probe || pair->messages_left > 0)) {
    size_t end = message_bytes * pair->block.messages;
    if (!options.probe && pair->messages_left < pair->block.messages) {
      size_t begun = pair->block_offset / message_bytes * message_bytes;
      size_t last = begun + message_bytes * pair->messages_left;
      if (last < end) end = last;
    }
    size_t count = end - pair->block_offset;
    if (count > budget) count = budget;
    ssize_t written = write(pair->publish_fd, pair->block.bytes + pair->block_offset, count);
    if (written < 0 && errno == EAGAIN) return true;
    if (written <= 0) fail_errno("write");
    long before = pair->block_offset / message_bytes;
    pair->block_offset += written;
    pair->messages_left -= pair->block_offset / message_bytes - before;
    pair->block_offset %= message_bytes * pair->block.messages;
    budget -= written;
  }
  return options.probe || pair->messages_left > 0;
}

/* Returns how many messages came. */
static long pair_consume(struct pair *pair)
{
  struct frame_buffer *buffer = &pair->buffer;
  size_t room = buffer->room - buffer->have;
  ssize_t got = read(pair->consume_fd, buffer->bytes + buffer->have,
                     room < PAIR_BYTES_PER_TURN ? room : PAIR_BYTES_PER_TURN);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got < 0) fail_errno("read");
  if (got == 0) fail("the broker closed a consumer's connection");
  buffer->have += got;
  long before = pair->received;
  scan_frames(buffer, on_delivery, &pair->received);
  return pair->received - before;
}

/* Runs until every pair has consumed its messages, or for ever beside a prober, until pairs_stop. */
static void *run_pairs(void *argument)
{
  sem_t *ready = argument;
  int poller = epoll_create1(0);
  if (poller < 0) fail_errno("epoll_create1");
  struct pair *pairs = allocate(options.pairs * sizeof *pairs);
  for (int i = 0; i < options.pairs; i++) pair_open(&pairs[i], i, poller);
  if (ready) sem_post(ready);

  publish_started = now_seconds();
  long received = 0, wanted = options.messages * options.pairs;
  while (options.probe ? !atomic_load(&pairs_stop) : received < wanted) {
    struct epoll_event events[64];
    int count = epoll_wait(poller, events, 64, 100);
    for (int i = 0; i < count; i++) {
      struct pair *pair = &pairs[events[i].data.u64 >> 1];
      if (events[i].data.u64 & 1) {
        received += pair_consume(pair);
      } else if (!pair_publish(pair)) {
        epoll_ctl(poller, EPOLL_CTL_DEL, pair->publish_fd, NULL);
        progress_set(&published, progress_get(&published) + options.messages);
      }
    }
    progress_set(&consumed, received);
  }
  consume_ended = now_seconds();
  return NULL;
}

/* ---- the prober ------------------------------------------------------------------------------------------------ */

enum { PROBE_PAUSE_MICROSECONDS = 5000, PROBE_WARM_UP_MICROSECONDS = 500000, PROBE_GRACE_SECONDS = 2 };

struct probe_result {
  double *seconds;
  long count;
  bool unanswered; /* The last one, even after the grace; its time is how long it had waited. */
};

/* True when `fd` has something to read before `end`. */
static bool readable_before(int fd, double end)
{
  double left = end - now_seconds();
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  return poll(&poller, 1, left > 0 ? (int)(left * 1000) + 1 : 0) > 0;
}

static struct probe_result run_probe(int fd, const char *queue)
{
  uint8_t frame[SHORT_FRAME_BYTES];
  size_t frame_bytes = encode_queue_declare(frame, queue, DECLARE_PASSIVE);
  long count_max = options.probe_seconds * (1000000L / PROBE_PAUSE_MICROSECONDS) + 1;
  struct probe_result result = {.seconds = allocate(count_max * sizeof(double))};
  double end = now_seconds() + options.probe_seconds;
  while (result.count < count_max && now_seconds() < end) {
    double sent = now_seconds();
    write_all(fd, frame, frame_bytes);
    result.unanswered = !readable_before(fd, end + PROBE_GRACE_SECONDS);
    if (!result.unanswered) expect_method(fd, QUEUE_DECLARE_OK);
    result.seconds[result.count++] = now_seconds() - sent;
    progress_set(&probed, result.count);
    if (result.unanswered) break;
    usleep(PROBE_PAUSE_MICROSECONDS);
  }
  sort_latencies(result.seconds, result.count);
  return result;
}

static struct probe_result run_probe_beside_pairs(void)
{
  char queue[200];
  snprintf(queue, sizeof queue, "%s-probe", options.queue);
  int fd = amqp_connect(options.port);
  declare_queue(fd, queue, DECLARE_EXCLUSIVE);
  if (options.pairs == 0) return run_probe(fd, queue);

  sem_t ready;
  sem_init(&ready, 0, 0);
  pthread_t pairs;
  start_thread(&pairs, run_pairs, &ready);
  sem_wait(&ready);
  usleep(PROBE_WARM_UP_MICROSECONDS); /* Until the pairs have filled their sockets. */
  struct probe_result result = run_probe(fd, queue);
  atomic_store(&pairs_stop, true);
  pthread_join(pairs, NULL);
  return result;
}

/* ---- results ---------------------------------------------------------------------------------------------------- */

/* The driver's own cost: if it nears a core, the driver is what was measured. */
static double driver_cpu_seconds(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void print_rates(void)
{
  double total = (double)options.messages * (options.pairs ? options.pairs : 1);
  double consume_rate = total / (consume_ended - publish_started);
  double publish_rate = total / (publish_ended - publish_started);
  bool has_publish = options.publish && !options.pairs;
  double cpu_seconds = driver_cpu_seconds();
  double confirm_p50 = 0, confirm_p99 = 0;
  if (options.confirm && options.publish) {
    sort_latencies(confirms.latency, options.messages);
    confirm_p50 = percentile_ms(confirms.latency, options.messages, 50);
    confirm_p99 = percentile_ms(confirms.latency, options.messages, 99);
  }
  if (options.json) {
    printf("{\"messages\":%.0f,\"bodyBytes\":%d,\"pairs\":%d", total, options.body_bytes,
           options.pairs ? options.pairs : 1);
    if (has_publish) printf(",\"publishedPerSecond\":%.0f", publish_rate);
    if (confirm_p50) printf(",\"confirmP50Ms\":%.3f,\"confirmP99Ms\":%.3f", confirm_p50, confirm_p99);
    if (options.consume) printf(",\"consumedPerSecond\":%.0f", consume_rate);
    printf(",\"driverCpuSeconds\":%.2f}\n", cpu_seconds);
    return;
  }
  if (has_publish) printf("pub %.0f msg/s  ", publish_rate);
  if (confirm_p50) printf("confirm p50 %.3f p99 %.3f ms  ", confirm_p50, confirm_p99);
  if (options.consume) printf("cons %.0f msg/s", consume_rate);
  printf("\n");
}

static void print_probe(const struct probe_result *result)
{
  double p50 = percentile_ms(result->seconds, result->count, 50);
  double p99 = percentile_ms(result->seconds, result->count, 99);
  double most = result->count ? result->seconds[result->count - 1] * 1e3 : 0;
  double busy = options.pairs ? progress_get(&consumed) / (consume_ended - publish_started) : 0;
  if (options.json) {
    printf("{\"probes\":%ld,\"p50Ms\":%.2f,\"p99Ms\":%.2f,\"maxMs\":%.2f,\"unanswered\":%d,\"pairs\":%d,"
           "\"messages\":%ld,\"bodyBytes\":%d,\"consumedPerSecond\":%.0f,\"driverCpuSeconds\":%.2f}\n",
           result->count, p50, p99, most, result->unanswered, options.pairs, progress_get(&consumed),
           options.body_bytes, busy, driver_cpu_seconds());
    return;
  }
  printf("probe p50 %.2f p99 %.2f max %.2f ms of %ld%s, beside %d pairs at %.0f msg/s\n", p50, p99, most,
         result->count, result->unanswered ? " (the last unanswered)" : "", options.pairs, busy);
}

/* ---- flags ------------------------------------------------------------------------------------------------------ */

__attribute__((noreturn)) static void usage(const char *why)
{
  if (why) fprintf(stderr, "%s\n", why);
  fputs(usage_text, stderr);
  exit(EXIT_USAGE);
}

static void set_mode(const char *mode)
{
  options.publish = strcmp(mode, "cons") != 0;
  options.consume = strcmp(mode, "pub") != 0;
  if (options.publish && options.consume && strcmp(mode, "both")) usage("-m wants pub, cons or both");
}

static void parse_flags(int count, char **words)
{
  const long any = INT32_MAX;
  for (int flag; (flag = getopt(count, words, "p:n:s:Q:m:aq:dci:Nx:Pt:T:jh")) != -1;) {
    switch (flag) {
      case 'p': options.port = flag_number(flag, optarg, 1, 65535); break;
      case 'n': options.messages = flag_number(flag, optarg, 1, any); break;
      case 's': options.body_bytes = flag_number(flag, optarg, 0, 1 << 28); break;
      case 'Q': options.queue = optarg; break;
      case 'm': set_mode(optarg); break;
      case 'a': options.manual_ack = true; break;
      case 'q': options.prefetch = flag_number(flag, optarg, 0, 65535); break;
      case 'd': options.durable = true; break;
      case 'c': options.confirm = true; break;
      case 'i': options.confirms_in_flight = flag_number(flag, optarg, 1, any); break;
      case 'N': options.numbered = true; break;
      case 'x': options.pairs = flag_number(flag, optarg, 0, 1000); break;
      case 'P': options.probe = true; break;
      case 't': options.probe_seconds = flag_number(flag, optarg, 1, 3600); break;
      case 'T': options.deadline_seconds = flag_number(flag, optarg, 1, 86400); break;
      case 'j': options.json = true; break;
      default: usage(NULL);
    }
  }
  if (optind < count) usage("a word that is no flag");
  if (strlen(options.queue) > 100) usage("-Q: at most 100 bytes");
  if (options.numbered && options.body_bytes < 8) usage("-N wants bodies of at least 8 bytes: -s");
  bool one_pair_flags =
    options.manual_ack || options.prefetch || options.confirm || options.durable || options.numbered;
  if ((options.pairs || options.probe) && (one_pair_flags || !options.publish || !options.consume)) {
    usage("-x and -P go without -a -q -c -d -m -N");
  }
}

int main(int count, char **words)
{
  parse_flags(count, words);
  static struct deadline deadline = {.progress = print_progress};
  deadline.seconds = options.deadline_seconds;
  deadline_start(&deadline);
  if (options.probe) {
    struct probe_result result = run_probe_beside_pairs();
    print_probe(&result);
  } else {
    if (options.pairs) run_pairs(NULL);
    else run_one_pair();
    print_rates();
  }
  fflush(stdout);
  _exit(0); /* Open connections and threads that read them need no farewell. */
}
