import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { test } from 'node:test'
import { eventually } from '../../testing/eventually.ts'
import { lifeOf, thisProcess } from './process-identity.ts'

const self = thisProcess()
const isLinux = process.platform === 'linux'

function statusOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

async function pidOfTheDead(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid as number
}

test(
  'this process lives, where the system tells one process from a later one',
  { skip: !isLinux },
  () => {
    assert.equal(lifeOf(self, self), 'alive')
  },
)

test('a process that is gone is dead', async () => {
  assert.equal(lifeOf({ ...self, pid: await pidOfTheDead() }, self), 'dead')
})

test('a process that began later is another one with the same number', { skip: !isLinux }, () => {
  assert.equal(lifeOf({ ...self, startedAt: '1' }, self), 'dead')
})

test('a killed process that nobody has waited for is dead', { skip: !isLinux }, async () => {
  // A shell that starts a process and never asks what became of it; the process stays as a zombie.
  const shell = spawn('sh', ['-c', 'sleep 61 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  try {
    const [chunk] = (await once(shell.stdout, 'data')) as [Buffer]
    const pid = Number(chunk.toString())
    // A shell may ask after all, as long as it is one.
    const nameOf = (): string => readFileSync(`/proc/${shell.pid}/comm`, 'utf8').trim()
    await eventually(() => nameOf() === 'sleep', 'the shell has become another program')
    process.kill(pid, 'SIGKILL')
    await eventually(() => statusOf(pid)[0] === 'Z', 'the process is a zombie')
    assert.equal(lifeOf({ ...self, pid, startedAt: statusOf(pid)[19] ?? '' }, self), 'dead')
  } finally {
    shell.kill('SIGKILL')
    await once(shell, 'exit')
  }
})

test('a process of another kernel, or another container, cannot be looked up', () => {
  assert.equal(lifeOf({ ...self, bootId: 'other' }, self), 'elsewhere')
  assert.equal(lifeOf({ ...self, pidNamespace: 'other' }, self), 'elsewhere')
})

test('where the system does not say when a process began, its number alone is no proof', () => {
  const bare = { ...self, startedAt: '' }
  assert.equal(lifeOf(bare, bare), 'unclear')
})
