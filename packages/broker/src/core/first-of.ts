/**
 * As many as there are now, at most. For a list that changes while it is looked through, a piece now and a piece later:
 * Maps and Sets go on rightly then. What is removed before its turn is not met, and what is added comes behind
 * all others, so that nothing is left out that was there from beginning to end. Without the bound
 * somebody who adds as fast as we look would keep us looking for ever.
 */
export function* firstOf<T>(values: { readonly size: number } & Iterable<T>): Generator<T> {
  let left = values.size
  for (const value of values) {
    if (left-- === 0) return
    yield value
  }
}
