import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs, styleText } from 'node:util'
import { milliseconds, percentile } from '../support/table.ts'
import { Cafe, names, type Scene } from './cafe.ts'
import { openDemoBroker, type DemoBroker } from './demo-broker.ts'

const SECONDS = 20
const EVERY_MS = 700

/** Returns the exit code. */
export async function runDemo(args: readonly string[]): Promise<number> {
  const seconds = secondsOf(args)
  if (seconds === undefined) {
    console.error(
      'The demo knows one option, --seconds, which wants a number above 0: npm run demo -- --seconds 60',
    )
    return 64
  }
  const broker = await openDemoBroker()
  const ways: number[] = []
  let published = 0
  const cafe = new Cafe(broker, (scene) => {
    if (scene.kind === 'sent') published++
    if (scene.ms !== null) ways.push(scene.ms)
    console.log(lineOf(scene))
  })
  await cafe.open()
  console.log(welcome(broker, seconds))
  const isOver = new AbortController()
  if (seconds !== Infinity) setTimeout(() => isOver.abort(), seconds * 1000).unref()
  // Who reads this may stop: npm run demo | head.
  process.stdout.on('error', () => isOver.abort())
  void once(process, 'SIGINT').then(() => isOver.abort())
  while (!isOver.signal.aborted) {
    await cafe.serve()
    await delay(EVERY_MS, null, { signal: isOver.signal }).catch(() => null)
  }
  await cafe.close()
  await broker.close()
  console.log(`
${published} messages, which arrived ${ways.length} times, each after ${milliseconds(percentile(ways, 0.5))} (median).

What to try next
  npm start                                        a broker of your own
  npm exec -- node examples/basics/crossing.ts     the same crossing, in one short file
  npm exec -- node examples/shop/main.ts           what survives when a service is killed
  examples/README.md                               every idea of messaging, each in a file that runs`)
  return ways.length > 0 ? 0 : 1
}

/** Infinity at a terminal, where somebody can press Ctrl-C; undefined for what is no number. */
function secondsOf(args: readonly string[]): number | undefined {
  const options = { seconds: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ args: [...args], options, strict: false })
  if (positionals.length > 0 || Object.keys(values).some((name) => !(name in options)))
    return undefined
  if (values.seconds === undefined) return process.stdout.isTTY ? Infinity : SECONDS
  const seconds = Number(values.seconds)
  return seconds > 0 ? seconds : undefined
}

function welcome({ amqpUrl, kafkaAddress, urlOption }: DemoBroker, seconds: number): string {
  const until = seconds === Infinity ? 'until you press Ctrl-C' : `for ${seconds} seconds`
  const { exchange, orders, payments } = names
  return `
${bold('A café on one broker')}, ${until}.

The waiter publishes orders by AMQP. The kitchen and the bar get theirs from queues, and the office reads all of them from
a Kafka topic. Card payments are produced by Kafka's client, and the till reads them by AMQP.

  RabbitMQ's clients   ${amqpUrl}   exchange ${exchange}, keys order.cake, order.tea …
  Kafka's clients      ${kafkaAddress.padEnd(amqpUrl.length)}   topics ${orders} and ${payments}

Take part, from another terminal:

  npm exec -- polymq sub kafka:${orders}${urlOption}
  npm exec -- polymq pub amqp:${exchange}/order.cake 'a cake for me'${urlOption}
`
}

function lineOf({ kind, who, client, did, ms }: Scene): string {
  const way = ms === null ? '' : `   ${milliseconds(ms)}`
  const name = kind === 'sent' ? bold(who.padEnd(9)) : `  ${who.padEnd(7)}`
  return `${name} ${client.padEnd(16)} ${did}${way}`
}

/** Colours only where somebody looks. */
function bold(text: string): string {
  return process.stdout.isTTY ? styleText('bold', text) : text
}
