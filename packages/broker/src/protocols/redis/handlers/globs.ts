import { Glob } from '../../../core/subscription/glob.ts'
import type { Request } from '../codec/request.ts'
import { CommandError } from '../errors.ts'
import { redisLimits } from '../limits.ts'

/** A pattern for names of the protocol's own, whose case does not count. */
export function globAt(request: Request, index: number): Glob {
  const { patternBytesMax } = redisLimits
  if (request.bytesOf(index) > patternBytesMax) {
    throw new CommandError(`ERR a pattern has at most ${patternBytesMax} bytes here`)
  }
  return new Glob(request.lower(index))
}
