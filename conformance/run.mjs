/**
 * `npm run conformance`: clients that are no npm packages (pika, amqp-tools, kcat, confluent-kafka)
 * against a broker of ours. Words after it choose suites by name:
 *
 *   npm run conformance -- kcat pika
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
  const { runConformance } = await import('./foreign/main.ts')
  process.exitCode = await runConformance(process.argv.slice(2))
}
