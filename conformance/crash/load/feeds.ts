import type { CrossedFeed } from '../crossed-topology.ts'
import { tortureLimits } from '../limits.ts'
import type { Load } from './load.ts'

const login = `Basic ${Buffer.from('guest:guest').toString('base64')}`

/** By the control API, to be there from then on: a start of the broker has to bring it back. */
export async function declareFeed(load: Load, feed: CrossedFeed): Promise<void> {
  const { name, topic, exchange, routingKey, queues, topics } = feed
  const { host, managementPort } = load.config
  const url = `http://${host}:${managementPort}/api/polymq/vhosts/%2F/feeds/${name}`
  const answer = await fetch(url, {
    method: 'PUT',
    headers: { authorization: login, 'content-type': 'application/json' },
    body: JSON.stringify({ stream: topic, exchange, routingKey, from: 'first' }),
    signal: AbortSignal.timeout(tortureLimits.answerMs),
  })
  const text = await answer.text()
  if (answer.status !== 201) throw new Error(`feed ${name}: ${answer.status} ${text}`)
  load.log('ok', { f: 'feed', name, topic, queues, topics })
}
