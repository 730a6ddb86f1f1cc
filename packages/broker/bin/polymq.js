#!/usr/bin/env node
// Plain JavaScript that any Node with modules can read, so that an old one gets a sentence and not
// a syntax error.
import { existsSync } from 'node:fs'
import module from 'node:module'

const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`polymq needs Node 22.18 or newer; this is Node ${process.versions.node}.`)
  process.exitCode = 78
} else {
  // Spares the stripping and compiling of every file at every start but the first.
  module.enableCompileCache()
  const built = new URL('../dist/cli.js', import.meta.url)
  const source = new URL('../src/cli.ts', import.meta.url)
  // The package has no sources; a clone may have an old build of them.
  await import(existsSync(source) ? source : built)
}
