import { connect, createServer, type Server } from 'node:net'

/**
 * A listening socket that nobody is meant to talk to. It is there for what the kernel does with it: it refuses a second holder,
 * and sets the name free at the moment when the last thread of the holder is gone, however it ended.
 */
export interface HeldName {
  release(): Promise<void>
}

/**
 * Takes a name in Linux's abstract name space, which is one per network namespace and has no file. Null: it is taken. Rejects where
 * there are no such names.
 */
export function holdName(name: string): Promise<HeldName | null> {
  return hold(`\0${name}`)
}

/** As `holdName` by a socket file. It is found through the file system, thus from every network namespace of this kernel. */
export function holdPath(path: string): Promise<HeldName | null> {
  return hold(path)
}

/** Whether a process of this kernel holds the socket file; null where that cannot be said: no permission, no such file. */
export function isPathHeld(path: string): Promise<boolean | null> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    const answer = (isHeld: boolean | null): void => {
      socket.destroy()
      resolve(isHeld)
    }
    socket.on('connect', () => answer(true))
    socket.on('error', (error) => answer(heldAccordingTo((error as NodeJS.ErrnoException).code)))
  })
}

function heldAccordingTo(code: string | undefined): boolean | null {
  if (code === 'ECONNREFUSED') return false
  // Its backlog is full: the holder sleeps, which a stopped one does too.
  return code === 'EAGAIN' ? true : null
}

function hold(path: string): Promise<HeldName | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    // What the name guards is guarded, not kept running.
    server.unref()
    server.once('error', (error) => {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') resolve(null)
      else reject(error)
    })
    server.listen({ path, exclusive: true }, () => {
      server.removeAllListeners('error')
      // Out of descriptors, when somebody knocks: the name is held all the same.
      server.on('error', () => {})
      resolve({ release: () => close(server) })
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}
