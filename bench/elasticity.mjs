// @ts-check
// A driver of `npm run bench`: workers that are added, a burst, workers and publishers that come and go, by amqplib. It fails if a message is
// lost, doubled or out of order. The work itself is that of the tests in conformance/elasticity.
//
//   node bench/elasticity.mjs -p 5672 -Q stem -n 4000 -j

import { parseArgs } from 'node:util'
import { measureBurst } from '../conformance/elasticity/burst.ts'
import { measureChurn } from '../conformance/elasticity/churn.ts'
import { measureScaling } from '../conformance/elasticity/scaling.ts'

const workMs = 1

const { values: flags } = parseArgs({
  options: {
    p: { type: 'string', short: 'p', default: '5672' },
    Q: { type: 'string', short: 'Q', default: 'elasticity' },
    n: { type: 'string', short: 'n', default: '4000' },
    // One line of JSON is all that it can do.
    j: { type: 'boolean', short: 'j' },
    T: { type: 'string', short: 'T', default: '120' },
  },
})
const url = `amqp://guest:guest@127.0.0.1:${flags.p}`
const messages = Number(flags.n)
const deadline = setTimeout(
  () => {
    console.error(`not finished within ${flags.T} s`)
    process.exit(3)
  },
  Number(flags.T) * 1000,
)

const scaling = await measureScaling(
  { url, queue: `${flags.Q}-scaling`, messages: Math.ceil(messages / 4), workMs },
  // The best of three: the machine is the workers' as well.
  { ratioWanted: Infinity, atLeast: 3, atMost: 3 },
)
const burst = await measureBurst({
  url,
  queue: `${flags.Q}-burst`,
  messages,
  publishers: 4,
  workMs,
})
const churn = await measureChurn({ url, queue: `${flags.Q}-churn`, seed: 1, messages, workMs })
clearTimeout(deadline)

console.log(
  JSON.stringify({
    onePerSecond: scaling.onePerSecond,
    fourPerSecond: scaling.fourPerSecond,
    scalingRatio: scaling.ratio,
    burstPerSecond: burst.publishedPerSecond,
    burstRatio: burst.ratio,
    drainMs: burst.drainMs,
    connections: churn.connections,
    connectionsLost: churn.connectionsLost,
    redone: churn.redone,
    longestGapMs: churn.longestGapMs,
  }),
)
