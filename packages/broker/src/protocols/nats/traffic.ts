/** Messages and their bytes, headers included: in is what a client publishes, out what it is told. Plain additions, once a message. */
export class Traffic {
  inMessages: number = 0
  inBytes: number = 0
  outMessages: number = 0
  outBytes: number = 0

  add({ inMessages, inBytes, outMessages, outBytes }: Traffic): void {
    this.inMessages += inMessages
    this.inBytes += inBytes
    this.outMessages += outMessages
    this.outBytes += outBytes
  }
}
