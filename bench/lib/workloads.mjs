// @ts-check
// What is measured, on whom, and what is to be reached. Counts suit a broker on Node at about two seconds a run; a peer
// takes its `share` of them.

/**
 * @typedef {object} Comparison PolyMQ's number over another's of the same workload
 * @property {string} own
 * @property {string} other
 * @property {number} [least] to reach
 * @property {number} [most]
 *
 * @typedef {object} Limits what PolyMQ's own numbers are to keep within
 * @property {number} [mostMs] p99 of a probe
 * @property {number} [drainRatioLeast] a backlog's rate of draining over the unloaded rate
 * @property {number} [peakBytesMost] memory of the process
 * @property {number} [scalingRatioLeast] what four workers do over what one does
 * @property {number} [bytesEachMost] memory of one connection, or one subscription
 * @property {number} [burstRatioLeast] what is taken in a burst over what one worker does
 *
 * @typedef {object} Workload
 * @property {string} name what `--only` matches
 * @property {'amqp' | 'kafka' | 'nats' | 'redis'} protocol
 * @property {'throughput' | 'probe' | 'latency' | 'request' | 'backlog' | 'elasticity' | 'memory'} kind
 * @property {boolean} onDisk whether messages are durable: such workloads want a real file system
 * @property {import('./drivers.mjs').DriverName} driver
 * @property {readonly string[]} args
 * @property {{ flag: string, full: number, warmUp: number }} length how long the run is, and before it the warm-up
 * @property {readonly string[]} peers who takes part
 * @property {readonly Comparison[]} comparisons
 * @property {Limits} limits
 * @property {number} [roundsMax] for a long one
 * @property {number} [openFiles] that one process has to be allowed
 */

export const peerNames = /** @type {const} */ ({
  rabbitmq: 'RabbitMQ',
  kafka: 'Apache Kafka',
  ceiling: 'ceiling',
  ceilingSync: 'ceiling sync',
  ring: 'ring ceiling',
  ringSync: 'ring ceiling sync',
  kafkaCeiling: 'Kafka ceiling',
  kafkaCeilingSync: 'Kafka ceiling sync',
  nats: 'nats-server',
  natsCeiling: 'NATS ceiling',
  redis: 'redis-server',
  redisCeiling: 'Redis ceiling',
  polymq: 'PolyMQ',
  polymqIdle: 'PolyMQ, control idle',
  polymqScraped: 'PolyMQ, control scraped',
  polymqSync: 'PolyMQ sync',
  polymqOs: 'PolyMQ os',
  bare: 'bare fdatasync',
})

const {
  rabbitmq,
  kafka,
  ceiling,
  ceilingSync,
  ring,
  ringSync,
  kafkaCeiling,
  kafkaCeilingSync,
  nats,
  natsCeiling,
  redis,
  redisCeiling,
  polymq,
  polymqIdle,
  polymqScraped,
  polymqSync,
  polymqOs,
  bare,
} = peerNames

/** Each in memory, and on disk. */
const kafkaShapes = [
  { words: '-s 1024 -r 100', batches: 10_000 },
  { words: '-s 100 -r 150', batches: 20_000 },
  { words: '-s 1024 -r 100 -P 16', batches: 10_000 },
  { words: '-s 1024 -r 16 -w 1', batches: 5_000 },
]

/** @type {readonly Workload[]} */
export const workloads = [
  amqpInMemory({ words: '-s 16', messages: 6_000_000 }),
  amqpInMemory({ words: '-s 128', messages: 4_000_000 }),
  amqpInMemory({ words: '-s 1024', messages: 1_000_000 }),
  amqpInMemory({ words: '-s 128 -a -q 200', messages: 800_000 }),
  // The count is for each pair.
  amqpInMemory({ words: '-x 20 -s 128', messages: 160_000 }),
  // What it costs that somebody could ask, and that somebody does.
  {
    ...amqpInMemory({ words: '-s 128', messages: 4_000_000 }),
    name: 'control amqp -s 128',
    peers: [polymq, polymqIdle, polymqScraped],
    comparisons: [
      { own: polymqIdle, other: polymq, least: 0.99 },
      { own: polymqScraped, other: polymq, least: 0.99 },
    ],
  },
  {
    name: 'probe beside -x 100 -s 16',
    protocol: 'amqp',
    kind: 'probe',
    onDisk: false,
    driver: 'amqpload',
    args: ['-P', '-x', '100', '-s', '16'],
    length: { flag: '-t', full: 5, warmUp: 1 },
    peers: [rabbitmq, ceiling, ring, polymq],
    comparisons: [],
    limits: { mostMs: 50 },
  },
  {
    name: 'elasticity',
    protocol: 'amqp',
    kind: 'elasticity',
    onDisk: false,
    driver: 'elasticity',
    args: [],
    length: { flag: '-n', full: 4_000, warmUp: 400 },
    peers: [rabbitmq, polymq],
    comparisons: [],
    limits: { scalingRatioLeast: 3.5, burstRatioLeast: 10 },
    roundsMax: 3,
  },
  amqpOnDisk({ words: '-s 128 -d -c -a -q 200', messages: 800_000 }),
  amqpOnDisk({ words: '-s 1024 -d -c -a -q 1000 -i 5000', messages: 500_000 }),
  {
    name: 'latency amqp -s 1024 -d -c -i 1',
    protocol: 'amqp',
    kind: 'latency',
    onDisk: true,
    driver: 'amqpload',
    args: [...'-s 1024 -d -c -i 1 -m pub'.split(' ')],
    length: { flag: '-n', full: 5_000, warmUp: 1_000 },
    // PolyMQ in memory shows what the way there and back costs without any disk.
    peers: [bare, rabbitmq, ringSync, polymq, polymqOs, polymqSync],
    comparisons: [{ own: polymqSync, other: bare, most: 1.5 }],
    limits: {},
  },
  {
    name: 'backlog amqp -s 1024 -d',
    protocol: 'amqp',
    kind: 'backlog',
    onDisk: true,
    driver: 'amqpload',
    args: [...'-s 1024 -d -c -a -q 1000 -i 5000 -N'.split(' ')],
    length: { flag: '-n', full: 2_000_000, warmUp: 500_000 },
    peers: [rabbitmq, polymqSync],
    comparisons: [],
    limits: { mostMs: 50, drainRatioLeast: 0.5, peakBytesMost: 300 * 2 ** 20 },
    roundsMax: 3,
  },
  ...kafkaShapes.map(kafkaInMemory),
  ...kafkaShapes.map(kafkaOnDisk),
  {
    name: 'latency kafka -s 1024 -r 1 -a -1 -w 1',
    protocol: 'kafka',
    kind: 'latency',
    onDisk: true,
    driver: 'kafkaload',
    args: [...'-s 1024 -r 1 -a -1 -w 1 -m pub'.split(' ')],
    length: { flag: '-n', full: 5_000, warmUp: 1_000 },
    peers: [bare, kafka, kafkaCeilingSync, polymq, polymqOs, polymqSync],
    comparisons: [{ own: polymqSync, other: bare, most: 1.5 }],
    limits: {},
  },
  ...pubsub({ protocol: 'nats', original: nats, ceiling: natsCeiling, leasts: [1.5, 1.3, 1] }),
  ...pubsub({ protocol: 'redis', original: redis, ceiling: redisCeiling, leasts: [1.5, 1.2, 0.9] }),
]

/**
 * What is to be heard at once and kept for nobody.
 * @param {{ protocol: 'nats' | 'redis', original: string, ceiling: string, leasts: readonly [number, number, number] }} options
 *   `leasts`: to reach, over the original, at 16, 128 and 1024 bytes
 * @returns {Workload[]}
 */
function pubsub({ protocol, original, ceiling, leasts }) {
  const common = {
    protocol,
    onDisk: false,
    driver: /** @type {const} */ (`${protocol}load`),
    peers: [original, ceiling, polymq],
    limits: {},
  }
  /** @param {{ words: string, messages: number, least: number }} options @returns {Workload} */
  const throughput = ({ words, messages, least }) => ({
    ...common,
    name: `${protocol} ${words}`,
    kind: 'throughput',
    args: ['-t', 'bench', ...words.split(' ')],
    length: { flag: '-n', full: messages, warmUp: messages / 10 },
    comparisons: [
      { own: polymq, other: original, least },
      { own: polymq, other: ceiling, least: 0.6 },
    ],
  })
  const [at16, at128, at1024] = leasts
  return [
    throughput({ words: '-s 16', messages: 6_000_000, least: at16 }),
    throughput({ words: '-s 128', messages: 4_000_000, least: at128 }),
    throughput({ words: '-s 1024', messages: 1_000_000, least: at1024 }),
    // Of each message a hundred deliveries.
    throughput({ words: '-S 100 -s 16', messages: 100_000, least: 1 }),
    throughput({ words: '-k 1000 -S 2 -s 16', messages: 2_000_000, least: 1 }),
    {
      ...common,
      name: `request ${protocol} -s 16`,
      kind: 'request',
      args: ['-l', '-s', '16'],
      length: { flag: '-n', full: 20_000, warmUp: 5_000 },
      comparisons: [
        { own: polymq, other: original },
        { own: polymq, other: ceiling },
      ],
    },
    ...held({ ...common, peers: [original, polymq] }),
  ]
}

/**
 * @param {Pick<Workload, 'protocol' | 'onDisk' | 'driver' | 'peers'>} common
 * @returns {Workload[]}
 */
function held(common) {
  const { protocol } = common
  const kind = /** @type {const} */ ('memory')
  return [
    {
      ...common,
      name: `memory ${protocol} -c 10000`,
      kind,
      args: ['-t', 'sub'],
      length: { flag: '-c', full: 10_000, warmUp: 1_000 },
      comparisons: [],
      limits: { bytesEachMost: 25 * 1024 },
      roundsMax: 3,
      openFiles: 10_100,
    },
    {
      ...common,
      name: `memory ${protocol} -c 4 -m 1000000`,
      kind,
      args: ['-t', 'sub', '-c', '4'],
      length: { flag: '-m', full: 1_000_000, warmUp: 100_000 },
      comparisons: [],
      limits: { bytesEachMost: 300 },
      roundsMax: 3,
    },
  ]
}

/**
 * @param {{ words: string, messages: number }} options
 * @returns {Workload}
 */
function amqpInMemory({ words, messages }) {
  return {
    name: `amqp ${words}`,
    protocol: 'amqp',
    kind: 'throughput',
    onDisk: false,
    driver: 'amqpload',
    args: words.split(' '),
    length: { flag: '-n', full: messages, warmUp: messages / 10 },
    peers: [rabbitmq, ceiling, ring, polymq],
    comparisons: [
      { own: polymq, other: rabbitmq },
      { own: polymq, other: ring, least: 0.5 },
    ],
    limits: {},
  }
}

/**
 * @param {{ words: string, messages: number }} options
 * @returns {Workload}
 */
function amqpOnDisk({ words, messages }) {
  return {
    ...amqpInMemory({ words, messages }),
    onDisk: true,
    peers: [rabbitmq, ceilingSync, ringSync, polymqOs, polymqSync],
    comparisons: [
      { own: polymqSync, other: rabbitmq },
      { own: polymqSync, other: ringSync, least: 0.5 },
    ],
  }
}

/**
 * @param {{ words: string, batches: number }} options
 * @returns {Workload}
 */
function kafkaInMemory({ words, batches }) {
  return {
    name: `kafka ${words}`,
    protocol: 'kafka',
    kind: 'throughput',
    onDisk: false,
    driver: 'kafkaload',
    args: words.split(' '),
    length: { flag: '-n', full: batches, warmUp: batches / 10 },
    peers: [kafka, kafkaCeiling, polymq],
    comparisons: [
      { own: polymq, other: kafka },
      { own: polymq, other: kafkaCeiling, least: 0.6 },
    ],
    limits: {},
  }
}

/**
 * The ceiling without `sync` writes through the page cache: `os`.
 * @param {{ words: string, batches: number }} options
 * @returns {Workload}
 */
function kafkaOnDisk({ words, batches }) {
  const syncedOverOs = { own: polymqSync, other: polymqOs }
  return {
    ...kafkaInMemory({ words, batches }),
    name: `kafka --data ${words}`,
    onDisk: true,
    peers: [kafka, kafkaCeiling, kafkaCeilingSync, polymqOs, polymqSync],
    comparisons: [
      { own: polymqOs, other: kafkaCeiling },
      { own: polymqSync, other: kafkaCeilingSync },
      words.includes('-P 16') ? { ...syncedOverOs, least: 0.6 } : syncedOverOs,
    ],
  }
}
