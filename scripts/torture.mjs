/**
 * `npm run torture`: kills the broker under load, and checks that nothing confirmed was lost.
 *
 *   npm run torture -- --kill 30
 *
 * What it does and how to read what it finds: conformance/crash/README.md. Plain JavaScript, so that
 * an old Node gets a sentence and not a syntax error.
 */
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `This needs Node 22.18 or newer; npm install brings one. This is ${process.version}.`,
  )
  process.exitCode = 78
} else {
  const { torture } = await import('../conformance/crash/torture.ts')
  process.exitCode = await torture(process.argv.slice(2))
}
