/** Bounds of the test kit. */
export const limits = {
  /** How long a test waits unless it says otherwise, ms: less than runners give a test (5000), so that the reason is told. */
  patienceMs: 2000,
  /** How often is looked whether what is awaited has happened, ms. */
  lookEveryMs: 2,
  /** Messages that one look takes from a queue to find the one that is wanted. */
  messagesPerLook: 10_000,
  /** Records of a topic that have been read and given to nobody, or messages that a spy has seen. */
  heldMax: 100_000,
  /** What a compressed batch may become, bytes. */
  decompressedBytesMax: 67_108_864,
  /** Messages or records that an error shows. */
  shownMax: 5,
  /** Characters of a body that an error shows. */
  shownCharacters: 120,
}
