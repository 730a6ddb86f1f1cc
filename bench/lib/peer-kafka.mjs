// @ts-check
// Apache Kafka from Maven Central: one node that is broker and controller, loopback only. Its jars (about 120 MB) are
// kept in the user's cache directory.

import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { noPorts } from './node-brokers.mjs'
import { ManagedProcess, freePort, runToEnd, waitForPort } from './processes.mjs'

const version = '4.3.0'
const javaMin = 17
const startTimeoutMs = 90_000

/**
 * @param {{ allowed: boolean, scratchDir: string }} options
 * @returns {Promise<import('./node-brokers.mjs').RunningBroker & { version: string }>}
 */
export async function startKafka({ allowed, scratchDir }) {
  if (!allowed) throw new Error('not asked for (--with-kafka)')
  await checkJava()
  const classPath = join(await findJars(), '*')
  const directory = await mkdtemp(join(scratchDir, 'kafka-'))
  const ports = { ...noPorts, kafka: await freePort() }
  const properties = join(directory, 'server.properties')
  await writeFile(
    properties,
    serverProperties({ directory, port: ports.kafka, controllerPort: await freePort() }),
  )
  await java({
    classPath,
    words: ['kafka.tools.StorageTool', 'format', '-t', randomClusterId(), '-c', properties],
  })
  const managed = new ManagedProcess({
    name: 'Apache Kafka',
    command: 'java',
    args: ['-Xms1g', '-Xmx1g', '-cp', classPath, 'kafka.Kafka', properties],
    cwd: directory,
  })
  const stop = async () => {
    await managed.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await waitForPort({ managed, port: ports.kafka, timeoutMs: startTimeoutMs })
    return { ports, pid: managed.child.pid ?? null, stop, version }
  } catch (error) {
    await stop()
    throw error
  }
}

async function checkJava() {
  const asked = await runToEnd({
    name: 'java',
    command: 'java',
    args: ['--version'],
    timeoutMs: 20_000,
  })
  const major = Number(/(\d+)/.exec(asked.stdout)?.[1])
  if (!asked.ok || !(major >= javaMin))
    throw new Error(`needs Java ${javaMin}: ${asked.why || asked.stdout}`)
}

async function findJars() {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'polymq-bench')
  const jars = join(cache, `kafka-${version}`)
  if (existsSync(jars)) return jars
  console.log(`Apache Kafka: fetching ${version} from Maven Central into ${jars}`)
  await mkdir(cache, { recursive: true })
  const fetched = await mkdtemp(join(cache, 'fetching-'))
  try {
    await writeFile(join(fetched, 'pom.xml'), pom)
    const copied = await runToEnd({
      name: 'mvn',
      command: 'mvn',
      args: [
        '-q',
        '-B',
        'dependency:copy-dependencies',
        '-DincludeScope=runtime',
        '-DoutputDirectory=jars',
      ],
      cwd: fetched,
      timeoutMs: 600_000,
    })
    if (!copied.ok) throw new Error(copied.why)
    await rename(join(fetched, 'jars'), jars)
  } finally {
    await rm(fetched, { recursive: true, force: true })
  }
  return jars
}

/** @param {{ classPath: string, words: string[] }} options */
async function java({ classPath, words }) {
  const ran = await runToEnd({
    name: words[0] ?? 'java',
    command: 'java',
    args: ['-cp', classPath, ...words],
    timeoutMs: 60_000,
  })
  if (!ran.ok) throw new Error(ran.why)
}

/** Kafka's form of an id: 16 bytes in URL-safe base64, not beginning with a dash. */
function randomClusterId() {
  return `A${Buffer.from(crypto.randomUUID().replaceAll('-', ''), 'hex').toString('base64url').slice(1)}`
}

/** @param {{ directory: string, port: number, controllerPort: number }} options */
function serverProperties({ directory, port, controllerPort }) {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=${join(directory, 'data')}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.partitions=1
log.retention.bytes=2147483648
`
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>polymq</groupId><artifactId>bench-kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.25.1</version>
    </dependency>
  </dependencies>
</project>
`
