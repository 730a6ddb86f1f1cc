/** The control API over HTTP, without a socket: what a request has to be, and what becomes of errors. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isUtf8 } from 'node:buffer'
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { Control } from './control.ts'
import { ApiError, ApiErrorCode, badRequest, knownError } from './errors.ts'
import { answerHeaders, JSON_TYPE } from './headers.ts'
import type { HostNames } from './host-names.ts'
import { adminLimits } from './limits.ts'
import { isFromThisMachine, logIn, loginChallenge } from './login.ts'
import { checkHost, checkSite } from './request-checks.ts'
import type { ControlRequest, Route, Schema } from './route.ts'
import { Validation } from './validation.ts'
import { Viewer } from './viewer.ts'

export interface ControlApp {
  handle(request: IncomingMessage, response: ServerResponse): void
  close(): Promise<void>
}

export interface ControlAppOptions {
  readonly control: Control
  readonly routes: readonly Route[]
  readonly hostNames: HostNames
}

/** Who has been let in, until the route is asked. */
type Viewers = WeakMap<IncomingMessage, Viewer>

export async function buildControlApp(options: ControlAppOptions): Promise<ControlApp> {
  const { control, routes } = options
  const viewers: Viewers = new WeakMap()
  const app = fastify({
    logger: false,
    bodyLimit: adminLimits.bodyBytesMax,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: adminLimits.pathPartCharsMax },
    frameworkErrors: (error, _request, reply) => {
      void reply.headers(answerHeaders)
      sendError(control, error, reply)
    },
  })
  app.setErrorHandler((error: FastifyError, _request, reply) => sendError(control, error, reply))
  app.setNotFoundHandler((request) => {
    throw unknownRoute(request, routes)
  })
  const validation = new Validation()
  app.setValidatorCompiler(({ schema, httpPart }) => {
    return validation.validatorOf(schema as Schema, httpPart ?? '')
  })
  takeJsonOnly(app)
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(answerHeaders)
    checkHost(request.raw, options.hostNames)
    checkSite(request.raw)
    checkContentType(request)
    const { path } = findOptions(request)
    if (path !== undefined && openPaths.has(path) && isFromThisMachine(request.raw)) return
    viewers.set(request.raw, new Viewer(control.broker, await logIn(control.broker, request.raw)))
  })
  for (const route of routes) addRoute(app, route, { control, viewers })
  await app.ready()
  return {
    handle: (request, response) => app.routing(request, response),
    close: () => app.close(),
  }
}

/** Asked by what looks after processes, which has no login. */
const openPaths: ReadonlySet<string> = new Set(['/health', '/ready', '/metrics'])

function findOptions({ routeOptions }: FastifyRequest): { readonly path: string | undefined } {
  return { path: routeOptions.url }
}

interface RequestContext {
  readonly control: Control
  readonly viewers: Viewers
}

function addRoute(app: FastifyInstance, route: Route, context: RequestContext): void {
  app.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    schema: {
      ...(route.body !== undefined && { body: route.body }),
      querystring: route.query ?? { type: 'object', additionalProperties: false, properties: {} },
    },
    handler: async (request, reply) => {
      const answer = await route.handle(requestOf(request, context))
      if ('stream' in answer) {
        reply.hijack()
        return answer.stream(reply.raw)
      }
      const { status, body } = answer
      void reply.code(status)
      if (body === undefined) return reply.send()
      if (typeof body !== 'string') return reply.type(JSON_TYPE).send(JSON.stringify(body))
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(body)
    },
  })
}

function requestOf(request: FastifyRequest, { control, viewers }: RequestContext): ControlRequest {
  return {
    control,
    // Only what needs none is asked without one.
    viewer: viewers.get(request.raw) as Viewer,
    params: request.params as Record<string, string>,
    query: request.query as Record<string, unknown>,
    body: request.body,
    raw: request.raw,
  }
}

/** Bodies are JSON in UTF-8, and nothing else is read. */
function takeJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer
    if (bytes.length === 0 && request.method === 'DELETE') return done(null, undefined)
    if (!isUtf8(bytes)) return done(badRequest('the body is not UTF-8'))
    void parse(request, bytes.toString('utf8'), done)
  })
}

function checkContentType({ method, headers }: FastifyRequest): void {
  const type = headers['content-type']
  const needsBody = method === 'POST' || method === 'PUT'
  if (type === undefined ? !needsBody : /^application\/json\s*(;|$)/i.test(type)) return
  throw new ApiError(ApiErrorCode.unsupportedMediaType, 'only JSON is read here', {
    hint: 'send content-type: application/json, and {} where there is nothing to say',
  })
}

function unknownRoute({ method, url }: FastifyRequest, routes: readonly Route[]): ApiError {
  const path = url.split('?', 1)[0] as string
  const parts = path.split('/')
  const methods = routes.filter(({ path: known }) => fits(known.split('/'), parts))
  const message = `${method} ${path.slice(0, 200)} is nothing that is served here`
  const hint =
    methods.length === 0
      ? 'the paths are in openapi.yaml; a slash within a name is %2F, as in /api/polymq/vhosts/%2F/queues'
      : `there is ${methods.map((route) => route.method).join(', ')}`
  return new ApiError(ApiErrorCode.notFound, message, { hint })
}

function fits(known: readonly string[], asked: readonly string[]): boolean {
  const isSame = (part: string, i: number): boolean => part.startsWith('{') || part === asked[i]
  return known.length === asked.length && known.every(isSame)
}

/** The one place where errors end. */
function sendError(control: Control, error: FastifyError | Error, reply: FastifyReply): void {
  const known = knownError(error) ?? frameworkError(error)
  if (known === null) {
    const { broker } = control
    broker.logger.error(`a request failed by a fault of ours: ${error.stack ?? error.message}`)
  }
  const answer =
    known ?? new ApiError(ApiErrorCode.internal, 'a fault of the broker; its log has it')
  if (answer.status === 401) {
    void reply.header('www-authenticate', loginChallenge)
  }
  void reply.code(answer.status).type(JSON_TYPE).send(JSON.stringify(answer.body))
}

/** What fastify found wrong by itself. */
function frameworkError(error: FastifyError | Error): ApiError | null {
  const status = 'statusCode' in error ? error.statusCode : undefined
  if (status === undefined || status >= 500) return null
  if (status === 413) {
    const hint = `at most ${adminLimits.bodyBytesMax} bytes are read`
    return new ApiError(ApiErrorCode.tooLarge, 'the body is too large', { hint })
  }
  if (status === 415)
    return new ApiError(ApiErrorCode.unsupportedMediaType, 'only JSON is read here')
  if (status === 404) return new ApiError(ApiErrorCode.notFound, error.message)
  return badRequest(plainMessage(error.message))
}

function plainMessage(message: string): string {
  return message.replace(
    /^Body cannot be empty when.*$/,
    'the body is empty, and JSON was announced',
  )
}
