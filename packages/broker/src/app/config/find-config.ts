/** Finds the configuration file of a broker and reads it. What it needs is loaded only where there is one. */
import { readFile, stat } from 'node:fs/promises'
import { relative } from 'node:path'
import { configError } from '../exit.ts'
import { asksForBroker, namedConfigFile } from '../invocation.ts'
import type { InvocationInput } from '../invocation.ts'
import { appLimits } from '../limits.ts'
import { standardConfigFile } from '../options.ts'
import { PATH_CHARACTERS_MAX, printable } from '../printable.ts'
import type { ConfigFile } from './config-file.ts'

/** The one that is named, or polymq.yaml in the working directory if it is there. Throws an ExitError (78) for what is wrong with it. */
export async function findConfig(input: InvocationInput): Promise<ConfigFile | undefined> {
  if (!asksForBroker(input.args)) return undefined
  const named = namedConfigFile(input)
  // Relative while it is not known to be there: a working directory that is gone is no fault.
  const file = named ?? standardConfigFile
  const shown = named === undefined ? file : shownPath(named, input.machine.absolute('.'))
  const text = await readText(file, { shown, isNamed: named !== undefined })
  if (text === undefined) return undefined
  const [{ Problems }, { parseYamlTree }, { readConfigTree }] = await Promise.all([
    import('./problems.ts'),
    import('./yaml-tree.ts'),
    import('./config-file.ts'),
  ])
  const problems = new Problems()
  const tree = parseYamlTree(text, shown, problems)
  const config = readConfigTree(tree, { file: input.machine.absolute(file), path: shown, problems })
  if (!problems.isEmpty) throw problems.asExitError()
  return config
}

/** Undefined if nobody has named it and it is not there. */
async function readText(
  file: string,
  { shown, isNamed }: { readonly shown: string; readonly isNamed: boolean },
): Promise<string | undefined> {
  try {
    const { size } = await stat(file)
    if (size > appLimits.configFileBytesMax) {
      throw configError(
        `${shown} has ${size} bytes: that is no configuration. Name another by --config FILE.`,
      )
    }
    return await readFile(file, 'utf8')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) throw error
    if (!isNamed && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined
    throw configError(`Cannot read ${shown}: ${reasonOf(error.code)}.`, { cause: error })
  }
}

function reasonOf(code: string): string {
  if (code === 'ENOENT') return 'there is no such file. --config FILE, or POLYMQ_CONFIG, names it'
  if (code === 'EISDIR') return 'it is a directory; name the file in it'
  if (code === 'EACCES') return 'permission denied. Let the user that runs PolyMQ read it'
  return code
}

/** As short as it can be said. */
function shownPath(file: string, here: string): string {
  const short = relative(here, file)
  return printable(short === '' || short.startsWith('..') ? file : short, PATH_CHARACTERS_MAX)
}
