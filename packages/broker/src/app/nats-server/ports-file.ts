/** Where it listens, in a file that a test suite waits for: `nats-server_812.ports`. */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { ListenAddress, RunningBroker } from '../../index.ts'

/** The name is that of nats-server's program: what looks for the file knows no other. */
export function portsFileOf(directory: string, pid: number): string {
  return join(directory, `nats-server_${pid}.ports`)
}

/** As in `{"nats":["nats://127.0.0.1:4222"],"monitoring":["http://127.0.0.1:8222"]}`. */
export function portsText(
  { nats, natsMonitoring }: RunningBroker['addresses'],
  { hasTls }: { readonly hasTls: boolean },
): string {
  const ports = {
    ...(nats && { nats: urlsOf(hasTls ? 'tls' : 'nats', nats) }),
    ...(natsMonitoring && { monitoring: urlsOf('http', natsMonitoring) }),
  }
  return JSON.stringify(ports)
}

/** Whoever polls for the file must not find half of it. */
export function writePortsFile(file: string, text: string): void {
  const unfinished = `${file}.new`
  writeFileSync(unfinished, text)
  renameSync(unfinished, file)
}

export function removePortsFile(file: string): void {
  rmSync(file, { force: true })
}

function urlsOf(protocol: string, { host, port }: ListenAddress): string[] {
  return namesOf(host).map((name) => `${protocol}://${hostPort({ host: name, port })}`)
}

/** Of an address that stands for all interfaces, those of each. [as nats-server] */
function namesOf(host: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host]
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const family = host === '::' ? all : all.filter((each) => each.family === 'IPv4')
  return [...new Set(family.map(({ address }) => address))]
}

export function hostPort({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
