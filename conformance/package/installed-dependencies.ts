import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The folders of all packages that the one in `folder` needs at run time, and that those need. */
export async function installedDependencies(folder: string): Promise<readonly string[]> {
  const found = new Set<string>()
  const waiting = [folder]
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
    for (const name of await dependenciesOf(from)) {
      const path = findPackage(from, name)
      if (path === null || found.has(path)) continue
      found.add(path)
      waiting.push(path)
    }
  }
  return [...found]
}

async function dependenciesOf(folder: string): Promise<readonly string[]> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    readonly dependencies?: object
    readonly optionalDependencies?: object
  }
  return Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
}

/** Where Node would find it from there; null for an optional one that is not installed. */
function findPackage(from: string, name: string): string | null {
  for (let at = from; ; at = dirname(at)) {
    const path = join(at, 'node_modules', name)
    if (existsSync(join(path, 'package.json'))) return path
    if (dirname(at) === at) return null
  }
}
