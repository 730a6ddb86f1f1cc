/** The server at a glance. [nats-server /varz] */
import type { Answer } from './endpoints.ts'
import { nanoseconds, spanText, timeText } from './formats.ts'
import type { Monitoring } from './monitoring-app.ts'

export function varz(monitoring: Monitoring): Answer {
  return {
    status: 200,
    body: {
      ...identity(monitoring),
      ...limits(monitoring),
      // Of what is not here nats-server shows empty objects too.
      ...{ cluster: {}, gateway: {}, leaf: {}, mqtt: {}, websocket: {}, jetstream: {} },
      tls_timeout: 2,
      write_deadline: nanoseconds(monitoring.monitored.server.writeDeadlineMs),
      ...times(monitoring),
      ...usage(monitoring),
      ...traffic(monitoring),
      http_req_stats: Object.fromEntries(monitoring.asked),
      config_load_time: timeText(monitoring.process.startedMs),
    },
  }
}

function identity({ monitored, nats }: Monitoring): object {
  const { id, name, version, protocol, runtime, authRequired, tls } = monitored.server
  return {
    server_id: id,
    server_name: name,
    version,
    proto: protocol,
    go: runtime,
    host: nats.host,
    port: nats.port,
    ...(authRequired && { auth_required: true }),
    ...(tls !== null && { tls_required: true }),
    ...(tls?.isVerified && { tls_verify: true }),
  }
}

function limits({ monitored, http }: Monitoring): object {
  const { server } = monitored
  return {
    max_connections: server.connectionsMax,
    ping_interval: nanoseconds(server.pingIntervalMs),
    ping_max: server.pingsOutMax,
    http_host: http.host,
    http_port: http.port,
    http_base_path: '',
    https_port: 0,
    auth_timeout: server.authTimeoutMs / 1000,
    max_control_line: server.controlLineBytesMax,
    max_payload: server.payloadBytesMax,
    max_pending: server.pendingBytesMax,
  }
}

function times({ broker, process }: Monitoring): object {
  const nowMs = broker.turn.clock.wallMs()
  return {
    start: timeText(process.startedMs),
    now: timeText(nowMs),
    uptime: spanText(nowMs - process.startedMs),
  }
}

function usage({ process, processorShare }: Monitoring): object {
  return {
    mem: process.residentBytes(),
    cores: process.cores,
    // One thread runs all that is not the disk's.
    gomaxprocs: 1,
    cpu: processorShare.readPercent(),
  }
}

function traffic({ monitored }: Monitoring): object {
  const counts = monitored.counts()
  return {
    connections: monitored.connectionCount,
    total_connections: counts.connections,
    routes: 0,
    remotes: 0,
    leafnodes: 0,
    in_msgs: counts.inMessages,
    out_msgs: counts.outMessages,
    in_bytes: counts.inBytes,
    out_bytes: counts.outBytes,
    slow_consumers: counts.slowConsumers,
    subscriptions: counts.subscriptions,
  }
}
