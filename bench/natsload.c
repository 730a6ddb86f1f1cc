/*
 * natsload: a raw load driver for NATS, with little CPU use of its own: see pubsub.h.
 *
 *   gcc -O2 -Wall -Wextra -pthread natsload.c -o natsload
 *
 * Prints deliveries/s; with -l how long answers take. Flags: see usage_text.
 */
#include "pubsub.h"

enum { HELD_AT_ONCE = 1000 };

static const char usage_text[] =
  "natsload [flags]\n"
  "  -p PORT         broker on 127.0.0.1 (4222)\n"
  "  -t SUBJECT      (load)\n"
  COMMON_USAGE;

static const char ping[] = "PING\r\n", pong[] = "PONG\r\n";
enum { PING_BYTES = sizeof ping - 1 };

/* Takes one line, and nothing that comes behind it; returns its octets, a line end included. */
static size_t read_line(int fd, char *text, size_t room)
{
  for (size_t looked_at = 0; looked_at < room;) {
    /* Until more is there than was looked at. */
    if (recv(fd, text, looked_at + 1, MSG_PEEK | MSG_WAITALL) <= (ssize_t)looked_at) fail("the broker closed the connection");
    ssize_t got = recv(fd, text, room, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0) fail_errno("recv");
    const char *end = memchr(text, '\n', got);
    looked_at = got;
    if (!end) continue;
    read_all(fd, text, end - text + 1);
    return end - text + 1;
  }
  fail("the broker says too much: %.60s", text);
}

/* Up to and with PONG: a question of the broker's own may come before it, or right behind. */
static void read_pong(int fd)
{
  char line[4096];
  size_t bytes;
  do {
    bytes = read_line(fd, line, sizeof line);
    if (*line == '-') fail("the broker says %.*s", (int)bytes, line);
  } while (bytes != PING_BYTES || memcmp(line, pong, PING_BYTES));
}

static int connect_client(void)
{
  int fd = connect_loopback(options.port);
  const char hello[] = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n";
  write_all(fd, hello, sizeof hello - 1);
  read_pong(fd);
  return fd;
}

static int connect_sender(int heard)
{
  return heard;
}

static void subscribe_to(int fd, const char *pattern)
{
  char text[HEAD_BYTES_MAX];
  write_all(fd, text, sprintf(text, "SUB %s 1\r\nPING\r\n", pattern));
  read_pong(fd);
}

static void subscribe_held(int fd, long from, long to)
{
  static char text[HELD_AT_ONCE * (NAME_BYTES_MAX + 32) + PING_BYTES];
  char name[NAME_BYTES_MAX];
  while (from < to) {
    size_t at = 0;
    for (int i = 0; i < HELD_AT_ONCE && from < to; i++, from++) {
      held_name(name, from);
      at += sprintf(text + at, "SUB %s %ld\r\n", name, from + 1);
    }
    memcpy(text + at, ping, PING_BYTES);
    write_all(fd, text, at + PING_BYTES);
    read_pong(fd);
  }
}

/* Half of them by one word, the others by all that come. */
static void wildcard_of(char *to, int subscriber)
{
  snprintf(to, NAME_BYTES_MAX, subscriber % 2 ? "%s.>" : "%s.*.x", options.subject);
}

static size_t encode_publish_head(char *to, const char *name, const char *reply)
{
  return sprintf(to, "PUB %s %s%s%d\r\n", name, reply ? reply : "", reply ? " " : "", options.body_bytes);
}

static size_t encode_delivery_head(char *to, const char *name, const char *reply, const char *wildcard)
{
  (void)wildcard;
  return sprintf(to, "MSG %s 1 %s%s%d\r\n", name, reply ? reply : "", reply ? " " : "", options.body_bytes);
}

/* A server asks soon whether its client is there; only long after a second question does it miss the answer. */
static size_t other_bytes(const char *bytes, size_t count)
{
  if (*bytes == '-') fail("the broker says %.*s", (int)(count < 200 ? count : 200), bytes);
  return count >= PING_BYTES && !memcmp(bytes, ping, PING_BYTES) ? PING_BYTES : 0;
}

/* No publish is answered, unless the broker minds something. */
static void await_answers(struct publisher *publisher, long in_flight_max)
{
  (void)in_flight_max;
  ssize_t got = recv(publisher->fd, publisher->answers, sizeof publisher->answers, MSG_DONTWAIT);
  if (got == 0) fail("the broker closed the connection");
  if (got > 0 && *publisher->answers == '-') fail("the broker says %.*s", (int)got, publisher->answers);
}

int main(int count, char **words)
{
  options.port = 4222;
  return run_driver(count, words, COMMON_FLAGS, usage_text);
}
