/*
 * confirms.h: what a publisher has sent and the broker has not confirmed yet. Bounds how much is in flight and keeps how
 * long each confirm took. One thread publishes, another reads the confirms.
 *
 * A broker may confirm in any order, one by one or all up to a number, so each message is counted once by its number.
 */
#ifndef CONFIRMS_H
#define CONFIRMS_H

#include "load.h"
#include <semaphore.h>

struct confirms {
  long messages, in_flight_max;
  double *sent_at, *latency; /* By number - 1; a latency below 0: not confirmed. */
  long floor;                /* All before are confirmed. Only the reader's, like `latency`. */
  atomic_long count;
  sem_t arrived; /* Posted at least once after `count` grew. */
};

static inline void confirms_init(struct confirms *confirms, long messages, long in_flight_max)
{
  confirms->messages = messages;
  confirms->in_flight_max = in_flight_max;
  confirms->sent_at = allocate(messages * sizeof(double));
  confirms->latency = allocate(messages * sizeof(double));
  for (long i = 0; i < messages; i++) confirms->latency[i] = -1;
  sem_init(&confirms->arrived, 0, 0);
}

static inline long confirms_count(struct confirms *confirms)
{
  return atomic_load_explicit(&confirms->count, memory_order_acquire);
}

/* The publisher, of whose messages `sent` are written: waits until `more` may follow. It sleeps on a semaphore and does
 * not poll: one message at a time would measure the pause. */
static inline void confirms_await_room(struct confirms *confirms, long sent, long more)
{
  while (sent + more - confirms_count(confirms) > confirms->in_flight_max) sem_wait(&confirms->arrived);
}

static inline void confirms_await_all(struct confirms *confirms)
{
  while (confirms_count(confirms) < confirms->messages) sem_wait(&confirms->arrived);
}

/* Before messages [from, from + count) are written. */
static inline void confirms_sent(struct confirms *confirms, long from, long count)
{
  double now = now_seconds();
  for (long i = from; i < from + count; i++) confirms->sent_at[i] = now;
}

/* The reader: number `tag` (from 1) is confirmed, with `multiple` all before it too. */
static inline void confirms_take(struct confirms *confirms, uint64_t tag, bool multiple, double now)
{
  if (tag < 1 || tag > (uint64_t)confirms->messages) fail("a confirm for message %lu", (unsigned long)tag);
  long confirmed = 0;
  for (long i = multiple ? confirms->floor : (long)tag - 1; i < (long)tag; i++) {
    if (confirms->latency[i] >= 0) continue;
    confirms->latency[i] = now - confirms->sent_at[i];
    confirmed++;
  }
  while (confirms->floor < confirms->messages && confirms->latency[confirms->floor] >= 0) confirms->floor++;
  if (confirmed) atomic_fetch_add_explicit(&confirms->count, confirmed, memory_order_release);
}

#endif
