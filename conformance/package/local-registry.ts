import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename } from 'node:path'
import { gunzipSync } from 'node:zlib'

export interface LocalRegistry {
  readonly url: string
  close(): Promise<void>
}

interface Manifest {
  readonly name: string
  readonly version: string
}

interface Publication {
  readonly manifest: Manifest
  readonly tarball: Buffer
}

/** A registry on loopback that has these tarballs and nothing else: what npm asks of one to install from it. */
export async function openRegistry(tarballs: readonly string[]): Promise<LocalRegistry> {
  const published = new Map<string, Publication>()
  for (const path of tarballs) {
    const tarball = await readFile(path)
    published.set(basename(path), { manifest: manifestIn(tarball), tarball })
  }
  const server = createServer((request, response) => answer(published, request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${port}/`, close }
}

/** Either `/-/file.tgz` or the name of a package, whose versions are listed. */
function answer(
  published: ReadonlyMap<string, Publication>,
  { url = '/', headers }: IncomingMessage,
  response: ServerResponse,
): void {
  const path = decodeURIComponent(url.slice(1))
  if (path.startsWith('-/')) {
    const publication = published.get(path.slice(2))
    response.writeHead(publication === undefined ? 404 : 200).end(publication?.tarball)
    return
  }
  const versions: Record<string, object> = {}
  for (const [file, { manifest }] of published) {
    if (manifest.name !== path) continue
    const tarball = `http://${headers.host}/-/${encodeURIComponent(file)}`
    versions[manifest.version] = { ...manifest, dist: { tarball } }
  }
  const [latest] = Object.keys(versions).reverse()
  const packument = { name: path, 'dist-tags': { latest }, versions }
  response.writeHead(latest === undefined ? 404 : 200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(packument))
}

/**
 * The package.json in a tarball. An entry of a tar is a head of 512 bytes, with the name at 0 and the size in octal digits at 124, and the
 * file, padded to a multiple of 512.
 */
function manifestIn(tarball: Buffer): Manifest {
  const tar = gunzipSync(tarball)
  for (let at = 0; at < tar.length;) {
    const name = tar.toString('utf8', at, tar.indexOf(0, at))
    const bytes = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8)
    const start = at + 512
    if (name === 'package/package.json') {
      return JSON.parse(tar.toString('utf8', start, start + bytes)) as Manifest
    }
    at = start + Math.ceil(bytes / 512) * 512
  }
  throw new Error('a tarball without package.json')
}
