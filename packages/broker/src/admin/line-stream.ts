import type { ServerResponse } from 'node:http'
import { answerHeaders } from './headers.ts'
import { adminLimits } from './limits.ts'

/** Objects as lines of JSON, one response long. [https://github.com/ndjson/ndjson-spec] */
export class LineStream {
  readonly #response: ServerResponse
  #isOver: boolean = false
  #gathered: string | null = null

  /** `drained` is called when what congested it has been taken, `closed` once, when the client is gone or has everything. */
  constructor(
    response: ServerResponse,
    { drained, closed }: { readonly drained: () => void; readonly closed: () => void },
  ) {
    this.#response = response
    response.on('drain', drained)
    response.on('error', () => {})
    response.once('close', () => {
      this.#isOver = true
      closed()
    })
    // A client whose machine is gone says nothing; the system asks it now and then.
    response.socket?.setKeepAlive(true, 30_000)
    response.writeHead(200, {
      ...answerHeaders,
      'content-type': 'application/x-ndjson; charset=utf-8',
    })
  }

  get congested(): boolean {
    const gathered = this.#gathered?.length ?? 0
    return this.#response.writableLength + gathered >= adminLimits.outputBytesHigh
  }

  /** `sent` is told whether the line has been handed to the system; it may never be called once `closed` was. */
  write(line: object, sent?: (error: Error | null | undefined) => void): void {
    if (this.#isOver) return
    const text = `${JSON.stringify(line)}\n`
    if (this.#gathered !== null) this.#gathered += text
    else if (sent === undefined) this.#response.write(text)
    else this.#response.write(text, sent)
  }

  /** Gathers lines until flush(). Nobody is told when they have been sent. */
  gather(): void {
    this.#gathered = ''
  }

  flush(): void {
    const text = this.#gathered
    this.#gathered = null
    if (text !== null && text !== '' && !this.#isOver) this.#response.write(text)
  }

  end(line: object): void {
    if (this.#isOver) return
    this.flush()
    this.#isOver = true
    this.#response.end(`${JSON.stringify(line)}\n`)
  }
}
