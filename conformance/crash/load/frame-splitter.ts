/** Cuts a stream of Kafka's answers into frames, without their size; joins the chunks of each only once. */
export class FrameSplitter {
  #chunks: Buffer[] = []
  #bytes: number = 0
  /** Of the next frame with its size; 4 until that is known. */
  #needed: number = 4

  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    const frames: Buffer[] = []
    while (this.#bytes >= this.#needed) {
      const all = this.#joined()
      this.#needed = 4 + all.readInt32BE(0)
      if (this.#bytes < this.#needed) break
      frames.push(all.subarray(4, this.#needed))
      this.#chunks = [all.subarray(this.#needed)]
      this.#bytes -= this.#needed
      this.#needed = 4
    }
    return frames
  }

  #joined(): Buffer {
    const [first = Buffer.alloc(0)] = this.#chunks
    if (this.#chunks.length === 1) return first
    const all = Buffer.concat(this.#chunks)
    this.#chunks = [all]
    return all
  }
}
