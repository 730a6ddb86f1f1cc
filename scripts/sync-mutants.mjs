/**
 * Leaves out one sync after the other that the store asks of its disk, and sees to it that the suite of power cuts misses each:
 *
 *   npm exec -- node scripts/sync-mutants.mjs
 *
 * `npm run conformance` runs it too. Plain JavaScript, so that an old Node gets a sentence and not a syntax error.
 */
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `This needs Node 22.18 or newer; npm install brings one. This is ${process.version}.`,
  )
  process.exitCode = 78
} else {
  const { reportMutants } = await import('../packages/broker/src/testing/power/mutant-report.ts')
  process.exitCode = (await reportMutants((line) => console.log(line))) ? 0 : 1
}
