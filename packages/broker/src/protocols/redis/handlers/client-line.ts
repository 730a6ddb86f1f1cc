import type { Session } from '../session.ts'

/** One line of CLIENT LIST, with all fields of Redis 7.2, because clients read them by name; those that mean nothing here are 0 or -1. */
export function describeClient(session: Session): string {
  const { connection, subscriptions, transaction, head, resp } = session
  const { remoteAddress, remotePort, localAddress, localPort } = connection.endpoint
  const now = head.broker.turn.clock.nowMs()
  const fields = {
    id: connection.id,
    addr: `${remoteAddress}:${remotePort}`,
    laddr: `${localAddress}:${localPort}`,
    fd: -1,
    name: session.name,
    age: Math.floor((now - session.connectedMs) / 1000),
    idle: Math.max(0, Math.floor((now - session.activeMs) / 1000)),
    flags: flagsOf(session),
    db: session.database,
    sub: subscriptions.channels.size,
    psub: subscriptions.patterns.size,
    ssub: subscriptions.shards.size,
    multi: transaction === null ? -1 : transaction.commands.length,
    qbuf: 0,
    'qbuf-free': 0,
    'argv-mem': 0,
    'multi-mem': 0,
    rbs: 0,
    rbp: 0,
    obl: 0,
    oll: 0,
    omem: connection.outputBytes,
    'tot-mem': connection.outputBytes,
    events: 'r',
    cmd: session.lastCommand,
    user: session.principal?.name ?? '(none)',
    redir: -1,
    resp,
    'lib-name': session.libraryName,
    'lib-ver': session.libraryVersion,
  }
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function flagsOf({ subscriptions, transaction }: Session): string {
  const flags = `${subscriptions.size > 0 ? 'P' : ''}${transaction === null ? '' : 'x'}`
  return flags === '' ? 'N' : flags
}
