/**
 * `npm run demo`: a short tour of a broker at work.
 *
 *   npm run demo
 *   npm run demo -- --seconds 60
 *
 * At a terminal it goes on until Ctrl-C, otherwise for 20 seconds. Plain JavaScript, so that an old Node gets a sentence
 * and not a syntax error.
 */
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `This needs Node 22.18 or newer; npm install brings one. This is ${process.version}.`,
  )
  process.exitCode = 78
} else {
  const { runDemo } = await import('./tour.ts')
  process.exitCode = await runDemo(process.argv.slice(2))
}
