/**
 *   frontier ──▶ queue paths ──▶ fetchers, as many as there are ──▶ queue links ──▶ frontier
 *
 * The frontier knows which pages have been seen; a fetcher knows nothing but the page in its hand.
 */
export const queues = { paths: 'crawler.paths', links: 'crawler.links' } as const

export const durable = { durable: true } as const
