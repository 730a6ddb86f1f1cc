import module from 'node:module'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { limits } from './limits.ts'

/** Entry points lie beside this file, as sources or built: with the same ending. */
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/**
 * Starts a thread. It does not keep the process running: `ref` and `unref` of what is returned say whether
 * somebody waits for it.
 */
export function startThread(entry: string, options: WorkerOptions): Worker {
  const thread = new Worker(new URL(`./${entry}.${EXTENSION}`, import.meta.url), {
    ...options,
    // Flags of the process are not for this thread: what is preloaded there would be so here too, and may start timers.
    execArgv: [],
    env: environment(),
    resourceLimits: {
      maxOldGenerationSizeMb: limits.threadHeapMiB,
      maxYoungGenerationSizeMb: limits.threadYoungHeapMiB,
    },
  })
  thread.unref()
  return thread
}

/**
 * Nothing of the environment but the compile cache, if the process has one: each thread would else bring its own stripper of
 * types, 17 MB, to read the sources once.
 */
function environment(): NodeJS.ProcessEnv {
  const folder = module.getCompileCacheDir?.()
  // What Node gives is the folder of its own version in the one that it was told.
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder.replace(/[/\\][^/\\]*$/, '') }
}
