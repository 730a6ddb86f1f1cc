/** A data directory as a person meets it: who has it, what is in it after an end of whatever kind, what is refused. */
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect } from 'amqplib'
import { eventually } from '../clients/support/eventually.ts'
import { Command, freePorts, makeFolder } from './command.ts'

/** A message that was confirmed: nothing that follows may lose it. */
async function publishConfirmed(url: string, body: string): Promise<void> {
  const client = await connect(url)
  const channel = await client.createConfirmChannel()
  await channel.assertQueue('orders', { durable: true })
  channel.sendToQueue('orders', Buffer.from(body), { persistent: true })
  await channel.waitForConfirms()
  await client.close()
}

async function takeOne(url: string): Promise<string> {
  const client = await connect(url)
  const channel = await client.createChannel()
  await channel.checkQueue('orders')
  const message = await eventually('a message', () => channel.get('orders', { noAck: true }))
  await client.close()
  return message.content.toString()
}

function repair(t: TestContext, directory: string, ...more: string[]): Command {
  return Command.run(t, { args: ['repair', `--data=${directory}`, '--dry-run', ...more] })
}

test('the first line says where data is kept, and when what is in it is safe', async (t) => {
  const cwd = await realpath(await makeFolder())
  const args = [...freePorts, '--data=data', '--durability=os']
  const command = await Command.start(t, { args, cwd })
  const [first] = command.stdout.split('\n')
  assert.match(first ?? '', /^PolyMQ \S+ {2}ready in \d+ ms {3}data in /)
  assert.ok(first?.endsWith(`data in ${join(cwd, 'data')}, durability os`), first)
  assert.ok((await readdir(join(cwd, 'data'))).length > 0)
  assert.equal(await command.interrupt(), 0)
})

test('a server prints nothing, and its log says where it listens and keeps its data', async (t) => {
  const folder = await makeFolder()
  const command = await Command.serve(t, folder)
  const { amqp, kafka, data, durability, readyMs } = command.ready
  assert.match(`${String(amqp)} ${String(kafka)}`, /^localhost:\d+ localhost:\d+$/)
  assert.deepEqual([data, durability], [folder, 'sync'])
  assert.equal(typeof readyMs, 'number')
  assert.equal(await command.interrupt(), 0)
  assert.equal(command.stdout, '')
})

for (const profile of [['server'], []]) {
  const name = ['polymq', ...profile].join(' ')
  test(`${name} on a directory that has a broker exits 78 and names that one`, async (t) => {
    const folder = await makeFolder()
    const first = await Command.serve(t, folder)
    const second = Command.run(t, { args: [...profile, `--data=${folder}`, ...freePorts] })
    assert.deepEqual(await second.ended, { code: 78, signal: null })
    assert.match(second.stderr, new RegExp(`^polymq: .*\\bprocess ${first.child.pid}\\b.*\\n$`))
    assert.ok(second.stderr.includes(folder), second.stderr)
    assert.equal(second.stdout, '')
    // Nor did it harm the first.
    await publishConfirmed(first.amqpUrl, 'still served')
    assert.equal(await takeOne(first.amqpUrl), 'still served')
    assert.equal(await first.interrupt(), 0)
  })
}

test('after kill -9 the next start takes over at once, with all that was confirmed', async (t) => {
  const folder = await makeFolder()
  for (let round = 1; round <= 3; round++) {
    const command = await Command.serve(t, folder)
    if (round > 1) assert.equal(await takeOne(command.amqpUrl), `round ${round - 1}`)
    await publishConfirmed(command.amqpUrl, `round ${round}`)
    command.child.kill('SIGKILL')
    await command.ended
  }
})

test('after an orderly end everything is there again', async (t) => {
  const folder = await makeFolder()
  const first = await Command.serve(t, folder)
  await publishConfirmed(first.amqpUrl, 'kept')
  assert.equal(await first.interrupt(), 0)
  assert.doesNotMatch(first.stderr, /"level":"(warn|error)"/)
  const second = await Command.serve(t, folder)
  assert.equal(await takeOne(second.amqpUrl), 'kept')
  assert.doesNotMatch(second.stderr, /"level":"(warn|error)"/)
})

test('users of an earlier start may log in, and count when it is asked who could', async (t) => {
  const folder = await makeFolder()
  const open = ['--host=0.0.0.0']
  const refused = Command.run(t, { args: ['server', `--data=${folder}`, ...freePorts, ...open] })
  assert.deepEqual(await refused.ended, { code: 78, signal: null })
  assert.match(refused.stderr, /^polymq: --host 0\.0\.0\.0 lets other machines .* Add --user .*\n$/)
  // The password that everybody knows is nobody's own, in whichever start it was set.
  const guest = ['--user=guest:guest', '--insecure']
  const wellKnown = await Command.serve(t, folder, { args: guest })
  assert.equal(await wellKnown.interrupt(), 0)
  const again = Command.run(t, { args: ['server', `--data=${folder}`, ...freePorts, ...open] })
  assert.equal((await again.ended).code, 78)
  const first = await Command.serve(t, folder, { args: ['--user=ann:secret'] })
  assert.equal(await first.interrupt(), 0)
  const second = await Command.serve(t, folder, { args: open })
  const client = await connect(second.amqpUrl.replace('guest:guest@', 'ann:secret@'))
  await client.close()
})

test('a directory that is none, or lies in none, exits 78 and says what to do', async (t) => {
  const folder = await makeFolder()
  const file = join(folder, 'file')
  await writeFile(file, 'mine')
  for (const directory of [file, join(file, 'data')]) {
    const command = Command.run(t, { args: ['server', `--data=${directory}`, ...freePorts] })
    assert.deepEqual(await command.ended, { code: 78, signal: null })
    assert.match(command.stderr, /^polymq: Cannot use .*: not a directory.* --data DIR .*\n$/)
    assert.equal(command.stdout, '')
  }
})

test('a directory with files of somebody else is not taken for data', async (t) => {
  const folder = await makeFolder()
  await mkdir(join(folder, 'photos'))
  await writeFile(join(folder, 'notes.txt'), 'mine')
  const command = await Command.serve(t, folder)
  assert.equal(await command.interrupt(), 0)
  const left = await readdir(folder)
  assert.ok(left.includes('photos') && left.includes('notes.txt'), left.join())
})

test('a directory that fails under a broker ends it with 74; the next start has what was confirmed', async (t) => {
  const folder = await makeFolder()
  const command = await Command.serve(t, folder)
  await publishConfirmed(command.amqpUrl, 'confirmed')
  const client = await connect(command.amqpUrl)
  client.on('error', () => {})
  const isLeft = new Promise((resolve) => client.once('close', resolve))
  // A disk that fails can hardly be had here. To be taken for dead by another process ends the same way.
  await rm(join(folder, 'lock'), { recursive: true })
  assert.deepEqual(await command.ended, { code: 74, signal: null })
  await isLeft
  const [failed, next] = command.stderr.trimEnd().split('\n').slice(-2)
  assert.match(failed ?? '', /^polymq: the disk failed at .* in \/.*: \w+\. PolyMQ has stopped; /)
  assert.match(next ?? '', /^The next start recovers all that was confirmed\./)
  const again = await Command.serve(t, folder)
  assert.equal(await takeOne(again.amqpUrl), 'confirmed')
})

/** Changes one byte of a file that a broker has left in good order. */
async function flipByte(file: string, at: number): Promise<void> {
  const bytes = await readFile(file)
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x40, at)
  await writeFile(file, bytes)
}

test('damage that cannot be gone round exits 74, names file and byte, and how to learn more', async (t) => {
  const folder = await makeFolder()
  assert.equal(await (await Command.serve(t, folder)).interrupt(), 0)
  const { size } = await stat(join(folder, 'snapshot'))
  await flipByte(join(folder, 'snapshot'), size - 20)
  const command = Command.run(t, { args: ['server', `--data=${folder}`, ...freePorts] })
  assert.deepEqual(await command.ended, { code: 74, signal: null })
  assert.match(
    command.stderr,
    /^polymq: In \/.*, snapshot is damaged at byte \d+: .*\. polymq repair --dry-run --data \/.* says what would be lost\.\n$/,
  )
})

test('data of a newer version exits 78 and stays as it is', async (t) => {
  const folder = await makeFolder()
  assert.equal(await (await Command.serve(t, folder)).interrupt(), 0)
  // The version of the format is the snapshot's second word.
  await flipByte(join(folder, 'snapshot'), 4)
  const before = await readFile(join(folder, 'snapshot'))
  const command = Command.run(t, { args: ['server', `--data=${folder}`, ...freePorts] })
  assert.deepEqual(await command.ended, { code: 78, signal: null })
  assert.match(command.stderr, /^polymq: Cannot use \/.* newer PolyMQ.* nothing was changed\.\n$/)
  assert.deepEqual(await readFile(join(folder, 'snapshot')), before)
})

test('repair refuses a directory that has a broker, and afterwards says that it is sound', async (t) => {
  const folder = await makeFolder()
  const broker = await Command.serve(t, folder)
  await publishConfirmed(broker.amqpUrl, 'kept')
  const refused = repair(t, folder)
  assert.deepEqual(await refused.ended, { code: 78, signal: null })
  assert.match(refused.stderr, new RegExp(`^polymq: .*\\bprocess ${broker.child.pid}\\b.*\\n$`))
  assert.equal(refused.stdout, '')
  broker.child.kill('SIGKILL')
  await broker.ended

  const text = repair(t, folder)
  assert.deepEqual(await text.ended, { code: 0, signal: null })
  assert.match(text.stdout, /^\/.* is sound: .* Nothing was changed\.\n$/)
  const json = repair(t, folder, '-o', 'json')
  assert.equal((await json.ended).code, 0)
  const report = JSON.parse(json.stdout) as { readonly sound: boolean; readonly damages: unknown[] }
  assert.deepEqual([report.sound, report.damages], [true, []])
  // It has changed nothing: not even the message that only the journal has.
  const again = await Command.serve(t, folder)
  assert.equal(await takeOne(again.amqpUrl), 'kept')
})

test('repair makes no directory and takes none for sound that is not there', async (t) => {
  const folder = await makeFolder()
  const command = repair(t, join(folder, 'nowhere'))
  assert.deepEqual(await command.ended, { code: 78, signal: null })
  assert.match(command.stderr, /^polymq: There is no data of PolyMQ in .*nowhere\. /)
  assert.deepEqual(await readdir(folder), [])
})
