import type { Request } from '../codec/request.ts'
import { CommandError } from '../errors.ts'
import { redisLimits } from '../limits.ts'

/** A name that a client gives itself: it goes into lists whose words are parted by blanks. */
export function checkedName(
  request: Request,
  index: number,
  what: string = 'Client names',
): string {
  const name = request.buffer.toString('latin1', request.startOf(index), request.endOf(index))
  if (!/^[!-~]*$/.test(name)) {
    throw new CommandError(`ERR ${what} cannot contain spaces, newlines or special characters.`)
  }
  if (name.length > redisLimits.clientNameBytesMax) {
    throw new CommandError(`ERR ${what} have at most ${redisLimits.clientNameBytesMax} characters`)
  }
  return name
}
