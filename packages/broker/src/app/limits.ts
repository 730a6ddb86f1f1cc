type AppLimit =
  | 'configFileBytesMax'
  | 'problemsToldMax'
  | 'configDepthMax'
  | 'answerBytesMax'
  | 'lineBytesMax'
  | 'answerMs'
  | 'pageRows'
  | 'publishesAtOnceMax'
  | 'bodyBytesMax'
  | 'publishesMax'
  | 'tailPartitionsMax'
  | 'tailMessagesMax'

const KIBI = 1024
const MEBI = 1024 * KIBI

/** Bounds of what the command reads, holds and waits for. */
export const appLimits: Readonly<Record<AppLimit, number>> = {
  /** Of polymq.yaml. Ten thousand queues take less; a file that is larger is some other file. */
  configFileBytesMax: MEBI,
  /** Faults of one configuration file that are told at once. */
  problemsToldMax: 10,
  /** How deep lists and maps of a configuration file may lie in one another. */
  configDepthMax: 16,
  /** Of one answer of the control API. */
  answerBytesMax: 64 * MEBI,
  /** Of one line of a subscription: the largest message, as JSON writes it at worst. */
  lineBytesMax: 256 * MEBI,
  /** How long a broker may take to begin its answer. */
  answerMs: 30_000,
  /** Rows that are asked for at once, as many as the control API gives. */
  pageRows: 1000,
  /** Messages of `pub -n` that are under way at once. */
  publishesAtOnceMax: 16,
  /** Of a body that is read from the standard input: what the control API takes, in base64. */
  bodyBytesMax: 700 * KIBI,
  /** Messages of one `pub -n`. */
  publishesMax: 1_000_000_000,
  /** Partitions whose ends `tail` looks at. */
  tailPartitionsMax: 64,
  /** Of each of them, and of a queue; as many as the control API holds for a look into a queue. */
  tailMessagesMax: 1000,
}
