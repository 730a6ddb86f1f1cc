// @ts-check
// redis-server from Debian, which keeps nothing on the disk.

import { startDebianServer } from './debian-server.mjs'

/** @type {import('./debian-server.mjs').DebianServer} */
const server = {
  protocol: 'redis',
  name: 'redis-server',
  // The program itself is in the package of the tools.
  needs: ['redis-tools', 'libatomic1', 'libjemalloc2', 'liblzf1'],
  args: (port) => [
    ...['--port', String(port), '--bind', '127.0.0.1'],
    ...['--save', '', '--appendonly', 'no'],
    // More than connect at once; 10,000 are the standard.
    ...['--maxclients', '12000'],
  ],
  versionOf: (words) => /v=(\S+)/.exec(words)?.[1] ?? words,
}

/** @param {{ install: boolean, scratchDir: string }} options */
export function startRedis(options) {
  return startDebianServer(server, options)
}
