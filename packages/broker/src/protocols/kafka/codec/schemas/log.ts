import type { ApiLayout } from '../layout.ts'

/** Records in and out: Produce, Fetch, ListOffsets. Notation: layout.ts. */

export const produceLayout: ApiLayout = {
  request: `
    transactionalId  string?   3+  = null
    acks             int16
    timeoutMs        int32
    topicData        []
      name           string
      partitionData  []
        index        int32
        records      records?
  `,
  response: `
    responses                     []
      name                        string
      partitionResponses          []
        index                     int32
        errorCode                 int16
        baseOffset                int64
        logAppendTimeMs           int64    2+          = -1
        logStartOffset            int64    5+          = -1
        recordErrors              []       8+
          batchIndex              int32
          batchIndexErrorMessage  string?              = null
        errorMessage              string?  8+          = null
        currentLeader             {}       10+  tag 0
          leaderId                int32                = -1
          leaderEpoch             int32                = -1
    throttleTimeMs                int32    1+
    nodeEndpoints                 []       10+  tag 0
      nodeId                      int32
      host                        string
      port                        int32
      rack                        string?              = null
  `,
}

export const fetchLayout: ApiLayout = {
  request: `
    clusterId               string?  12+   tag 0  = null
    replicaId               int32    4-14         = -1
    replicaState            {}       15+   tag 1
      replicaId             int32                 = -1
      replicaEpoch          int64                 = -1
    maxWaitMs               int32
    minBytes                int32
    maxBytes                int32                 = 2147483647
    isolationLevel          int8
    sessionId               int32    7+
    sessionEpoch            int32    7+           = -1
    topics                  []
      topic                 string   4-12
      topicId               uuid     13+
      partitions            []
        partition           int32
        currentLeaderEpoch  int32    9+           = -1
        fetchOffset         int64
        lastFetchedEpoch    int32    12+          = -1
        logStartOffset      int64    5+           = -1
        partitionMaxBytes   int32
        replicaDirectoryId  uuid     17+   tag 0
    forgottenTopicsData     []       7+
      topic                 string   7-12
      topicId               uuid     13+
      partitions            []int32
    rackId                  string   11+
  `,
  response: `
    throttleTimeMs            int32
    errorCode                 int16     7+
    sessionId                 int32     7+
    responses                 []
      topic                   string    4-12
      topicId                 uuid      13+
      partitions              []
        partitionIndex        int32
        errorCode             int16
        highWatermark         int64
        lastStableOffset      int64                  = -1
        logStartOffset        int64     5+           = -1
        divergingEpoch        {}        12+   tag 0
          epoch               int32                  = -1
          endOffset           int64                  = -1
        currentLeader         {}        12+   tag 1
          leaderId            int32                  = -1
          leaderEpoch         int32                  = -1
        snapshotId            {}        12+   tag 2
          endOffset           int64                  = -1
          epoch               int32                  = -1
        abortedTransactions   []?
          producerId          int64
          firstOffset         int64
        preferredReadReplica  int32     11+          = -1
        records               records?
    nodeEndpoints             []        16+   tag 0
      nodeId                  int32
      host                    string
      port                    int32
      rack                    string?                = null
  `,
}

export const listOffsetsLayout: ApiLayout = {
  request: `
    replicaId               int32
    isolationLevel          int8    2+
    topics                  []
      name                  string
      partitions            []
        partitionIndex      int32
        currentLeaderEpoch  int32   4+  = -1
        timestamp           int64
  `,
  response: `
    throttleTimeMs      int32   2+
    topics              []
      name              string
      partitions        []
        partitionIndex  int32
        errorCode       int16
        timestamp       int64       = -1
        offset          int64       = -1
        leaderEpoch     int32   4+  = -1
  `,
}
