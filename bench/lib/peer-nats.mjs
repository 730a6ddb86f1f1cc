// @ts-check
// nats-server from Debian.

import { startDebianServer } from './debian-server.mjs'

/** @type {import('./debian-server.mjs').DebianServer} */
const server = {
  protocol: 'nats',
  name: 'nats-server',
  needs: [],
  args: (port) => ['-a', '127.0.0.1', '-p', String(port)],
  versionOf: (words) => words.replace('nats-server: ', ''),
}

/** @param {{ install: boolean, scratchDir: string }} options */
export function startNats(options) {
  return startDebianServer(server, options)
}
