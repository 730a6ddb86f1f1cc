/** One change that was asked for. */
export interface Step {
  /** What the thing is afterwards; null: gone. */
  readonly value: string | null
  readonly askedAt: number
  /** When it was answered. */
  answeredAt: number
}

/** What was asked of one declared thing, in order. */
export class Timeline {
  readonly #steps: Step[]

  constructor(initial: string | null) {
    this.#steps = [{ value: initial, askedAt: -1, answeredAt: -1 }]
  }

  ask(value: string | null, askedAt: number): Step {
    const step = { value, askedAt, answeredAt: Infinity }
    this.#steps.push(step)
    return step
  }

  /** As it is once all that was asked for is done. */
  get current(): string | null {
    return (this.#steps.at(-1) as Step).value
  }

  /** What it may be after a crash at the moment: as the last answer said, or as any later step that had been asked for. */
  possible(moment: number): Set<string | null> {
    const answered = this.#steps.findLastIndex(({ answeredAt }) => answeredAt <= moment)
    const asked = this.#steps.filter(
      (step, index) => index === answered || (index > answered && step.askedAt <= moment),
    )
    return new Set(asked.map(({ value }) => value))
  }
}
