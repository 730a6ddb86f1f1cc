import { startBroker } from '../../packages/broker/src/index.ts'
import { openBroker, type ExampleBroker } from '../support/broker.ts'

/** The ports that everybody knows; `polymq` asks the last one if it is told nothing. */
const usualPorts = { amqp: 5672, kafka: 9092, management: 15672 } as const

export interface DemoBroker extends ExampleBroker {
  /** What `polymq` has to be told, so that it finds this broker: an option, or nothing. */
  readonly urlOption: string
}

/** As the other examples' broker, but at the usual ports where they are free: people are to connect to it. */
export async function openDemoBroker(): Promise<DemoBroker> {
  const { AMQP_URL, KAFKA_BROKERS } = process.env
  if (AMQP_URL !== undefined || KAFKA_BROKERS !== undefined) {
    return { ...(await openBroker()), urlOption: '' }
  }
  let ports: Ports = usualPorts
  for (;;) {
    try {
      return await start(ports)
    } catch (error) {
      ports = withoutTaken(ports, error)
    }
  }
}

interface Ports {
  readonly amqp: number
  readonly kafka: number
  readonly management: number
}

/** Any free port in place of the one that the system has refused; throws the error again if it says something else. */
function withoutTaken(ports: Ports, error: unknown): Ports {
  const { code, port } = error as { readonly code?: string; readonly port?: number }
  const taken = Object.entries(ports).find(([, each]) => each === port && each !== 0)
  if (code !== 'EADDRINUSE' || taken === undefined) throw error
  return { ...ports, [taken[0]]: 0 }
}

async function start({ amqp, kafka, management }: Ports): Promise<DemoBroker> {
  const { addresses, close } = await startBroker({
    amqp: { port: amqp },
    kafka: { port: kafka },
    management: { port: management },
  })
  const isUsual = addresses.management?.port === usualPorts.management
  return {
    amqpUrl: `amqp://guest:guest@localhost:${addresses.amqp?.port}`,
    kafkaAddress: `localhost:${addresses.kafka?.port}`,
    urlOption: isUsual ? '' : ` --url http://guest:guest@localhost:${addresses.management?.port}`,
    close,
  }
}
