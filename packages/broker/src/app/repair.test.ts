import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { DirectoryInUseError } from '../storage/disk/directory-in-use-error.ts'
import type { Damage, Loss, RepairReport } from '../storage/repair-report.ts'
import { StoreDamage } from '../storage/store-damage.ts'
import { ExitError } from './exit.ts'
import type { ReportFormat } from './options.ts'
import { repair, reportJson, reportText } from './repair.ts'
import type { InspectStore } from './repair.ts'

const sound: RepairReport = { directory: '/data', damages: [], damagesLeftOut: 0 }

const lost: Loss = {
  kind: 'queue',
  vhost: '/',
  name: 'orders',
  partition: null,
  messages: 12,
  bytes: 4200,
}

const damage: Damage = {
  part: 'journal batch',
  file: 'journal/slot-03',
  position: 1_052_672,
  reason: 'its checksum does not fit',
  losses: [lost],
  lossesLeftOut: 0,
}

/** As far as can be seen without looking closer, a data directory. */
async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'polymq-repair-'))
  await mkdir(join(folder, 'journal'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

async function run(
  directory: string,
  inspect: InspectStore,
  output: ReportFormat = 'text',
): Promise<{ code: number; text: string }> {
  let text = ''
  const write = (part: string): void => void (text += part)
  return { code: await repair({ directory, output, inspect, write }), text }
}

function isExit(code: number, pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof ExitError && error.code === code && pattern.test(error.message)
}

test('a sound directory is one line and exits 0', async (t) => {
  const folder = await makeFolder(t)
  const { code, text } = await run(folder, async (directory) => ({ ...sound, directory }))
  assert.equal(code, 0)
  assert.equal(text, `${folder} is sound: all that was confirmed is there. Nothing was changed.\n`)
})

test('damage exits 1 and says where it is, whose it is and how much', async (t) => {
  const stream: Loss = { ...lost, kind: 'stream', name: 'clicks', partition: 3, messages: 1 }
  const segment: Damage = { ...damage, part: 'segment', file: 'streams/7/0', losses: [stream] }
  const report = { ...sound, damages: [damage, segment] }
  const { code, text } = await run(await makeFolder(t), async () => report)
  assert.equal(code, 1)
  assert.equal(
    text,
    `/data is damaged in 2 places.

  journal/slot-03 at byte 1052672: journal batch, its checksum does not fit
    queue 'orders' in vhost '/': 12 messages, 4.1KiB
  streams/7/0 at byte 1052672: segment, its checksum does not fit
    stream 'clicks' partition 3 in vhost '/': 1 message, 4.1KiB

A repair would lose 13 messages, 8.2KiB. Nothing was changed.
`,
  )
})

test('what is not known is never passed off as nothing', () => {
  const unknown: Damage = { ...damage, part: 'snapshot', file: 'snapshot', losses: [] }
  assert.match(
    reportText({ ...sound, damages: [unknown] }),
    /what it held cannot be told\n\nHow much a repair would lose cannot be told\./,
  )
  assert.match(
    reportText({ ...sound, damages: [damage, unknown] }),
    /would lose at least 12 messages/,
  )
  const uncounted: Damage = { ...damage, losses: [{ ...lost, messages: null, bytes: 100 }] }
  assert.match(
    reportText({ ...sound, damages: [uncounted] }),
    /'\/': 100 bytes\n[^]*would lose at least 100 bytes\./,
  )
})

test('a list cut short says how much of it is missing', () => {
  const long: Damage = { ...damage, lossesLeftOut: 7 }
  const text = reportText({ ...sound, damages: [long], damagesLeftOut: 99 })
  assert.match(text, /^\/data is damaged in 100 places\.\n/)
  assert.match(text, /\n {4}… and 7 more\n {2}… and in 99 places more\n/)
  assert.match(text, /would lose at least 12 messages, 4\.1KiB\./)
})

test('as JSON it is the report on one line, and says whether it is sound', async (t) => {
  const { text } = await run(await makeFolder(t), async () => sound, 'json')
  assert.deepEqual(JSON.parse(text), { ...sound, sound: true })
  const report = { ...sound, damages: [damage] }
  assert.deepEqual(JSON.parse(reportJson(report)), { ...report, sound: false })
})

test('a queue’s name can neither forge a line nor drive the terminal, and JSON has it as it is', () => {
  const name = 'x\n\u001b[2J\u009b\u202e'
  const report = { ...sound, damages: [{ ...damage, losses: [{ ...lost, name }] }] }
  for (const text of [reportText(report), reportJson(report)]) {
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  }
  assert.equal(reportJson(report).trimEnd().split('\n').length, 1)
  const parsed = JSON.parse(reportJson(report)) as RepairReport
  assert.equal(parsed.damages[0]?.losses[0]?.name, name)
})

test('a directory that is not there, or has no data in it, is not called sound', async (t) => {
  const folder = await makeFolder(t)
  await writeFile(join(folder, 'file'), '')
  for (const path of [join(folder, 'nowhere'), join(folder, 'file'), join(folder, 'journal')]) {
    await assert.rejects(
      run(path, async () => sound),
      isExit(78, /^There is no data of PolyMQ in \/.*\. Use --data DIR as at the start\.$/),
    )
  }
})

test('where damage is so bad that nothing can be told, that is told', async (t) => {
  const damaged = new StoreDamage({ file: 'snapshot', at: 0, reason: 'it has no end' })
  await assert.rejects(
    run(await makeFolder(t), () => Promise.reject(damaged)),
    isExit(
      74,
      /^snapshot is damaged at byte 0: it has no end\. What would be lost cannot be told\.$/,
    ),
  )
})

test('a directory that a broker has open is refused, naming who', async (t) => {
  const owner = { pid: 812, host: 'mq-1', since: new Date(0) }
  await assert.rejects(
    run(await makeFolder(t), (directory) => {
      return Promise.reject(new DirectoryInUseError(directory, owner))
    }),
    isExit(78, /^\/.* is in use by process 812 on mq-1, since 1970-.*Z\. Stop that one first\.$/),
  )
})

test('a fault of ours stays what it is', async (t) => {
  const fault = new Error('broken')
  await assert.rejects(
    run(await makeFolder(t), () => Promise.reject(fault)),
    fault,
  )
})
