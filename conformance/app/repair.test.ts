/** What `polymq repair --dry-run` says of data that has rotted. */
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'amqplib'
import { Command, makeFolder } from './command.ts'

/** Persistent messages, confirmed. */
async function publish(url: string, queue: string, count: number): Promise<void> {
  const client = await connect(url)
  const channel = await client.createConfirmChannel()
  await channel.assertQueue(queue, { durable: true })
  for (let i = 0; i < count; i++) {
    channel.sendToQueue(queue, Buffer.from(`${queue} ${i}`), { persistent: true })
  }
  await channel.waitForConfirms()
  await client.close()
}

/** All files of a data directory and what is in them, but for the lock's. */
async function contentsOf(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const contents = new Map<string, string>()
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || entry.parentPath.endsWith('lock')) continue
    contents.set(path, (await readFile(path)).toString('base64'))
  }
  return contents
}

test('repair says which messages of which queue are lost, exits 1, and changes nothing', async (t) => {
  const folder = await makeFolder()
  const broker = await Command.serve(t, folder)
  await publish(broker.amqpUrl, 'orders', 7)
  await publish(broker.amqpUrl, 'others', 5)
  assert.equal(await broker.interrupt(), 0)
  const [name = ''] = await readdir(join(folder, 'keep'))
  const file = join(folder, 'keep', name)
  const bytes = await readFile(file)
  bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100)
  await writeFile(file, bytes)

  const before = await contentsOf(folder)
  const args = ['repair', '--dry-run', `--data=${folder}`]
  const command = Command.run(t, { args })
  assert.deepEqual(await command.ended, { code: 1, signal: null })
  const lines = command.stdout.split('\n')
  assert.equal(lines[0], `${folder} is damaged in 1 place.`)
  assert.equal(
    lines[2],
    `  keep/${name} at byte 0: keep file chunk, the checksum of a chunk is wrong`,
  )
  assert.match(lines[3] ?? '', /^ {4}queue 'orders' in vhost '\/': 7 messages, \d+ bytes$/)
  assert.match(
    lines[5] ?? '',
    /^A repair would lose 7 messages, \d+ bytes\. Nothing was changed\.$/,
  )
  assert.deepEqual(await contentsOf(folder), before)

  const json = Command.run(t, { args: [...args, '-o', 'json'] })
  assert.equal((await json.ended).code, 1)
  const report = JSON.parse(json.stdout) as { readonly sound: boolean; readonly damages: unknown[] }
  assert.deepEqual([report.sound, report.damages.length], [false, 1])

  // The broker starts all the same: only that queue has stopped.
  const again = await Command.serve(t, folder)
  const client = await connect(again.amqpUrl)
  const channel = await client.createChannel()
  const message = await channel.get('others', { noAck: true })
  assert.ok(message !== false)
  assert.equal(message.content.toString(), 'others 0')
  await client.close()
})
