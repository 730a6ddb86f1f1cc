/** Words of 4 bytes. */
const SIGNAL = 0
const CLOSING = 1
const REPORTED = 2
/** Numbers of 8 bytes, behind the words. */
const NUMBERS_AT = 16
const HEAD = 0
const SYNC_TO = 1
const WRITTEN = 2
const SYNCED = 3
const BYTES = NUMBERS_AT + 4 * 8

/**
 * What the main thread and the journal's thread tell each other: four positions in shared memory, each written by one side only,
 * and a word that the journal's thread sleeps on. A message each way would cost the main thread twice as much.
 */
export class JournalControl {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #numbers: BigInt64Array

  private constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.#words = new Int32Array(memory, 0, NUMBERS_AT / 4)
    this.#numbers = new BigInt64Array(memory, NUMBERS_AT)
  }

  /** All positions begin at `start`. */
  static create(start: number): JournalControl {
    const control = new JournalControl(new SharedArrayBuffer(BYTES))
    control.#numbers.fill(BigInt(start))
    return control
  }

  /** The other side's view of it. */
  static of(memory: SharedArrayBuffer): JournalControl {
    return new JournalControl(memory)
  }

  /** By the main thread. */
  advance(head: number, syncTo: number): void {
    Atomics.store(this.#numbers, HEAD, BigInt(head))
    Atomics.store(this.#numbers, SYNC_TO, BigInt(syncTo))
    this.#wake()
  }

  /** By the main thread: nothing more will be asked for. */
  close(): void {
    Atomics.store(this.#words, CLOSING, 1)
    this.#wake()
  }

  /** By the main thread, when it got word of progress; before it looks what it is. */
  takeReport(): void {
    Atomics.store(this.#words, REPORTED, 0)
  }

  /** By the journal's thread. True: the main thread must be sent word; false: it has yet to look after the last time. */
  report(written: number, synced: number): boolean {
    Atomics.store(this.#numbers, WRITTEN, BigInt(written))
    Atomics.store(this.#numbers, SYNCED, BigInt(synced))
    return Atomics.exchange(this.#words, REPORTED, 1) === 0
  }

  get head(): number {
    return Number(Atomics.load(this.#numbers, HEAD))
  }

  get syncTo(): number {
    return Number(Atomics.load(this.#numbers, SYNC_TO))
  }

  get written(): number {
    return Number(Atomics.load(this.#numbers, WRITTEN))
  }

  get synced(): number {
    return Number(Atomics.load(this.#numbers, SYNCED))
  }

  get isClosing(): boolean {
    return Atomics.load(this.#words, CLOSING) === 1
  }

  /** Changes with all that the main thread says. */
  get signal(): number {
    return Atomics.load(this.#words, SIGNAL)
  }

  /** By the journal's thread: sleeps until something is said that it had not when it read `signal`, or for this long. */
  wait(signal: number, timeoutMs: number = Infinity): void {
    Atomics.wait(this.#words, SIGNAL, signal, timeoutMs)
  }

  #wake(): void {
    Atomics.add(this.#words, SIGNAL, 1)
    Atomics.notify(this.#words, SIGNAL)
  }
}
