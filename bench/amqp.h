/*
 * amqp.h: as much AMQP 0-9-1 as amqpload needs: frames, the handshake as guest on `/`, and a scanner of what arrives.
 * Every connection uses channel 1 only.
 *
 *   frame   = type(1) channel(2) size(4) payload(size) 0xce
 *   method  = class(2) method(2) arguments           one per frame
 *   content = header frame: class(2) weight(2) body-size(8) property-flags(2) properties; then body frames
 */
#ifndef AMQP_H
#define AMQP_H

#include "load.h"

enum { FRAME_METHOD = 1, FRAME_HEADER = 2, FRAME_BODY = 3, FRAME_END = 0xce };
enum { FRAME_HEAD_BYTES = 7, FRAME_OVERHEAD = 8 };
enum { FRAME_BYTES_MAX = 131072 }; /* What tune-ok asks for. */
enum { SHORT_FRAME_BYTES = 512 };  /* Room for any method frame that we send. */

#define METHOD(class_id, method_id) ((uint32_t)(class_id) << 16 | (method_id))
enum {
  CONNECTION_START = METHOD(10, 10),
  CONNECTION_START_OK = METHOD(10, 11),
  CONNECTION_TUNE = METHOD(10, 30),
  CONNECTION_TUNE_OK = METHOD(10, 31),
  CONNECTION_OPEN = METHOD(10, 40),
  CONNECTION_OPEN_OK = METHOD(10, 41),
  CONNECTION_CLOSE = METHOD(10, 50),
  CHANNEL_OPEN = METHOD(20, 10),
  CHANNEL_OPEN_OK = METHOD(20, 11),
  CHANNEL_CLOSE = METHOD(20, 40),
  QUEUE_DECLARE = METHOD(50, 10),
  QUEUE_DECLARE_OK = METHOD(50, 11),
  BASIC_QOS = METHOD(60, 10),
  BASIC_QOS_OK = METHOD(60, 11),
  BASIC_CONSUME = METHOD(60, 20),
  BASIC_CONSUME_OK = METHOD(60, 21),
  BASIC_PUBLISH = METHOD(60, 40),
  BASIC_ACK = METHOD(60, 80),
  CONFIRM_SELECT = METHOD(85, 10),
  CONFIRM_SELECT_OK = METHOD(85, 11),
};

/* queue.declare's bits. */
enum { DECLARE_PASSIVE = 1, DECLARE_DURABLE = 2, DECLARE_EXCLUSIVE = 4, DECLARE_AUTO_DELETE = 8 };

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* Opens a frame; its payload goes to the place returned, then frame_close. */
static inline uint8_t *frame_open(uint8_t *frame, int type, int channel)
{
  return put32(put16(put8(frame, type), channel), 0);
}

/* Fills in the size of a frame whose payload ends at `end`; returns the size of the whole frame. */
static inline size_t frame_close(uint8_t *frame, uint8_t *end)
{
  put32(frame + 3, end - frame - FRAME_HEAD_BYTES);
  *end++ = FRAME_END;
  return end - frame;
}

static inline uint8_t *method_open(uint8_t *frame, int channel, uint32_t method)
{
  return put32(frame_open(frame, FRAME_METHOD, channel), method);
}

static inline uint8_t *put_short_string(uint8_t *p, const char *text)
{
  size_t length = strlen(text);
  return put_bytes(put8(p, length), text, length);
}

static inline void send_method(int fd, int channel, uint32_t method, const void *arguments, size_t count)
{
  uint8_t frame[SHORT_FRAME_BYTES];
  uint8_t *p = method_open(frame, channel, method);
  write_all(fd, frame, frame_close(frame, put_bytes(p, arguments, count)));
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* Ends the driver with the broker's own words if this payload closes the connection or the channel. */
static inline void check_not_closed(const uint8_t *payload)
{
  uint32_t method = get32(payload);
  if (method != CONNECTION_CLOSE && method != CHANNEL_CLOSE) return;
  fail("the broker closed the %s: %d %.*s", method == CHANNEL_CLOSE ? "channel" : "connection", get16(payload + 4),
       payload[6], (const char *)payload + 7);
}

/* Reads frames until the expected method comes; others are named on stderr and skipped. The payload is valid until the
 * thread's next call. */
static inline const uint8_t *expect_method(int fd, uint32_t expected)
{
  static _Thread_local uint8_t payload[FRAME_BYTES_MAX];
  for (;;) {
    uint8_t head[FRAME_HEAD_BYTES];
    read_all(fd, head, sizeof head);
    uint32_t size = get32(head + 3);
    if (size >= sizeof payload) fail("a frame of %u bytes: is this AMQP?", size);
    read_all(fd, payload, size + 1);
    if (head[0] != FRAME_METHOD) continue;
    uint32_t method = get32(payload);
    if (method == expected) return payload;
    check_not_closed(payload);
    fprintf(stderr, "skipped method %u.%u\n", method >> 16, method & 0xffff);
  }
}

/* Bytes that came and are not yet a whole frame. */
struct frame_buffer {
  uint8_t *bytes;
  size_t room, have;
};

static inline struct frame_buffer frame_buffer_new(size_t room)
{
  return (struct frame_buffer){.bytes = allocate(room), .room = room};
}

typedef void (*frame_handler)(int type, const uint8_t *payload, uint32_t size, void *context);

/* Hands each whole frame to `handle` and keeps the rest. Inlined with its handler: it is the driver's own cost. */
static inline __attribute__((always_inline)) void scan_frames(struct frame_buffer *buffer, frame_handler handle,
                                                              void *context)
{
  size_t at = 0;
  while (buffer->have - at >= FRAME_OVERHEAD) {
    const uint8_t *frame = buffer->bytes + at;
    uint32_t size = get32(frame + 3);
    if (buffer->have - at < size + FRAME_OVERHEAD) break;
    handle(frame[0], frame + FRAME_HEAD_BYTES, size, context);
    at += size + FRAME_OVERHEAD;
  }
  if (at == 0 && buffer->have == buffer->room) fail("a frame larger than %zu bytes", buffer->room);
  memmove(buffer->bytes, buffer->bytes + at, buffer->have - at);
  buffer->have -= at;
}

/* ---- conversations ------------------------------------------------------------------------------------------- */

/* Connects, logs in as guest, opens `/` and channel 1. */
static inline int amqp_connect(int port)
{
  static const char start_ok[] = "\0\0\0\0"                                /* client-properties: none */
                                 "\5PLAIN"                                 /* mechanism */
                                 "\0\0\0\14\0guest\0guest"                 /* response */
                                 "\5en_US";                                /* locale */
  static const uint8_t tune_ok[] = {0, 100, 0, 2, 0, 0, 0, 0};             /* channels, FRAME_BYTES_MAX, no heartbeat */
  static const uint8_t open[] = {1, '/', 0, 0};
  static const uint8_t channel_open[] = {0};
  int fd = connect_loopback(port);
  write_all(fd, "AMQP\0\0\x09\x01", 8);
  expect_method(fd, CONNECTION_START);
  send_method(fd, 0, CONNECTION_START_OK, start_ok, sizeof start_ok - 1);
  expect_method(fd, CONNECTION_TUNE);
  send_method(fd, 0, CONNECTION_TUNE_OK, tune_ok, sizeof tune_ok);
  send_method(fd, 0, CONNECTION_OPEN, open, sizeof open);
  expect_method(fd, CONNECTION_OPEN_OK);
  send_method(fd, 1, CHANNEL_OPEN, channel_open, sizeof channel_open);
  expect_method(fd, CHANNEL_OPEN_OK);
  return fd;
}

static inline size_t encode_queue_declare(uint8_t *frame, const char *queue, int bits)
{
  uint8_t *p = method_open(frame, 1, QUEUE_DECLARE);
  p = put_short_string(put16(p, 0), queue);
  return frame_close(frame, put32(put8(p, bits), 0));
}

/* Returns how many messages wait in it. */
static inline uint32_t declare_queue(int fd, const char *queue, int bits)
{
  uint8_t frame[SHORT_FRAME_BYTES];
  write_all(fd, frame, encode_queue_declare(frame, queue, bits));
  const uint8_t *payload = expect_method(fd, QUEUE_DECLARE_OK);
  return get32(payload + 5 + payload[4]); /* behind the queue's name */
}

/* Subscribes; `prefetch` 0 is no limit. */
static inline void start_consumer(int fd, const char *queue, int prefetch, bool manual_ack)
{
  if (prefetch) {
    uint8_t qos[] = {0, 0, 0, 0, prefetch >> 8, prefetch, 0};
    send_method(fd, 1, BASIC_QOS, qos, sizeof qos);
    expect_method(fd, BASIC_QOS_OK);
  }
  uint8_t frame[SHORT_FRAME_BYTES];
  uint8_t *p = put_short_string(put16(method_open(frame, 1, BASIC_CONSUME), 0), queue);
  p = put8(p, 0);                   /* consumer-tag: the broker's choice */
  p = put8(p, manual_ack ? 0 : 2);  /* no-ack */
  write_all(fd, frame, frame_close(frame, put32(p, 0)));
  expect_method(fd, BASIC_CONSUME_OK);
}

/* Acknowledges everything up to `tag`. */
static inline void ack_multiple(int fd, uint64_t tag)
{
  uint8_t arguments[9];
  put8(put64(arguments, tag), 1);
  send_method(fd, 1, BASIC_ACK, arguments, sizeof arguments);
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

/* The same message many times, encoded once: what a publisher writes again and again. */
struct message_block {
  uint8_t *bytes;
  size_t message_bytes, body_at; /* of each message, and where in it the body begins */
  int messages;
};

static inline size_t encode_message(uint8_t *out, const char *queue, int body_bytes, bool persistent, size_t *body_at)
{
  uint8_t *p = method_open(out, 1, BASIC_PUBLISH);
  p = put8(put16(p, 0), 0); /* exchange: the default one */
  p = put8(put_short_string(p, queue), 0);
  size_t size = frame_close(out, p);

  uint8_t *header = out + size;
  p = put32(frame_open(header, FRAME_HEADER, 1), METHOD(60, 0));
  p = put64(p, body_bytes);
  p = persistent ? put8(put16(p, 0x1000), 2) : put16(p, 0); /* delivery-mode */
  size += frame_close(header, p);
  *body_at = size + FRAME_HEAD_BYTES;

  for (int left = body_bytes; left > 0;) {
    int part = left < FRAME_BYTES_MAX - FRAME_OVERHEAD ? left : FRAME_BYTES_MAX - FRAME_OVERHEAD;
    uint8_t *body = out + size;
    p = frame_open(body, FRAME_BODY, 1);
    memset(p, 'x', part);
    size += frame_close(body, p + part);
    left -= part;
  }
  return size;
}

/* 64 messages, or as many as make up a mebibyte. */
static inline struct message_block message_block_new(const char *queue, int body_bytes, bool persistent)
{
  enum { MESSAGES = 64, BYTES_MAX = 1 << 20 };
  size_t body_frames = body_bytes / (FRAME_BYTES_MAX - FRAME_OVERHEAD) + 1;
  uint8_t *one = allocate(body_bytes + body_frames * FRAME_OVERHEAD + SHORT_FRAME_BYTES);
  struct message_block block = {0};
  block.message_bytes = encode_message(one, queue, body_bytes, persistent, &block.body_at);
  block.messages = block.message_bytes * MESSAGES > BYTES_MAX ? (int)(BYTES_MAX / block.message_bytes) + 1 : MESSAGES;
  block.bytes = allocate(block.message_bytes * block.messages);
  for (int i = 0; i < block.messages; i++) memcpy(block.bytes + i * block.message_bytes, one, block.message_bytes);
  free(one);
  return block;
}

/* Writes `first`, `first` + 1, ... into the first 8 bytes of the bodies, which must be as long. */
static inline void message_block_number(struct message_block *block, uint64_t first)
{
  uint8_t *body = block->bytes + block->body_at;
  for (int i = 0; i < block->messages; i++, body += block->message_bytes) put64(body, first + i);
}

#endif
