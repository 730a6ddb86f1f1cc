/** From the files of --nats-tls-… to what the broker is started with, and back: a file that will not do is named. */
import { readFile, stat } from 'node:fs/promises'
import type { TlsFiles } from '../base/net/tls.ts'
import { configError } from './exit.ts'
import type { ExitError } from './exit.ts'
import type { Settings } from './options.ts'
import { PATH_CHARACTERS_MAX, printable } from './printable.ts'

type TlsSettings = Pick<Settings, 'natsTlsCert' | 'natsTlsKey' | 'natsTlsCa'>

/** More is no certificate, however long the chain. */
const FILE_BYTES_MAX = 1024 ** 2

const reasons: ReadonlyMap<unknown, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['ENOTDIR', 'there is no such file'],
  ['EACCES', 'permission denied; let the user that runs PolyMQ read it'],
  ['EPERM', 'permission denied; let the user that runs PolyMQ read it'],
])

/** Undefined if no certificate is named. Throws an ExitError (78) for a file that cannot be read. */
export async function readTlsFiles(settings: TlsSettings): Promise<TlsFiles | undefined> {
  const { natsTlsCert, natsTlsKey, natsTlsCa } = settings
  if (natsTlsCert === undefined || natsTlsKey === undefined) return undefined
  const [cert, key, ca] = await Promise.all([
    readPem('--nats-tls-cert', natsTlsCert),
    readPem('--nats-tls-key', natsTlsKey),
    natsTlsCa === undefined ? undefined : readPem('--nats-tls-ca', natsTlsCa),
  ])
  return { cert, key, ca }
}

/** What the broker says of a file, with its name; undefined if the error is about something else. */
export function tlsFailure(error: unknown, settings: TlsSettings): ExitError | undefined {
  if (!(error instanceof Error && error.name === 'TlsError' && 'part' in error)) return undefined
  const path = {
    cert: settings.natsTlsCert,
    key: settings.natsTlsKey,
    ca: settings.natsTlsCa,
  }[error.part as 'cert' | 'key' | 'ca']
  return unusable(`--nats-tls-${String(error.part)}`, path ?? '', error)
}

async function readPem(flag: string, path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > FILE_BYTES_MAX) throw new Error('it is too large for a file of certificates')
    return await readFile(path, 'utf8')
  } catch (error) {
    throw unusable(flag, path, error as Error)
  }
}

function unusable(flag: string, path: string, cause: Error): ExitError {
  const reason = reasons.get('code' in cause ? cause.code : undefined) ?? cause.message
  return configError(`Cannot use ${flag} ${printable(path, PATH_CHARACTERS_MAX)}: ${reason}.`, {
    cause,
  })
}
