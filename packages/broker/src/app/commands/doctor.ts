/** `polymq doctor`: whether this machine is fit for a broker that would be started with these settings. Changes nothing. */
import { stat } from 'node:fs/promises'
import { styleText } from 'node:util'
import { isAnswered } from '../../base/net/probe.ts'
import type { ConfigFile } from '../config/config-file.ts'
import { findConfig } from '../config/find-config.ts'
import { ExitCode, ExitError } from '../exit.ts'
import { readInvocation, type Invocation, type InvocationInput } from '../invocation.ts'
import { hostsToProbe } from '../launcher.ts'
import { listeners } from '../listeners.ts'
import { findPortOwner } from '../port-owner.ts'
import { PATH_CHARACTERS_MAX, printable } from '../printable.ts'
import { thisMachine } from '../this-machine.ts'
import { wantsJson, type CommandContext } from './command.ts'
import { checkDataDirectory } from './doctor-disk.ts'
import {
  checkExposure,
  checkFileLimit,
  checkPort,
  checkRunningGuest,
  checkSecrecy,
  failed,
  note,
  ok,
  type Check,
} from './doctor-checks.ts'
import { jsonText } from './table-text.ts'

/** What answers at --url. */
interface Running {
  readonly origin: string
  readonly version: string
  readonly ports: ReadonlySet<number>
  readonly alarms: readonly string[]
}

export async function doctor(context: CommandContext): Promise<ExitCode> {
  const checks: Check[] = [ok('Node', `${process.versions.node} runs`)]
  const running = await findRunning(context)
  const configured = await configure(context, checks)
  if (configured !== undefined) {
    const { invocation, declaredUsers } = configured
    checks.push(...(await checkPorts(invocation, running)))
    checks.push(checkFileLimit(openFilesMax()))
    checks.push(...(await checkDataDirectory(invocation.settings)))
    checks.push(checkExposure(invocation.settings, declaredUsers))
  }
  checks.push(...(await checkBroker(context, running)))
  const { terminal } = context
  await terminal.write(wantsJson(context) ? jsonText(checks) : checksText(checks, terminal.colour))
  return checks.some(({ state }) => state === 'failed') ? ExitCode.Failed : ExitCode.Ok
}

interface Configured {
  readonly invocation: Invocation
  readonly declaredUsers: readonly { readonly name: string; readonly password: string }[]
}

/** A configuration that is wrong is a finding; flags that are wrong are a usage error like any. */
async function configure(
  context: CommandContext,
  checks: Check[],
): Promise<Configured | undefined> {
  const input: InvocationInput = {
    args: context.brokerArgs,
    env: context.env,
    machine: thisMachine(),
  }
  try {
    const file = await findConfig(input)
    const invocation = readInvocation({ ...input, file })
    checks.push(
      ok(
        'configuration',
        file === undefined ? 'no file, only flags and variables' : `${file.path} is in order`,
      ),
    )
    checks.push(...(await checkFile(file)))
    const declaredUsers =
      file?.declarations.users?.filter((user) => user.loopbackOnly !== true) ?? []
    return { invocation, declaredUsers }
  } catch (error) {
    if (!(error instanceof ExitError) || error.code !== ExitCode.Config) throw error
    const [first = '', ...more] = error.message.split('\n')
    const finding = more.length === 0 ? first : `${first} … and ${more.length} more`
    checks.push(failed('configuration', finding, 'Correct it: polymq config show says all of it'))
    return undefined
  }
}

/** Windows has no such modes. */
async function checkFile(config: ConfigFile | undefined): Promise<Check[]> {
  const hasUsers = (config?.declarations.users ?? []).length > 0
  const hasSecrets = hasUsers || config?.settings.has('nats-token') === true
  if (config === undefined || !hasSecrets || process.platform === 'win32') return []
  return [checkSecrecy(config.path, (await stat(config.file)).mode)]
}

function checkPorts({ settings }: Invocation, running: Running | null): Promise<Check[]> {
  const hosts = hostsToProbe(settings.host)
  return Promise.all(
    listeners.map(async (listener) => {
      const { title, option } = listener
      const port = listener.portOf(settings)
      const isTaken = port !== 'off' && port !== 0 && (await isAnswered(port, hosts))
      const owner = isTaken ? await findPortOwner(port) : undefined
      const isOurs = isTaken && running?.ports.has(port) === true
      return checkPort({ title, option, port, isTaken, owner, isOurs })
    }),
  )
}

/** Of this process; a broker of the same user has the same, because Node raises its own to what is allowed. */
function openFilesMax(): number | undefined {
  const report = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft: unknown } }
  }
  const soft = report.userLimits?.open_files?.soft
  if (soft === 'unlimited') return Infinity
  return typeof soft === 'number' ? soft : undefined
}

async function findRunning(context: CommandContext): Promise<Running | null> {
  try {
    const { body } = await context.client().call('GET', '/overview')
    const overview = body as {
      readonly version: string
      readonly alarms: readonly string[]
      readonly listeners: readonly { readonly port: number }[]
    }
    const ports = new Set(overview.listeners.map(({ port }) => port))
    return {
      origin: context.client().origin,
      version: overview.version,
      ports,
      alarms: overview.alarms,
    }
  } catch (error) {
    if (error instanceof ExitError && error.code === ExitCode.Unreachable) return null
    throw error
  }
}

async function checkBroker(context: CommandContext, running: Running | null): Promise<Check[]> {
  if (running === null) {
    return [
      note(
        'broker',
        `none answers at ${context.client().origin}`,
        'Start one by polymq, or say where it is by --url',
      ),
    ]
  }
  const { origin, version, alarms } = running
  const where = printable(`PolyMQ ${version} answers at ${origin}`, PATH_CHARACTERS_MAX)
  const told = printable(alarms.join('; '), PATH_CHARACTERS_MAX)
  const broker =
    alarms.length === 0
      ? ok('broker', where)
      : failed(
          'broker',
          `${where}, and its publishers wait: ${told}`,
          'Let consumers catch up, or give it what it lacks',
        )
  return [broker, ...(await checkGuest(context, origin))]
}

/** Only an administrator is told; nothing is said where we are none. */
async function checkGuest(context: CommandContext, origin: string): Promise<Check[]> {
  try {
    const { body } = await context.client().call('GET', '/users/guest')
    return [checkRunningGuest(body as { readonly loopbackOnly: boolean }, origin)]
  } catch (error) {
    if (!(error instanceof ExitError)) throw error
    return error.code === ExitCode.Failed ? [checkRunningGuest(null, origin)] : []
  }
}

const colours = { ok: 'green', note: 'yellow', failed: 'red' } as const

function checksText(checks: readonly Check[], colour: boolean): string {
  const width = Math.max(...checks.map(({ check }) => check.length)) + 2
  const lines = checks.flatMap(({ check, state, finding, remedy }) => {
    const shown = state.padEnd(8)
    const head = colour ? styleText(colours[state], shown, { validateStream: false }) : shown
    const line = `${head}${check.padEnd(width)}${finding}`
    return remedy === null ? [line] : [line, `${' '.repeat(8 + width)}→ ${remedy}`]
  })
  return `${lines.join('\n')}\n`
}
