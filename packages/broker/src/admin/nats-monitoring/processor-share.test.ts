import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProcessorShare } from './processor-share.ts'

test('the share of a processor is that since the last look', () => {
  let wallMs = 1000
  let cpuMs = 0
  const process = { startedMs: 0, cores: 2, residentBytes: () => 0, cpuMs: () => cpuMs }
  const share = new ProcessorShare(process, () => wallMs)
  cpuMs = 500
  assert.equal(share.readPercent(), 50)
  wallMs = 1010
  cpuMs = 510
  assert.equal(share.readPercent(), 50, 'too soon to tell')
  wallMs = 2000
  cpuMs = 1500
  assert.equal(share.readPercent(), 100)
})
