import type { ApiLayout } from '../layout.ts'

/** Topics: their description, creation, deletion and configuration. Notation: layout.ts. */

export const metadataLayout: ApiLayout = {
  request: `
    topics                              []?1
      topicId                           uuid       10+
      name                              string?10
    allowAutoTopicCreation              bool       4+    = true
    includeClusterAuthorizedOperations  bool       8-10
    includeTopicAuthorizedOperations    bool       8+
  `,
  response: `
    throttleTimeMs               int32      3+
    brokers                      []
      nodeId                     int32
      host                       string
      port                       int32
      rack                       string?    1+    = null
    clusterId                    string?    2+    = null
    controllerId                 int32      1+    = -1
    topics                       []
      errorCode                  int16
      name                       string?12
      topicId                    uuid       10+
      isInternal                 bool       1+
      partitions                 []
        errorCode                int16
        partitionIndex           int32
        leaderId                 int32
        leaderEpoch              int32      7+    = -1
        replicaNodes             []int32
        isrNodes                 []int32
        offlineReplicas          []int32    5+
      topicAuthorizedOperations  int32      8+    = -2147483648
    clusterAuthorizedOperations  int32      8-10  = -2147483648
  `,
}

export const createTopicsLayout: ApiLayout = {
  request: `
    topics               []
      name               string
      numPartitions      int32
      replicationFactor  int16
      assignments        []
        partitionIndex   int32
        brokerIds        []int32
      configs            []
        name             string
        value            string?
    timeoutMs            int32    = 60000
    validateOnly         bool
  `,
  response: `
    throttleTimeMs          int32
    topics                  []
      name                  string
      topicId               uuid     7+
      errorCode             int16
      errorMessage          string?
      topicConfigErrorCode  int16    5+  tag 0
      numPartitions         int32    5+         = -1
      replicationFactor     int16    5+         = -1
      configs               []?      5+
        name                string
        value               string?
        readOnly            bool
        configSource        int8                = -1
        isSensitive         bool
  `,
}

export const deleteTopicsLayout: ApiLayout = {
  request: `
    topics      []        6+
      name      string?        = null
      topicId   uuid
    topicNames  []string  1-5
    timeoutMs   int32
  `,
  response: `
    throttleTimeMs  int32
    responses       []
      name          string?6
      topicId       uuid      6+
      errorCode     int16
      errorMessage  string?   5+  = null
  `,
}

export const describeConfigsLayout: ApiLayout = {
  request: `
    resources             []
      resourceType        int8
      resourceName        string
      configurationKeys   []string?
    includeSynonyms       bool
    includeDocumentation  bool       3+
  `,
  response: `
    throttleTimeMs     int32
    results            []
      errorCode        int16
      errorMessage     string?
      resourceType     int8
      resourceName     string
      configs          []
        name           string
        value          string?
        readOnly       bool
        configSource   int8         = -1
        isSensitive    bool
        synonyms       []
          name         string
          value        string?
          source       int8
        configType     int8     3+
        documentation  string?  3+
  `,
}
