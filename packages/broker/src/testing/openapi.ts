/** The control API's contract, for tests: what it says of a route, and whether an answer is as it says. */
import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { parse } from 'yaml'

type Json = Record<string, unknown>

const file = new URL('../admin/openapi.yaml', import.meta.url)

export interface Operation {
  readonly id: string
  /** In capitals. */
  readonly method: string
  readonly path: string
  /** As one schema of an object. */
  readonly query: Json
  readonly body: Json | undefined
  readonly statuses: readonly string[]
}

export class OpenApi {
  readonly operations: readonly Operation[]
  readonly document: Json
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  readonly #validators = new Map<string, ValidateFunction>()

  constructor() {
    this.document = parse(readFileSync(file, 'utf8')) as Json
    this.#ajv.addSchema(this.document, 'openapi')
    this.operations = this.#listOperations()
  }

  #listOperations(): Operation[] {
    const found: Operation[] = []
    for (const [path, item] of Object.entries(this.document.paths as Record<string, Json>)) {
      for (const method of ['get', 'post', 'put', 'delete']) {
        const operation = item[method] as Json | undefined
        if (operation === undefined) continue
        const parameters = [...listOf(item.parameters), ...listOf(operation.parameters)]
        const { requestBody, responses, operationId } = operation
        found.push({
          id: String(operationId),
          method: method.toUpperCase(),
          path,
          query: this.#queryOf(parameters.map((each) => this.#resolve(each) as Json)),
          body: requestBody === undefined ? undefined : this.#bodyOf(requestBody),
          statuses: Object.keys(responses as Json),
        })
      }
    }
    return found
  }

  #queryOf(parameters: readonly Json[]): Json {
    const inQuery = parameters.filter((parameter) => parameter.in === 'query')
    const properties = inQuery.map((parameter) => [parameter.name, this.#plain(parameter.schema)])
    const required = inQuery.filter((parameter) => parameter.required === true)
    return {
      type: 'object',
      additionalProperties: false,
      properties: Object.fromEntries(properties) as Json,
      required: required.map((parameter) => parameter.name),
    }
  }

  #bodyOf(requestBody: unknown): Json {
    const { content } = this.#resolve(requestBody) as { content: Record<string, Json> }
    return this.#plain(content['application/json']?.schema) as Json
  }

  /** With its references put in, and without what is said to people. */
  #plain(given: unknown): unknown {
    if (Array.isArray(given)) return given.map((each) => this.#plain(each))
    if (given === null || typeof given !== 'object') return given
    const entries = Object.entries(this.#resolve(given) as Json)
    const said = entries.filter(
      ([key, value]) => key !== 'description' || typeof value === 'object',
    )
    return Object.fromEntries(said.map(([key, value]) => [key, this.#plain(value)]))
  }

  #resolve(given: unknown): unknown {
    const reference = (given as Json).$ref
    if (typeof reference !== 'string') return given
    let found: unknown = this.document
    for (const part of reference.slice(2).split('/')) found = (found as Json)[part]
    return found
  }

  find(method: string, path: string): Operation | undefined {
    const parts = path.split('/')
    return this.operations.find((operation) => {
      const known = operation.path.split('/')
      const fits = (part: string, i: number): boolean => part.startsWith('{') || part === parts[i]
      return operation.method === method && known.length === parts.length && known.every(fits)
    })
  }

  /** Throws unless the contract has such an answer. */
  check(operation: Operation | undefined, status: number, body: unknown): void {
    if (operation === undefined) return this.#validate('#/components/schemas/Error', body)
    const key = String(status)
    const named = operation.statuses.includes(key) ? key : 'default'
    if (named === 'default' && status < 400) {
      throw new Error(`${operation.id} answers ${status}, of which the contract knows nothing`)
    }
    if (named === 'default') return this.#validate('#/components/schemas/Error', body)
    if (status === 204) {
      if (body !== '') throw new Error(`${operation.id}: 204 with a body`)
      return
    }
    const escaped = operation.path.replaceAll('~', '~0').replaceAll('/', '~1')
    const at = `#/paths/${escaped}/${operation.method.toLowerCase()}/responses/${key}/content`
    this.#validate(
      `${at.replaceAll('{', '%7B').replaceAll('}', '%7D')}/application~1json/schema`,
      body,
    )
  }

  checkLine(line: unknown): void {
    this.#validate('#/components/schemas/SubscriptionLine', line)
  }

  #validate(pointer: string, value: unknown): void {
    let validate = this.#validators.get(pointer)
    if (validate === undefined) {
      validate = this.#ajv.compile({ $ref: `openapi${pointer}` })
      this.#validators.set(pointer, validate)
    }
    if (validate(value)) return
    const text = `${pointer}: ${this.#ajv.errorsText(validate.errors)}: ${JSON.stringify(value)}`
    throw new Error(`an answer is not as the contract says: ${text.slice(0, 2000)}`)
  }
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
