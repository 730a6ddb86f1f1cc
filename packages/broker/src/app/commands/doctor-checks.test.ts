import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkExposure,
  checkFileLimit,
  checkFreeSpace,
  checkPort,
  checkRunningGuest,
  checkSecrecy,
  checkSyncLatency,
} from './doctor-checks.ts'

const port = {
  title: 'Kafka',
  option: 'kafka-port',
  port: 9092,
  isTaken: false,
  owner: undefined,
  isOurs: false,
}

test('a port that somebody else has is a fault, with who has it and what to do', () => {
  assert.equal(checkPort(port).state, 'ok')
  assert.equal(checkPort({ ...port, port: 'off' }).state, 'ok')
  const ours = checkPort({ ...port, isTaken: true, isOurs: true, owner: 'node (pid 7)' })
  assert.match(
    `${ours.state} ${ours.finding}`,
    /^ok 9092 is served by the PolyMQ that runs, node \(pid 7\)$/,
  )
  const taken = checkPort({ ...port, isTaken: true, owner: 'kafka (pid 812)' })
  assert.deepEqual(
    [taken.state, taken.finding, taken.remedy],
    ['failed', '9092 is in use by kafka (pid 812)', 'Stop that one, or use --kafka-port 9093'],
  )
})

test('a limit of files that is too low for a few thousand connections is a fault', () => {
  assert.equal(checkFileLimit(1024).state, 'failed')
  assert.match(checkFileLimit(1024).remedy ?? '', /ulimit -n 65536/)
  assert.equal(checkFileLimit(65536).state, 'ok')
  assert.equal(checkFileLimit(Infinity).finding, 'no limit')
  assert.equal(checkFileLimit(undefined).state, 'note')
})

test('less free space than the limit is a fault, little more is worth a note', () => {
  const limitBytes = 512 * 1024 ** 2
  const state = (freeBytes: number): string =>
    checkFreeSpace({ directory: '/d', freeBytes, limitBytes }).state
  assert.deepEqual(
    [1, 2, 10].map((times) => state(times * limitBytes - 1)),
    ['failed', 'note', 'ok'],
  )
})

test('a slow sync is worth a note, a very slow one is a fault', () => {
  const state = (medianMs: number): string =>
    checkSyncLatency({ medianMs, longestMs: 200, count: 20 }).state
  assert.deepEqual([0.9, 30, 150].map(state), ['ok', 'note', 'failed'])
})

test('being reachable without a login of one’s own is a fault; declared users count', () => {
  const settings = { host: '0.0.0.0', users: [], insecure: false, data: undefined }
  assert.equal(checkExposure(settings, []).state, 'failed')
  assert.equal(checkExposure(settings, [{ name: 'ann', password: 'x' }]).state, 'ok')
  assert.equal(checkExposure({ ...settings, host: undefined }, []).state, 'ok')
  assert.equal(checkExposure({ ...settings, data: '/d' }, []).state, 'note')
  assert.equal(checkExposure({ ...settings, data: '/d', insecure: true }, []).state, 'failed')
  assert.equal(checkRunningGuest({ loopbackOnly: false }, 'h').state, 'note')
  assert.equal(checkRunningGuest(null, 'h').state, 'ok')
})

test('a file with passwords that others may read is worth a note', () => {
  assert.deepEqual(
    [0o100600, 0o100640, 0o100644].map((mode) => checkSecrecy('polymq.yaml', mode).state),
    ['ok', 'note', 'note'],
  )
  assert.equal(checkSecrecy('polymq.yaml', 0o644).remedy, 'chmod 600 polymq.yaml')
})
