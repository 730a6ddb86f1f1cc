import type { Absent, Suite } from '../case.ts'
import { amqpTools } from './amqp-tools.ts'
import { crashSuite } from './crash.ts'
import { kcatGroups } from './kcat-groups.ts'
import { kcatLogin } from './kcat-login.ts'
import { kcatSuite } from './kcat.ts'
import { pythonSuite } from './python.ts'
import { quickstart } from './quickstart.ts'
import { redisCli } from './redis-cli.ts'

export const suites: readonly Suite[] = [
  amqpTools,
  pythonSuite({
    name: 'pika',
    needs: 'python3-pika',
    files: ['pika_tutorials', 'pika_queues', 'pika_messages', 'pika_connections', 'pika_select'],
  }),
  pythonSuite({
    name: 'pika, memory used up',
    needs: 'python3-pika',
    files: ['pika_blocked'],
    brokerArgs: ['--memory=16MiB'],
    oursOnly: true,
  }),
  quickstart,
  kcatSuite,
  kcatGroups,
  kcatLogin,
  pythonSuite({
    name: 'confluent-kafka',
    needs: 'python3-confluent-kafka',
    files: ['kafka_produce', 'kafka_consume', 'kafka_groups', 'kafka_admin'],
  }),
  pythonSuite({ name: 'nats-py', needs: 'nats-py', files: ['nats_messages', 'nats_servers'] }),
  redisCli,
  pythonSuite({ name: 'redis-py', needs: 'python3-redis', files: ['redis_pubsub'] }),
  crashSuite,
]

export const absent: readonly Absent[] = [
  {
    name: 'confluent-kafka',
    count: 2,
    why: 'offsets_for_times is not exact within batches compressed by snappy and lz4 yet',
  },
  { name: 'kafka tools', count: 1, why: "needs Java and Kafka's distribution" },
]
