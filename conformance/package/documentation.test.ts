/** docs/testing.md is what the test kit is. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const page = read('../../docs/testing.md')

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}

/** Names of the members of an interface, as its source has them. */
function membersOf(file: string, name: string): readonly string[] {
  const source = read(`../../packages/broker/src/test-kit/${file}`)
  const body = new RegExp(`export interface ${name}[^{]*\\{\\n([^]*?)\\n\\}`).exec(source)?.[1]
  assert.ok(body !== undefined, `${name} is in ${file}`)
  const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(
    ([, member]) => member,
  )
  assert.ok(members.length > 0, `${name} has members`)
  return members as string[]
}

test('the example is the one that is run', () => {
  for (const file of ['order-service.ts', 'order-service.test.ts']) {
    assert.ok(page.includes(`\`\`\`ts\n${read(`example/${file}`)}\`\`\``), file)
  }
})

for (const [file, name] of [
  ['test-broker.ts', 'TestBrokerOptions'],
  ['test-broker.ts', 'TestBroker'],
  ['message-content.ts', 'MessageProperties'],
  ['message-content.ts', 'PublishOptions'],
  ['test-queue.ts', 'DeclareQueueOptions'],
  ['test-queue.ts', 'TestQueue'],
  ['test-message.ts', 'TestMessage'],
  ['test-exchange.ts', 'DeclareExchangeOptions'],
  ['test-exchange.ts', 'TestExchange'],
  ['test-exchange.ts', 'ExchangeSpy'],
  ['test-topic.ts', 'CreateTopicOptions'],
  ['test-topic.ts', 'RecordToPublish'],
  ['test-topic.ts', 'TestTopic'],
  ['test-record.ts', 'TestRecord'],
  ['wait-options.ts', 'WaitForOptions'],
] as const) {
  test(`every member of ${name} is on the page`, () => {
    const missing = membersOf(file, name).filter((member) => {
      // The name of a thing that one has just named.
      return member !== 'name' && !new RegExp(`\\b${member}\\b`).test(page)
    })
    assert.deepEqual(missing, [])
  })
}
