/** What bin/polymq.js loads. */
import { main } from './app/main.ts'

await main({
  loadBroker: async () => (await import('./index.ts')).startBroker,
  loadInspector: async () => (await import('./app/inspect-store.ts')).inspectStore,
})
