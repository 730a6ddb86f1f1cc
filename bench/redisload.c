/*
 * redisload: a raw load driver for publish and subscribe of Redis, with little CPU use of its own: see pubsub.h.
 *
 *   gcc -O2 -Wall -Wextra -pthread redisload.c -o redisload
 *
 * Prints deliveries/s; with -l how long it takes until an answer comes by another channel. Commands are pipelined, and each PUBLISH has to be
 * answered by the number of those who hear it. Flags: see usage_text.
 */
#include "pubsub.h"

enum { HELD_AT_ONCE = 500 };

static const char usage_text[] =
  "redisload [flags]\n"
  "  -p PORT         broker on 127.0.0.1 (6379)\n"
  "  -t SUBJECT      channel (load)\n"
  "  -w COUNT        PUBLISH commands sent ahead of their answers (4096)\n"
  COMMON_USAGE;

static int connect_client(void)
{
  return connect_loopback(options.port);
}

/* Who is subscribed may not publish, in RESP2. */
static int connect_sender(int heard)
{
  (void)heard;
  return connect_client();
}

/* Reads what has to come, and nothing else. */
static void read_exactly(int fd, const char *wanted, size_t count)
{
  static char text[HELD_AT_ONCE * (NAME_BYTES_MAX + 64) + 1];
  for (size_t got = 0; got < count;) {
    size_t more = read_some(fd, text + got, count - got);
    if (memcmp(text + got, wanted + got, more)) {
      text[got + more] = 0;
      fail("instead of '%.60s' came '%.200s'", wanted + got, text + got);
    }
    got += more;
  }
}

static size_t encode_confirmation(char *to, const char *what, const char *name, long count)
{
  return sprintf(to, "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n:%ld\r\n", strlen(what), what, strlen(name), name, count);
}

static void subscribe_to(int fd, const char *pattern)
{
  char text[HEAD_BYTES_MAX];
  bool is_pattern = strchr(pattern, '*') != NULL;
  const char *command = is_pattern ? "psubscribe" : "subscribe";
  size_t bytes = sprintf(text, "*2\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(command), command, strlen(pattern), pattern);
  write_all(fd, text, bytes);
  read_exactly(fd, text, encode_confirmation(text, command, pattern, 1));
}

static void subscribe_held(int fd, long from, long to)
{
  static char commands[HELD_AT_ONCE * (NAME_BYTES_MAX + 64)], confirmations[sizeof commands];
  char name[NAME_BYTES_MAX];
  for (long first = from; from < to;) {
    size_t at = 0, wanted = 0;
    for (int i = 0; i < HELD_AT_ONCE && from < to; i++, from++) {
      at += sprintf(commands + at, "*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s\r\n", held_name(name, from), name);
      wanted += encode_confirmation(confirmations + wanted, "subscribe", name, from - first + 1);
    }
    write_all(fd, commands, at);
    read_exactly(fd, confirmations, wanted);
  }
}

static void wildcard_of(char *to, int subscriber)
{
  (void)subscriber;
  snprintf(to, NAME_BYTES_MAX, "%s.*", options.subject);
}

static size_t encode_publish_head(char *to, const char *name, const char *reply)
{
  (void)reply;
  return sprintf(to, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%d\r\n", strlen(name), name, options.body_bytes);
}

static size_t encode_delivery_head(char *to, const char *name, const char *reply, const char *wildcard)
{
  (void)reply;
  size_t at = wildcard ? sprintf(to, "*4\r\n$8\r\npmessage\r\n$%zu\r\n%s\r\n", strlen(wildcard), wildcard)
                       : sprintf(to, "*3\r\n$7\r\nmessage\r\n");
  return at + sprintf(to + at, "$%zu\r\n%s\r\n$%d\r\n", strlen(name), name, options.body_bytes);
}

static size_t other_bytes(const char *bytes, size_t count)
{
  if (*bytes == '-') fail("the broker says %.*s", (int)(count < 200 ? count : 200), bytes);
  return 0;
}

static void await_answers(struct publisher *publisher, long in_flight_max)
{
  char answer[32];
  size_t bytes = sprintf(answer, ":%d\r\n", options.requests ? 1 : options.subscribers);
  while (publisher->sent - publisher->answered > in_flight_max) {
    char *text = publisher->answers;
    size_t at = 0, count = publisher->rest;
    count += read_some(publisher->fd, text + count, sizeof publisher->answers - count);
    for (; count - at >= bytes; at += bytes) {
      if (memcmp(text + at, answer, bytes))
        fail("PUBLISH %ld is answered by '%.*s'", publisher->answered, (int)least_of(count - at, 100), text + at);
      publisher->answered++;
    }
    publisher->rest = count - at;
    memmove(text, text + at, publisher->rest);
  }
}

int main(int count, char **words)
{
  options.port = 6379;
  return run_driver(count, words, COMMON_FLAGS "w:", usage_text);
}
