/*
 * kafkaload: a raw Kafka load driver with little CPU use of its own: one connection produces pre-encoded record batches
 * (Produce v7), another fetches (Fetch v4) and counts offsets.
 *
 *   gcc -O2 -Wall -Wextra -pthread kafkaload.c -o kafkaload
 *
 * Prints produced and consumed MB/s and records/s, and the latency of a produce request. Flags: see usage().
 */
#include "load.h"
#include <getopt.h>
#include <sys/resource.h>

enum { API_PRODUCE = 0, API_FETCH = 1, API_METADATA = 3, API_CREATE_TOPICS = 19 };
enum { BATCH_HEAD_BYTES = 61, REQUEST_BYTES_MAX = 65536, ACK_BYTES_MAX = 4096, PARTITIONS_MAX = 1000 };
enum { FETCH_BYTES_MAX = 16 << 20, PARTITION_BYTES_MAX = 4 << 20, FETCH_WAIT_MS = 500 };
enum { STALLED_SECONDS = 20 };

struct options {
  int port, record_bytes, records_per_batch, requests_in_flight, acks, partitions, deadline_seconds;
  long batches;
  const char *topic;
  bool produce, consume, json;
};

static struct options options = {
  .port = 9092,
  .batches = 10000,
  .record_bytes = 1024,
  .records_per_batch = 100,
  .requests_in_flight = 5,
  .acks = 1,
  .partitions = 1,
  .topic = "load",
  .produce = true,
  .consume = true,
  .deadline_seconds = 120,
};

static const char usage_text[] =
  "kafkaload [flags]\n"
  "  -p PORT        broker on 127.0.0.1 (9092)\n"
  "  -t TOPIC       (load); with -P above 1 it is created, else the broker does so when asked for its metadata\n"
  "  -P PARTITIONS  batches go round them (1)\n"
  "  -n BATCHES     (10000)\n"
  "  -s BYTES       value of a record (1024)\n"
  "  -r RECORDS     per batch (100)\n"
  "  -w REQUESTS    produce requests in flight (5)\n"
  "  -a ACKS        1 or -1 (1)\n"
  "  -m MODE        pub, cons or both (both)\n"
  "  -T SECONDS     give up after (120), exit status 3\n"
  "  -j             the result as one line of JSON\n";

/* How far the run came; the deadline's thread reads them too. */
static atomic_long acked;
static atomic_ulong records_consumed;

static double started, produce_ended, consume_ended;
static int partition_count;

static void print_progress(FILE *to)
{
  fprintf(to, "port %d, topic %s: %ld of %ld batches acknowledged, %lu of %ld records consumed", options.port,
          options.topic, atomic_load(&acked), options.batches, atomic_load(&records_consumed),
          options.batches * options.records_per_batch);
}

/* ---- the batch ------------------------------------------------------------------------------------------------ */

static uint8_t *batch;
static int batch_bytes;

/* CRC-32C, by table: used once, for the one batch. */
static uint32_t crc32c(const uint8_t *bytes, size_t count)
{
  uint32_t table[256];
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
    table[i] = value;
  }
  uint32_t crc = ~0u;
  while (count--) crc = table[(crc ^ *bytes++) & 255] ^ crc >> 8;
  return ~crc;
}

static uint8_t *put_varint(uint8_t *p, int64_t value)
{
  uint64_t zigzag = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
  for (; zigzag > 127; zigzag >>= 7) *p++ = zigzag | 128;
  *p++ = zigzag;
  return p;
}

/* attributes, timestamp delta, offset delta, no key, value, no headers */
static uint8_t *put_record(uint8_t *p, int offset_delta, const uint8_t *value)
{
  uint8_t head[32], *h = head;
  h = put8(h, 0);
  h = put_varint(h, 0);
  h = put_varint(h, offset_delta);
  h = put_varint(h, -1);
  h = put_varint(h, options.record_bytes);
  p = put_varint(p, h - head + options.record_bytes + 1);
  p = put_bytes(p, head, h - head);
  p = put_bytes(p, value, options.record_bytes);
  return put_varint(p, 0);
}

/*
 * RecordBatch v2: baseOffset(8) length(4) leaderEpoch(4) magic(1) crc(4) | attributes(2) lastOffsetDelta(4)
 * baseTimestamp(8) maxTimestamp(8) producerId(8) producerEpoch(2) baseSequence(4) count(4) records. The CRC is over
 * what stands after it.
 */
static void encode_batch(void)
{
  enum { LENGTH_FROM = 12, CRC_AT = 17, CRC_FROM = 21 };
  batch = allocate((size_t)options.records_per_batch * (options.record_bytes + 40) + 100);
  uint8_t *value = allocate(options.record_bytes + 1);
  for (int i = 0; i < options.record_bytes; i++) value[i] = rand();
  uint8_t *end = batch + BATCH_HEAD_BYTES;
  for (int i = 0; i < options.records_per_batch; i++) end = put_record(end, i, value);
  free(value);
  batch_bytes = end - batch;

  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  uint64_t timestamp_ms = t.tv_sec * 1000ull + t.tv_nsec / 1000000;
  uint8_t *p = put64(batch, 0);
  p = put32(p, batch_bytes - LENGTH_FROM);
  p = put32(p, -1);
  p = put8(p, 2);
  p = put32(p, 0);
  p = put16(p, 0);
  p = put32(p, options.records_per_batch - 1);
  p = put64(put64(p, timestamp_ms), timestamp_ms);
  p = put64(p, -1);
  p = put16(p, -1);
  p = put32(p, -1);
  put32(p, options.records_per_batch);
  put32(batch + CRC_AT, crc32c(batch + CRC_FROM, batch_bytes - CRC_FROM));
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

static uint8_t *put_string(uint8_t *p, const char *text)
{
  size_t length = strlen(text);
  return put_bytes(put16(p, length), text, length);
}

/* Opens a request; its body goes to the place returned. The size in front is filled in when it is sent. */
static uint8_t *request_open(uint8_t *request, int api, int version, int correlation)
{
  uint8_t *p = put16(request + 4, api);
  p = put16(p, version);
  return put_string(put32(p, correlation), "load");
}

static void send_request(int fd, uint8_t *request, uint8_t *end)
{
  put32(request, end - request - 4);
  write_all(fd, request, end - request);
}

/* Reads a response into `buffer`, which grows as needed; it begins with the correlation id. Returns its size. */
static size_t read_response(int fd, uint8_t **buffer, size_t *room)
{
  uint8_t size_field[4];
  read_all(fd, size_field, sizeof size_field);
  size_t size = get32(size_field);
  if (size < 4 || size > 1u << 30) fail("a response of %zu bytes: is this Kafka?", size);
  if (size > *room) {
    *room = size;
    free(*buffer);
    *buffer = allocate(size);
  }
  read_all(fd, *buffer, size);
  return size;
}

static const uint8_t *skip_string(const uint8_t *p)
{
  int length = get16(p);
  return p + 2 + (length > 0 ? length : 0);
}

/* CreateTopics v2. An error (it exists) shows itself in the metadata. */
static void create_topic(int fd)
{
  uint8_t request[512];
  uint8_t *p = request_open(request, API_CREATE_TOPICS, 2, 7);
  p = put_string(put32(p, 1), options.topic);
  p = put32(p, options.partitions);
  p = put16(p, 1);     /* replication */
  p = put32(p, 0);     /* assignments */
  p = put32(p, 0);     /* configuration */
  p = put32(p, 10000); /* timeout, ms */
  send_request(fd, request, put8(p, 0));
  uint8_t *response = NULL;
  size_t room = 0;
  read_response(fd, &response, &room);
  free(response);
}

/* Metadata v1 about the topic. Returns its partitions, or 0 while it has an error. */
static int ask_partitions(int fd)
{
  uint8_t request[512];
  uint8_t *end = put_string(put32(request_open(request, API_METADATA, 1, 1), 1), options.topic);
  send_request(fd, request, end);
  uint8_t *response = NULL;
  size_t room = 0;
  read_response(fd, &response, &room);

  const uint8_t *p = response + 4;
  int brokers = get32(p);
  p += 4;
  for (int i = 0; i < brokers; i++) p = skip_string(skip_string(p + 4) + 4); /* id, host, port, rack */
  p += 4;                                                                   /* controller */
  int topics = get32(p);
  int error = topics ? get16(p + 4) : -1;
  p = skip_string(p + 6) + 1; /* name, internal */
  int partitions = error ? 0 : (int)get32(p);
  free(response);
  return partitions;
}

/* ---- the producer ---------------------------------------------------------------------------------------------- */

/* By batch. A time is written before the request goes out, a latency when its answer comes. */
static double *sent_at, *latency;

static void *read_acks(void *argument)
{
  int fd = *(int *)argument;
  size_t room = ACK_BYTES_MAX;
  uint8_t *response = allocate(room);
  for (long i = 0; i < options.batches; i++) {
    read_response(fd, &response, &room);
    /* correlation(4) topics(4) name partitions(4) partition(4) error(2) */
    int error = get16(skip_string(response + 8) + 8);
    if (error) fail("produce: error %d for batch %ld", error, i);
    latency[i] = now_seconds() - sent_at[i];
    atomic_store(&acked, i + 1);
  }
  return NULL;
}

static uint8_t *encode_produce(uint8_t *request, long index)
{
  uint8_t *p = request_open(request, API_PRODUCE, 7, index);
  p = put16(p, -1); /* transactional id */
  p = put16(p, options.acks);
  p = put32(p, 30000);
  p = put_string(put32(p, 1), options.topic);
  p = put32(p, 1);
  p = put32(p, index % partition_count);
  p = put32(p, batch_bytes);
  put32(request, p - request - 4 + batch_bytes);
  return p;
}

static void *run_producer(void *argument)
{
  (void)argument;
  int fd = connect_loopback(options.port);
  sent_at = allocate(options.batches * sizeof *sent_at);
  latency = allocate(options.batches * sizeof *latency);
  pthread_t ack_reader;
  start_thread(&ack_reader, read_acks, &fd);
  started = now_seconds();
  for (long i = 0; i < options.batches; i++) {
    while (i - atomic_load(&acked) >= options.requests_in_flight) usleep(20);
    uint8_t request[512];
    uint8_t *end = encode_produce(request, i);
    sent_at[i] = now_seconds();
    write_all(fd, request, end - request);
    write_all(fd, batch, batch_bytes);
  }
  pthread_join(ack_reader, NULL);
  produce_ended = now_seconds();
  return NULL;
}

/* ---- the consumer ---------------------------------------------------------------------------------------------- */

static uint8_t *encode_fetch(uint8_t *request, int correlation, const uint64_t *next_offset)
{
  uint8_t *p = request_open(request, API_FETCH, 4, correlation);
  p = put32(p, -1); /* replica */
  p = put32(p, FETCH_WAIT_MS);
  p = put32(p, 1); /* least bytes */
  p = put32(p, FETCH_BYTES_MAX);
  p = put8(p, 0); /* isolation */
  p = put_string(put32(p, 1), options.topic);
  p = put32(p, partition_count);
  for (int i = 0; i < partition_count; i++) {
    p = put64(put32(p, i), next_offset[i]);
    p = put32(p, PARTITION_BYTES_MAX);
  }
  return p;
}

/* Counts the records of the whole batches; an answer may begin before the offset asked for and end within a batch. */
static uint64_t count_records(const uint8_t *p, const uint8_t *end, uint64_t *next_offset)
{
  uint64_t count = 0;
  while (end - p >= BATCH_HEAD_BYTES) {
    uint32_t length = get32(p + 8);
    if (end - p < (long)length + 12) break;
    uint64_t base = get64(p), next = base + get32(p + 23) + 1;
    if (next > *next_offset) {
      count += next - (base > *next_offset ? base : *next_offset);
      *next_offset = next;
    }
    p += length + 12;
  }
  return count;
}

/*
 * Counts the records of a response and moves the offsets on. An error of a partition goes into `error`.
 * correlation(4) throttle(4) topics: name, partitions: index(4) error(2) marks(16) aborted records
 */
static uint64_t count_fetched(const uint8_t *response, uint64_t *next_offset, int *error)
{
  uint64_t count = 0;
  const uint8_t *p = response + 12;
  for (int topics = get32(response + 8); topics > 0; topics--) {
    p = skip_string(p);
    int partitions = get32(p);
    p += 4;
    for (; partitions > 0; partitions--) {
      int index = get32(p);
      if (get16(p + 4)) *error = get16(p + 4);
      if (index < 0 || index >= partition_count) fail("fetch: an answer for partition %d", index);
      int aborted = (int32_t)get32(p + 22);
      p += 26 + (aborted > 0 ? aborted * 16 : 0);
      int length = (int32_t)get32(p);
      p += 4;
      const uint8_t *end = p + (length > 0 ? length : 0);
      count += count_records(p, end, &next_offset[index]);
      p = end;
    }
  }
  return count;
}

/* A leader named in the metadata may not serve yet (Apache Kafka, just after the topic is made): a fetch tells. */
static bool is_served(int fd)
{
  static uint8_t request[REQUEST_BYTES_MAX];
  uint64_t next_offset[PARTITIONS_MAX] = {0};
  uint8_t *response = NULL;
  size_t room = 0;
  int error = 0;
  send_request(fd, request, encode_fetch(request, 1, next_offset));
  read_response(fd, &response, &room);
  count_fetched(response, next_offset, &error);
  free(response);
  return error == 0;
}

static void await_topic(int fd)
{
  for (int attempt = 0; attempt < 100; attempt++) {
    partition_count = ask_partitions(fd);
    if (partition_count > PARTITIONS_MAX) fail("topic %s has %d partitions", options.topic, partition_count);
    if (partition_count > 0 && is_served(fd)) return;
    usleep(100000);
  }
  fail("no leader for topic %s within 10 s", options.topic);
}

static void *run_consumer(void *argument)
{
  (void)argument;
  int fd = connect_loopback(options.port);
  static uint8_t request[REQUEST_BYTES_MAX];
  uint64_t next_offset[PARTITIONS_MAX] = {0};
  size_t room = 64 << 20;
  uint8_t *response = allocate(room);
  uint64_t have = 0, want = (uint64_t)options.batches * options.records_per_batch;
  double last_progress = now_seconds();
  for (int correlation = 1; have < want; correlation++) {
    send_request(fd, request, encode_fetch(request, correlation, next_offset));
    read_response(fd, &response, &room);
    int error = 0;
    uint64_t count = count_fetched(response, next_offset, &error);
    if (error) fail("fetch: error %d", error);
    have += count;
    atomic_store(&records_consumed, have);
    if (count) last_progress = now_seconds();
    if (now_seconds() - last_progress > STALLED_SECONDS) {
      fail("no records for %d s, at %lu of %lu", STALLED_SECONDS, (unsigned long)have, (unsigned long)want);
    }
  }
  consume_ended = now_seconds();
  return NULL;
}

/* ---- results --------------------------------------------------------------------------------------------------- */

static double driver_cpu_seconds(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void print_result(void)
{
  double records = (double)options.batches * options.records_per_batch;
  double megabytes = records * options.record_bytes / 1e6;
  double produce_seconds = produce_ended - started, consume_seconds = consume_ended - started;
  double p50 = 0, p99 = 0;
  if (options.produce) {
    sort_latencies(latency, options.batches);
    p50 = percentile_ms(latency, options.batches, 50);
    p99 = percentile_ms(latency, options.batches, 99);
  }
  if (options.json) {
    printf("{\"messages\":%.0f,\"bodyBytes\":%d", records, options.record_bytes);
    if (options.produce) {
      printf(",\"producedPerSecond\":%.0f,\"producedMegabytesPerSecond\":%.1f,\"ackP50Ms\":%.3f,\"ackP99Ms\":%.3f",
             records / produce_seconds, megabytes / produce_seconds, p50, p99);
    }
    if (options.consume) {
      printf(",\"consumedPerSecond\":%.0f,\"consumedMegabytesPerSecond\":%.1f", records / consume_seconds,
             megabytes / consume_seconds);
    }
    printf(",\"driverCpuSeconds\":%.2f}\n", driver_cpu_seconds());
    return;
  }
  if (options.produce) {
    printf("produced %.0f MB/s %.0f rec/s  ack p50 %.3f p99 %.3f ms  ", megabytes / produce_seconds,
           records / produce_seconds, p50, p99);
  }
  if (options.consume) printf("consumed %.0f MB/s %.0f rec/s", megabytes / consume_seconds, records / consume_seconds);
  printf("\n");
}

/* ---- flags ----------------------------------------------------------------------------------------------------- */

__attribute__((noreturn)) static void usage(const char *why)
{
  if (why) fprintf(stderr, "%s\n", why);
  fputs(usage_text, stderr);
  exit(EXIT_USAGE);
}

static void set_mode(const char *mode)
{
  options.produce = strcmp(mode, "cons") != 0;
  options.consume = strcmp(mode, "pub") != 0;
  if (options.produce && options.consume && strcmp(mode, "both")) usage("-m wants pub, cons or both");
}

static void parse_flags(int count, char **words)
{
  const long any = INT32_MAX;
  for (int flag; (flag = getopt(count, words, "p:t:n:s:r:w:a:P:m:T:jh")) != -1;) {
    switch (flag) {
      case 'p': options.port = flag_number(flag, optarg, 1, 65535); break;
      case 't': options.topic = optarg; break;
      case 'n': options.batches = flag_number(flag, optarg, 1, any); break;
      case 's': options.record_bytes = flag_number(flag, optarg, 0, 1 << 24); break;
      case 'r': options.records_per_batch = flag_number(flag, optarg, 1, 1 << 20); break;
      case 'w': options.requests_in_flight = flag_number(flag, optarg, 1, any); break;
      case 'a': options.acks = flag_number(flag, optarg, -1, 1); break;
      case 'P': options.partitions = flag_number(flag, optarg, 1, PARTITIONS_MAX); break;
      case 'm': set_mode(optarg); break;
      case 'T': options.deadline_seconds = flag_number(flag, optarg, 1, 86400); break;
      case 'j': options.json = true; break;
      default: usage(NULL);
    }
  }
  if (optind < count) usage("a word that is no flag");
  if (options.acks == 0) usage("-a 0 has no answers to wait for");
  if (strlen(options.topic) > 200) usage("-t: at most 200 bytes");
  if ((double)options.records_per_batch * (options.record_bytes + 40) > 1 << 30) usage("a batch of over 1 GiB");
}

int main(int count, char **words)
{
  parse_flags(count, words);
  static struct deadline deadline = {.progress = print_progress};
  deadline.seconds = options.deadline_seconds;
  deadline_start(&deadline);
  encode_batch();
  int control = connect_loopback(options.port);
  if (options.partitions > 1) create_topic(control);
  await_topic(control);

  pthread_t producer, consumer;
  started = now_seconds();
  if (options.consume) start_thread(&consumer, run_consumer, NULL);
  if (options.produce) start_thread(&producer, run_producer, NULL);
  if (options.produce) pthread_join(producer, NULL);
  if (options.consume) pthread_join(consumer, NULL);
  print_result();
  fflush(stdout);
  _exit(0);
}
