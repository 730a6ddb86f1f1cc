/** What bin/polymq.js loads. */
import { main } from './app/main.ts'

await main({
  loadBroker: async () => (await import('./index.ts')).startBroker,
  loadInspector: () => Promise.reject(new Error('this build cannot look into a data directory')),
})
