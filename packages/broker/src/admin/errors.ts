import { BrokerError, ErrorCode } from '../core/errors.ts'

/** What is wrong, for programs; each has one status. */
export const ApiErrorCode = {
  badRequest: 'bad-request',
  unauthorized: 'unauthorized',
  accessRefused: 'access-refused',
  notFound: 'not-found',
  timeout: 'timeout',
  conflict: 'conflict',
  tooLarge: 'too-large',
  unsupportedMediaType: 'unsupported-media-type',
  misdirected: 'misdirected',
  busy: 'busy',
  unavailable: 'unavailable',
  internal: 'internal',
} as const
export type ApiErrorCode = (typeof ApiErrorCode)[keyof typeof ApiErrorCode]

const statusOf: Readonly<Record<ApiErrorCode, number>> = {
  [ApiErrorCode.badRequest]: 400,
  [ApiErrorCode.unauthorized]: 401,
  [ApiErrorCode.accessRefused]: 403,
  [ApiErrorCode.notFound]: 404,
  [ApiErrorCode.timeout]: 408,
  [ApiErrorCode.conflict]: 409,
  [ApiErrorCode.tooLarge]: 413,
  [ApiErrorCode.unsupportedMediaType]: 415,
  [ApiErrorCode.misdirected]: 421,
  [ApiErrorCode.busy]: 429,
  [ApiErrorCode.unavailable]: 503,
  [ApiErrorCode.internal]: 500,
}

export interface ApiErrorBody {
  readonly error: { readonly code: ApiErrorCode; readonly message: string; readonly hint?: string }
}

/** An answer that is an error. The message is for people, and ends up on their terminals. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode
  readonly hint: string | undefined
  /** The code's, unless HTTP has a word for it that is better. */
  readonly status: number

  constructor(
    code: ApiErrorCode,
    message: string,
    options: { readonly hint?: string; readonly status?: number } = {},
  ) {
    super(message)
    this.code = code
    this.hint = options.hint
    this.status = options.status ?? statusOf[code]
  }

  get body(): ApiErrorBody {
    const { code, message, hint } = this
    return { error: { code, message, ...(hint !== undefined && { hint }) } }
  }
}

/** The core's codes on this wire: the one table. */
const codeOf: Readonly<Record<ErrorCode, ApiErrorCode>> = {
  [ErrorCode.notFound]: ApiErrorCode.notFound,
  [ErrorCode.accessRefused]: ApiErrorCode.accessRefused,
  [ErrorCode.resourceLocked]: ApiErrorCode.conflict,
  [ErrorCode.preconditionFailed]: ApiErrorCode.conflict,
  [ErrorCode.inUse]: ApiErrorCode.conflict,
  [ErrorCode.notAllowed]: ApiErrorCode.accessRefused,
  [ErrorCode.notImplemented]: ApiErrorCode.badRequest,
  [ErrorCode.resourceError]: ApiErrorCode.unavailable,
  [ErrorCode.malformedName]: ApiErrorCode.badRequest,
  [ErrorCode.damaged]: ApiErrorCode.unavailable,
  [ErrorCode.storageFailed]: ApiErrorCode.unavailable,
  [ErrorCode.internal]: ApiErrorCode.internal,
}

export function apiErrorOf({ code, message }: BrokerError): ApiError {
  return new ApiError(codeOf[code], message)
}

/** Any error as an answer; null for a fault of ours, which is to be logged and not told. */
export function knownError(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error
  return error instanceof BrokerError ? apiErrorOf(error) : null
}

export function badRequest(message: string, hint?: string): ApiError {
  return new ApiError(ApiErrorCode.badRequest, message, hint === undefined ? {} : { hint })
}

export function notFound(message: string, hint?: string): ApiError {
  return new ApiError(ApiErrorCode.notFound, message, hint === undefined ? {} : { hint })
}

export function conflict(message: string, hint?: string): ApiError {
  return new ApiError(ApiErrorCode.conflict, message, hint === undefined ? {} : { hint })
}
