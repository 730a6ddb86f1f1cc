import type { ApiLayout } from '../layout.ts'

/** What a connection begins with: versions, authentication, a producer id. Notation: layout.ts. */

export const apiVersionsLayout: ApiLayout = {
  request: `
    clientSoftwareName     string  3+
    clientSoftwareVersion  string  3+
  `,
  response: `
    errorCode               int16
    apiKeys                 []
      apiKey                int16
      minVersion            int16
      maxVersion            int16
    throttleTimeMs          int32   1+
    supportedFeatures       []      3+  tag 0
      name                  string
      minVersion            int16
      maxVersion            int16
    finalizedFeaturesEpoch  int64   3+  tag 1  = -1
    finalizedFeatures       []      3+  tag 2
      name                  string
      maxVersionLevel       int16
      minVersionLevel       int16
    zkMigrationReady        bool    3+  tag 3
  `,
}

export const saslHandshakeLayout: ApiLayout = {
  request: `
    mechanism  string
  `,
  response: `
    errorCode   int16
    mechanisms  []string
  `,
}

export const saslAuthenticateLayout: ApiLayout = {
  request: `
    authBytes  bytes
  `,
  response: `
    errorCode          int16
    errorMessage       string?
    authBytes          bytes
    sessionLifetimeMs  int64    1+
  `,
}

export const initProducerIdLayout: ApiLayout = {
  request: `
    transactionalId       string?
    transactionTimeoutMs  int32
    producerId            int64    3+  = -1
    producerEpoch         int16    3+  = -1
  `,
  response: `
    throttleTimeMs  int32
    errorCode       int16
    producerId      int64  = -1
    producerEpoch   int16
  `,
}
