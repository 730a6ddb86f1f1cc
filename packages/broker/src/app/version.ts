import { readFileSync } from 'node:fs'

/** The version of the package that this file is part of; src/ and dist/ lie equally deep in it. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const manifest: unknown = JSON.parse(text)
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    return String(manifest.version)
  }
  return 'unknown'
}
