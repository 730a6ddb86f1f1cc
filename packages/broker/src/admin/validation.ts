import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { badRequest, type ApiError } from './errors.ts'
import type { Schema } from './route.ts'

type Validator = (data: unknown) => boolean | { error: Error }

/** Checks parts of requests by their routes' schemas, each compiled when it is first needed. */
export class Validation {
  /** A body has to be what it should be. */
  readonly #strict: Ajv = new Ajv(options)
  /** Words of a query become numbers and switches. */
  readonly #lenient: Ajv = new Ajv({ ...options, coerceTypes: true })

  validatorOf(schema: Schema, part: string): Validator {
    const compiler = part === 'querystring' ? this.#lenient : this.#strict
    let validate: ValidateFunction | null = null
    return (data) => {
      validate ??= compiler.compile(schema)
      if (validate(data)) return true
      const [first] = validate.errors ?? []
      return { error: problemOf(first, part) }
    }
  }
}

const options = { useDefaults: true, allowUnionTypes: true, verbose: true, strict: false } as const

/** In plain words: where, what is wrong, what would be right. */
function problemOf(error: ErrorObject | undefined, part: string): ApiError {
  if (error === undefined) return badRequest('the request is not as it should be')
  const isQuery = part === 'querystring'
  const path = error.instancePath.slice(1).replaceAll('/', '.')
  const where = path === '' ? (isQuery ? 'the query' : 'the body') : `'${path.slice(0, 200)}'`
  const params = error.params as Readonly<Record<string, unknown>>
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(params.additionalProperty).slice(0, 100)
      const known = Object.keys((error.parentSchema?.properties ?? {}) as object)
      const kind = isQuery ? 'query parameter' : 'field'
      const hint =
        known.length === 0 ? `there are no ${kind}s here` : `known are ${known.join(', ')}`
      return badRequest(`unknown ${kind} '${name}'`, hint)
    }
    case 'required':
      return badRequest(`'${String(params.missingProperty)}' is missing`)
    case 'enum':
      return badRequest(`${where} must be one of ${(params.allowedValues as string[]).join(', ')}`)
    default:
      return badRequest(`${where} ${error.message ?? 'is not as it should be'}`)
  }
}
