/**
 * `npm run conformance`: clients that are no npm packages (pika, amqp-tools, kcat, confluent-kafka, nats-py, redis-cli, redis-py)
 * against a broker of ours, and whether the suite of power cuts misses each sync that the store asks for. Words after it
 * choose suites by name:
 *
 *   npm run conformance -- kcat pika
 *   npm run conformance -- syncs
 *
 * Plain JavaScript, so that an old Node gets a sentence and not a syntax error.
 */
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `This needs Node 22.18 or newer; npm install brings one. This is ${process.version}.`,
  )
  process.exitCode = 78
} else {
  const words = process.argv.slice(2)
  const clients = words.filter((word) => word !== 'syncs')
  let isOk = true
  if (words.length === 0 || clients.length > 0) {
    const { runConformance } = await import('./foreign/main.ts')
    isOk = (await runConformance(clients)) === 0
  }
  if (words.length === 0 || words.includes('syncs')) {
    const { reportMutants } = await import('../packages/broker/src/testing/power/mutant-report.ts')
    console.log('\nsyncs, each left out in turn')
    isOk = (await reportMutants((line) => console.log(line))) && isOk
  }
  process.exitCode = isOk ? 0 : 1
}
