import type { Session } from '../session.ts'

type Section = readonly [title: string, fields: Readonly<Record<string, string | number>>]

/** The fields of Redis' INFO that mean something here; clients look at `loading` and `role` before they go on. */
export function infoText(session: Session, asked: readonly string[]): string {
  const names = new Set(asked.map((name) => name.toLowerCase()))
  const isAll = ['', 'all', 'default', 'everything'].some((name) => names.has(name))
  const sections = sectionsOf(session).filter(([title]) => {
    return names.size === 0 || isAll || names.has(title.toLowerCase())
  })
  return sections
    .map(([title, fields]) => {
      const lines = Object.entries(fields).map(([name, value]) => `${name}:${value}\r\n`)
      return `# ${title}\r\n${lines.join('')}`
    })
    .join('\r\n')
}

function sectionsOf({ head, connection, channels: heard }: Session): readonly Section[] {
  const { broker } = head
  const uptimeSeconds = Math.floor((broker.turn.clock.nowMs() - head.startedMs) / 1000)
  return [
    [
      'Server',
      {
        redis_version: head.version,
        redis_mode: 'standalone',
        server_name: 'polymq',
        arch_bits: 64,
        tcp_port: connection.endpoint.localPort,
        uptime_in_seconds: uptimeSeconds,
        uptime_in_days: Math.floor(uptimeSeconds / 86_400),
      },
    ],
    [
      'Clients',
      {
        connected_clients: head.sessions.size,
        blocked_clients: [...head.sessions.values()].filter((each) => each.isBlocked).length,
        pubsub_clients: [...head.sessions.values()].filter((each) => each.subscriptions.size > 0)
          .length,
      },
    ],
    ['Memory', { used_memory: broker.messages.bytes, maxmemory: broker.memory.limitBytes }],
    ['Persistence', { loading: 0, rdb_bgsave_in_progress: 0, aof_enabled: 0 }],
    [
      'Stats',
      {
        total_connections_received: head.accepted,
        total_commands_processed: head.commands,
        pubsub_channels: heard.channelCount,
        pubsub_patterns: heard.patternCount,
        pubsubshard_channels: heard.shards.size,
      },
    ],
    ['Replication', { role: 'master', connected_slaves: 0 }],
    ['Cluster', { cluster_enabled: 0 }],
    ['Keyspace', {}],
  ]
}
