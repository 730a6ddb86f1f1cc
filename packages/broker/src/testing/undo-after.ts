import type { TestContext } from 'node:test'

type Act = () => unknown

const acts = new WeakMap<TestContext, Act[]>()

/** As `t.after`, but what was registered last is done first: a disk is closed before its folder is removed. */
export function undoAfter(t: TestContext, act: Act): void {
  const own = acts.get(t)
  if (own !== undefined) return void own.push(act)
  const all = [act]
  acts.set(t, all)
  t.after(async () => {
    for (const each of all.reverse()) await each()
  })
}
