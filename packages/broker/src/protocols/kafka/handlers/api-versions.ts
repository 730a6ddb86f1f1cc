import { ApiKey, apiRanges } from '../codec/api-keys.ts'
import type { ApiRange } from '../codec/api-keys.ts'
import { encodeResponse } from '../codec/message-codec.ts'
import type {
  ApiVersion,
  ApiVersionsRequest,
  ApiVersionsResponse,
} from '../codec/messages/session.ts'
import { KafkaError } from '../errors.ts'
import type { RequestContext } from '../request-context.ts'
import type { Session } from '../session.ts'

/** What a client may call itself. [KIP-511] */
const softwarePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
const namesFrom = 3

const advertised: readonly ApiVersion[] = apiRanges.map(advertise)

export function apiVersions(
  { clientSoftwareName, clientSoftwareVersion }: ApiVersionsRequest,
  request: RequestContext<typeof ApiKey.ApiVersions>,
): void {
  if (request.apiVersion >= namesFrom) {
    const isNamed = softwarePattern.test(clientSoftwareName)
    if (!isNamed || !softwarePattern.test(clientSoftwareVersion)) {
      return request.reply(answer(KafkaError.INVALID_REQUEST, []))
    }
    request.introduce(`${clientSoftwareName} ${clientSoftwareVersion}`)
  }
  request.reply(answer(KafkaError.NONE, advertised))
}

/**
 * A client that is newer than us: it is told, in the oldest form, which versions of this one request
 * it may use, and asks again. [KIP-511]
 */
export function answerUnsupportedVersions(session: Session): void {
  const { writer } = session.head
  const own = apiRanges.filter(({ key }) => key === ApiKey.ApiVersions).map(advertise)
  writer.position = 0
  writer.skip(4)
  writer.int32(session.header.correlationId)
  encodeResponse(ApiKey.ApiVersions, 0, answer(KafkaError.UNSUPPORTED_VERSION, own), writer)
  writer.buffer.writeInt32BE(writer.position - 4, 0)
  session.connection.write(writer.written())
}

function advertise({ key, advertisedMin, versionMax }: ApiRange): ApiVersion {
  return { apiKey: key, minVersion: advertisedMin, maxVersion: versionMax }
}

function answer(errorCode: KafkaError, apiKeys: readonly ApiVersion[]): ApiVersionsResponse {
  return {
    errorCode,
    apiKeys,
    throttleTimeMs: 0,
    supportedFeatures: [],
    finalizedFeaturesEpoch: -1,
    finalizedFeatures: [],
    zkMigrationReady: false,
  }
}
