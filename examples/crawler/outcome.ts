export interface Outcome {
  /** How long people waited for an answer. */
  readonly waitsMs: readonly number[]
  /** In the index, when all is quiet. */
  readonly pages: number
  /** Pages a second, where fetchers can be added while it runs. */
  readonly rates: { readonly alone: number; readonly together: number } | undefined
}
