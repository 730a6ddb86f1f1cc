// @ts-check
// What is measured. Counts suit a broker on Node at about two seconds a run; a peer takes its `share` of them.

/**
 * @typedef {object} Workload
 * @property {string} name what `--only` matches
 * @property {'amqp' | 'kafka'} protocol
 * @property {'throughput' | 'probe'} kind
 * @property {import('./drivers.mjs').DriverName} driver
 * @property {readonly string[]} args
 * @property {{ flag: string, full: number, warmUp: number }} length how long the run is, and before it the warm-up
 * @property {{ peer: string, leastRatio: number } | { mostMs: number }} target
 */

export const peerNames = /** @type {const} */ ({
  rabbitmq: 'RabbitMQ',
  kafka: 'Apache Kafka',
  ceiling: 'ceiling',
  ring: 'ring ceiling',
  kafkaCeiling: 'Kafka ceiling',
  polymq: 'PolyMQ',
})

/** @type {readonly Workload[]} */
export const workloads = [
  amqp({ name: 'amqp -s 16', args: ['-s', '16'], messages: 6_000_000 }),
  amqp({ name: 'amqp -s 128', args: ['-s', '128'], messages: 4_000_000 }),
  amqp({ name: 'amqp -s 1024', args: ['-s', '1024'], messages: 1_000_000 }),
  amqp({
    name: 'amqp -s 128 -a -q 200',
    args: ['-s', '128', '-a', '-q', '200'],
    messages: 800_000,
  }),
  // The count is for each pair.
  amqp({ name: 'amqp -x 20 -s 128', args: ['-x', '20', '-s', '128'], messages: 160_000 }),
  {
    name: 'probe beside -x 100 -s 16',
    protocol: 'amqp',
    kind: 'probe',
    driver: 'amqpload',
    args: ['-P', '-x', '100', '-s', '16'],
    length: { flag: '-t', full: 5, warmUp: 1 },
    target: { mostMs: 50 },
  },
  kafka({ name: 'kafka -s 1024 -r 100', args: ['-s', '1024', '-r', '100'], batches: 10_000 }),
  kafka({ name: 'kafka -s 100 -r 150', args: ['-s', '100', '-r', '150'], batches: 20_000 }),
  kafka({
    name: 'kafka -s 1024 -r 100 -P 16',
    args: ['-s', '1024', '-r', '100', '-P', '16'],
    batches: 10_000,
  }),
  kafka({
    name: 'kafka -s 1024 -r 16 -w 1',
    args: ['-s', '1024', '-r', '16', '-w', '1'],
    batches: 5_000,
  }),
]

/**
 * @param {{ name: string, args: string[], messages: number }} options
 * @returns {Workload}
 */
function amqp({ name, args, messages }) {
  return {
    name,
    protocol: 'amqp',
    kind: 'throughput',
    driver: 'amqpload',
    args,
    length: { flag: '-n', full: messages, warmUp: messages / 10 },
    target: { peer: peerNames.ring, leastRatio: 0.5 },
  }
}

/**
 * @param {{ name: string, args: string[], batches: number }} options
 * @returns {Workload}
 */
function kafka({ name, args, batches }) {
  return {
    name,
    protocol: 'kafka',
    kind: 'throughput',
    driver: 'kafkaload',
    args,
    length: { flag: '-n', full: batches, warmUp: batches / 10 },
    target: { peer: peerNames.kafkaCeiling, leastRatio: 0.6 },
  }
}
